//! Lines of at most 72 columns.

/// Columns of a line.
const WIDTH: usize = 72;

/// A page of text.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    /// Adds `text`, broken between words; its first line begins with `first`, the others are indented as far.
    pub(super) fn line(&mut self, first: &str, text: &str) {
        let indent = first.chars().count();
        let mut column = indent;
        self.0.push_str(first);
        for (n, word) in text.split_whitespace().enumerate() {
            let length = word.chars().count();
            if n > 0 && column + 1 + length > WIDTH {
                self.0.push('\n');
                self.0.extend(std::iter::repeat_n(' ', indent));
                column = indent;
            } else if n > 0 {
                self.0.push(' ');
                column += 1;
            }
            self.0.push_str(word);
            column += length;
        }
        let end = self.0.trim_end_matches(' ').len();
        self.0.truncate(end);
        self.0.push('\n');
    }

    /// Adds an empty line.
    pub(super) fn blank(&mut self) {
        self.0.push('\n');
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}
