//! An SMTP server that can misbehave: a real one on a real socket, with STARTTLS, TLS and login.
//!
//! ```ignore
//! let relay = smtp::Server::starttls().with_login("monitor", "s3cret");
//! relay.fault(Stage::Rcpt, Fault::reply("451 4.7.1 greylisted"));
//! // … send to 127.0.0.1:relay.port …
//! relay.mend();
//! let mails = relay.delivered(1).await;
//! ```
//!
//! It runs on a thread of its own, so it serves tests that block as well as those that do not, and is gone, with every
//! connection, when it is dropped. Its certificate is for `localhost`, not for 127.0.0.1, and signed by the authority
//! in [`CA_FILE`]; both were made with `openssl req -x509` and `openssl x509 -req`, and are good for a hundred years.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio_rustls::rustls::ServerConfig;

mod fault;
mod identity;

use super::service::PATIENCE;
pub use fault::{Fault, Stage};
use identity::{CERTIFICATE, EXPIRED, KEY, VERSION_1, identity};

/// The authority that vouches for the server's certificate.
pub const CA_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/tls/ca.pem");

/// A mail that the server has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The mail as it came, dots unstuffed.
    pub data: Vec<u8>,
    /// Whether it came through TLS.
    pub tls: bool,
    /// Who was logged in.
    pub login: Option<String>,
}

/// The running server.
pub struct Server {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    shared: Arc<Shared>,
    _stop: oneshot::Sender<()>,
}

enum Security {
    Plain,
    Starttls(Arc<ServerConfig>),
    /// TLS from the first byte.
    Tls(Arc<ServerConfig>),
}

struct Shared {
    security: Security,
    login: Mutex<Option<(String, String)>>,
    faults: Mutex<HashMap<Stage, Fault>>,
    recipients: Mutex<HashMap<String, Fault>>,
    heard: Mutex<Vec<String>>,
    delivered: watch::Sender<Vec<Delivered>>,
}

impl Server {
    /// A server without TLS, on any free port.
    pub fn plain() -> Self {
        Self::start(Security::Plain)
    }

    /// A server that offers STARTTLS.
    pub fn starttls() -> Self {
        Self::start(Security::Starttls(identity(CERTIFICATE, KEY)))
    }

    /// A server that speaks TLS from the first byte.
    pub fn tls() -> Self {
        Self::start(Security::Tls(identity(CERTIFICATE, KEY)))
    }

    /// A server that speaks TLS with a certificate that has expired.
    pub fn tls_expired() -> Self {
        Self::start(Security::Tls(identity(EXPIRED, KEY)))
    }

    /// A server that speaks TLS with a certificate of version 1, which it signed itself.
    pub fn tls_version_1() -> Self {
        Self::start(Security::Tls(identity(VERSION_1, KEY)))
    }

    /// A server that speaks TLS from the first byte with this certificate and its key, both PEM.
    pub fn tls_with(certificate: &[u8], key: &[u8]) -> Self {
        Self::start(Security::Tls(identity(certificate, key)))
    }

    /// Wants a login before it takes mail, by AUTH PLAIN or LOGIN.
    pub fn with_login(self, name: &str, password: &str) -> Self {
        *self.shared.login.lock().unwrap() = Some((name.into(), password.into()));
        self
    }

    /// From now on, misbehaves at `stage`.
    pub fn fault(&self, stage: Stage, fault: Fault) {
        self.shared.faults.lock().unwrap().insert(stage, fault);
    }

    /// From now on, misbehaves at this recipient's RCPT.
    pub fn fault_for(&self, recipient: &str, fault: Fault) {
        self.shared.recipients.lock().unwrap().insert(recipient.into(), fault);
    }

    /// From now on, behaves.
    pub fn mend(&self) {
        self.shared.faults.lock().unwrap().clear();
        self.shared.recipients.lock().unwrap().clear();
    }

    /// All mails taken so far, once there are at least `count`.
    pub async fn delivered(&self, count: usize) -> Vec<Delivered> {
        let mut delivered = self.shared.delivered.subscribe();
        let enough = tokio::time::timeout(PATIENCE, delivered.wait_for(|mails| mails.len() >= count)).await;
        match enough {
            Ok(mails) => mails.expect("the sender lives as long as self").clone(),
            Err(_) => panic!("{count} mails were expected, these came: {:#?}", self.so_far()),
        }
    }

