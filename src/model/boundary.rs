//! Which results belong to one run: the one rule of jobs, watch and digest. Pure.

use std::time::Duration;

use jiff::Timestamp;

use super::plan::{ModuleResult, Plan};
use super::schedule::is_of_run;
use crate::model::order::sort_by;

/// The earliest time at which a result belongs to a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Boundary {
    /// When the run was due; `None` if that is not known, or if it was started by hand.
    pub due: Option<Timestamp>,
    /// Backups that started before are an earlier run's.
    started: Option<Timestamp>,
    /// Backups that ended before are an earlier run's.
    ended: Option<Timestamp>,
}

impl Boundary {
    /// The run that was due at `due`: every backup that started then or later, however long ago that is.
    ///
    /// If nothing ran for `stale_after` or longer, and then something did, that is a run of its own, which somebody
    /// started by hand. Backups that start after `now`, by a clock that runs ahead, are no sign of one.
    pub fn due(plan: &Plan, due: Timestamp, stale_after: Option<Duration>, now: Timestamp) -> Self {
        match stale_after.and_then(|idle| begins_after_pause(plan, due, idle, now)) {
            Some(by_hand) => Self { started: Some(by_hand), ..Self::default() },
            None => Self { due: Some(due), ..Self::default() },
        }
    }

    /// A run with an unknown due time: the backups that ended at most `stale_after` before `newest`.
    pub fn by_age(newest: Option<Timestamp>, stale_after: Option<Duration>) -> Self {
        let ended = newest.zip(stale_after).and_then(|(newest, age)| newest.checked_sub(age).ok());
        Self { ended, ..Self::default() }
    }

    /// Whether `result` belongs to an earlier run.
    pub fn excludes(&self, result: &ModuleResult) -> bool {
        let ended_before = result.end.zip(self.ended).is_some_and(|(end, limit)| end < limit);
        let began = result.start.or(result.end);
        let started_before = began.zip(self.started).is_some_and(|(began, limit)| began < limit);
        ended_before || started_before || self.due.is_some_and(|due| !is_of_run(result, due))
    }
}

/// The start of the last group of backups since `due` that follows a pause of at least `idle`.
fn begins_after_pause(plan: &Plan, due: Timestamp, idle: Duration, now: Timestamp) -> Option<Timestamp> {
    let since_due = plan.results.values().filter(|result| is_of_run(result, due));
    let mut spans: Vec<(Timestamp, Timestamp)> = since_due
        .filter_map(|result| Some((result.start.or(result.end)?, result.end.or(result.start)?)))
        .filter(|(start, _)| *start <= now)
        .collect();
    sort_by(&mut spans, Ord::cmp);
    let mut begin = None;
    let mut busy_until = spans.first()?.1;
    for (start, end) in spans {
        if Duration::try_from(start.duration_since(busy_until)).is_ok_and(|pause| pause >= idle) {
            begin = Some(start);
        }
        busy_until = busy_until.max(end);
    }
    begin
}
