//! Lines of at most 72 columns.

use std::borrow::Cow;

const WIDTH: usize = 72;
const STEP: usize = 2;

/// `word`, its middle left out where it has more than `most` characters.
fn shortened(word: &str, most: usize) -> Cow<'_, str> {
    let length = word.chars().count();
    if length <= most {
        return word.into();
    }
    let head = word.chars().take(most / 2);
    let tail = word.chars().skip(length - (most - 1) / 2);
    head.chain(['…']).chain(tail).collect::<String>().into()
}

/// A page of plain text that grows line by line.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    /// A paragraph, broken at spaces; `depth` steps indented, and one step more from its second line on unless `depth`
    /// is 0. A word that is longer than a line is shortened in its middle.
    pub(super) fn paragraph(&mut self, depth: usize, text: &str) {
        let (first, rest) = (depth * STEP, if depth == 0 { 0 } else { (depth + 1) * STEP });
        let mut column = 0;
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let word = shortened(word, WIDTH - rest);
            let length = word.chars().count();
            let indent = if column == 0 { first } else { rest };
            if column > 0 && column + 1 + length <= WIDTH {
                self.0.push(' ');
                column += 1 + length;
            } else {
                if column > 0 {
                    self.0.push('\n');
                }
                self.0.extend(std::iter::repeat_n(' ', indent));
                column = indent + length;
            }
            self.0.push_str(&word);
        }
        self.0.push('\n');
    }

    /// A command to type, on a line of its own that is never broken.
    pub(super) fn command(&mut self, depth: usize, command: &str) {
        self.0.extend(std::iter::repeat_n(' ', depth * STEP));
        self.0.push_str("$ ");
        self.0.push_str(command);
        self.0.push('\n');
    }

    /// A heading, set off from what is above it.
    pub(super) fn heading(&mut self, text: &str) {
        self.blank();
        self.paragraph(0, &text.to_uppercase());
    }

    /// An empty line, unless there is one already.
    pub(super) fn blank(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with("\n\n") {
            self.0.push('\n');
        }
    }

    /// The page's text; ends with a line break.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}
