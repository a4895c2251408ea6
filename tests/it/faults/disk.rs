//! A disk that is full, read-only or not to be written.
//!
//! A quota that is used up is told by the same error at the same calls as a full disk.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::service::webhook;
use crate::support::site::{AT_ONCE, Site};

/// Whether this can be tried here: mounts need root.
fn root() -> bool {
    let root = rustix::process::getuid().is_root();
    if !root {
        println!("skipped: needs root, for a file system of its own");
    }
    root
}

/// A small file system, unmounted when dropped.
struct Mount(PathBuf);

impl Mount {
    fn at(path: PathBuf, options: &str) -> Self {
        fs::create_dir_all(&path).unwrap();
        run(Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]).arg(&path));
        Self(path)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

/// Takes all the space there is.
fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("filler");
    let mut filler = fs::File::create(&path).unwrap();
    while filler.write_all(&[0; 4096]).is_ok() {}
    path
}

/// The alert is refused so that Alertmanager sends it again, and nothing has come of it.
fn refused(site: &Site) {
    let (status, body) = site.service.post(webhook(&["2"]));
    assert_eq!(status, 503, "{body}");
    assert_eq!(site.service.post(webhook(&[])).0, 503, "as the heartbeat asks");
    assert_eq!(site.service.queued("json"), [""; 0]);
    assert_eq!(site.service.queued("tmp"), [""; 0]);
    assert!(site.relay.so_far().is_empty());
}

/// The alert is accepted, and both have the mail, once.
fn accepted(site: &Site) {
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.service.done();
    assert_eq!(site.counts(), [("admin@example.com".into(), 1), ("ops@example.com".into(), 1)].into());
}

#[test]
fn full_before_the_alert() {
    if !root() {
        return;
    }
    let mut site = Site::new();
    let mount = Mount::at(site.service.path("state"), "size=128k");
    let filler = fill(&mount.0);
    site.service.start();
    refused(&site);
    fs::remove_file(filler).unwrap();
    accepted(&site);
}

#[test]
fn read_only_before_the_alert_and_at_the_start() {
    if !root() {
        return;
    }
    let mut site = Site::new();
    let mount = Mount::at(site.service.path("state"), "ro");
    site.service.start();
    refused(&site);
    site.service.logged("CRITICAL: the queue");
    site.service.logged("alerts are answered with 503 until it can be opened");
    drop(mount);
    accepted(&site);
}

