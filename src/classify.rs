//! From what the cluster says to what it means: each module's state, and the plan's outcome. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cluster::model::{ModuleId, Plan};

/// A module's state in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It failed in this run.
    Error,
    /// Its last result is an earlier run's.
    Stale,
    /// A member without any result.
    Missing,
    /// It was backed up in this run.
    Success,
}

/// What became of a plan's run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// Every module succeeded.
    Success,
    /// Some did, or it cannot be said of all of them.
    Partial,
    /// None did, or nothing is known.
    RepoFailure,
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

/// What a plan's results mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// The outcome.
    pub outcome: Outcome,
    /// The counts behind it.
    pub counts: Counts,
    /// Each module with its state, failures first, then by id.
    pub modules: Vec<(ModuleId, State)>,
}

impl Assessment {
    /// The members that have no result of this run yet.
    pub fn unsettled(&self) -> BTreeSet<ModuleId> {
        let absent = |state: &State| matches!(state, State::Stale | State::Missing);
        self.modules.iter().filter(|(_, state)| absent(state)).map(|(module, _)| module.clone()).collect()
    }
}

/// Assesses `plan` for an alert that started at `alert_start`, at the time `now`.
///
/// A result is stale when it ended more than `stale_after` before this run, whose time is the newer of the alert's
/// start and the plan's newest result. Neither counts as later than `now`: one clock that runs ahead must not make
/// everybody else's result an old one.
pub fn assess(plan: &Plan, alert_start: Timestamp, now: Timestamp, stale_after: Option<Duration>) -> Assessment {
    let run = plan.newest_end().map_or(alert_start, |newest| newest.max(alert_start)).min(now);
    let oldest = stale_after.and_then(|age| run.checked_sub(age).ok());
    // A module whose result is damaged is in `modules` only: it counts as one without a result, never as nothing.
    let ids: BTreeSet<&ModuleId> =
        plan.results.keys().chain(plan.members.iter().flatten()).chain(plan.modules.keys()).collect();
    let mut counts = Counts::default();
    let mut modules: Vec<(ModuleId, State)> = ids
        .into_iter()
        .map(|id| {
            let state = match plan.results.get(id) {
                None => State::Missing,
                Some(result) if oldest.is_some_and(|oldest| result.end.is_some_and(|end| end < oldest)) => State::Stale,
                Some(result) if result.errors == 0 => State::Success,
                Some(_) => State::Error,
            };
            *match state {
                State::Success => &mut counts.success,
                State::Error => &mut counts.error,
                State::Stale => &mut counts.stale,
                State::Missing => &mut counts.missing,
            } += 1;
            (id.clone(), state)
        })
        .collect();
    modules.sort_by_key(|(_, state)| *state);
    Assessment { outcome: counts.outcome(), counts, modules }
}
