//! What is not said, or not said yet.

use super::*;
use crate::watch::memory::Announced;

#[test]
fn an_old_cluster_backup_waits_for_the_end_of_a_run_that_failed() {
    let long = Some((240, false));
    let mut world = World::new(DAY, 2 * HOUR, &["a", "b"]);
    for _ in 0..8 {
        world.night(Some(&[GOOD, long]));
    }
    world.posted.clear();
    world.cluster_backup = Some(world.now - 22 * HOUR);
    world.night(Some(&[GOOD, long]));
    world.until(2);
    world.run(&[BAD, long]);
    world.pass(60);
    world.job = None;
    world.until(0);
    assert_eq!(world.kinds(), [Failed, Failed, Kind::ClusterBackup]);
}

#[test]
fn a_first_backup_that_goes_on_by_its_log_hangs_after_twelve_hours() {
    let mut world = World::nightly(&["a", "b"]);
    world.progress = Progress::Running;
    world.until(2);
    let due = world.now;
    world.until(0);
    assert_eq!(world.posted, [(due + 12 * HOUR, Hangs, Some(at(due)))]);
}

#[test]
fn what_was_said_of_a_run_before_its_end_does_not_hide_that_it_was_missed() {
    for over in [false, true] {
        let mut world = World::nightly(&["a"]);
        let (due, known) = (Some(at(world.now + 2 * HOUR)), world.memory.plans.values_mut().next().unwrap());
        known.note(Announced { kind: Failed, due, over, newest: None, at: at(world.now) });
        world.night(None);
        assert_eq!(world.kinds(), vec![Missed; usize::from(!over)]);
    }
}

#[test]
fn an_earlier_result_that_is_dated_ahead_is_no_run_of_this_night() {
    let mut world = World::nightly(&["a"]);
    world.good_until(15);
    world.plan.results.get_mut("a").unwrap().end = Some(at(world.now + 30 * DAY));
    world.plan.damaged = vec![Damage { entry: Entry::Result(id("a")), fault: Fault::InTheFuture }];
    world.until(0);
    world.night(None);
    assert_eq!(world.kinds(), [Missed]);
}

#[test]
fn without_a_schedule_an_all_clear_waits_until_the_results_stay_as_they_are() {
    let mut world = World::new(1000 * DAY, 0, &["a"]);
    world.pass(60);
    world.run(&[BAD]);
    world.pass(60);
    assert_eq!(world.kinds(), [Failed]);
    world.run(&[GOOD]);
    world.pass(30);
    assert_eq!(world.kinds(), [Failed], "seen a quarter of an hour ago");
    world.pass(15);
    assert_eq!(world.kinds(), [Failed, Recovered]);
}

/// The administrator dropped its job, so nobody was mailed.
#[test]
fn a_module_that_failed_and_left_the_plan_makes_its_run_no_better() {
    let mut world = World::nightly(&["a", "b"]);
    world.until(2);
    world.run(&[GOOD, BAD]);
    world.pass(30);
    assert_eq!((world.kinds(), world.job.take().is_some()), (vec![Failed], true));
    world.plan.members.as_mut().unwrap().remove("b");
    world.plan.results.remove("b");
    world.until(0);
    assert_eq!(world.kinds(), [Failed]);
    world.night(Some(&[GOOD]));
    assert_eq!(world.kinds(), [Failed, Recovered]);
}

#[test]
fn nobody_is_said_to_lack_a_result_of_a_run_that_was_not_seen() {
    let mut world = World::nightly(&["a", "b"]);
    world.good_until(15);
    world.until(1);
    // Off for a night, until after the next run has begun.
    world.be_away(25 * 60);
    world.run(&[GOOD, None]);
    world.be_away(11);
    world.pass(60);
    assert_eq!(world.kinds(), []);
    world.until(0);
    assert_eq!(world.kinds(), [Hangs]);
}

#[test]
fn failures_on_both_sides_of_a_time_that_nobody_saw_are_not_in_a_row() {
    let mut world = World::nightly(&["a"]);
    world.night(Some(&[BAD]));
    assert_eq!(world.history.borrow().failed_in_a_row(), 1);
    // The watch's state is lost, and it is back only three nights later.
    world.memory = Memory::default();
    world.be_away(3 * 24 * 60 + 2 * 60);
    world.run(&[BAD]);
    world.be_away(59);
    world.pass(1);
    let history = world.history.borrow();
    assert_eq!((history.runs.len(), history.failed_in_a_row()), (9, 1));
}

#[test]
fn a_run_that_hangs_after_a_failed_one_is_said_to_hang_and_to_have_no_failure() {
    let mut world = World::nightly(&["a", "b"]);
    world.night(Some(&[GOOD, BAD]));
    world.night(Some(&[GOOD, None]));
    assert_eq!(world.kinds(), [Failed, Hangs]);
}
