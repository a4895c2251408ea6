//! Damaged repositories: none is called healthy for what was not looked at.
//!
//! Each is looked at by every restic, and by the gateway without restic. What the gateway cannot see, it does not
//! claim.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use ns8_backup_monitor::model::repository::{Checked, Ended, NotWritable, Verdict};
use ns8_backup_monitor::probe::Means;

use super::support::*;

/// What is done to a repository.
#[derive(Debug, Clone, Copy)]
enum Harm {
    /// All files of this kind, or this file, are removed.
    Gone,
    /// The smallest file is removed; of `data`, the one with the folders.
    SmallestGone,
    /// The largest file is cut in half; of `data`, one with contents.
    Cut,
    /// The largest file is emptied.
    Emptied,
    /// A bit of the largest file is changed.
    Flipped,
    /// A bit of the smallest file is changed.
    SmallestFlipped,
}

use Harm::*;

/// What every restic finds, then what the gateway finds without restic; `None`: nothing, and that is not claimed.
const CORPUS: [(&str, Harm, Option<&str>, Option<&str>); 23] = [
    ("data", Gone, Some("does not exist"), Some("no data")),
    ("data", SmallestGone, Some("does not exist"), None),
    ("data", Cut, Some("unexpected file size"), None),
    ("data", Emptied, Some("unexpected file size"), Some("empty")),
    // Only reading all data would show it.
    ("data", Flipped, None, None),
    ("data", SmallestFlipped, Some("ciphertext verification failed"), None),
    ("index", Gone, Some("not found in repository"), Some("no index")),
    ("index", Cut, Some("invalid data returned"), None),
    ("index", Emptied, Some("invalid data returned"), Some("empty")),
    ("index", Flipped, Some("invalid data returned"), None),
    ("keys", Gone, Some("no keys"), Some("no keys")),
    ("keys", Cut, Some(""), None),
    ("keys", Emptied, Some(""), Some("no keys")),
    ("keys", Flipped, Some(""), None),
    ("config", Gone, Some("config file is missing"), Some("no config file")),
    ("config", Cut, Some("slice bounds out of range"), None),
    ("config", Emptied, Some("zero size"), Some("config file is empty")),
    ("config", Flipped, Some("ciphertext verification failed"), None),
    ("snapshots", Cut, Some("invalid data returned"), None),
    ("snapshots", Emptied, Some("invalid data returned"), Some("empty")),
    ("snapshots", Flipped, Some("invalid data returned"), None),
    // An empty repository is none that is damaged.
    ("snapshots", Gone, None, None),
    ("snapshots", SmallestGone, None, None),
];

#[tokio::test]
async fn restic_finds_all_damage_visible_without_reading_data() {
    for restic in every_restic() {
        for (kind, harm, expected, _) in CORPUS {
            let repository = Repository::copy();
            damage(&repository, kind, harm);
            let verdict = look_with(&with_restic(&restic), &repository.local(), LONG).await;
            assert_found(&verdict, expected, &format!("{restic}: {kind} {harm:?}"));
        }
    }
}

#[tokio::test]
async fn the_gateway_reports_only_damage_it_can_see() {
    for (kind, harm, _, expected) in CORPUS {
        let repository = Repository::copy();
        damage(&repository, kind, harm);
        let gateway = Gateway::start(repository.0.path());
        let verdict = verdicts(&behind(&gateway.url, GATEWAY_PASSWORD), &["repository1"], None, LONG).await.remove(0);
        assert_found(&verdict, expected, &format!("{kind} {harm:?}"));
        if let Verdict::Healthy { checked, .. } = verdict {
            assert_eq!(checked, Checked { listed: checked.listed, ..Checked::default() });
        }
    }
}

/// It is being written.
#[tokio::test]
async fn an_empty_file_of_a_repository_in_use_is_no_damage() {
    for kind in ["snapshots", "data", "index"] {
        let repository = Repository::copy();
        let holder = repository.hold_exclusively();
        damage(&repository, kind, Emptied);
        let gateway = Gateway::start(repository.0.path());
        let look =
            async || verdicts(&behind(&gateway.url, GATEWAY_PASSWORD), &["repository1"], None, LONG).await.remove(0);
        let verdict = look().await;
        assert!(matches!(verdict, Verdict::Healthy { in_use: Some(_), .. }), "{kind}: {verdict:?}");
        drop(holder);
        damage(&repository, "locks", Gone);
        let verdict = look().await;
        assert!(matches!(verdict, Verdict::Damaged(_)), "{kind}: {verdict:?}");
    }
}

