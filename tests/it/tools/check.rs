//! `check`.

use super::alertmanager::{Alertmanager, NS8};
use super::*;

#[test]
fn alertmanager_and_all_else_is_checked_for_what_is_there_and_what_is_not() {
    let smtp = "  transport: smtp\n  smtp: { host: localhost, port: PORT, encryption: tls, username: monitor, password_file: FILE, ca_file: CA }\n";
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(&secret, "pl4nted-s3cret\n").unwrap();
    let smtp = smtp.replace("FILE", secret.path().to_str().unwrap()).replace("CA", crate::support::smtp::CA_FILE);
    let site = Site::new(Server::tls().with_login("monitor", "pl4nted-s3cret"), &smtp);
    site.result("1", "mail1", "");
    let alertmanager_yml = site.write("alertmanager.yml", NS8);
    let check = |url: &str, json: &[&str]| site.run(&[&["check", "--alertmanager", url], json].concat());

    let before = Alertmanager::start(&alertmanager_yml, &site.path("before"));
    let ran = check(&before.1, &[]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("has no receiver ns8-backup-monitor"), "{}", ran.out);
    assert!(ran.out.contains("alertmanager-config --patch"), "{}", ran.out);

    assert_eq!(site.run(&["alertmanager-config", "--patch", alertmanager_yml.to_str().unwrap()]).code, 0);
    let after = Alertmanager::start(&alertmanager_yml, &site.path("after"));
    let ran = check(&after.1, &[]);
    for expected in [
        "2 recipient(s), from monitor@example.com",
        "layout A, 1 plan(s), 1 module(s)",
        "as monitor, from notification.smtp: ready",
        "the route that sends every backup alert here stands first",
    ] {
        let line = ran.out.lines().find(|line| line.contains(expected));
        assert!(line.is_some_and(|line| line.starts_with("ok ")), "{expected}:\n{}", ran.out);
    }
    assert!(site.relay.so_far().is_empty(), "nothing is sent");

    // What runs counts, not the file: NS8 writes it anew without a restart.
    site.write("alertmanager.yml", NS8);
    assert!(check(&after.1, &[]).out.contains("stands first"));
    assert_eq!(site.run(&["alertmanager-config", "--patch", alertmanager_yml.to_str().unwrap()]).code, 0);
    let patched = fs::read_to_string(&alertmanager_yml).unwrap();
    site.write("alertmanager.yml", &patched.replacen("|BackupFailed", "", 1));
    let elsewhere = Alertmanager::start(&alertmanager_yml, &site.path("elsewhere"));
    let ran = check(&elsewhere.1, &[]);
    let line = ran.out.lines().find(|line| line.contains(" alertmanager: ")).expect(&ran.out);
    let advice = format!("amtool config routes test --alertmanager.url={} alertname=backup_failed id=1", elsewhere.1);
    assert!(line.starts_with("warning ") && line.contains(&advice), "{line}");

    fs::write(&secret, "other-s3cret\n").unwrap();
    let ran = check("http://127.0.0.1:1", &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let errors: Vec<_> = json["checks"].as_array().unwrap().iter().filter(|check| check["level"] == "error").collect();
    let of = |subject: &str| {
        errors.iter().find(|check| check["subject"] == subject).unwrap_or_else(|| panic!("{}", ran.out))
    };
    assert!(of("relay")["found"].as_str().unwrap().contains("535"), "{}", ran.out);
    assert!(of("alertmanager")["todo"].as_str().unwrap().contains("--alertmanager URL"));
    assert!(!ran.out.contains("s3cret") && !ran.err.contains("s3cret"));
}

#[test]
fn check_sees_that_no_mail_can_leave_without_a_relay() {
    let site = Site::new(Server::plain(), "");
    fs::create_dir(site.path("bin")).unwrap();
    let sendmail = site.write("bin/ns8-sendmail", "#!/bin/sh\n");
    fs::set_permissions(&sendmail, fs::Permissions::from_mode(0o755)).unwrap();
    let relay = || -> String {
        let mut check = site.command(&["check", "--alertmanager", "http://127.0.0.1:1"]);
        let ran: Ran = check.env("PATH", site.path("bin")).output().unwrap().into();
        ran.out.lines().find(|line| line.contains(" relay: ")).expect(&ran.out).to_owned()
    };
    let without = relay();
    assert!(without.starts_with("error ") && without.contains("set notification.transport: smtp"), "{without}");

    let config = fs::read_to_string(site.path("config.yml")).unwrap();
    let own = format!("notification:\n  sendmail_command: [{}]\n", sendmail.display());
    site.write("config.yml", &config.replace("notification:\n", &own));
    assert!(relay().starts_with("warning "), "{}", relay());
}

#[test]
fn check_names_every_problem_of_the_configuration() {
    let site = Site::plain();
    site.write("config.yml", "notification:\n  mail_too: a@example.com\nreceiver:\n  port: x\n");
    let ran = site.run(&["check", "--alertmanager", "http://127.0.0.1:1"]);
    assert_eq!(ran.code, 1);
    for expected in ["config.yml:2: notification.mail_too", "did you mean mail_to?", "config.yml:4: receiver.port"] {
        assert!(ran.out.contains(expected), "{}", ran.out);
    }
}

#[test]
fn check_says_which_plans_of_the_configuration_do_not_exist_and_who_watches() {
    let site = Site::plain();
    site.result("1", "mail1", "");
    let config = fs::read_to_string(site.path("config.yml")).unwrap();
    site.write("config.yml", &format!("{config}plans: {{ 1: {{ mail_to: a@x.y }}, 9: {{ mail_to: b@x.y }} }}\n"));
    site.redis.hset("cluster/environment", &[("NODE_ID", "1")]);
    let credentials = site.path("credentials");
    fs::create_dir(&credentials).unwrap();
    let check = |node: &str| -> String {
        fs::write(credentials.join("node.environment"), format!("AGENT_ID=node/{node}\nNODE_ID={node}\n")).unwrap();
        let mut check = site.command(&["check", "--alertmanager", "http://127.0.0.1:1"]);
        Ran::from(check.env("CREDENTIALS_DIRECTORY", &credentials).output().unwrap()).out
    };
    site.redis.hset("cluster/module_node", &[("mail1", "1"), ("samba1", "1"), ("loki1", "1")]);
    site.redis.hset("cluster/backup/2", &[("name", "N"), ("instances", "mail1"), ("enabled", "1")]);
    site.redis.hset("cluster/module_uuid", &[("mail1", "u1"), ("samba1", "u2"), ("loki1", "u3")]);
    site.redis.run::<i64>("SADD module/loki1/flags no_data_backup");
    let line = |out: &str, start: &str| out.lines().any(|line| line.starts_with(start));
    let leader = check("1");
    assert!(line(&leader, "error    configuration: plans.9: the cluster has no such plan -- "), "{leader}");
    assert!(!leader.contains("plans.1:"), "{leader}");
    assert!(line(&leader, "ok       watch: this node (1) is the leader"), "{leader}");
    assert!(line(&leader, "error    alertmanager: "), "{leader}");
    assert!(line(&leader, "warning  plans: 1 module(s) in no backup plan: samba1 -- "), "{leader}");
    let other = check("2");
    assert!(line(&other, "ok       watch: node 1 is the leader and watches: this node (2) is quiet"), "{other}");
    assert!(line(&other, "ok       alertmanager: not looked at: it runs on the leader"), "{other}");
}
