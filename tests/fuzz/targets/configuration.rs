//! A configuration: settings or reasons, never both missing.
#![no_main]

use ns8_backup_monitor::config;

libfuzzer_sys::fuzz_target!(|text: &str| {
    match config::parse(text) {
        Ok(settings) => assert!(!settings.notification.mail_to.is_empty()),
        Err(problems) => {
            assert!(!problems.is_empty() && problems.iter().all(|problem| !problem.message.is_empty()));
        }
    }
});
