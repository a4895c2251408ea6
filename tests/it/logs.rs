//! Tests of the logs part: real journal files read by the real `journalctl`, and a log server that can misbehave.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ns8_backup_monitor::job::examine;
use ns8_backup_monitor::logs::{Ask, Journal, Loki, NodeAsk, Sources, progress, reasons};
use ns8_backup_monitor::model::ended::Progress;
use ns8_backup_monitor::model::plan::{Module, ModuleId, Plan, PlanId};
use ns8_backup_monitor::model::reason::{Cause, Reasons, Silence, Source};
use ns8_backup_monitor::model::run::{RunRule, assess};
use tempfile::TempDir;

use crate::support::journal::{BEGIN, Journals, get, message, record, recorded, set, streams};
use crate::support::loki::{Fault, Server, at};
use crate::support::port::Port;

const LIMIT: Duration = Duration::from_secs(60);

// ---- The journal --------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_journal_of_a_run_has_the_reason_of_a_module_whose_lines_are_in_another_unit() {
    let journal = Journals::of(&[recorded("dump-mysqldump")]);
    let found = reasons(&sources(&journal), &ask(&["mail1", "nextcloud1"])).await;
    let mail = &found.modules[&module("mail1")];
    assert_eq!((mail.cause, mail.snapshot_written), (Some(Cause::DatabaseFailed), Some(false)));
    assert!(mail.lines[0].contains("Can't connect to local server through socket"), "{mail:?}");
    let other = &found.modules[&module("nextcloud1")];
    assert_eq!((other.cause, other.snapshot_written, other.lines.len()), (None, Some(true), 0));
    assert!(found.cluster_backup[0].contains("upload of cluster backup GPG file failed"), "{found:?}");
    assert_eq!(found.gaps, []);
}

#[tokio::test]
async fn a_run_by_hand_is_found_in_the_agents_log() {
    let journal = Journals::of(&[recorded("restic18-hand-wrong-password")]);
    let found = reasons(&sources(&journal), &ask(&["mail1"])).await;
    assert_eq!(found.modules[&module("mail1")].cause, Some(Cause::WrongPassword));
}

#[tokio::test]
async fn the_log_says_how_far_a_run_has_come() {
    let whole = recorded("dump-mysqldump");
    let over = whole.iter().position(|record| message(record).starts_with("Backup 2 finished")).unwrap();
    let (all, cut) = (Journals::of(std::slice::from_ref(&whole)), Journals::of(&[whole[..over].to_vec()]));
    assert_eq!(progress(&mut sources(&all), &ask(&["mail1"])).await.0, Progress::Over);
    assert_eq!(progress(&mut sources(&cut), &ask(&["mail1"])).await.0, Progress::Running);
    let mut later = ask(&["mail1"]);
    later.nodes[0].since += SignedDuration::from_hours(6);
    later.nodes[0].until += SignedDuration::from_hours(6);
    assert_eq!(progress(&mut sources(&all), &later).await.0, Progress::NotStarted);
    let elsewhere = Ask { host: Some("2".into()), ..ask(&["mail1"]) };
    assert_eq!(progress(&mut sources(&all), &elsewhere).await.0, Progress::Unknown, "no log server");
    let server = Server::start(streams(&whole[..over], "1"));
    assert_eq!(progress(&mut loki_only(server.loki(LIMIT)), &elsewhere).await.0, Progress::Running);
    let mut both = ask(&["mail1"]);
    both.nodes.push(NodeAsk { node: "2".into(), ..both.nodes[0].clone() });
    assert_eq!(progress(&mut sources(&all), &both).await.0, Progress::Unknown, "one node is not enough");
}

#[tokio::test]
async fn only_the_asked_window_and_plan_are_looked_at() {
    let journal = Journals::of(&[recorded("restic14-wrong-password")]);
    let mut later = ask(&["mail1"]);
    later.nodes[0].since += SignedDuration::from_hours(6);
    later.nodes[0].until += SignedDuration::from_hours(6);
    let other = Ask { plan: PlanId::new("3").unwrap(), ..ask(&["mail1"]) };
    for ask in [later, other] {
        let found = reasons(&sources(&journal), &ask).await;
        assert!(found.modules.is_empty(), "{found:?}");
        assert_eq!(whys(&found), [(Source::Journal, Silence::NoMatch), (Source::Loki, Silence::NotConfigured)]);
    }
}

#[tokio::test]
async fn a_log_that_says_nothing_of_several_nodes_is_named_once() {
    let mut nodes = ask(&["mail1"]);
    for id in ["2", "3"] {
        nodes.nodes.push(NodeAsk { node: id.into(), ..nodes.nodes[0].clone() });
    }
    let journal = Journal { directory: Some("/nonexistent".into()), ..Journal::default() };
    let found = reasons(&Sources { journal, loki: None }, &nodes).await;
    assert_eq!(whys(&found).iter().filter(|(source, _)| *source == Source::Loki).count(), 1, "{found:?}");
}

