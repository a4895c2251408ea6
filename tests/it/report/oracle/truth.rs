//! What is so in a cluster that was made up: a second, small reading of the same data, after NS8's own `list-backups`
//! and the rules of the report. It uses nothing of the program.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::world::{DAMAGES, DAMAGES_OF_B, Entry, FILES, Generation, MODULES, OTHER_TYPE, Result, SIZES, When, World};

const STALE_AFTER: SignedDuration = SignedDuration::from_hours(12);

/// A module's state, in the order in which a report has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Error,
    Stale,
    Missing,
    Success,
}

/// What there is about a member.
#[derive(Debug, Clone)]
pub(super) enum Seen {
    /// A result, and whether it stands in layout B's keys. `None`: a failure without any time.
    Result(Option<Result>, bool),
    /// Something else, and what is wrong with it.
    Damaged(&'static str),
    /// Nothing can be seen: the results of its node are no hash.
    Hidden,
    Nothing,
}

#[derive(Debug)]
pub(super) struct Member {
    /// Its place in [`MODULES`].
    pub(super) place: usize,
    pub(super) seen: Seen,
    pub(super) state: State,
}

impl Member {
    pub(super) fn id(&self) -> &'static str {
        MODULES[self.place]
    }
}

/// What is so about one plan.
pub(super) struct Truth<'a> {
    pub(super) world: &'a World,
    pub(super) place: usize,
    pub(super) now: Timestamp,
    /// Those that count, as a report lists them.
    pub(super) modules: Vec<Member>,
    /// Members of a plan that is switched off, of which there is nothing.
    pub(super) not_awaited: Vec<&'static str>,
    /// When this run was due.
    pub(super) due: Option<Timestamp>,
    pub(super) newest: Option<Timestamp>,
}

impl<'a> Truth<'a> {
    pub(super) fn new(world: &'a World, place: usize, now: Timestamp) -> Self {
        let plan = &world.plans[place];
        let seen: Vec<(usize, Seen)> = members(world, place).map(|n| (n, seen(world, place, n))).collect();
        let results = || {
            let of = |(_, seen): &(usize, Seen)| if let Seen::Result(result, _) = seen { *result } else { None };
            seen.iter().filter_map(of)
        };
        let has = |when| results().any(|result| result.when == when);
        let newest = results().map(|result| result.times(plan, now).1).max();
        // A plan that is switched off has no timer: it is due only if the run took place before.
        let due = plan.schedule.due(now).filter(|_| plan.defined);
        let began = |due| results().any(|result| result.times(plan, now).0 >= due - SignedDuration::from_mins(2));
        let due = due.filter(|due| plan.enabled || began(*due));
        let by_hand = plan.is_by_hand() && has(When::ThisRun) && has(When::Earlier(0));
        let limit = newest.map(|newest| newest.min(now) - STALE_AFTER);
        let is_of_run = |result: &Result| match result.when {
            _ if due.is_none() => limit.is_none_or(|limit| result.times(plan, now).1 >= limit),
            When::ThisRun | When::Future => true,
            When::Earlier(n) => n == 0 && plan.is_by_hand() && !by_hand,
        };
        let state = |seen: &Seen| match seen {
            Seen::Result(None, _) => State::Error,
            Seen::Result(Some(result), _) if !is_of_run(result) => State::Stale,
            Seen::Result(Some(result), _) if result.errors == 0 => State::Success,
            Seen::Result(..) => State::Error,
            Seen::Damaged(_) | Seen::Hidden | Seen::Nothing => State::Missing,
        };
        let is_idle = !plan.enabled && seen.iter().all(|(_, seen)| matches!(seen, Seen::Nothing));
        let (awaited, others): (Vec<_>, Vec<_>) = seen.iter().cloned().partition(|_| !is_idle);
        let mut modules: Vec<Member> =
            awaited.into_iter().map(|(place, seen)| Member { place, state: state(&seen), seen }).collect();
        modules.sort_by_key(|module| (module.state, module.place));
        let not_awaited = others.iter().map(|(place, _)| MODULES[*place]).collect();
        Self { world, place, now, modules, not_awaited, due: due.filter(|_| !by_hand), newest }
    }

