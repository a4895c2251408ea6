//! The whole program on real parts: webhook in, mail out.

use std::io::Write;
use std::net::TcpStream;

use crate::support::service::webhook;
use crate::support::site::{AT_ONCE, Site, config};

#[test]
fn an_alert_becomes_one_mail_for_each_recipient() {
    let mut site = Site::new();
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])), (202, "{\"queued\":1,\"ignored\":0}\n".into()));
    let mails = site.mails(2);
    site.service.done();
    assert_eq!(mails.iter().map(|(to, _)| &**to).collect::<Vec<_>>(), ["admin@example.com", "ops@example.com"]);
    let text = &mails[0].1;
    for expected in
        ["Subject: [ns8-backup] PARTIAL - 1/2 module(s) failed", "Auto-Submitted: auto-generated", "disk quota"]
    {
        assert!(text.contains(expected), "{expected} is not in:\n{text}");
    }
    assert!(site.service.terminate().success());
    assert_eq!(site.relay.so_far().len(), 2);
}

/// As somebody tries the webhook by hand, and as Alertmanager has it of a missing run of no plan in particular.
#[test]
fn an_alert_that_says_of_no_failure_when_it_began_contradicts_no_success() {
    for alert in [
        serde_json::json!({"status": "firing", "labels": {"alertname": "BackupFailed", "id": "2"}}),
        serde_json::json!({"status": "firing", "labels": {"alertname": "NsBackupMissing"}, "startsAt": "2999-01-01T00:00:00Z"}),
    ] {
        let mut site = Site::new();
        let (key, now) = ("module/samba1/backup/2/status", jiff::Timestamp::now().to_string());
        site.redis.hset(key, &[("result", "success"), ("timestamp", &now), ("error", "")]);
        site.service.start();
        assert_eq!(site.service.post(serde_json::json!({ "alerts": [alert] }).to_string()).0, 202);
        let subject = "Subject: [ns8-backup] SUCCESS - all 2 module(s) backed up successfully";
        for (_, mail) in site.mails(2) {
            assert!(mail.contains(subject), "{mail}");
        }
    }
}

