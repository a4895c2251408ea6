//! The commands that a mail offers, typed into a shell beside a journal as a node has it.

use std::process::Command;

use super::*;
use crate::support::journal::{Journals, Record, message, recorded_at, set};

/// The commands of a report's text that begin with this program.
fn commands(case: &Case, program: &str) -> Vec<String> {
    let text = case.report(Language::En, text);
    let commands = text.lines().filter_map(|line| line.trim().strip_prefix("$ "));
    commands.filter(|command| command.starts_with(program)).map(String::from).collect()
}

/// The recorded run, as if it had begun at `begin`.
fn run_at(name: &str, begin: &str) -> Vec<Record> {
    recorded_at(name, at(begin).as_second())
}

/// What a command of `journalctl` prints about these journals, in a shell in another time zone.
fn typed(command: &str, journals: &Journals) -> String {
    let folder = journals.folder().display();
    let output = Command::new("sh")
        .args(["-c", &format!("{command} --no-pager --output=cat --directory={folder}")])
        .env("TZ", "Asia/Tokyo")
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{command}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a module prints is in no unit that is named after the plan.
#[test]
fn the_command_shows_the_lines_of_the_module_and_of_this_run_only() {
    let (tonight, by_hand) = (run_at("dump-mysqldump", "2026-11-22T01:00:00Z"), "restic18-hand-wrong-password");
    let decisive = |records: &[Record], word: &str| {
        let line = records.iter().map(message).find(|line| line.contains(word));
        line.unwrap_or_else(|| panic!("{word} is in no line"))
    };
    let own = decisive(&tonight, "mysqldump: ");
    let last_night = run_at("restic14-wrong-password", "2026-11-21T01:00:00Z");
    let old = decisive(&last_night, "wrong password");
    let case = Case::new("commands").module("mail1", result(1)).missing(&[]).due("2026-11-22T01:00:00Z");
    let [command] = &commands(&case, "journalctl")[..] else { panic!("{}", case.words()) };
    let printed = typed(command, &Journals::of(&[tonight.clone(), last_night]));
    for line in [&own, "mail1: starting backup 2", "upload of cluster backup GPG file failed"] {
        assert!(printed.contains(line), "{line:?} is not in {printed}");
    }
    assert!(!printed.contains(&old), "{printed}");
    let unit = commands(&case, "systemctl status").remove(0).replace("systemctl status", "journalctl -u");
    assert!(!typed(&unit, &Journals::of(&[tonight])).contains(&own), "the unit would not have shown it");

    let by_hand = run_at(by_hand, "2026-11-22T01:30:00Z");
    let own = decisive(&by_hand, "wrong password");
    assert!(typed(command, &Journals::of(&[by_hand])).contains(&own));
}

/// NS8 gives the units of layout B their own names as identifiers (ns8-core 3.0, `configure-backup`).
#[test]
fn the_command_of_layout_b_shows_a_rootless_and_a_rootful_module() {
    let b = |errors| ModuleResult { layout: Layout::B, ..result(errors) };
    let case = Case::new("commands").module("mail1", b(1)).module("samba1", b(1)).missing(&[]);
    let mut records = run_at("dump-mysqldump", "2026-11-22T01:00:00Z");
    records.truncate(3);
    for (record, identifier) in records.iter_mut().zip(["backup2", "backup2-samba1", "backup22"]) {
        set(record, "SYSLOG_IDENTIFIER", identifier.as_bytes());
        set(record, "MESSAGE", format!("said by {identifier}").as_bytes());
    }
    let journals = Journals::of(&[records]);
    let printed: Vec<String> = commands(&case, "journalctl").iter().map(|command| typed(command, &journals)).collect();
    assert_eq!(printed, ["said by backup2\n", "said by backup2\nsaid by backup2-samba1\n"]);
}

/// On a node of NS8 there is no restic but NS8's own wrapper, whether the repositories were looked at or not.
#[test]
fn the_next_command_is_the_one_that_the_cause_asks_for() {
    for (cause, action) in [
        (Some(Cause::Locked), "unlock"),
        (Some(Cause::LockDamaged), "unlock --remove-all"),
        (Some(Cause::Damaged), "check"),
        (Some(Cause::DumpFailed), "snapshots"),
        (None, "snapshots"),
    ] {
        for layout in [Layout::B, Layout::C] {
            let case = Case::new("next").module("mail1", ModuleResult { layout, ..result(1) }).missing(&[]);
            let case = case.reason("mail1", cause, &["x"], Some(false)).with(|case| case.probes = Probes::Disabled);
            let expected = format!("runagent -m mail1 restic-wrapper --backup 2 {action}");
            assert_eq!(commands(&case, "runagent -m mail1 restic-wrapper"), [expected], "{cause:?} {layout:?}");
        }
    }
    let first = Case::new("first").missing(&["mail1"]).with(|case| case.plan.names_members = true);
    let first = first.reason("mail1", Some(Cause::Locked), &["x"], Some(false));
    assert_eq!(commands(&first, "runagent"), ["runagent -m mail1 restic-wrapper --backup 2 unlock"]);
}

#[test]
fn a_plan_without_modules_is_shown_rather_than_its_timers() {
    let none = Case::new("none").missing(&[]);
    assert_eq!(commands(&none, "api-cli"), ["api-cli run list-backups"]);
    assert_eq!(commands(&none, "systemctl"), [""; 0]);
    let never = Case::new("never");
    assert_eq!(commands(&never, "systemctl"), ["systemctl list-timers 'backup*'"]);
    assert_eq!(commands(&never, "api-cli"), [""; 0]);
}

#[test]
fn the_log_of_a_failed_cluster_backup_is_to_be_seen() {
    for alert in ["2026-11-22T02:14:00Z", "2026-11-22T01:40:00Z"] {
        let case = Case::new("log").module("mail1", result(0)).missing(&[]).alert_at(alert).with(|case| {
            case.reasons.get_or_insert_default().cluster_backup = vec!["[ERROR] cluster-backup failed".into()];
        });
        assert_eq!(commands(&case, "journalctl").len(), 1, "{}", case.words());
        assert!(case.words().contains("See the run and its log, on the leader: $ systemctl status backup2.service"));
    }
}
