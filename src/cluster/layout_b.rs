//! Layout B, NS8 core 3.0 to 3.19: HASH `module/<module>/backup_status/<plan>` of whole numbers. The members of a plan
//! are found in reverse: SET `module/<module>/backups` holds the plans of a module.

use super::generation::{Decoded, Generation, Owner};
use super::value::{self, Hash};
use crate::model::plan::{Fault, Layout, ModuleId, ModuleResult};

pub(super) const GENERATION: Generation =
    Generation { layout: Layout::B, owner: Owner::Module, folder: "backup_status", suffix: "", decode };

fn decode(module: &str, hash: Hash) -> Vec<(ModuleId, Decoded)> {
    let result = |module| (module, result(Layout::B, |name| value::get(&hash, name)));
    ModuleId::new(module).map(result).into_iter().collect()
}

/// A result from its fields, which layout C has too.
pub(super) fn result<'a>(layout: Layout, field: impl Fn(&str) -> Option<&'a str>) -> Decoded {
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

/// The SET with the plans of `module`.
pub(super) fn plans_key(module: &ModuleId) -> String {
    format!("module/{module}/backups")
}

/// The module whose SET of plans this key is.
pub(super) fn parse_plans_key(key: &str) -> Option<ModuleId> {
    key.strip_prefix("module/")?.strip_suffix("/backups").and_then(ModuleId::new)
}
