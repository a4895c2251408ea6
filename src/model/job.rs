//! A job: what one alert sets in motion, from its arrival until every recipient has the mail. Pure;
//! [`crate::job::store`] keeps it on disk.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::alert::{Alert, Alerts, Kind};
use super::mail::{Mail, Recipient, RecipientState};
use super::plan::PlanId;
use super::run::Outcome;
use super::time::age;

/// The version of the file format that this program writes. It reads every version up to this one.
pub const VERSION: u32 = 2;

/// Alertmanager repeats an alert this long after it began, as NS8 has it.
const REPEATED: Duration = Duration::from_secs(12 * 3600);

/// A job's name: the UTC time of its arrival and four random digits, so that names sort by age.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(String);

impl JobId {
    /// A new name for a job that arrives at `now`; `random` tells jobs of one second apart.
    pub fn new(now: Timestamp, random: u16) -> Self {
        Self(format!("{}-{random:04x}", now.strftime("%Y%m%d-%H%M%S")))
    }

    /// Takes a name that was given before; `None` for what cannot be one, such as a path.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (!text.is_empty() && text.len() <= 64 && text.chars().all(plain)).then(|| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A job, as it stands in its file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The file format's version.
    pub version: u32,
    /// The job's name.
    pub id: JobId,
    /// The plan; `None` where the alert names none and the recent ones are reported.
    pub plan: Option<PlanId>,
    /// When the first alert was accepted.
    pub accepted_at: Timestamp,
    /// The alerts.
    #[serde(flatten)]
    pub alerts: Alerts,
    /// How far the job has come.
    pub stage: Stage,
}

/// The stage of a job. Each variant owns what its stage needs; `docs/development.md` draws the transitions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The run may still be going; nothing is written.
    Waiting,
    /// The reports are written, and not addressed yet.
    Examined(Examined),
    /// The reports are on their way.
    Delivering(Delivery),
    /// An interim report is out; the final one follows when the run is over.
    Following(Following),
    /// Every recipient has the final report, or was given up.
    Done(Done),
}

/// Reports that are written and have no recipients yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Examined {
    /// One mail for each plan that is reported.
    pub mails: Vec<Mail>,
    /// Whether a final report follows.
    pub interim: bool,
    /// The attempts made so far, for a report that replaces one that nobody has received.
    pub attempts: Attempts,
    /// The interim mails that somebody has: the final ones were promised to them, whatever these say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promises: Vec<Mail>,
}

/// Attempts to deliver a report, and the time spent between them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// The number of attempts so far.
    #[serde(default, rename = "attempts")]
    pub count: u32,
    /// Seconds spent in pauses between attempts. Counted rather than derived from the wall clock, so that neither a
    /// clock that jumps nor a machine that was off uses up `notification.retry_for`.
    #[serde(default)]
    pub waited_seconds: u64,
    /// When the next attempt is due; for people to read.
    #[serde(default)]
    pub next_attempt_at: Option<Timestamp>,
}

/// Mails on their way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// One mail for each plan that is reported.
    pub mails: Vec<Mail>,
    /// The attempts so far.
    #[serde(flatten)]
    pub attempts: Attempts,
    /// Whether a final report follows.
    #[serde(default)]
    pub interim: bool,
}

/// The wait for the end of a run of which an interim report is out, or nothing is to be said yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Following {
    /// When it began.
    pub since: Timestamp,
    /// The interim mails, with what became of each.
    pub interim: Vec<Mail>,
    /// Whether there has been nothing to say yet: a report follows as soon as there is.
    #[serde(default)]
    pub silent: bool,
}

/// What became of a job's last report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The mails, with what became of each.
    pub mails: Vec<Mail>,
}

impl Job {
    /// Creates a job for alerts of `plan`.
    pub fn new(id: JobId, plan: Option<PlanId>, accepted_at: Timestamp, alerts: Alerts) -> Self {
        Self { version: VERSION, id, plan, accepted_at, alerts, stage: Stage::Waiting }
    }

    /// What the job is about, for people: `plan 2`.
    pub fn about(&self) -> String {
        match &self.plan {
            Some(plan) => format!("plan {}", plan.as_str().escape_debug()),
            None => "no plan in particular".into(),
        }
    }

    /// The plan as the journal's field `BACKUP_ID`; empty where the alert names none.
    pub fn plan_field(&self) -> &str {
        self.plan.as_ref().map_or("", PlanId::as_str)
    }

