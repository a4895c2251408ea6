//! Puts the blocks in order: the verdict first, then its causes, then what needs somebody, then what went well, then
//! where it all comes from.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Block, Commands, Entry, Field, Mark};
use crate::config::Language;
use crate::model::alert::Alert;
use crate::model::order::sort_by;
use crate::model::plan::{Damage, ModuleId};
use crate::model::run::Outcome;
use crate::model::text::clean;
use crate::model::time::is_ahead;
use crate::report::figures::{self, MAX_NAME, MAX_SENTENCE, join};
use crate::report::isolate::{outside, set_apart};
use crate::report::subject::{Nothing, nothing};
use crate::report::words::Words;
use crate::report::{Finding, PlanFacts, Report, commands, outcome};

/// Maximum number of names in a sentence, and of entries that could not be read.
pub(super) const MAX_NAMES: usize = 20;
/// Maximum length of all names in a row, in bytes.
const MAX_LENGTH: usize = 10_000;
/// Maximum number of alerts, each of which may have two sentences.
const MAX_ALERTS: usize = 20;

/// Returns what the report says; the last runs only if `with_runs`.
pub(crate) fn blocks(report: &Report, with_runs: bool) -> Vec<Block> {
    let mut composer = Composer { report, words: Words(report.language), blocks: Vec::new() };
    composer.verdict();
    match &report.finding {
        Finding::Plan(facts) => composer.plan(facts, with_runs),
        Finding::NothingRecent(_) => {
            composer.about(Vec::new());
            composer.commands(composer.words.look_at_timers(), commands::timers());
        }
        Finding::Unreadable(why) => {
            composer.notes(report.interim.map(|interim| composer.what_follows(interim)));
            let words = composer.words;
            composer.about(vec![Field::new(words.label_reason(), words.read_error(why))]);
            composer.commands(words.look_at_check(&composer.here()), vec!["ns8-backup-monitor check".into()]);
        }
    }
    composer.in_no_plan();
    composer.alerts();
    composer.foot();
    composer.blocks
}

/// Returns what the mail of `send-test` says.
pub(crate) fn test_mail(language: Language, host: &str, now: Timestamp, zone: &TimeZone) -> Vec<Block> {
    let (words, host) = (Words(language), clean(host, MAX_NAME));
    let body = words.test_body(&host, &figures::time_with_offset(now, zone));
    vec![Block::Note(body), Block::Foot(vec![words.footer(env!("CARGO_PKG_VERSION"), &host)])]
}

/// The page that is being composed, and what every part of it needs.
pub(super) struct Composer<'a> {
    pub(super) report: &'a Report<'a>,
    pub(super) words: Words,
    pub(super) blocks: Vec<Block>,
}

