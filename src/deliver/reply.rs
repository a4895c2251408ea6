//! An SMTP server's replies (RFC 5321, section 4.2), within bounds. Pure: bytes in, replies out.
//!
//! Only the code decides; the text behind it may be missing, or be no UTF-8. A server is held to its bounds before its
//! bytes are in memory: the caller pushes no more than one small chunk at a time.

use std::fmt;

/// Longest line, in bytes. RFC 5321 (section 4.5.3.1.5) allows 512; servers that greet with a long line are let in.
const MAX_LINE: usize = 4096;
/// Most lines of one reply. The longest in use, to EHLO, has some twenty.
const MAX_LINES: usize = 100;
/// Largest reply, in bytes.
const MAX_REPLY: usize = 64 << 10;

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// The code, 200 to 599.
    pub(super) code: u16,
    /// The text of each line, which may be empty; there is at least one.
    pub(super) lines: Vec<String>,
}

/// Why a server's bytes are no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReplyError {
    /// A line does not begin with a code. It is kept whole: half a secret would not be found in it.
    #[error("an answer that is not SMTP: {0}")]
    NotSmtp(String),
    /// The lines of one reply disagree.
    #[error("an answer that says both {0} and {1}")]
    Contradiction(u16, u16),
    /// A line has no end.
    #[error("an answer with a line of more than {MAX_LINE} bytes")]
    LineTooLong,
    /// A reply has no end.
    #[error("an answer of more than {MAX_LINES} lines or {MAX_REPLY} bytes")]
    TooLong,
}

impl Reply {
    /// Returns whether it says that the command is done (2xx).
    pub(super) fn is_done(&self) -> bool {
        self.code / 100 == 2
    }

    /// Returns whether it asks for more (3xx).
    pub(super) fn asks_for_more(&self) -> bool {
        self.code / 100 == 3
    }

    /// Returns whether it says no (4xx, 5xx).
    pub(super) fn is_refusal(&self) -> bool {
        self.code >= 400
    }

    /// Returns subject and detail of the enhanced status code (RFC 3463), as `("7", "1")` for `5.7.1`.
    pub(super) fn status(&self) -> Option<(&str, &str)> {
        self.lines.iter().find_map(|line| {
            let parts: Vec<&str> = line.split_whitespace().next()?.split('.').collect();
            let is_number =
                |part: &&str| !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
            match parts[..] {
                ["2" | "4" | "5", subject, detail] if is_number(&subject) && is_number(&detail) => {
                    Some((subject, detail))
                }
                _ => None,
            }
        })
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        self.lines.iter().filter(|line| !line.is_empty()).try_for_each(|line| write!(f, " {line}"))
    }
}

/// What a server has said and nobody has read yet.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// Bytes that are not part of a whole line yet, or belong to a later reply.
    bytes: Vec<u8>,
    /// The lines so far of the reply that is being read, its code, and its size in bytes.
    lines: Vec<String>,
    code: Option<u16>,
    size: usize,
}

impl Replies {
    /// Adds what the server sent; a few KiB at most.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns whether nothing is left over.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.lines.is_empty()
    }

    /// Takes the next whole reply; `None` while there is none.
    ///
    /// # Errors
    /// Returns an error if the bytes are no reply or a reply exceeds its bounds. Nothing more can be read then.
    pub(super) fn take(&mut self) -> Result<Option<Reply>, ReplyError> {
        while let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            if let Some(reply) = self.line(&line)? {
                return Ok(Some(reply));
            }
        }
        match self.bytes.len() > MAX_LINE {
            true => Err(ReplyError::LineTooLong),
            false => Ok(None),
        }
    }

    /// Takes the last reply of a server that has closed the connection, which may lack the end of its line.
    ///
    /// # Errors
    /// Returns an error as [`take`](Self::take) does.
    pub(super) fn finish(&mut self) -> Result<Option<Reply>, ReplyError> {
        let rest = std::mem::take(&mut self.bytes);
        match rest.len() {
            // Not even a code.
            0..3 => Ok(None),
            _ => self.line(&rest),
        }
    }

    /// Adds one line; the reply that it ends, if it ends one.
    fn line(&mut self, line: &[u8]) -> Result<Option<Reply>, ReplyError> {
        self.size += line.len();
        if line.len() > MAX_LINE {
            return Err(ReplyError::LineTooLong);
        }
        if self.size > MAX_REPLY || self.lines.len() == MAX_LINES {
            return Err(ReplyError::TooLong);
        }
        let line = line.trim_ascii_end();
        let (code, ends, text) =
            parse(line).ok_or_else(|| ReplyError::NotSmtp(String::from_utf8_lossy(line).into_owned()))?;
        let first = *self.code.get_or_insert(code);
        if first / 100 != code / 100 {
            return Err(ReplyError::Contradiction(first, code));
        }
        self.lines.push(String::from_utf8_lossy(text.trim_ascii()).into_owned());
        if !ends {
            return Ok(None);
        }
        let Self { bytes, lines, .. } = std::mem::take(self);
        self.bytes = bytes;
        Ok(Some(Reply { code, lines }))
    }
}

