//! Keeps jobs: in memory for this process, on disk for the next one.
//!
//! `queue/<job>.json` is one job. An alert is on disk before it is answered with 2xx, and a job's stage before the next
//! one begins. All that is to be written at one time is written together: each file under a temporary name, fsynced,
//! renamed; the folder fsynced once. A write that fails is repeated until it succeeds, and the job lives on in memory.
//!
//! The folder also holds what was set aside: `*.broken`, a file that makes no sense, and `*.failed`, a job whose
//! mail could not be delivered. The program never deletes either.

mod attempts;
mod disk;
mod outbox;
mod place;
mod sent;
pub mod table;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use log::info;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use crate::config::Settings;
use crate::model::alert::Batch;
use crate::model::job::{Job, JobId, Stage};
use crate::model::mail::{Mail, Recipient};
pub use crate::system::files::BROKEN;
use crate::system::messages;

use disk::Disk;
pub use disk::{FAILED, JOB, LOCK, SENT, Unreadable, Wish, count, files, read_job};
use outbox::Outbox;
pub use place::{folder, logging, refuse_anothers, state_directory};
pub use sent::Sent;
use table::Table;
pub use table::{MAX_BYTES, MAX_JOBS};

/// The jobs of a running service. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    table: Mutex<Table>,
    /// Requests that wait to be written, all of them together.
    inbox: Mutex<Vec<Request>>,
    outbox: Mutex<Outbox>,
    /// Told of each job that has come further.
    changed: Notify,
    /// Held during a write.
    writing: tokio::sync::Mutex<()>,
    disk: Arc<Disk>,
    started: mpsc::UnboundedSender<JobId>,
}

/// The alerts of one webhook, and who waits for the answer.
struct Request {
    batch: Batch,
    at: Timestamp,
    answer: oneshot::Sender<Result<(), AcceptError>>,
}

/// Why a batch was not accepted. Each reason passes: the answer is 503.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AcceptError {
    /// The disk did not take it.
    #[error("the queue {} cannot be written: {why}", folder.display())]
    Disk {
        /// The queue's folder.
        folder: PathBuf,
        /// The system's reason.
        why: String,
    },
    /// There are too many jobs already.
    #[error("the queue is full: there are {MAX_JOBS} jobs at most, with {MAX_BYTES} bytes")]
    Full,
}

impl Store {
    /// Opens the store below `state`, with the jobs that an earlier process has left, and locks it against a second
    /// service. A file that makes no sense is set aside. `started` takes the id of each job to work on, now and later.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be made, read or locked, or a file in it cannot be read now.
    pub fn open(state: &Path, started: mpsc::UnboundedSender<JobId>) -> io::Result<Self> {
        let disk = Disk::open(state)?;
        let mut table = Table::new(disk.load_sent()?);
        for job in disk.load_jobs()? {
            let _ = started.send(job.id.clone());
            table.insert(job);
        }
        Ok(Self(Arc::new(Shared {
            table: Mutex::new(table),
            inbox: Mutex::default(),
            outbox: Mutex::default(),
            changed: Notify::new(),
            writing: tokio::sync::Mutex::default(),
            disk: Arc::new(disk),
            started,
        })))
    }

    /// Takes alerts in: each joins the open job of its plan or begins a new one. They are on disk when this returns;
    /// without any, the disk has shown that it takes some.
    ///
    /// # Errors
    /// Returns an error if they are not; nothing of them is left then, and they must be sent again.
    pub async fn accept(&self, batch: Batch, at: Timestamp) -> Result<(), AcceptError> {
        if batch.is_empty() {
            return self.try_disk().await;
        }
        let (answer, answered) = oneshot::channel();
        lock(&self.0.inbox).push(Request { batch, at, answer });
        // A task of its own: a client that hangs up must not stop a write half-way.
        let store = self.clone();
        tokio::spawn(async move { store.take_in().await });
        answered.await.unwrap_or_else(|_| Err(self.disk_error("the service is stopping")))
    }

    /// Writes a file and removes it.
    async fn try_disk(&self) -> Result<(), AcceptError> {
        for content in [Some(vec![b'\n'; 4096]), None] {
            let file = BTreeMap::from([(".try".to_owned(), content)]);
            if let Some(error) = self.commit(file).await.into_values().next() {
                return Err(self.disk_error(error));
            }
        }
        Ok(())
    }

