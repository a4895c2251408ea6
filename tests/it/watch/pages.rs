//! The history and the digest, as commands beside the watch.

use mail_parser::{MessageParser, MimeHeaders};

use super::*;
use crate::report::browser::{load, texts};
use crate::report::page::check_page;
use crate::support::smtp::{Fault, Stage};

/// One run of the digest or the history, beside the watch's state.
pub(super) fn tool(watched: &Watched, arguments: &[&str]) -> Output {
    let mut command = watched.command(env!("CARGO_BIN_EXE_ns8-backup-monitor"));
    command.arg("--config").arg(watched.site.service.path("config.yml")).args(arguments).output().unwrap()
}

#[test]
fn the_history_shows_what_the_watch_has_seen() {
    let mut watched = Watched::new(60);
    watched.ends("mail1", 50, 0);
    watched.ends("samba1", 40, 2);
    watched.site.service.start();
    watched.tick();
    let text = |arguments: &[&str]| {
        let output = tool(&watched, arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(text(&["history"]).contains("2     Nightly  x "));
    assert!(text(&["history", "2"]).contains("samba1  x"));
    let json: serde_json::Value = serde_json::from_str(&text(&["history", "2", "--json"])).unwrap();
    assert_eq!(json["plans"][0]["runs"][0]["modules"]["samba1"]["state"], "error");
    for arguments in [
        &["history", "no-such-plan"][..],
        &["history", "no-such-plan", "--json"],
        &["history", "no-such-plan", "--html"],
    ] {
        let output = tool(&watched, arguments);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "no history of plan no-such-plan is kept\n");
    }
    let history = watched.site.service.path("state/history");
    std::fs::write(history.join("3.json"), r#"{"version":99}"#).unwrap();
    std::fs::write(history.join("4.json"), "{ not json").unwrap();
    for arguments in [&["history"][..], &["history", "--json"], &["history", "--html"]] {
        let output = tool(&watched, arguments);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stdout).contains("Nightly"), "what can be read is shown");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("3.json: written by a later version") && errors.contains("4.json: "), "{errors}");
    }
    assert!(String::from_utf8_lossy(&tool(&watched, &["history", "3"]).stderr).contains("3.json: written by a later"));
}

#[test]
fn the_digest_is_printed_and_mailed_each_week_until_everybody_has_it() {
    let mut watched = Watched::new(60);
    watched.ends("mail1", 50, 0);
    watched.ends("samba1", 40, 2);
    watched.site.service.start();
    watched.site.redis.hset("cluster/module_node", &[("idle3", "1"), ("cache1", "1")]);
    watched.site.redis.run::<i64>("SADD module/cache1/flags no_data_backup");
    let output = tool(&watched, &["digest", "--alertmanager", "http://127.0.0.1:1"]);
    assert!(output.status.success());
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.contains("Nightly (plan 2)") && page.contains("  samba1: failed in the last run"), "{page}");
    assert!(page.contains("watch: NEEDS ATTENTION: it has never looked"), "{page}");
    let history = watched.site.service.path("state/history");
    std::fs::write(&history, "no folder").unwrap();
    let errors = tool(&watched, &["digest", "--alertmanager", "http://127.0.0.1:1"]).stderr;
    assert!(String::from_utf8_lossy(&errors).contains("the histories cannot be read: Not a directory"));
    std::fs::remove_file(&history).unwrap();
    assert!(!page.contains("every week"), "{page}");
    assert!(page.contains("MODULES IN NO PLAN (1)\n  idle3\n"), "{page}");
    let json = tool(&watched, &["digest", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["version"], &json["plans"][0]["standing"]), (&1.into(), &"attention".into()));
    assert_eq!(watched.site.counts(), [].into(), "nothing is sent");

    watched.site.relay.fault_for("ops@example.com", Fault::reply("451 4.3.0 later"));
    assert_eq!(tool(&watched, &["digest", "--weekly"]).status.code(), Some(1));
    watched.site.relay.mend();
    watched.site.relay.fault(Stage::Data, Fault::reply("451 4.3.0 later"));
    assert_eq!(tool(&watched, &["digest", "--weekly"]).status.code(), Some(1));
    watched.site.relay.mend();
    assert!(tool(&watched, &["digest", "--weekly"]).status.success());
    assert_eq!(watched.site.counts(), [("admin@example.com".into(), 1), ("ops@example.com".into(), 1)].into());
    for mail in watched.site.inbox() {
        assert_eq!(mail.subject, "[ns8-backup] DIGEST - 1 of 1 plan(s) need attention");
        assert!(mail.text.contains("This mail comes every week."), "{}", mail.text);
    }
    assert!(!watched.site.service.path("state/digest.json").exists());

    watched.configure("digest: { enabled: false }\n");
    assert!(tool(&watched, &["digest", "--weekly"]).status.success());
    watched.configure("");
    let credentials = watched.site.service.path("credentials");
    std::fs::create_dir(&credentials).unwrap();
    std::fs::write(credentials.join("node.environment"), "NODE_ID=2\n").unwrap();
    let mut command = watched.command(env!("CARGO_BIN_EXE_ns8-backup-monitor"));
    command.env("CREDENTIALS_DIRECTORY", &credentials);
    let config = watched.site.service.path("config.yml");
    assert!(command.arg("--config").arg(config).args(["digest", "--weekly"]).status().unwrap().success());
    assert_eq!(watched.site.counts().into_values().collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn a_digest_that_is_tried_again_goes_to_whom_the_configuration_names_now() {
    let watched = Watched::new(60);
    watched.site.relay.fault_for("ops@example.com", Fault::reply("450 4.2.1 mailbox busy"));
    assert_eq!(tool(&watched, &["digest", "--weekly"]).status.code(), Some(1));
    let file = watched.site.service.path("config.yml");
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, config.replace("ops@example.com", "right@example.com")).unwrap();
    assert!(tool(&watched, &["digest", "--weekly"]).status.success());
    assert_eq!(watched.site.counts(), [("admin@example.com".into(), 1), ("right@example.com".into(), 1)].into());
}

