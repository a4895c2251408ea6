//! What is shipped beside the program is right: the example configuration, its manual page, the README's example, the
//! packages' version.

use std::process::Command;

use ns8_backup_monitor::config::{Problem, Settings, parse};

#[path = "../../packaging/completions.rs"]
mod completions;

const EXAMPLE: &str = include_str!("../../config/config.yml.example");
const MANUAL: &str = include_str!("../../packaging/ns8-backup-monitor.yml.5");
const README: &str = include_str!("../../README.md");
const SPEC: &str = include_str!("../../packaging/ns8-backup-monitor.spec");
const SECTIONS: [&str; 10] = [
    "receiver",
    "correlator",
    "repo_check",
    "notification",
    "notification.smtp",
    "redis",
    "logging",
    "watch",
    "digest",
    "plans.ID",
];

fn settings(text: &str) -> Settings {
    parse(text).unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"))
}

/// The example with the lines taken in that begin with one of `marks` and then a key.
fn taken_in(marks: &[&str]) -> String {
    let line = |line: &str| {
        let indent = &line[..line.len() - line.trim_start().len()];
        let uncommented = marks.iter().filter_map(|mark| line.trim_start().strip_prefix(mark)).find(|rest| {
            rest.split_once(": ")
                .is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
        });
        uncommented.map_or(line.to_owned(), |rest| format!("{indent}{rest}")) + "\n"
    };
    EXAMPLE.replace("mail_to: # ", "mail_to: ").lines().map(line).collect()
}

/// All keys there are, as `section.key`: the program names them itself when it is given one that is not.
fn keys() -> Vec<String> {
    let known = |section: &str| {
        let text = match section.split_once('.') {
            Some((outer, inner)) => format!("{outer}:\n  {inner}:\n    qqqq: 1\n"),
            None => format!("{section}:\n  qqqq: 1\n"),
        };
        let problems = parse(&text).unwrap_err();
        let unknown = problems.into_iter().find(|problem| problem.key.ends_with("qqqq")).expect("must be refused");
        let names = unknown.message.split_once("valid keys: ").expect(&unknown.message).1.to_owned();
        names.split(", ").map(|key| format!("{section}.{key}")).collect::<Vec<_>>()
    };
    let keys: Vec<String> = SECTIONS.iter().flat_map(|section| known(section)).collect();
    keys.into_iter().filter(|key| !SECTIONS.contains(&key.as_str())).collect()
}

#[test]
fn only_the_recipients_are_missing_in_the_shipped_configuration() {
    let problems = parse(EXAMPLE).unwrap_err();
    assert!(matches!(&problems[..], [Problem { key, .. }] if key == "notification.mail_to"), "{problems:#?}");
}

#[test]
fn the_example_states_each_default() {
    let stated = taken_in(&["#"]);
    assert!(stated.contains("\n  idle_timeout: 60\n") && stated.contains("\n    port: 587\n"), "{stated}");
    let recipients = "notification:\n  mail_to: [admin@example.com, ops@example.com]\n";
    assert_eq!(settings(&stated), settings(recipients));
}

#[test]
fn the_examples_of_the_example_are_right_and_none_is_missing() {
    let text = taken_in(&["#", "# "]);
    settings(&text);
    for key in keys() {
        let name = key.rsplit('.').next().unwrap();
        assert!(text.contains(&format!(" {name}: ")), "{key} is not in config.yml.example");
    }
}

#[test]
fn the_manual_explains_each_key() {
    for key in keys() {
        assert!(MANUAL.contains(&format!("\n.B {key}\n")), "{key} is not in ns8-backup-monitor.yml.5");
    }
}

#[test]
fn the_readme_shows_what_alertmanager_config_prints() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ns8-backup-monitor"));
    let printed = command.args(["--config", "/nonexistent", "alertmanager-config"]).output().unwrap().stdout;
    let printed = String::from_utf8(printed).unwrap();
    assert!(README.contains(&format!("```yaml\n{printed}```\n")), "{printed}");
}

#[test]
fn the_readme_shows_a_mail_as_it_is_written() {
    let subject = include_str!("../golden/failed_for_days/subject").lines().next().unwrap();
    // Its last lines name the version.
    let body = include_str!("../golden/failed_for_days/en.txt").trim_end().rsplit_once("\n\n").unwrap().0;
    assert!(README.contains(&format!("```\nSubject: {subject}\n\n{body}\n```\n")), "{subject}\n\n{body}");
}

#[test]
fn the_package_has_the_programs_version() {
    let version = SPEC.lines().find_map(|line| line.strip_prefix("Version:")).expect("the spec has a version");
    assert_eq!(version.trim(), env!("CARGO_PKG_VERSION"));
}

#[test]
fn what_a_target_lacks_is_said_before_anything_is_built() {
    for target in ["build", "demo", "year", "install", "rpm", "srpm", "deb", "repo"] {
        let dry = Command::new("make").args(["-n", "--no-print-directory", target]).output().unwrap();
        let commands = String::from_utf8(dry.stdout).unwrap();
        assert!(commands.starts_with("tests/need "), "{target}:\n{commands}");
    }
}

#[test]
fn only_units_that_ask_the_gateway_get_its_login() {
    let login = "\nLoadCredential=agent.env:";
    assert!(include_str!("../../systemd/ns8-backup-monitor.service").contains(login));
    assert!(include_str!("../../systemd/ns8-backup-monitor-watch.service").contains(login));
    assert!(!include_str!("../../systemd/ns8-backup-monitor-digest.service").contains(login));
}

#[test]
fn bash_completes_each_command() {
    let folder = tempfile::tempdir().unwrap();
    completions::write(folder.path()).unwrap();
    // What bash does when the tabulator key is pressed after `line`.
    let script = r#"
        . "$1/ns8-backup-monitor.bash"
        COMP_WORDS=($2 "$3") COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        set -- $(complete -p ns8-backup-monitor)
        while [ "$1" != -F ]; do shift; done
        "$2" ns8-backup-monitor "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        echo "${COMPREPLY[*]}""#;
    let completed = |line: &str, begun: &str| {
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", script, "bash"]).arg(folder.path()).args([line, begun]);
        String::from_utf8(bash.output().unwrap().stdout).unwrap().trim_end().to_owned()
    };
    assert_eq!(completed("ns8-backup-monitor", "al"), "alertmanager-config");
    assert_eq!(completed("ns8-backup-monitor queue", "re"), "retry");
    assert_eq!(completed("ns8-backup-monitor help queue", "dr"), "drop");
    assert_eq!(completed("ns8-backup-monitor report", "--"), "--json --html --send --no-probe --config --help");
    assert_eq!(completed("ns8-backup-monitor alertmanager-config", "--p"), "--patch");
    assert_eq!(completed("ns8-backup-monitor send-test", "--c"), "--config");
    assert_eq!(completed("ns8-backup-monitor --config x queue retry", "--h"), "--help");
}
