//! What the digest says of one plan. Pure.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::{PlanDigest, Standing, Troubled};
use crate::model::ended::Open;
use crate::model::history::{History, LastGood, ModuleRecord, RunRecord, Streak, last_good};
use crate::model::plan::{ModuleId, ModuleResult, Plan};
use crate::model::run::{Assessment, Outcome, State};
use crate::model::schedule::Elapses;
use crate::watch::as_of::AsOf;
use crate::watch::memory::Memory;

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

    /// Whether `plan` is switched on, and systemd computes no time at which it would run.
    fn is_never_due(&self, plan: &Plan) -> bool {
        let never = self.elapses.map_or(plan.defined && plan.schedule.is_none(), |elapses| elapses.next.is_none());
        plan.enabled && never
    }
}

impl PlanDigest {
    /// Sums up one plan at `now`.
    pub fn new(plan: &Plan, known: Known<'_>, stale_after: Option<Duration>, now: Timestamp) -> Self {
        let (plan, assessment, due_since) = known.last_run(plan, stale_after, now);
        let members: BTreeSet<&ModuleId> = plan.members.iter().flatten().chain(plan.results.keys()).collect();
        let last = known.history.and_then(|history| history.runs.last());
        let newest = plan.newest_sign_at(now);
        let is_missed = |run: &&RunRecord| run.outcome == Outcome::Missed && Some(run.at) > newest;
        let missed = last.filter(is_missed).filter(|_| !plan.has_unreadable_results());
        let recorded = known.history.filter(|_| plan.newest_sign().is_none());
        let recorded = recorded.and_then(|history| last_run_of(history, &members));
        let has_run = plan.newest_sign().is_some() || recorded.is_some();
        let is_open = || assessment.counts.error == 0 && known.may_go_on(&plan, &assessment, now);
        let running = has_run && missed.is_none() && due_since.is_none() && is_open();
        let (outcome, last_run) = match missed {
            Some(run) => (Some(Outcome::Missed), Some(run.due.unwrap_or(run.at))),
            None if running || !has_run => (None, newest),
            None => outcome(&plan, &assessment, recorded, newest),
        };
        let good = outcome.is_none_or(|outcome| matches!(outcome, Outcome::Success | Outcome::Recovered));
        let never_due = known.is_never_due(&plan);
        let is_whole = !known.invalid && !never_due && !members.is_empty() && plan.damaged.is_empty();
        let standing = if good && is_whole { Standing::Fine } else { Standing::Attention };
        let standing = if plan.enabled { standing } else { Standing::Disabled };
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
            last_run,
            due_since,
            next_run: known.elapses.and_then(|elapses| elapses.next).filter(|_| plan.enabled),
            modules: members.len(),
            is_empty: members.is_empty() && plan.members.is_some(),
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

/// The outcome of the last run, and when that ended or, without a result, was due. `recorded` is what the history has
/// if the cluster has no result any more: all modules have moved to other nodes since.
fn outcome(
    plan: &Plan,
    assessment: &Assessment,
    recorded: Option<&RunRecord>,
    newest: Option<Timestamp>,
) -> (Option<Outcome>, Option<Timestamp>) {
    let has_results = assessment.counts.success + assessment.counts.error > 0;
    match (recorded, assessment.due) {
        (Some(run), None) => (Some(run.outcome), Some(run.at)),
        (_, due) => (Some(assessment.outcome), due.filter(|_| !has_results).or(newest).or(plan.newest_sign())),
    }
}

/// The last run in which one of `members` has a result.
fn last_run_of<'a>(history: &'a History, members: &BTreeSet<&ModuleId>) -> Option<&'a RunRecord> {
    let has_result = |(id, part): (&ModuleId, &ModuleRecord)| part.end.is_some() && members.contains(id);
    history.runs.iter().rev().find(|run| run.modules.iter().any(has_result))
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
