//! Hands one message to a relay. lettre speaks the protocol; the dialogue is led here, so that it is known at which
//! stage it ended: a refused login is nobody's fault but the configuration's, a refused recipient is that recipient's.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands;
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::{Response, Severity};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::{MAX_WORDS, SendError, message};
use crate::config::{Notification, bare, host_name, is_loopback, secret};
use crate::model::cluster::{Encryption, Smarthost};
use crate::model::mail::Mail;
use crate::model::text::clean;

/// How long to wait for the relay's goodbye.
const QUIT_PATIENCE: Duration = Duration::from_secs(5);

/// A relay, and how it wants to be spoken to.
#[derive(Debug)]
pub(super) struct Relay {
    host: String,
    port: u16,
    encryption: Encryption,
    tls_verify: bool,
    ca_file: Option<PathBuf>,
    login: Option<(String, SecretString)>,
    source: Source,
}

/// Where a relay is set, so that an error can say where to fix it.
#[derive(Debug, Clone, Copy)]
enum Source {
    Configuration,
    Cluster,
}

/// How far a dialogue has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Resolve,
    Connect,
    Starttls,
    Login,
    Sender,
    Recipient,
    Data,
    Message,
}

/// Why a dialogue ended: the relay's words with their code, or what broke it.
#[derive(Debug)]
enum Trouble {
    Refused(u16, String),
    Broken(String),
}

impl Relay {
    /// The relay of `notification.smtp`, its password read afresh.
    pub(super) fn configured(notification: &Notification) -> Result<Self, SendError> {
        let missing = || SendError::Relay("notification.smtp.host is missing".into());
        let smtp = notification.smtp.as_ref().ok_or_else(missing)?;
        let password = |file| secret("notification.smtp.password_file", file).map_err(SendError::Relay);
        let login = smtp.login.as_ref().map(|(name, file)| Ok((name.clone(), password(file)?))).transpose()?;
        Ok(Self {
            host: bare(&smtp.host).into(),
            port: smtp.port,
            encryption: smtp.encryption,
            tls_verify: true,
            ca_file: smtp.ca_file.clone(),
            login,
            source: Source::Configuration,
        })
    }

    /// Whether its login would cross the network in plain text.
    pub(super) fn exposes_login(&self) -> bool {
        self.login.is_some() && self.encryption == Encryption::None && !is_loopback(&self.host)
    }

    /// Hands `mail` over for `to`; returns the relay's answer.
    pub(super) async fn send(&self, settings: &Notification, mail: &Mail, to: &Address) -> Result<String, SendError> {
        let from = &settings.mail_from;
        let text = message::build(from, mail, to)
            .map_err(|error| SendError::Rejected(format!("the mail cannot be written: {error}")))?;
        let text = String::from_utf8_lossy(&text);
        self.bounded(settings.timeout, async |stage| {
            let mut connection = self.open(settings.timeout, stage).await?;
            let result = transfer(&mut connection, &from.email, to, &text, stage).await;
            part(connection);
            result
        })
        .await
    }

    /// Connects and logs in, and sends nothing.
    pub(super) async fn check(&self, settings: &Notification) -> Result<(), SendError> {
        self.bounded(settings.timeout, async |stage| self.open(settings.timeout, stage).await.map(part)).await
    }

    /// What a person wants to know of it: `relay mail.example.com:587, STARTTLS, as monitor, from notification.smtp`.
    pub(super) fn describe(&self) -> String {
        let encryption = match self.encryption {
            Encryption::None => "not encrypted",
            Encryption::Starttls => "STARTTLS",
            Encryption::Tls => "TLS",
        };
        let login = self.login.as_ref().map_or("no login".into(), |(name, _)| format!("as {}", clean(name, MAX_WORDS)));
        format!("relay {self}, {encryption}, {login}, from {}", self.source)
    }

    /// Leads a dialogue within `limit`; whatever ends it early is explained by the stage that it had reached.
    async fn bounded<D, T>(&self, limit: Duration, dialogue: D) -> Result<T, SendError>
    where
        D: AsyncFnOnce(&mut Stage) -> Result<T, Trouble>,
    {
        let mut stage = Stage::Resolve;
        let result = timeout(limit, dialogue(&mut stage)).await;
        let late = || Trouble::Broken(format!("no answer within {} s", limit.as_secs_f32()));
        result.unwrap_or_else(|_| Err(late())).map_err(|trouble| self.explain(stage, trouble))
    }

