//! The mail's text: the verdict first, then what needs somebody, then what went well, then where it all comes from.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::page::Page;
use super::subject::{Nothing, nothing, prefixed};
use super::words::Words;
use super::writer::{MAX_NAME, MAX_SENTENCE, Writer, join};
use super::{Finding, Report, commands, figures, outcome};
use crate::config::Language;
use crate::model::alert::Alert;
use crate::model::job::MAX_ALERTS;
use crate::model::plan::{Damage, ModuleId, ModuleResult, Plan, PlanStatus};
use crate::model::repository::Probes;
use crate::model::run::{Assessment, Outcome};
use crate::model::text::clean;

/// At most this many names in a sentence, and entries that could not be read.
const MAX_NAMES: usize = 20;

/// The report as plain text: lines of at most 72 columns unless a command is longer, no `<` and no `>`.
pub fn text(report: &Report) -> String {
    let mut writer = Writer::new(report);
    let words = writer.words;
    match &report.finding {
        Finding::Plan { plan, assessment, probes, gave_up_waiting_after } => {
            writer.plan(plan, assessment, probes, *gave_up_waiting_after);
        }
        Finding::NothingRecent(window) => {
            writer.verdict(&words.nothing_recent(&figures::duration(words, *window)));
            writer.about();
            writer.advice(&words.look_at_timers(), &commands::timers());
        }
        Finding::Unreadable(why) => {
            writer.verdict(&words.unreadable());
            writer.about();
            writer.field(0, &words.label_reason(), &words.read_error(why));
            writer.advice(&words.look_at_check(&writer.here()), &["ns8-backup-monitor check".into()]);
        }
    }
    writer.alerts();
    writer.footer();
    writer.page.into_text()
}

/// Subject and text of the mail that `send-test` sends.
pub fn test_mail(language: Language, prefix: &str, host: &str, now: Timestamp, zone: &TimeZone) -> (String, String) {
    let words = Words(language);
    let mut page = Page::default();
    page.paragraph(0, &words.test_body(&clean(host, MAX_NAME), &figures::time_with_offset(now, zone)));
    page.blank();
    page.paragraph(0, &words.footer(env!("CARGO_PKG_VERSION"), &clean(host, MAX_NAME)));
    (prefixed(prefix, &words.subject_test()), page.into_text())
}

