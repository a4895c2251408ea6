//! A relay that misbehaves in every way, as the service meets it.

use std::collections::BTreeMap;

use crate::support::service::{wait_until, webhook};
use crate::support::site::{AT_ONCE, Site};
use crate::support::smtp::{CA_FILE, Fault, Server, Stage};

const THREE: [&str; 3] = ["admin@example.com", "ops@example.com", "boss@example.com"];

/// A site with three recipients.
fn site(notification: &str) -> Site {
    let site = Site::new();
    reconfigure(&site, notification, |config| config);
    site
}

fn reconfigure(site: &Site, notification: &str, change: impl Fn(String) -> String) {
    site.configure(notification, AT_ONCE);
    let config = std::fs::read_to_string(site.service.path("config.yml")).unwrap();
    site.service.configure(&change(config.replace("ops@example.com]", "ops@example.com, boss@example.com]")));
}

fn counts(counts: [usize; 3]) -> BTreeMap<String, usize> {
    THREE.map(String::from).into_iter().zip(counts).filter(|(_, count)| *count > 0).collect()
}

/// Posts an alert and waits until the first attempt has failed; how many mails each has by then.
fn first_attempt(site: &mut Site) -> BTreeMap<String, usize> {
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.service.logged("not delivered at attempt 1");
    site.counts()
}

/// A site after its first attempt, which has failed by this fault of the relay and left each with so many mails.
fn attempted(fault: Fault, set: impl Fn(&Server, Fault), expected: [usize; 3]) -> Site {
    // A relay that hangs uses up its time for a mail. A busy machine may need more than a short one for the others.
    let limits: &[u32] = if fault == Fault::Hang { &[2, 10, 40] } else { &[60] };
    for limit in limits {
        let mut site = site(&format!("  timeout: {limit}\n"));
        set(&site.relay, fault.clone());
        let found = first_attempt(&mut site);
        if found == counts(expected) {
            reconfigure(&site, "", |config| config);
            return site;
        }
        assert!(Some(limit) != limits.last(), "{fault:?}: {found:?}\n{}", site.service.log());
    }
    unreachable!("there is a last one")
}

/// Mends the relay; everybody then has one mail, but for `again`, who has the same one twice.
fn mended(site: &Site, again: &[&str]) {
    site.relay.mend();
    site.nudge();
    site.service.done();
    let inbox = site.inbox();
    for to in THREE {
        let ids: Vec<&str> = inbox.iter().filter(|mail| mail.to == to).map(|mail| &*mail.message_id).collect();
        let expected = if again.contains(&to) { 2 } else { 1 };
        assert_eq!(ids, vec![ids[0]; expected], "{to}");
    }
    assert_eq!(site.service.queued("failed"), [""; 0]);
    assert!(!site.service.log().contains("CRITICAL"), "{}", site.service.log());
}

/// The last mail to arrive is the last word about a plan. One that gets through ends the others' pauses.
#[test]
fn after_an_outage_the_mails_of_a_plan_come_in_their_order() {
    let mut site = site("");
    site.relay.fault(Stage::Greeting, Fault::reply("421 4.3.2 come back later"));
    assert_eq!(first_attempt(&mut site), counts([0, 0, 0]));
    let now = jiff::Timestamp::now().to_string();
    for errors in ["success", "error"] {
        let key = "module/samba1/backup/2/status";
        site.redis.hset(key, &[("result", errors), ("timestamp", &now), ("error", "disk quota exceeded")]);
        site.redis.hset("module/mail1/backup/2/status", &[("result", errors)]);
        let tried = site.service.log().matches("not delivered at attempt 1").count();
        let alert = r#"{"alerts": [{"status": "firing", "labels": {"alertname": "backup_failed", "id": "2"}}]}"#;
        assert_eq!(site.service.post(alert).0, 202);
        let is_tried = || site.service.log().matches("not delivered at attempt 1").count() > tried;
        wait_until("the first attempt has failed", is_tried, || site.service.log());
    }
    site.relay.mend();
    site.half_fails("3");
    assert_eq!(site.service.post(webhook(&["3"]).replace("Nightly", "Other")).0, 202);
    site.service.done();
    let mine = site.inbox().into_iter().filter(|mail| mail.to == THREE[0] && !mail.text.contains("Other"));
    let outcomes: Vec<String> =
        mine.map(|mail| mail.subject.split_whitespace().nth(1).unwrap_or_default().into()).collect();
    assert_eq!(outcomes, ["PARTIAL", "SUCCESS", "REPO_FAILURE"]);
}

