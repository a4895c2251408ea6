//! What the runs on record say together.

use super::*;
use crate::model::reason::Reason;

#[test]
fn the_last_good_backup_is_what_can_be_restored() {
    let mut runs = vec![
        run(0, &[("a", Success, Some(1)), ("b", Success, Some(1))]),
        run(1, &[("a", Error, Some(1)), ("b", Success, Some(1))]),
        run(2, &[("b", Success, Some(1))]),
        run(3, &[("a", Stale, None), ("b", Success, Some(1)), ("c", Error, Some(3))]),
    ];
    runs[3].outcome = Outcome::Missed;
    let history = history(runs);
    assert_eq!(["a", "b", "c", "d"].map(|name| history.module_failed_in_a_row(&id(name))), [2, 0, 1, 0]);
    assert_eq!(good(&history, "a"), Some((at(1), false)));
    assert_eq!(good(&history, "b"), Some((at(3 * DAY + 1), false)));
    assert_eq!(good(&history, "c"), None);
    assert_eq!(history.failed_in_a_row(), 1);
    assert_eq!(history.marks(), "+x+!");
    assert_eq!(history.module_marks(&id("a")), "+x -");
}

#[test]
fn a_run_that_nobody_saw_ends_a_row() {
    let failed = |number: i64| night(number, &[("a", Error, Some(1))]);
    let in_a_row = |runs: Vec<RunRecord>| {
        let history = history(runs);
        assert_eq!(history.failed_in_a_row(), history.module_failed_in_a_row(&id("a")));
        history.failed_in_a_row()
    };
    assert_eq!(in_a_row([0, 1, 2].map(failed).into()), 3);
    assert_eq!(in_a_row([0, 1, 3, 4].map(failed).into()), 2, "nobody saw the third night");
    let long = RunRecord { at: at(2 * DAY + 5), ..failed(1) };
    assert_eq!(in_a_row(vec![failed(0), long, failed(3)]), 3, "the run before went on when it was due");
    let mut missed = night(1, &[("a", Stale, None)]);
    (missed.outcome, missed.at) = (Outcome::Missed, at(2 * DAY + 5));
    assert_eq!(in_a_row(vec![failed(0), missed.clone(), failed(2)]), 3);
    assert_eq!(in_a_row(vec![failed(0), missed, failed(3)]), 1);
    let busy = night(1, &[("a", Error, Some(1)), ("b", Stale, None)]);
    let busy = RunRecord { at: at(2 * DAY - 3000), ..busy };
    assert_eq!(in_a_row(vec![busy.clone(), failed(3)]), 2, "it still tried the busy module again");
    let begun = RunRecord { over: false, ..busy };
    assert_eq!(in_a_row(vec![begun, failed(3)]), 1, "nobody saw how it went on");
    let history = history([failed(0), failed(2), night(3, &[("a", Success, Some(1))])]);
    assert_eq!(history.recovered_from(), Some(1));
}

#[test]
fn across_a_run_that_nobody_saw_the_last_good_backup_may_be_a_later_one() {
    let failed = |number: i64| night(number, &[("a", Error, Some(1))]);
    let known = night(0, &[("a", Success, Some(1))]);
    assert_eq!(good(&history([known.clone(), failed(1), failed(2)]), "a"), Some((at(1), false)));
    assert_eq!(good(&history([known.clone(), failed(1), failed(3)]), "a"), Some((at(1), true)));
    let begun = RunRecord { over: false, ..night(1, &[("a", Stale, None)]) };
    assert_eq!(good(&history([known.clone(), begun.clone()]), "a"), Some((at(1), false)), "it is this run");
    assert_eq!(good(&history([known.clone(), begun, failed(2)]), "a"), Some((at(1), true)), "nobody saw its end");

    let seen = history([known, failed(1), failed(3)]);
    let last = |end, errors| last_good(Some(&seen), Some(&ended(end, errors)), &id("a"), at(4 * DAY)).unwrap();
    let of = |end, or_later| LastGood { at: at(end), or_later, with_errors: false };
    assert_eq!(last(2 * DAY + 1, 0), of(2 * DAY + 1, false), "nothing came after it");
    assert_eq!(last(3 * DAY + 1, 1), of(1, true));
    assert_eq!(last(5 * DAY, 0), of(1, true), "of a clock that was ahead");
}

