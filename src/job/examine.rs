//! Examines one plan: why modules failed, how their repositories are, and what its last runs were.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use crate::cluster::{Question, Selector, Want};
use crate::config::{RepoCheck, Settings};
use crate::logs::{self, Ask, Journal, NodeAsk, Sources};
use crate::model::cluster::{Cluster, Loki};
use crate::model::ended::Progress;
use crate::model::history::History;
use crate::model::plan::{Layout, Module, ModuleId, Plan};
use crate::model::reason::{MARGIN, Reasons, span};
use crate::model::repository::Probes;
use crate::model::run::{Assessment, Contradiction, Outcome, State};
use crate::probe::{self, Means};
use crate::report::{Finding, News, PlanFacts};
use crate::system::agent::Agent;
use crate::watch::node;

/// How long the cluster's Loki may take.
const LOKI_LIMIT: Duration = Duration::from_secs(10);

/// How long a module's last lines may be on their way to Loki: a node's log shipper (Grafana Alloy, `loki.write`) sends
/// what has come up once a second.
const SHIPPING: Duration = Duration::from_secs(5);
/// How long they may be on their way to this node's journal, which is written while the backup keeps the disk busy.
const JOURNALING: Duration = Duration::from_secs(2);

/// A plan, and all that was found out about it.
pub struct Examination {
    /// What the cluster says.
    pub plan: Plan,
    /// What it means.
    pub assessment: Assessment,
    /// What a look at the repositories has shown.
    pub probes: Probes,
    /// What the logs say; `None` if they were not read.
    pub reasons: Option<Reasons>,
    /// The plan's last runs; `None` if they are not known.
    pub history: Option<History>,
    /// What the watch found.
    pub news: Option<News>,
    /// When the plan runs next; `None` if that is not known.
    pub next_run: Option<Timestamp>,
    /// When the newest cluster backup was written; `None` if that is not known.
    pub cluster_backup: Option<Timestamp>,
}

impl Examination {
    /// Returns the finding to report.
    pub fn finding(&self, gave_up_waiting_after: Option<Duration>) -> Finding<'_> {
        Finding::Plan(PlanFacts {
            gave_up_waiting_after: gave_up_waiting_after.filter(|_| !self.assessment.unsettled().is_empty()),
            reasons: self.reasons.as_ref(),
            history: self.history.as_ref(),
            news: self.news,
            next_run: self.next_run,
            cluster_backup: self.cluster_backup,
            ..PlanFacts::new(&self.plan, &self.assessment, &self.probes)
        })
    }
}

/// How much of the cluster a look takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What says whether a run is over: plans, their results, and the login to the log server.
    Results,
    /// Also what an examination needs: names and repositories.
    Everything,
}

/// Returns the question whose answer has that much about `plans`; with the login of `agent` also the passwords of
/// repositories.
pub fn question<'a>(plans: Selector<'a>, extent: Extent, agent: Option<&'a Agent>) -> Question<'a> {
    // Nobody who asks about one plan wants to hear of the others' modules.
    let unplanned = !matches!(plans, Selector::Plan(_));
    let want = match extent {
        Extent::Results => Want { loki: true, ..Want::default() },
        Extent::Everything => Want { names: true, repositories: true, passwords: agent, loki: true, unplanned },
    };
    Question { plans, want, now: Timestamp::now() }
}

/// What is to be looked at beside the results.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The repositories, unless all is well.
    pub probes: bool,
    /// How the cluster's own backup went, even if all else is well.
    pub cluster_backup: bool,
}

