//! Keys found by a scan: for a cluster that keeps no list of its modules or plans, as the founding document's.
//!
//! A module can make up any key below `module/<its id>/`, so what one owner of keys can bring up is bounded.

use std::collections::{BTreeMap, BTreeSet};

use super::connection::Connection;
use super::keys::{self, A, B, C, Keys};
use super::limits::PLANS_OF_ONE;
use crate::model::cluster::Why;
use crate::model::plan::{Layout, ModuleId, PlanId};

/// All keys about plans, results and destinations, in every layout. It holds no plan's id, so no character of an id can
/// act as a part of a pattern.
const PATTERN: &str = "*/backup*";

/// Keys with results, by layout: owners, each with plans.
type Owners = BTreeMap<String, BTreeSet<PlanId>>;

/// What a scan has found.
#[derive(Default)]
pub(super) struct Found {
    /// Plans with a definition, or a status of their own.
    plans: BTreeSet<PlanId>,
    /// Modules with a list of their plans (B).
    subscribers: BTreeSet<ModuleId>,
    /// Keys of destinations.
    destinations: BTreeSet<String>,
    a: Owners,
    b: Owners,
    c: Owners,
}

impl Found {
    /// Scans the database for keys of this plan, or of all.
    pub(super) async fn scan(connection: &mut Connection, only: Option<&PlanId>) -> Result<Self, Why> {
        let mut found = Self::default();
        connection.scan(PATTERN, |key| found.add(key, only)).await?;
        Ok(found)
    }

    fn add(&mut self, key: &str, only: Option<&PlanId>) {
        if let Some(plan) = super::keys::parse_plan(key) {
            self.plans.insert(plan);
        } else if let Some(module) = keys::parse_plans_of(key) {
            self.subscribers.insert(module);
        } else if keys::parse_destination(key).is_some() {
            self.destinations.insert(key.into());
        }
        for (keys, owners) in [(A, &mut self.a), (B, &mut self.b), (C, &mut self.c)] {
            let of_interest = |(_, plan): &(_, &str)| only.is_none_or(|only| only.as_str() == *plan);
            let Some((owner, plan)) = keys.parse(key).filter(of_interest) else { continue };
            let plans = owners.entry(owner.into()).or_default();
            if plans.len() < PLANS_OF_ONE {
                plans.extend(PlanId::new(plan));
            }
        }
    }

    fn owners(&self, keys: &Keys) -> &Owners {
        match keys.layout {
            Layout::A => &self.a,
            Layout::B => &self.b,
            Layout::C => &self.c,
        }
    }

    /// Whether there is one of `keys` for `owner` and `plan`.
    pub(super) fn has(&self, keys: &Keys, owner: &str, plan: &PlanId) -> bool {
        self.owners(keys).get(owner).is_some_and(|plans| plans.contains(plan))
    }

    /// The plans that there may be: those that the cluster knows, and layout A's with results only.
    pub(super) fn plans(&self) -> BTreeSet<PlanId> {
        self.plans.iter().chain(self.a.values().flatten()).cloned().collect()
    }

    /// The modules that have written anything.
    pub(super) fn modules(&self) -> impl Iterator<Item = ModuleId> {
        let owners = self.a.keys().chain(self.b.keys()).filter_map(|owner| ModuleId::new(owner.as_str()));
        owners.chain(self.subscribers.iter().cloned())
    }

    /// The keys of destinations.
    pub(super) fn destinations(&self) -> impl Iterator<Item = &str> {
        self.destinations.iter().map(String::as_str)
    }

    /// The nodes with results of `plan` (C).
    pub(super) fn nodes(&self, plan: &PlanId) -> impl Iterator<Item = &str> {
        self.c.iter().filter(|(_, plans)| plans.contains(plan)).map(|(node, _)| node.as_str())
    }
}
