//! The bounds of a look: what one repository may cost in time, memory and processes.
//!
//! The peak is [`SIDE_BY_SIDE`] answers of at most 16 MiB (`system::http`) or [`MAX_OUTPUT`], and [`CHECKS`] indexes in
//! the memory of a restic that is killed alone if it takes too much.

use std::time::Duration;

/// Repositories that are looked at side by side: few enough not to swamp the node (a restic takes 50 MB), and enough
/// that one that hangs seldom holds up another.
pub(super) const SIDE_BY_SIDE: usize = 8;

/// Indexes that are loaded side by side. restic needs about 60 bytes of memory for each blob.
pub(super) const CHECKS: usize = 2;

/// Largest answer of restic that is read, in bytes: some 8,000 snapshots.
pub(super) const MAX_OUTPUT: usize = 8 << 20;

/// Locks that are looked into; each costs a start of restic.
pub(super) const MAX_LOCKS: usize = 5;

/// Times that restic may say that it tries again because a server cannot be reached, until it is stopped. Its pauses
/// grow from half a second: three times take two to five seconds.
pub(super) const RETRIES: usize = 3;

/// Longest address, password or path that is passed on, in bytes.
pub(super) const MAX_TEXT: usize = 2048;

/// Longest complaint that is passed on, in characters.
pub(super) const MAX_WORDS: usize = 300;

/// Connections that restic may have to the gateway; it opens five.
pub(super) const MAX_CONNECTIONS: usize = 16;

/// The part of the time that is left for confirming what a check has found.
pub(super) fn for_confirming(limit: Duration) -> Duration {
    (limit / 4).min(Duration::from_secs(10))
}
