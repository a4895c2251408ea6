//! Input that nobody should send, through the whole service.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;

use ns8_backup_monitor::config;
use ns8_backup_monitor::model::repository::Verdict;
use ns8_backup_monitor::model::repository::{Destination, Destinations};
use ns8_backup_monitor::probe::{self, Means};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::headers::HEADERS;
use crate::support::programs::install;
use crate::support::service::wait_until;
use crate::support::site::{AT_ONCE, Site};
use crate::support::smtp::Fault;

/// Texts that would like to be something else.
fn nasty() -> [String; 14] {
    [
        String::new(),
        "a\r\nBcc: evil@example.com\r\n\r\nspoofed".into(),
        "a\nBcc: evil@example.com".into(),
        "a\rBcc: evil@example.com".into(),
        "a\u{0}b".into(),
        "\u{202e}gnp.exe\u{2066}\u{feff}\u{85}\u{2028}".into(),
        "x".repeat(10_000),
        "ä☃\u{1f4a5}".repeat(3_000),
        "=?utf-8?q?=0D=0ABcc:_evil@example.com?=".into(),
        "<script>alert(1)</script>".into(),
        ".\r\nMAIL FROM:<evil@example.com>\r\n".into(),
        "evil@example.com>, <other@example.com".into(),
        "'; rm -rf / #".into(),
        "\u{1b}[2J\u{7}\t\u{8}".into(),
    ]
}

/// The mails so far are as they should be, whatever is in them.
fn assert_clean(site: &Site) {
    let relay = site.relay.so_far();
    for (mail, read) in relay.iter().zip(site.inbox()) {
        let text = String::from_utf8(mail.data.clone()).unwrap();
        let (header, _) = text.split_once("\r\n\r\n").unwrap();
        let names = header.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).map(|line| {
            assert!(line.len() < 998 && line.is_ascii() && !line.contains(['\r', '\n', '\0']), "{line:?}");
            line.split(':').next().unwrap()
        });
        let mut seen = BTreeSet::new();
        for name in names {
            assert!(HEADERS.contains(&name) && seen.insert(name), "{name} in {header}");
        }
        let odd = |c: char| c.is_control() && c != '\n' && c != '\r' || "\u{202e}\u{2066}\u{feff}<>".contains(c);
        assert!(!read.text.contains(odd), "{:?}", read.text);
        assert!(
            !read.subject.contains(|c: char| c.is_control() || "\u{202e}\u{2066}".contains(c)),
            "{:?}",
            read.subject
        );
        assert_eq!(mail.to.len(), 1);
    }
    for line in site.relay.heard() {
        let verb = line.split([' ', ':']).next().unwrap();
        assert!(["EHLO", "MAIL", "RCPT", "DATA", "QUIT"].contains(&verb), "{line:?}");
    }
}

#[test]
fn names_and_labels_that_would_be_headers_stay_text() {
    let mut site = Site::with("  repeat_after: 0\n", AT_ONCE);
    site.runs();
    site.ends("samba1", jiff::Timestamp::now().as_second(), 0);
    site.service.start();
    for (n, text) in nasty().iter().enumerate() {
        site.redis.hset("cluster/backup/2", &[("name", text)]);
        for key in ["cluster/ui_name", "node/1/ui_name", "module/mail1/ui_name"] {
            site.redis.run_args::<String>(&["SET", key, text]);
        }
        let alert = json!({"labels": {"alertname": "backup_failed", "id": "2", "name": text, "node": text},
            "annotations": {"summary": text, text: text}, "status": "firing"});
        assert_eq!(site.service.post(json!({"alerts": [alert]}).to_string()).0, 202);
        site.mails(2 * (n + 1));
        site.service.done();
        // As an id: of no plan, or of one without any name.
        let alert = json!({"labels": {"alertname": "backup_failed", "id": text}, "status": "firing"});
        assert_eq!(site.service.post(json!({"alerts": [alert]}).to_string()).0, 202);
        site.service.done();
    }
    assert!(site.relay.so_far().len() >= 2 * nasty().len());
    assert_clean(&site);
    let log = site.service.log();
    assert!(log.lines().all(|line| !line.starts_with("Bcc") && line.len() < 30_000), "{log}");
}

