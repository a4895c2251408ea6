//! What earlier runs say about this one.

use super::*;
use ns8_backup_monitor::model::history::{ModuleRecord, RunRecord};
use ns8_backup_monitor::model::run::State;
use ns8_backup_monitor::report::{expected, json, subject, terminal};

/// One letter for each night, the last one this run: `s` success, `e` error, `o` an earlier run's result, `m` none at
/// all, a space: not a member.
pub(super) fn history(modules: &[(&str, &str)]) -> History {
    let nights = modules.iter().map(|(_, nights)| nights.len()).max().unwrap();
    let mut history = History::new(PlanId::new("2").unwrap());
    history.name = Some("Nightly".into());
    for night in 0..nights {
        let before = jiff::SignedDuration::from_hours(24 * (nights - 1 - night) as i64);
        let (due, end) = (at("2026-11-22T01:00:00Z") - before, at("2026-11-22T02:12:10Z") - before);
        let part = |(module, nights): &(&str, &str)| {
            let state = match nights.as_bytes().get(night)? {
                b's' => State::Success,
                b'e' => State::Error,
                b'o' => State::Stale,
                b'm' => State::Missing,
                _ => return None,
            };
            let ran = matches!(state, State::Success | State::Error);
            let (end, size) = (ran.then_some(end), ran.then_some((1 << 30) + ((night as u64) << 24)));
            Some((
                id(module),
                ModuleRecord {
                    state,
                    end,
                    seconds: ran.then_some(4320),
                    size,
                    files: ran.then_some(9),
                    ..ModuleRecord::default()
                },
            ))
        };
        let modules: BTreeMap<_, _> = modules.iter().filter_map(part).collect();
        let good = modules.values().all(|part| part.state == State::Success);
        let outcome = if good { Outcome::Success } else { Outcome::Partial };
        history.runs.push(RunRecord {
            due: Some(due),
            previous_due: None,
            at: end,
            outcome,
            over: true,
            reported: None,
            modules,
        });
    }
    history
}

/// mail1 failed, imap2 went well.
fn case(modules: &[(&str, &str)]) -> Case {
    let case = Case::new("history").module("mail1", result(1)).module("imap2", result(0)).missing(&[]);
    case.due("2026-11-22T01:00:00Z").with(|case| case.history = Some(history(modules)))
}

#[test]
fn runs_in_a_row_and_the_last_good_backup_are_named() {
    let words = |mail1: &str| case(&[("mail1", mail1), ("imap2", "ssss")]).words();
    assert!(
        words("ssse").contains("mail1 Reason: at least one step failed; the cluster does not record which Last good")
    );
    assert!(words("seee").contains("Failed 3 runs in a row; last good backup 2026-11-19 02:12 (3 d ago)"));
    assert!(words("smoe").contains("No success in 3 runs in a row; last good backup 2026-11-19 02:12 (3 d ago)"));
    assert!(words("eeee").contains("Failed 4 runs in a row; no good backup on record"));
    assert!(!words("   e").contains("good backup"), "nothing is known of its earlier runs");
}

#[test]
fn a_row_that_begins_with_the_oldest_run_on_record_may_be_longer() {
    let [failed, ran] = [String::from("e").repeat(60), String::from("s").repeat(60)];
    let failing = case(&[("mail1", &failed), ("imap2", &ran)]);
    let said = |language| {
        let words = failing.report(language, text).split_whitespace().collect::<Vec<_>>().join(" ");
        (failing.report(language, |report| subject(report, "")), words)
    };
    let (subject_line, words) = said(Language::En);
    assert!(subject_line.ends_with(" [failed 60 or more runs in a row]"), "{subject_line}");
    assert!(words.contains("Failed 60 or more runs in a row; no good backup on record"), "{words}");
    let (subject_line, words) = said(Language::It);
    assert!(subject_line.ends_with(" [60 o più esecuzioni consecutive non riuscite]"), "{subject_line}");
    assert!(words.contains("Non riuscito per 60 o più esecuzioni consecutive"), "{words}");
    let recovered = Case::new("s").module("mail1", result(0)).with(|case| {
        case.history = Some(history(&[("mail1", &format!("{}s", &failed[1..]))]));
        case.news = Some(News::Recovered { failed_runs: 59 });
        case.alerts.clear();
    });
    let subject_line = recovered.report(Language::En, |report| subject(report, ""));
    assert!(subject_line.ends_with(" after 59 or more failed run(s)"), "{subject_line}");
    assert!(recovered.words().contains("Failed runs before this one: 59 or more."), "{}", recovered.words());
}

