//! The mail's text: the verdict first, then what needs somebody, then what went well, then where it all comes from.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::clean::clean;
use super::page::Page;
use super::subject::prefixed;
use super::words::Words;
use super::{Finding, Report, commands, figures, outcome_word};
use crate::alert::Alert;
use crate::classify::{Assessment, Outcome, State};
use crate::cluster::model::{Layout, ModuleId, ModuleResult, Plan, PlanId, PlanStatus};
use crate::config::Language;
use crate::probe::{Lock, NotProbed, Probe, Probes, Verdict};

/// Bounds on texts from outside, in bytes, and on lists. Together they keep a mail under 200 KB.
const MAX_NAME: usize = 100;
const MAX_SENTENCE: usize = 600;
const MAX_BLOCKS: usize = 50;
const MAX_LINES: usize = 200;
const MAX_ALERTS: usize = 10;
const MAX_NAMES: usize = 20;

/// The report as plain text: lines of at most 72 columns unless a word or a command is longer, no `<` and no `>`.
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
            writer.advice(&writer.words.look_at_timers(), "systemctl list-timers 'backup*'");
        }
        Finding::Unreadable(why) => {
            writer.verdict(&writer.words.unreadable());
            writer.about(None);
            writer.field(0, &writer.words.label_reason(), &clean(why, MAX_SENTENCE));
            writer.advice(&writer.words.look_at_check(), "ns8-backup-monitor check");
        }
    }
    writer.alerts(report.alerts);
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

/// The page that is being written, and what every part of it needs.
struct Writer<'a> {
    report: &'a Report<'a>,
    words: Words,
    page: Page,
}

impl<'a> Writer<'a> {
    fn new(report: &'a Report<'a>) -> Self {
        Self { report, words: Words(report.language), page: Page::default() }
    }

    fn plan(&mut self, plan: &Plan, assessment: &Assessment, probes: &Probes, gave_up: Option<Duration>) {
        self.verdict(&verdict(self.words, plan, assessment));
        if let Some(wait) = gave_up {
            self.gave_up(wait, &assessment.unsettled());
        }
        self.about(Some(plan));
        self.explanations(plan, assessment, probes);
        let failed = modules_in(assessment, |state| state == State::Error);
        let absent = modules_in(assessment, |state| matches!(state, State::Stale | State::Missing));
        let succeeded = modules_in(assessment, |state| state == State::Success);
        self.blocks(plan, &failed, Words::heading_failed);
        self.blocks(plan, &absent, Words::heading_absent);
        self.successes(plan, &succeeded);
        self.repositories(plan, probes);
        self.damaged(&plan.damaged);
    }

    /// The first sentence: all that somebody sees who reads no further.
    fn verdict(&mut self, sentence: &str) {
        self.page.paragraph(0, &format!("{}: {sentence}", outcome_word(self.report)));
    }

    fn gave_up(&mut self, wait: Duration, modules: &BTreeSet<ModuleId>) {
        let mut names: Vec<String> = modules.iter().take(MAX_NAMES).map(|id| clean(id.as_str(), MAX_NAME)).collect();
        if modules.len() > MAX_NAMES {
            names.push(self.words.and_more(&self.count(modules.len() - MAX_NAMES)));
        }
        self.page.blank();
        let wait = figures::duration(self.words, wait);
        self.page.paragraph(0, &self.words.gave_up_waiting(&wait, &names.join(", ")));
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
        if counts.total() == 0 && !plan.defined && plan.status.is_none() {
            notes.push(self.words.undefined_plan());
        }
        if counts.total() == 0 && plan.defined && plan.members.is_none() {
            notes.push(self.words.never_ran());
        }
        if !plan.enabled {
            notes.push(self.words.disabled_plan());
        }
        if let Some(status) = plan.status.as_ref().filter(|status| differs(status, counts.error)) {
            notes.push(format!("{} {}.", self.words.status_differs(), self.plan_status(status)));
        }
        notes.extend(self.where_the_fault_lies(counts.error, probes));
        for note in notes {
            self.page.blank();
            self.page.paragraph(0, &note);
        }
    }

    fn where_the_fault_lies(&self, failed: usize, probes: &Probes) -> Option<String> {
        let Probes::Done(probes) = probes else { return None };
        let looked_at = || probes.iter().filter(|probe| !matches!(probe.verdict, Verdict::NotProbed(_)));
        let faulty = looked_at().filter(|probe| !matches!(probe.verdict, Verdict::Healthy { .. })).count();
        match (faulty, looked_at().count()) {
            (_, 0) => None,
            (0, _) => (failed > 0).then(|| self.words.repositories_healthy()),
            (faulty, total) => Some(self.words.repositories_faulty(&self.count(faulty), &self.count(total))),
        }
    }

