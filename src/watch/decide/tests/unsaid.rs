//! What was not said when it happened: the relay was down, the watch was away, or its memory is gone.

use super::*;
use crate::model::run::Outcome;
use crate::watch::digest::{Known, PlanDigest};

#[test]
fn a_failure_whose_mail_came_late_has_an_all_clear() {
    let mut world = World::nightly(&["a", "b"]);
    world.relay_is_down = true;
    world.until(2);
    world.run(&[BAD, GOOD]);
    world.pass(11);
    world.alertmanager();
    world.until(0);
    world.night(Some(&[GOOD, GOOD]));
    assert_eq!((world.kinds(), world.mails.len()), (vec![], 0));
    world.relay_is_down = false;
    world.pass(60);
    assert_eq!(world.kinds(), [Recovered]);
    assert_eq!(world.final_mails(), [vec!["a".to_string()], vec![]]);
    world.night(Some(&[GOOD, GOOD]));
    assert_eq!(world.kinds(), [Recovered]);
}

#[test]
fn what_a_mail_that_waits_for_the_relay_says_is_no_news_in_the_next_night() {
    for parts in [[BAD, BAD], [BAD, None]] {
        let mut world = World::nightly(&["a", "b"]);
        world.relay_is_down = true;
        world.until(2);
        world.run(&parts);
        world.pass(11);
        world.alertmanager();
        world.until(2);
        world.run(&[GOOD, Some((60, false))]);
        world.pass(20);
        assert_eq!(world.kinds(), [], "{parts:?}");
        world.relay_is_down = false;
        world.until(0);
        assert_eq!(world.kinds(), [Recovered], "{parts:?}");
        assert_eq!(world.final_mails(), [vec!["a".to_string(), "b".into()], vec![]]);
    }
}

#[test]
fn an_absence_whose_mail_was_dropped_is_raised_in_the_next_night() {
    let mut world = World::nightly(&["a", "b"]);
    world.relay_is_down = true;
    world.until(2);
    world.run(&[BAD, None]);
    world.pass(11);
    world.alertmanager();
    world.until(2);
    world.drop_job();
    world.relay_is_down = false;
    let due = at(world.now - DAY);
    world.run(&[GOOD, Some((60, false))]);
    world.pass(20);
    assert_eq!(world.posted, [(world.now - 5 * MINUTE, Failed, Some(due))]);
}

#[test]
fn a_failure_that_others_have_mailed_has_an_all_clear_although_the_history_is_lost() {
    let mut world = World::nightly(&["a"]);
    world.until(2);
    world.run(&[BAD]);
    world.pass(11);
    world.alertmanager();
    world.until(1);
    assert_eq!((world.kinds(), world.final_mails().len()), (vec![], 1));
    let id = world.plan.id.clone();
    world.history.replace(History::new(id));
    world.night(Some(&[GOOD]));
    assert_eq!(world.kinds(), [Recovered]);
}

#[test]
fn an_absence_is_not_said_by_an_interim_mail_whose_final_one_was_dropped() {
    let mut world = World::nightly(&["a", "b"]);
    world.until(2);
    world.run(&[BAD, Some((60, false))]);
    world.pass(11);
    world.alertmanager();
    world.pass(20);
    assert_eq!((world.mails.len(), world.final_mails().len()), (1, 0));
    world.drop_job();
    // The node dies.
    world.to_come = Vec::new();
    world.be_away(23 * 60 + 29);
    world.run(&[GOOD, Some((60, false))]);
    world.pass(20);
    assert_eq!(world.kinds(), [Failed]);
}

