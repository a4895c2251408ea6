//! Reads and replaces a file that the administrator names, and whose folder may be another user's.
//!
//! The folder is opened once, and every step is taken inside it. A user who may change that folder can neither lead a
//! later step elsewhere nor keep the program waiting.

use std::ffi::OsString;
use std::fs::{File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, renameat, unlinkat};

use crate::config::{MAX_FILE, read_regular, text_of};

/// Mode and owner of a file; `None` leaves the owner to the system.
#[derive(Debug, Clone, Copy)]
pub(super) struct Access {
    pub(super) mode: u32,
    pub(super) user: Option<u32>,
    pub(super) group: Option<u32>,
}

/// Reads the text of the file at `path`; `text` if it is not there.
///
/// # Errors
/// Returns an error as [`Place::find`] and [`Place::read`] do.
pub(super) fn text_or(path: &Path, text: &str) -> io::Result<String> {
    match Place::find(path).and_then(|place| place.read()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(text.into()),
        read => read.map(|(text, _)| text),
    }
}

/// A file's place: its folder, held open, and its name there.
pub(super) struct Place {
    folder: OwnedFd,
    name: OsString,
}

impl Place {
    /// Finds the place of `path`, or of the file that it is a link to.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be opened.
    pub(super) fn find(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize().unwrap_or_else(|_| path.into());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(".".into(), PathBuf::from);
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        let folder = openat(CWD, folder, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { folder, name })
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// Returns an error if it is not there, is no regular file, is larger than 1 MiB, or is not UTF-8.
    pub(super) fn read(&self) -> io::Result<(String, Metadata)> {
        // Without NONBLOCK, a FIFO would hold the program up until somebody writes to it.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = File::from(openat(&self.folder, &self.name, flags, Mode::empty())?);
        let metadata = file.metadata()?;
        Ok((text_of(read_regular(file, MAX_FILE)?)?, metadata))
    }

    /// Writes `text` in place of the file, with this access: a reader sees either the old file or the whole new one,
    /// also after a power cut.
    ///
    /// # Errors
    /// Returns an error if the new file is not on disk.
    pub(super) fn replace(&self, text: &str, access: Access) -> io::Result<()> {
        let temporary = format!(".{}.{}.tmp", self.name.to_string_lossy(), std::process::id());
        self.write(&temporary, text, access)
            .and_then(|()| Ok(renameat(&self.folder, &temporary, &self.folder, &self.name)?))
            .inspect_err(|_| {
                // Best effort: the error that counts is the one above.
                let _ = unlinkat(&self.folder, &temporary, AtFlags::empty());
            })?;
        Ok(rustix::fs::fsync(&self.folder)?)
    }

    fn write(&self, name: &str, text: &str, access: Access) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.folder, name, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(text.as_bytes())?;
        fchown(&file, access.user, access.group)?;
        file.set_permissions(Permissions::from_mode(access.mode))?;
        file.sync_all()
    }
}
