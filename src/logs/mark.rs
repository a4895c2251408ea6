//! The lines by which NS8's `run-backup` marks its way through a plan. Pure.

/// What a line of the run marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark<'a> {
    /// A module's backup begins.
    Start { module: &'a str, plan: &'a str },
    /// A module's backup has succeeded.
    Completed { module: &'a str, plan: &'a str },
    /// A module's backup has failed.
    Failed { module: &'a str, plan: &'a str },
    /// A module is busy with another backup and will be tried again.
    Busy { module: &'a str },
    /// A module was busy for too long.
    GaveUp { module: &'a str },
    /// The run is over.
    Over { plan: &'a str },
    /// The leader has stored the cluster's own backup.
    ClusterStored,
}

/// The mark that `line` is, if it is one.
pub(super) fn mark(line: &str) -> Option<Mark<'_>> {
    if let Some(rest) = line.strip_prefix("Backup ") {
        let (plan, rest) = rest.split_once(' ')?;
        let over = rest.starts_with("finished with failures: ")
            || rest == "completed successfully"
            || rest == "is not enabled";
        return over.then_some(Mark::Over { plan });
    }
    if let Some(plan) = line.strip_prefix("No local modules for backup ") {
        return Some(Mark::Over { plan });
    }
    if line.starts_with("Cluster backup uploaded as ") {
        return Some(Mark::ClusterStored);
    }
    let (module, rest) = line.split_once(": ").filter(|(module, _)| is_id(module))?;
    if let Some(rest) = rest.strip_prefix("starting backup ") {
        let (plan, _) = rest.split_once(" at ")?;
        return Some(Mark::Start { module, plan });
    }
    if let Some(rest) = rest.strip_prefix("backup ") {
        let (plan, rest) = rest.split_once(' ')?;
        return match rest.split(' ').next()? {
            "completed" => Some(Mark::Completed { module, plan }),
            "failed" => Some(Mark::Failed { module, plan }),
            _ => None,
        };
    }
    match rest {
        "already running, queued for retry" | "still running, will retry" => Some(Mark::Busy { module }),
        rest if rest.starts_with("gave up retrying after ") => Some(Mark::GaveUp { module }),
        _ => None,
    }
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_run_backup_is_known() {
        let (module, plan) = ("mail1", "2");
        for (line, expected) in [
            ("mail1: starting backup 2 at Tue Nov 24 02:00:03 2026", Mark::Start { module, plan }),
            ("mail1: backup 2 completed", Mark::Completed { module, plan }),
            ("mail1: backup 2 completed (retry)", Mark::Completed { module, plan }),
            ("mail1: backup 2 failed (exit code 1)", Mark::Failed { module, plan }),
            ("mail1: backup 2 failed on retry (exit code 1)", Mark::Failed { module, plan }),
            ("mail1: already running, queued for retry", Mark::Busy { module }),
            ("mail1: still running, will retry", Mark::Busy { module }),
            ("mail1: gave up retrying after 3600s", Mark::GaveUp { module }),
            ("Backup 2 finished with failures: mail1, nextcloud1", Mark::Over { plan }),
            ("Backup 2 completed successfully", Mark::Over { plan }),
            ("No local modules for backup 2", Mark::Over { plan }),
            ("Cluster backup uploaded as 48ce/cluster-backup-c0.json.gz.gpg", Mark::ClusterStored),
        ] {
            assert_eq!(mark(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn other_lines_are_none() {
        for line in [
            "",
            ": starting backup 2 at x",
            "a b: starting backup 2 at x",
            "mail1: starting backup 2",
            "mail1: backup of 2 failed",
            "mail1: backup 2 ",
            "Backup 2",
            "Fatal: unable to open config file",
            "Waiting 60s before retrying 1 module(s)...",
        ] {
            assert_eq!(mark(line), None, "{line}");
        }
    }
}
