//! What a plan's earlier runs say about this one: what can be restored, what is unusual, when it should be done. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::PlanFacts;
use crate::model::history::{History, ModuleRecord, RunRecord};
use crate::model::plan::{Layout, ModuleId, ModuleResult, Plan};
use crate::model::run::{Assessment, Outcome, State};

/// Runs that are compared with this one, and how many of them must have a value.
const COMPARED: usize = 14;
const ENOUGH: usize = 3;
/// Smaller differences are not unusual, whatever their ratio: bytes, files, seconds.
const SMALL: [u64; 3] = [1 << 20, 10, 600];

/// A plan's run beside its earlier ones.
#[derive(Clone, Copy)]
pub(super) struct Trend<'a> {
    plan: &'a Plan,
    assessment: &'a Assessment,
    history: Option<&'a History>,
}

/// The runs without a success that end with this one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Streak {
    /// Their number, this run included.
    pub(super) runs: usize,
    /// In how many of them the module failed, rather than leaving no result.
    pub(super) failed: usize,
}

/// A figure that leaves the range of the last runs by far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unusual {
    pub(super) kind: Kind,
    pub(super) value: u64,
    /// The least and the most of the last runs.
    pub(super) before: (u64, u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// In bytes.
    Size,
    Files,
    /// In seconds.
    Duration,
}

impl<'a> Trend<'a> {
    pub(super) fn new(facts: &PlanFacts<'a>) -> Self {
        Self { plan: facts.plan, assessment: facts.assessment, history: facts.history }
    }

    /// Returns the runs before this one, newest first.
    fn earlier(self) -> impl Iterator<Item = &'a RunRecord> {
        let runs = self.history.map_or(&[][..], |history| &history.runs);
        runs.iter().rev().filter(move |run| !self.is_this(run))
    }

    /// Whether a record is this run's own: it has the same due time, or shares a result.
    fn is_this(self, run: &RunRecord) -> bool {
        if let (Some(recorded), Some(due)) = (run.due, self.assessment.due) {
            return recorded == due;
        }
        let of_this_run = |state: State| matches!(state, State::Success | State::Error);
        self.assessment.modules.iter().filter(|(_, state)| of_this_run(*state)).any(|(id, _)| {
            let end = self.plan.results.get(id).and_then(|result| result.end);
            let recorded = run.modules.get(id).filter(|record| of_this_run(record.state));
            end.is_some() && recorded.is_some_and(|record| record.end == end)
        })
    }

    /// Returns how many runs in a row were no success, this one included, which is none.
    pub(super) fn failed_runs(self) -> usize {
        let judged = self.earlier().filter(|run| !matches!(run.outcome, Outcome::Unknown | Outcome::Test));
        1 + judged.take_while(|run| !matches!(run.outcome, Outcome::Success | Outcome::Recovered)).count()
    }

    /// Returns the module's runs without a success, of which this one is the last.
    pub(super) fn streak(self, id: &ModuleId, state: State) -> Streak {
        let mut streak = Streak { runs: 1, failed: usize::from(state == State::Error) };
        for run in self.earlier() {
            match run.modules.get(id).map(|record| record.state) {
                Some(State::Success) => break,
                Some(State::Error) => streak.failed += 1,
                Some(State::Stale | State::Missing) => {}
                None if run.outcome == Outcome::Missed => {}
                None => break,
            }
            streak.runs += 1;
        }
        streak
    }

    /// Returns when the module was last backed up before this run; `None` if that is not known.
    pub(super) fn last_good(self, id: &ModuleId) -> Option<Timestamp> {
        let recorded = self.earlier().filter_map(|run| run.modules.get(id)).filter(is_good).filter_map(|good| good.end);
        let still_there = self.plan.results.get(id).filter(|result| result.errors == 0).and_then(|result| result.end);
        recorded.chain(still_there).max()
    }

    /// Returns the number of recorded runs in which the module had a part, this one included.
    pub(super) fn runs_on_record(self, id: &ModuleId) -> usize {
        1 + self.earlier().filter(|run| run.modules.contains_key(id)).count()
    }

    /// Returns the figures of a success that are far off those of its last runs.
    pub(super) fn unusual(self, id: &ModuleId, result: &ModuleResult) -> Vec<Unusual> {
        let seconds = duration(result).map(|duration| duration.as_secs());
        let figures: [(Kind, Option<u64>, fn(&ModuleRecord) -> Option<u64>); 3] = [
            (Kind::Size, result.total_size, |record| record.size),
            (Kind::Files, result.total_file_count, |record| record.files),
            (Kind::Duration, seconds, |record| record.seconds),
        ];
        let records: Vec<&ModuleRecord> =
            self.earlier().filter_map(|run| run.modules.get(id)).filter(is_good).take(COMPARED).collect();
        let mut unusual = Vec::new();
        for ((kind, value, recorded), small) in figures.into_iter().zip(SMALL) {
            let before: Vec<u64> = records.iter().filter_map(|record| recorded(record)).collect();
            let (Some(value), Some(least), Some(most)) = (value, before.iter().min(), before.iter().max()) else {
                continue;
            };
            let far = value < least / 2 && least - value >= small || value / 2 > *most && value - most >= small;
            if before.len() >= ENOUGH && far {
                unusual.push(Unusual { kind, value, before: (*least, *most) });
            }
        }
        unusual
    }

    /// Returns how long the module usually takes: the median of its last successes, else its last result.
    fn usual_duration(self, id: &ModuleId) -> Option<Duration> {
        let records = self.earlier().filter_map(|run| run.modules.get(id)).filter(is_good);
        let mut seconds: Vec<u64> = records.filter_map(|record| record.seconds).take(COMPARED).collect();
        seconds.sort_unstable();
        let median = seconds.get(seconds.len() / 2).copied().map(Duration::from_secs);
        median.or_else(|| self.plan.results.get(id).and_then(duration))
    }
}

