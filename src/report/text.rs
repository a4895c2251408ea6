//! The mail's text: the verdict first, then what needs somebody, then what went well, then where it all comes from.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::clean::clean;
use super::page::Page;
use super::subject::{Nothing, nothing, prefixed};
use super::words::Words;
use super::writer::{MAX_NAME, MAX_SENTENCE, Writer, join};
use super::{Finding, Report, commands, figures, outcome_word};
use crate::alert::Alert;
use crate::classify::{Assessment, Outcome};
use crate::cluster::model::{ModuleId, Plan, PlanStatus};
use crate::config::Language;
use crate::job::MAX_ALERTS;
use crate::probe::Probes;

/// At most this many names in a sentence, and entries that could not be read.
const MAX_NAMES: usize = 20;

/// The report as plain text: lines of at most 72 columns unless a command is longer, no `<` and no `>`.
pub fn text(report: &Report) -> String {
    let mut writer = Writer::new(report);
    match &report.finding {
        Finding::Plan { plan, assessment, probes, gave_up_waiting_after } => {
            writer.plan(plan, assessment, probes, *gave_up_waiting_after);
        }
        Finding::NothingRecent(window) => {
            let window = figures::duration(writer.words, *window);
            writer.verdict(&writer.words.nothing_recent(&window));
            writer.about(None);
            writer.advice(&writer.words.look_at_timers(), Some("systemctl list-timers 'backup*'".into()));
        }
        Finding::Unreadable(why) => {
            writer.verdict(&writer.words.unreadable());
            writer.about(None);
            writer.field(0, &writer.words.label_reason(), &writer.words.read_error(why));
            writer.advice(&writer.words.look_at_check(), Some("ns8-backup-monitor check".into()));
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
    page.paragraph(0, &words.test_body(&clean(host, MAX_NAME), &figures::time(now, zone)));
    page.blank();
    page.paragraph(0, &words.footer(env!("CARGO_PKG_VERSION"), &clean(host, MAX_NAME)));
    (prefixed(prefix, &words.subject_test()), page.into_text())
}

impl Writer<'_> {
    fn plan(&mut self, plan: &Plan, assessment: &Assessment, probes: &Probes, gave_up: Option<Duration>) {
        self.verdict(&verdict(self.words, plan, assessment));
        if let Some(wait) = gave_up.filter(|_| assessment.counts.absent() > 0) {
            self.gave_up(wait, &assessment.unsettled());
        }
        self.about(Some(plan));
        self.explanations(plan, assessment, probes);
        self.modules(plan, assessment);
        self.repositories(&plan.id, probes);
        self.list(&self.words.heading_damaged(), &plan.damaged, MAX_NAMES, |writer, entry| {
            writer.page.paragraph(1, &writer.words.damage(entry));
        });
    }

    /// The first sentence: all that somebody sees who reads no further.
    fn verdict(&mut self, sentence: &str) {
        self.page.paragraph(0, &format!("{}: {sentence}", outcome_word(self.report)));
    }

    fn gave_up(&mut self, wait: Duration, modules: &BTreeSet<ModuleId>) {
        self.page.blank();
        let wait = figures::duration(self.words, wait);
        self.page.paragraph(0, &self.words.gave_up_waiting(&wait, &self.names(modules)));
    }

    fn names(&self, modules: &BTreeSet<ModuleId>) -> String {
        let mut names: Vec<String> = modules.iter().take(MAX_NAMES).map(|id| clean(id.as_str(), MAX_NAME)).collect();
        if modules.len() > MAX_NAMES {
            names.push(self.words.and_more(&self.count(modules.len() - MAX_NAMES)));
        }
        names.join(", ")
    }

    /// Which plan, which cluster, when.
    fn about(&mut self, plan: Option<&Plan>) {
        self.page.blank();
        if let Some(plan) = plan {
            self.field(0, &self.words.label_plan(), &self.named(plan.id.as_str(), plan.name.as_deref()));
        }
        if let Some(cluster) = self.report.cluster {
            self.field(0, &self.words.label_cluster(), &clean(cluster, MAX_NAME));
        }
        if let Some(newest) = plan.and_then(Plan::newest_end) {
            self.field(0, &self.words.label_newest(), &self.time_and_age(newest));
        }
        self.field(0, &self.words.label_written(), &self.time(self.report.now));
    }

    /// What the numbers and the probes say about the run as a whole.
    fn explanations(&mut self, plan: &Plan, assessment: &Assessment, probes: &Probes) {
        let counts = &assessment.counts;
        let mut notes = Vec::new();
        match nothing(plan) {
            Nothing::Known if counts.total() == 0 && plan.status.is_none() => notes.push(self.words.undefined_plan()),
            Nothing::Results if counts.total() == 0 => notes.push(self.words.never_ran()),
            _ => {}
        }
        if assessment.outdated {
            notes.push(self.words.outdated());
        }
        if !plan.enabled {
            notes.push(self.words.disabled_plan());
        }
        if !plan.not_awaited.is_empty() {
            notes.push(self.words.not_awaited(&self.names(&plan.not_awaited)));
        }
        if let Some(status) = plan.status.as_ref().filter(|status| differs(status, counts.error)) {
            notes.push(format!("{} {}.", self.words.status_differs(), self.plan_status(status)));
        }
        notes.extend(self.where_the_fault_lies(plan, counts.error, probes));
        for note in notes {
            self.page.blank();
            self.page.paragraph(0, &note);
        }
    }

    fn plan_status(&self, status: &PlanStatus) -> String {
        let word = if status.success { self.words.success() } else { self.words.error() };
        let errors = status.errors.map(|errors| self.words.status_errors(&figures::number(self.words, errors)));
        let time = status.timestamp.map(|time| self.time_and_age(time));
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

    fn advice(&mut self, label: &str, command: Option<String>) {
        self.page.blank();
        self.commands(0, label, command.as_slice());
    }

    fn footer(&mut self) {
        if let Finding::Plan { plan, .. } = &self.report.finding {
            self.advice(&self.words.look_again(), commands::report(&plan.id));
        }
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
            Nothing::Readable => words.nothing_readable(),
            Nothing::Members => words.no_modules(),
            Nothing::Results | Nothing::Known => words.nothing_found(),
        },
        (Outcome::RepoFailure, 0, _) => words.none_ran(&total),
        (Outcome::RepoFailure, ..) => words.all_failed(&total),
        (Outcome::Partial, failed, absent) => {
            let parts = [
                (failed, words.count_failed(&count(failed))),
                (absent, words.count_absent(&count(absent))),
                (counts.success, words.count_succeeded(&count(counts.success))),
            ];
            let parts: Vec<String> = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, part)| part).collect();
            words.mixed(&total, &parts.join(", "))
        }
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
