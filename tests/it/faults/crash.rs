//! SIGKILL at every step of a job, and at random.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use crate::support::service::{exchange, wait_until, webhook};
use crate::support::site::{Read, Site};

/// The steps of a job at which a debug build can be killed, and whether a kill there may come between the relay's 250
/// and its record, at some passage.
const POINTS: [(&str, bool); 11] = [
    ("file-written", true),
    ("file-synced", true),
    ("queue-renamed", false),
    ("queue-removed", false),
    ("queue-saved", false),
    ("settled", false),
    ("written", false),
    ("advanced", false),
    ("before-send", false),
    ("after-send", true),
    ("recipient-saved", false),
];

#[test]
fn every_kill_point_of_the_program_is_tried() {
    let mut files = Vec::new();
    super::sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), "", &mut files);
    let calls = files.iter().flat_map(|(_, source)| source.split("kill::point(\"").skip(1));
    let names = calls.map(|call| call.split('"').next().unwrap());
    // The watch has tests of its own.
    let found: BTreeSet<&str> = names.filter(|name| !name.starts_with("watch-")).collect();
    assert_eq!(found, POINTS.map(|(name, _)| name).into());
}

#[test]
fn killed_at_any_step_a_job_goes_on_by_itself_and_nobody_misses_the_report() {
    for (point, may_repeat) in POINTS {
        // At each passage, until the job gets through without coming by once more.
        for passage in 1.. {
            let killed = kill_at(point, passage, may_repeat);
            assert!(killed || passage > 1, "{point} is never passed");
            if !killed {
                break;
            }
        }
    }
}

/// Runs a job that is killed at the `passage`-th passage of `point`, and the next process. False where it did not come
/// to that.
fn kill_at(point: &str, passage: u32, may_repeat: bool) -> bool {
    let context = format!("killed at {point}:{passage}");
    let mut site = Site::new();
    site.service.start_with(&[("NS8_BACKUP_MONITOR_KILL_AT", &format!("{point}:{passage}"))]);
    let accepted = post(&site.service.address, "2");
    wait_until(
        &format!("a kill or the end of the job, {context}"),
        || !site.service.is_running() || (accepted && is_finished(&site)),
        || site.service.log(),
    );
    // Where it was the last step of all, it may come just now.
    let status = if site.service.is_running() { site.service.terminate() } else { site.service.ended() };
    if status.success() {
        assert!(accepted, "{context}");
        return false;
    }
    assert_eq!(status.signal(), Some(9), "{context}\n{}", site.service.log());

    let sent = site.relay.so_far().len();
    let unrecorded = if accepted && !site.service.queued("json").is_empty() { sent - recorded(&site) } else { 0 };
    assert!(unrecorded == 0 || (may_repeat && unrecorded == 1), "{context}: {unrecorded}");

    site.service.start();
    assert_eq!(site.service.request("GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n", b"").0, 200, "{context}");
    if !accepted {
        assert_eq!(site.service.post(webhook(&["2"])).0, 202, "{context}");
    }
    wait_until(&context, || is_finished(&site), || site.service.log());
    assert_eq!(site.relay.so_far().len(), 2 + unrecorded, "{context}\n{}", site.service.log());
    assert_each_once_or_again(&site.inbox(), &["admin@example.com", "ops@example.com"], &context);
    assert!(site.service.terminate().success());
    assert_eq!(site.service.queued("tmp"), [""; 0], "{context}");
    true
}

/// Posts an alert for `plan`; whether the answer was 2xx.
fn post(address: &str, plan: &str) -> bool {
    let body = webhook(&[plan]);
    let head = format!("POST /alert HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    exchange(address, &head, body.as_bytes()).starts_with("HTTP/1.1 202")
}

/// No job is left, and what has been sent is remembered.
fn is_finished(site: &Site) -> bool {
    site.service.queued("json").is_empty() && site.service.queued("sent") == ["sent"]
}

/// How many deliveries the queue file records.
fn recorded(site: &Site) -> usize {
    let mails = site.job()["stage"]["delivering"]["mails"].as_array().cloned().unwrap_or_default();
    let recipients = mails.iter().flat_map(|mail| mail["recipients"].as_array().unwrap().clone());
    recipients.filter(|recipient| recipient["state"]["delivered"].is_object()).count()
}

/// Everybody has the report, and who has it twice can see that by its Message-ID.
fn assert_each_once_or_again(inbox: &[Read], recipients: &[&str], context: &str) {
    for to in recipients {
        let ids: BTreeSet<&str> =
            inbox.iter().filter(|mail| mail.to == *to).map(|mail| mail.message_id.as_str()).collect();
        assert_eq!(ids.len(), 1, "{context}: {to} has {ids:?}");
    }
}

#[test]
fn killed_at_random_many_times_everything_accepted_is_reported() {
    const ROUNDS: usize = 60;
    let mut random = super::random();
    let mut site = Site::new();
    let plans: Vec<String> = (0..2 * ROUNDS).map(|n| format!("plan{n}")).collect();
    for plan in &plans {
        let (key, now) = (format!("module/only/backup/{plan}/status"), jiff::Timestamp::now().to_string());
        site.redis.hset(&key, &[("result", "error"), ("timestamp", &now), ("error", &format!("({plan}) failed"))]);
    }
    // As Alertmanager does, what is not answered with 2xx is sent again.
    let (to_post, posts) = std::sync::mpsc::channel::<String>();
    let address = site.service.address.clone();
    let poster = std::thread::spawn(move || posts.iter().for_each(|plan| while !post(&address, &plan) {}));
    for plans in plans.chunks(2) {
        plans.iter().for_each(|plan| to_post.send(plan.clone()).unwrap());
        site.service.start();
        std::thread::sleep(Duration::from_micros(random.u64(0..100_000)));
        site.service.kill();
    }
    drop(to_post);
    site.service.start();
    wait_until("all alerts are accepted", || poster.is_finished(), || site.service.log());
    poster.join().unwrap();
    wait_until("all jobs are done", || is_finished(&site), || site.service.log());

    let inbox = site.inbox();
    for plan in &plans {
        let about: Vec<Read> = inbox.iter().filter(|mail| mail.text.contains(&format!("({plan})"))).cloned().collect();
        assert_each_once_or_again(&about, &["admin@example.com", "ops@example.com"], plan);
    }
    assert_eq!(site.service.queued("broken"), [""; 0]);
    assert_eq!(site.service.queued("failed"), [""; 0]);
}
