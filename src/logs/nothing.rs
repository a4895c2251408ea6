//! Why a source of logs has nothing.

use std::fmt;

/// Why a source has nothing, or not everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Nothing {
    /// It is not known where it is, or how to log in.
    NotConfigured,
    /// There is no such program.
    NotInstalled,
    /// It may not be read: the user is not in the group `systemd-journal`, or the login is rejected.
    NoAccess,
    /// There is no journal.
    NoJournal,
    /// Nothing of this run is in it.
    NoMatch,
    /// It did not answer within this many seconds, or not to the end.
    TimedOut(u64),
    /// It cannot be reached; how so.
    Unreachable(String),
    /// Its answer makes no sense; how so.
    Garbled(String),
    /// Its answer is too big.
    TooBig,
}

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConfigured => f.write_str("not configured"),
            Self::NotInstalled => f.write_str("not installed"),
            Self::NoAccess => f.write_str("no permission to read it"),
            Self::NoJournal => f.write_str("there is no journal"),
            Self::NoMatch => f.write_str("nothing of this run is in it"),
            Self::TimedOut(seconds) => write!(f, "not read to the end within {seconds} s"),
            Self::Unreachable(how) => write!(f, "cannot be reached: {how}"),
            Self::Garbled(how) => write!(f, "answers nonsense: {how}"),
            Self::TooBig => f.write_str("answers too much"),
        }
    }
}
