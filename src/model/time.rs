//! How long ago something was. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How far a node's clock may be ahead of this one's.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Returns how long ago `time` is at `now`; zero if it is in the future.
pub fn age(time: Timestamp, now: Timestamp) -> Duration {
    now.max(time).duration_since(time).unsigned_abs()
}

/// Whether `time` lies so far after `now` that one of two clocks is wrong: it proves nothing.
pub fn is_ahead(time: Timestamp, now: Timestamp) -> bool {
    time > now.saturating_add(CLOCK_TOLERANCE).unwrap_or(now)
}
