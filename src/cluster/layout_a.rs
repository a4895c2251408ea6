//! Layout A, the founding document's: HASH `module/<module>/backup/<plan>/status` with `result`, `timestamp`, `error`.
//! It names no members; the plan as a whole has HASH `cluster/backup/<plan>/status`.

use super::limits::{Field, REASON, WORD};
use super::value::{self, Decoded, Hash};
use crate::model::plan::{Fault, Layout, ModuleResult, PlanStatus};

/// The fields of a module's result.
pub(super) const RESULT: &[Field] = &[("result", WORD), ("timestamp", WORD), ("error", REASON)];

/// The fields of the whole plan's status.
pub(super) const STATUS: [&str; 3] = ["result", "timestamp", "errors"];

/// Returns a module's result from its fields.
pub(super) fn result(hash: &Hash) -> Decoded {
    let success = success(hash).ok_or(Fault::NoOutcome)?;
    let end = value::get(hash, "timestamp").and_then(value::time);
    if success && end.is_none() {
        return Err(Fault::NoTimestamp);
    }
    Ok(ModuleResult {
        layout: Layout::A,
        start: None,
        end,
        errors: u64::from(!success),
        error: value::field(hash, "error"),
        total_size: None,
        total_file_count: None,
        snapshots_count: None,
    })
}

/// Returns the whole plan's status; `None` if there is none.
pub(super) fn status(hash: &Hash) -> Result<Option<PlanStatus>, Fault> {
    if hash.is_empty() {
        return Ok(None);
    }
    Ok(Some(PlanStatus {
        success: success(hash).ok_or(Fault::NoOutcome)?,
        timestamp: value::get(hash, "timestamp").and_then(value::time),
        errors: value::get(hash, "errors").and_then(value::count),
    }))
}

fn success(hash: &Hash) -> Option<bool> {
    match value::get(hash, "result")?.trim().to_ascii_lowercase().as_str() {
        "success" => Some(true),
        "error" => Some(false),
        _ => None,
    }
}
