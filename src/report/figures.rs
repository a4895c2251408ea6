//! Times, durations, sizes and numbers, as people of the reader's language write them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::words::Words;
use crate::config::Language;

/// `2026-11-22 02:15:07 +01:00`.
pub(super) fn time(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// `45 s`, `12 min`, `1 h 12 min`, `3 d 4 h`: the two largest units that are not 0.
pub(super) fn duration(words: Words, duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, words.days()), (3600, "h".into()), (60, "min".into()), (1, "s".into())];
    let largest = units.iter().position(|(unit, _)| seconds >= *unit).unwrap_or(units.len() - 1);
    let part = |(unit, name): &(u64, String), of: u64| format!("{} {name}", number(words, of / unit));
    let (unit, next) = (&units[largest], units.get(largest + 1));
    let rest = seconds % unit.0;
    match next.filter(|next| rest >= next.0) {
        Some(next) => format!("{} {}", part(unit, seconds), part(next, rest)),
        None => part(unit, seconds),
    }
}

/// `12.4 GiB`.
pub(super) fn size(words: Words, bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let Some(unit) = (1..=units.len()).rev().find(|unit| bytes >= 1 << (10 * unit)) else {
        return format!("{bytes} B");
    };
    // Tenths are cut off rather than rounded up: 1023.99 KiB is not a MiB.
    let tenths = (u128::from(bytes) * 10) >> (10 * unit);
    let point = if words.0 == Language::It { ',' } else { '.' };
    format!("{}{point}{} {}", tenths / 10, tenths % 10, units[unit - 1])
}

/// `120,345`.
pub(super) fn number(words: Words, number: u64) -> String {
    let separator = if words.0 == Language::It { '.' } else { ',' };
    let digits = number.to_string();
    let mut grouped = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            grouped.push(separator);
        }
        grouped.push(digit);
    }
    grouped
}
