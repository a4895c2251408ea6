//! From a mail in the queue to a message on the wire; lettre encodes it.
//!
//! Names of modules, plans and nodes find their way into the subject, and a queue file may have been touched by
//! somebody: nothing in it can add a header, whatever it holds.

use std::time::SystemTime;

use jiff::Timestamp;
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, Mailboxes, Message, header};

use crate::job::Mail;
use crate::report::clean::clean;

/// Longest subject, in bytes; a line of a mail may hold 998 (RFC 5322, section 2.1.1).
const MAX_SUBJECT: usize = 400;

/// The message that `from` sends to one of the mail's recipients. All are named in `To`, so that each knows who else
/// was told; but for those whose address not every relay would take in the other's mail.
///
/// # Errors
/// lettre's, where it cannot write such a message.
pub(super) fn build(from: &Mailbox, mail: &Mail, recipient: &Address) -> Result<Vec<u8>, lettre::error::Error> {
    let everybody = mail.recipients.iter().filter_map(|to| to.address.parse::<Mailbox>().ok());
    let named = |to: &Mailbox| to.email == *recipient || to.email.to_string().is_ascii();
    // A date before 1970 can only come from a damaged file, and would make lettre panic.
    let written_at = SystemTime::from(mail.written_at.max(Timestamp::UNIX_EPOCH));
    let envelope = Envelope::new(Some(from.email.clone()), vec![recipient.clone()])?;
    let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into());
    let mut builder = Message::builder()
        .envelope(envelope)
        .date(written_at)
        .from(from.clone())
        .mailbox(header::To::from(everybody.filter(named).collect::<Mailboxes>()))
        .subject(subject(mail))
        .user_agent(concat!("ns8-backup-monitor/", env!("CARGO_PKG_VERSION")).into())
        .raw_header(automatic) // RFC 3834: nobody's holiday notice answers this
        .header(MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN);
    if is_message_id(&mail.message_id) {
        builder = builder.message_id(Some(mail.message_id.clone()));
    }
    if is_message_id(&mail.thread_id) {
        builder = builder.in_reply_to(mail.thread_id.clone()).references(mail.thread_id.clone());
    }
    Ok(builder.body(mail.body.clone())?.formatted())
}

/// The mail's subject, on one line whatever it holds.
pub(super) fn subject(mail: &Mail) -> String {
    clean(&mail.subject, MAX_SUBJECT)
}

/// Whether `id` can stand in a header as it is: `<something@somewhere>`, on one line.
fn is_message_id(id: &str) -> bool {
    let inside = id.strip_prefix('<').and_then(|id| id.strip_suffix('>'));
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>');
    inside.is_some_and(|id| id.len() <= 250 && id.contains('@') && id.chars().all(plain))
}