#[test]
fn two_that_mail_the_digest_at_one_time_mail_it_once() {
    let mut watched = Watched::new(60);
    watched.site.service.start();
    let state = watched.site.service.path("state");
    std::fs::create_dir_all(&state).unwrap();
    let lock = std::fs::File::create(state.join(".digest.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let second = tool(&watched, &["digest", "--weekly"]);
    assert!(second.status.success(), "tried again, it would be mailed once more: {second:?}");
    assert_eq!(watched.site.counts(), [].into());
    // A child that another test has just forked has the lock as well, as long as it is only closed.
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::Unlock).unwrap();
    assert!(tool(&watched, &["digest", "--weekly"]).status.success());
    assert_eq!(watched.site.counts().into_values().collect::<Vec<_>>(), [1, 1]);
}

/// It does not take what stands in its way for another one at work.
#[test]
fn a_watch_that_cannot_take_its_lock_says_so() {
    let watched = Watched::new(60);
    std::fs::create_dir_all(watched.site.service.path("state/.watch.lock")).unwrap();
    let output = tool(&watched, &["watch"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains(".watch.lock: Is a directory"), "{output:?}");
}

#[test]
fn a_run_that_was_due_just_now_is_not_the_last_one_before_it_has_a_result() {
    let mut watched = Watched::new(5);
    watched.ends("mail1", 24 * 60 - 5, 0);
    watched.ends("samba1", 24 * 60 - 10, 0);
    watched.tick_at("-1d");
    watched.tick_at("-23h");
    watched.site.service.start();
    let digest = || {
        let json: serde_json::Value = serde_json::from_str(&printed(&watched, &["digest", "--json"])).unwrap();
        json["plans"][0].clone()
    };
    let nothing_yet = digest();
    assert_eq!(nothing_yet["standing"], "fine", "{nothing_yet}");
    assert_eq!(nothing_yet["outcome"], "SUCCESS");
    assert!(nothing_yet["due_since"].is_string() && nothing_yet["troubled"] == serde_json::json!([]));
    let text = printed(&watched, &["digest"]);
    assert!(text.contains("; due since 20"), "{text}");
    // The watch has not seen this result yet.
    watched.ends("mail1", 1, 0);
    let begun = digest();
    assert_eq!((&begun["standing"], &begun["running"]), (&"fine".into(), &true.into()), "{begun}");
    assert!(begun["due_since"].is_null());
    watched.ends("samba1", 0, 0);
    let ended = digest();
    assert_eq!((&ended["outcome"], &ended["running"]), (&"SUCCESS".into(), &false.into()), "{ended}");
}

/// What a command prints.
fn printed(watched: &Watched, arguments: &[&str]) -> String {
    let output = tool(watched, arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A service whose watch has seen a run with a failure, which was mailed.
fn half_failed() -> Watched {
    let mut watched = Watched::new(60);
    watched.ends("mail1", 50, 0);
    watched.ends("samba1", 40, 2);
    watched.site.service.start();
    watched.tick();
    wait_until("a mail each", || watched.site.counts().len() == 2, || watched.site.service.log());
    watched.site.service.done();
    watched
}

#[test]
fn the_digest_as_a_page_shows_what_its_json_says_and_requests_nothing() {
    let watched = half_failed();
    let unreachable = ["--alertmanager", "http://127.0.0.1:1"];
    let json: serde_json::Value =
        serde_json::from_str(&printed(&watched, &[&["digest", "--json"], &unreachable[..]].concat())).unwrap();
    let page = printed(&watched, &[&["digest", "--html"], &unreachable[..]].concat());
    check_page(&page);
    let (dom, requests) = load(&page);
    assert_eq!(requests, [""; 0]);
    assert_eq!(texts(&dom, "<h1>"), ["✗ DIGEST"]);
    let plan = &json["plans"][0];
    let headings = [texts(&dom, "<h2>"), texts(&dom, "<h3>")].concat();
    let name = format!("✗ {} (plan {})", plan["name"].as_str().unwrap(), plan["id"].as_str().unwrap());
    for expected in ["Plans that need attention (1)", "The monitor itself", &name] {
        assert!(headings.iter().any(|heading| heading == expected), "{expected} is not among {headings:?}");
    }
    let rows = texts(&dom, "<th scope=\"row\">");
    assert_eq!(rows, ["samba1", "mail1"], "the failing one comes first");
    assert_eq!(plan["troubled"][0]["module"], "samba1");
    let cells = |class: &str| texts(&dom, &format!("<td class=\"{class}\">")).len();
    assert_eq!((cells("g"), cells("b")), (1, 1), "a cell for each run of each module");
    let lines = texts(&dom, "<p>").join("\n");
    let next: Timestamp = plan["next_run"].as_str().unwrap().parse().unwrap();
    assert!(lines.contains(&format!("next run: {}", next.strftime("%Y-%m-%d %H:%M"))), "{lines}");
    let entries = texts(&dom, "<li>");
    assert!(entries.iter().any(|entry| entry.starts_with("✗ Alertmanager: NEEDS ATTENTION")), "{entries:?}");
    let last: Timestamp = json["monitor"]["last_report"].as_str().expect("a report was delivered").parse().unwrap();
    assert!(Timestamp::now().duration_since(last).as_secs() < 3600);
    assert!(entries.iter().any(|entry| entry.starts_with("last report delivered: 2")), "{entries:?}");
}

#[test]
fn the_history_as_a_page_draws_each_plan() {
    let watched = half_failed();
    let page = printed(&watched, &["history", "--html"]);
    check_page(&page);
    let (dom, requests) = load(&page);
    assert_eq!((requests, texts(&dom, "<th scope=\"row\">")), (vec![], vec!["samba1".into(), "mail1".into()]));
    assert_eq!(printed(&watched, &["history", "2", "--html"]), page);
}

#[test]
fn names_of_the_cluster_cannot_spoil_the_pages() {
    let watched = half_failed();
    let evil = "<script>alert(1)</script>\" onload=x \u{202e}&lt;";
    watched.site.redis.hset("cluster/backup/2", &[("name", evil)]);
    watched.site.redis.run_args::<String>(&["SET", "module/samba1/ui_name", evil]);
    watched.site.redis.run_args::<String>(&["SET", "cluster/ui_name", evil]);
    watched.site.redis.hset("cluster/backup/3", &[("name", evil), ("schedule", evil), ("enabled", "1")]);
    watched.site.redis.hset("cluster/module_node", &[("idle3", "1")]);
    watched.site.redis.run_args::<String>(&["SET", "module/idle3/ui_name", evil]);
    watched.tick();
    let page = printed(&watched, &["digest", "--html"]);
    check_page(&page);
    assert!(page.contains("‹script›") && page.contains("&amp;lt;") && !page.contains('\u{202e}'), "{page}");
    check_page(&printed(&watched, &["history", "--html"]));
    let text = printed(&watched, &["digest"]);
    assert!(!text.contains(['<', '>', '\u{202e}']), "{text}");
}

#[test]
fn a_schedule_that_systemd_does_not_accept_is_seen() {
    let mut watched = Watched::new(60);
    watched.site.service.start();
    watched.plan("7", "every full moon");
    let text = printed(&watched, &["digest"]).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("systemd does not accept its schedule every full moon: it does not run by itself"), "{text}");
    let checked = tool(&watched, &["check", "--alertmanager", "http://127.0.0.1:1"]);
    let checked = String::from_utf8(checked.stdout).unwrap();
    let line = "error    plans: plan 7: systemd does not accept its schedule every full moon";
    assert!(checked.lines().any(|found| found.starts_with(line)), "{checked}");
    assert!(!checked.contains("plan 2: systemd"), "{checked}");
}

#[test]
fn a_schedule_that_has_no_next_time_is_seen() {
    let mut watched = Watched::new(60);
    watched.site.service.start();
    watched.plan("7", "*-02-30");
    watched.plan("8", "");
    let text = printed(&watched, &["digest"]).split_whitespace().collect::<Vec<_>>().join(" ");
    for said in ["systemd computes no next time for its schedule", "it has no schedule"] {
        assert_eq!(text.matches(&format!("{said}: it does not run by itself")).count(), 1, "{text}");
    }
    let checked = tool(&watched, &["check", "--alertmanager", "http://127.0.0.1:1"]);
    let checked = String::from_utf8(checked.stdout).unwrap();
    let line = "error    plans: plan 7: systemd computes no next time for its schedule *-02-30";
    assert!(checked.lines().any(|found| found.starts_with(line)), "{checked}");
}

#[test]
fn an_italian_digest_says_so_of_the_monitor_too() {
    let mut watched = Watched::new(60);
    watched.notification = "  language: it\n";
    watched.configure("watch: { enabled: false }\n");
    watched.site.service.start();
    let digest = |watched: &Watched| {
        let text = printed(watched, &["digest", "--alertmanager", "http://127.0.0.1:1"]);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let text = digest(&watched);
    for italian in ["sorveglianza: RICHIEDE ATTENZIONE: watch.enabled è false", "ns8-backup-monitor check dice perché"]
    {
        assert!(text.contains(italian), "{italian} is not in {text}");
    }
    watched.site.redis.kill();
    let text = digest(&watched);
    assert!(text.contains("il socket non esiste") || text.contains("nessuno risponde"), "{text}");
    assert!(!text.contains("could not") && !text.contains("nothing listens"), "{text}");
}

#[test]
fn the_digests_mail_has_a_page_if_that_is_wanted() {
    let mut watched = half_failed();
    watched.notification = "  html: true\n";
    watched.configure("");
    let text = printed(&watched, &["digest", "--mail", "--alertmanager", "http://127.0.0.1:1"]);
    let mail = watched.site.relay.so_far().pop().unwrap();
    let message = MessageParser::default().parse(&mail.data).unwrap();
    let types = |n: usize| message.parts[n].content_type().unwrap().subtype().unwrap().to_owned();
    assert_eq!([0, 1, 2].map(types), ["alternative", "plain", "html"]);
    let body = message.body_text(0).unwrap().replace("\r\n", "\n");
    assert!(text.starts_with(&body), "{body}");
    let page = message.body_html(0).unwrap();
    check_page(&page);
    assert!(page.contains("samba1</strong> ") && !page.contains("<style"), "{page}");
}

#[test]
fn modules_in_no_plan_are_named_unless_one_plan_is_asked_for() {
    let watched = half_failed();
    watched.site.redis.hset("cluster/module_node", &[("idle3", "1"), ("cache1", "1")]);
    watched.site.redis.run::<i64>("SADD module/cache1/flags no_data_backup");
    let report = |arguments: &[&str]| {
        let output = tool(&watched, &[&["report", "--no-probe"], arguments].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(report(&[]).contains("In no backup plan: idle3.\n"), "{}", report(&[]));
    assert!(!report(&["2"]).contains("In no backup plan"));
    let json: serde_json::Value = serde_json::from_str(&report(&["--json"])).unwrap();
    assert_eq!(json["reports"][0]["modules_in_no_plan"], serde_json::json!(["idle3"]));
}
