//! A plan that is edited while a job follows its run.

use super::*;

/// A job that follows the run of a quarter of an hour ago, in which `mail1` has failed and `samba1` has no result yet.
fn followed() -> Watched {
    let mut watched = Watched::new(15);
    let (_, port) = watched.site.service.address.rsplit_once(':').unwrap();
    let follows = AT_ONCE.replace("max_wait_seconds: 0, follow_seconds: 0", "max_wait_seconds: 1");
    watched.site.configure("", &format!("{follows}receiver: {{ port: {port} }}\n"));
    for module in ["mail1", "samba1"] {
        watched.ends(module, 24 * 60, 0);
    }
    assert!(!watched.tick_at("-1d").contains("plan 2"));
    assert!(!watched.tick_at("-2h").contains("plan 2"));
    watched.ends("mail1", 5, 1);
    watched.site.service.start();
    let log = watched.tick();
    assert!(log.contains("plan 2: The run due"), "{log}");
    let is_following = || watched.site.job()["stage"]["following"].is_object();
    wait_until("an interim mail each", || watched.site.counts().len() == 2, || watched.site.service.log());
    wait_until("the job follows its run", is_following, || watched.site.service.log());
    watched
}

#[test]
fn a_module_that_joins_during_the_run_is_not_waited_for() {
    let watched = followed();
    watched.site.redis.hset("cluster/module_node", &[("web3", "1")]);
    watched.site.redis.hset("cluster/backup/2", &[("instances", "mail1 samba1 web3")]);
    watched.tick();
    watched.ends("samba1", 0, 0);
    watched.site.redis.announce("samba1");
    assert_eq!(watched.mails_each(), [2, 2]);
    assert_eq!(watched.site.inbox()[2].subject, "[ns8-backup] PARTIAL - 1/2 module(s) failed");
}
