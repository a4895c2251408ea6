//! Backup destinations, and the results of probing the repositories there.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Serialize;

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

/// One destination.
///
/// Each field but id and kind is the Redis field of the same name, at most 16 KiB long and otherwise unchecked: data,
/// and never an option or a command. `None` if it is missing or empty. Ids of keys count as secrets: they are half of a
/// login. A `url` may hold a login as well, so none is shown before it has been redacted.
#[derive(Debug, Clone, Default)]
pub struct Destination {
    /// The id in its key, made of letters, digits, `.`, `_` and `-`.
    pub id: String,
    /// How its repositories are opened.
    pub kind: DestinationKind,
    /// The name that people gave it.
    pub name: Option<String>,
    /// `s3`, `b2`, `sftp`, `rclone` or `local`.
    pub backend: Option<String>,
    /// As restic understands it: `s3:s3.amazonaws.com/bucket`. The gateway knows how to get there, so there it is only
    /// shown.
    pub url: Option<String>,
    /// The local or SFTP path.
    pub path: Option<String>,
    /// The password of all its repositories. Behind the gateway it is private in Redis: only known if the node agent's
    /// login could be used to read it.
    pub password: Option<SecretString>,
    /// S3's key id; of a documented `b2` the account id.
    pub aws_access_key_id: Option<SecretString>,
    /// S3's key; of a documented `b2` the account key.
    pub aws_secret_access_key: Option<SecretString>,
    /// B2's account id.
    pub b2_account_id: Option<SecretString>,
    /// B2's account key.
    pub b2_account_key: Option<SecretString>,
    /// Path of an rclone configuration file.
    pub rclone_config: Option<String>,
}

/// The kind of a destination. It follows from the fields that are found, as with the layouts of the results.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DestinationKind {
    /// HASH `cluster/backup_repository/<id>/parameters` (the founding document, A): one repository.
    #[default]
    Documented,
    /// HASH `cluster/backup_repository/<uuid>` with secrets (NS8 core 3.0 to 3.19, B): a repository for each module, at
    /// `<url>/<app>/<module uuid>`.
    PerModule,
    /// The same HASH without secrets (NS8 core 3.20 and later, C): a repository for each module, behind the node's
    /// rclone-gateway.
    Gateway,
}

/// The result of probing one repository.
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

/// The verdict on one repository. It covers what was looked at and nothing else: [`Checked`].
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Nothing wrong was found in what `checked` names. That includes neither writing, which is never tried, nor the
    /// contents of the files that hold the data.
    Healthy {
        /// How many snapshots it holds.
        snapshots: u64,
        /// When the newest was made. Without `checked.opened`: when the newest snapshot's file was written. `None`
        /// without a snapshot, or if the gateway does not say.
        newest: Option<Timestamp>,
        /// Locks that do not keep others out, or that may: a running backup, restore or the like, or one that was cut off.
        in_use: Option<Lock>,
        /// What was looked at.
        checked: Checked,
    },
    /// A lock keeps all others out.
    Locked(Lock),
    /// No key of the repository opens with the configured password.
    WrongPassword,
    /// There is no repository there.
    NoRepository,
    /// The server could not be reached, or is down.
    Unreachable(Sign),
    /// The server refuses these credentials.
    Denied(Sign),
    /// It could be reached but not read, or a part of it is missing or damaged.
    Damaged(Sign),
    /// It can be read, but not written to.
    NotWritable(NotWritable),
    /// The look at it failed in a way that says nothing certain about the repository.
    Failed(Sign),
    /// No answer within `repo_check.timeout`.
    TimedOut(Duration),
    /// It was not looked at, and why, with what to do.
    NotProbed(NotProbed),
}

/// What shows that something is wrong with a repository. Its text is one clause in English; it never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Sign {
    /// The words of the program, the server or the system that was asked.
    #[error("{0}")]
    Words(String),
    /// Its config file is missing.
    #[error("its config file is missing")]
    NoConfig,
    /// The gateway gives out no config file, with this many snapshots beside it.
    #[error("the gateway finds no config file, but {0} snapshots")]
    NoConfigButSnapshots(u32),
    /// Its config file is empty.
    #[error("its config file is empty")]
    EmptyConfig,
    /// It has no keys.
    #[error("it has no keys")]
    NoKeys,
    /// It has snapshots, but no index.
    #[error("it has snapshots, but no index")]
    NoIndex,
    /// It has snapshots, but no data.
    #[error("it has snapshots, but no data")]
    NoData,
    /// This many of its snapshots' files are empty.
    #[error("{0} of its snapshots' files are empty")]
    EmptySnapshots(u32),
    /// This many files of its data and index are empty.
    #[error("{0} of the files of its data and index are empty")]
    EmptyFiles(u32),
    /// The gateway knows no such destination, or rclone has failed at it: it answers 404 to both.
    #[error("the gateway does not serve this destination, or gets no access to it")]
    NotServed,
    /// The gateway at this address does not answer; the system's words.
    #[error("the gateway at {0}: {1}")]
    NoGateway(String, String),
    /// The gateway answers with this HTTP status.
    #[error("the gateway answers {0}")]
    GatewayAnswers(String),
    /// The gateway's answer makes no sense; the parser's words.
    #[error("the gateway's answer makes no sense: {0}")]
    GatewayGarbled(String),
    /// The gateway's answer has more than this many MiB.
    #[error("the gateway's answer is longer than {0} MiB")]
    GatewayTooLong(usize),
    /// The gateway does not speak WebDAV.
    #[error("the gateway does not speak WebDAV")]
    NoWebDav,
    /// Its path makes no address.
    #[error("its path makes no address")]
    NoAddress,
    /// restic's list of snapshots makes no sense; the parser's words.
    #[error("restic's list of snapshots makes no sense: {0}")]
    ResticGarbled(String),
    /// restic's answer has more than this many MiB.
    #[error("restic's answer is longer than {0} MiB")]
    ResticTooLong(usize),
}