    /// All mails taken so far.
    pub fn so_far(&self) -> Vec<Delivered> {
        self.shared.delivered.borrow().clone()
    }

    /// Every line heard so far outside of mails, in order.
    pub fn heard(&self) -> Vec<String> {
        self.shared.heard.lock().unwrap().clone()
    }

    fn start(security: Security) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port to listen on");
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            security,
            login: Mutex::default(),
            faults: Mutex::default(),
            recipients: Mutex::default(),
            heard: Mutex::default(),
            delivered: watch::Sender::default(),
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let accept = accept(TcpListener::from_std(listener).unwrap(), serving);
                tokio::select! { _ = accept => {}, _ = stopped => {} }
            });
        });
        Self { port, shared, _stop: stop }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        // A client that leaves in the middle of a dialogue is its own business.
        tokio::spawn(async move { Dialogue::begin(stream, shared).await.ok() });
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

struct Dialogue {
    stream: BufReader<Box<dyn Stream>>,
    shared: Arc<Shared>,
    tls: bool,
    login: Option<String>,
    from: String,
    to: Vec<String>,
}

impl Dialogue {
    async fn begin(stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (login, from, to) = Default::default();
        let mut dialogue = Self { stream: BufReader::new(Box::new(stream)), shared, tls: false, login, from, to };
        if let Security::Tls(identity) = &dialogue.shared.security {
            let identity = Arc::clone(identity);
            dialogue = dialogue.secured(identity).await?;
        }
        dialogue.answer(Stage::Greeting, "220 localhost ESMTP").await?;
        loop {
            let line = dialogue.line().await?;
            dialogue = dialogue.follow(&line).await?;
        }
    }

    async fn follow(mut self, line: &str) -> io::Result<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let verb = words.first().copied().unwrap_or_default().to_ascii_uppercase();
        let login_due = self.login.is_none() && self.shared.login.lock().unwrap().is_some();
        match verb.as_str() {
            "EHLO" => {
                let greeting = self.extensions();
                let again = self.tls && matches!(self.shared.security, Security::Starttls(_));
                let own = self.shared.faults.lock().unwrap().contains_key(&Stage::EhloInTls);
                let stage = if again && own { Stage::EhloInTls } else { Stage::Ehlo };
                self.answer(stage, &greeting).await?;
            }
            "HELO" => self.say("250 localhost").await?,
            "STARTTLS" if !self.tls && self.answer(Stage::Starttls, "220 2.0.0 Go ahead").await? => {
                if let Security::Starttls(identity) = &self.shared.security {
                    let identity = Arc::clone(identity);
                    self = self.secured(identity).await?;
                }
            }
            "STARTTLS" => {}
            "AUTH" => self.auth(&words).await?,
            "MAIL" if login_due => self.say("530 5.7.0 Authentication required").await?,
            "MAIL" => {
                (self.from, self.to) = (address(line), Vec::new());
                self.answer(Stage::Mail, "250 2.1.0 Ok").await?;
            }
            "RCPT" => {
                let fault = self.shared.recipients.lock().unwrap().get(&address(line)).cloned();
                let accepted = match fault {
                    Some(fault) => self.misbehave(fault, "250 2.1.5 Ok").await?,
                    None => self.answer(Stage::Rcpt, "250 2.1.5 Ok").await?,
                };
                if accepted {
                    self.to.push(address(line));
                }
            }
            "DATA" if self.answer(Stage::Data, "354 End data with <CR><LF>.<CR><LF>").await? => self.take().await?,
            "DATA" => {}
            "QUIT" => {
                self.answer(Stage::Quit, "221 2.0.0 Bye").await?;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            _ => self.say("502 5.5.2 Command not recognized").await?,
        }
        Ok(self)
    }

