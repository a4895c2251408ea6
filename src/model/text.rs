//! Text from outside, made harmless: what it holds can neither break a line, nor hide, nor pass for markup.

use std::fmt::Write;

/// `text` on one line, at most `max` bytes long.
///
/// `ns8-sendmail` sends HTML as soon as it sees something between `<` and `>`: they become other brackets. Characters
/// that cannot be seen, or that turn what follows around, are named instead, as in `[U+202E]`.
pub(crate) fn clean(text: &str, max: usize) -> String {
    let mut clean = String::new();
    let mut end = 0;
    for c in text.trim().chars() {
        match c {
            '<' => clean.push('‹'),
            '>' => clean.push('›'),
            '\n' => clean.push_str(" ⏎ "),
            '\t' => clean.push(' '),
            '\r' => {}
            c if is_unseen(c) => _ = write!(clean, "[U+{:04X}]", u32::from(c)),
            c => clean.push(c),
        }
        if clean.len() > max {
            clean.truncate(end);
            clean.push('…');
            break;
        }
        if clean.len() + '…'.len_utf8() <= max {
            end = clean.len();
        }
    }
    clean
}

/// `text` with its lines as they are, and what cannot be seen named as [`clean`] does.
pub(crate) fn visible(text: &str) -> String {
    let mut visible = String::new();
    for c in text.chars() {
        match c {
            c if is_unseen(c) && !matches!(c, '\n' | '\t') => _ = write!(visible, "[U+{:04X}]", u32::from(c)),
            c => visible.push(c),
        }
    }
    visible
}

/// `json` that means the same, with what cannot be seen escaped: a terminal may obey it. serde_json escapes only what has
/// to be.
pub(crate) fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            c if is_unseen(c) && c != '\n' => {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| _ = write!(escaped, "\\u{unit:04x}"));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// Returns `text`, its middle left out if it has more than `max` characters.
pub(crate) fn without_middle(text: &str, max: usize) -> String {
    const GAP: &str = " … ";
    let length = text.chars().count();
    if length <= max {
        return text.into();
    }
    let kept = max - GAP.chars().count();
    let head: String = text.chars().take(kept / 2).collect();
    let tail: String = text.chars().skip(length - (kept - kept / 2)).collect();
    format!("{}{GAP}{}", head.trim_end(), tail.trim_start())
}

/// Control characters, and Unicode's format characters: direction marks, zero-width characters, tags.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}'
            | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::{clean, escaped, visible};

    #[test]
    fn what_breaks_hides_or_marks_up_is_shown() {
        assert_eq!(clean("<b>\r\nx\t\u{202e}\0", 100), "‹b› ⏎ x [U+202E][U+0000]");
        assert_eq!(clean(" Città 🗄️ ", 100), "Città 🗄️");
    }

    #[test]
    fn lines_stay_and_escapes_are_seen() {
        assert_eq!(visible("<a>\n\tb\u{1b}[31m\r"), "<a>\n\tb[U+001B][31m[U+000D]");
    }

    #[test]
    fn json_means_the_same_when_it_is_escaped() {
        let value = serde_json::json!({ "a\u{7f}": ["\u{9b}31m", "\u{202e}\u{e0001}", "Città 🗄️\n\t\\"] });
        let text = escaped(&format!("{value:#}"));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        assert!(text.contains("🗄️") && !text.contains(['\u{7f}', '\u{9b}', '\u{202e}', '\u{e0001}']), "{text}");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(clean("abcdefgh", 8), "abcdefgh");
        assert_eq!(clean("abcdefghi", 8), "abcde…");
        assert_eq!(clean("abcd\0", 8), "abcd…");
        assert_eq!(clean("€€€", 8), "€…");
    }
}
