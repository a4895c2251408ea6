//! The subject: outcome word and counts, on one line.

use super::words::Words;
use super::{Finding, Report, figures};
use crate::model::plan::Plan;
use crate::model::run::{Assessment, Outcome};
use crate::model::text::clean;

/// Longest plan id and prefix in a subject, in bytes.
const MAX_TEXT: usize = 100;

/// Returns the report's outcome.
pub fn outcome(report: &Report) -> Outcome {
    match &report.finding {
        Finding::Plan { assessment, .. } => assessment.outcome,
        Finding::NothingRecent(_) => Outcome::RepoFailure,
        Finding::Unreadable(_) => Outcome::Unknown,
    }
}

/// The subject, a single line; no space before it where `prefix` is empty.
pub fn subject(report: &Report, prefix: &str) -> String {
    let words = Words(report.language);
    let reason = match &report.finding {
        Finding::Plan { plan, assessment, .. } => plan_reason(words, plan, assessment),
        Finding::NothingRecent(window) => words.subject_nothing_recent(&figures::duration(words, *window)),
        Finding::Unreadable(_) => words.subject_unreadable(),
    };
    prefixed(prefix, &format!("{} - {reason}", outcome(report).word()))
}

/// `text` after the prefix.
pub(super) fn prefixed(prefix: &str, text: &str) -> String {
    format!("{} {text}", clean(prefix, MAX_TEXT)).trim_start().into()
}

/// What follows the outcome word: the founding document's table, widened by modules without a result.
fn plan_reason(words: Words, plan: &Plan, assessment: &Assessment) -> String {
    let counts = &assessment.counts;
    let (total, absent) = (counts.total(), counts.absent());
    match (assessment.outcome, counts.error, absent) {
        (Outcome::Success, ..) => words.subject_success(total),
        (Outcome::Partial, 0, _) => words.subject_absent(absent, total),
        (Outcome::Partial, errors, 0) => words.subject_failed(errors, total),
        (Outcome::Partial, errors, _) => words.subject_failed_and_absent(errors, total, absent),
        (Outcome::RepoFailure, 0, 0) => nothing_found(words, plan),
        (Outcome::RepoFailure, 0, _) => words.subject_none_ran(total),
        _ => words.subject_all_failed(total),
    }
}

/// Why a plan has no modules to report.
pub(super) enum Nothing {
    /// What is there could not be read.
    Readable,
    /// The plan has no members.
    Members,
    /// The plan is defined, and whether it has members is not known.
    Results,
    /// The plan is not defined. That says little: layout A defines none.
    Known,
}

/// Why `plan` has no modules to report.
pub(super) fn nothing(plan: &Plan) -> Nothing {
    match plan {
        plan if !plan.damaged.is_empty() => Nothing::Readable,
        plan if !plan.defined => Nothing::Known,
        plan if plan.members.is_none() => Nothing::Results,
        _ => Nothing::Members,
    }
}

fn nothing_found(words: Words, plan: &Plan) -> String {
    let id = clean(plan.id.as_str(), MAX_TEXT);
    match nothing(plan) {
        Nothing::Readable => words.subject_nothing_readable(&id),
        Nothing::Members => words.subject_no_modules(&id),
        _ if plan.status.is_some() => words.subject_no_module_status(&id),
        Nothing::Results | Nothing::Known => words.subject_nothing_found(&id),
    }
}
