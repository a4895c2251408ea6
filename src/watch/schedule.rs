//! Keeps the elapses of each plan's schedule at hand, so that most ticks ask nobody.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use log::warn;

use super::memory::{Memory, PlanMemory};
use crate::model::time::age;
use crate::system::calendar::{CalendarError, elapses};

/// A schedule that systemd does not accept is asked for again after this long: another version of it may.
const INVALID_FOR: Duration = Duration::from_secs(86_400);
/// One without a next elapse is asked for again after this long: systemd may have failed at it.
const NONE_FOR: Duration = Duration::from_secs(3600);

/// Asks for the elapses that `memory` lacks at `now`: of new and edited schedules, and of those that have elapsed
/// since.
pub async fn refresh(memory: &mut Memory, now: Timestamp) {
    let outdated = |plan: &PlanMemory| plan.enabled && is_outdated(plan, now);
    let wanted: BTreeSet<String> =
        memory.plans.values().filter(|plan| outdated(plan)).filter_map(|plan| plan.schedule.clone()).collect();
    if wanted.is_empty() {
        return;
    }
    let found = elapses(&wanted, now, None).await;
    for (id, plan) in &mut memory.plans {
        let Some(schedule) = plan.schedule.as_ref().filter(|_| outdated(plan)) else { continue };
        match found.get(schedule) {
            Some(Ok(elapses)) => {
                if plan.invalid && plan.elapses.is_none() {
                    // It had no timer until now.
                    plan.since = now;
                }
                (plan.invalid, plan.elapses, plan.asked_at) = (false, Some(elapses.clone()), Some(now));
            }
            Some(Err(error @ (CalendarError::Invalid | CalendarError::TooOften))) => {
                if !plan.invalid {
                    warn!(BACKUP_ID = id.as_str(); "plan {id}: schedule {schedule:?}: {error}. Missed runs of this plan cannot be detected");
                }
                (plan.invalid, plan.asked_at) = (true, Some(now));
            }
            // What is known still holds for the past.
            Some(Err(error)) => warn!(BACKUP_ID = id.as_str(); "plan {id}: {error}"),
            None => {}
        }
    }
}

/// Whether the elapses at hand are not those around `now`.
fn is_outdated(plan: &PlanMemory, now: Timestamp) -> bool {
    let is_long_ago = |time| plan.asked_at.is_none_or(|asked| age(asked, now) >= time);
    match &plan.elapses {
        _ if plan.invalid => is_long_ago(INVALID_FOR),
        None => true,
        Some(elapses) => {
            elapses.last() > Some(now) || elapses.next.map_or_else(|| is_long_ago(NONE_FOR), |next| next <= now)
        }
    }
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

    #[tokio::test]
    async fn what_systemd_did_not_accept_or_compute_is_asked_for_again() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (start, met) = (at("2026-03-28T14:00:00Z"), at("2026-03-01T00:00:00Z"));
        let mut memory = Memory::default();
        for (id, schedule, invalid, asked) in [
            // As another systemd, or an earlier version of this program, judged it.
            ("1", "*-*-* 02:00:00 UTC", true, None),
            ("2", "*-*-* 02:00:00 UTC", true, Some(start)),
            ("3", "nonsense", true, None),
            ("4", "*-*-* 02/12:00 Europe/Rome", false, None),
        ] {
            let mut plan = PlanMemory { invalid, asked_at: asked, ..PlanMemory::new(met) };
            (plan.enabled, plan.schedule) = (true, Some(schedule.into()));
            memory.plans.insert(PlanId::new(id).unwrap(), plan);
        }
        refresh(&mut memory, start).await;
        let next = |memory: &Memory, id: &str| memory.plans[id].elapses.as_ref().and_then(|elapses| elapses.next);
        assert_eq!(next(&memory, "1"), Some(at("2026-03-29T02:00:00Z")));
        assert!(!memory.plans["1"].invalid && memory.plans["1"].since == start, "nothing was missed before");
        assert!(memory.plans["2"].invalid && memory.plans["3"].invalid && memory.plans["3"].asked_at == Some(start));
        assert!(memory.plans["4"].elapses.is_some() && !memory.plans["4"].invalid && next(&memory, "4").is_none());
        refresh(&mut memory, at("2026-03-28T14:45:00Z")).await;
        assert_eq!(memory.plans["4"].asked_at, Some(start));
        refresh(&mut memory, at("2026-03-28T23:15:00Z")).await;
        assert_eq!(next(&memory, "4"), Some(at("2026-03-29T12:00:00Z")));
        assert!(memory.plans["4"].since == met && memory.plans["2"].invalid);
        refresh(&mut memory, at("2026-03-29T14:00:00Z")).await;
        assert!(!memory.plans["2"].invalid && memory.plans["3"].invalid);
    }
}
