//! From what was found in Redis to a [`Plan`]: its definition, the merge of the generations, its members. Pure.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use super::generation::{Decoded, Owner};
use super::keys::{Nodes, ResultKey};
use super::layout_a;
use super::value::{self, Hash};
use crate::model::plan::{Damage, Entry, Fault, Layout, Module, ModuleId, Plan, PlanId};

/// The key of a plan's definition.
pub(super) fn key(plan: &str) -> String {
    format!("cluster/backup/{plan}")
}

/// The plan whose definition or status this key is.
pub(super) fn parse_key(key: &str) -> Option<PlanId> {
    let rest = key.strip_prefix("cluster/backup/")?;
    PlanId::new(rest.strip_suffix("/status").unwrap_or(rest)).filter(|plan| plan.key_segment().is_some())
}

/// A plan from its definition and layout A's status of it, either of which may be empty or unreadable. Members are
/// known where it has `instances`.
pub(super) fn define(id: PlanId, definition: Result<Hash, Fault>, status: Result<Hash, Fault>) -> Plan {
    let mut plan = Plan::unknown(id);
    let definition = definition.unwrap_or_else(|fault| {
        plan.damaged.push(Damage { entry: Entry::Definition, fault });
        Hash::new()
    });
    plan.defined = !definition.is_empty();
    plan.name = value::field(&definition, "name");
    plan.enabled = value::get(&definition, "enabled").is_none_or(value::is_yes);
    plan.repository = value::field(&definition, "repository");
    plan.schedule = value::field(&definition, "schedule");
    plan.members =
        value::get(&definition, "instances").map(|ids| ids.split_whitespace().filter_map(ModuleId::new).collect());
    match status.and_then(|hash| layout_a::status(&hash)) {
        Ok(status) => plan.status = status,
        Err(fault) => plan.damaged.push(Damage { entry: Entry::Status, fault }),
    }
    plan
}

/// Makes `module` a member of `plan` where the SET of its plans, `subscribed`, holds it (B); where that cannot be read,
/// too: a module too many is seen, one too few is not.
pub(super) fn subscribe(plan: &mut Plan, module: &ModuleId, subscribed: &Result<Vec<String>, Fault>) {
    if let Err(fault) = *subscribed {
        plan.damaged.push(Damage { entry: Entry::Plans(module.clone()), fault });
    }
    if subscribed.as_ref().map_or(true, |plans| plans.iter().any(|id| id == plan.id.as_str())) {
        plan.members.get_or_insert_default().insert(module.clone());
    }
}

/// The results of one plan's modules, the generations side by side.
#[derive(Default)]
pub(super) struct Results {
    by_module: BTreeMap<ModuleId, (Layout, Decoded)>,
    /// Nodes whose results cannot be read: what they say of their modules is not known.
    unread: BTreeMap<String, Fault>,
}

impl Results {
    /// Whether `key`, of the same generation or an earlier one, may tell what is not known yet. A result that is
    /// damaged or on a node that cannot be read counts as known: what stayed behind at an upgrade is no answer. `nodes`
    /// are the modules' nodes, where the cluster lists them.
    pub(super) fn lack(&self, key: &ResultKey<'_>, nodes: Option<&Nodes>) -> bool {
        if key.generation.owner == Owner::Node {
            return true;
        }
        let known = self.by_module.contains_key(key.owner);
        !known
            && match nodes.and_then(|nodes| nodes.get(key.owner)) {
                Some(node) => !self.unread.contains_key(node),
                None => self.unread.is_empty(),
            }
    }

    /// Takes in what `key` holds, or why it cannot be read.
    pub(super) fn add(&mut self, key: &ResultKey<'_>, hash: Result<Hash, Fault>) {
        let layout = key.generation.layout;
        match (hash, key.generation.owner) {
            (Ok(hash), _) if hash.is_empty() => {}
            (Ok(hash), _) => {
                for (module, result) in (key.generation.decode)(key.owner, hash) {
                    self.put(layout, module, result);
                }
            }
            (Err(fault), Owner::Module) => {
                if let Some(module) = ModuleId::new(key.owner) {
                    self.put(layout, module, Err(fault));
                }
            }
            (Err(fault), Owner::Node) => {
                self.unread.insert(key.owner.into(), fault);
            }
        }
    }

    /// A later generation counts; within one, for a module that has moved to another node, the newer result.
    fn put(&mut self, layout: Layout, module: ModuleId, result: Decoded) {
        let rank = |(layout, result): &(Layout, Decoded)| (*layout, result.as_ref().ok().and_then(|result| result.end));
        let found = (layout, result);
        match self.by_module.entry(module) {
            btree_map::Entry::Vacant(place) => drop(place.insert(found)),
            btree_map::Entry::Occupied(mut known) if rank(known.get()) <= rank(&found) => *known.get_mut() = found,
            btree_map::Entry::Occupied(_) => {}
        }
    }

    /// Completes `plan`. `nodes` are the cluster's modules, where it lists them: who is not among them was removed.
    /// Without a definition that can be read, nobody knows who is missing: no result is shown.
    pub(super) fn complete(mut self, plan: &mut Plan, nodes: Option<&Nodes>) {
        if plan.lacks_definition() {
            return;
        }
        let exists = |module: &ModuleId| nodes.is_none_or(|nodes| nodes.contains_key(module));
        if plan.members.is_none() {
            self.by_module.retain(|module, _| exists(module));
            if plan.defined && !self.documented() {
                plan.members = Some(BTreeSet::new());
            }
        }
        if let Some(members) = &mut plan.members {
            members.retain(exists);
            self.by_module.retain(|module, _| members.contains(module));
            if !plan.enabled {
                let members = std::mem::take(members).into_iter();
                let (shown, idle) = members.partition(|module| self.by_module.contains_key(module));
                (plan.members, plan.not_awaited) = (Some(shown), idle);
            }
        }
        // Where members are known, every result is a member's.
        let modules = plan.members.clone().unwrap_or_else(|| self.by_module.keys().cloned().collect());
        let damaged = &mut plan.damaged;
        let readable = |(module, (_, result)): (ModuleId, (Layout, Decoded))| match result {
            Ok(result) => Some((module, result)),
            Err(fault) => {
                damaged.push(Damage { entry: Entry::Result(module), fault });
                None
            }
        };
        plan.results = self.by_module.into_iter().filter_map(readable).collect();
        let unread = self.unread.into_iter();
        plan.damaged.extend(unread.map(|(node, fault)| Damage { entry: Entry::Node(node), fault }));
        let module = |id: ModuleId| {
            let node = nodes.and_then(|nodes| nodes.get(&id)).cloned();
            (id, Module { node, ..Module::default() })
        };
        plan.modules = modules.into_iter().map(module).collect();
    }

    /// Whether these are layout A's, which tells no members.
    fn documented(&self) -> bool {
        self.by_module.values().any(|(layout, _)| *layout == Layout::A)
    }
}
