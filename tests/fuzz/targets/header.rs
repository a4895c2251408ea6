//! A mail's header: whatever a name, an address or a queue file holds, it adds no line to it.
#![no_main]
#![allow(dead_code)]

use jiff::Timestamp;
use ns8_backup_monitor::model::mail::{Mail, Recipient, RecipientState};
use ns8_backup_monitor::model::run::Outcome;

#[path = "../../../src/model"]
mod model {
    pub(crate) use ns8_backup_monitor::model::{address, mail};
    pub(crate) mod text;
}
#[path = "../../../src/deliver/message.rs"]
mod message;

#[path = "../../support/headers.rs"]
mod headers;

libfuzzer_sys::fuzz_target!(|input: (&str, &str, &str, &str, Option<&str>, i64)| {
    let (subject, body, id, address, html, second) = input;
    let state = RecipientState::Pending { last_error: None };
    let recipient = |address: &str| Recipient { address: address.into(), state: state.clone() };
    let mail = Mail {
        plan: None,
        outcome: Outcome::Partial,
        digest: "d".into(),
        written_at: Timestamp::from_second(second).unwrap_or(Timestamp::MIN),
        subject: subject.into(),
        body: body.into(),
        html: html.map(String::from),
        run_at: None,
        message_id: id.into(),
        thread_id: id.into(),
        recipients: vec![recipient("admin@example.com"), recipient(address)],
    };
    let from = address.parse().unwrap_or_else(|_| "monitor@example.com".parse().unwrap());
    let to = "admin@example.com".parse().unwrap();
    let message = message::build(&from, &mail, &to).expect("whatever a name or a queue file holds");
    let text = String::from_utf8_lossy(&message);
    let (header, _) = text.split_once("\r\n\r\n").expect("a header and a body");
    let mut seen = std::collections::BTreeSet::new();
    for line in header.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])) {
        let (name, _) = line.split_once(": ").expect("name and value");
        assert!(headers::HEADERS.contains(&name) && seen.insert(name.to_owned()), "{line:?}");
    }
    assert!(!header.replace("\r\n", "").contains(['\r', '\n', '\0']));
});
