//! A job: what one alert sets in motion, from its arrival until every recipient has the mail. Pure; [`crate::queue`]
//! keeps it on disk.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::cluster::model::PlanId;

/// The version of the file format that this program writes. It reads every version up to this one.
pub const VERSION: u32 = 1;

/// At most this many different alerts are kept with a job; the rest are counted.
pub const MAX_ALERTS: usize = 50;

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
    /// The alerts, each kind once, in order of arrival.
    pub alerts: Vec<Alert>,
    /// How many further alerts have joined without being kept.
    #[serde(default)]
    pub alerts_left_out: u64,
    /// How far the job has come.
    pub stage: Stage,
}

/// How far a job has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Waiting for the plan's modules; nothing has been read.
    Waiting,
    /// The mails are written and on their way.
    Delivering(Delivery),
}

/// Mails on their way, and how often that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// One mail for each plan that is reported.
    pub mails: Vec<Mail>,
    /// Attempts so far.
    #[serde(default)]
    pub attempts: u32,
    /// Seconds spent in pauses between attempts. Counted rather than derived from the wall clock, so that neither a
    /// clock that jumps nor a machine that was off uses up `notification.retry_for`.
    #[serde(default)]
    pub waited_seconds: u64,
    /// When the next attempt is due; for people to read.
    #[serde(default)]
    pub next_attempt_at: Option<Timestamp>,
}

/// One report, written and addressed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    /// The plan reported; `None` where the report is about no plan in particular.
    pub plan: Option<PlanId>,
    /// `SUCCESS`, `PARTIAL`, `REPO_FAILURE`, or `UNKNOWN` where the cluster could not be read.
    pub outcome: String,
    /// Tells whether two reports say the same: a digest of the plan's results.
    pub digest: String,
    /// When it was written.
    pub written_at: Timestamp,
    /// The subject, prefix included.
    pub subject: String,
    /// The text.
    pub body: String,
    /// The `Message-ID`, in angle brackets; the same at every attempt.
    pub message_id: String,
    /// What mails of one plan refer to, so that they form a thread; in angle brackets.
    pub thread_id: String,
    /// The recipients, each with what became of it.
    pub recipients: Vec<Recipient>,
}

/// One recipient of one mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipient {
    /// The mailbox, as configured.
    pub address: String,
    /// What became of it.
    pub state: RecipientState,
}

/// What became of a mail for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientState {
    /// Not delivered yet; the last attempt's error, if there was one.
    Pending {
        /// Why the last attempt failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_error: Option<String>,
    },
    /// Handed to the relay.
    Delivered {
        /// When.
        at: Timestamp,
    },
    /// Given up.
    GivenUp {
        /// When.
        at: Timestamp,
        /// The relay's words, or ours.
        reason: String,
    },
}

impl Job {
    /// A job for the first alert of `plan`.
    pub fn new(id: JobId, plan: Option<PlanId>, accepted_at: Timestamp, alert: Alert) -> Self {
        Self { version: VERSION, id, plan, accepted_at, alerts: vec![alert], alerts_left_out: 0, stage: Stage::Waiting }
    }

    /// Takes in a further alert of the same plan. False where that changes nothing.
    pub fn join(&mut self, alert: Alert) -> bool {
        if self.alerts.contains(&alert) {
            return false;
        }
        match self.alerts.len() < MAX_ALERTS {
            true => self.alerts.push(alert),
            false => self.alerts_left_out += 1,
        }
        true
    }

    /// Whether further alerts of the plan join this job.
    pub fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting)
    }

    /// When the alert began: the newest start of its alerts, no later than its arrival.
    pub fn alert_start(&self) -> Timestamp {
        let newest = self.alerts.iter().filter_map(|alert| alert.starts_at).max();
        newest.unwrap_or(self.accepted_at).min(self.accepted_at)
    }

    /// How much of a wait of `whole` seconds is left at `now`. A clock that was set back makes it `whole` again at
    /// most, one that was set forward ends it.
    pub fn wait_left(&self, whole: Duration, now: Timestamp) -> Duration {
        let elapsed = Duration::try_from(now.duration_since(self.accepted_at)).unwrap_or_default();
        whole.saturating_sub(elapsed)
    }
}

impl Mail {
    /// The recipients that still wait for this mail.
    pub fn pending(&self) -> impl Iterator<Item = &Recipient> {
        self.recipients.iter().filter(|recipient| matches!(recipient.state, RecipientState::Pending { .. }))
    }
}

impl Delivery {
    /// Mails that were just written.
    pub fn new(mails: Vec<Mail>) -> Self {
        Self { mails, attempts: 0, waited_seconds: 0, next_attempt_at: None }
    }

    /// How many deliveries, counted by recipient, are still to be made.
    pub fn pending(&self) -> usize {
        self.mails.iter().map(|mail| mail.pending().count()).sum()
    }

    /// Whether anybody has been given up on.
    pub fn any_given_up(&self) -> bool {
        let given_up = |recipient: &Recipient| matches!(recipient.state, RecipientState::GivenUp { .. });
        self.mails.iter().any(|mail| mail.recipients.iter().any(given_up))
    }
}
