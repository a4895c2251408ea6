//! What explains the verdict, or speaks against it.

use std::collections::BTreeSet;

use super::compose::Composer;
use super::{Block, Entry, Line};
use crate::model::alert::Alert;
use crate::model::order::sort_by_key;
use crate::model::plan::{Layout, ModuleId, ModuleResult, PlanStatus};
use crate::model::run::Contradiction;
use crate::model::text::clean;
use crate::report::figures::{self, join};
use crate::report::subject::{Nothing, nothing};
use crate::report::{News, PlanFacts, commands};

/// Maximum number of causes at the top of the page.
const MAX_CAUSES: usize = 3;
/// Longest line of a log, in bytes: restic's and rclone's decisive words fit.
pub(super) const MAX_LOG_LINE: usize = 300;

impl Composer<'_> {
    /// The causes that the logs show, each with the modules that it concerns; failing that, what the repositories show.
    pub(super) fn causes(&self, facts: &PlanFacts) -> Vec<String> {
        let mut groups: Vec<(String, Vec<&ModuleId>)> = Vec::new();
        for (id, cause) in facts.assessment.troubled().filter_map(|id| Some((id, self.cause(facts, id)?))) {
            match groups.iter_mut().find(|(of, _)| *of == cause) {
                Some((_, modules)) => modules.push(id),
                None => groups.push((cause, vec![id])),
            }
        }
        if groups.is_empty() {
            return Vec::from_iter(self.at_the_repositories(facts));
        }
        sort_by_key(&mut groups, |(_, modules)| std::cmp::Reverse(modules.len()));
        let line = |(cause, modules): (String, Vec<&ModuleId>)| format!("{}: {cause}.", self.ids(modules));
        let others = groups.len().saturating_sub(MAX_CAUSES);
        let further = (others > 0).then(|| self.words.further_causes(&self.count(others)));
        groups.into_iter().take(MAX_CAUSES).map(line).chain(further).collect()
    }

    /// What the age of an alert of this plan says about a success. One that names no plan may be about another.
    pub(super) fn success_despite_the_alert(&self, facts: &PlanFacts) -> Option<String> {
        let (plan, assessment) = (facts.plan, facts.assessment);
        self.report.asked_for?;
        let alert = self.report.alarms().filter_map(|alert| alert.starts_at).max()?;
        let in_doubt = assessment.outdated || assessment.contradiction.is_some() || plan.hides_results();
        let is_older = |result: &ModuleResult| result.end.is_some_and(|end| end < alert);
        let older: BTreeSet<&ModuleId> =
            plan.results.iter().filter(|(_, result)| is_older(result)).map(|(id, _)| id).collect();
        match older.len() {
            _ if in_doubt => None,
            0 => Some(self.words.alert_is_older(&self.time(alert))),
            // By the schedule all are of one run, in which the alert came after some had ended.
            _ if assessment.due.is_some() => None,
            _ => Some(self.words.alert_is_newer_than(&self.time(alert), &self.ids(older))),
        }
    }

    /// What the plan as a whole, the alerts and the clocks say about the run.
    pub(super) fn explanations(&self, facts: &PlanFacts) -> Vec<String> {
        let (plan, assessment, words) = (facts.plan, facts.assessment, self.words);
        let mut notes = Vec::from_iter(self.perhaps_raised_anew(facts));
        if let Some(Contradiction::Alert { start }) = assessment.contradiction {
            notes.push(words.alert_is_newer(&self.time(start)));
        }
        notes.extend(self.about_the_status(facts));
        // The run that was due last took place, and no other since.
        let is_last = assessment.due.is_some() && assessment.counts.success + assessment.counts.error > 0;
        if assessment.outdated && !is_last && plan.newest_end().is_some() && !plan.hides_results() {
            notes.push(words.outdated());
        }
        if !plan.enabled {
            notes.push(words.disabled_plan());
        }
        if !plan.not_awaited.is_empty() {
            notes.push(words.not_awaited(&self.ids(&plan.not_awaited)));
        }
        notes
    }

    /// What the plan's definition, and layout A's own record of the plan, say.
    fn about_the_status(&self, facts: &PlanFacts) -> Option<String> {
        let (plan, counts, words) = (facts.plan, &facts.assessment.counts, self.words);
        match (nothing(plan), &plan.status) {
            (_, Some(status)) if counts.total() == 0 => Some(words.own_status(&self.plan_status(status))),
            (_, Some(status)) if differs(status, counts.error) => Some(words.status_differs(&self.plan_status(status))),
            (Nothing::NotDefined, None) if counts.total() == 0 => Some(words.undefined_plan()),
            (Nothing::NoResults, None) if counts.total() == 0 => Some(words.never_ran()),
            _ => None,
        }
    }

    /// Whether the alert may be about earlier errors only, since Prometheus forgets when an alert began: there
    /// are such errors, and no sign of a run since.
    fn perhaps_raised_anew(&self, facts: &PlanFacts) -> Option<String> {
        let (plan, counts) = (facts.plan, &facts.assessment.counts);
        let alerts = self.report.alerts;
        let of_failure = !alerts.is_empty() && !alerts.iter().any(Alert::says_missing) && facts.news.is_none();
        let no_run = facts.assessment.outdated && counts.success + counts.error == 0 && !plan.hides_results();
        let failed = plan.results.values().filter(|result| result.errors > 0).count();
        if !of_failure || !no_run || failed == 0 {
            return None;
        }
        let newest = self.time(plan.newest_end()?);
        Some(self.words.raised_anew(&newest, &self.count(failed), &self.count(plan.results.len())))
    }

    fn plan_status(&self, status: &PlanStatus) -> String {
        let word = if status.success { self.words.success() } else { self.words.error() };
        let errors = status.errors.map(|errors| self.words.status_errors(&figures::number(self.words, errors)));
        join([Some(word), errors, status.timestamp.map(|time| self.past(time))])
    }

    /// A cluster backup that failed, or that is too old.
    pub(super) fn cluster_backup(&mut self, facts: &PlanFacts) {
        let lines = facts.cluster_backup_log();
        let entry = match (lines, facts.news) {
            ([], Some(News::ClusterBackup)) => {
                Some(Entry { name: self.words.cluster_backup_old(), ..Entry::default() })
            }
            ([], _) => None,
            (lines, _) => Some(Entry {
                name: self.words.cluster_backup_failed(),
                lines: vec![Line::Quote(quoted(lines))],
                ..Entry::default()
            }),
        };
        let entries = Vec::from_iter(entry);
        self.list(self.words.heading_cluster_backup(), Block::Rows, &entries, 1, |_, entry| entry.clone());
        self.unexplained(facts);
    }

    /// Names the log to look at for a cluster backup that failed, or if nothing explains the alert or the age of it.
    fn unexplained(&mut self, facts: &PlanFacts) {
        let words = self.words;
        let is_known = !facts.cluster_backup_log().is_empty();
        let place = match (facts.assessment.contradiction, facts.news) {
            _ if is_known => words.on_the_leader(),
            (Some(Contradiction::Alert { .. }), _) => words.on_each_node(),
            (_, Some(News::ClusterBackup)) => words.on_the_leader(),
            _ => return,
        };
        if facts.plan.layout() != Some(Layout::C) {
            return;
        }
        let gaps = facts.reasons.map(|reasons| &*reasons.gaps).unwrap_or_default();
        self.notes((!gaps.is_empty() && !is_known).then(|| words.cluster_backup_not_known(&self.silences(gaps))));
        self.commands(words.look_at_log(&place), commands::run(&facts.plan.id, self.span(facts)));
    }
}

/// At most five lines of a log.
pub(super) fn quoted(lines: &[String]) -> Vec<String> {
    lines.iter().take(5).map(|line| clean(line, MAX_LOG_LINE)).collect()
}

/// Whether layout A's own record of the plan contradicts what its modules say.
fn differs(status: &PlanStatus, failed: usize) -> bool {
    status.success != (failed == 0) || status.errors.is_some_and(|errors| errors != failed as u64)
}
