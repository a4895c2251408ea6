//! The outcome and the subject: outcome word and counts, on one line.

use super::words::Words;
use super::{Finding, News, PlanFacts, Report, figures};
use crate::model::history::History;
use crate::model::plan::Plan;
use crate::model::run::{Contradiction, Outcome};
use crate::model::text::clean;

/// Longest plan id and prefix in a subject, in bytes.
const MAX_TEXT: usize = 100;

/// Returns the report's outcome.
pub fn outcome(report: &Report) -> Outcome {
    match &report.finding {
        Finding::Plan(facts) => plan_outcome(facts),
        Finding::NothingRecent(_) if report.reads_again() => Outcome::Recovered,
        Finding::NothingRecent(_) => Outcome::RepoFailure,
        Finding::Unreadable(_) => Outcome::Unknown,
    }
}

fn plan_outcome(facts: &PlanFacts) -> Outcome {
    let counts = &facts.assessment.counts;
    match facts.news {
        // What cannot be read may be a result of this run.
        Some(News::Missed { .. }) if counts.success + counts.error == 0 && !facts.plan.has_unreadable_results() => {
            Outcome::Missed
        }
        Some(News::Recovered { .. }) if facts.assessment.outcome == Outcome::Success => Outcome::Recovered,
        _ => facts.assessment.outcome,
    }
}

/// Returns the subject, a single line; no space before it if `prefix` is empty.
pub fn subject(report: &Report, prefix: &str) -> String {
    let words = Words(report.language);
    let reason = match &report.finding {
        Finding::Plan(facts) => plan_reason(report, facts) + &cluster_backup(words, facts),
        Finding::NothingRecent(_) if report.reads_again() => words.subject_reads_again(),
        Finding::NothingRecent(window) => words.subject_nothing_recent(&figures::duration(words, *window)),
        Finding::Unreadable(_) => words.subject_unreadable(),
    };
    let so_far = report.interim.map(|_| words.subject_so_far()).unwrap_or_default();
    let in_a_row = report.plan().and_then(|facts| in_a_row(report, facts)).unwrap_or_default();
    prefixed(prefix, &format!("{} - {reason}{so_far}{in_a_row}", outcome(report).word()))
}

/// Returns `text` after the prefix.
pub(super) fn prefixed(prefix: &str, text: &str) -> String {
    format!("{} {text}", clean(prefix, MAX_TEXT)).trim_start().into()
}

/// What follows the outcome word.
fn plan_reason(report: &Report, facts: &PlanFacts) -> String {
    let (words, total) = (Words(report.language), facts.assessment.counts.total());
    let id = clean(facts.plan.id.as_str(), MAX_TEXT);
    match (plan_outcome(facts), facts.assessment.contradiction, facts.news) {
        (Outcome::Missed, _, Some(News::Missed { due })) => {
            let name = facts.plan.name.as_deref().map(|name| clean(name, MAX_TEXT)).filter(|name| !name.is_empty());
            words.subject_missed(&name.unwrap_or(id), &figures::time(due, &report.zone))
        }
        (Outcome::Recovered, _, Some(News::Recovered { failed_runs: 0 })) => words.subject_success(total),
        (Outcome::Recovered, _, Some(News::Recovered { failed_runs })) => {
            words.subject_recovered(total, &bad_runs(words, facts, failed_runs))
        }
        (_, Some(Contradiction::PlanRecord), _) => words.subject_record_differs(total),
        (_, Some(Contradiction::Alert { .. }), _) => words.subject_alert_newer(total),
        (_, Some(Contradiction::Future), _) => words.subject_future(total),
        _ => of_counts(words, facts),
    }
}

/// The founding document's table, widened by modules without a result.
fn of_counts(words: Words, facts: &PlanFacts) -> String {
    let counts = &facts.assessment.counts;
    let (total, absent) = (counts.total(), counts.absent());
    match (facts.assessment.outcome, counts.error, absent) {
        (Outcome::Success, ..) => words.subject_success(total),
        (Outcome::Partial, 0, _) => words.subject_absent(absent, total),
        (Outcome::Partial, errors, 0) => words.subject_failed(errors, total),
        (Outcome::Partial, errors, _) => words.subject_failed_and_absent(errors, total, absent),
        (Outcome::RepoFailure, 0, 0) => nothing_found(words, facts.plan),
        (Outcome::RepoFailure, 0, _) if facts.plan.has_unreadable_results() => words.subject_none_readable(total),
        (Outcome::RepoFailure, 0, _) => words.subject_none_ran(total),
        _ => words.subject_all_failed(total),
    }
}

