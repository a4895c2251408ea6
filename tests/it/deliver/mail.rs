//! What arrives is what was written.

use mail_parser::{Address, MessageParser, MimeHeaders};

use super::*;

#[tokio::test]
async fn the_mail_arrives_as_it_was_written() {
    let relay = Server::plain();
    let answer = send(&towards(&relay, "none", ""), &mail(), "Ops <a@example.com>").await.unwrap();
    assert_eq!(answer, "250 2.0.0 Ok: queued as 4TEST");

    let delivered = relay.delivered(1).await.remove(0);
    assert_eq!(
        (delivered.from.as_str(), delivered.to.as_slice()),
        ("backup@example.com", &["a@example.com".into()][..])
    );
    let message = MessageParser::default().parse(&delivered.data).unwrap();
    let addresses = |header: Option<&Address<'_>>| -> Vec<String> {
        header.unwrap().iter().map(|address| address.address().unwrap().into()).collect()
    };
    assert_eq!(addresses(message.from()), ["backup@example.com"]);
    assert_eq!(addresses(message.to()), ["a@example.com", "b@example.com"], "each knows who was told");
    assert_eq!(message.subject().unwrap(), mail().subject);
    assert_eq!(message.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), mail().body.trim_end());
    assert_eq!(message.date().unwrap().to_rfc3339(), "2026-11-22T02:30:00Z");
    assert_eq!(message.message_id().unwrap(), "20261122-023000-0001.1@leader.example.com");
    for header in ["In-Reply-To", "References"] {
        assert_eq!(message.header(header).unwrap().as_text(), Some("plan-2@leader.example.com"), "{header}");
    }
    assert_eq!(message.header("Auto-Submitted").unwrap().as_text(), Some("auto-generated"));
    assert_eq!(message.header("MIME-Version").unwrap().as_text(), Some("1.0"));
    let content = message.content_type().unwrap();
    assert_eq!((content.ctype(), content.subtype()), ("text", Some("plain")));
    assert_eq!(content.attribute("charset"), Some("utf-8"));
    assert!(delivered.data.is_ascii());
}

#[tokio::test]
async fn a_page_goes_beside_the_text() {
    let relay = Server::plain();
    let mut mail = mail();
    mail.html = Some("<p>Perché: <b>disk full</b></p>\n".into());
    send(&towards(&relay, "none", ""), &mail, "a@example.com").await.unwrap();
    let delivered = relay.delivered(1).await.remove(0);
    let message = MessageParser::default().parse(&delivered.data).unwrap();
    assert_eq!(message.content_type().unwrap().subtype(), Some("alternative"));
    assert_eq!((message.text_body_count(), message.html_body_count(), message.parts.len()), (1, 1, 3));
    assert_eq!(message.body_text(0).unwrap().replace("\r\n", "\n"), mail.body);
    assert_eq!(message.body_html(0).unwrap().replace("\r\n", "\n"), mail.html.unwrap());
    assert!(delivered.data.is_ascii());
}

/// Says hello without any extension.
fn old_fashioned(relay: &Server) {
    relay.fault(Stage::Ehlo, Fault::Spelled(b"250 localhost\r\n".to_vec()));
}

#[tokio::test]
async fn an_international_domain_goes_out_in_ascii() {
    let relay = Server::plain();
    let mut mail = mail();
    mail.recipients[1].address = "Ops <ops@München.example>".into();
    let mut settings = towards(&relay, "none", "");
    settings.notification.mail_from = "Backup <backup@例え.テスト>".parse().unwrap();
    for offers_utf8 in [true, false] {
        if !offers_utf8 {
            old_fashioned(&relay);
        }
        send(&settings, &mail, "Ops <ops@München.example>").await.unwrap();
        send(&settings, &mail, "a@example.com").await.unwrap();
    }
    let from = "backup@xn--r8jz45g.xn--zckzah";
    for (n, delivered) in relay.delivered(4).await.into_iter().enumerate() {
        let to = if n % 2 == 0 { "ops@xn--mnchen-3ya.example" } else { "a@example.com" };
        assert_eq!((&*delivered.from, &*delivered.to), (from, &[to.to_string()][..]));
        assert!(delivered.data.is_ascii());
        let text = String::from_utf8(delivered.data).unwrap();
        assert!(
            text.contains(&format!("From: Backup <{from}>")) && text.contains("<ops@xn--mnchen-3ya.example>"),
            "{text}"
        );
    }
    assert!(!relay.heard().iter().any(|line| line.contains("SMTPUTF8")));
}

#[tokio::test]
async fn letters_outside_ascii_before_the_at_need_a_relay_that_takes_them() {
    let relay = Server::plain();
    let mut mail = mail();
    mail.recipients[1].address = "müller@münchen.example".into();
    let settings = towards(&relay, "none", "");
    send(&settings, &mail, "müller@münchen.example").await.unwrap();
    assert_eq!(relay.so_far()[0].to, ["müller@xn--mnchen-3ya.example"]);
    old_fashioned(&relay);
    let result = send(&settings, &mail, "müller@münchen.example").await;
    assert_eq!(kind(&result), Kind::Rejected, "{result:?}");
    assert_told(&result, "before the @ (SMTPUTF8): müller@münchen.example");
    send(&settings, &mail, "a@example.com").await.unwrap();
}

#[tokio::test]
async fn letters_outside_ascii_in_the_senders_address_are_the_senders_fault_and_leave_the_message_id() {
    let relay = Server::plain();
    let mut mail = mail();
    mail.message_id = "<1@münchen.example>".into();
    let mut settings = towards(&relay, "none", "");
    send(&settings, &mail, "a@example.com").await.unwrap();
    settings.notification.mail_from = "bäckup@münchen.example".parse().unwrap();
    send(&settings, &mail, "a@example.com").await.unwrap();
    for delivered in relay.delivered(2).await {
        let message = MessageParser::default().parse(&delivered.data).unwrap();
        assert_eq!(message.message_id(), Some("1@m%C3%BCnchen.example"));
    }
    old_fashioned(&relay);
    for recipient in ["a@example.com", "müller@example.com"] {
        let error = relay_error(send(&settings, &mail, recipient).await);
        assert!(error.contains("naming the sender") && error.contains("(SMTPUTF8): bäckup@münchen.example"), "{error}");
    }
}
