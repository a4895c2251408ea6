//! The last runs at a glance.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::compose::Composer;
use super::{Block, Calendar, CalendarRow, Field, Mark};
use crate::config::Language;
use crate::model::history::{History, ModuleRecord, RunRecord};
use crate::model::order::sort_by;
use crate::model::plan::ModuleId;
use crate::model::run::State;
use crate::model::text::clean;
use crate::report::figures::{self, MAX_NAME};
use crate::report::isolate::set_apart;
use crate::report::{PlanFacts, Words};

/// Maximum number of runs shown, and of modules.
const MAX_RUNS: usize = 14;
pub(crate) const MAX_ROWS: usize = 60;

impl Composer<'_> {
    /// The last runs of each module, if there are any on record.
    pub(super) fn runs(&mut self, facts: &PlanFacts) {
        let Some(history) = facts.history.filter(|history| !history.runs.is_empty()) else { return };
        self.blocks.extend(last_runs(history, MAX_ROWS, self.report.language, self.report.now, &self.report.zone));
    }
}

/// Returns the last runs of a plan, for a page that is about nothing else.
pub(crate) fn of_plan(history: &History, language: Language, now: Timestamp, zone: &TimeZone) -> Vec<Block> {
    let words = Words(language);
    let name = history.name.as_deref().map(|name| clean(name, MAX_NAME)).filter(|name| !name.is_empty());
    let id = clean(history.plan.as_str(), MAX_NAME);
    let plan = name.map_or_else(|| id.clone(), |name| format!("{id} ({})", set_apart(name)));
    let about = Block::Fields(vec![Field::new(words.label_plan(), plan)]);
    [about].into_iter().chain(last_runs(history, MAX_ROWS, language, now, zone)).collect()
}

/// Returns the calendar of a plan's last runs below its heading, with at most `max_rows` modules.
pub(crate) fn last_runs(
    history: &History,
    max_rows: usize,
    language: Language,
    now: Timestamp,
    zone: &TimeZone,
) -> Vec<Block> {
    let words = Words(language);
    let (calendar, left_out) = calendar(history, max_rows, language, now, zone);
    let left_out = (left_out > 0).then(|| Block::LeftOut(words.left_out(&figures::number(words, left_out as u64))));
    [Block::Heading(calendar.title.clone()), Block::Calendar(calendar)].into_iter().chain(left_out).collect()
}

/// Returns the last runs of a plan, the modules in trouble first, and how many modules are left out.
fn calendar(
    history: &History,
    max_rows: usize,
    language: Language,
    now: Timestamp,
    zone: &TimeZone,
) -> (Calendar, usize) {
    let words = Words(language);
    let shown = &history.runs[history.runs.len().saturating_sub(MAX_RUNS)..];
    let ids: BTreeSet<&ModuleId> = shown.iter().flat_map(|run| run.modules.keys()).collect();
    let mut ids: Vec<(Reverse<(usize, usize)>, &ModuleId)> =
        ids.into_iter().map(|id| (Reverse(trouble(shown, id)), id)).collect();
    sort_by(&mut ids, |(a, id_a), (b, id_b)| (a, id_a.natural_order()).cmp(&(b, id_b.natural_order())));
    let left_out = ids.len().saturating_sub(max_rows);
    ids.truncate(max_rows);
    let row = |(_, id): &(_, &ModuleId)| {
        let parts: Vec<Option<&ModuleRecord>> = shown.iter().map(|run| run.modules.get(*id)).collect();
        let sizes: Vec<Option<u64>> = parts.iter().map(|part| part.and_then(|part| part.size)).collect();
        let last_good = history.last_good(id, now).map(|good| {
            let age = figures::age_of(words, now, &good);
            let later = if good.or_later { words.or_later_in_brief() } else { String::new() };
            format!("{} ({age}){later}", figures::time(good.at, zone))
        });
        CalendarRow {
            name: clean(id.as_str(), MAX_NAME),
            cells: parts.iter().map(|part| part.map(|part| part.state.into())).collect(),
            size: sizes.iter().rev().flatten().next().map(|size| figures::size(words, *size)).unwrap_or_default(),
            sizes,
            last_good: last_good.unwrap_or_else(|| words.never()),
        }
    };
    let runs: Vec<Timestamp> = shown.iter().map(|run| run.due.unwrap_or(run.at)).collect();
    let legend = |mark: fn(Mark) -> char| words.legend(mark(Mark::Good), mark(Mark::Bad), mark(Mark::Absent));
    let calendar = Calendar {
        title: words.heading_runs(&runs.len().to_string()),
        plain_legend: legend(Mark::plain),
        drawn_legend: legend(Mark::drawn),
        module: words.column_module(),
        size: words.column_size(),
        last_good: words.column_last_good(),
        heads: runs.iter().map(|run| figures::time(*run, zone)).collect(),
        rows: ids.iter().map(row).collect(),
        runs,
    };
    (calendar, left_out)
}

/// How many of the last runs in a row the module has no success in, and how many of all.
fn trouble(runs: &[RunRecord], module: &ModuleId) -> (usize, usize) {
    let parts = || runs.iter().rev().filter_map(|run| run.modules.get(module)).map(|part| part.state);
    let bad = |state: &State| *state != State::Success;
    (parts().take_while(bad).count(), parts().filter(bad).count())
}
