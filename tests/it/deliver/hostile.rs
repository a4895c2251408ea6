//! Relays that are slow, odd, or hostile.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpListener;

use mail_parser::MessageParser;
use tokio::runtime::Builder;

use super::*;
use crate::support::cases::side_by_side;
use crate::support::service::webhook;
use crate::support::site::{AT_ONCE, Site};

#[tokio::test]
async fn any_2xx_after_the_final_dot_is_a_delivery_however_it_is_spelled() {
    for (spelled, answer) in [
        (&b"250\r\n"[..], "250"),
        (b"250 \r\n", "250"),
        (b"250\n", "250"),
        (b"250 d\xe9j\xe0 vu\r\n", "250 d\u{fffd}j\u{fffd} vu"),
        (b"250-\r\n250-2.0.0 queued\r\n250-\t as\r\n250\r\n", "250 2.0.0 queued as"),
        (b"251 2.1.5 forwarded\r\n", "251 2.1.5 forwarded"),
        (b"299 never heard of\r\n", "299 never heard of"),
    ] {
        let relay = Server::plain();
        relay.fault(Stage::Message, Fault::Spelled(spelled.to_vec()));
        let result = send(&towards(&relay, "none", ""), &mail(), "a@example.com").await;
        assert_eq!(result.as_deref(), Ok(answer), "{:?}", spelled.escape_ascii());
        assert_eq!(relay.so_far().len(), 1);
    }
}

#[tokio::test]
async fn a_reply_before_the_dot_needs_no_text_either() {
    let relay = Server::plain().with_login("monitor", SECRET);
    for (stage, spelled) in [
        (Stage::Greeting, &b"220\r\n"[..]),
        (Stage::Ehlo, b"250-\xfe\xff\r\n250-8BITMIME\r\n250 AUTH=LOGIN PLAIN\r\n"),
        (Stage::Auth, b"235\r\n"),
        (Stage::Mail, b"250\n"),
        (Stage::Rcpt, b"250-\xe9\r\n250\r\n"),
        (Stage::Data, b"354\r\n"),
        (Stage::Quit, b"221\r\n"),
    ] {
        relay.fault(stage, Fault::Spelled(spelled.to_vec()));
    }
    let dir = tempfile::tempdir().unwrap();
    let settings = towards(&relay, "none", &tls::login_in(dir.path(), SECRET));
    assert_eq!(send(&settings, &mail(), "a@example.com").await.unwrap(), "250 2.0.0 Ok: queued as 4TEST");
}

#[tokio::test]
async fn a_relay_that_only_knows_helo_takes_mail() {
    let relay = Server::plain();
    relay.fault(Stage::Ehlo, Fault::reply("502 5.5.1 what?"));
    send(&towards(&relay, "none", ""), &mail(), "a@example.com").await.unwrap();
    assert!(relay.heard()[1].starts_with("HELO "), "{:?}", relay.heard());
}

#[tokio::test]
async fn nothing_that_came_before_tls_counts_in_it() {
    let with_ca = format!("ca_file: {CA_FILE}");
    let answers = "250 inside\r\n250 ok\r\n250 ok\r\n354 go on\r\n250 2.0.0 Ok: queued\r\n221 bye";
    for behind in [answers, "2", "250 half", "\r\n", "\u{16}\u{3}\u{3}"] {
        let relay = Server::starttls();
        relay.fault(Stage::Starttls, Fault::Behind(behind.into()));
        let error = relay_error(send(&towards(&relay, "starttls", &with_ca), &mail(), "a@example.com").await);
        assert!(
            error.contains("starting TLS: the relay, or somebody on the way to it, sent more before TLS"),
            "{error}"
        );
        assert!(relay.so_far().is_empty() && !relay.heard().iter().any(|line| line.starts_with("MAIL")));
        relay.mend();
        send(&towards(&relay, "starttls", &with_ca), &mail(), "a@example.com").await.unwrap();
    }
    // What comes a moment later meets the handshake.
    let relay = Server::starttls();
    relay.fault(Stage::Handshake, Fault::Spelled(answers.into()));
    relay_error(send(&towards(&relay, "starttls", &with_ca), &mail(), "a@example.com").await);
    assert!(relay.so_far().is_empty());
}

