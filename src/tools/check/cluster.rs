//! What the cluster says: its plans, and whether this node is the one that watches.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Line, error, is_root, ok, unread, warning};
use crate::cluster::{self, Selector};
use crate::config::Settings;
use crate::job::examine::{Extent, question};
use crate::model::cluster::Cluster;
use crate::model::plan::{Layout, Module, ModuleId, Plan, PlanId};
use crate::model::text::clean;
use crate::system::calendar::{self, CalendarError};
use crate::watch::node;

/// Longest schedule that is shown, in bytes.
const MAX_SCHEDULE: usize = 80;

/// What later checks need.
pub(super) struct Seen {
    /// The generations of keys that the cluster has results in.
    pub(super) layouts: BTreeSet<Layout>,
    /// Whether this node watches, or may.
    pub(super) watches: bool,
}

/// Reads the cluster once.
pub(super) async fn look(settings: &Settings) -> (Seen, Vec<Line>) {
    match cluster::read(&settings.redis, question(Selector::All, Extent::Everything, None)).await {
        Ok(cluster) => {
            let (seen, mut lines) = judge(settings, &cluster, &node::id());
            lines.extend(schedules(&cluster.plans).await);
            (seen, lines)
        }
        Err(unread) => {
            let todo = "see `systemctl status redis`, and the section redis of the configuration";
            let seen = Seen { layouts: BTreeSet::new(), watches: true };
            (seen, vec![error("redis", unread.to_string(), todo)])
        }
    }
}

fn judge(settings: &Settings, cluster: &Cluster, node: &Result<Option<String>, String>) -> (Seen, Vec<Line>) {
    let (layouts, line) = redis(settings, &cluster.plans);
    let mut lines = vec![line];
    lines.extend(cluster.unplanned.as_ref().filter(|modules| !modules.is_empty()).map(unplanned));
    lines.extend(unknown_plans(settings, &cluster.plans));
    let (watches, line) = leadership(node, cluster.leader.as_deref());
    lines.push(line);
    (Seen { layouts, watches }, lines)
}

fn redis(settings: &Settings, plans: &[Plan]) -> (BTreeSet<Layout>, Line) {
    let layouts: BTreeSet<Layout> =
        plans.iter().flat_map(|plan| plan.results.values()).map(|result| result.layout).collect();
    let modules: BTreeSet<_> = plans.iter().flat_map(|plan| plan.modules.keys()).collect();
    let nodes: BTreeSet<_> =
        plans.iter().flat_map(|plan| plan.modules.values()).filter_map(|module| module.node.as_ref()).collect();
    let names: Vec<String> = layouts.iter().map(|layout| format!("{layout:?}")).collect();
    let (plans, modules, nodes) = (plans.len(), modules.len(), nodes.len());
    let address = settings.redis.address();
    let line = match layouts.is_empty() {
        false => {
            let names = names.join(" and ");
            ok("redis", format!("{address}: layout {names}, {plans} plan(s), {modules} module(s), {nodes} node(s)"))
        }
        true => {
            let todo = "run a backup; if one ran, this is not the cluster's leader or not its Redis";
            warning("redis", format!("{address}: no plan has a result"), todo)
        }
    };
    (layouts, line)
}

/// Names the modules in no plan, the first ten of them.
fn unplanned(modules: &BTreeMap<ModuleId, Module>) -> Line {
    let mut names: Vec<&str> = modules.keys().map(ModuleId::as_str).take(10).collect();
    if modules.len() > names.len() {
        names.push("…");
    }
    let found = format!("{} module(s) in no backup plan: {}", modules.len(), names.join(", "));
    warning("plans", found, "add them to a plan, unless their data need no backup")
}

