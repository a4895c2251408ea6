//! Examines one plan: what its results mean, and how its repositories are.

use std::time::Duration;

use crate::cluster;
use crate::config::Settings;
use crate::model::plan::Plan;
use crate::model::repository::{MAX_MODULES, Probes};
use crate::model::run::{Assessment, Outcome};
use crate::probe;
use crate::report::{Finding, PlanFacts};

/// A plan, examined.
pub struct Examined {
    /// What the cluster says.
    pub plan: Plan,
    /// What it means.
    pub assessment: Assessment,
    /// What a look at the repositories has shown.
    pub probes: Probes,
}

impl Examined {
    /// The finding to report.
    pub fn finding(&self, gave_up_waiting_after: Option<Duration>) -> Finding<'_> {
        Finding::Plan(PlanFacts {
            gave_up_waiting_after: gave_up_waiting_after.filter(|_| !self.assessment.unsettled().is_empty()),
            ..PlanFacts::new(&self.plan, &self.assessment, &self.probes)
        })
    }
}

/// Examines `plan`, whose results mean what `assessment` says. The repositories are looked at unless all is well or
/// `probe_wanted` says no; `progress` hears how many are done, of how many.
pub async fn examine(
    settings: &Settings,
    plan: Plan,
    assessment: Assessment,
    probe_wanted: bool,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Examined {
    let probes = if assessment.outcome == Outcome::Success {
        Probes::NotNeeded
    } else if !settings.repo_check.enabled || !probe_wanted {
        Probes::Disabled
    } else {
        let modules: Vec<_> = assessment.troubled().take(MAX_MODULES).collect();
        match cluster::destinations(&settings.redis, &plan, &modules).await {
            Ok(destinations) => Probes::Done(probe::probe(settings, destinations, &assessment, progress).await),
            Err(error) => Probes::Unknown(error),
        }
    };
    Examined { plan, assessment, probes }
}
