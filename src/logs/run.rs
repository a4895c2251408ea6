//! Follows a plan's run through the log of one node, and attributes each line to the module it is about. Pure.
//!
//! `run-backup` prints a mark when a module's part begins and ends; in between restic, podman and the module's own
//! scripts speak. All that one run prints comes over one connection to the journal (`_STREAM_ID`), although the
//! processes of a module do not belong to the run's unit: `runagent` opens a session for the module's user. So
//! connections are followed, not units. A run started by hand prints through the node's agent, over whose connection
//! other things come as well.

use std::collections::BTreeMap;

use super::cause::{Cause, End};
use super::mark::{Mark, mark};
use super::part::Account;
use super::record::Fields;
use super::stream::{Open, Stream, belongs_to_another};
use super::table::Speaker;

/// How far a module's start in the log may be from the one that the cluster has, in microseconds.
const START_TOLERANCE: i64 = 5_000_000;

/// Most connections that are followed at a time.
const MAX_STREAMS: usize = 64;

/// logind's "the system shuts down". Source: systemd, `sd-messages.h`, `SD_MESSAGE_SHUTDOWN`.
pub(super) const SHUTDOWN: &str = "98268866d1d54a499c4e98921d93bc40";
/// systemd's "start-up finished", once each boot. Source: the same, `SD_MESSAGE_STARTUP_FINISHED`.
pub(super) const STARTED_UP: &str = "b07a249cd024414a82dd00cd181378ff";

/// What the log of one node has of a run.
#[derive(Debug, Default)]
pub(super) struct RunLog {
    /// The last attempt at each of the asked modules that the log names.
    pub(super) modules: BTreeMap<String, Found>,
    pub(super) cluster: Cluster,
    /// How the run was cut off, if it was.
    pub(super) interrupted: Option<Cause>,
    /// Whether anything of this plan was seen.
    pub(super) seen: bool,
}

/// An attempt at a module.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) account: Account,
    /// When it began, in microseconds since 1970; 0 if the log does not have its beginning.
    pub(super) start: i64,
    /// Another part was open on the same connection: lines may be the other's.
    pub(super) shared: bool,
}

/// The backup of the cluster itself, which the leader stores before the modules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Cluster {
    #[default]
    NotSeen,
    Stored,
    Failed(Vec<String>),
}

/// The asked modules, with the start that the cluster has of each, in microseconds since 1970.
pub(super) type Wanted = BTreeMap<String, Option<i64>>;

/// Reads records in the order of time.
pub(super) struct Reader<'q> {
    plan: &'q str,
    /// The plan's unit.
    unit: String,
    wanted: &'q Wanted,
    streams: Vec<Stream>,
    /// The parts of modules that have a unit of their own, as until core 3.19; each with its connection.
    own: BTreeMap<String, (String, Open)>,
    boot: String,
    shutting_down: bool,
    stopping: bool,
    log: RunLog,
}

impl<'q> Reader<'q> {
    pub(super) fn new(plan: &'q str, wanted: &'q Wanted) -> Self {
        Self {
            plan,
            unit: format!("backup{plan}.service"),
            wanted,
            streams: Vec::new(),
            own: BTreeMap::new(),
            boot: String::new(),
            shutting_down: false,
            stopping: false,
            log: RunLog::default(),
        }
    }

    /// Reads one line of a record.
    pub(super) fn read(&mut self, fields: &Fields<'_>) {
        if fields.boot != self.boot && !fields.boot.is_empty() {
            if !self.boot.is_empty() {
                self.interrupt(None, Cause::Reboot);
                self.shutting_down = false;
            }
            fields.boot.clone_into(&mut self.boot);
        }
        if fields.message_id == SHUTDOWN {
            self.shutting_down = true;
        } else if fields.is_kernel {
            self.overhear_kernel(fields.message);
        } else if fields.identifier == "rclone-gateway" {
            self.overhear_gateway(fields.message);
        } else if matches!(fields.identifier, "runagent" | "agent@node") {
            self.line(fields);
        } else if fields.unit == self.unit {
            self.unit_event(fields.message, false);
        } else if fields.unit == "agent@node.service" {
            self.unit_event(fields.message, true);
        } else if let Some(rest) = fields.identifier.strip_prefix("backup").and_then(|it| it.strip_prefix(self.plan)) {
            match rest.strip_prefix('-') {
                Some(module) => self.own_unit(fields, module),
                None if rest.is_empty() => self.own_unit(fields, fields.module),
                None => {}
            }
        }
    }

