//! The digest as a mail.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::page::Page;
use super::words::Words;
use super::{Checked, Digest, PlanDigest, Standing, Troubled};
use crate::config::Language;
use crate::model::run::Outcome;
use crate::model::text::clean;

/// Longest name that is shown, in bytes.
const MAX_NAME: usize = 80;
/// Longest sentence from outside that is shown, in bytes.
const MAX_SENTENCE: usize = 300;
/// Plans of each standing, modules of each plan, and modules in no plan that are shown.
const MAX_LISTED: usize = 30;

/// Returns the subject.
pub fn subject(digest: &Digest, prefix: &str, language: Language) -> String {
    let verdict = verdict(digest, Words(language));
    [prefix.trim(), &format!("DIGEST - {verdict}")].join(" ").trim_start().to_owned()
}

fn verdict(digest: &Digest, words: Words) -> String {
    let count = |standing| digest.plans.iter().filter(|plan| plan.standing == standing).count();
    let (bad, total) = (count(Standing::Attention), digest.plans.len() - count(Standing::Disabled));
    let monitor = &digest.monitor;
    let works = [&monitor.alertmanager, &monitor.relay, &monitor.watch, &monitor.queue].iter().all(|part| part.ok);
    match (digest.unreadable.is_some(), bad, total) {
        (true, ..) => words.subject_unreadable(),
        (_, 0, 0) => words.no_plan(),
        (_, 0, _) if !works => words.subject_monitor(),
        (_, 0, _) => words.subject_fine(total),
        _ => words.subject_attention(bad, total),
    }
}

/// Returns the text: verdict, plans with those that need attention first, modules in no plan, the monitor.
pub fn text(digest: &Digest, language: Language, zone: &TimeZone) -> String {
    let mut writer = Writer { page: Page::default(), words: Words(language), zone, now: digest.written_at };
    writer.digest(digest);
    writer.page.into_text()
}

struct Writer<'a> {
    page: Page,
    words: Words,
    zone: &'a TimeZone,
    now: Timestamp,
}

