//! Looks at the repositories themselves: can they be reached, opened, and are they locked?
//!
//! `target` says what there is to look at, `restic` and `gateway` look, `complaint` says what restic's errors mean, and
//! `redact` keeps secrets out of what is passed on.

mod complaint;
mod gateway;
mod restic;
mod target;

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use crate::system::agent::{AGENT_ENV, Agent};

use crate::cluster;
use crate::config::{RepoCheck, Settings};
use crate::model::repository::{Destinations, Probe, Verdict};
use crate::model::run::Assessment;
use crate::system::{process, redact};
use target::{Means, Target, Way};

/// So many repositories are looked at side by side: few enough not to swamp the node (a restic takes 50 MB), and enough
/// that one that hangs seldom holds up another.
const SIDE_BY_SIDE: usize = 8;

/// Looks at the repositories in `destinations` that can tell why a run failed, several at a time, each for
/// `repo_check.timeout` at most, and tells `progress` how many are done, and of how many.
///
/// Dropping the future stops everything it has started.
pub async fn probe(
    settings: &Settings,
    mut destinations: Destinations,
    assessment: &Assessment,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Vec<Probe> {
    let Settings { redis, repo_check, .. } = settings;
    let restic = process::find(&repo_check.restic, &[]).is_ok();
    let agent = Agent::load(repo_check);
    if let (true, Some(agent)) = (restic, &agent) {
        cluster::add_passwords(redis, agent, &mut destinations.all).await;
    }
    let means = Means { gateway: &repo_check.gateway, agent, restic };
    let targets = target::targets(&means, &destinations, assessment);
    let total = targets.len();
    progress(0, total);
    let permits = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut looks = JoinSet::new();
    for (position, target) in targets.into_iter().enumerate() {
        let (permits, settings) = (permits.clone(), repo_check.clone());
        looks.spawn(async move {
            let _permit = permits.acquire().await;
            (position, look(target, &settings).await)
        });
    }
    let mut probes = Vec::with_capacity(total);
    while let Some(look) = looks.join_next().await {
        probes.extend(look);
        progress(probes.len(), total);
    }
    probes.sort_by_key(|(position, _)| *position);
    probes.into_iter().map(|(_, probe)| probe).collect()
}

async fn look(target: Target, settings: &RepoCheck) -> Probe {
    let verdict = match target.way {
        Ok(Way::Restic(repository)) => restic::look(&settings.restic, &repository, settings.timeout).await,
        Ok(Way::Gateway(repository)) => gateway::look(&repository, settings.timeout).await,
        Err(why) => Verdict::NotProbed(why),
    };
    let Target { repository, location, module, gateway, .. } = target;
    Probe { repository, location, module, gateway, verdict }
}
