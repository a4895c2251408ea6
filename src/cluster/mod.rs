//! Reads the cluster's Redis: plans, members, results, the mail relay, the destinations; and hears its announcements.
//!
//! Three generations of keys are read side by side and merged by module, the later one winning; which of them a cluster
//! uses is found by looking. A fourth is one more file beside `layout_a`, `layout_b` and `layout_c`.
//!
//! A reading takes as many round trips for thousands of modules as for one: the list of the modules, the plans'
//! definitions, in layout B the members, the results of each generation that is needed, and the names. Only what no key
//! lists needs a scan of the database as well: the plans, when none is named; the modules, in a cluster that has no
//! list of them (layout A); and layout A's repositories.

mod connection;
pub mod destination;
pub mod events;
mod generation;
mod keys;
mod layout_a;
mod layout_b;
mod layout_c;
mod plan;
mod private;
mod smarthost;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::config;
use crate::model::cluster::{Cluster, ReadError, Smarthost, Why};
use crate::model::plan::{Module, ModuleId, Plan, PlanId};
use crate::model::repository::Destinations;
use connection::{Connection, bounded, get};
use keys::{Index, Keys, Nodes};
use plan::Results;
pub use private::add_passwords;

/// Which plans to read.
#[derive(Debug, Clone, Copy)]
pub enum Selector<'a> {
    /// Every plan.
    All,
    /// This one; where nothing is known of it, it is read as [`Plan::unknown`].
    Plan(&'a PlanId),
    /// Every plan with a result at or after this time.
    Recent {
        /// The time.
        since: Timestamp,
    },
}

impl Selector<'_> {
    fn selects(&self, plan: &Plan) -> bool {
        match self {
            Self::All | Self::Plan(_) => true,
            Self::Recent { .. } if plan.lacks_definition() => true,
            Self::Recent { since } => plan.newest_sign().is_some_and(|newest| newest >= *since),
        }
    }
}

/// Reads what the cluster says about the selected plans.
///
/// # Errors
/// Where it cannot be read as a whole: no connection, no answer within `redis.timeout`, or no access to a key that may
/// tell of a plan's modules. A single entry that makes no sense is told in [`Plan::damaged`] instead.
pub async fn read(redis: &config::Redis, selector: Selector<'_>) -> Result<Cluster, ReadError> {
    bounded(redis, async {
        let mut connection = Connection::open(redis).await?;
        let index = Index::read(&mut connection).await?;
        let keys = Keys::find(&mut connection, selector, &index).await?;
        let mut plans = define(&mut connection, keys.plans(selector)).await?;
        if let (Selector::Plan(id), true) = (selector, plans.values().any(Plan::lacks_definition)) {
            return Err(Why::OtherType(plan::key(id.as_str())));
        }
        find_members(&mut connection, &keys, &mut plans).await?;
        for (id, results) in find_results(&mut connection, &keys, &plans, index.nodes.as_ref()).await? {
            plans.entry(id).and_modify(|plan| results.complete(plan, index.nodes.as_ref()));
        }
        let mut plans: Vec<Plan> = plans.into_values().filter(|plan| selector.selects(plan)).collect();
        add_names(&mut connection, &mut plans).await?;
        Ok(Cluster { name: index.name, plans })
    })
    .await
}

/// Reads the cluster's own mail relay; `None` where there is none or it is not enabled.
///
/// # Errors
/// As [`read`]; also where the relay is enabled but incomplete.
pub async fn smarthost(redis: &config::Redis) -> Result<Option<Smarthost>, ReadError> {
    let hash = bounded(redis, async {
        let answers = Connection::open(redis).await?.ask([get("HGETALL", smarthost::KEY)]).await?;
        Ok(answers.into_iter().next().transpose()?.map(value::hash).unwrap_or_default())
    });
    smarthost::smarthost(&hash.await?)
}

/// Reads the node id of the cluster's leader; `None` if it is not written down, as before NS8.
///
/// # Errors
/// As [`read`].
pub async fn leader(redis: &config::Redis) -> Result<Option<String>, ReadError> {
    bounded(redis, async {
        let command = get("HGET", "cluster/environment").arg("NODE_ID").take();
        let answers = Connection::open(redis).await?.ask([command]).await?;
        Ok(answers.into_iter().next().and_then(Result::ok).and_then(value::text))
    })
    .await
}

/// Reads where `plan` is backed up to: the destination that it names, or else every one that there is; and where the
/// repositories of `modules` are there.
///
/// # Errors
/// As [`read`].
pub async fn destinations(
    redis: &config::Redis,
    plan: &Plan,
    modules: &[&ModuleId],
) -> Result<Destinations, ReadError> {
    bounded(redis, async {
        let mut connection = Connection::open(redis).await?;
        let keys = match &plan.repository {
            Some(id) => destination::keys(id),
            None => connection.scan(destination::PATTERN).await?,
        };
        let keys = keys.into_iter().filter(|key| destination::id_of(key).is_some());
        let mut all = Vec::new();
        for (key, answer) in connection.ask_each(keys, |key| get("HGETALL", key)).await? {
            all.extend(destination::destination(&key, &value::hash(answer?)));
        }
        Ok(Destinations { all, paths: find_paths(&mut connection, modules).await? })
    })
    .await
}

