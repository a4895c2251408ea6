//! Nights of all kinds: what is mailed, against what was so.

use super::*;
use crate::model::plan::{Damage, Entry, Fault, Layout, ModuleResult, PlanStatus};
use crate::model::run::Outcome;
use crate::watch::meet::meet;
use Kind::{Failed, Hangs, Missed, Recovered, Success};
use world::{BAD, DAY, GOOD, HOUR, MINUTE, World, at, id};

mod bounds;
mod changes;
mod cluster_backup;
mod unsaid;
mod world;

#[test]
fn every_failing_night_is_one_mail() {
    let mut world = World::nightly(&["a", "b", "c"]);
    for _ in 0..5 {
        world.night(Some(&[GOOD, BAD, GOOD]));
    }
    assert_eq!(world.kinds(), [Failed; 5]);
    assert_eq!(world.final_mails(), vec![vec!["b".to_string()]; 5]);
    assert!(world.mails.len() <= 10);
    for (time, ..) in &world.posted {
        assert!((2 * HOUR + 20 * MINUTE..=2 * HOUR + 45 * MINUTE).contains(&time.rem_euclid(DAY)), "{time}");
    }
}

#[test]
fn every_other_night_is_a_failure_and_an_all_clear() {
    let mut world = World::nightly(&["a", "b"]);
    for _ in 0..3 {
        world.night(Some(&[BAD, GOOD]));
        world.night(Some(&[GOOD, GOOD]));
    }
    assert_eq!(world.kinds(), [Failed, Recovered, Failed, Recovered, Failed, Recovered]);
}

#[test]
fn a_run_that_alertmanager_reports_is_no_news() {
    let mut world = World::nightly(&["a", "b", "c"]);
    for _ in 0..3 {
        world.until(2);
        world.run(&[BAD, GOOD, BAD]);
        world.pass(11);
        world.alertmanager();
        world.until(0);
    }
    assert_eq!(world.kinds(), []);
    assert_eq!(world.final_mails(), vec![vec!["a".to_string(), "c".into()]; 3]);
    world.night(Some(&[GOOD; 3]));
    assert_eq!(world.kinds(), [Recovered], "also of what others have reported");
    world.night(Some(&[GOOD; 3]));
    assert_eq!(world.kinds(), [Recovered]);
}

#[test]
fn runs_that_do_not_start_are_missed_every_night() {
    let mut world = World::nightly(&["a", "b"]);
    for _ in 0..3 {
        world.night(None);
    }
    assert_eq!(world.kinds(), [Missed; 3]);
    for (time, _, due) in &world.posted {
        assert_eq!(time.rem_euclid(DAY), 5 * HOUR);
        assert_eq!(*due, Some(at(time - 3 * HOUR)));
    }
    world.night(Some(&[GOOD; 2]));
    world.night(Some(&[GOOD; 2]));
    assert_eq!(world.kinds(), [Missed, Missed, Missed, Recovered]);
}

#[test]
fn a_late_start_is_missed_only_after_the_grace() {
    let mut world = World::nightly(&["a"]);
    world.until(4);
    world.run(&[GOOD]);
    world.until(0);
    assert_eq!(world.kinds(), []);
    world.until(7);
    world.run(&[GOOD]);
    world.until(0);
    assert_eq!(world.kinds(), [Missed, Recovered]);
    world.until(8);
    world.run(&[BAD]);
    world.until(0);
    assert_eq!(world.kinds(), [Missed, Recovered, Missed, Failed], "it failed at last");
}

#[test]
fn a_run_that_ends_after_noon_has_its_last_word_then() {
    let mut world = World::nightly(&["a", "b", "c"]);
    world.until(2);
    world.run(&[BAD, Some((9 * 60, false)), Some((120, true))]);
    world.until(0);
    assert_eq!(world.kinds(), [Failed], "the job follows the run");
    assert_eq!(world.mails.iter().map(|mail| mail.1).collect::<Vec<_>>(), [false, true]);
    assert_eq!(world.final_mails(), [["a", "c"]]);
}

#[test]
fn a_success_that_is_dated_ahead_is_no_all_clear_before_its_time_has_come() {
    let mut world = World::nightly(&["a", "b"]);
    world.night(Some(&[BAD, GOOD]));
    world.until(2);
    world.run(&[GOOD; 2]);
    world.plan.damaged = vec![Damage { entry: Entry::Result(id("b")), fault: Fault::InTheFuture }];
    world.pass(60);
    assert_eq!(world.kinds(), [Failed]);
    assert_eq!(world.history.borrow().runs.last().unwrap().outcome, Outcome::RepoFailure);
    world.plan.damaged.clear();
    world.pass(60);
    assert_eq!(world.kinds(), [Failed, Recovered]);
}

#[test]
fn a_run_whose_last_success_was_dated_ahead_is_good_once_its_time_has_come() {
    let mut world = World::nightly(&["a", "b"]);
    world.until(2);
    world.run(&[GOOD; 2]);
    world.plan.damaged = vec![Damage { entry: Entry::Result(id("b")), fault: Fault::InTheFuture }];
    world.pass(60);
    world.plan.damaged.clear();
    world.pass(60);
    assert_eq!(world.history.borrow().runs.last().unwrap().outcome, Outcome::Success);
    assert_eq!(world.kinds(), []);
}

