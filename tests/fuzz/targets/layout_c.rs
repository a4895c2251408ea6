//! Layout C's results: no success is made up.
#![no_main]
#![allow(dead_code, unreachable_pub, unused_imports)]

#[path = "../../../src/cluster/layout_b.rs"]
mod layout_b;
#[path = "../../../src/cluster/layout_c.rs"]
mod layout_c;
#[path = "../../../src/cluster/limits.rs"]
mod limits;
#[path = "../../../src/cluster/resp.rs"]
mod resp;
#[path = "../../../src/cluster/value.rs"]
mod value;

use ns8_backup_monitor::model;

libfuzzer_sys::fuzz_target!(|json: &str| {
    if let Ok(result) = layout_c::result(json) {
        assert!(result.end.is_some() || result.errors > 0, "a success without a time");
    }
});
