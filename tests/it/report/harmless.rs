//! Text from outside can spoil nothing.

use super::directions::{ISOLATES, is_balanced};
use super::history::history;
use super::page::check_page;
use super::*;
use ns8_backup_monitor::model::alert::MAX_ALERTS;
use ns8_backup_monitor::model::reason::{Gap, Silence, Source};
use ns8_backup_monitor::model::repository::{Lock, NotProbed};
use ns8_backup_monitor::report::{history_html, html, html_mail, outcome, subject, terminal, text};

/// Everything in a report that comes from outside.
fn outside(texts: &[String]) -> Case {
    let text = |n: usize| texts[n % texts.len()].clone();
    let id = |n: usize| ModuleId::new(text(n)).unwrap_or(ModuleId::new("mail1").unwrap());
    let probe = |n: usize, verdict| Probe {
        repository: text(n),
        location: Some(text(n + 1)),
        module: Some(id(n + 2)),
        gateway: n.is_multiple_of(2),
        verdict,
    };
    let lock = Lock { count: 1, exclusive: Some(true), since: None, by: Some(text(0)) };
    Case::new("outside").with(|case| {
        case.plan.id = PlanId::new(text(0)).unwrap_or(PlanId::new("2").unwrap());
        case.plan.name = Some(text(1));
        for n in 0..texts.len() {
            let result = if n % 2 == 0 { documented(Some(&text(n))) } else { result(n as u64 % 3) };
            case.plan.results.insert(id(n), result);
            let (node, node_name) = (Some(text(n + 2)), Some(text(n + 3)));
            case.plan.modules.insert(id(n), Module { node, node_name, ..module(Some(&text(n + 1))) });
        }
        case.plan.members = Some(texts.iter().filter_map(|text| ModuleId::new(format!("{text}x"))).collect());
        let entry = |n| if n % 2 == 0 { Entry::Node(text(n)) } else { Entry::Result(id(n)) };
        case.plan.damaged = (0..texts.len()).map(|n| Damage { entry: entry(n), fault: Fault::NotJson }).collect();
        case.plan.not_awaited = (0..texts.len()).map(id).collect();
        case.gave_up = Some(Duration::from_secs(900));
        let mut probes = vec![
            probe(0, Verdict::Locked(lock.clone())),
            probe(1, Verdict::Healthy { snapshots: 1, newest: None, in_use: Some(lock), checked: OPENED }),
            probe(2, Verdict::Unreachable(Sign::Words(text(1)))),
            probe(3, Verdict::Denied(Sign::Words(text(2)))),
            probe(4, Verdict::Damaged(Sign::Words(text(3)))),
            probe(5, Verdict::Failed(Sign::Words(text(0)))),
            probe(5, Verdict::NotProbed(NotProbed::ResticUnusable(text(2)))),
            probe(5, Verdict::NotProbed(NotProbed::ResticMissing(text(4)))),
            probe(6, Verdict::NotProbed(NotProbed::Incomplete(text(5)))),
        ];
        probes.extend((0..texts.len()).map(|n| probe(n, Verdict::Damaged(Sign::Words(text(n))))));
        case.probes = Probes::Done(probes);
        let reason =
            |n: usize| Reason { lines: vec![text(n); 6], cause: None, snapshot_written: Some(n.is_multiple_of(2)) };
        case.reasons = Some(Reasons {
            modules: (1..texts.len().min(300)).map(|n| (id(n), reason(n))).collect(),
            gaps: (0..texts.len())
                .map(|n| Gap { source: Source::Loki, why: Silence::Garbled(text(n)), command: Some(text(n + 1)) })
                .collect(),
            cluster_backup: texts.to_vec(),
        });
        case.interim =
            Some(Interim { missing: (0..texts.len()).map(|n| (id(n), None)).collect(), follows_until: None });
        case.in_no_plan = (0..texts.len()).map(id).collect();
        let names: Vec<String> = (0..texts.len()).map(|n| id(n).to_string()).collect();
        let nights: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "seo")).collect();
        case.history = Some(History { name: Some(text(2)), ..history(&nights) });
        let labels = ["name", "node", "instance"].map(|label| (label.to_string(), text(3))).into();
        let annotations = ["summary", "description_it"].map(|name| (name.to_string(), text(4))).into();
        case.alerts = vec![Alert { name: text(5), labels, annotations, starts_at: None }; MAX_ALERTS];
    })
}

fn hidden(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// What must hold for all that is sent, whatever its content.
fn check_harmless(text: &str) {
    assert!(!text.contains(['<', '>']), "{text}");
    assert!(!text.contains(hidden), "{text:?}");
}

/// What must hold for a report's text, too.
fn check_text(text: &str) {
    assert!(text.len() <= 200_000, "{} bytes", text.len());
    assert!(text.lines().all(is_balanced), "{text:?}");
    let text = &text.replace(ISOLATES, "");
    check_harmless(text);
    for line in text.lines() {
        let is_command = line.trim_start().starts_with("$ ");
        assert!(line.chars().count() <= 72 || is_command, "{line}");
    }
}

fn check_reports_of(case: &Case) {
    for language in [Language::En, Language::It] {
        case.report(language, |report| {
            check_text(&text(report));
            if case.plan.results.len() > 100 {
                return;
            }
            check_text(&terminal(report));
            let histories = report.plan().and_then(|facts| facts.history).map(std::slice::from_ref).unwrap_or_default();
            let of_history = history_html(histories, language, report.now, &report.zone);
            for page in [html(std::slice::from_ref(report), language), html_mail(report), of_history] {
                check_page(&page);
                assert!(!page.contains(hidden), "{page:?}");
            }
            let subject = subject(report, "[ns8-backup]");
            check_harmless(&subject);
            assert!(!subject.contains('\n') && subject.chars().count() < 250, "{subject}");
            assert!(subject.starts_with(&format!("[ns8-backup] {} - ", outcome(report).word())), "{subject}");
        });
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_from_outside_spoils_a_report(texts in proptest::collection::vec(".{0,200}|(?s)[<>\\x00-\\x20\\u{200b}-\\u{202e}'$; a]{0,100}", 1..12)) {
        let case = outside(&texts);
        check_reports_of(&case);
        case.report(Language::En, |report| check_text(&terminal(report)));
        case.report(Language::En, |report| check_page(&html(std::slice::from_ref(report), Language::En)));
    }
}

#[test]
fn no_line_of_a_modules_name_looks_like_another_line_of_the_mail() {
    let name = "bogus ".repeat(30);
    let case = Case::new("name").module("mail1", result(1)).module("web1", result(0));
    let case = case.with(|case| case.plan.modules.values_mut().for_each(|module| module.ui_name = Some(name.clone())));
    let text = case.report(Language::En, text);
    let lines: Vec<&str> = text.lines().filter(|line| line.trim_start().starts_with("bogus")).collect();
    assert!(lines.len() > 1 && lines.iter().all(|line| line.starts_with("    ")), "{text}");
}

#[test]
fn a_report_is_bounded_however_much_there_is_to_say() {
    for c in ["n", "€ ", "<\n>", "\u{202e}"] {
        let texts: Vec<String> = (0..2000).map(|n| format!("{n}{}", c.repeat(10_000 / c.len()))).collect();
        let case = outside(&texts);
        check_reports_of(&case);
        case.report(Language::En, |report| check_text(&terminal(report)));
        case.report(Language::En, |report| check_page(&html(std::slice::from_ref(report), Language::En)));
    }
}
