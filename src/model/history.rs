//! The last runs of a plan: what still can be restored, and what is unusual. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::plan::{Module, ModuleId, ModuleResult, Plan, PlanId};
use super::reason::{Cause, Reasons};
use super::run::{Assessment, Counts, Outcome, State};
use super::schedule::{RETRIES, is_of_run};
use super::time::is_ahead;
use crate::model::order::map;

mod recall;
mod rows;
mod usual;
mod wire;

pub use rows::{LastGood, Streak, last_good, last_success};
pub use usual::{Quantity, Unusual, Usual};

/// The version of the file format that this program writes.
pub const VERSION: u32 = 1;
/// Maximum number of runs kept of one plan.
pub const MAX_RUNS: usize = 60;
/// Number of runs that [`History::marks`] shows.
pub const MARKS: usize = 14;

/// The last runs of one plan, oldest first.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "wire::File")]
pub struct History {
    /// The file format's version. What is above [`VERSION`] must not be written.
    pub version: u32,
    /// The plan.
    pub plan: PlanId,
    /// Its display name when it was last seen.
    pub name: Option<String>,
    /// When a failed or missed run was last reported, if no run without failures has been reported, or has become the
    /// one before the last, since.
    pub trouble: Option<Timestamp>,
    /// The runs, oldest first, at most [`MAX_RUNS`].
    pub runs: Vec<RunRecord>,
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// When it was due by the plan's schedule; `None` if there is none, or if it is not known.
    pub due: Option<Timestamp>,
    /// When the run before was due, or until when nobody saw whether one ran; `None` if neither is known.
    pub previous_due: Option<Timestamp>,
    /// The newest end of its modules; for a run without any result, when it was noticed.
    pub at: Timestamp,
    /// The outcome, [`Outcome::Missed`] for a run that did not start.
    pub outcome: Outcome,
    /// Whether every member had a result, or no more were expected.
    pub over: bool,
    /// When a recipient first got a mail that says what this record says; `None` if nobody has.
    pub reported: Option<Timestamp>,
    /// Each module's part.
    pub modules: BTreeMap<ModuleId, ModuleRecord>,
}

/// One module's part in one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleRecord {
    /// Its state.
    pub state: State,
    /// When its backup ended; `None` if it has no result of this run.
    pub end: Option<Timestamp>,
    /// How long it took, in seconds.
    pub seconds: Option<u64>,
    /// The size of its newest snapshot, in bytes; `None` if that was not read.
    pub size: Option<u64>,
    /// The number of files in its newest snapshot; `None` if they were not read.
    pub files: Option<u64>,
    /// When its last good backup ended, if that was seen, and is of no earlier run on record; `None` for a success.
    pub good_before: Option<Timestamp>,
    /// The number of errors of a failure; 0 if it is not known.
    pub errors: u32,
    /// The number of the node on which it failed; `None` if it is not known.
    pub node: Option<i64>,
    /// Whether the run's log shows that it wrote a whole snapshot, although it is no success.
    pub snapshot_written: bool,
}

impl RunRecord {
    /// Returns what `plan` says about the run that was due at `due`, its modules being in these states. `at` is the
    /// time of a run without any result.
    pub fn new<'a>(
        plan: &Plan,
        due: Option<Timestamp>,
        at: Timestamp,
        outcome: Outcome,
        over: bool,
        states: &mut dyn Iterator<Item = (&'a ModuleId, State)>,
    ) -> Self {
        let part = |(id, state): (&'a ModuleId, State)| {
            let last = plan.results.get(id);
            let result = last.filter(|_| matches!(state, State::Success | State::Error));
            let earlier = last.filter(|last| result.is_none() && last.errors == 0);
            let failure = result.filter(|result| result.errors > 0);
            let node = || plan.modules.get(id).and_then(Module::node_of_run)?.parse().ok();
            let seconds = result.and_then(|result| Some(result.end?.duration_since(result.start?).as_secs()));
            let record = ModuleRecord {
                state,
                end: result.and_then(|result| result.end).map(whole_seconds),
                seconds: seconds.and_then(|seconds| seconds.try_into().ok()),
                size: result.and_then(ModuleResult::size),
                files: result.and_then(ModuleResult::files),
                good_before: earlier.and_then(|result| result.end).map(whole_seconds),
                errors: failure.map_or(0, |result| result.errors.try_into().unwrap_or(u32::MAX)),
                node: failure.and_then(|_| node()),
                snapshot_written: false,
            };
            (id.clone(), record)
        };
        let modules = map(states.map(part));
        let at = modules.values().filter_map(|module| module.end).max().unwrap_or(whole_seconds(at));
        Self { due, previous_due: None, at, outcome, over, reported: None, modules }
    }

