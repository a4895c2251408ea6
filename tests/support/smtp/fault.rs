//! Where and how the server misbehaves.

/// The points of a dialogue at which the server can misbehave: instead of the answer that is due there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The handshake of TLS.
    Handshake,
    Greeting,
    Ehlo,
    Starttls,
    /// EHLO after STARTTLS; without a fault of its own, it has that of [`Stage::Ehlo`].
    EhloInTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// After the final dot. The mail counts as delivered unless the fault is [`Fault::Reply`] or [`Fault::Flood`].
    Message,
    Quit,
}

/// What the server does instead of answering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Says this, then goes on as after a refusal; several lines are separated by CRLF.
    Reply(String),
    /// Says this, byte for byte, and goes on as if it were the answer that is due.
    Spelled(Vec<u8>),
    /// Says what is due, with this behind it in the same piece.
    Behind(String),
    /// Says what is due, a byte at a time.
    Drip,
    /// Says this again and again.
    Flood(&'static [u8]),
    /// Says nothing more and keeps the connection open.
    Hang,
    /// Closes the connection.
    Cut,
}

impl Fault {
    /// Says `text`.
    pub fn reply(text: &str) -> Self {
        Self::Reply(text.into())
    }
}