impl Writer<'_> {
    fn digest(&mut self, digest: &Digest) {
        let words = self.words;
        let verdict = verdict(digest, words);
        self.page.line("", &format!("DIGEST: {verdict}."));
        if let Some(why) = &digest.unreadable {
            self.page.line("", &clean(why, MAX_SENTENCE));
        }
        self.page.blank();
        if let Some(cluster) = &digest.cluster {
            self.page.line(&words.cluster(), &clean(cluster, MAX_NAME));
        }
        let written = digest.written_at.to_zoned_datetime(self.zone.clone()).strftime("%Y-%m-%d %H:%M %:z").to_string();
        self.page.line(&words.written(), &written);
        for (standing, heading) in [
            (Standing::Attention, words.heading_attention()),
            (Standing::Fine, words.heading_fine()),
            (Standing::Disabled, words.heading_disabled()),
        ] {
            let plans: Vec<&PlanDigest> = digest.plans.iter().filter(|plan| plan.standing == standing).collect();
            self.section(&heading, &plans, |writer, plan| writer.plan(plan));
        }
        let unplanned: Vec<_> = digest.unplanned.iter().flatten().collect();
        self.section(&words.heading_unplanned(), &unplanned, |writer, (id, name)| {
            writer.page.line("- ", &named(id.as_str(), name.as_deref()));
        });
        self.monitor(digest);
        self.page.blank();
        self.page.line("", &words.sign_of_life());
        self.page.blank();
        self.page.line("", &words.footer(env!("CARGO_PKG_VERSION"), &clean(&digest.host, MAX_NAME)));
    }

    /// A section with a heading, unless it is empty; a long one is cut, with a count.
    fn section<T>(&mut self, heading: &str, entries: &[T], write: impl Fn(&mut Self, &T)) {
        if entries.is_empty() {
            return;
        }
        self.page.blank();
        self.page.line("", &format!("{heading} ({})", entries.len()));
        entries.iter().take(MAX_LISTED).for_each(|entry| write(self, entry));
        if entries.len() > MAX_LISTED {
            self.page.line("- ", &self.words.and_more(entries.len() - MAX_LISTED));
        }
    }

    fn plan(&mut self, plan: &PlanDigest) {
        let id = self.words.plan(&clean(plan.id.as_str(), MAX_NAME));
        let name = plan.name.as_ref().map_or(String::new(), |name| format!("{} (", clean(name, MAX_NAME)));
        let close = if plan.name.is_some() { ")" } else { "" };
        self.page.line("- ", &format!("{name}{id}{close}"));
        for line in self.facts(plan) {
            self.page.line("  ", &line);
        }
        if plan.standing == Standing::Disabled {
            return;
        }
        for troubled in plan.troubled.iter().take(MAX_LISTED) {
            let line = self.troubled(troubled);
            self.page.line("  * ", &line);
        }
        if plan.troubled.len() > MAX_LISTED {
            self.page.line("  * ", &self.words.and_more(plan.troubled.len() - MAX_LISTED));
        }
    }

    fn facts(&self, plan: &PlanDigest) -> Vec<String> {
        let words = self.words;
        let last = match (plan.running, plan.outcome, plan.last_run) {
            (true, ..) => words.running(),
            (_, Some(Outcome::Missed), Some(due)) => words.missed(&self.time(due)),
            (_, Some(outcome), Some(at)) => words.last_run(outcome.word(), &self.time(at)),
            _ => words.never_ran(),
        };
        if plan.standing == Standing::Disabled {
            return vec![last];
        }
        let mut figures = vec![words.modules(plan.modules)];
        figures.extend(plan.size.map(|size| words.size(&self.size(size))));
        figures.extend(self.trend(plan));
        figures.extend(plan.cluster_backup.map(|at| words.cluster_backup(&self.time(at))));
        let schedule = plan.schedule.as_deref().filter(|_| plan.schedule_invalid);
        let next = plan.next_run.map(|next| words.next_run(&self.time(next)));
        let first = [Some(last), next].into_iter().flatten().collect::<Vec<_>>().join("; ");
        let marks = (plan.last_runs.len() > 1).then(|| words.last_runs(&plan.last_runs));
        [first, figures.join("; ")]
            .into_iter()
            .chain(marks)
            .chain(schedule.map(|schedule| words.invalid(&clean(schedule, MAX_NAME))))
            .chain((plan.modules == 0).then(|| words.no_members()))
            .collect()
    }

    fn troubled(&self, troubled: &Troubled) -> String {
        let name = named(troubled.module.as_str(), troubled.name.as_deref());
        let good = match troubled.last_good {
            Some(good) => self.words.last_good(&self.time(good), self.now.duration_since(good).as_hours().max(0) / 24),
            None => self.words.no_good(),
        };
        format!("{name}: {}; {good}", self.words.in_a_row(troubled.failed_in_a_row))
    }

    /// How the size has changed, in percent.
    fn trend(&self, plan: &PlanDigest) -> Option<String> {
        let ((at, before), now) = (plan.size_before?, plan.size?);
        let percent = (i128::from(now) - i128::from(before)) * 100 / i128::from(before.max(1));
        let date = at.to_zoned_datetime(self.zone.clone()).strftime("%Y-%m-%d").to_string();
        Some(self.words.trend(&format!("{percent:+}"), &date))
    }

    fn monitor(&mut self, digest: &Digest) {
        let (words, monitor) = (self.words, &digest.monitor);
        self.page.blank();
        self.page.line("", &words.heading_monitor());
        let parts = [
            ("Alertmanager".into(), &monitor.alertmanager),
            (words.relay(), &monitor.relay),
            (words.watch(), &monitor.watch),
            (words.queue(), &monitor.queue),
        ];
        for (name, Checked { ok, found }) in parts {
            let state = if *ok { words.works() } else { words.does_not_work(&clean(found, MAX_SENTENCE)) };
            self.page.line("- ", &format!("{name}: {state}"));
        }
        let last = monitor.last_report.map_or(words.no_report(), |at| words.last_report(&self.time(at)));
        self.page.line("- ", &last);
    }

    fn time(&self, time: Timestamp) -> String {
        time.to_zoned_datetime(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// `12.4 GiB`, tenths cut off.
    fn size(&self, bytes: u64) -> String {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let Some(unit) = (1..=units.len()).rev().find(|unit| bytes >= 1 << (10 * unit)) else {
            return format!("{bytes} B");
        };
        let tenths = (u128::from(bytes) * 10) >> (10 * unit);
        let point = if self.words.0 == Language::It { ',' } else { '.' };
        format!("{}{point}{} {}", tenths / 10, tenths % 10, units[unit - 1])
    }
}

/// `mail1 (Mail)`.
fn named(id: &str, name: Option<&str>) -> String {
    let id = clean(id, MAX_NAME);
    match name.filter(|name| !name.is_empty()) {
        Some(name) => format!("{id} ({})", clean(name, MAX_NAME)),
        None => id,
    }
}
