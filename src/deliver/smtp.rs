//! Hands one message to a relay. The stage at which a dialogue ends decides what follows: a refused login is the
//! configuration's fault, a refused recipient is that recipient's.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::advice::explain;
use super::dialogue::Dialogue;
use super::error::SendError;
use super::message;
use super::relay::Relay;
use super::reply::Reply;
use super::trouble::{Stage, Trouble};
use crate::config::{Notification, host_name};
use crate::model::address::Address;
use crate::model::cluster::Encryption;
use crate::model::mail::Mail;
use crate::system::stream::Stream;
use crate::system::tls::{self, Trust};

/// How long to wait for the relay's goodbye.
const QUIT_PATIENCE: Duration = Duration::from_secs(5);
/// Most addresses of a relay that are tried.
const MAX_ADDRESSES: usize = 16;

/// Hands `mail` to `relay` for `to`, and returns the relay's answer.
///
/// # Errors
/// Returns what follows from the trouble, as [`explain`] decides.
pub(super) async fn send(
    relay: &Relay,
    settings: &Notification,
    mail: &Mail,
    to: &Address,
) -> Result<String, SendError> {
    let from = &settings.mail_from;
    let text = message::build(from, mail, to)
        .map_err(|error| SendError::Rejected(format!("the mail cannot be written: {error}")))?;
    let answer = bounded(relay, settings.timeout, async |stage| {
        let mut dialogue = open(relay, settings.timeout, stage).await?;
        let result = transfer(&mut dialogue, &from.address, to, &text, stage).await;
        part(dialogue);
        result
    });
    answer.await.map(|reply| relay.words(&reply.to_string()))
}

/// Connects and logs in, and sends nothing.
///
/// # Errors
/// Returns an error if [`send`] could not succeed.
pub(super) async fn check(relay: &Relay, settings: &Notification) -> Result<(), SendError> {
    bounded(relay, settings.timeout, async |stage| open(relay, settings.timeout, stage).await.map(part)).await
}

/// Leads a dialogue within `limit`; whatever ends it early is explained by the stage that it had reached.
async fn bounded<D, T>(relay: &Relay, limit: Duration, dialogue: D) -> Result<T, SendError>
where
    D: AsyncFnOnce(&mut Stage) -> Result<T, Trouble>,
{
    let mut stage = Stage::Resolve;
    let result = timeout(limit, dialogue(&mut stage)).await;
    let late = || Trouble::Broken(format!("no answer within {} s", limit.as_secs_f32()));
    result.unwrap_or_else(|_| Err(late())).map_err(|trouble| explain(relay, stage, &trouble))
}

/// Finds the relay, secures the connection, and logs in.
async fn open(relay: &Relay, limit: Duration, stage: &mut Stage) -> Result<Dialogue, Trouble> {
    let found = tokio::net::lookup_host((relay.host.as_str(), relay.port)).await?;
    let addresses: Vec<_> = found.take(MAX_ADDRESSES).collect();
    let mut dialogue = reach(relay, &addresses, limit, stage).await?;
    if let Some((name, password)) = &relay.login {
        *stage = Stage::Login;
        if relay.exposes_login() {
            let words = "the password would go out in plain text: use starttls or tls in";
            return Err(Trouble::Broken(format!("{words} {}", relay.source)));
        }
        dialogue.login(name, password.expose_secret()).await?;
    }
    Ok(dialogue)
}

/// Greets the first of the relay's addresses that is ready to take mail (RFC 5321, section 5.1). One that does not
/// answer leaves time for the next ones.
///
/// # Errors
/// Returns the first trouble with an address that took the connection, else that with the last one.
async fn reach(
    relay: &Relay,
    addresses: &[SocketAddr],
    limit: Duration,
    stage: &mut Stage,
) -> Result<Dialogue, Trouble> {
    let started = Instant::now();
    let share = limit / (addresses.len() as u32 + 1);
    let (mut told, mut answered) = ((Stage::Connect, Trouble::broken("its name has no address")), false);
    for (n, address) in addresses.iter().enumerate() {
        *stage = Stage::Connect;
        let late =
            |time: Duration| Trouble::Broken(format!("{address} did not answer within {} s", time.as_secs_f32()));
        let connected = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(late(share)),
        };
        let connects = connected.is_ok();
        let result = match connected {
            // The last one has all the time that is left.
            Ok(stream) if n + 1 == addresses.len() => greet(relay, Box::new(stream), stage).await,
            Ok(stream) => {
                let patience = limit.saturating_sub(started.elapsed()) / 2;
                let greeted = timeout(patience, greet(relay, Box::new(stream), stage)).await;
                greeted.unwrap_or_else(|_| Err(late(patience)))
            }
            Err(trouble) => Err(trouble),
        };
        match result {
            Ok(dialogue) => return Ok(dialogue),
            Err(trouble) if !answered => (told, answered) = ((*stage, trouble), connects),
            Err(_) => {}
        }
    }
    *stage = told.0;
    Err(told.1)
}

