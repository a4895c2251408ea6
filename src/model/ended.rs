//! When a run is over although some of its modules have no result. Pure.
//!
//! NS8 retries a module that is busy with another backup, and gives up in the end: then it has no result of this run,
//! and none will come.

use std::time::Duration;

use jiff::Timestamp;

use super::history::History;
use super::plan::{ModuleId, Plan};
use super::run::{Assessment, State};

/// NS8 retries busy modules for this long after the others are done (ns8-core, `run-backup`).
pub const RETRIES: Duration = Duration::from_secs(3600);
/// How much later than usual counts as far too late.
pub const SLACK: Duration = Duration::from_secs(600);

/// How far the logs of the nodes that still have to give a result say that a run has come.
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

/// What is known of a run that lacks results.
#[derive(Debug, Clone, Copy)]
pub struct Open {
    /// How long there has been no result.
    pub quiet: Duration,
    /// How long ago it was due; `None` if that is not known.
    pub age: Option<Duration>,
    /// How long its modules may take to give one.
    pub patience: Duration,
    /// When a run that has not started is a missed one.
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
        let since = newest(plan, assessment);
        let absent = assessment.unsettled();
        let patience = patience(absent.iter(), history, grace);
        // A run without any result may not have started yet.
        let patience = if since.is_some() { patience } else { patience.max(grace) };
        let quiet = age(since.or(assessment.due)?, now);
        Some(Self { quiet, age: assessment.due.map(|due| age(due, now)), patience, grace })
    }

    /// Whether it has been quiet for so long that its log is worth a look.
    pub fn is_quiet(&self) -> bool {
        self.quiet >= RETRIES
    }

    /// Whether no further result will come.
    pub fn is_over(&self, progress: Progress) -> bool {
        self.is_quiet()
            && match progress {
                Progress::Over => true,
                Progress::NotStarted => self.age.is_some_and(|age| age >= self.grace) || self.is_far_too_late(),
                Progress::Unknown => self.is_far_too_late(),
                Progress::Running => false,
            }
    }

    /// Whether it has been quiet for much longer than its modules usually take.
    pub fn is_far_too_late(&self) -> bool {
        self.quiet >= self.patience
    }
}

/// Returns how long the modules in `absent` may take to give a result, retries included; `unknown` for one of which that
/// is not known.
pub fn patience<'a>(
    absent: impl Iterator<Item = &'a ModuleId>,
    history: Option<&History>,
    unknown: Duration,
) -> Duration {
    let of = |id| match history.and_then(|history| history.usual(id).seconds) {
        Some(usual) => RETRIES + Duration::from_secs(usual).mul_f32(1.25) + SLACK,
        None => unknown,
    };
    absent.map(of).max().unwrap_or_default()
}

/// Returns how long ago `time` is at `now`; nothing if it lies ahead.
pub fn age(time: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(time)).unwrap_or_default()
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
    fn a_log_that_can_be_read_ends_the_wait_and_a_bound_does_without() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let open = |quiet, age| Open {
            quiet: minutes(quiet),
            age: Some(minutes(age)),
            patience: minutes(100),
            grace: minutes(180),
        };
        use Progress::{NotStarted, Over, Running, Unknown};
        for (quiet, age, progress, over) in [
            (59, 600, Over, false),
            (60, 60, Over, true),
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
}