impl Writer<'_> {
    fn plan(&mut self, plan: &Plan, assessment: &Assessment, probes: &Probes, gave_up: Option<Duration>) {
        self.verdict(&verdict(self.words, plan, assessment));
        if assessment.outcome == Outcome::Success {
            self.notes(self.success_despite_the_alert(plan, assessment));
        }
        self.notes(gave_up.map(|wait| {
            let wait = figures::duration(self.words, wait);
            self.words.gave_up_waiting(&wait, &self.names(&assessment.unsettled()))
        }));
        self.about();
        self.notes(self.explanations(plan, assessment, probes));
        if assessment.counts.total() == 0 && plan.damaged.is_empty() {
            self.advice(&self.words.look_at_timers(), &commands::timers());
        }
        self.modules(plan, assessment);
        self.repositories(plan, probes);
        self.damaged(plan, assessment);
    }

    /// The first sentence: all that somebody sees who reads no further.
    fn verdict(&mut self, sentence: &str) {
        self.page.paragraph(0, &format!("{}: {sentence}", outcome(self.report).word()));
    }

    /// Sentences that stand by themselves.
    fn notes(&mut self, notes: impl IntoIterator<Item = String>) {
        for note in notes {
            self.page.blank();
            self.page.paragraph(0, &note);
        }
    }

    /// What a success makes of an alert of this plan, which says that a backup failed. One that names no plan may be
    /// about another.
    fn success_despite_the_alert(&self, plan: &Plan, assessment: &Assessment) -> Option<String> {
        self.report.asked_for?;
        let alert = self.report.alerts.iter().filter_map(|alert| alert.starts_at).max()?;
        let contradicted = plan.status.as_ref().is_some_and(|status| differs(status, 0));
        let in_doubt = assessment.outdated || contradicted || !plan.damaged.is_empty();
        let is_older = |result: &ModuleResult| result.end.is_some_and(|end| end < alert);
        let older: BTreeSet<ModuleId> =
            plan.results.iter().filter(|(_, result)| is_older(result)).map(|(id, _)| id.clone()).collect();
        match older.len() {
            0 if in_doubt => None,
            0 => Some(self.words.alert_is_over()),
            all if all == plan.results.len() => Some(self.words.alert_is_newer(&self.time(alert))),
            _ => Some(self.words.alert_is_newer_than(&self.time(alert), &self.names(&older))),
        }
    }

    fn names(&self, modules: &BTreeSet<ModuleId>) -> String {
        let mut in_order: Vec<&ModuleId> = modules.iter().collect();
        in_order.sort_by(|a, b| a.natural_order().cmp(&b.natural_order()));
        let mut names: Vec<String> = in_order.iter().take(MAX_NAMES).map(|id| clean(id.as_str(), MAX_NAME)).collect();
        if modules.len() > MAX_NAMES {
            names.push(self.words.and_more(&self.count(modules.len() - MAX_NAMES)));
        }
        names.join(", ")
    }

    /// Which plan, which cluster, when.
    fn about(&mut self) {
        self.page.blank();
        let plan = match self.report.finding {
            Finding::Plan { plan, .. } => Some(plan),
            Finding::NothingRecent(_) | Finding::Unreadable(_) => None,
        };
        if let Some(id) = self.report.plan_id() {
            let name = plan.and_then(|plan| plan.name.as_deref());
            self.field(0, &self.words.label_plan(), &self.named(id.as_str(), name));
        }
        if let Some(cluster) = self.report.cluster {
            self.field(0, &self.words.label_cluster(), &clean(cluster, MAX_NAME));
        }
        if let Some(newest) = plan.and_then(Plan::newest_end) {
            self.field(0, &self.words.label_newest(), &self.time(newest));
        }
        let written = figures::time_with_offset(self.report.now, &self.report.zone);
        self.field(0, &self.words.label_written(), &written);
    }

    /// What the numbers and the probes say about the run as a whole.
    fn explanations(&self, plan: &Plan, assessment: &Assessment, probes: &Probes) -> Vec<String> {
        let (counts, words) = (&assessment.counts, self.words);
        let mut notes = Vec::from_iter(self.where_the_fault_lies(plan, counts.error, probes));
        notes.extend(self.perhaps_raised_anew(plan, assessment));
        match (nothing(plan), &plan.status) {
            (_, Some(status)) if counts.total() == 0 => notes.push(words.own_status(&self.plan_status(status))),
            (_, Some(status)) if differs(status, counts.error) => {
                notes.push(words.status_differs(&self.plan_status(status)));
            }
            (Nothing::Known, None) if counts.total() == 0 => notes.push(words.undefined_plan()),
            (Nothing::Results, None) if counts.total() == 0 => notes.push(words.never_ran()),
            _ => {}
        }
        if assessment.outdated && plan.newest_end().is_some() && plan.damaged.is_empty() {
            notes.push(words.outdated());
        }
        if !plan.enabled {
            notes.push(words.disabled_plan());
        }
        if !plan.not_awaited.is_empty() {
            notes.push(words.not_awaited(&self.names(&plan.not_awaited)));
        }
        notes
    }

    /// Whether the alert may be about an earlier run's errors only, since Prometheus forgets when an alert began: there
    /// are such errors, and nothing tells of a run since.
    fn perhaps_raised_anew(&self, plan: &Plan, assessment: &Assessment) -> Option<String> {
        let (alerts, counts) = (self.report.alerts, &assessment.counts);
        let of_failure = !alerts.is_empty() && !alerts.iter().any(Alert::says_missing);
        let no_run = assessment.outdated && counts.success + counts.error == 0 && plan.damaged.is_empty();
        let failed = plan.results.values().filter(|result| result.errors > 0).count();
        if !of_failure || !no_run || failed == 0 {
            return None;
        }
        let newest = self.time(plan.newest_end()?);
        Some(self.words.raised_anew(&newest, &self.count(failed), &self.count(counts.stale)))
    }

    fn plan_status(&self, status: &PlanStatus) -> String {
        let word = if status.success { self.words.success() } else { self.words.error() };
        let errors = status.errors.map(|errors| self.words.status_errors(&figures::number(self.words, errors)));
        let time = status.timestamp.map(|time| self.time(time));
        join([Some(word), errors, time])
    }

    fn alerts(&mut self) {
        let Report { alerts, alerts_left_out, .. } = self.report;
        self.list(&self.words.heading_alerts(), alerts, MAX_ALERTS, Self::alert);
        self.left_out(*alerts_left_out);
    }

    fn alert(&mut self, alert: &Alert) {
        let label = |name: &str| alert.labels.get(name).map(String::as_str);
        let named = |what: &str, label: Option<&str>| label.map(|label| format!("{what} {}", clean(label, MAX_NAME)));
        let plan = label("id").or_else(|| label("backup_id")).map(|id| self.named(id, label("name")));
        let facts = [
            plan.map(|plan| format!("{} {plan}", self.words.plan())),
            named(&self.words.node(), label("node")),
            named(&self.words.instance(), label("instance")),
            alert.starts_at.map(|start| self.words.since(&self.time(start))),
        ];
        self.field(1, &clean(&alert.name, MAX_NAME), &join(facts));
        for kind in ["summary", "description"] {
            if let Some(text) = annotation(alert, kind, self.words) {
                self.page.paragraph(2, &clean(text, MAX_SENTENCE));
            }
        }
    }

    /// Entries that could not be read, but for those that a module's block gives as its reason.
    fn damaged(&mut self, plan: &Plan, assessment: &Assessment) {
        let absent = assessment.modules.iter().map(|(id, _)| id).filter(|id| !plan.results.contains_key(*id));
        let told: Vec<&Damage> = absent.filter_map(|id| plan.unreadable(id)).collect();
        let others: Vec<&Damage> = plan.damaged.iter().filter(|damage| !told.contains(damage)).collect();
        self.list(&self.words.heading_damaged(), &others, MAX_NAMES, |writer, damage| {
            writer.page.paragraph(1, &writer.words.damage(damage));
        });
    }

    fn footer(&mut self) {
        let report = self.report.plan_id().and_then(commands::report);
        self.advice(&self.words.look_again(&self.here()), report.as_slice());
        self.page.blank();
        self.page.paragraph(0, &self.words.footer(env!("CARGO_PKG_VERSION"), &clean(self.report.host, MAX_NAME)));
        if let Some(job) = self.report.job_id {
            self.page.paragraph(0, &self.words.footer_job(&clean(job, MAX_NAME)));
        }
    }
}

