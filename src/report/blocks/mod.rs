//! A report as a list of blocks: what is said, in which order, with no layout yet. Pure.
//!
//! Each text in a block is one line and harmless ([`clean`](crate::model::text::clean)). `text` lays the blocks out in
//! columns, `html` as a page.

mod cause;
mod compose;
mod explain;
mod head;
mod modules;
mod repositories;
mod runs;

pub(crate) use compose::{blocks, test_mail};
pub(crate) use runs::{MAX_ROWS, last_runs, of_plan};

use jiff::Timestamp;

use crate::model::run::State;

/// One part of a page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Block {
    /// The first sentence, for a reader who reads no further.
    Verdict(Verdict),
    /// A paragraph of its own.
    Note(String),
    /// Labels and values.
    Fields(Vec<Field>),
    /// The heading of the blocks up to the next one.
    Heading(String),
    /// Entries that have several lines each.
    Entries(Vec<Entry>),
    /// Entries that have a line each, and perhaps a few below it.
    Rows(Vec<Entry>),
    /// Something to type.
    Commands(Commands),
    /// The number of entries that the list above lacks, in words.
    LeftOut(String),
    /// The last runs of each module.
    Calendar(Calendar),
    /// Where the page comes from.
    Foot(Vec<String>),
}

/// What a page comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) mark: Mark,
    /// One word in capitals, the same in every language.
    pub(crate) word: &'static str,
    pub(crate) sentence: String,
}

/// A label and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) label: String,
    pub(crate) value: String,
}

/// Commands to type, each safe to paste, and where to type them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commands {
    pub(crate) label: String,
    pub(crate) commands: Vec<String>,
}

/// One module, repository, alert or the like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Entry {
    /// How it went, if that can be said.
    pub(crate) mark: Option<Mark>,
    pub(crate) name: String,
    /// What is said about it on the same line; may be empty.
    pub(crate) value: String,
    pub(crate) lines: Vec<Line>,
}

/// A line below an entry's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// A sentence or clause.
    Text(String),
    /// A label and its value.
    Field(Field),
    /// Lines of a log.
    Quote(Vec<String>),
    /// Something to type.
    Commands(Commands),
}

/// How a module's part in a run went. Shown as a character beside the colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Good,
    Bad,
    Absent,
}

impl From<State> for Mark {
    fn from(state: State) -> Self {
        match state {
            State::Success => Self::Good,
            State::Error => Self::Bad,
            State::Stale | State::Missing => Self::Absent,
        }
    }
}

impl Mark {
    /// Returns the mark as a character of plain text.
    pub(crate) fn plain(self) -> char {
        match self {
            Self::Good => '+',
            Self::Bad => 'x',
            Self::Absent => '-',
        }
    }

    /// Returns the mark as a character of a page.
    pub(crate) fn drawn(self) -> char {
        match self {
            Self::Good => '✓',
            Self::Bad => '✗',
            Self::Absent => '–',
        }
    }
}

/// The last runs of a plan: a row for each module, a cell for each run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Calendar {
    /// What is shown, for a reader who does not see it.
    pub(crate) title: String,
    /// What the marks mean: those of plain text, and those that are drawn.
    pub(crate) plain_legend: String,
    pub(crate) drawn_legend: String,
    /// The heads of the columns beside the runs.
    pub(crate) module: String,
    pub(crate) size: String,
    pub(crate) last_good: String,
    /// The time of each run, oldest first.
    pub(crate) runs: Vec<Timestamp>,
    /// The same as text: for the head of a column.
    pub(crate) heads: Vec<String>,
    /// The modules, failing ones first.
    pub(crate) rows: Vec<CalendarRow>,
}

/// One module's last runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CalendarRow {
    pub(crate) name: String,
    /// For each run how it went; `None` if the module had no part in it.
    pub(crate) cells: Vec<Option<Mark>>,
    /// For each run the size of the newest snapshot, in bytes.
    pub(crate) sizes: Vec<Option<u64>>,
    /// The newest of these sizes.
    pub(crate) size: String,
    /// The last good backup and its age.
    pub(crate) last_good: String,
}

impl Field {
    pub(crate) fn new(label: String, value: String) -> Self {
        Self { label, value }
    }
}

impl Line {
    /// Returns commands below a label; `None` if there are none.
    pub(crate) fn commands(label: String, commands: Vec<String>) -> Option<Self> {
        (!commands.is_empty()).then_some(Self::Commands(Commands { label, commands }))
    }

    pub(crate) fn field(label: String, value: String) -> Self {
        Self::Field(Field::new(label, value))
    }
}
