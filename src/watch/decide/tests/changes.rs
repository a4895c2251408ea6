//! Plans that are met for the first time, made, edited or switched on, and modules that come and go.

use super::*;

#[test]
fn what_is_met_for_the_first_time_has_missed_nothing_but_may_have_failed() {
    let mut world = World::new(DAY, 2 * HOUR, &["a", "b"]);
    world.now = 3 * HOUR;
    world.until(0);
    assert_eq!(world.kinds(), [], "it has never run");
    let mut world = World::new(DAY, 2 * HOUR, &["a", "b"]);
    world.now = -20 * HOUR;
    world.run(&[GOOD, BAD]);
    world.now = 9 * HOUR;
    world.pass(60);
    assert_eq!(world.kinds(), [Failed]);
    assert_eq!(world.final_mails(), [["b"]]);
    world.until(0);
    assert_eq!(world.kinds(), [Failed]);
    world.night(None);
    assert_eq!(world.kinds(), [Failed, Missed]);
}

#[test]
fn a_plan_that_is_edited_or_switched_on_has_missed_nothing() {
    let mut world = World::nightly(&["a"]);
    world.good_until(10);
    world.plan.enabled = false;
    world.pass(60 * 24 * 3);
    world.plan.enabled = true;
    world.until(0);
    assert_eq!(world.kinds(), []);
    world.good_until(10);
    // From 02:00 to 09:00: the last elapse is an hour ago, and nobody could have kept it.
    world.plan.schedule = Some("another".into());
    world.offset = 9 * HOUR;
    world.pass(20 * 60);
    assert_eq!(world.kinds(), []);
    world.pass(12 * 60);
    assert_eq!(world.kinds(), [Missed], "the next one counts");
}

#[test]
fn a_node_that_is_moved_to_another_zone_has_missed_nothing() {
    for offset in [HOUR, 3 * HOUR] {
        let mut world = World::nightly(&["a"]);
        world.good_until(10);
        let runs = world.history.borrow().runs.len();
        (world.zone, world.offset) = ("UTC", offset);
        world.until(0);
        assert_eq!((world.kinds(), world.history.borrow().runs.len()), (vec![], runs), "{offset}");
        world.pass(60 * 24);
        assert_eq!(world.kinds(), [Missed], "the next one counts");
    }
    // What the old zone's last night owes is said all the same.
    let mut world = World::nightly(&["a"]);
    world.until(3);
    (world.zone, world.offset) = ("UTC", 3 * HOUR);
    world.until(0);
    assert_eq!(world.kinds(), [Missed]);
    assert_eq!(world.posted[0].2, Some(at(7 * DAY + 2 * HOUR)));
    // A schedule with its own zone is the same everywhere.
    let mut world = World::new(DAY, 2 * HOUR, &["a"]);
    world.plan.schedule = Some("*-*-* 02:00 Europe/Rome".into());
    world.pass(60 * 24);
    let since = world.memory.plans["2"].since;
    world.zone = "UTC";
    world.pass(60);
    assert_eq!(world.memory.plans["2"].since, since);
}

#[test]
fn a_run_that_is_cut_off_before_its_first_result_is_news_although_the_plan_was_edited() {
    for (progress, kind) in [(Progress::Over, Failed), (Progress::NotStarted, Missed)] {
        let mut world = World::nightly(&["a", "b"]);
        world.until(3);
        world.plan.schedule = Some("another".into());
        world.offset = HOUR;
        world.pass(30);
        world.progress = progress;
        world.until(0);
        assert_eq!(world.kinds(), [kind], "{progress:?}");
        assert!(world.posted.iter().all(|(time, _, due)| *due == Some(at(time.div_euclid(DAY) * DAY + 2 * HOUR))));
    }
}

/// Minutes after midnight at which a plan that is due at 02:00 is switched off, and on again.
const TOGGLES: [(i64, Option<i64>); 5] =
    [(125, Some(150)), (140, Some(160)), (140, None), (260, Some(320)), (295, Some(310))];

/// Switches the plan off and on, and passes the day.
fn toggle(world: &mut World, (off, on): (i64, Option<i64>)) {
    let minutes = world.now.rem_euclid(DAY) / MINUTE;
    world.pass(off - minutes);
    world.plan.enabled = false;
    if let Some(on) = on {
        world.pass(on - off);
        world.plan.enabled = true;
    }
    world.until(0);
}

#[test]
fn a_run_that_did_not_start_is_missed_although_the_plan_was_edited_since() {
    for (minutes, offset) in [(20, 3 * HOUR), (140, 3 * HOUR), (140, HOUR), (140, 9 * HOUR)] {
        let mut world = World::nightly(&["a", "b"]);
        world.until(2);
        world.pass(minutes);
        world.plan.schedule = Some("another".into());
        world.offset = offset;
        world.until(9);
        let missed = (world.now - 4 * HOUR, Missed, Some(at(world.now - 7 * HOUR)));
        assert_eq!(world.posted, [missed], "{minutes} {offset}");
        world.run(&[GOOD; 2]);
        world.until(0);
        assert_eq!(world.kinds()[1..], [Recovered], "{minutes} {offset}");
    }
}