/// Finds plans that do not run, since systemd does not accept their schedules, or computes no next time for them.
async fn schedules(plans: &[Plan]) -> Vec<Line> {
    let enabled = plans.iter().filter(|plan| plan.enabled);
    let scheduled: Vec<(&Plan, &String)> = enabled.filter_map(|plan| Some((plan, plan.schedule.as_ref()?))).collect();
    let expressions: BTreeSet<String> = scheduled.iter().map(|(_, schedule)| (*schedule).clone()).collect();
    let elapses = calendar::elapses(&expressions, Timestamp::now(), None).await;
    let line = |(plan, schedule): (&Plan, &String)| {
        let fault = match elapses.get(schedule)? {
            Err(CalendarError::Invalid) => "does not accept its schedule",
            Ok(elapses) if elapses.next.is_none() => "computes no next time for its schedule",
            _ => return None,
        };
        let schedule = clean(schedule, MAX_SCHEDULE);
        let found = format!("plan {}: systemd {fault} {schedule}: it does not run by itself", plan.id);
        Some(error("plans", found, "correct the schedule in NS8; `systemd-analyze calendar` explains it"))
    };
    scheduled.into_iter().filter_map(line).collect()
}

/// Finds entries of `plans` that no plan of the cluster has.
fn unknown_plans(settings: &Settings, plans: &[Plan]) -> Vec<Line> {
    let known: BTreeSet<&PlanId> = plans.iter().map(|plan| &plan.id).collect();
    let ids: Vec<&str> = known.iter().map(|id| id.as_str()).collect();
    let todo = match ids.is_empty() {
        true => "take the entry out: the cluster has no plans".into(),
        false => format!("correct the id, or take the entry out; the cluster has: {}", ids.join(", ")),
    };
    let unknown = settings.plans.keys().filter(|id| !known.contains(id));
    unknown
        .map(|id| warning("configuration", format!("plans.{id}: the cluster has no such plan"), todo.clone()))
        .collect()
}

/// Judges whether this node watches.
fn leadership(node: &Result<Option<String>, String>, leader: Option<&str>) -> (bool, Line) {
    let subject = "watch";
    match (node, leader) {
        (Err(why), _) => (true, warning(subject, why.clone(), unread(!is_root()))),
        (Ok(None), _) => (true, ok(subject, "not an NS8 node: the watch runs here")),
        (Ok(Some(node)), None) => {
            (true, ok(subject, format!("the cluster names no leader: this node ({node}) watches")))
        }
        (Ok(Some(node)), Some(leader)) if node == leader => {
            (true, ok(subject, format!("this node ({node}) is the leader: it watches")))
        }
        (Ok(Some(node)), Some(leader)) => {
            (false, ok(subject, format!("node {leader} is the leader and runs the watch; this node ({node}) does not")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;
    use crate::config;

    #[test]
    fn plans_that_do_not_exist_are_named() {
        let text = "notification: { mail_to: a@x.y }\nplans: { 2: { mail_to: b@x.y }, 7: { mail_to: b@x.y } }";
        let settings = config::parse(text).unwrap();
        let plans = ["1", "2"].map(|id| Plan::unknown(PlanId::new(id).unwrap()));
        let lines = unknown_plans(&settings, &plans);
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].level, &*lines[0].found), (Level::Warning, "plans.7: the cluster has no such plan"));
        assert!(lines[0].todo.as_ref().is_some_and(|todo| todo.ends_with("the cluster has: 1, 2")));
        assert_eq!(unknown_plans(&settings, &[]).len(), 2);
    }

    #[test]
    fn modules_in_no_plan_are_named() {
        let modules =
            |count| (0..count).map(|n| (ModuleId::new(format!("m{n}")).unwrap(), Module::default())).collect();
        assert_eq!(unplanned(&modules(2)).found, "2 module(s) in no backup plan: m0, m1");
        assert!(unplanned(&modules(11)).found.ends_with(", …"));
    }

    #[test]
    fn only_the_leader_watches() {
        let node = |id: &str| Ok(Some(id.into()));
        for (node, leader, watches, says) in [
            (node("1"), Some("1"), true, "this node (1) is the leader"),
            (node("2"), Some("1"), false, "node 1 is the leader and runs the watch; this node (2) does not"),
            (node("2"), None, true, "names no leader"),
            (Ok(None), Some("1"), true, "not an NS8 node"),
            (Err("denied".into()), Some("1"), true, "denied"),
        ] {
            let (found, line) = leadership(&node, leader);
            assert!(found == watches && line.found.contains(says), "{line:?}");
            assert_eq!(found, node.as_ref().map_or(true, |node| node::watches(node.as_deref(), leader)));
        }
    }
}
