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
    match way(settings).await? {
        Way::Relay(relay) => relay.send(&settings.notification, mail, &to.email).await,
        Way::Command { unread } => {
            let sent = sendmail::send(&settings.notification, mail, &to.email).await;
            sent.map_err(|error| match unread {
                Some(unread) => SendError::Relay(format!("{error}; and {unread}")),
                None => error,
            })
        }
    }
}

/// Tries the configured way as far as that goes without sending anything: connects and logs in, or looks for the
/// command. Returns what the way is, and what speaks against it, if anything.
///
/// # Errors
/// Where [`send`] could not succeed.
pub async fn check(settings: &Settings) -> Result<(String, Option<String>), SendError> {
    match way(settings).await? {
        Way::Relay(relay) => {
            relay.check(settings.notification.timeout).await?;
            Ok((relay.describe(), None))
        }
        Way::Command { unread } => {
            let file = sendmail::find(&settings.notification)?;
            let disabled = "the cluster's smarthost is not enabled, without which ns8-sendmail sends nothing";
            let against = match settings.notification.transport {
                Transport::Auto => Some(unread.map_or(disabled.into(), |error| error.to_string())),
                _ => None,
            };
            Ok((format!("command {}", file.display()), against))
        }
    }
}

/// The way out of this machine.
enum Way {
    Relay(Relay),
    /// `ns8-sendmail`; because the smarthost could not be read, where that is why.
    Command {
        unread: Option<SendError>,
    },
}

async fn way(settings: &Settings) -> Result<Way, SendError> {
    let disabled = "the cluster's smarthost is disabled or not set: enable it in the cluster's settings, or choose \
                    another notification.transport";
    Ok(match settings.notification.transport {
        Transport::Ns8Sendmail => Way::Command { unread: None },
        Transport::Smtp => Way::Relay(Relay::configured(&settings.notification)?),
        Transport::Smarthost => {
            Way::Relay(smarthost(settings).await?.ok_or_else(|| SendError::Relay(disabled.into()))?)
        }
        Transport::Auto => match smarthost(settings).await {
            Ok(Some(relay)) if !relay.exposes_login() => Way::Relay(relay),
            Ok(_) => Way::Command { unread: None },
            Err(unread) => Way::Command { unread: Some(unread) },
        },
    })
}

/// The cluster's own relay, as it is set now; `None` where it is disabled.
async fn smarthost(settings: &Settings) -> Result<Option<Relay>, SendError> {
    let found = cluster::smarthost(&settings.redis).await;
    found.map(|smarthost| smarthost.map(Relay::from)).map_err(|error| SendError::Relay(error.to_string()))
}
