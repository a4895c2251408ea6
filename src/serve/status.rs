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

/// What is going on; each job with whether alerts still join it.
pub(super) fn work(
    jobs: &mut dyn Iterator<Item = (&Job, bool)>,
    settings: Option<&Settings>,
    now: Timestamp,
) -> Vec<String> {
    let (mut waiting, mut writing, mut deliveries) = (Vec::new(), Vec::new(), Vec::new());
    for (job, joinable) in jobs {
        match &job.stage {
            Stage::Waiting if joinable => waiting.push(job),
            Stage::Waiting => writing.push(job),
            Stage::Delivering(delivery) => deliveries.push(delivery),
        }
    }
    let mut parts: Vec<String> = describe_waiting(&waiting, settings, now).into_iter().collect();
    match &writing[..] {
        [] => {}
        [job] => parts.push(format!("looking at {} and its repositories", job.about())),
        jobs => parts.push(format!("looking at {} plans and their repositories", jobs.len())),
    }
    parts.extend(describe_deliveries(&deliveries, now));
    parts
}

fn describe_waiting(jobs: &[&Job], settings: Option<&Settings>, now: Timestamp) -> Option<String> {
    match jobs {
        [] => None,
        [job] => {
            let about = job.about();
            let left = |whole| job.wait_left(whole, now).as_secs();
            Some(match settings.map(|settings| &settings.correlator) {
                Some(correlator) if left(correlator.wait) > 0 => {
                    format!("waiting {} s for {about}", left(correlator.wait))
                }
                Some(correlator) => {
                    format!("waiting for the modules of {about}, {} s at most", left(correlator.max_wait))
                }
                None => format!("waiting for {about}"),
            })
        }
        jobs => Some(format!("waiting for {} plans", jobs.len())),
    }
}

fn describe_deliveries(deliveries: &[&Delivery], now: Timestamp) -> Option<String> {
    let mails: usize = deliveries.iter().map(|delivery| delivery.pending()).sum();
    let count = match mails {
        0 => return None,
        1 => "1 mail to deliver".to_owned(),
        n => format!("{n} mails to deliver"),
    };
    let paused = deliveries.iter().filter_map(|delivery| Some((delivery.next_attempt_at?, delivery.last_error()?)));
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
        let mut jobs = [(&waiting, true), (&sending, false)].into_iter();
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
