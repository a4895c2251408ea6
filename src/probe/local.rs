//! Looks at a repository in a folder of this machine, and at the file system under it.
//!
//! restic says "wrong password or no key found" if all keys are gone, and "does not exist" if only the config file is;
//! the folder itself tells these apart. Whether the file system is full or read-only is known without writing to it.
//!
//! A folder on a network that does not answer holds up whoever asks for it, so that a thread of its own asks.

use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::model::repository::{NotWritable, Sign, Verdict};

/// What a look into the folder shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Seen {
    /// Damage for which restic has other words.
    pub(super) damage: Option<Sign>,
    /// Why nothing can be written there.
    pub(super) not_writable: Option<NotWritable>,
}

/// Looks into `folder`, for `limit` at most.
///
/// # Errors
/// Returns the verdict if the folder does not answer in time.
pub(super) async fn look(folder: &Path, limit: Duration) -> Result<Seen, Verdict> {
    let (sender, receiver) = oneshot::channel();
    let owned = folder.to_owned();
    let thread = thread::Builder::new().name("folder".into());
    // The thread is not waited for: it ends when the folder answers, or with the program.
    if thread.spawn(move || drop(sender.send(seen(&owned)))).is_err() {
        return Ok(Seen::default());
    }
    match timeout(limit, receiver).await {
        Ok(seen) => Ok(seen.unwrap_or_default()),
        Err(_) => Err(Verdict::TimedOut(limit)),
    }
}

fn seen(folder: &Path) -> Seen {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let not_writable = is_read_only(&mounts, folder).then_some(NotWritable::ReadOnly).or_else(|| full(folder));
    Seen { damage: damage(folder), not_writable }
}

/// Damage to what restic opens first; `None` also if nobody may look.
fn damage(folder: &Path) -> Option<Sign> {
    let is_file = |entry: io::Result<DirEntry>| entry.is_ok_and(|entry| entry.path().is_file());
    let has_files = |name: &str| fs::read_dir(folder.join(name)).map(|mut entries| entries.any(is_file));
    let config = folder.join("config").try_exists();
    match (config, has_files("keys")) {
        (Ok(false), Ok(true)) => Some(Sign::NoConfig),
        (Ok(true), Ok(false)) => Some(Sign::NoKeys),
        (Ok(true), Err(error)) if error.kind() == io::ErrorKind::NotFound => Some(Sign::NoKeys),
        _ => None,
    }
}

/// What the file system of `folder` lacks. A file system without inodes of its own has 0 of them.
fn full(folder: &Path) -> Option<NotWritable> {
    let space = rustix::fs::statvfs(folder).ok()?;
    match (space.f_bavail, space.f_files, space.f_favail) {
        (0, _, _) if space.f_blocks > 0 => Some(NotWritable::Full),
        (_, 1.., 0) => Some(NotWritable::NoInodes),
        _ => None,
    }
}

/// Whether the file system of `folder` is read-only for everybody, as `mounts` (`/proc/self/mountinfo`) has it. The
/// mount itself is always read-only in a sandbox; the options of the file system stand behind the hyphen, proc(5).
fn is_read_only(mounts: &str, folder: &Path) -> bool {
    let Ok(device) = fs::metadata(folder).map(|folder| folder.dev()) else { return false };
    let device = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    let options = mounts.lines().filter(|line| line.split(' ').nth(2) == Some(&device)).filter_map(|line| {
        let (_, file_system) = line.split_once(" - ")?;
        file_system.split(' ').nth(2)
    });
    let mut options = options.peekable();
    options.peek().is_some() && options.all(|options| options.split(',').any(|option| option == "ro"))
}

/// The file at `path`, without links, if only root or this program's own user can change it, also by way of a folder
/// above it.
pub(super) fn trusted(path: &Path) -> Option<PathBuf> {
    const WRITABLE_BY_OTHERS: u32 = 0o022;
    const STICKY: u32 = 0o1000;
    let own = rustix::process::geteuid().as_raw();
    let file = path.canonicalize().ok()?;
    let safe = |path: &Path| {
        fs::metadata(path).is_ok_and(|it| {
            let writable = it.mode() & WRITABLE_BY_OTHERS != 0 && !(it.is_dir() && it.mode() & STICKY != 0);
            (it.uid() == 0 || it.uid() == own) && !writable
        })
    };
    (path.is_absolute() && file.is_file() && file.ancestors().all(safe)).then_some(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_system_is_read_only_by_its_own_options() {
        let folder = tempfile::tempdir().unwrap();
        let device = fs::metadata(folder.path()).unwrap().dev();
        let mount = |own: &str, all: &str| {
            let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
            format!("1 0 {major}:{minor} / / {own},relatime shared:1 - ext4 /dev/x {all},errors=remount-ro\n")
        };
        assert!(!is_read_only(&mount("ro", "rw"), folder.path()));
        assert!(is_read_only(&mount("rw", "ro"), folder.path()));
        assert!(!is_read_only("", folder.path()) && !is_read_only("1 2 3\n", folder.path()));
        assert!(!is_read_only(&mount("ro", "ro"), Path::new("/nowhere")));
    }

    #[test]
    fn only_what_root_or_this_user_alone_can_change_is_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("rclone.conf"), dir.path().join("link"));
        fs::write(&file, "").unwrap();
        symlink(&file, &link).unwrap();
        let is_trusted = |path: &Path| trusted(path).is_some();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        // Whatever the umask has made of them.
        mode(dir.path(), 0o700);
        mode(&file, 0o644);
        assert_eq!(trusted(&file), Some(file.canonicalize().unwrap()));
        assert_eq!(trusted(&link), trusted(&file));
        mode(&file, 0o620);
        assert!(!is_trusted(&file) && !is_trusted(&link));
        mode(&file, 0o644);
        mode(dir.path(), 0o777);
        assert!(!is_trusted(&file));
        mode(dir.path(), 0o1777);
        assert!(is_trusted(&file));
        assert!(!is_trusted(dir.path()) && !is_trusted(Path::new("rclone.conf")) && !is_trusted(Path::new("/nowhere")));
    }
}
