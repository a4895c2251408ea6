//! restic's complaints: whatever it says, there is a verdict, and no secret in it.
#![no_main]
#![allow(dead_code)]

use ns8_backup_monitor::model::repository::{Lock, Verdict};
use secrecy::SecretString;

#[path = "../../../src/probe/complaint.rs"]
mod complaint;
#[path = "../../../src/system/redact.rs"]
mod redact;

libfuzzer_sys::fuzz_target!(|input: (Option<i32>, &str)| {
    let secret = SecretString::from("correct-horse");
    let verdict = complaint::verdict(input.0, input.1, &[&secret]);
    assert!(!format!("{verdict:?}").contains("correct-horse"));
    let _ = complaint::unreadable_snapshot(input.1);
});
