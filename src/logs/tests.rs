//! The pure part on real logs. Each file of `tests/fixtures/logs` is the log of a run: what NS8's `run-backup` and
//! `module-backup`, restic, rclone and others printed. Its first line says what is expected.

use std::fs;
use std::path::PathBuf;

use super::part::MAX_LINES;
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
    let module = if uid == "1000" { "mail1" } else { "" };
    Fields { time, uid, identifier, stream, unit, message, module, is_kernel, boot: "b1", ..Fields::default() }
}

fn read(log: &Log, wanted: &Wanted) -> RunLog {
    let mut reader = Reader::new("2", wanted);
    log.text.lines().for_each(|line| reader.read(&fields(line)));
    reader.finish()
}

fn module(id: &str) -> ModuleId {
    ModuleId::new(id).unwrap()
}

impl Log {
    /// A value of the first line, `name=value; name=value`.
    fn expected(&self, name: &str) -> &str {
        let values = self.head.split("; ").filter_map(|part| part.split_once('='));
        values.filter(|(other, _)| *other == name).map(|(_, value)| value).next().unwrap()
    }
}

#[test]
fn every_recorded_run_is_understood() {
    let corpus = corpus();
    assert!(corpus.len() >= 90, "{}", corpus.len());
    let mut wrong = Vec::new();
    for log in &corpus {
        let id = module(log.expected("module"));
        let wanted = [(id.clone(), None)].into();
        let found = read(log, &wanted).modules.remove(&id).unwrap_or_default();
        let cause = found.cause.map_or("-".to_owned(), |cause| format!("{cause:?}"));
        let written = match found.snapshot_written {
            Some(true) => "yes",
            Some(false) => "no",
            None => "-",
        };
        let text = found.lines.join("\n");
        let words = log.expected("words").split(" | ").all(|words| text.contains(words));
        let short = found.lines.len() <= MAX_LINES && found.lines.iter().all(|line| line.chars().count() <= 300);
        if (cause.as_str(), written) != (log.expected("cause"), log.expected("written")) || !words || !short {
            wrong.push(format!("{}: {cause} {written}\n{text}\n  but {}", log.name, log.head));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), corpus.len(), wrong.join("\n\n"));
}