#[test]
fn the_end_of_a_run_is_raised_if_the_job_was_dropped_after_its_interim_mail() {
    for cluster_backup in [None, Some(-30 * DAY)] {
        let mut world = World::nightly(&["a", "b"]);
        world.until(2);
        world.run(&[BAD, Some((60, false))]);
        world.pass(61);
        assert_eq!((world.kinds(), world.mails.len(), world.final_mails().len()), (vec![Failed], 1, 0));
        // The last mail waits for the relay, and meanwhile another finding is raised.
        world.cluster_backup = cluster_backup;
        world.relay_is_down = true;
        world.pass(30);
        assert_eq!(world.kinds()[1..], *cluster_backup.map(|_| Kind::ClusterBackup).as_slice());
        world.drop_job();
        world.relay_is_down = false;
        world.until(0);
        assert_eq!(world.kinds()[1 + cluster_backup.iter().len()..], [Failed], "{cluster_backup:?}");
        assert_eq!(world.final_mails(), [["a"]]);
    }
}

#[test]
fn an_absence_that_the_watch_has_raised_is_no_news_again_although_its_mail_was_dropped() {
    let mut world = World::nightly(&["a", "b"]);
    world.relay_is_down = true;
    world.until(2);
    world.run(&[GOOD, None]);
    world.until(1);
    assert_eq!((world.kinds().len(), world.mails.len()), (1, 0));
    world.drop_job();
    world.relay_is_down = false;
    world.until(2);
    world.run(&[GOOD, Some((60, false))]);
    world.pass(20);
    assert_eq!(world.kinds().len(), 1, "{:?}", world.kinds());
}

#[test]
fn without_a_run_since_a_missed_one_there_is_no_all_clear_although_the_memory_is_lost() {
    let mut world = World::nightly(&["a", "b"]);
    world.settings.notification.success = true;
    world.night(None);
    assert_eq!(world.kinds(), [Missed]);
    world.memory = Memory::default();
    world.until(1);
    assert_eq!(world.kinds(), [Missed]);
    world.night(Some(&[GOOD, GOOD]));
    assert_eq!(world.kinds(), [Missed, Recovered]);
}

#[test]
fn a_run_that_was_missed_while_the_watch_was_away_is_news_although_the_next_one_has_begun() {
    for (minutes, parts) in [(5, [GOOD, GOOD]), (5, [BAD, GOOD]), (1, [GOOD, GOOD]), (40, [Some((60, false)), GOOD])] {
        let mut world = World::nightly(&["a", "b"]);
        world.good_until(3);
        // Off from 01:00, over one night, until just after the plan was due again.
        world.until(1);
        world.be_away(25 * 60);
        world.run(&parts);
        world.be_away(minutes);
        world.tick();
        let missed = at(world.now.div_euclid(DAY) * DAY - DAY + 2 * HOUR);
        assert_eq!(world.posted, [(world.now, Missed, Some(missed))], "{minutes}");
        world.until(0);
        let end = if parts[0] == BAD { Failed } else { Recovered };
        assert_eq!(world.kinds(), [Missed, end], "{minutes}");
        let history = world.history.borrow();
        assert_eq!(history.marks()[7..], *if end == Failed { "+!x" } else { "+!+" }, "{minutes}");
    }
}

#[test]
fn a_plan_that_runs_by_day_has_missed_nothing_half_an_hour_after_its_first_run_was_due() {
    let mut world = World::new(15 * MINUTE, 0, &["a"]);
    world.is_due = |time| (8..19).contains(&(time.rem_euclid(DAY) / HOUR));
    world.until(8);
    for _ in 0..44 {
        world.run(&[Some((3, false))]);
        world.pass(15);
    }
    world.until(8);
    world.run(&[Some((170, false))]);
    world.until(12);
    assert_eq!(world.kinds(), []);
    world.until(16);
    assert_eq!(world.kinds(), [Missed]);
    assert_eq!(world.posted[0].0.rem_euclid(DAY), 14 * HOUR, "it was due at 11:00");
}

