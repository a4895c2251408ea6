//! The jobs in memory. Pure: what is added here is first a draft, and counts once the disk has it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::sent::{self, Sent};
use super::{Nudge, encode};
use crate::config::Settings;
use crate::model::alert::Batch;
use crate::model::job::{Job, JobId, Stage};
use crate::model::mail::{Mail, Recipient, RecipientState};
use crate::model::plan::PlanId;

/// Maximum number of jobs; more are refused until some are done.
pub const MAX_JOBS: usize = 5000;
/// Maximum size of all jobs in memory, mails included, in bytes; more are refused until some are done.
pub const MAX_BYTES: usize = 32 << 20;
/// What an alert takes in memory beside its text, in bytes.
const ALERT_BYTES: usize = 1000;

/// The jobs, and who received which report.
pub struct Table {
    by_id: BTreeMap<JobId, Entry>,
    /// The job that further alerts of a plan join.
    open: HashMap<Option<PlanId>, JobId>,
    /// Who received which report.
    pub sent: Sent,
}

struct Entry {
    job: Job,
    /// What it takes in memory, more or less.
    bytes: usize,
    /// How many alerts have joined in this process, and when the last did.
    joins: u64,
    joined_at: Option<Instant>,
    nudge: Nudge,
    turn: Nudge,
}

/// Jobs as they will be once the disk has them.
pub struct Draft {
    /// The jobs, by name.
    pub jobs: BTreeMap<JobId, Job>,
    new: HashMap<Option<PlanId>, JobId>,
    bytes: usize,
}

impl Table {
    /// A table without jobs.
    pub fn new(sent: Sent) -> Self {
        Self { by_id: BTreeMap::new(), open: HashMap::new(), sent }
    }

    /// Adds a job that the disk has.
    pub(super) fn insert(&mut self, job: Job) {
        if job.takes_alerts() {
            self.open.insert(job.plan.clone(), job.id.clone());
        }
        self.by_id.insert(job.id.clone(), Entry::new(job));
    }

    /// Begins a draft.
    pub fn draft(&self) -> Draft {
        let bytes = self.by_id.values().map(|entry| entry.bytes).sum();
        Draft { jobs: BTreeMap::new(), new: HashMap::new(), bytes }
    }

    /// Adds alerts to `draft`; false if there is no room for all of them, and none is added then.
    pub fn add(&mut self, draft: &mut Draft, batch: Batch, at: Timestamp) -> bool {
        let is_new = |plan: &&Option<PlanId>| !self.open.contains_key(*plan) && !draft.new.contains_key(*plan);
        let new = batch.keys().filter(is_new).count();
        if self.by_id.len() + draft.new.len() + new > MAX_JOBS || draft.bytes > MAX_BYTES {
            return false;
        }
        for (plan, alerts) in batch {
            draft.bytes += alerts.text_len() + alerts.kept.len() * ALERT_BYTES;
            let open = self.open.get(&plan).or_else(|| draft.new.get(&plan)).cloned();
            let id = open.unwrap_or_else(|| self.unused_id(draft, at));
            if let Some(job) = draft.jobs.get_mut(&id) {
                job.alerts.join_all(alerts);
            } else if let Some(entry) = self.by_id.get_mut(&id) {
                entry.joins += 1;
                entry.joined_at = Some(Instant::now());
                let mut job = entry.job.clone();
                match job.alerts.join_all(alerts) {
                    true => drop(draft.jobs.insert(id, job)),
                    // Only counted: not worth a write.
                    false => entry.job.alerts.left_out = job.alerts.left_out,
                }
            } else {
                draft.new.insert(plan.clone(), id.clone());
                draft.jobs.insert(id.clone(), Job::new(id, plan, at, alerts));
            }
        }
        true
    }

    fn unused_id(&self, draft: &Draft, at: Timestamp) -> JobId {
        let is_unused = |id: &JobId| !self.by_id.contains_key(id) && !draft.jobs.contains_key(id);
        std::iter::repeat_with(|| JobId::new(at, fastrand::u16(..))).find(is_unused).expect("it goes on for ever")
    }

    /// Makes the draft count. Returns the jobs concerned, each with whether it is new.
    pub fn install(&mut self, draft: Draft) -> Vec<(Job, bool)> {
        let mut installed = Vec::with_capacity(draft.jobs.len());
        for (id, job) in draft.jobs {
            let is_new = !self.by_id.contains_key(&id);
            match self.by_id.get_mut(&id) {
                Some(entry) => {
                    entry.job.alerts = job.alerts.clone();
                    entry.measure();
                }
                // An alert that joined a job which ended meanwhile is reported by one of its own.
                None => self.insert(Job { stage: Stage::Waiting, ..job.clone() }),
            }
            installed.push((job, is_new));
        }
        installed
    }

