//! Why a module's backup failed: finds the run's log, and the lines in it that say so.
//!
//! [`reasons`] asks two edges, [`journal`] (this node) and [`loki`] (every node). What they read passes one record at a
//! time through the pure part: [`record`] → [`run`] (whose line is it) → [`part`] (which lines matter) → [`table`] (what
//! do they mean), each line through [`clean`] and [`redact`]. Nothing of a log is kept but a few lines a module.

mod cause;
mod clean;
mod journal;
mod loki;
mod mark;
mod part;
mod record;
mod redact;
mod run;
mod speech;
mod stream;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use jiff::{SignedDuration, Timestamp};

pub use cause::{Cause, End, Snapshot, Step};
pub use journal::Journal;
pub use loki::Loki;
pub use part::MAX_LINES;

use run::{Cluster, Found, Reader, RunLog, Wanted};

/// How long before the window lines are looked for: the cluster's own backup comes before the modules.
const BEFORE: SignedDuration = SignedDuration::from_secs(120);
/// How long after it: the last mark is printed after the result is stored.
const AFTER: SignedDuration = SignedDuration::from_secs(120);

/// Where logs are looked for.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// This node's journal.
    pub journal: Journal,
    /// The cluster's log server; `None` if it or its login is not known.
    pub loki: Option<Loki>,
}

/// What is asked: the modules of a plan that failed or have no result.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// The plan's id.
    pub plan: String,
    /// The id of the node that this program runs on; `None` if it is not known, and then the journal is not asked.
    pub host: Option<String>,
    /// The nodes that the modules are on.
    pub nodes: Vec<NodeAsk>,
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
    /// The modules; with `start` of the result that the cluster has of this run, `None` if it has none.
    pub modules: BTreeMap<String, Option<Timestamp>>,
}

/// What the logs say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reasons {
    /// By node id: every node that was asked about.
    pub nodes: BTreeMap<String, NodeReasons>,
}

/// What the log of one node says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeReasons {
    /// The modules that the log names.
    pub modules: BTreeMap<String, Reason>,
    /// How the backup of the cluster itself went, which the leader stores before the modules.
    pub cluster_backup: ClusterBackup,
    /// How the run was cut off, if it was.
    pub interrupted: Option<Cause>,
    /// The sources that had nothing, or not everything, and why.
    pub nothing: Vec<(Source, Nothing)>,
    /// The command that shows the run's log.
    pub command: String,
}

/// The last attempt at a module, as the log shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reason {
    /// Where it was found.
    pub source: Source,
    /// When the attempt began; `None` if the log does not have its beginning.
    pub start: Option<Timestamp>,
    /// How it ended.
    pub end: End,
    /// The steps that failed.
    pub failed: Vec<Step>,
    /// The probable cause, if its words are known.
    pub cause: Option<Cause>,
    /// Whether the run made a snapshot of the module.
    pub snapshot: Snapshot,
    /// The lines that tell most, [`MAX_LINES`] at most: each on one line, without secrets, cut.
    pub lines: Vec<String>,
    /// Another module's backup ran at the same time and in the same log: lines may be the other's.
    pub shared: bool,
}

/// The backup of the cluster itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ClusterBackup {
    /// The log does not mention it: the node is not the leader, or its log has gaps.
    #[default]
    NotSeen,
    /// It was stored.
    Stored,
    /// It failed, with these lines.
    Failed(Vec<String>),
}

/// A source of logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Source {
    /// This node's journal.
    #[default]
    Journal,
    /// The cluster's log server.
    Loki,
}

/// Why a source has nothing, or not everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nothing {
    /// It is not known where it is, or how to log in.
    NotConfigured,
    /// There is no such program.
    NotInstalled,
    /// It may not be read: the user is not in the group `systemd-journal`, or the login is rejected.
    NoAccess,
    /// There is no journal.
    NoJournal,
    /// Nothing of this run is in it.
    NoMatch,
    /// It did not answer within this many seconds, or not to the end.
    TimedOut(u64),
    /// It cannot be reached; how so.
    Unreachable(String),
    /// Its answer makes no sense; how so.
    Garbled(String),
    /// Its answer is too big.
    TooBig,
}

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConfigured => f.write_str("not configured"),
            Self::NotInstalled => f.write_str("not installed"),
            Self::NoAccess => f.write_str("no permission to read it"),
            Self::NoJournal => f.write_str("there is no journal"),
            Self::NoMatch => f.write_str("nothing of this run is in it"),
            Self::TimedOut(seconds) => write!(f, "not read to the end within {seconds} s"),
            Self::Unreachable(how) => write!(f, "cannot be reached: {how}"),
            Self::Garbled(how) => write!(f, "answers nonsense: {how}"),
            Self::TooBig => f.write_str("answers too much"),
        }
    }
}