    fn extensions(&self) -> String {
        let offered = matches!(self.shared.security, Security::Starttls(_)) && !self.tls;
        let starttls = if offered { "250-STARTTLS\r\n" } else { "" };
        let auth = if self.shared.login.lock().unwrap().is_some() { "250-AUTH PLAIN LOGIN\r\n" } else { "" };
        format!("250-localhost\r\n{starttls}{auth}250-SMTPUTF8\r\n250 8BITMIME")
    }

    async fn auth(&mut self, words: &[&str]) -> io::Result<()> {
        let (name, password) = match words {
            [_, "PLAIN", initial] => {
                let text = decoded(initial);
                let mut parts = text.split('\0').skip(1).map(String::from);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
            _ => {
                self.say("334 VXNlcm5hbWU6").await?;
                let name = decoded(&self.line().await?);
                self.say("334 UGFzc3dvcmQ6").await?;
                (name, decoded(&self.line().await?))
            }
        };
        let right = *self.shared.login.lock().unwrap() == Some((name.clone(), password));
        match right {
            true if self.answer(Stage::Auth, "235 2.7.0 Authentication successful").await? => self.login = Some(name),
            true => {}
            false => self.say("535 5.7.8 Authentication credentials invalid").await?,
        }
        Ok(())
    }

    async fn take(&mut self) -> io::Result<()> {
        let mut data = Vec::new();
        loop {
            let start = data.len();
            if self.stream.read_until(b'\n', &mut data).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if &data[start..] == b".\r\n" {
                data.truncate(start);
                break;
            }
            if data[start] == b'.' {
                data.remove(start);
            }
        }
        let fault = self.shared.faults.lock().unwrap().get(&Stage::Message).cloned();
        if !matches!(fault, Some(Fault::Reply(_) | Fault::Flood(_))) {
            let (from, to, login) = (self.from.clone(), self.to.clone(), self.login.clone());
            let delivered = Delivered { from, to, data, tls: self.tls, login };
            self.shared.delivered.send_modify(|mails| mails.push(delivered));
        }
        self.answer(Stage::Message, "250 2.0.0 Ok: queued as 4TEST").await.map(drop)
    }

    /// Gives the answer that is due at `stage`, unless a fault is set there; whether that was an acceptance.
    async fn answer(&mut self, stage: Stage, due: &str) -> io::Result<bool> {
        let fault = self.shared.faults.lock().unwrap().get(&stage).cloned();
        match fault {
            Some(fault) => self.misbehave(fault, due).await,
            None => self.say(due).await.map(|()| true),
        }
    }

    async fn misbehave(&mut self, fault: Fault, due: &str) -> io::Result<bool> {
        match fault {
            Fault::Reply(text) => self.say(&text).await.map(|()| false),
            Fault::Spelled(bytes) => self.send(&bytes).await.map(|()| true),
            Fault::Behind(more) => self.say(&format!("{due}\r\n{more}")).await.map(|()| true),
            Fault::Drip => {
                for byte in format!("{due}\r\n").bytes() {
                    self.send(&[byte]).await?;
                    tokio::task::yield_now().await;
                }
                Ok(true)
            }
            Fault::Flood(bytes) => {
                let piece = bytes.repeat(8192 / bytes.len());
                loop {
                    self.send(&piece).await?;
                }
            }
            Fault::Cut => Err(io::ErrorKind::ConnectionAborted.into()),
            Fault::Hang => std::future::pending().await,
        }
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.send(format!("{text}\r\n").as_bytes()).await
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    async fn secured(mut self, identity: Arc<ServerConfig>) -> io::Result<Self> {
        let fault = self.shared.faults.lock().unwrap().get(&Stage::Handshake).cloned();
        if let Some(fault) = fault {
            self.misbehave(fault, "").await?;
        }
        let secured = tokio_rustls::TlsAcceptor::from(identity).accept(self.stream.into_inner()).await?;
        Ok(Self { stream: BufReader::new(Box::new(secured)), tls: true, ..self })
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        self.shared.heard.lock().unwrap().push(line.into());
        Ok(line.into())
    }
}

/// The address in a MAIL or RCPT command.
fn address(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map(|(address, _)| address.into()).unwrap_or_default()
}

fn decoded(base64: &str) -> String {
    BASE64_STANDARD.decode(base64).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}
