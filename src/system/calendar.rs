//! Evaluates calendar expressions (systemd.time(7), "Calendar Events") as systemd itself does.
//!
//! NS8 hands a plan's `schedule` to systemd, so only systemd's own word counts: `systemd-analyze calendar`. It iterates
//! forward only. To look back, it is asked from times further and further before the reference, for all expressions
//! that lack elapses at once, until each has enough.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::schedule::Elapses;
use crate::system::process::{Command, RunError};

/// Number of past elapses that suffice.
const ENOUGH: usize = 3;
/// How far before the reference to start, and how many elapses to ask for from there.
const WINDOWS: [(SignedDuration, usize); 6] = [
    (SignedDuration::from_hours(1), 14),
    (SignedDuration::from_hours(26), 30),
    (SignedDuration::from_hours(8 * 24), 24),
    (SignedDuration::from_hours(32 * 24), 16),
    (SignedDuration::from_hours(370 * 24), 20),
    // Three leap days.
    (SignedDuration::from_hours(13 * 366 * 24), 20),
];
/// Elapses to ask for of one expression that elapses more often: every minute for an hour, every 15 minutes for a day.
const MORE: usize = 110;
/// Elapses to ask for of one that elapses more often still: every second for an hour.
const MANY: usize = 3700;
/// Longest expression that is evaluated, in bytes.
const MAX_EXPRESSION: usize = 1000;
/// Expressions that one child evaluates.
const AT_ONCE: usize = 200;
/// Bytes of output for each elapse: three lines of at most 80.
const PER_ELAPSE: usize = 240;
/// How long one child may run.
const LIMIT: Duration = Duration::from_secs(10);

/// Why the elapses of an expression are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// systemd cannot evaluate it.
    #[error("systemd does not accept this calendar expression")]
    Invalid,
    /// It elapses more often than can be looked back at.
    #[error("this calendar expression elapses too often")]
    TooOften,
    /// `systemd-analyze` gives no answer; why.
    #[error("systemd-analyze calendar: {0}")]
    Unavailable(String),
}

/// Returns, for each expression, its elapses around `reference`.
///
/// Expressions without a time zone count in `zone`, else in `TZ` of this process, else in the system's zone.
pub async fn elapses(
    expressions: &BTreeSet<String>,
    reference: Timestamp,
    zone: Option<&str>,
) -> BTreeMap<String, Result<Elapses, CalendarError>> {
    let mut found = BTreeMap::new();
    let expressions: Vec<&str> = expressions.iter().map(String::as_str).collect();
    for part in expressions.chunks(AT_ONCE) {
        look_back(part, reference, zone, &mut found).await;
    }
    found
}

async fn look_back(
    expressions: &[&str],
    reference: Timestamp,
    zone: Option<&str>,
    found: &mut BTreeMap<String, Result<Elapses, CalendarError>>,
) {
    let (mut open, refused): (Vec<&str>, Vec<&str>) = expressions.iter().partition(|text| is_askable(text));
    found.extend(refused.into_iter().map(|text| (text.into(), Err(CalendarError::Invalid))));
    for (back, count) in WINDOWS {
        let base = reference.checked_sub(back).unwrap_or(Timestamp::UNIX_EPOCH).max(Timestamp::UNIX_EPOCH);
        let question = Question { base, reference, zone };
        let mut still_open = Vec::new();
        for (text, answer) in open.iter().copied().zip(question.ask_far_enough(&open, count).await) {
            // The narrower window says less, but it is true.
            let known = found.get(text).is_some_and(|known| known.as_ref().is_ok_and(|known| known.last().is_some()));
            if known && answer.is_err() {
                continue;
            }
            if answer.as_ref().is_ok_and(|elapses| elapses.before.len() < ENOUGH) {
                still_open.push(text);
            }
            found.insert(text.into(), answer);
        }
        open = still_open;
        if open.is_empty() {
            return;
        }
    }
}

/// Whether systemd may be asked: it accepts no control characters, and nothing that long.
fn is_askable(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_EXPRESSION && !text.contains(char::is_control)
}

/// Sorts a series of at most `count` elapses by `reference`; `None` if it ends before it.
fn around(series: &[Timestamp], count: usize, reference: Timestamp) -> Option<Elapses> {
    let (mut before, after): (Vec<Timestamp>, Vec<Timestamp>) = series.iter().partition(|at| **at <= reference);
    before.reverse();
    let next = after.first().copied();
    (next.is_some() || series.len() < count).then_some(Elapses { before, next })
}

/// What `systemd-analyze` is asked.
struct Question<'a> {
    /// Where its iterations start.
    base: Timestamp,
    /// How far they have to come.
    reference: Timestamp,
    zone: Option<&'a str>,
}