    /// Connects, secures the connection, and logs in.
    async fn open(&self, limit: Duration, stage: &mut Stage) -> Result<AsyncSmtpConnection, Trouble> {
        let addresses: Vec<_> = tokio::net::lookup_host((self.host.as_str(), self.port)).await?.collect();
        *stage = Stage::Connect;
        // An address that does not answer leaves time for the next one.
        let share = limit / (addresses.len() as u32 + 1);
        let (tls, starttls) = match self.encryption {
            Encryption::None => (None, None),
            Encryption::Starttls => (None, Some(self.tls()?)),
            Encryption::Tls => (Some(self.tls()?), None),
        };
        let name = hello_name(host_name());
        let mut connection = AsyncSmtpConnection::connect_tokio1(&addresses[..], Some(share), &name, tls, None).await?;
        if let Some(tls) = starttls {
            *stage = Stage::Starttls;
            if !connection.can_starttls() {
                return Err(Trouble::Broken("the relay does not offer STARTTLS".into()));
            }
            connection.starttls(tls, &name).await?;
        }
        if let Some((name, password)) = &self.login {
            *stage = Stage::Login;
            if self.exposes_login() {
                let words = "the password would go out in plain text: use starttls or tls in";
                return Err(Trouble::Broken(format!("{words} {}", self.source)));
            }
            if connection.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
                return Err(Trouble::Broken("the relay offers neither AUTH PLAIN nor AUTH LOGIN".into()));
            }
            let credentials = Credentials::new(name.clone(), password.expose_secret().into());
            connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
        }
        Ok(connection)
    }

    /// What TLS needs to know.
    fn tls(&self) -> Result<TlsParameters, Trouble> {
        let mut tls = TlsParameters::builder(self.host.clone());
        if let Some(file) = &self.ca_file {
            tls = tls.add_root_certificate(authority(file).map_err(Trouble::Broken)?);
        }
        if !self.tls_verify {
            tls = tls.dangerous_accept_invalid_certs(true).dangerous_accept_invalid_hostnames(true);
        }
        Ok(tls.build()?)
    }

    /// From trouble at a stage to what follows from it.
    fn explain(&self, stage: Stage, trouble: Trouble) -> SendError {
        let (code, words) = match trouble {
            Trouble::Refused(code, words) => (Some(code), format!("{code} {words}")),
            Trouble::Broken(words) => (None, words),
        };
        let advice = self.advice(stage, code, &words);
        let text = format!("relay {self}, {stage}: {}{advice}", clean(&words, MAX_WORDS));
        match code {
            // The same would befall everybody. The sender's address, too, is a matter of the configuration.
            _ if stage < Stage::Recipient => SendError::Relay(text),
            // These ask for a login or for TLS (RFC 4954, section 6; RFC 3207, section 4): that can be fixed.
            Some(530 | 534 | 535 | 538) => SendError::Deferred(text),
            // Many relays say only now what they have against us: that, too, can be fixed.
            Some(500..=599) if stage == Stage::Recipient && is_about_us(&words) => SendError::Deferred(text),
            Some(500..=599) => SendError::Rejected(text),
            // A relay may fall silent or hang up over one recipient: the others must not wait behind that one.
            _ => SendError::Deferred(text),
        }
    }

    /// What to do, where that can be said.
    fn advice(&self, stage: Stage, code: Option<u16>, words: &str) -> String {
        let (host, source) = (&self.host, self.source);
        match (code, stage) {
            (Some(530 | 534 | 535 | 538), _) => format!("; check encryption, user name and password in {source}"),
            (Some(500..=599), Stage::Recipient) if is_about_us(words) => {
                let what = "this is most likely about our machine or our sender, and worth another try";
                format!("; {what}: check notification.mail_from, {source} and whom the relay lets send")
            }
            (Some(_), _) => String::new(),
            _ if words.contains("certificate not valid for name") => {
                format!("; the relay's certificate is for another name than {host}: use that name in {source}")
            }
            _ if words.contains("certificate expired") => "; the relay's certificate has to be renewed".into(),
            _ if words.contains("invalid peer certificate") => {
                let other_way = match source {
                    Source::Configuration => "name it in notification.smtp.ca_file",
                    Source::Cluster => "turn TLS verification off in the cluster's smarthost settings",
                };
                format!("; add the certificate of its authority to this system's, or {other_way}")
            }
            (None, Stage::Resolve) => format!("; check the relay's name in {source} and this machine's DNS"),
            (None, Stage::Connect | Stage::Starttls) => format!("; check host, port and encryption in {source}"),
            (None, Stage::Message) => "; it may have been delivered all the same".into(),
            (None, _) => String::new(),
        }
    }
}

/// Sender, recipient, message.
async fn transfer(
    connection: &mut AsyncSmtpConnection,
    from: &Address,
    to: &Address,
    text: &str,
    stage: &mut Stage,
) -> Result<String, Trouble> {
    let mut parameters = Vec::new();
    // Everything but an address is encoded as ASCII.
    if !text.is_ascii() {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            let (whose, address) = match from.to_string().is_ascii() {
                true => (Stage::Recipient, to),
                false => (Stage::Sender, from),
            };
            *stage = whose;
            let words = "5.6.7 the relay does not take an address with letters outside ASCII (SMTPUTF8):";
            return Err(Trouble::Refused(553, format!("{words} {address}")));
        }
        parameters = vec![MailParameter::SmtpUtfEight, MailParameter::Body(MailBodyParameter::EightBitMime)];
    }
    *stage = Stage::Sender;
    let answer = connection.command(commands::Mail::new(Some(from.clone()), parameters)).await?;
    expect(Severity::PositiveCompletion, &answer)?;
    *stage = Stage::Recipient;
    let answer = connection.command(commands::Rcpt::new(to.clone(), Vec::new())).await?;
    expect(Severity::PositiveCompletion, &answer)?;
    *stage = Stage::Data;
    let answer = connection.command(commands::Data).await?;
    expect(Severity::PositiveIntermediate, &answer)?;
    *stage = Stage::Message;
    let answer = connection.command(Content(text)).await?;
    expect(Severity::PositiveCompletion, &answer)?;
    Ok(clean(&words(&answer), MAX_WORDS))
}

