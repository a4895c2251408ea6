//! The administrator's commands: each prints what it has to say and returns how the program shall exit.

mod alertmanager_config;
mod file;
mod send_test;
mod setup;
mod yaml_text;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use crate::cli::Tool;
use crate::config::{self, Live, Settings};

/// Runs one command.
pub fn run(tool: &Tool, live: &Arc<Live>) -> ExitCode {
    match tool {
        Tool::AlertmanagerConfig(arguments) => finish(alertmanager_config::run(arguments, live)),
        Tool::Setup(arguments) => match setup::run(arguments, live) {
            Ok(code) => code,
            Err(why) => finish(Err(why)),
        },
        _ => finish(Err("not there yet".into())),
    }
}

/// Prints what a command found, or why it failed.
fn finish(result: Result<String, String>) -> ExitCode {
    match result {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Prints to standard output. A reader that has seen enough (`report | head`) is no error.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The settings where nothing but a recipient is configured.
fn defaults() -> Settings {
    config::parse("notification: { mail_to: root@localhost }").expect("a recipient is all that a configuration needs")
}

fn relay(_live: &Live) -> String {
    String::new()
}
