//! What is on this machine: the queue's folder, files with secrets, the node agent's login, the units.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Line, PATIENCE, error, ok, warning};
use crate::config::{Receiver, RepoCheck, Settings, is_loopback};
use crate::job::store;
use crate::probe::{AGENT_ENV, Agent};
use crate::system::process;

/// The user that the service runs as.
const USER: &str = "ns8-backup-monitor";
/// The queue's folder and what is in it.
pub(super) fn queue() -> Vec<Line> {
    let subject = "queue";
    let folder = store::folder(&store::state_directory());
    let shown = folder.display();
    let meta = match fs::metadata(&folder) {
        Ok(meta) => meta,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
            return vec![ok(subject, format!("{shown}: not there yet, the first start makes it"))];
        }
        Err(why) => return vec![warning(subject, format!("{shown}: {why}"), "run this check as root")],
    };
    let count = |ending| store::files(&folder, ending).map(|files| files.len());
    let (Ok(waiting), Ok(failed), Ok(broken)) = (count("json"), count("failed"), count("broken")) else {
        return vec![warning(subject, format!("{shown}: cannot be read"), "run this check as root")];
    };
    let mut lines = Vec::new();
    if let Some(user) = service_user().filter(|user| user.id != meta.uid() || meta.mode() & 0o300 != 0o300) {
        let todo = format!("chown -R {USER}: {shown}; chmod 700 {shown}");
        lines.push(error(subject, format!("{shown}: {USER} (user {}) cannot write there", user.id), todo));
    }
    let found = format!("{shown}: {waiting} job(s), {failed} given up, {broken} unreadable");
    lines.push(match failed + broken {
        0 => ok(subject, found),
        _ => warning(subject, found, "see `ns8-backup-monitor queue`"),
    });
    lines
}

/// The configuration and the files with secrets that it names: the service must be able to read them, others not.
pub(super) fn secret_files(configuration: &Path, settings: &Settings) -> Vec<Line> {
    let login = settings.notification.smtp.as_ref().and_then(|smtp| smtp.login.as_ref());
    let secrets = [
        ("receiver.token_file", settings.receiver.token_file.as_deref()),
        ("redis.password_file", settings.redis.password_file.as_deref()),
        ("notification.smtp.password_file", login.map(|(_, file)| file.as_path())),
    ];
    let mut lines = Vec::new();
    for (key, file) in secrets.into_iter().filter_map(|(key, file)| Some((key, file?))).chain([("", configuration)]) {
        let shown = format!("{key} {}", file.display());
        let found = shown.trim_start();
        match fs::metadata(file) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                lines.push(error(
                    "configuration",
                    format!("{found}: there is no such file"),
                    "create it with mode 0640",
                ));
            }
            // Who may not look cannot judge.
            Err(_) => {}
            Ok(meta) => {
                if service_user().is_some_and(|user| !user.can_read(&meta)) {
                    let todo = format!("chgrp {USER} {0}; chmod 640 {0}", file.display());
                    lines.push(error("configuration", format!("{found}: {USER} cannot read it"), todo));
                }
                if !key.is_empty() && meta.mode() & 0o004 != 0 {
                    let todo = format!("chmod o= {}", file.display());
                    lines.push(warning("configuration", format!("{found}: every user may read this secret"), todo));
                }
            }
        }
    }
    lines
}

/// The node agent's login, without which the gateway shows nothing.
pub(super) fn agent(settings: &RepoCheck) -> Line {
    match Agent::load(settings) {
        Some(agent) => ok("probe", format!("login for the gateway: {}", agent.user)),
        None => {
            let todo =
                format!("run this check as root; away from NS8's {AGENT_ENV}, name a file in repo_check.agent_env");
            warning("probe", "no login for the gateway, so repositories cannot be looked at", todo)
        }
    }
}

/// A user of this machine.
#[derive(Debug, PartialEq)]
struct User {
    id: u32,
    group: u32,
}

impl User {
    /// By the file's mode alone: access lists are not looked at.
    fn can_read(&self, meta: &Metadata) -> bool {
        let bit = if self.id == meta.uid() {
            0o400
        } else if self.group == meta.gid() {
            0o040
        } else {
            0o004
        };
        meta.mode() & bit != 0
    }
}

/// The service's user; `None` where no package has made it.
fn service_user() -> Option<User> {
    find_user(&fs::read_to_string("/etc/passwd").ok()?)
}

fn find_user(passwd: &str) -> Option<User> {
    let fields: Vec<&str> =
        passwd.lines().map(|line| line.split(':').collect()).find(|fields: &Vec<&str>| fields[0] == USER)?;
    Some(User { id: fields.get(2)?.parse().ok()?, group: fields.get(3)?.parse().ok()? })
}

