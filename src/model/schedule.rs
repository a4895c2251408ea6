//! When a plan's schedule is due. Pure.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::plan::{Layout, ModuleId, ModuleResult, Plan};
use super::time::age;
use crate::model::order::sort_by;

/// How much earlier than it was due a backup of a run may have started: clocks of nodes differ.
pub const TOLERANCE: Duration = Duration::from_secs(120);
/// NS8 retries busy modules for this long after the others are done (ns8-core 3.20, `run-backup`).
pub const RETRIES: Duration = Duration::from_secs(3600);
/// The longest pause between two modules of one run.
const PAUSE: Duration = Duration::from_secs(30);

/// The times at which a schedule elapses, around a reference time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elapses {
    /// Elapses at or before the reference time, newest first: at least three, if the schedule has had three within the
    /// thirteen years before it.
    pub before: Vec<Timestamp>,
    /// The first elapse after the reference time; `None` if there is none.
    pub next: Option<Timestamp>,
}

impl Elapses {
    /// Returns when the results of `plan` began if every member has been backed up since the next elapse: they are a
    /// later run's, which was due then or, as clocks differ, a little later. At the time `now` that elapse must have
    /// come: results may be dated days ahead.
    pub fn overtaken(&self, plan: &Plan, now: Timestamp) -> Option<Timestamp> {
        let (next, members) = (self.next?, plan.members.as_ref()?);
        let start = |id: &ModuleId| plan.results.get(id).and_then(|result| result.start.or(result.end));
        let first = members.iter().map(start).min()??;
        let begun = first.min(now).saturating_add(TOLERANCE).unwrap_or(now);
        (is_from(first, next) && is_from(now, next)).then_some(begun)
    }

    /// Returns when `plan` was due, newest first. NS8 has no timer for a plan that is switched off: it was due only if
    /// a run took place since then, before somebody switched it off.
    pub fn due(&self, plan: &Plan) -> &[Timestamp] {
        let began = |result: &ModuleResult| result.start.or(result.end);
        let has_run = self
            .of_run(plan)
            .is_some_and(|due| plan.results.values().any(|result| began(result).is_some() && is_of_run(result, due)));
        if plan.enabled || has_run { &self.before } else { &[] }
    }

    /// Returns the last elapse at or before the reference time.
    pub fn last(&self) -> Option<Timestamp> {
        self.before.first().copied()
    }

    /// Returns the elapses at which runs of `plan` began, or should have, newest first. systemd does not start a
    /// service that runs already, so an elapse in the middle of a run has no run of its own.
    pub fn of_runs(&self, plan: &Plan) -> impl Iterator<Item = Timestamp> {
        runs(plan, &self.before)
    }

    /// Returns the elapse that the current run of `plan` belongs to; the oldest that is known, if even that one is in
    /// the middle of it.
    pub fn of_run(&self, plan: &Plan) -> Option<Timestamp> {
        of_run(plan, &self.before)
    }
}

/// Returns which of `times`, newest first, the current run of `plan` belongs to, as [`Elapses::of_run`] does.
pub fn of_run(plan: &Plan, times: &[Timestamp]) -> Option<Timestamp> {
    runs(plan, times).next().or(times.last().copied())
}

/// Returns those of `times`, newest first, at which a run of `plan` began, or should have, as [`Elapses::of_runs`]
/// does.
pub(super) fn runs(plan: &Plan, times: &[Timestamp]) -> impl Iterator<Item = Timestamp> {
    let before = times.iter().skip(1).copied().map(Some).chain([None]);
    let is_in_the_middle = |(due, before): &(Timestamp, Option<Timestamp>)| {
        is_in_the_middle(plan, *due) || before.is_some_and(|before| is_in_the_retries(plan, before, *due))
    };
    times.iter().copied().zip(before).filter(move |pair| !is_in_the_middle(pair)).map(|(due, _)| due)
}

/// Whether the run that was due at `before` still tried a module again at `due`: it was busy. That goes on for an hour,
/// and until it is over no other run begins. One that begins at `due` has its first backup then.
fn is_in_the_retries(plan: &Plan, before: Timestamp, due: Timestamp) -> bool {
    let of_run = |result: &&ModuleResult| result.layout == Layout::C && is_of_run(result, before);
    let ends = plan.results.values().filter(|result| !is_of_run(result, due)).filter(of_run);
    let newest = ends.filter_map(|result| result.end).max();
    let until = newest.and_then(|newest| newest.checked_add(RETRIES).ok());
    if until.is_none_or(|until| until <= due) {
        return false;
    }
    let is_absent = |id: &ModuleId| plan.results.get(id).is_none_or(|result| !is_of_run(result, before));
    let since = plan.results.values().filter(|result| is_of_run(result, due));
    match since.filter_map(|result| result.start.or(result.end)).min() {
        Some(first) => due.checked_add(TOLERANCE).is_ok_and(|begun| first > begun),
        None => plan.members.iter().flatten().any(is_absent),
    }
}

/// Whether a backup started in the run that was due at `due`, or later, so that its result is of that run.
pub fn is_of_run(result: &ModuleResult, due: Timestamp) -> bool {
    result.start.or(result.end).is_none_or(|began| is_from(began, due))
}

/// Whether a backup that began at `began` belongs to the run due at `due` or to a later one.
pub fn is_from(began: Timestamp, due: Timestamp) -> bool {
    age(began, due) <= TOLERANCE
}