/// Each of these faults keeps the mail from everybody, and none of them for good.
fn nobody_has_it_until_mended<const N: usize>(faults: [(Stage, Fault); N]) {
    at_once(faults.map(|(stage, fault)| {
        move || {
            mended(&attempted(fault, |relay, fault| relay.fault(stage, fault), [0, 0, 0]), &[]);
        }
    }));
}

#[test]
fn a_fault_of_the_relay_itself_is_tried_again_for_everybody() {
    let faults = [
        (Stage::Greeting, Fault::Hang),
        (Stage::Greeting, Fault::Cut),
        (Stage::Greeting, Fault::reply("421 4.3.2 shutting down")),
        (Stage::Greeting, Fault::reply("554 5.7.1 go away")),
        (Stage::Greeting, Fault::reply("SSH-2.0-OpenSSH_9.2")),
        (Stage::Ehlo, Fault::Hang),
        (Stage::Ehlo, Fault::Cut),
        (Stage::Mail, Fault::Hang),
        (Stage::Mail, Fault::Cut),
        (Stage::Mail, Fault::reply("450 4.7.1 greylisted")),
        (Stage::Mail, Fault::reply("530 5.7.0 Authentication required")),
        (Stage::Mail, Fault::reply("550 5.7.1 sender not allowed")),
    ];
    nobody_has_it_until_mended(faults);
}

#[test]
fn a_fault_at_one_recipients_mail_is_tried_again_for_that_one() {
    let replies = ["421 4.3.2 shutting down", "450 4.2.1 mailbox busy", "554 5.7.1 Relay access denied"];
    let [closing, busy, relaying] = replies.map(Fault::reply);
    let faults = [Fault::Hang, Fault::Cut, closing, busy, relaying];
    at_once(faults.map(|fault| {
        move || {
            mended(&attempted(fault, |relay, fault| relay.fault_for(THREE[1], fault), [1, 0, 1]), &[]);
        }
    }));
}

#[test]
fn a_relay_that_falls_silent_after_the_text_may_have_it_and_gets_it_again_under_the_same_message_id() {
    at_once([Fault::Hang, Fault::Cut].map(|fault| {
        move || {
            // The relay has taken them all, but never said so.
            let site = attempted(fault, |relay, fault| relay.fault(Stage::Message, fault), [1, 1, 1]);
            assert!(site.service.log().contains("it may have been delivered all the same"));
            mended(&site, &THREE);
        }
    }));
}

#[test]
fn a_fault_before_or_after_the_text_is_tried_again() {
    let faults = [
        (Stage::Data, Fault::Hang),
        (Stage::Data, Fault::Cut),
        (Stage::Data, Fault::reply("451 4.3.0 local error")),
        (Stage::Message, Fault::reply("451 4.3.0 local error")),
        (Stage::Message, Fault::reply("452 4.3.1 insufficient storage")),
    ];
    nobody_has_it_until_mended(faults);
}

#[test]
fn a_relay_that_is_not_there_or_has_no_name_is_tried_again() {
    let cases = [("connecting", "host: 127.0.0.1, port: 1"), ("looking up", "host: relay.invalid, port: 25")];
    at_once(cases.map(|(stage, wrong)| {
        move || {
            let mut site = site("");
            let right = format!("host: 127.0.0.1, port: {}", site.relay.port);
            reconfigure(&site, "", |config| config.replace(&right, wrong));
            assert_eq!(first_attempt(&mut site), counts([0, 0, 0]));
            assert!(site.service.log().contains(stage), "{}", site.service.log());
            reconfigure(&site, "", |config| config);
            mended(&site, &[]);
        }
    }));
}

#[test]
fn a_certificate_that_cannot_be_trusted_sends_nothing_until_it_can() {
    let mut site = site("");
    site.relay = Server::starttls();
    let encrypted = |config: String| config.replace("encryption: none", "encryption: starttls");
    reconfigure(&site, "", encrypted);
    assert_eq!(first_attempt(&mut site), counts([0, 0, 0]));
    assert!(site.relay.heard().iter().all(|line| !line.starts_with("MAIL")));
    // Known authority, but the certificate is for another name.
    let with_ca = |host: &str| {
        let host = host.to_owned();
        move |config: String| {
            let smtp = format!("encryption: starttls, ca_file: {CA_FILE}");
            config.replace("encryption: none", &smtp).replace("host: 127.0.0.1", &format!("host: {host}"))
        }
    };
    reconfigure(&site, "", with_ca("127.0.0.1"));
    site.nudge();
    site.service.logged("not delivered at attempt 2");
    assert!(site.relay.so_far().is_empty());
    reconfigure(&site, "", with_ca("localhost"));
    mended(&site, &[]);
    assert!(site.relay.so_far().iter().all(|mail| mail.tls));
}

