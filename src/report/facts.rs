//! Everything that a report says, as values: the input of the text, the JSON and the page.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::{Language, RedisAddress};
use crate::model::alert::{Alert, Kind};
use crate::model::cluster::ReadError;
use crate::model::history::{History, RunRecord};
use crate::model::plan::{ModuleId, Plan, PlanId};
use crate::model::reason::Reasons;
use crate::model::repository::Probes;
use crate::model::run::Assessment;

/// One report.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    /// What it is about.
    pub finding: Finding<'a>,
    /// The plan that the alert, or the command, names.
    pub asked_for: Option<&'a PlanId>,
    /// The cluster's name, if known.
    pub cluster: Option<&'a str>,
    /// Set if another report about the same run follows.
    pub interim: Option<&'a Interim>,
    /// Modules that no plan backs up, to be named; empty in a report that was asked for one plan.
    pub in_no_plan: &'a [ModuleId],
    /// The alerts behind it; empty for `report` on the command line.
    pub alerts: &'a [Alert],
    /// Further alerts that were counted but not kept.
    pub alerts_left_out: u64,
    /// The job; `None` for `report` on the command line.
    pub job_id: Option<&'a str>,
    /// The address of the cluster's Redis, for commands that read it.
    pub redis: &'a RedisAddress,
    /// This machine's name.
    pub host: &'a str,
    /// The time of writing.
    pub now: Timestamp,
    /// The time zone in which times are shown: this machine's.
    pub zone: TimeZone,
    /// The reader's language.
    pub language: Language,
}

impl<'a> Report<'a> {
    /// Returns the plan it is about.
    pub fn plan_id(&self) -> Option<&PlanId> {
        match &self.finding {
            Finding::Plan(facts) => Some(&facts.plan.id),
            Finding::NothingRecent(_) | Finding::Unreadable(_) => self.asked_for,
        }
    }

    /// Returns the alerts that say that something is wrong: the watch says that all is well by an alert, too.
    pub fn alarms(&self) -> impl Iterator<Item = &'a Alert> {
        self.alerts.iter().filter(|alert| !alert.is_good())
    }

    /// Whether all that was alerted is that the cluster could not be read, which is over, and no plan has run since.
    pub fn reads_again(&self) -> bool {
        let is_it = |alert: &Alert| alert.news() == Some(Kind::Unreadable);
        matches!(self.finding, Finding::NothingRecent(_)) && !self.alerts.is_empty() && self.alerts.iter().all(is_it)
    }

    /// Returns the facts about the plan, if it is about one that could be read.
    pub fn plan(&self) -> Option<&PlanFacts<'a>> {
        match &self.finding {
            Finding::Plan(facts) => Some(facts),
            Finding::NothingRecent(_) | Finding::Unreadable(_) => None,
        }
    }
}

/// The subject of a report.
#[derive(Debug, Clone)]
pub enum Finding<'a> {
    /// One plan's run.
    Plan(PlanFacts<'a>),
    /// The alert names no plan, and none has a result within this window.
    NothingRecent(Duration),
    /// The cluster could not be read, and why.
    Unreadable(ReadError),
}

/// One plan's run, and what is known about it from all sources.
#[derive(Debug, Clone, Copy)]
pub struct PlanFacts<'a> {
    /// What the cluster says.
    pub plan: &'a Plan,
    /// What it means.
    pub assessment: &'a Assessment,
    /// What a look at the repositories has shown.
    pub probes: &'a Probes,
    /// Members were still without a result when the wait ended at its cap: this long after the alert.
    pub gave_up_waiting_after: Option<Duration>,
    /// What the watch found, beyond what the results say.
    pub news: Option<News>,
    /// What the logs say; `None` if they were not read.
    pub reasons: Option<&'a Reasons>,
    /// The plan's last runs; the last of them is this one, recorded as it stands.
    pub history: Option<&'a History>,
    /// When the plan runs next by its schedule; `None` if that is not known or if it does not.
    pub next_run: Option<Timestamp>,
    /// When the newest cluster backup was written; `None` if that is not known.
    pub cluster_backup: Option<Timestamp>,
}

impl<'a> PlanFacts<'a> {
    /// Whether the cluster's own backup failed, or is older than the plan's interval by far.
    pub fn doubts_cluster_backup(&self) -> bool {
        !self.cluster_backup_log().is_empty() || self.news == Some(News::ClusterBackup)
    }

