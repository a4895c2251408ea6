//! Times that have not come yet, by this machine's clock.

use super::*;

fn future() -> ModuleResult {
    ModuleResult { end: Some(at("2026-12-01T06:55:00Z")), ..result(0) }
}

fn case() -> Case {
    Case::new("clocks").module("fut1", future()).missing(&[]).with(|case| {
        case.plan.damaged = vec![Damage { entry: Entry::Result(id("fut1")), fault: Fault::InTheFuture }];
    })
}

#[test]
fn the_newest_result_is_none_of_the_future() {
    let words = case().module("mail1", result(0)).words();
    assert!(words.contains("Newest result: 2026-11-22 02:12 Written"), "{words}");
    assert!(words.contains("fut1: 2026-12-01 06:55 (in the future), "), "{words}");
    let words = case().words();
    assert!(words.contains("Newest result: 2026-12-01 06:55 (in the future) Written"), "{words}");
    let italian = case().report(Language::It, text);
    assert!(italian.contains("Risultato più recente: 2026-12-01 06:55 (nel futuro)\n"), "{italian}");
    let ahead = ModuleResult { end: Some(at("2026-11-22T02:18:00Z")), ..result(0) };
    let words = Case::new("ahead").module("mail1", ahead).words();
    assert!(words.contains("Newest result: 2026-11-22 02:18 Written"), "clocks differ a little: {words}");
}

#[test]
fn a_failure_of_the_future_is_marked_too() {
    let failed = ModuleResult { errors: 1, ..future() };
    let words = Case::new("failed").module("fut1", failed.clone()).words();
    assert!(words.contains("Ran: 2026-11-22 01:00 to 2026-12-01 06:55 (in the future)"), "{words}");
    let many = (0..12).fold(Case::new("many"), |case, n| case.module(&format!("fut{n}"), failed.clone()));
    assert!(many.words().contains("fut11: node 1, 2026-12-01 06:55 (in the future), "), "{}", many.words());
}

#[test]
fn a_snapshot_of_the_future_has_no_age() {
    let newest = |newest: &str| {
        let verdict = Verdict::Healthy { snapshots: 1, newest: Some(at(newest)), in_use: None, checked: OPENED };
        Case::new("snapshot").module("mail1", result(1)).probes(vec![("nas", Some("mail1"), verdict)]).words()
    };
    assert!(newest("2030-01-01T00:00:00Z").contains("newest from 2030-01-01 00:00 (in the future)."));
    assert!(newest("2026-11-22T02:16:00Z").contains("newest from 2026-11-22 02:16 (0 s ago)."));
}

#[test]
fn a_time_that_has_passed_is_no_forecast() {
    for (time, is_said) in [("2026-11-22T04:30:00Z", true), ("2026-11-22T02:14:00Z", false)] {
        let case = Case::new("interim").module("mail1", result(1)).missing(&["imap2"]).with(|case| {
            let missing = [(id("imap2"), Some(at(time)))].into();
            case.interim = Some(Interim { missing, follows_until: Some(at("2026-11-22T14:14:00Z")) });
        });
        let words = case.words();
        assert_eq!(words.contains("imap2 (should be done by"), is_said, "{words}");
    }
}
