//! One look at a job's plans: what the cluster says now, and when each plan was due.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::examine::{Extent, question};
use super::store::state_directory;
use crate::cluster::{self, Selector};
use crate::config::Settings;
use crate::model::cluster::{Cluster, ReadError};
use crate::model::history::{History, failed_before};
use crate::model::job::Job;
use crate::model::plan::{ModuleId, Plan, PlanId};
use crate::model::run::Assessment;
use crate::model::schedule::Elapses;
use crate::system::agent::Agent;
use crate::system::calendar;
use crate::watch::as_of::AsOf;
use crate::watch::history::Histories;
use crate::watch::memory::Memory;

/// When schedules were due, as seen from one time. It is asked once for each schedule.
#[derive(Debug, Default)]
pub struct Due {
    /// The time as of which a job's run is looked for, since its first look.
    reference: Option<Timestamp>,
    elapses: BTreeMap<String, Elapses>,
}

impl Due {
    /// Learns the schedules of `plans`. One that cannot be evaluated now is asked for again next time.
    async fn learn(&mut self, plans: &[Plan], reference: Timestamp) {
        let schedules = plans.iter().filter_map(|plan| plan.schedule.clone());
        let unknown: BTreeSet<String> = schedules.filter(|schedule| !self.elapses.contains_key(schedule)).collect();
        if unknown.is_empty() {
            return;
        }
        for (schedule, elapses) in calendar::elapses(&unknown, reference, None).await {
            match elapses {
                Ok(elapses) => drop(self.elapses.insert(schedule, elapses)),
                Err(error) => log::debug!("the schedule {schedule:?} is not evaluated: {error}"),
            }
        }
    }

    /// Returns the elapses around the job's arrival or, if the results are a later run's, around its begin.
    async fn of_results(&self, plan: &Plan, now: Timestamp) -> Elapses {
        let elapses = self.of(plan).cloned().unwrap_or_default();
        let (Some(schedule), Some(begun)) = (&plan.schedule, elapses.overtaken(plan, now)) else { return elapses };
        let later = calendar::elapses(&[schedule.clone()].into(), begun, None).await.remove(schedule);
        later.and_then(Result::ok).unwrap_or(elapses)
    }

    fn of(&self, plan: &Plan) -> Option<&Elapses> {
        plan.schedule.as_ref().and_then(|schedule| self.elapses.get(schedule))
    }

    /// Returns when each of `plans` runs next, at `now`; `None` if that is not known.
    async fn next_runs(&self, plans: &[Plan], now: Timestamp) -> Vec<Option<Timestamp>> {
        let next = |plan: &Plan| self.of(plan)?.next.filter(|next| *next > now);
        let past = plans.iter().filter(|plan| self.of(plan).is_some() && next(plan).is_none());
        let past: BTreeSet<String> = past.filter_map(|plan| plan.schedule.clone()).collect();
        let later = if past.is_empty() { BTreeMap::new() } else { calendar::elapses(&past, now, None).await };
        let later = |plan: &Plan| later.get(plan.schedule.as_ref()?)?.as_ref().ok()?.next;
        plans.iter().map(|plan| next(plan).or_else(|| later(plan)).filter(|_| plan.enabled)).collect()
    }
}

/// One look.
#[derive(Debug)]
pub struct Look {
    /// The cluster.
    pub cluster: Cluster,
    /// What the results of each plan in it mean, in the same order.
    pub assessments: Vec<Assessment>,
    /// When each plan runs next, in the same order; `None` if that is not known or was not asked for.
    pub next_runs: Vec<Option<Timestamp>>,
    /// When a module failed in the run before the job's, if nobody was mailed about that.
    pub unreported: Option<Timestamp>,
}