#[tokio::test]
async fn what_restic_finds_behind_the_gateway_is_the_same() {
    for restic in every_restic() {
        for (kind, harm, expected, natively) in [CORPUS[0], CORPUS[2], CORPUS[9], CORPUS[10], CORPUS[14], CORPUS[18]] {
            // Without a config file, restic is not asked.
            let expected = if kind == "config" { natively } else { expected };
            let repository = Repository::copy();
            damage(&repository, kind, harm);
            let gateway = Gateway::start(repository.0.path());
            let means = Means { restic: restic.clone(), ..behind(&gateway.url, GATEWAY_PASSWORD) };
            let verdict = verdicts(&means, &["repository1"], Some(PASSWORD), LONG).await.remove(0);
            assert_found(&verdict, expected, &format!("{restic}: {kind} {harm:?}"));
        }
    }
}

fn assert_found(verdict: &Verdict, expected: Option<&str>, what: &str) {
    match (verdict, expected) {
        (Verdict::Damaged(words), Some(expected)) => {
            let words = words.to_string();
            assert!(words.contains(expected) && !words.is_empty(), "{what}: {words}");
        }
        (Verdict::Healthy { .. }, None) => {}
        _ => panic!("{what}: {verdict:?}"),
    }
}

fn damage(repository: &Repository, kind: &str, harm: Harm) {
    let path = Path::new(&repository.path()).join(kind);
    let mut all = if path.is_file() { vec![path] } else { files(&path) };
    all.sort_by_key(|file| fs::metadata(file).unwrap().len());
    let rewrite = |file: &PathBuf, edit: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let bytes = edit(fs::read(file).unwrap());
        // restic makes its files read-only.
        fs::remove_file(file).unwrap();
        fs::write(file, bytes).unwrap();
    };
    let (Some(smallest), Some(largest)) = (all.first(), all.last()) else { return };
    match harm {
        Gone => all.iter().for_each(|file| fs::remove_file(file).unwrap()),
        SmallestGone => fs::remove_file(smallest).unwrap(),
        Cut => rewrite(largest, &|bytes| bytes[..bytes.len().min(20) / 2].into()),
        Emptied => rewrite(largest, &|_| Vec::new()),
        Flipped => rewrite(largest, &flip),
        SmallestFlipped => rewrite(smallest, &flip),
    }
}

fn flip(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    bytes
}

#[tokio::test]
async fn what_was_removed_on_purpose_meanwhile_is_not_missed() {
    let dir = tempfile::tempdir().unwrap();
    let look = async |name: &str| {
        let place = documented("local", &dir.path().join(name).display().to_string(), PASSWORD);
        look_with(&with_restic(&fake("is-pruned-meanwhile")), &place, LONG).await
    };
    for (name, seen) in [("over", true), ("still", false)] {
        let checked = Checked { packs: seen, folders: seen, ended: Some(Ended::Changed), ..ALL };
        let Verdict::Healthy { checked: found, .. } = look(name).await else { panic!("{name}") };
        assert_eq!(found, checked, "{name}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_to_is_told_though_it_can_be_read() {
    if !rustix::process::getuid().is_root() {
        println!("skipped: needs root, for a file system of its own");
        return;
    }
    let repository = Repository::copy();
    let folder = PathBuf::from(repository.path());
    let aside = folder.with_file_name("aside");
    fs::rename(&folder, &aside).unwrap();
    fs::create_dir(&folder).unwrap();
    let run = |program: &str, args: &[&str]| {
        assert!(Command::new(program).args(args).arg(&folder).status().unwrap().success(), "{program} {args:?}");
    };
    run("mount", &["-t", "tmpfs", "-o", "size=4m,nr_inodes=2000", "none"]);
    run("cp", &["-rT", &aside.display().to_string()]);
    assert_eq!(look(&repository.local()).await, healthy(None));
    let filler = folder.join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);
    assert_eq!(look(&repository.local()).await, Verdict::NotWritable(NotWritable::Full));
    fs::remove_file(filler).unwrap();
    run("mount", &["-o", "remount,ro"]);
    assert_eq!(look(&repository.local()).await, Verdict::NotWritable(NotWritable::ReadOnly));
    run("umount", &[]);
}