/// What a reader must not overlook if every module succeeded.
pub(super) fn cluster_backup(words: Words, facts: &PlanFacts) -> String {
    match facts.news {
        _ if !facts.cluster_backup_log().is_empty() => words.subject_cluster_backup_failed(),
        Some(News::ClusterBackup) => words.subject_cluster_backup_old(),
        _ => String::new(),
    }
}

/// How many runs in a row were no success, from the second on. A run that is not over has failed once a module has.
fn in_a_row(report: &Report, facts: &PlanFacts) -> Option<String> {
    let good = matches!(plan_outcome(facts), Outcome::Success | Outcome::Recovered);
    let runs = facts.history.map_or(1, History::failed_in_a_row);
    let over = report.interim.is_none() || facts.assessment.counts.error > 0;
    let words = Words(report.language);
    (!good && over && runs > 1).then(|| words.subject_in_a_row(&bad_runs(words, facts, runs)))
}

/// A number of runs in a row that were no success, in words: `60 or more` if the history reaches no further back.
pub(super) fn bad_runs(words: Words, facts: &PlanFacts, runs: usize) -> String {
    figures::runs(words, runs, facts.history.is_some_and(|history| history.is_cut_off(runs)))
}

/// Why a plan has no modules to report.
pub(super) enum Nothing {
    /// There is something, but it could not be read.
    Unreadable,
    /// The plan has no members.
    NoMembers,
    /// All members of the plan have joined it since the run was due.
    NoneThen,
    /// The plan is disabled, and none of its members has a result.
    NoneAwaited,
    /// The plan is defined, and whether it has members is not known.
    NoResults,
    /// The plan is not defined. That says little: layout A defines none.
    NotDefined,
}

/// Returns why `plan` has no modules to report.
pub(super) fn nothing(plan: &Plan) -> Nothing {
    match plan {
        plan if plan.hides_results() => Nothing::Unreadable,
        plan if !plan.not_awaited.is_empty() => Nothing::NoneAwaited,
        plan if !plan.defined => Nothing::NotDefined,
        plan if plan.members.is_none() => Nothing::NoResults,
        plan if plan.members.iter().flatten().next().is_some() => Nothing::NoneThen,
        _ => Nothing::NoMembers,
    }
}

fn nothing_found(words: Words, plan: &Plan) -> String {
    let id = clean(plan.id.as_str(), MAX_TEXT);
    match nothing(plan) {
        Nothing::Unreadable => words.subject_nothing_readable(&id),
        Nothing::NoMembers => words.subject_no_modules(&id),
        Nothing::NoneThen => words.subject_none_then(&id),
        Nothing::NoneAwaited => words.subject_none_awaited(&id, plan.not_awaited.len()),
        _ if plan.status.is_some() => words.subject_no_module_status(&id),
        Nothing::NoResults | Nothing::NotDefined => words.subject_nothing_found(&id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::history::RunRecord;
    use crate::model::plan::{ModuleId, PlanId};
    use crate::model::repository::Probes;
    use crate::model::run::{RunRule, assess};
    use crate::report::Interim;
    use crate::report::facts::tests::{at, report};

    #[test]
    fn a_plan_whose_modules_have_all_joined_since_the_run_is_not_called_empty() {
        let mut plan = Plan { defined: true, members: Some([].into()), ..Plan::unknown(PlanId::new("2").unwrap()) };
        assert!(matches!(nothing(&plan), Nothing::NoMembers));
        plan.members = Some([ModuleId::new("x1").unwrap()].into());
        assert!(matches!(nothing(&plan), Nothing::NoneThen));
    }

    /// The watch may have put it into the history as over.
    #[test]
    fn a_run_that_goes_on_without_a_failure_is_not_counted_among_those_that_failed() {
        let plan = Plan::unknown(PlanId::new("2").unwrap());
        let assessment = assess(&plan, &RunRule::default(), at(0));
        let mut history = History::new(plan.id.clone());
        for end in [-60, 0] {
            history.record(RunRecord::new(&plan, None, at(end), Outcome::Partial, true, &mut [].into_iter()));
        }
        let facts = PlanFacts { history: Some(&history), ..PlanFacts::new(&plan, &assessment, &Probes::NotNeeded) };
        let (last, interim) = (report(Finding::Plan(facts)), Interim::default());
        assert!(subject(&last, "").ends_with("[failed 2 runs in a row]"), "{}", subject(&last, ""));
        let so_far = subject(&Report { interim: Some(&interim), ..last }, "");
        assert!(!so_far.contains("in a row"), "{so_far}");
    }
}
