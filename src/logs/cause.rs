//! What is known of a failure: its cause, the step that failed, and whether a snapshot was made. Plain values.

use serde::{Deserialize, Serialize};

/// The probable cause of a failure, recognised by words in its log. The report has the words and the remedy for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// The disk of the destination, or its quota, is full. Remedy: free space there, or raise the quota.
    RepositoryFull,
    /// A disk of the node is full: restic's cache, its temporary files, or the dump. Remedy: free space on the node.
    NodeFull,
    /// A disk is full; the log does not say whose. Remedy: look at the node's disk and at the destination's.
    DiskFull,
    /// The repository is locked by another restic. Remedy: wait for it, or `restic unlock` if none runs any more.
    Locked,
    /// The repository's password does not fit. Remedy: correct the password of the destination.
    WrongPassword,
    /// There is no repository at this path. Remedy: check the destination's path.
    NoRepository,
    /// There is no such bucket. Remedy: create it, or correct its name.
    NoBucket,
    /// The repository's files are damaged or missing. Remedy: `restic check`, then repair.
    Damaged,
    /// The destination's name has no address. Remedy: check the name and the node's DNS.
    NameNotResolved,
    /// The node's own gateway to the destinations does not answer. Remedy: `systemctl restart rclone-gateway`.
    GatewayDown,
    /// The destination refuses the connection. Remedy: check that its service runs and the port is open.
    Refused,
    /// The destination did not answer in time. Remedy: check network, firewall and load.
    TimedOut,
    /// The network has no way to the destination, or lost it. Remedy: check the network and the firewall.
    Unreachable,
    /// TLS failed: an unknown or expired certificate, or no TLS at all. Remedy: check certificate, address and clock.
    Tls,
    /// The destination does not accept the login (401, unknown key, wrong signature). Remedy: correct the credentials.
    LoginRejected,
    /// The destination forbids the operation (403). Remedy: correct the account's rights; append-only forbids pruning.
    Forbidden,
    /// Clocks differ too much for the destination. Remedy: check the node's time synchronisation.
    ClockSkew,
    /// The destination wants fewer requests (429, "slow down"). Remedy: run at another time, or ask the provider.
    Throttled,
    /// The destination has an error of its own (5xx). Remedy: look at the destination and the gateway's log.
    ServerError,
    /// rclone has no such remote. Remedy: store the destination's settings again.
    NoRemote,
    /// What answers at the address is not a backup server. Remedy: check address and port.
    NotAServer,
    /// A file may not be read or written. Remedy: check owner, mode and SELinux label.
    PermissionDenied,
    /// A file system is read-only. Remedy: check the disk; the kernel may have found an error.
    ReadOnly,
    /// A disk has errors. Remedy: check the disk's health.
    InputOutput,
    /// Files could not be read; the snapshot was made without them. Remedy: correct their rights.
    SourceUnreadable,
    /// Nothing of what should be backed up exists. Remedy: check the module.
    SourceMissing,
    /// A program needed by the backup is not installed. Remedy: install it.
    ProgramMissing,
    /// Its container image could not be had. Remedy: check the registry and the network.
    ImageMissing,
    /// A container is not running. Remedy: start the module's service.
    ContainerNotRunning,
    /// podman could not start the container. Remedy: see podman's words.
    ContainerFailed,
    /// The module's database does not answer. Remedy: start the module's services.
    DatabaseDown,
    /// The module's database rejects the login. Remedy: check the module's settings.
    DatabaseDenied,
    /// The cluster's Redis does not answer or refuses. Remedy: check the node's redis service and the leader.
    RedisUnreachable,
    /// The module is not on this node, or not in the plan. Remedy: edit the plan and store it again.
    NotAMember,
    /// The kernel had no memory left. Remedy: more memory, or another time.
    OutOfMemory,
    /// A program was killed. Remedy: look for memory shortage, or for who did it.
    Killed,
    /// The module's own dump script failed, for a reason that is not known. Remedy: see its words.
    DumpFailed,
    /// The module's own cleanup script failed; the snapshot was made. Remedy: see its words.
    CleanupFailed,
    /// Old snapshots could not be removed; tonight's was made. Remedy: see restic's words.
    RetentionFailed,
    /// Only the statistics could not be read. Remedy: none if it does not happen again.
    StatisticsFailed,
    /// The module was busy with another backup until NS8 gave up. Remedy: move one of the plans.
    Busy,
    /// The node was rebooted or shut down. Remedy: run the plan again.
    Reboot,
    /// Someone stopped the run. Remedy: run the plan again.
    Stopped,
    /// The run was longer than its unit's time limit. Remedy: raise the limit.
    UnitTimeout,
    /// The run's own program crashed. Remedy: report it to NS8.
    Crashed,
}

/// A step of a module's backup, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The module's own `module-dump-state`.
    Dump,
    /// `restic init` of the module's repository.
    Init,
    /// `restic backup`.
    Backup,
    /// The module's own `module-cleanup-state`, after the snapshot.
    Cleanup,
    /// `restic stats`.
    Stats,
    /// `restic forget --prune`, only after a good backup.
    Retention,
}

/// Whether the run made a snapshot of the module, as far as the log shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Snapshot {
    /// The log does not show it.
    #[default]
    Unknown,
    /// The snapshot exists.
    Made,
    /// The snapshot exists; some files could not be read (restic's exit status 3).
    Incomplete,
    /// No snapshot was made.
    NotMade,
}

/// How a module's part of the run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The log does not name the module.
    #[default]
    NotSeen,
    /// It succeeded.
    Completed,
    /// It failed.
    Failed,
    /// It was busy with another backup; NS8 tries again for an hour.
    Busy,
    /// It was busy until NS8 gave up.
    GaveUp,
    /// The log shows its beginning and no end: it still runs, or its log is lost.
    Open,
    /// The run ended in the middle of it; the cause says how.
    Interrupted,
}
