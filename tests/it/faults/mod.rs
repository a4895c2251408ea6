//! Nothing lost, nothing twice: each fault that can be produced is produced, on the real program and real parts.
//!
//! docs/reliability.md tells what happens at each, and names the test that shows it.

pub mod clock;
mod crash;
mod disk;
mod duplicates;
mod input;
#[cfg(target_arch = "x86_64")]
mod journey;
mod load;
mod redis;
mod relay;
mod secrets;
mod sendmail;
#[cfg(target_arch = "x86_64")]
mod syscalls;
mod terminate;
#[cfg(target_arch = "x86_64")]
mod transitions;

use std::collections::BTreeSet;
use std::path::Path;

/// Random numbers from a seed that is printed; `make test` sets one, so that all its runs are the same.
fn random() -> fastrand::Rng {
    let given = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("to repeat this: PROPTEST_RNG_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

/// The text of each file below a folder.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if let Ok(source) = std::fs::read_to_string(&path) {
            found.push(source);
        }
    }
}

#[test]
fn the_page_names_each_of_these_tests_and_none_that_does_not_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/reliability.md")).unwrap();
    let quoted = page.split('`').skip(1).step_by(2).map(|name| name.rsplit("::").next().unwrap());
    let named: BTreeSet<&str> = quoted.filter(|name| name.matches('_').count() > 2).collect();
    let mut files = Vec::new();
    for folder in ["src", "tests/it"] {
        sources(&root.join(folder), &mut files);
    }
    let functions = files.iter().flat_map(|source| source.split("fn ").skip(1));
    let there: BTreeSet<&str> = functions.filter_map(|rest| rest.split_once('(')).map(|(name, _)| name).collect();
    for name in &named {
        assert!(there.contains(*name), "{name} is on the page only");
    }
    let mut ours = BTreeSet::new();
    for entry in std::fs::read_dir(root.join("tests/it/faults")).unwrap() {
        let source = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let tests =
            source.split("#[test]\n").skip(1).filter_map(|rest| rest.trim_start().strip_prefix("fn ")?.split_once('('));
        ours.extend(tests.map(|(name, _)| name.to_owned()));
    }
    ours.remove("the_page_names_each_of_these_tests_and_none_that_does_not_exist");
    for name in &ours {
        assert!(named.contains(name.as_str()), "{name} is not on the page");
    }
    assert!(ours.len() > 40, "{ours:?}");
}
