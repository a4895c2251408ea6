//! The cluster's Redis, away, slow, half-dead or unwilling: exactly one mail comes, and it is true.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::redis::{Redis, folder_for_sockets};
use crate::support::service::{wait_until, webhook};
use crate::support::site::{AT_ONCE, Site};
use crate::support::smtp::{Fault, Stage};

/// Each of both has one mail, and it tells what the cluster says.
fn assert_one_true_mail(site: &Site) {
    site.service.done();
    assert_eq!(site.counts(), [("admin@example.com".into(), 1), ("ops@example.com".into(), 1)].into());
    for mail in site.inbox() {
        assert_eq!(mail.subject, "[ns8-backup] PARTIAL - 1/2 module(s) failed", "{}", mail.text);
    }
}

/// Posts the alert and waits until the cluster could not be read for this reason.
fn post_in_vain(site: &mut Site, reason: &str) {
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.service.logged(reason);
    assert!(site.relay.so_far().is_empty());
}

#[test]
fn down_at_the_alert_and_back_later() {
    let mut site = Site::new();
    site.redis.run::<String>("SAVE");
    site.redis.kill();
    post_in_vain(&mut site, "trying again in");
    site.redis.restart();
    assert_one_true_mail(&site);
}

/// On NS8 the relay's address is in Redis, too: what could only tell that Redis is away must not be what arrives later.
#[test]
fn away_together_with_the_relay_and_both_back_later() {
    let mut site =
        Site::with("", "correlator: { wait_seconds: 0, max_wait_seconds: 1 }\nrepo_check: { enabled: false }\n");
    site.redis.run::<String>("SAVE");
    site.redis.kill();
    site.relay.fault(Stage::Greeting, Fault::Cut);
    post_in_vain(&mut site, "UNKNOWN - the cluster's Redis could not be read");
    site.service.logged("not delivered at attempt 1");
    site.redis.restart();
    site.relay.mend();
    site.nudge();
    assert_one_true_mail(&site);
}

/// The same, given up on and retried later by hand, while the configuration is being corrected.
#[test]
fn given_up_while_it_was_away_and_retried_once_it_is_back() {
    let away =
        "correlator: { wait_seconds: 0, max_wait_seconds: 1, follow_seconds: 0 }\nrepo_check: { enabled: false }\n";
    let mut site = Site::with("  retry_for: 0\n", away);
    site.redis.run::<String>("SAVE");
    site.redis.kill();
    site.relay.fault(Stage::Greeting, Fault::Cut);
    post_in_vain(&mut site, "gave up delivering the report to ops@example.com");
    site.redis.restart();
    site.relay.mend();
    let config = std::fs::read_to_string(site.service.path("config.yml")).unwrap();
    site.service.configure("notification: {}\n");
    wait_until("the job is kept", || !site.service.queued("failed").is_empty(), || site.service.log());
    site.nudge();
    site.service.logged("the configuration cannot be used");
    site.service.configure(&config);
    site.mails(2);
    assert_one_true_mail(&site);
}

#[test]
fn still_loading_its_data() {
    let mut site = Site::new();
    for n in 0..200 {
        site.redis.run_args::<String>(&["SET", &format!("filler/{n}"), &"x".repeat(100)]);
    }
    site.redis.run::<String>("SAVE");
    site.redis.kill();
    post_in_vain(&mut site, "trying again in");
    // It loads slowly, and answers meanwhile.
    site.redis.restart_loading();
    site.service.logged("still loading its data");
    assert!(site.relay.so_far().is_empty());
    site.redis.kill();
    site.redis.restart();
    assert_one_true_mail(&site);
}

#[test]
fn forbids_what_is_asked() {
    let mut site = Site::on(Redis::on_tcp("user default on nopass resetkeys nocommands +@connection"), "", AT_ONCE);
    post_in_vain(&mut site, "its access rules forbid it");
    site.redis.run::<String>("ACL SETUSER default ~* +@read");
    assert_one_true_mail(&site);
}

#[test]
fn frozen_in_the_middle_of_the_work() {
    let mut site = Site::new();
    let config = std::fs::read_to_string(site.service.path("config.yml")).unwrap();
    site.service.configure(&config.replace("redis: { ", "redis: { timeout: 1, "));
    site.redis.signal("STOP");
    post_in_vain(&mut site, "no answer within 1 s");
    site.redis.signal("CONT");
    assert_one_true_mail(&site);
}