#[test]
fn a_run_that_did_not_start_is_missed_although_the_plan_was_switched_off_since() {
    for times in TOGGLES {
        let mut world = World::nightly(&["a", "b"]);
        toggle(&mut world, times);
        let missed = (world.now - 19 * HOUR, Missed, Some(at(world.now - 22 * HOUR)));
        assert_eq!(world.posted, [missed], "{times:?}");
        let enabled = world.plan.enabled;
        world.night(None);
        assert_eq!(world.kinds().len(), if enabled { 2 } else { 1 }, "{times:?}");
    }
}

#[test]
fn a_plan_that_is_switched_off_before_it_was_due_has_missed_nothing() {
    for times in [(110, None), (110, Some(130)), (119, Some(150)), (60, Some(100))] {
        let mut world = World::nightly(&["a", "b"]);
        let runs = times.1.is_some_and(|on| on < 120);
        toggle(&mut world, times);
        let kinds = if runs { vec![Missed] } else { vec![] };
        assert_eq!(world.kinds(), kinds, "{times:?}");
    }
}

#[test]
fn what_fails_or_lacks_a_result_is_news_although_the_plan_was_switched_off() {
    for times in TOGGLES.into_iter().chain([(131, None), (131, Some(200))]) {
        for (parts, kind) in [([GOOD, None], Hangs), ([BAD, GOOD], Failed)] {
            let mut world = World::nightly(&["a", "b"]);
            world.until(2);
            world.run(&parts);
            toggle(&mut world, times);
            assert_eq!(world.kinds(), [kind], "{times:?}");
            assert!(world.posted[0].0.rem_euclid(DAY) <= 4 * HOUR, "{times:?} {:?}", world.posted);
        }
    }
}

#[test]
fn a_run_by_hand_of_a_plan_that_is_switched_off_is_not_its_last_one() {
    let mut world = World::nightly(&["a", "b"]);
    world.good_until(3);
    world.plan.enabled = false;
    world.pass(3 * 24 * 60);
    world.run(&[BAD; 2]);
    world.until(0);
    assert_eq!(world.kinds(), []);
}

#[test]
fn a_module_that_leaves_its_node_while_its_plan_is_switched_off_lacks_nothing() {
    let mut world = World::nightly(&["a", "b"]);
    world.good_until(3);
    world.plan.enabled = false;
    world.until(10);
    world.plan.results.remove(&id("a"));
    world.until(0);
    assert_eq!(world.kinds(), []);
}

#[test]
fn a_run_that_is_cut_off_the_night_after_a_missed_one_is_news_at_once() {
    let mut world = World::nightly(&["a", "b"]);
    world.night(None);
    world.progress = Progress::Over;
    world.night(None);
    assert_eq!(world.kinds(), [Missed, Failed]);
    assert!(world.posted[1].0.rem_euclid(DAY) <= 2 * HOUR + 15 * MINUTE, "{:?}", world.posted);
}

#[test]
fn a_run_that_began_by_a_schedule_of_which_nobody_saw_since_when_counts() {
    let mut world = World::nightly(&["a", "b"]);
    world.good_until(3);
    world.plan.schedule = Some("another".into());
    world.offset = 5 * HOUR;
    world.be_away(2 * 60);
    world.run(&[GOOD, None]);
    world.be_away(70);
    world.progress = Progress::Over;
    world.pass(60);
    assert_eq!(world.kinds(), [Failed]);
    assert_eq!(world.posted[0].2, Some(at(world.now.div_euclid(DAY) * DAY + 5 * HOUR)));
    // The same, and nothing began then: the plan may have been edited later.
    let mut world = World::nightly(&["a", "b"]);
    world.good_until(3);
    world.plan.schedule = Some("another".into());
    world.offset = 5 * HOUR;
    world.be_away(4 * 60);
    world.until(0);
    assert_eq!(world.kinds(), []);
}

#[test]
fn of_an_elapse_that_nobody_saw_it_is_not_said_that_the_plan_ran_by_it() {
    for (minutes, due) in [(10, Some(2 * HOUR)), (60, None)] {
        let mut world = World::nightly(&["a"]);
        world.until(1);
        world.be_away(50);
        world.tick();
        world.plan.schedule = Some("another".into());
        world.offset = HOUR;
        world.be_away(10 + minutes);
        world.tick();
        let known = world.memory.plans[&world.plan.id].due_before;
        assert_eq!(known, due.map(|due| at(world.now.div_euclid(DAY) * DAY + due)), "{minutes} min");
    }
}

