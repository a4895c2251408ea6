//! From what was found in Redis to a [`Plan`]: its definition, its members, the merge of the layouts. Pure.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use jiff::Timestamp;

use super::index::Index;
use super::layout_a;
use super::value::{self, Decoded, Hash};
use crate::model::plan::{Damage, Entry, Fault, Layout, ModuleId, ModuleResult, Plan, PlanId};
use crate::model::time::is_ahead;

/// The fields of a plan's definition.
pub(super) const DEFINITION: [&str; 5] = ["name", "repository", "schedule", "enabled", "instances"];

/// Returns a plan from its definition and layout A's status of it, either of which may be empty or unreadable. Its
/// members are known if it has `instances`.
pub(super) fn define(id: PlanId, definition: Result<Hash, Fault>, status: Result<Hash, Fault>, index: &Index) -> Plan {
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
    let member = |id| ModuleId::new(id).filter(|module| index.has_member(module));
    plan.names_members = value::get(&definition, "instances").is_some();
    plan.members = value::get(&definition, "instances").map(|ids| ids.split_whitespace().filter_map(member).collect());
    match status.and_then(|hash| layout_a::status(&hash)) {
        Ok(status) => plan.status = status,
        Err(fault) => plan.damaged.push(Damage { entry: Entry::Status, fault }),
    }
    plan
}

/// The results of one plan's modules, the layouts side by side.
#[derive(Default)]
pub(super) struct Results {
    by_module: BTreeMap<ModuleId, (Layout, Decoded)>,
    /// Nodes whose results cannot be read: what they say of their modules is not known.
    unread: BTreeMap<String, Fault>,
}

impl Results {
    /// Whether an earlier layout may hold what is not known yet about `module`. A result that is damaged or on a node
    /// that cannot be read counts as known: what stayed behind at an upgrade is no answer.
    pub(super) fn lack(&self, module: &ModuleId, index: &Index) -> bool {
        let is_unread = || match index.modules.get(module) {
            Some(Some(node)) => self.unread.contains_key(node),
            _ => !self.unread.is_empty(),
        };
        !self.by_module.contains_key(module) && !is_unread()
    }

    /// Takes in a result. A later layout counts; within one, found on several nodes, the newer result.
    pub(super) fn put(&mut self, layout: Layout, module: ModuleId, result: Decoded) {
        let rank = |(layout, result): &(Layout, Decoded)| (*layout, result.as_ref().ok().and_then(|result| result.end));
        let found = (layout, result);
        match self.by_module.entry(module) {
            btree_map::Entry::Vacant(place) => drop(place.insert(found)),
            btree_map::Entry::Occupied(mut known) if rank(known.get()) <= rank(&found) => *known.get_mut() = found,
            btree_map::Entry::Occupied(_) => {}
        }
    }

    /// Takes in that the results on `node` cannot be read.
    pub(super) fn put_unread(&mut self, node: &str, fault: Fault) {
        self.unread.insert(node.into(), fault);
    }

    /// Completes `plan`, at the time `now`. Without a definition that can be read, nobody knows who is missing: no
    /// result is shown.
    pub(super) fn complete(self, plan: &mut Plan, now: Timestamp) {
        if plan.lacks_definition() {
            return;
        }
        // Only layout A has results of a plan whose members nobody knows.
        if plan.members.is_none() && plan.defined && self.by_module.is_empty() {
            plan.members = Some(BTreeSet::new());
        }
        // Results are asked for of members alone, if these are known.
        let modules: Vec<ModuleId> = match &plan.members {
            Some(members) => members.iter().cloned().collect(),
            None => self.by_module.keys().cloned().collect(),
        };
        plan.modules = modules.into_iter().map(|module| (module, Default::default())).collect();
        let readable = self.by_module.into_iter().filter_map(|(module, (_, result))| {
            let is_ahead = |result: &ModuleResult| result.end.is_some_and(|end| is_ahead(end, now));
            let fault = match &result {
                Ok(result) => is_ahead(result).then_some(Fault::InTheFuture),
                Err(fault) => Some(*fault),
            };
            plan.damaged.extend(fault.map(|fault| Damage { entry: Entry::Result(module.clone()), fault }));
            Some((module, result.ok()?))
        });
        plan.results = readable.collect();
        let unread = self.unread.into_iter();
        plan.damaged.extend(unread.map(|(node, fault)| Damage { entry: Entry::Node(node), fault }));
        let status = plan.status.as_ref().and_then(|status| status.timestamp);
        if status.is_some_and(|time| is_ahead(time, now)) {
            plan.damaged.push(Damage { entry: Entry::Status, fault: Fault::InTheFuture });
        }
    }
}

/// Notes the members of a plan that is switched off and has no result at all, not even one that cannot be read. Needs
/// the nodes of its modules.
pub(super) fn note_idle(plan: &mut Plan) {
    let is_unreadable = |module: &ModuleId| plan.unreadable(module).is_some();
    if !plan.enabled && plan.results.is_empty() && !plan.members.iter().flatten().any(is_unreadable) {
        plan.not_awaited = plan.members.clone().unwrap_or_default();
    }
}
