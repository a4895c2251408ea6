//! The administrator's commands.

use std::process::ExitCode;
use std::sync::Arc;

use crate::cli::Tool;
use crate::config::Live;

/// Runs one command and says how the program shall exit.
pub fn run(tool: &Tool, live: &Arc<Live>) -> ExitCode {
    let _ = (tool, live);
    ExitCode::FAILURE
}