#[test]
fn a_run_of_which_the_only_result_has_gone_with_its_module_was_not_missed() {
    let mut world = World::nightly(&["a", "b"]);
    world.progress = Progress::NotStarted;
    world.until(2);
    world.run(&[GOOD, None]);
    world.pass(60);
    world.plan.results.remove(&id("a"));
    world.until(0);
    assert_eq!(world.kinds(), [Failed]);
    let history = world.history.borrow();
    let troubles: Vec<_> = history.runs.last().unwrap().troubles().map(|(id, _)| id.as_str()).collect();
    assert_eq!(troubles, ["b"]);
}

#[test]
fn a_module_that_joins_by_day_is_awaited_from_the_next_night_on() {
    let mut world = World::nightly(&["a", "b"]);
    world.good_until(11);
    world.plan.members.get_or_insert_default().insert(id("c"));
    world.until(0);
    assert_eq!(world.kinds(), []);
    world.night(Some(&[GOOD, GOOD, None]));
    assert_eq!(world.kinds(), [Hangs]);
}

#[test]
fn modules_that_take_the_place_of_others_have_missed_nothing_that_those_ran() {
    for empty in [0, 30] {
        let mut world = World::nightly(&["a"]);
        world.progress = Progress::NotStarted;
        world.good_until(10);
        // As NS8 moves a module: under another id, and the plan may be without any for a while.
        world.plan.results.clear();
        world.plan.members = Some([].into());
        world.pass(empty);
        world.plan.members = Some([id("b")].into());
        world.until(0);
        assert_eq!(world.kinds(), [], "{empty}");
        assert!(world.history.borrow().runs.last().unwrap().is_good());
        world.night(None);
        assert_eq!(world.kinds(), [Missed], "the next night is theirs");
    }
}

#[test]
fn modules_that_take_the_place_of_others_do_not_hide_that_those_did_not_run() {
    let mut world = World::nightly(&["a"]);
    world.until(3);
    world.plan.results.clear();
    world.plan.members = Some([id("b")].into());
    world.until(0);
    assert_eq!(world.kinds(), [Missed]);
}

#[test]
fn a_plan_without_modules_is_not_due() {
    let mut world = World::new(DAY, 2 * HOUR, &[]);
    world.pass(60 * 24 * 3 + 12 * 60);
    world.plan.members = Some([id("a")].into());
    world.until(0);
    assert_eq!(world.kinds(), []);
    world.night(None);
    assert_eq!(world.kinds(), [Missed]);
}

/// Layout A: no schedule, no members, and a record of the plan as a whole.
#[test]
fn a_plan_that_failed_as_a_whole_is_not_told_again_because_a_module_comes() {
    let mut world = World::nightly(&["a", "b"]);
    world.good_until(3);
    world.every = 1000 * DAY;
    (world.plan.schedule, world.plan.members) = (None, None);
    let failed_at = Some(at(world.now));
    world.plan.status = Some(PlanStatus { success: false, timestamp: failed_at, errors: None });
    world.pass(60);
    assert_eq!(world.kinds(), [Failed]);
    let result = ModuleResult { end: failed_at, ..world.plan.results[&id("a")].clone() };
    world.plan.results.insert(id("c"), result);
    world.pass(60);
    assert_eq!(world.kinds(), [Failed]);
}

#[test]
fn a_failing_module_that_leaves_the_plan_is_no_recovery() {
    let mut world = World::nightly(&["a", "b"]);
    world.night(Some(&[GOOD, BAD]));
    let left = world.plan.members.take();
    world.plan.members = Some([id("a")].into());
    world.plan.results.remove(&id("b"));
    world.until(1);
    assert_eq!(world.kinds(), [Failed], "nothing has run since");
    world.plan.members = left;
    world.night(Some(&[GOOD, GOOD]));
    assert_eq!(world.kinds(), [Failed, Recovered]);
}

#[test]
fn the_run_that_the_watch_meets_is_the_one_before_the_next() {
    let mut world = World::new(DAY, 2 * HOUR, &["a", "b"]);
    world.now = 2 * HOUR;
    world.run(&[GOOD, BAD]);
    world.be_away(7 * 60);
    world.until(0);
    world.night(Some(&[GOOD, BAD]));
    assert_eq!(world.history.borrow().failed_in_a_row(), 2);
}

#[test]
fn what_ran_while_the_watch_was_away_ends_the_row() {
    let in_a_row = |edit: fn(&mut World)| {
        let mut world = World::nightly(&["a", "b"]);
        world.night(Some(&[GOOD, BAD]));
        world.be_away(4 * 24 * 60 + 2 * 60);
        world.run(&[GOOD, GOOD]);
        world.be_away(8 * 60);
        edit(&mut world);
        world.pass(20);
        world.plan.enabled = true;
        world.night(Some(&[GOOD, BAD]));
        world.history.borrow().failed_in_a_row()
    };
    assert_eq!(in_a_row(|_| ()), 1);
    assert_eq!(in_a_row(|world| world.plan.schedule = Some("edited".into())), 1);
    assert_eq!(in_a_row(|world| world.memory = Memory::default()), 1);
    assert_eq!(in_a_row(|world| world.plan.enabled = false), 1, "it was switched off, and is on again");
}
