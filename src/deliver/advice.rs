//! What follows from trouble with a relay, and what to do about it. Pure.

use super::error::SendError;
use super::relay::{Relay, Source};
use super::reply::Reply;
use super::trouble::{CertificateFault, Stage, Trouble};

/// Returns what follows from trouble at a stage.
///
/// One rule holds from the recipient on: what the relay has against this recipient, or against this mail, gives this
/// recipient up; what it has against us can be fixed, and is tried again, at whatever stage the relay says so. Before a
/// recipient is named, the same would befall everybody.
pub(super) fn explain(relay: &Relay, stage: Stage, trouble: &Trouble) -> SendError {
    let words = match trouble {
        Trouble::Refused(reply) => relay.words(&reply.to_string()),
        Trouble::Certificate(_, words) | Trouble::Broken(words) => relay.words(words),
    };
    let text = format!("relay {relay}, {stage}: {words}{}", advice(relay, stage, trouble));
    match trouble {
        // The sender's address, too, is a matter of the configuration.
        _ if stage < Stage::Recipient => SendError::Relay(text),
        Trouble::Refused(reply) if reply.code >= 500 && !wants_login(reply) && !is_about_us(reply) => {
            SendError::Rejected(text)
        }
        // A relay may fall silent or hang up over one recipient: the others must not wait behind that one.
        _ => SendError::Deferred(text),
    }
}

/// Returns what to do, where that can be said.
fn advice(relay: &Relay, stage: Stage, trouble: &Trouble) -> String {
    let (host, source) = (&relay.host, relay.source);
    match (trouble, stage) {
        (Trouble::Refused(reply), _) if wants_login(reply) => {
            format!("; check encryption, user name and password in {source}")
        }
        (Trouble::Refused(reply), _) if stage >= Stage::Recipient && reply.code >= 500 && is_about_us(reply) => {
            let what = "the relay probably rejects this machine or this sender";
            format!("; {what}: check notification.mail_from, {source} and whom the relay lets send")
        }
        (Trouble::Refused(_), _) => String::new(),
        (Trouble::Certificate(CertificateFault::OtherName, _), _) => {
            format!("; the relay's certificate is for another name than {host}: {}", other_name(source))
        }
        (Trouble::Certificate(CertificateFault::Expired, _), _) => "; the relay's certificate has to be renewed".into(),
        (Trouble::Certificate(CertificateFault::NotYetValid, _), _) => "; check this machine's clock".into(),
        (Trouble::Certificate(CertificateFault::VersionOne, _), _) => {
            "; the relay needs a certificate of version 3, as `openssl req -x509` makes them".into()
        }
        (Trouble::Certificate(CertificateFault::Untrusted, _), _) => {
            format!("; add the certificate of its authority to this system's, or {}", own_certificate(relay))
        }
        (Trouble::Broken(_), Stage::Resolve) => {
            format!("; check the relay's name in {source} and this machine's DNS")
        }
        (Trouble::Broken(_), Stage::Connect | Stage::Starttls) => {
            format!("; check host, port and encryption in {source}")
        }
        (Trouble::Broken(_), Stage::Message) => "; it may have been delivered all the same".into(),
        (Trouble::Broken(_), _) => String::new(),
    }
}

fn other_name(source: Source) -> String {
    match source {
        Source::Configuration => {
            format!("use that name in {source}, or name the relay's own certificate in notification.smtp.ca_file")
        }
        Source::Cluster => format!("use that name in {source}"),
    }
}

fn own_certificate(relay: &Relay) -> String {
    match (relay.source, &relay.ca_file) {
        (Source::Configuration, None) => "name it, or the relay's own, in notification.smtp.ca_file".into(),
        (Source::Configuration, Some(file)) => {
            format!("add it, or the relay's own, to notification.smtp.ca_file {}", file.display())
        }
        (Source::Cluster, _) => "turn TLS verification off in the cluster's smarthost settings".into(),
    }
}

/// Returns whether a refusal asks for a login or for TLS (RFC 4954, section 6; RFC 3207, section 4).
fn wants_login(reply: &Reply) -> bool {
    matches!(reply.code, 530 | 534 | 535 | 538)
}

/// Returns whether a refusal after RCPT concerns this client rather than the recipient: relays such as Postfix reject
/// the client, its greeting or the sender only then. The enhanced status code (RFC 3463) says so: network,
/// protocol, policy, or the sender's address.
fn is_about_us(reply: &Reply) -> bool {
    matches!(reply.status(), Some(("4" | "5" | "7", _) | ("1", "7" | "8")))
}