    /// Notes which modules without a success wrote a snapshot all the same, as the run's log shows. A snapshot that
    /// lacks files is no backup.
    pub fn learn(&mut self, reasons: &Reasons) {
        for (id, part) in self.modules.iter_mut().filter(|(_, part)| part.state != State::Success) {
            part.snapshot_written = reasons.modules.get(id).is_some_and(|reason| {
                reason.snapshot_written == Some(true) && reason.cause != Some(Cause::SourceUnreadable)
            });
        }
    }

    /// Whether every module succeeded.
    pub fn is_good(&self) -> bool {
        matches!(self.outcome, Outcome::Success | Outcome::Recovered)
    }

    /// Whether it is known to have failed. A run last seen before its end and without a failure is neither good nor
    /// bad.
    pub fn is_bad(&self) -> bool {
        !self.is_good() && (self.over || self.modules.values().any(|part| part.state == State::Error))
    }

    /// The modules that failed or are absent, each with the end of its backup.
    pub fn troubles(&self) -> impl Iterator<Item = (&ModuleId, Option<Timestamp>)> {
        let troubled = self.modules.iter().filter(|(_, module)| module.state != State::Success);
        troubled.map(|(id, module)| (id, module.end))
    }

    /// Whether any module had a result of it.
    pub fn has_results(&self) -> bool {
        self.modules.values().any(|part| part.end.is_some())
    }

    /// Whether each module of `other` is part of it.
    fn has_modules_of(&self, other: &Self) -> bool {
        other.modules.keys().all(|id| self.modules.contains_key(id))
    }

    /// Whether this run directly follows `earlier`, as far as is known. A run that was due while `earlier` was running
    /// did not start.
    fn follows(&self, earlier: &Self) -> bool {
        let was_retried = earlier.over && earlier.modules.values().any(|part| part.end.is_none());
        let retries = if was_retried { RETRIES } else { Duration::ZERO };
        let over = if earlier.has_results() { earlier.at.saturating_add(retries).ok() } else { None };
        self.previous_due.is_none_or(|due| due <= earlier.time() || Some(due) <= over)
    }

    /// Whether it was said to be missed, by a clock that was ahead, and nothing was due then, as `later` has it.
    fn is_refuted_by(&self, later: &Self) -> bool {
        let is_between = later.previous_due.is_some() && later.previous_due < self.due && self.due < later.due;
        self.outcome == Outcome::Missed && !self.has_results() && is_between
    }

    /// The sort key: the due time, else the newest result.
    fn time(&self) -> Timestamp {
        self.due.unwrap_or(self.at)
    }

    /// Whether `later` is another reading of the same run: due at the same time; or with each result that this one has,
    /// although due at another time; or, if it is not known when, with the same result of some module.
    fn is_read_again_as(&self, later: &Self) -> bool {
        let mut ended = self.modules.iter().filter(|(_, part)| part.end.is_some());
        let is_there = |(id, part): (_, &ModuleRecord)| later.modules.get(id).map(|later| later.end) == Some(part.end);
        match (self.due, later.due) {
            (Some(due), Some(later)) if due == later => true,
            // The schedule was edited, or is known only now.
            (Some(_), Some(_)) => self.has_results() && ended.all(is_there),
            _ => ended.any(is_there),
        }
    }

    /// Whether `later`, another reading by its due time or results, is another run: after this one was over, somebody
    /// started one by hand, which has backed a module up again.
    fn is_followed_by(&self, later: &Self) -> bool {
        let is_anew = |(id, part): (&ModuleId, &ModuleRecord)| {
            let later = later.modules.get(id).and_then(|part| part.end);
            part.end.zip(later).is_some_and(|(known, later)| known != later)
        };
        self.over && (self.modules.iter().any(is_anew) || self.due.is_none() && self.is_long_before(later))
    }