/// The words of `case` in both languages, after a night that nobody saw before the last one.
fn unseen(case: Case) -> [String; 2] {
    let case = case.with(|case| {
        let last = case.history.as_mut().unwrap().runs.last_mut().unwrap();
        last.previous_due = last.due.map(|due| due - jiff::SignedDuration::from_hours(1));
    });
    [Language::En, Language::It].map(|language| {
        let text = case.report(language, text);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    })
}

#[test]
fn a_good_backup_before_a_run_that_nobody_saw_may_not_be_the_last_one() {
    let [english, italian] = unseen(case(&[("mail1", "se"), ("imap2", "ss")]));
    let sentence = "Last good backup 2026-11-21 02:12 (1 d ago) or later: not every run since is on record";
    assert!(english.contains(sentence), "{english}");
    let sentence = "Ultimo backup riuscito 2026-11-21 02:12 (1 g fa) o più recente: non tutte le esecuzioni seguenti";
    assert!(italian.contains(sentence), "{italian}");
}

#[test]
fn a_failure_that_wrote_a_snapshot_is_told_from_one_without_a_backup() {
    let words = |mail1: &str, written| {
        let case = case(&[("mail1", mail1), ("imap2", "ssss")]);
        case.reason("mail1", Some(Cause::RetentionFailed), &[], written).words()
    };
    let sentence = "Failed 3 runs in a row; last run without errors 2026-11-19 02:12 (3 d ago)";
    assert!(words("seee", Some(true)).contains(sentence), "{}", words("seee", Some(true)));
    assert!(words("eeee", Some(true)).contains("Failed 4 runs in a row; no run without errors on record"));
    for written in [Some(false), None] {
        assert!(words("seee", written).contains("last good backup 2026-11-19 02:12 (3 d ago)"));
    }
}

#[test]
fn the_snapshot_of_an_earlier_failure_can_be_restored() {
    let case = case(&[("mail1", "seee"), ("imap2", "ssss")]);
    let case = case.with(|case| {
        let before = &mut case.history.as_mut().unwrap().runs[2];
        before.modules.get_mut(&id("mail1")).unwrap().snapshot_written = true;
    });
    let sentence = "Failed 3 runs in a row; last good backup 2026-11-21 02:12 (1 d ago; its run had errors)";
    assert!(case.words().contains(sentence), "{}", case.words());
    let json = case.report(Language::En, json);
    let module = json["modules"].as_array().unwrap().iter().find(|module| module["id"] == "mail1").unwrap();
    assert_eq!(
        (&module["last_good"], &module["last_good_with_errors"]),
        (&"2026-11-21T02:12:10Z".into(), &true.into())
    );
}

#[test]
fn a_recovery_claims_no_number_that_nobody_knows() {
    let case = Case::new("s").module("mail1", result(0)).with(|case| {
        case.history = Some(history(&[("mail1", "es")]));
        case.news = Some(News::Recovered { failed_runs: 0 });
        case.alerts.clear();
    });
    let subject = case.report(Language::En, |report| subject(report, ""));
    assert_eq!(subject, "RECOVERED - all 1 module(s) backed up successfully");
    let sentence = "(1 of 1). Not every run since the last failure is on record.";
    assert!(case.words().contains(sentence), "{}", case.words());
}

#[test]
fn a_module_that_has_failed_and_left_the_plan_is_named() {
    let gone = |night: &str| {
        let case = Case::new("gone").module("imap2", result(0)).due("2026-11-22T01:00:00Z");
        case.with(|case| case.history = Some(history(&[("mail1", night), ("imap2", "ss")]))).words()
    };
    assert!(
        gone("se").contains("No longer in the plan, and without a good backup of this run: mail1."),
        "{}",
        gone("se")
    );
    assert!(!gone("ss").contains("No longer"));
    assert!(!gone("e ").contains("No longer"), "it left before this run");
}

