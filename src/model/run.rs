//! From what the cluster says to what it means: each module's state, and the plan's outcome. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::job::Job;
use crate::model::plan::{ModuleId, Plan};

/// An alert that says that a run is missing may begin this long after a run that was not: the others' of a plan one of
/// whose modules is missing.
const MISSING_AFTER: Duration = Duration::from_secs(3600);

/// A module's state in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It failed in this run.
    Error,
    /// Its last result is an earlier run's.
    Stale,
    /// A member without any result that could be read.
    Missing,
    /// It was backed up in this run.
    Success,
}

/// The outcome of a report, in the words of its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// Every module succeeded.
    Success,
    /// Some modules succeeded, or not all have a result.
    Partial,
    /// No module succeeded, or nothing is known.
    RepoFailure,
    /// The cluster could not be read.
    Unknown,
    /// The run did not start, as the watch found.
    Missed,
    /// Every module succeeded after a reported failure.
    Recovered,
    /// A test mail.
    Test,
}

impl Outcome {
    /// Returns the outcome's word, the same in every language.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Partial => "PARTIAL",
            Self::RepoFailure => "REPO_FAILURE",
            Self::Unknown => "UNKNOWN",
            Self::Missed => "MISSED",
            Self::Recovered => "RECOVERED",
            Self::Test => "TEST",
        }
    }
}

/// How many modules are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Modules that succeeded.
    pub success: usize,
    /// Modules that failed.
    pub error: usize,
    /// Modules whose last result is an earlier run's.
    pub stale: usize,
    /// Members without a result.
    pub missing: usize,
}

impl Counts {
    fn of(modules: &[(ModuleId, State)]) -> Self {
        let count = |wanted| modules.iter().filter(|(_, state)| *state == wanted).count();
        Self {
            success: count(State::Success),
            error: count(State::Error),
            stale: count(State::Stale),
            missing: count(State::Missing),
        }
    }

    /// Modules without a result of this run.
    pub fn absent(&self) -> usize {
        self.stale + self.missing
    }

    /// All modules.
    pub fn total(&self) -> usize {
        self.success + self.error + self.absent()
    }

    /// The outcome that these counts amount to.
    pub fn outcome(&self) -> Outcome {
        match (self.success, self.error, self.absent()) {
            (success, 0, 0) if success > 0 => Outcome::Success,
            (0, _, 0) | (0, 0, _) => Outcome::RepoFailure,
            _ => Outcome::Partial,
        }
    }
}

/// What a plan's results mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// The outcome.
    pub outcome: Outcome,
    /// The counts behind it.
    pub counts: Counts,
    /// Each module with its state, failures first, then by id in natural order.
    pub modules: Vec<(ModuleId, State)>,
    /// Whether even the newest sign of the plan is more than `stale_after` old.
    pub outdated: bool,
}

impl Assessment {
    /// The modules that failed or have no result of this run, failures first.
    pub fn troubled(&self) -> impl Iterator<Item = &ModuleId> {
        self.modules.iter().filter(|(_, state)| *state != State::Success).map(|(module, _)| module)
    }

    /// The members that have no result of this run yet.
    pub fn unsettled(&self) -> BTreeSet<ModuleId> {
        let absent = |state: &State| matches!(state, State::Stale | State::Missing);
        self.modules.iter().filter(|(_, state)| absent(state)).map(|(module, _)| module.clone()).collect()
    }
}

/// Assesses `plan` for the alerts of `job`, at the time `now`.
///
/// Where they say that a run of this plan is missing, and all that there is are successes from well before, those are
/// an earlier run's however short `stale_after` finds the time since: somebody may have started that run by hand.
pub fn assess_for(job: &Job, plan: &Plan, now: Timestamp, stale_after: Option<Duration>) -> Assessment {
    let assessment = assess(plan, job.alert_start(), now, stale_after);
    let run_until = plan.newest_sign().and_then(|newest| newest.checked_add(MISSING_AFTER).ok());
    let earlier = run_until.is_some_and(|until| until < job.alert_start());
    let of_this_plan = job.plan.is_some() && job.says_missing();
    if of_this_plan && stale_after.is_some() && assessment.outcome == Outcome::Success && earlier {
        return assess(plan, job.alert_start(), now, Some(Duration::ZERO));
    }
    assessment
}