/// Whether backups that follow one another without a pause begin before `due` and end after it.
fn is_in_the_middle(plan: &Plan, due: Timestamp) -> bool {
    let spans = || plan.results.values().filter_map(|result| Some((result.start?, result.end?)));
    // Most runs have begun, or ended, long before.
    if !spans().any(|(start, _)| !is_from(start, due)) || !spans().any(|(_, end)| end > due) {
        return false;
    }
    let mut spans: Vec<(Timestamp, Timestamp)> = spans().collect();
    sort_by(&mut spans, Ord::cmp);
    let mut end_of_chain: Option<Timestamp> = None;
    for (start, end) in spans {
        let follows = end_of_chain.is_some_and(|before| start.saturating_sub(PAUSE).is_ok_and(|start| start <= before));
        end_of_chain = match !is_from(start, due) || follows {
            true if follows => end_of_chain.max(Some(end)),
            true => Some(end),
            false => None,
        };
        if end_of_chain.is_some_and(|end| end > due) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::plan::PlanId;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_763_600_000 + minutes * 60).unwrap()
    }

    fn good(start: i64, end: i64) -> ModuleResult {
        ModuleResult::sample(at(start), at(end), 0)
    }

    /// The results of modules whose backups began and ended at these minutes.
    fn results(spans: &[(i64, i64)]) -> BTreeMap<ModuleId, ModuleResult> {
        let result =
            |(n, (start, end)): (usize, &(i64, i64))| (ModuleId::new(format!("m{n}")).unwrap(), good(*start, *end));
        spans.iter().enumerate().map(result).collect()
    }

    /// When an hourly plan was due whose backups began and ended at these minutes.
    fn due(spans: &[(i64, i64)]) -> Option<i64> {
        let mut plan = Plan::unknown(PlanId::new("2").unwrap());
        plan.results = results(spans);
        let elapses = Elapses { before: [120, 60, 0].map(at).into(), next: Some(at(180)) };
        elapses.of_run(&plan).map(|due| due.duration_since(at(0)).as_mins())
    }

    #[test]
    fn results_that_are_all_of_the_next_run_are_not_the_last_ones() {
        let result = |start: i64| good(start, start + 5);
        let mut plan = Plan::unknown(PlanId::new("2").unwrap());
        let [a, b] = ["a", "b"].map(|id| ModuleId::new(id).unwrap());
        plan.members = Some([a.clone(), b.clone()].into());
        plan.results = [(a, result(180)), (b.clone(), result(125))].into();
        let elapses = Elapses { before: [120, 60, 0].map(at).into(), next: Some(at(180)) };
        let overtaken = |plan: &Plan, now: i64| elapses.overtaken(plan, at(now));
        assert_eq!(overtaken(&plan, 190), None);
        plan.results.remove(&b);
        assert_eq!(overtaken(&plan, 190), None);
        plan.results.insert(b, result(185));
        assert_eq!(overtaken(&plan, 190), Some(at(182)));
        assert_eq!(overtaken(&plan, 179), Some(at(181)), "a node's clock is a minute ahead");
        assert_eq!(overtaken(&plan, 170), None, "nothing can have run since the future");
    }

    #[test]
    fn a_disabled_plan_was_due_if_its_run_took_place() {
        let mut plan = Plan::unknown(PlanId::new("2").unwrap());
        let elapses = Elapses { before: [120, 60, 0].map(at).into(), next: Some(at(180)) };
        for (spans, enabled, was_due) in [
            (vec![(0, 5)], true, true),
            (vec![(0, 5)], false, false),
            (vec![(120, 125)], false, true),
            // It went on at the next elapse, which has no run of its own.
            (vec![(60, 90), (90, 122)], false, true),
        ] {
            (plan.results, plan.enabled) = (results(&spans), enabled);
            assert_eq!(!elapses.due(&plan).is_empty(), was_due, "{spans:?}");
        }
    }

    #[test]
    fn only_layout_c_tries_a_busy_module_again() {
        let elapses = Elapses { before: [120, 60, 0].map(at).into(), next: Some(at(180)) };
        for (layout, due) in [(Layout::C, 60), (Layout::B, 120)] {
            let mut plan = Plan::unknown(PlanId::new("2").unwrap());
            plan.results = results(&[(60, 90), (130, 135)]);
            plan.results.values_mut().for_each(|result| result.layout = layout);
            assert_eq!(elapses.of_run(&plan), Some(at(due)), "{layout:?}");
        }
    }

    #[test]
    fn an_elapse_in_the_middle_of_a_run_has_no_run() {
        assert_eq!(due(&[]), Some(120));
        assert_eq!(due(&[(60, 90), (90, 110)]), Some(120), "over before it");
        assert_eq!(due(&[(120, 121), (60, 90)]), Some(120), "the next one has begun");
        assert_eq!(due(&[(60, 120)]), Some(120), "over just then");
        assert_eq!(due(&[(60, 120), (121, 130)]), Some(120), "over just then, and the next one has begun");
        assert_eq!(due(&[(60, 130)]), Some(60), "one backup spans it");
        assert_eq!(due(&[(60, 90), (90, 120), (120, 125)]), Some(60), "one follows the other");
        assert_eq!(due(&[(61, 100), (119, 121)]), Some(120), "a pause between, and a clock that is a minute ahead");
        assert_eq!(due(&[(0, 125)]), Some(0), "it spans two");
        assert_eq!(due(&[(-10, 125)]), Some(0), "the oldest that is known");
        assert_eq!(due(&[(60, 90), (130, 135)]), Some(60), "one that was busy is tried again for an hour");
        assert_eq!(due(&[(60, 90), (120, 125)]), Some(120), "one that begins with the next run");
        assert_eq!(due(&[(0, 50), (130, 135)]), Some(120), "longer ago than the retries take");
    }
}
