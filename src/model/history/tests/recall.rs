//! What the history knows of modules that have moved.

use super::*;
use crate::model::plan::Module;

/// A plan whose module `a` failed on node 1.
fn failed(node: Option<&str>) -> Plan {
    let mut plan = Plan::unknown(PlanId::new("2").unwrap());
    plan.members = Some([id("a")].into());
    let (total_size, total_file_count, snapshots_count) = (Some(0), Some(0), Some(0));
    let result = ModuleResult { total_size, total_file_count, snapshots_count, ..ended(60, 3) };
    plan.results = [(id("a"), result)].into();
    plan.modules = [(id("a"), Module { node: node.map(String::from), ..Module::default() })].into();
    plan
}

fn record(plan: &Plan) -> RunRecord {
    let a = id("a");
    RunRecord::new(plan, Some(at(0)), at(60), Outcome::RepoFailure, true, &mut [(&a, Error)].into_iter())
}

#[test]
fn a_failure_is_recalled_as_it_was_and_where() {
    let plan = failed(Some("1"));
    let known = history([record(&plan)]);
    let known: History = serde_json::from_str(&serde_json::to_string(&known).unwrap()).unwrap();
    let mut moved = failed(Some("2"));
    moved.results.clear();
    let recalled = known.recall(&moved, at(0), at(DAY)).unwrap();
    let result = &recalled.results["a"];
    assert_eq!((result.errors, result.size(), result.snapshots_count), (3, None, Some(0)));
    let module = &recalled.modules["a"];
    assert_eq!((module.node.as_deref(), module.node_of_run()), (Some("2"), Some("1")));
    // Another reading of the run does not take it for one of the new node's.
    let known = history([record(&plan), record(&recalled)]);
    assert_eq!(known.runs[0].modules["a"].node, Some(1));

    moved.modules = plan.modules;
    assert_eq!(known.recall(&moved, at(0), at(DAY)).unwrap().modules["a"].ran_on, None, "it is still there");
}

#[test]
fn of_a_failure_that_an_earlier_version_recorded_the_node_is_not_known() {
    let mut old = record(&failed(None));
    old.modules.values_mut().for_each(|part| part.errors = 0);
    let mut moved = failed(Some("2"));
    moved.results.clear();
    let recalled = history([old]).recall(&moved, at(0), at(DAY)).unwrap();
    assert_eq!((recalled.results["a"].errors, recalled.modules["a"].node_of_run()), (1, None));
    assert_eq!(record(&recalled).modules["a"].node, None);
}
