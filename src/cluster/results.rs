//! Which keys hold the results of some plans, asked for layout by layout: the latest one first, the earlier ones only
//! for what it does not know.

use std::collections::BTreeMap;

use super::connection::{Answers, needed};
use super::index::Index;
use super::keys::{A, B, C, Keys};
use super::limits::VALUE;
use super::measured::{Found, Shape, Wishes};
use super::plan::Results;
use super::resp::{Batch, Reply};
use super::value::text;
use super::{layout_a, layout_b, layout_c};
use crate::model::cluster::Why;
use crate::model::plan::{Fault, Layout, ModuleId, Plan, PlanId};

/// The results of several plans.
pub(super) type All = BTreeMap<PlanId, Results>;

/// The results of some modules of one plan on one node (C).
struct OnNode<'a> {
    plan: &'a PlanId,
    node: &'a str,
    modules: Vec<&'a ModuleId>,
}

/// Layout C's results of some plans.
pub(super) struct Latest<'a>(Vec<OnNode<'a>>);

impl<'a> Latest<'a> {
    /// Those of the members of `plans`, each on the node that it is on now. If the cluster does not list its modules,
    /// any node may have them.
    pub(super) fn of(plans: &'a BTreeMap<PlanId, Plan>, index: &'a Index) -> Self {
        let mut all = Vec::new();
        for plan in plans.values() {
            let mut by_node: BTreeMap<&str, Vec<&ModuleId>> = BTreeMap::new();
            for module in plan.members.iter().flatten() {
                match index.modules.get(module) {
                    Some(Some(node)) => by_node.entry(node).or_default().push(module),
                    _ => {
                        for node in index.found.iter().flat_map(|found| found.nodes(&plan.id)) {
                            by_node.entry(node).or_default().push(module);
                        }
                    }
                }
            }
            all.extend(by_node.into_iter().map(|(node, modules)| OnNode { plan: &plan.id, node, modules }));
        }
        Self(all)
    }

    pub(super) fn ask(&self, batch: &mut Batch) {
        for OnNode { plan, node, modules } in &self.0 {
            let key = C.key(node, plan.as_str());
            batch.add_long(VALUE, &["HMGET", &key], modules.iter().map(|module| module.as_str()));
        }
    }

    pub(super) fn take(self, answers: &mut Answers, results: &mut All) -> Result<(), Why> {
        for OnNode { plan, node, modules } in self.0 {
            let results = results.entry(plan.clone()).or_default();
            let values = match needed(answers.next())? {
                Ok(Reply::List(values)) => values,
                Ok(_) => Vec::new(),
                Err(fault) => {
                    results.put_unread(node, fault);
                    continue;
                }
            };
            for (module, value) in modules.into_iter().zip(values) {
                let result = match value {
                    Reply::Nil => continue,
                    Reply::TooLarge(bytes) => Err(Fault::TooLarge(bytes)),
                    value => layout_c::result(&text(value).unwrap_or_default()),
                };
                results.put(Layout::C, module.clone(), result);
            }
        }
        Ok(())
    }
}

/// The results in the earlier layouts that [`Latest`] does not know.
pub(super) type Earlier = Wishes<(PlanId, ModuleId, Layout)>;

/// Returns which results of `plans` to look for in layouts A and B. B knows the members of a plan that has a
/// definition; A has plans without one as well, whose members nobody knows.
pub(super) fn earlier(plans: &BTreeMap<PlanId, Plan>, index: &Index, results: &All) -> Earlier {
    let mut wishes = Vec::new();
    for plan in plans.values().filter(|plan| plan.id.key_segment().is_some() && !plan.lacks_definition()) {
        let candidates: Vec<&ModuleId> = match &plan.members {
            Some(members) => members.iter().collect(),
            None => index.modules.keys().collect(),
        };
        let known = results.get(&plan.id);
        let lacking = candidates.into_iter().filter(|id| known.is_none_or(|known| known.lack(id, index)));
        for module in lacking {
            let mut wish = |keys: &Keys, fields| {
                let (id, owner) = (&plan.id, module.as_str());
                if index.found.as_ref().is_none_or(|found| index.listed || found.has(keys, owner, id)) {
                    let subject = (id.clone(), module.clone(), keys.layout);
                    wishes.push((subject, keys.key(owner, id.as_str()), Shape::Fields(fields)));
                }
            };
            wish(&A, layout_a::RESULT);
            if plan.members.is_some() {
                wish(&B, &layout_b::RESULT);
            }
        }
    }
    Wishes::needed(wishes)
}

/// Takes in what [`earlier`] has brought.
pub(super) fn take_earlier(found: Vec<((PlanId, ModuleId, Layout), String, Found)>, results: &mut All) {
    for ((plan, module, layout), _, found) in found {
        let decode = if layout == Layout::A { layout_a::result } else { layout_b::result };
        results.entry(plan).or_default().put(layout, module, found.and_then(|hash| decode(&hash)));
    }
}