#[test]
fn a_backup_of_the_future_is_no_good_backup_on_record() {
    let words = |days: i64| {
        let mut case = case(&[("mail1", "se"), ("imap2", "ss")]);
        let part = case.history.as_mut().unwrap().runs[0].modules.get_mut(&id("mail1")).unwrap();
        part.end = Some(at(NOW) + jiff::SignedDuration::from_hours(24 * days));
        case.words()
    };
    assert!(words(-2).contains("Last good backup 2026-11-20 02:15 (2 d ago)"));
    assert!(!words(2).contains("ood backup"), "a clock was wrong");
}

#[test]
fn the_subject_counts_runs_in_a_row_from_the_second_on() {
    let subject = |mail1: &str| case(&[("mail1", mail1), ("imap2", "ssss")]).report(Language::En, |r| subject(r, ""));
    assert_eq!(subject("ssse"), "PARTIAL - 1/2 module(s) failed");
    assert_eq!(subject("ssee"), "PARTIAL - 1/2 module(s) failed [failed 2 runs in a row]");
    let recovered =
        Case::new("s").module("mail1", result(0)).with(|case| case.history = Some(history(&[("mail1", "ees")])));
    assert!(!recovered.report(Language::En, |r| super::history::subject(r, "")).contains("in a row"));
}

#[test]
fn figures_far_off_the_usual_ones_are_named_and_change_no_outcome() {
    let shrunk = |size| {
        let case = Case::new("unusual").module("mail1", ModuleResult { total_size: Some(size), ..result(0) });
        case.alert_at("2026-11-22T01:40:00Z").with(|case| {
            let mut history = history(&[("mail1", "ssssssss")]);
            history.runs.last_mut().unwrap().modules.get_mut(&id("mail1")).unwrap().size = Some(size);
            case.history = Some(history);
        })
    };
    assert!(shrunk(100 << 20).words().contains("UNUSUAL mail1: size 100.0 MiB, usually 1.0 GiB"));
    assert!(shrunk(100 << 20).words().starts_with("SUCCESS: every module was backed up successfully (1 of 1)."));
    assert!(!shrunk(1 << 30).words().contains("UNUSUAL"));
}

#[test]
fn the_terminal_shows_the_last_runs_at_a_glance() {
    let case = case(&[("mail1", "sssseeome"), ("imap2", "ssssss ss")]);
    let text = case.report(Language::En, terminal);
    assert!(text.contains("\n  mail1                 ++++xx--x  ▇▇▇▇▇▇  █  1.1 GiB\n"), "{text}");
    assert!(text.contains("\n  imap2                 ++++++.++  ▇▇▇▇▇▇ ▇█  1.1 GiB\n"), "{text}");
    assert!(!case.words().contains("LAST RUNS"), "the mail does without");
}

#[test]
fn modules_that_are_missing_should_be_done_when_their_node_is() {
    let case = Case::new("expected").module("mail1", result(1)).module("imap2", last_night()).missing(&["wiki3"]);
    let case = case.due("2026-11-22T01:00:00Z");
    let expected = |case: &Case| expected(&case.plan, &case.assessment(), case.history.as_ref());
    let of = |module: &str, time: Option<&str>| (id(module), time.map(at));
    assert_eq!(expected(&case), [of("imap2", None), of("wiki3", None)].into(), "wiki3 never ran");
    let known = case.with(|case| case.history = Some(history(&[("wiki3", "ssssse")])));
    // Two modules of an hour and twelve minutes after the newest result of the node.
    let done = Some("2026-11-22T04:36:20Z");
    assert_eq!(expected(&known), [of("imap2", done), of("wiki3", done)].into());
}

/// It failed on node 1, and runs on node 2 now.
#[test]
fn the_log_of_a_module_that_has_moved_is_where_it_ran() {
    let words = |ran_on: &str| {
        let case = Case::new("moved").module("mail1", result(3)).module("imap2", result(0)).missing(&[]);
        let case = case.due("2026-11-22T01:00:00Z").with(|case| {
            let moved = case.plan.modules.get_mut(&id("mail1")).unwrap();
            (moved.node, moved.node_name) = (Some("2".into()), Some("worker".into()));
            moved.ran_on = Some(ran_on.into());
        });
        case.words()
    };
    let known = words("1");
    assert!(known.contains("See the run and its log, on node 1 (leader):"), "{known}");
    assert!(known.contains("Next, on node 2 (worker): $ runagent -m mail1 restic-wrapper"), "{known}");
    assert!(known.contains("Errors: 3"), "{known}");
    let unknown = words("");
    assert!(unknown.contains("See the run and its log, on each node:"), "{unknown}");
}
