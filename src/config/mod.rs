//! The configuration: a raw YAML file in, checked [`Settings`] out.
//!
//! [`raw`] is the file as it is written, every key optional; this module checks it, fills in the defaults and is the
//! only one that the rest of the program sees. All that is wrong is reported at once, each with its line and key.
//! [`Live`] reads the file again when it has changed, so that a fixed file counts from the next request on.

mod live;
mod locate;
pub mod raw;
mod tree;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::Mailbox;
use secrecy::SecretString;

pub use live::Live;
use raw::Raw;

/// Where the configuration is unless `--config` names another file.
pub const DEFAULT_PATH: &str = "/etc/ns8-backup-monitor/config.yml";
/// The socket of the cluster's Redis in the founding layout; NS8 itself has none and listens on TCP.
pub const DOCUMENTED_REDIS_SOCKET: &str = "/var/lib/nethserver/cluster/state/redis.sock";
/// Where NS8's Redis listens.
pub const DEFAULT_REDIS_URL: &str = "redis://127.0.0.1:6379";
/// The alerts that are for us: NS8's native and custom rules, old and new.
pub const DEFAULT_ALERT_NAMES: [&str; 5] =
    ["backup_failed", "backup_missing", "NsBackupFailed", "NsBackupMissing", "BackupFailed"];

/// The largest `receiver.max_body`, in bytes: what is received must have its place in memory beside others.
const MAX_BODY: usize = 16 << 20;

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

