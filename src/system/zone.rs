//! The time zone in which times are shown.

use jiff::tz::TimeZone;

/// Returns the time zone that `TZ` names in the environment, as `tzset(3)` reads it, or that of `/etc/localtime` if `TZ`
/// is not set. A `TZ` that names no zone means UTC, as it does to the C library.
pub fn zone() -> TimeZone {
    TimeZone::try_system().unwrap_or(TimeZone::UTC)
}

/// Returns the name of the system's time zone, without a look at the zone itself; `None` if it has none.
pub fn zone_name() -> Option<String> {
    let of_file = || {
        let target = std::fs::read_link("/etc/localtime").ok()?;
        target.to_str()?.split_once("zoneinfo/").map(|(_, name)| name.to_owned())
    };
    std::env::var("TZ").ok().or_else(of_file)
}
