//! Alertmanager's webhook: whatever is posted, little of it is kept.
#![no_main]

use ns8_backup_monitor::model::alert;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let names = ["backup_failed", "a"].map(String::from);
    if let Ok(batch) = alert::parse(body, &names) {
        assert!(batch.alerts.len() + batch.ignored <= body.len());
        for (plan, alert) in &batch.alerts {
            assert!(names.contains(&alert.name));
            assert!(alert.text_len() <= 16 << 10);
            assert!(plan.as_ref().is_none_or(|plan| !plan.as_str().is_empty()));
        }
    }
});
