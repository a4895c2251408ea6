//! The time zone in which times are shown.

use jiff::tz::TimeZone;

/// Returns the time zone that `TZ` names in the environment, as `tzset(3)` reads it, or that of `/etc/localtime` if `TZ`
/// is not set. A `TZ` that names no zone means UTC, as it does to the C library.
pub fn zone() -> TimeZone {
    TimeZone::try_system().unwrap_or(TimeZone::UTC)
}
