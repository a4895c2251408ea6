//! Blocks as plain text: lines of at most 72 columns, no `<` and no `>`, a command on a line of its own.

use std::borrow::Cow;

use super::blocks::{Block, Calendar, Commands, Entry, Line};
use super::figures::bars;
use super::isolate::{CLOSE, OPEN, is_mark, width};

const WIDTH: usize = 72;
const STEP: usize = 2;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Longest name beside the marks of the last runs.
const NAME_WIDTH: usize = 20;

/// Returns the blocks as text. It ends with a line break.
pub(crate) fn render(blocks: &[Block]) -> String {
    let mut page = Page::default();
    for block in blocks {
        page.block(block);
    }
    page.0
}

/// A page of plain text that grows line by line.
#[derive(Default)]
struct Page(String);

impl Page {
    fn block(&mut self, block: &Block) {
        match block {
            Block::Verdict(verdict) => self.set_off(&format!("{}: {}", verdict.word, verdict.sentence)),
            Block::Note(text) | Block::LeftOut(text) => self.set_off(text),
            Block::Heading(text) => self.set_off(&text.to_uppercase()),
            Block::Commands(commands) => {
                self.blank();
                self.commands(0, commands);
            }
            Block::Fields(fields) => {
                self.blank();
                fields.iter().for_each(|field| self.paragraph(0, &format!("{}: {}", field.label, field.value)));
            }
            Block::Foot(lines) => {
                self.blank();
                lines.iter().for_each(|line| self.paragraph(0, line));
            }
            Block::Entries(entries) => {
                for entry in entries {
                    self.blank();
                    self.entry(0, entry);
                }
            }
            Block::Rows(entries) => entries.iter().for_each(|entry| self.entry(1, entry)),
            Block::Calendar(calendar) => self.calendar(calendar),
        }
    }

    fn entry(&mut self, depth: usize, entry: &Entry) {
        let colon = if entry.value.is_empty() { "" } else { ": " };
        // A module chooses its name: no further line of it may look like another one.
        self.broken(depth * STEP, "", (depth + 1).max(2) * STEP, &format!("{}{colon}{}", entry.name, entry.value));
        for line in &entry.lines {
            match line {
                Line::Text(text) => self.paragraph(depth + 1, text),
                Line::Field(field) => self.paragraph(depth + 1, &format!("{}: {}", field.label, field.value)),
                Line::Quote(lines) => lines.iter().for_each(|line| self.marked(depth + 2, "| ", line)),
                Line::Commands(commands) => self.commands(depth + 1, commands),
            }
        }
    }

    fn commands(&mut self, depth: usize, commands: &Commands) {
        self.paragraph(depth, &format!("{}:", commands.label));
        for command in &commands.commands {
            self.0.extend(std::iter::repeat_n(' ', (depth + 1) * STEP));
            self.0.extend(["$ ", command, "\n"]);
        }
    }

    /// A row of marks for each module, and its sizes as bars.
    fn calendar(&mut self, calendar: &Calendar) {
        self.paragraph(1, &calendar.plain_legend);
        for row in &calendar.rows {
            let marks: String = row.cells.iter().map(|cell| cell.map_or('.', |mark| mark.plain())).collect();
            let name = shortened(&row.name, NAME_WIDTH);
            let line = format!("  {name:NAME_WIDTH$}  {marks}  {}  {}", bars(&row.sizes, &BARS), row.size);
            self.0.extend([line.trim_end(), "\n"]);
        }
    }

    /// A paragraph of its own.
    fn set_off(&mut self, text: &str) {
        self.blank();
        self.paragraph(0, text);
    }

    /// A paragraph, broken at spaces; `depth` steps indented, and one step more from its second line on unless `depth`
    /// is 0. A word that is longer than a line is shortened in its middle.
    fn paragraph(&mut self, depth: usize, text: &str) {
        let rest = if depth == 0 { 0 } else { (depth + 1) * STEP };
        self.broken(depth * STEP, "", rest, text);
    }

    /// A paragraph with a mark before its first line, `depth` steps indented.
    fn marked(&mut self, depth: usize, mark: &str, text: &str) {
        self.broken(depth * STEP, mark, depth * STEP + mark.len(), text);
    }

    fn broken(&mut self, first: usize, mark: &str, rest: usize, text: &str) {
        self.0.extend(std::iter::repeat_n(' ', first));
        self.0.push_str(mark);
        let mut column = first + mark.len();
        let mut is_apart = false;
        let widest = WIDTH - rest.max(column);
        for (n, word) in text.split(' ').filter(|word| !word.is_empty()).enumerate() {
            let word = shortened(word, widest);
            let length = width(&word);
            if n > 0 && column + 1 + length > WIDTH {
                // A text that is set apart ends with its line.
                self.0.extend(is_apart.then_some(CLOSE));
                self.0.push('\n');
                self.0.extend(std::iter::repeat_n(' ', rest));
                self.0.extend(is_apart.then_some(OPEN));
                column = rest;
            } else if n > 0 {
                self.0.push(' ');
                column += 1;
            }
            self.0.push_str(&word);
            column += length;
            is_apart = word.chars().rfind(|c| is_mark(*c)).map_or(is_apart, |mark| mark == OPEN);
        }
        self.0.push('\n');
    }

    /// An empty line, unless there is one already.
    fn blank(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with("\n\n") {
            self.0.push('\n');
        }
    }
}

/// `word`, its middle left out if it has more than `most` characters.
fn shortened(word: &str, most: usize) -> Cow<'_, str> {
    let length = width(word);
    if length <= most {
        return word.into();
    }
    let (head, tail) = (most / 2, length - (most - 1) / 2);
    let (mut short, mut at) = (String::new(), 0);
    for c in word.chars() {
        if is_mark(c) {
            short.push(c);
            continue;
        }
        if at == head {
            short.push('…');
        }
        if at < head || at >= tail {
            short.push(c);
        }
        at += 1;
    }
    short.into()
}
