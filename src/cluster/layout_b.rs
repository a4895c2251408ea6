//! Layout B, NS8 core 3.0 to 3.19: HASH `module/<module>/backup_status/<plan>` of whole numbers. The members of a plan
//! are found in reverse: SET `module/<module>/backups` holds the plans of a module.

use super::limits::{Field, WORD};
use super::value::{self, Decoded, Hash};
use crate::model::plan::{Fault, Layout, ModuleResult};

/// The fields of a module's result.
pub(super) const RESULT: [Field; 6] = [
    ("start", WORD),
    ("end", WORD),
    ("errors", WORD),
    ("total_size", WORD),
    ("total_file_count", WORD),
    ("snapshots_count", WORD),
];

/// Returns a module's result from its fields.
pub(super) fn result(hash: &Hash) -> Decoded {
    numbers(Layout::B, RESULT.map(|(name, _)| value::get(hash, name)))
}

/// Returns a result from its fields in the order of [`RESULT`], which layout C has too.
pub(super) fn numbers(layout: Layout, fields: [Option<&str>; 6]) -> Decoded {
    let [start, end, errors, total_size, total_file_count, snapshots_count] = fields;
    let errors = errors.and_then(value::count).ok_or(Fault::NoErrors)?;
    let end = end.and_then(value::seconds);
    if errors == 0 && end.is_none() {
        return Err(Fault::NoEnd);
    }
    Ok(ModuleResult {
        layout,
        start: start.and_then(value::seconds),
        end,
        errors,
        error: None,
        total_size: total_size.and_then(value::count),
        total_file_count: total_file_count.and_then(value::count),
        snapshots_count: snapshots_count.and_then(value::count),
    })
}
