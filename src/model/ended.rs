//! When a run is over although some of its modules have no result. Pure.
//!
//! NS8 retries a module that is busy with another backup, and gives up in the end: then it has no result of this run,
//! and none will come.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::history::History;
use super::plan::{Layout, ModuleId, Plan};
use super::run::{Assessment, State};
use super::schedule::RETRIES;
use super::time::age;

/// How much later than usual counts as far too late.
const SLACK: Duration = Duration::from_secs(600);

/// How long a step may take at most, whatever is said to be usual: a module writes its own result, and must not keep
/// the others' absence back by it.
const LONGEST: Duration = Duration::from_secs(86_400);

/// How far a run has come, by the logs of the nodes that still lack a result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// It is over on all of them.
    Over,
    /// On one of them the log can be read, and has nothing of this run.
    NotStarted,
    /// They cannot all be read.
    #[default]
    Unknown,
    /// It goes on on one of them.
    Running,
}

/// How long results must be absent before the log is read.
pub const QUIET: Duration = Duration::from_secs(600);

/// A run that lacks results.
#[derive(Debug, Clone, Copy)]
pub struct Open {
    /// How long there has been no result.
    pub quiet: Duration,
    /// How long ago it was due; `None` if that is not known.
    pub age: Option<Duration>,
    /// Whether no result has come for much longer than its modules usually take.
    pub is_far_too_late: bool,
    /// How long after its due time a run that has not started counts as missed.
    pub grace: Duration,
}

impl Open {
    /// Returns what is known at `now` of the run that `assessment` is about; `None` if it has no result and it is not
    /// known when it was due.
    pub fn of(
        plan: &Plan,
        assessment: &Assessment,
        history: Option<&History>,
        grace: Duration,
        now: Timestamp,
    ) -> Option<Self> {
        let newest = newest(plan, assessment);
        Self::new(plan, &assessment.unsettled(), newest, assessment.due, history, grace, now)
    }

    /// Returns what is known at `now` of a run that was due at `due`, whose newest result ended at `newest`, and in
    /// which `absent` have none.
    pub fn new(
        plan: &Plan,
        absent: &BTreeSet<ModuleId>,
        newest: Option<Timestamp>,
        due: Option<Timestamp>,
        history: Option<&History>,
        grace: Duration,
        now: Timestamp,
    ) -> Option<Self> {
        let quiet = age(newest.or(due)?, now);
        let due_for = due.map(|due| age(due, now));
        let usual = |id| history.and_then(|history| history.usual(id).seconds).map(Duration::from_secs);
        let patience = |id| usual(id).or_else(|| plan.results.get(id)?.duration()).map(far_too_late);
        let is_too_late = |id| match (patience(id), due_for) {
            // Each module has a timer of its own, and none is retried.
            (patience, Some(due_for)) if plan.layout() == Some(Layout::B) => due_for >= patience.unwrap_or(grace),
            (Some(patience), _) => quiet >= RETRIES + patience,
            (None, _) => quiet >= grace,
        };
        // A run without any result may not have started yet.
        let may_start = newest.is_none() && quiet < grace;
        let is_far_too_late = !may_start && absent.iter().all(is_too_late);
        Some(Self { quiet, age: due_for, is_far_too_late, grace })
    }

    /// Whether it has been quiet for so long that its log is worth a look.
    pub fn is_quiet(&self) -> bool {
        self.quiet >= QUIET
    }

    /// Whether no further result will come.
    pub fn is_over(&self, progress: Progress) -> bool {
        self.is_quiet()
            && match progress {
                Progress::Over => true,
                Progress::NotStarted => self.is_far_too_late || self.age.is_some_and(|age| age >= self.grace),
                Progress::Unknown => self.is_far_too_late,
                Progress::Running => false,
            }
    }
}

/// Returns the time after which a step that usually takes `usual` is overdue: a day at most.
pub fn far_too_late(usual: Duration) -> Duration {
    (usual.min(LONGEST).mul_f32(1.25) + SLACK).min(LONGEST)
}

/// The newest end of the run's own results.
fn newest(plan: &Plan, assessment: &Assessment) -> Option<Timestamp> {
    let of_run = assessment.modules.iter().filter(|(_, state)| matches!(state, State::Success | State::Error));
    of_run.filter_map(|(id, _)| plan.results.get(id)?.end).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_step_is_waited_for_longer_than_a_day() {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        assert_eq!(far_too_late(hours(8)), hours(10) + SLACK);
        for usual in [hours(24), hours(55 * 8766), Duration::MAX] {
            assert_eq!(far_too_late(usual), hours(24));
        }
    }

    #[test]
    fn a_log_that_can_be_read_ends_the_wait_and_a_bound_does_without() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let open = |quiet, age| Open {
            quiet: minutes(quiet),
            age: Some(minutes(age)),
            is_far_too_late: quiet >= 100,
            grace: minutes(180),
        };
        use Progress::{NotStarted, Over, Running, Unknown};
        for (quiet, age, progress, over) in [
            (9, 600, Over, false),
            (10, 60, Over, true),
            (99, 179, Unknown, false),
            (100, 179, Unknown, true),
            (60, 179, NotStarted, false),
            (60, 180, NotStarted, true),
            (100, 100, NotStarted, true),
            (700, 700, Running, false),
        ] {
            assert_eq!(open(quiet, age).is_over(progress), over, "{quiet} {age} {progress:?}");
        }
    }

    #[test]
    fn a_run_without_a_result_may_start_until_the_grace_is_over() {
        use crate::model::plan::{ModuleResult, PlanId};
        let at = |minutes: i64| Timestamp::from_second(1_763_600_000 + minutes * 60).unwrap();
        let result = ModuleResult::sample(at(-60), at(-50), 0);
        let (mut plan, id) = (Plan::unknown(PlanId::new("2").unwrap()), ModuleId::new("a").unwrap());
        plan.results = [(id.clone(), result)].into();
        let (absent, grace) = ([id].into(), Duration::from_secs(3 * 3600));
        let open = |newest, now| Open::new(&plan, &absent, newest, Some(at(0)), None, grace, at(now)).unwrap();
        for (newest, now, is_far_too_late) in [(None, 179, false), (None, 180, true), (Some(at(1)), 179, true)] {
            assert_eq!(open(newest, now).is_far_too_late, is_far_too_late, "{newest:?} {now}");
        }
    }
}
