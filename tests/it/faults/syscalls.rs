//! Each call that changes the disk, on a job's way from its alert to its end: the process is killed there, and the call
//! fails there, one after the other.

use super::journey::Journey;
use crate::support::cases::side_by_side;
use crate::support::trace::{Call, Harm};

#[test]
fn each_durable_call_may_be_the_last_or_fail_on_the_straight_way() {
    walk("straight");
}

#[test]
fn each_durable_call_may_be_the_last_or_fail_while_a_run_is_followed() {
    walk("the run goes on");
}

#[test]
fn each_durable_call_may_be_the_last_or_fail_when_a_recipient_is_given_up() {
    walk("a recipient is refused for good");
}

fn walk(name: &str) {
    let journey = Journey::named(name);
    let unharmed = journey.make(Box::new(|_| None));
    let calls = &unharmed.calls;
    assert!(calls.len() > 40, "{calls:#?}");
    // Before the answer.
    let find = |wanted: fn(&Call) -> bool| calls.iter().position(wanted).unwrap();
    let first_store =
        find(|call| call.path.ends_with(".json.tmp"))..=find(|call| call.name == "fsync" && call.path == "queue");
    let each = |harm| (0..calls.len()).map(move |at| (at, harm));
    // Those that wait first.
    let cases: Vec<(usize, Harm)> = each(Harm::Fail).chain(each(Harm::KillBefore)).collect();
    println!("{} cases", cases.len());
    side_by_side(&cases, |&(at, harm)| {
        let outcome = journey.make(Box::new(move |calls| (calls.len() == at + 1).then_some(harm)));
        let context = format!("{name}: {harm:?} at {at}, {} {}", calls[at].name, calls[at].path);
        assert!(outcome.calls.len() > at, "it did not come to that: {context}");
        assert_eq!(outcome.calls[at].name, calls[at].name, "{context}");
        assert_eq!(outcome.killed, harm != Harm::Fail, "{context}");
        let refusals = usize::from(harm == Harm::Fail && first_store.contains(&at));
        assert_eq!(outcome.refused, refusals, "answers of 503: {context}");
        outcome.compare(&unharmed, harm, &context);
    });
}
