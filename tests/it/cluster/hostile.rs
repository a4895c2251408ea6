//! Values that a module may write below `module/<its id>/`, each of up to 512 MB: nobody else's facts are lost, and
//! none of it is in memory.

use std::process::{Command, Output};
use std::sync::Arc;

use ns8_backup_monitor::cluster::Selector;
use ns8_backup_monitor::cluster::events::{Announcements, Event};
use ns8_backup_monitor::config::Live;
use ns8_backup_monitor::model::plan::{Damage, Entry, Fault, PlanId};

use super::results::{result, two_nodes};
use super::servers::Proxy;
use super::{everything, ids, members, plan_id, read, read_all};
use crate::support::redis::Redis;

/// What a hostile module writes: Redis's own limit is 512 MB.
const HUGE: usize = 300 << 20;

/// The program's limit in these tests for everything that it allocates, in bytes.
const MEMORY: usize = 48 << 20;

/// Writes a field of this size: a hash has no command that pads.
fn field_of(size: usize, redis: &Redis, key: &str, field: &str) {
    let mut connection = redis.connect().unwrap();
    redis::cmd("HSET").arg(key).arg(field).arg(vec![b'7'; size]).exec(&mut connection).unwrap();
}

/// Runs the real program, which dies where it takes more than [`MEMORY`].
fn report(redis: &Redis, arguments: &[&str]) -> Output {
    let text = format!("notification: {{mail_to: a@example.com}}\nredis: {{socket: {}}}\n", redis.socket().display());
    let config = redis.file("config.yml", &text);
    Command::new("prlimit")
        .arg(format!("--data={MEMORY}"))
        .arg(env!("CARGO_BIN_EXE_ns8-backup-monitor"))
        .args(["--config".as_ref(), config.as_os_str()])
        .args(["report", "--json", "--no-probe"])
        .args(arguments)
        .output()
        .unwrap()
}

/// A cluster of layout B in which `web2` is as it should be, and `mail1` writes what it likes.
fn layout_b() -> Redis {
    let redis = two_nodes(&[]);
    for name in ["mail1", "web2"] {
        redis.run::<i64>(&format!("SADD module/{name}/backups 2"));
    }
    redis.hset("module/web2/backup_status/2", &[("end", "1763600100"), ("errors", "0")]);
    redis.hset("module/mail1/backup_status/2", &[("end", "1763600100"), ("errors", "1")]);
    redis
}

#[tokio::test]
async fn a_name_of_half_a_gigabyte_is_damaged_and_the_result_arrives() {
    let redis = layout_b();
    redis.run::<i64>("SETRANGE module/mail1/ui_name 536000000 x");
    let plan = read(&redis, "2").await;
    assert_eq!(ids(plan.results.keys()), ["mail1", "web2"]);
    let key = Entry::Key("module/mail1/ui_name".into());
    assert_eq!(plan.damaged, [Damage { entry: key, fault: Fault::TooLarge(536_000_001) }]);
    let report = report(&redis, &["2"]);
    assert_eq!(report.status.code(), Some(3), "{}", String::from_utf8_lossy(&report.stderr));
}

#[tokio::test]
async fn a_huge_field_damages_that_result_only() {
    let redis = layout_b();
    field_of(HUGE, &redis, "module/mail1/backup_status/2", "total_size");
    let plan = read(&redis, "2").await;
    assert_eq!(ids(plan.results.keys()), ["web2"]);
    assert_eq!(plan.damaged, [result("mail1", Fault::TooLarge(HUGE as u64))]);
    let report = report(&redis, &["2"]);
    assert_eq!(report.status.code(), Some(3), "{}", String::from_utf8_lossy(&report.stderr));
}

