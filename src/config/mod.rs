//! The configuration: a raw YAML file in, checked [`Settings`] out.
//!
//! `raw` is the file as it is written, every key optional; `check` makes [`Settings`] of it, which are all that the
//! rest of the program sees. All that is wrong is reported at once, each with its line and key.
//! [`Live`] reads the file again when it has changed, so that a fixed file counts from the next request on.

mod address;
mod check;
mod live;
mod locate;
pub(crate) mod raw;
mod tree;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::Mailbox;
use secrecy::SecretString;

use crate::model::cluster::Encryption;

pub use address::Endpoint;
pub use live::Live;

/// Where the configuration is unless `--config` names another file.
pub const DEFAULT_PATH: &str = "/etc/ns8-backup-monitor/config.yml";
/// The socket of the cluster's Redis in the founding layout; NS8 itself has none and listens on TCP.
pub const DOCUMENTED_REDIS_SOCKET: &str = "/var/lib/nethserver/cluster/state/redis.sock";
/// Where NS8's Redis listens.
pub const DEFAULT_REDIS_URL: &str = "redis://127.0.0.1:6379";
/// The alerts that are for us: NS8's native and custom rules, old and new.
pub const DEFAULT_ALERT_NAMES: [&str; 5] =
    ["backup_failed", "backup_missing", "NsBackupFailed", "NsBackupMissing", "BackupFailed"];

/// The checked configuration. Every value is in range; nothing in it is secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `receiver`: the webhook's address and bounds.
    pub receiver: Receiver,
    /// `correlator`: how long to wait and which results are of this run.
    pub correlator: Correlator,
    /// `repo_check`: probing the repositories.
    pub repo_check: RepoCheck,
    /// `notification`: the mail and its way out.
    pub notification: Notification,
    /// `redis`: how the cluster is read.
    pub redis: Redis,
    /// `logging`: what is logged, and where beside the journal.
    pub logging: Logging,
}

/// `receiver`.
#[derive(Debug, Clone, PartialEq)]
pub struct Receiver {
    /// Address to listen on when no socket is inherited.
    pub host: String,
    /// Port to listen on when no socket is inherited.
    pub port: u16,
    /// Alerts of these names are queued, all others ignored.
    pub alert_names: Vec<String>,
    /// Leave after this long with nothing to do.
    pub idle_timeout: Duration,
    /// Largest request body, in bytes.
    pub max_body: usize,
    /// File with the bearer token that `/alert` wants.
    pub token_file: Option<PathBuf>,
}

/// `correlator`.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlator {
    /// Always waited before the cluster is read.
    pub wait: Duration,
    /// The wait's cap, counted from the alert's arrival.
    pub max_wait: Duration,
    /// Without a plan id: plans with a result this recent are reported.
    pub recent_window: Duration,
    /// A result this much older than the run is an earlier run's; `None`: never.
    pub stale_after: Option<Duration>,
}

/// `repo_check`.
#[derive(Debug, Clone, PartialEq)]
pub struct RepoCheck {
    /// Whether repositories are probed at all.
    pub enabled: bool,
    /// The bound on one repository's probe.
    pub timeout: Duration,
    /// The restic program, found on PATH.
    pub restic: String,
    /// The node's rclone-gateway, `http://host:port` without a trailing slash (NS8 core 3.20 and later).
    pub gateway: String,
    /// File with the node agent's `REDIS_USER` and `REDIS_PASSWORD`; `None`: the systemd credential `agent.env`.
    pub agent_env: Option<PathBuf>,
}

/// `notification`.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// The sender.
    pub mail_from: Mailbox,
    /// The recipients, at least one, none twice.
    pub mail_to: Vec<Mailbox>,
    /// What every subject starts with; may be empty.
    pub subject_prefix: String,
    /// The language of the mail.
    pub language: Language,
    /// The way out.
    pub transport: Transport,
    /// The bound on one whole send.
    pub timeout: Duration,
    /// Undeliverable mail is retried for this long.
    pub retry_for: Duration,
    /// The same report is not sent again within this time; zero: always sent.
    pub repeat_after: Duration,
    /// `ns8-sendmail`: program and leading arguments, never empty.
    pub sendmail_command: Vec<String>,
    /// The relay of transport `smtp`.
    pub smtp: Option<Smtp>,
}

/// `notification.language`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Italian.
    It,
}

/// `notification.transport`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// The cluster's smarthost where it is enabled, else `ns8-sendmail`.
    #[default]
    Auto,
    /// The relay in `cluster/smarthost`.
    Smarthost,
    /// The `ns8-sendmail` command.
    #[serde(rename = "ns8-sendmail")]
    Ns8Sendmail,
    /// The relay in `notification.smtp`.
    Smtp,
}

