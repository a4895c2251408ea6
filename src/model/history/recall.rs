//! Results that only the history has: those of modules that have moved to another node since. Pure.

use std::time::Duration;

use jiff::Timestamp;

use super::{History, ModuleRecord, RunRecord};
use crate::model::plan::{Layout, Module, ModuleId, ModuleResult, Plan};
use crate::model::run::State;
use crate::model::schedule::{RETRIES, is_of_run};

impl ModuleRecord {
    /// Rebuilds the cluster's result from this record; `None` if there was none.
    fn result(&self, layout: Layout) -> Option<ModuleResult> {
        let (end, start) = (self.end?, self.start());
        let errors = if self.state == State::Error { self.errors.max(1) } else { 0 };
        Some(ModuleResult {
            layout,
            start,
            end: Some(end),
            errors: errors.into(),
            error: None,
            total_size: self.size,
            total_file_count: self.files,
            snapshots_count: (layout == Layout::C).then_some(self.size.is_some().into()),
        })
    }

    /// When its backup started, if that is known.
    fn start(&self) -> Option<Timestamp> {
        self.end?.checked_sub(Duration::from_secs(self.seconds?)).ok()
    }

    /// Notes in `module` where this failure is from.
    fn place(&self, module: &mut Module) {
        let node = self.node.map_or(String::new(), |node| node.to_string());
        module.ran_on = Some(node).filter(|node| module.node.as_ref() != Some(node));
    }
}

impl RunRecord {
    /// Whether the modules of `later` that are no part of this run began longer after it than a run waits for a module.
    pub(super) fn is_long_before(&self, later: &Self) -> bool {
        let newest = self.modules.values().filter_map(|part| part.end).max();
        let others = later.modules.iter().filter(|(id, _)| !self.modules.contains_key(*id));
        let began = others.filter_map(|(_, part)| part.start()).min();
        newest.and_then(|end| end.checked_add(RETRIES).ok()).zip(began).is_some_and(|(until, began)| began > until)
    }
}

impl History {
    /// Returns `plan` with the results of runs due at `due` or later that the cluster has no more: those of modules
    /// that have moved to another node since. `None` if there are none.
    pub fn recall(&self, plan: &Plan, due: Timestamp, now: Timestamp) -> Option<Plan> {
        let layout = plan.layout().unwrap_or(Layout::C);
        let since = || self.runs.iter().rev().take_while(|run| run.due.is_none_or(|of_run| of_run >= due));
        let newest = |id: &ModuleId| {
            since().find_map(|run| run.modules.get(id).and_then(|part| Some((part, part.result(layout)?))))
        };
        let is_gone = |id: &ModuleId, known: &ModuleResult| {
            let result = plan.results.get(id);
            // By a clock that was set back since, what is newer looks older.
            known.end <= Some(now)
                && result.is_none_or(|result| result.end < known.end)
                && plan.unreadable(id).is_none()
                && is_of_run(known, due)
        };
        let known = plan.members.iter().flatten().filter_map(|id| Some((id, newest(id)?)));
        let mut gone = known.filter(|(id, (_, result))| is_gone(id, result)).peekable();
        gone.peek()?;
        let mut recalled = plan.clone();
        for (id, (part, result)) in gone {
            if let Some(module) = recalled.modules.get_mut(id).filter(|_| result.errors > 0) {
                part.place(module);
            }
            recalled.results.insert(id.clone(), result);
        }
        Some(recalled)
    }
}
