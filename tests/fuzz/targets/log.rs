//! The log of a run: whatever it holds, what is quoted is short, printable and without the secrets in it.
#![no_main]
#![allow(dead_code, unused_imports, unreachable_pub)]

use std::collections::BTreeMap;

use ns8_backup_monitor::model::plan::ModuleId;

#[path = "../../../src/model"]
mod model {
    pub(crate) use ns8_backup_monitor::model::{order, plan, reason, restic};
    pub(crate) mod text;
}

#[path = "."]
mod system {
    #[path = "../../../src/system/redact.rs"]
    pub(crate) mod redact;
}

#[path = "."]
mod logs {
    #[path = "../../../src/logs/clean.rs"]
    pub(crate) mod clean;
    #[path = "../../../src/logs/mark.rs"]
    pub(crate) mod mark;
    #[path = "../../../src/logs/part.rs"]
    pub(crate) mod part;
    #[path = "../../../src/logs/record.rs"]
    mod record;
    #[path = "../../../src/logs/redact.rs"]
    mod redact;
    #[path = "../../../src/logs/run.rs"]
    mod run;
    #[path = "../../../src/logs/speech.rs"]
    mod speech;
    #[path = "../../../src/logs/step.rs"]
    mod step;
    #[path = "../../../src/logs/stream.rs"]
    mod stream;
    #[path = "../../../src/logs/table.rs"]
    mod table;

    pub(crate) fn quoted(lines: &[u8], wanted: &run::Wanted) -> Vec<String> {
        let uuids = super::BTreeMap::from([(super::ModuleId::new("mail1").unwrap(), "5f1c".into())]);
        let mut reader = run::Reader::new("2", wanted, &uuids, lines.len().is_multiple_of(2));
        for line in lines.split(|byte| *byte == b'\n') {
            if let Some(record) = record::Record::parse(line) {
                record.each(Some("mail1"), |fields| reader.read(fields));
            }
        }
        let log = reader.finish(lines.ends_with(b"\n"));
        log.modules.into_values().flat_map(|reason| reason.lines).chain(log.cluster_backup).collect()
    }
}

// The input is a list of records: JSON, or `IDENTIFIER UID STREAM MESSAGE`, in which `@` stands for a secret.
libfuzzer_sys::fuzz_target!(|input: &str| {
    if input.contains("opensesame47") {
        return;
    }
    let mut text = String::new();
    for line in input.lines() {
        let mut parts = line.splitn(4, ' ');
        let mut next = || parts.next().unwrap_or_default();
        if line.starts_with('{') {
            text.push_str(line);
        } else {
            let identifier = match next() {
                "g" => "rclone-gateway",
                "a" => "agent@node",
                "b" => "backup2",
                "s" => "systemd",
                _ => "runagent",
            };
            let (uid, stream) = (next(), next());
            let message = next().replace('@', " RESTIC_PASSWORD=opensesame47 ");
            let record = serde_json::json!({
                "SYSLOG_IDENTIFIER": identifier, "_UID": uid, "_STREAM_ID": stream, "MESSAGE": message,
                "UNIT": if identifier == "systemd" { "backup2.service" } else { "" },
            });
            text.push_str(&record.to_string());
        }
        text.push('\n');
    }
    let wanted: BTreeMap<ModuleId, Option<i64>> =
        [("mail1", None), ("nextcloud1", Some(5))].map(|(id, start)| (ModuleId::new(id).unwrap(), start)).into();
    let lines = logs::quoted(text.as_bytes(), &wanted);
    assert!(lines.len() <= 3 * 5);
    for line in lines {
        assert!(line.chars().count() <= 300 && !line.chars().any(char::is_control), "{line:?}");
        assert!(!line.contains("opensesame47"), "{line}");
    }
});