#[test]
fn a_run_that_was_missed_is_news_although_another_was_missed_before_the_plan_was_edited() {
    let mut world = World::nightly(&["a", "b"]);
    world.until(2);
    world.until(9);
    world.plan.schedule = Some("another".into());
    world.offset = 30 * MINUTE;
    world.until(0);
    world.until(5);
    let midnight = world.now.div_euclid(DAY) * DAY;
    let first = (midnight - DAY + 5 * HOUR, Missed, Some(at(midnight - DAY + 2 * HOUR)));
    assert_eq!(world.posted, [first, (midnight + 210 * MINUTE, Missed, Some(at(midnight + 30 * MINUTE)))]);
}

#[test]
fn a_missed_run_that_nobody_could_be_told_of_in_time_makes_the_next_one_a_recovery() {
    let mut world = World::nightly(&["a", "b"]);
    world.good_until(3);
    world.until(1);
    world.be_away(25 * 60);
    world.run(&[GOOD, GOOD]);
    world.be_away(5);
    // A job of something else is under way.
    world.job = Some((world.now, true, None));
    world.tick();
    world.job = None;
    assert_eq!((world.kinds(), world.history.borrow().marks()), (vec![], "++++++++!".into()));
    world.until(0);
    assert_eq!(world.kinds(), [Recovered]);
    world.night(Some(&[GOOD, GOOD]));
    assert_eq!(world.kinds(), [Recovered]);
}

#[test]
fn a_clock_that_is_behind_at_one_look_makes_nothing_older_than_it_is() {
    for behind in [DAY, 9000 * DAY] {
        let glitch = |world: &mut World| {
            world.now -= behind;
            world.tick();
            world.now += behind + 15 * MINUTE;
            world.until(0);
        };
        let mut world = World::new(DAY, 2 * HOUR, &["a"]);
        world.now = 7 * DAY + 15 * HOUR;
        world.pass(30);
        glitch(&mut world);
        assert_eq!(world.kinds(), [], "a plan that was made at 15:00");
        let mut world = World::nightly(&["a", "b"]);
        world.good_until(15);
        world.plan.members.get_or_insert_default().insert(id("c"));
        world.pass(30);
        glitch(&mut world);
        assert_eq!(world.kinds(), [], "a module that has joined at 15:00");
        assert!(world.history.borrow().runs.last().unwrap().is_good());
    }
}

#[test]
fn that_a_later_run_has_no_result_tells_of_the_missed_one_before_it_too() {
    let mut world = World::nightly(&["a", "b"]);
    world.good_until(3);
    world.until(1);
    world.be_away(25 * 60 + 90);
    let run = world.memory.plans[&world.plan.id].members.iter().map(|id| (id, crate::model::run::State::Stale));
    let due = world.elapses().last();
    let record = RunRecord::new(&world.plan, due, at(world.now), Outcome::RepoFailure, true, &mut run.into_iter());
    world.history.borrow_mut().record(RunRecord { reported: Some(at(world.now)), ..record });
    world.tick();
    assert_eq!(world.kinds(), []);
    assert_eq!(world.history.borrow().marks()[8..], *"!x");
}

#[test]
fn a_run_on_record_is_still_known_to_lack_a_result_after_the_memory_was_lost() {
    let mut world = World::new(6 * HOUR, 2 * HOUR, &["a", "b"]);
    world.pass(60);
    for (hour, parts) in [(2, [GOOD, GOOD]), (8, [GOOD, GOOD]), (14, [GOOD, None])] {
        world.until(hour);
        world.run(&parts);
    }
    world.pass(5 * 60);
    assert_eq!(world.kinds(), [Hangs]);
    world.memory = Memory::default();
    world.pass(30);
    assert_eq!(world.kinds(), [Hangs]);
    let (elapses, history) = (world.elapses(), world.history.borrow());
    let known =
        Known { elapses: Some(&elapses), memory: Some(&world.memory), history: Some(&history), ..Known::default() };
    let digest = PlanDigest::new(&world.plan, known, world.settings.correlator.stale_after, at(world.now));
    assert_eq!((digest.outcome, digest.troubled.len()), (Some(Outcome::Partial), 1));
}