/// Reads the definitions of plans and layout A's status of each. An id that cannot be part of a key is of a plan that
/// nothing is known of.
async fn define(connection: &mut Connection, ids: BTreeSet<PlanId>) -> Result<BTreeMap<PlanId, Plan>, Why> {
    let keyed: Vec<&str> = ids.iter().filter_map(PlanId::key_segment).collect();
    let commands = keyed.iter().flat_map(|id| [plan::key(id), layout_a::status_key(id)]);
    let mut answers = connection.ask(commands.map(|key| get("HGETALL", key))).await?.into_iter();
    let mut next = || {
        let answer = answers.next().unwrap_or(Ok(redis::Value::Nil));
        Ok::<_, Why>(connection::needed(answer)?.map(value::hash))
    };
    let mut plans = BTreeMap::new();
    for id in ids {
        let plan = match id.key_segment() {
            Some(_) => plan::define(id.clone(), next()?, next()?),
            None => Plan::unknown(id.clone()),
        };
        plans.insert(id, plan);
    }
    Ok(plans)
}

/// Adds the members of plans that do not name them themselves, as layout B has it.
async fn find_members(
    connection: &mut Connection,
    keys: &Keys<'_>,
    plans: &mut BTreeMap<PlanId, Plan>,
) -> Result<(), Why> {
    let mut open: Vec<&mut Plan> = plans.values_mut().filter(|plan| plan.members.is_none()).collect();
    if open.is_empty() {
        return Ok(());
    }
    let plans_of = |module: &ModuleId| get("SMEMBERS", layout_b::plans_key(module));
    for (module, answer) in connection.ask_each(keys.subscribers(), plans_of).await? {
        let subscribed = connection::needed(answer)?.map(value::texts);
        open.iter_mut().for_each(|plan| plan::subscribe(plan, &module, &subscribed));
    }
    Ok(())
}

/// Reads the results of `plans`, the latest generation first: the earlier ones count only for those it does not know.
async fn find_results(
    connection: &mut Connection,
    keys: &Keys<'_>,
    plans: &BTreeMap<PlanId, Plan>,
    nodes: Option<&Nodes>,
) -> Result<BTreeMap<PlanId, Results>, Why> {
    let mut found: BTreeMap<PlanId, Results> = plans.keys().map(|id| (id.clone(), Results::default())).collect();
    for generation in generation::ALL.into_iter().rev() {
        let mut keys = keys.results(generation, plans);
        keys.retain(|key| found.get(key.plan).is_some_and(|results| results.lack(key, nodes)));
        for (key, answer) in connection.ask_each(keys, |key| get("HGETALL", key.name())).await? {
            let hash = connection::needed(answer)?.map(value::hash);
            found.entry(key.plan.clone()).or_default().add(&key, hash);
        }
    }
    Ok(found)
}

/// The paths of the modules' repositories. An image that cannot be read is as good as not there.
async fn find_paths(connection: &mut Connection, modules: &[&ModuleId]) -> Result<BTreeMap<ModuleId, String>, Why> {
    let uuid_of = |module: &ModuleId| get("HGET", "cluster/module_uuid").arg(module.as_str()).take();
    let image_of = |module: &ModuleId| get("HGET", format!("module/{module}/environment")).arg("IMAGE_URL").take();
    let commands = modules.iter().flat_map(|module| [uuid_of(module), image_of(module)]);
    let mut answers = connection.ask(commands).await?.into_iter();
    let mut next = || Ok::<_, Why>(answers.next().transpose()?.and_then(value::text));
    let mut paths = BTreeMap::new();
    for &module in modules {
        let (uuid, image_url) = (next()?, next().unwrap_or_default());
        let path = uuid.map(|uuid| destination::path(module, &uuid, image_url.as_deref()));
        paths.extend(path.map(|path| (module.clone(), path)));
    }
    Ok(paths)
}

/// Adds the names of modules and nodes, all by one command. One that cannot be read is as good as not there.
async fn add_names(connection: &mut Connection, plans: &mut [Plan]) -> Result<(), Why> {
    let modules = || plans.iter().flat_map(|plan| &plan.modules);
    let nodes: BTreeSet<String> = modules().filter_map(|(_, module)| module.node.clone()).collect();
    let module_keys = modules().map(|(id, _)| format!("module/{id}/ui_name"));
    let keys: Vec<String> = module_keys.chain(nodes.iter().map(|id| format!("node/{id}/ui_name"))).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let answer = connection.ask([redis::cmd("MGET").arg(keys).take()]).await?.pop();
    let mut names = answer.and_then(Result::ok).map(value::options).unwrap_or_default().into_iter();
    let mut modules: Vec<&mut Module> = plans.iter_mut().flat_map(|plan| plan.modules.values_mut()).collect();
    modules.iter_mut().for_each(|module| module.ui_name = names.next().flatten());
    let nodes: BTreeMap<String, Option<String>> = nodes.into_iter().zip(names).collect();
    for module in modules {
        module.node_name = module.node.as_ref().and_then(|node| nodes.get(node).cloned().flatten());
    }
    Ok(())
}
