//! The all-clear, and the mail about every run, from the watch's tick to the relay.

use mail_parser::MessageParser;

use super::*;
use crate::support::site::read;

/// The subjects of everybody's mails so far, once each of the two has this many; the same for both.
fn subjects(watched: &Watched, each: usize) -> Vec<String> {
    let enough = || watched.site.relay.so_far().len() >= 2 * each;
    wait_until(&format!("{each} mails each"), enough, || watched.site.service.log());
    watched.site.service.done();
    let of = |to: &str| -> Vec<String> {
        let mails = watched.site.inbox().into_iter().filter(|mail| mail.to == to);
        mails.map(|mail| mail.subject.trim_start_matches("[ns8-backup] ").to_owned()).collect()
    };
    assert_eq!(of("admin@example.com"), of("ops@example.com"));
    assert_eq!(of("admin@example.com").len(), each);
    of("admin@example.com")
}

/// The thread of each mail of a recipient.
fn threads(watched: &Watched) -> Vec<String> {
    let mails = watched.site.relay.so_far();
    let mine = mails.iter().filter(|mail| read(mail).to == "admin@example.com");
    mine.map(|mail| {
        let message = MessageParser::default().parse(&mail.data).unwrap();
        message.header_raw("References").expect("a thread").trim().to_owned()
    })
    .collect()
}

const PARTIAL: &str = "PARTIAL - 1/2 module(s) failed";
const RECOVERED: &str = "RECOVERED - all 2 module(s) backed up successfully after 1 failed run(s)";

/// A plan that was due an hour ago and that the watch has known for a day, so that this due time counts.
fn known() -> Watched {
    let watched = Watched::new(60);
    watched.tick_at("-1d");
    watched
}

/// A failed run that was mailed, and a good one by hand after it that nobody has looked at.
fn recovered() -> Watched {
    let mut watched = known();
    watched.ends("mail1", 50, 0);
    watched.ends("samba1", 40, 2);
    watched.site.service.start();
    watched.tick();
    assert_eq!(subjects(&watched, 1), [PARTIAL]);
    watched.ends("mail1", 2, 0);
    watched.ends("samba1", 1, 0);
    watched
}

/// Alertmanager says again that the run 40 minutes ago failed.
fn repeat(watched: &Watched) {
    let starts_at = Timestamp::from_second(ago(39)).unwrap();
    let alert = serde_json::json!({"status": "firing", "labels": {"alertname": "backup_failed", "id": "2"},
        "startsAt": starts_at});
    let batch = serde_json::json!({"version": "4", "status": "firing", "alerts": [alert]}).to_string();
    assert_eq!(watched.site.service.post(batch).0, 202);
    wait_until("a job", || watched.site.service.log().contains("accepted an alert"), || watched.site.service.log());
    watched.site.service.done();
}

#[test]
fn a_recovery_is_mailed_once_in_the_thread_of_the_failure() {
    let watched = recovered();
    assert!(watched.tick().contains("has no failure, after one that had, or was missed"));
    assert_eq!(subjects(&watched, 2), [PARTIAL, RECOVERED]);
    let threads = threads(&watched);
    assert_eq!(threads[0], threads[1]);
    assert!(!watched.tick().contains("plan 2"));
    // Alertmanager does not know yet: its repetition brings nothing new.
    repeat(&watched);
    assert!(!watched.tick().contains("plan 2"));
    assert_eq!(subjects(&watched, 2), [PARTIAL, RECOVERED]);
    assert_eq!(watched.history()["runs"].as_array().unwrap().last().unwrap()["outcome"], "SUCCESS");
}

#[test]
fn a_recovery_takes_the_place_of_the_success_that_a_repeated_alert_would_bring() {
    let watched = recovered();
    repeat(&watched);
    assert_eq!(subjects(&watched, 2), [PARTIAL, RECOVERED]);
    assert!(!watched.tick().contains("plan 2"), "it was said");
    repeat(&watched);
    assert_eq!(subjects(&watched, 2), [PARTIAL, RECOVERED]);
}

#[test]
fn without_recovery_the_repeated_alert_brings_a_success() {
    let mut watched = recovered();
    watched.notification = "  recovery: false\n";
    watched.configure("");
    assert!(!watched.tick().contains("plan 2"));
    repeat(&watched);
    assert_eq!(subjects(&watched, 2), [PARTIAL, "SUCCESS - all 2 module(s) backed up successfully"]);
}

#[test]
fn every_good_run_is_mailed_once_to_those_who_want_it() {
    let mut watched = known();
    watched.notification = "  success: true\n";
    watched.configure("");
    watched.ends("mail1", 50, 0);
    watched.ends("samba1", 40, 0);
    watched.site.service.start();
    watched.tick();
    let success = "SUCCESS - all 2 module(s) backed up successfully";
    assert_eq!(subjects(&watched, 1), [success]);
    watched.tick();
    watched.tick();
    assert_eq!(subjects(&watched, 1), [success]);
    let mail = watched.site.inbox().remove(0);
    assert!(mail.text.starts_with("SUCCESS: every module was backed up successfully (2 of 2)."), "{}", mail.text);
    assert!(!mail.text.contains("alert is newer"), "its own news is no failure: {}", mail.text);
    watched.ends("mail1", 2, 0);
    watched.ends("samba1", 1, 1);
    watched.tick();
    assert_eq!(subjects(&watched, 2), [success, PARTIAL]);
    watched.ends("samba1", 0, 0);
    watched.tick();
    assert_eq!(subjects(&watched, 3), [success, PARTIAL, RECOVERED], "no SUCCESS beside it");
}
