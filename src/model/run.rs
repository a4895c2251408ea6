//! From what the cluster says to what it means: each module's state, and the plan's outcome. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::boundary::Boundary;
use super::plan::{ModuleId, Plan};
use super::schedule::{of_run, runs};
use crate::model::order::sort_by;

/// An alert that says that a run is missing may begin this long after a run that took place: that of the plan's other
/// modules.
const MISSING_AFTER: Duration = Duration::from_secs(3600);

/// A module's state in this run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It failed in this run.
    Error,
    /// Its last result is an earlier run's.
    Stale,
    /// A member without any result that could be read.
    #[default]
    Missing,
    /// It was backed up in this run.
    Success,
}

/// The outcome of a report, in the words of its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// Every module succeeded.
    Success,
    /// Some modules succeeded, or not all have a result.
    Partial,
    /// No module succeeded, or nothing is known.
    RepoFailure,
    /// The cluster could not be read.
    Unknown,
    /// The run did not start, as the watch found.
    Missed,
    /// Every module succeeded after a reported failure, or the cluster can be read again.
    Recovered,
    /// A test mail.
    Test,
}

impl Outcome {
    /// Returns the outcome's word, the same in every language.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Partial => "PARTIAL",
            Self::RepoFailure => "REPO_FAILURE",
            Self::Unknown => "UNKNOWN",
            Self::Missed => "MISSED",
            Self::Recovered => "RECOVERED",
            Self::Test => "TEST",
        }
    }
}

/// How many modules are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Modules that succeeded.
    pub success: usize,
    /// Modules that failed.
    pub error: usize,
    /// Modules whose last result is an earlier run's.
    pub stale: usize,
    /// Members without a result.
    pub missing: usize,
}

impl Counts {
    /// Counts modules in these states.
    pub(super) fn of(states: &mut dyn Iterator<Item = State>) -> Self {
        let mut counts = Self::default();
        for state in states {
            *match state {
                State::Success => &mut counts.success,
                State::Error => &mut counts.error,
                State::Stale => &mut counts.stale,
                State::Missing => &mut counts.missing,
            } += 1;
        }
        counts
    }

    /// Modules without a result of this run.
    pub fn absent(&self) -> usize {
        self.stale + self.missing
    }

    /// All modules.
    pub fn total(&self) -> usize {
        self.success + self.error + self.absent()
    }

    /// The outcome that these counts amount to.
    pub fn outcome(&self) -> Outcome {
        match (self.success, self.error, self.absent()) {
            (success, 0, 0) if success > 0 => Outcome::Success,
            (0, _, 0) | (0, 0, _) => Outcome::RepoFailure,
            _ => Outcome::Partial,
        }
    }
}

/// What tells the results of this run from those of an earlier one.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunRule<'a> {
    /// When the plan was due by its schedule: the times at or before the alert's arrival, newest first. Empty if there
    /// is no schedule or it is not known.
    pub due: &'a [Timestamp],
    /// When this schedule was first seen. Earlier due times belong to another schedule; `None`: it always applied.
    pub since: Option<Timestamp>,
    /// Members that have joined the plan, each with when it was first seen: a run that was due before is without them.
    pub joined: Option<&'a BTreeMap<ModuleId, Timestamp>>,
    /// The newest start of the alerts; `None` without an alert.
    pub alert_start: Option<Timestamp>,
    /// Whether an alert says that the run is missing.
    pub says_missing: bool,
    /// When something failed, as an alert says: a success that ended before is no explanation.
    pub failed_at: Option<Timestamp>,
    /// A result that ended this much before the newest one is an earlier run's; `None`: never.
    pub stale_after: Option<Duration>,
}

impl RunRule<'_> {
    /// Whether the plan was due at `due` by the schedule that it has.
    fn counts(&self, due: Timestamp) -> bool {
        self.since.is_none_or(|since| due > since)
    }
}

/// Why the report is not SUCCESS although every module succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contradiction {
    /// Layout A's own record of the plan says that it failed.
    PlanRecord,
    /// A success is dated in the future.
    Future,
    /// A failure alert began after the newest result.
    Alert {
        /// When it began.
        start: Timestamp,
    },
}

/// What a plan's results mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// The outcome.
    pub outcome: Outcome,
    /// The counts behind it.
    pub counts: Counts,
    /// Each module with its state, failures first, then by id in natural order.
    pub modules: Vec<(ModuleId, State)>,
    /// Whether even the newest sign of the plan is more than `stale_after` old.
    pub outdated: bool,
    /// When this run was due by the plan's schedule; `None` if that is not known and age alone decided.
    pub due: Option<Timestamp>,
    /// When the run before was due; `None` if that is not known.
    pub previous_due: Option<Timestamp>,
    /// What contradicts a SUCCESS.
    pub contradiction: Option<Contradiction>,
}

impl Assessment {
    /// Returns the modules that failed or have no result of this run, failures first.
    pub fn troubled(&self) -> impl Iterator<Item = &ModuleId> {
        self.modules.iter().filter(|(_, state)| *state != State::Success).map(|(module, _)| module)
    }

