//! Keeps the elapses of each plan's schedule at hand, so that most ticks ask nobody.

use std::collections::BTreeSet;

use jiff::Timestamp;
use log::warn;

use super::memory::{Memory, PlanMemory};
use crate::system::calendar::{CalendarError, elapses};

/// Asks for the elapses that `memory` lacks at `now`: of new and edited schedules, and of those that have elapsed
/// since.
pub async fn refresh(memory: &mut Memory, now: Timestamp) {
    let outdated = |plan: &PlanMemory| plan.enabled && !plan.invalid && is_outdated(plan, now);
    let wanted: BTreeSet<String> =
        memory.plans.values().filter(|plan| outdated(plan)).filter_map(|plan| plan.schedule.clone()).collect();
    if wanted.is_empty() {
        return;
    }
    let found = elapses(&wanted, now, None).await;
    for (id, plan) in &mut memory.plans {
        let Some(schedule) = plan.schedule.as_ref().filter(|_| outdated(plan)) else { continue };
        match found.get(schedule) {
            Some(Ok(elapses)) => plan.elapses = Some(elapses.clone()),
            Some(Err(error @ (CalendarError::Invalid | CalendarError::TooOften))) => {
                warn!(BACKUP_ID = id.as_str(); "plan {id}: schedule {schedule:?}: {error}. Missed runs of this plan cannot be detected");
                plan.invalid = true;
            }
            // What is known still holds for the past.
            Some(Err(error)) => warn!(BACKUP_ID = id.as_str(); "plan {id}: {error}"),
            None => {}
        }
    }
}

/// Whether the elapses at hand are not those around `now`.
fn is_outdated(plan: &PlanMemory, now: Timestamp) -> bool {
    plan.elapses.as_ref().is_none_or(|elapses| {
        let ahead = elapses.last().is_some_and(|last| last > now);
        ahead || elapses.next.is_some_and(|next| next <= now)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plan::PlanId;

    #[tokio::test]
    async fn elapses_are_asked_for_once_until_the_next() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut memory = Memory::default();
        for (id, schedule) in [("1", "*-*-* 02:00:00 UTC"), ("2", "nonsense"), ("3", "*-*-* 03:00:00 UTC")] {
            let mut plan = PlanMemory::new(at("2026-11-24T00:00:00Z"));
            (plan.enabled, plan.schedule) = (id != "3", Some(schedule.into()));
            memory.plans.insert(PlanId::new(id).unwrap(), plan);
        }
        let last = |memory: &Memory, id: &str| memory.plans[id].elapses.as_ref().and_then(|elapses| elapses.last());
        refresh(&mut memory, at("2026-11-24T12:00:00Z")).await;
        assert_eq!(last(&memory, "1"), Some(at("2026-11-24T02:00:00Z")));
        assert!(memory.plans["2"].invalid && last(&memory, "2").is_none() && last(&memory, "3").is_none());
        let known = memory.clone();
        let outdated = |now: &str| is_outdated(&known.plans["1"], at(now));
        assert!(!outdated("2026-11-25T01:59:59Z"));
        assert!(outdated("2026-11-25T02:00:00Z"));
        assert!(outdated("2026-11-24T01:00:00Z"), "the clock was set back");
        refresh(&mut memory, at("2026-11-25T02:00:00Z")).await;
        assert_eq!(last(&memory, "1"), Some(at("2026-11-25T02:00:00Z")));
    }
}
