//! Keeps jobs: in memory for the program, on disk for the next one.
//!
//! `queue/<job>.json` is one job. A job is on disk before its alert is answered with 2xx, and so is every later step
//! before it counts. Writes go through one thread, which takes whatever has come up while it was busy, writes each job
//! once, and makes them durable together: a file each is written and fsynced under a temporary name, all are renamed,
//! the folder is fsynced. A write that fails is tried again until it succeeds; the job lives on in memory meanwhile.
//!
//! Beside jobs the folder holds what was set aside: `*.broken`, a file that could not be read, and `*.failed`, a job
//! whose mail could not be delivered. Neither is ever deleted by the program.

mod disk;
mod sent;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use lettre::message::Mailbox;
use log::info;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::model::alert::Alert;
use crate::model::job::{Job, JobId, Stage};
use crate::model::mail::{Mail, Recipient, RecipientState};
use crate::model::plan::PlanId;
use crate::system::messages;

use disk::{Disk, Write};
pub use disk::{Order, Unreadable, files, read_job};
use sent::Sent;

/// At most this many jobs are kept; more are refused until some are done.
pub const MAX_JOBS: usize = 5000;
/// At most this many bytes of jobs are kept in memory, mails included; more are refused until some are done.
pub const MAX_BYTES: usize = 32 << 20;
/// What an alert takes in memory beside its text.
const ALERT_BYTES: usize = 1000;

/// Where state is kept: `$STATE_DIRECTORY` as systemd sets it, else `/var/lib/ns8-backup-monitor`.
pub fn state_directory() -> PathBuf {
    let set_by_systemd = std::env::var_os("STATE_DIRECTORY");
    let first = set_by_systemd.as_ref().and_then(|list| std::env::split_paths(list).next());
    first.filter(|path| !path.as_os_str().is_empty()).unwrap_or_else(|| "/var/lib/ns8-backup-monitor".into())
}

/// The queue's folder.
pub fn folder(state: &Path) -> PathBuf {
    state.join("queue")
}

/// The jobs of a running service. Cheap to clone; all clones are one queue.
#[derive(Clone)]
pub struct Queue {
    jobs: Arc<Mutex<Jobs>>,
    writer: std::sync::mpsc::Sender<Write>,
    started: mpsc::UnboundedSender<JobId>,
    disk: Arc<Disk>,
}

/// What becomes of a write that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnFailure {
    /// Whoever asked for it is told, and that is all.
    Tell,
    /// It is tried again until it succeeds.
    Retry,
}

#[derive(Default)]
struct Jobs {
    by_id: BTreeMap<JobId, Entry>,
    /// The job that further alerts of a plan join.
    waiting: HashMap<Option<PlanId>, JobId>,
    sent: Sent,
    /// Writes that have failed and are tried again.
    unsaved: usize,
}

struct Entry {
    job: Job,
    /// Counts changes, and up to which one the disk has them.
    changed: u64,
    saved: u64,
    /// What it takes in memory, more or less.
    bytes: usize,
    /// Ends the job's pause between attempts.
    nudge: Arc<Notify>,
}

/// Why a batch was not accepted. Every reason is one that passes: the answer is 503.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The disk did not take it.
    #[error("the queue {} cannot be written: {source}", folder.display())]
    Disk {
        /// The queue's folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There are too many jobs already.
    #[error("the queue is full: there are {MAX_JOBS} jobs at most, with {MAX_BYTES} bytes")]
    Full,
}