#[test]
fn each_request_gets_the_right_status() {
    let mut site = Site::with("", "receiver: { max_body: 262144 }\ncorrelator: { wait_seconds: 60 }\n");
    site.service.start();
    let service = &site.service;
    let get = |path: &str| service.request(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"), b"").0;
    assert_eq!((get("/-/healthy"), get("/-/ready"), get("/"), get("/alert?x")), (200, 200, 404, 405));
    assert_eq!(service.post("{}").0, 400);
    assert!(service.post("{\"alerts\": [}").1.contains("line 1 column 13"));
    assert_eq!(service.post(webhook(&[])), (200, "{\"queued\":0,\"ignored\":0}\n".into()));
    assert_eq!(service.post(webhook(&["2"]).replace("backup_failed", "DiskFull")).0, 200);
    assert_eq!(service.post(webhook(&["2"]).replace("firing", "resolved")).1, "{\"queued\":0,\"ignored\":1}\n");
    assert_eq!(service.post([b' '; 262_145]).0, 413);
    let chunked = format!("{:x}\r\n{}\r\n0\r\n\r\n", 300_000, " ".repeat(300_000));
    let head = "POST /alert HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(service.request(head, chunked.as_bytes()).0, 413);
    assert_eq!(
        site.service.log().matches("refused a webhook, which Alertmanager sends again after group_interval").count(),
        2
    );
    assert_eq!(service.request("PUT /alert HTTP/1.1\r\nHost: x\r\n\r\n", b"").0, 405);
    let head = "POST /alert HTTP/1.1\r\nHost: x\r\nOrigin: http://evil.example\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(service.request(head, b"{}").0, 403);
    assert_eq!(service.request("nonsense\r\n\r\n", b"").0, 400);
    assert!(site.service.queued("json").is_empty(), "nothing of all that was queued");
}

#[test]
fn a_token_file_requires_the_bearer_token() {
    let mut site = Site::new();
    let token = site.redis.file("token", "s3cret-token\n");
    let receiver = format!("{AT_ONCE}receiver: {{ token_file: {} }}\n", token.display());
    site.service.configure(&config(&site.redis, &site.relay, "", &receiver));
    site.service.start();
    let body = webhook(&["2"]);
    let with = |authorization: &str| {
        let head = format!("POST /alert HTTP/1.1\r\nHost: x\r\n{authorization}Content-Length: {}\r\n\r\n", body.len());
        site.service.request(&head, body.as_bytes()).0
    };
    assert_eq!(with(""), 401);
    assert_eq!(with("Authorization: Bearer wrong\r\n"), 401);
    assert_eq!(with("Authorization: Bearer \r\n"), 401);
    assert_eq!(with("Authorization: Bearer s3cret-token\r\n"), 202);
    assert!(!site.service.log().contains("s3cret"));
}

#[test]
fn a_broken_configuration_is_a_503_until_it_is_mended_and_nothing_is_lost() {
    let mut site = Site::new();
    site.service.configure("notification:\n  mail_too: admin@example.com\n");
    site.service.start();
    let (status, body) = site.service.post(webhook(&["2"]));
    assert_eq!(status, 503);
    assert_eq!(body, "the configuration cannot be used; the journal says why\n");
    site.service.logged("CRITICAL: the configuration cannot be used");
    site.service.logged("config.yml:2: notification.mail_too: there is no such key; did you mean mail_to?");
    site.service.configure(&config(&site.redis, &site.relay, "", AT_ONCE));
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.mails(2);
}

#[test]
fn a_changed_level_of_logging_counts_from_the_next_request() {
    let mut site = Site::new();
    site.service.start();
    let other = webhook(&["2"]).replace("backup_failed", "DiskFull");
    assert_eq!(site.service.post(&other).0, 200);
    assert!(!site.service.log().contains("DEBUG"));
    site.configure("", "logging: { level: DEBUG }\n");
    assert_eq!(site.service.post(&other).0, 200);
    site.service.logged("DEBUG: Received alert: 0 for us, 1 for others");
    site.configure("", "logging: { level: INFO }\n");
    let before = site.service.log();
    assert_eq!(site.service.post(&other).0, 200);
    assert_eq!(site.service.log()[before.len()..].matches("DEBUG: Received alert").count(), 0);
}

#[test]
fn it_exits_when_idle_and_the_next_alert_starts_it_again() {
    let mut site = Site::with("  repeat_after: 0\n", &format!("{AT_ONCE}receiver: {{ idle_timeout: 1 }}\n"));
    // Nobody runs: the connection waits in the socket.
    for round in 1..=3 {
        assert_eq!(site.service.wake(webhook(&["2"])), Some(202));
        assert!(site.service.ended().success());
        assert_eq!(site.relay.so_far().len(), 2 * round, "not before its work was done");
    }
}

/// Passes on a second socket beside the first one, and writes its port to a file.
const SECOND_SOCKET: &str = r#"
import os, socket, sys
second = socket.create_server(("127.0.0.1", 0))
os.dup2(second.fileno(), 4)
os.set_inheritable(4, True)
with open(sys.argv[1], "w") as file:
    file.write(str(second.getsockname()[1]))
os.environ["LISTEN_FDS"] = "2"
os.execvp(sys.argv[2], sys.argv[2:])
"#;

/// A socket unit may name several addresses.
#[test]
fn every_socket_that_systemd_passes_is_served() {
    let mut site = Site::new();
    let port = site.service.path("port");
    let through = ["python3", "-c", SECOND_SOCKET, port.to_str().unwrap()];
    site.service.through = through.map(String::from).into();
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    let second = format!("127.0.0.1:{}", std::fs::read_to_string(&port).unwrap());
    let answer = crate::support::service::exchange(&second, "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n", b"");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    site.mails(2);
}

#[test]
fn the_same_report_is_not_sent_again_but_a_new_result_is() {
    let mut site = Site::new();
    site.service.start();
    let post_and_finish = || {
        assert_eq!(site.service.post(webhook(&["2"])).0, 202);
        site.service.done();
        site.relay.so_far().len()
    };
    assert_eq!(post_and_finish(), 2);
    assert_eq!(post_and_finish(), 2, "the same results");
    let later = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_secs(1)).unwrap().to_string();
    site.redis.hset("module/samba1/backup/2/status", &[("timestamp", &later)]);
    assert_eq!(post_and_finish(), 4, "it failed again");
}

#[test]
fn an_alert_without_a_plan_reports_what_ran_lately() {
    let mut site = Site::new();
    site.service.start();
    let body = webhook(&["2"]).replace("\"id\"", "\"other\"");
    assert_eq!(site.service.post(&body).0, 202);
    assert!(site.mails(2)[0].1.contains("PARTIAL - 1/2 module(s) failed"));
    site.service.done();
    site.redis.run::<()>("FLUSHALL");
    assert_eq!(site.service.post(&body).0, 202);
    assert!(site.mails(4)[2].1.contains("REPO_FAILURE - "));
}

#[test]
fn a_redis_that_stays_away_is_said_and_nothing_is_claimed() {
    let mut site = Site::with("", "correlator: { wait_seconds: 0, max_wait_seconds: 2 }\n");
    site.redis.kill();
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    let text = &site.mails(2)[0].1;
    assert!(text.contains("the cluster's Redis could not be read"), "{text}");
    assert!(!text.contains("samba1"));
}

#[test]
fn a_body_that_is_cut_off_or_huge_leaves_the_service_well() {
    let mut site = Site::new();
    site.service.start();
    let body = webhook(&["2"]);
    for cut in [0, 1, body.len() / 2, body.len() - 1] {
        let mut stream = TcpStream::connect(&site.service.address).unwrap();
        let head = format!("POST /alert HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body.as_bytes()[..cut]).unwrap();
    }
    assert_eq!(site.service.post(vec![b'x'; 50 << 20]).0, 413);
    assert!(site.relay.so_far().is_empty() && site.service.queued("json").is_empty());
    assert_eq!(site.service.post(body).0, 202);
    site.mails(2);
}
