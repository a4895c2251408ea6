//! One reading: the round trips, in their order.

use std::collections::BTreeMap;

use super::connection::{Answers, Connection, hash, needed};
use super::details::{self, Details};
use super::index::{Index, unreadable};
use super::limits::{DEFINITION, NUMBERS, PLANS, VALUE};
use super::question::{Question, Selector};
use super::resp::{Batch, Reply};
use super::results::{self, Latest};
use super::{destination, keys, layout_a, plan};
use crate::config;
use crate::model::cluster::{Cluster, Why};
use crate::model::order::map;
use crate::model::plan::{Damage, Entry, Fault, ModuleId, Plan, PlanId};
use crate::model::repository::Destination;

type Plans = BTreeMap<PlanId, Plan>;

/// Reads what `question` asks for.
pub(super) async fn read(
    connection: &mut Connection,
    redis: &config::Redis,
    question: &Question<'_>,
) -> Result<Cluster, Why> {
    let (index, mut plans) = define(connection, redis, question.plans).await?;
    find_members(connection, &index, &mut plans).await?;

    let every = matches!(question.plans, Selector::All | Selector::Recent { .. });
    let mut details = details::Asking::new(&plans, &index, &question.want, every);
    let destinations = match question.want.repositories {
        true => destination::Asking::new(connection, plans.values(), index.found.as_ref()).await?,
        false => destination::Asking::default(),
    };
    let mut found = results::All::new();

    let latest = Latest::of(&plans, &index);
    let mut batch = Batch::default();
    latest.ask(&mut batch);
    destinations.ask(&mut batch);
    details.ask(&mut batch);
    let mut answers = connection.ask(batch).await?;
    latest.take(&mut answers, &mut found)?;
    let (mut destinations, damaged) = destinations.take(&mut answers)?;
    details.take(&mut answers)?;

    let mut earlier = results::earlier(&plans, &index, &found);
    ask_all(connection, &mut earlier, &mut details).await?;
    results::take_earlier(earlier.granted(), &mut found);
    let mut details = details.found();
    details.damaged.extend(damaged);

    if let Some(agent) = question.want.passwords {
        destination::add_passwords(connection, agent, &mut destinations).await;
    }
    for plan in plans.values_mut() {
        found.remove(&plan.id).unwrap_or_default().complete(plan, question.now);
        details.complete(plan, &index);
        plan::note_idle(plan);
    }
    Ok(assemble(index, plans, details, destinations, question.plans))
}

/// Asks until nothing is open any more, which takes three round trips at most.
async fn ask_all(
    connection: &mut Connection,
    earlier: &mut results::Earlier,
    details: &mut details::Asking,
) -> Result<(), Why> {
    loop {
        let mut batch = Batch::default();
        earlier.ask(&mut batch);
        details.ask(&mut batch);
        if batch.limits.is_empty() {
            return Ok(());
        }
        let mut answers = connection.ask(batch).await?;
        earlier.take(&mut answers)?;
        details.take(&mut answers)?;
    }
}

/// Reads the cluster's index and the definitions of the selected plans.
async fn define(
    connection: &mut Connection,
    redis: &config::Redis,
    selector: Selector<'_>,
) -> Result<(Index, Plans), Why> {
    let named: Vec<PlanId> = if let Selector::Plan(id) = selector { vec![id.clone()] } else { Vec::new() };
    let mut batch = Batch::default();
    Index::ask(&mut batch);
    ask_definitions(&named, &mut batch);
    let mut answers = connection.ask(batch).await?;
    let mut index = Index::take(&mut answers, redis)?;
    let unknown = match selector {
        Selector::None => false,
        Selector::Plan(_) => !index.listed,
        Selector::Recent { .. } | Selector::All => !index.listed || index.plans.is_none(),
    };
    if unknown {
        index.scan(connection, named.first()).await?;
    }
    let plans = take_definitions(named, &mut answers, &index)?;
    match selector {
        Selector::None => return Ok((index, plans)),
        Selector::Plan(id) => match plans.values().find_map(definition_fault) {
            Some(fault) => return Err(unreadable(&keys::definition(id.as_str()), fault)),
            None => return Ok((index, plans)),
        },
        Selector::Recent { .. } | Selector::All => {}
    }
    let ids: Vec<PlanId> = match (&index.found, index.plans) {
        (Some(found), _) => found.plans().into_iter().collect(),
        (None, newest) => {
            let newest = newest.unwrap_or_default();
            (newest.saturating_sub(PLANS) + 1..=newest).filter_map(|id| PlanId::new(id.to_string())).collect()
        }
    };
    let mut batch = Batch::default();
    ask_definitions(&ids, &mut batch);
    let mut plans = take_definitions(ids, &mut connection.ask(batch).await?, &index)?;
    if index.found.is_none() {
        plans.retain(|_, plan| plan.defined || plan.lacks_definition() || plan.status.is_some());
    }
    Ok((index, plans))
}

