//! Looks at a repository with restic, without leaving a trace in it.
//!
//! Every command runs with `--no-lock`: a probe never writes a lock, so it can neither hold up a backup nor be held up
//! by one, and what is locked can still be read. Which locks there are is looked up by hand. Nothing is written to a
//! cache either. Secrets go by environment only. Works with restic 0.14 (Debian 12) and later.

use std::env;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::address::Kind;
use super::check::{self, Progress};
use super::complaint;
use super::limits::{MAX_LOCKS, MAX_OUTPUT, for_confirming};
use super::list::each;
use crate::model::repository::{Checked, Ended, Lock, NotProbed, Sign, Verdict};
use crate::system::process::{Command, Output, RunError};

/// What restic's helpers need of our own environment: where `ssh` has its keys and `rclone` its configuration, and the
/// way out where there is a proxy.
const PASSED_ON: [&str; 7] = ["HOME", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];

/// Nobody is there to be asked: neither `ssh` nor `rclone` turns to the terminal.
const ASK_NOBODY: [(&str, &str); 3] =
    [("SSH_ASKPASS", "false"), ("SSH_ASKPASS_REQUIRE", "force"), ("RCLONE_ASK_PASSWORD", "false")];

/// A repository, as restic finds it.
#[derive(Debug, Clone)]
pub(super) struct Repository {
    /// What opens it.
    pub(super) kind: Kind,
    /// `RESTIC_REPOSITORY`; may hold a login.
    pub(super) location: SecretString,
    /// The secrets, by the names of their environment variables.
    pub(super) secrets: Vec<(&'static str, SecretString)>,
    /// `RCLONE_CONFIG`.
    pub(super) rclone_config: Option<String>,
}

impl Repository {
    fn env(&self) -> Vec<(String, SecretString)> {
        let own = PASSED_ON.into_iter().filter_map(|name| Some((name.into(), env::var(name).ok()?.into())));
        let mut env: Vec<(String, SecretString)> = own.collect();
        env.extend(ASK_NOBODY.map(|(name, value)| (name.into(), value.into())));
        env.extend(self.rclone_config.iter().map(|file| ("RCLONE_CONFIG".into(), file.as_str().into())));
        env.push(("RESTIC_REPOSITORY".into(), self.location.clone()));
        env.extend(self.secrets.iter().map(|(name, secret)| (name.to_string(), secret.clone())));
        env
    }
}

/// Looks at `repository` with the restic called `program`, for `limit` at most. `checks` bounds how many indexes are
/// loaded at a time.
pub(super) async fn look(program: &str, repository: &Repository, limit: Duration, checks: &Semaphore) -> Verdict {
    let session = Session { program, repository, limit, started: Instant::now() };
    session.look(checks).await.unwrap_or_else(|verdict| verdict)
}

struct Session<'a> {
    program: &'a str,
    repository: &'a Repository,
    limit: Duration,
    started: Instant,
}

