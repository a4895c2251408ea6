//! Servers that are closed, busy, slow or gone; and what a reading costs.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use ns8_backup_monitor::cluster::{self, Selector};
use ns8_backup_monitor::config;
use ns8_backup_monitor::model::cluster::ReadError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use super::{everything, members, plan_id, read};
use crate::support::redis::{ADMIN, Redis, folder_for_sockets};

async fn refused(settings: &config::Redis) -> String {
    let id = plan_id("2");
    let error: ReadError = cluster::read(settings, everything(Selector::Plan(&id))).await.unwrap_err();
    let text = error.to_string();
    let whole = format!("the cluster's Redis at {} could not be read: ", settings.address());
    text.strip_prefix(&whole).unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[tokio::test]
async fn nothing_is_sent_that_ns8_forbids() {
    let redis = Redis::ns8();
    redis.hset("cluster/module_node", &[("mail1", "1")]);
    redis.hset("cluster/backup/2", &[("repository", "dest")]);
    redis.run::<i64>("SADD module/mail1/backups 2");
    redis.run::<String>("CONFIG RESETSTAT");
    let plan = read(&redis, "2").await;
    assert_eq!(members(&plan), ["mail1"]);
    for selector in [Selector::None, Selector::All, Selector::Recent { since: Timestamp::UNIX_EPOCH }] {
        cluster::read(&redis.settings(), everything(selector)).await.unwrap();
    }
    redis.run::<String>("SET cluster/backup_sequence 2");
    cluster::read(&redis.settings(), everything(Selector::All)).await.unwrap();
    redis.hset("cluster/backup/2", &[("instances", "mail1")]);
    redis.hset("module/mail1/backup_status/2", &[("end", "1763600100"), ("errors", "0")]);
    let plan = read(&redis, "2").await;
    assert_eq!(plan.results.len(), 1);
    let forbidden: Vec<redis::Value> = redis.run("ACL LOG");
    assert!(forbidden.is_empty(), "{forbidden:?}");
    assert_eq!(["client", "hello", "select", "keys"].map(|name| redis.calls(name)), [0; 4]);
}

#[tokio::test]
async fn a_login_is_sent_where_it_is_configured() {
    let redis = Redis::on_tcp("user default off");
    redis.hset("cluster/module_node", &[("mail1", "1")]);
    let anonymous = redis.tcp_settings();
    assert_eq!(refused(&anonymous).await, "it requires a login; set redis.username and redis.password_file");
    let (name, password) = ADMIN;
    let file = redis.file("password", &format!("{password}\n"));
    let known = config::Redis { username: Some(name.into()), password_file: Some(file.clone()), ..anonymous };
    let id = plan_id("2");
    cluster::read(&known, everything(Selector::Plan(&id))).await.unwrap();
    // It is read afresh for each connection, and never shown.
    redis.file("password", "wrong-geheim");
    assert_eq!(refused(&known).await, "it refuses the login; check redis.username and redis.password_file");
    std::fs::remove_file(file).unwrap();
    let error = refused(&known).await;
    assert!(error.contains("redis.password_file") && error.contains("No such file"), "{error}");
}

#[tokio::test]
async fn a_server_may_want_a_password_without_a_user() {
    let redis = Redis::on_tcp("requirepass geheim");
    assert_eq!(refused(&redis.settings()).await, "it requires a login; set redis.username and redis.password_file");
    let settings = config::Redis { password_file: Some(redis.file("password", "geheim")), ..redis.settings() };
    let id = plan_id("2");
    cluster::read(&settings, everything(Selector::Plan(&id))).await.unwrap();
}

#[tokio::test]
async fn a_server_that_allows_nothing_is_an_error_and_not_an_empty_cluster() {
    let redis = Redis::on_tcp("user default on nopass resetkeys ~other/* nocommands +@read");
    let error = refused(&redis.settings()).await;
    assert!(error.starts_with("its access rules forbid it"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_from_one_that_is_closed() {
    let mut redis = Redis::on_tcp("");
    let missing = config::Redis { socket: Some(PathBuf::from("/nowhere/redis.sock")), ..redis.settings() };
    let error = refused(&missing).await;
    assert!(error.starts_with("there is no such socket"), "{error}");
    redis.kill();
    for settings in [redis.settings(), redis.tcp_settings()] {
        assert_eq!(refused(&settings).await, "nothing listens there; is Redis running?");
    }
}

#[tokio::test]
async fn a_server_that_is_loading_is_an_error_and_not_an_empty_cluster() {
    let mut redis = Redis::start();
    for n in 0..100 {
        redis.run_args::<String>(&["SET", &format!("key{n}"), &"x".repeat(2000)]);
    }
    redis.run::<String>("SAVE");
    redis.kill();
    redis.restart_loading();
    assert_eq!(refused(&redis.settings()).await, "it has just started and is still loading its data");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let redis = Redis::start();
    redis.signal("STOP");
    let settings = config::Redis { timeout: Duration::from_secs(1), ..redis.settings() };
    assert_eq!(refused(&settings).await, "no answer within 1 s (redis.timeout)");
    redis.signal("CONT");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_on_the_way_is_an_error() {
    let redis = Redis::start();
    redis.hset("cluster/module_node", &[("mail1", "1")]);
    redis.hset("cluster/backup/2", &[("instances", "mail1")]);
    for rounds in 0..4 {
        let proxy = Proxy::start(&redis, rounds);
        assert_eq!(refused(&proxy.settings).await, "the connection was lost", "after {rounds} rounds");
    }
}

/// The number of round trips is the same for ten modules and for thousands, and so is that of scans: none.
#[tokio::test(start_paused = true)]
async fn a_reading_costs_the_same_number_of_round_trips_whatever_the_size_of_the_cluster() {
    for layout in ["B", "C"] {
        let mut costs = Vec::new();
        for size in [10, 1000] {
            let redis = filled(layout, size);
            let proxy = Proxy::start(&redis, usize::MAX);
            let id = plan_id("2");
            let cluster = cluster::read(&proxy.settings, everything(Selector::Plan(&id))).await.unwrap();
            assert_eq!((cluster.plans[0].results.len(), redis.calls("scan")), (size, 0));
            costs.push(proxy.rounds.load(Ordering::Relaxed));
        }
        assert!(costs[0] == costs[1] && costs[0] <= 6, "{layout}: {costs:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn reading_every_plan_costs_the_same_number_of_round_trips_whatever_their_number() {
    let mut costs = Vec::new();
    for plans in [1, 50] {
        let redis = filled("B", 20);
        for plan in 100..100 + plans {
            redis.hset(&format!("cluster/backup/{plan}"), &[("instances", "m1")]);
            redis.hset(&format!("node/1/backup_status/{plan}"), &[("m1", r#"{"end":1763600200,"errors":1}"#)]);
        }
        let proxy = Proxy::start(&redis, usize::MAX);
        let all = Selector::Recent { since: Timestamp::UNIX_EPOCH };
        assert_eq!(cluster::read(&proxy.settings, everything(all)).await.unwrap().plans.len(), plans + 1);
        costs.push(proxy.rounds.load(Ordering::Relaxed));
    }
    assert!(costs[0] == costs[1] && costs[0] <= 8, "{costs:?}");
}

#[tokio::test]
async fn what_is_too_much_together_is_an_error_and_not_in_memory() {
    let redis = filled("C", 1);
    let long = "x".repeat(1_000_000);
    for plan in 3..73 {
        redis.hset(&format!("cluster/backup/{plan}"), &[("instances", "m1"), ("name", &long)]);
    }
    redis.run::<String>("SET cluster/backup_sequence 72");
    let error = cluster::read(&redis.settings(), everything(Selector::All)).await.unwrap_err().to_string();
    assert!(error.ends_with("its answers take more than 64 MiB together"), "{error}");
    assert!(cluster::read(&redis.settings(), everything(Selector::Plan(&plan_id("3")))).await.is_ok());
}

/// A cluster in which plan 2 has this many members, each with a result.
fn filled(layout: &str, size: usize) -> Redis {
    let redis = Redis::start();
    let mut connection = redis.connect().unwrap();
    let mut pipe = redis::pipe();
    let names: Vec<String> = (0..size).map(|n| format!("m{n}")).collect();
    pipe.hset_multiple("cluster/backup/2", &[("name", "Nightly"), ("repository", "dest")]);
    for (n, name) in names.iter().enumerate() {
        let node = n % 20;
        pipe.hset("cluster/module_node", name, node);
        match layout {
            "B" => pipe
                .cmd("SADD")
                .arg(format!("module/{name}/backups"))
                .arg(2)
                .hset_multiple(format!("module/{name}/backup_status/2"), &[("end", "1763600100"), ("errors", "0")]),
            _ => pipe.hset("cluster/backup/2", "instances", names.join(" ")).hset(
                format!("node/{node}/backup_status/2"),
                name,
                r#"{"end":1763600100,"errors":0}"#,
            ),
        };
    }
    pipe.exec(&mut connection).unwrap();
    redis
}

/// Stands between client and server and counts round trips: a client's round has ended when it waits for the answers,
/// which in a runtime of one thread whose clock stands still is exactly when that clock moves on by itself.
pub(super) struct Proxy {
    pub(super) settings: config::Redis,
    rounds: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

impl Proxy {
    /// Hangs up after this many round trips.
    fn start(redis: &Redis, hang_up_after: usize) -> Self {
        Self::with(redis, hang_up_after, |_| ())
    }

    /// Calls `before` with each round's requests before the server sees them.
    pub(super) fn with(redis: &Redis, hang_up_after: usize, before: impl Fn(&str) + Send + 'static) -> Self {
        let folder = folder_for_sockets();
        let socket = folder.path().join("proxy.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let server = UnixStream::connect(redis.socket()).unwrap();
        let rounds = Arc::new(AtomicUsize::new(0));
        tokio::spawn(relay(listener, server, rounds.clone(), hang_up_after, before));
        let settings = config::Redis { socket: Some(socket), ..redis.settings() };
        Self { settings, rounds, _folder: folder }
    }
}

async fn relay(
    listener: UnixListener,
    mut server: UnixStream,
    rounds: Arc<AtomicUsize>,
    hang_up_after: usize,
    before: impl Fn(&str),
) {
    let (mut client, _) = listener.accept().await.unwrap();
    let end = b"$3\r\nEND\r\n";
    loop {
        let mut requests = Vec::new();
        if client.read_buf(&mut requests).await.unwrap() == 0 {
            return;
        }
        if rounds.load(Ordering::Relaxed) == hang_up_after {
            // A child that another test has just forked may hold the socket open for a while.
            return client.shutdown().await.unwrap();
        }
        while tokio::time::timeout(Duration::from_millis(1), client.read_buf(&mut requests)).await.is_ok() {}
        rounds.fetch_add(1, Ordering::Relaxed);
        before(&String::from_utf8_lossy(&requests));
        requests.extend(b"*2\r\n$4\r\nECHO\r\n$3\r\nEND\r\n");
        server.write_all(&requests).unwrap();
        let (mut answers, mut chunk) = (Vec::new(), [0; 65536]);
        while !answers.ends_with(end) {
            let read = server.read(&mut chunk).unwrap();
            answers.extend_from_slice(&chunk[..read]);
        }
        answers.truncate(answers.len() - end.len());
        client.write_all(&answers).await.unwrap();
    }
}
