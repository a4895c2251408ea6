//! A repository, for scripts.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::plan::ModuleId;
use crate::model::repository::{Checked, Ended, Lock, Probe, Verdict};

#[derive(Serialize)]
pub(super) struct RepositoryView<'a> {
    /// Whether a healthy one was opened with its password; else its files were only counted.
    opened: Option<bool>,
    checked: Option<CheckedView>,
    repository: &'a str,
    location: Option<&'a str>,
    module: Option<&'a ModuleId>,
    /// `healthy`, `locked`, `wrong_password`, `no_repository`, `unreachable`, `denied`, `damaged`, `not_writable`,
    /// `failed` (looking at it did), `timed_out` or `not_probed`.
    verdict: &'static str,
    /// The words of the program or server that was asked, or what is missing.
    reason: Option<String>,
    snapshots: Option<u64>,
    newest_snapshot: Option<Timestamp>,
    /// Locks.
    locks: Option<&'a Lock>,
}

/// What a look covered; `false` and `null`: nobody looked.
#[derive(Serialize)]
struct CheckedView {
    packs: bool,
    folders: bool,
    listed_packs: Option<u32>,
    listed_indexes: Option<u32>,
    ended: Option<Ended>,
}

/// Returns what a look at a repository has shown.
pub(super) fn repository_view(probe: &Probe) -> RepositoryView<'_> {
    let mut view = RepositoryView {
        repository: &probe.repository,
        location: probe.location.as_deref(),
        module: probe.module.as_ref(),
        verdict: "",
        reason: None,
        snapshots: None,
        newest_snapshot: None,
        locks: None,
        opened: None,
        checked: None,
    };
    let (verdict, reason) = match &probe.verdict {
        Verdict::Healthy { snapshots, newest, in_use, checked } => {
            view.opened = Some(checked.opened);
            view.checked = Some(checked_view(checked));
            (view.snapshots, view.newest_snapshot) = (Some(*snapshots), *newest);
            view.locks = in_use.as_ref();
            ("healthy", None)
        }
        Verdict::Locked(lock) => {
            view.locks = Some(lock);
            ("locked", None)
        }
        Verdict::WrongPassword => ("wrong_password", None),
        Verdict::NoRepository => ("no_repository", None),
        Verdict::Unreachable(why) => ("unreachable", Some(why.to_string())),
        Verdict::Denied(why) => ("denied", Some(why.to_string())),
        Verdict::Damaged(why) => ("damaged", Some(why.to_string())),
        Verdict::NotWritable(why) => ("not_writable", Some(why.to_string())),
        Verdict::Failed(why) => ("failed", Some(why.to_string())),
        Verdict::TimedOut(limit) => ("timed_out", Some(format!("no answer within {} s", limit.as_secs()))),
        Verdict::NotProbed(why) => ("not_probed", Some(why.to_string())),
    };
    RepositoryView { verdict, reason, ..view }
}

fn checked_view(checked: &Checked) -> CheckedView {
    CheckedView {
        packs: checked.packs,
        folders: checked.folders,
        listed_packs: checked.listed.map(|listed| listed.packs),
        listed_indexes: checked.listed.map(|listed| listed.indexes),
        ended: checked.ended,
    }
}
