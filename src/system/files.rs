//! Files of the program's own: written durably and as a whole, read within a limit, locked across processes.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use log::warn;
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use super::kill;
use crate::config::read_regular;

/// How long to wait for a lock, which is held during the change of one small file, and how often to look.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// Writes `content` to `file`, mode 0600: a reader sees either the old file or the whole new one, also after a power
/// cut. A link at `file` is replaced, not followed.
///
/// Two processes must not write the same file at one time: hold a [`Lock`].
///
/// # Errors
/// Returns an error if the new file is not on disk. The old one is then still there, or, if only the last step failed,
/// may come back after a power cut.
pub fn write(file: &Path, content: &[u8]) -> io::Result<()> {
    put(file, content)?;
    sync(folder_of(file))
}

/// Writes `content` to `file` as [`write()`] does, but leaves it to a later [`sync`] to make its name durable.
///
/// # Errors
/// Returns an error if the file could not be written; the old one is then still there, and nothing else.
pub fn put(file: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = temporary(file)?;
    // A process that was killed may have left it.
    remove(&temporary)?;
    let written = (|| {
        let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        opened.write_all(content)?;
        kill::point("file-written");
        opened.sync_all()?;
        kill::point("file-synced");
        fs::rename(&temporary, file)
    })();
    if written.is_err() {
        // On a full disk it takes the place that the next try needs.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Makes the names in `folder` durable.
///
/// # Errors
/// Returns an error if the disk does not take them.
pub fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Removes `file` if it exists. Call [`sync`] afterwards.
///
/// # Errors
/// Returns an error if it is still there.
pub fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Reads `file`, at most `max` bytes of it.
///
/// # Errors
/// Returns an error if it cannot be read, is a link or no regular file ([`io::ErrorKind::InvalidInput`]), or is longer
/// ([`io::ErrorKind::FileTooLarge`]).
pub fn read(file: &Path, max: u64) -> io::Result<Vec<u8>> {
    // Without O_NONBLOCK, a FIFO would hold us until somebody writes to it.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(file);
    let opened = opened.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::LOOP) => io::Error::new(io::ErrorKind::InvalidInput, "it is a link"),
        _ => error,
    })?;
    read_regular(opened, max)
}

/// Returns whether `error` says that nothing is left to read later: it is no file of ours, or lies on a bad sector.
pub fn is_lost(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::FileTooLarge | io::ErrorKind::InvalidInput)
        || Errno::from_io_error(error) == Some(Errno::IO)
}

/// Makes `folder` and those above it, each for its owner only.
///
/// # Errors
/// Returns an error if it is not there afterwards.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The ending of a file that was set aside.
pub const BROKEN: &str = "broken";

/// Renames `file`, whose content makes no sense, to the first free one of `*.broken`, `*.1.broken`, and so on, so that
/// a person can look at it.
///
/// # Errors
/// Returns an error if it could not be renamed.
pub fn set_aside(file: &Path) -> io::Result<PathBuf> {
    let candidate = |n: u32| match n {
        0 => file.with_extension(BROKEN),
        n => file.with_extension(format!("{n}.{BROKEN}")),
    };
    let aside = (0..).map(candidate).find(|candidate| !candidate.exists()).expect("there are more numbers than files");
    fs::rename(file, &aside)?;
    Ok(aside)
}

/// Sets `file` aside like [`set_aside`], and logs its new name.
pub fn set_aside_and_tell(file: &Path) {
    match set_aside(file) {
        Ok(aside) => warn!("{} was set aside as {}", file.display(), aside.display()),
        Err(error) => warn!("{} could not be set aside: {error}", file.display()),
    }
}

/// A lock that one process holds at a time; the kernel releases it however that process ends.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "closing the file releases the lock")] File);