/// A message as it follows DATA: a dot doubled where a line begins with one (RFC 5321, section 4.5.2), and the final
/// dot.
///
/// In one piece: lettre sends the final dot on its own, and the kernel keeps that back until the relay has acknowledged
/// the rest, for which many wait 40 ms.
struct Content<'a>(&'a str);

impl fmt::Display for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.0.split_inclusive("\r\n") {
            let dot = if line.starts_with('.') { "." } else { "" };
            write!(f, "{dot}{line}")?;
        }
        f.write_str("\r\n.\r\n")
    }
}

/// Says goodbye. A courtesy: nothing waits for it, and nothing depends on it.
fn part(mut connection: AsyncSmtpConnection) {
    tokio::spawn(timeout(QUIT_PATIENCE, async move { connection.quit().await }));
}

/// lettre takes any 2xx and 3xx for a yes. Here, "go on" is no "done".
fn expect(severity: Severity, answer: &Response) -> Result<(), Trouble> {
    match answer.code().severity == severity {
        true => Ok(()),
        false => Err(Trouble::Broken(format!("an answer that makes no sense: {}", words(answer)))),
    }
}

fn words(answer: &Response) -> String {
    let lines: Vec<&str> = answer.message().collect();
    format!("{} {}", answer.code(), lines.join(" "))
}

/// Whether a refusal is about us, though the recipient has just been named: relays such as Postfix keep what they have
/// against the client, its greeting or the sender until then. The enhanced status code (RFC 3463) after the reply's
/// code tells: network, protocol, policy, or the sender's address.
fn is_about_us(refusal: &str) -> bool {
    let status = refusal.split_whitespace().nth(1).unwrap_or_default();
    matches!(status.split('.').collect::<Vec<_>>()[..], [_, "4" | "5" | "7", _] | [_, "1", "7" | "8"])
}

/// The name to say hello with: this machine's, where it is one that relays accept: many want a dot in it.
fn hello_name(host: String) -> ClientId {
    let label = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    match host.contains('.') && host.split('.').all(label) {
        true => ClientId::Domain(host),
        false => ClientId::default(),
    }
}

fn authority(file: &Path) -> Result<Certificate, String> {
    let problem = |why: String| format!("notification.smtp.ca_file {} {why}", file.display());
    let pem = std::fs::read(file).map_err(|error| problem(format!("cannot be read: {error}")))?;
    // lettre takes a file without any certificate for an empty list of them.
    let any = String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----");
    match Certificate::from_pem(&pem) {
        Ok(certificate) if any => Ok(certificate),
        _ => Err(problem("holds no certificate in PEM form".into())),
    }
}

impl From<Smarthost> for Relay {
    fn from(smarthost: Smarthost) -> Self {
        Self {
            host: bare(&smarthost.host).into(),
            port: smarthost.port,
            encryption: smarthost.encryption,
            tls_verify: smarthost.tls_verify,
            ca_file: None,
            login: smarthost.login,
            source: Source::Cluster,
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let words = innermost(&error).to_string();
        match error.status() {
            Some(code) => Self::Refused(code.into(), words),
            None if words == "incomplete response" => Self::Broken("the relay closed the connection".into()),
            None if error.is_response() => Self::Broken(format!("an answer that is not SMTP ({words})")),
            None => Self::Broken(words),
        }
    }
}

/// What lies below lettre's own headings ("Connection error", "permanent error (550)"), which tell less.
fn innermost<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    match error.source() {
        Some(source) if error.is::<Error>() => innermost(source),
        _ => error,
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
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

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "looking up its address",
            Self::Connect => "connecting",
            Self::Starttls => "starting TLS",
            Self::Login => "logging in",
            Self::Sender => "naming the sender",
            Self::Recipient => "naming the recipient",
            Self::Data => "before the message",
            Self::Message => "after the message",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_hello_by_name_only_where_that_is_a_name() {
        assert_eq!(hello_name("node-1.example.com".into()).to_string(), "node-1.example.com");
        for name in ["", "leader", "(none)", "a_b", "a..b", "-a", "a\r\nMAIL", "münchen"] {
            assert_eq!(hello_name(name.into()).to_string(), "[127.0.0.1]", "{name}");
        }
    }
}
