//! How old the cluster backup at each plan's destination is, which disaster recovery starts from.
//!
//! NS8 core 3.20 and later uploads it at each run of the leader, and raises nothing if that fails.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use log::debug;
use serde::{Deserialize, Serialize};

use crate::config::RepoCheck;
use crate::model::cluster::Cluster;
use crate::probe::{self, Means};
use crate::system::agent::Agent;

/// How often one destination is asked.
const EVERY: Duration = Duration::from_secs(3600);
/// How long one answer may take.
const LIMIT: Duration = Duration::from_secs(10);
/// Destinations that are asked in one tick.
const AT_ONCE: usize = 5;

/// What one destination said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When the newest cluster backup there was made; `None` if there is none, or if it does not say.
    pub made: Option<Timestamp>,
}

/// Asks the gateway about the destinations of the enabled plans that were not asked within the last hour. Without the
/// node agent's login nothing is asked, and nothing is known.
pub async fn refresh(settings: &RepoCheck, cluster: &Cluster, now: Timestamp, seen: &mut BTreeMap<String, Seen>) {
    let plans = cluster.plans.iter().filter(|plan| plan.enabled && plan.defined);
    let used: BTreeSet<&str> = plans.filter_map(|plan| plan.repository.as_deref()).collect();
    seen.retain(|destination, _| used.contains(destination.as_str()));
    let (Some(uuid), Some(agent)) = (&cluster.uuid, Agent::load(settings)) else { return };
    let means = Means { restic: String::new(), gateway: settings.gateway.clone(), agent: Some(agent) };
    let is_due = |destination: &&str| {
        let asked = seen.get(*destination).map(|seen| now.duration_since(seen.asked_at));
        asked.and_then(|age| Duration::try_from(age).ok()).is_none_or(|age| age >= EVERY)
    };
    let due: Vec<&str> = used.into_iter().filter(is_due).take(AT_ONCE).collect();
    for destination in due {
        let found = probe::cluster_backup(&means, destination, uuid, LIMIT).await;
        let made = found.map(|file| file.and_then(|file| file.modified));
        if let Err(why) = &made {
            debug!("the cluster backup at destination {destination:?}: {why:?}");
        }
        // What cannot be seen now is not known to be older than it was.
        seen.insert(destination.into(), Seen { asked_at: now, made: made.unwrap_or_default() });
    }
}
