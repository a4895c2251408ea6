//! Looks at this machine: the queue's folder, files with secrets, the node agent's login.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Line, error, is_denied, is_root, ok, unread, warning};
use crate::config::{Notification, RepoCheck, Settings, Transport, credential};
use crate::job::store;
use crate::system::agent::{AGENT_ENV, Agent};
use crate::watch::history::{Histories, HistoryError};

/// The user that the service runs as.
const USER: &str = "ns8-backup-monitor";
/// What is found of a credential while no unit has it.
const UNSEEN: &str = "is seen only while the service runs";
const START: &str = "systemctl start ns8-backup-monitor, and check again";

/// Looks at the queue's folder and what is in it.
pub(super) fn queue() -> Vec<Line> {
    let subject = "queue";
    let folder = store::folder(&store::state_directory());
    let shown = folder.display();
    let meta = match fs::metadata(&folder) {
        Ok(meta) => meta,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
            return vec![ok(
                subject,
                format!("{shown}: does not exist yet; the service creates it at its first start"),
            )];
        }
        Err(why) => return vec![warning(subject, format!("{shown}: {why}"), unread(is_denied(&why)))],
    };
    let [waiting, failed, broken] = match store::count(&folder) {
        Ok(counts) => counts,
        Err(why) => return vec![warning(subject, format!("{shown}: {why}"), unread(is_denied(&why)))],
    };
    let mut lines = Vec::new();
    let user = service_user().unwrap_or(User { id: meta.uid(), group: meta.gid() });
    let todo = format!("chown -R {USER}: {shown}; chmod -R u=rwX {shown}");
    if user.id != meta.uid() || meta.mode() & 0o300 != 0o300 {
        lines.push(error(subject, format!("{shown}: {USER} (user {}) cannot write there", user.id), todo));
    } else if let Some(file) = closed_file(&folder, &user) {
        let found =
            format!("{}: {USER} (user {}) cannot open it: alerts are answered with 503", file.display(), user.id);
        lines.push(error(subject, found, todo));
    }
    let found = format!("{shown}: {waiting} job(s), {failed} given up, {broken} unreadable");
    lines.push(match failed + broken {
        0 => ok(subject, found),
        _ => warning(subject, found, "see `ns8-backup-monitor queue`"),
    });
    lines
}

/// Looks for histories to which no run can be added.
pub(super) fn histories(state: &Path) -> Vec<Line> {
    let subject = "history";
    let judge = |why: &HistoryError| {
        let todo = match why {
            HistoryError::File { source, .. } => unread(is_denied(source)),
            HistoryError::Damaged { .. } => "nothing: with the next run it is set aside, and a new one begins",
            HistoryError::Later { .. } => "install that version again, or remove the file",
        };
        warning(subject, why.to_string(), todo)
    };
    match Histories::new(state).unusable() {
        Ok(unusable) => unusable.iter().map(judge).collect(),
        Err(why) => {
            vec![warning(subject, format!("the histories cannot be read: {why}"), unread(is_denied(&why)))]
        }
    }
}

/// Returns the first of the files without which the service does not open its queue and that `user` cannot open.
fn closed_file(folder: &Path, user: &User) -> Option<PathBuf> {
    let is_closed = |file: &PathBuf| {
        fs::symlink_metadata(file).is_ok_and(|meta| match file.ends_with(store::LOCK) {
            true => !meta.is_file() || !user.can_write(&meta),
            // What is no file is set aside.
            false => meta.is_file() && !user.can_read(&meta),
        })
    };
    let jobs = store::files(folder, store::JOB).unwrap_or_default();
    [store::LOCK, store::SENT].map(|name| folder.join(name)).into_iter().chain(jobs).find(is_closed)
}

/// Returns the line about the relay if its password is a credential that this command does not see.
pub(super) fn hidden_relay(settings: &Notification) -> Option<Line> {
    let (_, file) = settings.smtp.as_ref().filter(|_| settings.transport == Transport::Smtp)?.login.as_ref()?;
    let hidden = credential(file).is_some_and(|place| !place.exists());
    hidden.then(|| warning("relay", format!("not looked at: its password {UNSEEN}"), START))
}

/// Looks at the configuration and the files with secrets that it names: the service must be able to read them, other
/// users must not.
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
        if file.starts_with("/run/credentials") {
            let todo = "write $CREDENTIALS_DIRECTORY/ and its name: see drop-ins/encrypted-secrets.conf";
            lines.push(error("configuration", format!("{found}: only one unit has this file, while it runs"), todo));
            continue;
        }
        if let Some(place) = credential(file) {
            if !place.exists() {
                lines.push(warning("configuration", format!("{found}: {UNSEEN}"), START));
            }
            continue;
        }
        match fs::metadata(file) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                lines.push(error(
                    "configuration",
                    format!("{found}: there is no such file"),
                    "create it with mode 0640",
                ));
            }
            // Without permission to stat it, say nothing.
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