impl Session<'_> {
    /// The verdict; as the error where there is nothing more to look at.
    async fn look(&self, checks: &Semaphore) -> Result<Verdict, Verdict> {
        let snapshots = self.snapshots().await?;
        let (total, locks) = self.locks().await?;
        let in_use = match lock(total, &locks) {
            Some(lock) if lock.exclusive == Some(true) => return Ok(Verdict::Locked(lock)),
            in_use => in_use,
        };
        let checked = Checked { opened: true, ..self.check(checks).await? };
        Ok(Verdict::Healthy { snapshots: snapshots.count, newest: snapshots.newest, in_use, checked })
    }

    async fn snapshots(&self) -> Result<Snapshots, Verdict> {
        let output = self.restic(&["snapshots", "--json"]).await?;
        if let Some(complaint) = complaint::unreadable_snapshot(&complaint::plain(&output.stderr)) {
            return Err(match self.verdict(None, complaint) {
                Verdict::Failed(words) => Verdict::Damaged(words),
                verdict => verdict,
            });
        }
        Snapshots::parse(&output.stdout).map_err(|error| Verdict::Failed(Sign::ResticGarbled(error.to_string())))
    }

    /// How many locks there are, and what those say that could be read, of the first few.
    async fn locks(&self) -> Result<(u64, Vec<LockFile>), Verdict> {
        let output = self.restic(&["list", "locks"]).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let ids: Vec<&str> = text.lines().map(str::trim).filter(|line| is_id(line)).collect();
        let mut total = ids.len() as u64;
        let mut locks = Vec::new();
        for id in ids.into_iter().take(MAX_LOCKS) {
            match self.restic(&["cat", "lock", id]).await {
                Ok(output) => locks.extend(serde_json::from_slice::<LockFile>(&output.stdout)),
                // Given back in the meantime, or renewed under another name, as a running backup does now and then.
                Err(Verdict::Failed(why)) if complaint::gone(&why.to_string()) => total -= 1,
                // A damaged lock does no harm to what is stored; restic 0.18 stops at one, unless it is empty.
                Err(Verdict::Failed(_) | Verdict::Damaged(_)) => {}
                Err(verdict) => return Err(verdict),
            }
        }
        Ok((total, locks))
    }

    /// Compares the index with the packs, and reads the folders, as far as the time allows.
    ///
    /// # Errors
    /// Returns the verdict if a part of the repository is damaged or missing.
    async fn check(&self, checks: &Semaphore) -> Result<Checked, Verdict> {
        let ended = |ended| Ok(Checked { ended: Some(ended), ..Checked::default() });
        let Ok(Ok(_permit)) = timeout(self.left(), checks.acquire()).await else { return ended(Ended::TimeUp) };
        let checked = match self.check_once(self.left().saturating_sub(for_confirming(self.limit))).await {
            Ok(checked) => return Ok(checked),
            Err(_) if self.is_being_pruned().await => return ended(Ended::Changed),
            Err(_) => self.check_once(self.left()).await,
        };
        // What was removed on purpose while the first check ran is not missed by the second one.
        checked.map(|checked| Checked { ended: Some(Ended::Changed), ..checked })
    }

    async fn check_once(&self, limit: Duration) -> Result<Checked, Verdict> {
        let (end, stdout, stderr) = match self.command(&["check"], limit, check::enough).run().await {
            Ok(Output { stdout, stderr, .. }) => (Ended::Failed, stdout, stderr),
            Err(RunError::TimedOut { early: false, stdout, stderr, .. }) => (Ended::TimeUp, stdout, stderr),
            Err(RunError::TimedOut { stdout, stderr, .. }) => (Ended::Failed, stdout, stderr),
            Err(_) => (Ended::Failed, Vec::new(), String::new()),
        };
        if let Some(words) = check::damage(&complaint::plain(&stderr)) {
            return Err(Verdict::Damaged(complaint::shown(&words, &self.secrets()).into()));
        }
        let Progress { packs, folders } = check::progress(&String::from_utf8_lossy(&stdout));
        Ok(Checked { packs, folders, ended: (!folders).then_some(end), ..Checked::default() })
    }

    /// Whether somebody has the repository to himself, as for pruning, or whether that could not be found out.
    async fn is_being_pruned(&self) -> bool {
        self.locks().await.map_or(true, |(_, locks)| locks.iter().any(|lock| lock.exclusive))
    }

    async fn restic(&self, args: &[&str]) -> Result<Output, Verdict> {
        match self.command(args, self.left(), complaint::gives_up).run().await {
            Ok(output) if !output.status.success() => Err(self.verdict(output.status.code(), &output.stderr)),
            Ok(output) if output.truncated => Err(Verdict::Failed(Sign::ResticTooLong(MAX_OUTPUT >> 20))),
            Ok(output) => Ok(output),
            Err(error) => Err(self.not_run(error)),
        }
    }

    fn command(&self, args: &[&str], timeout: Duration, enough: fn(&str) -> bool) -> Command {
        Command {
            program: self.program.into(),
            args: args.iter().copied().chain(["--no-cache", "--no-lock"]).map(String::from).collect(),
            env: self.repository.env(),
            timeout,
            max_output: MAX_OUTPUT,
            enough: Some(enough),
            ..Command::default()
        }
    }

    fn left(&self) -> Duration {
        self.limit.saturating_sub(self.started.elapsed())
    }

    fn not_run(&self, error: RunError) -> Verdict {
        match error {
            RunError::NotFound(program) => Verdict::NotProbed(NotProbed::ResticMissing(program)),
            // From 0.17 on restic tries again and again; what it said meanwhile tells more than that time has passed.
            RunError::TimedOut { stderr, .. } => match self.verdict(None, &stderr) {
                told @ (Verdict::Unreachable(_) | Verdict::Denied(_) | Verdict::NotProbed(_)) => told,
                // It did answer, though not with what restic wants. That is no damage for certain.
                Verdict::Damaged(words) | Verdict::Failed(words) if complaint::tries_again(&stderr) => {
                    Verdict::Failed(words)
                }
                _ => Verdict::TimedOut(self.limit),
            },
            RunError::NotExecutable(path) => {
                Verdict::NotProbed(NotProbed::ResticNotExecutable(path.display().to_string()))
            }
            RunError::Failed { path, source } => {
                Verdict::NotProbed(NotProbed::ResticUnusable(format!("{}: {source}", path.display())))
            }
        }
    }

    /// What restic's complaint means. The owner of a folder on this machine may have given permission to the backup's
    /// user only, and that user's `ssh` may have other keys and know more hosts.
    fn verdict(&self, code: Option<i32>, stderr: &str) -> Verdict {
        match (complaint::verdict(code, stderr, &self.secrets()), &self.repository.kind) {
            (Verdict::Denied(words), Kind::Local(_)) => Verdict::NotProbed(NotProbed::NoPermission(words.to_string())),
            (Verdict::Denied(words), Kind::Sftp) if complaint::is_of_ssh(stderr) => {
                Verdict::NotProbed(NotProbed::NoPermission(words.to_string()))
            }
            (verdict, _) => verdict,
        }
    }

    fn secrets(&self) -> Vec<&SecretString> {
        self.repository.secrets.iter().map(|(_, secret)| secret).collect()
    }
}