#[tokio::test]
async fn an_answer_that_comes_before_its_question_is_none() {
    for stage in [Stage::Greeting, Stage::Ehlo, Stage::Mail, Stage::Rcpt, Stage::Data] {
        let expected = if stage < Stage::Mail { Kind::Relay } else { Kind::Deferred };
        for behind in ["250 2.0.0 Ok", "550 5.1.1 no such user", "25"] {
            let relay = Server::plain();
            relay.fault(stage, Fault::Behind(behind.into()));
            let result = send(&towards(&relay, "none", ""), &mail(), "a@example.com").await;
            assert_eq!(kind(&result), expected, "{stage:?} {behind}: {result:?}");
            assert_told(&result, "an answer before anything was asked");
            assert!(relay.so_far().is_empty());
        }
        let relay = Server::plain();
        relay.fault(stage, Fault::Behind("421 4.3.2 shutting down".into()));
        let result = send(&towards(&relay, "none", ""), &mail(), "a@example.com").await;
        assert_eq!(kind(&result), expected, "{stage:?}: {result:?}");
        assert_told(&result, "421 4.3.2 shutting down");
    }
}

#[tokio::test]
async fn a_reply_without_end_ends_the_dialogue_at_once() {
    for stage in [Stage::Greeting, Stage::Ehlo, Stage::Rcpt, Stage::Message] {
        for (flood, words) in [
            (&b"2"[..], "a line of more than 4096 bytes"),
            (b"\0", "a line of more than 4096 bytes"),
            (b"250-x\r\n", "more than 100 lines"),
            (b"\n", "an answer that is not SMTP"),
        ] {
            for (relay, encryption) in [(Server::plain(), "none"), (Server::tls(), "tls")] {
                relay.fault(stage, Fault::Flood(flood));
                let settings = towards(&relay, encryption, &format!("ca_file: {CA_FILE}"));
                let result = send(&settings, &mail(), "a@example.com").await;
                let expected = if stage < Stage::Rcpt { Kind::Relay } else { Kind::Deferred };
                assert_eq!(kind(&result), expected, "{stage:?} {flood:?}: {result:?}");
                assert_told(&result, words);
            }
        }
    }
}

/// A relay that floods everybody who connects with `bytes` for as long as they read.
fn flooding(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let piece = bytes.repeat((64 << 10) / bytes.len());
        while let Ok((mut client, _)) = listener.accept() {
            while client.write_all(&piece).is_ok() {}
        }
    });
    port
}

