//! Runs that did not start.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::Watched;
use crate::model::ended::{Progress, QUIET, far_too_late};
use crate::model::history::{History, RunRecord};
use crate::model::schedule::TOLERANCE;
use crate::model::time::age;
use crate::watch::memory::Announced;
use crate::watch::news::{Kind, News};
use crate::watch::run::Run;
use crate::watch::running::PATIENCE;

/// A plan that does not run at all, though it is due several times a day, is news this often.
const AGAIN: Duration = Duration::from_secs(23 * 3600);

impl Watched<'_> {
    /// Looks for a run that has not started in time: one that was due `watch.grace` ago, or as long as its first result
    /// usually takes, and the plan has no result since. Returns when the last such run was due.
    pub(super) fn missed(&mut self) -> Option<Timestamp> {
        let (now, grace) = (self.facts.now, self.facts.settings.watch.grace);
        self.known.waits_since = self.waits_since();
        if let Some(due) = self.ended_by_log() {
            return Some(due);
        }
        let deadline = now.checked_sub(grace).ok()?;
        let counts = |due: &Timestamp| *due > self.known.since;
        let elapses = &self.elapses.before;
        let last = elapses.iter().copied().find(|due| *due <= deadline);
        let owed = self.known.due_before.filter(|due| self.known.owed && *due <= deadline);
        let overdue = last.filter(counts).or(owed);
        let due = match (overdue, elapses.last()) {
            (Some(due), _) => due,
            // A plan that runs more often than that has missed something if it has not run for so long.
            (None, Some(oldest)) if last.is_none() && self.known.waits_since.is_some_and(|due| due <= deadline) => {
                *oldest
            }
            // It is due for the first time.
            _ => return None,
        };
        if self.has_run_since(due) {
            return None;
        }
        // Its first module takes very long.
        if self.progress() == Progress::Running && self.age(due) < PATIENCE {
            return None;
        }
        if self.known.last(Kind::Missed).is_some_and(|said| said.due == Some(due)) {
            return Some(due);
        }
        let usual = self.history().and_then(History::usual_first_result).map(Duration::from_secs);
        // By its log it has not started: there is nothing to wait for.
        let usual = usual.filter(|_| self.progress() != Progress::NotStarted);
        let patience = usual.map_or(grace, |usual| grace.max(far_too_late(usual)));
        overdue.is_none_or(|due| self.age(due) >= patience).then_some(due)
    }

    /// The oldest elapse since which the plan has no result, as far as any look has seen.
    fn waits_since(&self) -> Option<Timestamp> {
        let counts = |due: &Timestamp| *due > self.known.since && !self.has_run_since(*due);
        let seen = self.known.waits_since.filter(counts);
        seen.or_else(|| self.elapses.before.iter().copied().take_while(counts).last())
    }

    /// When the plan was last due, also before it was edited or switched off, if by its log the run that began then is
    /// over without a result.
    fn ended_by_log(&self) -> Option<Timestamp> {
        let is_its_log = |due: &Timestamp| *due > self.known.since && self.elapses.of_run(self.plan) == Some(*due);
        let due = self.elapses.last().filter(is_its_log).or(self.known.last_due_before())?;
        let is_over = self.age(due) >= QUIET && self.progress() == Progress::Over;
        (is_over && !self.has_run_since(due)).then_some(due)
    }

    /// Whether the plan has any result from after `since`, or had one, of a module that has left it.
    fn has_run_since(&self, since: Timestamp) -> bool {
        let since = since.saturating_sub(TOLERANCE).unwrap_or(since);
        if self.known.ran_at > Some(since) {
            return true;
        }
        let latest = self.facts.now.saturating_add(TOLERANCE).unwrap_or(since);
        let mut ends = self.plan.results.values().filter_map(|result| result.end);
        // A result from the future, by a clock that runs ahead, says only that something has changed.
        ends.any(|end| end > since && (end <= latest || self.known.changed_at > since))
    }

    /// Whether somebody was mailed about a later run than the one that was due at `due`, and that is bad too.
    fn is_told_later(&self, due: Timestamp) -> bool {
        let is_it = |run: &RunRecord| run.due > Some(due) && run.reported.is_some() && run.is_bad();
        self.history().is_some_and(|history| history.runs.iter().any(is_it))
    }

    pub(super) fn announce_missed(&self, run: &Run<'_>, due: Timestamp) -> Option<News> {
        let newest = self.plan.newest_end();
        let is_it = |said: &Announced| said.due == Some(due) && said.over && said.kind != Kind::ClusterBackup;
        // By when they were due: by its log, one run is known to be missed sooner than another.
        let (since, grace) = (self.known.since, self.facts.settings.watch.grace);
        let soon = |said: Timestamp| if said > since { AGAIN } else { grace };
        let is_soon_after = |said: &Announced| said.due.is_some_and(|said| age(said, due) < soon(said));
        let again = |said: &Announced| said.newest == newest && is_soon_after(said);
        if self.known.announced.iter().any(is_it) || self.known.last(Kind::Missed).is_some_and(again) {
            return None;
        }
        let noticed = due.checked_add(self.facts.settings.watch.grace).ok();
        let record = self.read(Some(due)).record_missed(self.facts.now);
        if (self.facts.in_queue)(&self.plan.id, noticed) || self.is_reported(record) || self.is_told_later(due) {
            return None;
        }
        // If nobody has heard of a failure in the run before, this mail tells that as well.
        let (kind, absent) = match self.progress() {
            Progress::Running => (Kind::Hangs, self.known.members.clone()),
            Progress::Over => (Kind::Failed, self.known.members.clone()),
            Progress::NotStarted | Progress::Unknown => (Kind::Missed, BTreeSet::new()),
        };
        let news = self.describe(kind, run, true);
        Some(News { due: Some(due), newest, errors: run.errors.clone(), absent, ..news })
    }
}
