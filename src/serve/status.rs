//! The service in one line, for `systemctl status`. Pure.

use jiff::Timestamp;

use crate::config::Settings;
use crate::job::{Delivery, Job, Stage};

/// While alerts are refused.
pub(super) fn refusing(reason: &str) -> String {
    format!("refusing alerts with 503: {}", reason.lines().collect::<Vec<_>>().join(" "))
}

/// What is going on. `closed`: why alerts are refused, if they are; `failed`: jobs that were given up.
pub(super) fn describe(
    jobs: &mut dyn Iterator<Item = (&Job, bool)>,
    settings: Option<&Settings>,
    closed: Option<&str>,
    failed: usize,
    now: Timestamp,
) -> String {
    let (mut waiting, mut writing, mut deliveries) = (Vec::new(), Vec::new(), Vec::new());
    for (job, joinable) in jobs {
        match &job.stage {
            Stage::Waiting if joinable => waiting.push(job),
            Stage::Waiting => writing.push(job),
            Stage::Delivering(delivery) => deliveries.push(delivery),
        }
    }
    let mut parts: Vec<String> = closed.map(refusing).into_iter().collect();
    parts.extend(describe_waiting(&waiting, settings, now));
    match &writing[..] {
        [] => {}
        [job] => parts.push(format!("looking at {} and its repositories", job.about())),
        jobs => parts.push(format!("looking at {} plans and their repositories", jobs.len())),
    }
    parts.extend(describe_deliveries(&deliveries, now));
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
    let next = deliveries.iter().filter_map(|delivery| delivery.next_attempt_at).min();
    let reason = deliveries.iter().find_map(|delivery| delivery.last_error()).unwrap_or_default();
    Some(match next {
        Some(next) => {
            let seconds = next.duration_since(now).as_secs().max(0);
            format!("{count}, next attempt in {seconds} s: {}", reason.escape_debug())
        }
        None => count,
    })
}
