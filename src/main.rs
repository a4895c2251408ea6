//! The program: see the library's front page.

use std::process::ExitCode;
use std::sync::Arc;

use ns8_backup_monitor::cli::{Cli, Command};
use ns8_backup_monitor::config::Live;
use ns8_backup_monitor::job::store;
use ns8_backup_monitor::serve::{self, Sockets};
use ns8_backup_monitor::system::journal;
use ns8_backup_monitor::tools;

fn main() -> ExitCode {
    let cli = Cli::read();
    let live = Arc::new(Live::new(cli.config));
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => match serve(live) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                log::error!("{error}");
                ExitCode::FAILURE
            }
        },
        Command::Tool(tool) => tools::run(&tool, &live),
    }
}

fn serve(live: Arc<Live>) -> std::io::Result<()> {
    let settings = live.current().ok();
    journal::init(store::logging(settings.as_deref()));
    let sockets = Sockets::take(&live)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let served = runtime.block_on(serve::run(sockets, live));
    // A name server that does not answer may hold a thread for minutes: nothing waits for it.
    runtime.shutdown_background();
    served
}
