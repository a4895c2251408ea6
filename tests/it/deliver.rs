//! Tests of the deliver part: real sockets, real TLS, a real command.

use std::fmt::Debug;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use mail_parser::{Address, MessageParser, MimeHeaders};
use ns8_backup_monitor::config::{self, Settings, Transport};
use ns8_backup_monitor::deliver::{SendError, check, send};
use ns8_backup_monitor::model::mail::{Mail, Recipient, RecipientState};
use ns8_backup_monitor::model::run::Outcome;

use crate::support::redis::Redis;
use crate::support::smtp::{CA_FILE, Fault, Server, Stage};

const SECRET: &str = "pl4nted-s3cret";
/// A limit that is meant to be reached.
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(30);

fn settings(notification: &str) -> Settings {
    let text =
        format!("notification: {{ mail_from: Backup <backup@example.com>, mail_to: a@example.com, {notification} }}");
    config::parse(&text).unwrap()
}

/// Settings for `relay`, by the name on its certificate.
fn towards(relay: &Server, encryption: &str, more: &str) -> Settings {
    let port = relay.port;
    settings(&format!("transport: smtp, smtp: {{ host: localhost, port: {port}, encryption: {encryption}, {more} }}"))
}

fn mail() -> Mail {
    let recipient =
        |address: &str| Recipient { address: address.into(), state: RecipientState::Pending { last_error: None } };
    Mail {
        plan: None,
        outcome: Outcome::Partial,
        digest: "d".into(),
        written_at: "2026-11-22T02:30:00Z".parse().unwrap(),
        subject: "[ns8-backup] PARTIAL - 1/3 module(s) failed: “Università”".into(),
        body: "Perché: disk full\n.\n..two dots\n\nmail1 failed.\n".into(),
        message_id: "<20261122-023000-0001.1@leader.example.com>".into(),
        thread_id: "<plan-2@leader.example.com>".into(),
        recipients: vec![recipient("Ops <a@example.com>"), recipient("b@example.com")],
    }
}

/// What a fault is to the caller.
#[derive(Debug, PartialEq)]
enum Kind {
    Delivered,
    Relay,
    Deferred,
    Rejected,
}

fn kind<T>(result: &Result<T, SendError>) -> Kind {
    match result {
        Ok(_) => Kind::Delivered,
        Err(SendError::Relay(_)) => Kind::Relay,
        Err(SendError::Deferred(_)) => Kind::Deferred,
        Err(SendError::Rejected(_)) => Kind::Rejected,
    }
}

/// The text of an error that is the relay's.
fn relay_error<T: Debug>(result: Result<T, SendError>) -> String {
    assert_eq!(kind(&result), Kind::Relay, "{result:?}");
    assert_told(&result, "");
    result.unwrap_err().to_string()
}