    /// Returns the mails of the current stage.
    pub fn mails(&self) -> &[Mail] {
        match &self.stage {
            Stage::Waiting => &[],
            Stage::Examined(Examined { mails, .. })
            | Stage::Delivering(Delivery { mails, .. })
            | Stage::Following(Following { interim: mails, .. })
            | Stage::Done(Done { mails }) => mails,
        }
    }

    /// Returns how often its mails were tried; `None` if none waits for an attempt.
    pub fn tries(&self) -> Option<u32> {
        match &self.stage {
            Stage::Delivering(delivery) if delivery.pending() > 0 => Some(delivery.attempts.count),
            _ => None,
        }
    }

    /// Returns the interim mails that somebody has.
    pub fn promises(&self) -> Vec<Mail> {
        let is_promise = |mail: &&Mail| mail.is_interim() && mail.recipients.iter().any(Recipient::is_delivered);
        self.mails().iter().filter(is_promise).cloned().collect()
    }

    /// Returns whether further alerts of the plan join this job: until its final report is being written. One that
    /// names no plan keeps to the plans of its first report.
    pub fn takes_alerts(&self) -> bool {
        match &self.stage {
            Stage::Waiting => true,
            _ if self.plan.is_none() => false,
            Stage::Following(_) => true,
            Stage::Examined(examined) => examined.interim,
            Stage::Delivering(delivery) => delivery.interim,
            Stage::Done(_) => false,
        }
    }

    /// Returns whether it may be about `plan`: it names that, or none and has not reported others yet.
    pub fn may_be_about(&self, plan: &PlanId) -> bool {
        let mut reported = self.mails().iter().filter_map(|mail| mail.plan.as_ref()).peekable();
        self.plan.is_some() || reported.peek().is_none() || reported.any(|reported| reported == plan)
    }

    /// Returns since when a plan must have a result to be what an alert without a plan is about: for `window` before
    /// the alert began. It may have been repeated for hours.
    pub fn recent_since(&self, window: Duration) -> Timestamp {
        let earliest = self.accepted_at.saturating_sub(REPEATED).unwrap_or(self.accepted_at);
        self.alert_start().max(earliest).saturating_sub(window).unwrap_or(Timestamp::MIN)
    }

    /// Returns whether it reports the results of `plan` up to this time: it is yet to read them, or has. One that has
    /// nothing to say yet hears of a run that hangs only from the watch.
    pub fn reports(&self, plan: &PlanId, until: Option<Timestamp>) -> bool {
        let has_read = || self.mails().iter().all(|mail| Some(mail.written_at) > until);
        let is_silent = matches!(&self.stage, Stage::Following(following) if following.silent);
        self.plan.as_ref() == Some(plan) && !is_silent && (self.takes_alerts() || has_read())
    }

    /// Returns the time as of which its run is looked for, at `now`: that of its arrival; when
    /// the run was due, if the watch says that it did not start; or now, if all it has said is
    /// that the cluster could not be read. Another run may have begun since, whose alert has joined it.
    pub fn reference(&self, now: Timestamp) -> Timestamp {
        let mails = self.mails();
        let says_nothing = !mails.is_empty() && mails.iter().all(|mail| mail.outcome == Outcome::Unknown);
        // The watch says when the run was due that did not start. Another may have begun by the time it says so.
        match self.alerts.kept.iter().all(|alert| alert.news() == Some(Kind::Missed)) {
            _ if says_nothing => now.max(self.accepted_at),
            true => self.alert_start(),
            false => self.accepted_at,
        }
    }

    /// Whether one of its alerts says that a module failed, and may mean a run before the one that was due at `due`.
    /// The watch says which it means.
    pub fn may_mean_before(&self, due: Timestamp) -> bool {
        self.alerts.kept.iter().any(|alert| match alert.news() {
            None => !alert.says_missing(),
            Some(Kind::Failed) => alert.due().is_some_and(|of_run| of_run < due),
            Some(_) => false,
        })
    }

    /// When a failure, or a missing run, was last alerted: the newest start of its alerts, no later than its arrival.
    /// `None` if they are the watch's and say that all is well.
    pub fn failure_start(&self) -> Option<Timestamp> {
        (!self.alerts.kept.iter().all(Alert::is_good)).then(|| self.alert_start())
    }

    /// When something failed, as an alert says: the newest start of those that do, no later than the job's arrival.
    /// `None` if no alert does, as one of a missing run, or if none says when: it may be somebody's test.
    pub fn failed_at(&self) -> Option<Timestamp> {
        self.newest_start(|alert| !alert.says_missing() && !alert.is_good())
    }

