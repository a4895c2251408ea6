//! The last runs at a glance.

use jiff::tz::TimeZone;

use super::compose::Composer;
use super::{Block, Calendar, CalendarRow, Mark};
use crate::config::Language;
use crate::model::history::{History, ModuleRecord};
use crate::model::plan::ModuleId;
use crate::model::run::State;
use crate::model::text::clean;
use crate::report::figures::{self, MAX_NAME};
use crate::report::{PlanFacts, Words};

/// Maximum number of runs shown, and of modules.
const MAX_RUNS: usize = 14;
const MAX_ROWS: usize = 60;

impl Composer<'_> {
    /// The last runs of each module, if there are any on record.
    pub(super) fn runs(&mut self, facts: &PlanFacts) {
        let Some(history) = facts.history.filter(|history| !history.runs.is_empty()) else { return };
        let mut calendar = calendar(history, self.report.language, self.report.now, &self.report.zone);
        let left_out = calendar.rows.len().saturating_sub(MAX_ROWS);
        calendar.rows.truncate(MAX_ROWS);
        let heading = self.words.heading_runs(&self.count(calendar.runs.len()));
        self.blocks.extend([Block::Heading(heading), Block::Calendar(calendar)]);
        self.left_out(left_out as u64);
    }
}

/// Returns the last runs of a plan, the modules in trouble first.
pub(crate) fn calendar(
    history: &History,
    language: Language,
    now: jiff::Timestamp,
    zone: &TimeZone,
) -> Calendar {
    let words = Words(language);
    let first = history.runs.len().saturating_sub(MAX_RUNS);
    let shown = &history.runs[first..];
    let mut ids: Vec<&ModuleId> = shown.iter().flat_map(|run| run.modules.keys()).collect();
    let trouble = |id: &ModuleId| {
        let states: Vec<State> = shown.iter().rev().filter_map(|run| Some(run.modules.get(id)?.state)).collect();
        let in_a_row = states.iter().take_while(|state| **state != State::Success).count();
        (in_a_row, states.iter().filter(|state| **state != State::Success).count())
    };
    ids.sort_by(|a, b| trouble(b).cmp(&trouble(a)).then_with(|| a.natural_order().cmp(&b.natural_order())));
    ids.dedup();
    let row = |id: &&ModuleId| {
        let part = |run: &crate::model::history::RunRecord| run.modules.get(*id).cloned();
        let parts: Vec<Option<ModuleRecord>> = shown.iter().map(part).collect();
        let sizes: Vec<Option<u64>> = parts.iter().map(|part| part.as_ref().and_then(|part| part.size)).collect();
        let all = history.runs.iter().filter_map(|run| run.modules.get(*id));
        let good = all.filter(|part| part.state == State::Success).filter_map(|part| part.end).max();
        let last_good = good.map(|good| format!("{} ({})", figures::time(good, zone), figures::ago(words, now, good)));
        CalendarRow {
            name: clean(id.as_str(), MAX_NAME),
            cells: parts.iter().map(|part| part.as_ref().map(|part| Mark::from(part.state))).collect(),
            size: sizes.iter().rev().flatten().next().map(|size| figures::size(words, *size)).unwrap_or_default(),
            sizes,
            last_good: last_good.unwrap_or_else(|| words.never()),
        }
    };
    let runs: Vec<jiff::Timestamp> = shown.iter().map(|run| run.due.unwrap_or(run.at)).collect();
    Calendar {
        legend: words.legend("+", "x", "-"),
        heads: runs.iter().map(|run| figures::time(*run, zone)).collect(),
        runs,
        rows: ids.iter().map(row).collect(),
    }
}
