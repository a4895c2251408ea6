//! Which run is the last one of a plan, and what stands beside it.

use super::*;

#[test]
fn a_run_that_has_a_result_or_a_failure_is_not_said_to_be_due_or_running() {
    let summed_up = |modules: &[(&str, i64, u64)], runs: &[(i64, bool)], over: bool| {
        let mut known = history("2", runs);
        known.runs.last_mut().unwrap().over = over;
        let plan = sum_up(&plan("2", modules), Some(&known));
        (plan.running, plan.outcome, plan.due_since)
    };
    let (last_night, tonight) = (60 - DAY, 60);
    let partial = Some(Outcome::Partial);
    // One has failed: the others' results may still come.
    let failed = [("mail1", tonight, 1), ("web1", tonight, 0), ("wiki1", last_night, 0)];
    assert_eq!(summed_up(&failed, &[(-1, true), (0, false)], false), (false, partial, None));
    let begun = [("mail1", tonight, 0), ("web1", last_night, 0)];
    assert_eq!(summed_up(&begun, &[(-1, true), (0, true)], false), (true, None, None));
    assert_eq!(summed_up(&begun, &[(-1, true), (0, true)], true), (false, partial, None));
}

#[test]
fn a_missed_run_is_the_last_one_only_as_long_as_nothing_has_run_since() {
    let mut missed = history("2", &[(-1, true), (0, false)]);
    missed.runs[1].outcome = Outcome::Missed;
    missed.runs[1].at = at(3 * 3600);
    missed.runs[1].modules.values_mut().for_each(|part| (part.state, part.end) = (State::Stale, None));
    let outcome = |end: i64| sum_up(&plan("2", &[("mail1", end, 0)]), Some(&missed)).outcome;
    assert_eq!((outcome(60 - DAY), outcome(4 * 3600)), (Some(Outcome::Missed), Some(Outcome::Success)));
    // What cannot be read may be a result of it.
    let mut hidden = plan("2", &[("mail1", 60 - DAY, 0), ("web1", 60, 0)]);
    hidden.results.remove("web1");
    hidden.damaged = vec![Damage { entry: Entry::Result(id("web1")), fault: Fault::NotJson }];
    assert_ne!(sum_up(&hidden, Some(&missed)).outcome, Some(Outcome::Missed));
}

#[test]
fn the_size_is_compared_with_a_good_run_of_the_last_month() {
    let now = plan("2", &[("mail1", 60, 0)]);
    let before = |runs: &[(i64, bool)]| sum_up(&now, Some(&history("2", runs))).size_before.map(|(at, _)| at);
    assert_eq!(before(&[(-40, true), (-30, false), (-20, true), (-10, true), (0, true)]), Some(at(60 - 20 * DAY)));
    assert_eq!(before(&[(-40, true), (-30, false), (0, true)]), None);
}

#[test]
fn a_plan_that_is_switched_off_is_not_due() {
    let mut plan = plan("2", &[("mail1", 60, 0)]);
    assert_eq!(sum_up(&plan, None).next_run, Some(at(DAY)));
    plan.enabled = false;
    assert_eq!(sum_up(&plan, None).next_run, None);
}

#[test]
fn a_run_that_has_just_come_due_is_not_the_last_one() {
    let elapses = elapses();
    let mut waiting = plan("2", &[("mail1", 60 - DAY, 0), ("web1", 60 - DAY, 0)]);
    let known = Known { elapses: Some(&elapses), grace: Duration::from_secs(12 * 3600), ..Known::default() };
    let summed_up = PlanDigest::new(&waiting, known, None, at(8 * 3600));
    let last = (Some(Outcome::Success), Some(at(60 - DAY)));
    assert_eq!(((summed_up.outcome, summed_up.last_run), summed_up.due_since), (last, Some(at(0))));
    // It is far too late, but by its log it goes on.
    let mut memory = Memory::default();
    let goes_on = PlanMemory { goes_on: Some(at(0)), ..PlanMemory::new(at(-9 * DAY)) };
    memory.plans.insert(waiting.id.clone(), goes_on);
    let late = Known { grace: Duration::from_secs(3600), ..known };
    for (memory, due_since) in [(Some(&memory), Some(at(0))), (None, None)] {
        assert_eq!(PlanDigest::new(&waiting, Known { memory, ..late }, None, at(8 * 3600)).due_since, due_since);
    }
    // What cannot be read may be a result of it.
    let says_due = |plan: &Plan| {
        let text = text(&digest(vec![PlanDigest::new(plan, known, None, at(8 * 3600))]), Language::En, &TimeZone::UTC);
        text.contains("due since 2025-11-20 00:00")
    };
    assert!(says_due(&waiting));
    waiting.results.remove("web1");
    waiting.damaged = vec![Damage { entry: Entry::Result(id("web1")), fault: Fault::NotJson }];
    assert!(!says_due(&waiting));
}
