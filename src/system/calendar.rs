//! Evaluates calendar expressions (systemd.time(7), "Calendar Events") as systemd itself does.
//!
//! NS8 hands a plan's `schedule` to systemd, so only systemd's own word counts: `systemd-analyze calendar`. It iterates
//! forward only. To look back, it is asked from times further and further before the reference, for all expressions
//! that lack elapses at once, until each has enough.
//!
//! systemd 252 to 257 fail at some expressions, such as `02/12:00`, where their next elapse would be in the hour that
//! summer time skips ("Infinite loop in calendar calculation"). What comes before and after is asked for apart.

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
/// What elapses so soon after the start does not count: in autumn, the start may be in an hour that a timer skips, as
/// it has elapsed in it already.
const REPEATED: SignedDuration = SignedDuration::from_hours(1);
/// Elapses to ask for of one expression that elapses more often: every 15 minutes for a day.
const MORE: usize = 110;
/// Elapses to ask for of one that elapses more often still: every second for two hours.
const MANY: usize = 7300;
/// Longest expression that is evaluated, in bytes.
const MAX_EXPRESSION: usize = 1000;
/// Expressions that one child evaluates.
const AT_ONCE: usize = 200;
/// Bytes of output for each elapse: three lines of at most 80.
const PER_ELAPSE: usize = 240;
/// How closely the end of a gap is looked for, in seconds.
const MINUTE: i64 = 60;
/// How long one child may run.
const LIMIT: Duration = Duration::from_secs(10);

/// Why the elapses of an expression are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// systemd cannot read it.
    #[error("systemd does not accept this calendar expression")]
    Invalid,
    /// systemd can read it, and fails at one of the elapses that were asked for.
    #[error("systemd cannot compute when this calendar expression elapses")]
    Stuck,
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
        let base = reference.checked_sub(back + REPEATED).unwrap_or_default().max(Timestamp::UNIX_EPOCH);
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

