//! The elapses of a schedule for the whole time, from systemd itself.

use std::process::Command;

use jiff::Timestamp;
use ns8_backup_monitor::model::schedule::Elapses;

/// The zone of the nodes: one with summer time.
pub const ZONE: &str = "Europe/Rome";

/// Returns all elapses of `expression` between two times, in Unix seconds.
pub fn elapses(expression: &str, from: i64, until: i64) -> Vec<i64> {
    let output = Command::new("systemd-analyze")
        .args(["calendar", "--iterations=9500", &format!("--base-time=@{from}"), "--", expression])
        .env("TZ", ZONE)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("systemd-analyze");
    let text = String::from_utf8(output.stdout).unwrap();
    let in_utc = text.lines().filter_map(|line| line.trim_start().strip_prefix("(in UTC): "));
    let parse = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let time = format!("{}T{}Z", words.next().unwrap(), words.next().unwrap());
        time.parse::<Timestamp>().unwrap().as_second()
    };
    let found: Vec<i64> = in_utc.map(parse).take_while(|time| *time < until).collect();
    assert!(!found.is_empty(), "{expression}: {text}");
    found
}

/// Returns what `system::calendar` returns at `now`: at least three elapses of the narrowest of its windows.
pub fn around(all: &[i64], now: i64) -> Elapses {
    let at = |time: &i64| Timestamp::from_second(*time).unwrap();
    let next = all.partition_point(|time| *time <= now);
    let windows = [1, 26, 8 * 24, 32 * 24, 370 * 24].map(|hours| now - hours * 3600);
    let in_window = |from: i64| &all[all[..next].partition_point(|time| *time < from)..next];
    let window = windows.iter().map(|from| in_window(*from)).find(|window| window.len() >= 3);
    let before = window.unwrap_or(&all[..next]).iter().rev().map(at).collect();
    Elapses { before, next: all.get(next).map(at) }
}
