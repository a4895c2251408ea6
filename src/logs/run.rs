//! Follows a plan's run through the log of one node, and attributes each line to the module it is about. Pure.
//!
//! `run-backup` prints a mark when a module's part begins and ends; in between restic, podman and the module's own
//! scripts speak. All that one run prints comes over one connection to the journal (`_STREAM_ID`), although the
//! processes of a module do not belong to the run's unit: `runagent` opens a session for the module's user. So
//! connections are followed, not units. A run started by hand prints through the node's agent, over whose connection
//! other things come as well.

use std::collections::{BTreeMap, BTreeSet};

use super::clean::{clean, shorten};
use super::mark::{Mark, mark};
use super::part::Part;
use super::record::Fields;
use super::step::End;
use super::stream::{Open, Stream, names};
use super::table::Speaker;
use crate::model::plan::ModuleId;
use crate::model::reason::{Cause, Reason};

/// How far a module's start in the log may be from the one that the cluster has, in microseconds.
const START_TOLERANCE: i64 = 5_000_000;

/// Most connections that are followed at a time.
const MAX_STREAMS: usize = 64;

/// logind's "the system shuts down". Source: systemd, `sd-messages.h`, `SD_MESSAGE_SHUTDOWN`.
pub(super) const SHUTDOWN: &str = "98268866d1d54a499c4e98921d93bc40";
/// systemd's "start-up finished", once each boot. Source: the same, `SD_MESSAGE_STARTUP_FINISHED`.
pub(super) const STARTED_UP: &str = "b07a249cd024414a82dd00cd181378ff";

/// What is quoted when the log shows that the node was started anew in the middle of a run.
const REBOOTED: &str = "[the log of the run ends here; the node was started again]";

/// What the log of one node has of a run.
#[derive(Debug, Default)]
pub(super) struct RunLog {
    /// What the last attempt at each of the asked modules says, as far as the log names them.
    pub(super) modules: BTreeMap<ModuleId, Reason>,
    /// The lines about a backup of the cluster itself that failed.
    pub(super) cluster_backup: Vec<String>,
    /// Whether anything of this plan was seen.
    pub(super) seen: bool,
    /// When the run that was seen last began, in microseconds since 1970, if that was seen.
    pub(super) began: Option<i64>,
    /// Whether the run that was seen last goes on; `None` if only modules were seen.
    pub(super) running: Option<bool>,
}

/// The asked modules, with the start that the cluster has of each, in microseconds since 1970.
pub(super) type Wanted = BTreeMap<ModuleId, Option<i64>>;

/// Reads records in the order of time.
pub(super) struct Reader<'q> {
    plan: &'q str,
    /// The plan's unit.
    unit: String,
    wanted: &'q Wanted,
    uuids: &'q BTreeMap<ModuleId, String>,
    own_units: bool,
    streams: Vec<Stream>,
    /// The parts of modules that have a unit of their own, as until core 3.19; each with its connection.
    own: BTreeMap<String, (String, Open)>,
    boot: String,
    shutting_down: bool,
    /// systemd's line about somebody who stops the runs: the one by schedule, those by hand.
    stopping: [Option<String>; 2],
    /// A run has begun and is not over: the one by schedule, one by hand.
    running: [bool; 2],
    /// systemd has started the run by schedule, which has not come to its first module yet.
    is_at_its_beginning: bool,
    /// How the run was cut off.
    interrupted: Option<Reason>,
    /// The modules whose last attempt found them busy.
    busy: BTreeSet<ModuleId>,
    log: RunLog,
}

impl<'q> Reader<'q> {
    pub(super) fn new(
        plan: &'q str,
        wanted: &'q Wanted,
        uuids: &'q BTreeMap<ModuleId, String>,
        own_units: bool,
    ) -> Self {
        Self {
            plan,
            unit: format!("backup{plan}.service"),
            wanted,
            uuids,
            own_units,
            streams: Vec::new(),
            own: BTreeMap::new(),
            boot: String::new(),
            shutting_down: false,
            stopping: [None, None],
            running: [false; 2],
            is_at_its_beginning: false,
            interrupted: None,
            busy: BTreeSet::new(),
            log: RunLog::default(),
        }
    }