/// Returns what the logs say about the modules that are asked about.
///
/// Never fails, and takes no longer than the two sources' time limits together: this node's journal and, for the other
/// nodes, the log server are read at the same time; then the log server for what the journal does not have.
pub async fn reasons(sources: &Sources, ask: &Ask) -> Reasons {
    let (own, others): (Vec<&NodeAsk>, Vec<&NodeAsk>) =
        ask.nodes.iter().partition(|node| ask.host.as_deref() == Some(&node.node));
    let (journal, mut nodes) =
        tokio::join!(from_journal(sources, &ask.plan, &own), from_loki(sources, &ask.plan, &others));
    let missing: Vec<NodeAsk> = own.iter().filter_map(|node| missing(node, &journal)).collect();
    let again: Vec<&NodeAsk> = missing.iter().collect();
    for (node, found) in from_loki(sources, &ask.plan, &again).await.into_iter().chain(journal) {
        match nodes.entry(node) {
            Entry::Vacant(entry) => _ = entry.insert(found),
            Entry::Occupied(entry) => merge(entry.into_mut(), found),
        }
    }
    Reasons { nodes }
}

/// What is asked about `node`, but for the modules that were found already; `None` if that is nothing.
fn missing(node: &NodeAsk, found: &BTreeMap<String, NodeReasons>) -> Option<NodeAsk> {
    let has = |module: &String| found.get(&node.node).is_some_and(|found| found.modules.contains_key(module));
    let modules = node.modules.iter().filter(|(module, _)| !has(module)).map(|(id, start)| (id.clone(), *start));
    let modules: BTreeMap<_, _> = modules.collect();
    (!modules.is_empty()).then(|| NodeAsk { modules, ..node.clone() })
}

/// Adds what the journal has, which comes first, to what the log server has of the same node.
fn merge(loki: &mut NodeReasons, journal: NodeReasons) {
    let NodeReasons { modules, cluster_backup, interrupted, nothing, command } = journal;
    loki.modules.extend(modules);
    if cluster_backup != ClusterBackup::NotSeen {
        loki.cluster_backup = cluster_backup;
    }
    loki.interrupted = interrupted.or(loki.interrupted);
    loki.nothing.splice(0..0, nothing);
    loki.command = command;
}

async fn from_journal(sources: &Sources, plan: &str, nodes: &[&NodeAsk]) -> BTreeMap<String, NodeReasons> {
    let mut found = BTreeMap::new();
    for node in nodes {
        let wanted = wanted(node);
        let mut reader = Reader::new(plan, &wanted);
        let read = sources.journal.read(plan, &wanted, window(node), |fields| reader.read(fields)).await;
        let reasons = assemble(Source::Journal, reader.finish(), read.err(), journal::command(window(node)));
        found.insert(node.node.clone(), reasons);
    }
    found
}

async fn from_loki(sources: &Sources, plan: &str, nodes: &[&NodeAsk]) -> BTreeMap<String, NodeReasons> {
    let wanted: Vec<Wanted> = nodes.iter().map(|node| wanted(node)).collect();
    let ids: Vec<&str> = nodes.iter().map(|node| node.node.as_str()).collect();
    let mut readers: BTreeMap<&str, Reader<'_>> =
        ids.iter().zip(&wanted).map(|(id, wanted)| (*id, Reader::new(plan, wanted))).collect();
    let windows = nodes.iter().map(|node| window(node));
    let span = windows.reduce(|(since, until), other| (since.min(other.0), until.max(other.1)));
    let Some(span) = span else { return BTreeMap::new() };
    let read = match &sources.loki {
        None => Err(Nothing::NotConfigured),
        Some(loki) => {
            let pass_on = |node: &str, fields: &record::Fields<'_>| {
                readers.get_mut(node).into_iter().for_each(|reader| reader.read(fields));
            };
            loki.read(plan, &ids, span, pass_on).await
        }
    };
    let error = read.err();
    let finish = |(id, reader): (&str, Reader<'_>)| {
        let command = loki::command(id, span);
        (id.to_owned(), assemble(Source::Loki, reader.finish(), error.clone(), command))
    };
    readers.into_iter().map(finish).collect()
}

fn wanted(node: &NodeAsk) -> Wanted {
    node.modules.iter().map(|(id, start)| (id.clone(), start.map(Timestamp::as_microsecond))).collect()
}

fn window(node: &NodeAsk) -> (Timestamp, Timestamp) {
    let since = node.since.checked_sub(BEFORE).unwrap_or(node.since);
    (since, node.until.checked_add(AFTER).unwrap_or(node.until))
}

fn assemble(source: Source, log: RunLog, error: Option<Nothing>, command: String) -> NodeReasons {
    let nothing = error.or((!log.seen).then_some(Nothing::NoMatch));
    let reason = |found: Found| {
        let Found { account, start, shared } = found;
        let part::Account { end, failed, cause, snapshot, lines } = account;
        let start = (start > 0).then(|| Timestamp::from_microsecond(start).ok()).flatten();
        Reason { source, start, end, failed, cause, snapshot, lines, shared }
    };
    NodeReasons {
        modules: log.modules.into_iter().map(|(id, found)| (id, reason(found))).collect(),
        cluster_backup: match log.cluster {
            Cluster::NotSeen => ClusterBackup::NotSeen,
            Cluster::Stored => ClusterBackup::Stored,
            Cluster::Failed(lines) => ClusterBackup::Failed(lines),
        },
        interrupted: log.interrupted,
        nothing: nothing.into_iter().map(|why| (source, why)).collect(),
        command,
    }
}
