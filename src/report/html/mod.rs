//! Blocks as a page: one file with no script and nothing to load, for a browser, for print, or as a part of a mail.
//!
//! A mail program keeps neither style sheets nor drawings, so the mail's variant has inline styles only.

mod calendar;
mod style;

use super::blocks::{Block, Commands, Entry, Field, Line, Mark};
use super::isolate::{CLOSE, OPEN};
use crate::config::Language;
use style::{Style, Tag};

/// Returns a page of several parts: `title` heads it, unless the verdict of a single one does.
pub(crate) fn page(language: Language, title: &str, parts: &[Vec<Block>]) -> String {
    document(language, title, parts, Style::Sheet)
}

/// Returns the same for a mail.
pub(crate) fn mail(language: Language, title: &str, blocks: Vec<Block>) -> String {
    document(language, title, &[blocks], Style::Inline)
}

fn document(language: Language, title: &str, parts: &[Vec<Block>], style: Style) -> String {
    let lang = match language {
        Language::En => "en",
        Language::It => "it",
    };
    let mut html = Html { text: String::new(), style, level: 1 };
    html.raw(&format!("<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n"));
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.around("<meta name=\"color-scheme\" content=\"light dark\">\n<title>", title, "</title>\n");
    html.raw(style.sheet());
    html.raw("</head>\n");
    html.open(Tag::Body);
    html.raw("<main>\n");
    if !matches!(parts, [part] if matches!(part.first(), Some(Block::Verdict(_)))) {
        html.heading(title, None);
        html.level = 2;
    }
    for part in parts {
        html.raw("<section>\n");
        part.iter().for_each(|block| html.block(block));
        html.raw("</section>\n");
    }
    html.raw("</main>\n</body>\n</html>\n");
    html.text
}

/// A page that grows.
struct Html {
    text: String,
    style: Style,
    /// The level of a verdict's heading.
    level: u8,
}

impl Html {
    fn raw(&mut self, html: &str) {
        self.text.push_str(html);
    }

    /// Text as it is to be read, whatever it holds.
    fn escaped(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.raw("&amp;"),
                '<' => self.raw("&lt;"),
                '>' => self.raw("&gt;"),
                '"' => self.raw("&quot;"),
                '\'' => self.raw("&#39;"),
                OPEN => self.raw("<bdi>"),
                CLOSE => self.raw("</bdi>"),
                c => self.text.push(c),
            }
        }
    }

    /// Text as it is to be read, between two pieces of the page.
    fn around(&mut self, before: &str, text: &str, after: &str) {
        self.raw(before);
        self.escaped(text);
        self.raw(after);
    }

    fn open(&mut self, tag: Tag) {
        self.raw(&self.style.open(tag));
    }

    /// An element that holds text only.
    fn element(&mut self, tag: Tag, text: &str) {
        self.open(tag);
        self.escaped(text);
        self.raw(&format!("</{}>\n", tag.name()));
    }

    /// A verdict, or the title of a page that has several.
    fn heading(&mut self, text: &str, mark: Option<Mark>) {
        let name = format!("h{}", self.level);
        self.raw(&format!("<{name}>"));
        self.mark(mark);
        self.escaped(text);
        self.raw(&format!("</{name}>\n"));
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Verdict(verdict) => {
                self.heading(verdict.word, Some(verdict.mark));
                self.element(Tag::Verdict, &verdict.sentence);
            }
            Block::Note(text) | Block::LeftOut(text) => self.element(Tag::Paragraph, text),
            Block::Heading(text) => {
                let level = self.level + 1;
                self.around(&format!("<h{level}>"), text, &format!("</h{level}>\n"));
            }
            Block::Fields(fields) => self.fields(fields),
            Block::Entries(entries) => entries.iter().for_each(|entry| self.entry(entry)),
            Block::Rows(entries) => self.rows(entries),
            Block::Commands(commands) => self.commands(commands),
            Block::Calendar(calendar) => self.calendar(calendar),
            Block::Foot(lines) => {
                self.raw("<footer>\n");
                lines.iter().for_each(|line| self.element(Tag::Foot, line));
                self.raw("</footer>\n");
            }
        }
    }

    fn fields(&mut self, fields: &[Field]) {
        self.open(Tag::Fields);
        self.raw("\n");
        for field in fields {
            self.element(Tag::Label, &field.label);
            self.element(Tag::Value, &field.value);
        }
        self.raw("</dl>\n");
    }

    /// An entry of several lines, in a box.
    fn entry(&mut self, entry: &Entry) {
        let level = self.level + 2;
        self.open(entry.mark.map_or(Tag::Entry, Tag::MarkedEntry));
        self.raw(&format!("\n<h{level}>"));
        self.mark(entry.mark);
        self.escaped(&entry.name);
        self.raw(&format!("</h{level}>\n"));
        if !entry.value.is_empty() {
            self.element(Tag::Paragraph, &entry.value);
        }
        self.lines(&entry.lines);
        self.raw("</article>\n");
    }

    fn rows(&mut self, entries: &[Entry]) {
        self.open(Tag::List);
        self.raw("\n");
        for entry in entries {
            self.open(Tag::Item);
            self.mark(entry.mark);
            self.around("<strong>", &entry.name, "</strong>");
            if !entry.value.is_empty() {
                self.raw(": ");
                self.escaped(&entry.value);
            }
            self.lines(&entry.lines);
            self.raw("</li>\n");
        }
        self.raw("</ul>\n");
    }

    fn lines(&mut self, lines: &[Line]) {
        for line in lines {
            match line {
                Line::Text(text) => self.element(Tag::Paragraph, text),
                Line::Field(Field { label, value }) => {
                    self.open(Tag::Paragraph);
                    self.around("<strong>", label, ":</strong> ");
                    self.escaped(value);
                    self.raw("</p>\n");
                }
                Line::Quote(lines) => self.element(Tag::Quote, &lines.join("\n")),
                Line::Commands(commands) => self.commands(commands),
            }
        }
    }

    fn commands(&mut self, commands: &Commands) {
        self.element(Tag::Paragraph, &format!("{}:", commands.label));
        self.element(Tag::Command, &commands.commands.join("\n"));
    }

    /// A mark with its colour, and a space.
    fn mark(&mut self, mark: Option<Mark>) {
        let Some(mark) = mark else { return };
        self.open(Tag::Mark(mark));
        self.raw(&format!("{}</span> ", mark.drawn()));
    }
}
