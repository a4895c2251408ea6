//! Classifies a log line: decisive, a mark of the run, or noise. Pure.

use super::step::Step;
use crate::model::restic::healed;

/// What a line of a module's part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Nothing that explains a failure.
    Chatter,
    /// Something that may.
    Words,
    /// The repository could be opened.
    Opened,
    /// This operation of restic's had failed, and went well when it was tried again.
    Healed(&'a str),
    /// A new repository is about to be made.
    Initializing,
    /// The snapshot is there.
    Saved,
    /// The snapshot is there, and old ones are about to be removed.
    Pruning,
    /// NS8 reports that a step has failed.
    Failed(Step),
}

/// The beginnings of NS8's reports, and the step each is about; chatter are those that do not make the backup fail.
/// Source: ns8-core, `module-backup` and `run-backup`.
const FAILURES: [(&str, Line<'static>); 10] = [
    ("[ERROR] module-dump-state failed", Line::Failed(Step::Dump)),
    ("[ERROR] restic init failed", Line::Failed(Step::Init)),
    ("[ERROR] restic backup failed", Line::Failed(Step::Backup)),
    ("[ERROR] module-cleanup-state failed", Line::Failed(Step::Cleanup)),
    ("[ERROR] restic stats failed", Line::Failed(Step::Stats)),
    ("[ERROR] retention policy failed", Line::Failed(Step::Retention)),
    ("Restic restore command failed", Line::Failed(Step::Backup)),
    ("[ERROR] module-backup aborted", Line::Chatter),
    ("[ERROR] upload of JSON manifest failed", Line::Chatter),
    ("[WARNING] retention policy failed", Line::Chatter),
];

/// The beginnings of what restic and podman say when all is well.
const CHATTER: [&str; 34] = [
    "using parent snapshot",
    "no parent snapshot found",
    "Files: ",
    "Dirs: ",
    "Added to the repo",
    "processed ",
    "created restic repository",
    "Please note that knowledge of your password",
    "the repository. Losing your password",
    "irrecoverably lost",
    "created new cache",
    "found ",
    "repository ",
    "keep ",
    "remove ",
    "ID ",
    "-----",
    "[0:",
    "loading indexes",
    "loading all snapshots",
    "finding data",
    "searching used packs",
    "collecting packs",
    "to repack",
    "this removes",
    "to delete",
    "total prune",
    "remaining:",
    "unused size",
    "rebuilding index",
    "deleting ",
    "done",
    "Trying to pull",
    "Ignoring \"latest\"",
];

/// What `line` is.
pub(super) fn what(line: &str) -> Line<'_> {
    let text = line.trim_start();
    if let Some((_, line)) = FAILURES.iter().find(|(beginning, _)| text.starts_with(beginning)) {
        return *line;
    }
    if text.is_empty() {
        Line::Chatter
    } else if text.starts_with("Repository ") && text.contains(" is present at path") {
        Line::Opened
    } else if let Some(operation) = healed(text) {
        Line::Healed(operation)
    } else if text.starts_with("Initializing repository ") {
        Line::Initializing
    } else if is_saved(text) {
        Line::Saved
    } else if text.starts_with("Applying Policy: ") || text.starts_with("restic forget --prune ") {
        Line::Pruning
    } else if is_chatter(text) {
        Line::Chatter
    } else {
        Line::Words
    }
}

/// `snapshot 1a2b3c4d saved`.
fn is_saved(text: &str) -> bool {
    let id = text.strip_prefix("snapshot ").and_then(|rest| rest.strip_suffix(" saved"));
    id.is_some_and(|id| id.len() >= 8 && id.bytes().all(|c| c.is_ascii_hexdigit()))
}

