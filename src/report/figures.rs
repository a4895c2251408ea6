//! Times, durations, sizes and numbers, as people of the reader's language write them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::words::Words;
use crate::model::history::LastGood;
use crate::model::time::{age, is_ahead};

/// Longest name and longest sentence from outside, in bytes. With the bounds on lists they keep a mail under 200 KB.
pub(crate) const MAX_NAME: usize = 80;
pub(crate) const MAX_SENTENCE: usize = 500;

/// `2026-11-22 02:12`, where the page gives the offset elsewhere.
pub(crate) fn time(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// `2026-11-22 02:15 +01:00`.
pub(crate) fn time_with_offset(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M %:z").to_string()
}

/// When something began and ended: `2026-11-22 01:00` and `02:12`, the latter with its date where that is another. Both
/// have their offset if the clocks were changed in between.
pub(crate) fn period(start: Timestamp, end: Timestamp, zone: &TimeZone) -> [String; 2] {
    let [began, ended] = [start, end].map(|time| time.to_zoned_datetime(zone.clone()));
    if began.offset() != ended.offset() {
        return [start, end].map(|time| time_with_offset(time, zone));
    }
    let until = if began.date() == ended.date() { ended.strftime("%H:%M").to_string() } else { time(end, zone) };
    [time(start, zone), until]
}

/// `45 s`, `12 min`, `1 h 12 min`, `3 d 4 h`: the two largest units that are not 0.
pub(crate) fn duration(words: Words, duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (unit, largest) = largest_unit(words, seconds);
    let (next_unit, next) = largest_unit(words, seconds % unit);
    // "3 d 5 s" says less than it seems to: the second unit follows the first.
    let follows = next_unit < unit && seconds % unit >= next_unit && unit <= 60 * next_unit;
    if follows { format!("{largest} {next}") } else { largest }
}

/// `5 d ago`: how long before `now`, in the largest unit; `in the future` if one of two clocks is wrong.
pub(crate) fn ago(words: Words, now: Timestamp, then: Timestamp) -> String {
    match is_ahead(then, now) {
        true => words.in_the_future(),
        false => words.ago(&largest_unit(words, age(then, now).as_secs()).1),
    }
}

/// Returns the age of a module's last good backup at `now`, and whether its run had errors.
pub(crate) fn age_of(words: Words, now: Timestamp, good: &LastGood) -> String {
    let errors = if good.with_errors { words.run_with_errors() } else { String::new() };
    ago(words, now, good.at) + &errors
}

/// The largest unit that fits, in seconds, and how often it does, in words.
fn largest_unit(words: Words, seconds: u64) -> (u64, String) {
    let units = [(86_400, words.days()), (3600, "h".into()), (60, "min".into()), (1, "s".into())];
    let (unit, name) = units.into_iter().find(|(unit, _)| seconds >= *unit).unwrap_or((1, "s".into()));
    (unit, format!("{} {name}", number(words, seconds / unit)))
}

/// `12.4 GiB`.
pub(crate) fn size(words: Words, bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let Some(unit) = (1..=units.len()).rev().find(|unit| bytes >= 1 << (10 * unit)) else {
        return format!("{bytes} B");
    };
    // Tenths are cut off rather than rounded up: 1023.99 KiB is not a MiB.
    let tenths = (u128::from(bytes) * 10) >> (10 * unit);
    format!("{}{}{} {}", tenths / 10, words.decimal_point(), tenths % 10, units[unit - 1])
}

/// A number of runs in a row, of which more may have been than are on record.
pub(crate) fn runs(words: Words, runs: usize, or_more: bool) -> String {
    let runs = number(words, runs as u64);
    if or_more { words.or_more(&runs) } else { runs }
}

/// `120,345`.
pub(crate) fn number(words: Words, number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            grouped.push_str(&words.thousands());
        }
        grouped.push(digit);
    }
    grouped
}