/// Asserts that the error is one bounded line and holds `words`.
fn assert_told<T: Debug>(result: &Result<T, SendError>, words: &str) {
    let text = result.as_ref().unwrap_err().to_string();
    assert!(text.contains(words) && !text.contains('\n') && text.len() < 1500, "{text}");
}

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
async fn each_refusal_counts_for_whom_it_is_meant() {
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
        (Stage::Data, "554 5.5.1 no", Rejected),
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
async fn what_the_relay_has_against_us_is_not_the_recipients_fault() {
    for reply in [
        "554 5.7.1 Relay access denied",
        "550-5.4.0 no route\r\n550 5.4.0 today",
        "504 5.5.2 Helo command rejected",
        "550 5.1.8 Sender address rejected",
    ] {
        let relay = Server::plain();
        relay.fault(Stage::Rcpt, Fault::reply(reply));
        let result = send(&towards(&relay, "none", ""), &mail(), "a@example.com").await;
        assert_eq!(kind(&result), Kind::Deferred, "{reply}: {result:?}");
        assert_told(
            &result,
            "most likely about our machine or our sender, and worth another try: check notification.mail_from",
        );
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
async fn letters_outside_ascii_in_an_address_need_a_relay_that_takes_them() {
    let relay = Server::plain();
    let mut mail = mail();
    mail.recipients[1].address = "müller@example.com".into();
    let settings = towards(&relay, "none", "");
    send(&settings, &mail, "müller@example.com").await.unwrap();
    relay.fault(Stage::Ehlo, Fault::reply("250 localhost"));
    let result = send(&settings, &mail, "müller@example.com").await;
    assert_eq!(kind(&result), Kind::Rejected, "{result:?}");
    assert_told(&result, "SMTPUTF8): müller@example.com");
    send(&settings, &mail, "a@example.com").await.unwrap();
}

#[tokio::test]
async fn letters_outside_ascii_in_the_senders_address_are_the_senders_fault_and_leave_the_message_id() {
    let relay = Server::plain();
    let mut mail = mail();
    mail.message_id = "<1@münchen.example>".into();
    let mut settings = towards(&relay, "none", "");
    send(&settings, &mail, "a@example.com").await.unwrap();
    settings.notification.mail_from = "backup@münchen.example".parse().unwrap();
    send(&settings, &mail, "a@example.com").await.unwrap();
    for delivered in relay.delivered(2).await {
        let message = MessageParser::default().parse(&delivered.data).unwrap();
        assert_eq!(message.message_id(), Some("1@m%C3%BCnchen.example"));
    }
    relay.fault(Stage::Ehlo, Fault::reply("250 localhost"));
    for recipient in ["a@example.com", "müller@example.com"] {
        let error = relay_error(send(&settings, &mail, recipient).await);
        assert!(error.contains("naming the sender") && error.contains("SMTPUTF8): backup@münchen.example"), "{error}");
    }
}

#[tokio::test]
async fn certificates_are_checked() {
    let with_ca = format!("ca_file: {CA_FILE}");
    for (relay, encryption) in [(Server::starttls(), "starttls"), (Server::tls(), "tls")] {
        send(&towards(&relay, encryption, &with_ca), &mail(), "a@example.com").await.unwrap();
        assert!(relay.delivered(1).await[0].tls);

        let unknown = relay_error(send(&towards(&relay, encryption, ""), &mail(), "a@example.com").await);
        assert!(unknown.contains("add the certificate of its authority"), "{unknown}");

        let mut other_name = towards(&relay, encryption, &with_ca);
        other_name.notification.smtp.as_mut().unwrap().host = "127.0.0.1".into();
        let other_name = relay_error(send(&other_name, &mail(), "a@example.com").await);
        assert!(other_name.contains("is for another name than 127.0.0.1"), "{other_name}");

        for (ca_file, reason) in [("/no/such.pem", "cannot be read"), ("/dev/null", "holds no certificate")] {
            let bad = towards(&relay, encryption, &format!("ca_file: {ca_file}"));
            let error = relay_error(send(&bad, &mail(), "a@example.com").await);
            assert!(error.contains(&format!("ca_file {ca_file} {reason}")), "{error}");
        }
        assert_eq!(relay.so_far().len(), 1);
    }
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_called_so() {
    let relay = Server::tls_expired();
    let settings = towards(&relay, "tls", &format!("ca_file: {CA_FILE}"));
    let error = relay_error(send(&settings, &mail(), "a@example.com").await);
    assert!(error.ends_with("the relay's certificate has to be renewed"), "{error}");
}

#[tokio::test]
async fn starttls_is_never_downgraded() {
    let dir = tempfile::tempdir().unwrap();
    let login = login_in(dir.path(), SECRET);
    let refusing = Server::starttls().with_login("monitor", SECRET);
    refusing.fault(Stage::Starttls, Fault::reply("454 4.7.0 TLS not available"));
    let pretending = Server::starttls().with_login("monitor", SECRET);
    pretending.fault(Stage::Starttls, Fault::reply("220 2.0.0 Go ahead"));
    for relay in [Server::plain().with_login("monitor", SECRET), refusing, pretending] {
        let error = relay_error(send(&towards(&relay, "starttls", &login), &mail(), "a@example.com").await);
        assert!(error.contains("starting TLS"), "{error}");
        let verbs: Vec<String> = relay.heard().iter().map(|line| line[..4].to_uppercase()).collect();
        assert!(verbs.iter().all(|verb| ["EHLO", "STAR", "QUIT"].contains(&verb.as_str())), "{verbs:?}");
    }
}

#[tokio::test]
async fn tls_towards_a_relay_without_it_fails() {
    let relay = Server::plain();
    let error = relay_error(send(&towards(&relay, "tls", ""), &mail(), "a@example.com").await);
    assert!(error.contains("connecting"), "{error}");
}

/// The settings of a login with `password`, whose file is put into `dir`.
fn login_in(dir: &Path, password: &str) -> String {
    let file = dir.join("password");
    fs::write(&file, format!("{password}\n")).unwrap();
    format!("username: monitor, password_file: {}, ca_file: {CA_FILE}", file.display())
}

#[tokio::test]
async fn a_login_is_made_where_one_is_configured_and_its_password_never_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut errors = Vec::new();

    let relay = Server::starttls().with_login("monitor", SECRET);
    let right = towards(&relay, "starttls", &login_in(dir.path(), SECRET));
    send(&right, &mail(), "a@example.com").await.unwrap();
    relay.fault(Stage::Ehlo, Fault::reply("250-localhost\r\n250-STARTTLS\r\n250 AUTH LOGIN"));
    send(&right, &mail(), "a@example.com").await.unwrap();
    let logins: Vec<_> = relay.delivered(2).await.into_iter().map(|mail| mail.login).collect();
    assert_eq!(logins, [Some("monitor".into()), Some("monitor".into())]);

    relay.fault(Stage::Ehlo, Fault::reply("250-localhost\r\n250-STARTTLS\r\n250 AUTH CRAM-MD5"));
    errors.push(relay_error(send(&right, &mail(), "a@example.com").await));
    relay.mend();
    relay.fault(Stage::Auth, Fault::reply("454 4.7.0 Temporary authentication failure"));
    errors.push(relay_error(send(&right, &mail(), "a@example.com").await));
    relay.mend();

    // The file is read at each send.
    fs::write(dir.path().join("password"), format!("not {SECRET}")).unwrap();
    errors.push(relay_error(send(&right, &mail(), "a@example.com").await));
    assert!(
        errors[2].contains("535 5.7.8") && errors[2].contains("user name and password in notification.smtp"),
        "{}",
        errors[2]
    );
    fs::remove_file(dir.path().join("password")).unwrap();
    errors.push(relay_error(send(&right, &mail(), "a@example.com").await));
    assert!(errors[3].contains("password_file"), "{}", errors[3]);

    let without = towards(&relay, "starttls", &format!("ca_file: {CA_FILE}"));
    errors.push(relay_error(send(&without, &mail(), "a@example.com").await));
    assert!(errors[4].contains("user name and password"), "{}", errors[4]);

    assert_eq!(relay.so_far().len(), 2);
    for error in errors {
        assert!(!error.contains(SECRET) && !error.contains("cGw0bnRlZC1zM2NyZXQ"), "{error}");
    }
}

#[tokio::test]
async fn a_password_does_not_go_out_in_plain_text_to_another_machine() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Server::plain().with_login("monitor", SECRET);
    let mut settings = towards(&relay, "none", &login_in(dir.path(), SECRET));
    send(&settings, &mail(), "a@example.com").await.unwrap();
    // The configuration would refuse this; this is not known to lead here, and does.
    settings.notification.smtp.as_mut().unwrap().host = "127.1".into();
    let heard = relay.heard().len();
    let error = relay_error(send(&settings, &mail(), "a@example.com").await);
    assert!(error.contains("plain text"), "{error}");
    assert!(!relay.heard()[heard..].iter().any(|line| line.starts_with("AUTH")));
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

/// A command in the place of `ns8-sendmail` that obeys the same contract and then does as `then` says; it notes what it
/// got beside itself.
fn stand_in(dir: &Path, then: &str) -> Settings {
    let script = format!(
        r#"#!/bin/sh
subject= from= recipients=
while [ $# -gt 0 ]; do
    case "$1" in
        --subject=*) subject=${{1#*=}} ;;
        --from=*) from=${{1#*=}} ;;
        -s|--subject) subject=$2; shift ;;
        -f|--from) from=$2; shift ;;
        --) shift; recipients=$*; break ;;
        -*) echo "ns8-sendmail: error: unrecognized arguments: $1" >&2; exit 2 ;;
        *) recipients="$recipients $1" ;;
    esac
    shift
done
[ -n "$recipients" ] || {{ echo "ns8-sendmail: error: the following arguments are required" >&2; exit 2; }}
{then}
cat > {0}/body
printf '%s\n%s\n%s' "$subject" "$from" "$recipients" > {0}/arguments
"#,
        dir.display()
    );
    let program = dir.join("ns8-sendmail");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    settings(&format!("transport: ns8-sendmail, sendmail_command: [{}]", program.display()))
}

#[tokio::test]
async fn ns8_sendmail_is_called_as_it_wants_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let settings = stand_in(dir.path(), &format!("echo \"$PATH\" > {}/path", dir.path().display()));
    let mut mail = mail();
    mail.subject = "--to\nBcc: x@example.com".into();
    mail.body = "a < b > c\n.\n".into();
    send(&settings, &mail, "-b@example.com").await.unwrap();
    let arguments = fs::read_to_string(dir.path().join("arguments")).unwrap();
    assert_eq!(arguments, "--to ⏎ Bcc: x@example.com\nbackup@example.com\n-b@example.com");
    assert_eq!(fs::read_to_string(dir.path().join("body")).unwrap(), "a ‹ b › c\n.\n");
    let path = fs::read_to_string(dir.path().join("path")).unwrap();
    assert!(path.starts_with("/usr/local/agent/pyenv/bin:/usr/local/agent/bin:/"), "{path}");
}