    /// Writes all that is in the inbox, together, and answers.
    async fn take_in(&self) {
        let _turn = self.0.writing.lock().await;
        let requests = std::mem::take(&mut *lock(&self.0.inbox));
        if requests.is_empty() {
            return;
        }
        let (draft, waiting) = self.draft(requests);
        let mut files = BTreeMap::new();
        files.extend(draft.jobs.values().map(|job| (job_file(&job.id), Some(encode(job)))));
        let result = match self.commit(files).await.into_values().next() {
            None => {
                self.install(draft);
                Ok(())
            }
            Some(error) => {
                // The disk may hold some of it: back to what is in memory.
                lock(&self.0.outbox).restore(draft.jobs.into_keys());
                self.flush_later();
                Err(self.disk_error(error))
            }
        };
        for answer in waiting {
            let _ = answer.send(result.clone());
        }
    }

    /// Drafts the jobs of all requests that there is room for; the others are answered.
    fn draft(&self, requests: Vec<Request>) -> (table::Draft, Vec<oneshot::Sender<Result<(), AcceptError>>>) {
        let mut table = self.table();
        let mut draft = table.draft();
        let mut waiting = Vec::with_capacity(requests.len());
        for Request { batch, at, answer } in requests {
            match table.add(&mut draft, batch, at) {
                true => waiting.push(answer),
                false => drop(answer.send(Err(AcceptError::Full))),
            }
        }
        (draft, waiting)
    }

    fn install(&self, draft: table::Draft) {
        for (job, is_new) in self.table().install(draft) {
            lock(&self.0.outbox).keep(&job.id);
            let (id, plan, about) = (&job.id, job.plan_field(), job.about());
            if is_new {
                info!(MESSAGE_ID = messages::BATCH_ACCEPTED, JOB_ID = id.as_str(), BACKUP_ID = plan;
                    "accepted an alert for {about} as job {id}");
                let _ = self.0.started.send(id.clone());
            } else {
                info!(JOB_ID = id.as_str(), BACKUP_ID = plan; "added a further alert for {about} to job {id}");
            }
        }
    }

    /// Moves a job to its next stage. Returns when that is on disk, or could not be written once; the write is then
    /// repeated, and the work goes on.
    pub async fn advance(&self, id: &JobId, stage: Stage) {
        if self.table().advance(id, stage) {
            self.0.changed.notify_waiters();
            lock(&self.0.outbox).job(id);
            self.flush().await;
        }
    }

    /// Takes a job off the store whose mails were delivered or given up, and remembers for `remember` who received
    /// them. A job of which any recipient was given up is kept as `*.failed`, with its report.
    pub async fn finish(&self, job: &Job, now: Timestamp, remember: Duration) {
        {
            let mut table = self.table();
            table.sent.remember(job.mails(), now, remember);
            let given_up = job.mails().iter().any(Mail::any_given_up);
            let mut outbox = lock(&self.0.outbox);
            outbox.file(SENT.into(), Some(encode(&table.sent)));
            // Without anybody given up, what an earlier attempt at this job left is out of date.
            outbox.file(failed_file(&job.id), given_up.then(|| encode(job)));
            outbox.file(job_file(&job.id), None);
            table.remove(&job.id);
        }
        self.0.changed.notify_waiters();
        self.flush().await;
    }

    /// Remembers who received `mails`, so that their reports are not repeated.
    pub fn remember(&self, mails: &[Mail], now: Timestamp, within: Duration) {
        let mut table = self.table();
        table.sent.remember(mails, now, within);
        lock(&self.0.outbox).file(SENT.into(), Some(encode(&table.sent)));
    }

    /// Forgets a job, as the administrator asked, but for `remember` not who has its report already.
    pub async fn drop_job(&self, id: &JobId, remember: Duration) {
        if let Some(job) = self.get(id) {
            self.remember(job.mails(), Timestamp::now(), remember);
        }
        self.table().remove(id);
        {
            let mut outbox = lock(&self.0.outbox);
            outbox.file(failed_file(id), None);
            outbox.file(job_file(id), None);
        }
        self.flush().await;
    }

