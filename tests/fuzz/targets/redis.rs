//! Redis's answers: whatever arrives, in whatever pieces, no more of it is kept than the limit allows.
#![no_main]
#![allow(dead_code, unreachable_pub, unused_imports)]

#[path = "../../../src/cluster/limits.rs"]
mod limits;
#[path = "../../../src/cluster/resp.rs"]
mod resp;

use resp::{Reader, Reply};

const LIMIT: limits::Limit = limits::Limit { value: 16, total: 512 };

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = (usize::from(input.0) + 1, input.1);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut reader = Reader::new(tokio::io::BufReader::with_capacity(step, bytes));
        while let Ok(reply) = reader.next(LIMIT).await {
            assert!(kept(&reply) <= LIMIT.total, "{reply:?}");
        }
    });
});

/// Bytes of the strings in it.
fn kept(reply: &Reply) -> usize {
    match reply {
        Reply::Text(text) => text.len(),
        Reply::Refused(error) => error.len(),
        Reply::List(replies) => replies.iter().map(|reply| size_of::<Reply>() + kept(reply)).sum(),
        _ => 0,
    }
}
