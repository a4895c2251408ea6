//! Which plans there are, and since when. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::memory::{Memory, PlanMemory};
use super::news::Subject;
use super::run::members;
use crate::model::plan::{ModuleId, ModuleResult, Plan};
use crate::model::time::{age, is_ahead};

/// A watch that has not looked for this long was away: what came and went meanwhile, nobody saw.
const AWAY: Duration = Duration::from_secs(1800);

/// Notes in `memory` which plans there are at `now`, on a node in the time zone `zone`: which are new, switched on,
/// edited, or gone. Precedes [`super::decide::decide`].
pub fn meet(plans: &[Plan], zone: Option<&str>, now: Timestamp, memory: &mut Memory) {
    memory.plans.retain(|id, _| plans.iter().any(|plan| plan.id == *id));
    memory.not_after(now);
    let seen_at = memory.looked_at;
    let away_since = seen_at.filter(|at| age(*at, now) >= AWAY);
    let is_moved = memory.zone.as_deref() != zone;
    memory.zone = zone.map(String::from);
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
        // In another time zone, a schedule is another one.
        let is_edited =
            plan.schedule != known.schedule || is_moved && !plan.schedule.as_deref().is_some_and(names_zone);
        if is_edited || is_due != was_due {
            if was_due {
                known.note_last_due(plan, now, seen_at, away_since);
            }
            known.edited_after = away_since.filter(|_| was_due);
            (known.since, known.elapses, known.invalid, known.goes_on) = (now, None, false, None);
            known.schedule.clone_from(&plan.schedule);
        }
        if away_since.is_some() && known.since == now {
            known.unseen_until = Some(now);
        }
        known.enabled = plan.enabled;
        if members != known.members {
            let added = members.difference(&known.members).filter(|_| !is_new);
            known.newcomers.extend(added.map(|id| (id.clone(), now)));
            known.newcomers.retain(|id, _| members.contains(id));
            known.told_errors.retain(|failed, _| match failed {
                Subject::Module(id) => members.contains(id),
                Subject::Plan => true,
            });
            known.told_absent.retain(|id, _| members.contains(id));
            known.members = members;
        }
        known.note_results(plan, now);
        let ends = plan.results.values().filter_map(|result| result.end);
        known.ran_at = known.ran_at.max(ends.filter(|end| !is_ahead(*end, now)).max());
    }
}

/// Whether a calendar expression says in which time zone it counts: `*-*-* 02:00 Europe/Rome`.
fn names_zone(schedule: &str) -> bool {
    let last = schedule.trim_end().rsplit_once(' ').map(|(_, last)| last);
    last.is_some_and(|last| last.starts_with(|first: char| first.is_ascii_alphabetic()))
}

impl PlanMemory {
    /// Notes when `plan`, which was edited or switched off after `seen_at`, was last due.
    fn note_last_due(
        &mut self,
        plan: &Plan,
        now: Timestamp,
        seen_at: Option<Timestamp>,
        away_since: Option<Timestamp>,
    ) {
        // Nobody knows whether the plan was due since the last look: it may have been edited before.
        let was_seen = |due: &Timestamp| away_since.is_none_or(|at| *due <= at);
        let due = self.last_due(plan, now).filter(was_seen);
        if due != self.due_before {
            self.owed = due.is_some() && seen_at >= due;
        }
        self.due_before = due;
    }

    /// Notes the state of the results of `plan` at `now`.
    fn note_results(&mut self, plan: &Plan, now: Timestamp) {
        let of_module = |(id, result): (_, &ModuleResult)| (id, result.start, result.end, result.errors);
        let modules: Vec<_> = plan.results.iter().map(of_module).collect();
        let results = fingerprint(&(modules, plan.status.as_ref().map(|status| (status.success, status.timestamp))));
        if results != self.results {
            (self.results, self.changed_at) = (results, now);
        }
    }
}

/// Tells one state from another, also in the next version of this program.
pub(super) fn fingerprint(state: &impl Serialize) -> u64 {
    let digest = Sha256::digest(serde_json::to_vec(state).unwrap_or_default());
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_names_its_zone_last() {
        for (schedule, names) in [
            ("*-*-* 02:00 Europe/Rome", true),
            ("daily UTC", true),
            ("Mon *-*-* 01:00:00 EST5EDT ", true),
            ("daily", false),
            ("Mon..Fri", false),
            ("Sat,Sun 02/12:00", false),
            ("*-*-* 02:00", false),
            ("", false),
        ] {
            assert_eq!(names_zone(schedule), names, "{schedule}");
        }
    }

    #[test]
    fn a_fingerprint_is_the_same_in_every_version() {
        assert_eq!(fingerprint(&("mail1", Some(1), None::<u64>)), 3_477_928_881_215_251_499);
    }
}
