//! The queue's folder: durable writes, and reading what is there.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use log::{error, info, warn};
use serde::de::DeserializeOwned;

use super::sent::Sent;
use crate::model::job::{Attempts, Delivery, Job, JobId, VERSION};
use crate::model::order::sort_by;
use crate::system::files::{self, BROKEN, Lock};
use crate::system::journal::CRIT;
use crate::system::kill;
use crate::system::messages;

/// Maximum size of a job's file, in bytes.
const MAX_FILE: u64 = 64 << 20;
/// The ending of a job's file.
pub const JOB: &str = "json";
/// The ending of a job that was given up.
pub const FAILED: &str = "failed";
/// Locked by the service that serves the folder.
pub const LOCK: &str = ".lock";
/// What was sent lately; beside jobs, but none.
pub const SENT: &str = "sent";

/// The queue's folder, locked.
pub(super) struct Disk {
    folder: PathBuf,
    /// Held as long as this process serves.
    lock: Mutex<Lock>,
}

/// What the administrator wishes for a job while the service runs: an empty file `<job>.retry` or `<job>.drop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Try again now.
    Retry,
    /// Forget it.
    Drop,
}

impl Wish {
    /// All of them.
    const ALL: [Self; 2] = [Self::Retry, Self::Drop];

    /// Its word, which is the ending of its file.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Drop => "drop",
        }
    }

    /// Leaves the wish in the store's `folder`, where the service finds it within seconds, or when it starts next.
    /// Returns the file, which is gone once the service has taken it.
    ///
    /// # Errors
    /// Returns an error if the file cannot be made, or if something is in its place.
    pub fn leave(self, folder: &Path, id: &JobId) -> io::Result<PathBuf> {
        let file = folder.join(format!("{id}.{}", self.ending()));
        // A link that the service's user left there is not followed, since root may call this.
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_plain(&file) => Ok(file),
            created => created.map(|_| file),
        }
    }
}

/// The files in `folder` with this ending ([`JOB`], [`FAILED`], [`BROKEN`]), by name.
///
/// # Errors
/// Where the folder cannot be read.
pub fn files(folder: &Path, ending: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
    sort_by(&mut found, Ord::cmp);
    Ok(found)
}

/// Returns how many jobs are in `folder`, how many were given up, and how many files make no sense.
///
/// # Errors
/// Returns an error if the folder is there and cannot be read.
pub fn count(folder: &Path) -> io::Result<[usize; 3]> {
    let mut counts = [0; 3];
    for (count, ending) in counts.iter_mut().zip([JOB, FAILED, BROKEN]) {
        *count = match files(folder, ending) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            files => files?.len(),
        };
    }
    Ok(counts)
}

impl Disk {
    pub(super) fn open(state: &Path) -> io::Result<Self> {
        let folder = super::folder(state);
        let lock = Mutex::new(take(&folder)?);
        Ok(Self { folder, lock })
    }

    /// Makes the folder again if somebody has removed it. The state directory itself comes from systemd.
    fn keep_folder(&self) -> io::Result<()> {
        if fs::exists(self.folder.join(LOCK))? {
            return Ok(());
        }
        fs::metadata(self.state())?;
        let taken = take(&self.folder)?;
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = taken;
        Ok(())
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn state(&self) -> &Path {
        self.folder.parent().unwrap_or(Path::new("."))
    }

    /// Whether the state directory is gone, with all that was in it.
    pub(super) fn is_gone(&self) -> bool {
        matches!(fs::exists(self.state()), Ok(false))
    }

    /// The jobs in the folder, oldest first. What makes no sense is set aside.
    pub(super) fn load_jobs(&self) -> io::Result<Vec<Job>> {
        let mut jobs = Vec::new();
        for path in files(&self.folder, JOB)? {
            match read_job(&path) {
                Ok(job) => jobs.push(job),
                // One file must not close the port for all others.
                Err(Unreadable::Content(why)) => set_aside(&path, &why),
                Err(Unreadable::File(error)) => return Err(unread(&path, &error)),
            }
        }
        for left_over in files(&self.folder, "tmp")? {
            // Never renamed, so never answered with 2xx.
            let _ = fs::remove_file(left_over);
        }
        Ok(jobs)
    }

    /// What was sent lately. Where that makes no sense a report may be sent once more: the lesser evil.
    pub(super) fn load_sent(&self) -> io::Result<Sent> {
        let path = self.folder.join(SENT);
        match read(&path) {
            Ok(sent) => Ok(sent),
            Err(Unreadable::File(error)) if error.kind() == io::ErrorKind::NotFound => Ok(Sent::default()),
            Err(Unreadable::File(error)) => Err(unread(&path, &error)),
            Err(Unreadable::Content(why)) => {
                warn!("{} cannot be read: {why}. A report that was sent lately may be sent once more", path.display());
                files::set_aside_and_tell(&path);
                Ok(Sent::default())
            }
        }
    }

    /// Returns a job that was given up, and its delivery, ready to be tried again.
    pub(super) fn revive(&self, id: &JobId) -> Option<(Job, Delivery)> {
        let path = self.folder.join(format!("{id}.{FAILED}"));
        let tell = |error: &Unreadable| match error {
            Unreadable::File(error) if error.kind() == io::ErrorKind::NotFound => {
                info!("there is nothing to retry: job {id} has ended");
            }
            _ => warn!("{} cannot be tried again: {error}", path.display()),
        };
        let job = read_job(&path).inspect_err(tell).ok()?;
        let mut delivery = Delivery { mails: job.mails().to_vec(), attempts: Attempts::default(), interim: false };
        delivery.start_over(None);
        Some((job, delivery))
    }

    /// Takes what the administrator wishes for. A file that names no job goes too: the path unit would start the
    /// service for it again and again.
    pub(super) fn take_wishes(&self) -> Vec<(JobId, Wish)> {
        let take = |path: PathBuf| {
            let wish = Wish::ALL.into_iter().find(|wish| path.extension().is_some_and(|end| end == wish.ending()))?;
            // A wish that cannot be removed would be fulfilled again and again.
            fs::remove_file(&path).ok()?;
            Some((JobId::parse(path.file_stem()?.to_str()?)?, wish))
        };
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| take(entry.path())).collect()
    }

