//! The modules: one block for each that needs somebody, one line for each that went well.

use std::time::Duration;

use super::clean::clean;
use super::writer::{MAX_SENTENCE, Writer, join};
use super::{commands, figures};
use crate::classify::{Assessment, State};
use crate::cluster::model::{Layout, ModuleId, ModuleResult, Plan};

const MAX_BLOCKS: usize = 50;
const MAX_LINES: usize = 200;

impl Writer<'_> {
    /// All modules: failures, those without a result of this run, successes.
    pub(super) fn modules(&mut self, plan: &Plan, assessment: &Assessment) {
        let (counts, words) = (&assessment.counts, self.words);
        let of = |states: &[State]| -> Vec<_> {
            assessment.modules.iter().filter(|(_, state)| states.contains(state)).collect()
        };
        self.blocks(&words.heading_failed(&self.count(counts.error)), plan, &of(&[State::Error]));
        let absent = of(&[State::Stale, State::Missing]);
        self.blocks(&words.heading_absent(&self.count(counts.absent())), plan, &absent);
        self.successes(&words.heading_succeeded(&self.count(counts.success)), plan, &of(&[State::Success]));
    }

    /// Modules that need somebody, one block each.
    fn blocks(&mut self, heading: &str, plan: &Plan, modules: &[&(ModuleId, State)]) {
        self.list(heading, modules, MAX_BLOCKS, |writer, (id, state)| {
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
            (_, None) => {
                let unreadable = plan.unreadable(id).map(|damage| self.words.why_unread(damage));
                let why = unreadable.unwrap_or_else(|| self.words.missing());
                self.field(1, &self.words.label_reason(), &why);
            }
        }
        let layout = result.map(|result| result.layout);
        let commands = commands::look_into(self.report.redis, &plan.id, id, layout);
        let heading = match node {
            Some(node) if layout != Some(Layout::A) => self.words.label_next_on_node(&node),
            _ => self.words.label_next(),
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
        let word = if result.errors == 0 { self.words.success() } else { self.words.error() };
        let time = result.end.map(|end| self.time_and_age(end));
        self.field(1, &self.words.label_earlier_result(), &join([Some(word), time]));
    }

    fn times(&mut self, result: &ModuleResult) {
        let end = result.end.map_or_else(|| self.words.end_unknown(), |end| self.time_and_age(end));
        self.field(1, &self.words.label_ended(), &end);
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
    fn successes(&mut self, heading: &str, plan: &Plan, modules: &[&(ModuleId, State)]) {
        self.list(heading, modules, MAX_LINES, |writer, (id, _)| {
            let name = plan.modules.get(id).and_then(|module| module.ui_name.as_deref());
            let Some(result) = plan.results.get(id) else { return };
            let end = result.end.map(|end| figures::short_time(end, &writer.report.zone));
            let facts = [end, writer.took(result), writer.size(result), writer.files(result)];
            writer.field(1, &writer.named(id.as_str(), name), &join(facts));
        });
    }
}
