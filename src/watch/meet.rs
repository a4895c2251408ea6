//! Which plans there are, and since when. Pure.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use super::memory::{Memory, PlanMemory};
use super::run::members;
use crate::model::plan::{ModuleId, Plan};

/// Notes in `memory` which plans there are at `now`: which are new, switched on, edited, or gone. Precedes
/// [`super::decide::decide`].
pub fn meet(plans: &[Plan], now: Timestamp, memory: &mut Memory) {
    memory.plans.retain(|id, _| plans.iter().any(|plan| plan.id == *id));
    for plan in plans {
        let is_new = !memory.plans.contains_key(&plan.id);
        let known = memory.plans.entry(plan.id.clone()).or_insert_with(|| PlanMemory::new(now));
        known.not_after(now);
        if plan.lacks_definition() {
            continue;
        }
        if plan.schedule != known.schedule || (plan.enabled && !known.enabled) {
            known.due_before = known.last_due(plan, now).filter(|_| known.enabled);
            (known.since, known.elapses, known.invalid) = (now, None, false);
            known.schedule.clone_from(&plan.schedule);
        }
        known.enabled = plan.enabled;
        let members: BTreeSet<ModuleId> = members(plan).into_iter().cloned().collect();
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