    pub(super) fn plan(&self) -> &super::world::Plan {
        &self.world.plans[self.place]
    }

    pub(super) fn of(&self, state: State) -> Vec<&Member> {
        self.modules.iter().filter(|module| module.state == state).collect()
    }

    pub(super) fn count(&self, state: State) -> usize {
        self.of(state).len()
    }

    pub(super) fn absent(&self) -> usize {
        self.count(State::Stale) + self.count(State::Missing)
    }

    /// Whether the result is dated in the future.
    pub(super) fn is_ahead(member: &Member) -> bool {
        matches!(member.seen, Seen::Result(Some(Result { when: When::Future, .. }), _))
    }

    /// Whether every module succeeded, and one is dated in the future.
    pub(super) fn is_contradicted(&self) -> bool {
        self.count(State::Success) == self.modules.len() && self.modules.iter().any(Self::is_ahead)
    }

    pub(super) fn outcome(&self) -> &'static str {
        match (self.count(State::Success), self.count(State::Error), self.absent()) {
            _ if self.is_contradicted() => "REPO_FAILURE",
            (success, 0, 0) if success > 0 => "SUCCESS",
            (0, _, 0) | (0, 0, _) => "REPO_FAILURE",
            _ => "PARTIAL",
        }
    }

    pub(super) fn is_outdated(&self) -> bool {
        self.newest.is_some_and(|newest| self.now.duration_since(newest) > STALE_AFTER)
    }

    pub(super) fn next_run(&self) -> Option<Timestamp> {
        self.plan().schedule.next(self.now, self.world.zone).filter(|_| self.plan().defined && self.plan().enabled)
    }

    /// Whether the results of the node of `module` are no hash.
    fn damaged_node(&self) -> Option<usize> {
        let node = self.plan().unreadable_node.filter(|_| self.plan().defined)?;
        let is_asked = |place: usize| self.world.modules[place].node == node;
        (self.world.generation != Generation::B && members(self.world, self.place).any(is_asked)).then_some(node)
    }

    /// What could not be read or not be believed, a clause each, sorted.
    pub(super) fn damaged(&self) -> Vec<String> {
        let clause = |module: &Member| match module.seen {
            Seen::Damaged(fault) => Some(format!("the result of {} {fault}", module.id())),
            _ if Self::is_ahead(module) => Some(format!("the result of {} is dated in the future", module.id())),
            _ => None,
        };
        let node = self.damaged_node().map(|node| record_of(node) + " " + OTHER_TYPE);
        let mut all: Vec<String> = self.modules.iter().filter_map(clause).chain(node).collect();
        all.sort();
        all
    }

    /// The report as JSON, without what depends on the machine.
    pub(super) fn json(&self) -> Value {
        let (plan, good) = (self.plan(), self.outcome() == "SUCCESS");
        json!({
            "version": 1,
            "outcome": self.outcome(),
            "interim": null,
            "error": null,
            "nothing_within_seconds": null,
            "job_id": null,
            "cluster": self.world.name,
            "alerts": [],
            "alerts_left_out": 0,
            "plan": {
                "id": World::plan_id(self.place),
                "name": plan.defined.then_some(plan.name),
                "defined": plan.defined,
                "enabled": plan.enabled || !plan.defined,
                "not_awaited": self.not_awaited.iter().collect::<BTreeSet<_>>(),
                "status": null,
            },
            "news": null,
            "due": self.due,
            "next_run": self.next_run(),
            "contradiction": self.is_contradicted().then_some("future"),
            "failed_runs_in_a_row": usize::from(!good),
            "cluster_backup": { "newest": null, "log": [] },
            "gave_up_waiting_after_seconds": null,
            "outdated": self.is_outdated(),
            "counts": {
                "success": self.count(State::Success),
                "error": self.count(State::Error),
                "stale": self.count(State::Stale),
                "missing": self.count(State::Missing),
                "absent": self.absent(),
                "total": self.modules.len(),
            },
            "modules": self.modules.iter().map(|module| self.module(module)).collect::<Vec<_>>(),
            "repository_check": if good { "not_needed" } else { "disabled" },
            "repository_check_error": null,
            "repositories": [],
            "damaged": self.damaged(),
        })
    }

    fn module(&self, module: &Member) -> Value {
        let known = &self.world.modules[module.place];
        let (result, layout) = match module.seen {
            Seen::Result(result, is_b) => (result, Some(if is_b { "b" } else { "c" })),
            _ => (None, None),
        };
        let times = result.map(|result| result.times(self.plan(), self.now));
        let unreadable = match module.seen {
            Seen::Damaged(fault) => Some(format!("the result of {} {fault}", module.id())),
            Seen::Hidden => Some(record_of(known.node) + " " + OTHER_TYPE),
            _ => None,
        };
        let success = result.is_some_and(|result| result.errors == 0);
        json!({
            "id": module.id(),
            "name": known.name,
            "node": (known.node + 1).to_string(),
            "node_name": self.world.nodes[known.node],
            "state": match module.state {
                State::Error => "error",
                State::Stale => "stale",
                State::Missing => "missing",
                State::Success => "success",
            },
            "unreadable": unreadable,
            "layout": layout,
            "start": times.map(|(start, _)| start),
            "end": times.map(|(_, end)| end),
            "errors": result.map(|result| result.errors).or(layout.map(|_| 1)),
            "reason": null,
            "total_size": result.map(|result| SIZES[result.size]),
            "total_file_count": result.map(|result| FILES[result.files]),
            "snapshots_count": result.map(|result| result.count),
            "log": [],
            "cause": null,
            "snapshot_written": null,
            "runs_without_success": usize::from(module.state != State::Success),
            "last_good": times.map(|(_, end)| end).filter(|end| success && *end <= self.now),
            "unusual": [],
        })
    }
}