    /// Moves a job to a stage; false if there is no such job.
    pub fn advance(&mut self, id: &JobId, stage: Stage) -> bool {
        let Some(entry) = self.by_id.get_mut(id) else { return false };
        entry.job.stage = stage;
        entry.measure();
        true
    }

    /// Ends the time in which alerts join the job, unless one has joined since there were `joins` of them.
    pub fn close(&mut self, id: &JobId, joins: u64) -> bool {
        let Some(entry) = self.by_id.get(id) else { return true };
        if entry.joins != joins {
            return false;
        }
        if self.open.get(&entry.job.plan) == Some(id) {
            self.open.remove(&entry.job.plan);
        }
        true
    }

    /// Takes a job off.
    pub fn remove(&mut self, id: &JobId) {
        if let Some(entry) = self.by_id.remove(id)
            && self.open.get(&entry.job.plan) == Some(id)
        {
            self.open.remove(&entry.job.plan);
        }
    }

    /// Returns how many alerts have joined the job in this process, and when the last one did.
    pub fn joined(&self, id: &JobId) -> (u64, Option<Instant>) {
        self.by_id.get(id).map_or((0, None), |entry| (entry.joins, entry.joined_at))
    }

    /// Returns a job.
    pub fn job(&self, id: &JobId) -> Option<&Job> {
        self.by_id.get(id).map(|entry| &entry.job)
    }

    /// All jobs, oldest first.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.by_id.values().map(|entry| &entry.job)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(super) fn nudge(&self, id: &JobId) -> Option<Nudge> {
        self.by_id.get(id).map(|entry| entry.nudge.clone())
    }

    /// Ends the pauses before the next attempts of the jobs that `is_meant`. Returns these, each with its attempts so
    /// far.
    pub(super) fn hurry(&self, is_meant: &dyn Fn(&Job) -> bool) -> Vec<(JobId, u32)> {
        let mut hurried = Vec::new();
        for Entry { job, turn, .. } in self.by_id.values().filter(|entry| is_meant(&entry.job)) {
            if let Some(tries) = job.tries() {
                turn.notify_one();
                hurried.push((job.id.clone(), tries));
            }
        }
        hurried
    }

    pub(super) fn turn(&self, id: &JobId) -> Option<Nudge> {
        self.by_id.get(id).map(|entry| entry.turn.clone())
    }

    /// The recipients to whom `mail` is news at `now`: they have not received the same report within
    /// `notification.repeat_after`, and are not about to; or to whom it was promised.
    pub fn recipients(&self, mail: &Mail, promises: &[Mail], settings: &Settings, now: Timestamp) -> Vec<Recipient> {
        let within = settings.notification.repeat_after;
        let everybody = settings.mail_to(mail.plan.as_ref()).iter().map(Recipient::new);
        let wants = |to: &Recipient| {
            within.is_zero()
                || promises.iter().any(|interim| interim.promises(mail, to))
                || !self.has_it(mail, to, now, within)
        };
        everybody.filter(wants).collect()
    }

    /// Whether `to` received this report within this time, or is about to receive it.
    pub fn has_it(&self, mail: &Mail, to: &Recipient, now: Timestamp, within: Duration) -> bool {
        let same = |other: &&Mail| other.plan == mail.plan && other.digest == mail.digest;
        let others = self.jobs().flat_map(Job::mails).filter(same);
        let underway = others.flat_map(|other| &other.recipients).any(|other| {
            other.email() == to.email()
                && match other.state {
                    RecipientState::Pending { .. } => true,
                    RecipientState::Delivered { at } => sent::is_within(at, now, within),
                    RecipientState::GivenUp { .. } => false,
                }
        });
        underway || self.sent.has(mail, &to.email(), now, within)
    }
}

impl Entry {
    fn new(job: Job) -> Self {
        let (nudge, turn) = (Nudge::default(), Nudge::default());
        let mut entry = Self { job, bytes: 0, joins: 0, joined_at: None, nudge, turn };
        entry.measure();
        entry
    }

    fn measure(&mut self) {
        self.bytes = encode(&self.job).len() + self.job.alerts.kept.len() * ALERT_BYTES;
    }
}