/// Secures a connection, and exchanges greetings.
async fn greet(relay: &Relay, stream: Box<dyn Stream>, stage: &mut Stage) -> Result<Dialogue, Trouble> {
    let name = hello_name(host_name());
    let trust = match relay.tls_verify {
        true => Trust::Verified(relay.ca_file.as_deref()),
        false => Trust::Anybody,
    };
    let mut dialogue = match relay.encryption {
        Encryption::Tls => Dialogue::on(tls::secure(stream, &relay.host, &trust).await?),
        Encryption::Starttls | Encryption::None => Dialogue::on(stream),
    };
    dialogue.greeting().await?;
    dialogue.hello(&name).await?;
    if relay.encryption == Encryption::Starttls {
        *stage = Stage::Starttls;
        let stream = dialogue.starttls().await?;
        // A new dialogue: nothing that was said before counts (RFC 3207, section 4.2).
        dialogue = Dialogue::on(tls::secure(stream, &relay.host, &trust).await?);
        dialogue.hello(&name).await?;
    }
    Ok(dialogue)
}

/// Sender, recipient, message.
async fn transfer(
    dialogue: &mut Dialogue,
    from: &Address,
    to: &Address,
    text: &[u8],
    stage: &mut Stage,
) -> Result<Reply, Trouble> {
    *stage = Stage::Sender;
    // Everything but the part of an address before the @ is encoded as ASCII.
    let utf8 = !text.is_ascii();
    if utf8 && !dialogue.offers("SMTPUTF8") {
        let whose = match from.local().is_ascii() {
            true => (Stage::Recipient, to),
            false => (Stage::Sender, from),
        };
        *stage = whose.0;
        let words = "5.6.7 the relay does not take an address with letters outside ASCII before the @ (SMTPUTF8):";
        return Err(Trouble::Refused(Reply { code: 553, lines: vec![format!("{words} {}", whose.1)] }));
    }
    dialogue.sender(&from.wire(), utf8).await?;
    *stage = Stage::Recipient;
    dialogue.recipient(&to.wire()).await?;
    *stage = Stage::Data;
    dialogue.data().await?;
    *stage = Stage::Message;
    dialogue.message(text).await
}

/// Says goodbye. A courtesy: nothing waits for it, and nothing depends on it.
fn part(dialogue: Dialogue) {
    tokio::spawn(timeout(QUIT_PATIENCE, dialogue.quit()));
}

/// Returns the name to say hello with: this machine's, where it is one that relays accept: many want a dot in it.
fn hello_name(host: String) -> String {
    let label = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    match host.contains('.') && host.split('.').all(label) {
        true => host,
        false => "[127.0.0.1]".into(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::super::relay::Source;
    use super::*;
    use crate::system::sockets;

    #[test]
    fn says_hello_by_name_only_where_that_is_a_name() {
        assert_eq!(hello_name("node-1.example.com".into()), "node-1.example.com");
        for name in ["", "leader", "(none)", "a_b", "a..b", "-a", "a\r\nMAIL", "münchen"] {
            assert_eq!(hello_name(name.into()), "[127.0.0.1]", "{name}");
        }
    }

    /// A server that greets each client with `greeting`, and agrees to whatever it says then.
    async fn server(greeting: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(greeting.as_bytes()).await.unwrap();
            while stream.read(&mut [0; 512]).await.is_ok_and(|length| length > 0) {
                let _ = stream.write_all(b"250 ok\r\n").await;
            }
        });
        address
    }

    #[tokio::test]
    async fn one_address_that_takes_no_mail_does_not_stand_in_the_way_of_the_next() {
        let host = "127.0.0.1".into();
        let (encryption, source) = (Encryption::None, Source::Configuration);
        let relay = Relay { host, port: 25, encryption, tls_verify: true, ca_file: None, login: None, source };
        let reach = async |addresses: &[SocketAddr]| {
            let mut stage = Stage::Resolve;
            let trouble = reach(&relay, addresses, Duration::from_millis(500), &mut stage).await.err();
            (stage, trouble.map(|trouble| format!("{trouble:?}")))
        };
        let (_nobody, closed) = sockets::tests::closed();
        for greeting in ["", "421 4.3.2 too busy\r\n", "554 no service\r\n", "nonsense\r\n"] {
            let addresses = [server(greeting).await, closed, server("220 ready\r\n").await];
            assert_eq!(reach(&addresses).await, (Stage::Connect, None), "{greeting}");
        }
        // An address that answered explains more than one that could not be reached.
        let (stage, trouble) = reach(&[server("554 no service\r\n").await, closed]).await;
        assert!(stage == Stage::Connect && trouble.is_some_and(|trouble| trouble.contains("no service")));
        assert!(reach(&[closed]).await.1.is_some_and(|trouble| trouble.contains("refused")));
        assert!(reach(&[]).await.1.is_some_and(|trouble| trouble.contains("no address")));
    }
}
