//! What a plan's earlier runs say about this one: what can be restored, and when it should be done. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::PlanFacts;
use crate::model::history::{self, History, LastGood};
use crate::model::order::map;
use crate::model::plan::{Layout, Module, ModuleId, ModuleResult, Plan};
use crate::model::run::Assessment;

/// Returns when `module` was last backed up, as far as the history and its last result say.
pub(super) fn last_good(facts: &PlanFacts, module: &ModuleId, now: Timestamp) -> Option<LastGood> {
    history::last_good(facts.history, facts.plan.results.get(module), module, now)
}

/// Returns when `module` last succeeded, as far as they say.
pub(super) fn last_success(facts: &PlanFacts, module: &ModuleId, now: Timestamp) -> Option<LastGood> {
    history::last_success(facts.history, facts.plan.results.get(module), module, now)
}

/// Returns the modules without a result of this run, each with when it should be done.
///
/// A node of layout C backs its modules up one after the other, in an order that is not known here: all that are
/// missing on it should be done once their usual durations have passed since its newest result. In layout B each
/// module starts by itself when the plan is due. `None` for a module of a node of which a duration is not known.
pub fn expected(
    plan: &Plan,
    assessment: &Assessment,
    history: Option<&History>,
) -> BTreeMap<ModuleId, Option<Timestamp>> {
    let missing = assessment.unsettled();
    let node = |id: &ModuleId| plan.modules.get(id).and_then(Module::node_of_run);
    let usual = |id: &ModuleId| {
        let recorded = history.and_then(|history| history.usual(id).seconds).map(Duration::from_secs);
        recorded.or_else(|| plan.results.get(id).and_then(ModuleResult::duration))
    };
    let done = |of: &str| {
        let on_node = |id: &ModuleId| node(id) == Some(of);
        let counts = |id: &ModuleId| !missing.contains(id) && on_node(id) && !plan.is_in_the_future(id);
        let settled = plan.results.iter().filter(|(id, _)| counts(id));
        let began = settled.filter_map(|(_, result)| result.end).max().or(assessment.due)?;
        let mut left = missing.iter().filter(|id| on_node(id)).map(usual);
        began.checked_add(left.try_fold(Duration::ZERO, |sum, usual| sum.checked_add(usual?))?).ok()
    };
    let one_by_one = plan.layout().is_none_or(|newest| newest == Layout::C);
    let expect = |id: &ModuleId| match one_by_one {
        true => done(node(id)?),
        false => assessment.due?.checked_add(usual(id)?).ok(),
    };
    map(missing.iter().map(|id| (id.clone(), expect(id))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::history::{ModuleRecord, RunRecord};
    use crate::model::plan::{Damage, Entry, Fault, PlanId};
    use crate::model::run::{Outcome, RunRule, State, assess};
    use crate::report::facts::tests::at;

    #[test]
    fn a_result_that_is_dated_ahead_puts_nothing_off() {
        let result = |start: i64, end: i64| ModuleResult::sample(at(start), at(end), 0);
        let [a, b] = ["a", "b"].map(|id| ModuleId::new(id).unwrap());
        let mut plan = Plan::unknown(PlanId::new("2").unwrap());
        plan.results = [(a.clone(), result(5, 600)), (b.clone(), result(-60, -40))].into();
        let module = |id: &ModuleId| (id.clone(), Module { node: Some("1".into()), ..Module::default() });
        plan.modules = [module(&a), module(&b)].into();
        let rule = RunRule { due: &[at(0)], ..RunRule::default() };
        let expected = |plan: &Plan| expected(plan, &assess(plan, &rule, at(30)), None);
        assert_eq!(expected(&plan), [(b.clone(), Some(at(620)))].into());
        plan.damaged = vec![Damage { entry: Entry::Result(a), fault: Fault::InTheFuture }];
        assert_eq!(expected(&plan), [(b, Some(at(20)))].into());
    }

    #[test]
    fn durations_that_a_file_makes_up_forecast_nothing() {
        let ids = ["a", "b"].map(|id| ModuleId::new(id).unwrap());
        let mut plan = Plan::unknown(PlanId::new("2").unwrap());
        plan.members = Some(ids.clone().into());
        plan.modules = ids.clone().map(|id| (id, Module { node: Some("1".into()), ..Module::default() })).into();
        let part = ModuleRecord { state: State::Success, seconds: Some(u64::MAX), ..ModuleRecord::default() };
        let mut states = [].into_iter();
        let run = RunRecord::new(&plan, None, at(-90), Outcome::Success, true, &mut states);
        let run = RunRecord { modules: ids.clone().map(|id| (id, part.clone())).into(), ..run };
        let history = History { runs: vec![run; 5], ..History::new(plan.id.clone()) };
        let assessment = assess(&plan, &RunRule { due: &[at(0)], ..RunRule::default() }, at(30));
        assert_eq!(expected(&plan, &assessment, Some(&history)), ids.map(|id| (id, None)).into());
    }
}