/// How the connection to a relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// Plain text.
    None,
    /// STARTTLS, required.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
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
    let settings = check(raw, &mut |key, message| {
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

/// From the raw file to settings; `wrong` takes each problem. `None` only where something was wrong.
fn check(raw: Raw, wrong: &mut dyn FnMut(&str, String)) -> Option<Settings> {
    let receiver = Receiver {
        host: raw.receiver.host.unwrap_or_else(|| "127.0.0.1".into()),
        port: raw.receiver.port.unwrap_or(9099),
        alert_names: raw.receiver.alert_names.unwrap_or_else(|| DEFAULT_ALERT_NAMES.map(String::from).into()),
        idle_timeout: in_range("receiver.idle_timeout", raw.receiver.idle_timeout, 60, 1..=86_400, wrong),
        max_body: raw.receiver.max_body.unwrap_or(4 << 20),
        token_file: raw.receiver.token_file,
    };
    if receiver.alert_names.is_empty() {
        wrong("receiver.alert_names", "is empty: no alert would ever be reported; name at least one".into());
    }
    if !(1024..=MAX_BODY).contains(&receiver.max_body) {
        wrong("receiver.max_body", format!("{} is out of range: 1024 to {MAX_BODY} bytes", receiver.max_body));
    }

    check_host("receiver.host", &receiver.host, wrong);
    check_port("receiver.port", receiver.port, wrong);
    check_path("receiver.token_file", receiver.token_file.as_deref(), wrong);

    let correlator = Correlator {
        wait: in_range("correlator.wait_seconds", raw.correlator.wait_seconds, 30, 0..=86_400, wrong),
        max_wait: in_range("correlator.max_wait_seconds", raw.correlator.max_wait_seconds, 900, 0..=172_800, wrong),
        recent_window: in_range("correlator.recent_window", raw.correlator.recent_window, 3600, 1..=31_536_000, wrong),
        stale_after: Some(in_range(
            "correlator.stale_after",
            raw.correlator.stale_after,
            43_200,
            0..=31_536_000,
            wrong,
        ))
        .filter(|duration| !duration.is_zero()),
    };

    let repo_check = RepoCheck {
        enabled: raw.repo_check.enabled.unwrap_or(true),
        timeout: in_range("repo_check.timeout", raw.repo_check.timeout, 60, 1..=3600, wrong),
        restic: raw.repo_check.restic.unwrap_or_else(|| "restic".into()),
        gateway: raw.repo_check.gateway.unwrap_or_else(|| "http://127.0.0.1:4694".into()).trim_end_matches('/').into(),
        agent_env: raw.repo_check.agent_env,
    };
    if gateway_host(&repo_check.gateway).is_none() {
        wrong("repo_check.gateway", "is not an address of the form http://127.0.0.1:4694".into());
    }

    let redis = Redis {
        socket: raw.redis.socket,
        url: raw.redis.url,
        username: raw.redis.username,
        password_file: raw.redis.password_file,
        timeout: in_range("redis.timeout", raw.redis.timeout, 10, 1..=600, wrong),
    };
    if let Some(url) = &redis.url {
        check_redis_url(url, wrong);
    }
    check_path("redis.socket", redis.socket.as_deref(), wrong);
    check_path("redis.password_file", redis.password_file.as_deref(), wrong);
    if redis.username.is_some() && redis.password_file.is_none() {
        wrong("redis.username", "needs redis.password_file, the file that holds this user's password".into());
    }

    let logging =
        Logging { level: raw.logging.level.unwrap_or(raw::Level(log::LevelFilter::Info)).0, file: raw.logging.file };
    check_path("logging.file", logging.file.as_deref(), wrong);
    let notification = check_notification(raw.notification, wrong)?;
    Some(Settings { receiver, correlator, repo_check, notification, redis, logging })
}

/// `notification`, the only section with a required key.
fn check_notification(raw: raw::Notification, wrong: &mut dyn FnMut(&str, String)) -> Option<Notification> {
    let mail_from = match raw.mail_from {
        Some(text) => mailbox("notification.mail_from", &text, wrong),
        None => Some(default_sender()),
    };
    let listed = raw.mail_to.map(raw::OneOrMany::into_vec).unwrap_or_default();
    if listed.is_empty() {
        wrong("notification.mail_to", "is missing: name at least one recipient, such as admin@example.com".into());
    }
    let mut mail_to: Vec<Mailbox> = Vec::new();
    for text in &listed {
        if let Some(recipient) = mailbox("notification.mail_to", text, wrong)
            && !mail_to.iter().any(|known| same_address(&known.email, &recipient.email))
        {
            mail_to.push(recipient);
        }
    }
    let subject_prefix = raw.subject_prefix.unwrap_or_else(|| "[ns8-backup]".into());
    if subject_prefix.chars().any(char::is_control) {
        wrong("notification.subject_prefix", "holds a line break or another control character".into());
    }
    let sendmail_command = raw.sendmail_command.unwrap_or_else(|| vec!["ns8-sendmail".into()]);
    if sendmail_command.first().is_none_or(String::is_empty) {
        wrong("notification.sendmail_command", "is empty: name the program, such as [ns8-sendmail]".into());
    }
    let transport = raw.transport.unwrap_or_default();
    let smtp = check_smtp(raw.smtp, wrong);
    if transport == Transport::Smtp && smtp.is_none() {
        wrong("notification.smtp.host", "is missing: transport smtp needs the relay's host name".into());
    }
    Some(Notification {
        mail_from: mail_from?,
        mail_to,
        subject_prefix,
        language: raw.language.unwrap_or_default(),
        transport,
        timeout: in_range("notification.timeout", raw.timeout, 60, 1..=3600, wrong),
        retry_for: in_range("notification.retry_for", raw.retry_for, 259_200, 0..=2_592_000, wrong),
        repeat_after: in_range("notification.repeat_after", raw.repeat_after, 3600, 0..=2_592_000, wrong),
        sendmail_command,
        smtp,
    })
}

/// Whether two addresses are one mailbox. Strictly, only the domain's letters may be large or small; in practice all.
fn same_address(a: &lettre::Address, b: &lettre::Address) -> bool {
    a.to_string().to_lowercase() == b.to_string().to_lowercase()
}

/// `notification.smtp`; `None` where no host is named.
fn check_smtp(raw: raw::Smtp, wrong: &mut dyn FnMut(&str, String)) -> Option<Smtp> {
    let encryption = raw.encryption.unwrap_or_default();
    let login = match (raw.username, raw.password_file) {
        (Some(name), Some(file)) => Some((name, file)),
        (None, None) => None,
        (Some(_), None) => {
            wrong("notification.smtp.username", "needs notification.smtp.password_file".into());
            None
        }
        (None, Some(_)) => {
            wrong("notification.smtp.password_file", "needs notification.smtp.username".into());
            None
        }
    };
    let (host, port) = (raw.host?, raw.port.unwrap_or(587));
    check_host("notification.smtp.host", &host, wrong);
    check_port("notification.smtp.port", port, wrong);
    check_path("notification.smtp.password_file", login.as_ref().map(|(_, file)| &**file), wrong);
    check_path("notification.smtp.ca_file", raw.ca_file.as_deref(), wrong);
    if login.is_some() && encryption == Encryption::None && !is_loopback(&host) {
        let message = "none would send the password in plain text to another machine; use starttls or tls";
        wrong("notification.smtp.encryption", message.into());
    }
    Some(Smtp { host, port, encryption, login, ca_file: raw.ca_file })
}

/// The host of a gateway's address: `http://host:port`, and nothing else.
pub fn gateway_host(address: &str) -> Option<String> {
    let uri: hyper::Uri = address.parse().ok()?;
    let plain = uri.scheme_str() == Some("http") && uri.path() == "/" && uri.query().is_none();
    let authority = uri.authority().filter(|authority| plain && !authority.as_str().contains('@'))?;
    authority.port_u16().map(|_| authority.host().to_owned()).filter(|host| !host.is_empty())
}

/// Whether `host` is this machine itself, by its name.
pub fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn check_redis_url(url: &str, wrong: &mut dyn FnMut(&str, String)) {
    // The value is never echoed: it may hold a password, in any place where somebody may have put it.
    let plain = !url.contains(['@', '?', '#']);
    let form = redis::parse_redis_url(url).is_some_and(|parsed| match (parsed.scheme(), parsed.path()) {
        ("unix", _) | ("redis", "" | "/") => true,
        ("redis", database) => database.trim_start_matches('/').parse::<u32>().is_ok(),
        _ => false,
    });
    if !plain {
        let advice = "name the user in redis.username and the password's file in redis.password_file";
        wrong("redis.url", format!("holds more than an address: {advice}"));
    } else if !form {
        wrong("redis.url", "is not an address of the form redis://127.0.0.1:6379".into());
    }
}

/// A host's name or address: not empty, and of one piece.
fn check_host(key: &str, host: &str, wrong: &mut dyn FnMut(&str, String)) {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']' | '%');
    if host.is_empty() || !host.chars().all(fits) {
        wrong(key, format!("{host:?} is not the name or address of a host"));
    }
}

fn check_port(key: &str, port: u16, wrong: &mut dyn FnMut(&str, String)) {
    if port == 0 {
        wrong(key, "0 is not a port: 1 to 65535".into());
    }
}

/// A path that does not depend on where the program was started.
fn check_path(key: &str, path: Option<&Path>, wrong: &mut dyn FnMut(&str, String)) {
    if let Some(path) = path.filter(|path| !path.is_absolute()) {
        wrong(key, format!("{} is no absolute path: begin it with /", path.display()));
    }
}

/// A duration in whole seconds, its default, and the range in which it must lie.
fn in_range(
    key: &str,
    value: Option<raw::Seconds>,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
    wrong: &mut dyn FnMut(&str, String),
) -> Duration {
    let seconds = value.map_or(default, |value| value.0);
    if !range.contains(&seconds) {
        wrong(key, format!("{seconds} is out of range: {} to {} seconds", range.start(), range.end()));
    }
    Duration::from_secs(seconds)
}

fn mailbox(key: &str, text: &str, wrong: &mut dyn FnMut(&str, String)) -> Option<Mailbox> {
    let mailbox = text.parse().ok();
    if mailbox.is_none() {
        let advice = match text {
            _ if text.matches('@').count() > 1 => "several are a list: [admin@example.com, ops@example.com]",
            _ if !text.contains('@') => "the part after the name is missing, such as @example.com",
            _ => "write it as admin@example.com",
        };
        wrong(key, format!("{text:?} is not a mail address; {advice}"));
    }
    mailbox
}

/// `ns8-backup-monitor@<host name>`; `localhost` where the host's name cannot be part of an address.
fn default_sender() -> Mailbox {
    let sender = |host: &str| format!("ns8-backup-monitor@{host}").parse();
    sender(&host_name()).unwrap_or_else(|_| sender("localhost").expect("localhost is a valid domain"))
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