/// Sizes as bars, a character each; the highest of `levels` is the largest size. A size that is not known has none.
pub(crate) fn bars(sizes: &[Option<u64>], levels: &[char]) -> String {
    let largest = sizes.iter().flatten().max().copied().unwrap_or(0).max(1);
    let level = |size: u64| (u128::from(size) * (levels.len() - 1) as u128 / u128::from(largest)) as usize;
    sizes.iter().map(|size| size.map_or(' ', |size| levels[level(size)])).collect()
}

/// A sentence that others may follow: without the full stop at its end.
pub(crate) fn without_full_stop(sentence: &str) -> &str {
    sentence.trim_end_matches(['.', '\n', ' '])
}

/// The facts that are known, in a row.
pub(crate) fn join<const N: usize>(facts: [Option<String>; N]) -> String {
    facts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Language::{En, It};

    #[test]
    fn durations_have_their_two_largest_units() {
        let text = |seconds| duration(Words(En), Duration::from_secs(seconds));
        let texts = [0, 59, 60, 61, 3600, 3659, 4320, 86_400, 273_600].map(text);
        assert_eq!(texts, ["0 s", "59 s", "1 min", "1 min 1 s", "1 h", "1 h", "1 h 12 min", "1 d", "3 d 4 h"]);
    }

    #[test]
    fn an_age_has_its_largest_unit_and_is_never_negative() {
        let now: Timestamp = "2026-11-24T02:14:00Z".parse().unwrap();
        let age = |then: &str| ago(Words(En), now, then.parse().unwrap());
        let ages =
            ["2026-11-19T01:14:00Z", "2026-11-24T00:00:00Z", "2026-11-24T02:18:00Z", "2026-11-25T00:00:00Z"].map(age);
        assert_eq!(ages, ["5 d ago", "2 h ago", "0 s ago", "in the future"]);
    }

    #[test]
    fn an_end_has_its_date_only_where_that_is_another_in_the_readers_zone() {
        let end = |start: &str, hours| {
            let zone = TimeZone::fixed(jiff::tz::offset(hours));
            let [_, end] = period(start.parse().unwrap(), "2026-11-22T02:12:10Z".parse().unwrap(), &zone);
            end
        };
        assert_eq!(end("2026-11-22T01:00:00Z", 0), "02:12");
        assert_eq!(end("2026-11-21T23:30:00Z", 0), "2026-11-22 02:12");
        assert_eq!(end("2026-11-21T23:30:00Z", 1), "03:12");
    }

    #[test]
    fn a_period_in_which_the_clocks_change_has_offsets() {
        let zone = TimeZone::get("Europe/Rome").unwrap();
        let period = |start: &str, end: &str| period(start.parse().unwrap(), end.parse().unwrap(), &zone);
        // From 02:50 to 02:10, it seems.
        let autumn = period("2026-10-25T00:50:00Z", "2026-10-25T01:10:00Z");
        assert_eq!(autumn, ["2026-10-25 02:50 +02:00", "2026-10-25 02:10 +01:00"]);
        assert_eq!(period("2026-10-25T01:10:00Z", "2026-10-25T01:20:00Z"), ["2026-10-25 02:10", "02:20"]);
    }

    #[test]
    fn sizes_are_never_rounded_up() {
        let texts = [0, 1023, 1024, 1_048_575, 13_314_398_617, u64::MAX].map(|bytes| size(Words(En), bytes));
        assert_eq!(texts, ["0 B", "1023 B", "1.0 KiB", "1023.9 KiB", "12.3 GiB", "15.9 EiB"]);
    }

    #[test]
    fn numbers_are_grouped_as_the_reader_does() {
        assert_eq!([0, 999, 1000, 120_345].map(|n| number(Words(En), n)), ["0", "999", "1,000", "120,345"]);
        assert_eq!((number(Words(It), 1_234_567), size(Words(It), 1536)), ("1.234.567".into(), "1,5 KiB".into()));
    }
}
