//! Hands a mail to one recipient's relay: over SMTP, or through NS8's own `ns8-sendmail`.
//!
//! One call is one recipient, so that one who is refused takes nothing from the others. Whatever goes wrong is one of
//! three things to the caller: try all again later, try this recipient again later, or give this recipient up.

mod message;
mod retry;
mod sendmail;
mod smtp;

use lettre::message::Mailbox;

use crate::cluster;
use crate::config::{Settings, Transport};
use crate::job::Mail;
use crate::report::clean::clean;

pub use retry::pause;
use smtp::Relay;

/// Longest error or answer that is passed on, in bytes.
const MAX_WORDS: usize = 500;

/// Why a mail was not handed over, and what follows from that. The text is one line for people: where, what, why, and
/// what to do. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Nobody can be reached now: the relay is away or refuses us, or the configuration is wrong. Retry all later. Never
    /// anything that may be due to this recipient alone.
    #[error("{0}")]
    Relay(String),
    /// This recipient was not reached now. Retry it later.
    #[error("{0}")]
    Deferred(String),
    /// The relay will never take this mail for this recipient. Give it up.
    #[error("{0}")]
    Rejected(String),
}

/// Hands `mail` to `recipient`, one of its recipients, by the configured way; returns the relay's answer.
///
/// Takes at most `notification.timeout`, after the `redis.timeout` within which the cluster's smarthost is read.
/// After an error the mail may still have been delivered, where the relay took it and its answer was lost: the next
/// attempt carries the same `Message-ID`.
pub async fn send(settings: &Settings, mail: &Mail, recipient: &str) -> Result<String, SendError> {
    let to: Mailbox = recipient.parse().map_err(|error| {
        SendError::Rejected(clean(&format!("{recipient:?} is not a mail address: {error}"), MAX_WORDS))
    })?;
    let by_command = async || sendmail::send(&settings.notification, mail, &to.email).await;
    let by_smtp = async |relay: Relay| relay.send(&settings.notification, mail, &to.email).await;
    match settings.notification.transport {
        Transport::Ns8Sendmail => by_command().await,
        Transport::Smtp => by_smtp(Relay::configured(&settings.notification)?).await,
        Transport::Smarthost => match smarthost(settings).await? {
            Some(relay) => by_smtp(relay).await,
            None => Err(SendError::Relay(
                "the cluster's smarthost is disabled or not set: enable it in the cluster's settings, or choose \
                 another notification.transport"
                    .into(),
            )),
        },
        Transport::Auto => match smarthost(settings).await {
            Ok(Some(relay)) if !relay.exposes_login() => by_smtp(relay).await,
            Ok(_) => by_command().await,
            Err(unread) => by_command().await.map_err(|error| SendError::Relay(format!("{error}; and {unread}"))),
        },
    }
}

/// The cluster's own relay, as it is set now; `None` where it is disabled.
async fn smarthost(settings: &Settings) -> Result<Option<Relay>, SendError> {
    let found = cluster::smarthost(&settings.redis).await;
    found.map(|smarthost| smarthost.map(Relay::from)).map_err(|error| SendError::Relay(error.to_string()))
}
