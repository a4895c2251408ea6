//! Why a module's backup failed: finds the run's log, and the lines in it that say so.
//!
//! [`reasons`] asks two edges, `journal` (this node) and `loki` (every node). What they read passes one record at a
//! time through the pure part: `record` → `run` (whose line is it) → `part` (which lines matter) → `table` (what
//! do they mean), each line through `clean` and `redact`. Nothing of a log is kept but a few lines a module.

mod clean;
mod journal;
mod loki;
mod mark;
mod part;
mod record;
mod redact;
mod run;
mod speech;
mod step;
mod stream;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::ended::Progress;
use crate::model::order::map;
use crate::model::plan::{ModuleId, PlanId};
use crate::model::reason::{Gap, MARGIN, Reasons, Silence, Source};
use record::Fields;
use run::{Reader, RunLog, Wanted};

pub use journal::Journal;
pub use loki::Loki;

/// The logs to read.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// This node's journal.
    pub journal: Journal,
    /// The cluster's log server; `None` if it or its login is not known.
    pub loki: Option<Loki>,
}

/// A query: the modules of a plan that failed or have no result.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The plan's id.
    pub plan: PlanId,
    /// The id of this node; `None` if unknown: the journal is then not read.
    pub host: Option<String>,
    /// The nodes that the modules are on.
    pub nodes: Vec<NodeAsk>,
    /// The modules' UUIDs, which name their repositories, as far as they are known.
    pub uuids: BTreeMap<ModuleId, String>,
    /// Whether each module has a unit of its own, as in layout B.
    pub own_units: bool,
}

/// The modules of one node.
#[derive(Debug, Clone, Default)]
pub struct NodeAsk {
    /// The node's id.
    pub node: String,
    /// When the run began, or should have begun.
    pub since: Timestamp,
    /// When its last result was stored, or now.
    pub until: Timestamp,
    /// The modules; with `start` of the result that the cluster has of this run, `None` if it has none. Of a leader
    /// without any, the log says still how the cluster's own backup went.
    pub modules: BTreeMap<ModuleId, Option<Timestamp>>,
}

/// Returns what the logs say about the modules in `ask`.
///
/// Never fails, and takes no longer than the two sources' time limits together: this node's journal and, for the other
/// nodes, the log server are read at the same time; then the log server for what the journal does not have.
pub async fn reasons(sources: &Sources, ask: &Ask) -> Reasons {
    let (own, others): (Vec<&NodeAsk>, Vec<&NodeAsk>) =
        ask.nodes.iter().partition(|node| ask.host.as_deref() == Some(&node.node));
    let (mut found, elsewhere) = tokio::join!(from_journal(sources, ask, &own), from_loki(sources, ask, &others));
    let missing: Vec<NodeAsk> = own.iter().filter_map(|node| missing(node, &found)).collect();
    let again = from_loki(sources, ask, &missing.iter().collect::<Vec<_>>()).await;
    add(&mut found, elsewhere);
    add(&mut found, again);
    found
}

/// Returns how far a run has come on the nodes in `ask`, and when it began there, by the marks in its log.
///
/// A log server that does not answer in time is removed from `sources`, so that it is not asked again.
pub async fn progress(sources: &mut Sources, ask: &Ask) -> (Progress, Option<Timestamp>) {
    let mut furthest = None;
    for node in &ask.nodes {
        furthest = furthest.max(Some(progress_on(sources, ask, node).await));
    }
    furthest.unwrap_or_default()
}

async fn progress_on(sources: &mut Sources, ask: &Ask, node: &NodeAsk) -> (Progress, Option<Timestamp>) {
    let (wanted, window, plan) = (wanted(node), window(node), ask.plan.as_str());
    let mut reader = Reader::new(plan, &wanted, &ask.uuids, ask.own_units);
    let is_own = ask.host.as_deref() == Some(&node.node);
    let mut read = Err(Silence::NotConfigured);
    if is_own {
        read = sources.journal.read(ask, &wanted, window, |fields| reader.read(fields)).await;
    }
    if let Some(loki) = sources.loki.as_ref().filter(|_| read.is_err()) {
        reader = Reader::new(plan, &wanted, &ask.uuids, ask.own_units);
        read = loki.read(plan, &[&node.node], window, |_, fields| reader.read(fields)).await;
        if matches!(read, Err(Silence::TimedOut(_))) {
            sources.loki = None;
        }
    }
    let log = reader.finish(read.is_ok());
    let began = log.began.and_then(|time| Timestamp::from_microsecond(time).ok());
    let progress = match read {
        Err(_) => Progress::Unknown,
        Ok(()) if !log.seen => Progress::NotStarted,
        Ok(()) => match log.running {
            Some(true) => Progress::Running,
            Some(false) => Progress::Over,
            // Until core 3.19 nothing marks the end.
            None => Progress::Unknown,
        },
    };
    (progress, began)
}

