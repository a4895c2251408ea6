//! Tests of the cluster part on a real redis-server.

mod facts;
mod hostile;
mod results;
mod servers;
mod wait;

use ns8_backup_monitor::cluster::{self, Question, Selector};
use ns8_backup_monitor::job::examine::{Extent, question};
use ns8_backup_monitor::model::cluster::Cluster;
use ns8_backup_monitor::model::plan::{ModuleId, Plan, PlanId};

use crate::support::redis::Redis;

fn plan_id(id: &str) -> PlanId {
    PlanId::new(id).unwrap()
}

fn module(id: &str) -> ModuleId {
    ModuleId::new(id).unwrap()
}

async fn read(redis: &Redis, id: &str) -> Plan {
    read_all(redis, Selector::Plan(&plan_id(id))).await.plans.remove(0)
}

async fn read_all(redis: &Redis, selector: Selector<'_>) -> Cluster {
    cluster::read(&redis.settings(), everything(selector)).await.unwrap()
}

fn everything(plans: Selector<'_>) -> Question<'_> {
    question(plans, Extent::Everything, None)
}

/// The ids, in order, as text.
fn ids<'a>(modules: impl IntoIterator<Item = &'a ModuleId>) -> Vec<&'a str> {
    modules.into_iter().map(ModuleId::as_str).collect()
}

/// The members of a plan that knows them.
fn members(plan: &Plan) -> Vec<&str> {
    ids(plan.members.as_ref().expect("the members are known"))
}
