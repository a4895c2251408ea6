//! A module, for scripts.

use jiff::Timestamp;
use serde::Serialize;

use crate::config::Language;
use crate::model::history::{Quantity, Streak, Unusual};
use crate::model::plan::{Layout, ModuleId};
use crate::model::reason::{Cause, Reason};
use crate::model::run::State;
use crate::report::{PlanFacts, Words, trend};

#[derive(Serialize)]
pub(super) struct ModuleView<'a> {
    id: &'a ModuleId,
    name: Option<&'a str>,
    node: Option<&'a str>,
    node_name: Option<&'a str>,
    /// `error`, `stale` (its last result is an earlier run's), `missing` (no readable result) or `success`.
    state: State,
    /// Which of `damaged` hides its result.
    unreadable: Option<String>,
    layout: Option<Layout>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    errors: Option<u64>,
    reason: Option<&'a str>,
    /// Size and files are those of the newest snapshot: this run's or an earlier one's if `errors` is not 0.
    total_size: Option<u64>,
    total_file_count: Option<u64>,
    /// Not a count: 1 if the statistics of the newest snapshot were read.
    snapshots_count: Option<u64>,
    log: &'a [String],
    cause: Option<Cause>,
    snapshot_written: Option<bool>,
    runs_without_success: usize,
    last_good: Option<Timestamp>,
    /// Whether there may be a later one: not every run since is on record.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    last_good_or_later: bool,
    /// Whether its run failed all the same.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    last_good_with_errors: bool,
    unusual: Vec<UnusualView>,
}

#[derive(Serialize)]
struct UnusualView {
    figure: &'static str,
    value: u64,
    usual: u64,
}

/// Returns one module's part in the run.
pub(super) fn module_view<'a>(facts: &PlanFacts<'a>, id: &'a ModuleId, state: State, now: Timestamp) -> ModuleView<'a> {
    let plan = facts.plan;
    let (module, result) = (plan.modules.get(id), plan.results.get(id));
    let reason: Option<&'a Reason> = facts.reasons.and_then(|reasons| reasons.modules.get(id));
    let last_good = trend::last_good(facts, id, now);
    let succeeded = state == State::Success;
    let unusual = facts.history.map(|history| history.unusual(id)).unwrap_or_default();
    ModuleView {
        id,
        name: module.and_then(|module| module.ui_name.as_deref()),
        node: module.and_then(|module| module.node.as_deref()),
        node_name: module.and_then(|module| module.node_name.as_deref()),
        state,
        unreadable: plan.unreadable(id).map(|damage| Words(Language::En).damage(damage)),
        layout: result.map(|result| result.layout),
        start: result.and_then(|result| result.start),
        end: result.and_then(|result| result.end),
        errors: result.map(|result| result.errors),
        reason: result.and_then(|result| result.error.as_deref()),
        total_size: result.and_then(|result| result.total_size),
        total_file_count: result.and_then(|result| result.total_file_count),
        snapshots_count: result.and_then(|result| result.snapshots_count),
        log: reason.map(|reason| &*reason.lines).unwrap_or_default(),
        cause: reason.and_then(|reason| reason.cause),
        snapshot_written: reason.and_then(|reason| reason.snapshot_written),
        runs_without_success: if succeeded { 0 } else { Streak::new(facts.history, id, state).runs },
        last_good: last_good.map(|good| good.at),
        last_good_or_later: last_good.is_some_and(|good| good.or_later),
        last_good_with_errors: last_good.is_some_and(|good| good.with_errors),
        unusual: unusual.iter().map(unusual_view).collect(),
    }
}

fn unusual_view(unusual: &Unusual) -> UnusualView {
    let figure = match unusual.quantity {
        Quantity::Size => "total_size",
        Quantity::Files => "total_file_count",
        Quantity::Seconds => "seconds",
    };
    UnusualView { figure, value: unusual.now, usual: unusual.usual }
}
