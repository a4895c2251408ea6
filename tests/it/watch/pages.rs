//! The history and the digest, as commands beside the watch.

use std::process::Output;

use super::Watched;
use crate::support::smtp::{Fault, Stage};

/// One run of the digest or the history, beside the watch's state.
fn tool(watched: &Watched, arguments: &[&str]) -> Output {
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
    assert!(text(&["history", "no-such-plan"]).contains("0 run(s)"));
}

#[test]
fn the_digest_is_printed_and_mailed_each_week_until_everybody_has_it() {
    let watched = Watched::new(60);
    watched.ends("mail1", 50, 0);
    watched.ends("samba1", 40, 2);
    watched.site.redis.hset("cluster/module_node", &[("idle3", "1"), ("cache1", "1")]);
    watched.site.redis.run::<i64>("SADD module/cache1/flags no_data_backup");
    let output = tool(&watched, &["digest", "--alertmanager", "http://127.0.0.1:1"]);
    assert!(output.status.success());
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.contains("Nightly (plan 2)") && page.contains("* samba1: failed 1 run(s) in a row"), "{page}");
    assert!(page.contains("watch: NEEDS ATTENTION: it has never looked"), "{page}");
    assert!(page.contains("Modules in no plan (1)\n- idle3"), "{page}");
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
