//! Sentences that must be said, or must not.

use super::*;
use ns8_backup_monitor::model::plan::PlanStatus;
use ns8_backup_monitor::model::repository::Lock;
use ns8_backup_monitor::report::{html, json, subject, test_mail};

/// A success after an alert: by now all is well only if nothing is in doubt.
#[test]
fn an_alert_is_said_to_be_over_only_if_nothing_is_in_doubt() {
    let written = |change: fn(&mut Case)| {
        Case::new("over").module("mail1", result(0)).alert_at("2026-11-22T01:40:00Z").with(change).words()
    };
    let over = "before these results ended";
    assert!(written(|_| {}).contains(over));
    let doubts: [fn(&mut Case); 6] = [
        |case| case.alerts[0].starts_at = None,
        |case| case.alerts[0].starts_at = Some(at("2026-11-22T02:13:00Z")),
        |case| case.plan.damaged = vec![Damage { entry: Entry::Definition, fault: Fault::NotJson }],
        |case| case.plan.status = Some(PlanStatus { success: false, timestamp: None, errors: Some(1) }),
        |case| {
            case.alerts[0].starts_at = Some(at("2026-11-01T00:00:00Z"));
            case.plan.results.insert(id("mail1"), ModuleResult { end: Some(at("2026-11-02T00:00:00Z")), ..result(0) });
        },
        |case| case.names_no_plan = true,
    ];
    for (n, doubt) in doubts.into_iter().enumerate() {
        assert!(!written(doubt).contains(over), "{n}");
    }
}

/// The watch posts that all is well as an alert, too.
#[test]
fn an_all_clear_names_no_failure() {
    for modules in [&["mail1"][..], &["imap2", "mail1"]] {
        let start = at("2026-11-22T01:00:00Z");
        let case = modules.iter().fold(Case::new("clear"), |case, module| case.module(module, result(0)));
        let case = case.with(|case| {
            case.plan.results.insert(id(modules[0]), ModuleResult { end: Some(start), ..result(0) });
            case.alerts[0].name = "backup_failed".into();
            case.alerts[0].starts_at = case.plan.newest_end();
            case.alerts[0].labels.insert("news".into(), "recovered".into());
            case.news = Some(News::Recovered { failed_runs: 1 });
        });
        let words = case.words();
        assert!(words.contains("RECOVERED") && !words.to_lowercase().contains("alert"), "{words}");
        let both = case.with(|case| case.alerts.push(alert("1"))).words();
        assert!(both.contains("BackupFailed") && !both.contains("backup_failed"), "{both}");
    }
}

/// A name, a destination or the log server's login, of which the plans are told, says nothing about results.
#[test]
fn what_is_damaged_beside_the_results_hides_none_of_them() {
    let key = || Damage { entry: Entry::Key("node/1/ui_name".into()), fault: Fault::OtherType };
    let empty = |members: &[&str], damaged| {
        Case::new("beside")
            .missing(members)
            .with(|case| case.plan.damaged = damaged)
            .report(Language::En, |report| (subject(report, ""), text(report).contains("node/1/ui_name")))
    };
    let is_empty = empty(&[], vec![]).0;
    assert!(is_empty.contains("plan 2 has no module"), "{is_empty}");
    assert_eq!(empty(&[], vec![key()]), (is_empty, true));
    let over = |damaged| {
        let case = Case::new("over").module("mail1", result(0)).alert_at("2026-11-22T01:40:00Z");
        case.with(|case| case.plan.damaged = damaged).words().contains("before these results ended")
    };
    assert!(over(vec![key()]) && !over(vec![damage("mail1")]));
}

/// What NS8's numbers say, and no more.
#[test]
fn a_count_of_0_says_only_what_it_can() {
    let written = |layout, errors| {
        let unread = ModuleResult { layout, snapshots_count: Some(0), total_size: Some(0), ..result(errors) };
        Case::new("count").module("mail1", unread).module("imap2", result(0)).words()
    };
    let (step, reading) = ("at least one step failed", "the repository could not be read after it");
    for (layout, errors, said, not_said) in [
        (Layout::B, 1, step, reading),
        (Layout::B, 2, step, reading),
        (Layout::C, 1, step, reading),
        (Layout::C, 2, reading, step),
    ] {
        let written = written(layout, errors);
        assert!(written.contains(said) && !written.contains(not_said), "{layout:?} {errors}: {written}");
        assert!(!written.contains("Newest snapshot"), "starting values: {written}");
    }
}