impl Queue {
    /// Opens the queue below `state`, with the jobs that an earlier process has left, and locks it against a second
    /// service. Files that cannot be read are set aside. `started` takes the name of every job to work on, these and
    /// later ones.
    ///
    /// # Errors
    /// Where the folder cannot be made, read or locked.
    pub fn open(state: &Path, started: mpsc::UnboundedSender<JobId>) -> io::Result<Self> {
        let disk = Arc::new(Disk::open(state)?);
        let mut jobs = Jobs { sent: disk.load_sent()?, ..Jobs::default() };
        for job in disk.load_jobs()? {
            let _ = started.send(job.id.clone());
            if job.is_waiting() {
                jobs.waiting.insert(job.plan.clone(), job.id.clone());
            }
            jobs.by_id.insert(job.id.clone(), Entry::new(job, 1));
        }
        let (writer, writes) = std::sync::mpsc::channel();
        let queue = Self { jobs: Arc::new(Mutex::new(jobs)), writer, started, disk };
        let on_disk = queue.disk.clone();
        let counted = Arc::downgrade(&queue.jobs);
        thread::Builder::new().name("queue".into()).spawn(move || {
            on_disk.write_until_closed(&writes, |unsaved| {
                if let Some(jobs) = counted.upgrade() {
                    jobs.lock().unwrap_or_else(PoisonError::into_inner).unsaved = unsaved;
                }
            });
        })?;
        Ok(queue)
    }

    /// Takes alerts in: joins each to its plan's waiting job or makes a new one. When this returns they are on disk.
    ///
    /// # Errors
    /// Where they are not, and so must be sent again.
    pub async fn accept(&self, alerts: Vec<(Option<PlanId>, Alert)>, now: Timestamp) -> Result<(), AcceptError> {
        // At once: of all that has been received, one batch at a time is in memory with all its alerts.
        let touched = self.lock().take_in(alerts, now).ok_or(AcceptError::Full)?;
        // On its own task: a client that hangs up must not leave a job half accepted.
        let queue = self.clone();
        let accepted = tokio::spawn(async move { queue.save_accepted(touched).await });
        accepted.await.unwrap_or_else(|error| Err(self.disk_error(io::Error::other(error))))
    }

    async fn save_accepted(&self, touched: BTreeSet<JobId>) -> Result<(), AcceptError> {
        let saves: Vec<_> = touched.iter().map(|id| (id, self.write(id))).collect();
        let mut result = Ok(());
        for (id, save) in saves {
            let Some((change, saved)) = save else { continue };
            match saved.await.unwrap_or_else(|error| Err(io::Error::other(error))) {
                Ok(()) => self.note_saved(id, change),
                Err(error) => {
                    self.forget_unsaved(id, change);
                    result = Err(self.disk_error(error));
                }
            }
        }
        result
    }

    /// Hands the job to the writer, unless the disk has it as it is. The change that is being written, and its end.
    fn write(&self, id: &JobId) -> Option<(u64, oneshot::Receiver<io::Result<()>>)> {
        let mut jobs = self.lock();
        let entry = jobs.by_id.get_mut(id)?;
        if entry.changed == entry.saved {
            return None;
        }
        let content = entry.encode();
        Some((entry.changed, self.order(job_file(id), Some(content), OnFailure::Tell)))
    }

    /// Orders one file to be written, or with no content removed.
    fn order(
        &self,
        name: String,
        content: Option<Vec<u8>>,
        on_failure: OnFailure,
    ) -> oneshot::Receiver<io::Result<()>> {
        let (done, receiver) = oneshot::channel();
        // The writer lives as long as the queue; were it gone, the receiver would say so.
        let _ = self.writer.send(Write { name, content, on_failure, done });
        receiver
    }

    /// Notes that the disk has a job up to this change, and starts a job that it has for the first time.
    fn note_saved(&self, id: &JobId, change: u64) {
        let mut jobs = self.lock();
        let Some(entry) = jobs.by_id.get_mut(id) else { return };
        let first = entry.saved == 0;
        entry.saved = entry.saved.max(change);
        let (job, plan) = (&entry.job, entry.job.plan_field());
        if first {
            info!(MESSAGE_ID = messages::BATCH_ACCEPTED, JOB_ID = id.as_str(), BACKUP_ID = plan;
                "an alert for {} is accepted as job {id}", job.about());
            let _ = self.started.send(id.clone());
        } else {
            info!(JOB_ID = id.as_str(), BACKUP_ID = plan; "a further alert for {} joins job {id}", job.about());
        }
    }

    /// A job that never reached the disk was not accepted: whoever sent it is told so and sends it again.
    fn forget_unsaved(&self, id: &JobId, change: u64) {
        let mut jobs = self.lock();
        if jobs.by_id.get(id).is_some_and(|entry| entry.saved == 0 && entry.changed == change) {
            jobs.remove(id);
            // The file may be there all the same, where only making the folder durable has failed.
            drop(self.order(job_file(id), None, OnFailure::Retry));
        }
    }