impl Question<'_> {
    /// Asks for `count` elapses of each expression, and for more of those that elapse too often to reach the reference.
    async fn ask_far_enough(&self, expressions: &[&str], count: usize) -> Vec<Result<Elapses, CalendarError>> {
        let mut answers = self.ask(expressions, count).await;
        for place in 0..answers.len() {
            for more in [MORE, MANY] {
                if answers[place] == Err(CalendarError::TooOften) {
                    answers[place] = self.ask(&expressions[place..=place], more).await.swap_remove(0);
                }
            }
        }
        answers
    }

    /// Asks for `count` elapses of each expression; an answer for each.
    async fn ask(&self, expressions: &[&str], count: usize) -> Vec<Result<Elapses, CalendarError>> {
        let base = self.base.as_second();
        let options = ["calendar".into(), format!("--iterations={count}"), format!("--base-time=@{base}"), "--".into()];
        let zone = self.zone.map(String::from).or_else(|| std::env::var("TZ").ok()).filter(|zone| !zone.is_empty());
        let command = Command {
            program: "systemd-analyze".into(),
            args: options.into_iter().chain(expressions.iter().map(|text| (*text).into())).collect(),
            env: [("LC_ALL", Some("C.UTF-8".into())), ("TZ", zone)]
                .into_iter()
                .filter_map(|(name, value)| Some((name.into(), value?.into())))
                .collect(),
            timeout: LIMIT,
            max_output: expressions.len() * (count * PER_ELAPSE + 3 * MAX_EXPRESSION),
            ..Command::default()
        };
        let answers = match command.run().await {
            Err(RunError::TimedOut { after, .. }) => Err(format!("no answer within {} s", after.as_secs())),
            Err(error) => Err(error.to_string()),
            Ok(output) if output.truncated => Err("the answer is too long".into()),
            // It exits with 1 if one expression is invalid; the others are answered all the same.
            Ok(output) if !matches!(output.status.code(), Some(0 | 1)) => Err(output.status.to_string()),
            Ok(output) => parse(&String::from_utf8_lossy(&output.stdout), expressions),
        };
        let judge = |series: Vec<Timestamp>| around(&series, count, self.reference).ok_or(CalendarError::TooOften);
        match answers {
            Ok(answers) => answers.into_iter().map(|series| series.and_then(judge)).collect(),
            Err(why) => vec![Err(CalendarError::Unavailable(why)); expressions.len()],
        }
    }
}

/// Reads what `systemd-analyze calendar` prints for `expressions`: a block of lines for each, in order, an empty line
/// between two, and no line in the block of an invalid one.
///
/// # Errors
/// Returns an error in words if the output has not as many blocks as there are expressions.
fn parse(output: &str, expressions: &[&str]) -> Result<Vec<Result<Vec<Timestamp>, CalendarError>>, String> {
    let mut blocks: Vec<Vec<&str>> = vec![Vec::new()];
    for line in output.lines() {
        match line.is_empty() {
            true => blocks.push(Vec::new()),
            false => blocks.last_mut().expect("never empty").push(line),
        }
    }
    if blocks.len() != expressions.len() {
        return Err(format!("{} answers to {} expressions", blocks.len(), expressions.len()));
    }
    Ok(blocks.iter().zip(expressions).map(|(block, text)| series(block, text)).collect())
}

/// Reads the block of the expression `text`.
fn series(block: &[&str], text: &str) -> Result<Vec<Timestamp>, CalendarError> {
    let mut fields = block.iter().filter_map(|line| line.trim_start().split_once(": "));
    let garbled = || CalendarError::Unavailable("its answer is not understood".into());
    match fields.next() {
        None if block.is_empty() => return Err(CalendarError::Invalid),
        // The original form is left out if it is the normalized one.
        Some(("Original form" | "Normalized form", form)) if form == text => {}
        _ => return Err(garbled()),
    }
    let mut series = Vec::new();
    for (name, value) in fields {
        // The line in UTC is left out if the local time is UTC.
        match name {
            "(in UTC)" => drop(series.pop()),
            "Next elapse" if value == "never" => continue,
            // "Iter. #2" in systemd 252, "Iteration #2" in 257.
            name if name == "Next elapse" || name.starts_with("Iter") => {}
            _ => continue,
        }
        series.push(utc(value).ok_or_else(garbled)?);
    }
    Ok(series)
}

/// Reads `Tue 2026-11-24 01:00:00 UTC`, whatever its zone is called.
fn utc(text: &str) -> Option<Timestamp> {
    let mut words = text.split_whitespace().skip(1);
    format!("{}T{}Z", words.next()?, words.next()?).parse().ok()
}

#[cfg(test)]
mod tests;