/// Returns a line's code, whether it is the reply's last, and its text; `None` if it has no code. A hyphen behind the
/// code announces another line; without one, with or without a space or a text, this is the last.
fn parse(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (code, rest) = line.split_at_checked(3)?;
    let code: u16 = std::str::from_utf8(code).ok()?.parse().ok()?;
    match rest.split_first() {
        _ if !(200..600).contains(&code) => None,
        Some((b'0'..=b'9', _)) => None,
        Some((b'-', text)) => Some((code, false, text)),
        _ => Some((code, true, rest)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads what a server says, in chunks of this size, until it closes the connection.
    fn read(bytes: &[u8], chunk: usize) -> Result<Vec<Reply>, ReplyError> {
        let (mut replies, mut read) = (Replies::default(), Vec::new());
        for chunk in bytes.chunks(chunk) {
            replies.push(chunk);
            while let Some(reply) = replies.take()? {
                read.push(reply);
            }
        }
        read.extend(replies.finish()?);
        Ok(read)
    }

    fn one(bytes: &[u8]) -> Reply {
        let mut replies = read(bytes, 7).unwrap_or_else(|error| panic!("{error}: {:?}", bytes.escape_ascii()));
        assert_eq!(replies.len(), 1, "{replies:?}");
        replies.remove(0)
    }

    #[test]
    fn only_the_code_counts_however_a_reply_is_spelled() {
        for spelled in [
            &b"250 2.0.0 Ok: queued\r\n"[..],
            b"250\r\n",
            b"250 \r\n",
            b"250\n",
            b"250 ok\n",
            b"250\tok\r\n",
            b"250 ok",
            b"250",
            b"250 d\xe9j\xe0 vu\r\n",
            b"250 nul \0\r\n",
            b"250-\r\n250-one\r\n250\r\n",
            b"250-one\r\n250-  two\r\n250 three\r\n",
            b"250-one\r\n251 two\r\n",
            b"299 never heard of\r\n",
        ] {
            assert!(one(spelled).is_done(), "{:?}", spelled.escape_ascii());
        }
        assert!(
            one(b"354\r\n").asks_for_more() && one(b"421 bye\r\n").is_refusal() && one(b"554-\r\n554\r\n").is_refusal()
        );
    }

    #[test]
    fn what_is_no_reply_is_none() {
        for garbage in [
            "hello?\r\n",
            "SSH-2.0-OpenSSH_9.2\r\n",
            "\r\n",
            "25\r\n",
            "2500\r\n",
            "100 wait\r\n",
            "600 no\r\n",
            "+25 x\r\n",
            "250-one\r\ntwo\r\n250 three\r\n",
            "\u{ff12}50 x\r\n",
        ] {
            assert!(matches!(read(garbage.as_bytes(), 7), Err(ReplyError::NotSmtp(_))), "{garbage:?}");
        }
        assert_eq!(read(b"250-yes\r\n550 no\r\n", 7), Err(ReplyError::Contradiction(250, 550)));
        assert_eq!(read(b"250-yes\r\n", 7), Ok(vec![]), "it never ended");
        assert_eq!(read(b"25", 7), Ok(vec![]));
    }

    #[test]
    fn a_reply_has_bounds() {
        assert_eq!(read(&[b'2'; 1 << 20], 4096), Err(ReplyError::LineTooLong));
        assert_eq!(read(&[&b"250 "[..], &[b'x'; MAX_LINE], b"\r\n"].concat(), 4096), Err(ReplyError::LineTooLong));
        assert_eq!(one(&[&b"250 "[..], &[b'x'; MAX_LINE - 6], b"\r\n"].concat()).lines[0].len(), MAX_LINE - 6);
        assert_eq!(read(&b"250-x\r\n".repeat(MAX_LINES + 1), 4096), Err(ReplyError::TooLong));
        assert_eq!(one(&[&b"250-x\r\n".repeat(MAX_LINES - 1)[..], b"250 x\r\n"].concat()).lines.len(), MAX_LINES);
        let long = [&b"250-"[..], &[b'x'; 4000], b"\r\n"].concat();
        assert_eq!(read(&long.repeat(17), 4096), Err(ReplyError::TooLong));
    }

    #[test]
    fn the_enhanced_status_is_read_where_there_is_one() {
        assert_eq!(one(b"550 5.7.1 no\r\n").status(), Some(("7", "1")));
        assert_eq!(one(b"550-go away\r\n550 5.7.26 no\r\n").status(), Some(("7", "26")));
        for without in
            ["550", "550 no such user", "550 5.1.8.1 no", "550 5.7 no", "550 192.0.2 x", "550 5..1 x", "550 5.a.1 x"]
        {
            assert_eq!(one(format!("{without}\r\n").as_bytes()).status(), None, "{without}");
        }
        assert_eq!(one(b"550-5.1.1 no\r\n550-\r\n550 such user\r\n").to_string(), "550 5.1.1 no such user");
    }

    proptest! {
        #[test]
        fn how_the_bytes_arrive_makes_no_difference(
            parts in proptest::collection::vec(prop_oneof!["[2-5][0-9]{2}", "[- ]", "\r?\n", "\\PC{0,4}", "[0-9]"], 0..40),
            chunk in 1_usize..20,
        ) {
            let bytes = parts.concat().into_bytes();
            prop_assert_eq!(read(&bytes, chunk).ok(), read(&bytes, 4096).ok());
        }

        #[test]
        fn whatever_comes_is_read_or_refused_within_bounds(bytes: Vec<u8>, chunk in 1_usize..4096) {
            for reply in read(&bytes, chunk).unwrap_or_default() {
                prop_assert!((200..600).contains(&reply.code) && !reply.lines.is_empty() && reply.lines.len() <= MAX_LINES);
            }
        }
    }
}
