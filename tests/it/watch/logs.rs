//! Runs that lack results: what the watch asks the logs, and what follows.

use std::path::PathBuf;

use super::*;
use crate::support::journal::{Journals, record};
use crate::support::loki::{Fault, Server};
use crate::support::redis::ADMIN;
use crate::support::site::borrowed;

/// Plans 2 to `last`, each due two hours ago, on `node`. `mail1` has its result, and `samba1` the one before: it takes
/// three hours.
fn lacking(last: u32, node: &str) -> Watched {
    let watched = Watched::new(120);
    let redis = &watched.site.redis;
    redis.hset("cluster/module_node", &[("mail1", node), ("samba1", node)]);
    redis.run::<i64>("DEL node/1/backup_status/2");
    let result = |start, end| format!(r#"{{"start": {}, "end": {}, "errors": 0}}"#, ago(start), ago(end));
    let day = 24 * 60;
    let results = [("mail1", &*result(111, 110)), ("samba1", &*result(day + 110, day - 70))];
    for plan in 2..=last {
        watched.plan(&plan.to_string(), &daily(SignedDuration::from_mins(-120)));
        redis.hset(&format!("node/{node}/backup_status/{plan}"), &results);
    }
    watched.tick_at("-1d");
    // The elapses are known from here on.
    watched.tick_at("-105m");
    watched
}

#[test]
fn a_module_that_ends_between_the_results_and_the_log_has_its_result() {
    let mut watched = lacking(2, "1");
    let mark = |minutes, message: &str| record(ago(minutes), "0", "runagent", "s", "-", message);
    let marks = [
        mark(118, "mail1: starting backup 2 at dest"),
        mark(110, "mail1: backup 2 completed"),
        mark(110, "samba1: starting backup 2 at dest"),
        mark(1, "samba1: backup 2 completed"),
        mark(1, "Backup 2 completed successfully"),
    ];
    let journal = Journals::of(&[marks.to_vec()]);
    let result = format!(r#"{{"start": {}, "end": {}, "errors": 0}}"#, ago(110), ago(1));
    let login = format!("--user {} --pass {}", ADMIN.0, ADMIN.1);
    let environment = watched.site.ends_while_the_log_is_read(&login, &result, &journal);
    watched.site.service.start();
    let output = watched.tick_with(&borrowed(&environment));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && !log.contains("plan 2"), "{log}");
    let last = watched.history()["runs"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["outcome"], "SUCCESS", "{last}");
    assert_eq!(watched.mails_each(), [0; 0]);
}

/// A program whose clock runs ten times as fast waits a tenth.
const FAST: &str = "+0 x10";

#[test]
fn a_log_server_that_does_not_answer_is_asked_once_in_a_tick() {
    let server = Server::start([].into());
    server.fault(Fault::Hang);
    let watched = lacking(4, "2");
    server.serve(&watched.site.redis);
    watched.tick_at(FAST);
    assert_eq!(server.requests().len(), 1);
    watched.tick_at(FAST);
    assert_eq!(server.requests().len(), 2, "the next tick asks again");
}

/// Each plan's log takes ten seconds, of which there are sixty.
#[test]
fn logs_that_do_not_answer_keep_no_news_back() {
    let mut watched = lacking(14, "1");
    watched.ends("mail1", 110, 1);
    let asked: PathBuf = watched.site.service.path("asked");
    let environment = watched.site.journalctl(&format!("echo >> {}\nexec sleep 1000", asked.display()));
    watched.site.service.start();
    let log = watched.tick_at_with(FAST, &borrowed(&environment));
    assert!(log.contains("has 1 failed module(s), as of "), "{log}");
    assert!(log.contains("the logs did not show the progress of each run within 60 s"), "{log}");
    let asked = std::fs::read_to_string(asked).unwrap().lines().count();
    assert!((1..=7).contains(&asked), "{asked}");
}

/// Redis may take ten minutes by this configuration, a tick five by its unit.
#[test]
fn a_tick_that_takes_too_long_says_so_itself() {
    let watched = Watched::new(60);
    let config = watched.site.service.path("config.yml");
    let slow = std::fs::read_to_string(&config).unwrap().replace("redis: { ", "redis: { timeout: 10m, ");
    std::fs::write(&config, slow).unwrap();
    watched.site.redis.signal("STOP");
    let output = watched.tick_output("+0 x100", &[]);
    watched.site.redis.signal("CONT");
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && log.contains("it has taken longer than 240 s"), "{log}");
    assert!(watched.site.service.path("state/watch.json").is_file());
}