    /// Reads one line of a record.
    pub(super) fn read(&mut self, fields: &Fields<'_>) {
        if fields.boot != self.boot && !fields.boot.is_empty() {
            if !self.boot.is_empty() {
                self.interrupt(None, Some(Cause::Interrupted), REBOOTED);
                self.shutting_down = false;
            }
            fields.boot.clone_into(&mut self.boot);
        }
        if fields.message_id == SHUTDOWN {
            // logind says so.
            self.shutting_down |= fields.is_of_root();
        } else if fields.is_kernel {
            self.overhear_kernel(fields.message);
        } else if matches!(fields.identifier, "runagent" | "agent@node") {
            self.line(fields);
        } else if fields.identifier == "rclone-gateway" && fields.is_of_root() {
            self.overhear_gateway(fields.message);
        } else if fields.unit == self.unit && fields.is_of_systemd() {
            self.unit_event(fields, false);
        } else if fields.unit == "agent@node.service" && fields.is_of_systemd() {
            self.unit_event(fields, true);
        } else if let Some(module) = self.has_own_unit(fields) {
            self.own_unit(fields, module);
        }
    }

    /// The module whose own unit printed it: root's `backup<plan>-<module>`, or its user's `backup<plan>`. What a unit
    /// prints comes over a connection; without one, Loki may take another user's record for the module's.
    fn has_own_unit<'a>(&self, fields: &Fields<'a>) -> Option<&'a str> {
        let rest = fields.identifier.strip_prefix("backup")?.strip_prefix(self.plan)?;
        let module = match rest.strip_prefix('-') {
            Some(module) => Some(module).filter(|_| fields.is_of_root()),
            None => fields.module.filter(|_| rest.is_empty()),
        };
        module.filter(|_| self.own_units && !fields.stream.is_empty())
    }

    /// What the log has, now that it is read: the `whole` of it, or not. Then a part that goes on has no reason yet,
    /// but for a step that has failed.
    pub(super) fn finish(mut self, whole: bool) -> RunLog {
        self.log.running = self.log.running.map(|_| self.runs());
        let counts = |open: &Open| whole || open.part.end() == End::Failed;
        let streams = std::mem::take(&mut self.streams).into_iter();
        for open in streams.flat_map(|stream| stream.open).filter(counts) {
            self.settle(open, End::Open, None);
        }
        let own = std::mem::take(&mut self.own).into_values();
        for open in own.map(|(_, open)| open).filter(counts) {
            self.settle_own(open);
        }
        // A run that was cut off did not get to the modules that it does not name.
        if let Some(reason) = self.interrupted.filter(|_| whole) {
            for module in self.wanted.iter().filter(|(_, start)| start.is_none()).map(|(module, _)| module) {
                if self.busy.contains(module) || !self.log.modules.contains_key(module) {
                    self.log.modules.insert(module.clone(), reason.clone());
                }
            }
        }
        self.log
    }

    fn stream(&mut self, fields: &Fields<'_>) -> &mut Stream {
        let found = self.streams.iter().position(|stream| stream.id == fields.stream);
        let at = found.unwrap_or_else(|| {
            if self.streams.len() == MAX_STREAMS {
                // A run that waits to try a module again has no part open.
                let other = self.streams.iter().position(|stream| stream.begun.is_empty());
                let idle = || self.streams.iter().position(|stream| stream.open.is_empty());
                self.streams.remove(other.or_else(idle).unwrap_or(0));
            }
            self.streams.push(Stream::new(fields.stream, fields.identifier != "runagent"));
            self.streams.len() - 1
        });
        &mut self.streams[at]
    }

    fn line(&mut self, fields: &Fields<'_>) {
        let (plan, wanted, uuids) = (self.plan, self.wanted, self.uuids);
        let stream = self.stream(fields);
        let by_hand = stream.by_hand;
        // Marks come from root: what a module prints under its own user is never one.
        let Some(mark) = mark(fields.message).filter(|_| fields.is_of_root()) else {
            return stream.hear(fields);
        };
        match mark {
            Mark::ClusterStored => stream.cluster = Some(Vec::new()),
            Mark::Start { module, plan: of } => {
                let (ours, start) = (of == plan, fields.time);
                let (module, heard) = (module.to_owned(), ours && wanted.contains_key(module));
                let uuid = uuids.get(module.as_str()).filter(|_| heard).cloned().unwrap_or_default();
                let lost = stream.start(Open { module, uuid, ours, heard, start, ..Open::default() });
                let cluster = stream.cluster.take();
                if of == plan {
                    self.begin(fields.time, cluster, by_hand);
                    self.is_at_its_beginning &= by_hand;
                }
                lost.into_iter().for_each(|open| self.settle(open, End::Open, None));
            }
            Mark::Completed { module, plan: of } => self.close(fields, module, of == plan, End::Completed),
            Mark::Failed { module, plan: of } => self.close(fields, module, of == plan, End::Failed),
            Mark::Busy { module } => self.postpone(fields, module, End::Busy),
            Mark::GaveUp { module } => self.postpone(fields, module, End::GaveUp),
            Mark::Over { plan: of } => {
                let cluster = stream.cluster.take();
                let left: Vec<Open> = stream.open.extract_if(.., |open| open.ours == (of == plan)).collect();
                if of == plan {
                    self.saw(cluster, by_hand, false);
                }
                left.into_iter().for_each(|open| self.settle(open, End::Open, None));
            }
        }
    }

    fn close(&mut self, fields: &Fields<'_>, module: &str, ours: bool, end: End) {
        if let Some(mut open) = self.stream(fields).take(module, ours) {
            // SIGKILL, as Python and the shell have it.
            let is_killed =
                end == End::Failed && ["code -9)", "code 137)"].iter().any(|it| fields.message.ends_with(it));
            if is_killed {
                open.part.overhear(Speaker::Unit, fields.message);
            }
            self.settle(open, end, is_killed.then_some(Cause::Killed));
        }
    }

    /// Closes the part of a module that is busy. Its mark names no plan: it is of the one that began the module last.
    fn postpone(&mut self, fields: &Fields<'_>, module: &str, end: End) {
        let stream = self.stream(fields);
        let Some(ours) = stream.begun.get(module).copied() else { return };
        if let Some(mut open) = stream.take(module, ours) {
            open.part = Part::default();
            open.part.overhear(Speaker::Unit, fields.message);
            self.settle(open, end, (end == End::GaveUp).then_some(Cause::Busy));
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
            let (ours, heard, late, start) = (true, true, true, fields.time);
            std::mem::replace(open, Open { module: module.into(), ours, heard, late, start, ..Open::default() })
        });
        open.hear(fields.message);
        before.into_iter().filter(|open| open.ours).for_each(|open| self.settle_own(open));
    }

    /// A module's own unit prints no mark at its end.
    fn settle_own(&mut self, open: Open) {
        // NS8 counts a manifest that was not uploaded as an error, and reports none.
        let has_error = self.wanted.get(open.module.as_str()).is_some_and(Option::is_some);
        let end = if has_error && open.part.complains() { End::Open } else { open.part.end() };
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
        for open in open.filter(|open| open.heard && names(line, &open.module, &open.uuid) != Some(false)) {
            open.part.overhear(speaker, line);
        }
    }

    /// What systemd says of the run's unit, or of the node's agent.
    fn unit_event(&mut self, fields: &Fields<'_>, by_hand: bool) {
        let line = fields.message;
        if line.starts_with("Started ") && !by_hand {
            // systemd starts no service that runs.
            self.running[0] = false;
            self.begin(fields.time, None, by_hand);
            self.is_at_its_beginning = true;
        }
        let result = line.split_once("Failed with result '").and_then(|(_, rest)| rest.split_once('\''));
        let stopping = &mut self.stopping[usize::from(by_hand)];
        if line.starts_with("Stopping ") {
            *stopping = Some(line.into());
        } else if line.contains("killed by the OOM killer") {
            self.overhear(Speaker::Kernel, line);
        } else if let Some((result, _)) = result {
            let cause = match result {
                _ if self.shutting_down || stopping.is_some() => Some(Cause::Interrupted),
                "oom-kill" | "signal" | "core-dump" => Some(Cause::Killed),
                "timeout" | "watchdog" => Some(Cause::Interrupted),
                _ => None,
            };
            self.interrupt(Some(by_hand), cause, line);
        } else if stopping.is_some() && (line.contains("Deactivated successfully") || line.starts_with("Stopped ")) {
            self.interrupt(Some(by_hand), Some(Cause::Interrupted), line);
        }
    }

    /// Ends all runs, or those by hand, or those by schedule, and closes the parts that are open.
    fn interrupt(&mut self, by_hand: Option<bool>, cause: Option<Cause>, line: &str) {
        let ends = |hand: bool| by_hand.is_none_or(|by_hand| by_hand == hand);
        let streams = self.streams.iter_mut().filter(|stream| ends(stream.by_hand));
        let open: Vec<Open> = streams.flat_map(|stream| std::mem::take(&mut stream.open)).collect();
        let (mut stopping, mut ran) = (None, false);
        for hand in [false, true].into_iter().filter(|hand| ends(*hand)) {
            stopping = stopping.or(self.stopping[usize::from(hand)].take());
            ran |= std::mem::take(&mut self.running[usize::from(hand)]);
        }
        let line = shorten(&clean(stopping.as_deref().unwrap_or(line)));
        for mut open in open.into_iter().filter(|open| open.heard) {
            open.part.overhear(Speaker::Unit, &line);
            self.settle(open, End::Interrupted, cause);
        }
        if ran && !self.runs() {
            let mut part = if by_hand == Some(true) { Part::default() } else { self.take_first_words() };
            part.overhear(Speaker::Unit, &line);
            self.interrupted = Some(Reason { snapshot_written: Some(false), ..part.close(End::Interrupted, cause) });
        }
    }

    /// Takes what the run by schedule has said before its first module; nothing if it has come further, or if the words
    /// may be another plan's.
    fn take_first_words(&mut self) -> Part {
        let is_at_its_beginning = std::mem::take(&mut self.is_at_its_beginning);
        let mut streams = self.streams.iter_mut().filter(|stream| !stream.by_hand && stream.begun.is_empty());
        match (streams.next(), streams.next()) {
            (Some(only), None) if is_at_its_beginning => only.take_loose(""),
            _ => Part::default(),
        }
    }

    /// Notes that a run of the plan goes on: from `time` on, unless it has gone on before.
    fn begin(&mut self, time: i64, cluster: Option<Vec<String>>, by_hand: bool) {
        if !self.runs() {
            self.log.began = Some(time).filter(|time| *time > 0);
        }
        self.saw(cluster, by_hand, true);
    }

    /// Whether a run of the plan has begun and is not over.
    fn runs(&self) -> bool {
        self.running.contains(&true)
    }

    /// Notes that a run of the plan is in the log, and how the cluster's own backup went before it.
    fn saw(&mut self, cluster: Option<Vec<String>>, by_hand: bool, running: bool) {
        (self.log.seen, self.interrupted) = (true, None);
        self.is_at_its_beginning &= by_hand || running;
        self.running[usize::from(by_hand)] = running;
        self.log.running = Some(running);
        if let Some(lines) = cluster {
            self.log.cluster_backup = lines;
        }
    }

    /// Closes a part and keeps it if it counts. One with another start than the cluster has is another run's, and so is
    /// one that found the module busy if the cluster has a result; of the others the last one counts, but one that
    /// found the module busy only if there is no other.
    fn settle(&mut self, open: Open, end: End, cause: Option<Cause>) {
        let Open { module, ours, start, late, part, .. } = open;
        let Some((module, wanted)) = self.wanted.get_key_value(module.as_str()).filter(|_| ours) else { return };
        self.log.seen = true;
        let another = wanted
            .filter(|_| start > 0)
            .is_some_and(|wanted| start < wanted - START_TOLERANCE || !late && start > wanted + START_TOLERANCE);
        let another = another || wanted.is_some() && matches!(end, End::Busy | End::GaveUp);
        let tried_before = self.log.modules.contains_key(module) && !self.busy.contains(module);
        if another || tried_before && end == End::Busy {
            return;
        }
        match matches!(end, End::Busy | End::GaveUp) {
            true => self.busy.insert(module.clone()),
            false => self.busy.remove(module),
        };
        self.log.modules.insert(module.clone(), part.close(end, cause));
    }
}
