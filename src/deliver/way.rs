//! The way out of this machine, and what goes over it.

use super::error::{MAX_WORDS, SendError};
use super::relay::Relay;
use super::{sendmail, smtp};
use crate::config::{Notification, Transport};
use crate::model::address::Mailbox;
use crate::model::cluster::{ReadError, Smarthost};
use crate::model::mail::Mail;
use crate::model::text::clean;

/// Without it, `ns8-sendmail` sends nothing either.
pub const DISABLED: &str = "the smarthost is disabled or not set in the cluster's settings";

/// The way out of this machine, as things stand now: good for one round of sends.
#[derive(Debug)]
pub struct Way(Kind);

#[derive(Debug)]
enum Kind {
    Relay(Relay),
    /// `ns8-sendmail`; if it stands in for the cluster's smarthost, why.
    Command {
        instead: Option<String>,
    },
}

impl Way {
    /// Returns whether the way depends on the cluster's smarthost, which then has to be read.
    pub fn needs_smarthost(notification: &Notification) -> bool {
        matches!(notification.transport, Transport::Auto | Transport::Smarthost)
    }

    /// Returns the configured way. `smarthost` is the cluster's, `None` if it has none enabled, or why it could not be
    /// read; it counts only if the way [needs](Self::needs_smarthost) it. Reads the password's file, if there is one.
    ///
    /// # Errors
    /// Returns [`SendError::Relay`] if there is no such way now.
    pub fn new(
        notification: &Notification,
        smarthost: Result<Option<Smarthost>, ReadError>,
    ) -> Result<Self, SendError> {
        let smarthost = smarthost.map(|found| found.map(Relay::from));
        let instead = |why: &str| Kind::Command { instead: Some(why.into()) };
        let kind = match (notification.transport, smarthost) {
            (Transport::Smtp, _) => Kind::Relay(Relay::configured(notification)?),
            (Transport::Ns8Sendmail, _) => Kind::Command { instead: None },
            (Transport::Smarthost, Ok(Some(relay))) => Kind::Relay(relay),
            (Transport::Smarthost, Ok(None)) => {
                let advice = "enable it there, or choose another notification.transport";
                return Err(SendError::Relay(format!("{DISABLED}: {advice}")));
            }
            (Transport::Smarthost, Err(error)) => return Err(SendError::Relay(error.to_string())),
            (Transport::Auto, Ok(Some(relay))) if relay.exposes_login() => {
                instead("the cluster's smarthost wants a login in plain text")
            }
            (Transport::Auto, Ok(Some(relay))) => Kind::Relay(relay),
            (Transport::Auto, Ok(None)) => instead(DISABLED),
            (Transport::Auto, Err(error)) => instead(&error.to_string()),
        };
        Ok(Self(kind))
    }

    /// Hands `mail` to `recipient`, one of its recipients; returns the relay's answer. Takes at most
    /// `notification.timeout`.
    ///
    /// # Errors
    /// Returns an error if the mail was not handed over. It may still have been delivered, if the relay took it and its
    /// answer was lost: the next attempt carries the same `Message-ID`.
    pub async fn send(&self, notification: &Notification, mail: &Mail, recipient: &str) -> Result<String, SendError> {
        let Mailbox { address, .. } = recipient.parse().map_err(|error| {
            SendError::Rejected(clean(&format!("{recipient:?} is not a mail address: {error}"), MAX_WORDS))
        })?;
        match &self.0 {
            Kind::Relay(relay) => smtp::send(relay, notification, mail, &address).await,
            Kind::Command { instead } => {
                let sent = sendmail::send(notification, mail, &address).await;
                sent.map_err(|error| match instead {
                    Some(why) => error.and(why),
                    None => error,
                })
            }
        }
    }

    /// Tries the way as far as that goes without sending anything: connects and logs in, or looks for the command.
    /// Returns what the way is, and what speaks against it, if anything.
    ///
    /// # Errors
    /// Returns an error if [`send`](Self::send) could not succeed.
    pub async fn check(&self, notification: &Notification) -> Result<(String, Option<String>), SendError> {
        match &self.0 {
            Kind::Relay(relay) => {
                smtp::check(relay, notification).await?;
                Ok((relay.describe(), None))
            }
            Kind::Command { instead } => {
                let file = sendmail::find(notification)?;
                Ok((format!("command {}", file.display()), instead.clone()))
            }
        }
    }
}