/// Its retention failed: what the log shows of this run stays known.
#[test]
fn a_snapshot_that_was_written_can_be_restored_although_its_run_failed() {
    let failed = |number: i64| night(number, &[("a", Error, Some(1)), ("b", Stale, None)]);
    let logged = |number: i64, cause: Option<Cause>| {
        let mut run = failed(number);
        let reason = Reason { snapshot_written: Some(true), cause, ..Reason::default() };
        let modules = [(id("a"), reason.clone()), (id("b"), reason)].into();
        run.learn(&Reasons { modules, ..Reasons::default() });
        run
    };
    let known = night(0, &[("a", Success, Some(1)), ("b", Success, Some(1))]);
    let retention = logged(1, Some(Cause::RetentionFailed));
    // The watch, which reads no log, looks at the same run later.
    let seen = history([known.clone(), failed(1), retention.clone(), failed(1), failed(2)]);
    let seen: History = serde_json::from_str(&serde_json::to_string(&seen).unwrap()).unwrap();
    let of =
        |module: &str, counted: fn(_, _, &ModuleId, _) -> _| counted(Some(&seen), None, &id(module), Timestamp::MAX);
    let good = LastGood { at: at(DAY + 1), or_later: false, with_errors: true };
    assert_eq!(of("a", last_good), Some(good));
    assert_eq!(of("a", last_success), Some(LastGood { at: at(1), or_later: false, with_errors: false }));
    // When it ended is not known.
    assert_eq!(of("b", last_good), Some(LastGood { at: at(1), or_later: true, with_errors: false }));
    assert_eq!(seen.module_failed_in_a_row(&id("a")), 2, "a failure is a failure");

    let incomplete = history([known, logged(1, Some(Cause::SourceUnreadable))]);
    assert_eq!(incomplete.last_good(&id("a"), Timestamp::MAX).unwrap().at, at(1), "files are missing in it");
    let begun = RunRecord { over: false, ..retention };
    let succeeded = night(1, &[("a", Success, Some(9)), ("b", Stale, None)]);
    assert!(!history([begun, succeeded]).runs[0].modules["a"].snapshot_written, "another result of it");
}

#[test]
fn the_success_before_a_run_without_a_result_stays_on_record() {
    let mut plan = Plan::unknown(PlanId::new("2").unwrap());
    plan.results = [(id("a"), ended(8 * DAY + 1, 0)), (id("b"), ended(8 * DAY + 1, 1))].into();
    let states = [(id("a"), Stale), (id("b"), Stale)];
    let mut states = states.iter().map(|(id, state)| (id, *state));
    let interim = RunRecord::new(&plan, Some(at(9 * DAY)), at(9 * DAY), Outcome::RepoFailure, false, &mut states);
    let interim = RunRecord { previous_due: Some(at(8 * DAY)), ..interim };
    let long_ago = night(0, &[("a", Success, Some(1)), ("b", Success, Some(1))]);
    let seen = history([long_ago, interim, night(9, &[("a", Error, Some(5)), ("b", Error, Some(6))])]);
    assert_eq!(good(&seen, "a"), Some((at(8 * DAY + 1), false)), "its result of this run has taken the place");
    assert_eq!(good(&seen, "b"), Some((at(1), true)));
    let next = night(10, &[("a", Error, Some(1))]);
    let states = [(id("a"), Stale)];
    let mut states = states.iter().map(|(id, state)| (id, *state));
    let missed = RunRecord::new(&plan, Some(at(9 * DAY)), at(9 * DAY), Outcome::Missed, true, &mut states);
    let seen = history([RunRecord { previous_due: Some(at(8 * DAY)), ..missed }, next]);
    assert_eq!(good(&seen, "a"), Some((at(8 * DAY + 1), false)));
    let again: History = serde_json::from_str(&serde_json::to_string(&seen).unwrap()).unwrap();
    assert_eq!(again, seen);
}

#[test]
fn until_a_time_that_nobody_saw_the_row_ends() {
    let failed = |number: i64| night(number, &[("a", Error, Some(1))]);
    let met = |number: i64| RunRecord { previous_due: Some(at(number * DAY + 9000)), ..failed(number) };
    assert_eq!(history([failed(0), failed(1), met(6)]).failed_in_a_row(), 1);
    assert_eq!(history([failed(0), failed(1), met(6), failed(7)]).failed_in_a_row(), 2);
}

#[test]
fn all_is_well_again_after_as_many_failures_as_are_known() {
    let with = |night: RunRecord, state| {
        let modules = night.modules.into_iter().map(|(id, part)| (id, ModuleRecord { state, ..part })).collect();
        let outcome = if state == Success { Outcome::Success } else { Outcome::RepoFailure };
        RunRecord { modules, outcome, ..night }
    };
    let on = |number| night(number, &[("a", Success, Some(1)), ("b", Success, Some(2))]);
    let [good, bad] = [Success, Error].map(|state| move |number| with(on(number), state));
    assert_eq!(history([good(0), bad(1), bad(2), good(3)]).recovered_from(), Some(2));
    assert_eq!(history([bad(0), bad(1), good(6)]).recovered_from(), Some(0), "nobody saw the nights between");
    assert_eq!(history([good(0), good(1)]).recovered_from(), None, "it failed, and was repeated in the same run");
    assert_eq!(history([good(0), bad(1), bad(2)]).recovered_from(), None);
    let by_hand = RunRecord { due: None, previous_due: None, ..run(1, &[("b", Success, Some(9))]) };
    assert_eq!(history([bad(0), bad(1), by_hand, good(2)]).recovered_from(), Some(0), "of one module alone");
}