/// The query for `node` without the modules already in `found`; `None` if none is left.
fn missing(node: &NodeAsk, found: &Reasons) -> Option<NodeAsk> {
    let mut left = node.clone();
    left.modules.retain(|module, _| !found.modules.contains_key(module));
    let nothing = node.modules.is_empty() && !found.gaps.is_empty();
    Some(left).filter(|left| nothing || !left.modules.is_empty())
}

fn add(found: &mut Reasons, more: Reasons) {
    let Reasons { modules, gaps, cluster_backup } = more;
    found.modules.extend(modules);
    for gap in gaps {
        // Without a command, that is the same for each node.
        if !found.gaps.contains(&gap) {
            found.gaps.push(gap);
        }
    }
    if found.cluster_backup.is_empty() {
        found.cluster_backup = cluster_backup;
    }
}

async fn from_journal(sources: &Sources, ask: &Ask, nodes: &[&NodeAsk]) -> Reasons {
    let mut found = Reasons::default();
    for node in nodes {
        let wanted = wanted(node);
        let mut reader = Reader::new(ask.plan.as_str(), &wanted, &ask.uuids, ask.own_units);
        let window = window(node);
        let read = sources.journal.read(ask, &wanted, window, |fields| reader.read(fields)).await;
        add(&mut found, assemble(Source::Journal, reader.finish(read.is_ok()), read.err(), None));
    }
    found
}

async fn from_loki(sources: &Sources, ask: &Ask, nodes: &[&NodeAsk]) -> Reasons {
    let plan = ask.plan.as_str();
    let wanted: Vec<Wanted> = nodes.iter().map(|node| wanted(node)).collect();
    let ids: Vec<&str> = nodes.iter().map(|node| node.node.as_str()).collect();
    let of_node = ids.iter().zip(&wanted);
    let mut readers = map(of_node.map(|(id, wanted)| (*id, Reader::new(plan, wanted, &ask.uuids, ask.own_units))));
    let windows = nodes.iter().map(|node| window(node));
    let mut found = Reasons::default();
    let Some(window) = windows.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1))) else { return found };
    let read = match &sources.loki {
        None => Err(Silence::NotConfigured),
        Some(loki) => {
            let pass_on = |node: &str, fields: &Fields<'_>| {
                readers.get_mut(node).into_iter().for_each(|reader| reader.read(fields));
            };
            loki.read(plan, &ids, window, pass_on).await
        }
    };
    let error = read.err();
    for (id, reader) in readers {
        // NS8's `logcli` asks the same server, so it needs one as well.
        let command = sources.loki.is_some().then(|| loki::command(plan, id, window));
        add(&mut found, assemble(Source::Loki, reader.finish(error.is_none()), error.clone(), command));
    }
    found
}

fn wanted(node: &NodeAsk) -> Wanted {
    map(node.modules.iter().map(|(id, start)| (id.clone(), start.map(Timestamp::as_microsecond))))
}

fn window(node: &NodeAsk) -> (Timestamp, Timestamp) {
    let since = node.since.checked_sub(MARGIN).unwrap_or(node.since);
    (since, node.until.checked_add(MARGIN).unwrap_or(node.until))
}

fn assemble(source: Source, log: RunLog, error: Option<Silence>, command: Option<String>) -> Reasons {
    let why = error.or((!log.seen).then_some(Silence::NoMatch));
    let gap = why.map(|why| Gap { source, why, command });
    Reasons { modules: log.modules, gaps: gap.into_iter().collect(), cluster_backup: log.cluster_backup }
}
