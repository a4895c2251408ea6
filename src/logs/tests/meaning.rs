//! What the words of a log mean: lines that are no cause, and none that tell of a snapshot.

use super::{log_of, module, read};
use crate::model::reason::{Cause, Reason};

/// What a run says of mail1, whose backup printed `lines` and failed.
fn failed(lines: &[&str]) -> Reason {
    let lines = lines.iter().map(|line| format!("1000 runagent s1 - {line}"));
    let (start, end) =
        ("0 runagent s1 - mail1: starting backup 2 at Tue", "0 runagent s1 - mail1: backup 2 failed (exit code 1)");
    let lines: Vec<String> = [start.to_owned()].into_iter().chain(lines).chain([end.to_owned()]).collect();
    let log = log_of(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    read(&log, &[(module("mail1"), None)].into()).modules.remove(&module("mail1")).unwrap()
}

#[test]
fn the_name_of_a_file_is_no_cause() {
    let aborted = "[ERROR] restic backup failed: Command '['podman', 'run']' returned non-zero exit status 3.";
    for name in
        ["Unauthorized access.odt", "Quota exceeded/cur/1", "x509: notes.txt", "connection refused.pdf", "oom-kill.log"]
    {
        // The first is of restic 0.17 and later.
        for line in [
            format!("error: /srv/files/{name}: open srv/files/{name}: permission denied"),
            format!("error: open /srv/files/{name}: permission denied"),
            format!("error: Open: open /srv/files/{name}: permission denied"),
            format!("error: lstat /srv/files/{name}: no such file or directory"),
        ] {
            let incomplete = "Warning: at least one source file could not be read";
            let reason = failed(&[&line, "snapshot 4c44da92 saved", incomplete, aborted]);
            assert_eq!((reason.cause, reason.snapshot_written), (Some(Cause::SourceUnreadable), Some(true)), "{line}");
            assert!(reason.lines[0].contains(name), "{reason:?}");
        }
    }
}

#[test]
fn what_went_well_at_the_second_attempt_is_no_cause() {
    let aborted = "[ERROR] restic backup failed: Command '['podman', 'run']' returned non-zero exit status 1.";
    let trouble =
        "Save(<data/b8fc7c5897>) returned error, retrying after 1.5s: dial tcp: lookup s3.example.com: no such host";
    let healed = "Save(<data/b8fc7c5897>) operation successful after 1 retries";
    let fatal = "Fatal: unable to save snapshot: dial tcp 192.0.2.1:443: connect: connection refused";
    let reason = failed(&[trouble, healed, fatal, aborted]);
    assert_eq!((reason.cause, reason.lines.len()), (Some(Cause::Refused), 2), "{reason:?}");
    let other =
        "Save(<data/0011223344>) returned error, retrying after 1.5s: dial tcp: lookup s3.example.com: no such host";
    assert_eq!(failed(&[trouble, other, healed, fatal, aborted]).cause, Some(Cause::NameNotResolved));
    let no_attempt = "Save(<data/b8fc7c5897>) failed: dial tcp: lookup s3.example.com: no such host";
    assert_eq!(failed(&[no_attempt, healed, fatal, aborted]).cause, Some(Cause::NameNotResolved));
}

#[test]
fn a_cleanup_after_a_failed_backup_is_no_sign_of_a_snapshot() {
    let log = log_of(&[
        "1000 backup2 s1 - Fatal: unable to save snapshot: client.PutObject: 507 Insufficient Storage",
        "1000 backup2 s1 - [ERROR] restic backup failed. Command '['podman']' returned non-zero exit status 1.",
        "1000 backup2 s1 - rm: cannot remove dump.sql: Operation not permitted",
        "1000 backup2 s1 - [ERROR] module-cleanup-state failed. Command '['x']' returned non-zero exit status 1.",
    ]);
    let mut found = read(&log, &[(module("mail1"), None)].into()).modules;
    let reason = found.remove(&module("mail1")).unwrap();
    assert_eq!((reason.cause, reason.snapshot_written), (Some(Cause::DestinationFull), Some(false)));
}

#[test]
fn a_run_that_fails_before_its_first_module_has_begun_and_says_why() {
    let started = "0 systemd - backup2.service Started backup2.service - run-backup";
    let words =
        "0 runagent s1 - redis.exceptions.ConnectionError: Error 111 connecting to cluster-leader:6379. Refused.";
    let ended = "0 systemd - backup2.service backup2.service: Failed with result 'exit-code'.";
    let found = |lines: &[&str]| read(&log_of(lines), &[(module("mail1"), None)].into());
    let mut crashed = found(&[started, words, ended]);
    assert_eq!((crashed.seen, crashed.running, crashed.began), (true, Some(false), Some(1_000_000)));
    let reason = crashed.modules.remove(&module("mail1")).unwrap();
    assert_eq!((reason.cause, reason.snapshot_written), (Some(Cause::RedisUnreachable), Some(false)));
    assert!(reason.lines[0].contains("ConnectionError") && reason.lines[1].contains("exit-code"), "{reason:?}");
    assert_eq!(found(&[started, words]).running, Some(true));
    assert_eq!(found(&[started, words, started]).began, Some(21_000_000), "systemd starts no service that runs");
    assert!(!found(&["0 systemd - agent@node.service Started agent@node.service - Node agent"]).seen);
    // Another plan's run is at its beginning, too: whose words they are is not known.
    let other = "0 runagent s2 - [ERROR] what another run says";
    let reason = found(&[started, words, other, ended]).modules.remove(&module("mail1")).unwrap();
    assert_eq!((reason.cause, reason.lines.len()), (None, 1), "{reason:?}");
    let of_other = "0 runagent s2 - x9: starting backup 3 at Tue";
    let reason = found(&[started, of_other, words, ended]).modules.remove(&module("mail1")).unwrap();
    assert_eq!((reason.cause, reason.lines.len()), (Some(Cause::RedisUnreachable), 2), "{reason:?}");
    // It has come to its modules: what is said on another connection is not its own.
    let (begun, good) = ("0 runagent s1 - web1: starting backup 2 at Tue", "0 runagent s1 - web1: backup 2 completed");
    let reason = found(&[started, begun, good, other, ended]).modules.remove(&module("mail1")).unwrap();
    assert_eq!((reason.cause, reason.lines.len()), (None, 1), "{reason:?}");
    // Its end, after its last mark, is no interruption.
    let over = "0 runagent s1 - Backup 2 finished with failures: web1";
    assert!(found(&[started, over, ended]).modules.is_empty());
}
