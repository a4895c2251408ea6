//! What `restic check` has found. Pure.
//!
//! `check` says on standard output which part it begins, and on standard error what is wrong. It reads the index,
//! compares it with the list of packs, and reads the folders of all snapshots; it does not read the data. Its words are
//! those of restic 0.14 to 0.19.

use super::complaint::{gives_up, gone, plain, says_of_server};

/// How far a check has come.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// The index was compared with the packs, to the end.
    pub(super) packs: bool,
    /// The folders were read, to the end.
    pub(super) folders: bool,
}

/// Reads from standard output how far a check has come that found no damage.
pub(super) fn progress(stdout: &str) -> Progress {
    let has = |line: &str| stdout.lines().any(|other| other.trim() == line);
    let folders = has("no errors were found");
    Progress { packs: folders || has("check snapshots, trees and blobs"), folders }
}

/// Whether a check has said enough to be stopped: damage, or that the server cannot be reached.
pub(super) fn enough(stderr: &str) -> bool {
    damage(&plain(stderr)).is_some() || gives_up(stderr)
}

/// The first damage in `stderr`, which is plain text. What the server or the network is to blame for is none.
pub(super) fn damage(stderr: &str) -> Option<String> {
    let lines: Vec<&str> = stderr.lines().collect();
    lines.iter().enumerate().find_map(|(at, line)| {
        let words = match lines.get(at + 1) {
            // The reason stands below. Half a line may be all that has been read of it.
            Some(reason) if is_tree(line) && lines.len() > at + 2 => format!("{line} {}", reason.trim()),
            _ if is_tree(line) => return None,
            _ if is_damage(line) => line.trim_start_matches("error: ").to_owned(),
            _ => return None,
        };
        (!says_of_server(&words.to_lowercase())).then_some(words)
    })
}

fn is_tree(line: &str) -> bool {
    line.starts_with("error for tree ") && line.ends_with(':')
}

fn is_damage(line: &str) -> bool {
    let of_pack = line.strip_prefix("pack ").and_then(|rest| rest.split_once(": "));
    match of_pack {
        // Such a pack takes space and is harmless. It is also what a running backup looks like.
        Some((_, what)) => !what.contains("not referenced in any index"),
        // A snapshot that has gone was removed meanwhile.
        None => {
            (line.starts_with("error: ") || line.starts_with("snapshot error "))
                && !(line.contains("snapshot") && gone(line))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACK: &str = "pack 8303a03de2757485482bc24dc14b941c556c3d69e9280d2e70f83bc1a255f25c";

    #[test]
    fn each_version_says_how_far_it_has_come() {
        let begun = "load indexes\ncheck all packs\n";
        let (packs, all) = (format!("{begun}check snapshots, trees and blobs\n"), "\nno errors were found\n");
        assert_eq!(progress("using temporary cache in /tmp\nload indexes\n"), Progress::default());
        assert_eq!(progress(begun), Progress::default());
        assert_eq!(progress(&packs), Progress { packs: true, folders: false });
        let stdout = format!("{packs}[0:00] 100.00%  2 / 2 snapshots\n{all}");
        assert_eq!(progress(&stdout), Progress { packs: true, folders: true });
    }

    #[test]
    fn damage_is_told_from_what_is_harmless_and_from_the_network() {
        let tree = "error for tree 04b6880a:\n  id 04b6880a not found in repository\nFatal: repository contains errors";
        for (stderr, words) in [
            (&*format!("{PACK}: does not exist\nmore"), Some(format!("{PACK}: does not exist"))),
            (
                &format!("{PACK}: unexpected file size: got 0, expected 9"),
                Some(format!("{PACK}: unexpected file size: got 0, expected 9")),
            ),
            (tree, Some("error for tree 04b6880a: id 04b6880a not found in repository".into())),
            (
                "error: error loading index d4ee: load <index/d4ee>: invalid data returned",
                Some("error loading index d4ee: load <index/d4ee>: invalid data returned".into()),
            ),
            ("error for tree 04b6880a:", None),
            ("error for tree 04b6880a:\n  id 04", None),
            (&format!("{PACK}: not referenced in any index"), None),
            ("error: load <snapshot/aaee>: <snapshot/aaee> does not exist", None),
            ("error: error loading index d4ee: dial tcp: connection refused", None),
            ("error: load <index/d4>: open /r/index/d4: permission denied", None),
            ("Load(<data/eec9e0fc52>, 249, 731) returned error, retrying after 552ms: open r/data: no such file", None),
            ("Fatal: repository contains errors", None),
            ("", None),
        ] {
            assert_eq!(damage(stderr), words, "{stderr}");
        }
    }
}