impl Look {
    /// Reads the job's plans: its own, or those that ran lately if it names none. As long as this run has no result, a
    /// failure of the run before that nobody was mailed about is what the alert means.
    ///
    /// # Errors
    /// Returns an error if the cluster cannot be read.
    pub async fn take(job: &Job, settings: &Settings, extent: Extent, due: &mut Due) -> Result<Self, ReadError> {
        let since = job.recent_since(settings.correlator.recent_window);
        let selector = job.plan.as_ref().map_or(Selector::Recent { since }, Selector::Plan);
        let reference = *due.reference.get_or_insert_with(|| job.reference(Timestamp::now()));
        let look = Self::at(settings, selector, extent, Some((job, reference)), due).await?;
        let history = |plan: &PlanId| Histories::new(&state_directory()).load(plan).ok();
        match look.with_unreported(job, &history) {
            Ok(look) => Ok(look),
            Err(earlier) => Self::at(settings, selector, extent, Some((job, earlier)), &mut Due::default()).await,
        }
    }

    /// Adds a failure in the run before that nobody was mailed about.
    ///
    /// # Errors
    /// Returns the time of the run to look at instead, as long as this one has no result.
    pub fn with_unreported(self, job: &Job, history: &dyn Fn(&PlanId) -> Option<History>) -> Result<Self, Timestamp> {
        match self.unreported(job, history) {
            Some(earlier) if !self.has_results() => Err(earlier),
            unreported => Ok(Self { unreported, ..self }),
        }
    }

    fn unreported(&self, job: &Job, history: &dyn Fn(&PlanId) -> Option<History>) -> Option<Timestamp> {
        let [(plan, assessment)] = self.plans().collect::<Vec<_>>()[..] else { return None };
        assessment.due.filter(|due| job.plan.is_some() && job.may_mean_before(*due))?;
        failed_before(plan, assessment).next()?;
        history(&plan.id)?.unreported_failure(plan, assessment)
    }

    /// Whether any module has a result of its run.
    pub fn has_results(&self) -> bool {
        self.assessments.iter().any(|assessment| assessment.counts.success + assessment.counts.error > 0)
    }

    /// Reads plans and assesses the run that `job` is about, looked for as of the time beside it; without a job, the
    /// last one.
    ///
    /// # Errors
    /// Returns an error if the cluster cannot be read.
    pub async fn at(
        settings: &Settings,
        selector: Selector<'_>,
        extent: Extent,
        job: Option<(&Job, Timestamp)>,
        due: &mut Due,
    ) -> Result<Self, ReadError> {
        let stale_after = settings.correlator.stale_after;
        let agent = Agent::load(&settings.repo_check);
        let mut cluster = cluster::read(&settings.redis, question(selector, extent, agent.as_ref())).await?;
        cluster.plans.retain(|plan| job.is_none_or(|(job, _)| job.may_be_about(&plan.id)));
        due.learn(&cluster.plans, job.map_or_else(Timestamp::now, |(_, reference)| reference)).await;
        let now = Timestamp::now();
        let histories = Histories::new(&state_directory());
        let memory = settings.watch.enabled.then(|| Memory::read(&state_directory()).ok()).flatten();
        let mut assessments: Vec<Assessment> = Vec::new();
        for plan in &mut cluster.plans {
            let elapses = due.of_results(plan, now).await;
            // What the watch knows of a plan that was deleted is no more.
            let memory = memory.as_ref().filter(|_| plan.defined || plan.lacks_definition());
            let last = AsOf::now(now, &elapses, memory, stale_after);
            let as_of = job.map_or(last, |(job, reference)| last.of_job(job, reference));
            let (known, assessment) = as_of.assess(plan, || histories.load(&plan.id).ok());
            if let Cow::Owned(recalled) = known {
                *plan = recalled;
            }
            assessments.push(assessment);
        }
        // An alert that names no plan is about the one that failed.
        if assessments.iter().any(|assessment| assessment.counts.error > 0) {
            assessments.iter_mut().for_each(Assessment::forget_the_alert);
        }
        let next_runs = match extent {
            Extent::Everything => due.next_runs(&cluster.plans, now).await,
            Extent::Results => vec![None; cluster.plans.len()],
        };
        Ok(Self { cluster, assessments, next_runs, unreported: None })
    }

    /// Returns each plan with what its results mean.
    pub fn plans(&self) -> impl Iterator<Item = (&Plan, &Assessment)> {
        self.cluster.plans.iter().zip(&self.assessments)
    }

