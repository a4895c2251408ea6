//! Layout B, NS8 core 3.0 to 3.19: HASH `module/<module>/backup_status/<plan>` of whole numbers. The members of a plan
//! are found in reverse: SET `module/<module>/backups` holds the plans of a module.

use super::limits::{Field, WORD};
use super::value::{self, Decoded, Hash};
use crate::model::plan::{Fault, Layout, ModuleResult};

/// The fields of a module's result.
pub(super) const RESULT: &[Field] = &[
    ("start", WORD),
    ("end", WORD),
    ("errors", WORD),
    ("total_size", WORD),
    ("total_file_count", WORD),
    ("snapshots_count", WORD),
];

/// Returns a module's result from its fields.
pub(super) fn result(hash: &Hash) -> Decoded {
    numbers(Layout::B, |name| value::get(hash, name))
}

/// Returns a result from its fields, which layout C has too.
pub(super) fn numbers<'a>(layout: Layout, field: impl Fn(&str) -> Option<&'a str>) -> Decoded {
    let count = |name: &str| field(name).and_then(value::count);
    let time = |name: &str| field(name).and_then(value::seconds);
    let errors = count("errors").ok_or(Fault::NoErrors)?;
    let end = time("end");
    if errors == 0 && end.is_none() {
        return Err(Fault::NoEnd);
    }
    Ok(ModuleResult {
        layout,
        start: time("start"),
        end,
        errors,
        error: None,
        total_size: count("total_size"),
        total_file_count: count("total_file_count"),
        snapshots_count: count("snapshots_count"),
    })
}
