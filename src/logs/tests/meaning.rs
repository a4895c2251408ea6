//! What the words of a log mean: lines that are no cause, and none that tell of a snapshot.

use super::{log_of, module, read};
use crate::model::reason::Cause;

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
