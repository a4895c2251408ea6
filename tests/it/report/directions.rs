//! Names that are written from right to left turn nothing else around.

use super::page::check_page;
use super::*;
use ns8_backup_monitor::report::{html, html_mail, terminal};

const NAME: &str = "גיבוי לילי";

/// They begin and end what is set apart.
pub(super) const ISOLATES: [char; 2] = ['\u{2068}', '\u{2069}'];

fn case(name: &str) -> Case {
    Case::new("directions").module("mail1", result(1)).module("web1", result(0)).missing(&[]).with(|case| {
        case.plan.name = Some(name.into());
        for module in case.plan.modules.values_mut() {
            (module.ui_name, module.node_name) = (Some(name.into()), Some(name.into()));
        }
    })
}

/// Whether each isolate is closed on its line, and none is in another.
pub(super) fn is_balanced(line: &str) -> bool {
    let mut open = false;
    let turns = line.chars().filter(|c| ISOLATES.contains(c));
    turns.into_iter().all(|c| std::mem::replace(&mut open, c == '\u{2068}') != (c == '\u{2068}')) && !open
}

#[test]
fn a_name_from_right_to_left_is_set_apart() {
    for language in [Language::En, Language::It] {
        let text = case(NAME).report(language, text);
        assert!(text.contains(&format!("  web1 (\u{2068}{NAME}\u{2069}): 2026-11-22 02:12, ")), "{text}");
        assert!(text.lines().all(is_balanced), "{text}");
        let [page, mail] = [html as fn(&[Report], Language) -> String, |reports, _| html_mail(&reports[0])]
            .map(|write| case(NAME).report(language, |report| write(std::slice::from_ref(report), language)));
        for page in [page, mail] {
            check_page(&page);
            assert!(page.contains(&format!("<strong>web1 (<bdi>{NAME}</bdi>)</strong>: 2026-11-22")), "{page}");
            assert!(!page.contains(ISOLATES), "{page}");
        }
    }
}

#[test]
fn other_names_are_as_they_are() {
    let text = case("Büro 東京").report(Language::En, terminal);
    assert!(text.contains("web1 (Büro 東京): 2026") && !text.contains(ISOLATES), "{text}");
}

#[test]
fn lines_are_as_wide_as_they_look() {
    let bare = |text: &str| text.replace(ISOLATES, "");
    let hebrew: String = "אב ".repeat(13);
    let latin = hebrew.replace('א', "a").replace('ב', "b");
    let [hebrew, latin] = [hebrew.trim(), latin.trim()].map(|name| case(name).report(Language::En, text));
    let widths = |text: &str| bare(text).lines().map(|line| line.chars().count()).collect::<Vec<_>>();
    assert_eq!(widths(&hebrew), widths(&latin));
    assert!(hebrew.lines().all(is_balanced), "{hebrew}");
    assert!(hebrew.lines().any(|line| line.ends_with('\u{2069}')), "a name over two lines: {hebrew}");
}
