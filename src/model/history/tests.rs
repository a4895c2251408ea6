use super::*;
use crate::model::run::{RunRule, assess};

mod recall;
mod rows;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_763_600_000 + seconds).unwrap()
}

fn id(name: &str) -> ModuleId {
    ModuleId::new(name).unwrap()
}

const DAY: i64 = 86_400;

/// A night's run: for each module its state, and its end in seconds after the run was due.
fn run(night: i64, modules: &[(&str, State, Option<i64>)]) -> RunRecord {
    let good = modules.iter().all(|(_, state, _)| *state == State::Success);
    let part = |(name, state, end): &(&str, State, Option<i64>)| {
        let end = end.map(|end| at(night * DAY + end));
        (
            id(name),
            ModuleRecord {
                state: *state,
                end,
                seconds: Some(100),
                size: Some(1 << 30),
                files: Some(9),
                ..ModuleRecord::default()
            },
        )
    };
    RunRecord {
        due: Some(at(night * DAY)),
        previous_due: None,
        at: at(night * DAY + 1000),
        outcome: if good { Outcome::Success } else { Outcome::Partial },
        over: true,
        reported: None,
        modules: modules.iter().map(part).collect(),
    }
}

fn history(runs: impl IntoIterator<Item = RunRecord>) -> History {
    let mut history = History::new(PlanId::new("2").unwrap());
    for run in runs {
        history.record(run);
    }
    history
}

/// The last good backup of a module, and whether there may be a later one.
fn good(history: &History, name: &str) -> Option<(Timestamp, bool)> {
    history.last_good(&id(name), Timestamp::MAX).map(|good| (good.at, good.or_later))
}

/// A night's run, the night before being known.
fn night(night: i64, parts: &[(&str, State, Option<i64>)]) -> RunRecord {
    RunRecord { previous_due: Some(at((night - 1) * DAY)), ..run(night, parts) }
}

use State::{Error, Missing, Stale, Success};

#[test]
fn a_run_that_is_seen_again_is_recorded_once() {
    let early = run(0, &[("a", Success, Some(1)), ("b", Missing, None)]);
    let late = run(0, &[("a", Success, Some(1)), ("b", Error, Some(5))]);
    let mut history = history([early.clone()]);
    assert!(!history.record(early));
    assert!(history.record(late.clone()));
    assert!(!history.record(late.clone()));
    assert_eq!(history.runs, [late]);
}

#[test]
fn without_a_due_time_a_run_is_known_by_its_results() {
    let plain = |mut run: RunRecord| {
        run.due = None;
        run
    };
    let mut history = history([plain(run(0, &[("a", Success, Some(1)), ("b", Stale, None)]))]);
    assert!(history.record(plain(run(0, &[("a", Success, Some(1)), ("b", Success, Some(7))]))));
    assert!(history.record(plain(run(1, &[("a", Success, Some(1)), ("b", Stale, None)]))));
    assert_eq!(history.runs.len(), 2);
    // The schedule was edited in the afternoon: the night's run keeps its due time.
    history.record(run(2, &[("a", Error, Some(1))]));
    assert!(!history.record(plain(run(2, &[("a", Error, Some(1))]))));
    assert_eq!(history.runs.len(), 3);
}

#[test]
fn a_run_by_hand_does_not_replace_the_one_before() {
    let good = run(1, &[("a", Success, Some(1)), ("b", Success, Some(2))]);
    let by_hand = run(1, &[("a", Error, Some(7)), ("b", Success, Some(2))]);
    let its_end = run(1, &[("a", Error, Some(7)), ("b", Success, Some(8))]);
    let bad = run(0, &[("a", Error, Some(0)), ("b", Success, Some(0))]);
    let mut known = history([bad.clone(), good.clone(), by_hand]);
    let begun = RunRecord { due: None, ..run(1, &[("a", Error, Some(7))]) };
    assert_eq!(known.runs[2], RunRecord { outcome: Outcome::RepoFailure, ..begun });
    known.record(its_end.clone());
    known.record(its_end.clone());
    assert_eq!(known.runs, [bad, good, RunRecord { due: None, ..its_end }]);
    assert_eq!(known.failed_in_a_row(), 1);
    let repeated = run(1, &[("a", Success, Some(60)), ("b", Success, Some(8))]);
    known.record(repeated.clone());
    known.record(repeated);
    let repeated = RunRecord { due: None, ..run(1, &[("a", Success, Some(60))]) };
    assert_eq!(known.runs[3..], [repeated]);
    assert_eq!(known.recovered_from(), Some(1));
}

