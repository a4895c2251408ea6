//! The time zone in which times are shown.

use std::path::Path;

use jiff::tz::TimeZone;

use super::files;

/// The system's own time zone, usually a link to one of all zones.
const LOCALTIME: &str = "/etc/localtime";
/// Longest description of a time zone that is read, in bytes; the longest that there is has 4 KiB.
const MAX: u64 = 64 * 1024;

/// Returns the time zone that `TZ` names in the environment, as `tzset(3)` reads it, or that of `/etc/localtime` if
/// `TZ` is not set. A `TZ` that names no zone means UTC, as it does to the C library.
pub fn zone() -> TimeZone {
    let zone = match std::env::var_os("TZ") {
        Some(_) => TimeZone::try_system().ok(),
        // `try_system` would list all zones that the system has, and keep their names.
        None => of_file(Path::new(LOCALTIME)),
    };
    zone.unwrap_or(TimeZone::UTC)
}

/// Returns the name of the system's time zone, without a look at the zone itself; `None` if it has none.
pub fn zone_name() -> Option<String> {
    std::env::var("TZ").ok().or_else(|| name_of(&std::fs::read_link(LOCALTIME).ok()?))
}

fn of_file(file: &Path) -> Option<TimeZone> {
    let file = file.canonicalize().ok()?;
    TimeZone::tzif(&name_of(&file).unwrap_or_default(), &files::read(&file, MAX).ok()?).ok()
}

fn name_of(file: &Path) -> Option<String> {
    file.to_str()?.split_once("zoneinfo/").map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_zone_is_the_one_that_its_file_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("localtime");
        assert_eq!(of_file(&file), None);
        std::os::unix::fs::symlink("/usr/share/zoneinfo/Asia/Tokyo", &file).unwrap();
        let tokyo = of_file(&file).unwrap();
        assert_eq!((tokyo.iana_name(), &tokyo), (Some("Asia/Tokyo"), &TimeZone::get("Asia/Tokyo").unwrap()));
        // A copy has no name, and is the same zone.
        std::fs::remove_file(&file).unwrap();
        std::fs::copy("/usr/share/zoneinfo/Asia/Tokyo", &file).unwrap();
        let copy = of_file(&file).unwrap();
        assert_eq!(copy.to_offset(jiff::Timestamp::UNIX_EPOCH), jiff::tz::offset(9));
        for nonsense in [vec![b'x'; 100], vec![0; MAX as usize + 1]] {
            std::fs::write(&file, nonsense).unwrap();
            assert_eq!(of_file(&file), None);
        }
    }
}
