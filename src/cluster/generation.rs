//! What the generations of keys have in common: a hash of its own for each plan, from which a module's result follows.

use super::value::Hash;
use super::{layout_a, layout_b, layout_c};
use crate::model::plan::{Fault, Layout, ModuleId, ModuleResult};

/// All generations.
pub(super) const ALL: [&Generation; 3] = [&layout_a::GENERATION, &layout_b::GENERATION, &layout_c::GENERATION];

/// A module's result, or what is wrong with it.
pub(super) type Decoded = Result<ModuleResult, Fault>;

/// One generation of keys: `<kind>/<owner>/<folder>/<plan><suffix>`.
pub(super) struct Generation {
    /// Its name; a later one wins.
    pub(super) layout: Layout,
    /// Whose keys these are.
    pub(super) owner: Owner,
    /// The part of the key before the plan's id.
    pub(super) folder: &'static str,
    /// What follows the plan's id.
    pub(super) suffix: &'static str,
    /// The results in such a hash that is not empty; the first argument is the key's owner.
    pub(super) decode: fn(&str, Hash) -> Vec<(ModuleId, Decoded)>,
}

/// Whose keys a generation uses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// One hash for each module.
    Module,
    /// One hash for all the modules of a node.
    Node,
}

impl Owner {
    fn kind(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Node => "node",
        }
    }
}

impl Generation {
    /// The key that holds the results of `owner` for `plan`.
    pub(super) fn key(&self, owner: &str, plan: &str) -> String {
        format!("{}/{owner}/{}/{plan}{}", self.owner.kind(), self.folder, self.suffix)
    }

    /// Owner and plan of `key`, where it is of this generation.
    pub(super) fn parse<'a>(&self, key: &'a str) -> Option<(&'a str, &'a str)> {
        let (owner, rest) = key.strip_prefix(self.owner.kind())?.strip_prefix('/')?.split_once('/')?;
        let plan = rest.strip_prefix(self.folder)?.strip_prefix('/')?.strip_suffix(self.suffix)?;
        (!owner.is_empty() && !plan.is_empty() && !plan.contains('/')).then_some((owner, plan))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_one_generation_at_most() {
        let parse = |key| {
            let of =
                |generation: &&Generation| generation.parse(key).map(|(owner, plan)| (generation.layout, owner, plan));
            ALL.iter().filter_map(of).collect::<Vec<_>>()
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
        for generation in ALL {
            assert_eq!(generation.parse(&generation.key("x", "y")), Some(("x", "y")));
        }
    }
}