/// Whatever one module, or any agent of the cluster, has written anywhere, all at once.
#[tokio::test]
async fn everything_may_be_too_large_and_the_others_facts_arrive() {
    const SIZE: usize = 64 << 20;
    let redis = layout_b();
    redis.hset("cluster/module_uuid", &[("mail1", "5f1c"), ("web2", "77aa")]);
    redis.hset("cluster/backup/2", &[("repository", "dest")]);
    redis.run::<String>("SET cluster/default_instance/loki mail1");
    for field in ["IMAGE_URL", "LOKI_ADDR", "LOKI_API_AUTH_PASSWORD"] {
        field_of(SIZE, &redis, "module/mail1/environment", field);
    }
    redis.run::<i64>(&format!("SETRANGE module/mail1/ui_name {SIZE} x"));
    redis.run::<i64>(&format!("SETRANGE node/1/ui_name {SIZE} x"));
    redis.run::<i64>(&format!("SETRANGE cluster/ui_name {SIZE} x"));
    field_of(SIZE, &redis, "module/mail1/backup_status/2", "errors");
    field_of(SIZE, &redis, "node/1/backup_status/2", "idle3");
    field_of(SIZE, &redis, "cluster/backup_repository/dest", "url");
    field_of(SIZE, &redis, "cluster/smarthost", "host");
    let fill = |command: &str, key: &str| {
        let mut pipe = redis::pipe();
        for n in 0..20_000 {
            pipe.cmd(command).arg(key).arg((0..50).map(|m| n * 50 + m).collect::<Vec<u64>>()).ignore();
        }
        pipe.exec(&mut redis.connect().unwrap()).unwrap();
    };
    fill("SADD", "module/mail1/backups");
    fill("SADD", "module/mail1/flags");
    fill("HSET", "module/mail1/environment");
    fill("HSET", "module/mail1/backup_status/2");
    redis.run::<i64>("SADD module/idle3/backups 2");

    let cluster = read_all(&redis, Selector::Plan(&plan_id("2"))).await;
    let plan = &cluster.plans[0];
    assert_eq!((members(plan), ids(plan.results.keys())), (vec!["idle3", "mail1", "web2"], vec!["web2"]));
    let size = SIZE as u64;
    let key = |key: &str, bytes| Damage { entry: Entry::Key(key.into()), fault: Fault::TooLarge(bytes) };
    let of_mail1 = [key("module/mail1/environment", size), key("module/mail1/ui_name", size + 1)];
    let results = ["idle3", "mail1"].map(|name| result(name, Fault::TooLarge(size)));
    let others = [key("node/1/ui_name", size + 1), key("cluster/backup_repository/dest", size)];
    assert_eq!(plan.damaged, [&results[..], &of_mail1, &others].concat());
    assert_eq!((cluster.name, cluster.loki.is_none()), (None, true));
    let error = cluster.smarthost.unwrap_err().to_string();
    assert!(error.contains("cluster/smarthost: the value is too large"), "{error}");
    let report = report(&redis, &["2"]);
    assert_eq!(report.status.code(), Some(3), "{}", String::from_utf8_lossy(&report.stderr));
}

/// Between the question how long it is and the question what it is.
#[tokio::test(start_paused = true)]
async fn a_value_that_grows_while_it_is_read_is_damaged() {
    let redis = Arc::new(layout_b());
    let writer = redis.clone();
    let proxy = Proxy::with(&redis, usize::MAX, move |requests| {
        if requests.contains("HMGET\r\n$28\r\nmodule/mail1/backup_status/2") {
            writer.hset("module/mail1/backup_status/2", &[("end", &"7".repeat(1 << 20))]);
        }
    });
    let cluster =
        ns8_backup_monitor::cluster::read(&proxy.settings, everything(Selector::Plan(&plan_id("2")))).await.unwrap();
    let plan = &cluster.plans[0];
    assert_eq!(ids(plan.results.keys()), ["web2"]);
    assert_eq!(plan.damaged, [result("mail1", Fault::TooLarge(1 << 20))]);
}

/// A cluster that lists no modules is scanned, and a module may make up keys.
#[tokio::test]
async fn keys_that_a_module_makes_up_hide_nobody() {
    let redis = Redis::start();
    let good = [("result", "success"), ("timestamp", "2026-11-20T02:10:00Z")];
    redis.hset("cluster/backup/1/status", &good);
    redis.hset("module/web2/backup/1/status", &good);
    let mut pipe = redis::pipe();
    for n in 0..50_000 {
        pipe.hset(format!("module/evil1/backup/{n:0400}/status"), "result", "success").ignore();
    }
    pipe.hset(format!("module/evil1/backup/{}/status", "x".repeat(64 << 20)), "result", "success").ignore();
    pipe.exec(&mut redis.connect().unwrap()).unwrap();
    let plans = read_all(&redis, Selector::All).await.plans;
    assert!((2..=1001).contains(&plans.len()), "{}", plans.len());
    let plan = plans.iter().find(|plan| plan.id == PlanId::new("1").unwrap()).unwrap();
    assert_eq!(ids(plan.results.keys()), ["web2"]);
    // The last of them is found if it is asked for.
    redis.hset(&format!("module/evil1/backup/{:0400}/status", 49_999), &good);
    let last = read(&redis, &format!("{:0400}", 49_999)).await;
    assert_eq!(ids(last.results.keys()), ["evil1"]);
    let report = report(&redis, &["1"]);
    assert_eq!(report.status.code(), Some(0), "{}", String::from_utf8_lossy(&report.stderr));
}

#[tokio::test]
async fn an_announcement_that_is_too_large_is_not_heard_and_the_next_one_is() {
    let redis = layout_b();
    let text = format!("notification: {{mail_to: a@example.com}}\nredis: {{socket: {}}}\n", redis.socket().display());
    let announcements = Announcements::new(Arc::new(Live::new(redis.file("config.yml", &text))));
    let mut listener = announcements.listen().await;
    let publish = |payload: &str| {
        redis.run_args::<i64>(&["PUBLISH", "module/mail1/event/backup-status-changed", payload]);
    };
    // Redis itself drops a subscriber who is 32 MB behind.
    publish(&format!(r#"{{"backup_id":1,"pad":"{}"}}"#, "x".repeat(16 << 20)));
    publish(r#"{"backup_id":2}"#);
    assert_eq!(listener.next().await, Event::Finished { plan: "2".into(), module: None });
}
