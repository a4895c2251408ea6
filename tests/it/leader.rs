//! The leader's log is read for a failed cluster backup, which NS8 does not report.

use std::process::Command;

use jiff::Timestamp;

use crate::support::journal::{recorded_at, streams};
use crate::support::loki::{Fault, Server};
use crate::support::redis::Redis;
use crate::support::service::wait_until;
use crate::support::site::{AT_ONCE, Site};

/// A cluster whose plan 2 has run well on node 2; node 1 is its leader. Its log server has the leader's log.
fn site(log: &Server) -> Site {
    let site = Site::on(Redis::start(), "", AT_ONCE);
    let redis = &site.redis;
    redis.run::<i64>("DEL module/mail1/backup/2/status module/samba1/backup/2/status");
    redis.hset("cluster/module_node", &[("mail1", "2")]);
    redis.hset("cluster/environment", &[("NODE_ID", "1")]);
    redis.hset("cluster/backup/2", &[("name", "Nightly"), ("instances", "mail1"), ("enabled", "1")]);
    log.serve(redis);
    let end = Timestamp::now().as_second() - 120;
    let result = format!(r#"{{"start": {}, "end": {end}, "errors": 0}}"#, end - 60);
    redis.hset("node/2/backup_status/2", &[("mail1", &result)]);
    site
}

fn log() -> Server {
    let begin = Timestamp::now().as_second() - 200;
    Server::start(streams(&recorded_at("cluster-backup-gpg", begin), "1"))
}

/// An alert of plan 2 that began so many seconds ago.
fn alert(seconds: i64, labels: &[(&str, &str)]) -> String {
    let starts_at = Timestamp::from_second(Timestamp::now().as_second() - seconds).unwrap();
    let mut alert = serde_json::json!({"status": "firing", "labels": {"alertname": "backup_failed", "id": "2"},
        "startsAt": starts_at});
    for (name, value) in labels {
        alert["labels"][name] = (*value).into();
    }
    serde_json::json!({"version": "4", "status": "firing", "alerts": [alert]}).to_string()
}

/// The report that this alert brings, its lines joined.
fn report(site: &mut Site, alert: &str) -> (String, String) {
    site.service.start();
    assert_eq!(site.service.post(alert).0, 202);
    wait_until("a mail each", || site.relay.so_far().len() == 2, || site.service.log());
    let mail = site.inbox().remove(0);
    (mail.subject, mail.text.split_whitespace().collect::<Vec<_>>().join(" "))
}

const FAILED: &str = "The cluster backup, from which disaster recovery starts, failed";

#[test]
fn an_unexplained_alert_triggers_a_read_of_the_leaders_log() {
    let log = log();
    let mut site = site(&log);
    let (subject, text) = report(&mut site, &alert(1, &[]));
    assert!(subject.starts_with("[ns8-backup] REPO_FAILURE - "), "{subject}");
    assert!(text.contains(FAILED) && text.contains("[ERROR] cluster-backup failed"), "{text}");
    assert_eq!(log.requests().len(), 1);
    assert!(log.requests()[0].contains("node_id%3D~%221%22"), "{:?}", log.requests());
}

#[test]
fn so_does_the_watchs_news_of_an_old_cluster_backup() {
    let log = log();
    let mut site = site(&log);
    let (subject, text) = report(&mut site, &alert(3600, &[("news", "cluster_backup")]));
    assert!(subject.starts_with("[ns8-backup] SUCCESS - "), "{subject}");
    assert!(text.contains(FAILED), "{text}");
}

/// Sends `body` as another user of this machine; the status line.
fn post_as_somebody_else(site: &Site, body: &str) -> String {
    let script = "exec 3<>/dev/tcp/127.0.0.1/$0; printf '%s' \"$1\" >&3; head -n 1 <&3";
    let port = site.service.address.rsplit(':').next().unwrap();
    let request = format!("POST /alert HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut program = Command::new("setpriv");
    program.args(["--reuid", "23456", "--regid", "23456", "--clear-groups", "bash", "-c", script, port, &request]);
    String::from_utf8(program.output().unwrap().stdout).unwrap()
}

#[test]
fn but_not_anybodys() {
    if !rustix::process::getuid().is_root() {
        println!("skipped: needs root, to be somebody else");
        return;
    }
    let log = log();
    let mut site = site(&log);
    site.service.start();
    let answer = post_as_somebody_else(&site, &alert(3600, &[("news", "cluster_backup")]));
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    wait_until("a mail each", || site.relay.so_far().len() == 2, || site.service.log());
    let mail = site.inbox().remove(0);
    assert!(mail.subject.starts_with("[ns8-backup] SUCCESS - "), "{}", mail.subject);
    assert!(!mail.text.contains("luster backup"), "{}", mail.text);
    assert_eq!(log.requests(), [""; 0], "nor is a log read for it");
    assert!(site.service.log().contains("another user has sent it: the label is ignored"), "{}", site.service.log());
}

#[test]
fn a_log_that_cannot_be_read_is_named_with_what_to_type() {
    let log = log();
    log.fault(Fault::Status(403));
    let mut site = site(&log);
    let (_, text) = report(&mut site, &alert(1, &[]));
    assert!(text.contains("Whether the cluster backup failed is not known. Loki: no permission to read it."), "{text}");
    assert!(text.contains("See the run and its log, on each node: $ systemctl status backup2.service $ journalctl -t"));
}

#[test]
fn no_log_is_read_if_all_is_well() {
    let log = log();
    let mut site = site(&log);
    let (subject, text) = report(&mut site, &alert(3600, &[]));
    assert!(subject.starts_with("[ns8-backup] SUCCESS - ") && !text.contains("luster backup"), "{text}");
    assert_eq!(log.requests(), [""; 0]);
}
