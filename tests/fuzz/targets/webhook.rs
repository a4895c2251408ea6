//! Alertmanager's webhook: whatever is posted, little of it is kept.
#![no_main]

use ns8_backup_monitor::model::alert::MAX_ALERTS;
use ns8_backup_monitor::serve::webhook;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let names = ["backup_failed", "a"].map(String::from);
    if let Ok(webhook) = webhook::parse(body, &names) {
        assert!(webhook.queued + webhook.ignored <= body.len());
        for (plan, alerts) in &webhook.batch {
            assert!(alerts.kept.len() <= MAX_ALERTS);
            assert!(plan.as_ref().is_none_or(|plan| !plan.as_str().is_empty()));
            for alert in &alerts.kept {
                assert!(names.contains(&alert.name) && alert.text_len() <= 16 << 10);
            }
        }
    }
});