#[tokio::test]
async fn a_message_of_bytes_and_one_that_is_too_long_do_no_harm() {
    let mut records = recorded("dump-mysqldump");
    let at = records.iter().position(|record| message(record).starts_with("mysqldump")).unwrap();
    let mut bytes = records[at].clone();
    set(&mut bytes, "MESSAGE", b"pg_dump: error: \xff\xfe page \x01 is broken");
    let mut long = records[at].clone();
    set(&mut long, "MESSAGE", "x".repeat(2 << 20).as_bytes());
    records.splice(at..=at, [long, bytes]);
    let found = reasons(&sources(&Journals::of(&[records])), &ask(&["mail1"])).await;
    let lines = &found.modules[&module("mail1")].lines;
    assert!(lines[0].starts_with("pg_dump: error: \u{fffd}\u{fffd} page is broken"), "{lines:?}");
}

#[tokio::test]
async fn logs_that_cannot_be_read_are_named_with_a_command_that_can_work() {
    let empty = TempDir::new().unwrap();
    let missing = empty.path().join("missing");
    for folder in [empty.path().to_owned(), missing] {
        let journal = Journal { directory: Some(folder), ..Journal::default() };
        let found = reasons(&Sources { journal: journal.clone(), loki: None }, &ask(&["mail1"])).await;
        assert_eq!((found.gaps[0].source, &found.gaps[0].command), (Source::Journal, &None), "the report has one");
        assert_eq!(
            (&found.gaps[1].why, &found.gaps[1].command),
            (&Silence::NotConfigured, &None),
            "logcli has no server"
        );
        let loki = Some(at(1, LIMIT));
        let found = reasons(&Sources { journal, loki }, &ask(&["mail1"])).await;
        let logcli = found.gaps[1].command.as_deref().unwrap();
        assert!(logcli.starts_with("logcli query ") && logcli.contains("node_id=\"1\""), "{logcli}");
    }
}

#[tokio::test]
async fn a_journal_that_is_not_read_in_time_or_is_too_big_is_given_up() {
    let journal = Journals::of(&[recorded("dump-mysqldump")]);
    let given_up = async |limit, max_bytes| {
        let journal = Journal { limit, max_bytes, ..sources(&journal).journal };
        let found = reasons(&Sources { journal, loki: None }, &ask(&["mail1"])).await;
        found.gaps[0].why.to_string()
    };
    assert_eq!(given_up(Duration::ZERO, u64::MAX).await, "not read to the end within 0 s");
    assert_eq!(given_up(LIMIT, 100).await, "answers too much");
}

#[tokio::test]
async fn no_secret_of_a_log_is_passed_on() {
    let secrets = ["hunter2secret", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"];
    let dress = |line: &str, secret: &str| {
        format!(
            "{line} https://u:{secret}@h RESTIC_PASSWORD={secret} --password {secret} Authorization: Basic {secret} \
             {{\"token\":\"{secret}\"}} :webdav,pass={secret}:x AWS_SECRET_ACCESS_KEY={secret} error"
        )
    };
    for name in ["dump-mysqldump", "restic14-wrong-password", "restic14-source-unreadable"] {
        for secret in secrets {
            let mut records = recorded(name);
            for record in &mut records {
                let line = message(record);
                if !line.contains("backup 2") {
                    set(record, "MESSAGE", dress(&line, secret).as_bytes());
                }
            }
            let found = reasons(&sources(&Journals::of(&[records])), &ask(&["mail1"])).await;
            assert!(!found.modules[&module("mail1")].lines.is_empty());
            assert!(!format!("{found:?}").contains(secret), "{found:#?}");
        }
    }
}

#[tokio::test]
async fn a_reboot_in_the_middle_interrupts_the_run() {
    let mut records = recorded("dump-mysqldump");
    let at = records.iter().position(|record| message(record).starts_with("[ERROR] module-dump-state")).unwrap();
    records.truncate(at);
    let mut started = records[0].clone();
    set(&mut started, "_BOOT_ID", b"22222222222222222222222222222222");
    set(&mut started, "MESSAGE_ID", b"b07a249cd024414a82dd00cd181378ff");
    set(&mut started, "SYSLOG_IDENTIFIER", b"systemd");
    set(&mut started, "MESSAGE", b"Startup finished in 3s.");
    let time = format!("{}", (BEGIN + 300) * 1_000_000);
    set(&mut started, "__REALTIME_TIMESTAMP", time.as_bytes());
    records.push(started);
    let found = reasons(&sources(&Journals::of(&[records])), &ask(&["mail1", "webtop1"])).await;
    for id in ["mail1", "webtop1"] {
        let reason = &found.modules[&module(id)];
        assert_eq!(reason.cause, Some(Cause::Interrupted), "{id}");
        assert!(reason.lines.last().unwrap().contains("the node was started again"), "{reason:?}");
    }
}

// ---- Loki ---------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn other_nodes_and_what_the_journal_lacks_come_from_loki() {
    let server = Server::start(streams(&recorded("restic14-wrong-password"), "2"));
    let mut ask = ask(&["webtop1"]);
    ask.nodes.push(NodeAsk { node: "2".into(), ..self::ask(&["mail1"]).nodes.remove(0) });
    let journal = Journals::of(&[recorded("dump-mysqldump")]);
    let sources = Sources { loki: server.loki(LIMIT), ..sources(&journal) };
    let found = reasons(&sources, &ask).await;
    assert_eq!(found.modules[&module("mail1")].cause, Some(Cause::WrongPassword));
    // webtop1 of this node is in no log: the journal has the run, Loki nothing of the node.
    assert_eq!(whys(&found), [(Source::Loki, Silence::NoMatch)]);
    let request = server.requests().remove(0);
    assert!(
        request.starts_with("GET /loki/api/v1/query_range?direction=forward&limit=2000&start=17954998"),
        "{request}"
    );
    assert!(request.to_lowercase().contains("authorization: basic bg9ratpzm2nyzxq="), "{request}");
}

