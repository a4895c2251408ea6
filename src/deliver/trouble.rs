//! How far a dialogue with a relay came, and what ended it.

use std::fmt;
use std::io;

use tokio_rustls::rustls::{CertificateError, Error};

use super::reply::{Reply, ReplyError};

/// How far a dialogue has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Resolve,
    Connect,
    Starttls,
    Login,
    Sender,
    Recipient,
    Data,
    Message,
}

/// What ended a dialogue.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The relay said no.
    Refused(Reply),
    /// The relay's certificate is not accepted; why, in words.
    Certificate(CertificateFault, String),
    /// The connection broke, or what came was no answer.
    Broken(String),
}

/// What is wrong with a certificate, as far as that leads to different advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CertificateFault {
    OtherName,
    Expired,
    NotYetValid,
    /// Of X.509's first version, which rustls does not read.
    VersionOne,
    Untrusted,
}

impl Trouble {
    /// The connection broke, or was given up, for this reason.
    pub(super) fn broken(why: impl Into<String>) -> Self {
        Self::Broken(why.into())
    }
}

impl From<ReplyError> for Trouble {
    fn from(error: ReplyError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match tls {
            Some(Error::InvalidCertificate(why)) => Self::Certificate(fault(why), error.to_string()),
            _ => Self::Broken(error.to_string()),
        }
    }
}

fn fault(error: &CertificateError) -> CertificateFault {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
    };
    match error {
        NotValidForName | NotValidForNameContext { .. } => CertificateFault::OtherName,
        Expired | ExpiredContext { .. } => CertificateFault::Expired,
        NotValidYet | NotValidYetContext { .. } => CertificateFault::NotYetValid,
        // webpki's own error, which rustls passes on in an opaque box.
        CertificateError::Other(other) if other.to_string() == "UnsupportedCertVersion" => CertificateFault::VersionOne,
        _ => CertificateFault::Untrusted,
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "looking up its address",
            Self::Connect => "connecting",
            Self::Starttls => "starting TLS",
            Self::Login => "logging in",
            Self::Sender => "naming the sender",
            Self::Recipient => "naming the recipient",
            Self::Data => "sending DATA",
            Self::Message => "sending the message",
        })
    }
}