#[test]
fn the_name_of_a_queue_file_is_shown_and_not_obeyed() {
    let mut site = Site::new();
    fs::create_dir_all(site.service.path("state/queue")).unwrap();
    fs::write(site.service.path("state/queue/\u{1b}[31mx.json"), "{}").unwrap();
    site.service.start();
    site.service.logged("[U+001B][31mx.json cannot be read");
    assert!(!site.service.log().contains('\u{1b}'), "{}", site.service.log());
}

#[test]
fn the_name_of_a_history_is_shown_to_root_and_not_obeyed() {
    let site = Site::new();
    fs::create_dir_all(site.service.path("state/history")).unwrap();
    fs::write(site.service.path("state/history/\u{1b}[31m\u{202e}x.json"), "{").unwrap();
    for name in ["history", "check"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ns8-backup-monitor"));
        command.arg("--config").arg(site.service.path("config.yml")).arg(name);
        let ran = command.env("STATE_DIRECTORY", site.service.path("state")).output().unwrap();
        let said = [ran.stdout, ran.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("x.json") && !said.contains(['\u{1b}', '\u{202e}']), "{said:?}");
    }
}

/// A module names itself, and root looks at the document on a terminal.
#[test]
fn what_a_terminal_obeys_is_escaped_in_json() {
    const NAME: &str = "mail\u{9b}31m\u{202e}\u{7f}\n è";
    let site = Site::new();
    site.runs();
    site.redis.run_args::<()>(&["SET", "module/mail1/ui_name", NAME]);
    for arguments in [&["report", "2", "--no-probe", "--json"][..], &["digest", "--json"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ns8-backup-monitor"));
        command.arg("--config").arg(site.service.path("config.yml")).args(arguments);
        let ran = command.env("STATE_DIRECTORY", site.service.path("state")).output().unwrap();
        let text = String::from_utf8(ran.stdout).unwrap();
        assert!(text.contains(" è") && !text.contains(['\u{9b}', '\u{202e}', '\u{7f}']), "{text}");
        let document: Value = serde_json::from_str(&text).unwrap();
        assert!(format!("{document}").contains(NAME.split('\n').next().unwrap()), "{text}");
    }
}

#[test]
fn queue_files_changed_in_any_way_are_worked_on_or_set_aside_and_do_no_harm() {
    const FILES: usize = 600;
    let mut random = super::random();
    let mut site = Site::with("  retry_for: 0\n", "correlator: { wait_seconds: 0, max_wait_seconds: 1 }\n");
    let originals = ["waiting", "delivering"].map(|name| {
        let path = format!("{}/tests/fixtures/queue/{name}.v1.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap()
    });
    site.relay.fault_for("ops@example.com", Fault::reply("450 4.2.1 mailbox busy"));
    fs::create_dir_all(site.service.queue()).unwrap();
    for n in 0..FILES {
        let mut file = originals[n % 2].clone();
        for _ in 0..random.usize(1..4) {
            mutate(&mut file, &mut random);
        }
        fs::write(site.service.queue().join(format!("20261122-031500-{n:04x}.json")), file.to_string()).unwrap();
    }
    site.service.start();
    wait_until("all are done or set aside", || site.service.queued("json").is_empty(), || site.service.log());
    assert!(site.service.terminate().success());
    let log = site.service.log();
    assert!(!log.contains("through a fault of this program"), "{log}");
    let broken = site.service.queued("broken").len();
    assert!((1..FILES).contains(&broken), "{broken}");
    assert_eq!(log.matches("was set aside as").count(), broken);
    assert!(!site.relay.so_far().is_empty());
    assert_clean(&site);
}

/// Changes one place of a JSON value: another value there, or none.
fn mutate(value: &mut Value, random: &mut fastrand::Rng) {
    let inside = random.u8(..) < 220;
    match value {
        Value::Object(members) if inside && !members.is_empty() => {
            let name = members.keys().nth(random.usize(..members.len())).unwrap().clone();
            match random.u8(..10) {
                0 => drop(members.remove(&name)),
                1 => drop(members.insert(nasty()[random.usize(..14)].clone(), json!(1))),
                _ => mutate(&mut members[&name], random),
            }
        }
        Value::Array(items) if inside && !items.is_empty() => {
            let n = random.usize(..items.len());
            match random.u8(..10) {
                0 => drop(items.remove(n)),
                1 => items.push(items[n].clone()),
                _ => mutate(&mut items[n], random),
            }
        }
        other => {
            *other = match random.u8(..12) {
                0 => Value::Null,
                1 => json!(true),
                2 => json!(-1),
                3 => json!(u32::MAX),
                4 => json!(u64::MAX),
                5 => json!(1e300),
                6 => json!([]),
                7 => json!({}),
                8 => json!("-009999-01-02T01:59:59Z"),
                9 => json!("9999-12-30T22:00:00.999999999Z"),
                _ => json!(nasty()[random.usize(..14)]),
            }
        }
    }
}

/// Lines as they may stand in a configuration, right and wrong.
fn configuration() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        Just("notification"),
        Just("mail_to"),
        Just("mail_from"),
        Just("smtp"),
        Just("host"),
        Just("port"),
        Just("redis"),
        Just("url"),
        Just("timeout"),
        Just("receiver"),
        Just("correlator"),
        Just("wait_seconds"),
        Just("logging"),
        Just("level"),
        Just("? "),
        Just("- "),
        Just("<<"),
        Just("&a"),
        Just("*a"),
    ];
    let value = prop_oneof![
        Just("admin@example.com".to_owned()),
        Just("30".into()),
        Just("-1".into()),
        Just("1e99".into()),
        Just("[a, b]".into()),
        Just("{ host: x }".into()),
        Just("*a".into()),
        Just("|".into()),
        Just("!!binary x".into()),
        Just("99999999999999999999d".into()),
        Just("\"\\u0000\"".into()),
        ".{0,20}",
    ];
    let line =
        (0_usize..4, key, value).prop_map(|(indent, key, value)| format!("{}{key}: {value}\n", "  ".repeat(indent)));
    prop_oneof!["(?s).{0,300}", prop::collection::vec(line, 0..20).prop_map(|lines| lines.concat()),]
}

