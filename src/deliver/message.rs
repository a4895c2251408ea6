//! From a mail in the queue to a message on the wire; lettre encodes it.
//!
//! Names of modules, plans and nodes find their way into the subject, and a queue file may have been touched by
//! somebody: nothing in it can add a header, whatever it holds.

use std::time::SystemTime;

use jiff::Timestamp;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailboxes, Message, MultiPart, SinglePart, header};
use sha2::{Digest, Sha256};

use crate::model::address::{Address, Mailbox};
use crate::model::mail::Mail;
use crate::model::text::clean;

/// Longest subject, in bytes; a line of a mail may hold 998 (RFC 5322, section 2.1.1).
const MAX_SUBJECT: usize = 400;
/// Longest display name of a mailbox, in bytes.
const MAX_NAME: usize = 100;

/// Returns the message that `from` sends to one of the mail's recipients, the same bytes each time. `To` names all of
/// them, so that each knows who else has it; but for those whose address not every relay would take in the other's
/// mail.
///
/// # Errors
/// Returns lettre's reason if it cannot write such a message.
pub(super) fn build(from: &Mailbox, mail: &Mail, recipient: &Address) -> Result<Vec<u8>, String> {
    let mut to = Mailboxes::new();
    for mailbox in mail.recipients.iter().filter_map(|to| to.address.parse::<Mailbox>().ok()) {
        if mailbox.address.is_same(recipient) || mailbox.address.local().is_ascii() {
            to.push(presentable(&mailbox)?);
        }
    }
    // A date before 1970 can only come from a damaged file, and would make lettre panic.
    let written_at = SystemTime::try_from(mail.written_at.max(Timestamp::UNIX_EPOCH)).unwrap_or(SystemTime::UNIX_EPOCH);
    let envelope = Envelope::new(Some(theirs(&from.address)?), vec![theirs(recipient)?]).map_err(words)?;
    let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into());
    let mut builder = Message::builder()
        .envelope(envelope)
        .date(written_at)
        .from(presentable(from)?)
        .mailbox(header::To::from(to))
        .subject(subject(mail))
        .user_agent(concat!("ns8-backup-monitor/", env!("CARGO_PKG_VERSION")).into())
        .raw_header(automatic) // RFC 3834: nobody's holiday notice answers this
        .header(MIME_VERSION_1_0);
    if let Some(id) = message_id(&mail.message_id) {
        builder = builder.message_id(Some(id));
    }
    if let Some(id) = message_id(&mail.thread_id) {
        builder = builder.in_reply_to(id.clone()).references(id);
    }
    // lettre ends lines as SMTP wants it, but leaves a carriage return that stands alone.
    let text = mail.body.replace('\r', "");
    let message = match &mail.html {
        None => builder.header(ContentType::TEXT_PLAIN).body(text),
        Some(html) => builder.multipart(alternative(text, html.replace('\r', ""))),
    };
    Ok(message.map_err(words)?.formatted())
}

/// Returns a text and the same as a page, of which a mail program shows the last one that it can (RFC 2046, section
/// 5.1.4).
fn alternative(text: String, html: String) -> MultiPart {
    // Follows from the parts, so that a retry sends the same bytes, and cannot be in them: nobody writes a text that
    // holds its own digest.
    let digest = Sha256::new().chain_update(&text).chain_update(&html).finalize();
    let boundary: String = digest[..10].iter().map(|byte| format!("{byte:02x}")).collect();
    MultiPart::builder()
        .kind(lettre::message::MultiPartKind::Alternative)
        .boundary(boundary)
        .singlepart(SinglePart::plain(text))
        .singlepart(SinglePart::html(html))
}

