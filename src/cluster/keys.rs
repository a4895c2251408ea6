//! Which keys to read: composed where the cluster lists its modules and the plan is named, else found by a scan.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Selector;
use super::connection::{Connection, get};
use super::generation::{self, Generation, Owner};
use super::value;
use super::{layout_b, plan};
use crate::model::cluster::Why;
use crate::model::plan::{ModuleId, Plan, PlanId};

/// All keys about plans and results, in every generation. It holds no plan's id, so no character of an id can act as a
/// part of a pattern.
const PATTERN: &str = "*/backup*";

/// Each module with its node.
pub(super) type Nodes = HashMap<ModuleId, String>;

/// What the cluster says about itself.
pub(super) struct Index {
    /// `cluster/ui_name`.
    pub(super) name: Option<String>,
    /// `cluster/module_node`; `None` where there is no such list.
    pub(super) nodes: Option<Nodes>,
}

impl Index {
    /// Reads it, in one round trip. A part that is refused is an error: without it, nothing else can be trusted.
    pub(super) async fn read(connection: &mut Connection) -> Result<Self, Why> {
        let commands = [get("HGETALL", "cluster/module_node"), get("GET", "cluster/ui_name")];
        let mut answers = connection.ask(commands).await?.into_iter();
        let mut next = || answers.next().unwrap_or(Ok(redis::Value::Nil));
        let nodes = value::hash(next()?);
        let nodes = nodes.into_iter().filter_map(|(module, node)| Some((ModuleId::new(module)?, node)));
        let nodes = Some(nodes.collect()).filter(|nodes: &Nodes| !nodes.is_empty());
        Ok(Self { nodes, name: next().ok().and_then(value::text) })
    }
}

/// A hash that may hold results of a plan.
pub(super) struct ResultKey<'a> {
    pub(super) generation: &'static Generation,
    pub(super) owner: &'a str,
    pub(super) plan: &'a PlanId,
}

impl ResultKey<'_> {
    /// The key itself.
    pub(super) fn name(&self) -> String {
        self.generation.key(self.owner, self.plan.as_str())
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
        let of_result = |key| generation::ALL.into_iter().find_map(|generation| generation.parse(key));
        let plan_of = |key| plan::parse_key(key).or_else(|| of_result(key).and_then(|(_, plan)| PlanId::new(plan)));
        match selector {
            Selector::Plan(id) => BTreeSet::from([id.clone()]),
            Selector::All | Selector::Recent { .. } => self.scanned().filter_map(plan_of).collect(),
        }
    }

    /// The keys of this generation that may hold results of `plans`.
    pub(super) fn results<'b>(
        &'b self,
        generation: &'static Generation,
        plans: &'b BTreeMap<PlanId, Plan>,
    ) -> Vec<ResultKey<'b>> {
        let parse = |key| {
            let (owner, plan) = generation.parse(key)?;
            let (plan, _) = plans.get_key_value(plan)?;
            Some(ResultKey { generation, owner, plan })
        };
        match (&self.scanned, &self.index.nodes) {
            (None, Some(nodes)) => plans.values().flat_map(|plan| compose(generation, plan, nodes)).collect(),
            _ => self.scanned().filter_map(parse).collect(),
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

/// Every key of this generation that may exist for `plan`: of each of its modules, or of all where they are not known;
/// or of each node. None for an id that would make it another key.
fn compose<'a>(generation: &'static Generation, plan: &'a Plan, nodes: &'a Nodes) -> Vec<ResultKey<'a>> {
    let key = |owner| ResultKey { generation, owner, plan: &plan.id };
    match generation.owner {
        _ if plan.id.key_segment().is_none() => Vec::new(),
        Owner::Module => match &plan.members {
            Some(members) => members.iter().map(ModuleId::as_str).map(key).collect(),
            None => nodes.keys().map(ModuleId::as_str).map(key).collect(),
        },
        Owner::Node => {
            let nodes: BTreeSet<&str> = nodes.values().map(String::as_str).collect();
            nodes.into_iter().filter(|node| !node.contains('/')).map(key).collect()
        }
    }
}
