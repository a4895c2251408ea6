//! Runs that lack results: what the watch asks the logs, and what follows.

use super::*;
use crate::support::journal::{Journals, record};
use crate::support::redis::ADMIN;

/// Makes this `journalctl` the one of the watch, on node 1; the environment for its ticks.
fn journalctl(watched: &Watched, script: &str) -> Vec<(&'static str, String)> {
    let (bin, credentials) = (watched.site.service.path("bin"), watched.site.service.path("credentials"));
    std::fs::create_dir(&bin).unwrap();
    std::fs::create_dir(&credentials).unwrap();
    std::fs::write(credentials.join("node.environment"), "NODE_ID=1\n").unwrap();
    let new = bin.join("new");
    std::fs::write(&new, format!("#!/bin/sh\n{script}\n")).unwrap();
    assert!(Command::new("chmod").arg("755").arg(&new).status().unwrap().success());
    std::fs::rename(new, bin.join("journalctl")).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path))).unwrap();
    vec![
        ("PATH", path.into_string().unwrap()),
        ("CREDENTIALS_DIRECTORY", credentials.into_os_string().into_string().unwrap()),
    ]
}

/// Plans 2 to `last`, each due two hours ago, of which `mail1` has the last result and `samba1` the one before; on `node`.
fn lacking(last: u32, node: &str) -> Watched {
    let watched = Watched::new(120);
    let redis = &watched.site.redis;
    redis.hset("cluster/module_node", &[("mail1", node), ("samba1", node)]);
    redis.run::<i64>("DEL node/1/backup_status/2");
    let result = |minutes| format!(r#"{{"start": {}, "end": {}, "errors": 0}}"#, ago(minutes + 1), ago(minutes));
    let results = [("mail1", &*result(110)), ("samba1", &*result(24 * 60 + 10))];
    for plan in 2..=last {
        watched.plan(&plan.to_string(), &daily(SignedDuration::from_mins(-120)));
        redis.hset(&format!("node/{node}/backup_status/{plan}"), &results);
    }
    watched.tick_at("-1d");
    // Now the elapses are known, also to a tick that has little time.
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
    let script = format!(
        "{} -s {} --user {} --pass {} HSET node/1/backup_status/2 samba1 '{result}' >/dev/null\nexec {} --directory={} \"$@\"",
        programs::path_of("redis-cli").display(),
        watched.site.redis.socket().display(),
        ADMIN.0,
        ADMIN.1,
        programs::path_of("journalctl").display(),
        journal.folder().display()
    );
    let environment = journalctl(&watched, &script);
    watched.site.service.start();
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, &**value)).collect();
    let output = watched.tick_with(&environment);
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && !log.contains("plan 2"), "{log}");
    let last = watched.history()["runs"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["outcome"], "SUCCESS", "{last}");
    assert_eq!(watched.mails_each(), [0; 0]);
}
