//! The same alert again: exactly the mails that are promised.

use jiff::{SignedDuration, Timestamp};

use super::clock::Clock;
use crate::support::site::{AT_ONCE, Site};

/// An alert of plan 2 that began at `start`, as `source` sends it.
fn alert(start: &str, source: &str) -> String {
    let labels = serde_json::json!({"alertname": "backup_failed", "id": "2", "name": "Nightly", "monitor": source});
    serde_json::json!({"version": "4", "status": "firing", "alerts": [
        {"status": "firing", "labels": labels, "startsAt": start, "fingerprint": "2f3c"}
    ]})
    .to_string()
}

/// Nothing is examined before [`end_wait`].
const WAITS: &str = "correlator: { wait_seconds: 3600 }\nrepo_check: { enabled: false }\n";

/// The wait of the only job is over.
fn end_wait(site: &mut Site) {
    assert!(site.service.terminate().success());
    assert_eq!(site.service.queued("json").len(), 1);
    site.configure("", AT_ONCE);
    site.service.start();
    site.service.done();
}

/// Posts it and waits until its job is over: how many mails there are by then.
fn mails_after(site: &Site, body: &str) -> usize {
    assert_eq!(site.service.post(body).0, 202);
    site.service.done();
    site.relay.so_far().len()
}

#[test]
fn sent_twice_or_by_two_alertmanagers_within_the_wait_it_is_one_mail() {
    let mut site = Site::with("", WAITS);
    site.service.start();
    let start = Timestamp::now().to_string();
    for source in ["a", "a", "b", "b", "a"] {
        assert_eq!(site.service.post(alert(&start, source)).0, 202);
    }
    end_wait(&mut site);
    assert_eq!(site.relay.so_far().len(), 2, "one for each recipient");
    assert_eq!(mails_after(&site, &alert(&start, "b")), 2, "and one that comes late makes none");
}

/// Killed just before a job was taken off the queue whose report everybody had from another one.
#[test]
fn a_report_that_everybody_has_is_not_made_up_for_by_a_restart() {
    let mut site = Site::with("  repeat_after: 0\n", AT_ONCE);
    let mut job: serde_json::Value =
        serde_json::from_str(include_str!("../../fixtures/queue/delivering.v1.json")).unwrap();
    job["stage"]["delivering"]["mails"] = serde_json::json!([]);
    std::fs::create_dir_all(site.service.queue()).unwrap();
    std::fs::write(site.service.queue().join("20261122-031500-beef.json"), job.to_string()).unwrap();
    site.service.start();
    site.service.done();
    assert!(site.relay.so_far().is_empty(), "{:?}", site.relay.so_far());
}

#[test]
fn repeated_every_three_hours_it_is_a_reminder_and_no_more_than_asked_for() {
    let mut site = Site::with("  repeat_after: 12h\n", AT_ONCE);
    let (clock, start) = (Clock::of(&site), Timestamp::now().to_string());
    clock.start(&mut site);
    assert_eq!(mails_after(&site, &alert(&start, "a")), 2);
    for (later, mails) in [("+5m", 2), ("+3h", 2), ("+6h", 2), ("+9h", 2), ("+13h", 4), ("+15h", 4)] {
        clock.set(later);
        assert_eq!(mails_after(&site, &alert(&start, "a")), mails, "{later}");
    }
    // Within one hour, each repetition is one.
    site.configure("  repeat_after: 1h\n", AT_ONCE);
    clock.set("+18h");
    assert_eq!(mails_after(&site, &alert(&start, "a")), 6);
    // Also across restarts.
    assert!(site.service.terminate().success());
    clock.start(&mut site);
    assert_eq!(mails_after(&site, &alert(&start, "a")), 6);
}

#[test]
fn a_new_failure_in_the_next_night_under_an_unchanged_alert_is_a_new_mail() {
    let mut site = Site::with("  repeat_after: 48h\n", AT_ONCE);
    site.runs();
    let now = Timestamp::now();
    site.ends("samba1", now.as_second(), 0);
    let (clock, start) = (Clock::of(&site), now.to_string());
    clock.start(&mut site);
    assert_eq!(mails_after(&site, &alert(&start, "a")), 2);
    clock.set("+24h");
    assert_eq!(mails_after(&site, &alert(&start, "a")), 2, "nothing has run since");
    let next_night = now.checked_add(SignedDuration::from_hours(24)).unwrap().as_second();
    site.ends("samba1", next_night, 0);
    site.ends("mail1", next_night, 1);
    assert_eq!(mails_after(&site, &alert(&start, "a")), 4);
    assert_eq!(mails_after(&site, &alert(&start, "a")), 4);
}

#[test]
fn the_alerts_of_two_nodes_one_after_the_other_are_one_mail_with_both() {
    let mut site = Site::with("", WAITS);
    site.service.start();
    let start = Timestamp::now().to_string();
    for node in ["1", "2"] {
        let body = alert(&start, "a").replace("\"monitor\":\"a\"", &format!("\"node\":\"{node}\""));
        assert_eq!(site.service.post(body).0, 202);
    }
    end_wait(&mut site);
    assert_eq!(site.relay.so_far().len(), 2);
}
