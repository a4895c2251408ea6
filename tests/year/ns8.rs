//! NS8 as `docs/contracts.md` describes it, and the truth: what each run came to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ns8_backup_monitor::model::plan::{Layout, Module, ModuleId, ModuleResult, Plan, PlanId};

pub const MINUTE: i64 = 60;
pub const HOUR: i64 = 3600;
pub const DAY: i64 = 24 * HOUR;
/// `run-backup` retries busy modules every minute for an hour.
const RETRIES: i64 = HOUR;

pub fn at(time: i64) -> Timestamp {
    Timestamp::from_second(time).unwrap()
}

/// What happens to a module in a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lot {
    pub minutes: i64,
    pub fails: bool,
    /// Minutes from the run's start for which another backup keeps it busy.
    pub busy: i64,
}

/// One module's part in a run, as it really was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    None,
    Good(i64),
    Bad(i64),
}

/// One run, as it really was.
#[derive(Debug, Clone)]
pub struct Run {
    /// When it was due; `None`: somebody started it.
    pub due: Option<i64>,
    pub began: i64,
    pub fault: &'static str,
    pub fates: BTreeMap<String, Fate>,
    /// Modules of nodes that were off.
    pub skipped: BTreeSet<String>,
    /// The nodes that it began on, each with when it was over there.
    pub nodes: BTreeMap<u8, i64>,
}

impl Run {
    pub fn over(&self) -> i64 {
        self.nodes.values().copied().max().unwrap_or(self.began)
    }

    pub fn bad(&self) -> BTreeSet<String> {
        // Whoever starts a run by hand sees what it leaves out.
        let is_bad = |fate: &Fate| matches!(fate, Fate::Bad(_)) || *fate == Fate::None && self.due.is_some();
        self.fates.iter().filter(|(_, fate)| is_bad(fate)).map(|(id, _)| id.clone()).collect()
    }
}

/// A result to come.
#[derive(Debug, Clone)]
struct Coming {
    node: u8,
    module: String,
    start: i64,
    end: i64,
    fails: bool,
    run: usize,
}

/// A module: its node and how long its backup takes.
#[derive(Debug, Clone)]
pub struct Member {
    pub id: String,
    pub node: u8,
    pub minutes: i64,
}