    /// What the log has, now that all of it is read.
    pub(super) fn finish(mut self) -> RunLog {
        for open in std::mem::take(&mut self.streams).into_iter().flat_map(|stream| stream.open) {
            self.settle(open, End::Open, None);
        }
        for (_, open) in std::mem::take(&mut self.own).into_values() {
            self.settle_own(open);
        }
        self.log
    }

    fn stream(&mut self, fields: &Fields<'_>) -> &mut Stream {
        let found = self.streams.iter().position(|stream| stream.id == fields.stream);
        let at = found.unwrap_or_else(|| {
            if self.streams.len() == MAX_STREAMS {
                let idle = self.streams.iter().position(|stream| stream.open.is_empty()).unwrap_or(0);
                self.streams.remove(idle);
            }
            self.streams.push(Stream::new(fields.stream, fields.identifier != "runagent"));
            self.streams.len() - 1
        });
        &mut self.streams[at]
    }

    fn line(&mut self, fields: &Fields<'_>) {
        let plan = self.plan;
        let stream = self.stream(fields);
        // Marks come from root: what a module prints under its own user is never one.
        let Some(mark) = mark(fields.message).filter(|_| matches!(fields.uid, "0" | "")) else {
            return stream.hear(fields.message);
        };
        match mark {
            Mark::ClusterStored => stream.cluster = Cluster::Stored,
            Mark::Start { module, plan: of } => {
                let lost = stream.start(module, of == plan, fields.time);
                let cluster = std::mem::take(&mut stream.cluster);
                if of == plan {
                    self.saw(cluster);
                }
                lost.into_iter().for_each(|open| self.settle(open, End::Open, None));
            }
            Mark::Completed { module, plan: of } => self.close(fields, module, Some(of == plan), End::Completed),
            Mark::Failed { module, plan: of } => self.close(fields, module, Some(of == plan), End::Failed),
            Mark::Busy { module } => self.close(fields, module, None, End::Busy),
            Mark::GaveUp { module } => self.close(fields, module, None, End::GaveUp),
            Mark::Over { plan: of } => {
                let cluster = std::mem::take(&mut stream.cluster);
                let left: Vec<Open> = stream.open.extract_if(.., |open| open.ours == (of == plan)).collect();
                if of == plan {
                    self.saw(cluster);
                }
                left.into_iter().for_each(|open| self.settle(open, End::Open, None));
            }
        }
    }

    fn close(&mut self, fields: &Fields<'_>, module: &str, ours: Option<bool>, end: End) {
        if let Some(open) = self.stream(fields).take(module, ours) {
            let cause = (end == End::GaveUp).then_some(Cause::Busy);
            self.settle(open, end, cause);
        }
    }

    /// A line of the unit that a single module has: a new connection is a new attempt.
    fn own_unit(&mut self, fields: &Fields<'_>, module: &str) {
        if !self.wanted.contains_key(module) {
            return;
        }
        let (connection, open) = self.own.entry(module.to_owned()).or_default();
        let before = (connection != fields.stream || open.module.is_empty()).then(|| {
            fields.stream.clone_into(connection);
            let (ours, late, start) = (true, true, fields.time);
            std::mem::replace(open, Open { module: module.into(), ours, late, start, ..Open::default() })
        });
        open.part.hear(fields.message);
        before.into_iter().filter(|open| open.ours).for_each(|open| self.settle_own(open));
    }