fn is_chatter(text: &str) -> bool {
    if is_frame(text) {
        return true;
    }
    // `repository 8a5c opened`, but `repository is already locked`; `found 2 old cache directories`, but `found no
    // key`.
    let well = |text: &str| score(text) < 2;
    let echo = ["restic snapshots", "restic init", "restic backup --", "restic stats --"];
    let row = text.as_bytes().get(8) == Some(&b' ') && text.bytes().take(8).all(|c| c.is_ascii_hexdigit());
    echo.iter().any(|beginning| text.starts_with(beginning))
        || (row || CHATTER.iter().any(|beginning| text.starts_with(beginning))) && well(text)
        || text.ends_with(" snapshots") && text.bytes().next().is_some_and(|c| c.is_ascii_digit())
}

/// Words of failure, in the languages that programs speak here.
const FAILURE: [&str; 30] = [
    "fatal",
    "error",
    "fail",
    "panic",
    "cannot",
    "can't",
    "could not",
    "couldn't",
    "unable",
    "denied",
    "exception",
    "not found",
    "no such",
    "refused",
    "lost connection",
    "invalid",
    "abort",
    "killed",
    "timed out",
    "timeout",
    "locked",
    "warning",
    "unknown",
    "missing",
    "not permitted",
    "not running",
    "does not exist",
    "errore",
    "impossibile",
    "corrupt",
];

/// A line of a stack: Python's `File "…", line 1, in …` and its marks, Go's `runtime.goexit` and `…/tree.go:115`.
fn is_frame(text: &str) -> bool {
    let is_word = !text.contains(char::is_whitespace);
    text.starts_with("File \"") && text.contains(", line ")
        || text.starts_with("Traceback (most recent call last)")
        || text.starts_with("goroutine ")
        || is_word && (text.contains(".go:") || text.contains(".s:") || text.starts_with("runtime."))
        || is_word && (text.contains(".com/") || text.contains(".org/")) && text.contains('.') && !text.contains("://")
        || text.starts_with('^') && text.chars().all(|c| matches!(c, '^' | '~' | ' '))
}

/// Returns how much `line` says about a failure: 0 nothing, 1 perhaps something, 2 that it is one.
pub(super) fn score(line: &str) -> u32 {
    let text = line.trim();
    let is_address = text.starts_with("rest:") && !text.contains(' ') || text.starts_with("Is there a repository at");
    let is_code = text.starts_with("raise ") || text.starts_with("return ") || text.starts_with("import ");
    if text.is_empty() || is_address || is_code || is_frame(text) {
        return 0;
    }
    let lower = text.to_lowercase();
    if FAILURE.iter().any(|word| lower.contains(word)) { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chatter_is_told_from_words() {
        for line in [
            "using parent snapshot dc0af45d",
            "Files:           0 new,     0 changed,     1 unmodified",
            "repository 8a5c2f11 opened (version 2, compression level auto)",
            "found 2 old cache directories in /var/cache/restic, run `restic cache --cleanup` to remove them",
            "dc0af45d  2026-11-24 18:22:16  node1                   last snapshot  /srv/state/environment",
            "2 snapshots",
            "[0:00] 100.00%  1 / 1 index files loaded",
            "restic backup --no-scan state/environment",
            "  File \"/usr/lib/python3.11/subprocess.py\", line 571, in run",
            "\tgithub.com/restic/restic/internal/restic/tree.go:115",
            "golang.org/x/sync/errgroup.(*Group).Go.func1",
            "",
        ] {
            assert_eq!(what(line), Line::Chatter, "{line}");
        }
        for line in [
            "repository is already locked by PID 1",
            "Fatal: unable to open config file",
            "found no key, error",
            "mysqldump: Got error: 2002",
            "remove failed: connection refused",
        ] {
            assert_eq!(what(line), Line::Words, "{line}");
        }
    }

    #[test]
    fn a_saved_snapshot_is_seen() {
        assert_eq!(what("snapshot cd69c596 saved"), Line::Saved);
        for line in ["Applying Policy: keep 3 latest snapshots", "restic forget --prune --keep-last=3"] {
            assert_eq!(what(line), Line::Pruning, "{line}");
        }
        assert_eq!(what("snapshot of the database saved"), Line::Words);
    }
}