    /// Turns this record into a manual run after `known`: drops the results that `known` already has.
    fn leave_out(&mut self, known: &Self) {
        let is_knowns =
            |id: &ModuleId, part: &ModuleRecord| known.modules.get(id).is_some_and(|known| known.end == part.end);
        let read = self.modules.clone();
        self.modules.retain(|id, part| !is_knowns(id, part));
        (self.due, self.previous_due) = (None, None);
        self.judge(&read);
    }

    /// Recomputes the outcome from the modules, after a reading that had `read`. If that was no success although each
    /// of them succeeded, since one is dated ahead, the run is none either.
    fn judge(&mut self, read: &BTreeMap<ModuleId, ModuleRecord>) {
        let counted =
            |parts: &BTreeMap<ModuleId, ModuleRecord>| Counts::of(&mut parts.values().map(|part| part.state)).outcome();
        let is_contradicted = self.outcome == Outcome::RepoFailure && counted(read) == Outcome::Success;
        self.outcome = match counted(&self.modules) {
            Outcome::Success if is_contradicted => Outcome::RepoFailure,
            outcome => outcome,
        };
    }

    /// Keeps to what `known`, an earlier reading of the same run, has: of modules that have no result any more, since
    /// they moved to another node; of modules that left the plan with a result, or once the run was over; and without
    /// modules that joined it then. A run that was over is over, unless a module has ended since.
    fn keep(&mut self, known: &Self) {
        let (before, own) = (self.modules.clone(), self.has_results());
        for (id, part) in known.modules.iter().filter(|(_, part)| known.over || part.end.is_some()) {
            self.modules.entry(id.clone()).or_insert_with(|| part.clone());
        }
        self.modules.retain(|id, part| part.end.is_some() || !known.over || known.modules.contains_key(id));
        for (id, part) in self.modules.iter_mut().filter(|(_, part)| part.end.is_none()) {
            if let Some(known) = known.modules.get(id).filter(|known| known.end.is_some()) {
                part.clone_from(known);
            }
        }
        for (id, part) in self.modules.iter_mut().filter(|(_, part)| part.state != State::Success) {
            let Some(known) = known.modules.get(id) else { continue };
            part.good_before = part.good_before.or(known.good_before);
            if part.end == known.end {
                part.node = part.node.or(known.node);
                part.snapshot_written |= known.snapshot_written;
            }
        }
        let ends = |run: &Self| run.modules.values().filter_map(|part| part.end).collect::<Vec<_>>();
        self.over |= known.over && ends(self) == ends(known);
        let newest = self.modules.values().filter_map(|part| part.end).max();
        self.at = newest.max(own.then_some(self.at)).unwrap_or(self.at);
        if self.modules != before && (self.outcome != Outcome::Missed || self.has_results()) {
            self.judge(&before);
        }
    }

    /// Whether both say the same about the run, so that a mail about one is a mail about the other.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        self.is_good() == other.is_good() && self.over == other.over && self.troubles().eq(other.troubles())
    }
}

/// Returns the modules whose last result is a failure in the run of `plan` before the one that `assessment` is about,
/// each with its end. There are none if something has failed in that one.
pub fn failed_before<'a>(
    plan: &'a Plan,
    assessment: &'a Assessment,
) -> impl Iterator<Item = (&'a ModuleId, Timestamp)> {
    let before = assessment.previous_due.filter(|_| assessment.counts.error == 0);
    assessment.modules.iter().filter(|(_, state)| *state == State::Stale).filter_map(move |(id, _)| {
        let (before, result) = (before?, plan.results.get(id)?);
        Some((id, result.end?)).filter(|_| result.errors > 0 && is_of_run(result, before))
    })
}

impl History {
    /// Returns the history of a plan of which no run is known.
    pub fn new(plan: PlanId) -> Self {
        Self { version: VERSION, plan, name: None, trouble: None, runs: Vec::new() }
    }

    /// Drops runs dated after `now` by a clock that was ahead. Results carry the time of their node.
    pub fn not_after(&mut self, now: Timestamp) {
        let dated = |run: &RunRecord| run.due.or((!run.has_results()).then_some(run.at));
        self.runs.retain(|run| dated(run).is_none_or(|time| !is_ahead(time, now)));
    }