#[test]
fn dies_after_any_number_of_bytes() {
    let site = Site::new();
    let whole = {
        let proxy = Proxy::before(&site.redis, usize::MAX);
        let mut site = behind(&site.redis, &proxy);
        site.service.start();
        assert_eq!(site.service.post(webhook(&["2"])).0, 202);
        site.service.done();
        proxy.answered.load(Ordering::SeqCst)
    };
    assert!(whole > 100, "{whole} bytes of answers");
    thread::scope(|scope| {
        for part in 0..16 {
            let redis = &site.redis;
            scope.spawn(move || {
                let proxy = Proxy::before(redis, whole * part / 16);
                let mut site = behind(redis, &proxy);
                post_in_vain(&mut site, "trying again in");
                proxy.left.store(usize::MAX, Ordering::SeqCst);
                assert_one_true_mail(&site);
            });
        }
    });
}

/// A site that reads `redis` through `proxy`; it has a Redis of its own that nobody asks.
fn behind(redis: &Redis, proxy: &Proxy) -> Site {
    let site = Site::new();
    let config = std::fs::read_to_string(site.service.path("config.yml")).unwrap();
    site.service.configure(&config.replace(site.redis.socket().to_str().unwrap(), proxy.socket.to_str().unwrap()));
    assert!(redis.socket() != proxy.socket);
    site
}

/// Stands before a Redis and cuts the connection when it has passed on so many bytes of answers.
struct Proxy {
    socket: PathBuf,
    _folder: tempfile::TempDir,
    left: Arc<AtomicUsize>,
    answered: Arc<AtomicUsize>,
}

impl Proxy {
    fn before(redis: &Redis, bytes: usize) -> Self {
        let folder = folder_for_sockets();
        let socket = folder.path().join("redis.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let (left, answered) = (Arc::new(AtomicUsize::new(bytes)), Arc::new(AtomicUsize::new(0)));
        let (server, limits) = (redis.socket(), (left.clone(), answered.clone()));
        // It ends with the test's process: its socket goes with the folder.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (server, limits) = (UnixStream::connect(&server).unwrap(), limits.clone());
                let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || std::io::copy(&mut from_client, &mut to_server));
                thread::spawn(move || pass_on(server, client, &limits.0, &limits.1));
            }
        });
        Self { socket, _folder: folder, left, answered }
    }
}

fn pass_on(mut server: UnixStream, mut client: UnixStream, left: &AtomicUsize, answered: &AtomicUsize) {
    let mut byte = [0];
    while left.load(Ordering::SeqCst) > 0 && server.read(&mut byte).is_ok_and(|count| count > 0) {
        if client.write_all(&byte).is_err() {
            break;
        }
        left.fetch_sub(1, Ordering::SeqCst);
        answered.fetch_add(1, Ordering::SeqCst);
    }
    let _ = client.shutdown(std::net::Shutdown::Both);
    let _ = server.shutdown(std::net::Shutdown::Both);
}

#[test]
fn loses_the_subscription_while_modules_are_awaited() {
    let mut site = Site::with("", "correlator: { wait_seconds: 0 }\nrepo_check: { enabled: false }\n");
    site.runs();
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    let subscribed = || site.redis.run::<i64>("PUBSUB NUMPAT") > 0;
    wait_until("it listens", subscribed, || site.service.log());
    for _ in 0..3 {
        site.redis.run::<i64>("CLIENT KILL TYPE pubsub");
        wait_until("it listens again", subscribed, || site.service.log());
    }
    // The last module ends while nobody can hear it.
    site.redis.run::<i64>("CLIENT KILL TYPE pubsub");
    site.ends("samba1", jiff::Timestamp::now().as_second(), 0);
    assert_one_true_mail(&site);
    assert!(!site.inbox()[0].text.contains("without a result"), "{}", site.inbox()[0].text);
}

#[test]
fn restarts_while_modules_are_awaited() {
    let mut site = Site::with("", "correlator: { wait_seconds: 0 }\nrepo_check: { enabled: false }\n");
    site.runs();
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    wait_until("it listens", || site.redis.run::<i64>("PUBSUB NUMPAT") > 0, || site.service.log());
    // A failover: what the other one has is newer, and nobody has announced it to us.
    site.ends("samba1", jiff::Timestamp::now().as_second(), 0);
    site.redis.run::<String>("SAVE");
    site.redis.kill();
    site.redis.restart();
    assert_one_true_mail(&site);
}