/// Examines `plan` of `cluster`, whose results mean what `assessment` says. Repositories and logs are looked at unless
/// all is well, and as `wanted` says. Calls `progress` with how many repositories are done, and of how many.
pub async fn examine(
    settings: &Settings,
    cluster: &Cluster,
    plan: Plan,
    assessment: Assessment,
    wanted: Wanted,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Examination {
    let is_well = assessment.outcome == Outcome::Success;
    let (probes, cluster_backup, reasons) = tokio::join!(
        async {
            match is_well {
                true => Probes::NotNeeded,
                false => look(settings, cluster, &plan, &assessment, wanted.probes, progress).await,
            }
        },
        async {
            let asked = !is_well || wanted.cluster_backup;
            if asked { cluster_backup(settings, cluster, &plan, wanted.probes).await } else { None }
        },
        reasons(cluster, &plan, &assessment, wanted.cluster_backup)
    );
    Examination { plan, assessment, probes, reasons, history: None, news: None, next_run: None, cluster_backup }
}

async fn look(
    settings: &Settings,
    cluster: &Cluster,
    plan: &Plan,
    assessment: &Assessment,
    probe_wanted: bool,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Probes {
    let repo_check = &settings.repo_check;
    if !repo_check.enabled {
        return Probes::Disabled;
    }
    if !probe_wanted {
        return Probes::Skipped;
    }
    let means = means(repo_check);
    let modules: Vec<&ModuleId> = assessment.troubled().collect();
    let destinations = cluster.destinations_of(plan);
    let probes = probe::probe(&destinations, &modules, &means, repo_check.timeout, progress).await;
    // There are some, but no module needs its own to be looked at.
    if probes.is_empty() && !destinations.all.is_empty() { Probes::NotNeeded } else { Probes::Done(probes) }
}

/// Reads when the cluster's own backup was written, which the leader's run uploads before its modules.
async fn cluster_backup(settings: &Settings, cluster: &Cluster, plan: &Plan, probe_wanted: bool) -> Option<Timestamp> {
    let repo_check = &settings.repo_check;
    let in_layout_c = plan.layout() == Some(Layout::C);
    if !(repo_check.enabled && probe_wanted && in_layout_c) {
        return None;
    }
    let (destination, uuid) = (plan.repository.as_ref()?, cluster.uuid.as_ref()?);
    let found = probe::cluster_backup(&means(repo_check), destination, uuid, repo_check.timeout).await;
    found.ok().flatten()?.modified
}

fn means(repo_check: &RepoCheck) -> Means {
    let agent = Agent::load(repo_check);
    Means { restic: repo_check.restic.clone(), gateway: repo_check.gateway.clone(), agent }
}

/// Reads why modules failed, and whether the cluster's own backup did, which only the leader's log says. Layout A keeps
/// the reason itself, and only layout C has a cluster backup.
async fn reasons(cluster: &Cluster, plan: &Plan, assessment: &Assessment, suspected: bool) -> Option<Reasons> {
    let layout = plan.layout()?;
    let unexplained = matches!(assessment.contradiction, Some(Contradiction::Alert { .. }));
    let is_troubled = assessment.troubled().next().is_some();
    let leader = cluster.leader.as_deref().filter(|_| layout == Layout::C);
    if layout == Layout::A || !(is_troubled || leader.is_some() && (suspected || unexplained)) {
        return None;
    }
    let (sources, ask) = (sources(cluster.loki.as_ref()), ask(plan, assessment, leader));
    let (own, others) = just_ended(plan, &ask, Timestamp::now());
    if sources.loki.is_some() && !others.is_empty() {
        log::debug!("plan {}: in {} s the log server may have the last lines", plan.id, SHIPPING.as_secs());
        sleep(SHIPPING).await;
    }
    let reasons = logs::reasons(&sources, &ask).await;
    let is_explained = |id: &ModuleId| reasons.modules.get(id).is_some_and(|reason| !reason.lines.is_empty());
    if own.iter().all(|id| is_explained(id)) {
        return Some(reasons);
    }
    sleep(JOURNALING).await;
    Some(logs::reasons(&sources, &ask).await)
}

/// The modules in `ask` that ended just now, by clocks that need not agree: those of this node, and those of others.
fn just_ended<'a>(plan: &Plan, ask: &'a Ask, now: Timestamp) -> (Vec<&'a ModuleId>, Vec<&'a ModuleId>) {
    let is_fresh = |end: Timestamp| end.duration_since(now).unsigned_abs() < MARGIN;
    let ended = |id: &ModuleId| plan.results.get(id).and_then(|result| result.end).is_some_and(is_fresh);
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for node in &ask.nodes {
        let side = if ask.host.as_ref() == Some(&node.node) { &mut own } else { &mut others };
        side.extend(node.modules.keys().filter(|id| ended(id)));
    }
    (own, others)
}

/// Returns how far the run has come on the nodes with a module that has no result of it, as their logs say,
/// and when it began there. A log server that does not answer in time is taken out of `sources`.
pub async fn progress(sources: &mut Sources, plan: &Plan, assessment: &Assessment) -> (Progress, Option<Timestamp>) {
    let mut ask = ask(plan, assessment, None);
    let absent = assessment.unsettled();
    ask.nodes.retain(|node| node.modules.keys().any(|id| absent.contains(id)));
    let asked = ask.nodes.iter().map(|node| node.modules.keys().filter(|id| absent.contains(*id)).count());
    match asked.sum::<usize>() == absent.len() {
        true => logs::progress(sources, &ask).await,
        // It is not known which node the others are on.
        false => (Progress::Unknown, None),
    }
}

/// Returns the logs to read, with the `login` to the cluster's log server.
pub fn sources(login: Option<&Loki>) -> Sources {
    let loki = login.map(|login| logs::Loki::new(login, LOKI_LIMIT));
    Sources { journal: Journal::default(), loki }
}

fn ask(plan: &Plan, assessment: &Assessment, leader: Option<&str>) -> Ask {
    let host = node::id().ok().flatten();
    let uuids = plan.each(&|module| module.uuid.clone());
    let nodes = nodes(plan, assessment, leader, Timestamp::now());
    Ask { plan: plan.id.clone(), host, nodes, uuids, own_units: plan.layout() == Some(Layout::B) }
}

/// The modules to ask the logs about, by node; the leader also without any.
fn nodes(plan: &Plan, assessment: &Assessment, leader: Option<&str>, now: Timestamp) -> Vec<NodeAsk> {
    let mut nodes: BTreeMap<&str, NodeAsk> = BTreeMap::new();
    let (since, until) = span(plan, assessment, now);
    let new = |node: &str| NodeAsk { node: node.into(), since, until, modules: BTreeMap::new() };
    nodes.extend(leader.map(|leader| (leader, new(leader))));
    for (id, state) in assessment.modules.iter().filter(|(_, state)| *state != State::Success) {
        let Some(node) = plan.modules.get(id).and_then(Module::node_of_run) else { continue };
        let start = plan.results.get(id).filter(|_| *state == State::Error).and_then(|result| result.start);
        nodes.entry(node).or_insert_with(|| new(node)).modules.insert(id.clone(), start);
    }
    nodes.into_values().collect()
}