#[test]
fn trouble_is_what_failed_and_ends_with_the_next_run_but_one() {
    let reported = |run: RunRecord| RunRecord { reported: Some(at(60)), ..run };
    let begun = RunRecord { over: false, ..night(0, &[("a", Success, Some(1)), ("b", Stale, None)]) };
    assert_eq!(history([reported(begun)]).trouble, None, "the run goes on, and nothing has failed in it");
    let good = |number| night(number, &[("a", Success, Some(1)), ("b", Success, Some(2))]);
    let bad = night(0, &[("a", Success, Some(1)), ("b", Error, Some(2))]);
    let by_hand = RunRecord { due: None, previous_due: None, ..run(0, &[("a", Success, Some(9))]) };
    let mut known = history([reported(bad), by_hand, good(1)]);
    assert_eq!(known.trouble, Some(at(60)), "that it is over is still to be said");
    known.record(good(2));
    assert_eq!(known.trouble, None);
}

#[test]
fn the_last_good_backup_is_known_although_its_run_is_no_longer_on_record() {
    let failed = |number: i64| night(number, &[("a", Error, Some(1)), ("b", Stale, None)]);
    let first = night(0, &[("a", Success, Some(1)), ("b", Success, Some(2)), ("c", Success, Some(3))]);
    let full = |runs: &[RunRecord]| history(runs.iter().cloned().chain((1..70).map(failed)));
    let known = full(std::slice::from_ref(&first));
    assert_eq!(["a", "b", "c"].map(|name| good(&known, name)), [Some((at(1), false)), Some((at(2), false)), None]);
    assert_eq!(known.failed_in_a_row(), MAX_RUNS);
    assert!(known.is_cut_off(MAX_RUNS) && !known.is_cut_off(MAX_RUNS - 1));
    assert!(!history((0..4).map(failed)).is_cut_off(4), "all runs are on record");
    let mut again = known.clone();
    again.record(night(70, &[("a", Success, Some(1)), ("b", Success, Some(2))]));
    assert_eq!(again.recovered_from(), Some(MAX_RUNS - 1));
    assert!(again.is_cut_off(MAX_RUNS - 1), "beside the good one");
    // Nobody saw the night between: what it left is not known.
    let unseen = history([first].into_iter().chain((2..70).map(failed)));
    assert_eq!(good(&unseen, "a"), None);
}

#[test]
fn a_run_by_hand_long_after_another_is_one_of_its_own() {
    const HOUR: i64 = 3600;
    let failed = run(0, &[("a", Error, Some(600)), ("b", Success, Some(1200))]);
    let again = run(0, &[("a", Success, Some(7 * HOUR)), ("b", Success, Some(1200))]);
    let later = |state, end| {
        let parts = [("a", Success, Some(7 * HOUR)), ("b", state, Some(end))];
        RunRecord { at: at(end), ..run(0, &parts) }
    };
    let mut known = history([failed.clone(), again.clone()]);
    assert_eq!(known.recovered_from(), Some(1));
    for _ in 0..2 {
        known.record(later(Error, 16 * HOUR));
        assert_eq!((known.runs.len(), known.failed_in_a_row()), (3, 1), "it was well in between");
    }
    known.record(later(Success, 19 * HOUR));
    assert_eq!((known.runs.len(), known.recovered_from()), (4, Some(1)));
    // One module after the other.
    let known = history([failed, again, later(Error, 7 * HOUR + 200)]);
    assert_eq!(known.runs.len(), 2);
}

#[test]
fn a_module_that_ends_hours_after_the_others_is_of_their_run_if_its_due_time_is_known() {
    let hours = 3 * 3600;
    let mut known = history([run(0, &[("a", Success, Some(1))])]);
    let whole = run(0, &[("a", Success, Some(1)), ("b", Success, Some(hours))]);
    known.record(whole.clone());
    assert_eq!(known.runs.len(), 1);
    assert_eq!(known.runs[0].modules, whole.modules);
}

#[test]
fn a_run_without_a_failure_whose_end_nobody_saw_has_a_mark_of_its_own() {
    let open = |night, state| RunRecord { over: false, ..run(night, &[("a", Success, Some(1)), ("b", state, None)]) };
    let mut known = history([open(0, Missing), run(1, &[("a", Success, Some(1)), ("b", Missing, None)])]);
    known.record(open(2, Error));
    assert_eq!(known.marks(), "?xx");
}
