//! What a plan's results say about one of its runs. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::news::Subject;
use crate::model::boundary::Boundary;
use crate::model::history::RunRecord;
use crate::model::plan::{ModuleId, ModuleResult, Plan};
use crate::model::run::{Counts, Outcome, State};

/// One reading of one run.
#[derive(Debug, Clone)]
pub(super) struct Run<'a> {
    plan: &'a Plan,
    /// When it was due; `None`: whatever belongs together is one run.
    pub(super) due: Option<Timestamp>,
    /// What failed, each with the end of its backup.
    pub(super) errors: BTreeMap<Subject, Timestamp>,
    /// Members without a result of this run, each with whether it has an older one.
    pub(super) absent: BTreeMap<ModuleId, bool>,
    /// Members that joined after it was due, and have no result of it: they are no part of it.
    later: BTreeSet<ModuleId>,
    /// Number of modules that succeeded.
    pub(super) succeeded: usize,
    /// The newest end of its results.
    pub(super) newest: Option<Timestamp>,
}

impl<'a> Run<'a> {
    /// Reads the run of `plan` that was due at `due`; without a due time, the one whose results are at most
    /// `stale_after` older than the newest. `joined` says when members that have joined the plan were first seen. A run
    /// that was started by hand long after `due` has no due time.
    pub(super) fn read(
        plan: &'a Plan,
        due: Option<Timestamp>,
        now: Timestamp,
        stale_after: Option<Duration>,
        joined: &BTreeMap<ModuleId, Timestamp>,
    ) -> Self {
        // A clock that runs ahead must not make everybody else's result an old one.
        let newest = plan.newest_end().map_or(now, |newest| newest.min(now));
        let boundary = match due {
            Some(due) => Boundary::due(plan, due, stale_after, now),
            None => Boundary::by_age(Some(newest), stale_after),
        };
        let due = boundary.due;
        let mut run =
            Run { plan, due, errors: [].into(), absent: [].into(), later: [].into(), succeeded: 0, newest: None };
        for id in members(plan) {
            match plan.results.get(id) {
                Some(result) if !boundary.excludes(result) => {
                    run.newest = run.newest.max(result.end);
                    match result.errors {
                        0 => run.succeeded += 1,
                        _ => drop(run.errors.insert(Subject::Module(id.clone()), incident(result, due))),
                    }
                }
                _ if joined.get(id).zip(due).is_some_and(|(seen, due)| *seen > due) => _ = run.later.insert(id.clone()),
                known => drop(run.absent.insert(id.clone(), known.is_some())),
            }
        }
        if let Some(failed_at) =
            plan.status.as_ref().filter(|status| !status.success).and_then(|status| status.timestamp)
            && run.errors.is_empty()
            && run.newest.is_none_or(|newest| newest <= failed_at)
        {
            run.errors.insert(Subject::Plan, failed_at);
            run.newest = Some(failed_at);
        }
        run
    }

    /// Whether any result of it is known.
    pub(super) fn has_started(&self) -> bool {
        self.succeeded > 0 || !self.errors.is_empty()
    }

    /// The members whose absence from it means something. If it is not known when it was, those that have an older
    /// result.
    pub(super) fn awaited(&self) -> BTreeSet<ModuleId> {
        let counts = |(_, has_older): &(&ModuleId, &bool)| self.due.is_some() || **has_older;
        self.absent.iter().filter(counts).map(|(id, _)| id.clone()).collect()
    }

    /// Whether every module succeeded.
    pub(super) fn is_good(&self) -> bool {
        self.succeeded > 0 && self.errors.is_empty() && self.absent.is_empty()
    }

    /// The record of it for the history.
    pub(super) fn record(&self, now: Timestamp, over: bool) -> RunRecord {
        let (success, error, stale) = (self.succeeded, self.errors.len(), self.absent.len());
        let outcome = match (Counts { success, error, stale, missing: 0 }).outcome() {
            Outcome::Success if self.plan.has_success_in_the_future() => Outcome::RepoFailure,
            outcome => outcome,
        };
        RunRecord::new(self.plan, self.due, now, outcome, over, &mut self.states())
    }

    /// The record of it as a run that did not start.
    pub(super) fn record_missed(&self, now: Timestamp) -> RunRecord {
        RunRecord::new(self.plan, self.due, now, Outcome::Missed, true, &mut self.states())
    }

    fn states(&self) -> impl Iterator<Item = (&'a ModuleId, State)> {
        members(self.plan).into_iter().filter(|id| !self.later.contains(*id)).map(|id| {
            let state = match (self.errors.contains_key(&Subject::Module(id.clone())), self.absent.get(id)) {
                (true, _) => State::Error,
                (false, None) => State::Success,
                (false, Some(true)) => State::Stale,
                (false, Some(false)) => State::Missing,
            };
            (id, state)
        })
    }
}

/// Every module that a run of the plan is about.
pub(super) fn members(plan: &Plan) -> BTreeSet<&ModuleId> {
    match &plan.members {
        Some(members) => members.iter().collect(),
        None => plan.results.keys().chain(plan.modules.keys()).collect(),
    }
}

/// What tells one failure of a module from another: the end of its backup, as far as it is known.
fn incident(result: &ModuleResult, due: Option<Timestamp>) -> Timestamp {
    result.end.or(result.start).or(due).unwrap_or(Timestamp::UNIX_EPOCH)
}
