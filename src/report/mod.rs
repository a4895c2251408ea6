//! Writes the report: subject, plain text, JSON, page, and the digest that identifies equal reports.
//! Pure.
//!
//! ```text
//! facts ──► blocks ──► text, html
//!   └─────► json
//! ```
//!
//! `facts` is all that a report says, as values; `blocks` puts it into words and in order; `text` and `html` lay that
//! out. `words` holds every phrase in every language, `trend` compares a run with earlier ones, `figures` writes times,
//! sizes and numbers, `commands` offers what to type next, `model::text::clean` makes text from outside
//! harmless, and `isolate` sets apart what is written from right to left.

pub(crate) mod blocks;
mod commands;
mod digest;
mod facts;
pub(crate) mod figures;
pub(crate) mod html;
mod isolate;
mod json;
mod mail;
mod subject;
pub(crate) mod text;
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
use crate::model::history::History;

/// Returns the report as plain text: lines of at most 72 columns unless a command is longer, no `<` and no `>`.
pub fn text(report: &Report) -> String {
    text::render(&blocks::blocks(report, false))
}

/// Returns the report as plain text for a terminal: with the last runs at a glance.
pub fn terminal(report: &Report) -> String {
    text::render(&blocks::blocks(report, true))
}

/// Returns reports as one page for a browser: a single file with no script and nothing to load.
pub fn html(reports: &[Report], language: Language) -> String {
    let title = match reports {
        [report] => subject(report, ""),
        _ => Words(language).page_title(),
    };
    let parts: Vec<_> = reports.iter().map(|report| blocks::blocks(report, true)).collect();
    html::page(language, &title, &parts)
}

/// Returns the last runs of plans as one page for a browser.
pub fn history_html(histories: &[History], language: Language, now: Timestamp, zone: &TimeZone) -> String {
    let parts: Vec<_> = histories.iter().map(|history| blocks::of_plan(history, language, now, zone)).collect();
    html::page(language, &Words(language).page_title(), &parts)
}

/// Returns the report as the HTML part of a mail, with inline styles only.
pub fn html_mail(report: &Report) -> String {
    html::mail(report.language, &subject(report, ""), blocks::blocks(report, true))
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
