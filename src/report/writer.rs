//! The page that is being written, and how facts are put on it.

use jiff::Timestamp;

use super::page::Page;
use super::words::Words;
use super::{Report, figures};
use crate::model::text::clean;

/// Longest name and longest sentence from outside, in bytes. With the bounds on lists they keep a mail under 200 KB.
pub(super) const MAX_NAME: usize = 80;
pub(super) const MAX_SENTENCE: usize = 500;

/// The page that is being written, and what every part of it needs.
pub(super) struct Writer<'a> {
    pub(super) report: &'a Report<'a>,
    pub(super) words: Words,
    pub(super) page: Page,
}

impl<'a> Writer<'a> {
    pub(super) fn new(report: &'a Report<'a>) -> Self {
        Self { report, words: Words(report.language), page: Page::default() }
    }

    /// A heading and at most `most` of the items; nothing at all where there are none.
    pub(super) fn list<T>(&mut self, heading: &str, items: &[T], most: usize, mut write: impl FnMut(&mut Self, &T)) {
        if items.is_empty() {
            return;
        }
        self.page.heading(heading);
        for item in items.iter().take(most) {
            write(self, item);
        }
        self.left_out(items.len().saturating_sub(most) as u64);
    }

    /// Says how many items a list lacks, if any.
    pub(super) fn left_out(&mut self, count: u64) {
        if count > 0 {
            self.page.blank();
            self.page.paragraph(0, &self.words.left_out(&figures::number(self.words, count)));
        }
    }

    /// `label: value`, `depth` steps indented.
    pub(super) fn field(&mut self, depth: usize, label: &str, value: &str) {
        self.page.paragraph(depth, &format!("{label}: {value}"));
    }

    /// Commands to type, one a line; nothing at all where there are none.
    pub(super) fn commands(&mut self, depth: usize, label: &str, commands: &[String]) {
        if !commands.is_empty() {
            self.page.paragraph(depth, &format!("{label}:"));
        }
        for command in commands {
            self.page.command(depth + 1, command);
        }
    }

    /// Commands to type, set off from what is above them.
    pub(super) fn advice(&mut self, label: &str, commands: &[String]) {
        self.page.blank();
        self.commands(0, label, commands);
    }

    /// `mail1 (Mail server)`; only the id where there is no other name.
    pub(super) fn named(&self, id: &str, name: Option<&str>) -> String {
        let id = clean(id, MAX_NAME);
        match name.map(|name| clean(name, MAX_NAME)).filter(|name| !name.is_empty() && *name != id) {
            Some(name) => format!("{id} ({name})"),
            None => id,
        }
    }

    pub(super) fn time(&self, time: Timestamp) -> String {
        figures::time(time, &self.report.zone)
    }

    /// `on leader.example.org`: this machine.
    pub(super) fn here(&self) -> String {
        self.words.on_host(&clean(self.report.host, MAX_NAME))
    }

    pub(super) fn count(&self, count: usize) -> String {
        figures::number(self.words, count as u64)
    }
}

/// The facts that are known, in a row.
pub(super) fn join<const N: usize>(facts: [Option<String>; N]) -> String {
    facts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