impl Lock {
    /// Waits for the lock that `file` stands for, and takes it.
    ///
    /// # Errors
    /// Returns an error if the file cannot be made or locked, or if another process keeps it locked.
    pub fn wait(file: &Path) -> io::Result<Self> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Self::try_take(file) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                Err(_) if Instant::now() >= deadline => {
                    return Err(io::Error::other("another process keeps it locked"));
                }
                Err(_) => thread::sleep(PAUSE),
                taken => return taken,
            }
        }
    }

    /// Takes the lock that `file` stands for; `None` if another process holds it.
    ///
    /// # Errors
    /// Returns an error if the file cannot be made or locked.
    pub fn if_free(file: &Path) -> io::Result<Option<Self>> {
        match Self::try_take(file) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            taken => taken.map(Some),
        }
    }

    /// Takes the lock that `file` stands for, if it is free.
    ///
    /// # Errors
    /// Returns an error if the file cannot be made or locked; [`io::ErrorKind::WouldBlock`] if another process holds it.
    pub fn try_take(file: &Path) -> io::Result<Self> {
        // Without O_NONBLOCK, a FIFO would hold us until somebody reads from it.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let opened =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).custom_flags(flags).open(file)?;
        flock(&opened, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self(opened))
    }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Where `file` is written before it gets its name.
fn temporary(file: &Path) -> io::Result<PathBuf> {
    let mut name = OsString::from(".");
    name.push(file.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(".tmp");
    Ok(file.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_is_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.json");
        fs::write(folder.path().join(".x.json.tmp"), "left by a process that was killed").unwrap();
        for content in ["a long first version", "short"] {
            write(&file, content.as_bytes()).unwrap();
            assert_eq!(read(&file, 100).unwrap(), content.as_bytes());
        }
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(folder.path()), ["x.json"]);
    }

    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "untouched").unwrap();
        symlink(&target, &link).unwrap();
        symlink(&target, folder.path().join(".link.tmp")).unwrap();
        assert_eq!(read(&link, 100).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert!(Lock::try_take(&link).is_err());
        write(&link, b"new").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "untouched");
        assert_eq!(read(&link, 100).unwrap(), b"new");
    }

    #[test]
    fn a_write_that_fails_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("full");
        fs::create_dir(&file).unwrap();
        fs::write(file.join("inside"), "").unwrap();
        assert!(write(&file, b"new").is_err(), "a folder is not replaced");
        assert_eq!(names(folder.path()), ["full"]);
        assert!(write(&folder.path().join("no/such/folder"), b"new").is_err());
        assert!(write(Path::new("/"), b"new").is_err());
    }

    #[test]
    fn what_is_too_long_or_no_file_is_not_read_now_or_later() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        fs::write(&file, "12345").unwrap();
        assert_eq!(read(&file, 5).unwrap(), b"12345");
        assert_eq!(read(&file, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read(folder.path(), 4).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        let fifo = folder.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
        assert_eq!(read(&fifo, 4).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        for lost in [&*file, folder.path(), &fifo] {
            assert!(is_lost(&read(lost, 4).unwrap_err()), "{}", lost.display());
        }
    }

    #[test]
    fn what_may_be_readable_later_is_not_lost() {
        assert!(is_lost(&Errno::IO.into()));
        for errno in [Errno::ACCESS, Errno::MFILE, Errno::NOENT, Errno::NOMEM] {
            assert!(!is_lost(&errno.into()), "{errno}");
        }
    }

    #[test]
    fn what_is_set_aside_keeps_its_name_and_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("2.json");
        for _ in 0..3 {
            fs::write(&file, "x").unwrap();
            set_aside(&file).unwrap();
        }
        assert_eq!(names(folder.path()), ["2.1.broken", "2.2.broken", "2.broken"]);
    }

    #[test]
    fn a_lock_is_held_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".lock");
        let held = Lock::wait(&file).unwrap();
        assert_eq!(Lock::try_take(&file).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(held);
        // A child that another test has just forked holds it as well, until it becomes its program.
        Lock::wait(&file).unwrap();
    }
}
