//! What is claimed of plans that are not as usual: each sentence is true, and none speaks against another.

use super::history::history;
use super::*;
use crate::support::redis::{NS8_ACL, Redis};
use ns8_backup_monitor::model::schedule::Elapses;
use ns8_backup_monitor::report::subject;
use ns8_backup_monitor::watch::digest::{self, Digest, Known, Monitor, PlanDigest};

const DUE: &str = "2026-11-22T01:00:00Z";

/// A plan that is due each night at one, in the `nights` after [`DUE`] too.
fn nightly(nights: i64) -> Elapses {
    let due = |before| at(DUE) + jiff::SignedDuration::from_hours(24 * (nights - before));
    Elapses { before: (0..4).map(due).collect(), next: Some(due(-1)) }
}

/// What the digest says of a plan at `now`, its lines joined.
fn said_at(now: &str, plan: &Plan, history: Option<&History>) -> String {
    let elapses = nightly(at(now).duration_since(at(DUE)).as_hours() / 24);
    let elapses = Some(&elapses).filter(|_| plan.defined && plan.schedule.is_some());
    let known = Known { elapses, history, grace: Duration::from_secs(3 * 3600), ..Known::default() };
    let plan = PlanDigest::new(plan, known, Some(STALE_AFTER), at(now));
    let digest = Digest {
        version: digest::VERSION,
        written_at: at(now),
        weekly: false,
        host: "leader.example.org".into(),
        cluster: None,
        unreadable: None,
        plans: vec![plan],
        unplanned: None,
        monitor: Monitor::default(),
    };
    let text = digest::text(&digest, Language::En, &TimeZone::UTC);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn scheduled(case: Case) -> Plan {
    Plan { schedule: Some("*-*-* 01:00".into()), ..case.plan }
}

#[test]
fn the_last_run_is_none_of_the_future() {
    let ahead = ModuleResult { start: Some(at(NOW)), end: Some(at("2026-12-24T02:12:10Z")), ..result(0) };
    let case = Case::new("").module("mail1", result(0)).module("imap2", ahead).missing(&[]);
    let mut plan = scheduled(case);
    plan.damaged = vec![Damage { entry: Entry::Result(id("imap2")), fault: Fault::InTheFuture }];
    let said = said_at(NOW, &plan, None);
    assert!(said.contains("last run: REPO_FAILURE, 2026-11-22 02:12; "), "{said}");
}

/// Where nobody watches, such a run is not said to be missed.
#[test]
fn a_run_without_any_result_is_not_dated_as_the_one_before() {
    let plan = scheduled(Case::new("").module("mail1", last_night()).missing(&[]));
    let said = said_at("2026-11-22T08:00:00Z", &plan, None);
    assert!(said.contains("last run: REPO_FAILURE, 2026-11-22 01:00; "), "{said}");
    assert!(said.contains("mail1: no result of the last run; last good backup 2026-11-21 02:12"), "{said}");
}

#[test]
fn a_plan_whose_members_are_not_known_is_not_called_empty() {
    let mut plan = Plan::unknown(PlanId::new("2").unwrap());
    plan.damaged = vec![Damage { entry: Entry::Definition, fault: Fault::OtherType }];
    let said = said_at(NOW, &plan, None);
    assert!(said.contains("cannot tell whether it has run unreadable or implausible entries: 1"), "{said}");
    plan.damaged.clear();
    let timestamp = Some(at("2026-11-22T02:13:00Z"));
    plan.status = Some(ns8_backup_monitor::model::plan::PlanStatus { success: false, timestamp, errors: Some(1) });
    let said = said_at(NOW, &plan, None);
    assert!(said.contains("last run: REPO_FAILURE, 2026-11-22 02:13") && !said.contains("modules"), "{said}");
}

/// What cannot be read is no reason to leave a plan out, nor is a record of it as a whole.
#[test]
fn no_plan_is_left_out() {
    let redis = Redis::on_tcp(NS8_ACL);
    redis.hset("cluster/module_node", &[("mail1", "1")]);
    redis.run_args::<()>(&["SET", "cluster/backup/2", "no hash"]);
    redis.run_args::<()>(&["SET", "module/mail1/backup/3/status", "no hash"]);
    redis.hset("cluster/backup/4/status", &[("result", "error"), ("timestamp", NOW), ("errors", "1")]);
    let config = format!(
        "notification: {{ mail_to: [a@example.com] }}\nredis: {{ url: \"redis://127.0.0.1:{}/0\" }}\n",
        redis.port()
    );
    let file = redis.file("config.yml", &config);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ns8-backup-monitor"));
    command.arg("--config").arg(&file).env("STATE_DIRECTORY", file.with_extension("state"));
    command.args(["digest", "--json", "--alertmanager", "http://127.0.0.1:1"]);
    let digest: serde_json::Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let ids: Vec<&str> = digest["plans"].as_array().unwrap().iter().filter_map(|plan| plan["id"].as_str()).collect();
    assert_eq!(ids, ["2", "3", "4"], "{digest:#}");
    assert!(digest["plans"].as_array().unwrap().iter().all(|plan| plan["standing"] == "attention"), "{digest:#}");
}

#[test]
fn a_plan_without_a_schedule_is_not_said_to_have_one() {
    let plan = Case::new("").module("mail1", result(0)).missing(&[]).plan;
    let said = said_at(NOW, &plan, None);
    assert!(said.contains("it has no schedule: it does not run by itself"), "{said}");
}

#[test]
fn what_cannot_be_read_is_not_said_to_be_missing() {
    let mut plan = scheduled(Case::new("").missing(&["mail1"]));
    plan.damaged = vec![damage("mail1")];
    let said = said_at(NOW, &plan, None);
    assert!(said.contains("cannot tell whether it has run; next run: "), "{said}");
    let mut missed = history(&[("mail1", "o")]);
    (missed.runs[0].outcome, missed.runs[0].due) = (Outcome::Missed, Some(at(DUE)));
    let said = said_at("2026-11-22T08:00:00Z", &plan, Some(&missed));
    assert!(said.contains("cannot tell whether it has run; ") && !said.contains("MISSED"), "{said}");
}

/// Its modules have moved to other nodes, where there is no result of any.
#[test]
fn a_run_that_only_the_history_knows_has_been() {
    let known = history(&[("mail1", "ss")]);
    for enabled in [true, false] {
        let plan = Plan { enabled, ..scheduled(Case::new("").missing(&["mail1"])) };
        let said = said_at("2026-11-25T08:00:00Z", &plan, Some(&known));
        assert!(!said.contains("none of its modules has run yet"), "{said}");
        assert!(said.contains("last run: "), "{said}");
    }
}

#[test]
fn a_run_that_goes_on_has_not_failed() {
    let mut known = history(&[("mail1", "ss"), ("imap2", "so")]);
    (known.runs[1].over, known.runs[1].outcome) = (false, Outcome::Partial);
    assert_eq!(known.marks(), "+?");
    let plan = scheduled(Case::new("").module("mail1", result(0)).module("imap2", last_night()).missing(&[]));
    let said = said_at(NOW, &plan, Some(&known));
    assert!(said.contains("last runs, oldest first: +? (+ good, x failed, ! missed, ? end not seen)"), "{said}");
}

#[test]
fn what_cannot_be_read_is_not_said_to_be_absent() {
    let case = |damaged: bool| {
        let case = Case::new("").missing(&["mail1", "imap2"]).due(DUE);
        case.with(|case| {
            case.alerts.clear();
            case.plan.damaged = if damaged { vec![damage("mail1")] } else { Vec::new() };
            case.news = Some(News::Missed { due: at(DUE) });
        })
    };
    assert!(case(false).words().starts_with("MISSED: the plan did not run."));
    let words = case(true).words();
    assert!(words.starts_with("REPO_FAILURE: no module has a readable result of this run (0 of 2)."), "{words}");
    let subject = case(true).report(Language::En, |report| subject(report, ""));
    assert!(subject.starts_with("REPO_FAILURE - none of 2 module(s) has a readable result of this run"), "{subject}");
}

/// The results that there are need not be of one run.
#[test]
fn an_alert_that_is_raised_anew_claims_no_run_of_all_modules() {
    let week_ago = ModuleResult { end: Some(at("2026-11-14T02:12:10Z")), start: None, ..result(1) };
    let words = Case::new("").module("mail1", week_ago).module("imap2", last_night()).missing(&[]).words();
    assert!(!words.contains("In the last run"), "{words}");
    let said = "By the last results (the newest: 2026-11-21 02:12), 1 of 2 modules failed.";
    assert!(words.contains(said), "{words}");
}
