//! The modules: a block for each that needs somebody, a line for each that went well.

use std::time::Duration;

use super::writer::{MAX_NAME, MAX_SENTENCE, Writer, join};
use super::{commands, figures};
use crate::model::plan::{Layout, ModuleId, ModuleResult, Plan};
use crate::model::run::{Assessment, State};
use crate::model::text::clean;

/// So many modules that need somebody have a block each, and so many more a line each.
const MAX_BLOCKS: usize = 10;
const MAX_IN_BRIEF: usize = 90;
const MAX_NODES: usize = 20;
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
        self.logs(plan, assessment);
        self.successes(&words.heading_succeeded(&self.count(counts.success)), plan, &of(&[State::Success]));
    }

    /// Modules that need somebody, one block each as long as they are few.
    fn blocks(&mut self, heading: &str, plan: &Plan, modules: &[&(ModuleId, State)]) {
        let (first, others) = modules.split_at(modules.len().min(MAX_BLOCKS));
        self.list(heading, first, MAX_BLOCKS, |writer, (id, state)| {
            writer.page.blank();
            writer.block(plan, id, *state);
        });
        let heading = self.words.heading_in_brief(&self.count(others.len()));
        self.list(&heading, others, MAX_IN_BRIEF, |writer, (id, state)| writer.in_brief(plan, id, *state));
    }

    fn block(&mut self, plan: &Plan, id: &ModuleId, state: State) {
        let result = plan.results.get(id);
        self.page.paragraph(0, &self.module_name(plan, id));
        if let Some(node) = self.node(plan, id) {
            self.field(1, &self.words.label_node(), &node);
        }
        match (state, result) {
            (State::Error, Some(result)) => self.failure(result),
            (_, Some(result)) => {
                self.field(1, &self.words.label_reason(), &self.words.stale());
                self.field(1, &self.words.label_earlier_result(), &self.earlier(result, MAX_SENTENCE));
            }
            (_, None) => self.field(1, &self.words.label_reason(), &self.why_missing(plan, id)),
        }
        if let Some(result) = result {
            self.next(plan, id, result);
        }
    }

    /// One of many: what tells it from the others.
    fn in_brief(&mut self, plan: &Plan, id: &ModuleId, state: State) {
        let node = plan.modules.get(id).and_then(|module| module.node.as_deref());
        let node = node.map(|node| format!("{} {}", self.words.node(), clean(node, MAX_NAME)));
        let fact = match (state, plan.results.get(id)) {
            (State::Error, Some(result)) => {
                let errors = || self.words.errors(&figures::number(self.words, result.errors));
                let what = given_reason(result, MAX_NAME).unwrap_or_else(errors);
                join([result.end.map(|end| self.time(end)), Some(what)])
            }
            (_, Some(result)) => self.words.of_earlier_run(&self.earlier(result, MAX_NAME)),
            (_, None) => self.why_missing(plan, id),
        };
        self.field(1, &self.module_name(plan, id), &join([node, Some(fact)]));
    }

    fn module_name(&self, plan: &Plan, id: &ModuleId) -> String {
        self.named(id.as_str(), plan.modules.get(id).and_then(|module| module.ui_name.as_deref()))
    }

    fn node(&self, plan: &Plan, id: &ModuleId) -> Option<String> {
        let module = plan.modules.get(id)?;
        Some(self.named(module.node.as_deref()?, module.node_name.as_deref()))
    }

    /// Where commands about the module are to be typed.
    fn place(&self, plan: &Plan, id: &ModuleId) -> String {
        self.node(plan, id).map_or_else(|| self.words.on_the_modules_node(), |node| self.words.on_node(&node))
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
        match given_reason(result, MAX_SENTENCE) {
            Some(reason) => reason,
            None if result.snapshots_count == Some(0) => self.words.repository_unread(),
            None if result.layout == Layout::A => self.words.no_reason(),
            None => self.words.log_tells(),
        }
    }

    /// A last result that is an earlier run's: nothing of that may pass for this run's.
    fn earlier(&self, result: &ModuleResult, longest_reason: usize) -> String {
        let word = if result.errors == 0 { self.words.success() } else { self.words.error() };
        join([Some(word), result.end.map(|end| self.time(end)), given_reason(result, longest_reason)])
    }

    fn why_missing(&self, plan: &Plan, id: &ModuleId) -> String {
        plan.unreadable(id).map_or_else(|| self.words.missing(), |damage| self.words.why_unread(damage))
    }

    fn times(&mut self, result: &ModuleResult) {
        if let (Some(start), Some(end)) = (result.start, result.end) {
            let period = self.words.period(&self.time(start), &figures::end_time(start, end, &self.report.zone));
            let duration = self.duration(result).map(|duration| format!(" ({duration})"));
            return self.field(1, &self.words.label_ran(), &(period + &duration.unwrap_or_default()));
        }
        if let Some(start) = result.start {
            self.field(1, &self.words.label_started(), &self.time(start));
        }
        let end = result.end.map_or_else(|| self.words.end_unknown(), |end| self.time(end));
        self.field(1, &self.words.label_ended(), &end);
    }

    /// How long it took; `None` too where it ended before it started, as a clock that was set back has it.
    fn duration(&self, result: &ModuleResult) -> Option<String> {
        let duration = Duration::try_from(result.end?.duration_since(result.start?)).ok()?;
        Some(figures::duration(self.words, duration))
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

    /// The command that shows more of a module that has had a result.
    fn next(&mut self, plan: &Plan, id: &ModuleId, result: &ModuleResult) {
        let (place, command) = match result.layout {
            // Its status holds no more than the reason that stands above.
            Layout::A if given_reason(result, MAX_SENTENCE).is_some() => return,
            Layout::A => (self.here(), commands::status(self.report.redis, &plan.id, id)),
            Layout::B | Layout::C => (self.place(plan, id), commands::restic(&plan.id, id, "snapshots")),
        };
        self.commands(1, &self.words.label_next(&place), command.as_slice());
    }

    /// Where the run's log is, once for each node on which a module needs somebody. Layout A names no unit.
    fn logs(&mut self, plan: &Plan, assessment: &Assessment) {
        let has_unit = |id: &&ModuleId| plan.results.get(*id).is_none_or(|result| result.layout > Layout::A);
        let mut places = Vec::new();
        for place in assessment.troubled().filter(has_unit).map(|id| self.place(plan, id)) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        for place in places.iter().take(MAX_NODES) {
            self.advice(&self.words.look_at_log(place), &commands::run(&plan.id));
        }
        self.left_out(places.len().saturating_sub(MAX_NODES) as u64);
    }

    /// Modules that went well, one line each.
    fn successes(&mut self, heading: &str, plan: &Plan, modules: &[&(ModuleId, State)]) {
        self.list(heading, modules, MAX_LINES, |writer, (id, _)| {
            let Some(result) = plan.results.get(id) else { return };
            let end = result.end.map(|end| writer.time(end));
            let took = writer.duration(result).map(|duration| writer.words.took(&duration));
            let facts = [end, took, writer.size(result), writer.files(result)];
            writer.field(1, &writer.module_name(plan, id), &join(facts));
        });
    }
}

/// The reason that the cluster gives (layout A).
fn given_reason(result: &ModuleResult, longest: usize) -> Option<String> {
    result.error.as_deref().map(|error| clean(error, longest)).filter(|error| !error.is_empty())
}
