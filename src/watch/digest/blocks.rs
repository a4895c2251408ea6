//! The digest as a page: in blocks, as a report is.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Checked, Digest, Found, PlanDigest, Standing, Troubled};
use crate::config::Language;
use crate::model::run::{Outcome, State};
use crate::model::text::clean;
use crate::report::blocks::{Block, Entry, Field, Line, MAX_ROWS, Mark, Verdict, last_runs};
use crate::report::figures::{self, MAX_NAME};
use crate::report::{Words, html as page, text as plain};

/// Longest sentence from outside that is shown, in bytes.
const MAX_SENTENCE: usize = 300;
/// Plans of each standing, modules of each plan, and modules in no plan that are shown.
const MAX_LISTED: usize = 30;
/// Modules whose last runs are drawn, over all plans.
const MAX_DRAWN: usize = 4 * MAX_ROWS;

/// Returns the subject.
pub fn subject(digest: &Digest, prefix: &str, language: Language) -> String {
    let verdict = verdict(digest, Words(language));
    [prefix.trim(), &format!("DIGEST - {verdict}")].join(" ").trim_start().to_owned()
}

/// Returns the text: verdict, plans with those that need attention first, modules in no plan, the monitor. Lines of at
/// most 72 columns, no `<` and no `>`.
pub fn text(digest: &Digest, language: Language, zone: &TimeZone) -> String {
    plain::render(&blocks(digest, language, zone, false))
}

/// Returns the same as a page for a browser, with the last runs of each plan: a single file with nothing to load.
pub fn html(digest: &Digest, language: Language, zone: &TimeZone) -> String {
    page::page(language, &subject(digest, "", language), &[blocks(digest, language, zone, true)])
}

/// Returns the same as the HTML part of a mail, with inline styles only.
pub fn html_mail(digest: &Digest, language: Language, zone: &TimeZone) -> String {
    page::mail(language, &subject(digest, "", language), blocks(digest, language, zone, true))
}

fn verdict(digest: &Digest, words: Words) -> String {
    let count = |standing| digest.plans.iter().filter(|plan| plan.standing == standing).count();
    let (bad, total) = (count(Standing::Attention), digest.plans.len() - count(Standing::Disabled));
    match (digest.unreadable.is_some(), bad, total) {
        (true, ..) => words.subject_unreadable(),
        (_, 0, 0) => words.digest_no_plan(),
        (_, 0, _) if !digest.monitor.works() => words.digest_subject_monitor(),
        (_, 0, _) => words.digest_subject_fine(total),
        _ => words.digest_subject_attention(bad, total),
    }
}

fn blocks(digest: &Digest, language: Language, zone: &TimeZone, with_runs: bool) -> Vec<Block> {
    let drawn = if with_runs { MAX_DRAWN } else { 0 };
    let words = Words(language);
    let mut writer = Writer { blocks: Vec::new(), words, zone, now: digest.written_at, drawn };
    writer.digest(digest);
    writer.blocks
}

struct Writer<'a> {
    blocks: Vec<Block>,
    words: Words,
    zone: &'a TimeZone,
    now: Timestamp,
    /// How many more modules' last runs may be drawn.
    drawn: usize,
}

