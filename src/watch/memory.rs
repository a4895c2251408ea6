//! What the watch remembers from one tick to the next: since when it knows each plan, and what it has announced.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use jiff::Timestamp;
use log::warn;
use serde::{Deserialize, Serialize};

use super::cluster_backup::Seen;
use super::news::{Kind, News, Subject};
use crate::model::plan::{ModuleId, Plan, PlanId};
use crate::model::schedule::{Elapses, TOLERANCE, is_of_run};
use crate::model::time::{age, is_ahead};
use crate::system::files;

/// The version of the file format.
const VERSION: u32 = 1;
/// Largest file that is read, in bytes: 200 plans of 1,000 modules take 4 MB.
const MAX_FILE: u64 = 32 << 20;
/// A run begins its first backup this long after it was due at most: the leader stores the cluster's own first.
const BEGINS_WITHIN: Duration = Duration::from_secs(600);
/// Elapses of a frequent plan are asked for as far back as this.
const KEEP_SKIPPED: Duration = Duration::from_secs(8 * 86_400);
/// The last run of a plan that was switched off is over by then; what runs later was started by hand.
const LAST_RUN: Duration = Duration::from_secs(2 * 86_400);
/// Announcements kept of one plan.
const MAX_ANNOUNCED: usize = 8;

/// What the watch remembers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    version: u32,
    /// When it last looked, successfully.
    #[serde(default)]
    pub looked_at: Option<Timestamp>,
    /// Whether the clock was behind that, at a look that was none.
    #[serde(default)]
    pub was_behind: bool,
    /// Whether this node was the one that watches.
    #[serde(default)]
    pub watching: Option<bool>,
    /// The time zone that the elapses were computed in.
    #[serde(default)]
    pub zone: Option<String>,
    /// Since when the cluster cannot be read, and whether that was announced.
    #[serde(default)]
    pub unreadable: Option<(Timestamp, bool)>,
    /// The cluster backup at each destination.
    #[serde(default)]
    pub cluster_backups: BTreeMap<String, Seen>,
    /// What it knows of each plan.
    #[serde(default)]
    pub plans: BTreeMap<PlanId, PlanMemory>,
}

/// What the watch remembers of one plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanMemory {
    /// Whether the plan was enabled.
    pub enabled: bool,
    /// Its schedule.
    pub schedule: Option<String>,
    /// When it was first seen enabled with this schedule. Only what is due later can be missed.
    pub since: Timestamp,
    /// When the run was due before, during or after which the plan was edited or switched off.
    pub due_before: Option<Timestamp>,
    /// Whether the plan was seen unchanged since `due_before`, so that it was due then for certain.
    pub owed: bool,
    /// When it was last seen before it was edited, if that is long before `since`.
    pub edited_after: Option<Timestamp>,
    /// Until when nobody saw whether it ran: it was met, or edited after an absence of the watch, then.
    pub unseen_until: Option<Timestamp>,
    /// The oldest elapse since which it has no result, as far as any look has seen.
    pub waits_since: Option<Timestamp>,
    /// When its schedule elapses; `None` if that is not known.
    pub elapses: Option<Elapses>,
    /// When systemd was last asked for that, and answered.
    pub asked_at: Option<Timestamp>,
    /// When the run was due that by its log went on at the last look.
    pub goes_on: Option<Timestamp>,
    /// Elapses at which, by its log, the run before went on.
    pub skipped: BTreeSet<Timestamp>,
    /// Whether systemd does not accept the schedule.
    pub invalid: bool,
    /// Its members.
    pub members: BTreeSet<ModuleId>,
    /// Members that were not always there, each with when it was first seen.
    pub newcomers: BTreeMap<ModuleId, Timestamp>,
    /// Tells one state of the results from another.
    pub results: u64,
    /// When they were last seen to change.
    pub changed_at: Timestamp,
    /// The newest end of any result that was seen, also of a module that has left the plan since.
    pub ran_at: Option<Timestamp>,
    /// The state of the results after which there was nothing left to say.
    pub settled: Option<u64>,
    /// The state of the run that is in the history.
    pub recorded: Option<u64>,
    /// The last announcements, oldest first.
    pub announced: Vec<Announced>,
    /// What somebody was mailed about that it failed, each with the end of that backup.
    pub told_errors: BTreeMap<Subject, Timestamp>,
    /// Modules without a result that somebody was mailed about, each with when the run was due.
    pub told_absent: BTreeMap<ModuleId, Timestamp>,
    /// Whether the last thing that was said is bad.
    pub troubled: bool,
}

/// One announcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// What was announced.
    pub kind: Kind,
    /// When the run was due.
    pub due: Option<Timestamp>,
    /// Whether the run was over.
    pub over: bool,
    /// The newest result.
    pub newest: Option<Timestamp>,
    /// When it was announced.
    pub at: Timestamp,
}