    fn disk_error(&self, source: io::Error) -> AcceptError {
        AcceptError::Disk { folder: self.disk.folder().into(), source }
    }

    /// The job as it is now.
    pub fn get(&self, id: &JobId) -> Option<Job> {
        self.lock().by_id.get(id).map(|entry| entry.job.clone())
    }

    /// Looks at all jobs, oldest first, each with whether alerts still join it.
    pub fn inspect<T>(&self, look: impl FnOnce(&mut dyn Iterator<Item = (&Job, bool)>) -> T) -> T {
        let jobs = self.lock();
        look(&mut jobs.by_id.values().map(|entry| {
            let joinable = jobs.waiting.get(&entry.job.plan) == Some(&entry.job.id);
            (&entry.job, joinable)
        }))
    }

    /// Ends the time in which alerts join the job, and gives it as it is then.
    pub fn close(&self, id: &JobId) -> Option<Job> {
        let mut jobs = self.lock();
        let job = jobs.by_id.get(id)?.job.clone();
        if jobs.waiting.get(&job.plan) == Some(id) {
            jobs.waiting.remove(&job.plan);
        }
        Some(job)
    }

    /// Saves a job's progress. Returns when it is on disk or that has failed once; it is then tried again, and the work
    /// goes on.
    pub async fn save(&self, job: &Job) {
        let saved = {
            let mut jobs = self.lock();
            let Some(entry) = jobs.by_id.get_mut(&job.id) else { return };
            entry.job = job.clone();
            entry.changed += 1;
            let content = entry.encode();
            self.order(job_file(&job.id), Some(content), OnFailure::Retry)
        };
        let _ = saved.await;
    }

    /// Takes a job off the queue, whose mails have gone out or been given up. To whom they have gone is remembered for
    /// `remember`; a job of which anything was given up is kept as `*.failed`, with its report.
    pub async fn finish(&self, job: &Job, now: Timestamp, remember: Duration) {
        let removed = {
            let mut jobs = self.lock();
            jobs.sent.remember(job.mails(), now, remember);
            self.order(disk::SENT.into(), Some(encode(&jobs.sent)), OnFailure::Retry);
            let given_up = matches!(&job.stage, Stage::Delivering(delivery) if delivery.any_given_up());
            // With nobody given up, what an earlier attempt at this job may have left is out of date.
            let failed = given_up.then(|| encode(job));
            self.order(format!("{}.{}", job.id, disk::FAILED), failed, OnFailure::Retry);
            jobs.remove(&job.id);
            self.order(job_file(&job.id), None, OnFailure::Retry)
        };
        let _ = removed.await;
    }

    /// Forgets a job, as the administrator asked.
    pub async fn drop_job(&self, id: &JobId) {
        let removed = {
            self.lock().remove(id);
            self.order(format!("{id}.{}", disk::FAILED), None, OnFailure::Retry);
            self.order(job_file(id), None, OnFailure::Retry)
        };
        let _ = removed.await;
    }

    /// Tries a job again now, as the administrator asked: ends its pause, or brings one that failed back to life for
    /// those in `mail_to` who have not got its mails.
    pub async fn retry(&self, id: &JobId, mail_to: &[Mailbox]) {
        let revived = {
            let mut jobs = self.lock();
            if let Some(entry) = jobs.by_id.get(id) {
                entry.nudge.notify_one();
                return;
            }
            let Some(job) = self.disk.revive(id, mail_to) else { return };
            let saved = self.order(job_file(id), Some(encode(&job)), OnFailure::Retry);
            self.order(format!("{id}.{}", disk::FAILED), None, OnFailure::Retry);
            jobs.by_id.insert(id.clone(), Entry::new(job, 1));
            saved
        };
        let _ = revived.await;
        let _ = self.started.send(id.clone());
    }

