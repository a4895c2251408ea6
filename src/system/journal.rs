//! Logging: to the journal with its native fields, or as plain lines to a terminal; to a file beside either.
//!
//! The program logs through the `log` macros with journal fields as key-values:
//! `info!(JOB_ID = id, MESSAGE_ID = messages::REPORT_SENT; "…")`. Records of other crates are dropped.
//! A routine run is priority `info`, what needs a person `err`; `PRIORITY = CRIT` raises a record to `crit`, which
//! `log` has no level for.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;

use log::kv::{Key, Value, VisitSource};
use log::{Level, LevelFilter, Log, Metadata, Record};
use rustix::fs::OFlags;
use systemd_journal_logger::{JournalLog, connected_to_journal, current_exe_identifier};

use crate::config::Logging;
use crate::model::text::visible;

/// The syslog priority "critical", as the value of the field `PRIORITY`.
pub const CRIT: u8 = 2;

/// Where journald takes native messages (systemd, "JOURNAL_NATIVE_PROTOCOL").
const JOURNAL_SOCKET: &str = "/run/systemd/journal/socket";

/// Where records go.
enum Sink {
    /// To journald.
    Journal(JournalLog),
    /// To standard error, with `<N>` before each line where a service manager reads it.
    Stderr { prefixed: bool },
}

struct Logger {
    sink: Sink,
    file: Option<File>,
}

/// Starts logging to the journal when standard error is connected to it, else to standard error; by the default
/// settings if there are none.
///
/// If the log file cannot be opened, that is logged to the journal and the program continues.
pub fn init(settings: Option<&Logging>) {
    let file = settings.and_then(|settings| settings.file.as_deref());
    let journal = connected_to_journal();
    let sink = match journal.then(JournalLog::new) {
        Some(Ok(journal)) => Sink::Journal(journal),
        Some(Err(_)) => Sink::Stderr { prefixed: true },
        None => Sink::Stderr { prefixed: false },
    };
    // A pipe that nobody reads must not hold the program up.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let opened = file.map(|path| OpenOptions::new().create(true).append(true).custom_flags(flags).open(path));
    let (file_sink, error) = match opened {
        Some(Ok(file)) => (Some(file), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    log::set_max_level(settings.map_or(LevelFilter::Info, |settings| settings.level));
    // Set twice only in tests, which share a process; the first one stays.
    let _ = log::set_boxed_logger(Box::new(Logger { sink, file: file_sink }));
    if let (Some(path), Some(error)) = (file, error) {
        log::warn!("logging.file: {} cannot be opened: {error}; logging goes on without it", path.display());
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.target().starts_with(env!("CARGO_CRATE_NAME"))
    }

    fn log(&self, record: &Record) {
        if !self.enabled(record.metadata()) {
            return;
        }
        // Nothing can be done where logging itself fails.
        let _ = match &self.sink {
            Sink::Journal(_) if priority(record) == CRIT => send_critical(record),
            Sink::Journal(journal) => journal.journal_send(&one_level_down(record)),
            Sink::Stderr { prefixed: true } => writeln!(io::stderr(), "<{}>{}", priority(record), message(record)),
            Sink::Stderr { prefixed: false } => writeln!(io::stderr(), "{}", line(record)),
        };
        if let Some(mut file) = self.file.as_ref() {
            let _ = writeln!(file, "{} {}", jiff::ZonedDateTime::now().strftime("%Y-%m-%dT%H:%M:%S%:z"), line(record));
        }
    }

    fn flush(&self) {}
}

/// The record's words. A name of a file may be in them, and a terminal must not obey it; journald sees to that itself.
fn message(record: &Record) -> String {
    visible(&record.args().to_string())
}

/// A record as a line of text: `ERROR: …`, with the job that it is about.
fn line(record: &Record) -> String {
    let level = match record.level() {
        Level::Error if priority(record) == CRIT => "CRITICAL",
        Level::Error => "ERROR",
        Level::Warn => "WARNING",
        Level::Info => "INFO",
        Level::Debug | Level::Trace => "DEBUG",
    };
    match record.key_values().get(Key::from("JOB_ID")) {
        Some(job) => format!("{level}: {} [{job}]", message(record)),
        None => format!("{level}: {}", message(record)),
    }
}

/// The record's syslog priority.
fn priority(record: &Record) -> u8 {
    let raised = record.key_values().get(Key::from("PRIORITY")).and_then(|value| value.to_u64());
    match record.level() {
        Level::Error if raised == Some(CRIT.into()) => CRIT,
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// systemd-journal-logger maps Info to `notice` and Debug to `info`. A routine run is no notice: shift by one.
fn one_level_down<'a>(record: &'a Record<'a>) -> Record<'a> {
    let level = match record.level() {
        Level::Info => Level::Debug,
        Level::Debug => Level::Trace,
        level => level,
    };
    record.to_builder().level(level).build()
}

/// Sends what systemd-journal-logger cannot: a record of priority `crit`.
fn send_critical(record: &Record) -> io::Result<()> {
    let mut fields = Fields(Vec::new());
    fields.put("SYSLOG_IDENTIFIER", &current_exe_identifier().unwrap_or_default());
    fields.put("MESSAGE", &record.args().to_string());
    record.key_values().visit(&mut fields).map_err(io::Error::other)?;
    UnixDatagram::unbound()?.send_to(&fields.0, JOURNAL_SOCKET).map(drop)
}

/// Journal fields in the native protocol: name, newline, length as 64-bit little endian, value, newline.
struct Fields(Vec<u8>);

impl Fields {
    fn put(&mut self, name: &str, value: &str) {
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b'\n');
        self.0.extend_from_slice(&(value.len() as u64).to_le_bytes());
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'\n');
    }
}

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), log::kv::Error> {
        self.put(key.as_str(), &value.to_string());
        Ok(())
    }
}
