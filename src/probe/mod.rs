//! Looks at the repositories themselves: can they be reached, opened, and are they locked or damaged?
//!
//! Everything that a look needs comes in as values. `target` says what there is to look at; `address` refuses what is
//! not safe to pass on. `restic` looks with the help of `check` and `local`; `gateway` looks through the node's
//! rclone-gateway with the help of `webdav`, while `guard` and `relay` keep the login from everybody else. `complaint`
//! says what restic's errors mean, `list` counts what long lists hold, and `system::redact` keeps secrets out of what
//! is passed on. `limits` bounds it all.

mod address;
mod check;
mod complaint;
mod gateway;
mod guard;
mod limits;
mod list;
mod local;
mod relay;
mod restic;
mod target;
mod webdav;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use webdav::File;

use crate::model::order::sort_by_key;
use crate::model::plan::ModuleId;
use crate::model::repository::{Checked, Destinations, NotProbed, Probe, Unsafe, Verdict};
use crate::system::agent::Agent;
use crate::system::process;
use address::{Kind, stays_below};
use limits::{CHECKS, SIDE_BY_SIDE};
use relay::Relay;
use target::{Target, Way};

/// The programs and the login that probing needs.
#[derive(Debug, Clone)]
pub struct Means {
    /// The restic program, a name on PATH or a path.
    pub restic: String,
    /// The node's rclone-gateway, `http://host:port` without a trailing slash. Only one on this machine is asked.
    pub gateway: String,
    /// The login that the gateway wants.
    pub agent: Option<Agent>,
}

/// Probes the repositories in `destinations`, several at a time, each for `limit` at most. Where each module has its
/// own repository, probes those of `modules`, [`MAX_MODULES`](crate::model::repository::MAX_MODULES) at most. Returns
/// one probe for each, in this order. Calls `progress` with how many are done, and of how many.
///
/// Dropping the future stops everything that it has started.
pub async fn probe(
    destinations: &Destinations,
    modules: &[&ModuleId],
    means: &Means,
    limit: Duration,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Vec<Probe> {
    let targets = target::targets(&means.gateway, means.agent.as_ref(), destinations, modules);
    let total = targets.len();
    progress(0, total);
    let restic = means.restic.as_str().into();
    let shared =
        Arc::new(Shared { restic, limit, looks: Semaphore::new(SIDE_BY_SIDE), checks: Semaphore::new(CHECKS) });
    let mut looks = JoinSet::new();
    for (position, target) in targets.into_iter().enumerate() {
        let shared = shared.clone();
        looks.spawn(async move {
            let _permit = shared.looks.acquire().await;
            (position, shared.look(target).await)
        });
    }
    let mut probes = Vec::with_capacity(total);
    while let Some(look) = looks.join_next().await {
        probes.extend(look);
        progress(probes.len(), total);
    }
    sort_by_key(&mut probes, |(position, _)| *position);
    probes.into_iter().map(|(_, probe)| probe).collect()
}

/// Reads when the cluster's own backup at `destination` was written, for `limit` at most; `None` if there is none.
/// NS8 core 3.20 and later uploads it at each run of the leader: `cluster-backup-<cluster uuid>.json.gz.gpg`.
///
/// # Errors
/// Returns the verdict on the gateway if it does not say.
pub async fn cluster_backup(
    means: &Means,
    destination: &str,
    cluster_uuid: &str,
    limit: Duration,
) -> Result<Option<File>, Verdict> {
    let path = format!("{destination}/cluster-backup-{cluster_uuid}.json.gz.gpg");
    if !stays_below(&path) || path.matches('/').count() != 1 {
        return Err(Verdict::NotProbed(NotProbed::Unsafe(Unsafe::Path)));
    }
    let gateway = target::find(&means.gateway, means.agent.as_ref()).map_err(Verdict::NotProbed)?;
    gateway.stat(&target::in_url(&path), limit).await
}

/// What all looks of one call have in common.
struct Shared {
    restic: String,
    limit: Duration,
    looks: Semaphore,
    checks: Semaphore,
}

impl Shared {
    async fn look(&self, target: Target) -> Probe {
        let Target { repository, location, module, gateway, way } = target;
        let verdict = match way {
            Ok(Way::Restic(repository)) => self.with_restic(repository).await,
            Ok(Way::Gateway(repository, password)) => self.through_gateway(&repository, password).await,
            Err(why) => Err(Verdict::NotProbed(why)),
        };
        let verdict = match verdict.unwrap_or_else(|verdict| verdict) {
            // Of which a part may have been spent before.
            Verdict::TimedOut(_) => Verdict::TimedOut(self.limit),
            verdict => verdict,
        };
        Probe { repository, location, module, gateway, verdict }
    }

    /// Looks with restic; at a folder of this machine, also without.
    async fn with_restic(&self, mut repository: restic::Repository) -> Result<Verdict, Verdict> {
        let started = Instant::now();
        if let Some(file) = &repository.rclone_config {
            let file = local::trusted(Path::new(file)).and_then(|file| file.into_os_string().into_string().ok());
            repository.rclone_config = Some(file.ok_or(Verdict::NotProbed(NotProbed::Unsafe(Unsafe::RcloneConfig)))?);
        }
        let seen = match &repository.kind {
            Kind::Local(folder) => local::look(folder, self.limit).await?,
            _ => local::Seen::default(),
        };
        let left = self.limit.saturating_sub(started.elapsed());
        let verdict = restic::look(&self.restic, &repository, left, &self.checks).await;
        Ok(match (verdict, seen.damage, seen.not_writable) {
            (Verdict::WrongPassword | Verdict::NoRepository, Some(damage), _) => Verdict::Damaged(damage),
            (Verdict::Healthy { .. }, _, Some(why)) => Verdict::NotWritable(why),
            (verdict, ..) => verdict,
        })
    }

    /// Looks through the gateway: first without restic, then with it where it is there and the password is known.
    async fn through_gateway(
        &self,
        repository: &gateway::Repository,
        password: Option<SecretString>,
    ) -> Result<Verdict, Verdict> {
        let started = Instant::now();
        let left = || self.limit.saturating_sub(started.elapsed());
        let present = repository.find(self.limit).await?;
        let restic = process::find(&self.restic, &[]).is_ok();
        let (Some(password), true) = (password, restic) else { return repository.look(present, left()).await };
        let gateway = &repository.gateway;
        let relay = Relay::open(gateway.address).await.map_err(|error| Verdict::Failed(error.to_string().into()))?;
        let through = target::through_gateway(relay.address, &repository.path, &gateway.agent, &password);
        let verdict = restic::look(&self.restic, &through, left(), &self.checks).await;
        match (&verdict, relay.refused()) {
            (Verdict::Healthy { checked: Checked { packs: true, .. }, .. }, _) | (_, None) => Ok(verdict),
            (_, Some(refused)) => Ok(refused),
        }
    }
}
