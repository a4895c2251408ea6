//! restic's words and the gateway's: whatever they say, there is a verdict, and no secret in it.
#![no_main]
#![allow(dead_code)]

use ns8_backup_monitor::model;
use secrecy::SecretString;

#[path = "../../../src/probe/check.rs"]
mod check;
#[path = "../../../src/probe/complaint.rs"]
mod complaint;
#[path = "../../../src/probe/limits.rs"]
mod limits;
#[path = "."]
mod system {
    #[path = "../../../src/system/redact.rs"]
    pub(crate) mod redact;
}
#[path = "../../../src/probe/webdav.rs"]
mod webdav;

libfuzzer_sys::fuzz_target!(|input: (Option<i32>, &str)| {
    let secret = SecretString::from("correct-horse");
    let verdict = complaint::verdict(input.0, input.1, &[&secret]);
    assert!(!format!("{verdict:?}").contains("correct-horse"));
    let plain = complaint::plain(input.1);
    assert!(!plain.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')));
    let _ = complaint::unreadable_snapshot(&plain);
    let damage = check::damage(&plain);
    assert!(damage.is_none() || check::enough(input.1));
    let progress = check::progress(input.1);
    assert!(progress.packs || !progress.folders);
    let _ = webdav::files(input.1);
});
