//! A state folder that belongs to another user: the service could not read what root leaves there.

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
