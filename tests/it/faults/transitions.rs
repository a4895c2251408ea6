//! Each transition that a job can make, and a death of the process right before it is on disk and right after.

use std::collections::BTreeSet;

use serde_json::Value;

use super::journey::JOURNEYS;
use crate::support::cases::side_by_side;
use crate::support::trace::{Call, Harm};

const PAGE: &str = include_str!("../../../docs/development.md");
const SOURCE: &str = include_str!("../../../src/job/step.rs");

/// A transition: the stages, and the number of the call by which it comes to disk.
type Transition = (String, String, usize);

#[test]
fn each_transition_is_made_and_a_kill_before_or_after_it_changes_nothing() {
    let unharmed: Vec<_> = JOURNEYS.iter().map(|journey| journey.make(Box::new(|_| None))).collect();
    let mut made = BTreeSet::new();
    let mut cases = Vec::new();
    for (journey, outcome) in unharmed.iter().enumerate() {
        let transitions = transitions(&outcome.calls);
        println!("{}: {transitions:?}", JOURNEYS[journey].name);
        cases.extend((1..=transitions.len()).map(|count| (journey, count)));
        made.extend(transitions.into_iter().map(|(from, to, _)| (from, to)));
    }
    assert_eq!(made, listed(), "made, and listed in docs/development.md");
    let cases: Vec<_> = [Harm::KillBefore, Harm::KillAfter]
        .iter()
        .flat_map(|harm| cases.iter().map(move |case| (*case, *harm)))
        .collect();
    println!("{} cases", cases.len());
    side_by_side(&cases, |&((journey, count), harm)| {
        let outcome = JOURNEYS[journey].make(Box::new(move |calls| is_at(calls, count, harm).then_some(harm)));
        let context = format!("{}: {harm:?} of {:?}", JOURNEYS[journey].name, transitions(&outcome.calls).last());
        assert!(outcome.killed, "it did not come to that: {context}");
        outcome.compare(&unharmed[journey], harm, &context);
    });
}

#[test]
fn the_page_and_the_source_draw_the_same_machine() {
    let drawing = |text: &'static str, margin: &str| -> Vec<&str> {
        let from_first = text.lines().skip_while(|line| !line.contains("──── the run is over")).map(str::trim_end);
        from_first.take_while(|line| line.contains(['│', '─', '▼'])).map(|line| &line[margin.len()..]).collect()
    };
    let drawn = drawing(PAGE, "    ");
    assert!(drawn.len() > 6, "{drawn:#?}");
    assert_eq!(drawn, drawing(SOURCE, "//! "));
}

/// The transitions that the page lists, in its table "from, to, when".
fn listed() -> BTreeSet<(String, String)> {
    let table = PAGE.lines().skip_while(|line| !line.starts_with("| from | to |")).skip(2);
    let rows = table.take_while(|line| line.starts_with('|')).map(|line| line.split('|').map(str::trim).collect());
    rows.map(|cells: Vec<&str>| (cells[1].into(), cells[2].into())).collect()
}

/// Whether the last call is the one at which the transition with this number, from 1, comes to disk: its file gets its
/// name, or for a kill that comes after, the folder is flushed.
fn is_at(calls: &[Call], count: usize, harm: Harm) -> bool {
    let transitions = transitions(calls);
    let Some((.., at)) = transitions.last().filter(|_| transitions.len() == count) else { return false };
    let since = &calls[*at..];
    let flushes = since.iter().filter(|call| is_flush(call)).count();
    match harm {
        Harm::KillBefore => since.len() == 1,
        _ => since.last().is_some_and(is_flush) && flushes == 1,
    }
}

fn is_flush(call: &Call) -> bool {
    call.name == "fsync" && call.path == "queue"
}

/// The transitions that these calls have made. The record of a single delivery is none, but a further attempt is.
fn transitions(calls: &[Call]) -> Vec<Transition> {
    let mut transitions = Vec::new();
    let mut last: Option<(String, u64)> = None;
    for (at, call) in calls.iter().enumerate() {
        let Some(next) = stage(call) else { continue };
        if let Some((from, attempts)) = last.replace(next.clone())
            && (from != next.0 || attempts < next.1)
        {
            transitions.push((from, next.0, at));
        }
    }
    transitions
}

/// The stage that a call brings to disk, and the attempts so far if it is "delivering".
fn stage(call: &Call) -> Option<(String, u64)> {
    match (call.name, &call.content) {
        ("rename", Some(content)) if call.path.ends_with(".json.tmp") && call.path.starts_with("queue/") => {
            let job: Value = serde_json::from_slice(content).unwrap();
            let name = job["stage"].as_str().map(String::from);
            let name = name.or_else(|| job["stage"].as_object()?.keys().next().cloned()).unwrap();
            Some((name, job["stage"]["delivering"]["attempts"].as_u64().unwrap_or_default()))
        }
        // The durable form of "done" is that the file is gone.
        ("unlink", _) if call.path.ends_with(".json") && call.path.starts_with("queue/") => Some(("done".into(), 0)),
        _ => None,
    }
}