#[test]
fn one_recipient_refused_for_good_takes_nothing_from_the_others_and_is_told_loudly() {
    let mut site = site("");
    site.relay.fault_for(THREE[1], Fault::reply("550 5.1.1 no such user"));
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.service.done();
    assert_eq!(site.counts(), counts([1, 0, 1]));
    let log = site.service.log();
    let critical: Vec<&str> = log.lines().filter(|line| line.starts_with("CRITICAL")).collect();
    assert_eq!(critical.len(), 1, "{log}");
    assert!(critical[0].contains(THREE[1]) && critical[0].contains("550 5.1.1 no such user"), "{log}");
    assert_eq!(site.service.queued("failed").len(), 1);
    let table = tool(&site, &["queue"]);
    assert!(table.contains("no such user"), "{table}");
    // The mailbox is made; the administrator has the rest sent.
    mended_after_giving_up(&site);
}

#[test]
fn a_message_refused_for_good_is_given_up_for_everybody() {
    let mut site = site("");
    site.relay.fault(Stage::Message, Fault::reply("552 5.3.4 message too big"));
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.service.done();
    assert_eq!(site.service.log().lines().filter(|line| line.starts_with("CRITICAL")).count(), 3);
    assert_eq!(site.service.queued("failed").len(), 1);
    mended_after_giving_up(&site);
}

#[test]
fn after_retry_for_what_is_undelivered_is_kept_told_loudly_and_can_be_sent_later() {
    let mut site = site("  retry_for: 0\n");
    site.relay.fault_for(THREE[2], Fault::reply("450 4.2.1 mailbox busy"));
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.service.done();
    assert_eq!(site.counts(), counts([1, 1, 0]));
    let log = site.service.log();
    assert!(log.contains("CRITICAL: gave up delivering the report to boss@example.com"), "{log}");
    assert!(tool(&site, &["queue"]).contains("mailbox busy"));
    // It is still there after a restart, and nothing is tried by itself.
    assert!(site.service.terminate().success());
    site.service.start();
    assert_eq!(site.service.post(webhook(&[])).0, 200);
    assert_eq!(site.service.queued("failed").len(), 1);
    mended_after_giving_up(&site);
}

/// The relay is mended and the administrator asks for another try: everybody has the report, once.
fn mended_after_giving_up(site: &Site) {
    site.relay.mend();
    site.nudge();
    crate::support::service::wait_until(
        "the failed job is gone",
        || site.service.queued("failed").is_empty() && site.service.queued("json").is_empty(),
        || site.service.log(),
    );
    assert_eq!(site.counts(), counts([1, 1, 1]));
}

#[test]
fn an_address_is_corrected_while_its_report_is_still_retried() {
    let mut site = site("");
    site.relay.fault_for(THREE[1], Fault::reply("450 4.2.1 mailbox busy"));
    assert_eq!(first_attempt(&mut site), counts([1, 0, 1]));
    // The administrator asks for another attempt: the pauses begin anew.
    site.nudge();
    let first_attempts = || site.service.log().matches("not delivered at attempt 1,").count();
    crate::support::service::wait_until("a second first attempt", || first_attempts() == 2, || site.service.log());
    reconfigure(&site, "", |config| config.replace(THREE[1], "right@example.com"));
    site.nudge();
    site.service.done();
    let expected = [(THREE[0], 1), (THREE[2], 1), ("right@example.com", 1)];
    assert_eq!(site.counts(), expected.map(|(to, count)| (to.to_owned(), count)).into());
}

/// What a tool prints beside the running service.
fn tool(site: &Site, arguments: &[&str]) -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_ns8-backup-monitor"))
        .arg("--config")
        .arg(site.service.path("config.yml"))
        .args(arguments)
        .env("STATE_DIRECTORY", site.service.path("state"))
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Runs cases side by side: each waits for time-outs most of the time.
fn at_once<const N: usize>(cases: [impl FnOnce() + Send; N]) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(case);
        }
    });
}
