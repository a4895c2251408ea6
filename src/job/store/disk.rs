//! The queue's folder: durable writes, and reading what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use lettre::message::Mailbox;
use log::{error, info, warn};
use rustix::fs::FlockOperation;
use tokio::sync::oneshot;

use super::OnFailure;
use super::sent::Sent;
use crate::model::job::{Job, JobId, Stage, VERSION};
use crate::system::journal::CRIT;
use crate::system::kill;
use crate::system::messages;

/// The ending of a job's file.
pub(super) const JOB: &str = "json";
/// The ending of a job that was given up.
pub(super) const FAILED: &str = "failed";
/// The ending of a file that could not be read.
const BROKEN: &str = "broken";
/// What was sent lately; beside jobs, but none.
pub(super) const SENT: &str = "sent";
/// How long after a failed write the next try.
const RETRY: Duration = Duration::from_secs(5);

/// The queue's folder, locked.
pub(super) struct Disk {
    folder: PathBuf,
    /// Held as long as this process serves; the kernel releases it however the process ends.
    _lock: File,
}

/// A file to write, or with no content to remove.
pub(super) struct Write {
    pub(super) name: String,
    pub(super) content: Option<Vec<u8>>,
    pub(super) on_failure: OnFailure,
    pub(super) done: oneshot::Sender<io::Result<()>>,
}

/// What the administrator asks of a job while the service runs, as an empty file `<job>.retry` or `<job>.drop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Try again now.
    Retry,
    /// Forget it.
    Drop,
}

impl Order {
    /// Every order there is.
    const ALL: [Self; 2] = [Self::Retry, Self::Drop];

    fn ending(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Drop => "drop",
        }
    }

    /// Leaves the order in the queue's `folder`, where the service finds it within seconds, or when it next starts.
    /// Returns the file, which is gone once the service has taken the order.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub fn leave(self, folder: &Path, id: &JobId) -> io::Result<PathBuf> {
        let file = folder.join(format!("{id}.{}", self.ending()));
        private().open(&file)?;
        Ok(file)
    }
}

/// The files in `folder` with this ending (`json`, `failed`, `broken`), by name.
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
    found.sort();
    Ok(found)
}

