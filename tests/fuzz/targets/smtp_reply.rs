//! An SMTP server's replies: whatever it sends, in whatever pieces, is read or refused within bounds.
#![no_main]
#![allow(dead_code)]

#[path = "../../../src/deliver/reply.rs"]
mod reply;

use reply::{Replies, Reply, ReplyError};

/// Reads what a server says, in pieces of this size, until it closes the connection.
fn read(bytes: &[u8], size: usize) -> Result<Vec<Reply>, ReplyError> {
    let (mut replies, mut read) = (Replies::default(), Vec::new());
    for piece in bytes.chunks(size) {
        replies.push(piece);
        while let Some(reply) = replies.take()? {
            let _ = (reply.status(), reply.to_string());
            assert!(reply.is_done() || reply.asks_for_more() || reply.is_refusal());
            assert!(!reply.lines.is_empty() && reply.lines.len() <= 100);
            read.push(reply);
        }
    }
    read.extend(replies.finish()?);
    Ok(read)
}

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let (whole, pieces) = (read(bytes, 4096), read(bytes, usize::from(size).max(1)));
    assert_eq!(whole.is_ok(), pieces.is_ok());
    assert!(whole.is_err() || whole == pieces);
    // Whatever is taken for a delivery begins with its code.
    if let Ok(replies) = &whole
        && let Some(first) = replies.first()
    {
        assert!(bytes.len() >= 3 && bytes[..3].iter().all(u8::is_ascii_digit));
        assert_eq!(first.code / 100, u16::from(bytes[0] - b'0'));
    }
});
