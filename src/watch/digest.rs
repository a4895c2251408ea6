//! The digest: all plans, and the monitor itself, on one page. The sign of life. Pure.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::as_of::AsOf;
use super::memory::Memory;
use crate::model::cluster::ReadError;
use crate::model::ended::Open;
use crate::model::history::{History, LastGood, Streak, last_good};
use crate::model::plan::{ModuleId, ModuleResult, Plan, PlanId};
use crate::model::run::{Assessment, Outcome, State};
use crate::model::schedule::Elapses;
use crate::model::time::{age, is_ahead};

mod blocks;

pub use blocks::{html, html_mail, subject, text};

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
    /// Whether it is running: some members have no result yet, and none failed.
    pub running: bool,
    /// When its last run ended or, if it was missed, was due.
    pub last_run: Option<Timestamp>,
    /// When the run after that was due, if it has no result yet and may still have one.
    pub due_since: Option<Timestamp>,
    /// When it is due next.
    pub next_run: Option<Timestamp>,
    /// The number of its members.
    pub modules: usize,
    /// The number of its entries that could not be read, or not be believed.
    pub damaged: usize,
    /// The members that failed or have no result of the last run.
    pub troubled: Vec<Troubled>,
    /// The size of the newest snapshots of all members, in bytes, as far as it is known.
    pub size: Option<u64>,
    /// The size of the same members in the oldest run of the last month without a failure, with its time.
    pub size_before: Option<(Timestamp, u64)>,
    /// One character for each of the last runs, oldest first: `+` good, `x` failed, `!` missed.
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
    /// That is not known; why.
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

/// What is known of a plan beside its results.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// When its schedule elapses.
    pub elapses: Option<&'a Elapses>,
    /// What the watch knows; `None` if nothing is watched.
    pub memory: Option<&'a Memory>,
    /// `watch.grace`.
    pub grace: Duration,
    /// Whether systemd does not accept the schedule.
    pub invalid: bool,
    /// Its history.
    pub history: Option<&'a History>,
    /// When the newest cluster backup at its destination was made.
    pub cluster_backup: Option<Timestamp>,
}

impl Known<'_> {
    /// Assesses the last run of `plan`. One without a result, that may still have one, is none yet: also returns when
    /// that was due.
    fn last_run<'p>(
        &self,
        plan: &'p Plan,
        stale_after: Option<Duration>,
        now: Timestamp,
    ) -> (Cow<'p, Plan>, Assessment, Option<Timestamp>) {
        let mut elapses = self.elapses.cloned().unwrap_or_default();
        let assess = |elapses: &Elapses| {
            AsOf::now(now, elapses, self.memory, stale_after).assess(plan, || self.history.cloned())
        };
        let (known, assessment) = assess(&elapses);
        if assessment.counts.success + assessment.counts.error > 0 || !self.may_go_on(plan, &assessment, now) {
            return (known, assessment, None);
        }
        elapses.before.retain(|due| Some(*due) < assessment.due);
        let (known, before) = assess(&elapses);
        (known, before, assessment.due)
    }

    /// Whether results of the run that `assessment` is about may still come: the watch has not said that it is over or
    /// did not start, and by its log it goes on, or it has not taken far longer than usual.
    fn may_go_on(&self, plan: &Plan, assessment: &Assessment, now: Timestamp) -> bool {
        let (Some(due), true) = (assessment.due, assessment.counts.absent() > 0) else { return false };
        let recorded = self.history.and_then(|history| history.runs.iter().rev().find(|run| run.due == Some(due)));
        let goes_on = self.memory.and_then(|memory| memory.plans.get(&plan.id)?.goes_on) == Some(due);
        let open = || Open::of(plan, assessment, self.history, self.grace, now);
        match recorded {
            Some(run) => !run.over,
            None => goes_on || open().is_some_and(|open| !open.is_far_too_late),
        }
    }
}