impl Disk {
    pub(super) fn open(state: &Path) -> io::Result<Self> {
        let folder = super::folder(state);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        sync(state)?;
        let lock = private().open(folder.join(".lock"))?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            rustix::io::Errno::WOULDBLOCK => io::Error::other("another ns8-backup-monitor is serving it"),
            error => error.into(),
        })?;
        Ok(Self { folder, _lock: lock })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The jobs in the folder, oldest first. What cannot be read is set aside.
    pub(super) fn load_jobs(&self) -> io::Result<Vec<Job>> {
        let mut jobs = Vec::new();
        for path in files(&self.folder, JOB)? {
            match read_job(&path) {
                Ok(job) => jobs.push(job),
                Err(Unreadable::Content(reason)) => set_aside(&path, &reason),
                // The job may be all right: nothing goes on until it can be read.
                Err(Unreadable::File(error)) => {
                    return Err(io::Error::new(error.kind(), format!("{} cannot be read: {error}", path.display())));
                }
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
        let content = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Sent::default()),
            content => content?,
        };
        Ok(serde_json::from_slice(&content).unwrap_or_else(|error| {
            set_aside(&path, &error.to_string());
            Sent::default()
        }))
    }

    /// A job that was given up, ready to be tried again for `mail_to`.
    pub(super) fn revive(&self, id: &JobId, mail_to: &[Mailbox]) -> Option<Job> {
        let mut job = read_job(&self.folder.join(format!("{id}.{FAILED}"))).ok()?;
        if let Stage::Delivering(delivery) = &mut job.stage {
            delivery.start_over(mail_to);
        }
        Some(job)
    }

    /// Takes what the administrator has asked for.
    pub(super) fn take_orders(&self) -> Vec<(JobId, Order)> {
        let take = |path: PathBuf| {
            let order =
                Order::ALL.into_iter().find(|order| path.extension().is_some_and(|end| end == order.ending()))?;
            let id = JobId::parse(path.file_stem()?.to_str()?)?;
            // An order that cannot be removed would be carried out again and again.
            fs::remove_file(&path).ok()?;
            Some((id, order))
        };
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| take(entry.path())).collect()
    }

    /// Carries out writes until the queue is gone. `unsaved` hears how many are still to be tried again.
    pub(super) fn write_until_closed(&self, writes: &Receiver<Write>, unsaved: impl Fn(usize)) {
        let mut failed: BTreeMap<String, Option<Vec<u8>>> = BTreeMap::new();
        loop {
            let first = match failed.is_empty() {
                true => writes.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => writes.recv_timeout(RETRY),
            };
            let batch: Vec<Write> = match first {
                Ok(first) => std::iter::once(first).chain(writes.try_iter()).collect(),
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let failed_before = !failed.is_empty();
            let mut group = failed;
            let mut retried: BTreeSet<String> = group.keys().cloned().collect();
            for write in &batch {
                // What is written later holds all that was to be written before.
                group.insert(write.name.clone(), write.content.clone());
                if write.on_failure == OnFailure::Retry {
                    retried.insert(write.name.clone());
                }
            }
            let errors = self.commit(&group);
            failed = group;
            failed.retain(|name, _| errors.contains_key(name) && retried.contains(name));
            self.tell(failed_before, &failed, &errors);
            unsaved(failed.len());
            for write in batch {
                let result = errors
                    .get(&write.name)
                    .map_or(Ok(()), |error| Err(io::Error::new(error.kind(), error.to_string())));
                let _ = write.done.send(result);
            }
        }
    }

    fn tell(
        &self,
        failed_before: bool,
        failed: &BTreeMap<String, Option<Vec<u8>>>,
        errors: &BTreeMap<String, io::Error>,
    ) {
        let folder = self.folder.display();
        match (failed_before, failed.keys().find_map(|name| errors.get(name))) {
            (false, Some(error)) => error!(PRIORITY = CRIT, MESSAGE_ID = messages::STATE_NOT_SAVED, REASON:% = error;
                "{folder} cannot be written: {error}. Work goes on from memory and would be lost or repeated if the \
                 machine stopped now; the write is tried again every {} s", RETRY.as_secs()),
            (true, None) => info!("{folder} can be written again; everything is saved"),
            _ => {}
        }
    }

    /// Makes a group of files durable together; the names of those that are not, each with its error.
    ///
    /// Removals come last: a job is not forgotten before its outcome is kept under another name.
    fn commit(&self, group: &BTreeMap<String, Option<Vec<u8>>>) -> BTreeMap<String, io::Error> {
        let mut errors = BTreeMap::new();
        for (name, content) in group {
            if let Some(content) = content
                && let Err(error) = self.write(name, content)
            {
                errors.insert(name.clone(), error);
            }
        }
        kill::point("queue-renamed");
        let removed: Vec<&String> =
            group.iter().filter(|(_, content)| content.is_none()).map(|(name, _)| name).collect();
        if !removed.is_empty() && removed.len() < group.len() {
            self.sync(group, &mut errors);
        }
        for name in removed {
            let kept_as = errors.keys().find(|other| stem(other) == stem(name));
            let result = match kept_as {
                Some(other) => Err(io::Error::other(format!("waits for {other} to be written"))),
                None => self.remove(name),
            };
            if let Err(error) = result {
                errors.insert(name.clone(), error);
            }
        }
        kill::point("queue-removed");
        self.sync(group, &mut errors);
        kill::point("queue-saved");
        errors
    }

    /// Makes the folder durable; where that fails, what was done in it is not.
    fn sync(&self, group: &BTreeMap<String, Option<Vec<u8>>>, errors: &mut BTreeMap<String, io::Error>) {
        if let Err(error) = sync(&self.folder) {
            for name in group.keys() {
                errors.entry(name.clone()).or_insert_with(|| io::Error::new(error.kind(), error.to_string()));
            }
        }
    }

    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let temporary = self.folder.join(format!("{name}.tmp"));
        let written = (|| {
            let mut file = private().truncate(true).open(&temporary)?;
            file.write_all(content)?;
            kill::point("queue-written");
            file.sync_all()?;
            kill::point("queue-synced");
            fs::rename(&temporary, self.folder.join(name))
        })();
        if written.is_err() {
            // On a full disk the half-written file takes the place that the next try needs.
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// A file that only its owner may read: alerts and mails are nobody else's business.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A file's name without its ending: the job's.
fn stem(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
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
    let content = fs::read(path)?;
    let mut job: Job = serde_json::from_slice(&content).map_err(|error| Unreadable::Content(error.to_string()))?;
    if job.version > VERSION {
        let reason = format!("it is of version {}, this program knows up to {VERSION}", job.version);
        return Err(Unreadable::Content(reason));
    }
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    job.id = JobId::parse(stem).ok_or_else(|| Unreadable::Content("its name is not a job's".into()))?;
    Ok(job)
}

fn set_aside(path: &Path, reason: &str) {
    let aside = (0..)
        .map(|n| match n {
            0 => path.with_extension(BROKEN),
            n => path.with_extension(format!("{n}.{BROKEN}")),
        })
        .find(|candidate| !candidate.exists())
        .expect("there are more numbers than files");
    let renamed = fs::rename(path, &aside);
    let (path, aside) = (path.display().to_string(), aside.display());
    error!(PRIORITY = CRIT, MESSAGE_ID = messages::JOB_SET_ASIDE, FILE = path, REASON = reason;
        "{path} cannot be read: {reason}. An alert or a mail may be lost with it: look at the backups");
    match renamed {
        Ok(()) => warn!("{path} was set aside as {aside}"),
        Err(error) => warn!("{path} could not be set aside as {aside}: {error}"),
    }
}