impl Memory {
    /// Reads what an earlier tick has saved. What makes no sense is set aside: the watch then meets every plan for the
    /// first time.
    ///
    /// # Errors
    /// Returns an error if the file is there and cannot be read.
    pub fn load(state: &Path) -> io::Result<Self> {
        let file = Self::file(state);
        let content = match files::read(&file, MAX_FILE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) if files::is_lost(&error) => Err(error.to_string()),
            Err(error) => return Err(error),
            Ok(content) => serde_json::from_slice(&content).map_err(|error| error.to_string()),
        };
        let known = |memory: Self| match memory.version {
            0..=VERSION => Ok(memory),
            version => Err(format!("it is of version {version}")),
        };
        content.and_then(known).or_else(|why| {
            let aside = files::set_aside(&file)?;
            warn!("{} makes no sense: {why}; it was set aside as {}", file.display(), aside.display());
            Ok(Self::default())
        })
    }

    /// Reads what was saved up to now, without changing anything.
    ///
    /// # Errors
    /// Returns an error if it cannot be read.
    pub fn read(state: &Path) -> io::Result<Self> {
        let mut memory: Self = serde_json::from_slice(&files::read(&Self::file(state), MAX_FILE)?)?;
        memory.not_after(Timestamp::now());
        Ok(memory)
    }

    /// Whether the clock, by which it is `now`, is not to be believed yet: it is behind the last look for the first
    /// time. What is dated ahead would be forgotten for good, and it may be right again at the next look.
    pub fn doubts(&mut self, now: Timestamp) -> bool {
        let is_behind = self.looked_at.is_some_and(|at| is_ahead(at, now));
        !std::mem::replace(&mut self.was_behind, is_behind) && is_behind
    }

    /// Forgets what a clock that was once ahead has dated after `now`.
    pub fn not_after(&mut self, now: Timestamp) {
        self.plans.values_mut().for_each(|plan| plan.not_after(now));
    }

    /// Returns since when `plan` is known to have the schedule that it has at `now`; `None` if this node does not
    /// watch. A schedule that the watch has not seen yet is new.
    pub fn since(&self, plan: &Plan, now: Timestamp) -> Option<Timestamp> {
        if self.looked_at.is_none() || self.watching == Some(false) {
            return None;
        }
        let known = self.plans.get(&plan.id).filter(|known| known.schedule == plan.schedule);
        Some(known.map_or(now, |known| known.since.min(now)))
    }

    /// Returns those of `elapses`, newest first, that `plan` was due at, and since when they count. If it was edited,
    /// and has not been due since, that is the last elapse of the schedule before, also if the watch has not seen it
    /// yet.
    pub fn times(&self, plan: &Plan, elapses: &[Timestamp], now: Timestamp) -> (Vec<Timestamp>, Option<Timestamp>) {
        let since = self.since(plan, now);
        if since.is_none_or(|since| elapses.first().is_some_and(|last| *last > since)) {
            return (elapses.to_vec(), since);
        }
        let is_seen = |known: &PlanMemory| known.schedule == plan.schedule && known.enabled == plan.enabled;
        let before = self.plans.get(&plan.id).and_then(|known| match is_seen(known) {
            true => known.due_before,
            false => known.last_due(plan, now),
        });
        (before.filter(|due| *due <= now).into_iter().collect(), None)
    }

    /// Counts the results up to now as settled: another node has watched, and has mailed those that are well.
    pub fn take_over(&mut self) {
        for plan in self.plans.values_mut().filter(|plan| !plan.troubled) {
            plan.settled = Some(plan.results);
        }
    }

    /// Saves it for the next tick.
    ///
    /// # Errors
    /// Returns an error if it is not on disk.
    pub fn save(&mut self, state: &Path) -> io::Result<()> {
        self.version = VERSION;
        files::make_folder(state)?;
        let content = serde_json::to_vec(self)?;
        let file = Self::file(state);
        if fs::read(&file).is_ok_and(|known| known == content) {
            return Ok(());
        }
        files::write(&file, &content)
    }

    /// Remembers that `news` is with the service.
    pub fn announced(&mut self, news: &News) {
        let Some(plan) = self.plans.get_mut(&news.plan) else { return };
        let everybody = plan.members.clone();
        plan.told(&news.errors, if news.kind == Kind::Missed { &everybody } else { &news.absent }, news.due);
        plan.troubled = match news.kind {
            Kind::Failed | Kind::Missed | Kind::Hangs => true,
            Kind::Recovered | Kind::Success => false,
            Kind::ClusterBackup | Kind::Unreadable => plan.troubled,
        };
        if !plan.troubled {
            // What fails after an all-clear is news again.
            plan.announced.retain(|known| known.due != news.due);
        }
        plan.note(news.announcement());
    }

    fn file(state: &Path) -> PathBuf {
        state.join("watch.json")
    }
}