fn is_good(record: &&ModuleRecord) -> bool {
    record.state == State::Success
}

/// How long a module took; `None` too if it ended before it started, by a clock that was set back.
pub(super) fn duration(result: &ModuleResult) -> Option<Duration> {
    Duration::try_from(result.end?.duration_since(result.start?)).ok()
}

/// Returns the modules without a result of this run, each with when it should be done.
///
/// A node of layout C backs its modules up one after the other, in an order that is not known here: all that are
/// missing on it should be done once their usual durations have passed since its newest result. In layout B each
/// module starts by itself when the plan is due. `None` for a module of a node of which a duration is not known.
pub fn expected(
    plan: &Plan,
    assessment: &Assessment,
    history: Option<&History>,
) -> BTreeMap<ModuleId, Option<Timestamp>> {
    let trend = Trend { plan, assessment, history };
    let missing = assessment.unsettled();
    let node = |id: &ModuleId| plan.modules.get(id).and_then(|module| module.node.as_deref());
    let layout_c = plan.results.values().map(|result| result.layout).max().is_none_or(|newest| newest == Layout::C);
    let done = |of: &str| {
        let on_node = |id: &ModuleId| node(id) == Some(of);
        let settled = plan.results.iter().filter(|(id, _)| !missing.contains(*id) && on_node(id));
        let began = settled.filter_map(|(_, result)| result.end).max().or(assessment.due)?;
        let left: Option<Duration> = missing.iter().filter(|id| on_node(id)).map(|id| trend.usual_duration(id)).sum();
        began.checked_add(left?).ok()
    };
    let expect = |id: &ModuleId| match layout_c {
        true => done(node(id)?),
        false => assessment.due?.checked_add(trend.usual_duration(id)?).ok(),
    };
    missing.iter().map(|id| (id.clone(), expect(id))).collect()
}
