//! Examines one plan: what its results mean, and how its repositories are.

use std::time::Duration;

use crate::cluster;
use crate::config::Settings;
use crate::model::plan::Plan;
use crate::model::repository::{Destinations, MAX_MODULES, Probe, Probes};
use crate::model::run::{Assessment, Outcome};
use crate::probe::{self, Agent, Means};
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
            Ok(destinations) => Probes::Done(look(settings, destinations, &assessment, progress).await),
            Err(error) => Probes::Unknown(error),
        }
    };
    Examined { plan, assessment, probes }
}

/// Looks at the repositories in `destinations`, with the passwords that the node agent's login opens.
async fn look(
    settings: &Settings,
    mut destinations: Destinations,
    assessment: &Assessment,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Vec<Probe> {
    let Settings { redis, repo_check, .. } = settings;
    let agent = Agent::load(repo_check);
    if let Some(agent) = &agent {
        cluster::add_passwords(redis, agent, &mut destinations.all).await;
    }
    let means = Means { restic: repo_check.restic.clone(), gateway: repo_check.gateway.clone(), agent };
    let modules: Vec<_> = assessment.troubled().collect();
    probe::probe(&destinations, &modules, &means, repo_check.timeout, progress).await
}
