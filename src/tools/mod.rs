//! The administrator's commands. Each prints its result, and returns the program's exit status.

mod alertmanager_config;
mod check;
mod digest;
mod file;
mod history;
mod queue;
mod report;
mod send_test;
mod setup;
mod watch;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;

use crate::cli::Tool;
use crate::config::{self, Live, Settings};
use crate::job::way::{hand_over, way};
use crate::model::mail::{Mail, Recipient};
use crate::model::run::Outcome;
use crate::model::text::{escaped, visible};

/// The exit status of a command, or why it could not do its work.
type Done = Result<ExitCode, String>;

/// Runs one command.
pub fn run(tool: &Tool, live: &Arc<Live>) -> ExitCode {
    let done = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string());
    done.and_then(|runtime| runtime.block_on(run_one(tool, live))).unwrap_or_else(|why| {
        complain(&format!("{why}\n"));
        ExitCode::FAILURE
    })
}

async fn run_one(tool: &Tool, live: &Arc<Live>) -> Done {
    match tool {
        Tool::Report(arguments) => report::run(arguments, live).await,
        Tool::Check(arguments) => check::run(arguments, live).await,
        Tool::SendTest => send_test::run(live).await,
        Tool::Watch => watch::run(live).await,
        Tool::Digest(arguments) => digest::run(arguments, live).await,
        Tool::History(arguments) => history::run(arguments, live),
        Tool::Queue(arguments) => queue::run(arguments, live).await,
        Tool::Setup(arguments) => setup::run(arguments, live).await,
        Tool::AlertmanagerConfig(arguments) => alertmanager_config::run(arguments, live),
    }
}

/// Returns the settings, which most commands cannot do without.
fn settings(live: &Live) -> Result<Arc<Settings>, String> {
    live.current().map_err(|unusable| {
        let unread = File::open(live.file()).err();
        format!("{unusable}{}", unread.as_ref().map_or("", as_root))
    })
}

/// Returns the settings, or their defaults with a word on standard error if the file cannot be used.
fn settings_or_defaults(live: &Live) -> Arc<Settings> {
    settings(live).unwrap_or_else(|why| defaults_since(&why))
}

/// Returns the default settings, and says `why`.
fn defaults_since(why: &str) -> Arc<Settings> {
    complain(&format!("{why}\nUsing the defaults.\n"));
    Arc::new(config::defaults())
}

/// Returns whether root may do what this user may not.
fn is_denied(error: &io::Error) -> bool {
    error.kind() == ErrorKind::PermissionDenied && !is_root()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns what to add to `error` for a person: what to do, if that is known.
fn as_root(error: &io::Error) -> &'static str {
    if is_denied(error) { "; run this as root" } else { "" }
}

/// Prints to standard error, so that no name of another user's file reaches the terminal as it is. If that cannot be
/// written, the command goes on: there is nobody to tell.
fn complain(text: &str) {
    let _ = io::stderr().write_all(visible(text).as_bytes());
}

/// Prints to standard output. A reader that has closed the pipe (`report | head`) is no error; a full disk ends the
/// program.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain(&format!("standard output could not be written: {error}\n"));
            std::process::exit(1);
        }
        _ => {}
    }
}

/// Prints a document for a script.
fn print_json(document: &serde_json::Value) {
    print(&(escaped(&format!("{document:#}")) + "\n"));
}

/// Returns rows of cells as text, each column as wide as its widest cell.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    rows.iter().fold(String::new(), |mut table, row| {
        let line: Vec<String> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        _ = writeln!(table, "{}", line.join("  ").trim_end());
        table
    })
}

/// Returns a mail about no plan, to all of `notification.mail_to`; `kind` begins its Message-ID.
fn mail(settings: &Settings, kind: &str, now: Timestamp, subject: String, body: String) -> Mail {
    let notification = &settings.notification;
    let domain = notification.mail_from.address.domain();
    Mail {
        plan: None,
        outcome: Outcome::Test,
        digest: String::new(),
        written_at: now,
        subject,
        body,
        html: None,
        run_at: None,
        message_id: format!("<{kind}-{:x}@{domain}>", now.as_nanosecond()),
        thread_id: String::new(),
        recipients: notification.mail_to.iter().map(Recipient::new).collect(),
    }
}

/// Sends a mail once to each of its recipients, and passes the relay's answers to `say`. Returns false if one of them
/// was not reached.
async fn send(settings: &Settings, mail: &Mail, say: fn(&str)) -> bool {
    let mut all_reached = true;
    let way = way(settings).await;
    for Recipient { address, .. } in &mail.recipients {
        match hand_over(&way, settings, mail, address).await {
            Ok(answer) => say(&format!("{address}: {answer}\n")),
            Err(error) => {
                all_reached = false;
                say(&format!("{address}: not sent: {error}\n"));
            }
        }
    }
    all_reached
}