#[test]
fn a_snapshot_is_this_runs_only_if_the_log_says_so() {
    let written = |snapshot| Case::new("s").module("mail1", result(1)).reason("mail1", None, &["x"], snapshot).words();
    assert!(written(None).contains("files: 120,345, from this run or an earlier one"));
    assert!(written(Some(true)).contains("files: 120,345, from this run Next"));
    assert!(written(Some(false)).contains("from an earlier run; this run wrote none"));
}

#[test]
fn a_backup_that_the_log_has_and_the_cluster_has_not_did_start() {
    let written = |snapshot| {
        let case = Case::new("s").module("mail1", result(0)).module("imap2", last_night()).missing(&["wiki3"]);
        case.reason("imap2", None, &[], snapshot).reason("wiki3", None, &[], snapshot).words()
    };
    let (made, guess) = ("but by its log the snapshot is written", "still running, never started, or busy");
    assert_eq!(written(Some(true)).matches(made).count(), 2);
    assert!(!written(Some(true)).contains(guess));
    for snapshot in [Some(false), None] {
        assert!(!written(snapshot).contains(made) && written(snapshot).contains(guess), "{snapshot:?}");
    }
}

/// `snapshots_count` is 0 or 1, whatever the repository holds; an error does not mean that there is no data.
#[test]
fn nothing_is_claimed_that_the_cluster_does_not_know() {
    for case in super::golden::all_cases() {
        for language in [Language::En, Language::It] {
            let text = case.report(language, text);
            let above_repositories = text.split("\nREPOSITOR").next().unwrap();
            assert!(!["snapshots: ", ", snapshot: "].iter().any(|count| above_repositories.contains(count)), "{text}");
        }
    }
}

/// The states and counts of text and JSON are those that NS8's own list shows: a module is a success if its result has
/// no errors, and it is listed if it is a member, with or without a result.
#[test]
fn the_report_agrees_with_the_clusters_own_list() {
    for layout in [Layout::B, Layout::C] {
        let results = [("a1", Some(0)), ("a2", Some(1)), ("a3", Some(7)), ("a4", None), ("a5", Some(0))];
        let case = results.iter().fold(Case::new("list"), |case, (name, errors)| match errors {
            Some(errors) => case.module(name, ModuleResult { layout, ..result(*errors) }),
            None => case,
        });
        let case = case.missing(&["a4"]).due("2026-11-22T01:00:00Z");
        let json = case.report(Language::En, json);
        let modules: BTreeMap<&str, &serde_json::Value> =
            json["modules"].as_array().unwrap().iter().map(|module| (module["id"].as_str().unwrap(), module)).collect();
        assert_eq!(modules.len(), results.len());
        let words = case.words();
        let (failed, rest) = words.split_once("FAILED (2)").unwrap().1.split_once("WITHOUT A RESULT").unwrap();
        let (absent, backed_up) = rest.split_once("BACKED UP (2)").unwrap();
        for (name, errors) in results {
            let (state, place) = match errors {
                Some(0) => ("success", backed_up),
                Some(_) => ("error", failed),
                None => ("missing", absent),
            };
            assert_eq!(modules[name]["state"], state, "{name}");
            assert_eq!(modules[name]["errors"].as_u64(), errors, "{name}");
            assert!(place.contains(name), "{name} is not in: {place}");
        }
        assert_eq!(json["counts"]["total"], 5);
        assert!(words.starts_with("PARTIAL: of 5 modules, 2 failed, 1 without a result of this run, 2 backed up."));
    }
}

