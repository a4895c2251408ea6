//! The pure part on real logs. Each file of `tests/fixtures/logs` is the log of a run: what NS8's `run-backup` and
//! `module-backup`, restic, rclone and others printed. Its first line says what is expected.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::part::MAX_LINES;
use super::record::Fields;
use super::run::{Reader, RunLog, Wanted};
use crate::model::plan::ModuleId;
use crate::model::reason::Cause;

mod meaning;
mod trust;

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
    let module = match uid {
        "1000" => Some("mail1"),
        "1001" => Some("nextcloud1"),
        "1003" => Some("evil1"),
        _ => None,
    };
    Fields { time, uid, identifier, stream, unit, message, module, is_kernel, boot: "b1", ..Fields::default() }
}

fn read(log: &Log, wanted: &Wanted) -> RunLog {
    let uuids = BTreeMap::new();
    let mut reader = Reader::new("2", wanted, &uuids, log.text.contains(" backup2 s"));
    log.text.lines().for_each(|line| reader.read(&fields(line)));
    reader.finish(true)
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

// ---- Whose line is it ---------------------------------------------------------------------------------------------

/// The log of `lines`, each `UID IDENTIFIER STREAM UNIT MESSAGE`, ten seconds apart.
fn log_of(lines: &[&str]) -> Log {
    let text: Vec<String> = lines.iter().enumerate().map(|(n, line)| format!("{} {line}", n * 10)).collect();
    Log { name: String::new(), head: String::new(), text: text.join("\n") }
}

/// What each of the asked modules is found to have: its cause, and the first of its lines.
fn told(log: &Log, ids: &[&str]) -> Vec<Option<(Option<Cause>, String)>> {
    let wanted = ids.iter().map(|id| (module(id), None)).collect();
    let mut found = read(log, &wanted).modules;
    let mut told = |id: &&str| {
        let reason = found.remove(&module(id))?;
        Some((reason.cause, reason.lines.into_iter().next().unwrap_or_default()))
    };
    ids.iter().map(&mut told).collect()
}

fn reason(cause: Option<Cause>, line: &str) -> Option<(Option<Cause>, String)> {
    Some((cause, line.into()))
}

#[test]
fn runs_that_print_at_the_same_time_are_kept_apart_by_their_connections() {
    let log = log_of(&[
        "0 runagent s1 - mail1: starting backup 2 at Tue",
        "0 runagent s2 - web1: starting backup 3 at Tue",
        "1000 runagent s2 - web: Fatal: wrong password or no key found",
        "1000 runagent s1 - mail: no space left on device",
        "1000 runagent s2 - [ERROR] restic backup failed: Command '['x']' returned non-zero exit status 1.",
        "1000 runagent s1 - [ERROR] module-dump-state failed. Command '['x']' returned non-zero exit status 1.",
        "0 runagent s2 - web1: backup 3 failed (exit code 1)",
        "0 runagent s1 - mail1: backup 2 failed (exit code 1)",
    ]);
    let expected = [reason(Some(Cause::HostFull), "mail: no space left on device"), None];
    assert_eq!(told(&log, &["mail1", "web1"]), expected);
}

#[test]
fn runs_by_hand_that_share_the_agents_connection_get_only_what_names_them() {
    let log = log_of(&[
        "0 agent@node s1 - mail1: starting backup 2 at Tue",
        "0 agent@node s1 - web1: starting backup 3 at Tue",
        "0 agent@node s1 - Fatal: wrong password or no key found",
        "0 agent@node s1 - [ERROR] restic backup failed: Command '['podman', '--name=restic-web1-7', 'x']' died with <Signals.SIGKILL: 9>.",
        "0 agent@node s1 - web1: backup 3 failed (exit code 1)",
        "0 agent@node s1 - Fatal: connection refused",
        "0 agent@node s1 - [ERROR] restic backup failed: Command '['podman', '--name=restic-mail1-8', 'x']' returned non-zero exit status 1.",
        "0 agent@node s1 - mail1: backup 2 failed (exit code 1)",
    ]);
    assert_eq!(told(&log, &["mail1", "web1"]), [reason(Some(Cause::Refused), "Fatal: connection refused"), None]);
}

#[test]
fn a_log_that_begins_in_the_middle_of_a_modules_part_still_tells() {
    let log = log_of(&[
        "1000 runagent s1 - Fatal: wrong password or no key found",
        "1000 runagent s1 - [ERROR] restic init failed: Command '['x']' returned non-zero exit status 1.",
        "0 runagent s1 - mail1: backup 2 failed (exit code 1)",
    ]);
    let expected = reason(Some(Cause::WrongPassword), "Fatal: wrong password or no key found");
    assert_eq!(told(&log, &["mail1"]), [expected]);
}

#[test]
fn a_module_cannot_print_the_marks_of_the_run() {
    let log = log_of(&[
        "0 runagent s1 - mail1: starting backup 2 at Tue",
        "1000 runagent s1 - mail1: backup 2 completed",
        "1000 runagent s1 - web1: starting backup 2 at Tue",
        "1000 runagent s1 - pg_dump: error: no",
        "1000 runagent s1 - web1: backup 2 failed (exit code 1)",
        "1000 runagent s1 - [ERROR] module-dump-state failed. Command '['x']' returned non-zero exit status 1.",
        "0 runagent s1 - mail1: backup 2 failed (exit code 1)",
    ]);
    let told = told(&log, &["mail1", "web1"]);
    assert_eq!((told[0].as_ref().unwrap().0, told[1].clone()), (Some(Cause::DumpFailed), None));
}

#[test]
fn of_several_attempts_the_last_real_one_counts_and_of_several_runs_the_clusters() {
    let failed = |words: &str| {
        let words = format!("1000 runagent s1 - Fatal: {words}");
        let error = "1000 runagent s1 - [ERROR] restic backup failed: Command '['x']' returned non-zero exit status 1.";
        [words, error.into(), "0 runagent s1 - mail1: backup 2 failed (exit code 1)".into()]
    };
    let start = "0 runagent s1 - mail1: starting backup 2 at Tue".to_owned();
    let busy = "0 runagent s1 - mail1: already running, queued for retry".to_owned();
    let mut lines = vec![start.clone(), busy.clone(), start.clone()];
    lines.extend(failed("connection refused"));
    lines.push(start.clone());
    lines.extend(failed("no such host"));
    lines.extend([start, busy]);
    let log = log_of(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(told(&log, &["mail1"]), [reason(Some(Cause::NameNotResolved), "Fatal: no such host")]);
    // The clusters' result is the one of the attempt that began after 20 s.
    let wanted = [(module("mail1"), Some(1_000_000 + 20_000_000))].into();
    assert_eq!(read(&log, &wanted).modules[&module("mail1")].cause, Some(Cause::Refused));
    // No attempt began then: what is there is another run's.
    let wanted = [(module("mail1"), Some(1_000_000 + 900_000_000))].into();
    assert!(read(&log, &wanted).modules.is_empty());
}

#[test]
fn the_kernel_and_the_gateway_are_heard() {
    let uuid = "0d2a1f00-0000-4000-8000-000000000005";
    let log = log_of(&[
        "0 runagent s1 - mail1: starting backup 2 at Tue",
        &format!("0 rclone-gateway s9 - ERROR : web/{uuid}/data/aa: Post request put error: quota"),
        &format!("0 rclone-gateway s9 - ERROR : mail/{uuid}/data/aa: Post request put error: quota exceeded"),
        "- kernel - - Memory cgroup out of memory: Killed process 485 (restic) total-vm:211880kB",
        "1000 runagent s1 - Fatal: unexpected HTTP response (500): 500 Internal Server Error",
        "1000 runagent s1 - [ERROR] restic backup failed: Command '['x']' returned non-zero exit status 1.",
        "0 runagent s1 - mail1: backup 2 failed (exit code 1)",
    ]);
    let found = read(&log, &[(module("mail1"), None)].into()).modules.remove(&module("mail1")).unwrap();
    assert_eq!(found.cause, Some(Cause::DestinationFull));
    assert!(found.lines[0].contains("quota exceeded") && found.lines[1].contains("Killed process 485"), "{found:?}");
}

#[test]
fn a_restart_of_the_agent_does_not_end_a_scheduled_run() {
    let begun = |by: &str| {
        [format!("0 {by} s1 - web1: starting backup 2 at Tue"), format!("0 {by} s1 - web1: backup 2 completed")]
    };
    let stopped = |unit: &str| {
        [
            format!("0 systemd - {unit} Stopping {unit} - x"),
            format!("0 systemd - {unit} {unit}: Deactivated successfully."),
        ]
    };
    for (by, unit, running) in [
        ("runagent", "agent@node.service", true),
        ("runagent", "backup2.service", false),
        ("agent@node", "agent@node.service", false),
        ("agent@node", "backup2.service", true),
    ] {
        let lines = [begun(by), stopped(unit)].concat();
        let found =
            read(&log_of(&lines.iter().map(String::as_str).collect::<Vec<_>>()), &[(module("mail1"), None)].into());
        assert_eq!(
            (found.running, found.modules.contains_key(&module("mail1"))),
            (Some(running), !running),
            "{by} {unit}"
        );
    }
}

#[test]
fn another_plan_that_gives_up_is_not_the_reason() {
    let failed = [
        "0 runagent s1 - mail1: starting backup 2 at Tue",
        "1000 runagent s1 - Fatal: wrong password or no key found",
        "1000 runagent s1 - [ERROR] restic init failed: Command '['x']' returned non-zero exit status 1.",
        "0 runagent s1 - mail1: backup 2 failed (exit code 1)",
    ];
    let other = [
        "0 runagent s2 - mail1: starting backup 3 at Tue",
        "0 runagent s2 - mail1: already running, queued for retry",
        "0 runagent s2 - mail1: gave up retrying after 3600s",
    ];
    let expected = [reason(Some(Cause::WrongPassword), "Fatal: wrong password or no key found")];
    assert_eq!(told(&log_of(&[failed.as_slice(), &other].concat()), &["mail1"]), expected);
    // Nothing says whose the last line is if the log does not have that run's beginning.
    for other in [other.as_slice(), &other[2..]] {
        let begun = "0 runagent s1 - web1: starting backup 2 at Tue";
        assert_eq!(told(&log_of(&[other, &[begun]].concat()), &["mail1"]), [None]);
    }
    // By hand, over one connection.
    let by_hand: Vec<String> = [&failed[..1], &other[..2], &failed[1..], &other[2..]]
        .concat()
        .iter()
        .map(|line| line.replace("runagent s1", "agent@node s1").replace("runagent s2", "agent@node s1"))
        .collect();
    let by_hand: Vec<&str> = by_hand.iter().map(String::as_str).collect();
    assert_eq!(told(&log_of(&by_hand), &["mail1"]), expected);
}

#[test]
fn a_result_of_this_run_is_not_explained_by_a_run_that_gave_up() {
    let log = log_of(&[
        "0 runagent s1 - mail1: starting backup 2 at Tue",
        "0 runagent s1 - mail1: still running, will retry",
        "0 runagent s1 - mail1: gave up retrying after 3600s",
    ]);
    assert!(read(&log, &[(module("mail1"), Some(1_000_000))].into()).modules.is_empty());
}

#[test]
fn a_dump_does_not_use_the_gateway() {
    let log = log_of(&[
        "0 runagent s1 - mail1: starting backup 2 at Tue",
        "0 rclone-gateway s9 - ERROR : mail/0d2a1f00-0000-4000-8000-000000000005/data/aa: Post request put error: quota exceeded",
        "1000 runagent s1 - mysqldump: Got error: 2002",
        "1000 runagent s1 - [ERROR] module-dump-state failed. Command '['x']' returned non-zero exit status 1.",
        "0 runagent s1 - mail1: backup 2 failed (exit code 1)",
    ]);
    let found = read(&log, &[(module("mail1"), None)].into()).modules.remove(&module("mail1")).unwrap();
    assert_eq!((found.cause, found.lines.len()), (Some(Cause::DatabaseFailed), 2), "{found:?}");
}

#[test]
fn a_part_that_is_open_where_reading_stopped_has_no_reason() {
    let lines = [
        "0 runagent s1 - mail1: starting backup 2 at Tue",
        "1000 runagent s1 - mysqldump: Warning: skipping table x",
        "1000 runagent s1 - [ERROR] module-dump-state failed. Command '['x']' returned non-zero exit status 1.",
    ];
    let found = |lines: &[&str], whole| {
        let (log, wanted) = (log_of(lines), [(module("mail1"), None)].into());
        let uuids = BTreeMap::new();
        let mut reader = Reader::new("2", &wanted, &uuids, false);
        log.text.lines().for_each(|line| reader.read(&fields(line)));
        !reader.finish(whole).modules.is_empty()
    };
    assert!(found(&lines[..2], true) && !found(&lines[..2], false));
    assert!(found(&lines, false), "a step that has failed is known");
}

#[test]
fn failed_statistics_do_not_hide_that_the_backup_died() {
    let stats =
        "0 runagent s1 - [ERROR] restic stats failed for d/mail/u: Command '['x']' returned non-zero exit status 1.";
    let start = "0 runagent s1 - mail1: starting backup 2 at Tue";
    let no_repository = "0 runagent s1 - Fatal: unable to open config file: <config/> does not exist";
    let failed = "0 runagent s1 - mail1: backup 2 failed (exit code 1)";
    let cases: [(&[&str], _, &str); 4] = [
        (
            &[start, "1000 runagent s1 - OSError: [Errno 28] No space left on device", no_repository, stats, failed],
            Some(Cause::HostFull),
            "OSError: [Errno 28] No space left on device",
        ),
        (
            &[
                start,
                "0 runagent s1 - runagent: [FATAL] Cannot find runtime directory for mail1",
                no_repository,
                stats,
                failed,
            ],
            None,
            "runagent: [FATAL] Cannot find runtime directory for mail1",
        ),
        (
            &[start, "- kernel - - Out of memory: Killed process 4242 (module-backup)", no_repository, stats, failed],
            Some(Cause::Killed),
            "Out of memory: Killed process 4242 (module-backup)",
        ),
        (
            &[start, no_repository, stats, "0 runagent s1 - mail1: backup 2 failed (exit code -9)"],
            Some(Cause::Killed),
            "Fatal: unable to open config file: <config/> does not exist",
        ),
    ];
    for (lines, cause, line) in cases {
        let found = read(&log_of(lines), &[(module("mail1"), None)].into()).modules.remove(&module("mail1")).unwrap();
        assert_eq!((found.cause, found.snapshot_written), (cause, None), "{found:?}");
        assert_eq!(found.lines[0], line, "{found:?}");
    }
}

#[test]
fn an_error_that_only_the_cluster_counts_is_looked_for_after_the_snapshot() {
    let rclone = "1000 backup2 s1 - Failed to rcat: file upload failed: quota exceeded";
    let log = log_of(&["1000 backup2 s1 - snapshot 402a0d36 saved", "1000 backup2 s1 - 2 snapshots", rclone]);
    let found = |start| read(&log, &[(module("mail1"), start)].into()).modules.remove(&module("mail1")).unwrap();
    let failed = found(Some(1_000_000));
    assert_eq!((failed.cause, failed.snapshot_written), (Some(Cause::DestinationFull), Some(true)));
    assert!(rclone.ends_with(&failed.lines[0]) && found(None).lines.is_empty(), "{failed:?}");
}

#[test]
fn no_recorded_run_tells_a_secret_that_was_planted_in_each_of_its_lines() {
    for secret in ["s3cret-hunter2", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"] {
        for mut log in corpus() {
            let plant =
                |line: &str| match line.rsplit_once(": ").filter(|_| line.contains("rror") || line.contains("atal")) {
                    Some((before, after)) => {
                        format!("{before}: https://u:{secret}@h/ --password={secret} {after} token={secret}")
                    }
                    None => line.to_owned(),
                };
            log.text = log.text.lines().map(plant).collect::<Vec<_>>().join("\n");
            let id = module(log.expected("module"));
            let found = read(&log, &[(id, None)].into());
            assert!(!format!("{found:?}").contains(secret), "{}: {found:#?}", log.name);
        }
    }
}

proptest::proptest! {
    #[test]
    fn whatever_is_printed_is_read(lines in proptest::collection::vec(("[01]", "(runagent|agent@node|backup2|systemd|rclone-gateway)", "s[12]", "\\PC{0,80}"), 0..40)) {
        let lines: Vec<String> = lines.iter().map(|(uid, name, stream, line)| format!("{uid} {name} {stream} - {line}")).collect();
        let log = log_of(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let found = read(&log, &[(module("mail1"), None)].into());
        proptest::prop_assert!(found.modules.values().all(|reason| reason.lines.len() <= MAX_LINES));
    }
}
