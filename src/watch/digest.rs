//! The digest: all plans, and the monitor itself, on one page. The sign of life. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::model::cluster::ReadError;
use crate::model::history::{History, LastGood, Streak};
use crate::model::plan::{ModuleId, PlanId};
use crate::model::run::{Outcome, State};
use crate::model::time::{age, is_ahead};

mod blocks;
mod plan;

pub use blocks::{html, html_mail, subject, text};
pub use plan::Known;

/// The version of the JSON.
pub const VERSION: u32 = 1;
/// How old the watch's last look may be.
const LOOKS_EVERY: Duration = Duration::from_secs(3600);

/// All that the digest says. As JSON, version 1: members may be added.
#[derive(Debug, Clone, Serialize)]
pub struct Digest {
    /// The version of the JSON.
    pub version: u32,
    /// When it was written.
    pub written_at: Timestamp,
    /// Whether it is the weekly mail, which is the sign of life.
    #[serde(skip)]
    pub weekly: bool,
    /// The host that wrote it.
    pub host: String,
    /// The cluster's name.
    pub cluster: Option<String>,
    /// Why the cluster could not be read; then nothing is known of any plan.
    #[serde(serialize_with = "as_reason")]
    pub unreadable: Option<ReadError>,
    /// The plans, by id.
    pub plans: Vec<PlanDigest>,
    /// The modules in no plan, each with its name; `None` if it is not known which they are.
    pub unplanned: Option<BTreeMap<ModuleId, Option<String>>>,
    /// The monitor itself.
    pub monitor: Monitor,
}

/// How a plan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// A person should look at it.
    Attention,
    /// All is well, as far as is known.
    Fine,
    /// It is switched off.
    Disabled,
}

/// One plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanDigest {
    /// Its id.
    pub id: PlanId,
    /// Its display name.
    pub name: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// Its calendar expression.
    pub schedule: Option<String>,
    /// Whether systemd does not accept that.
    pub schedule_invalid: bool,
    /// Whether it is switched on, and systemd computes no time at which it would run.
    pub never_due: bool,
    /// The outcome of its last run; `None` if it has not run, or is running.
    pub outcome: Option<Outcome>,
    /// Whether it seems to be running: some members have no result yet, and none failed.
    pub running: bool,
    /// When its last run ended or, if it was missed or has no result, was due.
    pub last_run: Option<Timestamp>,
    /// When the run after that was due, if it has no result yet and may still have one.
    pub due_since: Option<Timestamp>,
    /// When it is due next.
    pub next_run: Option<Timestamp>,
    /// The number of its members.
    pub modules: usize,
    /// Whether it is known to have none.
    #[serde(skip)]
    pub is_empty: bool,
    /// The number of its entries that could not be read, or not be believed.
    pub damaged: usize,
    /// The members that failed or have no result of the last run.
    pub troubled: Vec<Troubled>,
    /// The size of the newest snapshots of all members, in bytes, as far as it is known.
    pub size: Option<u64>,
    /// The size of the same members in the oldest run of the last month without a failure, with its time.
    pub size_before: Option<(Timestamp, u64)>,
    /// One character for each of the last runs, oldest first: `+` good, `x` failed, `!` missed, `?` end not seen.
    pub last_runs: String,
    /// When the newest cluster backup at its destination was made; `None` if it is not known.
    pub cluster_backup: Option<Timestamp>,
    /// Its last runs, to be drawn. `history --json` has them.
    #[serde(skip)]
    pub history: Option<History>,
}

/// A member that is not backed up as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Troubled {
    /// Its id.
    pub module: ModuleId,
    /// Its display name.
    pub name: Option<String>,
    /// Its state.
    pub state: State,
    /// Runs in a row without a success, this one included. As JSON their number, `failed_in_a_row`.
    #[serde(rename = "failed_in_a_row", serialize_with = "as_runs")]
    pub streak: Streak,
    /// The end of its last good backup, as far as is known.
    #[serde(serialize_with = "as_time")]
    pub last_good: Option<LastGood>,
}

/// The monitor itself.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Monitor {
    /// Alertmanager and its route to us.
    pub alertmanager: Checked,
    /// The way out for mails.
    pub relay: Checked,
    /// The watch.
    pub watch: Checked,
    /// The queue.
    pub queue: Checked,
    /// When somebody last got a report about a plan.
    pub last_report: Option<Timestamp>,
}

impl Monitor {
    /// Whether each part of it works.
    pub fn works(&self) -> bool {
        [&self.alertmanager, &self.relay, &self.watch, &self.queue].iter().all(|part| part.ok)
    }
}

/// A part of the monitor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Whether nothing is known to be wrong with it.
    pub ok: bool,
    /// What was found.
    #[serde(serialize_with = "as_text")]
    pub found: Found,
}

/// What was found of a part of the monitor. Its text is English; it never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Found {
    /// In the words of `check`, which says what to do.
    #[error("{0}")]
    ByCheck(String),
    /// In the words of `check`, which does not know whether it works.
    #[error("{0}")]
    Unsure(String),
    /// The watch is switched off.
    #[error("watch.enabled is false")]
    WatchOff,
    /// The watch has never looked.
    #[error("it has never looked: systemctl status ns8-backup-monitor-watch.timer")]
    NeverLooked,
    /// Each of its looks has failed.
    #[error("no look has succeeded yet: journalctl -u ns8-backup-monitor-watch")]
    LookedInVain,
    /// When the watch looked last.
    #[error("last look: {0}")]
    LookedAt(Timestamp),
    /// What the queue holds.
    #[error("{jobs} job(s), {given_up} given up, {unreadable} unreadable: ns8-backup-monitor queue")]
    Queue {
        /// Jobs under way.
        jobs: usize,
        /// Jobs that were given up.
        given_up: usize,
        /// Files that could not be read.
        unreadable: usize,
    },
    /// The queue's folder cannot be read; the folder, and the system's words.
    #[error("{0}: {1}")]
    QueueUnreadable(String, String),
}

impl Default for Found {
    fn default() -> Self {
        Self::ByCheck(String::new())
    }
}

fn as_runs<S: Serializer>(streak: &Streak, serializer: S) -> Result<S::Ok, S::Error> {
    streak.runs.serialize(serializer)
}

fn as_time<S: Serializer>(good: &Option<LastGood>, serializer: S) -> Result<S::Ok, S::Error> {
    good.map(|good| good.at).serialize(serializer)
}

fn as_text<S: Serializer>(found: &Found, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(found)
}

fn as_reason<S: Serializer>(why: &Option<ReadError>, serializer: S) -> Result<S::Ok, S::Error> {
    why.as_ref().map(ToString::to_string).serialize(serializer)
}

/// When the watch last looked, successfully.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    /// Then.
    At(Timestamp),
    /// It has looked, and failed each time.
    InVain,
    /// It has not run yet.
    Never,
    /// Nobody knows, for this reason.
    Unknown(String),
}

impl Checked {
    /// Judges when the watch last looked, at `now`.
    pub fn watch(enabled: bool, looked: Looked, now: Timestamp) -> Self {
        let is_recent = |at| age(at, now) <= LOOKS_EVERY && !is_ahead(at, now);
        let ok = enabled && matches!(looked, Looked::At(at) if is_recent(at));
        let found = match looked {
            _ if !enabled => Found::WatchOff,
            Looked::At(at) => Found::LookedAt(at),
            Looked::InVain => Found::LookedInVain,
            Looked::Never => Found::NeverLooked,
            Looked::Unknown(why) => Found::ByCheck(why),
        };
        Self { ok, found }
    }
}

#[cfg(test)]
mod tests;