    /// When the alert began: the newest start of its alerts, no later than its arrival.
    pub fn alert_start(&self) -> Timestamp {
        self.newest_start(|_| true).unwrap_or(self.accepted_at)
    }

    /// The newest start of the alerts that count, no later than the job's arrival; `None` if none of them has one.
    fn newest_start(&self, counts: fn(&Alert) -> bool) -> Option<Timestamp> {
        let counting = self.alerts.kept.iter().filter(|alert| counts(alert));
        counting.filter_map(|alert| alert.starts_at).max().map(|start| start.min(self.accepted_at))
    }

    /// Whether all of its alerts began before it: each repeats one of an earlier run.
    pub fn is_reminder(&self) -> bool {
        self.alerts.kept.iter().all(|alert| alert.starts_at.is_some_and(|start| start < self.accepted_at))
    }

    /// Whether one of its alerts says that a run is missing.
    pub fn says_missing(&self) -> bool {
        self.alerts.kept.iter().any(Alert::says_missing)
    }

    /// Returns how much of a time of `whole` since the job's arrival is left at `now`.
    pub fn time_left(&self, whole: Duration, now: Timestamp) -> Duration {
        time_left(self.accepted_at, whole, now)
    }
}

/// Returns how much of the time limit `whole`, which started at `since`, is left at `now`: at most `whole`, even if the
/// clock was set back.
pub fn time_left(since: Timestamp, whole: Duration, now: Timestamp) -> Duration {
    whole.saturating_sub(age(since, now))
}

impl Following {
    /// Follows a run of which there is nothing to say yet.
    pub fn silently(now: Timestamp) -> Self {
        Self { since: now, interim: Vec::new(), silent: true }
    }
}

impl Delivery {
    /// Returns what follows at `now`, once every recipient has the report or was given up.
    pub fn next(self, now: Timestamp) -> Stage {
        match self.interim {
            false => Stage::Done(Done { mails: self.mails }),
            true => Stage::Following(Following { since: now, interim: self.mails, silent: false }),
        }
    }

    /// Returns the number of deliveries, counted by recipient, that are still to be made.
    pub fn pending(&self) -> usize {
        self.mails.iter().map(|mail| mail.pending().count()).sum()
    }

    /// Returns the recipients who still wait, each with the Message-ID of the mail.
    pub fn waiting(&self) -> Vec<(String, String)> {
        let of_mail = |mail: &Mail| -> Vec<_> {
            mail.pending().map(|to| (mail.message_id.clone(), to.address.clone())).collect()
        };
        self.mails.iter().flat_map(of_mail).collect()
    }

    /// Records what became of the mail with this Message-ID for one of its recipients.
    pub fn record(&mut self, message_id: &str, to: &str, state: RecipientState) {
        let mails = self.mails.iter_mut().filter(|mail| mail.message_id == message_id);
        if let Some(recipient) = mails.flat_map(|mail| &mut mail.recipients).find(|known| known.address == to) {
            recipient.state = state;
        }
    }

    /// Returns why the last attempt failed for a recipient who still waits.
    pub fn last_error(&self) -> Option<&str> {
        self.mails.iter().flat_map(Mail::pending).find_map(Recipient::last_error)
    }

    /// Returns whether nobody has received any of the mails.
    pub fn is_undelivered(&self) -> bool {
        !self.mails.iter().flat_map(|mail| &mail.recipients).any(Recipient::is_delivered)
    }

    /// Returns whether nobody has received the report and it may be out of date: an interim one, or one that says that
    /// the cluster could not be read.
    pub fn may_be_outdated(&self) -> bool {
        let says_nothing = self.mails.iter().all(|mail| mail.outcome == Outcome::Unknown);
        !self.mails.is_empty() && self.is_undelivered() && (self.interim || says_nothing)
    }

    /// Begins anew, with all attempts before it, for the recipients who have not received their mail; `at` is when the
    /// next attempt is due, if there were any.
    pub fn start_over(&mut self, at: Option<Timestamp>) {
        for given_up in self.mails.iter_mut().flat_map(|mail| &mut mail.recipients).filter(|to| !to.is_delivered()) {
            given_up.state = RecipientState::Pending { last_error: None };
        }
        self.attempts = Attempts { next_attempt_at: at, ..Attempts::default() };
    }
}

#[cfg(test)]
mod tests;
