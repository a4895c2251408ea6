//! Which keys to read: composed where the cluster lists its modules and the plan is named, else found by a scan.

use std::collections::{BTreeMap, BTreeSet};

use super::Selector;
use super::connection::{Connection, Why, get};
use super::generation::{self, Generation, Owner};
use super::model::{ModuleId, Plan, PlanId};
use super::value::{self, Hash};
use super::{layout_b, plan};

/// All keys about plans and results, in every generation. It holds no plan's id, so no character of an id can act as a
/// part of a pattern.
const PATTERN: &str = "*/backup*";

/// What the cluster says about itself.
pub(super) struct Index {
    /// `cluster/ui_name`.
    pub(super) name: Option<String>,
    /// `cluster/module_node`, each module with its node; `None` where there is no such list.
    pub(super) nodes: Option<BTreeMap<ModuleId, String>>,
    /// `cluster/module_uuid`.
    pub(super) uuids: Hash,
}

impl Index {
    /// Reads it, in one round trip. A part that is refused is an error: without it, nothing else can be trusted.
    pub(super) async fn read(connection: &mut Connection) -> Result<Self, Why> {
        let commands = [
            get("HGETALL", "cluster/module_node"),
            get("HGETALL", "cluster/module_uuid"),
            get("GET", "cluster/ui_name"),
        ];
        let mut answers = connection.ask(commands).await?.into_iter();
        let mut next = || answers.next().unwrap_or(Ok(redis::Value::Nil));
        let nodes = value::hash(next()?);
        let nodes = nodes.into_iter().filter_map(|(module, node)| Some((ModuleId::new(module)?, node)));
        let nodes = Some(nodes.collect()).filter(|nodes: &BTreeMap<_, _>| !nodes.is_empty());
        Ok(Self { nodes, uuids: value::hash(next()?), name: next().ok().and_then(value::text) })
    }
}

/// A hash that may hold results of a plan.
pub(super) struct ResultKey {
    pub(super) generation: &'static Generation,
    pub(super) owner: String,
    pub(super) plan: PlanId,
}

impl ResultKey {
    /// The key itself.
    pub(super) fn name(&self) -> String {
        self.generation.key(&self.owner, self.plan.as_str())
    }
}

/// The keys of a cluster.
pub(super) struct Keys<'a> {
    index: &'a Index,
    /// What a scan has found; `None` where none was needed.
    scanned: Option<BTreeSet<String>>,
}

impl<'a> Keys<'a> {
    /// Scans the database, unless the cluster lists its modules and the plan is named.
    pub(super) async fn find(
        connection: &mut Connection,
        selector: Selector<'_>,
        index: &'a Index,
    ) -> Result<Self, Why> {
        let scanned = match (selector, &index.nodes) {
            (Selector::Plan(_), Some(_)) => None,
            _ => Some(connection.scan(PATTERN).await?),
        };
        Ok(Self { index, scanned })
    }

    /// The plans that there are.
    pub(super) fn plans(&self, selector: Selector<'_>) -> BTreeSet<PlanId> {
        let plan_of = |key: &str| plan::parse_key(key).or_else(|| parse(key).map(|key| key.plan));
        match selector {
            Selector::Plan(id) => BTreeSet::from([id.clone()]),
            Selector::Recent { .. } => self.scanned().filter_map(plan_of).collect(),
        }
    }

    /// The keys that may hold results of `plans`.
    pub(super) fn results(&self, plans: &BTreeMap<PlanId, Plan>) -> Vec<ResultKey> {
        match (&self.scanned, &self.index.nodes) {
            (None, Some(nodes)) => plans.values().flat_map(|plan| compose(plan, nodes)).collect(),
            _ => self.scanned().filter_map(parse).filter(|key| plans.contains_key(&key.plan)).collect(),
        }
    }

    /// The modules whose SETs of plans may tell members.
    pub(super) fn subscribers(&self) -> Vec<ModuleId> {
        match (&self.scanned, &self.index.nodes) {
            (None, Some(nodes)) => nodes.keys().cloned().collect(),
            _ => self.scanned().filter_map(layout_b::parse_plans_key).collect(),
        }
    }

    fn scanned(&self) -> impl Iterator<Item = &str> {
        self.scanned.iter().flatten().map(String::as_str)
    }
}

fn parse(key: &str) -> Option<ResultKey> {
    generation::ALL.into_iter().find_map(|generation| {
        let (owner, plan) = generation.parse(key)?;
        Some(ResultKey { generation, owner: owner.into(), plan: PlanId::new(plan)? })
    })
}

/// Every key that may exist for `plan`: of each of its modules, or of all where it does not name them, and of each node.
/// None for an id that would make it another key.
fn compose(plan: &Plan, nodes: &BTreeMap<ModuleId, String>) -> Vec<ResultKey> {
    if plan.id.key_segment().is_none() {
        return Vec::new();
    }
    let modules = nodes.keys().filter(|module| plan.members.as_ref().is_none_or(|members| members.contains(module)));
    let modules: BTreeSet<&str> = modules.map(ModuleId::as_str).collect();
    let nodes: BTreeSet<&str> = nodes.values().map(String::as_str).filter(|node| !node.contains('/')).collect();
    let owners = |owner| match owner {
        Owner::Module => &modules,
        Owner::Node => &nodes,
    };
    let key = |generation, owner: &&str| ResultKey { generation, owner: (*owner).into(), plan: plan.id.clone() };
    let of = |generation: &'static Generation| owners(generation.owner).iter().map(move |owner| key(generation, owner));
    generation::ALL.into_iter().flat_map(of).collect()
}
