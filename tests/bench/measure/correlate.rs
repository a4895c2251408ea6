//! Reading a plan: the library against the same requests sent bare.

use std::io::{BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ns8_backup_monitor::cluster::{self, Question, Selector, Want};
use ns8_backup_monitor::config;
use ns8_backup_monitor::model::plan::PlanId;

/// `requests` is a file with what the library sends to Redis, as it was recorded on the way; `answers` says how many
/// requests these are.
///
/// With `whole`, the library reads all that an examination needs, else results alone, as while a run is waited for.
pub(crate) fn run(socket: &str, plan: &str, requests: &str, answers: usize, runs: usize, whole: bool) {
    let requests = std::fs::read(requests).expect("the recorded requests");
    let plan = PlanId::new(plan).expect("a plan's id");
    let redis = config::Redis {
        socket: Some(socket.into()),
        url: None,
        username: None,
        password_file: None,
        timeout: Duration::from_secs(600),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let want = Want { names: whole, repositories: whole, passwords: None, loki: whole, unplanned: whole };
    let (mut program, mut floor, mut modules) = (Vec::new(), Vec::new(), 0);
    for _ in 0..runs {
        let start = Instant::now();
        let question = Question { plans: Selector::Plan(&plan), want, now: Timestamp::now() };
        let cluster = runtime.block_on(cluster::read(&redis, question)).expect("a readable cluster");
        program.push(start.elapsed().as_secs_f64());
        modules = cluster.plans.first().map_or(0, |plan| plan.results.len());
        drop(cluster);
        let start = Instant::now();
        bare(socket, &requests, answers);
        floor.push(start.elapsed().as_secs_f64());
    }
    println!("{}", serde_json::json!({ "program": program, "floor": floor, "modules": modules }));
}

/// One connection, everything sent at once, every answer parsed and dropped, the JSON in it too.
pub(crate) fn bare(socket: &str, requests: &[u8], answers: usize) {
    let stream = UnixStream::connect(socket).expect("Redis");
    (&stream).write_all(requests).expect("Redis reads");
    let mut reader = BufReader::with_capacity(64 << 10, &stream);
    let mut parser = redis::Parser::new();
    for _ in 0..answers {
        parse_json(&parser.parse_value(&mut reader).expect("Redis answers"));
    }
}

/// A result of layout C.
#[derive(serde::Deserialize)]
#[allow(dead_code, reason = "only parsed")]
struct Entry {
    start: u64,
    end: u64,
    errors: u64,
    total_size: u64,
    total_file_count: u64,
    snapshots_count: u64,
}

fn parse_json(value: &redis::Value) {
    match value {
        redis::Value::Array(values) => values.iter().for_each(parse_json),
        redis::Value::BulkString(text) if text.starts_with(b"{") => {
            drop(std::hint::black_box(serde_json::from_slice::<Entry>(text)));
        }
        other => drop(std::hint::black_box(other)),
    }
}