#[tokio::test]
async fn each_fault_of_ns8_sendmail_is_known_by_what_it_says() {
    use Kind::{Deferred, Relay};
    let dir = tempfile::tempdir().unwrap();
    let cases = [
        ("echo 'SMTP error: (550, b\"no\")' >&2; exit 1", Deferred, "could not send: SMTP error: (550"),
        ("exit 2", Relay, "does not understand its arguments: it gives no reason"),
        ("echo 'unrecognized arguments' >&2; exit 2", Relay, "its arguments: unrecognized arguments"),
        ("kill -9 $$", Deferred, "signal: 9"),
        ("yes | head -c 100M >&2; exit 1", Deferred, "could not send: y ⏎ y"),
        ("yes | head -c 100M; exit 7", Deferred, "exit status: 7"),
    ];
    for (then, expected, words) in cases {
        let result = send(&stand_in(dir.path(), then), &mail(), "a@example.com").await;
        assert_eq!(kind(&result), expected, "{result:?}");
        assert_told(&result, words);
    }
    for then in ["sleep 1000", "trap '' TERM; echo stuck >&2; while :; do sleep 1000; done"] {
        let mut settings = stand_in(dir.path(), then);
        settings.notification.timeout = SHORT;
        let result = send(&settings, &mail(), "a@example.com").await;
        assert_eq!(kind(&result), Deferred, "{result:?}");
        assert_told(&result, "did not finish within");
    }
    let settings = stand_in(dir.path(), "");
    fs::write(dir.path().join("ns8-sendmail"), "not a program").unwrap();
    let error = relay_error(send(&settings, &mail(), "a@example.com").await);
    assert!(error.contains("could not be run"), "{error}");
    let settings = stand_in(dir.path(), "");
    fs::set_permissions(dir.path().join("ns8-sendmail"), fs::Permissions::from_mode(0o644)).unwrap();
    let error = relay_error(send(&settings, &mail(), "a@example.com").await);
    assert!(error.contains("is not executable"), "{error}");
    fs::remove_file(dir.path().join("ns8-sendmail")).unwrap();
    let error = relay_error(send(&settings, &mail(), "a@example.com").await);
    assert!(error.contains("is not installed"), "{error}");
    assert!(!dir.path().join("body").exists());
}

