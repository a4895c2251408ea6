//! A relay: where it is, how it wants to be spoken to, and who set it.

use std::fmt;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::error::{MAX_WORDS, SendError};
use crate::config::{Notification, authority, bare, is_loopback, secret};
use crate::model::cluster::{Encryption, Smarthost};
use crate::model::text::clean;

/// A relay.
#[derive(Debug)]
pub(super) struct Relay {
    /// Its name in ASCII, or its address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) tls_verify: bool,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) login: Option<(String, SecretString)>,
    pub(super) source: Source,
}

/// The place where a relay is set, which an error names as the one to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Configuration,
    Cluster,
}

impl Relay {
    /// Returns the relay of `notification.smtp`, its password read afresh.
    ///
    /// # Errors
    /// Returns an error if there is none, or its password cannot be read.
    pub(super) fn configured(notification: &Notification) -> Result<Self, SendError> {
        let missing = || SendError::Relay("notification.smtp.host is missing".into());
        let smtp = notification.smtp.as_ref().ok_or_else(missing)?;
        let password = |file| secret("notification.smtp.password_file", file).map_err(SendError::Relay);
        let login = smtp.login.as_ref().map(|(name, file)| Ok((name.clone(), password(file)?))).transpose()?;
        Ok(Self {
            host: ascii(&smtp.host),
            port: smtp.port,
            encryption: smtp.encryption,
            tls_verify: true,
            ca_file: smtp.ca_file.clone(),
            login,
            source: Source::Configuration,
        })
    }

    /// Returns whether its login would cross the network in plain text.
    pub(super) fn exposes_login(&self) -> bool {
        self.login.is_some() && self.encryption == Encryption::None && !is_loopback(&self.host)
    }

    /// Describes it for people: `relay mail.example.com:587, STARTTLS, as monitor, from notification.smtp`.
    pub(super) fn describe(&self) -> String {
        let encryption = match self.encryption {
            Encryption::None => "not encrypted",
            Encryption::Starttls => "STARTTLS",
            Encryption::Tls => "TLS",
        };
        let login = self.login.as_ref().map_or("no login".into(), |(name, _)| format!("as {}", clean(name, MAX_WORDS)));
        format!("relay {self}, {encryption}, {login}, from {}", self.source)
    }

    /// Returns the relay's words on one line, bounded, and without the password, which a relay may repeat in any of
    /// the forms in which it got it.
    pub(super) fn words(&self, words: &str) -> String {
        let mut words = words.to_owned();
        if let Some((name, password)) = &self.login {
            let password = password.expose_secret();
            let plain = BASE64_STANDARD.encode(format!("\0{name}\0{password}"));
            for secret in [&plain, &BASE64_STANDARD.encode(password), password] {
                if !secret.is_empty() {
                    words = words.replace(secret, "[the password]");
                }
            }
        }
        clean(&words, MAX_WORDS)
    }
}

/// Returns a host as DNS and certificates know it.
fn ascii(host: &str) -> String {
    let host = bare(host);
    idna::domain_to_ascii(host).ok().filter(|_| !host.is_ascii()).unwrap_or_else(|| host.into())
}

impl From<Smarthost> for Relay {
    fn from(smarthost: Smarthost) -> Self {
        Self {
            host: ascii(&smarthost.host),
            port: smarthost.port,
            encryption: smarthost.encryption,
            tls_verify: smarthost.tls_verify,
            ca_file: None,
            login: smarthost.login,
            source: Source::Cluster,
        }
    }
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&authority(&self.host, self.port))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configuration => "notification.smtp",
            Self::Cluster => "the cluster's smarthost settings",
        })
    }
}
