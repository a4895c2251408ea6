//! Writes the report: subject, plain text, JSON, page, and the digest that tells whether two reports say the same. Pure.
//!
//! ```text
//! facts ──► blocks ──► text, html
//!   └─────► json
//! ```
//!
//! `facts` is all that a report says, as values; `blocks` puts it into words and in order; `text` and `html` lay that
//! out. `words` holds every phrase in every language, `trend` compares a run with earlier ones, `figures` writes times,
//! sizes and numbers, `commands` offers what to type next, and [`clean`](crate::model::text::clean) makes text from
//! outside harmless.

mod blocks;
mod commands;
mod digest;
mod facts;
mod figures;
mod json;
mod mail;
mod subject;
mod text;
mod trend;
mod words;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use digest::digest;
use digest::sha256;
pub use facts::{Finding, Interim, News, PlanFacts, Report};
pub use json::json;
pub use mail::mail;
pub use subject::{outcome, subject};
pub use trend::expected;
pub(crate) use words::Words;

use crate::config::Language;

/// Returns the report as plain text: lines of at most 72 columns unless a command is longer, no `<` and no `>`.
pub fn text(report: &Report) -> String {
    text::render(&blocks::blocks(report, false))
}

/// Returns the report as plain text for a terminal: with the last runs at a glance.
pub fn terminal(report: &Report) -> String {
    text::render(&blocks::blocks(report, true))
}

/// Returns subject and text of the mail that `send-test` sends.
pub fn test_mail(language: Language, prefix: &str, host: &str, now: Timestamp, zone: &TimeZone) -> (String, String) {
    let subject = subject::prefixed(prefix, &Words(language).subject_test());
    (subject, text::render(&blocks::test_mail(language, host, now, zone)))
}

/// Returns a duration in English, as in a report: `3 d 4 h`.
pub(crate) fn duration(duration: Duration) -> String {
    figures::duration(Words(Language::En), duration)
}
