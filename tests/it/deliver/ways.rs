//! The ways out of the machine.

use std::fs;
use std::path::Path;

use ns8_backup_monitor::config::Transport;

use super::sendmail::stand_in;
use super::tls::login_in;
use super::*;
use crate::support::redis::Redis;

/// Settings that look for the relay in `redis`, with a stand-in for `ns8-sendmail` in `dir`.
fn by_cluster(redis: &Redis, transport: &str, dir: &Path, then: &str) -> Settings {
    let mut settings = stand_in(dir, then);
    settings.notification.transport = match transport {
        "auto" => Transport::Auto,
        _ => Transport::Smarthost,
    };
    settings.redis = redis.settings();
    settings
}

fn smarthost(redis: &Redis, relay: &Server, fields: &[(&str, &str)]) {
    let port = relay.port.to_string();
    let usual = [("enabled", "1"), ("host", "localhost"), ("port", &port), ("encrypt_smtp", "starttls")];
    redis.run::<i64>("DEL cluster/smarthost");
    redis.hset("cluster/smarthost", &usual);
    redis.hset("cluster/smarthost", &[("tls_verify", ""), ("username", "monitor"), ("password", SECRET)]);
    if !fields.is_empty() {
        redis.hset("cluster/smarthost", fields);
    }
}

#[tokio::test]
async fn the_clusters_smarthost_is_used_as_it_is_set_now() {
    let dir = tempfile::tempdir().unwrap();
    let redis = Redis::ns8();
    let settings = by_cluster(&redis, "smarthost", dir.path(), "");
    let error = relay_error(send(&settings, &mail(), "a@example.com").await);
    assert!(error.contains("disabled or not set"), "{error}");

    for (relay, encryption) in [(Server::starttls(), "starttls"), (Server::tls(), "tls"), (Server::plain(), "none")] {
        let relay = relay.with_login("monitor", SECRET);
        // An address for which the certificate is not: no matter where it is not checked.
        smarthost(&redis, &relay, &[("host", "127.0.0.1"), ("encrypt_smtp", encryption)]);
        send(&settings, &mail(), "a@example.com").await.unwrap();
        let delivered = relay.delivered(1).await.remove(0);
        assert_eq!((delivered.tls, delivered.login.as_deref()), (encryption != "none", Some("monitor")));
        if encryption != "none" {
            redis.hset("cluster/smarthost", &[("tls_verify", "1")]);
            let error = relay_error(send(&settings, &mail(), "a@example.com").await);
            assert!(error.contains("smarthost settings") && !error.contains(SECRET), "{error}");
        }
    }

    let relay = Server::plain();
    smarthost(&redis, &relay, &[("encrypt_smtp", "none"), ("username", "")]);
    send(&settings, &mail(), "a@example.com").await.unwrap();
    assert_eq!(relay.delivered(1).await[0].login, None, "a login needs both a name and a password");
    redis.hset("cluster/smarthost", &[("host", "127.1"), ("username", "monitor")]);
    let error = relay_error(send(&settings, &mail(), "a@example.com").await);
    assert!(error.contains("plain text: use starttls or tls in the cluster's smarthost settings"), "{error}");
    for (field, value, fault) in
        [("encrypt_smtp", "ssl", "neither `none` nor"), ("port", "70000", "not a number up to")]
    {
        redis.hset("cluster/smarthost", &[(field, value)]);
        let error = relay_error(send(&settings, &mail(), "a@example.com").await);
        assert!(error.contains(fault) && !error.contains("could not be read"), "{error}");
        redis.hset("cluster/smarthost", &[(field, "none")]);
    }
    redis.hset("cluster/smarthost", &[("enabled", "")]);
    relay_error(send(&settings, &mail(), "a@example.com").await);
    assert!(!dir.path().join("body").exists(), "nobody asked for ns8-sendmail");
}

#[tokio::test]
async fn auto_prefers_the_smarthost_and_falls_back_on_ns8_sendmail() {
    let dir = tempfile::tempdir().unwrap();
    let by_command = || fs::remove_file(dir.path().join("body")).is_ok();
    let mut redis = Redis::ns8();
    let settings = by_cluster(&redis, "auto", dir.path(), "");
    let relay = Server::starttls().with_login("monitor", SECRET);

    smarthost(&redis, &relay, &[]);
    send(&settings, &mail(), "a@example.com").await.unwrap();
    assert!(relay.so_far().len() == 1 && !by_command());

    // A relay that is away is waited for: the command would ask the same one.
    relay.fault(Stage::Greeting, Fault::reply("421 4.3.2 closing"));
    relay_error(send(&settings, &mail(), "a@example.com").await);
    relay.mend();
    assert!(!by_command());

    for fields in [[("enabled", ""), ("host", "localhost")], [("host", "127.1"), ("encrypt_smtp", "none")]] {
        smarthost(&redis, &relay, &fields);
        send(&settings, &mail(), "a@example.com").await.unwrap();
        assert!(relay.so_far().len() == 1 && by_command(), "{fields:?}");
    }
    redis.kill();
    send(&settings, &mail(), "a@example.com").await.unwrap();
    assert!(by_command());

    let settings = by_cluster(&redis, "auto", dir.path(), "echo 'no Redis here' >&2; exit 1");
    let result = send(&settings, &mail(), "a@example.com").await;
    assert_told(&result, "no Redis here");
    assert_told(&result, "could not be read");
}

async fn check(settings: &Settings) -> Result<(String, Option<String>), SendError> {
    way(settings).await?.check(&settings.notification).await
}

#[tokio::test]
async fn a_check_sends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Server::starttls().with_login("monitor", SECRET);
    let settings = towards(&relay, "starttls", &login_in(dir.path(), SECRET));
    let found = check(&settings).await.unwrap();
    let expected = format!("relay localhost:{}, STARTTLS, as monitor, from notification.smtp", relay.port);
    assert_eq!(found, (expected, None));
    login_in(dir.path(), "wrong");
    assert!(relay_error(check(&settings).await).contains("535 5.7.8"));
    assert!(relay.heard().iter().all(|line| !line.starts_with("MAIL")));

    let redis = Redis::ns8();
    let settings = by_cluster(&redis, "auto", dir.path(), "");
    let (found, against) = check(&settings).await.unwrap();
    assert_eq!(found, format!("command {}/ns8-sendmail", dir.path().display()));
    assert!(against.unwrap().contains("disabled or not set"));
    fs::remove_file(dir.path().join("ns8-sendmail")).unwrap();
    assert!(relay_error(check(&settings).await).contains("is not installed"));
}
