//! TLS and logins.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine;

use super::*;

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

        for (ca_file, reason) in
            [("/no/such.pem", "cannot be read"), ("/dev/null", "cannot be read: it is no regular file")]
        {
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

/// Makes a certificate with openssl, and returns the files of certificate and key.
fn made_by_openssl(dir: &Path, name: &str, more: &[&str]) -> (String, Vec<u8>, Vec<u8>) {
    let (certificate, key) = (dir.join(format!("{name}.pem")), dir.join(format!("{name}.key")));
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .args(more)
        .output()
        .expect("openssl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let file = certificate.to_str().unwrap().to_owned();
    (file, fs::read(certificate).unwrap(), fs::read(key).unwrap())
}

#[tokio::test]
async fn a_relays_own_certificate_named_in_ca_file_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let usual = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    let leaf = [&usual[..], &["-addext", "basicConstraints=critical,CA:FALSE"]].concat();
    let other_name = ["-subj", "/CN=mail.lan", "-addext", "subjectAltName=DNS:mail.lan"];
    let without_name = ["-subj", "/CN=mail.lan"];
    let mut relays = Vec::new();
    for (name, more) in [
        ("CA:TRUE, as openssl makes them", &usual[..]),
        ("CA:FALSE", &leaf),
        ("for another name", &other_name),
        ("for no name", &without_name),
    ] {
        let (file, certificate, key) = made_by_openssl(dir.path(), name, more);
        let relay = Server::tls_with(&certificate, &key);
        let unknown = relay_error(send(&towards(&relay, "tls", ""), &mail(), "a@example.com").await);
        assert!(unknown.contains("or the relay's own, in notification.smtp.ca_file"), "{name}: {unknown}");
        let settings = towards(&relay, "tls", &format!("ca_file: \"{file}\""));
        send(&settings, &mail(), "a@example.com").await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(relay.so_far()[0].tls);
        relays.push((file, relay));
    }
    // One that an authority signed, and that has expired; its dates were known to whoever named it.
    let expired = Server::tls_expired();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/tls/expired.pem");
    send(&towards(&expired, "tls", &format!("ca_file: {file}")), &mail(), "a@example.com").await.unwrap();
    // Exactly this one: another relay's, though it bears the same name, is not.
    for (file, relay) in [(&relays[1].0, &relays[0].1), (&relays[0].0, &relays[1].1)] {
        let error =
            relay_error(send(&towards(relay, "tls", &format!("ca_file: \"{file}\"")), &mail(), "a@example.com").await);
        assert!(error.contains(&format!("or the relay's own, to notification.smtp.ca_file {file}")), "{error}");
        assert_eq!(relay.so_far().len(), 1);
    }
    // Several in one file, also beside an authority.
    let all: String = relays.iter().map(|(file, _)| fs::read_to_string(file).unwrap()).collect();
    let bundle = dir.path().join("bundle.pem");
    fs::write(&bundle, all + &fs::read_to_string(CA_FILE).unwrap()).unwrap();
    let bundle = format!("ca_file: {}", bundle.display());
    send(&towards(&relays[0].1, "tls", &bundle), &mail(), "a@example.com").await.unwrap();
    send(&towards(&Server::starttls(), "starttls", &bundle), &mail(), "a@example.com").await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_even_if_it_is_named_is_explained() {
    let relay = Server::tls_version_1();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/tls/version1.pem");
    for more in ["", &format!("ca_file: {file}")] {
        let error = relay_error(send(&towards(&relay, "tls", more), &mail(), "a@example.com").await);
        assert!(
            error.ends_with("the relay needs a certificate of version 3, as `openssl req -x509` makes them"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_file_of_certificates_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Server::tls();
    let file = dir.path().join("ca.pem");
    let pem = |body: &str| format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    for (content, words) in [
        (pem("AAAA"), "holds a damaged certificate"),
        (pem("not base64 at all!"), "holds no certificate in PEM form"),
        ("x".repeat(5 << 20), "cannot be read: it is larger than"),
        (String::new(), "holds no certificate"),
    ] {
        fs::write(&file, content).unwrap();
        let settings = towards(&relay, "tls", &format!("ca_file: {}", file.display()));
        let error = relay_error(send(&settings, &mail(), "a@example.com").await);
        assert!(error.contains(&format!("ca_file {} {words}", file.display())), "{error}");
    }
    let endless = towards(&relay, "tls", "ca_file: /dev/zero");
    assert!(relay_error(send(&endless, &mail(), "a@example.com").await).contains("it is no regular file"));
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
pub(super) fn login_in(dir: &Path, password: &str) -> String {
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

    // A relay that repeats what it heard, in whatever form.
    let plain = base64::prelude::BASE64_STANDARD.encode(format!("\0monitor\0{SECRET}"));
    login_in(dir.path(), SECRET);
    relay.fault(Stage::Auth, Fault::reply(&format!("535 5.7.8 AUTH PLAIN {plain} is {SECRET}, no")));
    errors.push(relay_error(send(&right, &mail(), "a@example.com").await));
    assert!(errors[5].contains("[the password] is [the password], no") && !errors[5].contains(&plain), "{}", errors[5]);

    assert_eq!(relay.so_far().len(), 2);
    for error in errors {
        assert!(!error.contains(SECRET) && !error.contains("cGw0bnRlZC1zM2NyZXQ"), "{error}");
    }
}

#[tokio::test]
async fn a_password_is_not_told_by_an_answer_that_is_no_reply_either() {
    let dir = tempfile::tempdir().unwrap();
    let password = format!("\"{SECRET}\\\"");
    let plain = base64::prelude::BASE64_STANDARD.encode(format!("\0monitor\0{password}"));
    let relay = Server::starttls().with_login("monitor", &password);
    let settings = towards(&relay, "starttls", &login_in(dir.path(), &password));
    for repeated in [&password, &plain] {
        for before in [0, 20, 70, 75] {
            relay.fault(Stage::Auth, Fault::Spelled(format!("{}{repeated}?\r\n", "-".repeat(before)).into()));
            let error = relay_error(send(&settings, &mail(), "a@example.com").await);
            assert!(error.contains("not SMTP") && error.contains("[the password]?"), "{error}");
            assert!(!error.contains(&SECRET[..4]) && !error.contains(&plain[..6]), "{error}");
        }
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