#[tokio::test]
async fn an_attempt_in_loki_has_its_time() {
    let server = Server::start(streams(&recorded("restic14-wrong-password"), "2"));
    let ask = Ask { host: Some("1".into()), ..ask(&["mail1"]) };
    let mut ask = Ask { nodes: vec![NodeAsk { node: "2".into(), ..ask.nodes[0].clone() }], ..ask };
    let mut sources = loki_only(server.loki(LIMIT));
    let began = progress(&mut sources, &ask).await.1.unwrap();
    assert!((BEGIN..BEGIN + 60).contains(&began.as_second()), "{began}");
    // The cluster's result is of another attempt.
    let start = began + SignedDuration::from_hours(2);
    ask.nodes[0].modules.insert(module("mail1"), Some(start));
    assert!(reasons(&sources, &ask).await.modules.is_empty());
}

#[tokio::test]
async fn a_run_on_a_node_whose_own_journal_cannot_be_read_is_followed_in_loki() {
    let whole = recorded("dump-mysqldump");
    let over = whole.iter().position(|record| message(record).starts_with("Backup 2 finished")).unwrap();
    let server = Server::start(streams(&whole[..over], "1"));
    let found = progress(&mut loki_only(server.loki(LIMIT)), &ask(&["mail1"])).await;
    assert_eq!((found.0, found.1.is_some()), (Progress::Running, true));
}

#[tokio::test]
async fn a_run_may_go_on_if_it_is_not_known_which_node_a_module_is_on() {
    let (mut run, now) = (recorded("dump-mysqldump"), Timestamp::now());
    let begun = now.as_second() - 600;
    for record in &mut run {
        let time: i64 = get(record, "__REALTIME_TIMESTAMP").parse().unwrap();
        set(record, "__REALTIME_TIMESTAMP", format!("{}", time + (begun - BEGIN) * 1_000_000).as_bytes());
    }
    let server = Server::start(streams(&run, "2"));
    let mut plan = Plan::unknown(PlanId::new("2").unwrap());
    plan.members = Some([module("mail1"), module("web2")].into());
    let node = |node: &str| Module { node: Some(node.into()), ..Module::default() };
    plan.modules = [(module("mail1"), node("2"))].into();
    let due = [Timestamp::from_second(begun).unwrap()];
    let assessment = assess(&plan, &RunRule { due: &due, ..RunRule::default() }, now);
    let mut sources = loki_only(server.loki(LIMIT));
    assert_eq!(examine::progress(&mut sources, &plan, &assessment).await.0, Progress::Unknown);
    plan.modules.insert(module("web2"), node("2"));
    assert_eq!(examine::progress(&mut sources, &plan, &assessment).await.0, Progress::Over);
}

