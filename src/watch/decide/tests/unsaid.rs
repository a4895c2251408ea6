//! What was not said when it happened: the relay was down, the watch was away, or its memory is gone.

use super::*;

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
fn without_a_run_since_a_missed_one_there_is_no_all_clear_although_the_memory_is_lost() {
    let mut world = World::nightly(&["a", "b"]);
    world.rules.success = true;
    world.night(None);
    assert_eq!(world.kinds(), [Missed]);
    world.memory = Memory::default();
    world.until(1);
    assert_eq!(world.kinds(), [Missed]);
    world.night(Some(&[GOOD, GOOD]));
    assert_eq!(world.kinds(), [Missed, Recovered]);
}
