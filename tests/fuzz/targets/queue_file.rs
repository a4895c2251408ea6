//! A queue file: what can be read can be written, and is then the same.
#![no_main]

use ns8_backup_monitor::model::job::{Job, Stage};
use ns8_backup_monitor::model::mail::Mail;

libfuzzer_sys::fuzz_target!(|content: &[u8]| {
    let Ok(mut job) = serde_json::from_slice::<Job>(content) else { return };
    let written = serde_json::to_vec(&job).unwrap();
    assert_eq!(serde_json::from_slice::<Job>(&written).unwrap(), job);
    assert!(job.alert_start() <= job.accepted_at);
    let _ = (job.about(), job.time_left(std::time::Duration::from_secs(30), jiff::Timestamp::UNIX_EPOCH));
    if let Stage::Delivering(delivery) = &mut job.stage {
        let _ = (delivery.last_error(), ns8_backup_monitor::deliver::pause(delivery.attempts.count, 0.5));
        let mail_to = ["admin@example.com".parse().unwrap()];
        delivery.start_over(None);
        assert!(!delivery.mails.iter().any(Mail::any_given_up));
        for mail in &mut delivery.mails {
            mail.readdress(&mail_to, |_, _| true);
            assert!(mail.pending().all(|to| to.email() == "admin@example.com"));
        }
    }
});
