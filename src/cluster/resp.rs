//! Redis's protocol (RESP 2): commands out, bounded answers in.
//!
//! No answer takes more memory than its limit allows, whatever the server sends: what is beyond it is skipped on the
//! stream, so that the answers that follow stay readable. The client library packs the commands; it would buffer a
//! whole answer, so the answers are read here.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

use super::limits::{DEPTH, LINE, Limit};

/// An answer, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    Nil,
    Int(i64),
    Text(Vec<u8>),
    List(Vec<Reply>),
    /// The server's error, code first: `WRONGTYPE Operation against …`.
    Refused(String),
    /// More than the limit, which this many bytes exceed.
    TooLarge(u64),
}

impl Reply {
    /// Bytes of an answer that is one line.
    fn line_length(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Refused(error) => error.len(),
            _ => 0,
        }
    }
}

/// Commands for one round trip, each with the limit of its answer.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) limits: Vec<Limit>,
    /// The command that is being packed: one for all, for the sake of its memory.
    command: redis::Cmd,
}

impl Batch {
    /// Adds a command.
    pub(super) fn add(&mut self, limit: Limit, words: &[&str]) {
        self.add_long(limit, words, []);
    }

    /// Adds a command that takes any number of words after its first ones.
    pub(super) fn add_long<'a>(&mut self, limit: Limit, words: &[&'a str], more: impl IntoIterator<Item = &'a str>) {
        self.command.clear();
        for word in words.iter().copied().chain(more) {
            self.command.arg(word);
        }
        self.command.write_packed_command(&mut self.bytes);
        self.limits.push(limit);
    }
}

/// Reads answers from a stream.
pub(super) struct Reader<R> {
    stream: R,
    line: Vec<u8>,
    /// Bytes that all answers up to now have taken.
    pub(super) kept: usize,
}

/// An array whose elements are still arriving.
struct Open {
    missing: usize,
    elements: Vec<Reply>,
}

impl<R: AsyncBufRead + Unpin> Reader<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream, line: Vec::new(), kept: 0 }
    }

    /// Reads the next answer.
    ///
    /// # Errors
    /// Returns an error if the stream ends or breaks, or if what arrives is not RESP 2.
    pub(super) async fn next(&mut self, limit: Limit) -> io::Result<Reply> {
        let (mut kept, mut seen) = (0, 0_u64);
        let mut open: Vec<Open> = Vec::new();
        loop {
            let mut reply = match self.head().await? {
                Head::List(count) if open.len() == DEPTH && count > 0 => return Err(nonsense()),
                Head::List(0) => Reply::List(Vec::new()),
                Head::List(missing) => {
                    open.push(Open { missing, elements: Vec::new() });
                    continue;
                }
                Head::Text(length) => {
                    seen += length as u64;
                    let fits = length <= limit.value && kept + length <= limit.total;
                    kept += if fits { length } else { 0 };
                    self.text(length, fits).await?
                }
                Head::Other(reply) => {
                    kept += reply.line_length();
                    reply
                }
            };
            loop {
                kept += size_of::<Reply>();
                seen += size_of::<Reply>() as u64;
                let Some(list) = open.last_mut() else {
                    if kept > limit.total {
                        return Ok(Reply::TooLarge(seen));
                    }
                    self.kept += kept;
                    return Ok(reply);
                };
                list.missing -= 1;
                // Beyond the limit the elements are only counted.
                if kept <= limit.total {
                    list.elements.push(reply);
                }
                if list.missing > 0 {
                    break;
                }
                reply = Reply::List(open.pop().map(|list| list.elements).unwrap_or_default());
            }
        }
    }

    /// Reads a line that begins an answer or a part of one.
    async fn head(&mut self) -> io::Result<Head> {
        self.line.clear();
        loop {
            let buffer = self.stream.fill_buf().await?;
            let end = buffer.iter().take(LINE).position(|byte| *byte == b'\n').map(|end| end + 1);
            let taken = end.unwrap_or(buffer.len());
            if taken == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if self.line.len() + taken > LINE {
                return Err(nonsense());
            }
            if self.line.is_empty() && end.is_some() {
                // Nearly always: the whole line is in the buffer.
                let head = parse(&buffer[..taken]);
                self.stream.consume(taken);
                return head;
            }
            self.line.extend_from_slice(&buffer[..taken]);
            self.stream.consume(taken);
            if end.is_some() {
                return parse(&self.line);
            }
        }
    }

    /// Reads a string of `length` bytes and the end of its line; or skips both.
    async fn text(&mut self, length: usize, keep: bool) -> io::Result<Reply> {
        if !keep {
            self.skip(length).await?;
            self.end().await?;
            return Ok(Reply::TooLarge(length as u64));
        }
        if let Some((bytes, [b'\r', b'\n', ..])) = self.stream.fill_buf().await?.split_at_checked(length) {
            let reply = Reply::Text(bytes.to_vec());
            self.stream.consume(length + 2);
            return Ok(reply);
        }
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).await?;
        self.end().await?;
        Ok(Reply::Text(bytes))
    }

    async fn skip(&mut self, mut left: usize) -> io::Result<()> {
        while left > 0 {
            let here = self.stream.fill_buf().await?.len().min(left);
            if here == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.stream.consume(here);
            left -= here;
        }
        Ok(())
    }

    async fn end(&mut self) -> io::Result<()> {
        let mut end = [0; 2];
        self.stream.read_exact(&mut end).await?;
        if &end == b"\r\n" { Ok(()) } else { Err(nonsense()) }
    }
}

