//! Layout C, NS8 core 3.20 and later: HASH `node/<node>/backup_status/<plan>`, from module to a JSON object with layout
//! B's fields. The members of a plan are in its `instances`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::generation::{Decoded, Generation, Owner};
use super::layout_b;
use super::model::{Layout, ModuleId};
use super::value::Hash;

pub(super) const GENERATION: Generation =
    Generation { layout: Layout::C, owner: Owner::Node, folder: "backup_status", suffix: "", decode };

fn decode(_node: &str, hash: &Hash) -> Vec<(ModuleId, Decoded)> {
    hash.iter().filter_map(|(module, json)| Some((ModuleId::new(module)?, result(json)))).collect()
}

fn result(json: &str) -> Decoded {
    let object: BTreeMap<String, Value> = serde_json::from_str(json).map_err(|_| "is not valid JSON")?;
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let hash: Hash = object.into_iter().map(|(name, value)| (name, text(value))).collect();
    layout_b::result(Layout::C, &hash)
}