/// `notification.smtp`.
#[derive(Debug, Clone, PartialEq)]
pub struct Smtp {
    /// The relay's host name or address.
    pub host: String,
    /// The relay's port.
    pub port: u16,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// Log in with this name and the password in the file: both or neither.
    pub login: Option<(String, PathBuf)>,
    /// Certificate authorities beside the system's, PEM.
    pub ca_file: Option<PathBuf>,
}

/// `redis`.
#[derive(Debug, Clone, PartialEq)]
pub struct Redis {
    /// `redis.socket`, if set.
    pub socket: Option<PathBuf>,
    /// `redis.url`, if set; holds no password.
    pub url: Option<String>,
    /// The user to authenticate as.
    pub username: Option<String>,
    /// File with that user's password.
    pub password_file: Option<PathBuf>,
    /// The bound on one whole read of the cluster, connection included.
    pub timeout: Duration,
}

/// Where the cluster's Redis is.
#[derive(Debug, Clone, PartialEq)]
pub enum RedisAddress {
    /// A Unix socket.
    Unix(PathBuf),
    /// A URL without a password.
    Url(String),
}

impl Redis {
    /// The address to use now: what is configured, else the documented socket where it exists, else NS8's TCP port.
    ///
    /// The documented path counts as a default even when it is written out (the founding document's example does), so
    /// that such a file works on an NS8 whose Redis has no socket.
    pub fn address(&self) -> RedisAddress {
        let documented = Path::new(DOCUMENTED_REDIS_SOCKET);
        match (&self.socket, &self.url) {
            (Some(socket), _) if socket != documented || socket.exists() => RedisAddress::Unix(socket.clone()),
            (_, Some(url)) => RedisAddress::Url(url.clone()),
            _ if documented.exists() => RedisAddress::Unix(documented.into()),
            _ => RedisAddress::Url(DEFAULT_REDIS_URL.into()),
        }
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Url(url) => f.write_str(url),
        }
    }
}

/// `logging`.
#[derive(Debug, Clone, PartialEq)]
pub struct Logging {
    /// The least important level that is logged.
    pub level: log::LevelFilter,
    /// A file to log to beside the journal.
    pub file: Option<PathBuf>,
}

/// Why a configuration is unusable: everything that is wrong with it, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong, in the file's order where a line is known; never empty.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its line, counted from 1, where it is known.
    pub line: Option<usize>,
    /// The key, as `section.key`; empty where the file as a whole is meant.
    pub key: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            let separator = if n == 0 { "" } else { "\n" };
            write!(f, "{separator}{}", self.file.display())?;
            if let Some(line) = problem.line {
                write!(f, ":{line}")?;
            }
            if !problem.key.is_empty() {
                write!(f, ": {}", problem.key)?;
            }
            write!(f, ": {}", problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

fn read(file: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(file).map_err(|error| {
        let advice = match error.kind() {
            std::io::ErrorKind::NotFound => "; run `ns8-backup-monitor setup` to write it",
            _ => "",
        };
        let message = format!("cannot be read: {error}{advice}");
        ConfigError { file: file.into(), problems: vec![Problem { line: None, key: String::new(), message }] }
    })
}

fn parse_file(file: &Path, text: &str) -> Result<Settings, ConfigError> {
    parse(text).map_err(|problems| ConfigError { file: file.into(), problems })
}

/// Checks a configuration's text.
pub fn parse(text: &str) -> Result<Settings, Vec<Problem>> {
    let (raw, mut problems) = raw::parse(text);
    if problems.iter().any(|problem| problem.key.is_empty()) {
        return Err(problems);
    }
    // A value that was refused for its type was taken out: what that makes missing is no second problem.
    let taken_out: Vec<String> = problems.iter().map(|problem| problem.key.clone()).collect();
    let settings = check::check(raw, &mut |key, message| {
        if !taken_out.iter().any(|taken| taken == key) {
            problems.push(Problem { line: locate::line(text, key), key: key.into(), message });
        }
    });
    match settings {
        Some(settings) if problems.is_empty() => Ok(settings),
        _ => {
            problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
            Err(problems)
        }
    }
}

/// The host of a gateway's address: `http://host:port`, and nothing else.
pub fn gateway_host(address: &str) -> Option<String> {
    let uri: hyper::Uri = address.parse().ok()?;
    let plain = uri.scheme_str() == Some("http") && uri.path() == "/" && uri.query().is_none();
    let authority = uri.authority().filter(|authority| plain && !authority.as_str().contains('@'))?;
    authority.port_u16().map(|_| authority.host().to_owned()).filter(|host| !host.is_empty())
}

/// A host without the brackets that an IPv6 address may be written in.
pub fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Whether `host` is this machine itself, by its name.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || bare(host).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The secret in `file`, which `key` names: its content without the line break at the end. Read at each use, so that a
/// new secret counts at once.
///
/// # Errors
/// Where the file cannot be read; the message names key and file.
pub fn secret(key: &str, file: &Path) -> Result<SecretString, String> {
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("{key}: {} cannot be read: {error}", file.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

/// This machine's name.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