#[test]
fn a_flood_costs_the_service_little_memory_and_its_port_answers() {
    let mut site = Site::new();
    for (n, bytes) in [&b"2"[..], b"220-x\r\n", b"220-\n", b"\r\n"].into_iter().enumerate() {
        let right = format!("port: {}", site.relay.port);
        site.configure("  timeout: 60\n", AT_ONCE);
        let config = std::fs::read_to_string(site.service.path("config.yml")).unwrap();
        site.service.configure(&config.replace(&right, &format!("port: {}", flooding(bytes))));
        let mark = site.service.log().len();
        match n {
            0 => {
                site.service.start();
                assert_eq!(site.service.post(webhook(&["2"])).0, 202);
            }
            _ => site.nudge(),
        }
        let mut answers = 0;
        while !site.service.log()[mark..].contains("not delivered at attempt") {
            assert_eq!(site.service.request("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n", b"").0, 200);
            answers += 1;
            assert!(answers < 100_000, "{}", site.service.log());
        }
        assert!(site.service.log()[mark..].contains("an answer"), "{}", site.service.log());
    }
    assert_eq!(site.service.request("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n", b"").0, 200);
    let status = std::fs::read_to_string(format!("/proc/{}/status", site.service.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")).unwrap();
    assert!(peak.parse::<u64>().unwrap() < 64 << 10, "a peak of {peak} kB");
    site.configure("", AT_ONCE);
    site.nudge();
    site.service.done();
    assert_eq!(site.counts().into_values().collect::<Vec<_>>(), [1, 1]);
}

/// One relay, one fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum How {
    Slow,
    Silent,
    HangsUp,
    Closing,
    Garbage,
}

impl How {
    fn fault(self) -> Fault {
        match self {
            Self::Slow => Fault::Drip,
            Self::Silent => Fault::Hang,
            Self::HangsUp => Fault::Cut,
            Self::Closing => Fault::reply("421 4.3.2 shutting down"),
            Self::Garbage => Fault::Spelled(b"\xff\xfe hello?\r\n".to_vec()),
        }
    }
}

/// What follows from a fault at a stage.
fn expected(stage: Stage, how: How) -> Kind {
    match how {
        How::Slow => Kind::Delivered,
        _ if stage == Stage::Quit => Kind::Delivered,
        _ if stage < Stage::Rcpt => Kind::Relay,
        _ => Kind::Deferred,
    }
}

fn stages(encryption: &str) -> BTreeSet<Stage> {
    use Stage::{Auth, Data, Ehlo, EhloInTls, Greeting, Handshake, Mail, Message, Quit, Rcpt, Starttls};
    let mut stages = BTreeSet::from([Greeting, Ehlo, Mail, Rcpt, Data, Message, Quit]);
    match encryption {
        "starttls" => stages.extend([Starttls, Handshake, EhloInTls, Auth]),
        "tls" => stages.extend([Handshake, Auth]),
        _ => {}
    }
    stages
}

/// Sends to a relay with this fault, then to the same one mended.
async fn one_case(encryption: &str, stage: Stage, how: How, login: &str) {
    let case = format!("{encryption} {stage:?} {how:?}");
    // A busy machine may take longer than a short limit to get to the stage.
    let limits: &[u64] = if how == How::Silent { &[500, 5_000, 30_000] } else { &[60_000] };
    for (n, limit) in limits.iter().enumerate() {
        let relay = match encryption {
            "starttls" => Server::starttls().with_login("monitor", SECRET),
            "tls" => Server::tls().with_login("monitor", SECRET),
            _ => Server::plain(),
        };
        let more = if encryption == "none" { "" } else { login };
        relay.fault(stage, how.fault());
        let mut settings = towards(&relay, encryption, more);
        settings.notification.timeout = Duration::from_millis(*limit);
        let result = send(&settings, &mail(), "a@example.com").await;
        let taken = usize::from(stage >= Stage::Message && how != How::Closing || kind(&result) == Kind::Delivered);
        if n + 1 < limits.len() && (kind(&result) != expected(stage, how) || relay.so_far().len() != taken) {
            continue;
        }
        assert_eq!(kind(&result), expected(stage, how), "{case}: {result:?}");
        assert_eq!(relay.so_far().len(), taken, "{case}: {result:?}");
        let lost = stage == Stage::Message && matches!(how, How::Silent | How::HangsUp | How::Garbage);
        if let Err(error) = &result {
            assert_eq!(error.to_string().contains("may have been delivered all the same"), lost, "{case}: {error}");
            assert_told(&result, "");
        }
        relay.mend();
        settings.notification.timeout = Duration::from_secs(60);
        send(&settings, &mail(), "a@example.com").await.unwrap_or_else(|error| panic!("{case}, mended: {error}"));
        let delivered = relay.delivered(taken + 1).await;
        let parsed = delivered.iter().map(|mail| MessageParser::default().parse(&mail.data).unwrap());
        let ids: BTreeSet<String> = parsed.map(|mail| mail.message_id().unwrap().to_owned()).collect();
        assert_eq!((delivered.len(), ids.len()), (taken + 1, 1), "{case}");
        assert!(delivered.iter().all(|mail| mail.tls == (encryption != "none")), "{case}");
        return;
    }
}

#[test]
fn a_relay_may_fail_in_each_way_at_each_stage_with_and_without_tls() {
    let dir = tempfile::tempdir().unwrap();
    let login = tls::login_in(dir.path(), SECRET);
    let mut cases = Vec::new();
    for encryption in ["none", "starttls", "tls"] {
        for stage in stages(encryption) {
            for how in [How::Slow, How::Silent, How::HangsUp, How::Closing, How::Garbage] {
                if stage == Stage::Handshake && how == How::Slow {
                    continue; // Nothing of its own is due there.
                }
                cases.push((encryption, stage, how));
            }
        }
    }
    // A few at a time: each reads all certificates of the system, and has a runtime and a relay with their descriptors.
    side_by_side(&cases, |&(encryption, stage, how)| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(one_case(encryption, stage, how, &login));
    });
}
