//! The client's half of SMTP (RFC 5321): one command, one reply.
//!
//! It is led here and not by a library, so that replies are bounded and nothing that came in plain text counts after
//! STARTTLS; `docs/development.md` says more.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::reply::{Replies, Reply};
use super::trouble::Trouble;
use crate::system::stream::Stream;

/// How much is read at a time, in bytes.
const CHUNK: usize = 4096;

/// A connection to a relay that takes commands.
pub(super) struct Dialogue {
    stream: Box<dyn Stream>,
    replies: Replies,
    /// What the relay offers, in capital letters; empty before EHLO, and with a relay that only knows HELO.
    extensions: Vec<String>,
}

impl Dialogue {
    /// Starts a dialogue on a connection whose relay has greeted already, or is about to.
    pub(super) fn on(stream: Box<dyn Stream>) -> Self {
        Self { stream, replies: Replies::default(), extensions: Vec::new() }
    }

    /// Waits for the relay's greeting.
    pub(super) async fn greeting(&mut self) -> Result<(), Trouble> {
        done(self.reply().await?).map(drop)
    }

    /// Says hello as `name`, and learns what the relay offers. An old relay that does not know EHLO gets HELO
    /// (RFC 5321, section 3.2).
    pub(super) async fn hello(&mut self, name: &str) -> Result<(), Trouble> {
        let reply = match self.command(&format!("EHLO {name}")).await? {
            Reply { code: 500 | 502, .. } => self.command(&format!("HELO {name}")).await?,
            reply => reply,
        };
        self.extensions = done(reply)?.lines.iter().skip(1).map(|line| line.to_ascii_uppercase()).collect();
        Ok(())
    }

    /// Returns whether the relay offers an extension, by its keyword in capital letters.
    pub(super) fn offers(&self, keyword: &str) -> bool {
        self.extensions.iter().any(|line| line.split_whitespace().next() == Some(keyword))
    }

    /// Asks for TLS, and returns the connection for the handshake. What the relay has sent behind its answer came in
    /// plain text, from anybody: it ends the dialogue (RFC 3207, section 6).
    pub(super) async fn starttls(mut self) -> Result<Box<dyn Stream>, Trouble> {
        if !self.offers("STARTTLS") {
            return Err(Trouble::broken("the relay does not offer STARTTLS"));
        }
        done(self.command("STARTTLS").await?)?;
        match self.replies.is_empty() {
            true => Ok(self.stream),
            false => Err(Trouble::broken("the relay, or somebody on the way to it, sent more before TLS began")),
        }
    }

    /// Logs in, by PLAIN (RFC 4616) or else by LOGIN.
    pub(super) async fn login(&mut self, name: &str, password: &str) -> Result<(), Trouble> {
        let steps = if self.knows_login("PLAIN") {
            vec![format!("AUTH PLAIN {}", BASE64_STANDARD.encode(format!("\0{name}\0{password}")))]
        } else if self.knows_login("LOGIN") {
            vec!["AUTH LOGIN".into(), BASE64_STANDARD.encode(name), BASE64_STANDARD.encode(password)]
        } else {
            return Err(Trouble::broken("the relay offers neither AUTH PLAIN nor AUTH LOGIN"));
        };
        let (last, first) = steps.split_last().expect("never empty");
        for step in first {
            more(self.command(step).await?)?;
        }
        done(self.command(last).await?).map(drop)
    }

    /// Returns whether the relay offers this way to log in. Some write `AUTH=LOGIN`, for clients older than the RFC.
    fn knows_login(&self, mechanism: &str) -> bool {
        let ways = self.extensions.iter().filter_map(|line| line.strip_prefix("AUTH")?.strip_prefix([' ', '=']));
        ways.flat_map(str::split_whitespace).any(|way| way == mechanism)
    }

    /// Names the sender, by its address on the wire; `utf8` if something outside ASCII is to follow.
    pub(super) async fn sender(&mut self, address: &str, utf8: bool) -> Result<(), Trouble> {
        let parameters = if utf8 { " SMTPUTF8 BODY=8BITMIME" } else { "" };
        done(self.command(&format!("MAIL FROM:<{address}>{parameters}")).await?).map(drop)
    }

    /// Names a recipient, by its address on the wire.
    pub(super) async fn recipient(&mut self, address: &str) -> Result<(), Trouble> {
        done(self.command(&format!("RCPT TO:<{address}>")).await?).map(drop)
    }

