//! The modules: an entry for each that needs somebody, a line for each that went well.

use std::cmp::Reverse;
use std::time::Duration;

use jiff::Timestamp;

use super::cause::action;
use super::compose::Composer;
use super::explain::quoted;
use super::{Block, Entry, Line, Mark};
use crate::model::history::{Quantity, Streak, Unusual};
use crate::model::order::sort_by_key;
use crate::model::plan::{Layout, ModuleId, ModuleResult, Plan};
use crate::model::reason::{Gap, Reason, span};
use crate::model::run::{Outcome, State};
use crate::model::text::clean;
use crate::model::time::is_ahead;
use crate::report::figures::{self, MAX_NAME, MAX_SENTENCE, join, without_full_stop};
use crate::report::isolate::outside;
use crate::report::{PlanFacts, commands, outcome, trend};

/// Modules that need somebody: with an entry of several lines, and with one line.
const MAX_ENTRIES: usize = 10;
const MAX_IN_BRIEF: usize = 90;
const MAX_NODES: usize = 20;
const MAX_GAPS: usize = 6;
/// Longest line of a log among the modules in brief, in bytes.
const MAX_LINE_IN_BRIEF: usize = 160;
const MAX_LINES: usize = 200;
const MAX_UNUSUAL: usize = 20;

/// One module's part in the run.
#[derive(Clone, Copy)]
struct Part<'a> {
    facts: &'a PlanFacts<'a>,
    id: &'a ModuleId,
    state: State,
}

impl<'a> Part<'a> {
    fn plan(self) -> &'a Plan {
        self.facts.plan
    }

    fn result(self) -> Option<&'a ModuleResult> {
        self.facts.plan.results.get(self.id)
    }

    fn reason(self) -> Option<&'a Reason> {
        self.facts.reasons?.modules.get(self.id)
    }

    /// Whether the log has a snapshot of this run of which the cluster has no result.
    fn is_absent_but_written(self) -> bool {
        let is_absent = !matches!(self.state, State::Error | State::Success);
        is_absent && self.reason().and_then(|reason| reason.snapshot_written) == Some(true)
    }
}