impl PlanMemory {
    /// A plan that is met for the first time at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { since: now, unseen_until: Some(now), changed_at: now, ..Self::default() }
    }

    /// Whether `module` was a member when a run was due.
    pub fn was_member(&self, module: &ModuleId, due: Timestamp) -> bool {
        self.newcomers.get(module).is_none_or(|seen| *seen <= due)
    }

    /// Whether somebody was mailed that `module` has no result of the run that was due at `due`.
    pub fn told_absent(&self, module: &ModuleId, due: Timestamp) -> bool {
        self.told_absent.get(module).is_some_and(|told| *told >= due)
    }

    /// Returns the elapses of its schedule, without those at which the run before went on.
    pub fn own_elapses(&self) -> Elapses {
        self.elapses.as_ref().map(|elapses| self.own(elapses)).unwrap_or_default()
    }

    /// Returns `elapses` without those at which the run before went on.
    pub fn own(&self, elapses: &Elapses) -> Elapses {
        let is_own = |due: &Timestamp| !self.skipped.contains(due);
        Elapses { before: elapses.before.iter().copied().filter(is_own).collect(), next: elapses.next }
    }

    /// Whether `plan` is watched at `now`: it is switched on, or its last run may still be going on.
    pub fn is_watched(&self, plan: &Plan, now: Timestamp) -> bool {
        plan.enabled || self.due_before.is_some_and(|due| age(due, now) < LAST_RUN)
    }

    /// Returns when it was due before it was edited or switched off, if it has not been due since.
    pub fn last_due_before(&self) -> Option<Timestamp> {
        let is_due_since = self.own_elapses().last().is_some_and(|last| last > self.since);
        self.due_before.filter(|_| !is_due_since)
    }

    /// Returns when the last run of `plan` was due by the schedule that is known, at `now`.
    pub fn last_due(&self, plan: &Plan, now: Timestamp) -> Option<Timestamp> {
        let elapses = self.own_elapses();
        let next = elapses.next.filter(|next| *next <= now);
        next.or(elapses.of_run(plan)).filter(|due| *due > self.since).or(self.due_before)
    }

    /// Counts the last elapse although the schedule was first seen later, if nobody looked in between, and a backup of
    /// `plan` began then: it had the schedule already. So it had if `is_on_record`, which is asked only if that matters,
    /// says that a run was due then: the memory was lost since.
    pub fn date_back(&mut self, plan: &Plan, is_on_record: impl FnOnce(Timestamp) -> bool) {
        let has_begun = |due: Timestamp| {
            let until = due.saturating_add(BEGINS_WITHIN).unwrap_or(due);
            plan.results.values().any(|result| is_of_run(result, due) && result.start.is_some_and(|at| at <= until))
        };
        let last = self.elapses.as_ref().and_then(Elapses::last).filter(|due| *due <= self.since);
        let is_between = |due: Timestamp| self.edited_after.is_some_and(|at| at < due);
        if let Some(due) = last.filter(|due| is_between(*due) && has_begun(*due) || is_on_record(*due)) {
            (self.since, self.edited_after) = (due.saturating_sub(TOLERANCE).unwrap_or(due), None);
        }
    }

    /// Remembers about which failures, and which absences from the run due at `due`, somebody is mailed.
    pub fn told(&mut self, errors: &BTreeMap<Subject, Timestamp>, absent: &BTreeSet<ModuleId>, due: Option<Timestamp>) {
        self.told_errors.extend(errors.iter().map(|(id, end)| (id.clone(), *end)));
        if let Some(due) = due {
            self.told_absent.extend(absent.iter().map(|id| (id.clone(), due)));
        }
    }

    /// Remembers an announcement.
    pub fn note(&mut self, announcement: Announced) {
        self.announced.push(announcement);
        let too_many = self.announced.len().saturating_sub(MAX_ANNOUNCED);
        self.announced.drain(..too_many);
    }

    /// Returns the last announcement of this kind.
    pub fn last(&self, kind: Kind) -> Option<&Announced> {
        self.announced.iter().rev().find(|known| known.kind == kind)
    }

    fn not_after(&mut self, now: Timestamp) {
        let is_past = |time: &Timestamp| !is_ahead(*time, now);
        self.since = self.since.min(now);
        self.changed_at = self.changed_at.min(now);
        let Self { due_before, edited_after, unseen_until, waits_since, asked_at, goes_on, ran_at, .. } = self;
        for time in [due_before, edited_after, unseen_until, waits_since, asked_at, goes_on, ran_at] {
            *time = time.filter(is_past);
        }
        self.elapses.take_if(|elapses| elapses.last().is_some_and(|last| is_ahead(last, now)));
        self.skipped.retain(|due| age(*due, now) < KEEP_SKIPPED && is_past(due));
        self.announced.retain(|known| is_past(&known.at));
        self.told_absent.retain(|_, due| is_past(due));
        self.newcomers.values_mut().for_each(|seen| *seen = (*seen).min(now));
    }
}

#[cfg(test)]
mod tests;
