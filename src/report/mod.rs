//! Writes the report: subject, plain text, JSON, and the digest that tells whether two reports say the same. Pure.
//!
//! `text` says what comes in which order, `modules` and `repositories` are its longest parts; `words` holds every
//! phrase in every language, `figures` writes times, sizes and numbers, `commands` offers what to type next, `page`
//! breaks lines, and `clean` makes text from outside harmless.

mod commands;
mod digest;
mod figures;
mod json;
mod mail;
mod modules;
mod page;
mod repositories;
mod subject;
mod text;
mod words;
mod writer;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use digest::digest;
use digest::sha256;
pub use json::json;
pub use mail::mail;
pub use subject::{outcome, subject};
pub use text::{test_mail, text};

use crate::config::{Language, RedisAddress};
use crate::model::alert::Alert;
use crate::model::cluster::ReadError;
use crate::model::plan::{Plan, PlanId};
use crate::model::repository::Probes;
use crate::model::run::Assessment;

/// All that a report tells.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    /// What it is about.
    pub finding: Finding<'a>,
    /// The plan that the alert, or the command, names.
    pub asked_for: Option<&'a PlanId>,
    /// The cluster's name, where known.
    pub cluster: Option<&'a str>,
    /// The alerts behind it; empty for `report` on the command line.
    pub alerts: &'a [Alert],
    /// Further alerts that were counted but not kept.
    pub alerts_left_out: u64,
    /// The job; `None` for `report` on the command line.
    pub job_id: Option<&'a str>,
    /// Where the cluster's Redis is, for commands that read it.
    pub redis: &'a RedisAddress,
    /// This machine's name.
    pub host: &'a str,
    /// The time of writing.
    pub now: Timestamp,
    /// The time zone in which times are shown: this machine's.
    pub zone: TimeZone,
    /// The reader's language.
    pub language: Language,
}

impl Report<'_> {
    /// The plan it is about.
    pub fn plan_id(&self) -> Option<&PlanId> {
        match &self.finding {
            Finding::Plan { plan, .. } => Some(&plan.id),
            Finding::NothingRecent(_) | Finding::Unreadable(_) => self.asked_for,
        }
    }
}

/// What a report is about.
#[derive(Debug, Clone)]
pub enum Finding<'a> {
    /// One plan's run.
    Plan {
        /// What the cluster says.
        plan: &'a Plan,
        /// What it means.
        assessment: &'a Assessment,
        /// What a look at the repositories has shown.
        probes: &'a Probes,
        /// Members were still without a result when this long had passed since the alert: the wait's cap.
        gave_up_waiting_after: Option<Duration>,
    },
    /// The alert names no plan, and none has a result within this window.
    NothingRecent(Duration),
    /// The cluster could not be read, and why.
    Unreadable(ReadError),
}

/// A duration in English, as in a report: `3 d 4 h`.
pub(crate) fn duration(duration: Duration) -> String {
    figures::duration(words::Words(Language::En), duration)
}