    /// Removes the contradiction by an alert: another plan explains the alert.
    pub fn forget_the_alert(&mut self) {
        if matches!(self.contradiction, Some(Contradiction::Alert { .. })) {
            self.contradiction = None;
            self.outcome = self.counts.outcome();
        }
    }

    /// Returns the members of `plan` whose result of this run may still come; none if its members are not known, or if
    /// it is disabled and no run is known to have been due before that. Disabling a plan stops its timers, not a run
    /// that goes on.
    pub fn awaited(&self, plan: &Plan) -> BTreeSet<ModuleId> {
        let may_go_on = plan.enabled || self.due.is_some() || self.counts.success + self.counts.error > 0;
        match plan.members.is_some() && may_go_on {
            true => self.unsettled(),
            false => BTreeSet::new(),
        }
    }

    /// Returns the members without a result of this run.
    pub fn unsettled(&self) -> BTreeSet<ModuleId> {
        let absent = |state: &State| matches!(state, State::Stale | State::Missing);
        self.modules.iter().filter(|(_, state)| absent(state)).map(|(module, _)| module.clone()).collect()
    }
}

/// Assesses the results of `plan` by `rule`, at the time `now`.
///
/// With a schedule, a result belongs to this run if its backup started when the run was due or later, as
/// [`Boundary::due`] has it. Without one, only age counts, relative to the newest sign of the plan or the alert,
/// whichever is newer.
pub fn assess(plan: &Plan, rule: &RunRule<'_>, now: Timestamp) -> Assessment {
    let boundary = boundary(plan, rule, now);
    // A module whose result is damaged is in `modules` only: it counts as one without a result, never as nothing.
    let ids: BTreeSet<&ModuleId> =
        plan.results.keys().chain(plan.members.iter().flatten()).chain(plan.modules.keys()).collect();
    // A plan that is switched off and has no result ran never, or long ago.
    let ids = ids.into_iter().filter(|id| !plan.not_awaited.contains(*id));
    let state = |id: &ModuleId| match plan.results.get(id) {
        None => State::Missing,
        Some(result) if boundary.excludes(result) => State::Stale,
        Some(result) if result.errors == 0 => State::Success,
        Some(_) => State::Error,
    };
    let joined = |id: &ModuleId| rule.joined.and_then(|joined| joined.get(id));
    let joined_later = |id: &ModuleId| boundary.due.zip(joined(id)).is_some_and(|(due, seen)| *seen > due);
    let counts = |(id, state): &(&ModuleId, State)| matches!(state, State::Success | State::Error) || !joined_later(id);
    let modules = ids.map(|id| (id, state(id))).filter(counts);
    let mut modules: Vec<(ModuleId, State)> = modules.map(|(id, state)| (id.clone(), state)).collect();
    sort_by(&mut modules, |(a, of_a), (b, of_b)| (of_a, a.natural_order()).cmp(&(of_b, b.natural_order())));
    let newest_age = plan.newest_sign().and_then(|newest| Duration::try_from(now.duration_since(newest)).ok());
    let outdated = newest_age.zip(rule.stale_after).is_some_and(|(age, limit)| age > limit);
    let counts = Counts::of(&mut modules.iter().map(|(_, state)| *state));
    let contradiction = contradiction(plan, rule).filter(|_| counts.outcome() == Outcome::Success);
    let outcome = if contradiction.is_some() { Outcome::RepoFailure } else { counts.outcome() };
    let due = boundary.due;
    let is_before = |time: &Timestamp| rule.counts(*time) && Some(*time) < due;
    let previous_due = runs(plan, rule.due).find(is_before);
    Assessment { outcome, counts, modules, outdated, due, previous_due, contradiction }
}

/// The boundary of the run that `rule` is about.
fn boundary(plan: &Plan, rule: &RunRule<'_>, now: Timestamp) -> Boundary {
    if let Some(due) = of_run(plan, rule.due).filter(|due| rule.counts(*due)) {
        return Boundary::due(plan, due, rule.stale_after, now);
    }
    // One clock that runs ahead must not make everybody else's result an old one.
    let newest = plan.newest_sign().map(|newest| newest.min(now));
    match rule.alert_start {
        Some(start) if rule.says_missing && rule.stale_after.is_some() && is_before(newest, start) => {
            Boundary::by_age(Some(start), Some(Duration::ZERO))
        }
        start => Boundary::by_age(newest.max(start), rule.stale_after),
    }
}

/// Whether the newest sign of a plan is from well before an alert that says that the run is missing: then it is of an
/// earlier run, however few hours lie between.
fn is_before(newest: Option<Timestamp>, alert_start: Timestamp) -> bool {
    newest.and_then(|newest| newest.checked_add(MISSING_AFTER).ok()).is_some_and(|until| until < alert_start)
}

fn contradiction(plan: &Plan, rule: &RunRule<'_>) -> Option<Contradiction> {
    if plan.status.as_ref().is_some_and(|status| !status.success) {
        return Some(Contradiction::PlanRecord);
    }
    if plan.has_success_in_the_future() {
        return Some(Contradiction::Future);
    }
    let start = rule.failed_at?;
    plan.newest_sign().is_none_or(|newest| newest < start).then_some(Contradiction::Alert { start })
}

#[cfg(test)]
mod tests;
