//! From the file's tree to settings: one function for each section, one line for each key with its default and its
//! rule. No default stands anywhere else.

use std::collections::BTreeMap;
use std::time::Duration;

use log::LevelFilter;

use super::section::{Node, Read, Section, wrong};
use super::settings::{
    Correlator, DEFAULT_ALERT_NAMES, Digest, Language, Logging, Notification, PlanSettings, Receiver, Redis, RepoCheck,
    Settings, Smtp, Transport, Watch,
};
use super::url::is_loopback;
use super::value::{
    NOBODY, duration, flag, gateway, heartbeat_url, host, list, mailbox, number, one_of, path, port, recipients,
    redis_url, secret_file, text,
};
use super::{Mailbox, host_name};
use crate::model::cluster::Encryption;
use crate::model::order::map;
use crate::model::plan::PlanId;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Reads all settings. Mistakes are recorded in `file`; the affected settings get their defaults.
pub(super) fn settings(file: &mut Section) -> Settings {
    Settings {
        receiver: file.section("receiver", receiver),
        correlator: file.section("correlator", correlator),
        repo_check: file.section("repo_check", repo_check),
        notification: file.section("notification", notification),
        redis: file.section("redis", redis),
        logging: file.section("logging", logging),
        watch: file.section("watch", watch),
        digest: file.section("digest", digest),
        plans: file.section("plans", plans),
    }
}

fn receiver(file: &mut Section) -> Receiver {
    // A body has its place in memory beside others. What is too large is lost: all that the watch posts at once must
    // fit.
    let max_body = number(256 << 10..=16 << 20, "bytes");
    Receiver {
        host: file.get("host", "127.0.0.1".into(), host),
        port: file.get("port", 9099, port),
        alert_names: file.get("alert_names", DEFAULT_ALERT_NAMES.map(String::from).into(), list(text, "BackupFailed")),
        idle_timeout: file.get("idle_timeout", secs(60), duration(1..=DAY)),
        max_body: file.get("max_body", 4 << 20, |node| max_body(node).map(|bytes| bytes as usize)),
        token_file: file.get("token_file", None, secret_file),
    }
}

fn correlator(file: &mut Section) -> Correlator {
    let stale_after = file.get("stale_after", secs(12 * HOUR), duration(0..=YEAR));
    Correlator {
        wait: file.get("wait_seconds", secs(30), duration(0..=DAY)),
        max_wait: file.get("max_wait_seconds", secs(900), duration(0..=2 * DAY)),
        recent_window: file.get("recent_window", secs(HOUR), duration(1..=YEAR)),
        stale_after: Some(stale_after).filter(|age| !age.is_zero()),
        follow: file.get("follow_seconds", secs(12 * HOUR), duration(0..=7 * DAY)),
    }
}

fn repo_check(file: &mut Section) -> RepoCheck {
    RepoCheck {
        enabled: file.get("enabled", true, flag),
        timeout: file.get("timeout", secs(60), duration(1..=HOUR)),
        restic: file.get("restic", "restic".into(), text),
        gateway: file.get("gateway", "http://127.0.0.1:4694".into(), gateway),
        agent_env: file.get("agent_env", None, path),
    }
}

fn notification(file: &mut Section) -> Notification {
    let languages = one_of(&[("en", Language::En), ("it", Language::It)]);
    let transports = one_of(&[
        ("auto", Transport::Auto),
        ("smarthost", Transport::Smarthost),
        ("ns8-sendmail", Transport::Ns8Sendmail),
        ("smtp", Transport::Smtp),
    ]);
    let found = Notification {
        mail_from: file.get("mail_from", default_sender(), mailbox),
        mail_to: file.get("mail_to", Vec::new(), recipients),
        subject_prefix: file.get("subject_prefix", "[ns8-backup]".into(), text),
        language: file.get("language", Language::En, languages),
        transport: file.get("transport", Transport::Auto, transports),
        timeout: file.get("timeout", secs(60), duration(1..=HOUR)),
        retry_for: file.get("retry_for", secs(3 * DAY), duration(0..=30 * DAY)),
        repeat_after: file.get("repeat_after", secs(23 * HOUR), duration(0..=30 * DAY)),
        recovery: file.get("recovery", true, flag),
        success: file.get("success", false, flag),
        html: file.get("html", false, flag),
        heartbeat_url: file.get("heartbeat_url", None, heartbeat_url),
        sendmail_command: file.get("sendmail_command", vec!["ns8-sendmail".into()], command),
        smtp: file.section("smtp", smtp),
    };
    if found.mail_to.is_empty() {
        file.wrong("mail_to", NOBODY);
    }
    if found.transport == Transport::Smtp && found.smtp.is_none() {
        file.wrong("smtp", "has no host: transport smtp needs the relay's host name, notification.smtp.host");
    }
    found
}

