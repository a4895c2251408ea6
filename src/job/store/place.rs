//! Where the state is, and whose.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use crate::config::{Logging, Settings};

/// Returns the folder of the state: `$STATE_DIRECTORY` as systemd sets it, else `/var/lib/ns8-backup-monitor`.
pub fn state_directory() -> PathBuf {
    let set_by_systemd = env::var_os("STATE_DIRECTORY");
    let first = set_by_systemd.as_ref().and_then(|list| env::split_paths(list).next());
    first.filter(|path| !path.as_os_str().is_empty()).unwrap_or_else(|| "/var/lib/ns8-backup-monitor".into())
}

/// Returns the store's folder below `state`.
pub fn folder(state: &Path) -> PathBuf {
    state.join("queue")
}

/// Returns whether `state` belongs to this process's user, or is not there yet.
fn is_ours(state: &Path) -> bool {
    fs::metadata(state).map_or(true, |meta| meta.uid() == rustix::process::geteuid().as_raw())
}

/// Refuses to write into the state of another user, who could not read what is left there.
///
/// # Errors
/// Returns an error if `state` belongs to another user; it names the `unit` that runs as that user.
pub fn refuse_anothers(state: &Path, unit: &str) -> io::Result<()> {
    if is_ours(state) {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{} belongs to another user, who could not read what is left there: use `systemctl start {unit}`, or name a \
         folder of your own in STATE_DIRECTORY",
        state.display()
    )))
}

/// Returns how to log, unless the state is another user's, who could not write to a log file that is made here.
pub fn logging(settings: Option<&Settings>) -> Option<&Logging> {
    settings.map(|settings| &settings.logging).filter(|_| is_ours(&state_directory()))
}