#[test]
fn the_same_results_are_one_run_although_the_schedule_was_edited_to_another_time_before_them() {
    let failed = run(1, &[("a", Success, Some(100)), ("b", Error, Some(200)), ("c", Stale, None)]);
    let edited = RunRecord { due: Some(at(DAY - 70)), reported: Some(at(DAY + 300)), ..failed.clone() };
    let mut known = history([failed.clone()]);
    known.record(edited.clone());
    assert_eq!(known.runs, [RunRecord { due: failed.due, ..edited.clone() }]);
    let later = run(2, &[("a", Success, Some(1)), ("b", Error, Some(2)), ("c", Success, Some(3))]);
    known.record(later.clone());
    assert!(!known.record(edited));
    assert_eq!(known.failed_in_a_row(), 2);
    // A result of the next run that was counted as one of this run too makes them no single one.
    let mixed = run(1, &[("a", Success, Some(DAY + 1)), ("b", Error, Some(200))]);
    assert_eq!(history([mixed, later]).runs.len(), 2);
    let missed = |night| RunRecord { outcome: Outcome::Missed, ..run(night, &[("a", Stale, None)]) };
    assert_eq!(history([missed(1), missed(2)]).runs.len(), 2);
}

#[test]
fn a_run_that_a_clock_that_was_ahead_said_was_missed_is_gone_once_nothing_was_due_then() {
    let missed = RunRecord { outcome: Outcome::Missed, reported: Some(at(60)), ..night(9, &[("a", Stale, None)]) };
    let good = |night: i64, previous: i64| RunRecord {
        due: Some(at(night * DAY + 3600)),
        previous_due: Some(at(previous * DAY + 3600)),
        ..run(night, &[("a", Success, Some(4000))])
    };
    let mut known = history([good(1, 0), missed.clone(), good(8, 7)]);
    assert_eq!(known.marks(), "++!");
    known.record(good(9, 8));
    assert_eq!(known.marks(), "+++");
    // It was due then, or somebody looked only later.
    for previous_due in [missed.due, None, Some(at(9 * DAY + 1800))] {
        let next = RunRecord { previous_due, ..good(9, 8) };
        assert_eq!(history([good(8, 7), missed.clone(), next]).marks(), "+!+");
    }
}

#[test]
fn a_module_that_moves_to_another_node_keeps_its_part() {
    let good = run(1, &[("a", Success, Some(1)), ("b", Success, Some(2))]);
    let moved = run(1, &[("a", Missing, None), ("b", Success, Some(2))]);
    let history = history([good.clone(), RunRecord { outcome: Outcome::Partial, ..moved }]);
    assert_eq!(history.runs, [good]);
}

#[test]
fn a_module_that_joins_after_a_run_is_no_part_of_it() {
    let good = run(1, &[("a", Success, Some(1))]);
    let later = run(1, &[("a", Success, Some(1)), ("b", Missing, None)]);
    let history = history([good.clone(), RunRecord { outcome: Outcome::Partial, ..later }]);
    assert_eq!(history.runs, [good]);
}

#[test]
fn a_report_is_remembered_as_long_as_it_says_what_is_so() {
    let first = run(0, &[("a", Error, Some(1)), ("b", Missing, None)]);
    let mut history = history([RunRecord { reported: Some(at(60)), over: false, ..first.clone() }]);
    assert!(!history.record(RunRecord { over: false, ..first.clone() }));
    assert_eq!(history.runs[0].reported, Some(at(60)));
    // The last word has not been mailed yet, but the trouble is known.
    history.record(first);
    assert_eq!(history.runs[0].reported, None);
    assert_eq!(history.trouble, Some(at(60)));
    let good = run(0, &[("a", Success, Some(9)), ("b", Success, Some(9))]);
    history.record(good.clone());
    assert_eq!(history.trouble, Some(at(60)));
    history.record(RunRecord { reported: Some(at(90)), ..good });
    assert_eq!(history.trouble, None);
}

