//! A configuration: settings that hold what they promise, or reasons that can be shown.
#![no_main]

use ns8_backup_monitor::config;

libfuzzer_sys::fuzz_target!(|text: &str| match config::parse(text) {
    Ok(settings) => {
        assert!(!settings.notification.mail_to.is_empty());
        assert!(settings.plans.keys().all(|plan| !settings.mail_to(Some(plan)).is_empty()));
        assert!(settings.receiver.port > 0 && !settings.notification.sendmail_command[0].is_empty());
    }
    Err(problems) => {
        assert!(!problems.is_empty());
        // YAML ends lines at each of these.
        let lines = text.matches(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count() + 1;
        for problem in problems {
            assert!(!problem.message.is_empty() && problem.line.is_none_or(|line| line <= lines + 1));
            assert!(!(problem.key + &problem.message).contains(char::is_control));
        }
    }
});
