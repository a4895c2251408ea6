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

/// The text of each file below a folder, with its module, such as `faults::crash`; `outer` is the folder's own.
fn sources(folder: &Path, outer: &str, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let module = match path.file_stem().unwrap().to_str().unwrap() {
            "mod" => outer.to_owned(),
            name if outer.is_empty() => name.to_owned(),
            name => format!("{outer}::{name}"),
        };
        if path.is_dir() {
            sources(&path, &module, found);
        } else if let Ok(source) = std::fs::read_to_string(&path) {
            found.push((module, source));
        }
    }
}

/// The tests that a page names, each with its path. Where the path is left out it is the last one that the section gave
/// for all: `faults::crash::…`.
fn named(page: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for section in page.split("\n## ") {
        let mut of_all = "";
        for name in section.split('`').skip(1).step_by(2) {
            let (path, last) = name.rsplit_once("::").map_or((of_all, name), |(path, last)| (path, last));
            if last == "…" {
                of_all = path;
            } else if last.matches('_').count() > 2 {
                named.insert(format!("{path}::{last}"));
            }
        }
    }
    named
}

#[test]
fn the_page_names_each_of_these_tests_and_none_that_does_not_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = named(&std::fs::read_to_string(root.join("docs/reliability.md")).unwrap());
    let mut files = Vec::new();
    for folder in ["src", "tests/it"] {
        sources(&root.join(folder), "", &mut files);
    }
    let functions = |(module, source): &(String, String)| {
        let names = source.split("fn ").skip(1).filter_map(|rest| rest.split_once('('));
        // Those beside the code stand in a module `tests` of the same file.
        let paths = |(name, _)| [format!("{module}::{name}"), format!("{module}::tests::{name}")];
        names.flat_map(paths).collect::<Vec<_>>()
    };
    let there: BTreeSet<String> = files.iter().flat_map(functions).collect();
    for name in &named {
        assert!(there.contains(name), "{name} is on the page only");
    }
    let mut ours = BTreeSet::new();
    for entry in std::fs::read_dir(root.join("tests/it/faults")).unwrap() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        let tests =
            source.split("#[test]\n").skip(1).filter_map(|rest| rest.trim_start().strip_prefix("fn ")?.split_once('('));
        let module = path.file_stem().unwrap().to_str().unwrap();
        ours.extend(tests.map(|(name, _)| format!("faults::{module}::{name}")));
    }
    ours.remove("faults::mod::the_page_names_each_of_these_tests_and_none_that_does_not_exist");
    for name in &ours {
        assert!(named.contains(name), "{name} is not on the page");
    }
    assert!(ours.len() > 40, "{ours:?}");
}