    /// Records a run. Another reading of the last run, or of an earlier one that is still known, replaces it; whether
    /// it was reported is kept if both say the same. Returns whether anything has changed.
    pub fn record(&mut self, run: RunRecord) -> bool {
        let reported = run.reported;
        self.runs.retain(|known| !known.is_refuted_by(&run));
        let (known, run) = self.reading(run);
        let place = known.unwrap_or_else(|| self.runs.partition_point(|known| known.time() <= run.time()));
        let is_newest = known.is_none() && place == self.runs.len();
        if is_newest && self.runs.last().is_some_and(|last| last.is_good() && last.has_modules_of(&run)) {
            // All was well again in the run before.
            self.trouble = None;
        }
        match reported {
            Some(_) if run.is_good() => self.trouble = None,
            Some(_) if run.is_bad() => self.trouble = reported,
            _ => {}
        }
        match known {
            Some(place) if self.runs[place] == run => return false,
            Some(place) => self.runs[place] = run,
            None if place == 0 && self.runs.len() >= MAX_RUNS => return false,
            None => self.runs.insert(place, run),
        }
        if self.runs.len() > MAX_RUNS {
            self.drop_oldest();
        }
        true
    }

    /// Returns `run` as [`record`](Self::record) would keep it.
    pub fn recorded(&self, run: RunRecord) -> RunRecord {
        self.reading(run).1
    }

    /// Returns `run` with what an earlier reading of it has, and the place of that.
    fn reading(&self, mut run: RunRecord) -> (Option<usize>, RunRecord) {
        for known in &self.runs {
            if known.is_read_again_as(&run) && known.is_followed_by(&run) {
                run.leave_out(known);
            }
        }
        let place = self.runs.iter().rposition(|known| known.is_read_again_as(&run));
        if let Some(known) = place.map(|place| &self.runs[place]) {
            // The due time, once known, is kept by a reading after the schedule was edited.
            run.previous_due = match run.due.is_some() && known.due.is_some() && run.due != known.due {
                true => run.previous_due.min(known.previous_due),
                false => run.previous_due.or(known.previous_due),
            };
            run.due = known.due.or(run.due);
            run.keep(known);
            if run.reported.is_none() && known.says_the_same_as(&run) {
                run.reported = known.reported;
            }
        }
        (place, run)
    }

    /// Returns when a module failed in the run of `plan` before the one that `assessment` is about, if nobody was
    /// mailed about that and nothing has failed since.
    pub fn unreported_failure(&self, plan: &Plan, assessment: &Assessment) -> Option<Timestamp> {
        failed_before(plan, assessment).filter(|(id, end)| !self.is_told(id, *end)).map(|(_, end)| end).max()
    }

    /// Whether somebody was mailed about the run in which the backup of `module` ended at `end`.
    pub fn is_told(&self, module: &ModuleId, end: Timestamp) -> bool {
        let end = Some(whole_seconds(end));
        let has_it = |run: &RunRecord| run.modules.get(module).is_some_and(|part| part.end == end);
        self.runs.iter().any(|run| run.reported.is_some() && has_it(run))
    }

    /// Returns one character for each of the last [`MARKS`] runs, oldest first: `+` good, `x` failed, `!` missed, `?`
    /// without a failure when it was last seen, before its end.
    pub fn marks(&self) -> String {
        let mark = |run: &RunRecord| match run.outcome {
            _ if run.is_good() => '+',
            Outcome::Missed => '!',
            _ if run.is_bad() => 'x',
            _ => '?',
        };
        self.runs[self.runs.len().saturating_sub(MARKS)..].iter().map(mark).collect()
    }

    /// Returns one character for the part of `module` in each of the last [`MARKS`] runs, oldest first: `+` success,
    /// `x` error, `-` no result, a space if it was not part of the run.
    pub fn module_marks(&self, module: &ModuleId) -> String {
        let mark = |run: &RunRecord| match run.modules.get(module).map(|part| part.state) {
            Some(State::Success) => '+',
            Some(State::Error) => 'x',
            Some(State::Stale | State::Missing) => '-',
            None => ' ',
        };
        self.runs[self.runs.len().saturating_sub(MARKS)..].iter().map(mark).collect()
    }
}

/// The file holds whole seconds, as NS8 does.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests;