#[test]
fn units_are_named_by_layout_and_only_those_that_exist() {
    let units = |layout| {
        let case = Case::new("units").module("mail1", ModuleResult { layout, ..result(1) }).missing(&["imap2"]);
        let text = case.report(Language::En, text);
        let commands = text.lines().filter_map(|line| line.trim().strip_prefix("$ "));
        let of_run = |command: &&str| command.contains(".service") || command.starts_with("journalctl");
        commands.filter(of_run).map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(units(Layout::A), [""; 0]);
    // imap2 has no result, so the run may still go on.
    let times = "-S '2026-11-22 00:58:00 UTC' -U '2026-11-22 02:17:07 UTC'";
    let of = |module| {
        let rootless = format!("runagent -m {module} systemctl --user status backup2.service");
        [rootless, format!("journalctl -t backup2 -t backup2-{module} {times}")]
    };
    assert_eq!(units(Layout::B), [of("mail1"), of("imap2")].concat());
    let log = format!("journalctl -t runagent -t agent@node {times}");
    assert_eq!(units(Layout::C), ["systemctl status backup2.service", &log]);
}

/// The units of before are gone with an upgrade, though results of before are still there.
#[test]
fn after_an_upgrade_no_unit_of_before_is_named() {
    let left = Case::new("left").module("mail1", ModuleResult { layout: Layout::B, ..last_night() });
    let left = left.missing(&["imap2"]).due("2026-11-22T01:00:00Z").with(|case| case.plan.names_members = true);
    let words = left.words();
    assert!(!words.contains("systemctl --user") && words.contains("$ systemctl status backup2.service"), "{words}");
    let none = Case::new("none").missing(&["imap2"]).with(|case| case.plan.names_members = true);
    assert!(none.words().contains("$ systemctl status backup2.service"));
}

#[test]
fn a_repository_that_may_never_have_been_made_is_no_headline() {
    let written = |result: ModuleResult, snapshot| {
        let case = Case::new("made").module("mail1", result).reason("mail1", None, &[], snapshot);
        case.probes(vec![("offsite", Some("mail1"), Verdict::NoRepository)]).words()
    };
    let never = ModuleResult { snapshots_count: Some(0), total_size: Some(0), ..result(1) };
    let headline = "Repositories, now";
    assert!(!written(never.clone(), None).contains(headline));
    assert!(written(never, Some(true)).contains(headline), "a snapshot was written to it");
    assert!(written(result(1), None).contains(headline), "there is one in the statistics");
}

#[test]
fn a_lock_that_kept_old_snapshots_from_being_removed_is_to_be_unlocked() {
    let in_use = |cause| {
        let lock = Some(Lock { count: 1, exclusive: Some(false), since: None, by: None });
        let verdict = Verdict::Healthy { snapshots: 2, newest: None, in_use: lock, checked: OPENED };
        let case = Case::new("lock").module("mail1", result(1)).module("imap2", result(1));
        let case = case.reason("mail1", Some(cause), &["x"], Some(true));
        case.probes(vec![("nas", Some("mail1"), verdict.clone()), ("other", Some("imap2"), verdict)]).words()
    };
    let command = "restic-wrapper --backup 2 unlock";
    assert_eq!(in_use(Cause::Locked).matches("old snapshots cannot be removed").count(), 2);
    let of_mail1 = "$ runagent -m mail1 restic-wrapper --backup 2 unlock";
    assert_eq!(in_use(Cause::Locked).matches(of_mail1).count(), 2, "at the module and at its repository");
    assert_eq!(in_use(Cause::Locked).matches(command).count(), 2, "at no other");
    assert!(!in_use(Cause::DumpFailed).contains(command));
}

#[test]
fn each_outcome_has_its_subject() {
    let subject = |name| {
        let case = super::golden::all_cases().into_iter().find(|case| case.name == name).unwrap();
        case.report(Language::En, |report| subject(report, ""))
    };
    for (name, expected) in [
        ("success", "SUCCESS - all 2 module(s) backed up successfully"),
        ("every_verdict", "PARTIAL - 1/2 module(s) failed"),
        ("partial_with_absent", "PARTIAL - 1/4 module(s) failed, 2 without a result"),
        ("all_failed", "REPO_FAILURE - all 2 module(s) failed"),
        ("unreadable", "UNKNOWN - the cluster's Redis could not be read"),
        ("interim_unreadable", "UNKNOWN - the cluster's Redis could not be read (so far)"),
        ("interim", "PARTIAL - 1/3 module(s) failed, 2 without a result (so far)"),
        ("missed", "MISSED - plan Nightly did not run (due 2026-11-22 01:00) [failed 2 runs in a row]"),
        ("recovered", "RECOVERED - all 2 module(s) backed up successfully after 3 failed run(s)"),
        ("disabled_without_results", "REPO_FAILURE - plan 2 is disabled, and none of its 2 module(s) has a result"),
    ] {
        assert_eq!(subject(name), expected);
    }
}

/// What the watch found is said only as long as the results do not say otherwise.
#[test]
fn news_that_the_results_contradict_is_not_said() {
    let due = at("2026-11-22T01:00:00Z");
    let subject = |errors, news| {
        let case = Case::new("news").module("mail1", result(errors)).alert_at("2026-11-22T01:40:00Z");
        let case = case.with(|case| case.news = Some(news));
        case.report(Language::En, |report| subject(report, ""))
    };
    assert!(subject(0, News::Missed { due }).starts_with("SUCCESS"));
    assert!(subject(1, News::Recovered { failed_runs: 2 }).starts_with("REPO_FAILURE"));
}

#[test]
fn a_repeated_alert_is_reported_only_without_signs_of_a_run() {
    let written = |change: fn(&mut Case)| {
        let case = Case::new("anew").module("mail1", ModuleResult { errors: 1, ..last_night() }).with(change);
        case.report(Language::En, text)
    };
    assert!(written(|_| {}).contains("raised the same alert again"));
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
        assert!(!written(other).contains("raised the same alert again"), "{n}");
    }
}

