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
use crate::model::mail::Mail;
use crate::model::text::clean;

pub use retry::pause;
use smtp::Relay;

/// Longest error or answer that is passed on, in bytes.
const MAX_WORDS: usize = 500;
/// Without it, `ns8-sendmail` sends nothing either.
pub const DISABLED: &str = "the smarthost is disabled or not set in the cluster's settings";

/// Why a mail was not handed over, and what follows from that. The text is one line for people: where, what, why, and
/// what to do. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Nobody can be reached now: the relay is away or refuses us, or the configuration is wrong. Retry all later.
    /// Never anything that may be due to this recipient alone.
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
        Way::Command { instead } => {
            let sent = sendmail::send(&settings.notification, mail, &to.email).await;
            sent.map_err(|error| match instead {
                Some(why) => error.and(&why),
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
            relay.check(&settings.notification).await?;
            Ok((relay.describe(), None))
        }
        Way::Command { instead } => {
            let file = sendmail::find(&settings.notification)?;
            Ok((format!("command {}", file.display()), instead))
        }
    }
}

/// The way out of this machine.
enum Way {
    Relay(Relay),
    /// `ns8-sendmail`; where it stands in for the cluster's smarthost, why.
    Command {
        instead: Option<String>,
    },
}

/// The configured way, as things stand now.
async fn way(settings: &Settings) -> Result<Way, SendError> {
    let smarthost = async || cluster::smarthost(&settings.redis).await.map(|found| found.map(Relay::from));
    let instead = |why: &str| Way::Command { instead: Some(why.into()) };
    match settings.notification.transport {
        Transport::Smtp => Relay::configured(&settings.notification).map(Way::Relay),
        Transport::Ns8Sendmail => Ok(Way::Command { instead: None }),
        Transport::Smarthost => match smarthost().await {
            Ok(Some(relay)) => Ok(Way::Relay(relay)),
            Ok(None) => {
                Err(SendError::Relay(format!("{DISABLED}: enable it there, or choose another notification.transport")))
            }
            Err(error) => Err(SendError::Relay(error.to_string())),
        },
        Transport::Auto => Ok(match smarthost().await {
            Ok(Some(relay)) if relay.exposes_login() => instead("the cluster's smarthost wants a login in plain text"),
            Ok(Some(relay)) => Way::Relay(relay),
            Ok(None) => instead(DISABLED),
            Err(error) => instead(&error.to_string()),
        }),
    }
}

impl SendError {
    /// The same error with a further reason.
    fn and(self, reason: &str) -> Self {
        match self {
            Self::Relay(text) => Self::Relay(format!("{text}; and {reason}")),
            Self::Deferred(text) => Self::Deferred(format!("{text}; and {reason}")),
            Self::Rejected(text) => Self::Rejected(format!("{text}; and {reason}")),
        }
    }
}