    /// Returns the lines of the leader's log that say why the cluster's own backup failed; none if it did not, or if
    /// that is not known.
    pub fn cluster_backup_log(&self) -> &'a [String] {
        self.reasons.map(|reasons| &*reasons.cluster_backup).unwrap_or_default()
    }

    /// Returns the modules that failed or were absent in this run and have left the plan since.
    pub fn gone(&self) -> BTreeSet<&'a ModuleId> {
        let is_this = |run: &&RunRecord| run.due.is_some() && run.due == self.assessment.due;
        let run = self.history.and_then(|history| history.runs.last()).filter(is_this);
        let troubled = run.into_iter().flat_map(RunRecord::troubles).map(|(id, _)| id);
        let stays = |id: &ModuleId| self.assessment.modules.iter().any(|(known, _)| known == id);
        troubled.filter(|id| !stays(id)).collect()
    }

    /// Returns the facts that every report about a plan has; the others are empty.
    pub fn new(plan: &'a Plan, assessment: &'a Assessment, probes: &'a Probes) -> Self {
        Self {
            plan,
            assessment,
            probes,
            gave_up_waiting_after: None,
            news: None,
            reasons: None,
            history: None,
            next_run: None,
            cluster_backup: None,
        }
    }
}

/// What the watch found about a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It did not start. Said only as long as there is no result of it.
    Missed {
        /// When it was due.
        due: Timestamp,
    },
    /// It started, and has been without a further result for far longer than usual.
    Hangs {
        /// The last sign of it.
        since: Timestamp,
    },
    /// It succeeded after failures that were reported. Said only if it is a success.
    Recovered {
        /// How many runs in a row had failed or were missed; 0 if nobody saw the run directly before.
        failed_runs: usize,
    },
    /// The cluster backup failed, or is older than its plan's interval by far.
    ClusterBackup,
}

/// A run that is not over: another report follows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interim {
    /// The modules without a result of this run so far, each with when it should be done, as far as its earlier
    /// durations tell. Empty if the cluster could not be read, or if only another plan's run goes on.
    pub missing: BTreeMap<ModuleId, Option<Timestamp>>,
    /// When the final report is sent at the latest.
    pub follows_until: Option<Timestamp>,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::run::{Outcome, RunRule, State, assess};

    static REDIS: RedisAddress = RedisAddress::Url(String::new());

    pub(crate) fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_763_600_000 + minutes * 60).unwrap()
    }

    /// A report that was asked for on the command line.
    pub(crate) fn report(finding: Finding<'_>) -> Report<'_> {
        Report {
            finding,
            asked_for: None,
            cluster: None,
            interim: None,
            in_no_plan: &[],
            alerts: &[],
            alerts_left_out: 0,
            job_id: None,
            redis: &REDIS,
            host: "host",
            now: at(0),
            zone: TimeZone::UTC,
            language: Language::En,
        }
    }

    #[test]
    fn only_an_alert_can_say_that_the_cluster_could_not_be_read() {
        let mut report = report(Finding::NothingRecent(Duration::from_secs(3600)));
        assert!(!report.reads_again());
        let labels = [("news".into(), "unreadable".into())].into();
        let alert = Alert { name: "backup_failed".into(), labels, annotations: [].into(), starts_at: None };
        let alerts = [alert];
        report.alerts = &alerts;
        assert!(report.reads_again());
    }

    #[test]
    fn what_has_left_the_plan_since_is_known_only_of_a_run_whose_due_time_is() {
        let (plan, id) = (Plan::unknown(PlanId::new("2").unwrap()), ModuleId::new("a").unwrap());
        for due in [Some(at(0)), None] {
            let rule = RunRule { due: due.as_slice(), ..RunRule::default() };
            let assessment = assess(&plan, &rule, at(60));
            assert_eq!(assessment.due, due);
            let mut states = [(&id, State::Error)].into_iter();
            let mut history = History::new(plan.id.clone());
            history.record(RunRecord::new(&plan, due, at(10), Outcome::RepoFailure, true, &mut states));
            let facts = PlanFacts { history: Some(&history), ..PlanFacts::new(&plan, &assessment, &Probes::NotNeeded) };
            assert_eq!(facts.gone().contains(&id), due.is_some(), "{due:?}");
        }
    }
}
