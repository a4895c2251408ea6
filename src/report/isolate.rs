//! Texts from outside that are written from right to left: set apart, so that they turn nothing beside them around.

use crate::model::text::clean;

/// Begins and ends a text that is set apart (FIRST STRONG ISOLATE, POP DIRECTIONAL ISOLATE). [`clean`] leaves none of
/// them in texts from outside. A page has an element for it.
pub(super) const OPEN: char = '\u{2068}';
pub(super) const CLOSE: char = '\u{2069}';

/// `text` made harmless, and set apart if some of it is written from right to left.
pub(super) fn outside(text: &str, max: usize) -> String {
    set_apart(clean(text, max))
}

/// A harmless text, set apart if some of it is written from right to left.
pub(super) fn set_apart(text: String) -> String {
    match text.chars().any(is_right_to_left) {
        true => format!("{OPEN}{text}{CLOSE}"),
        false => text,
    }
}

/// How many columns `text` takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().filter(|c| !is_mark(*c)).count()
}

/// Whether `c` begins or ends a text that is set apart. It takes no room.
pub(super) fn is_mark(c: char) -> bool {
    c == OPEN || c == CLOSE
}

/// Whether `c` is of a block of Unicode for scripts such as Hebrew and Arabic.
fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}'
        | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
}
