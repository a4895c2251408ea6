//! `check`.

use super::*;

#[test]
fn check_sees_that_no_mail_can_leave_without_a_relay() {
    let site = Site::new(Server::plain(), "");
    fs::create_dir(site.path("bin")).unwrap();
    let sendmail = site.path("bin/ns8-sendmail");
    install(&sendmail, "#!/bin/sh\n");
    let relay = || -> String {
        let mut check = site.command(&["check", "--alertmanager", "http://127.0.0.1:1"]);
        let ran: Ran = check.env("PATH", site.path("bin")).output().unwrap().into();
        ran.out.lines().find(|line| line.contains(" relay: ")).expect(&ran.out).to_owned()
    };
    let without = relay();
    assert!(without.starts_with("error ") && without.contains("set notification.transport: smtp"), "{without}");
    let digest = || -> String {
        let mut digest = site.command(&["digest", "--alertmanager", "http://127.0.0.1:1"]);
        let ran: Ran = digest.env("PATH", site.path("bin")).output().unwrap().into();
        ran.out.lines().find(|line| line.contains(" mail relay: ")).expect(&ran.out).to_owned()
    };
    assert!(digest().starts_with("  mail relay: NEEDS ATTENTION: "), "{}", digest());

    let config = fs::read_to_string(site.path("config.yml")).unwrap();
    let own = format!("notification:\n  sendmail_command: [{}]\n", sendmail.display());
    site.write("config.yml", &config.replace("notification:\n", &own));
    assert!(relay().starts_with("warning "), "{}", relay());
    assert!(digest().starts_with("  mail relay: NOT CERTAIN: "), "{}", digest());
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
    assert!(line(&leader, "warning  configuration: plans.9: the cluster has no such plan -- "), "{leader}");
    assert!(!leader.contains("plans.1:"), "{leader}");
    assert!(line(&leader, "ok       watch: this node (1) is the leader"), "{leader}");
    assert!(line(&leader, "error    alertmanager: "), "{leader}");
    assert!(line(&leader, "warning  plans: 1 module(s) in no backup plan: samba1 -- "), "{leader}");
    let other = check("2");
    assert!(line(&other, "ok       watch: node 1 is the leader and runs the watch; this node (2) does not"), "{other}");
    assert!(line(&other, "ok       alertmanager: not looked at: it runs on the leader"), "{other}");
}

#[test]
fn a_missing_configuration_has_one_remedy() {
    let site = Site::plain();
    fs::remove_file(site.path("config.yml")).unwrap();
    let ran = site.run(&["check", "--alertmanager", "http://127.0.0.1:1"]);
    let lines: Vec<&str> = ran.out.lines().filter(|line| line.contains("configuration: ")).collect();
    let shown = site.path("config.yml").display().to_string();
    let expected = format!("error    configuration: {shown}: there is no such file -- run `ns8-backup-monitor setup`");
    assert_eq!(lines, [expected]);
}