/// Looks for the node agent's login, without which the gateway shows nothing.
pub(super) fn agent(settings: &RepoCheck) -> Line {
    match Agent::load(settings) {
        Some(agent) => ok("probe", format!("login for the gateway: {}", agent.user)),
        None => {
            let denied = if is_root() { "" } else { "run this check as root. " };
            let todo = format!("{denied}If agent.env is not {AGENT_ENV}, set repo_check.agent_env to its path");
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
    /// Judges by the file's mode alone, without access lists.
    fn can_read(&self, meta: &Metadata) -> bool {
        self.may(0o4, meta)
    }

    fn can_write(&self, meta: &Metadata) -> bool {
        self.may(0o2, meta)
    }

    fn may(&self, bit: u32, meta: &Metadata) -> bool {
        let shift = if self.id == meta.uid() {
            6
        } else if self.group == meta.gid() {
            3
        } else {
            0
        };
        meta.mode() & bit << shift != 0
    }
}

/// Returns the service's user; `None` if no package has created it.
fn service_user() -> Option<User> {
    find_user(&fs::read_to_string("/etc/passwd").ok()?)
}

fn find_user(passwd: &str) -> Option<User> {
    let fields: Vec<&str> =
        passwd.lines().map(|line| line.split(':').collect()).find(|fields: &Vec<&str>| fields[0] == USER)?;
    Some(User { id: fields.get(2)?.parse().ok()?, group: fields.get(3)?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::Level;
    use super::*;

    #[test]
    fn a_history_of_a_later_version_is_named_with_what_to_do() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(histories(state.path()), []);
        fs::create_dir(state.path().join("history")).unwrap();
        for readable in [r#"{"version":99}"#, r#"{"version":99,"plan":"2","runs":[]}"#] {
            fs::write(state.path().join("history/2.json"), readable).unwrap();
            let lines = histories(state.path());
            let [Line { found, todo: Some(_), .. }] = &lines[..] else { panic!("{readable}: {lines:?}") };
            assert!(found.contains("history/2.json: written by a later version"), "{found}");
        }
    }

    #[test]
    fn a_file_of_the_queue_that_the_service_cannot_read_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let meta = fs::metadata(folder.path()).unwrap();
        let owner = User { id: meta.uid(), group: meta.gid() };
        let other = User { id: meta.uid() + 1, group: meta.gid() + 1 };
        // The service opens none of these with its queue.
        for name in ["x.retry", "x.drop", "x.broken", "x.failed"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(closed_file(folder.path(), &other), None);
        for name in [".lock", "sent", "x.json"] {
            let file = folder.path().join(name);
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            assert_eq!(closed_file(folder.path(), &owner), None);
            assert_eq!(closed_file(folder.path(), &other), Some(file.clone()));
            // Reading is enough, but for the lock.
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
            assert_eq!(closed_file(folder.path(), &other).is_some(), name == ".lock");
            fs::remove_file(file).unwrap();
        }
        fs::create_dir(folder.path().join(".lock")).unwrap();
        assert_eq!(closed_file(folder.path(), &owner), Some(folder.path().join(".lock")));
    }

    #[test]
    fn a_credential_is_judged_by_where_it_comes_from() {
        let configuration = tempfile::NamedTempFile::new().unwrap();
        let mut settings = crate::config::defaults();
        let mut judge = |file: &str| {
            settings.receiver.token_file = Some(file.into());
            secret_files(configuration.path(), &settings)
                .into_iter()
                .next()
                .map(|line| (line.level, line.todo.unwrap()))
        };
        let (level, todo) = judge("/run/credentials/ns8-backup-monitor.service/token").unwrap();
        assert!(level == Level::Error && todo.starts_with("write $CREDENTIALS_DIRECTORY/"), "{todo}");
        let (level, todo) = judge("$CREDENTIALS_DIRECTORY/token").unwrap();
        assert!(level == Level::Warning && todo.starts_with("systemctl start ns8-backup-monitor"), "{todo}");
        assert!(judge("/nowhere/token").unwrap().1.contains("mode 0640"));
    }

    #[test]
    fn the_user_is_found() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nns8-backup-monitor:x:990:989::/:/sbin/nologin\n";
        assert_eq!(find_user(passwd), Some(User { id: 990, group: 989 }));
        assert_eq!(find_user("root:x:0:0:root:/root:/bin/sh\n\nns8-backup-monitor\n"), None);
    }
}
