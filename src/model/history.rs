//! The last runs of a plan: what still can be restored, and what is unusual.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::plan::{ModuleId, PlanId};
use super::run::{Outcome, State};

/// The version of the file format that this program writes.
pub const VERSION: u32 = 1;
/// Maximum number of runs kept of one plan.
pub const MAX_RUNS: usize = 60;

/// The last runs of one plan, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The file format's version.
    pub version: u32,
    /// The plan.
    pub plan: PlanId,
    /// Its display name when it was last seen.
    pub name: Option<String>,
    /// The runs, oldest first, at most [`MAX_RUNS`].
    pub runs: Vec<RunRecord>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// When it was due by the plan's schedule; `None` if there is none.
    pub due: Option<Timestamp>,
    /// The newest end of its modules; for a run without any result, when it was noticed.
    pub at: Timestamp,
    /// The outcome, [`Outcome::Missed`] for a run that did not start.
    pub outcome: Outcome,
    /// Each module's part.
    pub modules: BTreeMap<ModuleId, ModuleRecord>,
}

/// One module's part in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleRecord {
    /// Its state.
    pub state: State,
    /// When its backup ended; `None` if it has no result of this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// How long it took, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// The size of its newest snapshot, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The number of files in its newest snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
}
