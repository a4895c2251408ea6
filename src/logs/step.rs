//! The steps of a module's backup, and how its part of a run can end.

/// A step of a module's backup, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
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

/// How a module's part of the run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
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