fn is_id(line: &str) -> bool {
    line.len() == 64 && line.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What `restic cat lock` prints.
#[derive(Debug, Deserialize)]
struct LockFile {
    time: Timestamp,
    #[serde(default)]
    exclusive: bool,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    pid: u64,
}

/// `total` locks, of which `locks` could be read, told by the oldest one that matters; `None` where there are none.
fn lock(total: u64, locks: &[LockFile]) -> Option<Lock> {
    let exclusive = match locks.iter().any(|lock| lock.exclusive) {
        true => Some(true),
        false => (locks.len() as u64 == total).then_some(false),
    };
    let oldest = locks.iter().filter(|lock| lock.exclusive == (exclusive == Some(true))).min_by_key(|lock| lock.time);
    let by = oldest.map(|lock| format!("{}@{}, PID {}", lock.username, lock.hostname, lock.pid));
    (total > 0).then(|| Lock { count: total, exclusive, since: oldest.map(|lock| lock.time), by })
}

/// What is wanted of `restic snapshots --json`.
#[derive(Debug, Default, PartialEq)]
struct Snapshots {
    count: u64,
    newest: Option<Timestamp>,
}

impl Snapshots {
    fn parse(json: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Snapshot {
            time: Timestamp,
        }
        let mut snapshots = Self::default();
        each(json, |Snapshot { time }| {
            snapshots.count += 1;
            snapshots.newest = snapshots.newest.max(Some(time));
        })?;
        Ok(snapshots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_counted_whatever_their_order_and_offset() {
        let list =
            r#"[{"time":"2026-11-21T01:00:00.123456789+01:00","tree":"x"},{"time":"2026-11-20T23:30:00Z","paths":[]}]"#;
        let newest = "2026-11-21T00:00:00.123456789Z".parse().ok();
        assert_eq!(Snapshots::parse(list.as_bytes()).unwrap(), Snapshots { count: 2, newest });
        assert_eq!(Snapshots::parse(b"[]").unwrap(), Snapshots::default());
        for wrong in ["{}", "[1]", "[{}]", "", "[", "5"] {
            assert!(Snapshots::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_oldest_exclusive_lock_counts_and_what_was_not_seen_is_not_known() {
        let file = |hour, exclusive| LockFile {
            time: format!("2026-11-21T{hour:02}:00:00Z").parse().unwrap(),
            exclusive,
            hostname: "host".into(),
            username: "root".into(),
            pid: hour,
        };
        let told = |count, exclusive, by: u64| {
            let (since, by) = (Some(file(by, false).time), Some(format!("root@host, PID {by}")));
            Some(Lock { count, exclusive, since, by })
        };
        let (shared, mixed) = ([file(5, false), file(3, false)], [file(3, false), file(5, true), file(4, true)]);
        assert_eq!(lock(3, &mixed), told(3, Some(true), 4));
        assert_eq!(lock(9, &mixed), told(9, Some(true), 4));
        assert_eq!(lock(2, &shared), told(2, Some(false), 3));
        assert_eq!(lock(3, &shared), told(3, None, 3));
        assert_eq!(lock(2, &[]), Some(Lock { count: 2, ..Lock::default() }));
        assert_eq!(lock(0, &[]), None);
    }
}
