//! The page for a browser, and the HTML part of a mail.

use super::golden::all_cases;
use super::history::history;
use super::*;
use ns8_backup_monitor::report::{history_html, html, html_mail};

fn page(case: &Case, language: Language) -> String {
    case.report(language, |report| html(std::slice::from_ref(report), language))
}

/// Checks that every element that is opened is closed, in order, and returns their names.
fn elements(html: &str) -> Vec<&str> {
    let (mut open, mut names) = (Vec::new(), Vec::new());
    for part in html.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect(part);
        assert!(!text.contains('>'), "not escaped: {text}");
        let name = tag.split([' ', '\n']).next().unwrap();
        match name.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop(), Some(closed), "{part}"),
            None if ["!DOCTYPE", "meta"].contains(&name) || tag.ends_with('/') => {}
            None => open.push(name),
        }
        names.push(name.trim_end_matches('/'));
    }
    assert_eq!(open, [""; 0]);
    names
}

/// What must hold for a page, whatever its content.
pub(crate) fn check_page(html: &str) {
    let names = elements(html);
    let known = "!DOCTYPE html head meta title style body main section h1 h2 h3 h4 p dl dt dd ul li pre article strong span \
                 div table thead tbody tr th td time svg polyline footer bdi";
    let unknown: Vec<_> =
        names.iter().filter(|name| !known.split(' ').any(|k| k == name.trim_start_matches('/'))).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert_eq!(names.iter().filter(|name| **name == "h1").count(), 1);
    let loaded = ["src=", "href=", "url(", "@import", "<script", "<link", "javascript:", " on"];
    let found: Vec<_> = loaded
        .iter()
        .filter(|what| html.split('<').any(|tag| tag.split_once('>').is_some_and(|(tag, _)| tag.contains(**what))))
        .collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn every_report_is_a_well_formed_page() {
    for case in all_cases() {
        for language in [Language::En, Language::It] {
            check_page(&page(&case, language));
            let mail = case.report(language, html_mail);
            check_page(&mail);
            assert!(!mail.contains("class=") && !mail.contains("<style"), "inline styles only");
        }
    }
}

/// Word for word, but for marks, punctuation of the layout, and what the text shortens to fit its lines.
#[test]
fn the_page_says_what_the_text_says() {
    let words = |text: &str| {
        let kept = |c: char| !":$|✓✗–".contains(c);
        let words = text.split_whitespace().map(|word| word.chars().filter(|c| kept(*c)).collect::<String>());
        words.filter(|word| !word.is_empty()).map(|word| word.to_lowercase()).collect::<Vec<_>>()
    };
    for case in all_cases().iter().filter(|case| case.history.is_none()) {
        let text = case.report(Language::En, text);
        if text.contains('…') {
            continue;
        }
        let html = page(case, Language::En);
        let body = html.split_once("<main>").unwrap().1;
        let shown: Vec<&str> = body.split('<').filter_map(|part| Some(part.split_once('>')?.1)).collect();
        let shown = shown.join(" ").replace("&#39;", "'").replace("&quot;", "\"").replace("&amp;", "&");
        assert_eq!(words(&shown), words(&text), "{}", case.name);
    }
}

#[test]
fn a_page_of_sixty_modules_is_small() {
    let names: Vec<String> = (0..60).map(|n| format!("nextcloud{n}")).collect();
    let nights: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "sssseesssosse")).collect();
    let case = names.iter().fold(Case::new("sixty"), |case, name| case.module(name, result(1)));
    let case = case.with(|case| {
        case.history = Some(history(&nights));
        case.plan.modules.values_mut().for_each(|module| module.ui_name = Some("Nextcloud of the office".into()));
    });
    let html = page(&case, Language::En);
    check_page(&html);
    assert!(html.len() <= 60_000, "{} bytes", html.len());
    let mail = case.report(Language::En, html_mail);
    assert!(mail.len() <= 100_000, "{} bytes", mail.len());
}

#[test]
fn failing_modules_come_first_in_the_calendar() {
    let history = history(&[("a", "ssss"), ("b10", "ssse"), ("b2", "ssse"), ("c", "seee"), ("d", "ssos")]);
    let html = history_html(&[history], Language::En, at(NOW), &TimeZone::UTC);
    check_page(&html);
    let rows: Vec<&str> = html.split("<th scope=\"row\">").skip(1).map(|row| row.split('<').next().unwrap()).collect();
    assert_eq!(rows, ["c", "b2", "b10", "d", "a"]);
    let cells = html.split("<th scope=\"row\">c</th>").nth(1).unwrap();
    let row = "<td class=\"g\">✓</td><td class=\"b\">✗</td><td class=\"b\">✗</td><td class=\"b\">✗</td>";
    assert!(cells.starts_with(row), "{cells}");
}

/// WCAG 2.2, 1.4.3 (AA): text has a contrast of at least 4.5 to what is behind it.
#[test]
fn text_stands_out_in_both_schemes() {
    let luminance = |colour: &str| {
        let digits: String = match colour.len() {
            3 => colour.chars().flat_map(|digit| [digit, digit]).collect(),
            _ => colour.into(),
        };
        let channel = |n: usize| {
            let value = f64::from(u8::from_str_radix(&digits[2 * n..2 * n + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(1) + 0.0722 * channel(2)
    };
    let css = include_str!("../../../src/report/html/page.css");
    let schemes: Vec<&str> = css.lines().filter(|line| line.contains("--paper:")).collect();
    assert_eq!(schemes.len(), 2);
    for scheme in schemes {
        let of = |name: &str| {
            let value = scheme.split_once(&format!("{name}: #")).unwrap().1;
            luminance(value.split(';').next().unwrap())
        };
        for (text, behind) in
            ["--ink", "--g", "--b", "--a"].iter().flat_map(|text| [(text, "--paper"), (text, "--soft")])
        {
            let (a, b) = (of(text), of(behind));
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast >= 4.5, "{text} on {behind}: {contrast:.1}");
        }
    }
}
