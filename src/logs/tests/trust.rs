//! Whose word counts: any user may write a record with any identifier, unit and message.

use super::super::run::SHUTDOWN;
use super::*;

/// A run in which mail1 fails for a wrong password, with `line` by another module's user put in before its end.
fn with_foreign(line: &str) -> Log {
    log_of(&[
        "0 runagent s1 - evil1: starting backup 2 at Tue",
        "0 runagent s1 - evil1: backup 2 completed",
        "0 runagent s1 - mail1: starting backup 2 at Tue",
        "1000 runagent s1 - Fatal: wrong password or no key found",
        line,
        "1000 runagent s1 - [ERROR] restic backup failed: Command '['x']' returned non-zero exit status 1.",
        line,
        "0 runagent s1 - mail1: backup 2 failed (exit code 1)",
    ])
}

#[test]
fn another_module_has_no_say_in_a_modules_part_nor_in_the_runs() {
    let expected = [reason(Some(Cause::WrongPassword), "Fatal: wrong password or no key found")];
    for line in [
        "1003 runagent s1 - Fatal: no space left on device",
        "1003 runagent s1 - snapshot 12345678 saved",
        "1003 rclone-gateway - - ERROR : quota exceeded",
        "1003 systemd - backup2.service backup2.service: Failed with result 'signal'.",
        "1003 systemd - agent@node.service agent@node.service: A process has been killed by the OOM killer.",
        "1003 x s1 - x",
    ] {
        let log = with_foreign(line);
        assert_eq!(told(&log, &["mail1"]), expected, "{line}");
        assert_eq!(read(&log, &[(module("mail1"), None)].into()).running, Some(true), "{line}");
    }
}

#[test]
fn another_module_cannot_shut_the_node_down() {
    let lines = [
        "0 runagent s1 - mail1: starting backup 2 at Tue",
        "0 systemd - backup2.service x: Failed with result 'signal'.",
    ];
    for (uid, pid, cause) in [("0", "612", Cause::Interrupted), ("1003", "1", Cause::Killed)] {
        let (wanted, uuids) = ([(module("mail1"), None)].into(), BTreeMap::new());
        let mut reader = Reader::new("2", &wanted, &uuids, false);
        reader.read(&Fields { message_id: SHUTDOWN, uid, pid, boot: "b1", ..Fields::default() });
        lines.iter().for_each(|line| reader.read(&fields(&format!("1 {line}"))));
        assert_eq!(reader.finish(true).modules[&module("mail1")].cause, Some(cause), "{uid}");
    }
}

#[test]
fn only_systemd_itself_ends_a_run() {
    let running = |uid, pid| {
        let (wanted, uuids) = ([(module("mail1"), None)].into(), BTreeMap::new());
        let mut reader = Reader::new("2", &wanted, &uuids, false);
        reader.read(&fields("1 0 runagent s1 - mail1: starting backup 2 at Tue"));
        let end = fields("2 0 systemd - backup2.service backup2.service: Failed with result 'signal'.");
        reader.read(&Fields { uid, pid, ..end });
        reader.finish(true).running
    };
    // Loki may leave the process out.
    let found = [("0", "1"), ("0", ""), ("0", "4711"), ("1003", "1"), ("", "1")].map(|(uid, pid)| running(uid, pid));
    assert_eq!(found, [Some(false), Some(false), Some(true), Some(true), Some(true)]);
}

#[test]
fn a_unit_of_its_own_is_the_modules_and_only_where_there_are_such() {
    let told = |own_units, lines: &[&str]| {
        let (wanted, uuids) = ([(module("mail1"), None)].into(), BTreeMap::new());
        let mut reader = Reader::new("2", &wanted, &uuids, own_units);
        lines.iter().for_each(|line| reader.read(&fields(&format!("1 {line}"))));
        reader.finish(true).modules.remove(&module("mail1")).map(|reason| reason.snapshot_written)
    };
    for (line, found) in [
        ("0 backup2-mail1 s2 - snapshot 12345678 saved", Some(Some(true))),
        ("1000 backup2 s2 - snapshot 12345678 saved", Some(Some(true))),
        // NS8 makes such a unit only for a module without a user of its own.
        ("1003 backup2-mail1 s2 - snapshot 12345678 saved", None),
        ("1003 backup2 s2 - snapshot 12345678 saved", None),
        // Nothing that a unit prints: Loki takes a record for a module's that names it as its container.
        ("1000 backup2 - - snapshot 12345678 saved", None),
    ] {
        assert_eq!(told(true, &[line]), found, "{line}");
        assert_eq!(told(false, &[line]), None, "{line}");
    }
}

#[test]
fn what_another_module_says_before_a_retry_is_not_the_retried_modules() {
    let log = log_of(&[
        "0 runagent s1 - mail1: starting backup 2 at Tue",
        "0 runagent s1 - mail1: already running, queued for retry",
        "1003 runagent s1 - Fatal: no space left on device",
        "1000 runagent s1 - Fatal: wrong password or no key found",
        "1003 runagent s1 - snapshot 12345678 saved",
        "0 runagent s1 - [ERROR] restic backup failed: Command '['x']' returned non-zero exit status 1.",
        "0 runagent s1 - mail1: backup 2 failed on retry (exit code 1)",
    ]);
    let found = read(&log, &[(module("mail1"), None)].into()).modules.remove(&module("mail1")).unwrap();
    assert_eq!((found.cause, found.lines.len()), (Some(Cause::WrongPassword), 2), "{found:?}");
}

#[test]
fn only_root_says_that_the_cluster_backup_failed() {
    let failed = |uid| {
        let log = log_of(&[
            "1003 runagent s1 - Fatal: made up",
            &format!("{uid} runagent s1 - [ERROR] cluster-backup failed: x"),
            "0 runagent s1 - mail1: starting backup 2 at Tue",
        ]);
        read(&log, &Wanted::new()).cluster_backup
    };
    assert_eq!((failed("0"), failed("1003")), (vec!["[ERROR] cluster-backup failed: x".to_owned()], vec![]));
}
