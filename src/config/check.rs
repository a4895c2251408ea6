//! From the raw file to settings: every value in its range, every default. Pure.

use std::path::Path;
use std::time::Duration;

use lettre::message::Mailbox;

use super::raw::{self, Raw};
use super::{
    Correlator, DEFAULT_ALERT_NAMES, Logging, Notification, Receiver, Redis, RedisAddress, RepoCheck, Settings, Smtp,
    Transport, gateway_host, host_name, is_loopback,
};
use crate::model::cluster::Encryption;

/// The largest `receiver.max_body`, in bytes: what is received must have its place in memory beside others.
const MAX_BODY: usize = 16 << 20;

/// Takes each problem: the key, as `section.key`, and what is wrong.
pub(super) type Wrong<'a> = &'a mut dyn FnMut(&str, String);

/// From the raw file to settings; `wrong` takes each problem. `None` only where something was wrong.
pub(super) fn check(raw: Raw, wrong: Wrong<'_>) -> Option<Settings> {
    let receiver = check_receiver(raw.receiver, wrong);
    let correlator = check_correlator(&raw.correlator, wrong);
    let repo_check = check_repo_check(raw.repo_check, wrong);
    let redis = check_redis(raw.redis, wrong);
    let level = raw.logging.level.map_or(log::LevelFilter::Info, |level| level.0);
    let logging = Logging { level, file: raw.logging.file };
    check_path("logging.file", logging.file.as_deref(), wrong);
    let notification = check_notification(raw.notification, wrong)?;
    Some(Settings { receiver, correlator, repo_check, notification, redis, logging })
}

fn check_receiver(raw: raw::Receiver, wrong: Wrong<'_>) -> Receiver {
    let receiver = Receiver {
        host: raw.host.unwrap_or_else(|| "127.0.0.1".into()),
        port: raw.port.unwrap_or(9099),
        alert_names: raw.alert_names.unwrap_or_else(|| DEFAULT_ALERT_NAMES.map(String::from).into()),
        idle_timeout: in_range("receiver.idle_timeout", raw.idle_timeout, 60, 1..=86_400, wrong),
        max_body: raw.max_body.unwrap_or(4 << 20),
        token_file: raw.token_file,
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
    receiver
}

fn check_correlator(raw: &raw::Correlator, wrong: Wrong<'_>) -> Correlator {
    let stale_after = in_range("correlator.stale_after", raw.stale_after, 43_200, 0..=31_536_000, wrong);
    Correlator {
        wait: in_range("correlator.wait_seconds", raw.wait_seconds, 30, 0..=86_400, wrong),
        max_wait: in_range("correlator.max_wait_seconds", raw.max_wait_seconds, 900, 0..=172_800, wrong),
        recent_window: in_range("correlator.recent_window", raw.recent_window, 3600, 1..=31_536_000, wrong),
        stale_after: Some(stale_after).filter(|age| !age.is_zero()),
    }
}

fn check_repo_check(raw: raw::RepoCheck, wrong: Wrong<'_>) -> RepoCheck {
    let repo_check = RepoCheck {
        enabled: raw.enabled.unwrap_or(true),
        timeout: in_range("repo_check.timeout", raw.timeout, 60, 1..=3600, wrong),
        restic: raw.restic.unwrap_or_else(|| "restic".into()),
        gateway: raw.gateway.unwrap_or_else(|| "http://127.0.0.1:4694".into()).trim_end_matches('/').into(),
        agent_env: raw.agent_env,
    };
    if gateway_host(&repo_check.gateway).is_none() {
        wrong("repo_check.gateway", "is not an address of the form http://127.0.0.1:4694".into());
    }
    repo_check
}

fn check_redis(raw: raw::Redis, wrong: Wrong<'_>) -> Redis {
    let timeout = in_range("redis.timeout", raw.timeout, 10, 1..=600, wrong);
    let raw::Redis { socket, url, username, password_file, .. } = raw;
    if let Some(url) = &url {
        check_redis_url(url, wrong);
    }
    check_path("redis.socket", socket.as_deref(), wrong);
    check_path("redis.password_file", password_file.as_deref(), wrong);
    if username.is_some() && password_file.is_none() {
        wrong("redis.username", "needs redis.password_file, the file that holds this user's password".into());
    }
    Redis { socket, url, username, password_file, timeout }
}

/// `notification`, the only section with a required key.
fn check_notification(raw: raw::Notification, wrong: Wrong<'_>) -> Option<Notification> {
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
fn check_smtp(raw: raw::Smtp, wrong: Wrong<'_>) -> Option<Smtp> {
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

fn check_redis_url(url: &str, wrong: Wrong<'_>) {
    // The value is never echoed: it may hold a password, in any place where somebody may have put it.
    let plain = !url.contains(['@', '?', '#']);
    let form = RedisAddress::Url(url.into()).endpoint().is_some();
    if !plain {
        let advice = "name the user in redis.username and the password's file in redis.password_file";
        wrong("redis.url", format!("holds more than an address: {advice}"));
    } else if !form {
        wrong("redis.url", "is not an address of the form redis://127.0.0.1:6379".into());
    }
}

/// A host's name or address: not empty, and of one piece.
fn check_host(key: &str, host: &str, wrong: Wrong<'_>) {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']' | '%');
    if host.is_empty() || !host.chars().all(fits) {
        wrong(key, format!("{host:?} is not the name or address of a host"));
    }
}

fn check_port(key: &str, port: u16, wrong: Wrong<'_>) {
    if port == 0 {
        wrong(key, "0 is not a port: 1 to 65535".into());
    }
}

/// A path that does not depend on where the program was started.
fn check_path(key: &str, path: Option<&Path>, wrong: Wrong<'_>) {
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
    wrong: Wrong<'_>,
) -> Duration {
    let seconds = value.map_or(default, |value| value.0);
    if !range.contains(&seconds) {
        wrong(key, format!("{seconds} is out of range: {} to {} seconds", range.start(), range.end()));
    }
    Duration::from_secs(seconds)
}

fn mailbox(key: &str, text: &str, wrong: Wrong<'_>) -> Option<Mailbox> {
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