    /// Returns the members whose result of this run may still come, each with its plan.
    pub fn awaited(&self) -> BTreeSet<(PlanId, ModuleId)> {
        let of_plan = |(plan, assessment): (&Plan, &Assessment)| {
            assessment.awaited(plan).into_iter().map(|module| (plan.id.clone(), module)).collect::<Vec<_>>()
        };
        self.plans().flat_map(of_plan).collect()
    }

    /// Whether the only plan is not in the cluster, with no result of it: it may have been deleted.
    pub fn is_gone(&self) -> bool {
        let is_gone = |plan: &Plan| !plan.defined && plan.results.is_empty() && plan.status.is_none();
        matches!(&self.cluster.plans[..], [plan] if is_gone(plan) && plan.damaged.is_empty())
    }

    /// Returns whether an alert says that the run is missing, and no module has a result of it: there is nothing to
    /// wait for.
    pub fn is_missing(&self, job: &Job) -> bool {
        job.says_missing() && !self.has_results()
    }

    /// Returns whether there is something to report before the run is over: a module that failed, in this run or,
    /// unreported, in the one before, or an alert that is about this run. A repetition of an earlier run's alert says
    /// nothing new.
    pub fn is_news(&self, job: &Job) -> bool {
        let is_news = |assessment: &Assessment| {
            assessment.counts.error > 0 || assessment.due.is_none_or(|due| job.alert_start() >= due)
        };
        self.unreported.is_some() || self.assessments.iter().any(is_news)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::alert::{Alert, Alerts};
    use crate::model::job::JobId;
    use crate::model::plan::ModuleResult;
    use crate::model::run::{RunRule, assess};

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_763_600_000 + minutes * 60).unwrap()
    }

    /// A job about plan 2 for an alert of this name, which began at this minute.
    pub(crate) fn job(name: &str, start: i64) -> Job {
        let alert = Alert { name: name.into(), labels: [].into(), annotations: [].into(), starts_at: Some(at(start)) };
        let alerts = Alerts { kept: vec![alert], left_out: 0 };
        Job::new(JobId::new(at(30), 1), PlanId::new("2"), at(30), alerts)
    }

    /// A look at plan 2, which was due at minute 0 and 60 minutes before. Its members are `a` and `b`; results have the
    /// minute of their end and their errors.
    pub(crate) fn look(results: &[(&str, i64, u64)]) -> Look {
        let id = |name: &str| ModuleId::new(name).unwrap();
        let result = |end: i64, errors: u64| ModuleResult::sample(at(end - 5), at(end), errors);
        let mut plan = Plan::unknown(PlanId::new("2").unwrap());
        plan.members = Some([id("a"), id("b")].into());
        plan.results = results.iter().map(|(name, end, errors)| (id(name), result(*end, *errors))).collect();
        let rule = RunRule { due: &[at(0), at(-60)], ..RunRule::default() };
        let assessments = vec![assess(&plan, &rule, at(30))];
        let cluster = Cluster {
            name: None,
            uuid: None,
            leader: None,
            plans: vec![plan],
            unplanned: None,
            destinations: Vec::new(),
            smarthost: Ok(None),
            loki: None,
        };
        Look { cluster, assessments, next_runs: vec![None], unreported: None }
    }

    #[test]
    fn an_unreported_failure_is_what_the_alert_means_until_this_run_has_a_result() {
        let job = job("backup_failed", 1);
        let history = |plan: &PlanId| Some(History::new(plan.clone()));
        let before = look(&[("a", -50, 0), ("b", -40, 1)]);
        assert_eq!(before.with_unreported(&job, &history).unwrap_err(), at(-40));
        let begun = look(&[("a", 5, 0), ("b", -40, 1)]);
        assert_eq!(begun.with_unreported(&job, &history).unwrap().unreported, Some(at(-40)));
    }

    #[test]
    fn an_alert_that_began_when_the_run_was_due_is_about_that_run() {
        let look = look(&[("a", -50, 0), ("b", -40, 0)]);
        for (start, is_news) in [(-1, false), (0, true)] {
            assert_eq!(look.is_news(&job("backup_failed", start)), is_news, "{start}");
        }
    }
}
