//! An Italian report holds no English of this program's own.

use std::path::Path;

use super::golden::all_cases;
use super::*;
use ns8_backup_monitor::report::{html, subject, terminal};

/// The source files with texts for people.
fn sources() -> Vec<String> {
    let folder = |name: &str| std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let files = ["src/report/words", "src/model"].into_iter().flat_map(folder).map(|entry| entry.unwrap().path());
    let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files.map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

/// What follows each `start`, up to the end of the literal.
fn literals(sources: &[String], start: &str) -> Vec<String> {
    let rests = sources.iter().flat_map(|source| source.split(start).skip(1));
    let is_end = |rest: &str, at: usize| !rest[..at].ends_with('\\');
    let end = |rest: &str| rest.match_indices('"').map(|(at, _)| at).find(|at| is_end(rest, *at)).unwrap();
    rests.map(|rest| rest[..end(rest)].replace('\\', "")).collect()
}

/// The fixed parts of a phrase that are long enough to be told from names: three words or more.
fn fixed_parts(phrase: &str) -> Vec<String> {
    let parts = phrase.split(['{', '}']).step_by(2).map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    parts.filter(|part| part.split(' ').filter(|word| word.chars().any(char::is_alphabetic)).count() >= 3).collect()
}

fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[test]
fn no_english_phrase_is_in_an_italian_report() {
    let sources = sources();
    let italian = literals(&sources, "It: \"").concat().to_lowercase();
    let english = [literals(&sources, "En: \""), literals(&sources, "#[error(\"")].concat();
    let parts: Vec<String> = english.iter().flat_map(|phrase| fixed_parts(phrase)).map(|part| joined(&part)).collect();
    let parts: Vec<&String> = parts.iter().filter(|part| !italian.contains(part.as_str())).collect();
    assert!(parts.len() > 200, "{} parts", parts.len());
    let mut found = 0;
    for case in all_cases() {
        let [english, italian] = [Language::En, Language::It].map(|language| {
            let page = |report: &Report| html(std::slice::from_ref(report), language);
            let parts: [String; 4] = [
                case.report(language, |report| subject(report, "")),
                case.report(language, text),
                case.report(language, terminal),
                case.report(language, page),
            ];
            joined(&parts.join("\n"))
        });
        for part in &parts {
            found += usize::from(english.contains(part.as_str()));
            assert!(!italian.contains(part.as_str()), "{}: {part:?} is English", case.name);
        }
    }
    assert!(found > 500, "the English reports hold {found} of them");
}

/// Lines that are the same in both languages are names, commands and words of others.
#[test]
fn no_sentence_is_the_same_in_both_languages() {
    let outside = ["$ ", "| ", "- "];
    let own: Vec<String> = all_cases()
        .into_iter()
        .filter(|case| !matches!(case.name, "awkward_texts" | "long_words"))
        .flat_map(|case| {
            let [english, italian] = [Language::En, Language::It].map(|language| case.report(language, text));
            let italian: Vec<&str> = italian.lines().collect();
            let is_sentence = |line: &&str| {
                line.split(' ').filter(|w| w.len() > 2 && w.chars().all(char::is_alphabetic)).count() >= 3
            };
            let same = english.lines().filter(is_sentence).filter(|line| italian.contains(line));
            let own = same.filter(|line| !outside.iter().any(|mark| line.trim().starts_with(mark)));
            own.map(|line| format!("{}: {line}", case.name)).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(own, [""; 0]);
}