/// The verdict in one sentence.
fn verdict(words: Words, plan: &Plan, assessment: &Assessment) -> String {
    let counts = &assessment.counts;
    let count = |count: usize| figures::number(words, count as u64);
    let total = count(counts.total());
    match (assessment.outcome, counts.error, counts.absent()) {
        (Outcome::Success, ..) if plan.not_awaited.is_empty() => words.all_succeeded(&total),
        (Outcome::Success, ..) => words.some_succeeded(&total, &count(counts.total() + plan.not_awaited.len())),
        (Outcome::RepoFailure, 0, 0) => match nothing(plan) {
            Nothing::Members => words.no_modules(),
            _ if plan.status.is_some() => words.no_module_status(),
            Nothing::Readable => words.nothing_readable(),
            Nothing::Results | Nothing::Known => words.nothing_found(),
        },
        (Outcome::RepoFailure, 0, _) => words.none_ran(&total),
        (Outcome::Partial, failed, absent) => {
            let parts = [
                (failed, words.count_failed(&count(failed))),
                (absent, words.count_absent(&count(absent))),
                (counts.success, words.count_succeeded(&count(counts.success))),
            ];
            let parts: Vec<String> = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, part)| part).collect();
            words.mixed(&total, &parts.join(", "))
        }
        _ => words.all_failed(&total),
    }
}

/// Whether layout A's own record of the plan contradicts what its modules say.
fn differs(status: &PlanStatus, failed: usize) -> bool {
    status.success != (failed == 0) || status.errors.is_some_and(|errors| errors != failed as u64)
}

/// An annotation in the reader's language: `summary_it`, else `summary`, else `summary_en`.
fn annotation<'a>(alert: &'a Alert, kind: &str, words: Words) -> Option<&'a str> {
    let names = [kind.to_string() + &words.annotation_suffix(), kind.into(), format!("{kind}_en")];
    names.iter().find_map(|name| alert.annotations.get(name)).map(String::as_str).filter(|text| !text.trim().is_empty())
}
