//! The settings. Their defaults stand in `sections`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Mailbox, bare};
use crate::model::cluster::Encryption;
use crate::model::plan::PlanId;

/// Path of the configuration unless `--config` names another file.
pub const DEFAULT_PATH: &str = "/etc/ns8-backup-monitor/config.yml";
/// The socket of the cluster's Redis in the founding document's layout; NS8 itself has none and listens on TCP.
pub const DOCUMENTED_REDIS_SOCKET: &str = "/var/lib/nethserver/cluster/state/redis.sock";
/// Address of NS8's Redis.
pub const DEFAULT_REDIS_URL: &str = "redis://127.0.0.1:6379";
/// The alerts that are reported: NS8's native and custom rules, old and new.
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
    /// `watch`: the look for runs that failed or did not start.
    pub watch: Watch,
    /// `digest`: the weekly summary.
    pub digest: Digest,
    /// `plans`: what differs for single plans. A plan named here need not exist.
    pub plans: BTreeMap<PlanId, PlanSettings>,
}

impl Settings {
    /// Returns the recipients of the reports about `plan`: its own, or those of `notification.mail_to`. Never empty.
    pub fn mail_to(&self, plan: Option<&PlanId>) -> &[Mailbox] {
        let own = plan.and_then(|plan| self.plans.get(plan)).map(|plan| plan.mail_to.as_slice());
        own.filter(|recipients| !recipients.is_empty()).unwrap_or(&self.notification.mail_to)
    }
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
    /// Idle time after which the service exits.
    pub idle_timeout: Duration,
    /// Largest request body, in bytes.
    pub max_body: usize,
    /// File with the bearer token that `/alert` wants.
    pub token_file: Option<PathBuf>,
}

impl Receiver {
    /// Returns whether one of the `sockets` takes what is posted to it, as the watch does. A name that is not
    /// `localhost` may be any address.
    pub fn reaches(&self, sockets: &[SocketAddr]) -> bool {
        let host = bare(&self.host).replace("localhost", "0.0.0.0");
        let is_it = |ip: IpAddr| {
            let Ok(wanted) = host.parse::<IpAddr>() else { return true };
            // systemd's default: `::` takes IPv4 as well.
            let is_any = ip.is_unspecified() && (ip.is_ipv6() || wanted.is_ipv4());
            is_any || ip == wanted || wanted.is_unspecified() && ip.is_loopback()
        };
        sockets.iter().any(|address| address.port() == self.port && is_it(address.ip()))
    }
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
    /// A run that was not over when it was reported is followed for this long, counted from the alert's arrival; zero:
    /// never.
    pub follow: Duration,
}

/// `repo_check`.
#[derive(Debug, Clone, PartialEq)]
pub struct RepoCheck {
    /// Whether repositories are probed at all.
    pub enabled: bool,
    /// Time limit for probing one repository.
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
    /// The recipients, at least one in checked settings, none twice.
    pub mail_to: Vec<Mailbox>,
    /// What every subject starts with; may be empty.
    pub subject_prefix: String,
    /// The language of the mail.
    pub language: Language,
    /// The way out.
    pub transport: Transport,
    /// Time limit for sending one mail.
    pub timeout: Duration,
    /// Undeliverable mail is retried for this long.
    pub retry_for: Duration,
    /// The same report is not sent again within this time; zero: always sent.
    pub repeat_after: Duration,
    /// Whether a run without failures after a reported failure is mailed.
    pub recovery: bool,
    /// Whether every run without failures is mailed.
    pub success: bool,
    /// Whether the mail has an HTML part beside the plain text.
    pub html: bool,
    /// `http://` or `https://` address that the watch requests while all is in order.
    pub heartbeat_url: Option<String>,
    /// `ns8-sendmail`: program and leading arguments, never empty.
    pub sendmail_command: Vec<String>,
    /// The relay of transport `smtp`.
    pub smtp: Option<Smtp>,
}

/// `notification.language`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Italian.
    It,
}

/// `notification.transport`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// The cluster's smarthost if it is enabled, else `ns8-sendmail`.
    #[default]
    Auto,
    /// The relay in `cluster/smarthost`.
    Smarthost,
    /// The `ns8-sendmail` command.
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
    /// The name to log in with, and the file with the password.
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
    /// Time limit for one reading of the cluster, connection included.
    pub timeout: Duration,
}

/// The address of the cluster's Redis.
#[derive(Debug, Clone, PartialEq)]
pub enum RedisAddress {
    /// A Unix socket.
    Unix(PathBuf),
    /// A URL without a password.
    Url(String),
}

impl Redis {
    /// Returns the address to use now: what is configured, else the documented socket if it exists, else NS8's TCP
    /// port.
    ///
    /// The documented path counts as a default even if it is written out, as in the founding document's example: such a
    /// file works on an NS8 whose Redis has no socket.
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

/// `watch`.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    /// Whether the watch looks at all.
    pub enabled: bool,
    /// A run without a sign of life this long after its due time is missed.
    pub grace: Duration,
}

/// `digest`.
#[derive(Debug, Clone, PartialEq)]
pub struct Digest {
    /// Whether the digest's timer mails it.
    pub enabled: bool,
}

/// One entry of `plans`.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanSettings {
    /// The recipients of this plan's reports; empty: those of `notification.mail_to`.
    pub mail_to: Vec<Mailbox>,
}