    /// Waits until the administrator asks for the job to be tried again.
    pub async fn nudged(&self, id: &JobId) {
        let nudge = self.lock().by_id.get(id).map(|entry| entry.nudge.clone());
        match nudge {
            Some(nudge) => nudge.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Whether `to` has this report already, within this time, or is about to get it from another job.
    pub fn has_it(&self, mail: &Mail, to: &Recipient, now: Timestamp, within: Duration) -> bool {
        let jobs = self.lock();
        let same = |other: &&Mail| other.plan == mail.plan && other.digest == mail.digest;
        let others = jobs.by_id.values().flat_map(|entry| entry.job.mails()).filter(same);
        let underway = others.flat_map(|other| &other.recipients).any(|other| {
            other.email() == to.email()
                && match other.state {
                    RecipientState::Pending { .. } => true,
                    RecipientState::Delivered { at } => sent::is_within(at, now, within),
                    RecipientState::GivenUp { .. } => false,
                }
        });
        underway || jobs.sent.has(mail, &to.email(), now, within)
    }

    /// How many files are still to be written, since that has failed.
    pub fn unsaved(&self) -> usize {
        self.lock().unsaved
    }

    /// Whether there is nothing to do: no job, and nothing that the disk does not have.
    pub fn is_done(&self) -> bool {
        let jobs = self.lock();
        jobs.by_id.is_empty() && jobs.unsaved == 0
    }

    /// What the administrator asks of jobs while the service runs.
    pub fn orders(&self) -> Vec<(JobId, Order)> {
        self.disk.take_orders()
    }

    /// The queue's folder.
    pub fn folder(&self) -> &Path {
        self.disk.folder()
    }

    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Jobs {
    /// Takes alerts in; the jobs that are touched, or `None` where there would be too many.
    fn take_in(&mut self, alerts: Vec<(Option<PlanId>, Alert)>, now: Timestamp) -> Option<BTreeSet<JobId>> {
        let mut new: Vec<&Option<PlanId>> = alerts.iter().map(|(plan, _)| plan).collect();
        new.sort();
        new.dedup();
        new.retain(|plan| !self.waiting.contains_key(*plan));
        let bytes: usize = self.by_id.values().map(|entry| entry.bytes).sum();
        if self.by_id.len() + new.len() > MAX_JOBS || bytes > MAX_BYTES {
            return None;
        }
        let mut touched = BTreeSet::new();
        for (plan, alert) in alerts {
            let id = match self.waiting.get(&plan).cloned() {
                Some(id) => {
                    let entry = self.by_id.get_mut(&id).expect("a waiting job exists");
                    // Whoever joins a job that is not on disk yet counts on it too, even with the very same alert.
                    if entry.job.join(alert) || entry.saved == 0 {
                        entry.changed += 1;
                    }
                    id
                }
                None => self.start(plan, alert, now),
            };
            touched.insert(id);
        }
        Some(touched)
    }

    fn start(&mut self, plan: Option<PlanId>, alert: Alert, now: Timestamp) -> JobId {
        let id = loop {
            let id = JobId::new(now, fastrand::u16(..));
            if !self.by_id.contains_key(&id) {
                break id;
            }
        };
        self.waiting.insert(plan.clone(), id.clone());
        let job = Job::new(id.clone(), plan, now, alert);
        self.by_id.insert(id.clone(), Entry::new(job, 0));
        id
    }

    fn remove(&mut self, id: &JobId) {
        if let Some(entry) = self.by_id.remove(id)
            && self.waiting.get(&entry.job.plan) == Some(id)
        {
            self.waiting.remove(&entry.job.plan);
        }
    }
}

impl Entry {
    fn new(job: Job, saved: u64) -> Self {
        let mut entry = Self { job, changed: 1, saved, bytes: 0, nudge: Arc::default() };
        entry.encode();
        entry
    }

    /// What its file is to hold.
    fn encode(&mut self) -> Vec<u8> {
        let content = encode(&self.job);
        self.bytes = content.len() + self.job.alerts.len() * ALERT_BYTES;
        content
    }
}

fn job_file(id: &JobId) -> String {
    format!("{id}.{}", disk::JOB)
}

fn encode(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data with text keys can always be written as JSON")
}

#[cfg(test)]
mod tests;
