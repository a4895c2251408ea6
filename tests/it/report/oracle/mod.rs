//! Reports on clusters that were made up at random, held against what is so in them: each member of the JSON.
//!
//! `random` makes up a `world`, which writes itself to Redis. `truth` is a second reading of the same cluster, after
//! NS8's own list, that knows nothing of the program. `ORACLE_CASES` is the number of clusters, `PROPTEST_RNG_SEED` says
//! which.

mod random;
mod truth;
mod world;

use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use serde_json::Value;

use crate::support::redis::{ADMIN, NS8_ACL, Redis};
use truth::{Truth, in_no_plan};
use world::World;

/// Clusters of a usual run.
const CASES: u32 = 100;
/// Clusters at one time, each in a database of its own.
const AT_ONE_TIME: u32 = 4;

#[test]
fn a_report_on_any_cluster_says_what_is_so() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let cases = number("ORACLE_CASES").map_or(CASES, |cases: u64| cases as u32);
    let seed = number("PROPTEST_RNG_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("to repeat this: PROPTEST_RNG_SEED={seed} ORACLE_CASES={cases}");
    let redis = Redis::on_tcp(NS8_ACL);
    std::thread::scope(|scope| {
        for database in 0..AT_ONE_TIME {
            let cluster = Cluster::new(&redis, database);
            scope.spawn(move || {
                let config = Config {
                    cases: cases.div_ceil(AT_ONE_TIME),
                    rng_seed: RngSeed::Fixed(seed.wrapping_mul(u64::from(AT_ONE_TIME)).wrapping_add(database.into())),
                    failure_persistence: None,
                    ..Config::default()
                };
                let outcome = TestRunner::new(config).run(&random::world(), |world| cluster.holds(&world));
                match outcome {
                    Ok(()) => {}
                    Err(TestError::Fail(why, world)) => panic!("{why}\n{}", commands(&world)),
                    Err(error) => panic!("{error}"),
                }
            });
        }
    });
}

/// A database of the server, and a configuration for it.
struct Cluster {
    connection: std::sync::Mutex<redis::Connection>,
    config: std::path::PathBuf,
    state: std::path::PathBuf,
}

/// What the program printed, between two times.
struct Ran {
    out: String,
    code: Option<i32>,
    from: Timestamp,
    until: Timestamp,
}

impl Cluster {
    fn new(redis: &Redis, database: u32) -> Self {
        let config = format!(
            "notification: {{ mail_to: [admin@example.com] }}\nrepo_check: {{ enabled: false }}\n\
             redis: {{ url: \"redis://127.0.0.1:{}/{database}\" }}\n",
            redis.port()
        );
        let config = redis.file(&format!("config{database}.yml"), &config);
        let (name, password) = ADMIN;
        let address = format!("redis://{name}:{password}@127.0.0.1:{}/{database}", redis.port());
        let connection = redis::Client::open(address).unwrap().get_connection().unwrap();
        Self { connection: connection.into(), state: config.with_extension("state"), config }
    }

    /// Whether each report on `world` says what is so.
    fn holds(&self, world: &World) -> Result<(), TestCaseError> {
        let now = Timestamp::now();
        self.write(world, now);
        for place in 0..world.plans.len() {
            let id = World::plan_id(place);
            let json = self.report(world, &["--json", &id]);
            let truth = Truth::new(world, place, now);
            let document: Value = serde_json::from_str(&json.out).unwrap();
            same_json(&truth, &json, &document["reports"][0], &[])?;
            let code = match truth.outcome() {
                "SUCCESS" => 0,
                "PARTIAL" => 3,
                _ => 4,
            };
            equal("exit status", &json.code, &Some(code))?;
        }
        self.recent(world, now)
    }

