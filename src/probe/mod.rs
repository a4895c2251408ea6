//! Looks at the repositories themselves: can they be reached, opened, and are they locked?
//!
//! `target` says what there is to look at, `restic` and `gateway` look, `complaint` says what restic's errors mean, and
//! `redact` keeps secrets out of what is passed on.

mod agent;
mod complaint;
mod gateway;
pub(crate) mod redact;
mod restic;
mod target;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use agent::{AGENT_ENV, Agent};

use crate::classify::Assessment;
use crate::cluster::ReadError;
use crate::cluster::model::ModuleId;
use crate::cluster::{self, Destinations};
use crate::config::{RepoCheck, Settings};
use crate::process;
use target::{Means, Target, Way};

/// So many repositories are looked at side by side: few enough not to swamp the node (a restic takes 50 MB), and enough
/// that one that hangs seldom holds up another.
const SIDE_BY_SIDE: usize = 8;

/// Where each module has a repository of its own, at most this many are looked at in all.
pub const MAX_MODULES: usize = 8;

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
        cluster::add_passwords(redis, &agent.user, &agent.password, &mut destinations.all).await;
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

/// What a look at one repository has shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// The repository's name for people: its configured name, or its id. Never holds a secret.
    pub repository: String,
    /// Where it is, without a password: `s3:s3.amazonaws.com/bucket`.
    pub location: Option<String>,
    /// The module whose repository this is, where each has its own (layouts B and C).
    pub module: Option<ModuleId>,
    /// Whether it is behind the node's rclone-gateway (layout C).
    pub gateway: bool,
    /// The verdict.
    pub verdict: Verdict,
}

/// The verdict on one repository.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It is there, and nothing is wrong with it as far as could be seen.
    Healthy {
        /// How many snapshots it holds.
        snapshots: u64,
        /// When the newest was made; `None` where there is none, or where that cannot be told (layout C's gateway).
        newest: Option<Timestamp>,
        /// Locks that do not keep others out, or of which that cannot be told: a backup that is running, or one that
        /// was cut off.
        in_use: Option<Lock>,
        /// Whether it was opened with its password; else its files were only counted (layout C's gateway).
        opened: bool,
    },
    /// Somebody has it to themselves.
    Locked(Lock),
    /// The password in the configuration is not this repository's.
    WrongPassword,
    /// There is no repository there.
    NoRepository,
    /// The server could not be reached, or is down; the program's own words.
    Unreachable(String),
    /// The server refuses these credentials.
    Denied(String),
    /// It could be reached but not read: damaged, or an answer that makes no sense.
    Damaged(String),
    /// The look at it failed in a way that says nothing certain about the repository; the program's own words.
    Failed(String),
    /// No answer within `repo_check.timeout`.
    TimedOut(Duration),
    /// It was not looked at, and why, with what to do.
    NotProbed(NotProbed),
}

/// A lock in a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// How many locks there are.
    pub count: u64,
    /// Whether one of them keeps all others out; `None` where that cannot be told, since not all could be read.
    pub exclusive: Option<bool>,
    /// When the oldest was made, where known.
    pub since: Option<Timestamp>,
    /// Who holds it, `user@host, PID n`, where known.
    pub by: Option<String>,
}

/// Why a repository was not probed, with what to do where that is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotProbed {
    /// `repo_check.restic` is not on PATH.
    #[error("{0} is not installed; install restic, or name it in repo_check.restic")]
    ResticMissing(String),
    /// It is there but cannot be run, and why.
    #[error("restic cannot be run: {0}")]
    ResticUnusable(String),
    /// The gateway wants the node agent's credentials, and there are none.
    #[error(
        "the node agent's credentials are missing; name the agent.env file in repo_check.agent_env, or pass it as the \
         systemd credential agent.env"
    )]
    NoCredentials,
    /// More repositories than are probed for one report; their number.
    #[error("{0} more repositories (at most {MAX_MODULES} are checked for one report)")]
    TooMany(usize),
    /// The cluster has no UUID for this module, so that the repository's path is not known.
    #[error("the cluster has no UUID for {0}")]
    NoUuid(ModuleId),
    /// The configuration of the repository in Redis lacks this.
    #[error("its configuration in Redis lacks {0}")]
    Incomplete(String),
}

/// Whether the repositories were looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum Probes {
    /// They were not: the outcome is SUCCESS.
    NotNeeded,
    /// They were not: `repo_check.enabled: false`, or `--no-probe`.
    Disabled,
    /// They were; empty where none is configured.
    Done(Vec<Probe>),
    /// The list of repositories could not be read.
    Unknown(ReadError),
}
