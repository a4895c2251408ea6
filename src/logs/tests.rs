//! The pure part on real logs. Each file of `tests/fixtures/logs` is the log of a run: what NS8's `run-backup` and
//! `module-backup`, restic, rclone and others printed. Its first line says what is expected.

use std::fs;
use std::path::PathBuf;

use super::record::Fields;
use super::run::{Reader, RunLog, Wanted};
use crate::model::plan::ModuleId;

/// A recorded log.
struct Log {
    name: String,
    /// What is expected, by name.
    head: String,
    text: String,
}

fn corpus() -> Vec<Log> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/logs"));
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).unwrap();
        let (head, text) = text.split_once('\n').unwrap();
        Log { name: file.file_stem().unwrap().to_str().unwrap().into(), head: head.into(), text: text.into() }
    };
    files.into_iter().map(read).collect()
}

/// The fields of `SECONDS UID IDENTIFIER STREAM UNIT MESSAGE`.
fn fields(line: &str) -> Fields<'_> {
    let mut parts = line.splitn(6, ' ').map(|part| if part == "-" { "" } else { part });
    let mut next = || parts.next().unwrap();
    let time = 1_000_000 + (next().parse::<f64>().unwrap() * 1e6) as i64;
    let (uid, identifier, stream, unit, message) = (next(), next(), next(), next(), next());
    let is_kernel = identifier == "kernel";
    Fields { time, uid, identifier, stream, unit, message, is_kernel, boot: "b1", ..Fields::default() }
}

fn read(log: &Log, wanted: &Wanted) -> RunLog {
    let mut reader = Reader::new("2", wanted);
    log.text.lines().for_each(|line| reader.read(&fields(line)));
    reader.finish()
}

fn module(id: &str) -> ModuleId {
    ModuleId::new(id).unwrap()
}

#[test]
fn show() {
    for log in corpus() {
        let wanted = [(module("mail1"), None)].into();
        let found = read(&log, &wanted);
        println!("=== {} cluster={:?}", log.name, found.cluster_backup);
        for (id, reason) in found.modules {
            println!("  {id} {:?} {:?}", reason.cause, reason.snapshot_written);
            reason.lines.iter().for_each(|line| println!("    {line}"));
        }
    }
}
