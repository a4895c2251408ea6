//! The mail's text: the verdict first, then what needs somebody, then what went well, then where it all comes from.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::clean::clean;
use super::page::Page;
use super::subject::{Nothing, nothing, prefixed};
use super::words::Words;
use super::{Finding, Report, commands, figures, outcome_word};
use crate::alert::Alert;
use crate::classify::{Assessment, Outcome, State};
use crate::cluster::model::{Layout, ModuleId, ModuleResult, Plan, PlanId, PlanStatus};
use crate::config::Language;
use crate::probe::{Lock, NotProbed, Probe, Probes, Verdict};

/// Bounds on texts from outside, in bytes, and on lists. Together they keep a mail under 200 KB.
const MAX_NAME: usize = 80;
const MAX_SENTENCE: usize = 500;
const MAX_BLOCKS: usize = 50;
const MAX_LINES: usize = 200;
const MAX_REPOSITORIES: usize = 30;
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
        if let Some(wait) = gave_up.filter(|_| assessment.counts.absent() > 0) {
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
        match nothing(plan) {
            Nothing::Known if counts.total() == 0 && plan.status.is_none() => notes.push(self.words.undefined_plan()),
            Nothing::Results if counts.total() == 0 => notes.push(self.words.never_ran()),
            _ => {}
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
        join([Some(word), errors, time])
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
        let has_snapshot = result.snapshots_count != Some(0) && result.total_size.is_some_and(|size| size > 0);
        if has_snapshot {
            let facts = [self.size(result), self.files(result), self.snapshots(result)];
            self.field(1, &self.words.label_last_snapshot(), &join(facts));
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
        self.field(1, &self.words.label_earlier_result(), &join([Some(word), time]));
    }

    fn times(&mut self, result: &ModuleResult) {
        if let Some(end) = result.end {
            self.field(1, &self.words.label_ended(), &self.time_and_age(end));
        }
        if let Some(start) = result.start {
            self.field(1, &self.words.label_started(), &join([Some(self.time(start)), self.took(result)]));
        }
    }

    /// How long it took; `None` too where it ended before it started, as a clock that was set back has it.
    fn took(&self, result: &ModuleResult) -> Option<String> {
        let took = Duration::try_from(result.end?.duration_since(result.start?)).ok()?;
        Some(self.words.took(&figures::duration(self.words, took)))
    }

    fn size(&self, result: &ModuleResult) -> Option<String> {
        Some(figures::size(self.words, result.total_size?))
    }

    fn files(&self, result: &ModuleResult) -> Option<String> {
        Some(self.words.files(&figures::number(self.words, result.total_file_count?)))
    }

    fn snapshots(&self, result: &ModuleResult) -> Option<String> {
        Some(self.words.snapshots(&figures::number(self.words, result.snapshots_count?)))
    }

    /// Modules that went well, one line each.
    fn successes(&mut self, plan: &Plan, modules: &[&(ModuleId, State)]) {
        self.list(modules, MAX_LINES, Words::heading_succeeded, |writer, (id, _)| {
            let name = plan.modules.get(id).and_then(|module| module.ui_name.as_deref());
            let Some(result) = plan.results.get(id) else { return };
            let end = result.end.map(|end| figures::short_time(end, &writer.report.zone));
            let facts = [end, writer.took(result), writer.size(result), writer.files(result)];
            writer.field(1, &writer.named(id.as_str(), name), &join(facts));
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
                return self
                    .list(&probes, MAX_REPOSITORIES, heading, |writer, probe| writer.repository(&plan.id, probe));
            }
        };
        self.page.heading(&self.words.heading_repositories());
        self.page.paragraph(1, &note);
    }

    fn repository(&mut self, plan: &PlanId, probe: &Probe) {
        let location = probe.location.as_deref().filter(|location| *location != probe.repository);
        let mut name = self.named(&probe.repository, location);
        if let Some(module) = &probe.module {
            name = format!("{}, {name}", clean(module.as_str(), MAX_NAME));
        }
        self.field(1, &name, &self.probe_verdict(&probe.verdict));
        let action = match &probe.verdict {
            Verdict::Locked(_) => Some("unlock"),
            Verdict::Damaged(_) => Some("check"),
            _ => None,
        };
        let command = action.zip(probe.module.as_ref()).and_then(|(action, id)| commands::restic(plan, id, action));
        if let Some(command) = command {
            self.page.command(2, &command);
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
        let since = lock.since.map(|since| self.words.since(&self.time(since)));
        let age = lock.since.map(|since| self.age(since));
        join([Some(count), by, since, age])
    }

    fn damaged(&mut self, damaged: &[String]) {
        self.list(
            damaged,
            MAX_NAMES,
            |words, _| words.heading_damaged(),
            |writer, entry| {
                writer.page.paragraph(1, &clean(entry, MAX_SENTENCE));
            },
        );
    }

    fn alerts(&mut self, alerts: &[Alert]) {
        let heading = |words: Words, _: &str| words.heading_alerts();
        let not_kept = usize::try_from(self.report.alerts_left_out).unwrap_or(usize::MAX);
        self.list_and(alerts, MAX_ALERTS, not_kept, heading, |writer, alert| writer.alert(alert));
    }

    fn alert(&mut self, alert: &Alert) {
        let label = |name: &str| alert.labels.get(name).map(|value| clean(value, MAX_NAME));
        let plan = label("id").or_else(|| label("backup_id"));
        let plan = plan.map(|id| {
            format!(
                "{} {}",
                self.words.label_plan().to_lowercase(),
                self.named(&id, alert.labels.get("name").map(String::as_str))
            )
        });
        let node = label("node").map(|node| format!("{} {node}", self.words.label_node().to_lowercase()));
        let instance = label("instance").map(|instance| format!("{} {instance}", self.words.label_instance()));
        let since = alert.starts_at.map(|start| self.words.since(&self.time(start)));
        self.field(1, &clean(&alert.name, MAX_NAME), &join([plan, node, instance, since]));
        for kind in ["summary", "description"] {
            if let Some(text) = annotation(alert, kind, self.report.language) {
                self.page.paragraph(2, &clean(text, MAX_SENTENCE));
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
        self.page.paragraph(0, &self.words.footer(env!("CARGO_PKG_VERSION"), &clean(self.report.host, MAX_NAME)));
        if let Some(job) = self.report.job_id {
            self.page.paragraph(0, &self.words.footer_job(&clean(job, MAX_NAME)));
        }
    }

    /// A heading and at most `most` of the items; nothing at all where there are none.
    fn list<T>(
        &mut self,
        items: &[T],
        most: usize,
        heading: impl Fn(Words, &str) -> String,
        write: impl FnMut(&mut Self, &T),
    ) {
        self.list_and(items, most, 0, heading, write);
    }

    /// A list that `further` items belong to which are not even at hand.
    fn list_and<T>(
        &mut self,
        items: &[T],
        most: usize,
        further: usize,
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
        let left_out = items.len().saturating_sub(most).saturating_add(further);
        if left_out > 0 {
            self.page.blank();
            self.page.paragraph(0, &self.words.left_out(&self.count(left_out)));
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

    fn age(&self, time: Timestamp) -> String {
        let age = self.report.now.duration_since(time);
        let figure = figures::duration(self.words, age.unsigned_abs());
        if age.is_negative() { self.words.ahead(&figure) } else { self.words.ago(&figure) }
    }

    fn time_and_age(&self, time: Timestamp) -> String {
        format!("{} ({})", self.time(time), self.age(time))
    }

    fn count(&self, count: usize) -> String {
        figures::number(self.words, count as u64)
    }
}

/// The facts that are known, in a row.
fn join<const N: usize>(facts: [Option<String>; N]) -> String {
    facts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The verdict in one sentence.
fn verdict(words: Words, plan: &Plan, assessment: &Assessment) -> String {
    let counts = &assessment.counts;
    let count = |count: usize| figures::number(words, count as u64);
    let total = count(counts.total());
    match (assessment.outcome, counts.error, counts.absent()) {
        (Outcome::Success, ..) => words.all_succeeded(&total),
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

fn modules_in(assessment: &Assessment, wanted: fn(State) -> bool) -> Vec<&(ModuleId, State)> {
    assessment.modules.iter().filter(|(_, state)| wanted(*state)).collect()
}

/// An annotation in the reader's language: `summary_it`, else `summary`, else `summary_en`.
fn annotation<'a>(alert: &'a Alert, kind: &str, language: Language) -> Option<&'a str> {
    let names = [kind.to_string() + &Words(language).annotation_suffix(), kind.into(), format!("{kind}_en")];
    names.iter().find_map(|name| alert.annotations.get(name)).map(String::as_str).filter(|text| !text.trim().is_empty())
}