/// With `correlator.follow_seconds: 0` there is no job any more when the run ends.
#[test]
fn the_last_word_is_the_watchs_if_no_job_follows() {
    let mut world = World::nightly(&["a", "b"]);
    world.until(2);
    world.run(&[BAD, Some((120, false))]);
    world.pass(60);
    assert_eq!(world.kinds(), [Failed]);
    world.job = None;
    world.until(0);
    assert_eq!(world.kinds(), [Failed, Failed]);
    assert_eq!(world.final_mails(), [["a"]]);
}

#[test]
fn a_first_backup_that_takes_long_is_not_missed_once_that_is_usual() {
    let mut world = World::new(DAY, 2 * HOUR, &["a"]);
    for _ in 0..8 {
        world.night(Some(&[Some((300, false))]));
    }
    let known = world.kinds().len();
    world.night(Some(&[Some((330, false))]));
    assert_eq!(world.kinds().len(), known, "{:?}", world.posted);
    world.night(None);
    assert_eq!(world.kinds().last(), Some(&Missed));
}

#[test]
fn a_module_that_stays_busy_is_news_every_night() {
    let mut world = World::nightly(&["a", "b"]);
    world.night(Some(&[GOOD, None]));
    world.night(Some(&[GOOD, None]));
    assert_eq!(world.kinds(), [Hangs; 2]);
    assert_eq!(world.final_mails(), [["b"], ["b"]]);
    let delays: Vec<i64> = world.posted.iter().map(|(time, ..)| (time.rem_euclid(DAY) - 2 * HOUR) / MINUTE).collect();
    assert!(delays.iter().all(|delay| (80..=110).contains(delay)), "an hour of retries, and what b takes: {delays:?}");
}

/// A module's own result says that its last backup took fifty years.
#[test]
fn a_module_cannot_keep_the_absence_of_another_back() {
    let mut world = World::new(7 * DAY, 2 * HOUR, &["a", "b", "c"]);
    world.night(Some(&[GOOD; 3]));
    world.pass(6 * DAY / MINUTE);
    world.until(2);
    world.run(&[GOOD, None, None]);
    world.plan.results.get_mut(&id("b")).unwrap().start = Some(Timestamp::UNIX_EPOCH);
    world.pass(2 * DAY / MINUTE);
    assert_eq!(world.final_mails(), [["b", "c"]], "{:?}", world.mails);
}

#[test]
fn by_its_log_a_run_is_over_when_ns8_has_given_up_on_a_busy_module() {
    let mut world = World::new(DAY, 2 * HOUR, &["a", "b"]);
    for _ in 0..14 {
        world.night(Some(&[GOOD, Some((300, false))]));
    }
    world.posted.clear();
    world.progress = Progress::Over;
    world.night(Some(&[GOOD, None]));
    assert_eq!(world.kinds(), [Failed], "it does not hang");
    let delay = (world.posted[0].0.rem_euclid(DAY) - 2 * HOUR) / MINUTE;
    assert!((20..=35).contains(&delay), "not after the five hours that b takes: {delay}");
    world.progress = Progress::Running;
    world.night(Some(&[GOOD, None]));
    assert_eq!(world.kinds(), [Failed, Hangs]);
}

#[test]
fn after_three_days_off_one_mail_tells_the_state() {
    for wake in [3 * HOUR, 10 * HOUR, 23 * HOUR] {
        let mut world = World::nightly(&["a", "b"]);
        world.until(2);
        world.run(&[BAD, GOOD]);
        // Off after the first module, before anybody could look.
        world.now += 12 * MINUTE;
        world.to_come.retain(|(end, ..)| *end <= world.now);
        world.now += 3 * DAY + wake - 2 * HOUR - 12 * MINUTE;
        world.until(0);
        // Until the time of the last one is over, it is the one before that is known to be missed.
        let expected = if wake < 5 * HOUR { 2 } else { 1 };
        assert_eq!(world.kinds(), vec![Missed; expected], "{wake}");
    }
}

#[test]
fn a_tick_that_is_killed_loses_nothing() {
    let mut world = World::nightly(&["a", "b"]);
    world.until(2);
    world.run(&[GOOD, BAD]);
    world.pass(16);
    world.killed = true;
    world.until(0);
    assert_eq!(world.final_mails(), [["b"]]);
    world.killed = true;
    world.night(None);
    assert_eq!(world.final_mails().len(), 2);
}

#[test]
fn an_hourly_plan_that_takes_longer_than_an_hour_is_all_right() {
    let mut world = World::new(HOUR, 0, &["a", "b", "c", "d"]);
    for round in 0..20 {
        world.run(&[Some((25, false)), Some((25, false)), Some((25, false)), Some((20, round == 10))]);
        world.pass(120);
    }
    assert_eq!(world.kinds(), [Failed, Recovered]);
}

