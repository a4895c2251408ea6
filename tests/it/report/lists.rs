//! Lists are bounded, and what does not fit into them is named all the same.

use std::collections::BTreeSet;

use super::history::history;
use super::*;
use ns8_backup_monitor::model::repository::Lock;

/// The words of a text, without punctuation.
fn found(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_alphanumeric()).collect()
}

#[test]
fn no_failure_is_hidden_however_many_there_are() {
    let bad: Vec<String> = (0..300).map(|n| format!("app{n}")).collect();
    let good: Vec<String> = (0..40).map(|n| format!("web{n}")).collect();
    let case = bad.iter().fold(Case::new("many"), |case, name| case.module(name, result(1)));
    let case = good.iter().fold(case, |case, name| case.module(name, result(0))).missing(&[]);
    let nights = |name: &'static str, of| (name, if name == "app299" { "eeee" } else { of });
    let names: Vec<&'static str> = bad.iter().map(|name| &*name.clone().leak()).collect();
    let nights: Vec<(&str, &str)> = names.into_iter().map(|name| nights(name, "ssse")).collect();
    let case = case.with(|case| case.history = Some(history(&nights)));
    for language in [Language::En, Language::It] {
        let text = case.report(language, text);
        let found = found(&text);
        let missing: Vec<&String> = bad.iter().chain(&good).filter(|name| !found.contains(&***name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let first = text.lines().find(|line| line.starts_with("app")).unwrap();
        assert_eq!(first, "app299", "it has failed for the longest time");
        assert!(!text.contains("  web1: "), "a line for each success while failures have none");
        assert!(text.len() < 40_000, "{} bytes", text.len());
    }
    assert!(case.words().contains("200 more: app"), "{}", case.words());
    assert!(case.words().contains("BACKED UP (40) web0, web1, web2,"), "{}", case.words());
}

#[test]
fn successes_beyond_the_list_are_named() {
    let case = (0..250).fold(Case::new("good"), |case, n| case.module(&format!("app{n}"), result(0)));
    let words = case.missing(&[]).words();
    assert!(words.contains("app199: 2026-11-22 02:12") && words.contains("50 more: app200, app201,"), "{words}");
}

#[test]
fn alerts_beyond_the_list_are_counted_with_those_that_were_not_kept() {
    let case = Case::new("many_alerts").module("mail1", result(1)).with(|case| {
        case.alerts = vec![alert("1"); 25];
        case.alerts_left_out = 3;
    });
    assert!(case.report(Language::En, text).contains("8 more"), "{}", case.report(Language::En, text));
}

#[test]
fn causes_that_have_no_place_at_the_top_are_counted() {
    let causes = [Cause::Tls, Cause::DumpFailed, Cause::Refused, Cause::HostFull, Cause::Killed];
    let written = |language, count: usize| {
        let case = causes.iter().take(count).enumerate().fold(Case::new("causes"), |case, (n, cause)| {
            let module = format!("mail{n}");
            case.module(&module, result(1)).reason(&module, Some(*cause), &["x"], Some(false))
        });
        case.missing(&[]).report(language, text)
    };
    assert!(written(Language::En, 5).contains("\n\nFurther causes, at the modules below: 2.\n\n"));
    assert!(written(Language::It, 5).contains("\n\nAltre cause, indicate sotto per ciascun modulo: 2.\n\n"));
    assert!(!written(Language::En, 3).contains("Further causes"));
}

#[test]
fn the_worst_faults_of_repositories_come_first() {
    let lock = Lock { count: 1, exclusive: Some(true), since: None, by: None };
    let slow = Verdict::TimedOut(Duration::from_secs(60));
    let mut looks = vec![
        ("nas", Some("index1"), Verdict::Damaged(words("the index"))),
        ("nas", Some("locked1"), Verdict::Locked(lock)),
        ("nas", Some("pack1"), Verdict::Damaged(words("a pack"))),
        ("nas", Some("wrong1"), Verdict::WrongPassword),
    ];
    let written = |looks: &[(&'static str, Option<&'static str>, Verdict)]| {
        let modules = ["index1", "locked1", "pack1", "slow1", "wrong1"];
        let case = modules.iter().fold(Case::new("worst"), |case, module| case.module(module, result(1)));
        case.missing(&[]).probes(looks.to_vec()).words()
    };
    let worst = "Repositories, now: nas (wrong1): wrong password; nas (index1, pack1): damaged, or not readable in full; \
                 nas (locked1): locked";
    assert!(written(&looks).contains(&format!("{worst}.")), "{}", written(&looks));
    looks.insert(0, ("nas", Some("slow1"), slow));
    assert!(written(&looks).contains(&format!("{worst}; and 1 more.")), "{}", written(&looks));
}

#[test]
fn the_same_is_said_once_of_repositories_at_one_destination() {
    let never = ModuleResult { snapshots_count: Some(0), total_size: Some(0), ..result(1) };
    let written = |verdict: Verdict| {
        let looks = vec![("nas", Some("mail1"), verdict.clone()), ("nas", Some("new1"), verdict)];
        Case::new("one").module("mail1", result(1)).module("new1", never.clone()).missing(&[]).probes(looks).words()
    };
    let down = written(Verdict::Unreachable(words("refused")));
    assert_eq!((down.matches("refused").count(), down.contains("Modules: mail1, new1")), (1, true), "{down}");
    // That it is not there is no fault of a repository to which nothing was ever written.
    let none = written(Verdict::NoRepository);
    assert!(!none.contains("Modules: mail1, new1"), "{none}");
}