impl Composer<'_> {
    /// All modules: failures, those without a result of this run, successes.
    pub(super) fn modules(&mut self, facts: &PlanFacts) {
        let (counts, words) = (&facts.assessment.counts, self.words);
        // As long as each failure has a line at least.
        let has_room = counts.error.max(counts.absent()) <= MAX_ENTRIES + MAX_IN_BRIEF;
        let parts: Vec<Part> =
            facts.assessment.modules.iter().map(|(id, state)| Part { facts, id, state: *state }).collect();
        let of = |mark: Mark| parts.iter().copied().filter(|part| Mark::from(part.state) == mark).collect::<Vec<_>>();
        self.troubled(words.heading_failed(&self.count(counts.error)), of(Mark::Bad));
        self.troubled(words.heading_absent(&self.count(counts.absent())), of(Mark::Absent));
        self.gaps(facts, &parts);
        self.logs(facts, &parts);
        let successes = of(Mark::Good);
        let unusual: Vec<Entry> = successes.iter().filter_map(|part| self.unusual(*part)).collect();
        self.list(words.heading_unusual(), Block::Rows, &unusual, MAX_UNUSUAL, |_, entry| entry.clone());
        let heading = words.heading_succeeded(&self.count(counts.success));
        let most = if has_room { MAX_LINES } else { 0 };
        self.rows(heading, &successes, most, |composer, part| composer.success(*part));
    }

    /// Modules that need somebody: an entry each as long as they are few. Those that have been without a success for
    /// the longest time come first.
    fn troubled(&mut self, heading: String, mut parts: Vec<Part>) {
        sort_by_key(&mut parts, |part| Reverse(Streak::new(part.facts.history, part.id, part.state).runs));
        let (first, others) = parts.split_at(parts.len().min(MAX_ENTRIES));
        self.list(heading, Block::Entries, first, MAX_ENTRIES, |composer, part| composer.entry(*part));
        let heading = self.words.heading_in_brief(&self.count(others.len()));
        self.rows(heading, others, MAX_IN_BRIEF, |composer, part| composer.in_brief(*part));
    }

    /// A line for each of at most `most` modules, and the names of the others.
    fn rows(&mut self, heading: String, parts: &[Part], most: usize, row: fn(&Self, &Part) -> Entry) {
        let (first, others) = parts.split_at(parts.len().min(most));
        if first.is_empty() && !others.is_empty() {
            self.blocks.push(Block::Heading(heading));
        } else {
            self.list(heading, Block::Rows, first, most, row);
        }
        if !others.is_empty() {
            let ids = others.iter().map(|part| part.id).collect();
            let names = self.names(ids, usize::MAX, &|id| outside(id.as_str(), MAX_NAME));
            let more = self.words.more(&self.count(others.len()), &names);
            self.blocks.push(Block::LeftOut(if first.is_empty() { names } else { more }));
        }
    }

    fn entry(&self, part: Part) -> Entry {
        let words = self.words;
        let mut lines = self.why(part);
        lines.extend(self.restorable(part).map(Line::Text));
        lines.extend(self.node(part).map(|node| Line::field(words.label_node(), node)));
        match (part.state, part.result()) {
            (State::Error, Some(result)) => lines.extend(self.figures(part, result)),
            (_, Some(result)) => {
                lines.push(Line::field(words.label_earlier_result(), self.earlier(result, MAX_SENTENCE)));
            }
            (_, None) => {}
        }
        lines.extend(self.next(part));
        Entry { mark: Some(part.state.into()), name: self.module_name(part), lines, ..Entry::default() }
    }

    /// Why it failed or is absent: the cause and the log's own words, else what the cluster says.
    fn why(&self, part: Part) -> Vec<Line> {
        let words = self.words;
        let cause = self.cause(part.facts, part.id);
        let from_cluster = || match (part.state, part.result()) {
            (State::Error, Some(result)) => self.failure(result),
            _ => self.why_absent(part),
        };
        let log = quoted(part.reason().map(|reason| &*reason.lines).unwrap_or_default());
        let mut lines = Vec::new();
        if cause.is_some() || log.is_empty() || part.state != State::Error {
            lines.push(Line::field(words.label_reason(), cause.unwrap_or_else(from_cluster)));
        }
        if !log.is_empty() {
            lines.extend([Line::Text(words.label_log() + ":"), Line::Quote(log)]);
        }
        lines
    }

    /// Why it failed, as far as the cluster says: layout A has a reason, B and C have numbers.
    fn failure(&self, result: &ModuleResult) -> String {
        let (words, unread) = (self.words, result.snapshots_count == Some(0));
        match (given_reason(result, MAX_SENTENCE), result.layout) {
            (Some(reason), _) => reason,
            (None, Layout::A) => words.no_reason(),
            // The first error is the run's own; reading the statistics afterwards counts another.
            (None, Layout::C) if result.errors >= 2 && unread => words.run_and_reading_failed(),
            (None, Layout::B | Layout::C) => words.a_step_failed(),
        }
    }

    /// How many runs in a row it has no success, and its last good backup.
    fn restorable(&self, part: Part) -> Option<String> {
        let words = self.words;
        let streak = Streak::new(part.facts.history, part.id, part.state);
        // A run that is not over has not failed.
        let counts = streak.runs > 1 && (part.state == State::Error || self.report.interim.is_none());
        let in_a_row = counts.then(|| words.in_a_row(streak));
        // This run wrote a snapshot, and failed for another reason.
        let has_snapshot = part.reason().is_some_and(|reason| reason.snapshot_written == Some(true));
        let last = if has_snapshot { trend::last_success } else { trend::last_good };
        let last_good = last(part.facts, part.id, self.report.now).map(|good| {
            let (time, age) = (self.time(good.at), figures::age_of(words, self.report.now, &good));
            let last = if has_snapshot { words.last_without_errors(&time, &age) } else { words.last_good(&time, &age) };
            last + &if good.or_later { words.or_later() } else { String::new() }
        });
        let none = || if has_snapshot { words.none_without_errors() } else { words.no_last_good() };
        let last_good = last_good.or_else(|| in_a_row.as_ref().map(|_| none()));
        let sentence = [in_a_row, last_good].into_iter().flatten().collect::<Vec<_>>().join("; ");
        let mut letters = sentence.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect())
    }

    /// Times, errors and the newest snapshot of a failure.
    fn figures(&self, part: Part, result: &ModuleResult) -> Vec<Line> {
        let words = self.words;
        let mut lines = self.times(result);
        if result.layout > Layout::A {
            lines.push(Line::field(words.label_errors(), figures::number(words, result.errors)));
        }
        let written = part.reason().and_then(|reason| reason.snapshot_written);
        let whose = match written {
            Some(true) => words.snapshot_of_this_run(),
            Some(false) => words.snapshot_of_earlier_run(),
            None => words.snapshot_of_some_run(),
        };
        if let Some(size) = self.size(result) {
            let facts = join([Some(size), self.files(result), Some(whose)]);
            lines.push(Line::field(words.label_snapshot(), facts));
        } else if written == Some(true) {
            lines.push(Line::field(words.label_snapshot(), whose));
        }
        lines
    }

    /// One of many: what tells it from the others.
    fn in_brief(&self, part: Part) -> Entry {
        let node = part.plan().modules.get(part.id).and_then(|module| module.node.as_deref());
        let node = node.map(|node| format!("{} {}", self.words.node(), outside(node, MAX_NAME)));
        let cause = self.cause(part.facts, part.id);
        let log = part.reason().and_then(|reason| reason.lines.last()).map(|line| outside(line, MAX_LINE_IN_BRIEF));
        let known = cause.or(log).or_else(|| part.is_absent_but_written().then(|| self.words.written_without_result()));
        let fact = match (part.state, part.result()) {
            (State::Error, Some(result)) => {
                let errors = || self.words.errors(&figures::number(self.words, result.errors));
                let what = known.or_else(|| given_reason(result, MAX_NAME)).unwrap_or_else(errors);
                join([result.end.map(|end| self.past(end)), Some(what)])
            }
            (_, Some(result)) => join([known, Some(self.words.of_earlier_run(&self.earlier(result, MAX_NAME)))]),
            (_, None) => known.unwrap_or_else(|| self.why_absent(part)),
        };
        let value = join([node, Some(fact)]);
        Entry { mark: Some(part.state.into()), name: self.module_name(part), value, ..Entry::default() }
    }

    fn module_name(&self, part: Part) -> String {
        let module = part.plan().modules.get(part.id);
        self.named(part.id.as_str(), module.and_then(|module| module.ui_name.as_deref()))
    }

    fn node(&self, part: Part) -> Option<String> {
        let module = part.plan().modules.get(part.id)?;
        Some(self.named(module.node.as_deref()?, module.node_name.as_deref()))
    }

    /// Where commands about the module are to be typed.
    fn place(&self, part: Part) -> String {
        self.node(part).map_or_else(|| self.words.on_the_modules_node(), |node| self.words.on_node(&node))
    }

    /// Says where the log of its last run is: a module may have moved to another node since.
    fn place_of_run(&self, part: Part) -> String {
        let modules = &part.plan().modules;
        let Some(moved) = modules.get(part.id).filter(|module| module.ran_on.is_some()) else {
            return self.place(part);
        };
        let on_node = |node: &str| {
            let neighbour = modules.values().find(|module| module.node.as_deref() == Some(node));
            self.words.on_node(&self.named(node, neighbour.and_then(|module| module.node_name.as_deref())))
        };
        moved.node_of_run().map_or_else(|| self.words.on_each_node(), on_node)
    }

    /// A last result that is an earlier run's: nothing of it may pass for this run's.
    fn earlier(&self, result: &ModuleResult, longest_reason: usize) -> String {
        let word = if result.errors == 0 { self.words.success() } else { self.words.error() };
        join([Some(word), result.end.map(|end| self.past(end)), given_reason(result, longest_reason)])
    }

    /// Why it has no result of this run, as far as that is known.
    fn why_absent(&self, part: Part) -> String {
        let words = self.words;
        match (part.result(), part.plan().unreadable(part.id)) {
            (None, Some(damage)) => words.why_unread(damage),
            _ if part.is_absent_but_written() => words.written_without_result(),
            (None, None) => words.missing(),
            (Some(_), _) if outcome(self.report) == Outcome::Missed => words.not_started(),
            (Some(_), _) => words.stale(),
        }
    }

    fn times(&self, result: &ModuleResult) -> Vec<Line> {
        let words = self.words;
        if let (Some(start), Some(end)) = (result.start, result.end) {
            let ahead = is_ahead(end, self.report.now).then(|| format!(" ({})", self.age(end)));
            let [start, end] = figures::period(start, end, &self.report.zone);
            let period = words.period(&start, &end) + &ahead.unwrap_or_default();
            let duration = self.duration(result).map(|duration| format!(" ({duration})"));
            return vec![Line::field(words.label_ran(), period + &duration.unwrap_or_default())];
        }
        let start = result.start.map(|start| Line::field(words.label_started(), self.time(start)));
        let end = result.end.map_or_else(|| words.end_unknown(), |end| self.past(end));
        start.into_iter().chain([Line::field(words.label_ended(), end)]).collect()
    }

    fn duration(&self, result: &ModuleResult) -> Option<String> {
        Some(figures::duration(self.words, result.duration()?))
    }

    fn size(&self, result: &ModuleResult) -> Option<String> {
        Some(figures::size(self.words, result.size().filter(|size| *size > 0)?))
    }

    fn files(&self, result: &ModuleResult) -> Option<String> {
        Some(self.words.files(&figures::number(self.words, result.files().filter(|count| *count > 0)?)))
    }

    /// The commands that show more of a module.
    fn next(&self, part: Part) -> Vec<Line> {
        let (words, plan) = (self.words, &part.plan().id);
        let action = action(part.facts, part.id);
        // Without a result, there need not be snapshots.
        let layout = part.plan().layout().filter(|_| action != ["snapshots"]);
        let (place, command) = match part.result().map_or(layout, |result| Some(result.layout)) {
            None => (String::new(), None),
            // Of layout A, the status holds no more than the reason that stands above.
            Some(Layout::A) => match part.result().and_then(|result| given_reason(result, 1)) {
                Some(_) => (String::new(), None),
                None => (self.here(), commands::status(self.report.redis, plan, part.id)),
            },
            Some(Layout::B | Layout::C) => (self.place(part), commands::restic(plan, part.id, action)),
        };
        let log = match part.plan().layout() {
            Some(Layout::B) => commands::run_of_module(plan, part.id, self.span(part.facts)),
            _ => Vec::new(),
        };
        let next = Line::commands(words.label_next(&place), command.into_iter().collect());
        let log = Line::commands(words.look_at_either_log(&self.place(part)), log);
        next.into_iter().chain(log).collect()
    }

    /// Why the logs say nothing about some modules, and what shows them.
    fn gaps(&mut self, facts: &PlanFacts, parts: &[Part]) {
        let Some(reasons) = facts.reasons.filter(|reasons| !reasons.gaps.is_empty()) else { return };
        let unexplained = parts.iter().filter(|part| part.state == State::Error && part.reason().is_none());
        let unexplained: Vec<_> =
            unexplained.filter(|part| part.plan().layout() > Some(Layout::A)).map(|p| p.id).collect();
        if unexplained.is_empty() {
            return;
        }
        self.notes([self.words.log_not_known(&self.ids(unexplained), &self.silences(&reasons.gaps))]);
        let commands = reasons.gaps.iter().filter_map(|gap| commands::shown_as_it_is(gap.command.as_deref()?));
        let mut commands: Vec<String> = commands.take(MAX_GAPS).collect();
        commands.dedup();
        self.commands(self.words.look_in_log(), commands);
    }

    /// Which logs say nothing, and why.
    pub(super) fn silences(&self, gaps: &[Gap]) -> String {
        let mut sentences: Vec<String> = Vec::new();
        for gap in gaps {
            let why = clean(without_full_stop(&self.words.silence(&gap.why)), MAX_SENTENCE);
            let sentence = format!("{}: {why}", self.words.source(gap.source));
            if !sentences.contains(&sentence) && sentences.len() < MAX_GAPS {
                sentences.push(sentence);
            }
        }
        sentences.join(". ")
    }

    /// Where the run's log is, once for each node on which a module of layout C needs somebody. Layout A names no unit,
    /// and B has one for each module.
    fn logs(&mut self, facts: &PlanFacts, parts: &[Part]) {
        let mut places = Vec::new();
        let troubled = parts.iter().filter(|part| part.state != State::Success);
        for place in
            troubled.filter(|part| part.plan().layout() == Some(Layout::C)).map(|part| self.place_of_run(*part))
        {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        for place in places.iter().take(MAX_NODES) {
            self.commands(self.words.look_at_log(place), commands::run(&facts.plan.id, self.span(facts)));
        }
        self.left_out(places.len().saturating_sub(MAX_NODES) as u64);
    }

    /// When the run took place, as far as its log is concerned.
    pub(super) fn span(&self, facts: &PlanFacts) -> (Timestamp, Timestamp) {
        span(facts.plan, facts.assessment, self.report.now)
    }

    /// A module that went well, in one line.
    fn success(&self, part: Part) -> Entry {
        let end = part.result().and_then(|result| result.end).map(|end| self.past(end));
        let took = part.result().and_then(|result| self.duration(result)).map(|took| self.words.took(&took));
        let [size, files] = [Self::size, Self::files].map(|figure| figure(self, part.result()?));
        let value = join([end, took, size, files]);
        Entry { mark: Some(Mark::Good), name: self.module_name(part), value, ..Entry::default() }
    }

    /// A module that went well, with figures far off its usual ones.
    fn unusual(&self, part: Part) -> Option<Entry> {
        let words = self.words;
        let clause = |Unusual { quantity, now, usual }: &Unusual| match quantity {
            Quantity::Size => words.unusual_size(&figures::size(words, *now), &figures::size(words, *usual)),
            Quantity::Files => words.unusual_files(&figures::number(words, *now), &figures::number(words, *usual)),
            Quantity::Seconds => {
                let [now, usual] = [now, usual].map(|seconds| Duration::from_secs(*seconds));
                words.unusual_duration(&figures::duration(words, now), &figures::duration(words, usual))
            }
        };
        let unusual = part.facts.history?.unusual(part.id);
        let value = unusual.iter().map(clause).collect::<Vec<_>>().join("; ");
        (!value.is_empty()).then(|| Entry { name: self.module_name(part), value, ..Entry::default() })
    }
}

/// The reason that the cluster gives (layout A).
fn given_reason(result: &ModuleResult, longest: usize) -> Option<String> {
    result.error.as_deref().map(|error| outside(error, longest)).filter(|error| !error.is_empty())
}