/// The units that bring the service up.
pub(super) async fn units(receiver: &Receiver) -> Vec<Line> {
    if !Path::new("/run/systemd/system").exists() {
        let todo = "start `ns8-backup-monitor serve` by other means";
        return vec![warning("units", "systemd is not running here", todo)];
    }
    vec![unit("ns8-backup-monitor.socket", Some(receiver)).await, unit("ns8-backup-monitor.path", None).await]
}

async fn unit(name: &str, receiver: Option<&Receiver>) -> Line {
    let command = process::Command {
        program: "systemctl".into(),
        args: ["show", "--property=LoadState,ActiveState,UnitFileState,Listen", name].map(String::from).into(),
        timeout: PATIENCE,
        max_output: 10_000,
        ..process::Command::default()
    };
    match command.run().await {
        Ok(output) => judge_unit(name, receiver, &String::from_utf8_lossy(&output.stdout)),
        Err(why) => warning("units", format!("{name}: {why}"), "see `systemctl status ns8-backup-monitor.socket`"),
    }
}

/// Judges what `systemctl show` prints: lines of `Property=value`. The socket is compared with `receiver`.
fn judge_unit(name: &str, receiver: Option<&Receiver>, properties: &str) -> Line {
    let properties: Vec<(&str, &str)> = properties.lines().filter_map(|line| line.split_once('=')).collect();
    let is = |property: &str, wanted: &str| properties.contains(&(property, wanted));
    let open = properties.iter().find(|(key, value)| *key == "Listen" && is_open(value));
    // The path unit is not enabled: the socket brings it along.
    let stays = is("UnitFileState", "enabled") || is("UnitFileState", "static");
    let enable = "systemctl enable --now ns8-backup-monitor.socket";
    let start = format!("{enable} && systemctl start {name}");
    let address = receiver.map(|receiver| format!("{}:{} (Stream)", receiver.host, receiver.port));
    let guarded = receiver.is_none_or(|receiver| receiver.token_file.is_some());
    if is("LoadState", "not-found") {
        error("units", format!("{name} is not installed"), "install the package")
    } else if !is("ActiveState", "active") {
        error("units", format!("{name} is not active"), start)
    } else if let Some((_, open)) = open.filter(|_| !guarded) {
        let found = format!("{name} listens on {open}: other machines can post alerts, without a token");
        error("units", found, format!("set receiver.token_file, or a local ListenStream with `systemctl edit {name}`"))
    } else if !stays {
        warning("units", format!("{name} is active, but not enabled: gone after a reboot"), enable)
    } else if address.is_some_and(|address| !is("Listen", &address)) {
        let todo = format!("change ListenStream with `systemctl edit {name}`, or receiver.host and receiver.port");
        let found = format!("{name} listens elsewhere than receiver.host and receiver.port say; the unit counts");
        warning("units", found, todo)
    } else {
        ok("units", format!("{name} is active"))
    }
}

/// Whether other machines can reach this address of a socket: `0.0.0.0:9099 (Stream)`. A path has no port.
fn is_open(listen: &str) -> bool {
    let address = listen.split(' ').next().and_then(|address| address.rsplit_once(':'));
    address.is_some_and(|(host, _)| !listen.starts_with('/') && !is_loopback(host))
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn the_user_is_found() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nns8-backup-monitor:x:990:989::/:/sbin/nologin\n";
        assert_eq!(find_user(passwd), Some(User { id: 990, group: 989 }));
        assert_eq!(find_user("root:x:0:0:root:/root:/bin/sh\n\nns8-backup-monitor\n"), None);
    }

    #[test]
    fn units_are_judged() {
        let mut receiver = super::super::defaults().receiver;
        let judge = |receiver: &Receiver, properties: &str| judge_unit("x.socket", Some(receiver), properties).level;
        let level = |properties: &str| judge(&receiver, properties);
        let good = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nListen=127.0.0.1:9099 (Stream)\n";
        assert_eq!(level(good), Level::Ok);
        assert_eq!(level(&good.replace("9099", "9098")), Level::Warning);
        assert_eq!(level(&good.replace("enabled", "disabled")), Level::Warning);
        assert_eq!(level(&good.replace("enabled", "static")), Level::Ok);
        assert_eq!(level(&good.replace("=active", "=inactive")), Level::Error);
        assert_eq!(level("LoadState=not-found\nActiveState=inactive\nUnitFileState=\n"), Level::Error);
        assert_eq!(level(""), Level::Error);
        let [anywhere, anywhere_6] = ["0.0.0.0", "[::]"].map(|host| good.replace("127.0.0.1", host));
        assert_eq!([&anywhere, &anywhere_6].map(|properties| level(properties)), [Level::Error; 2]);
        let besides = format!("{good}Listen=192.0.2.1:9099 (Stream)\n");
        assert_eq!(level(&besides), Level::Error);
        assert_eq!(level(&format!("{good}Listen=/run/x:y (Stream)\n")), Level::Ok);
        receiver.token_file = Some("/token".into());
        assert_eq!([&anywhere, &besides].map(|properties| judge(&receiver, properties)), [Level::Warning, Level::Ok]);
    }
}