proptest! {
    /// Settings, or at least one problem, each with something to read.
    #[test]
    fn any_configuration_is_used_or_refused_with_reasons(text in configuration()) {
        match config::parse(&text) {
            Ok(settings) => prop_assert!(!settings.notification.mail_to.is_empty()),
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                // YAML knows more line breaks than `lines` does.
                let lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count();
                for problem in problems {
                    prop_assert!(!problem.message.is_empty());
                    prop_assert!(problem.line.is_none_or(|line| line >= 1 && line <= lines + 1), "{problem:?}");
                }
            }
        }
    }
}

/// A repository is healthy only where restic says so: with success and with a list of snapshots.
#[test]
fn whatever_restic_prints_a_repository_is_not_made_healthy_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let says = "#!/bin/sh\ncat $0.output; cat $0.errors >&2; exit $(cat $0.code)\n";
    install(&path("restic"), says);
    let restic = path("restic").display().to_string();
    let means = Means { restic, gateway: "http://127.0.0.1:1".into(), agent: None };
    let destination = Destination {
        id: "1".into(),
        backend: Some("local".into()),
        path: Some("/nowhere".into()),
        password: Some("p".into()),
        ..Destination::default()
    };
    let limit = Duration::from_secs(60);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let output = prop_oneof![
        "(?s).{0,300}",
        Just("[]".into()),
        Just("null".into()),
        Just("[{}]".into()),
        r#"\[\{"time":"2026-11-2[0-9]T03:00:00Z"\}\]"#,
        r#"\{"message_type":"exit_error","code":[0-9]{1,3}\}"#,
    ];
    let code = prop_oneof![Just(0), Just(1), Just(10), Just(11), Just(12), Just(130)];
    let mut runner = TestRunner::new(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() });
    let outcome = runner.run(&(output, "(?s).{0,300}", code), |(output, errors, code)| {
        fs::write(path("restic.output"), &output).unwrap();
        fs::write(path("restic.errors"), &errors).unwrap();
        fs::write(path("restic.code"), code.to_string()).unwrap();
        let destinations = Destinations { all: vec![destination.clone()], ..Destinations::default() };
        let probes = runtime.block_on(probe::probe(&destinations, &[], &means, limit, &|_, _| ()));
        prop_assert_eq!(probes.len(), 1);
        if let Verdict::Healthy { snapshots, .. } = probes[0].verdict {
            prop_assert_eq!(code, 0);
            prop_assert_eq!(
                snapshots,
                serde_json::from_str::<Option<Vec<Value>>>(&output).unwrap().unwrap_or_default().len() as u64
            );
        }
        Ok(())
    });
    outcome.unwrap();
}