    /// Writes what the disk lacks. Returns when that is done, or has failed once.
    async fn flush(&self) {
        // A task of its own: aborting a job must not stop a write half-way.
        let store = self.clone();
        tokio::spawn(async move { store.write_due().await }).await.expect("a write ends without a panic");
    }

    async fn write_due(&self) {
        let _turn = self.0.writing.lock().await;
        let due = lock(&self.0.outbox).take();
        let files = self.contents(&due);
        if files.is_empty() {
            return;
        }
        let errors = self.commit(files).await;
        let failing = !errors.is_empty();
        lock(&self.0.outbox).settle(due, &errors, self.0.disk.folder());
        if failing {
            self.flush_later();
        }
    }

    fn contents(&self, due: &outbox::Due) -> BTreeMap<String, Option<Vec<u8>>> {
        let table = self.table();
        due.files(|id| table.job(id).map(encode))
    }

    /// Repeats the write after a pause, unless that is planned already.
    fn flush_later(&self) {
        if !lock(&self.0.outbox).plan_repeat() {
            return;
        }
        let shared = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            tokio::time::sleep(outbox::REPEAT).await;
            if let Some(shared) = shared.upgrade() {
                lock(&shared.outbox).repeat_begins();
                Self(shared).write_due().await;
            }
        });
    }

    async fn commit(&self, files: BTreeMap<String, Option<Vec<u8>>>) -> BTreeMap<String, String> {
        let disk = self.0.disk.clone();
        let names: Vec<String> = files.keys().cloned().collect();
        let committed = tokio::task::spawn_blocking(move || disk.commit(&files)).await;
        committed.unwrap_or_else(|error| names.into_iter().map(|name| (name, error.to_string())).collect())
    }

    fn disk_error(&self, why: impl ToString) -> AcceptError {
        AcceptError::Disk { folder: self.0.disk.folder().into(), why: why.to_string() }
    }

    /// Returns the job as it is now.
    pub fn get(&self, id: &JobId) -> Option<Job> {
        self.table().job(id).cloned()
    }

    /// Returns how many alerts have joined the job in this process, and when the last one did.
    pub fn joined(&self, id: &JobId) -> (u64, Option<Instant>) {
        self.table().joined(id)
    }

    /// Ends the time in which alerts join the job, unless one has joined since there were `joins` of them. Returns
    /// whether it has ended.
    pub fn close(&self, id: &JobId, joins: u64) -> bool {
        self.table().close(id, joins)
    }

    /// Looks at all jobs, oldest first.
    pub fn inspect<T>(&self, look: impl FnOnce(&mut dyn Iterator<Item = &Job>) -> T) -> T {
        look(&mut self.table().jobs())
    }

    /// Returns the recipients to whom `mail` is news or was promised.
    pub fn recipients(&self, mail: &Mail, promises: &[Mail], settings: &Settings) -> Vec<Recipient> {
        self.table().recipients(mail, promises, settings, Timestamp::now())
    }

    /// Returns how many files are still to be written after that has failed.
    pub fn unsaved(&self) -> usize {
        lock(&self.0.outbox).unsaved()
    }

    /// Returns whether there is nothing to do: no job, and nothing that the disk lacks. Without a state directory,
    /// which systemd makes at the next start, nothing can be written by waiting.
    pub fn is_done(&self) -> bool {
        self.table().is_empty() && (lock(&self.0.outbox).is_empty() || self.0.disk.is_gone())
    }

    /// Takes what the administrator wishes for while the service runs.
    pub fn wishes(&self) -> Vec<(JobId, Wish)> {
        self.0.disk.take_wishes()
    }

    /// Returns the store's folder.
    pub fn folder(&self) -> &Path {
        self.0.disk.folder()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.0.table)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn job_file(id: &JobId) -> String {
    format!("{id}.{JOB}")
}

fn failed_file(id: &JobId) -> String {
    format!("{id}.{FAILED}")
}

fn encode(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data with text keys can always be written as JSON")
}

/// What ends a job's pause.
type Nudge = Arc<Notify>;

#[cfg(test)]
mod tests;