/// The failure ends a minute before the next run begins, and is overwritten before long.
#[test]
fn a_failure_just_before_the_next_run_is_not_lost() {
    let mut world = World::new(HOUR, 0, &["a", "b"]);
    for round in 0..6 {
        world.run(&[Some((5, false)), Some((54, round == 3))]);
        world.pass(60);
    }
    assert_eq!(world.kinds(), [Failed, Recovered]);
}

#[test]
fn an_hourly_plan_that_stands_still_is_news_once_a_day() {
    let mut world = World::new(HOUR, 0, &["a"]);
    for _ in 0..6 {
        world.run(&[GOOD]);
        world.pass(60);
    }
    world.pass(60 * 48);
    assert_eq!(world.kinds(), [Missed, Missed]);
    assert!(world.posted[0].0 - 5 * HOUR <= 4 * HOUR + 15 * MINUTE, "{:?}", world.posted);
}

#[test]
fn a_plan_that_is_due_every_quarter_of_an_hour_is_watched_too() {
    let mut world = World::new(15 * MINUTE, 0, &["a"]);
    for _ in 0..30 {
        world.run(&[Some((3, false))]);
        world.pass(15);
    }
    assert_eq!(world.kinds(), []);
    world.pass(6 * 60);
    assert_eq!(world.kinds(), [Missed]);
}

#[test]
fn a_run_by_hand_is_no_run_of_the_night() {
    let mut world = World::nightly(&["a", "b"]);
    world.good_until(15);
    world.run(&[GOOD; 2]);
    world.until(0);
    world.night(None);
    assert_eq!(world.kinds(), [Missed], "what ran in the afternoon is not tonight's");
    world.good_until(16);
    assert_eq!(world.kinds(), [Missed, Recovered]);
    world.until(2);
    world.run(&[BAD, GOOD]);
    world.until(9);
    world.run(&[BAD, GOOD]);
    world.until(0);
    assert_eq!(world.kinds()[2..], [Failed, Failed], "it failed again");
}

#[test]
fn every_run_is_mailed_to_those_who_want_that() {
    let mut world = World::nightly(&["a", "b"]);
    world.settings.notification.success = true;
    for _ in 0..3 {
        world.night(Some(&[GOOD; 2]));
    }
    world.night(Some(&[GOOD, BAD]));
    world.night(Some(&[GOOD; 2]));
    assert_eq!(world.kinds(), [Success, Success, Success, Failed, Recovered]);
    world.until(2);
    world.run(&[GOOD; 2]);
    world.until(15);
    world.run(&[GOOD; 2]);
    world.until(0);
    assert_eq!(world.kinds()[5..], [Success; 2], "the second one by hand");
}

#[test]
fn clocks_that_are_set_lose_no_night() {
    // Two days ahead for an hour, by mistake.
    let mut world = World::nightly(&["a"]);
    world.good_until(10);
    world.now += 2 * DAY;
    world.pass(60);
    assert_eq!(world.kinds(), [Missed], "by that clock it is so");
    world.now -= 2 * DAY;
    world.until(0);
    let known = world.kinds().len();
    world.night(Some(&[BAD]));
    world.night(None);
    assert_eq!(world.kinds()[known..], [Failed, Missed], "{:?}", world.posted);
    // A month ahead for an hour: nothing of that hides who lacks a result, or counts.
    let mut world = World::nightly(&["a", "b"]);
    world.good_until(10);
    world.now += 30 * DAY;
    world.pass(60);
    world.now -= 30 * DAY;
    world.until(0);
    let known = world.kinds().len();
    world.night(Some(&[GOOD, None]));
    assert_eq!(world.kinds()[known..], [Hangs], "{:?}", world.posted);
    assert_eq!(world.history.borrow().failed_in_a_row(), 1);
    // An hour back and forth, as twice a year.
    let mut world = World::nightly(&["a"]);
    for step in [HOUR, -HOUR] {
        world.good_until(3);
        world.now += step;
        world.until(0);
    }
    assert_eq!(world.kinds(), []);
}

/// Layout A: no schedule, no members.
#[test]
fn a_plan_without_a_schedule_is_watched_by_its_results() {
    let mut world = World::new(DAY, 2 * HOUR, &["a", "b"]);
    world.plan.schedule = None;
    let result = |now: i64, errors| ModuleResult { layout: Layout::A, ..ModuleResult::sample(None, at(now), errors) };
    world.plan.members = None;
    let mut kinds = Vec::new();
    for errors in [0, 1, 1, 0, 0] {
        world.until(2);
        for (module, errors) in [("a", 0), ("b", errors)] {
            world.pass(10);
            world.plan.results.insert(id(module), result(world.now, errors));
        }
        // Without a schedule nothing is due.
        while world.now.rem_euclid(DAY) != 0 {
            world.now += 15 * MINUTE - world.now.rem_euclid(15 * MINUTE);
            world.work();
            meet(std::slice::from_ref(&world.plan), Some(world.zone), at(world.now), &mut world.memory);
            world.every = 1000 * DAY;
            world.tick();
            world.every = DAY;
        }
        kinds.push(std::mem::take(&mut world.posted).len());
    }
    assert_eq!(kinds, [0, 1, 1, 1, 0]);
}