    /// Asks to send the message.
    pub(super) async fn data(&mut self) -> Result<(), Trouble> {
        more(self.command("DATA").await?)?;
        // An answer to a message that has not been sent is none.
        self.silent()
    }

    /// Sends the message, and returns what the relay says to it.
    pub(super) async fn message(&mut self, text: &[u8]) -> Result<Reply, Trouble> {
        done(self.exchange(&stuffed(text)).await?)
    }

    /// Says goodbye.
    pub(super) async fn quit(mut self) {
        if self.command("QUIT").await.is_ok() {
            let _ = self.stream.shutdown().await;
        }
    }

    async fn command(&mut self, line: &str) -> Result<Reply, Trouble> {
        self.silent()?;
        self.exchange(format!("{line}\r\n").as_bytes()).await
    }

    /// Fails if the relay has spoken before it was asked; otherwise every answer after that would be taken for the
    /// next one's. To say that it is about to leave, it may (RFC 5321, section 3.8).
    fn silent(&mut self) -> Result<(), Trouble> {
        if self.replies.is_empty() {
            return Ok(());
        }
        match self.replies.take() {
            Ok(Some(reply)) if reply.code == 421 => Err(Trouble::Refused(reply)),
            Ok(Some(reply)) => Err(Trouble::broken(format!("an answer before anything was asked: {reply}"))),
            _ => Err(Trouble::broken("an answer before anything was asked")),
        }
    }

    async fn exchange(&mut self, bytes: &[u8]) -> Result<Reply, Trouble> {
        let sent = match self.stream.write_all(bytes).await {
            Ok(()) => self.stream.flush().await,
            failed => failed,
        };
        match (sent, self.reply().await) {
            (Ok(()), answer) => answer,
            // It hung up before it had all: perhaps it has said why.
            (Err(_), Ok(reply)) if reply.is_refusal() => Ok(reply),
            (Err(error), _) => Err(error.into()),
        }
    }

    async fn reply(&mut self) -> Result<Reply, Trouble> {
        let mut chunk = [0; CHUNK];
        loop {
            if let Some(reply) = self.replies.take()? {
                return Ok(reply);
            }
            let length = match self.stream.read(&mut chunk).await {
                // Many close TLS without the word that is due; a reply is whole or not all the same.
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => 0,
                read => read?,
            };
            if length == 0 {
                return self.replies.finish()?.ok_or_else(|| Trouble::broken("the relay closed the connection"));
            }
            self.replies.push(&chunk[..length]);
        }
    }
}

/// Passes on a reply that says that the command is done.
fn done(reply: Reply) -> Result<Reply, Trouble> {
    if reply.is_done() { Ok(reply) } else { Err(refusal(reply)) }
}

/// Passes on a reply that asks for more.
fn more(reply: Reply) -> Result<Reply, Trouble> {
    if reply.asks_for_more() { Ok(reply) } else { Err(refusal(reply)) }
}

fn refusal(reply: Reply) -> Trouble {
    match reply.is_refusal() {
        true => Trouble::Refused(reply),
        false => Trouble::Broken(format!("an answer that makes no sense: {reply}")),
    }
}

/// Returns a message as it follows DATA: a dot doubled at the beginning of a line (RFC 5321, section 4.5.2), and the
/// final dot. One piece for one write: the kernel would keep a final dot of its own back until the relay has
/// acknowledged the rest, for which many wait 40 ms.
fn stuffed(text: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(text.len() + 64);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    if !stuffed.ends_with(b"\r\n") {
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dots_are_doubled_and_one_ends_it() {
        for (text, sent) in [
            ("a\r\n.b\r\n..\r\n.\r\n", "a\r\n..b\r\n...\r\n..\r\n.\r\n"),
            (".", "..\r\n.\r\n"),
            ("", "\r\n.\r\n"),
            ("a.b", "a.b\r\n.\r\n"),
        ] {
            assert_eq!(stuffed(text.as_bytes()), sent.as_bytes(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_in_a_message_ends_it(lines in proptest::collection::vec("[.a]{0,3}", 0..20)) {
            let sent = String::from_utf8(stuffed(lines.join("\r\n").as_bytes())).unwrap();
            prop_assert_eq!(sent.find("\r\n.\r\n").map(|at| at + 5), Some(sent.len()));
            prop_assert!(!sent.starts_with(".\r\n"));
        }
    }
}