/// Settings that look for the relay in `redis`, with a stand-in for `ns8-sendmail` in `dir`.
fn by_cluster(redis: &Redis, transport: &str, dir: &Path, then: &str) -> Settings {
    let mut settings = stand_in(dir, then);
    settings.notification.transport = match transport {
        "auto" => Transport::Auto,
        _ => Transport::Smarthost,
    };
    settings.redis = redis.settings();
    settings
}

fn smarthost(redis: &Redis, relay: &Server, fields: &[(&str, &str)]) {
    let port = relay.port.to_string();
    let usual = [("enabled", "1"), ("host", "localhost"), ("port", &port), ("encrypt_smtp", "starttls")];
    redis.run::<i64>("DEL cluster/smarthost");
    redis.hset("cluster/smarthost", &usual);
    redis.hset("cluster/smarthost", &[("tls_verify", ""), ("username", "monitor"), ("password", SECRET)]);
    if !fields.is_empty() {
        redis.hset("cluster/smarthost", fields);
    }
}

#[tokio::test]
async fn the_clusters_smarthost_is_used_as_it_is_set_now() {
    let dir = tempfile::tempdir().unwrap();
    let redis = Redis::ns8();
    let settings = by_cluster(&redis, "smarthost", dir.path(), "");
    let error = relay_error(send(&settings, &mail(), "a@example.com").await);
    assert!(error.contains("disabled or not set"), "{error}");

    for (relay, encryption) in [(Server::starttls(), "starttls"), (Server::tls(), "tls"), (Server::plain(), "none")] {
        let relay = relay.with_login("monitor", SECRET);
        // An address for which the certificate is not: no matter where it is not checked.
        smarthost(&redis, &relay, &[("host", "127.0.0.1"), ("encrypt_smtp", encryption)]);
        send(&settings, &mail(), "a@example.com").await.unwrap();
        let delivered = relay.delivered(1).await.remove(0);
        assert_eq!((delivered.tls, delivered.login.as_deref()), (encryption != "none", Some("monitor")));
        if encryption != "none" {
            redis.hset("cluster/smarthost", &[("tls_verify", "1")]);
            let error = relay_error(send(&settings, &mail(), "a@example.com").await);
            assert!(error.contains("smarthost settings") && !error.contains(SECRET), "{error}");
        }
    }

    let relay = Server::plain();
    smarthost(&redis, &relay, &[("encrypt_smtp", "none"), ("username", "")]);
    send(&settings, &mail(), "a@example.com").await.unwrap();
    assert_eq!(relay.delivered(1).await[0].login, None, "a login needs both a name and a password");
    redis.hset("cluster/smarthost", &[("host", "127.1"), ("username", "monitor")]);
    let error = relay_error(send(&settings, &mail(), "a@example.com").await);
    assert!(error.contains("plain text: use starttls or tls in the cluster's smarthost settings"), "{error}");
    for (field, value, fault) in
        [("encrypt_smtp", "ssl", "neither `none` nor"), ("port", "70000", "not a number up to")]
    {
        redis.hset("cluster/smarthost", &[(field, value)]);
        let error = relay_error(send(&settings, &mail(), "a@example.com").await);
        assert!(error.contains(fault) && !error.contains("could not be read"), "{error}");
        redis.hset("cluster/smarthost", &[(field, "none")]);
    }
    redis.hset("cluster/smarthost", &[("enabled", "")]);
    relay_error(send(&settings, &mail(), "a@example.com").await);
    assert!(!dir.path().join("body").exists(), "nobody asked for ns8-sendmail");
}

