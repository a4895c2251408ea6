//! The age of the cluster backup.

use super::*;

#[test]
fn a_cluster_backup_that_is_far_too_old_is_news_once() {
    let mut world = World::nightly(&["a"]);
    world.cluster_backup = Some(world.now - 22 * HOUR);
    for _ in 0..3 {
        world.night(Some(&[GOOD]));
    }
    assert_eq!(world.kinds(), [Kind::ClusterBackup], "51 hours after it was made");
    assert_eq!(world.posted[0].0, 7 * DAY + 29 * HOUR);
    world.cluster_backup = Some(world.now - 22 * HOUR);
    world.night(Some(&[GOOD]));
    assert_eq!(world.kinds(), [Kind::ClusterBackup]);
}

/// From Monday to Friday; every hour of the day's work; every quarter of an hour.
#[test]
fn a_cluster_backup_is_old_if_two_runs_have_not_written_it() {
    let weekdays: fn(i64) -> bool = |time| !matches!(time.div_euclid(DAY).rem_euclid(7), 2 | 3);
    let by_day: fn(i64) -> bool = |time| (8..=18).contains(&(time.rem_euclid(DAY) / HOUR));
    for (every, offset, is_due, noticed) in [
        // The run of Friday fails to write it, and the one of Monday.
        (DAY, 2 * HOUR, weekdays, 18 * DAY + 5 * HOUR),
        (HOUR, 0, by_day, 14 * DAY + 12 * HOUR),
        (15 * MINUTE, 0, |_| true, 14 * DAY + 345 * MINUTE),
    ] {
        let mut world = World::new(every, offset, &["a"]);
        world.is_due = is_due;
        while world.now < 21 * DAY {
            world.minute();
            if (world.now - offset) % every == 0 && is_due(world.now) {
                world.run(&[GOOD]);
                if world.now < 14 * DAY + 3 * HOUR {
                    world.cluster_backup = Some(world.now - 5);
                }
            }
        }
        assert_eq!(world.kinds(), [Kind::ClusterBackup], "{every}");
        assert_eq!(world.posted[0].0, noticed, "{every}");
    }
}

#[test]
fn a_cluster_backup_that_is_far_too_old_is_news_although_a_module_fails() {
    let mut world = World::nightly(&["a", "b"]);
    world.cluster_backup = Some(world.now - 22 * HOUR);
    for _ in 0..3 {
        world.night(Some(&[GOOD, BAD]));
    }
    assert_eq!(world.kinds(), [Failed, Failed, Kind::ClusterBackup, Failed]);
}
