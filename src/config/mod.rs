//! The configuration: a YAML file in, checked [`Settings`] out.
//!
//! `section` reads the file into a tree, once. `sections` takes the tree apart into [`Settings`], which are all that
//! the rest of the program sees; `value` has the rules for single values. Everything that is wrong is reported at once,
//! each problem with its line and key. [`Live`] reads the file again after it has changed, so that a corrected file
//! counts from the next request on.

mod address;
mod file;
mod live;
mod section;
mod sections;
mod settings;
pub(crate) mod text;
mod url;
mod value;

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

pub use address::Endpoint;
pub use file::{MAX_FILE, read_text};
pub(crate) use file::{read_bytes, read_regular, text as text_of};
pub use live::Live;
pub use settings::*;
pub(crate) use url::is_host;
pub use url::{Url, authority, bare, is_loopback};

/// A mail address, with or without a display name.
pub use crate::model::address::Mailbox;

use crate::model::order::sort_by_key;
use crate::model::text::clean;
use section::{Node, Section};

/// Maximum length of a key or a message in an error, in bytes.
const MAX_SHOWN: usize = 500;
/// Maximum size of a file with a secret, in bytes.
const MAX_SECRET: u64 = 4096;
/// The variable in which systemd names the folder of a unit's credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Everything that makes a configuration unusable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong, in the file's order; never empty.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its line, counted from 1; `None` if it has none.
    pub line: Option<usize>,
    /// The key, as `section.key`; empty if the problem is the file as a whole.
    pub key: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            let separator = if n == 0 { "" } else { "\n" };
            write!(f, "{separator}{}", self.file.display())?;
            if let Some(line) = problem.line {
                write!(f, ":{line}")?;
            }
            if !problem.key.is_empty() {
                write!(f, ": {}", problem.key)?;
            }
            write!(f, ": {}", problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

fn read(file: &Path) -> Result<String, ConfigError> {
    read_text(file, MAX_FILE).map_err(|error| {
        let advice = match error.kind() {
            std::io::ErrorKind::NotFound => "; run `ns8-backup-monitor setup` to write it",
            _ => "",
        };
        let message = format!("cannot be read: {error}{advice}");
        ConfigError { file: file.into(), problems: vec![Problem { line: None, key: String::new(), message }] }
    })
}

fn parse_file(file: &Path, text: &str) -> Result<Settings, ConfigError> {
    parse(text).map_err(|problems| ConfigError { file: file.into(), problems })
}

/// Checks the text of a configuration.
///
/// # Errors
/// Returns everything that is wrong with it, in the file's order.
pub fn parse(text: &str) -> Result<Settings, Vec<Problem>> {
    let (_, text) = text::split_mark(text);
    let tree: Node = text::parse_yaml(text).map_err(|error| {
        let line = error.location().map(|location| location.line());
        let message = error.to_string();
        // The position is in `line`, and the reader's own words repeat it.
        let mut message = clean(message.split(" at line ").next().unwrap_or(&message), MAX_SHOWN);
        if message.contains("cannot start any token") {
            message += "; write spaces instead of a tab, and put quotes around a value that begins with % or @";
        }
        vec![Problem { line, key: String::new(), message }]
    })?;
    let mut root = Section::new(Vec::new(), tree);
    let settings = sections::settings(&mut root);
    let mut problems: Vec<Problem> = root
        .finish()
        .into_iter()
        .map(|found| Problem {
            line: text::line_of(text, &found.path),
            key: clean(&found.path.join("."), MAX_SHOWN),
            message: clean(&found.message, MAX_SHOWN),
        })
        .collect();
    sort_by_key(&mut problems, |problem: &Problem| problem.line.unwrap_or(usize::MAX));
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

/// Returns the settings of an empty file. They name no recipient.
pub fn defaults() -> Settings {
    sections::settings(&mut Section::new(Vec::new(), Node::Null))
}

/// Returns the secret in `file`, which `key` names: its content without the line break at the end. It is read at each
/// use, so that a new secret takes effect immediately.
///
/// # Errors
/// Returns an error if the file cannot be read, or is too large for a secret; the message names key and file.
pub fn secret(key: &str, file: &Path) -> Result<SecretString, String> {
    let place = credential(file);
    let text = read_text(place.as_deref().unwrap_or(file), MAX_SECRET).map_err(|error| {
        let advice = match place {
            None => "",
            Some(_) if env::var_os(CREDENTIALS).is_some() => "; this unit needs it in LoadCredentialEncrypted=",
            Some(_) => "; it is there while the service runs: systemctl start ns8-backup-monitor",
        };
        format!("{key}: {} cannot be read: {error}{advice}", file.display())
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

/// Returns where a secret's file is if it is a credential, `$CREDENTIALS_DIRECTORY/NAME`: in the folder that systemd
/// names, or, for a command at a terminal, in the running service's.
pub fn credential(file: &Path) -> Option<PathBuf> {
    let name = value::credential(file)?;
    let of_service = || Path::new("/run/credentials/ns8-backup-monitor.service").join(name);
    Some(handed_over(Path::new(name)).unwrap_or_else(of_service))
}

/// Returns where systemd puts the credential `name` of the unit that this process belongs to; `None` if that has none.
pub(crate) fn handed_over(name: &Path) -> Option<PathBuf> {
    env::var_os(CREDENTIALS).map(|folder| Path::new(&folder).join(name))
}

/// Returns this machine's name.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