#[test]
fn a_run_that_is_over_stays_so_until_something_has_run_since() {
    let first = run(0, &[("a", Error, Some(1)), ("b", Missing, None)]);
    let mut history = history([RunRecord { reported: Some(at(60)), ..first.clone() }]);
    // A later look may not read the log that said so.
    assert!(!history.record(RunRecord { over: false, ..first }));
    let late = run(0, &[("a", Error, Some(1)), ("b", Success, Some(9))]);
    history.record(RunRecord { over: false, ..late });
    assert!(!history.runs[0].over);
}

#[test]
fn a_run_with_results_does_not_become_a_missed_one() {
    let mut history = history([run(0, &[("a", Success, Some(1))])]);
    let others = RunRecord { outcome: Outcome::Missed, ..run(0, &[("b", Missing, None)]) };
    history.record(others);
    assert_eq!(history.runs[0].outcome, Outcome::Success);
}

#[test]
fn a_missed_run_stays_one_when_a_module_leaves_the_plan() {
    let missed = |names: &[&str]| {
        let parts: Vec<_> = names.iter().map(|name| (*name, Stale, None)).collect();
        RunRecord { outcome: Outcome::Missed, ..run(0, &parts) }
    };
    let mut known = history([missed(&["a", "b"])]);
    known.record(missed(&["a"]));
    assert_eq!(known.runs, [missed(&["a", "b"])]);
}

#[test]
fn a_snapshot_of_one_attempt_is_none_of_the_next() {
    let failed = |end| RunRecord { over: false, ..run(0, &[("a", Error, Some(end)), ("b", Missing, None)]) };
    let written = |end| {
        let mut run = failed(end);
        run.modules.get_mut("a").unwrap().snapshot_written = true;
        run
    };
    for (end, is_it) in [(100, true), (200, false)] {
        let mut known = history([written(100)]);
        known.record(failed(end));
        assert_eq!((known.runs.len(), known.runs[0].modules["a"].snapshot_written), (1, is_it), "{end}");
    }
}

#[test]
fn what_a_clock_that_was_ahead_has_dated_is_forgotten() {
    let missed = |night| RunRecord { outcome: Outcome::Missed, ..run(night, &[("a", Stale, None)]) };
    let undated = |run: RunRecord| RunRecord { due: None, ..run };
    let by_its_node = undated(run(30, &[("a", Error, Some(1))]));
    let last = run(1, &[("a", Error, Some(1))]);
    let ahead = [missed(30), undated(missed(31)), run(32, &[("a", Success, Some(1))])];
    let mut history = history([last.clone(), by_its_node.clone()].into_iter().chain(ahead));
    history.not_after(at(DAY - 300));
    assert_eq!(history.runs, [last, by_its_node.clone()]);
    history.not_after(at(DAY - 301));
    assert_eq!(history.runs, [by_its_node], "more than five minutes ahead");
}

#[test]
fn only_the_last_runs_are_kept_in_order() {
    let nights = (0..70).map(|night| run(night, &[("a", Success, Some(1))]));
    let mut history = history(nights);
    assert_eq!(history.runs.len(), MAX_RUNS);
    assert_eq!(history.runs[0].due, Some(at(10 * DAY)));
    assert!(!history.record(run(3, &[("a", Error, Some(1))])), "long forgotten");
    history.runs.remove(30);
    history.record(run(40, &[("a", Error, Some(1))]));
    assert!(history.runs.is_sorted_by_key(|run| run.due));
}

#[test]
fn a_module_that_leaves_the_plan_stays_in_the_run() {
    let failed = run(1, &[("a", Success, Some(1)), ("b", Error, Some(2)), ("c", Missing, None)]);
    let left = run(1, &[("a", Success, Some(1))]);
    assert!(left.is_good());
    let mut known = history([RunRecord { reported: Some(at(60)), ..failed.clone() }]);
    assert!(!known.recorded(left.clone()).is_good());
    assert!(!known.record(left.clone()), "nothing has run since");
    assert_eq!(known.runs, [RunRecord { reported: Some(at(60)), ..failed.clone() }]);
    // In a run that goes on, nobody waits for it any more.
    let known = history([RunRecord { over: false, ..failed }, left]);
    assert_eq!(known.runs[0].modules.keys().collect::<Vec<_>>(), [&id("a"), &id("b")]);
    assert!(known.runs[0].is_bad());
}

