//! Who may read and write what: a state folder of another user, and users who are not root.

use std::os::unix::fs::chown;

use super::*;

/// Someone else: `nobody`, mostly.
const STRANGER: u32 = 65534;

/// Returns a site whose state folder is the stranger's, unless only root could make one.
fn site() -> Option<Site> {
    if !rustix::process::getuid().is_root() {
        println!("skipped: needs root, to give a folder away");
        return None;
    }
    let site = Site::plain();
    let config = fs::read_to_string(site.path("config.yml")).unwrap();
    let log = site.path("state/log");
    site.write("config.yml", &format!("{config}receiver: {{ port: 1 }}\nlogging: {{ file: {} }}\n", log.display()));
    fs::create_dir(site.path("state")).unwrap();
    chown(site.path("state"), Some(STRANGER), Some(STRANGER)).unwrap();
    Some(site)
}

#[test]
fn what_writes_there_is_refused_and_leaves_nothing() {
    let Some(site) = site() else { return };
    for (args, unit) in [
        (&["serve"][..], "ns8-backup-monitor"),
        (&["watch"], "ns8-backup-monitor-watch"),
        (&["digest", "--weekly"], "ns8-backup-monitor-digest"),
    ] {
        let mut command = Command::new(path_of("timeout"));
        command.args(["60", PROGRAM, "--config"]).arg(site.path("config.yml")).args(args);
        let ran: Ran = command.env("STATE_DIRECTORY", site.path("state")).output().unwrap().into();
        assert_eq!(ran.code, 1, "{args:?}: {}", ran.err);
        for said in ["state belongs to another user", "STATE_DIRECTORY", &format!("`systemctl start {unit}`")] {
            assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
        }
        assert_eq!(fs::read_dir(site.path("state")).unwrap().count(), 0, "{args:?}");
    }
}

#[test]
fn a_socket_that_is_passed_stays_and_alerts_are_refused() {
    let Some(site) = site() else { return };
    let mut service = Service::new(&fs::read_to_string(site.path("config.yml")).unwrap());
    fs::create_dir(service.path("state")).unwrap();
    chown(service.path("state"), Some(STRANGER), None).unwrap();
    service.start();
    assert_eq!(service.post(webhook(&["1"])).0, 503);
    service.logged("state belongs to another user");
    assert_eq!(fs::read_dir(service.path("state")).unwrap().count(), 0);
    chown(service.path("state"), Some(0), None).unwrap();
    assert_eq!(service.post(webhook(&["1"])).0, 202, "{}", service.log());
}

impl Site {
    /// Runs a command as a user who may read nothing here.
    fn run_as_stranger(&self, args: &[&str]) -> Ran {
        let mut command = Command::new(path_of("setpriv"));
        // The program itself may lie where only root may look: it is handed over open.
        command.stdin(fs::File::open(PROGRAM).unwrap());
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "/proc/self/fd/0", "--config"]);
        command.arg(self.path("config.yml")).args(args).env("STATE_DIRECTORY", self.path("state"));
        command.output().unwrap().into()
    }
}

#[test]
fn who_may_not_read_a_file_is_told_to_be_root_and_nobody_else_is() {
    if !rustix::process::getuid().is_root() {
        println!("skipped: needs root, to be somebody else");
        return;
    }
    let site = Site::plain();
    let mode = |name: &str, mode| fs::set_permissions(site.path(name), fs::Permissions::from_mode(mode)).unwrap();
    fs::create_dir_all(site.path("state/history")).unwrap();
    mode("", 0o755);
    mode("config.yml", 0o640);
    mode("state", 0o700);
    let at = ["--alertmanager", "http://127.0.0.1:1"];
    let commands = [
        &["report"][..],
        &["send-test"],
        &["digest", "--mail", at[0], at[1]],
        &["setup", "--yes"],
        &["history"],
        &["history", "2"],
        &["queue"],
        &["check", at[0], at[1]],
    ];
    for args in commands {
        let Ran { out, err, .. } = site.run_as_stranger(args);
        assert!(format!("{out}{err}").contains("as root"), "{args:?}: {out}{err}");
    }
    // In place of the folder is a file: that is the same for root.
    fs::remove_dir_all(site.path("state")).unwrap();
    site.write("state", "");
    for args in commands {
        for Ran { out, err, .. } in [site.run(args), site.run_as_stranger(args)] {
            let said = format!("{out}{err}");
            let denied = said.lines().any(|line| line.contains("as root") && !line.contains("ermission denied"));
            assert!(!denied || args[0] == "check", "{args:?}: {said}");
        }
        let Ran { out, err, .. } = site.run(args);
        assert!(!format!("{out}{err}").contains("as root"), "{args:?}: {out}{err}");
    }
}