/// A plan with its schedule, its modules and all its runs.
pub struct Site {
    pub id: PlanId,
    pub layout: Layout,
    /// Two schedules; the plan is edited from one to the other.
    pub schedules: [(&'static str, Vec<i64>); 2],
    pub current: usize,
    next: usize,
    pub members: Vec<Member>,
    pub runs: Vec<Run>,
    /// When its schedule was edited.
    pub edits: Vec<i64>,
    /// When modules were removed.
    pub removed: BTreeMap<String, i64>,
    coming: Vec<Coming>,
    results: BTreeMap<String, (u8, ModuleResult)>,
    /// Gauges that are 0, by node: since when, and of which run.
    pub gauges: BTreeMap<u8, i64>,
    /// When the gauges change: time, node, whether it is 0.
    gauge_changes: Vec<(i64, u8, bool)>,
}

impl Site {
    pub fn new(
        id: &str,
        layout: Layout,
        schedules: [(&'static str, Vec<i64>); 2],
        members: &[(&str, u8, i64)],
    ) -> Self {
        let member =
            |(id, node, minutes): &(&str, u8, i64)| Member { id: (*id).into(), node: *node, minutes: *minutes };
        Self {
            id: PlanId::new(id).unwrap(),
            layout,
            schedules,
            current: 0,
            next: 0,
            members: members.iter().map(member).collect(),
            runs: Vec::new(),
            edits: Vec::new(),
            removed: BTreeMap::new(),
            coming: Vec::new(),
            results: BTreeMap::new(),
            gauges: BTreeMap::new(),
            gauge_changes: Vec::new(),
        }
    }

    pub fn elapses(&self) -> &[i64] {
        &self.schedules[self.current].1
    }

    /// Makes the timer at `now`.
    pub fn arm(&mut self, now: i64) {
        self.next = self.elapses().partition_point(|time| *time <= now);
    }

    /// Takes the other schedule at `now`: its timer is made anew.
    pub fn edit(&mut self, now: i64) {
        self.edits.push(now);
        self.current = 1 - self.current;
        self.arm(now);
    }

    /// The elapse that the timers fire at now, if there is one.
    pub fn fires(&mut self, now: i64) -> Option<i64> {
        let due = *self.elapses().get(self.next).filter(|due| **due <= now)?;
        self.next += 1;
        Some(due)
    }

    /// Whether a run goes on at `now` on `node`.
    pub fn is_active(&self, node: u8, now: i64) -> bool {
        self.runs
            .iter()
            .rev()
            .take(4)
            .any(|run| run.began <= now && run.nodes.get(&node).is_some_and(|over| *over > now))
    }

    /// Starts a run on those nodes that are up and have none.
    pub fn start(&mut self, now: i64, due: Option<i64>, fault: &'static str, lots: &[Lot], up: impl Fn(u8) -> bool) {
        let nodes: BTreeSet<u8> = self.members.iter().map(|member| member.node).collect();
        let ready: BTreeSet<u8> = nodes.iter().copied().filter(|node| !self.is_active(*node, now)).collect();
        if ready.is_empty() {
            return;
        }
        let is_of_run = |member: &&Member| ready.contains(&member.node);
        let fates = self.members.iter().filter(is_of_run).map(|member| (member.id.clone(), Fate::None)).collect();
        let number = self.runs.len();
        let is_off = |member: &&Member| ready.contains(&member.node) && !up(member.node);
        let skipped = self.members.iter().filter(is_off).map(|member| member.id.clone()).collect();
        let mut run = Run { due, began: now, fault, fates, skipped, nodes: BTreeMap::new() };
        for node in ready.iter().copied().filter(|node| up(*node)) {
            let on_node = self.members.iter().zip(lots).filter(|(member, _)| member.node == node);
            let parts: Vec<(String, Lot)> = on_node.map(|(member, lot)| (member.id.clone(), *lot)).collect();
            let (coming, over, gave_up) = match self.layout {
                Layout::C => one_by_one(&parts, now),
                _ => side_by_side(&parts, now),
            };
            let coming = coming.into_iter().map(|(module, start, end, fails)| Coming {
                node,
                module,
                start,
                end,
                fails,
                run: number,
            });
            self.coming.extend(coming.clone());
            let first_failure = coming.filter(|part| part.fails).map(|part| part.end).chain(gave_up).min();
            self.gauge_changes.push(first_failure.map_or((over, node, false), |time| (time, node, true)));
            run.nodes.insert(node, over);
        }
        self.runs.push(run);
    }

    /// Ends what runs on `node`: it is switched off.
    pub fn cut(&mut self, node: u8, now: i64) {
        self.coming.retain(|part| part.node != node || part.end <= now);
        self.gauge_changes.retain(|(time, of, _)| *of != node || *time <= now);
        for run in self.runs.iter_mut().rev().take(4) {
            run.nodes.entry(node).and_modify(|over| *over = (*over).min(now));
        }
    }

    /// Writes the results that are due.
    pub fn step(&mut self, now: i64) {
        for part in self.coming.extract_if(.., |part| part.end <= now) {
            let fate = if part.fails { Fate::Bad(part.end) } else { Fate::Good(part.end) };
            self.runs[part.run].fates.insert(part.module.clone(), fate);
            if self.members.iter().any(|member| member.id == part.module) {
                self.results.insert(part.module.clone(), (part.node, result(self.layout, &part)));
            }
        }
        for (time, node, is_zero) in self.gauge_changes.extract_if(.., |(time, ..)| *time <= now) {
            match is_zero {
                true => drop(self.gauges.entry(node).or_insert(time)),
                false => drop(self.gauges.remove(&node)),
            }
        }
    }

    pub fn remove(&mut self, module: &str, now: i64) {
        self.removed.insert(module.into(), now);
        self.members.retain(|member| member.id != module);
        self.results.remove(module);
    }

    /// What `cluster::read` makes of it.
    pub fn plan(&self) -> Plan {
        let id = |member: &Member| ModuleId::new(member.id.clone()).unwrap();
        let module = |member: &Member| Module { node: Some(member.node.to_string()), ..Module::default() };
        // In layout C the results of the node that a module is on now count.
        let counts = |member: &&Member| {
            self.results.get(&member.id).is_some_and(|(node, _)| self.layout != Layout::C || *node == member.node)
        };
        let result = |member: &Member| (id(member), self.results[&member.id].1.clone());
        let mut plan = Plan::unknown(self.id.clone());
        (plan.defined, plan.schedule) = (true, Some(self.schedules[self.current].0.into()));
        plan.members = Some(self.members.iter().map(id).collect());
        plan.modules = self.members.iter().map(|member| (id(member), module(member))).collect();
        plan.results = self.members.iter().filter(counts).map(result).collect();
        plan
    }
}

type Part = (String, i64, i64, bool);

/// Layout C: the modules of a node one after the other, and then those that were busy.
fn one_by_one(parts: &[(String, Lot)], began: i64) -> (Vec<Part>, i64, Option<i64>) {
    let (mut time, mut done, mut waiting) = (began + 3, Vec::new(), Vec::new());
    let back_up = |time: &mut i64, module: &String, lot: &Lot, done: &mut Vec<Part>| {
        let start = *time;
        *time += lot.minutes * MINUTE;
        done.push((module.clone(), start, *time, lot.fails));
    };
    for (module, lot) in parts {
        match time < began + lot.busy * MINUTE {
            true => waiting.push((module, lot)),
            false => back_up(&mut time, module, lot, &mut done),
        }
    }
    let retries_end = time + RETRIES;
    while !waiting.is_empty() && time < retries_end {
        time += MINUTE;
        let free = waiting.extract_if(.., |(_, lot)| time >= began + lot.busy * MINUTE).collect::<Vec<_>>();
        free.into_iter().for_each(|(module, lot)| back_up(&mut time, module, lot, &mut done));
    }
    (done, time, (!waiting.is_empty()).then_some(time))
}

/// Layout B: each module by its own timer; one that is busy has no result.
fn side_by_side(parts: &[(String, Lot)], began: i64) -> (Vec<Part>, i64, Option<i64>) {
    let done: Vec<Part> = parts
        .iter()
        .filter(|(_, lot)| lot.busy == 0)
        .map(|(module, lot)| (module.clone(), began + 3, began + 3 + lot.minutes * MINUTE, lot.fails))
        .collect();
    let over = done.iter().map(|(_, _, end, _)| *end).max().unwrap_or(began);
    (done, over, None)
}

fn result(layout: Layout, part: &Coming) -> ModuleResult {
    ModuleResult {
        layout,
        start: Some(at(part.start)),
        end: Some(at(part.end)),
        errors: u64::from(part.fails),
        error: None,
        total_size: Some(1 << 30),
        total_file_count: Some(1000),
        snapshots_count: Some(1),
    }
}