/// Returns `ns8-backup-monitor@<host name>`, or `@localhost` if the host's name cannot be part of an address.
fn default_sender() -> Mailbox {
    let sender = |host: &str| format!("ns8-backup-monitor@{host}").parse();
    sender(&host_name()).unwrap_or_else(|_| sender("localhost").expect("localhost is a valid domain"))
}

/// Reads a program and its leading arguments.
fn command(node: &Node) -> Read<Vec<String>> {
    let words = list(text, "ns8-sendmail")(node)?;
    if words[0].is_empty() { wrong("names no program") } else { Ok(words) }
}

/// Takes `notification.smtp`. `None` if it names no host.
fn smtp(file: &mut Section) -> Option<Smtp> {
    let encryptions =
        one_of(&[("none", Encryption::None), ("starttls", Encryption::Starttls), ("tls", Encryption::Tls)]);
    let name = file.get("host", None, |node| host(node).map(Some));
    let port = file.get("port", 587, port);
    let encryption = file.get("encryption", Encryption::Starttls, encryptions);
    let username = file.get("username", None, |node| text(node).map(Some));
    let password_file = file.get("password_file", None, secret_file);
    let ca_file = file.get("ca_file", None, path);
    let login = match (username, password_file) {
        (Some(name), Some(file)) => Some((name, file)),
        (None, None) => None,
        (Some(_), None) => {
            file.wrong("username", "needs notification.smtp.password_file");
            None
        }
        (None, Some(_)) => {
            file.wrong("password_file", "needs notification.smtp.username");
            None
        }
    };
    let host = name?;
    if login.is_some() && encryption == Encryption::None && !is_loopback(&host) {
        let message = "none would send the password in plain text to another machine; use starttls or tls";
        file.wrong("encryption", message);
    }
    Some(Smtp { host, port, encryption, login, ca_file })
}

fn redis(file: &mut Section) -> Redis {
    let found = Redis {
        socket: file.get("socket", None, path),
        url: file.get("url", None, redis_url),
        username: file.get("username", None, |node| text(node).map(Some)),
        password_file: file.get("password_file", None, secret_file),
        timeout: file.get("timeout", secs(10), duration(1..=600)),
    };
    if found.username.is_some() && found.password_file.is_none() {
        file.wrong("username", "needs redis.password_file, the file that holds this user's password");
    }
    found
}

fn logging(file: &mut Section) -> Logging {
    let levels = one_of(&[
        ("ERROR", LevelFilter::Error),
        ("WARNING", LevelFilter::Warn),
        ("INFO", LevelFilter::Info),
        ("DEBUG", LevelFilter::Debug),
        ("WARN", LevelFilter::Warn),
        ("CRITICAL", LevelFilter::Error),
    ]);
    Logging { level: file.get("level", LevelFilter::Info, levels), file: file.get("file", None, path) }
}

fn watch(file: &mut Section) -> Watch {
    Watch {
        enabled: file.get("enabled", true, flag),
        grace: file.get("grace", secs(3 * HOUR), duration(300..=7 * DAY)),
    }
}

fn digest(file: &mut Section) -> Digest {
    Digest { enabled: file.get("enabled", true, flag) }
}

fn plans(file: &mut Section) -> BTreeMap<PlanId, PlanSettings> {
    let plans = file.sections(|id, plan| {
        let mail_to = plan.get("mail_to", Vec::new(), recipients);
        if mail_to.is_empty() {
            plan.wrong("mail_to", NOBODY);
        }
        (PlanId::new(id), PlanSettings { mail_to })
    });
    if plans.iter().any(|(id, _)| id.is_none()) {
        file.wrong("", "a plan's id must not be empty");
    }
    map(plans.into_iter().filter_map(|(id, plan)| Some((id?, plan))))
}
