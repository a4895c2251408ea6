//! Values that a module may write below `module/<its id>/`, each of up to 512 MB: nobody else's facts are lost, and
//! none of it is in memory.

use std::process::{Command, Output};

use ns8_backup_monitor::model::plan::{Damage, Entry, Fault};

use super::results::{result, two_nodes};
use super::{ids, read};
use crate::support::redis::Redis;

/// What a hostile module writes: Redis's own limit is 512 MB.
const HUGE: usize = 300 << 20;

/// The program's limit in these tests for everything that it allocates, in bytes.
const MEMORY: usize = 48 << 20;

/// Writes a field of [`HUGE`] size: a hash has no command that pads.
fn huge_field(redis: &Redis, key: &str, field: &str) {
    let mut connection = redis.connect().unwrap();
    redis::cmd("HSET").arg(key).arg(field).arg(vec![b'7'; HUGE]).exec(&mut connection).unwrap();
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
    huge_field(&redis, "module/mail1/backup_status/2", "total_size");
    let plan = read(&redis, "2").await;
    assert_eq!(ids(plan.results.keys()), ["web2"]);
    assert_eq!(plan.damaged, [result("mail1", Fault::TooLarge(HUGE as u64))]);
    let report = report(&redis, &["2"]);
    assert_eq!(report.status.code(), Some(3), "{}", String::from_utf8_lossy(&report.stderr));
}