/// The mail's subject, on one line whatever it holds, its words one space apart: lettre loses both where there are two
/// after a word that it encodes. What looks like an encoded word (RFC 2047) came from outside, and must not become
/// something else in the recipient's program.
pub(super) fn subject(mail: &Mail) -> String {
    clean(&mail.subject, MAX_SUBJECT).replace("=?", "= ?").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns a mailbox whose name fits into a header.
fn presentable(mailbox: &Mailbox) -> Result<lettre::message::Mailbox, String> {
    let name = mailbox.name.as_ref().map(|name| clean(name, MAX_NAME));
    Ok(lettre::message::Mailbox::new(name, theirs(&mailbox.address)?))
}

/// Returns an address as lettre holds it, in the form for the wire.
fn theirs(address: &Address) -> Result<lettre::Address, String> {
    lettre::Address::new(address.local(), address.ascii_domain()).map_err(words)
}

fn words(error: impl ToString) -> String {
    error.to_string()
}

/// `id` as it can stand in a header: `<something@somewhere>`, on one line. The sender's domain is part of it, whose
/// letters outside ASCII are percent-encoded: that way every relay takes it, and it is the same at each attempt.
fn message_id(id: &str) -> Option<String> {
    let inside = id.strip_prefix('<')?.strip_suffix('>')?;
    let plain = |c: char| !c.is_ascii() || c.is_ascii_graphic() && !matches!(c, '<' | '>');
    let written = |byte: u8| if byte.is_ascii() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    let encoded: String = id.bytes().map(written).collect();
    (inside.contains('@') && inside.chars().all(plain) && encoded.len() <= 250).then_some(encoded)
}

#[cfg(test)]
mod tests {
    use mail_parser::{MessageParser, MimeHeaders};
    use proptest::prelude::*;

    use super::*;
    use crate::model::mail::{Recipient, RecipientState};

    fn mail(address: String, subject: String, body: String, id: String) -> Mail {
        let recipient = |address| Recipient { address, state: RecipientState::Pending { last_error: None } };
        let recipients = [address, "ops@example.com".into()].map(recipient).into();
        let (message_id, thread_id) = (id.clone(), id);
        Mail { written_at: Timestamp::MIN, subject, body, message_id, thread_id, ..Mail::sample(recipients) }
    }

    /// Text with more of what could do harm in a header than chance would give.
    fn awkward() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            "\\PC*",
            any::<String>(),
            Just("\r\nBcc: x@example.com\r\n\r\n".to_string()),
            Just("\n.\n".to_string()),
            Just("\r".to_string()),
            Just("\0\u{202e}".to_string()),
            Just("=?utf-8?q?=0D=0A?=".to_string()),
            Just("<a@b>".to_string()),
            Just("long".repeat(2500)),
        ];
        proptest::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn nothing_gets_into_the_header_that_does_not_belong_there(
            address in awkward(), subject in awkward(), body in awkward(), id in awkward()
        ) {
            let mail = mail(address, subject, body, id);
            let from = "backup@example.com".parse().unwrap();
            let bytes = build(&from, &mail, &"ops@example.com".parse().unwrap()).unwrap();
            let text = String::from_utf8(bytes.clone()).unwrap();
            prop_assert!(text.is_ascii() && !text.contains('\0'));
            prop_assert_eq!(text.matches("\r\n").count(), text.matches(['\r', '\n']).count() / 2);
            prop_assert!(text.split("\r\n").all(|line| line.len() <= 998));

            let (header, _) = text.split_once("\r\n\r\n").unwrap();
            let names: Vec<&str> = header
                .split("\r\n")
                .filter(|line| !line.starts_with([' ', '\t']))
                .map(|line| line.split(':').next().unwrap())
                .collect();
            let mut expected = vec!["Date", "From", "To", "Subject", "User-Agent", "Auto-Submitted", "MIME-Version"];
            if message_id(&mail.message_id).is_some() {
                expected.extend(["Message-ID", "In-Reply-To", "References"]);
            }
            expected.extend(["Content-Type", "Content-Transfer-Encoding"]);
            prop_assert_eq!(names, expected);

            let message = MessageParser::default().parse(text.as_bytes()).unwrap();
            let (read, written) = (message.subject().unwrap_or_default(), super::subject(&mail));
            prop_assert!(written.contains("=?") || read == written, "{read:?} for {written:?} in {header}");
        }
    }

    #[test]
    fn a_page_comes_second_and_the_text_stays_as_it_is() {
        let (from, to) = ("backup@example.com".parse().unwrap(), "ops@example.com".parse().unwrap());
        let boundary =
            |message: &str| message.split("boundary=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        for (body, html) in [
            ("Perché: disk full\n.\n--\n", "<p>Perché: <b>disk full</b></p>\n"),
            ("plain\n", "<p>plain</p>"),
            (&*"long ".repeat(400), &*"<p>long".repeat(400)),
            ("", ""),
        ] {
            let mut mail = mail("a@example.com".into(), "s".into(), body.into(), "<a@b>".into());
            let plain = build(&from, &mail, &to).unwrap();
            mail.html = Some(html.into());
            let both = build(&from, &mail, &to).unwrap();
            assert_eq!(both, build(&from, &mail, &to).unwrap(), "the same bytes at each attempt");
            let text = String::from_utf8(both.clone()).unwrap();
            assert!(text.is_ascii() && text.split("\r\n").all(|line| line.len() <= 998));
            assert_eq!(text.matches(&boundary(&text)).count(), 4, "{text}");

            let (plain, both) = (plain.as_slice(), both.as_slice());
            let (plain, both) =
                (MessageParser::default().parse(plain).unwrap(), MessageParser::default().parse(both).unwrap());
            let types = |n: usize| both.part(n as u32).unwrap().content_type().unwrap().subtype().unwrap().to_owned();
            assert_eq!([0, 1, 2].map(types), ["alternative", "plain", "html"]);
            assert_eq!(both.part(1).unwrap().contents(), plain.part(0).unwrap().contents(), "to the byte");
            let lines = |part: Option<std::borrow::Cow<'_, str>>| part.unwrap().replace("\r\n", "\n");
            assert_eq!(lines(both.body_html(0)), html);
        }
    }

    #[test]
    fn international_domains_are_written_in_ascii() {
        let mut mail = mail("Jürgen <jürgen@münchen.example>".into(), "s".into(), "b".into(), "<a@b>".into());
        mail.recipients[1].address = "ops@münchen.example".into();
        let from = "backup@münchen.example".parse().unwrap();
        let text = |to: &str| String::from_utf8(build(&from, &mail, &to.parse().unwrap()).unwrap()).unwrap();
        let message = text("ops@xn--mnchen-3ya.example");
        assert!(message.is_ascii() && message.contains("\r\nFrom: backup@xn--mnchen-3ya.example\r\n"), "{message}");
        assert!(message.contains("\r\nTo: ops@xn--mnchen-3ya.example\r\n"), "{message}");
        assert!(text("jürgen@münchen.example").contains("<jürgen@xn--mnchen-3ya.example>"));
    }

    #[test]
    fn only_a_message_id_passes_for_one() {
        for (id, written) in [
            ("<20261122-023000-0001.1@leader.example.com>", "<20261122-023000-0001.1@leader.example.com>"),
            ("<1@münchen.example>", "<1@m%C3%BCnchen.example>"),
        ] {
            assert_eq!(message_id(id).as_deref(), Some(written));
        }
        for id in ["", "a@b", "<>", "<a>", "<a@b", "<a@b>\r\nBcc: c", "<a b@c>", "<a@b><c@d>"] {
            assert_eq!(message_id(id), None, "{id}");
        }
        assert_eq!(message_id(&format!("<{}@b>", "a".repeat(300))), None);
    }
}
