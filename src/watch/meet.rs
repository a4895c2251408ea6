//! Which plans there are, and since when. Pure.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;

use super::memory::{Memory, PlanMemory};
use super::run::members;
use crate::model::plan::{ModuleId, Plan};
use crate::model::time::{age, is_ahead};

/// A watch that has not looked for this long was away: what came and went meanwhile, nobody saw.
const AWAY: Duration = Duration::from_secs(1800);

/// Notes in `memory` which plans there are at `now`: which are new, switched on, edited, or gone. Precedes
/// [`super::decide::decide`].
pub fn meet(plans: &[Plan], now: Timestamp, memory: &mut Memory) {
    memory.plans.retain(|id, _| plans.iter().any(|plan| plan.id == *id));
    memory.not_after(now);
    let seen_at = memory.looked_at;
    let away_since = seen_at.filter(|at| age(*at, now) >= AWAY);
    for plan in plans {
        let is_new = !memory.plans.contains_key(&plan.id);
        let known = memory.plans.entry(plan.id.clone()).or_insert_with(|| PlanMemory::new(now));
        if plan.lacks_definition() {
            continue;
        }
        let members: BTreeSet<ModuleId> = members(plan).into_iter().cloned().collect();
        // A plan that is switched off is not due, nor is one without modules.
        let was_due = known.enabled && !known.members.is_empty();
        let is_due = plan.enabled && !members.is_empty();
        if plan.schedule != known.schedule || is_due != was_due {
            if was_due {
                // Nobody knows whether the plan was due since the last look: it may have been edited before.
                let was_seen = |due: &Timestamp| away_since.is_none_or(|at| *due <= at);
                let due = known.last_due(plan, now).filter(was_seen);
                if due != known.due_before {
                    known.owed = due.is_some() && seen_at >= due;
                }
                known.due_before = due;
            }
            known.edited_after = away_since.filter(|_| was_due);
            (known.since, known.elapses, known.invalid, known.goes_on) = (now, None, false, None);
            known.schedule.clone_from(&plan.schedule);
        }
        known.enabled = plan.enabled;
        if members != known.members {
            let added = members.difference(&known.members).filter(|_| !is_new);
            known.newcomers.extend(added.map(|id| (id.clone(), now)));
            known.newcomers.retain(|id, _| members.contains(id));
            known.told_errors.retain(|id, _| members.contains(id));
            known.told_absent.retain(|id, _| members.contains(id));
            known.members = members;
        }
        let results = fingerprint(plan);
        if results != known.results {
            (known.results, known.changed_at) = (results, now);
        }
        let ends = plan.results.values().filter_map(|result| result.end);
        known.ran_at = known.ran_at.max(ends.filter(|end| !is_ahead(*end, now)).max());
    }
}

/// Tells one state of a plan's results from another.
fn fingerprint(plan: &Plan) -> u64 {
    let mut state = DefaultHasher::new();
    for (id, result) in &plan.results {
        (id, result.start, result.end, result.errors).hash(&mut state);
    }
    plan.status.as_ref().map(|status| (status.success, status.timestamp)).hash(&mut state);
    state.finish()
}