/// Asks for definitions, and for layout A's status of each plan. An id that cannot be part of a key is of a plan that
/// nothing is known of.
fn ask_definitions(ids: &[PlanId], batch: &mut Batch) {
    for id in ids.iter().filter_map(PlanId::key_segment) {
        let (definition, status) = (keys::definition(id), keys::status(id));
        batch.add_long(DEFINITION, &["HMGET", &definition], plan::DEFINITION);
        batch.add_long(VALUE, &["HMGET", &status], layout_a::STATUS);
    }
}

fn take_definitions(ids: Vec<PlanId>, answers: &mut Answers, index: &Index) -> Result<Plans, Why> {
    let mut plans = Plans::new();
    for id in ids {
        let plan = match id.key_segment() {
            None => Plan::unknown(id.clone()),
            Some(_) => {
                let definition = hash(answers.next(), &plan::DEFINITION)?;
                let status = hash(answers.next(), &layout_a::STATUS)?;
                plan::define(id.clone(), definition, status, index)
            }
        };
        plans.insert(id, plan);
    }
    Ok(plans)
}

fn definition_fault(plan: &Plan) -> Option<Fault> {
    plan.damaged.iter().find(|damage| damage.entry == Entry::Definition).map(|damage| damage.fault)
}

/// Adds the members of plans that do not name them themselves, as layout B has it. A module whose plans cannot be read
/// becomes a member of each: a module too many is seen, one too few is not.
async fn find_members(connection: &mut Connection, index: &Index, plans: &mut Plans) -> Result<(), Why> {
    let open = |plan: &&mut Plan| plan.members.is_none() && plan.defined;
    let mut open: Vec<&mut Plan> = plans.values_mut().filter(open).collect();
    if open.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = open.iter().map(|plan| plan.id.to_string()).collect();
    let modules: Vec<&ModuleId> = index.modules.keys().collect();
    let mut batch = Batch::default();
    for module in &modules {
        let key = keys::plans_of(module);
        batch.add_long(NUMBERS, &["SMISMEMBER", &key], ids.iter().map(String::as_str));
    }
    let mut answers = connection.ask(batch).await?;
    for module in modules {
        let subscribed = match needed(answers.next())? {
            Ok(Reply::List(flags)) => Ok(flags),
            Ok(_) => Ok(Vec::new()),
            Err(fault) => Err(fault),
        };
        for (n, plan) in open.iter_mut().enumerate() {
            match &subscribed {
                Ok(flags) if flags.get(n) != Some(&Reply::Int(1)) => continue,
                Ok(_) => {}
                Err(fault) => plan.damaged.push(Damage { entry: Entry::Plans(module.clone()), fault: *fault }),
            }
            plan.members.get_or_insert_default().insert(module.clone());
        }
    }
    Ok(())
}

fn assemble(
    index: Index,
    plans: Plans,
    mut details: Details,
    destinations: Vec<Destination>,
    selector: Selector<'_>,
) -> Cluster {
    let mut unplanned = details.unplanned.take();
    // Layout A's plans name no members: their results do.
    unplanned.iter_mut().for_each(|ids| ids.retain(|id| !plans.values().any(|plan| plan.modules.contains_key(id))));
    let unplanned = unplanned.map(|ids| map(ids.into_iter().map(|id| (id.clone(), details.module(&id, &index).0))));
    Cluster {
        name: index.name,
        uuid: index.uuid,
        leader: index.leader,
        plans: plans.into_values().filter(|plan| selects(selector, plan)).collect(),
        unplanned,
        destinations,
        smarthost: index.smarthost,
        loki: details.loki,
    }
}

fn selects(selector: Selector<'_>, plan: &Plan) -> bool {
    match selector {
        Selector::None | Selector::Plan(_) => true,
        Selector::Recent { .. } | Selector::All if plan.lacks_definition() => true,
        Selector::Recent { since } => plan.newest_sign().is_some_and(|newest| newest >= since),
        Selector::All => plan.defined || plan.newest_sign().is_some() || !plan.damaged.is_empty(),
    }
}
