//! What the runs on record say together: failures in a row, and what can be restored. A run that nobody saw may have
//! been good. Pure.

use jiff::Timestamp;

use super::{History, MAX_RUNS, ModuleRecord, RunRecord};
use crate::model::plan::{ModuleId, ModuleResult};
use crate::model::run::{Outcome, State};
use crate::model::time::is_ahead;

/// The last good backup of a module on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastGood {
    /// When it ended.
    pub at: Timestamp,
    /// Whether there may be a later one: not every run since is on record.
    pub or_later: bool,
    /// Whether its run failed all the same: by its log, the snapshot was written.
    pub with_errors: bool,
}

/// Runs in a row without a success of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streak {
    /// Their number, at least 1.
    pub runs: usize,
    /// In how many of them the module failed, rather than leaving no result.
    pub failed: usize,
    /// Whether there may be more: they reach back to the oldest run that is kept.
    pub or_more: bool,
}

impl Streak {
    /// Returns the runs without a success of `module` that end with this one, in which its state is `state`.
    pub fn new(history: Option<&History>, module: &ModuleId, state: State) -> Self {
        let (runs, failed) = history.map_or((0, 0), |history| {
            let runs = history.module_failed_in_a_row(module);
            let parts = history.runs.iter().rev().filter_map(|run| run.modules.get(module));
            (runs, parts.take(runs).filter(|part| part.state == State::Error).count())
        });
        // This run may not be on record yet.
        let (runs, failed) = (runs.max(1), failed.max(usize::from(state == State::Error)));
        let or_more = history.is_some_and(|history| history.is_module_cut_off(module, runs));
        Self { runs, failed, or_more }
    }
}

/// Returns the last backup of `module` that can be restored: of a success, or of a failure whose snapshot was written.
/// It is as `history` and `result`, its last one in the cluster, say at `now`; a time well after that is of a clock
/// that was wrong.
pub fn last_good(
    history: Option<&History>,
    result: Option<&ModuleResult>,
    module: &ModuleId,
    now: Timestamp,
) -> Option<LastGood> {
    newer(history.and_then(|history| history.last_good(module, now)), result, now)
}

/// Returns the last success of `module` in the same way.
pub fn last_success(
    history: Option<&History>,
    result: Option<&ModuleResult>,
    module: &ModuleId,
    now: Timestamp,
) -> Option<LastGood> {
    newer(history.and_then(|history| history.last(module, now, false)), result, now)
}

/// Returns the newer one of what is `recorded` and `result`, if that is a success.
fn newer(recorded: Option<LastGood>, result: Option<&ModuleResult>, now: Timestamp) -> Option<LastGood> {
    let success = result.filter(|result| result.errors == 0).and_then(|result| result.end);
    let is_newest = |at: &Timestamp| !is_ahead(*at, now) && recorded.is_none_or(|known| *at >= known.at);
    // No later run has left a result.
    let newest = success.filter(is_newest).map(|at| LastGood { at, or_later: false, with_errors: false });
    newest.or(recorded)
}

impl History {
    /// Returns the number of runs in a row, up to the last one, that failed or were missed. A run that nobody saw ends
    /// the row.
    pub fn failed_in_a_row(&self) -> usize {
        self.without_gap().take_while(|run| run.is_bad()).count()
    }

    /// Returns how many runs in a row directly before the last one failed or were missed, if that one is good and the
    /// one before on record is not. There are none if nobody saw the run directly before.
    pub fn recovered_from(&self) -> Option<usize> {
        let (last, before) = self.runs.split_last()?;
        let says = |run: &&RunRecord| run.is_bad() || run.is_good() && run.has_modules_of(last);
        let was_bad = before.iter().rev().find(says).is_some_and(RunRecord::is_bad);
        (last.is_good() && was_bad).then(|| self.without_gap().skip(1).take_while(|run| run.is_bad()).count())
    }

    /// Whether the last run before the one that was due at `due` was missed, and nobody was mailed about that.
    pub fn is_untold_miss_before(&self, due: Option<Timestamp>) -> bool {
        let before = self.runs.iter().rev().find(|run| run.due != due);
        before.is_some_and(|run| run.outcome == Outcome::Missed && run.reported.is_none())
    }