#[test]
fn a_run_keeps_its_outcome_when_a_module_that_failed_leaves_the_plan() {
    let failed = run(1, &[("a", Error, Some(1)), ("b", Stale, None), ("c", Error, Some(2))]);
    let left = run(1, &[("a", Error, Some(1)), ("b", Stale, None)]);
    let known = history([failed.clone(), left]);
    assert_eq!(known.runs, [failed]);
}

#[test]
fn a_success_that_is_dated_ahead_is_none_although_another_module_leaves_the_plan() {
    let ahead = |parts: &[(&str, State, Option<i64>)]| RunRecord { outcome: Outcome::RepoFailure, ..run(1, parts) };
    let both = ahead(&[("a", Success, Some(9000)), ("c", Success, Some(2))]);
    let mut known = history([both.clone(), ahead(&[("a", Success, Some(9000))])]);
    assert_eq!(known.runs[0].outcome, Outcome::RepoFailure);
    // Its time has come.
    known.record(run(1, &[("a", Success, Some(9000))]));
    assert_eq!(known.runs[0].outcome, Outcome::Success);
    // A run by hand.
    let known = history([run(1, &[("c", Success, Some(2)), ("a", Success, Some(1))]), both]);
    assert_eq!(known.runs.iter().map(|run| run.outcome).collect::<Vec<_>>(), [Outcome::Success, Outcome::RepoFailure]);
}

#[test]
fn what_is_far_off_the_usual_is_unusual() {
    let nights = |sizes: &[u64]| {
        history((0..).zip(sizes).map(|(night, size)| {
            let mut run = run(night, &[("a", Success, Some(1))]);
            run.modules.values_mut().for_each(|part| part.size = Some(size << 20));
            run
        }))
    };
    let unusual = |sizes: &[u64]| nights(sizes).unusual(&id("a")).first().map(|unusual| unusual.now >> 20);
    assert_eq!(unusual(&[1000, 1001, 999, 1000, 1000, 100]), Some(100));
    assert_eq!(unusual(&[1000, 1001, 999, 1000, 1000, 2000]), Some(2000));
    assert_eq!(unusual(&[1000, 1001, 999, 1000, 1000, 600]), None);
    assert_eq!(unusual(&[1000, 1001, 999, 1000, 100]), None, "four runs are no usual");
    assert_eq!(unusual(&[20, 20, 20, 20, 20, 60]), None, "40 MiB are not worth a word");
    assert_eq!(unusual(&[1000, 1001, 9, 1000, 1000, 0]), Some(0), "one odd night spoils nothing");
    assert_eq!(nights(&[5; 7]).usual(&id("a")), Usual { seconds: Some(100), size: Some(5 << 20), files: Some(9) });
    assert_eq!(nights(&[5; 4]).usual(&id("a")), Usual::default());
    assert_eq!(nights(&[5; 7]).unusual(&id("b")), []);
}

#[test]
fn version_1_files_are_still_read() {
    let history: History = serde_json::from_str(include_str!("../../../tests/fixtures/history/v1.json")).unwrap();
    assert_eq!(history.name.as_deref(), Some("Nightly"));
    assert_eq!(history.marks(), "+x!");
    assert_eq!(good(&history, "mail1"), Some(("2026-11-23T01:15:00Z".parse().unwrap(), false)));
    assert_eq!(history.module_failed_in_a_row(&id("samba1")), 1);
    let again: History = serde_json::from_str(&serde_json::to_string(&history).unwrap()).unwrap();
    assert_eq!(again, history);
}

