//! Layout C's results: no success is made up.
#![no_main]
#![allow(dead_code, unreachable_pub, unused_imports)]

#[path = "../../../src/cluster/generation.rs"]
mod generation;
#[path = "../../../src/cluster/layout_a.rs"]
mod layout_a;
#[path = "../../../src/cluster/layout_b.rs"]
mod layout_b;
#[path = "../../../src/cluster/layout_c.rs"]
mod layout_c;
#[path = "../../../src/cluster/model.rs"]
mod model;
#[path = "../../../src/cluster/value.rs"]
mod value;

libfuzzer_sys::fuzz_target!(|json: &str| {
    let hash = [("mail1".to_owned(), json.to_owned())].into();
    for (module, result) in (layout_c::GENERATION.decode)("1", hash) {
        assert_eq!(module.as_str(), "mail1");
        if let Ok(result) = result {
            assert!(result.end.is_some() || result.errors > 0, "a success without a time");
        }
    }
});
