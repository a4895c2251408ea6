//! Journals as a node has them, written by `systemd-journal-remote`, and recorded runs to put there.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use super::loki::Streams;

/// When the recorded runs are said to have begun.
pub const BEGIN: i64 = 1_795_500_000;

/// A record: names and values.
pub type Record = Vec<(String, Vec<u8>)>;

/// A folder with journal files.
pub struct Journals(TempDir);

impl Journals {
    /// Writes each list of records to a journal of its own.
    pub fn of(logs: &[Vec<Record>]) -> Self {
        let folder = TempDir::new().unwrap();
        for (n, records) in logs.iter().enumerate() {
            let mut child = Command::new(journal_remote())
                .arg("--output")
                .arg(folder.path().join(format!("{n}.journal")))
                .arg("-")
                .stdin(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(&export(records)).unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        Self(folder)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.0.path()
    }
}

fn journal_remote() -> PathBuf {
    let places = ["/lib/systemd/systemd-journal-remote", "/usr/lib/systemd/systemd-journal-remote"];
    let found = places.iter().map(Path::new).find(|file| file.is_file());
    found.expect("systemd-journal-remote is not installed; `make test` installs what the tests need").into()
}

/// The journal's export format: with its length where a value is no plain text.
fn export(records: &[Record]) -> Vec<u8> {
    let mut text = Vec::new();
    for record in records {
        for (name, value) in record {
            text.extend_from_slice(name.as_bytes());
            if value.iter().all(|byte| (b' '..=b'~').contains(byte)) {
                text.push(b'=');
            } else {
                text.push(b'\n');
                text.extend_from_slice(&(value.len() as u64).to_le_bytes());
            }
            text.extend_from_slice(value);
            text.push(b'\n');
        }
        text.push(b'\n');
    }
    text
}

/// A log of `tests/fixtures/logs` as records.
pub fn recorded(name: &str) -> Vec<Record> {
    let file = format!("{}/tests/fixtures/logs/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(file).unwrap();
    let parse = |line: &str| {
        let mut parts = line.splitn(6, ' ');
        let mut next = || parts.next().unwrap();
        let time: f64 = next().parse().unwrap();
        let mut parsed = record(BEGIN, next(), next(), next(), next(), next());
        set(&mut parsed, "__REALTIME_TIMESTAMP", format!("{}", BEGIN * 1_000_000 + (time * 1e6) as i64).as_bytes());
        parsed
    };
    text.lines().skip(1).map(parse).collect()
}

/// The same, as if the run had begun at `begin`.
pub fn recorded_at(name: &str, begin: i64) -> Vec<Record> {
    let mut records = recorded(name);
    for record in &mut records {
        let time: i64 = get(record, "__REALTIME_TIMESTAMP").parse().unwrap();
        set(record, "__REALTIME_TIMESTAMP", (time + (begin - BEGIN) * 1_000_000).to_string().as_bytes());
    }
    records
}

pub fn record(time: i64, uid: &str, identifier: &str, stream: &str, unit: &str, message: &str) -> Record {
    let number = stream.trim_start_matches(|c: char| !c.is_ascii_digit());
    let stream = if stream == "-" { "-".into() } else { format!("{number:0>32}") };
    let microseconds = format!("{}", time * 1_000_000);
    let boot = "11111111111111111111111111111111";
    let fields = [
        ("__REALTIME_TIMESTAMP", microseconds.as_str()),
        ("__MONOTONIC_TIMESTAMP", "1000000"),
        ("_BOOT_ID", boot),
        ("_UID", uid),
        ("SYSLOG_IDENTIFIER", identifier),
        ("_STREAM_ID", &stream),
        ("UNIT", unit),
        ("PRIORITY", "6"),
        ("MESSAGE", message),
    ];
    fields
        .iter()
        .filter(|(_, value)| *value != "-")
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect()
}

pub fn set(record: &mut Record, name: &str, value: &[u8]) {
    match record.iter_mut().find(|(field, _)| field == name) {
        Some((_, old)) => *old = value.to_vec(),
        None => record.push((name.into(), value.to_vec())),
    }
}

pub fn get(record: &Record, name: &str) -> String {
    let value = record.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_slice());
    String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
}

pub fn message(record: &Record) -> String {
    get(record, "MESSAGE")
}

/// The records as NS8's log shipper sends them: by labels, each with its time in nanoseconds.
pub fn streams(records: &[Record], node: &str) -> Streams {
    let mut streams: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for record in records {
        let mut labels = vec![("node_id".to_owned(), node.to_owned())];
        if get(record, "_UID") == "1000" {
            labels.push(("module_id".into(), "mail1".into()));
        }
        let time: u64 = get(record, "__REALTIME_TIMESTAMP").parse().unwrap();
        let fields = record.iter().filter(|(name, _)| !name.starts_with("__"));
        let fields: serde_json::Map<_, _> =
            fields.map(|(name, value)| (name.clone(), json!(String::from_utf8_lossy(value)))).collect();
        streams.entry(labels).or_default().push((time * 1000, serde_json::Value::from(fields).to_string()));
    }
    streams
}