impl From<String> for Sign {
    fn from(words: String) -> Self {
        Self::Words(words)
    }
}

/// What a probe covered. `false` and `None` mean "not checked", not "faulty".
///
/// Never covered: writing, and the contents of the files that hold the data (`restic check --read-data`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// It was opened with its password, and each snapshot's own record was read. Otherwise its files were only listed,
    /// and whether the password fits is not known.
    pub opened: bool,
    /// The index was read, and each pack that it names is there and has the right size.
    pub packs: bool,
    /// The folders of all snapshots were read, and the index knows all data that they name.
    pub folders: bool,
    /// The files that were listed without being opened; none of them is empty.
    pub listed: Option<Listed>,
    /// Why `packs` or `folders` is false although restic opened the repository.
    pub ended: Option<Ended>,
}

/// Files of a repository, listed by the gateway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Listed {
    /// Files in `data/`.
    pub packs: u32,
    /// Files in `index/`.
    pub indexes: u32,
}

/// Why a look ended before it had covered all that it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// `repo_check.timeout` was over.
    TimeUp,
    /// The repository is being pruned or repaired, or was meanwhile: what was found missing was removed on purpose.
    Changed,
    /// restic failed for another reason.
    Failed,
}

/// Why nothing can be written to a repository on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotWritable {
    /// Its file system is read-only.
    #[error("its file system is mounted read-only")]
    ReadOnly,
    /// Its file system is full; root may still have a reserve.
    #[error("its file system has no space left, except perhaps for root")]
    Full,
    /// Its file system has no room for another file.
    #[error("its file system has no inodes left")]
    NoInodes,
}

/// A lock in a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
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
    /// It is there, and may not be run by this user.
    #[error("{0} is not executable: check its mode, owner and SELinux label")]
    ResticNotExecutable(String),
    /// It is there but cannot be run; the system's words.
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
    /// Only NS8 can open a destination of this kind (`azure`, `smb`, `webdav`).
    #[error("only NS8 can open a destination of kind {0}")]
    OpenedByNs8(String),
    /// Its address or its rclone configuration might make restic run a command or take an option.
    #[error("its configuration in Redis is not passed to restic: {0}")]
    Unsafe(Unsafe),
    /// This program may not read it; the system's words. The backup runs as another user.
    #[error("this program may not read it: {0}")]
    NoPermission(String),
    /// The process on the gateway's port may not be the gateway, so nothing was sent to it.
    #[error("the node agent's login was not sent to the gateway's port: {0}")]
    NotTheGateway(Doubt),
}

/// What makes a repository's configuration unsafe to pass on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsafe {
    /// A control character, or far too long.
    #[error("it holds control characters or is too long")]
    Text,
    /// A scheme other than `s3`, `b2`, `rest`, `sftp`, `rclone`, `local`.
    #[error("its address is of no kind that this program knows")]
    Scheme,
    /// A host, user or port that is not plainly one.
    #[error("its address names no plain host")]
    Host,
    /// Not `rclone:NAME:path`: an rclone connection string, or an option.
    #[error("its address is not rclone:NAME:path with a plain NAME")]
    Remote,
    /// A path that is not absolute, or that leads upwards.
    #[error("its path is not absolute or leads upwards")]
    Path,
    /// An rclone configuration that others than root can change.
    #[error("its rclone configuration is no file that only root can change")]
    RcloneConfig,
}

/// Why the process on the gateway's port may not be the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// The address in `repo_check.gateway` is not on this machine.
    #[error("its address is not on this machine")]
    Elsewhere,
    /// The port belongs to the user with this id, who is neither root nor the gateway.
    #[error("the port belongs to the user with the id {0}")]
    Stranger(u32),
    /// The port's owner is hidden from this program's sandbox.
    #[error("the port's owner cannot be seen from this program's sandbox (PrivateUsers=)")]
    Hidden,
    /// The port's owner cannot be found out: `/proc` cannot be read, or the port changed hands meanwhile.
    #[error("the port's owner could not be found out")]
    Unknown,
}

/// Whether the repositories were looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum Probes {
    /// They were not: the outcome is SUCCESS.
    NotNeeded,
    /// They were not: `repo_check.enabled: false`.
    Disabled,
    /// They were not: `--no-probe`.
    Skipped,
    /// They were; empty where none is configured.
    Done(Vec<Probe>),
}