/// Assesses `plan` for an alert that started at `alert_start`, at the time `now`.
///
/// A result is stale when it ended more than `stale_after` before this run, whose time is the newer of the alert's
/// start and the newest sign of the plan. The latter counts as no later than `now`: one clock that runs ahead must not
/// make everybody else's result an old one. The alert's start counts as it is: it was no later than the alert's
/// arrival, and a clock that was set back since must not make last night's result one of this run.
pub fn assess(plan: &Plan, alert_start: Timestamp, now: Timestamp, stale_after: Option<Duration>) -> Assessment {
    let run = plan.newest_sign().map_or(alert_start, |newest| newest.min(now).max(alert_start));
    let oldest = stale_after.and_then(|age| run.checked_sub(age).ok());
    // A module whose result is damaged is in `modules` only: it counts as one without a result, never as nothing.
    let ids: BTreeSet<&ModuleId> =
        plan.results.keys().chain(plan.members.iter().flatten()).chain(plan.modules.keys()).collect();
    let mut modules: Vec<(ModuleId, State)> = ids
        .into_iter()
        .map(|id| {
            let state = match plan.results.get(id) {
                None => State::Missing,
                Some(result) if oldest.is_some_and(|oldest| result.end.is_some_and(|end| end < oldest)) => State::Stale,
                Some(result) if result.errors == 0 => State::Success,
                Some(_) => State::Error,
            };
            (id.clone(), state)
        })
        .collect();
    modules.sort_by(|(a, state_a), (b, state_b)| (state_a, a.natural_order()).cmp(&(state_b, b.natural_order())));
    let newest_age = plan.newest_sign().and_then(|newest| Duration::try_from(now.duration_since(newest)).ok());
    let outdated = newest_age.zip(stale_after).is_some_and(|(age, limit)| age > limit);
    let counts = Counts::of(&modules);
    Assessment { outcome: counts.outcome(), counts, modules, outdated }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::alert::Alert;
    use crate::model::job::JobId;
    use crate::model::plan::{Layout, Module, ModuleResult, PlanId, PlanStatus};

    const HOUR: i64 = 3600;
    const HALF_A_DAY: Option<Duration> = Some(Duration::from_secs(43_200));

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_763_600_000 + seconds).unwrap()
    }

    fn id(name: &str) -> ModuleId {
        ModuleId::new(name).unwrap()
    }

    fn result(end: Option<Timestamp>, errors: u64) -> ModuleResult {
        ModuleResult {
            layout: Layout::C,
            start: None,
            end,
            errors,
            error: None,
            total_size: None,
            total_file_count: None,
            snapshots_count: None,
        }
    }

    fn plan(results: &[(&str, Option<i64>, u64)], members: Option<&[&str]>) -> Plan {
        let mut plan = Plan::unknown(PlanId::new("2").unwrap());
        plan.results = results.iter().map(|(name, end, errors)| (id(name), result(end.map(at), *errors))).collect();
        plan.members = members.map(|members| members.iter().copied().map(id).collect());
        plan
    }

    fn states(plan: &Plan, alert: i64, now: i64) -> Vec<(String, State)> {
        let assessment = assess(plan, at(alert), at(now), HALF_A_DAY);
        assessment.modules.into_iter().map(|(id, state)| (id.to_string(), state)).collect()
    }

    #[test]
    fn each_combination_of_counts_has_its_outcome() {
        use Outcome::{Partial, RepoFailure, Success};
        for ((success, error, stale, missing), outcome) in [
            ((0, 0, 0, 0), RepoFailure),
            ((3, 0, 0, 0), Success),
            ((0, 3, 0, 0), RepoFailure),
            ((1, 2, 0, 0), Partial),
            ((2, 0, 1, 0), Partial),
            ((2, 0, 0, 1), Partial),
            ((0, 1, 1, 0), Partial),
            ((0, 1, 0, 1), Partial),
            ((1, 1, 1, 1), Partial),
            ((0, 0, 2, 0), RepoFailure),
            ((0, 0, 0, 2), RepoFailure),
            ((0, 0, 1, 1), RepoFailure),
        ] {
            let counts = Counts { success, error, stale, missing };
            assert_eq!(counts.outcome(), outcome, "{counts:?}");
        }
    }

    /// Where every module has a result of this run, the outcome is the founding document's.
    #[test]
    fn without_absent_modules_the_founding_document_holds() {
        for (failed, total) in (0..5).flat_map(|total| (0..=total).map(move |failed| (failed, total))) {
            let documented = match (failed, total) {
                (0, total) if total > 0 => Outcome::Success,
                (failed, total) if 0 < failed && failed < total => Outcome::Partial,
                _ => Outcome::RepoFailure,
            };
            let counts = Counts { success: total - failed, error: failed, ..Counts::default() };
            assert_eq!(counts.outcome(), documented, "{failed} of {total}");
        }
    }

    #[test]
    fn a_result_of_last_month_is_told_to_be_old() {
        let plan = plan(&[("a", Some(0), 0)], None);
        let outdated = |now, stale_after| assess(&plan, Timestamp::UNIX_EPOCH, at(now), stale_after).outdated;
        assert_eq!([12 * HOUR, 12 * HOUR + 1, -1].map(|now| outdated(now, HALF_A_DAY)), [false, true, false]);
        assert!(!outdated(700 * HOUR, None));
    }

    #[test]
    fn failures_come_first_then_modules_by_id() {
        let plan = plan(&[("d", Some(0), 0), ("c", Some(0), 1), ("b", Some(0), 0)], Some(&["a", "b", "c", "d"]));
        let in_order = [("c", State::Error), ("a", State::Missing), ("b", State::Success), ("d", State::Success)];
        assert_eq!(states(&plan, 0, 0), in_order.map(|(name, state)| (name.into(), state)));
        let assessment = assess(&plan, at(0), at(0), HALF_A_DAY);
        assert_eq!(assessment.counts, Counts { success: 2, error: 1, stale: 0, missing: 1 });
        assert_eq!(assessment.unsettled(), BTreeSet::from([id("a")]));
    }

    #[test]
    fn modules_are_listed_as_people_count() {
        let plan =
            plan(&[("mail10", Some(0), 0), ("mail2", Some(0), 0), ("mail", Some(0), 0), ("9", Some(0), 0)], None);
        assert_eq!(
            states(&plan, 0, 0).iter().map(|(id, _)| &**id).collect::<Vec<_>>(),
            ["9", "mail", "mail2", "mail10"]
        );
    }

    #[test]
    fn a_result_is_stale_only_when_it_is_older_than_the_limit() {
        for (end, state) in [
            (-12 * HOUR, State::Success),
            (-12 * HOUR - 1, State::Stale),
            (-24 * HOUR, State::Stale),
            (0, State::Success),
            (HOUR, State::Success),
        ] {
            assert_eq!(states(&plan(&[("m", Some(end), 0)], None), 0, 2 * HOUR), [("m".into(), state)], "{end}");
        }
        let forever = assess(&plan(&[("m", Some(-1_000_000), 0)], None), at(0), at(0), None);
        assert_eq!(forever.outcome, Outcome::Success);
    }

    /// A run by hand in the afternoon is not the night's, however few hours lie between.
    #[test]
    fn a_missing_run_is_not_made_up_by_an_earlier_one() {
        let all_well = plan(&[("a", Some(0), 0), ("b", Some(HOUR), 0)], Some(&["a", "b"]));
        let one_failed = plan(&[("a", Some(0), 1), ("b", Some(HOUR), 0)], Some(&["a", "b"]));
        let outcome = |plan, alert: &str, starts_at: i64| {
            let (name, starts_at) = (alert.into(), Some(at(starts_at)));
            let alert = Alert { name, labels: [].into(), annotations: [].into(), starts_at };
            let job = Job::new(JobId::new(at(0), 0), PlanId::new("2"), at(24 * HOUR), alert);
            assess_for(&job, plan, at(24 * HOUR), HALF_A_DAY).outcome
        };
        for name in ["backup_missing", "NsBackupMissing"] {
            assert_eq!(outcome(&all_well, name, 11 * HOUR), Outcome::RepoFailure);
            assert_eq!(outcome(&all_well, name, 2 * HOUR), Outcome::Success, "the run is over, though late");
            assert_eq!(outcome(&one_failed, name, 11 * HOUR), Outcome::Partial);
        }
        assert_eq!(outcome(&all_well, "BackupFailed", 11 * HOUR), Outcome::Success);
    }

    /// Layout A: a run that ended before its first module did leaves only the plan's own record.
    #[test]
    fn the_plans_own_record_makes_its_modules_old() {
        let mut plan = plan(&[("a", Some(0), 0)], None);
        let timestamp = Some(at(24 * HOUR));
        plan.status = Some(PlanStatus { success: false, timestamp, errors: Some(1) });
        assert_eq!(states(&plan, HOUR, 25 * HOUR), [("a".into(), State::Stale)]);
    }

    /// An alert that is only repeated keeps its old start: the newest result tells when this run was.
    #[test]
    fn the_newest_result_makes_the_others_old() {
        let plan = plan(&[("a", Some(0), 1), ("b", Some(-24 * HOUR), 0)], None);
        assert_eq!(states(&plan, -72 * HOUR, HOUR), [("a".into(), State::Error), ("b".into(), State::Stale)]);
    }

    #[test]
    fn last_nights_success_is_not_tonights() {
        let plan = plan(&[("a", Some(-24 * HOUR), 0), ("b", Some(-23 * HOUR), 0)], Some(&["a", "b"]));
        assert_eq!(assess(&plan, at(0), at(60), HALF_A_DAY).outcome, Outcome::RepoFailure);
    }

    #[test]
    fn a_clock_that_runs_ahead_makes_nobody_old() {
        let plan = plan(&[("a", Some(48 * HOUR), 1), ("b", Some(-60), 0)], None);
        assert_eq!(states(&plan, 0, 0), [("a".into(), State::Error), ("b".into(), State::Success)]);
    }

    #[test]
    fn a_clock_that_is_set_back_after_the_alert_makes_nobody_new() {
        let plan = plan(&[("a", Some(0), 1), ("b", Some(-24 * HOUR), 0)], None);
        assert_eq!(states(&plan, 60, -400 * 24 * HOUR), [("a".into(), State::Error), ("b".into(), State::Stale)]);
    }

    #[test]
    fn an_error_without_a_time_is_an_error() {
        assert_eq!(states(&plan(&[("a", None, 1)], None), 0, 0), [("a".into(), State::Error)]);
    }

    #[test]
    fn a_module_whose_result_is_damaged_is_one_without_a_result() {
        let mut plan = plan(&[("a", Some(0), 0)], None);
        plan.modules = [id("a"), id("b")].map(|id| (id, Module::default())).into();
        assert_eq!(states(&plan, 0, 0), [("b".into(), State::Missing), ("a".into(), State::Success)]);
        assert_eq!(assess(&plan, at(0), at(0), HALF_A_DAY).outcome, Outcome::Partial);
    }

    #[test]
    fn times_at_the_ends_of_time_do_no_harm() {
        let mut plan = plan(&[("a", Some(0), 0)], None);
        plan.results.insert(id("b"), result(Some(Timestamp::MIN), 0));
        plan.results.insert(id("c"), result(Some(Timestamp::MAX), 0));
        for now in [Timestamp::MIN, at(0), Timestamp::MAX] {
            for alert in [Timestamp::MIN, Timestamp::MAX] {
                assert_eq!(assess(&plan, alert, now, Some(Duration::MAX)).counts.total(), 3);
            }
        }
    }
}
