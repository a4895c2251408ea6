//! The milestones in the journal, each with an id that never changes.
//!
//! A record that carries one of these as `MESSAGE_ID` can be found by it (`journalctl MESSAGE_ID=…`), and `journalctl
//! -x` explains it with the entry in `systemd/ns8-backup-monitor.catalog`. The fields named here are those that the
//! entry quotes: the record must carry them.

/// An alert was accepted and is on disk; the mail will come. Fields: `JOB_ID`.
pub const BATCH_ACCEPTED: &str = "955b1d82896b4969a03fb8135c923ebc";

/// The relay took a report for a recipient. Fields: `JOB_ID`, `OUTCOME`, `RECIPIENT`.
pub const REPORT_SENT: &str = "ec104ff6152644f68c3ae6d30d688241";

/// A recipient will not get a report: refused for good, or not deliverable for `notification.retry_for`. Fields:
/// `JOB_ID`, `RECIPIENT`, `REASON`.
pub const DELIVERY_GIVEN_UP: &str = "4eb7cbc4a0f84d5d8e137464cfc36e43";

/// The configuration cannot be used, and alerts are answered with 503. Fields: `REASON`.
pub const CONFIGURATION_UNUSABLE: &str = "df8ed1f7dbd04f1ca2a758bc12fed4f0";

/// A queue file could not be read and was renamed to `*.broken`. Fields: `FILE`, `REASON`.
pub const JOB_SET_ASIDE: &str = "df89bc08440b47b0a7933997a7243309";

/// A report could not be delivered now and will be tried again. Fields: `JOB_ID`, `REASON`.
pub const MAIL_DEFERRED: &str = "e53b755954b947d784d4e502009f3afe";

/// The state could not be written to disk: new alerts are refused with 503, accepted ones live in memory. Fields:
/// `REASON`.
pub const STATE_NOT_SAVED: &str = "d2ca84700dba454b98419e5de4f77996";

/// The queue cannot be opened, and alerts are answered with 503. Fields: `REASON`.
pub const QUEUE_UNUSABLE: &str = "4ded4f931a0a4224b4cf822ebac51c89";

/// The history of a plan could not be read and was renamed to `*.broken`. Fields: `FILE`, `REASON`.
pub const HISTORY_SET_ASIDE: &str = "b75b6a03cf464bfcb55b4a4ca16efa52";

/// The watch has posted news of plans to the service; the mail will come. Fields: `NEWS`.
pub const WATCH_NEWS: &str = "2a696f7572034133a09c5e677248095f";

/// The watch could not look, or not post what it found; it tries again. Fields: `REASON`.
pub const WATCH_FAILED: &str = "4dc2734e29f54a5ca7b27fd6dab2023a";

#[cfg(test)]
mod tests {
    use super::*;

    const CATALOG: &str = include_str!("../../systemd/ns8-backup-monitor.catalog");
    const ALL: [&str; 11] = [
        BATCH_ACCEPTED,
        REPORT_SENT,
        DELIVERY_GIVEN_UP,
        CONFIGURATION_UNUSABLE,
        JOB_SET_ASIDE,
        MAIL_DEFERRED,
        STATE_NOT_SAVED,
        QUEUE_UNUSABLE,
        HISTORY_SET_ASIDE,
        WATCH_NEWS,
        WATCH_FAILED,
    ];

    #[test]
    fn every_milestone_is_explained_and_nothing_else() {
        let mut explained: Vec<&str> = CATALOG.lines().filter_map(|line| line.strip_prefix("-- ")).collect();
        let mut known = ALL.to_vec();
        explained.sort_unstable();
        known.sort_unstable();
        assert_eq!(explained, known);
    }

    #[test]
    fn every_constant_of_this_file_is_among_them() {
        let declared = include_str!("messages.rs").lines().filter(|line| line.starts_with("pub const")).count();
        assert_eq!(declared, ALL.len());
    }
}
