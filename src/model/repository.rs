//! Where backups go, and what a look at the repositories there shows.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use super::cluster::ReadError;
use super::plan::ModuleId;

/// Maximum number of modules' repositories that are probed for one report.
pub const MAX_MODULES: usize = 8;

/// Where a plan is backed up to.
#[derive(Debug, Clone, Default)]
pub struct Destinations {
    /// All of its destinations.
    pub all: Vec<Destination>,
    /// The path of a module's repository below a destination that has one for each module. None for a module without a
    /// UUID, or without a clean name.
    pub paths: BTreeMap<ModuleId, String>,
}

/// One destination. Which kind it is follows from the fields that are found, as with the layouts of the results.
///
/// Each field is the Redis field of the same name, at most 16 KiB long and otherwise unchecked: data, and never an
/// option or a command. `None` if it is missing or empty. The id is made of letters, digits, `.`, `_` and `-`. Ids of
/// keys count as secrets: they are half of a login. A `url` may hold a login as well, so none is shown before it has been redacted.
#[derive(Debug, Clone)]
pub enum Destination {
    /// HASH `cluster/backup_repository/<id>/parameters` (the founding document, A): one repository.
    Documented {
        /// `<id>` of the key.
        id: String,
        /// `s3`, `b2`, `sftp`, `rclone` or `local`.
        backend: Option<String>,
        /// The cloud backend's URL.
        url: Option<String>,
        /// The local or SFTP path.
        path: Option<String>,
        /// The repository's password.
        password: Option<SecretString>,
        /// `aws_access_key_id`; with `b2` the account id.
        aws_access_key_id: Option<SecretString>,
        /// `aws_secret_access_key`; with `b2` the account key.
        aws_secret_access_key: Option<SecretString>,
        /// Path of an rclone configuration file.
        rclone_config: Option<String>,
    },
    /// HASH `cluster/backup_repository/<uuid>` with secrets (NS8 core 3.0 to 3.19, B): a repository for each module, at
    /// `<url>/<app>/<module uuid>`.
    PerModule {
        /// `<uuid>` of the key.
        uuid: String,
        /// The name that people gave it.
        name: Option<String>,
        /// As restic understands it: `s3:s3.amazonaws.com/bucket`.
        url: Option<String>,
        /// The password of all its repositories.
        password: Option<SecretString>,
        /// S3's key id.
        aws_access_key_id: Option<SecretString>,
        /// S3's key.
        aws_secret_access_key: Option<SecretString>,
        /// B2's account id.
        b2_account_id: Option<SecretString>,
        /// B2's account key.
        b2_account_key: Option<SecretString>,
    },
    /// The same HASH without secrets (NS8 core 3.20 and later, C): a repository for each module, behind the node's
    /// rclone-gateway.
    Gateway {
        /// `<uuid>` of the key.
        uuid: String,
        /// The name that people gave it.
        name: Option<String>,
        /// As in B; the gateway knows how to get there, so it is only shown.
        url: Option<String>,
        /// The password of all its repositories. Private in Redis: only known where the node agent's login could be
        /// used to read it.
        password: Option<SecretString>,
    },
}

impl Destination {
    /// Returns the id in its key.
    pub fn id(&self) -> &str {
        match self {
            Self::Documented { id, .. } => id,
            Self::PerModule { uuid, .. } | Self::Gateway { uuid, .. } => uuid,
        }
    }
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
