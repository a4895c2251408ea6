//! A node that becomes the leader: it has looked on, and knows what was due while the old leader was dead.

use super::*;

/// Node 2's watch looks at a time that is off by this.
fn tick_of_node_2(watched: &Watched, distance: &str) -> String {
    let credentials = watched.site.service.path("credentials");
    std::fs::create_dir_all(&credentials).unwrap();
    std::fs::write(credentials.join("node.environment"), "NODE_ID=2\n").unwrap();
    watched.tick_at_with(distance, &[("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap())])
}

fn promote(watched: &Watched) {
    watched.site.redis.hset("cluster/environment", &[("NODE_ID", "2")]);
}

#[test]
fn the_night_in_which_the_old_leader_died_is_told_by_the_new_one() {
    let mut watched = Watched::new(200);
    watched.ends("mail1", 24 * 60 + 190, 0);
    watched.ends("samba1", 24 * 60 + 180, 0);
    watched.site.service.start();
    for distance in ["-1d", "-5h", "-2h"] {
        assert!(!tick_of_node_2(&watched, distance).contains("plan 2"), "{distance}");
    }
    promote(&watched);
    let log = tick_of_node_2(&watched, "-1m");
    assert!(log.contains("plan 2: The run due") && log.contains("has not started"), "{log}");
    assert!(!tick_of_node_2(&watched, "+0").contains("plan 2"));
    assert_eq!(watched.mails_each(), [1, 1]);
}

#[test]
fn a_new_leader_says_nothing_of_runs_that_were_good_or_that_it_has_not_seen() {
    for seen in [true, false] {
        let mut watched = Watched::new(200);
        watched.notification = "  success: true\n";
        watched.configure("");
        if seen {
            watched.ends("mail1", 190, 0);
            watched.ends("samba1", 180, 0);
            tick_of_node_2(&watched, "-1d");
        }
        watched.site.service.start();
        tick_of_node_2(&watched, "-2h");
        promote(&watched);
        let log = tick_of_node_2(&watched, "+0");
        assert!(log.contains("this node watches") && !log.contains("plan 2"), "{log}");
    }
}
