//! The service in one line, for `systemctl status`. Pure.

use jiff::Timestamp;

use crate::config::Settings;
use crate::model::job::{Delivery, Job, Stage};

/// While alerts are refused.
pub(super) fn refusing(reason: &str) -> String {
    format!("refusing alerts with 503: {}", reason.lines().collect::<Vec<_>>().join(" "))
}

/// The whole line. `closed`: why alerts are refused, if they are; `unsaved`: files that could not be written; `failed`:
/// reports that could not be delivered.
pub(super) fn line(closed: Option<&str>, work: Vec<String>, unsaved: usize, failed: usize) -> String {
    let mut parts: Vec<String> = closed.map(refusing).into_iter().collect();
    if unsaved > 0 {
        parts.push(format!("{unsaved} file(s) of the queue cannot be written"));
    }
    parts.extend(work);
    match failed {
        0 => {}
        1 => parts.push("1 report could not be delivered, see `ns8-backup-monitor queue`".into()),
        n => parts.push(format!("{n} reports could not be delivered, see `ns8-backup-monitor queue`")),
    }
    match parts.is_empty() {
        true => "idle".into(),
        false => parts.join("; "),
    }
}

/// What is going on.
pub(super) fn work(jobs: &mut dyn Iterator<Item = &Job>, settings: Option<&Settings>, now: Timestamp) -> Vec<String> {
    let (mut waiting, mut following, mut deliveries) = (Vec::new(), Vec::new(), Vec::new());
    for job in jobs {
        match &job.stage {
            Stage::Waiting => waiting.push(job),
            Stage::Following(_) => following.push(job),
            Stage::Delivering(delivery) => deliveries.push(delivery),
            Stage::Examined(_) | Stage::Done(_) => {}
        }
    }
    let mut parts: Vec<String> = describe_waiting(&waiting, settings, now).into_iter().collect();
    match &following[..] {
        [] => {}
        [job] => parts.push(format!("following {} until its run is over", job.about())),
        jobs => parts.push(format!("following {} plans until their runs are over", jobs.len())),
    }
    parts.extend(describe_deliveries(&deliveries, now));
    parts
}

fn describe_waiting(jobs: &[&Job], settings: Option<&Settings>, now: Timestamp) -> Option<String> {
    let job = match jobs {
        [] => return None,
        [job] => job,
        jobs => return Some(format!("waiting for {} plans", jobs.len())),
    };
    let about = job.about();
    let Some(correlator) = settings.map(|settings| &settings.correlator) else {
        return Some(format!("waiting for {about}"));
    };
    let left = |whole| job.time_left(whole, now).as_secs();
    Some(match (left(correlator.wait), left(correlator.max_wait)) {
        (0, 0) => format!("examining {about}"),
        (0, left) => format!("waiting for the modules of {about}, {left} s at most"),
        (left, _) => format!("waiting {left} s for {about}"),
    })
}

fn describe_deliveries(deliveries: &[&Delivery], now: Timestamp) -> Option<String> {
    let mails: usize = deliveries.iter().map(|delivery| delivery.pending()).sum();
    let count = match mails {
        0 => return None,
        1 => "1 mail to deliver".to_owned(),
        n => format!("{n} mails to deliver"),
    };
    let paused =
        deliveries.iter().filter_map(|delivery| Some((delivery.attempts.next_attempt_at?, delivery.last_error()?)));
    Some(match paused.filter(|(next, _)| *next > now).min() {
        Some((next, reason)) => {
            let seconds = next.duration_since(now).as_secs();
            format!("{count}, next attempt in {seconds} s: {}", reason.escape_debug())
        }
        None => count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn say(now: &str) -> String {
        let settings = config::parse("notification: { mail_to: admin@example.com }").unwrap();
        let waiting: Job = serde_json::from_str(include_str!("../../tests/fixtures/queue/waiting.v1.json")).unwrap();
        let sending = include_str!("../../tests/fixtures/queue/delivering.v1.json");
        let sending: Job = serde_json::from_str(sending).unwrap();
        let mut jobs = [&waiting, &sending].into_iter();
        line(None, work(&mut jobs, Some(&settings), now.parse().unwrap()), 0, 0)
    }

    #[test]
    fn it_says_in_words_what_is_going_on() {
        assert_eq!(
            say("2026-11-22T03:15:12.25Z"),
            "waiting 18 s for plan 2; 1 mail to deliver, next attempt in 78 s: relay.example.com:587 does not answer"
        );
        assert_eq!(
            say("2026-11-22T03:17:00.25Z"),
            "waiting for the modules of plan 2, 780 s at most; 1 mail to deliver",
        );
        assert_eq!(line(None, vec![], 0, 0), "idle");
        assert_eq!(
            line(Some("config.yml:2: no\nconfig.yml:3: no"), vec![], 1, 2),
            "refusing alerts with 503: config.yml:2: no config.yml:3: no; 1 file(s) of the queue cannot be written; \
             2 reports could not be delivered, see `ns8-backup-monitor queue`"
        );
    }
}
