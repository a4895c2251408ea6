//! The report against golden files: `tests/golden/<case>/{subject,en.txt,it.txt,report.json}`.
//!
//! `UPDATE_GOLDEN=1 cargo test --test it report` writes them anew; read the difference before it is committed.

use std::collections::BTreeSet;
use std::path::Path;

use super::cases::cases;
use super::runs::run_cases;
use super::*;
use ns8_backup_monitor::report::{html, json, subject, terminal};

pub(super) fn all_cases() -> Vec<Case> {
    let cases: Vec<Case> = cases().into_iter().chain(run_cases()).collect();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len());
    cases
}

#[test]
fn reports_are_as_in_the_golden_files() {
    let mut wrong = Vec::new();
    for case in all_cases() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(case.name);
        let subjects = [Language::En, Language::It]
            .map(|language| case.report(language, |report| subject(report, "[ns8-backup]")))
            .join("\n");
        let json = case.report(Language::En, json);
        let mut files = vec![
            ("subject", subjects + "\n"),
            ("en.txt", case.report(Language::En, text)),
            ("it.txt", case.report(Language::It, text)),
            ("report.json", serde_json::to_string_pretty(&json).unwrap() + "\n"),
        ];
        if case.history.is_some() {
            let page = |report: &Report| html(std::slice::from_ref(report), Language::En);
            files.push(("terminal.txt", case.report(Language::En, terminal)));
            files.push(("page.html", case.report(Language::En, page)));
        }
        for (name, written) in files {
            let (file, written) = (folder.join(name), written.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&file, &written).unwrap();
            }
            let golden = std::fs::read_to_string(&file).unwrap_or_default();
            if golden != written {
                wrong.push(format!("{} differs; it is now:\n{written}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The names of all members of `value`, those of labels and annotations aside, which are the alert's own.
fn members(value: &serde_json::Value, names: &mut BTreeSet<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        names.insert(name.clone());
        if name != "labels" && name != "annotations" {
            members(value, names);
        }
    }
    value.as_array().into_iter().flatten().for_each(|value| members(value, names));
}

#[test]
fn every_member_of_the_json_is_documented() {
    let mut names = BTreeSet::new();
    all_cases().iter().for_each(|case| members(&case.report(Language::En, json), &mut names));
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report-json.md")).unwrap();
    let missing: Vec<_> = names.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(names.len() > 40 && missing.is_empty(), "not in docs/report-json.md: {missing:?}");
}