impl PlanDigest {
    /// Sums up one plan at `now`.
    pub fn new(plan: &Plan, known: Known<'_>, stale_after: Option<Duration>, now: Timestamp) -> Self {
        let (plan, assessment, due_since) = known.last_run(plan, stale_after, now);
        let last = known.history.and_then(|history| history.runs.last());
        let missed = last.filter(|run| run.outcome == Outcome::Missed && Some(run.at) > plan.newest_end());
        let has_run = plan.newest_sign().is_some();
        let is_open = || assessment.counts.error == 0 && known.may_go_on(&plan, &assessment, now);
        let running = has_run && missed.is_none() && due_since.is_none() && is_open();
        let outcome = match missed {
            Some(_) => Some(Outcome::Missed),
            None => Some(assessment.outcome).filter(|_| has_run && !running),
        };
        let members: BTreeSet<&ModuleId> = plan.members.iter().flatten().chain(plan.results.keys()).collect();
        let good = outcome.is_none_or(|outcome| matches!(outcome, Outcome::Success | Outcome::Recovered));
        let never_due = plan.enabled
            && known.elapses.map_or(plan.defined && plan.schedule.is_none(), |elapses| elapses.next.is_none());
        let is_whole = !known.invalid && !never_due && !members.is_empty() && plan.damaged.is_empty();
        let standing = match (plan.enabled, good && is_whole) {
            (false, _) => Standing::Disabled,
            (true, true) => Standing::Fine,
            (true, false) => Standing::Attention,
        };
        let troubled = assessment.modules.iter().filter(|(_, state)| *state != State::Success && outcome.is_some());
        // The run before is not on record.
        let unseen = assessment.previous_due.zip(last).is_some_and(|(due, last)| due > last.due.unwrap_or(last.at));
        let size = |id: &ModuleId| last_size(&plan, id, known.history);
        let sizes: Vec<(&ModuleId, u64)> = members.iter().filter_map(|id| Some((*id, size(id)?))).collect();
        Self {
            id: plan.id.clone(),
            name: plan.name.clone(),
            standing,
            schedule: plan.schedule.clone(),
            schedule_invalid: known.invalid,
            never_due,
            outcome,
            running,
            last_run: missed.map(|run| run.due.unwrap_or(run.at)).or(plan.newest_sign()),
            due_since,
            next_run: known.elapses.and_then(|elapses| elapses.next).filter(|_| plan.enabled),
            modules: members.len(),
            damaged: plan.damaged.len(),
            troubled: troubled.map(|(id, state)| trouble(&plan, id, *state, known.history, unseen, now)).collect(),
            size: sum(&mut sizes.iter().map(|(_, size)| Some(*size))),
            size_before: known.history.and_then(|history| size_before(history, &sizes, now)),
            last_runs: known.history.map(History::marks).unwrap_or_default(),
            cluster_backup: known.cluster_backup,
            history: known.history.cloned(),
        }
    }
}

/// The size of a module's newest snapshot that is known.
fn last_size(plan: &Plan, id: &ModuleId, history: Option<&History>) -> Option<u64> {
    let in_cluster = plan.results.get(id).and_then(ModuleResult::size);
    in_cluster.or_else(|| history?.last_size(id))
}

/// What is to be said of a member in trouble. `unseen`: the run before this one is not on record.
fn trouble(
    plan: &Plan,
    id: &ModuleId,
    state: State,
    history: Option<&History>,
    unseen: bool,
    now: Timestamp,
) -> Troubled {
    let result = plan.results.get(id);
    let good = last_good(history, result, id, now);
    let is_last = |good: &LastGood| result.is_some_and(|result| result.errors == 0 && result.end >= Some(good.at));
    Troubled {
        module: id.clone(),
        name: plan.modules.get(id).and_then(|module| module.ui_name.clone()),
        state,
        streak: Streak::new(history.filter(|_| !unseen), id, state),
        last_good: good.map(|good| LastGood { or_later: good.or_later || unseen && !is_last(&good), ..good }),
    }
}

/// The size of the modules whose `sizes` are known now, in the oldest good run of the last month that has them all.
fn size_before(history: &History, sizes: &[(&ModuleId, u64)], now: Timestamp) -> Option<(Timestamp, u64)> {
    let month_ago = now.checked_sub(Duration::from_secs(31 * 86_400)).ok()?;
    let (_, before) = history.runs.split_last()?;
    let mut good = before.iter().filter(|run| run.is_good() && run.at >= month_ago);
    good.find_map(|run| Some((run.at, sum(&mut sizes.iter().map(|(id, _)| run.modules.get(*id)?.size))?)))
}

/// The sum of `sizes`; `None` if there is none, or if one is not known.
fn sum(sizes: &mut dyn Iterator<Item = Option<u64>>) -> Option<u64> {
    let mut sum = None;
    for size in sizes {
        sum = Some(sum.unwrap_or(0_u64).saturating_add(size?));
    }
    sum
}

#[cfg(test)]
mod tests;