    /// A module's own unit prints no mark at its end.
    fn settle_own(&mut self, open: Open) {
        let end = if open.part.has_failed() { End::Failed } else { End::Open };
        self.settle(open, end, None);
    }

    fn overhear_gateway(&mut self, line: &str) {
        let lower = line.to_lowercase();
        if ["error", "fail", "critical"].iter().any(|word| lower.contains(word)) {
            self.overhear(Speaker::Gateway, line);
        }
    }

    fn overhear_kernel(&mut self, line: &str) {
        if line.contains("Killed process") {
            self.overhear(Speaker::Kernel, line);
        }
    }

    fn overhear(&mut self, speaker: Speaker, line: &str) {
        let open = self.streams.iter_mut().flat_map(|stream| &mut stream.open);
        for open in open.filter(|open| open.ours && !belongs_to_another(line, &open.module)) {
            open.part.overhear(speaker, line);
        }
    }

    /// What systemd says of the run's unit, or of the node's agent.
    fn unit_event(&mut self, line: &str, by_hand: bool) {
        let result = line.split_once("Failed with result '").and_then(|(_, rest)| rest.split_once('\''));
        if line.starts_with("Stopping ") {
            self.stopping = true;
        } else if line.contains("killed by the OOM killer") {
            self.overhear(Speaker::Kernel, line);
        } else if let Some((result, _)) = result {
            let cause = match result {
                "oom-kill" => Cause::OutOfMemory,
                "timeout" | "watchdog" => Cause::UnitTimeout,
                _ if self.shutting_down => Cause::Reboot,
                _ if self.stopping => Cause::Stopped,
                "signal" => Cause::Killed,
                _ => Cause::Crashed,
            };
            self.interrupt(Some(by_hand), cause);
            self.stopping = false;
        } else if self.stopping && (line.contains("Deactivated successfully") || line.starts_with("Stopped ")) {
            let cause = if self.shutting_down { Cause::Reboot } else { Cause::Stopped };
            self.interrupt(Some(by_hand), cause);
            self.stopping = false;
        }
    }

    /// Closes all parts that are open, be it those of runs by hand or of the others, or all.
    fn interrupt(&mut self, by_hand: Option<bool>, cause: Cause) {
        let streams = self.streams.iter_mut().filter(|stream| by_hand.is_none_or(|hand| stream.by_hand == hand));
        let open: Vec<Open> = streams.flat_map(|stream| std::mem::take(&mut stream.open)).collect();
        for open in open.into_iter().filter(|open| open.ours) {
            self.log.interrupted = Some(cause);
            self.settle(open, End::Interrupted, Some(cause));
        }
    }

    /// Notes that a run of the plan is in the log, and how the cluster's own backup went before it.
    fn saw(&mut self, cluster: Cluster) {
        self.log.seen = true;
        if cluster != Cluster::NotSeen {
            self.log.cluster = cluster;
        }
    }

    /// Closes a part and keeps it if it counts. One with another start than the cluster has is another run's; of the
    /// others the last one counts, but one that found the module busy only if there is no other.
    fn settle(&mut self, open: Open, end: End, cause: Option<Cause>) {
        let Open { module, ours, start, late, shared, part } = open;
        let Some(wanted) = self.wanted.get(&module).filter(|_| ours) else { return };
        self.log.seen = true;
        let another = wanted
            .filter(|_| start > 0)
            .is_some_and(|wanted| start < wanted - START_TOLERANCE || !late && start > wanted + START_TOLERANCE);
        let real = |old: &Found| !matches!(old.account.end, End::Busy | End::GaveUp);
        let tried_before = self.log.modules.get(&module).is_some_and(real);
        if !another && !(tried_before && end == End::Busy) {
            self.log.modules.insert(module, Found { account: part.close(end, cause), start, shared });
        }
    }
}