#[tokio::test]
async fn a_long_log_is_read_page_by_page() {
    let mut records = Vec::new();
    for second in 0..3 {
        let noise = record(BEGIN, "0", "runagent", "s9", "-", "the same moment, many times");
        records.extend((0..1900).map(|n| {
            let mut noise = noise.clone();
            set(&mut noise, "__REALTIME_TIMESTAMP", format!("{}", (BEGIN + second) * 1_000_000).as_bytes());
            set(&mut noise, "MESSAGE", format!("the same moment, many times: {n}").as_bytes());
            noise
        }));
    }
    let mut run = recorded("restic14-wrong-password");
    for record in &mut run {
        let time: i64 = get(record, "__REALTIME_TIMESTAMP").parse().unwrap();
        set(record, "__REALTIME_TIMESTAMP", format!("{}", time + 10_000_000).as_bytes());
    }
    records.extend(run);
    let server = Server::start(streams(&records, "1"));
    let found = reasons(&loki_only(server.loki(LIMIT)), &ask(&["mail1"])).await;
    assert_eq!(found.modules[&module("mail1")].cause, Some(Cause::WrongPassword));
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_log_server_that_misbehaves_is_named_and_costs_its_time_at_most() {
    let short = Duration::from_millis(300);
    let cases = [
        (Fault::Status(401), LIMIT, "no permission to read it"),
        (Fault::Status(500), LIMIT, "answers 500 Internal Server Error"),
        (Fault::Text("<html>what?</html>"), LIMIT, "answers nonsense: "),
        (Fault::Text(r#"{"data":{"result":[{"stream":{},"values":[["x","y"]]}]}}"#), LIMIT, "answers nonsense: "),
        (Fault::NoHttp, LIMIT, "answers nonsense: invalid HTTP"),
        (Fault::Endless, LIMIT, "answers too much"),
        (Fault::Hang, short, "not read to the end within 0 s"),
        (Fault::Drip, short, "not read to the end within 0 s"),
        (Fault::Cut, LIMIT, "cannot be reached: "),
    ];
    for (fault, limit, expected) in cases {
        let server = Server::start(BTreeMap::new());
        server.fault(fault.clone());
        let found = reasons(&loki_only(server.loki(limit)), &ask(&["mail1"])).await;
        let gap = &found.gaps[1];
        assert!(gap.why.to_string().starts_with(expected), "{fault:?}: {}", gap.why);
        assert!(!format!("{found:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn a_log_server_whose_time_has_come_to_its_end_is_given_up() {
    let entries = vec![format!(r#"["{}","x"]"#, u64::MAX); 2000].join(",");
    let page = format!(r#"{{"data":{{"result":[{{"stream":{{"node_id":"1"}},"values":[{entries}]}}]}}}}"#);
    let server = Server::start(BTreeMap::new());
    server.fault(Fault::Text(page.leak()));
    let found = reasons(&loki_only(server.loki(LIMIT)), &ask(&["mail1"])).await;
    assert_eq!(found.gaps[1].why, Silence::TooBig);
}

#[tokio::test]
async fn a_log_server_that_does_not_answer_is_not_asked_about_the_next_node() {
    let server = Server::start(BTreeMap::new());
    server.fault(Fault::Hang);
    let mut both = Ask { host: None, ..ask(&["mail1"]) };
    both.nodes.push(NodeAsk { node: "2".into(), ..both.nodes[0].clone() });
    let mut sources = loki_only(server.loki(Duration::from_millis(300)));
    assert_eq!(progress(&mut sources, &both).await.0, Progress::Unknown);
    assert_eq!((server.requests().len(), sources.loki.is_none()), (1, true));
}

#[tokio::test]
async fn a_log_server_that_is_not_there_is_named() {
    let nobody = Port::reserve();
    let loki = Some(at(nobody.number(), LIMIT));
    let found = reasons(&loki_only(loki), &ask(&["mail1"])).await;
    assert!(found.gaps[1].why.to_string().contains("Connection refused"), "{found:?}");
}

// ---- Support ------------------------------------------------------------------------------------------------------

fn sources(journals: &Journals) -> Sources {
    let directory = Some(journals.folder().to_owned());
    Sources { journal: Journal { directory, limit: LIMIT, ..Journal::default() }, loki: None }
}

fn loki_only(loki: Option<Loki>) -> Sources {
    let journal = Journal { directory: Some("/nonexistent".into()), ..Journal::default() };
    assert!(loki.is_some());
    Sources { journal, loki }
}

/// About modules of this node, whose id is 1.
fn ask(modules: &[&str]) -> Ask {
    let (since, until) = (Timestamp::from_second(BEGIN).unwrap(), Timestamp::from_second(BEGIN + 600).unwrap());
    let modules = modules.iter().map(|id| (module(id), None)).collect();
    let node = NodeAsk { node: "1".into(), since, until, modules };
    Ask {
        plan: PlanId::new("2").unwrap(),
        host: Some("1".into()),
        nodes: vec![node],
        uuids: BTreeMap::new(),
        own_units: false,
    }
}

fn module(id: &str) -> ModuleId {
    ModuleId::new(id).unwrap()
}

fn whys(found: &Reasons) -> Vec<(Source, Silence)> {
    found.gaps.iter().map(|gap| (gap.source, gap.why.clone())).collect()
}
