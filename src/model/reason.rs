//! Why a module failed: what the run's own log says of it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::plan::{ModuleId, Plan};
use super::run::{Assessment, State};

/// How long before a run the first line of its log may stand, and how long after it the last: clocks of nodes differ,
/// the cluster's own backup comes before the modules, and the last mark is printed after the result is stored.
pub const MARGIN: Duration = Duration::from_secs(120);
/// How far back the log of a run is looked for if it is not known when the run began.
const DAY: Duration = Duration::from_secs(86_400);

/// Returns when a run began, and when it ended or, if it may still go on, `now`. Times that no journal can have, which
/// a module may have written, do not count.
pub fn span(plan: &Plan, assessment: &Assessment, now: Timestamp) -> (Timestamp, Timestamp) {
    let of_run = |state: State| matches!(state, State::Error | State::Success);
    let of_run = || assessment.modules.iter().filter(move |(_, state)| of_run(*state));
    let results = || of_run().filter_map(|(id, _)| plan.results.get(id));
    let can_be =
        |time: &Timestamp| (Timestamp::UNIX_EPOCH..=now).contains(&time.saturating_sub(MARGIN).unwrap_or(*time));
    let began = results().filter_map(|result| result.start).filter(can_be).chain(assessment.due).min();
    let began = began.unwrap_or_else(|| now.saturating_sub(DAY).unwrap_or(now)).min(now);
    let is_over = assessment.unsettled().is_empty() && assessment.contradiction.is_none();
    let ended = results().filter_map(|result| result.end).filter(can_be).max();
    let ended = ended.filter(|end| is_over && *end >= began);
    (began, ended.unwrap_or(now))
}

/// What the logs say about one run of a plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reasons {
    /// The reason of each module of which the log says something.
    pub modules: BTreeMap<ModuleId, Reason>,
    /// Why nothing is known of the other modules: one entry for each source that gave no answer.
    pub gaps: Vec<Gap>,
    /// The lines about a cluster backup that failed before the modules; empty if none did or if that is not known.
    pub cluster_backup: Vec<String>,
}

/// What the log says about one module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reason {
    /// At most five lines, cleaned and redacted, in the log's order.
    pub lines: Vec<String>,
    /// The known cause behind them.
    pub cause: Option<Cause>,
    /// Whether this run wrote a snapshot; `None` if the log does not say.
    pub snapshot_written: Option<bool>,
}

/// A log that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The log.
    pub source: Source,
    /// Why; without a secret.
    pub why: Silence,
    /// The command that shows the log, safe to paste; `None` if there is none, or if the report has one for each node.
    pub command: Option<String>,
}

/// Why a log says nothing, or not everything. Its text is one clause in English.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// It is not known where it is, or how to log in.
    #[error("not configured")]
    NotConfigured,
    /// There is no such program, or it may not be run.
    #[error("not installed")]
    NotInstalled,
    /// It may not be read: the user is not in the group `systemd-journal`, or the login is rejected.
    #[error("no permission to read it")]
    NoAccess,
    /// There is no journal.
    #[error("there is no journal")]
    NoJournal,
    /// Nothing of this run is in it.
    #[error("nothing of this run is in it")]
    NoMatch,
    /// It was not read to the end within this many seconds.
    #[error("not read to the end within {0} s")]
    TimedOut(u64),
    /// It cannot be reached; the system's words.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// It answers with this HTTP status.
    #[error("answers {0}")]
    Answers(String),
    /// Its answer makes no sense; the parser's words.
    #[error("answers nonsense: {0}")]
    Garbled(String),
    /// Its answer is too big.
    #[error("answers too much")]
    TooBig,
}

/// Where a log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The journal of this machine.
    Journal,
    /// The cluster's Loki.
    Loki,
}

/// A cause that is known by its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// `module-dump-state` failed: the application's own dump.
    DumpFailed,
    /// Another process has the repository to itself.
    Locked,
    /// A lock of the repository is damaged: restic cannot tell whose it is.
    LockDamaged,
    /// The password does not open the repository.
    WrongPassword,
    /// There is no repository at the address.
    NoRepository,
    /// A host's name could not be resolved.
    NameNotResolved,
    /// A host refused the connection.
    Refused,
    /// A host did not answer in time.
    TimedOut,
    /// TLS failed: certificate or protocol.
    Tls,
    /// The server refused the credentials (401).
    Unauthorized,
    /// The server forbade the access (403).
    Forbidden,
    /// The destination is full, or its quota is used up.
    DestinationFull,
    /// This node's disk is full.
    HostFull,
    /// A file or folder could not be read or written.
    PermissionDenied,
    /// The server failed or asked to slow down (5xx, 429).
    ServerError,
    /// Memory ran out, or the process was killed.
    Killed,
    /// A disk is full; the log does not say whether it is this node's or the destination's.
    DiskFull,
    /// The node's own gateway to the destinations does not answer.
    GatewayDown,
    /// The network has no way to a host, or lost the connection.
    Unreachable,
    /// The clocks of the node and of the server differ too much.
    ClockSkew,
    /// The repository's files are damaged or missing.
    Damaged,
    /// The file system is read-only, or its disk has errors.
    DiskFault,
    /// Some of the module's files could not be read: the snapshot exists without them.
    SourceUnreadable,
    /// A container that the backup needs does not run, or could not be started.
    ContainerFailed,
    /// The application's database does not answer, or rejects the login.
    DatabaseFailed,
    /// The cluster's Redis does not answer.
    RedisUnreachable,
    /// A program that the backup needs is not installed.
    ProgramMissing,
    /// `module-cleanup-state` failed: this run's snapshot exists.
    CleanupFailed,
    /// Only the retention failed: this run's snapshot exists.
    RetentionFailed,
    /// Only the statistics failed: this run's snapshot exists.
    StatisticsFailed,
    /// The module stayed busy until the retries gave up.
    Busy,
    /// The run was interrupted by a reboot, a shutdown or a stop.
    Interrupted,
}