fn record_of(node: usize) -> String {
    format!("the record of the results on node {}", node + 1)
}

/// The members of a plan, by their places in [`MODULES`], as `list-backups` has them: until core 3.19 the modules that
/// name the plan, since then those that the plan names and that have a UUID. Modules that were removed are left over.
pub(super) fn members(world: &World, place: usize) -> impl Iterator<Item = usize> {
    let plan = &world.plans[place];
    // Without a single UUID, there is no list of them.
    let no_list = !world.modules.iter().any(|module| module.has_uuid);
    let is_known = move |n: &usize| world.generation == Generation::B || world.modules[*n].has_uuid || no_list;
    let is_listed = !world.modules.iter().all(|module| !module.exists);
    (0..MODULES.len())
        .filter(move |n| plan.defined && is_listed && plan.cells[*n].member && world.modules[*n].exists)
        .filter(is_known)
}

/// The modules that no plan backs up, as `list-backups` has them.
pub(super) fn in_no_plan(world: &World) -> Vec<&'static str> {
    let planned: BTreeSet<usize> = (0..world.plans.len()).flat_map(|place| members(world, place)).collect();
    let is_bare = |n: &usize| world.modules[*n].exists && !world.modules[*n].no_data && !planned.contains(n);
    let mut bare: Vec<&str> = (0..MODULES.len()).filter(is_bare).map(|n| MODULES[n]).collect();
    bare.sort_unstable();
    bare
}

/// What there is about a member: what the node has on which it is now, else what an upgrade left behind.
fn seen(world: &World, place: usize, n: usize) -> Seen {
    let plan = &world.plans[place];
    let cell = &plan.cells[n];
    if world.generation == Generation::B {
        return of_entry(&cell.now, true);
    }
    if plan.unreadable_node == Some(world.modules[n].node) {
        return Seen::Hidden;
    }
    match (of_entry(&cell.now, false), world.generation) {
        (Seen::Nothing, Generation::Upgraded) => of_entry(&cell.left.earlier(), true),
        (seen, _) => seen,
    }
}

fn of_entry(entry: &Entry, is_b: bool) -> Seen {
    match entry {
        Entry::None => Seen::Nothing,
        Entry::Damaged(kind) if is_b => Seen::Damaged(DAMAGES_OF_B[kind % DAMAGES_OF_B.len()].1),
        Entry::Damaged(kind) => Seen::Damaged(DAMAGES[*kind].1),
        Entry::Timeless => Seen::Result(None, is_b),
        Entry::Result(result) => Seen::Result(Some(*result), is_b),
    }
}