    /// The reports on all plans with a recent result.
    fn recent(&self, world: &World, now: Timestamp) -> Result<(), TestCaseError> {
        let ran = self.report(world, &["--json"]);
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        let reports = document["reports"].as_array().unwrap();
        let bare = in_no_plan(world);
        let mut expected = 0;
        for place in 0..world.plans.len() {
            let truth = Truth::new(world, place, now);
            let age = truth.newest.map(|newest| now.duration_since(newest));
            let id = World::plan_id(place);
            let found = reports.iter().find(|report| report["plan"]["id"] == id.as_str());
            match age.map(|age| age.cmp(&SignedDuration::from_hours(1))) {
                // It may be an hour old to the second.
                Some(_) if age.unwrap().as_mins().abs_diff(60) < 2 => return Ok(()),
                Some(std::cmp::Ordering::Less) => {
                    let report = found.ok_or_else(|| TestCaseError::fail(format!("plan {id} is left out")))?;
                    same_json(&truth, &ran, report, &bare)?;
                    expected += 1;
                }
                _ => equal("a plan without a recent result", &found, &None)?,
            }
        }
        if expected == 0 {
            equal("nothing", &reports[0]["nothing_within_seconds"], &3600.into())?;
            equal("in no plan", &reports[0]["modules_in_no_plan"], &bare.clone().into())?;
        }
        equal("reports", &reports.len(), &expected.max(1))
    }

    fn write(&self, world: &World, now: Timestamp) {
        let mut pipeline = redis::pipe();
        pipeline.cmd("FLUSHDB");
        world.write(now, &mut |words| {
            pipeline.cmd(words[0]).arg(&words[1..]);
        });
        pipeline.exec(&mut *self.connection.lock().unwrap()).unwrap();
    }

    fn report(&self, world: &World, arguments: &[&str]) -> Ran {
        let from = Timestamp::now();
        let output = Command::new(env!("CARGO_BIN_EXE_ns8-backup-monitor"))
            .arg("--config")
            .arg(&self.config)
            .arg("report")
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("STATE_DIRECTORY", &self.state)
            .env("TZ", world.zone)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        Ran { out, code: output.status.code(), from, until: Timestamp::now() }
    }
}

/// The commands that write a cluster, for a person who looks into it.
fn commands(world: &World) -> String {
    let mut commands = format!("TZ={}\n", world.zone);
    world.write(Timestamp::now(), &mut |words| commands += &format!("{words:?}\n"));
    commands
}

/// Whether a report in JSON is the true one.
fn same_json(truth: &Truth, ran: &Ran, report: &Value, in_no_plan: &[&str]) -> Result<(), TestCaseError> {
    let mut found = report.clone();
    let found = found.as_object_mut().unwrap();
    let written: Timestamp = found.remove("written_at").unwrap().as_str().unwrap().parse().unwrap();
    equal("written at", &(ran.from <= written && written <= ran.until), &true)?;
    found.remove("host").unwrap();
    // Why the logs say nothing depends on the machine.
    let gaps = found.remove("log_gaps").unwrap();
    let asked = truth.outcome() != "SUCCESS" && !gaps.is_null();
    equal("logs were read", &(gaps.is_null() || asked), &true)?;
    equal("in no plan", &found.remove("modules_in_no_plan").unwrap(), &in_no_plan.into())?;
    let damaged = found["damaged"].as_array_mut().unwrap();
    damaged.sort_by_key(|clause| clause.to_string());
    let expected = truth.json();
    for (name, value) in expected.as_object().unwrap() {
        equal(&format!("plan {}: {name}", World::plan_id(truth.place)), &found[name], value)?;
    }
    let names = |object: &serde_json::Map<String, Value>| object.keys().cloned().collect::<Vec<_>>();
    equal("the members", &names(found), &names(expected.as_object().unwrap()))
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), TestCaseError> {
    match found == expected {
        true => Ok(()),
        false => Err(TestCaseError::fail(format!("{what}\n found: {found:#?}\n truth: {expected:#?}"))),
    }
}