/// A weekly plan ran days ago, as it should.
#[test]
fn a_run_is_called_old_only_if_another_may_have_been_due() {
    let old = "The newest result is old";
    let case = || Case::new("old").module("mail1", ModuleResult { errors: 1, ..last_night() });
    let words = case().due("2026-11-21T01:00:00Z").words();
    assert!(words.contains("results since 2026-11-21 01:00") && !words.contains(old), "{words}");
    assert!(case().words().contains(old), "nobody knows when it was due");
    assert!(case().due("2026-11-22T01:00:00Z").words().contains(old), "the run that was due left nothing");
}

#[test]
fn many_modules_get_one_line_each() {
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
    let case = Case::new("prefix").module("mail1", result(0)).alert_at("2026-11-22T01:40:00Z");
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

#[test]
fn a_success_without_a_cluster_backup_does_not_look_like_one() {
    let case = |old: bool| {
        let case = Case::new("backup").module("mail1", result(0)).missing(&[]).alert_at("2026-11-22T01:40:00Z");
        case.with(|case| match old {
            true => case.news = Some(News::ClusterBackup),
            false => case.reasons.get_or_insert_default().cluster_backup = vec!["[ERROR] failed".into()],
        })
    };
    for (language, old, verdict) in [
        (Language::En, true, "every module was backed up successfully (1 of 1); cluster backup failed or too old."),
        (Language::En, false, "every module was backed up successfully (1 of 1); cluster backup failed."),
        (
            Language::It,
            true,
            "backup riuscito per tutti i moduli (1 su 1); backup del cluster non riuscito o troppo vecchio.",
        ),
        (Language::It, false, "backup riuscito per tutti i moduli (1 su 1); backup del cluster non riuscito."),
    ] {
        let text = case(old).report(language, text).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.starts_with(&format!("SUCCESS: {verdict}")), "{text}");
        let page = case(old).report(language, |report| html(std::slice::from_ref(report), language));
        assert!(page.contains("<h1><span class=\"b\">✗</span> SUCCESS</h1>"), "{page}");
    }
    let mixed = case(true).module("imap2", result(1)).words();
    assert!(mixed.starts_with("PARTIAL: of 2 modules, 1 failed, 1 backed up; cluster backup failed or too old."));
}

#[test]
fn a_module_with_an_unreadable_result_is_not_said_to_be_running() {
    let written = |members: &[&str]| {
        let case = Case::new("broken").module("mail1", result(1)).missing(members).with(|case| {
            case.gave_up = Some(Duration::from_secs(900));
            case.plan.damaged = vec![damage("broken1")];
        });
        case.words()
    };
    let words = written(&["broken1", "wiki3"]);
    assert!(words.contains("Still without a result of this run: wiki3. They may still be running"), "{words}");
    assert!(!written(&["broken1"]).contains("Still without"));
}

#[test]
fn the_watchs_own_alerts_say_nothing_twice() {
    let written = |label: &str| {
        let case = Case::new("watch").module("mail1", result(1)).with(|case| {
            case.alerts[0].labels.insert(label.into(), "failed".into());
        });
        let texts = [
            case.report(Language::En, text),
            case.report(Language::It, text),
            case.report(Language::En, |report| html(std::slice::from_ref(report), Language::En)),
        ];
        (texts, case.report(Language::En, json).to_string())
    };
    let ([en, it, page], json) = written("news");
    for text in [en, it, page] {
        assert!(text.contains("BackupFailed") && !text.contains("Nightly has failed") && !text.contains("fallito"));
    }
    assert!(json.contains("The backup Nightly has failed on this node."), "{json}");
    assert!(written("other").0[0].contains("The backup Nightly has failed on this node."));
}

#[test]
fn figures_that_are_0_are_left_out() {
    let empty = ModuleResult { total_size: Some(0), total_file_count: Some(0), ..result(0) };
    let words = Case::new("zero").module("mail1", empty).words();
    assert!(words.contains("mail1: 2026-11-22 02:12, took 1 h 12 min ") && !words.contains("files: 0"), "{words}");
}