    /// Returns the number of runs in a row, up to the last one, in which `module` failed or had no result. Runs that it
    /// was not part of are passed over. A run that nobody saw ends the row.
    pub fn module_failed_in_a_row(&self, module: &ModuleId) -> usize {
        let is_bad = |(run, part): &(&RunRecord, &ModuleRecord)| match part.state {
            State::Success => false,
            State::Error => true,
            State::Stale | State::Missing => run.over,
        };
        let parts = self.without_gap().filter_map(|run| Some((run, run.modules.get(module)?)));
        parts.take_while(is_bad).count()
    }

    /// Returns the last backup of `module` that can be restored, as far as the history knows at `now`.
    pub fn last_good(&self, module: &ModuleId, now: Timestamp) -> Option<LastGood> {
        self.last(module, now, true)
    }

    /// Returns its last success or, with `written`, a failure whose snapshot was written.
    fn last(&self, module: &ModuleId, now: Timestamp, written: bool) -> Option<LastGood> {
        let (mut later, mut or_later): (Option<&RunRecord>, bool) = (None, false);
        let mut last: Option<LastGood> = None;
        for run in self.runs.iter().rev() {
            or_later |= later.is_some_and(|later| !later.follows(run));
            if let Some(part) = run.modules.get(module) {
                // Nobody saw how it went on, or its snapshot has no result.
                or_later |= later.is_some() && (!run.over || part.snapshot_written) && part.end.is_none();
                let with_errors = written && part.snapshot_written && part.end.is_some();
                let good = if with_errors { part.end } else { good(run, part) };
                let good = good.filter(|at| !is_ahead(*at, now) && last.is_none_or(|last| *at > last.at));
                last = good.map(|at| LastGood { at, or_later, with_errors }).or(last);
            }
            later = Some(run);
        }
        last
    }

    /// Whether a row of this many failed runs, as [`failed_in_a_row`](Self::failed_in_a_row) or
    /// [`recovered_from`](Self::recovered_from) has it, may be longer: it begins with the oldest run that is kept.
    pub fn is_cut_off(&self, failed: usize) -> bool {
        let good = usize::from(self.runs.last().is_some_and(RunRecord::is_good));
        self.runs.len() >= MAX_RUNS && failed + good == self.runs.len()
    }

    /// Whether a row of this many runs in which `module` failed or had no result may be longer.
    pub fn is_module_cut_off(&self, module: &ModuleId, failed: usize) -> bool {
        let has_it = |run: &&RunRecord| run.modules.contains_key(module);
        let begins_with_oldest = || self.runs.first().as_ref().is_some_and(has_it);
        self.runs.len() >= MAX_RUNS && begins_with_oldest() && self.runs.iter().filter(has_it).count() == failed
    }

    /// Drops the oldest run. When the last good backup of each of its modules ended is kept by the next run of that
    /// module, unless nobody saw whether there is a later one.
    pub(super) fn drop_oldest(&mut self) {
        let oldest = self.runs.remove(0);
        let without_gap = {
            let all: Vec<&RunRecord> = std::iter::once(&oldest).chain(&self.runs).collect();
            all.windows(2).take_while(|pair| pair[1].follows(pair[0])).count()
        };
        for (id, part) in &oldest.modules {
            let seen = oldest.over || part.end.is_some();
            let Some(good) = good(&oldest, part).filter(|_| seen) else { continue };
            let next = self.runs.iter_mut().take(without_gap).find_map(|run| run.modules.get_mut(id));
            if let Some(next) = next.filter(|next| next.state != State::Success) {
                next.good_before = next.good_before.max(Some(good));
            }
        }
    }

    /// The latest runs without a gap between them, newest first.
    fn without_gap(&self) -> impl Iterator<Item = &RunRecord> {
        let gap = self.runs.windows(2).rposition(|pair| !pair[1].follows(&pair[0]));
        self.runs[gap.map_or(0, |place| place + 1)..].iter().rev()
    }
}

/// When the last good backup that `run` knows of ended, as its `part` says.
fn good(run: &RunRecord, part: &ModuleRecord) -> Option<Timestamp> {
    match part.state {
        State::Success => part.end.or(Some(run.at)),
        State::Error | State::Stale | State::Missing => part.good_before,
    }
}
