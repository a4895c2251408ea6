//! `report` and `send-test`.

use ns8_backup_monitor::model::history::{ModuleRecord, RunRecord};
use ns8_backup_monitor::model::plan::{ModuleId, PlanId};
use ns8_backup_monitor::model::run::{Outcome, State};
use ns8_backup_monitor::watch::history::Histories;

use super::*;

#[test]
fn report_shows_the_mail_and_its_exit_status_tells_the_outcome() {
    let mut site = Site::plain();
    assert_eq!(site.run(&["report", "1"]).code, 4, "nothing is known of the plan");
    site.result("1", "mail1", "");
    assert_eq!(site.run(&["report", "1"]).code, 0);
    site.result("1", "samba1", "disk quota exceeded");
    let ran = site.run(&["report", "1"]);
    assert_eq!((ran.code, ran.err.as_str()), (3, ""));
    assert!(ran.out.starts_with("Subject: [ns8-backup] PARTIAL - 1/2 module(s) failed\n\n"), "{}", ran.out);
    assert!(ran.out.contains("disk quota exceeded"));

    site.result("2", "mail1", "");
    let ran = site.run(&["report", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let outcomes: Vec<_> =
        json["reports"].as_array().unwrap().iter().map(|report| report["outcome"].as_str().unwrap()).collect();
    assert_eq!((ran.code, outcomes, json["version"].as_u64()), (3, vec!["PARTIAL", "SUCCESS"], Some(1)));
    assert!(site.relay.so_far().is_empty());

    site.redis.kill();
    let ran = site.run(&["report", "1"]);
    assert_eq!(ran.code, 5);
    assert!(ran.out.contains("could not be read"));
    assert_eq!((run(&["report", ""]).code, run(&["report", "1", "2"]).code), (2, 2));
}

/// The history on disk ends before this run: the watch comes every 15 minutes.
#[test]
fn a_report_counts_the_run_that_it_is_about() {
    let site = Site::plain();
    let in_a_row = || {
        let ran = site.run(&["report", "1", "--json"]);
        let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let (report, module) = (&json["reports"][0], &json["reports"][0]["modules"][0]);
        (report["failed_runs_in_a_row"].clone(), module["runs_without_success"].clone())
    };
    assert_eq!(in_a_row().0, 1, "nothing is known of the plan");
    site.result("1", "samba1", "disk quota exceeded");
    assert_eq!(in_a_row(), (1.into(), 1.into()));
    let (plan, samba) = (PlanId::new("1").unwrap(), ModuleId::new("samba1").unwrap());
    for hours in [48, 24] {
        let at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours);
        let part = ModuleRecord {
            state: State::Error,
            end: Some(at),
            seconds: None,
            size: None,
            files: None,
            ..ModuleRecord::default()
        };
        let (outcome, modules) = (Outcome::RepoFailure, [(samba.clone(), part)].into());
        let run = RunRecord { due: None, previous_due: None, at, outcome, over: true, reported: None, modules };
        Histories::new(&site.path("state")).record(&plan, None, run).unwrap();
    }
    assert_eq!(in_a_row(), (3.into(), 3.into()));
    let ran = site.run(&["report", "1"]);
    assert!(ran.out.contains("all 1 module(s) failed [failed 3 runs in a row]"), "{}", ran.out);
    assert!(ran.out.contains("Failed 3 runs in a row"), "{}", ran.out);
    let kept = Histories::new(&site.path("state")).load(&plan).unwrap();
    assert_eq!(kept.runs.len(), 2, "a look writes nothing");
}

/// NS8 makes no timer for a plan that is switched off.
#[test]
fn a_plan_that_is_switched_off_is_due_only_if_its_run_took_place() {
    let site = Site::plain();
    let now = jiff::Timestamp::now();
    let due = now - jiff::SignedDuration::from_hours(2);
    let schedule = due.strftime("*-*-* %H:%M:%S UTC").to_string();
    site.redis.hset("cluster/module_node", &[("mail1", "1"), ("samba1", "1")]);
    site.redis.hset("cluster/backup/1", &[("instances", "mail1 samba1"), ("enabled", ""), ("schedule", &schedule)]);
    let report = |ends: [i64; 2]| {
        for (module, minutes) in ["mail1", "samba1"].iter().zip(ends) {
            let end = due.as_second() + 60 * minutes;
            let result = format!(r#"{{"start":{},"end":{end},"errors":0}}"#, end - 30);
            site.redis.hset("node/1/backup_status/1", &[(module, &result)]);
        }
        let ran = site.run(&["report", "1", "--json"]);
        let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let report = &json["reports"][0];
        assert_eq!(report["next_run"], serde_json::Value::Null);
        (report["outcome"].clone(), report["due"].is_null())
    };
    let days = 24 * 60;
    assert_eq!(report([-3 * days, -3 * days]), ("SUCCESS".into(), true), "the last run before it was switched off");
    assert_eq!(report([-3 * days, 1]), ("PARTIAL".into(), false), "it was switched off in the middle of this run");
}

#[test]
fn times_are_in_the_zone_of_the_environment_else_in_the_systems() {
    let site = Site::plain();
    site.result("1", "samba1", "disk quota exceeded");
    let shown = |zone: Option<&str>| {
        let ran: Ran = site.command(&["report", "1"]).envs(zone.map(|zone| ("TZ", zone))).output().unwrap().into();
        let is_offset = |word: &&str| word.len() == 6 && word.contains(':') && word.starts_with(['+', '-']);
        ran.out.split_whitespace().find(is_offset).expect(&ran.out).to_owned()
    };
    for (zone, offset) in [
        ("Asia/Tokyo", "+09:00"),
        (":Asia/Kolkata", "+05:30"),
        ("/usr/share/zoneinfo/Asia/Tokyo", "+09:00"),
        ("XYZ-3", "+03:00"),
        ("UTC", "+00:00"),
        ("", "+00:00"),
        ("Nowhere/Land", "+00:00"),
    ] {
        assert_eq!(shown(Some(zone)), offset, "{zone}");
    }
    let systems = Command::new(path_of("date")).arg("+%:z").env_remove("TZ").output().unwrap().stdout;
    assert_eq!(shown(None), String::from_utf8(systems).unwrap().trim());
}

#[test]
fn a_report_that_cannot_be_written_is_no_success() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let site = Site::plain();
    site.result("1", "mail1", "");
    let arguments = ["--config".into(), site.path("config.yml").display().to_string(), "report".into(), "1".into()];
    let ran: Ran = program().args(arguments).stdout(full).output().unwrap().into();
    assert_eq!((ran.code, ran.err.contains("standard output could not be written")), (1, true), "{}", ran.err);
}

#[test]
fn answers_that_cannot_be_written_keep_no_mail_back() {
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let site = Site::plain();
    site.result("1", "samba1", "disk quota exceeded");
    for (args, code, mails) in [
        (&["report", "1", "--json", "--send"][..], 4, 2),
        (&["report", "1", "--html", "--send"], 4, 4),
        (&["digest", "--json", "--mail", "--alertmanager", "http://127.0.0.1:1"], 0, 6),
    ] {
        let ran: Ran = site.command(args).stderr(full()).output().unwrap().into();
        assert_eq!((ran.code, site.relay.so_far().len()), (code, mails), "{args:?}");
    }
    site.write("config.yml", "notification: { mail_too: a@example.com }\n");
    for (args, code) in [(&["send-test"][..], 1), (&["report", "1"], 5), (&["setup"], 2), (&["setup", "--yes"], 2)] {
        let ran: Ran = site.command(args).stderr(full()).stdout(full()).output().unwrap().into();
        assert!(ran.code == code || ran.code == 1, "{args:?}: {}", ran.code);
    }
}

#[test]
fn repositories_that_the_command_leaves_out_are_not_said_to_be_switched_off() {
    let site = Site::plain();
    site.result("1", "samba1", "disk quota exceeded");
    let check = || {
        let text = site.run(&["report", "1", "--no-probe"]).out;
        let json: serde_json::Value =
            serde_json::from_str(&site.run(&["report", "1", "--no-probe", "--json"]).out).unwrap();
        (text, json["reports"][0]["repository_check"].as_str().unwrap().to_owned())
    };
    let (text, word) = check();
    assert!(text.contains("the check is switched off") && word == "disabled", "{word}: {text}");
    let config = fs::read_to_string(site.path("config.yml")).unwrap();
    site.write("config.yml", &config.replace("enabled: false", "enabled: true"));
    let (text, word) = check();
    assert!(text.contains("--no-probe") && !text.contains("switched off") && word == "skipped", "{word}: {text}");
}

#[test]
fn report_shows_its_progress_on_a_terminal_only() {
    let site = Site::plain();
    let config = fs::read_to_string(site.path("config.yml")).unwrap();
    site.write("config.yml", &config.replace("enabled: false", "enabled: true"));
    site.result("1", "samba1", "disk quota exceeded");
    let path = site.path("no repository").display().to_string();
    site.redis
        .hset("cluster/backup_repository/r/parameters", &[("backend", "local"), ("path", &path), ("password", "x")]);
    let progress = "plan 1: looking at the repositories, 0 of 1";
    let ran = on_a_terminal(&site, "report 1", "");
    assert!(ran.out.contains(progress), "{}", ran.out);
    assert_eq!(ran.code, 4);
    let ran = site.run(&["report", "1"]);
    assert_eq!((ran.code, ran.err.as_str()), (4, ""));
    assert!(!ran.out.contains(progress) && ran.out.contains("no repository"), "{}", ran.out);
}

#[test]
fn a_repository_that_is_not_looked_at_is_not_said_to_be_missing() {
    let site = Site::plain();
    let config = fs::read_to_string(site.path("config.yml")).unwrap();
    site.write("config.yml", &config.replace("enabled: false", "enabled: true"));
    site.redis.hset("cluster/module_node", &[("mail1", "1")]);
    site.redis.hset("cluster/backup/1", &[("instances", "mail1"), ("repository", "d1")]);
    let ahead = jiff::Timestamp::now().as_second() + 2 * 86_400;
    let result = format!(r#"{{"start":{ahead},"end":{ahead},"errors":0}}"#);
    site.redis.hset("node/1/backup_status/1", &[("mail1", &result)]);
    let unknown = "No repository of this plan is known.";
    assert!(site.run(&["report", "1"]).out.contains(unknown));
    site.redis.hset("cluster/backup_repository/d1", &[("name", "Offsite"), ("url", "s3:s3.amazonaws.com/bucket")]);
    let ran = site.run(&["report", "1"]);
    // Every result is a success: no module's repository is concerned.
    assert!(ran.out.contains("dated in the future") && !ran.out.contains("REPOSITORIES"), "{}", ran.out);
}

#[test]
fn report_send_sends_once_and_shows_the_answers() {
    let site = Site::plain();
    site.result("1", "samba1", "disk quota exceeded");
    site.relay.fault_for("ops@example.com", Fault::reply("550 5.1.1 no such user"));
    let ran = site.run(&["report", "1", "--send"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains("admin@example.com: 250") && ran.out.contains("ops@example.com: not sent:"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("550 5.1.1 no such user"));
    site.relay.mend();
    let ran = site.run(&["report", "1", "--send", "--json"]);
    assert_eq!(ran.code, 4);
    serde_json::from_str::<serde_json::Value>(&ran.out).expect("the answers do not get among the JSON");
    assert!(ran.err.contains("ops@example.com: 250"));
    assert_eq!(site.relay.so_far().len(), 3);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let site = Site::plain();
    (0..200).for_each(|n| site.result("1", &format!("mail{n}"), "disk quota exceeded"));
    let mut child = site.command(&["report", "1"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert_eq!((ran.code, ran.err.as_str()), (4, ""));
}

#[test]
fn send_test_goes_the_configured_way_in_the_readers_language() {
    let site =
        Site::new(Server::starttls().with_login("monitor", "s3cret"), "  language: it\n  transport: smarthost\n");
    let ran = site.run(&["send-test"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("smarthost is disabled or not set"), "{}", ran.out);
    let port = site.relay.port.to_string();
    let smarthost = [
        ("enabled", "1"),
        ("host", "127.0.0.1"),
        ("port", port.as_str()),
        ("encrypt_smtp", "starttls"),
        ("tls_verify", ""),
        ("username", "monitor"),
        ("password", "s3cret"),
    ];
    site.redis.hset("cluster/smarthost", &smarthost);
    let ran = site.run(&["send-test"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("admin@example.com: 250") && !ran.out.contains("s3cret"));
    let mails = site.relay.so_far();
    assert_eq!((mails.len(), mails[0].login.as_deref(), mails[0].tls), (2, Some("monitor"), true));
    let text = String::from_utf8_lossy(&mails[0].data).into_owned();
    assert!(text.contains("Subject: [ns8-backup] ") && text.contains("prova"), "{text}");
}
