//! What a relay refuses, and what follows from it.

use super::*;

#[tokio::test]
async fn each_refusal_is_attributed_to_relay_or_recipient() {
    use Kind::{Deferred, Delivered, Rejected, Relay};
    let expected = [
        (Stage::Greeting, "554 5.3.2 no service", Relay),
        (Stage::Greeting, "421 4.3.2 come back later", Relay),
        (Stage::Greeting, "hello?", Relay),
        (Stage::Ehlo, "550 5.7.1 who are you", Relay),
        (Stage::Mail, "451 4.3.0 try again", Relay),
        (Stage::Mail, "421 4.3.2 shutting down", Relay),
        (Stage::Mail, "530 5.7.0 Must issue a STARTTLS command first", Relay),
        (Stage::Mail, "550 5.7.1 sender not allowed", Relay),
        (Stage::Mail, "550 no", Relay),
        (Stage::Mail, "354 what", Relay),
        (Stage::Rcpt, "450 4.2.1 mailbox busy", Deferred),
        (Stage::Rcpt, "421 4.7.0 too many", Deferred),
        (Stage::Rcpt, "530 5.7.0 Authentication required", Deferred),
        (Stage::Rcpt, "550-5.1.1 no such\r\n550 5.1.1 user", Rejected),
        (Stage::Rcpt, "550 no such user here", Rejected),
        (Stage::Rcpt, "552 5.2.2 mailbox full", Rejected),
        (Stage::Rcpt, "550 5.1.10 no such recipient", Rejected),
        (Stage::Rcpt, "550 5.1.8.1 not a status", Rejected),
        (Stage::Data, "452 4.3.1 out of space", Deferred),
        (Stage::Data, "535 5.7.8 Authentication required", Deferred),
        (Stage::Data, "554 5.3.0 no", Rejected),
        (Stage::Data, "554 no", Rejected),
        (Stage::Data, "250 2.0.0 fine", Deferred),
        (Stage::Message, "451 4.3.0 queue file write error", Deferred),
        (Stage::Message, "552 5.3.4 message too big", Rejected),
        (Stage::Message, "354 go on", Deferred),
        (Stage::Quit, "500 5.5.2 never", Delivered),
    ];
    for (stage, reply, expected) in expected {
        let relay = Server::plain();
        relay.fault(stage, Fault::reply(reply));
        let result = send(&towards(&relay, "none", ""), &mail(), "a@example.com").await;
        assert_eq!(kind(&result), expected, "{stage:?} {reply}: {result:?}");
        if let Err(error) = result {
            let text = error.to_string();
            assert!(text.starts_with(&format!("relay localhost:{}, ", relay.port)), "{text}");
            // The greeting that is none aside, the relay's own words are told.
            assert!(reply == "hello?" || text.contains(reply.split(['\r', ' ']).next_back().unwrap()), "{text}");
            relay.mend();
            send(&towards(&relay, "none", ""), &mail(), "a@example.com").await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_rejection_of_this_client_does_not_reject_the_recipient() {
    // One rule, whenever the relay says so.
    for stage in [Stage::Rcpt, Stage::Data, Stage::Message] {
        for reply in [
            "554 5.7.1 Relay access denied",
            "550 5.7.1 rejected by policy",
            "550-5.4.0 no route\r\n550 5.4.0 today",
            "504 5.5.2 Helo command rejected",
            "550 5.1.7 Sender address unknown",
            "550 5.1.8 Sender address rejected",
            "550-go away\r\n550 5.7.26 unauthenticated sender",
        ] {
            let relay = Server::plain();
            relay.fault(stage, Fault::reply(reply));
            let result = send(&towards(&relay, "none", ""), &mail(), "a@example.com").await;
            assert_eq!(kind(&result), Kind::Deferred, "{stage:?} {reply}: {result:?}");
            let advice = "the relay probably rejects this machine or this sender: check notification.mail_from";
            assert_told(&result, advice);
        }
    }
}

#[tokio::test]
async fn silence_and_hanging_up_is_everybodys_trouble_only_before_a_recipient_is_named() {
    use Stage::{Data, Ehlo, Greeting, Mail, Message, Rcpt};
    let expected = [
        (Greeting, Kind::Relay),
        (Ehlo, Kind::Relay),
        (Mail, Kind::Relay),
        (Rcpt, Kind::Deferred),
        (Data, Kind::Deferred),
        (Message, Kind::Deferred),
    ];
    for (stage, expected) in expected {
        let expected = (expected, usize::from(stage == Message));
        for fault in [Fault::Hang, Fault::Cut] {
            let attempt = async |limit| {
                let relay = Server::plain();
                relay.fault(stage, fault.clone());
                let mut settings = towards(&relay, "none", "");
                settings.notification.timeout = limit;
                (kind(&send(&settings, &mail(), "a@example.com").await), relay.so_far().len())
            };
            // A busy machine may take longer than a short limit to get to the stage.
            let mut seen = attempt(if fault == Fault::Hang { SHORT } else { LONG }).await;
            if seen != expected {
                seen = attempt(LONG).await;
            }
            assert_eq!(seen, expected, "{stage:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_leads_to_the_same_message_id_again() {
    let relay = Server::plain();
    relay.fault(Stage::Message, Fault::Cut);
    let settings = towards(&relay, "none", "");
    let error = send(&settings, &mail(), "a@example.com").await.unwrap_err().to_string();
    assert!(error.contains("may have been delivered"), "{error}");
    relay.mend();
    send(&settings, &mail(), "a@example.com").await.unwrap();
    let mails = relay.delivered(2).await;
    assert_eq!(mails[0].data, mails[1].data);
}

#[tokio::test]
async fn a_goodbye_that_fails_takes_nothing_back() {
    for fault in [Fault::Hang, Fault::Cut, Fault::reply("421 4.3.2 bye")] {
        let relay = Server::plain();
        relay.fault(Stage::Quit, fault);
        send(&towards(&relay, "none", ""), &mail(), "a@example.com").await.unwrap();
    }
}

#[tokio::test]
async fn one_refused_recipient_takes_nothing_from_the_others() {
    let relay = Server::plain();
    relay.fault_for("b@example.com", Fault::reply("550 5.1.1 unknown"));
    relay.fault_for("c@example.com", Fault::reply("451 4.7.1 greylisted"));
    let settings = towards(&relay, "none", "");
    let results = [
        send(&settings, &mail(), "a@example.com").await,
        send(&settings, &mail(), "b@example.com").await,
        send(&settings, &mail(), "c@example.com").await,
        send(&settings, &mail(), "not an address").await,
    ];
    assert_eq!(results.each_ref().map(kind), [Kind::Delivered, Kind::Rejected, Kind::Deferred, Kind::Rejected]);
    assert_eq!(relay.so_far().len(), 1);
}

#[tokio::test]
async fn a_relay_that_is_not_there_is_named() {
    let closed = settings("transport: smtp, smtp: { host: localhost, port: 1, encryption: none }");
    let error = relay_error(send(&closed, &mail(), "a@example.com").await);
    assert!(error.starts_with("relay localhost:1, connecting: Connection refused"), "{error}");

    let nowhere = settings("transport: smtp, smtp: { host: no-such-host.invalid, encryption: none }");
    let error = relay_error(send(&nowhere, &mail(), "a@example.com").await);
    assert!(error.starts_with("relay no-such-host.invalid:587, looking up its address: "), "{error}");
}