#[tokio::test]
async fn auto_prefers_the_smarthost_and_falls_back_on_ns8_sendmail() {
    let dir = tempfile::tempdir().unwrap();
    let by_command = || fs::remove_file(dir.path().join("body")).is_ok();
    let mut redis = Redis::ns8();
    let settings = by_cluster(&redis, "auto", dir.path(), "");
    let relay = Server::starttls().with_login("monitor", SECRET);

    smarthost(&redis, &relay, &[]);
    send(&settings, &mail(), "a@example.com").await.unwrap();
    assert!(relay.so_far().len() == 1 && !by_command());

    // A relay that is away is waited for: the command would ask the same one.
    relay.fault(Stage::Greeting, Fault::reply("421 4.3.2 closing"));
    relay_error(send(&settings, &mail(), "a@example.com").await);
    relay.mend();
    assert!(!by_command());

    for fields in [[("enabled", ""), ("host", "localhost")], [("host", "127.1"), ("encrypt_smtp", "none")]] {
        smarthost(&redis, &relay, &fields);
        send(&settings, &mail(), "a@example.com").await.unwrap();
        assert!(relay.so_far().len() == 1 && by_command(), "{fields:?}");
    }
    redis.kill();
    send(&settings, &mail(), "a@example.com").await.unwrap();
    assert!(by_command());

    let settings = by_cluster(&redis, "auto", dir.path(), "echo 'no Redis here' >&2; exit 1");
    let result = send(&settings, &mail(), "a@example.com").await;
    assert_told(&result, "no Redis here");
    assert_told(&result, "could not be read");
}

#[tokio::test]
async fn a_check_sends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Server::starttls().with_login("monitor", SECRET);
    let settings = towards(&relay, "starttls", &login_in(dir.path(), SECRET));
    let found = check(&settings).await.unwrap();
    let expected = format!("relay localhost:{}, STARTTLS, as monitor, from notification.smtp", relay.port);
    assert_eq!(found, (expected, None));
    login_in(dir.path(), "wrong");
    assert!(relay_error(check(&settings).await).contains("535 5.7.8"));
    assert!(relay.heard().iter().all(|line| !line.starts_with("MAIL")));

    let redis = Redis::ns8();
    let settings = by_cluster(&redis, "auto", dir.path(), "");
    let (found, against) = check(&settings).await.unwrap();
    assert_eq!(found, format!("command {}/ns8-sendmail", dir.path().display()));
    assert!(against.unwrap().contains("disabled or not set"));
    fs::remove_file(dir.path().join("ns8-sendmail")).unwrap();
    assert!(relay_error(check(&settings).await).contains("is not installed"));
}