impl Writer<'_> {
    fn digest(&mut self, digest: &Digest) {
        let words = self.words;
        let sentence = verdict(digest, words) + ".";
        self.blocks.push(Block::Verdict(Verdict { mark: mark(digest), word: "DIGEST", sentence }));
        let unreadable = digest.unreadable.as_ref().map(|why| clean(&words.read_error(why), MAX_SENTENCE));
        self.blocks.extend(unreadable.map(Block::Note));
        let cluster = digest.cluster.as_deref().map(|cluster| (words.label_cluster(), clean(cluster, MAX_NAME)));
        let written = figures::time_with_offset(digest.written_at, self.zone);
        let fields = cluster.into_iter().chain([(words.label_written(), written)]);
        self.blocks.push(Block::Fields(fields.map(|(label, value)| Field::new(label, value)).collect()));
        for (standing, heading) in [
            (Standing::Attention, words.digest_heading_attention()),
            (Standing::Fine, words.digest_heading_fine()),
            (Standing::Disabled, words.digest_heading_disabled()),
        ] {
            let plans: Vec<&PlanDigest> = digest.plans.iter().filter(|plan| plan.standing == standing).collect();
            self.section(&heading, plans.len());
            plans.iter().take(MAX_LISTED).for_each(|plan| self.plan(plan));
            self.left_out(plans.len().saturating_sub(MAX_LISTED));
        }
        let unplanned: Vec<_> = digest.unplanned.iter().flatten().collect();
        self.section(&words.digest_heading_unplanned(), unplanned.len());
        let entry = |(id, name): &(&crate::model::plan::ModuleId, &Option<String>)| Entry {
            name: named(id.as_str(), name.as_deref()),
            ..Entry::default()
        };
        let entries: Vec<Entry> = unplanned.iter().take(MAX_LISTED).map(entry).collect();
        self.blocks.extend((!entries.is_empty()).then_some(Block::Rows(entries)));
        self.left_out(unplanned.len().saturating_sub(MAX_LISTED));
        self.monitor(digest);
        self.blocks.extend(digest.weekly.then(|| Block::Note(words.digest_sign_of_life())));
        let host = clean(&digest.host, MAX_NAME);
        self.blocks.push(Block::Foot(vec![words.footer(env!("CARGO_PKG_VERSION"), &host)]));
    }

    /// The heading of a list, unless that is empty.
    fn section(&mut self, heading: &str, count: usize) {
        self.blocks.extend((count > 0).then(|| Block::Heading(format!("{heading} ({count})"))));
    }

    /// Says how many entries a list lacks, if any.
    fn left_out(&mut self, count: usize) {
        let text = || self.words.left_out(&figures::number(self.words, count as u64));
        self.blocks.extend((count > 0).then(text).map(Block::LeftOut));
    }

    fn plan(&mut self, plan: &PlanDigest) {
        let id = self.words.digest_plan(&clean(plan.id.as_str(), MAX_NAME));
        let name = plan.name.as_deref().map(|name| clean(name, MAX_NAME)).filter(|name| !name.is_empty());
        let mut lines: Vec<Line> = self.facts(plan).into_iter().map(Line::Text).collect();
        let is_on = plan.standing != Standing::Disabled;
        if is_on {
            lines.extend(plan.troubled.iter().take(MAX_LISTED).map(|troubled| self.troubled(troubled)));
            let others = plan.troubled.len().saturating_sub(MAX_LISTED);
            let others = (others > 0).then(|| self.words.and_more(&figures::number(self.words, others as u64)));
            lines.extend(others.map(Line::Text));
        }
        let mark = match plan.standing {
            Standing::Attention => Some(Mark::Bad),
            Standing::Fine => Some(Mark::Good),
            Standing::Disabled => None,
        };
        let name = name.map_or_else(|| id.clone(), |name| format!("{name} ({id})"));
        self.blocks.push(Block::Entries(vec![Entry { mark, name, value: String::new(), lines }]));
        let history = plan.history.as_ref().filter(|history| is_on && !history.runs.is_empty() && self.drawn > 0);
        if let Some(history) = history {
            let runs = last_runs(history, self.drawn.min(MAX_ROWS), self.words.0, self.now, self.zone);
            self.drawn -= runs.iter().map(rows).sum::<usize>();
            // The plan's name is the heading.
            self.blocks.extend(runs.into_iter().filter(|block| !matches!(block, Block::Heading(_))));
        }
    }

    fn facts(&self, plan: &PlanDigest) -> Vec<String> {
        let words = self.words;
        let last = match (plan.running, plan.outcome, plan.last_run) {
            (true, ..) => words.digest_running(),
            (_, Some(Outcome::Missed), Some(due)) => words.digest_missed(&self.time(due)),
            (_, Some(outcome), Some(at)) => words.digest_last_run(outcome.word(), &self.time(at)),
            _ if plan.damaged > 0 => words.digest_perhaps_ran(),
            _ if !plan.last_runs.is_empty() => words.digest_new_modules(),
            _ => words.digest_never_ran(),
        };
        if plan.standing == Standing::Disabled {
            return vec![last];
        }
        let is_known = plan.modules > 0 || plan.is_empty;
        let mut figures = Vec::from_iter(is_known.then(|| words.digest_modules(plan.modules)));
        figures.extend(plan.size.map(|size| words.digest_size(&figures::size(words, size))));
        figures.extend(self.trend(plan));
        figures.extend(plan.cluster_backup.map(|at| words.digest_cluster_backup(&self.time(at))));
        let schedule = plan.schedule.as_deref().filter(|_| plan.schedule_invalid);
        let next = plan.next_run.map(|next| words.digest_next_run(&self.time(next)));
        // What cannot be read may be a result.
        let due = plan.due_since.filter(|_| plan.damaged == 0);
        let due = due.map(|due| words.digest_due_since(&self.time(due)));
        let first = [Some(last), due, next].into_iter().flatten().collect::<Vec<_>>().join("; ");
        let marks = (plan.last_runs.len() > 1 && self.drawn == 0).then(|| words.digest_last_runs(&plan.last_runs));
        [first, figures.join("; ")]
            .into_iter()
            .chain(marks)
            .chain(schedule.map(|schedule| words.digest_invalid(&clean(schedule, MAX_NAME))))
            .chain(plan.never_due.then(|| self.why_never_due(plan)))
            .chain((plan.damaged > 0).then(|| words.digest_damaged(plan.damaged)))
            .chain(plan.is_empty.then(|| words.digest_no_members()))
            .filter(|line| !line.is_empty())
            .collect()
    }

    fn why_never_due(&self, plan: &PlanDigest) -> String {
        if plan.schedule.is_some() { self.words.digest_never_due() } else { self.words.digest_no_schedule() }
    }

    fn troubled(&self, troubled: &Troubled) -> Line {
        let words = self.words;
        let good = match troubled.last_good {
            Some(last) => {
                let good = words.digest_last_good(&self.time(last.at), &figures::age_of(words, self.now, &last));
                good + &if last.or_later { words.or_later() } else { String::new() }
            }
            None => words.digest_no_good(),
        };
        let name = named(troubled.module.as_str(), troubled.name.as_deref());
        let in_a_row = match (troubled.streak.runs, troubled.state) {
            (..=1, State::Error) => words.digest_failed(),
            (..=1, _) => words.digest_absent(),
            _ => words.in_a_row(troubled.streak),
        };
        Line::field(name, format!("{in_a_row}; {good}"))
    }

    /// How the size has changed, in percent.
    fn trend(&self, plan: &PlanDigest) -> Option<String> {
        let ((at, before), now) = (plan.size_before?, plan.size?);
        let percent = (i128::from(now) - i128::from(before)) * 100 / i128::from(before.max(1));
        let date = at.to_zoned_datetime(self.zone.clone()).strftime("%Y-%m-%d").to_string();
        Some(self.words.digest_trend(&format!("{percent:+}"), &date))
    }

    fn monitor(&mut self, digest: &Digest) {
        let (words, monitor) = (self.words, &digest.monitor);
        self.blocks.push(Block::Heading(words.digest_heading_monitor()));
        let part = |name: String, Checked { ok, found }: &Checked| {
            let why = || clean(&self.found(found), MAX_SENTENCE);
            let (mark, value) = match (ok, found) {
                (false, _) => (Some(Mark::Bad), words.digest_does_not_work(&why())),
                (true, Found::Unsure(_)) => (None, words.digest_not_certain(&why())),
                (true, _) => (Some(Mark::Good), words.digest_works()),
            };
            Entry { mark, name, value, ..Entry::default() }
        };
        let last = monitor.last_report.map_or(words.digest_no_report(), |at| self.time(at));
        let rows = vec![
            part("Alertmanager".into(), &monitor.alertmanager),
            part(words.digest_relay(), &monitor.relay),
            part(words.digest_watch(), &monitor.watch),
            part(words.digest_queue(), &monitor.queue),
            Entry { name: words.digest_last_report(), value: last, ..Entry::default() },
        ];
        self.blocks.push(Block::Rows(rows));
    }

    fn found(&self, found: &Found) -> String {
        let (words, english) = (self.words, &found.to_string());
        match found {
            Found::ByCheck(_) | Found::Unsure(_) => words.digest_found(english),
            Found::WatchOff => words.digest_watch_off(english),
            Found::NeverLooked => words.digest_never_looked(english),
            Found::LookedInVain => words.digest_looked_in_vain(english),
            Found::LookedAt(at) => words.digest_looked_at(&self.time(*at)),
            Found::Queue { jobs, given_up, unreadable } => {
                words.digest_queue_holds(english, *jobs, *given_up, *unreadable)
            }
            Found::QueueUnreadable(folder, _) => words.digest_queue_unreadable(english, folder),
        }
    }

    fn time(&self, time: Timestamp) -> String {
        figures::time(time, self.zone)
    }
}

/// How many modules' last runs a block draws.
fn rows(block: &Block) -> usize {
    match block {
        Block::Calendar(calendar) => calendar.rows.len(),
        _ => 0,
    }
}

fn mark(digest: &Digest) -> Mark {
    let needs = |plan: &PlanDigest| plan.standing == Standing::Attention;
    match digest.unreadable.is_some() {
        true => Mark::Absent,
        false if digest.plans.iter().any(needs) || !digest.monitor.works() => Mark::Bad,
        false => Mark::Good,
    }
}

/// `mail1 (Mail)`.
fn named(id: &str, name: Option<&str>) -> String {
    let id = clean(id, MAX_NAME);
    match name.map(|name| clean(name, MAX_NAME)).filter(|name| !name.is_empty()) {
        Some(name) => format!("{id} ({name})"),
        None => id,
    }
}
