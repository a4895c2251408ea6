//! Shell completions, from the command line's own definitions.

use std::path::Path;
use std::{fs, io};

use clap::CommandFactory;
use clap_complete::{Shell, generate_to};
use ns8_backup_monitor::cli::Cli;

const NAME: &str = "ns8-backup-monitor";

/// Writes the completions for bash, zsh and fish into `folder`.
///
/// # Errors
/// Returns an error if a file cannot be written.
pub(crate) fn write(folder: &Path) -> io::Result<()> {
    for shell in [Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut Cli::command(), NAME, folder)?;
    }
    let file = generate_to(Shell::Bash, &mut Cli::command(), NAME, folder)?;
    // clap_complete 4.6 spells the program's name in two ways, so that no command is found: its hyphens alone are `__`
    // where a command is looked up, and as the space before a command where its options stand.
    let text = fs::read_to_string(&file)?;
    fs::write(file, text.replace(&NAME.replace('-', "__subcmd__"), &NAME.replace('-', "__")))
}
