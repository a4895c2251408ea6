//! Writes what the packages hold beside the program: `generate FOLDER`.
//!
//! Man pages and shell completions come from the command line's own definitions, the lists of linked crates from cargo.

mod completions;
mod dependencies;

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use ns8_backup_monitor::cli::Cli;

/// What the program's own page says at its end.
const MAIN_PAGE_END: &str = r"
.SH FILES
.TP
.I /etc/ns8\-backup\-monitor/config.yml
The configuration.
.TP
.I /var/lib/ns8\-backup\-monitor/queue/
One file a job; *.failed could not be delivered, *.broken could not be read.
.TP
.I /var/lib/ns8\-backup\-monitor/history/
The last 60 runs of each plan.
.TP
.I /var/log/ns8\-backup\-monitor.log
The log beside the journal, if logging.file names it.
.TP
.I /usr/share/doc/ns8\-backup\-monitor/
What to connect and how, what can go wrong, and drop\-ins for the units.
.SH SEE ALSO
.BR ns8\-backup\-monitor.yml (5),
.BR journalctl (1),
.BR systemctl (1)
";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: generate FOLDER")?);
    fs::create_dir_all(&folder)?;
    completions::write(&folder)?;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    man_pages(&command, &folder)?;
    dependencies::write(&folder)
}

/// One page in section 8 for the command, and one for each below it.
fn man_pages(command: &Command, folder: &Path) -> io::Result<()> {
    let notes = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let source = format!("ns8-backup-monitor {}", env!("CARGO_PKG_VERSION"));
    let page = Man::new(command.clone().after_help(None::<&str>).after_long_help(None::<&str>))
        .section("8")
        .source(source)
        .manual("System Administration");
    let mut file = fs::File::create(folder.join(page.get_filename()))?;
    let mut text = Vec::new();
    page.render(&mut text)?;
    file.write_all(with_values(String::from_utf8_lossy(&text).into_owned(), command).as_bytes())?;
    sections(&notes).to_writer(&mut file)?;
    if command.get_name() == "ns8-backup-monitor" {
        file.write_all(MAIN_PAGE_END.as_bytes())?;
    }
    command.get_subcommands().try_for_each(|below| man_pages(below, folder))
}

/// Returns the page with the values of options in its synopsis, which clap_mangen leaves out.
fn with_values(page: String, command: &Command) -> String {
    let options = command.get_arguments().filter(|option| option.get_action().takes_values());
    let options = options.filter_map(|option| Some((option.get_long()?, option.get_value_names()?.first()?)));
    options.fold(page, |page, (option, value)| {
        let option = format!(r"\fB\-\-{}\fR", option.replace('-', r"\-"));
        page.replacen(&format!("[{option}]"), &format!(r"[{option} \fI{value}\fR]"), 1)
    })
}

/// The end of the help, `Title:` and indented lines, as sections that keep their lines.
fn sections(notes: &str) -> Roff {
    let mut roff = Roff::new();
    for (title, lines) in notes.split("\n\n").filter_map(|section| section.split_once(":\n")) {
        roff.control("SH", [title.to_uppercase().as_str()]).control("nf", []);
        roff.text([roman(lines)]).control("fi", []);
    }
    roff
}
