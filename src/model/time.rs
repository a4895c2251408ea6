//! How long ago something was. Pure.

use std::time::Duration;

use jiff::Timestamp;

/// Returns how long ago `time` is at `now`; nothing if it lies ahead.
pub fn age(time: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(time)).unwrap_or_default()
}