/// A site whose service runs as root does everybody else: what a file's mode forbids is forbidden.
fn plain_user() -> Site {
    let mut site = Site::new();
    let plain =
        ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"];
    site.service.through = plain.map(String::from).into();
    site
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn not_writable_by_this_user() {
    if !root() {
        return;
    }
    let mut site = plain_user();
    fs::create_dir_all(site.service.queue()).unwrap();
    set_mode(&site.service.queue(), 0o500);
    site.service.start();
    refused(&site);
    set_mode(&site.service.queue(), 0o700);
    accepted(&site);
}

#[test]
fn queue_files_that_cannot_be_read_for_a_while_are_not_set_aside() {
    if !root() {
        return;
    }
    let mut site = plain_user();
    site.redis.signal("STOP");
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    let job = site.service.queue().join(&site.service.queued("json")[0]);
    let sent = site.service.queue().join("sent");
    fs::write(&sent, "[]").unwrap();
    for file in [sent, job] {
        site.service.kill();
        set_mode(&file, 0);
        site.service.start();
        assert_eq!(site.service.post(webhook(&["2"])).0, 503);
        site.service.logged(&format!("cannot be opened: {} cannot be read: Permission denied", file.display()));
        assert_eq!(site.service.queued("broken"), [""; 0]);
        set_mode(&file, 0o600);
    }
    site.redis.signal("CONT");
    site.mails(2);
    site.service.done();
    assert_eq!(site.counts(), [("admin@example.com".into(), 1), ("ops@example.com".into(), 1)].into());
}

/// What the disk does after the alert was accepted; `for_good`: also when the job's own file makes room at its end.
fn breaks_after_the_alert(for_good: bool, break_it: impl FnOnce(&Site) -> Box<dyn FnOnce()>) {
    let mut site = Site::with("", &format!("{AT_ONCE}receiver: {{ idle_timeout: 1 }}\n"));
    let _mount = Mount::at(site.service.path("state"), "size=128k");
    // Redis holds the job up until the disk is broken.
    site.redis.signal("STOP");
    assert_eq!(site.service.wake(webhook(&["2"])), Some(202));
    let mend = break_it(&site);
    site.redis.signal("CONT");
    site.mails(2);
    site.service.logged("CRITICAL");
    let log = site.service.log();
    assert!(log.contains("cannot be written") && log.contains("Work goes on from memory"), "{log}");
    if for_good {
        assert_eq!(site.service.post(webhook(&["7"])).0, 503, "a new one is not accepted");
        assert_eq!(site.service.post(webhook(&["2"])).0, 503);
    }
    mend();
    site.service.logged("everything is saved");
    // It leaves only when the disk has everything, so that the next process repeats nothing either.
    assert!(site.service.ended().success());
    assert_eq!(site.service.wake(webhook(&["2"])), Some(202));
    assert!(site.service.ended().success());
    assert_eq!(site.counts(), [("admin@example.com".into(), 1), ("ops@example.com".into(), 1)].into());
    assert_eq!(site.service.queued("json"), [""; 0]);
}

#[test]
fn full_after_the_alert() {
    if root() {
        breaks_after_the_alert(false, |site| {
            let filler = fill(&site.service.path("state"));
            Box::new(move || fs::remove_file(filler).unwrap())
        });
    }
}

#[test]
fn read_only_after_the_alert() {
    if root() {
        breaks_after_the_alert(true, |site| {
            let mount = Mount::at(site.service.queue(), "ro");
            Box::new(move || drop(mount))
        });
    }
}

#[test]
fn a_queue_folder_that_was_removed_is_made_again_and_is_still_locked() {
    let mut site = Site::new();
    site.service.start();
    accepted(&site);
    site.mails(2);
    site.service.done();
    fs::remove_dir_all(site.service.queue()).unwrap();
    site.half_fails("3");
    let (status, body) = site.service.post(webhook(&["3"]));
    assert_eq!(status, 202, "{body}");
    site.mails(4);
    let lock = fs::File::open(site.service.queue().join(".lock")).unwrap();
    let taken = rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive);
    assert_eq!(taken, Err(rustix::io::Errno::WOULDBLOCK));
    // systemd makes the state directory at the next start: the service leaves for that.
    site.service.done();
    fs::remove_dir_all(site.service.path("state")).unwrap();
    assert_eq!(site.service.post(webhook(&["3"])).0, 503);
    site.configure("", &format!("{AT_ONCE}receiver: {{ idle_timeout: 1 }}\n"));
    assert!(site.service.ended().success());
    site.service.start();
    site.half_fails("4");
    assert_eq!(site.service.post(webhook(&["4"])).0, 202);
    site.mails(6);
}

/// The report goes out all the same. systemd makes the directory at the next start, and the service leaves for that; if
/// it is back before, it has everything.
#[test]
fn a_state_directory_that_goes_during_a_job_keeps_the_service_no_longer_than_that() {
    for is_back in [false, true] {
        let mut site = Site::new();
        let (state, away) = (site.service.path("state"), site.service.path("away"));
        // Redis holds the job up until the directory is away.
        site.redis.signal("STOP");
        site.service.start();
        // A plan without a result has no history, for which a process of root would make the directory again.
        assert_eq!(site.service.post(webhook(&["9"])).0, 202);
        fs::rename(&state, &away).unwrap();
        site.redis.signal("CONT");
        site.mails(2);
        if is_back {
            site.service.logged("cannot be written");
            fs::rename(&away, &state).unwrap();
        }
        site.configure("", &format!("{AT_ONCE}receiver: {{ idle_timeout: 1 }}\n"));
        assert!(site.service.ended().success());
        assert_eq!(site.service.queued(""), if is_back { vec![".lock", "sent"] } else { Vec::new() });
    }
}

/// What happens to the history is said in the journal, and nothing waits for it.
#[test]
fn a_history_that_somebody_keeps_locked_holds_no_mail_back() {
    let mut site = Site::new();
    let folder = site.service.path("state/history");
    fs::create_dir_all(&folder).unwrap();
    let lock = fs::File::create(folder.join(".lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    site.service.start();
    accepted(&site);
    site.mails(2);
    site.service.logged("another process keeps it locked");
}

/// Neither one that nobody has open nor one whose reader has stopped to read.
#[test]
fn a_log_file_that_is_a_pipe_holds_nothing_up() {
    for is_open in [false, true] {
        let mut site = Site::new();
        let pipe = site.service.path("pipe");
        run(Command::new("mkfifo").arg(&pipe));
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let open = || fs::OpenOptions::new().read(true).write(true).custom_flags(flags).open(&pipe).unwrap();
        let mut reader = is_open.then(open);
        while reader.as_mut().is_some_and(|pipe| pipe.write_all(&[b'x'; 4096]).is_ok()) {}
        site.configure("", &format!("{AT_ONCE}logging: {{ file: {} }}\n", pipe.display()));
        site.service.start();
        accepted(&site);
        site.mails(2);
    }
}