#[test]
fn a_file_that_makes_no_sense_is_none() {
    let base = include_str!("../../../tests/fixtures/history/v1.json");
    for (from, to) in [("[0,\"s\"", "[7,\"s\""), ("[0,\"s\",900", "[0,\"s\",9223372036854775807"), ("\"s\"", "\"z\"")] {
        assert!(serde_json::from_str::<History>(&base.replacen(from, to, 1)).is_err(), "{to}");
    }
}

/// 60 nights of 2,000 modules stay small.
#[test]
fn a_big_history_stays_small() {
    let names: Vec<String> = (0..2000).map(|n| format!("nextcloud{n}")).collect();
    let parts: Vec<(&str, State, Option<i64>)> = names.iter().map(|name| (&**name, Success, Some(12_345))).collect();
    let history = history((0..70).map(|night| run(night, &parts)));
    let encoded = serde_json::to_vec(&history).unwrap();
    assert!(encoded.len() < 5 << 20, "{}", encoded.len());
    assert_eq!(serde_json::from_slice::<History>(&encoded).unwrap(), history);
}

/// NS8's starting values stand until the statistics are read.
#[test]
fn a_failure_whose_statistics_were_not_read_has_no_size() {
    let record = |errors: u64, size: u64, count: Option<u64>| {
        let (total_size, snapshots_count) = (Some(size), count);
        let result = ModuleResult { total_size, total_file_count: Some(size), snapshots_count, ..ended(60, errors) };
        let mut plan = Plan::unknown(PlanId::new("2").unwrap());
        plan.results = [(id("a"), result)].into();
        let (a, state) = (id("a"), if errors == 0 { Success } else { Error });
        let part = RunRecord::new(&plan, None, at(60), Outcome::Partial, true, &mut [(&a, state)].into_iter());
        let part = &part.modules["a"];
        (part.size, part.files)
    };
    assert_eq!(record(1, 0, Some(0)), (None, None));
    assert_eq!(record(2, 0, None), (None, None), "core 3.0 to 3.2.2 keeps no count");
    assert_eq!(record(1, 5, Some(1)), (Some(5), Some(5)));
    assert_eq!(record(0, 0, Some(1)), (Some(0), Some(0)), "an empty snapshot");
    // A file that an earlier version has written.
    let base = include_str!("../../../tests/fixtures/history/v1.json");
    let old = base.replace("[0,\"e\",0,600,1000,10]", "[0,\"e\",0,600,0,0]");
    let old: History = serde_json::from_str(&old).unwrap();
    let part = &old.runs[1].modules["mail1"];
    assert_eq!((part.state, part.size, part.files), (Error, None, None));
}

/// The cluster's result of a backup that ended at this time.
fn ended(seconds: i64, errors: u64) -> ModuleResult {
    ModuleResult::sample(at(seconds - 100), at(seconds), errors)
}

#[test]
fn a_failure_of_the_run_before_is_unreported_until_somebody_was_mailed_about_it() {
    let mut plan = Plan::unknown(PlanId::new("2").unwrap());
    plan.members = Some([id("a"), id("b")].into());
    plan.results = [(id("a"), ended(DAY + 200, 0)), (id("b"), ended(7000, 1))].into();
    let due = [at(DAY), at(0)];
    let rule = RunRule { due: &due, ..RunRule::default() };
    let unreported =
        |plan: &Plan, history: &History| history.unreported_failure(plan, &assess(plan, &rule, at(DAY + 300)));
    let failed = run(0, &[("a", Success, Some(1)), ("b", Error, Some(7000))]);
    assert_eq!(unreported(&plan, &history([])), Some(at(7000)));
    assert_eq!(unreported(&plan, &history([failed.clone()])), Some(at(7000)));
    let reported = RunRecord { reported: Some(at(8000)), ..failed };
    assert_eq!(unreported(&plan, &history([reported])), None);

    plan.results.get_mut("b").unwrap().end = Some(at(-7000));
    plan.results.get_mut("b").unwrap().start = Some(at(-7100));
    assert_eq!(unreported(&plan, &history([])), None, "of a run long ago");
    plan.results = [(id("a"), ended(DAY + 200, 1)), (id("b"), ended(7000, 1))].into();
    assert_eq!(unreported(&plan, &history([])), None, "a module of this run has failed: the alert is about that");
}
