//! How the keys are spelled. Pure.

use super::path::is_segment;
use crate::model::plan::{Layout, ModuleId, PlanId};

/// How a layout spells the keys of its results: `<kind>/<owner>/<folder>/<plan><suffix>`.
pub(super) struct Keys {
    /// The layout.
    pub(super) layout: Layout,
    /// `module` or `node`.
    kind: &'static str,
    /// The part of the key before the plan's id.
    folder: &'static str,
    /// What follows the plan's id.
    suffix: &'static str,
}

/// Layout A's: a hash for each module.
pub(super) const A: Keys = Keys { layout: Layout::A, kind: "module", folder: "backup", suffix: "/status" };
/// Layout B's: a hash for each module.
pub(super) const B: Keys = Keys { layout: Layout::B, kind: "module", folder: "backup_status", suffix: "" };
/// Layout C's: a hash for all modules of a node.
pub(super) const C: Keys = Keys { layout: Layout::C, kind: "node", folder: "backup_status", suffix: "" };

impl Keys {
    /// Returns the key that holds the results of `owner` for `plan`.
    pub(super) fn key(&self, owner: &str, plan: &str) -> String {
        [self.kind, "/", owner, "/", self.folder, "/", plan, self.suffix].concat()
    }

    /// Returns owner and plan of `key` if it is one of these.
    pub(super) fn parse<'a>(&self, key: &'a str) -> Option<(&'a str, &'a str)> {
        let (owner, rest) = key.strip_prefix(self.kind)?.strip_prefix('/')?.split_once('/')?;
        let plan = rest.strip_prefix(self.folder)?.strip_prefix('/')?.strip_suffix(self.suffix)?;
        (!owner.is_empty() && !plan.is_empty() && !plan.contains('/')).then_some((owner, plan))
    }
}

/// Returns the key of a plan's definition.
pub(super) fn definition(plan: &str) -> String {
    format!("cluster/backup/{plan}")
}

/// Returns the key of layout A's status of a whole plan.
pub(super) fn status(plan: &str) -> String {
    format!("cluster/backup/{plan}/status")
}

/// Returns the plan whose definition or status `key` is.
pub(super) fn parse_plan(key: &str) -> Option<PlanId> {
    let rest = key.strip_prefix("cluster/backup/")?;
    PlanId::new(rest.strip_suffix("/status").unwrap_or(rest)).filter(|plan| plan.key_segment().is_some())
}

/// Returns the key of the SET with the plans of `module` (B).
pub(super) fn plans_of(module: &ModuleId) -> String {
    format!("module/{module}/backups")
}

/// Returns the module whose SET of plans `key` is.
pub(super) fn parse_plans_of(key: &str) -> Option<ModuleId> {
    key.strip_prefix("module/")?.strip_suffix("/backups").and_then(ModuleId::new)
}

/// Returns the key of the name that a `module` or a `node` has for people.
pub(super) fn name(kind: &str, owner: &str) -> String {
    [kind, "/", owner, "/ui_name"].concat()
}

/// Returns the key of the environment of `module`.
pub(super) fn environment(module: &ModuleId) -> String {
    ["module/", module.as_str(), "/environment"].concat()
}

/// The folder of all destinations.
const DESTINATIONS: &str = "cluster/backup_repository/";

/// What follows the id in the key of a destination of layout A.
const PARAMETERS: &str = "/parameters";

/// Returns the keys that may describe the destination `id`.
pub(super) fn destinations(id: &str) -> [String; 2] {
    [format!("{DESTINATIONS}{id}"), format!("{DESTINATIONS}{id}{PARAMETERS}")]
}

/// Returns the id of the destination that `key` describes, and whether it is of layout A; `None` for an id that cannot
/// be a segment of a path.
pub(super) fn parse_destination(key: &str) -> Option<(&str, bool)> {
    let rest = key.strip_prefix(DESTINATIONS)?;
    let documented = rest.strip_suffix(PARAMETERS);
    Some((documented.unwrap_or(rest), documented.is_some())).filter(|(id, _)| is_segment(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_of_one_layout_at_most() {
        let parse = |key| {
            let of = |keys: &Keys| keys.parse(key).map(|(owner, plan)| (keys.layout, owner, plan));
            [A, B, C].iter().filter_map(of).collect::<Vec<_>>()
        };
        assert_eq!(parse("module/mail1/backup/2/status"), [(Layout::A, "mail1", "2")]);
        assert_eq!(parse("module/mail1/backup_status/2"), [(Layout::B, "mail1", "2")]);
        assert_eq!(parse("node/1/backup_status/2"), [(Layout::C, "1", "2")]);
        for key in [
            "cluster/backup/2",
            "cluster/backup/2/status",
            "module/mail1/backups",
            "module/mail1/backup/status",
            "module/mail1/backup//status",
            "module//backup_status/2",
            "module/mail1/backup_status/",
            "module/mail1/backup_status/2/3",
            "node/1/backup/2/status",
            "modules/mail1/backup_status/2",
        ] {
            assert_eq!(parse(key), [], "{key}");
        }
        for keys in [A, B, C] {
            assert_eq!(keys.parse(&keys.key("x", "y")), Some(("x", "y")));
        }
    }
}