impl Composer<'_> {
    fn plan(&mut self, facts: &PlanFacts, with_runs: bool) {
        self.notes(self.first_notes(facts));
        self.about(self.about_plan(facts));
        self.notes(self.explanations(facts));
        if matches!(nothing(facts.plan), Nothing::NoMembers) && facts.assessment.counts.total() == 0 {
            self.commands(self.words.look_at_plans(), commands::plans());
        } else if facts.assessment.counts.total() == 0 && !facts.plan.hides_results()
            || outcome(self.report) == Outcome::Missed
        {
            self.commands(self.words.look_at_timers(), commands::timers());
        }
        if with_runs {
            self.runs(facts);
        }
        self.cluster_backup(facts);
        self.modules(facts);
        self.repositories(facts);
        self.damaged(facts);
    }

    /// Sentences that stand by themselves.
    pub(super) fn notes(&mut self, notes: impl IntoIterator<Item = String>) {
        self.blocks.extend(notes.into_iter().map(Block::Note));
    }

    pub(super) fn commands(&mut self, label: String, commands: Vec<String>) {
        if !commands.is_empty() {
            self.blocks.push(Block::Commands(Commands { label, commands }));
        }
    }

    /// A heading and an entry for each of at most `most` of the items; nothing at all if there are none.
    pub(super) fn list<T>(
        &mut self,
        heading: String,
        block: fn(Vec<Entry>) -> Block,
        items: &[T],
        most: usize,
        entry: impl Fn(&Self, &T) -> Entry,
    ) {
        if items.is_empty() {
            return;
        }
        let entries = items.iter().take(most).map(|item| entry(self, item)).collect();
        self.blocks.extend([Block::Heading(heading), block(entries)]);
        self.left_out(items.len().saturating_sub(most) as u64);
    }

    /// Says how many entries a list lacks, if any.
    pub(super) fn left_out(&mut self, count: u64) {
        if count > 0 {
            self.blocks.push(Block::LeftOut(self.words.left_out(&figures::number(self.words, count))));
        }
    }

    /// `mail1 (Mail server)`; only the id if there is no other name.
    pub(super) fn named(&self, id: &str, name: Option<&str>) -> String {
        let id = clean(id, MAX_NAME);
        match name.map(|name| clean(name, MAX_NAME)).filter(|name| !name.is_empty() && *name != id) {
            Some(name) => format!("{} ({})", set_apart(id), set_apart(name)),
            None => set_apart(id),
        }
    }

    /// At most `most` of the ids in a row, as people count, each with what `describe` makes of it.
    pub(super) fn names(
        &self,
        mut in_order: Vec<&ModuleId>,
        most: usize,
        describe: &dyn Fn(&ModuleId) -> String,
    ) -> String {
        sort_by(&mut in_order, |a, b| a.natural_order().cmp(&b.natural_order()));
        let mut length = 0;
        let has_room = |name: &String| {
            length += name.len();
            length <= MAX_LENGTH
        };
        let mut names: Vec<String> = in_order.iter().take(most).map(|id| describe(id)).take_while(has_room).collect();
        let others = in_order.len() - names.len();
        names.extend((others > 0).then(|| self.words.and_more(&self.count(others))));
        names.join(", ")
    }

    pub(super) fn ids<'b>(&self, modules: impl IntoIterator<Item = &'b ModuleId>) -> String {
        self.names(modules.into_iter().collect(), MAX_NAMES, &|id| outside(id.as_str(), MAX_NAME))
    }

    pub(super) fn time(&self, time: Timestamp) -> String {
        figures::time(time, &self.report.zone)
    }

    /// A time that should be over: if it is not, that stands beside it.
    pub(super) fn past(&self, time: Timestamp) -> String {
        match is_ahead(time, self.report.now) {
            true => self.time_and_age(time),
            false => self.time(time),
        }
    }

    /// `2026-11-19 02:14 (5 d ago)`.
    pub(super) fn time_and_age(&self, time: Timestamp) -> String {
        format!("{} ({})", self.time(time), self.age(time))
    }

    /// `5 d ago`.
    pub(super) fn age(&self, time: Timestamp) -> String {
        figures::ago(self.words, self.report.now, time)
    }

    /// `on leader.example.org`: this machine.
    pub(super) fn here(&self) -> String {
        self.words.on_host(&clean(self.report.host, MAX_NAME))
    }

    pub(super) fn count(&self, count: usize) -> String {
        figures::number(self.words, count as u64)
    }

    fn in_no_plan(&mut self) {
        let modules = self.report.in_no_plan;
        self.notes((!modules.is_empty()).then(|| self.words.in_no_plan(&self.ids(modules))));
    }

    fn alerts(&mut self) {
        let alerts: Vec<&Alert> = self.report.alarms().collect();
        let shown = &alerts[..alerts.len().min(MAX_ALERTS)];
        self.list(self.words.heading_alerts(), Block::Rows, shown, MAX_ALERTS, |composer, alert| composer.alert(alert));
        let not_shown = (alerts.len() - shown.len()) as u64;
        self.left_out(self.report.alerts_left_out.saturating_add(not_shown));
    }

    fn alert(&self, alert: &Alert) -> Entry {
        let label = |name: &str| alert.labels.get(name).map(String::as_str);
        let named = |what: &str, label: Option<&str>| label.map(|label| format!("{what} {}", outside(label, MAX_NAME)));
        let plan = label("id").or_else(|| label("backup_id")).map(|id| self.named(id, label("name")));
        let facts = [
            plan.map(|plan| format!("{} {plan}", self.words.plan())),
            named(&self.words.node(), label("node")),
            named(&self.words.instance(), label("instance")),
            alert.starts_at.map(|start| self.words.since(&self.time(start))),
        ];
        let texts = ["summary", "description"].into_iter().filter_map(|kind| annotation(alert, kind, self.words));
        // What the watch has found stands above, in the reader's language.
        let texts = texts.filter(|_| alert.news().is_none());
        Entry {
            name: outside(&alert.name, MAX_NAME),
            value: join(facts),
            lines: texts.map(|text| super::Line::Text(outside(text, MAX_SENTENCE))).collect(),
            ..Entry::default()
        }
    }

    /// Entries that could not be read, but for those that a module's entry gives as its reason.
    fn damaged(&mut self, facts: &PlanFacts) {
        let plan = facts.plan;
        let absent = facts.assessment.modules.iter().map(|(id, _)| id).filter(|id| !plan.results.contains_key(*id));
        let said: Vec<&Damage> = absent.filter_map(|id| plan.unreadable(id)).collect();
        let others: Vec<&Damage> = plan.damaged.iter().filter(|damage| !said.contains(damage)).collect();
        let entry =
            |composer: &Self, damage: &&Damage| Entry { name: composer.words.damage(damage), ..Entry::default() };
        self.list(self.words.heading_damaged(), Block::Rows, &others, MAX_NAMES, entry);
    }

    fn foot(&mut self) {
        let report = self.report.plan_id().and_then(commands::report);
        self.commands(self.words.look_again(&self.here()), report.into_iter().collect());
        let mut foot = vec![self.words.footer(env!("CARGO_PKG_VERSION"), &clean(self.report.host, MAX_NAME))];
        foot.extend(self.report.job_id.map(|job| self.words.footer_job(&clean(job, MAX_NAME))));
        self.blocks.push(Block::Foot(foot));
    }
}

/// The mark of an outcome as a whole.
impl From<Outcome> for Mark {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success | Outcome::Recovered | Outcome::Test => Self::Good,
            Outcome::Partial | Outcome::RepoFailure => Self::Bad,
            Outcome::Missed | Outcome::Unknown => Self::Absent,
        }
    }
}

/// An annotation in the reader's language: `summary_it`, else `summary`, else `summary_en`.
fn annotation<'a>(alert: &'a Alert, kind: &str, words: Words) -> Option<&'a str> {
    let names = [kind.to_string() + &words.annotation_suffix(), kind.into(), format!("{kind}_en")];
    names.iter().find_map(|name| alert.annotations.get(name)).map(String::as_str).filter(|text| !text.trim().is_empty())
}