    /// Makes files durable together; one without content is removed. Returns those that failed, each with its error.
    ///
    /// Removals come last, and only if all else is written: a job is not forgotten before the disk has what it came to.
    pub(super) fn commit(&self, group: &BTreeMap<String, Option<Vec<u8>>>) -> BTreeMap<String, String> {
        let mut errors = BTreeMap::new();
        if let Err(error) = self.keep_folder() {
            return group.keys().map(|name| (name.clone(), error.to_string())).collect();
        }
        for (name, content) in group {
            if let Some(content) = content
                && let Err(error) = files::put(&self.folder.join(name), content)
            {
                errors.insert(name.clone(), error.to_string());
            }
        }
        kill::point("queue-renamed");
        let removed: Vec<&String> =
            group.iter().filter(|(_, content)| content.is_none()).map(|(name, _)| name).collect();
        if !removed.is_empty() && removed.len() < group.len() {
            self.sync(group, &mut errors);
        }
        // What a job came to, its `*.failed` and what was sent, is in this group.
        let unwritten = errors.keys().next().cloned();
        for name in removed {
            let result = match &unwritten {
                Some(other) => Err(io::Error::other(format!("waits for {other} to be written"))),
                None => files::remove(&self.folder.join(name)),
            };
            if let Err(error) = result {
                errors.insert(name.clone(), error.to_string());
            }
        }
        kill::point("queue-removed");
        self.sync(group, &mut errors);
        kill::point("queue-saved");
        errors
    }

    /// Makes the folder durable; where that fails, what was done in it is not.
    fn sync(&self, group: &BTreeMap<String, Option<Vec<u8>>>, errors: &mut BTreeMap<String, String>) {
        if let Err(error) = files::sync(&self.folder) {
            for name in group.keys() {
                errors.entry(name.clone()).or_insert_with(|| error.to_string());
            }
        }
    }
}

/// Makes the folder if it is not there, and locks it.
fn take(folder: &Path) -> io::Result<Lock> {
    let lock = folder.join(LOCK);
    // The lock is made once the folder's name is durable.
    if !lock.exists() {
        files::make_folder(folder)?;
        folder.parent().map_or(Ok(()), files::sync)?;
    }
    Lock::try_take(&lock).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::other("another ns8-backup-monitor is serving it"),
        _ => error,
    })
}

fn is_plain(file: &Path) -> bool {
    fs::symlink_metadata(file).is_ok_and(|meta| meta.is_file())
}

/// Why a job cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The file cannot be read now; what is in it may be all right.
    #[error("{0}")]
    File(#[from] io::Error),
    /// What is in it is no job, or one of a later version.
    #[error("{0}")]
    Content(String),
}

/// Reads a job. The file's name is the job's, whatever stands in it.
///
/// # Errors
/// Where it cannot be read, in words.
pub fn read_job(path: &Path) -> Result<Job, Unreadable> {
    let mut job: Job = read(path)?;
    if job.version > VERSION {
        let reason = format!("it is of version {}, this program knows up to {VERSION}", job.version);
        return Err(Unreadable::Content(reason));
    }
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    job.id = JobId::parse(stem).ok_or_else(|| Unreadable::Content("its name is not a job's".into()))?;
    Ok(job)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Unreadable> {
    let content = files::read(path, MAX_FILE).map_err(|error| match files::is_lost(&error) {
        // It must not close the port for all others.
        true => Unreadable::Content(error.to_string()),
        false => Unreadable::File(error),
    })?;
    serde_json::from_slice(&content).map_err(|error| Unreadable::Content(error.to_string()))
}

/// Says what to do about a file that cannot be read now.
fn unread(path: &Path, error: &io::Error) -> io::Error {
    let path = path.display();
    io::Error::other(format!(
        "{path} cannot be read: {error}. Make it readable for this service or, if it is lost, move it out of the folder"
    ))
}

fn set_aside(path: &Path, reason: &str) {
    let path_text = path.display().to_string();
    error!(PRIORITY = CRIT, MESSAGE_ID = messages::JOB_SET_ASIDE, FILE = path_text, REASON = reason;
        "{path_text} cannot be read: {reason}. An alert or a mail may be lost with it: look at the backups");
    files::set_aside_and_tell(path);
}
