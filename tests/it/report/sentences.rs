//! Sentences that must be said, or must not.

use super::*;
use ns8_backup_monitor::model::plan::PlanStatus;
use ns8_backup_monitor::report::{subject, test_mail};

#[test]
fn that_there_is_nothing_to_do_is_said_only_where_nothing_is_in_doubt() {
    let written = |change: fn(&mut Case)| {
        let case = Case::new("over").module("mail1", result(0)).alert_at("2026-11-22T01:40:00Z").with(change);
        case.report(Language::En, text).replace('\n', " ")
    };
    let nothing_to_do = "There is nothing to do";
    assert!(written(|_| {}).contains(nothing_to_do));
    let doubts: [fn(&mut Case); 5] = [
        |case| case.alerts[0].starts_at = None,
        |case| case.alerts[0].starts_at = Some(at("2026-11-22T02:13:00Z")),
        |case| case.plan.damaged = vec![Damage { entry: Entry::Definition, fault: Fault::NotJson }],
        |case| case.plan.status = Some(PlanStatus { success: false, timestamp: None, errors: Some(1) }),
        |case| {
            case.alerts[0].starts_at = Some(at("2026-11-01T00:00:00Z"));
            let mail1 = ModuleId::new("mail1").unwrap();
            case.plan.results.insert(mail1, ModuleResult { end: Some(at("2026-11-02T00:00:00Z")), ..result(0) });
        },
    ];
    for (n, doubt) in doubts.into_iter().enumerate() {
        assert!(!written(doubt).contains(nothing_to_do), "{n}");
    }
    let of_no_plan = |case: &mut Case| case.names_no_plan = true;
    assert!(!written(of_no_plan).contains(nothing_to_do), "the alert may be another plan's");
}

#[test]
fn an_alert_is_said_to_be_raised_anew_only_where_nothing_tells_of_a_run() {
    let written = |change: fn(&mut Case)| {
        let case = Case::new("anew").module("mail1", ModuleResult { errors: 1, ..last_night() }).with(change);
        case.report(Language::En, text)
    };
    assert!(written(|_| {}).contains("raised anew"));
    let others: [fn(&mut Case); 4] = [
        |case| case.alerts[0].name = "backup_missing".into(),
        |case| case.alerts.clear(),
        |case| case.plan.damaged = vec![damage("imap2")],
        |case| {
            let timestamp = Some(at("2026-11-22T02:13:00Z"));
            case.plan.status = Some(PlanStatus { success: false, timestamp, errors: Some(1) });
        },
    ];
    for (n, other) in others.into_iter().enumerate() {
        assert!(!written(other).contains("raised anew"), "{n}");
    }
}

#[test]
fn one_of_many_is_told_in_a_line() {
    let many = |result: &ModuleResult| {
        let case = (0..12).fold(Case::new("many"), |case, n| case.module(&format!("mail{n}"), result.clone()));
        case.report(Language::En, text).lines().find(|line| line.contains("mail11")).unwrap().to_string()
    };
    let why = format!("no space left on {}", "device ".repeat(50));
    assert!(many(&documented(Some(&why))).starts_with("  mail11: node 1, 2026-11-22 02:12, no space left on device"));
    assert_eq!(many(&last_night()), "  mail11: node 1, of an earlier run: success, 2026-11-21 02:12");
}

#[test]
fn an_empty_prefix_leaves_no_space() {
    let case = Case::new("prefix").module("mail1", result(0));
    let subject = case.report(Language::En, |report| subject(report, ""));
    assert_eq!(subject, "SUCCESS - all 1 module(s) backed up successfully");
}

#[test]
fn a_test_mail_says_that_it_is_one() {
    for (language, word) in [(Language::En, "This is a test."), (Language::It, "Questa è una prova.")] {
        let (subject, body) = test_mail(language, "", "leader.example.org", at(NOW), &TimeZone::UTC);
        assert!(subject.starts_with("TEST - "), "{subject}");
        assert!(body.starts_with(word) && body.contains("leader.example.org"), "{body}");
    }
}