    fn plan_status(&self, status: &PlanStatus) -> String {
        let word = if status.success { self.words.status_success() } else { self.words.status_error() };
        let errors = status.errors.map(|errors| self.words.status_errors(&figures::number(self.words, errors)));
        let time = status.timestamp.map(|time| self.time_and_age(time));
        [Some(word), errors, time].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Modules that need somebody, one block each.
    fn blocks(&mut self, plan: &Plan, modules: &[&(ModuleId, State)], heading: fn(Words, &str) -> String) {
        self.list(modules, MAX_BLOCKS, heading, |writer, (id, state)| {
            writer.page.blank();
            writer.block(plan, id, *state);
        });
    }

    fn block(&mut self, plan: &Plan, id: &ModuleId, state: State) {
        let module = plan.modules.get(id);
        let result = plan.results.get(id);
        self.page.paragraph(0, &self.named(id.as_str(), module.and_then(|module| module.ui_name.as_deref())));
        let node = module.and_then(|module| Some(self.named(module.node.as_deref()?, module.node_name.as_deref())));
        if let Some(node) = &node {
            self.field(1, &self.words.label_node(), node);
        }
        match (state, result) {
            (State::Error, Some(result)) => self.failure(result),
            (_, Some(result)) => self.earlier(result),
            (_, None) => self.field(1, &self.words.label_reason(), &self.words.missing()),
        }
        let commands = commands::look_into(&plan.id, id, result.map(|result| result.layout));
        let heading = match node {
            Some(node) => self.words.label_next_on_node(&node),
            None => self.words.label_next(),
        };
        self.commands(1, &heading, &commands);
    }

    fn failure(&mut self, result: &ModuleResult) {
        self.times(result);
        if result.layout > Layout::A {
            self.field(1, &self.words.label_errors(), &figures::number(self.words, result.errors));
        }
        self.field(1, &self.words.label_reason(), &self.reason(result));
        let figures = self.figures(result);
        if result.snapshots_count != Some(0) && !figures.is_empty() {
            self.field(1, &self.words.label_last_snapshot(), &figures);
        }
    }

    /// Why it failed: layout A says so; of B and C the numbers tell something.
    fn reason(&self, result: &ModuleResult) -> String {
        match result.error.as_deref().map(|error| clean(error, MAX_SENTENCE)).filter(|error| !error.is_empty()) {
            Some(error) => error,
            None if result.snapshots_count == Some(0) => self.words.repository_unread(),
            None if result.layout == Layout::A => self.words.no_reason(),
            None => self.words.log_tells(),
        }
    }

    /// A module whose last result is an earlier run's: nothing of that may pass for this run's.
    fn earlier(&mut self, result: &ModuleResult) {
        self.field(1, &self.words.label_reason(), &self.words.stale());
        let word = if result.errors == 0 { self.words.earlier_success() } else { self.words.status_error() };
        let time = result.end.map(|end| self.time_and_age(end));
        let facts: Vec<String> = [Some(word), time].into_iter().flatten().collect();
        self.field(1, &self.words.label_earlier_result(), &facts.join(", "));
    }

    fn times(&mut self, result: &ModuleResult) {
        if let Some(end) = result.end {
            self.field(1, &self.words.label_ended(), &self.time_and_age(end));
        }
        if let Some(start) = result.start {
            let took = result.end.and_then(|end| Duration::try_from(end.duration_since(start)).ok());
            let took = took.map(|took| self.words.took(&figures::duration(self.words, took)));
            let facts: Vec<String> = [Some(self.time(start)), took].into_iter().flatten().collect();
            self.field(1, &self.words.label_started(), &facts.join(", "));
        }
    }

    /// Size, files, snapshots: those that are known.
    fn figures(&self, result: &ModuleResult) -> String {
        let size = result.total_size.map(|bytes| figures::size(self.words, bytes));
        let files = result.total_file_count.map(|count| self.words.files(&figures::number(self.words, count)));
        let snapshots = result.snapshots_count.map(|count| self.words.snapshots(&figures::number(self.words, count)));
        [size, files, snapshots].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Modules that went well, one line each.
    fn successes(&mut self, plan: &Plan, modules: &[&(ModuleId, State)]) {
        self.list(modules, MAX_LINES, Words::heading_succeeded, |writer, (id, _)| {
            let name = plan.modules.get(id).and_then(|module| module.ui_name.as_deref());
            let result = plan.results.get(id);
            let end = result.and_then(|result| result.end).map(|end| writer.time(end));
            let figures = result.map(|result| writer.figures(result)).filter(|figures| !figures.is_empty());
            let facts: Vec<String> = [end, figures].into_iter().flatten().collect();
            writer.field(0, &writer.named(id.as_str(), name), &facts.join(", "));
        });
    }

    fn repositories(&mut self, plan: &Plan, probes: &Probes) {
        let note = match probes {
            Probes::NotNeeded => return,
            Probes::Disabled => self.words.probes_disabled(),
            Probes::Done(probes) if probes.is_empty() => self.words.probes_none(),
            Probes::Unknown(why) => self.words.probes_unknown(&clean(why, MAX_SENTENCE)),
            Probes::Done(probes) => {
                let probes: Vec<&Probe> = probes.iter().collect();
                let heading = |words: Words, _: &str| words.heading_repositories();
                return self.list(&probes, MAX_BLOCKS, heading, |writer, probe| writer.repository(&plan.id, probe));
            }
        };
        self.page.heading(&self.words.heading_repositories());
        self.page.paragraph(0, &note);
    }

    fn repository(&mut self, plan: &PlanId, probe: &Probe) {
        let location = probe.location.as_deref().filter(|location| *location != probe.repository);
        let mut name = self.named(&probe.repository, location);
        if let Some(module) = &probe.module {
            name = format!("{}, {name}", clean(module.as_str(), MAX_NAME));
        }
        self.field(0, &name, &self.probe_verdict(&probe.verdict));
        let action = match &probe.verdict {
            Verdict::Locked(_) => Some("unlock"),
            Verdict::Damaged(_) => Some("check"),
            _ => None,
        };
        let command = action.zip(probe.module.as_ref()).and_then(|(action, id)| commands::restic(plan, id, action));
        if let Some(command) = command {
            self.page.command(1, &command);
        }
    }

    fn probe_verdict(&self, verdict: &Verdict) -> String {
        let words = self.words;
        let why = |text: &str| clean(text.trim_end_matches(['.', '\n', ' ']), MAX_SENTENCE);
        match verdict {
            Verdict::Healthy { snapshots, newest, in_use } => self.healthy(*snapshots, *newest, in_use.as_ref()),
            Verdict::Locked(lock) => words.locked(&self.lock(lock)),
            Verdict::WrongPassword => words.wrong_password(),
            Verdict::NoRepository => words.no_repository(),
            Verdict::Unreachable(text) => words.unreachable(&why(text)),
            Verdict::Denied(text) => words.denied(&why(text)),
            Verdict::Damaged(text) => words.damaged(&why(text)),
            Verdict::Failed(text) => words.probe_failed(&why(text)),
            Verdict::TimedOut(limit) => words.timed_out(&figures::duration(words, *limit)),
            Verdict::NotProbed(NotProbed::ResticMissing(program)) => words.restic_missing(&clean(program, MAX_NAME)),
            Verdict::NotProbed(NotProbed::ResticUnusable(text)) => words.restic_unusable(&why(text)),
            Verdict::NotProbed(NotProbed::NoCredentials) => words.no_credentials(),
            Verdict::NotProbed(NotProbed::TooMany(count)) => words.too_many(&self.count(*count)),
            Verdict::NotProbed(NotProbed::Incomplete(what)) => words.incomplete(&why(what)),
        }
    }

    fn healthy(&self, snapshots: u64, newest: Option<Timestamp>, in_use: Option<&Lock>) -> String {
        let mut text = match snapshots {
            0 => self.words.healthy_but_empty(),
            count => self.words.healthy(&self.words.snapshots(&figures::number(self.words, count))),
        };
        if let Some(newest) = newest {
            text = format!("{text}, {}", self.words.newest_snapshot(&self.time_and_age(newest)));
        }
        match in_use {
            Some(lock) => format!("{text}. {}", self.words.in_use(&self.lock(lock))),
            None => text,
        }
    }

    fn lock(&self, lock: &Lock) -> String {
        let count = self.words.locks(&figures::number(self.words, lock.count));
        let by = lock.by.as_deref().map(|holder| self.words.lock_by(&clean(holder, MAX_NAME)));
        let since = lock.since.map(|since| self.words.since(&self.time_and_age(since)));
        [Some(count), by, since].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    fn damaged(&mut self, damaged: &[String]) {
        self.list(
            damaged,
            MAX_NAMES,
            |words, _| words.heading_damaged(),
            |writer, entry| {
                writer.page.paragraph(0, &clean(entry, MAX_SENTENCE));
            },
        );
    }

    fn alerts(&mut self, alerts: &[Alert]) {
        let heading = |words: Words, _: &str| words.heading_alerts();
        self.list(alerts, MAX_ALERTS, heading, |writer, alert| writer.alert(alert));
    }

    fn alert(&mut self, alert: &Alert) {
        let label = |name: &str| alert.labels.get(name).map(|value| clean(value, MAX_NAME));
        let node = label("node").map(|node| format!("{} {node}", self.words.label_node().to_lowercase()));
        let instance = label("instance").map(|instance| format!("{} {instance}", self.words.label_instance()));
        let since = alert.starts_at.map(|start| self.words.since(&self.time(start)));
        let facts: Vec<String> = [label("name"), node, instance, since].into_iter().flatten().collect();
        self.field(0, &clean(&alert.name, MAX_NAME), &facts.join(", "));
        for kind in ["summary", "description"] {
            if let Some(text) = annotation(alert, kind, self.report.language) {
                self.page.paragraph(1, &clean(text, MAX_SENTENCE));
            }
        }
    }

    fn footer(&mut self) {
        self.page.blank();
        if let Finding::Plan { plan, .. } = &self.report.finding {
            let command = commands::report(&plan.id);
            self.commands(0, &self.words.look_again(), command.as_slice());
            self.page.blank();
        }
        let mut footer = self.words.footer(env!("CARGO_PKG_VERSION"), &clean(self.report.host, MAX_NAME));
        if let Some(job) = self.report.job_id {
            footer = format!("{footer}, {}", self.words.footer_job(&clean(job, MAX_NAME)));
        }
        self.page.paragraph(0, &footer);
    }

    /// A heading and at most `most` of the items; nothing at all where there are none.
    fn list<T>(
        &mut self,
        items: &[T],
        most: usize,
        heading: impl Fn(Words, &str) -> String,
        mut write: impl FnMut(&mut Self, &T),
    ) {
        if items.is_empty() {
            return;
        }
        self.page.heading(&heading(self.words, &self.count(items.len())));
        for item in items.iter().take(most) {
            write(self, item);
        }
        if items.len() > most {
            self.page.blank();
            self.page.paragraph(0, &self.words.left_out(&self.count(items.len() - most)));
        }
    }

    fn field(&mut self, depth: usize, label: &str, value: &str) {
        self.page.paragraph(depth, &format!("{label}: {value}"));
    }

    fn advice(&mut self, sentence: &str, command: &str) {
        self.page.blank();
        self.page.paragraph(0, sentence);
        self.page.command(1, command);
    }

    fn commands(&mut self, depth: usize, label: &str, commands: &[String]) {
        if !commands.is_empty() {
            self.page.paragraph(depth, &format!("{label}:"));
        }
        for command in commands {
            self.page.command(depth + 1, command);
        }
    }

    /// `mail1 (Mail server)`; only the id where there is no other name.
    fn named(&self, id: &str, name: Option<&str>) -> String {
        let id = clean(id, MAX_NAME);
        match name.map(|name| clean(name, MAX_NAME)).filter(|name| !name.is_empty() && *name != id) {
            Some(name) => format!("{id} ({name})"),
            None => id,
        }
    }

    fn time(&self, time: Timestamp) -> String {
        figures::time(time, &self.report.zone)
    }

    fn time_and_age(&self, time: Timestamp) -> String {
        let age = self.report.now.duration_since(time);
        let figure = figures::duration(self.words, age.unsigned_abs());
        let age = if age.is_negative() { self.words.ahead(&figure) } else { self.words.ago(&figure) };
        format!("{} ({age})", self.time(time))
    }

    fn count(&self, count: usize) -> String {
        figures::number(self.words, count as u64)
    }
}

/// The verdict in one sentence.
fn verdict(words: Words, plan: &Plan, assessment: &Assessment) -> String {
    let counts = &assessment.counts;
    let count = |count: usize| figures::number(words, count as u64);
    let total = count(counts.total());
    match (assessment.outcome, counts.error, counts.absent()) {
        (Outcome::Success, ..) => words.all_succeeded(&total),
        (Outcome::RepoFailure, 0, 0) if !plan.damaged.is_empty() => words.nothing_readable(),
        (Outcome::RepoFailure, 0, 0) if plan.defined && plan.members.is_some() => words.no_modules(),
        (Outcome::RepoFailure, 0, 0) => words.nothing_found(),
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

fn modules_in(assessment: &Assessment, wanted: fn(State) -> bool) -> Vec<&(ModuleId, State)> {
    assessment.modules.iter().filter(|(_, state)| wanted(*state)).collect()
}

/// An annotation in the reader's language: `summary_it`, else `summary`, else `summary_en`.
fn annotation<'a>(alert: &'a Alert, kind: &str, language: Language) -> Option<&'a str> {
    let suffix = match language {
        Language::En => "_en",
        Language::It => "_it",
    };
    let names = [format!("{kind}{suffix}"), kind.into(), format!("{kind}_en")];
    names.iter().find_map(|name| alert.annotations.get(name)).map(String::as_str).filter(|text| !text.trim().is_empty())
}