/// What `systemd-analyze` is asked.
#[derive(Clone, Copy)]
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
        let mut answers = Vec::new();
        for (text, series) in expressions.iter().zip(self.ask(expressions, count).await) {
            let mut answer = self.judge(text, series, count).await;
            for more in [MORE, MANY] {
                if answer == Err(CalendarError::TooOften) {
                    answer = self.judge(text, self.series(text, more).await, more).await;
                }
            }
            answers.push(answer);
        }
        answers
    }

    /// Sorts a series of at most `count` elapses of `text` by the reference.
    ///
    /// # Errors
    /// Returns an error if it ends before the reference.
    async fn judge(
        &self,
        text: &str,
        series: Result<Vec<Timestamp>, CalendarError>,
        count: usize,
    ) -> Result<Elapses, CalendarError> {
        match series {
            Err(CalendarError::Stuck) => self.around_gap(text, count).await,
            Ok(series) if series.len() == count && series.last() <= Some(&self.reference) => {
                Err(CalendarError::TooOften)
            }
            series => Ok(self.sort(&series?)),
        }
    }

    /// Sorts a series of elapses by the reference.
    fn sort(&self, series: &[Timestamp]) -> Elapses {
        let since = self.base.saturating_add(REPEATED).unwrap_or(self.base);
        let is_past = |at: &Timestamp| *at > since && *at <= self.reference;
        let before = series.iter().rev().copied().filter(is_past).collect();
        Elapses { before, next: series.iter().copied().find(|at| *at > self.reference) }
    }

    /// Asks for at most `count` elapses of an expression that systemd cannot compute in one go. Without one after the
    /// reference, systemd's own timer has none either.
    async fn around_gap(&self, text: &str, count: usize) -> Result<Elapses, CalendarError> {
        let mut series = self.up_to_gap(text, count).await?;
        if series.last() > Some(&self.reference) {
            return Ok(self.sort(&series));
        }
        let from = |second: i64| Question { base: Timestamp::from_second(second).unwrap_or(self.base), ..*self };
        // From the last elapse on, it fails up to some time, such as the midnight before the skipped hour.
        let mut fails = series.last().unwrap_or(&self.base).as_second();
        let mut works = self.reference.as_second();
        let next = match from(works).series(text, 1).await {
            Err(CalendarError::Stuck) => return Ok(self.sort(&series)),
            next => next?,
        };
        while works - fails > MINUTE {
            let middle = fails.midpoint(works);
            match from(middle).series(text, 1).await {
                Err(CalendarError::Stuck) => fails = middle,
                _ => works = middle,
            }
        }
        let later = match from(works).series(text, count).await {
            Err(CalendarError::Stuck) => from(works).up_to_gap(text, count).await?,
            later => later?,
        };
        let is_far_enough = next.iter().all(|next| later.contains(next));
        let why = if later.len() == count { CalendarError::TooOften } else { CalendarError::Stuck };
        series.extend(later);
        is_far_enough.then(|| self.sort(&series)).ok_or(why)
    }

    /// Asks for as many elapses of an expression as systemd can compute: fewer than `count`.
    async fn up_to_gap(&self, text: &str, count: usize) -> Result<Vec<Timestamp>, CalendarError> {
        let (mut series, mut works, mut fails) = (Vec::new(), 0, count);
        while fails - works > 1 {
            let wanted = works.midpoint(fails);
            match self.series(text, wanted).await {
                Ok(found) => (series, works) = (found, wanted),
                Err(CalendarError::Stuck) => fails = wanted,
                Err(error) => return Err(error),
            }
        }
        Ok(series)
    }

    /// Asks for `count` elapses of one expression.
    async fn series(&self, text: &str, count: usize) -> Result<Vec<Timestamp>, CalendarError> {
        self.ask(&[text], count).await.swap_remove(0)
    }

    /// Asks for `count` elapses of each expression; an answer for each.
    async fn ask(&self, expressions: &[&str], count: usize) -> Vec<Result<Vec<Timestamp>, CalendarError>> {
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
            // It exits with 1 if it has no answer to one expression; the others are answered all the same.
            Ok(output) if !matches!(output.status.code(), Some(0 | 1)) => Err(output.status.to_string()),
            Ok(output) => parse(&String::from_utf8_lossy(&output.stdout), &output.stderr, expressions),
        };
        answers.unwrap_or_else(|why| vec![Err(CalendarError::Unavailable(why)); expressions.len()])
    }
}

/// Reads what `systemd-analyze calendar` prints for `expressions`: a block of lines for each, in order, an empty line
/// between two, and no line in the block of one that it cannot read or compute. Its `errors` say which of both.
///
/// # Errors
/// Returns an error in words if the output has not as many blocks as there are expressions.
fn parse(
    output: &str,
    errors: &str,
    expressions: &[&str],
) -> Result<Vec<Result<Vec<Timestamp>, CalendarError>>, String> {
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
    let answer = |(block, text): (&Vec<&str>, &&str)| match block.is_empty() {
        true => Err(fault(errors, text)),
        false => series(block, text),
    };
    Ok(blocks.iter().zip(expressions).map(answer).collect())
}

/// Why there is no answer for the expression `text`.
fn fault(errors: &str, text: &str) -> CalendarError {
    let names_it = |line: &&str| line.split_once('\'').is_some_and(|(_, rest)| rest.starts_with(&format!("{text}': ")));
    match errors.lines().find(names_it) {
        Some(line) if line.starts_with("Failed to parse") => CalendarError::Invalid,
        Some(_) => CalendarError::Stuck,
        None => CalendarError::Unavailable("it does not say why".into()),
    }
}

/// Reads the block of the expression `text`.
fn series(block: &[&str], text: &str) -> Result<Vec<Timestamp>, CalendarError> {
    let mut fields = block.iter().filter_map(|line| line.trim_start().split_once(": "));
    let garbled = || CalendarError::Unavailable("its answer is not understood".into());
    match fields.next() {
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
