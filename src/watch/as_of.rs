//! What a plan's results mean as of a time: the one way of jobs, digest and watch. Pure.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;

use super::memory::Memory;
use crate::model::history::History;
use crate::model::job::Job;
use crate::model::plan::Plan;
use crate::model::run::{Assessment, RunRule, assess};
use crate::model::schedule::Elapses;

/// What is known beside a plan's results.
#[derive(Debug, Clone, Copy)]
pub struct AsOf<'a> {
    /// The time as of which the run is looked for.
    pub reference: Timestamp,
    /// The elapses of the plan's schedule around that time.
    pub elapses: &'a Elapses,
    /// What the watch knows; `None` if nothing is watched.
    pub memory: Option<&'a Memory>,
    /// The job with the alerts about the run, if there is one.
    pub job: Option<&'a Job>,
    /// `correlator.stale_after`.
    pub stale_after: Option<Duration>,
    /// The time.
    pub now: Timestamp,
}

impl<'a> AsOf<'a> {
    /// The last run as of `now`, without an alert.
    pub fn now(
        now: Timestamp,
        elapses: &'a Elapses,
        memory: Option<&'a Memory>,
        stale_after: Option<Duration>,
    ) -> Self {
        Self { reference: now, elapses, memory, job: None, stale_after, now }
    }

    /// The run that `job` is about, looked for as of `reference`.
    pub fn of_job(self, job: &'a Job, reference: Timestamp) -> Self {
        Self { reference, job: Some(job), ..self }
    }

    /// Assesses the results of `plan`. Returns it with those that only `history` knows; that is asked if some lack.
    pub fn assess<'p>(&self, plan: &'p Plan, history: impl FnOnce() -> Option<History>) -> (Cow<'p, Plan>, Assessment) {
        let assessment = self.assess_results(plan);
        let due = assessment.due.filter(|_| assessment.counts.absent() > 0);
        match due.and_then(|due| history()?.recall(plan, due, self.now)) {
            None => (Cow::Borrowed(plan), assessment),
            Some(recalled) => {
                let assessment = self.assess_results(&recalled);
                (Cow::Owned(recalled), assessment)
            }
        }
    }

    /// Assesses the results of `plan` as they are.
    fn assess_results(&self, plan: &Plan) -> Assessment {
        let known = self.memory.and_then(|memory| memory.plans.get(&plan.id));
        let elapses = known.map_or_else(|| self.elapses.clone(), |known| known.own(self.elapses));
        let (due, since) = match self.memory {
            Some(memory) => memory.times(plan, elapses.due(plan), self.reference),
            None => (elapses.due(plan).to_vec(), None),
        };
        let (joined, job, stale_after) = (known.map(|known| &known.newcomers), self.job, self.stale_after);
        let (alert_start, failed_at) = (job.and_then(Job::failure_start), job.and_then(Job::failed_at));
        let says_missing = job.is_some_and(|job| job.plan.is_some() && job.says_missing());
        let rule = RunRule { due: &due, since, joined, alert_start, says_missing, failed_at, stale_after };
        assess(plan, &rule, self.now)
    }
}
