//! When a plan's schedule is due. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The times at which a schedule elapses, around a reference time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elapses {
    /// Elapses at or before the reference time, newest first: at least three, if the schedule has had three within the
    /// thirteen years before it.
    pub before: Vec<Timestamp>,
    /// The first elapse after the reference time; `None` if there is none.
    pub next: Option<Timestamp>,
}

impl Elapses {
    /// Returns the last elapse at or before the reference time.
    pub fn last(&self) -> Option<Timestamp> {
        self.before.first().copied()
    }
}
