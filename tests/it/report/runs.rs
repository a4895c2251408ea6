//! The cases of the golden files that are about the run: whether it is over, why it failed, what contradicts it.

use super::history::history;
use super::*;
use ns8_backup_monitor::model::plan::PlanStatus;
use ns8_backup_monitor::model::reason::{Gap, Silence, Source};

/// What the log says when the destination is full.
const FULL: [&str; 2] =
    ["Fatal: unable to save snapshot: client.PutObject: 507 Insufficient Storage", "[ERROR] restic backup failed"];

/// A result of layout B.
fn layout_b(errors: u64) -> ModuleResult {
    ModuleResult { layout: Layout::B, ..result(errors) }
}

/// The run began an hour before the report, and its log was read.
fn run(name: &'static str) -> Case {
    Case::new(name).due("2026-11-22T01:00:00Z").with(|case| case.reasons = Some(Reasons::default()))
}

fn gaps() -> Vec<Gap> {
    vec![
        Gap { source: Source::Journal, why: Silence::NoAccess, command: None },
        Gap { source: Source::Loki, why: Silence::TimedOut(5), command: Some("logcli query '{node_id=\"1\"}'".into()) },
    ]
}

/// Two weeks of a small office, as `make screenshots` shows them.
fn fortnight() -> Case {
    let nights = [
        ("dokuwiki1", "ssssssssssssss"),
        ("imap2", "sssssessssssss"),
        ("ldap1", "ssssssssssssss"),
        ("mail1", "sssssssssssoss"),
        ("nextcloud1", "sssssssssssees"),
        ("nextcloud2", "sssssssssseeee"),
        ("samba1", "sssessssssssso"),
        ("webtop1", "     sssssssss"),
    ];
    let names = ["Wiki", "Mail store", "Users", "Mail", "Cloud", "Cloud of the branch", "Files", "Groupware"];
    let case = run("fortnight");
    let case = nights.iter().zip(names).fold(case, |case, ((module, nights), name)| {
        let result = match nights.as_bytes()[13] {
            b's' => result(0),
            b'e' => result(1),
            _ => last_night(),
        };
        case.module(module, result).with(|case| {
            case.plan.modules.get_mut(&id(module)).unwrap().ui_name = Some(name.into());
        })
    });
    case.missing(&[]).reason("nextcloud2", Some(Cause::DestinationFull), &FULL, Some(false)).with(|case| {
        case.history = Some(history(&nights));
        case.next_run = Some(at("2026-11-23T01:00:00Z"));
        case.cluster_backup = Some(at("2026-11-22T01:00:05Z"));
    })
}

pub(super) fn run_cases() -> Vec<Case> {
    let failed = run("failed_for_days")
        .module("mail1", result(1))
        .module("imap2", result(0))
        .missing(&["samba4"])
        .reason("mail1", Some(Cause::DestinationFull), &FULL, Some(false))
        .with(|case| {
            case.history = Some(history(&[("mail1", "sssseee"), ("imap2", "sssssss"), ("samba4", "    mmm")]));
            case.next_run = Some(at("2026-11-23T01:00:00Z"));
        });
    let by_age = |name| Case::new(name).module("mail1", last_night()).module("imap2", last_night()).missing(&[]);
    vec![
        failed,
        run("many_causes")
            .module("mail1", result(1))
            .module("mail2", result(1))
            .module("imap2", ModuleResult { snapshots_count: Some(0), total_size: Some(0), ..result(2) })
            .module("wiki3", ModuleResult { snapshots_count: Some(0), total_size: Some(0), ..result(1) })
            .module("samba4", result(1))
            .missing(&["busy5"])
            .reason("mail1", Some(Cause::DumpFailed), &["mysqldump: Got error: 2002: Cannot connect"], Some(false))
            .reason("mail2", Some(Cause::RetentionFailed), &["[ERROR] retention policy failed"], Some(true))
            .reason("samba4", None, &["something that nobody knows"], None)
            .reason("busy5", Some(Cause::Busy), &["busy5: gave up retrying after 3600s"], Some(false))
            .with(|case| case.reasons.as_mut().unwrap().gaps = gaps()),
        run("interim").module("mail1", result(1)).module("imap2", last_night()).missing(&["samba4"]).with(|case| {
            let missing = [(id("imap2"), Some(at("2026-11-22T04:30:00Z"))), (id("samba4"), None)].into();
            case.interim = Some(Interim { missing, follows_until: Some(at("2026-11-22T14:14:00Z")) });
        }),
        fortnight(),
        Case::new("interim_unreadable").with(|case| {
            let address = "redis://127.0.0.1:6379".into();
            let why = ns8_backup_monitor::model::cluster::Why::Loading;
            case.other =
                Some(Finding::Unreadable(ns8_backup_monitor::model::cluster::ReadError::Redis { address, why }));
            case.interim = Some(Interim { follows_until: Some(at("2026-11-22T14:14:00Z")), ..Interim::default() });
        }),
        by_age("missed").due("2026-11-22T01:00:00Z").with(|case| {
            case.news = Some(News::Missed { due: at("2026-11-22T01:00:00Z") });
            case.history = Some(history(&[("mail1", "ssoo"), ("imap2", "ssoo")]));
        }),
        run("recovered").module("mail1", result(0)).module("imap2", result(0)).with(|case| {
            case.news = Some(News::Recovered { failed_runs: 3 });
            case.history = Some(history(&[("mail1", "seees"), ("imap2", "sssss")]));
            case.alerts.clear();
        }),
        run("hangs")
            .module("mail1", ModuleResult { end: Some(at("2026-11-22T01:02:00Z")), ..result(0) })
            .module("imap2", last_night())
            .missing(&[])
            .with(|case| case.news = Some(News::Hangs { since: at("2026-11-22T01:02:00Z") })),
        run("cluster_backup_failed").module("mail1", result(0)).missing(&[]).alert_at("2026-11-22T01:40:00Z").with(
            |case| {
                case.reasons.as_mut().unwrap().cluster_backup =
                    vec!["[ERROR] upload of cluster backup GPG file failed: 403 Forbidden".into()];
                case.cluster_backup = Some(at("2026-11-19T01:00:05Z"));
            },
        ),
        Case::new("record_differs").module("mail1", documented(None)).with(|case| {
            let timestamp = Some(at("2026-11-22T02:13:00Z"));
            case.plan.status = Some(PlanStatus { success: false, timestamp, errors: Some(1) });
        }),
        run("layout_b").module("mail1", layout_b(1)).module("imap2", layout_b(0)).missing(&["samba4"]),
        Case::new("in_no_plan").with(|case| {
            case.names_no_plan = true;
            case.other = Some(Finding::NothingRecent(Duration::from_secs(3600)));
            case.in_no_plan = vec![id("wiki10"), id("wiki3")];
        }),
        Case::new("disabled_without_results").missing(&[]).with(|case| {
            case.plan.enabled = false;
            case.plan.not_awaited = [id("dokuwiki1"), id("mail1")].into();
        }),
        run("never_initialised")
            .module("mail1", ModuleResult { snapshots_count: Some(0), total_size: Some(0), ..result(1) })
            .module("imap2", result(0))
            .reason("mail1", Some(Cause::DumpFailed), &["[ERROR] module-dump-state failed."], Some(false))
            .probes(vec![("offsite", Some("mail1"), Verdict::NoRepository)]),
    ]
}
