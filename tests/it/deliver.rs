//! Tests of the deliver part: real sockets, real TLS, a real command.

use std::fmt::Debug;
use std::time::Duration;

use ns8_backup_monitor::cluster;
use ns8_backup_monitor::config::{self, Settings};
use ns8_backup_monitor::deliver::{SendError, Way};
use ns8_backup_monitor::model::mail::{Mail, Recipient, RecipientState};
use ns8_backup_monitor::model::run::Outcome;

mod hostile;
mod mail;
mod refusals;
mod sendmail;
mod tls;
mod ways;

use crate::support::smtp::{CA_FILE, Fault, Server, Stage};

const SECRET: &str = "pl4nted-s3cret";
/// A limit that is meant to be reached.
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(30);

fn settings(notification: &str) -> Settings {
    let text =
        format!("notification: {{ mail_from: Backup <backup@example.com>, mail_to: a@example.com, {notification} }}");
    config::parse(&text).unwrap()
}

/// Settings for `relay`, by the name on its certificate.
fn towards(relay: &Server, encryption: &str, more: &str) -> Settings {
    let port = relay.port;
    settings(&format!("transport: smtp, smtp: {{ host: localhost, port: {port}, encryption: {encryption}, {more} }}"))
}

/// The configured way, with the cluster's smarthost as it is set now.
async fn way(settings: &Settings) -> Result<Way, SendError> {
    let smarthost = match Way::needs_smarthost(&settings.notification) {
        true => cluster::smarthost(&settings.redis).await,
        false => Ok(None),
    };
    Way::new(&settings.notification, smarthost)
}

async fn send(settings: &Settings, mail: &Mail, to: &str) -> Result<String, SendError> {
    way(settings).await?.send(&settings.notification, mail, to).await
}

fn mail() -> Mail {
    let recipient =
        |address: &str| Recipient { address: address.into(), state: RecipientState::Pending { last_error: None } };
    Mail {
        plan: None,
        outcome: Outcome::Partial,
        digest: "d".into(),
        written_at: "2026-11-22T02:30:00Z".parse().unwrap(),
        subject: "[ns8-backup] PARTIAL - 1/3 module(s) failed: “Università”".into(),
        body: "Perché: disk full\n.\n..two dots\n\nmail1 failed.\n".into(),
        html: None,
        run_at: None,
        message_id: "<20261122-023000-0001.1@leader.example.com>".into(),
        thread_id: "<plan-2@leader.example.com>".into(),
        recipients: vec![recipient("Ops <a@example.com>"), recipient("b@example.com")],
    }
}

/// What a fault is to the caller.
#[derive(Debug, PartialEq)]
enum Kind {
    Delivered,
    Relay,
    Deferred,
    Rejected,
}

fn kind<T>(result: &Result<T, SendError>) -> Kind {
    match result {
        Ok(_) => Kind::Delivered,
        Err(SendError::Relay(_)) => Kind::Relay,
        Err(SendError::Deferred(_)) => Kind::Deferred,
        Err(SendError::Rejected(_)) => Kind::Rejected,
    }
}

/// The text of an error that is the relay's.
fn relay_error<T: Debug>(result: Result<T, SendError>) -> String {
    assert_eq!(kind(&result), Kind::Relay, "{result:?}");
    assert_told(&result, "");
    result.unwrap_err().to_string()
}

/// Asserts that the error is one bounded line and holds `words`.
fn assert_told<T: Debug>(result: &Result<T, SendError>, words: &str) {
    let text = result.as_ref().unwrap_err().to_string();
    assert!(text.contains(words) && !text.contains('\n') && text.len() < 1500, "{text}");
}