enum Head {
    List(usize),
    Text(usize),
    Other(Reply),
}

/// Parses a line with its end.
fn parse(line: &[u8]) -> io::Result<Head> {
    let line = line.strip_suffix(b"\r\n").ok_or_else(nonsense)?;
    let (&kind, rest) = line.split_first().ok_or_else(nonsense)?;
    let number = || str::from_utf8(rest).ok().and_then(|text| text.parse::<i64>().ok()).ok_or_else(nonsense);
    Ok(match kind {
        b'+' => Head::Other(Reply::Text(rest.to_vec())),
        b'-' => Head::Other(Reply::Refused(String::from_utf8_lossy(rest).into_owned())),
        b':' => Head::Other(Reply::Int(number()?)),
        b'$' | b'*' => match usize::try_from(number()?) {
            Ok(length) if kind == b'$' => Head::Text(length),
            Ok(count) => Head::List(count),
            Err(_) => Head::Other(Reply::Nil),
        },
        _ => return Err(nonsense()),
    })
}

fn nonsense() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "its answer is not Redis's protocol")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: Limit = Limit { value: 8, total: 400 };

    /// The answers in `bytes`, which arrive `step` at a time.
    fn read(bytes: &[u8], step: usize, count: usize) -> io::Result<Vec<Reply>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut reader = Reader::new(tokio::io::BufReader::with_capacity(step, bytes));
            let mut replies = Vec::new();
            for _ in 0..count {
                replies.push(reader.next(SMALL).await?);
            }
            Ok(replies)
        })
    }

    fn text(text: &str) -> Reply {
        Reply::Text(text.into())
    }

    #[test]
    fn each_kind_of_answer_is_read() {
        let bytes = b"+OK\r\n:-7\r\n$-1\r\n*-1\r\n$0\r\n\r\n$3\r\na\r\n\r\n-NOPERM no way\r\n*0\r\n*2\r\n$1\r\n0\r\n*1\r\n:1\r\n";
        let scan = Reply::List(vec![text("0"), Reply::List(vec![Reply::Int(1)])]);
        let refused = Reply::Refused("NOPERM no way".into());
        let all = [text("OK"), Reply::Int(-7), Reply::Nil, Reply::Nil, text(""), text("a\r\n"), refused];
        let all: Vec<Reply> = all.into_iter().chain([Reply::List(vec![]), scan]).collect();
        for step in [1, 2, 7, 4096] {
            assert_eq!(read(bytes, step, all.len()).unwrap(), all);
        }
    }

    #[test]
    fn what_is_too_large_is_skipped_and_the_rest_is_read() {
        let bytes = b"*3\r\n$1\r\na\r\n$9\r\n123456789\r\n$1\r\nb\r\n$11\r\n\r\n$1\r\nx\r\n12\r\n:1\r\n";
        let list = Reply::List(vec![text("a"), Reply::TooLarge(9), text("b")]);
        assert_eq!(read(bytes, 3, 3).unwrap(), [list, Reply::TooLarge(11), Reply::Int(1)]);
    }

    #[test]
    fn a_list_that_is_too_long_is_skipped_as_a_whole() {
        for element in ["$-1\r\n", ":1\r\n", "+12345678\r\n", "$8\r\n12345678\r\n", "*0\r\n", "*1\r\n:1\r\n"] {
            let bytes = format!("*1000\r\n{}:1\r\n", element.repeat(1000));
            let replies = read(bytes.as_bytes(), 64, 2).unwrap();
            assert!(matches!(replies[0], Reply::TooLarge(seen) if seen > 400), "{replies:?}");
            assert_eq!(replies[1], Reply::Int(1));
        }
    }

    /// A length is no reason to take memory: it may be a lie.
    #[test]
    fn lengths_that_never_come_true_end_with_the_stream() {
        for bytes in ["$999999999999\r\n", "*999999999999\r\n", "*9\r\n", "$5\r\nab", ":1", "", "*1\r\n$-1"] {
            assert_eq!(read(bytes.as_bytes(), 16, 1).unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{bytes}");
        }
    }

    #[test]
    fn what_is_no_protocol_is_refused() {
        let deep = "*1\r\n".repeat(DEPTH + 1);
        for bytes in ["HTTP/1.1 400\r\n", "\r\n", "$x\r\n", ":\r\n", "$1\r\nabc", &deep, &"+".repeat(LINE + 1)] {
            assert_eq!(read(bytes.as_bytes(), 16, 1).unwrap_err().kind(), io::ErrorKind::InvalidData, "{bytes}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), step in 1_usize..40) {
            let _ = read(&bytes, step, 3);
        }

        /// Whatever is in it, a command is one array of as many strings.
        #[test]
        fn a_command_is_what_it_was(words in proptest::collection::vec("(?s).{0,3}", 1..6)) {
            let mut batch = Batch::default();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            batch.add(SMALL, &words);
            let replies: Vec<Reply> = words.iter().map(|word| match word.len() {
                ..=8 => text(word),
                length => Reply::TooLarge(length as u64),
            }).collect();
            prop_assert_eq!(read(&batch.bytes, 5, 1).unwrap(), [Reply::List(replies)]);
        }
    }
}
