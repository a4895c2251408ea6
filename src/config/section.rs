//! The configuration file as a tree, taken apart key by key.
//!
//! A [`Section`] remembers which keys it was asked for. So it knows, when it is done, which keys of the file nobody
//! asked for, and which of the known ones the administrator may have meant.

use std::collections::HashSet;
use std::fmt;
use std::mem;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// From here on, not every whole number is one of these.
const MAX_FRACTION: f64 = 9_007_199_254_740_992.0;

/// A value of the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// Nothing behind the key.
    Null,
    Bool(bool),
    Number(u64),
    Text(String),
    List(Vec<Node>),
    Section(Vec<(String, Node)>),
    /// A negative, fractional or huge number, as it is shown.
    Other(String),
}

/// The value that was read, or everything that is wrong with it.
pub(super) type Read<T> = Result<T, Vec<String>>;

/// Returns the result for a value with one thing wrong with it.
pub(super) fn wrong<T>(message: impl Into<String>) -> Read<T> {
    Err(vec![message.into()])
}

impl Node {
    /// Returns the result for a value that is not what is expected.
    pub(super) fn unfit<T>(&self, expected: &str) -> Read<T> {
        wrong(format!("expected {expected}, found {self}"))
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("an empty value"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::Other(value) => f.write_str(value),
            Self::List(_) => f.write_str("a list"),
            Self::Section(_) => f.write_str("a section with keys"),
        }
    }
}

/// Something wrong with the value at `path`.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: Vec<String>,
    pub(super) message: String,
}

/// The keys below one path.
#[derive(Debug)]
pub(super) struct Section {
    path: Vec<String>,
    entries: Vec<(String, Node)>,
    asked: Vec<&'static str>,
    found: Vec<Found>,
}

impl Section {
    /// Starts with the value at `path`. An empty value is a section without keys: the shipped file has such.
    pub(super) fn new(path: Vec<String>, node: Node) -> Self {
        let mut section = Self { path, entries: Vec::new(), asked: Vec::new(), found: Vec::new() };
        match node {
            Node::Section(entries) => section.entries = entries,
            Node::Null => {}
            other => section.found.push(Found {
                path: section.path.clone(),
                message: format!("expected a section with keys, found {other}"),
            }),
        }
        let mut seen = HashSet::new();
        let twice: Vec<String> =
            section.entries.iter().map(|(key, _)| key.clone()).filter(|key| !seen.insert(key.clone())).collect();
        for key in twice {
            section.wrong(&key, "appears twice; keep only one");
        }
        section
    }

    /// Returns the value of `key` as `read` makes it, or `default` if there is none or something is wrong with it.
    pub(super) fn get<T>(&mut self, key: &'static str, default: T, read: impl FnOnce(&Node) -> Read<T>) -> T {
        match self.take(key) {
            Node::Null => default,
            node => read(&node).unwrap_or_else(|messages| {
                let path = self.path_of(key);
                self.found.extend(messages.into_iter().map(|message| Found { path: path.clone(), message }));
                default
            }),
        }
    }

    /// Returns what `read` makes of the section `key`.
    pub(super) fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section) -> T) -> T {
        let node = self.take(key);
        self.below(key, node, read)
    }

    /// Returns what `read` makes of each section below this one, whatever its key.
    pub(super) fn sections<T>(&mut self, mut read: impl FnMut(&str, &mut Section) -> T) -> Vec<T> {
        let entries = mem::take(&mut self.entries);
        entries.into_iter().map(|(key, node)| self.below(&key, node, |section| read(&key, section))).collect()
    }

    /// Notes what is wrong with `key`, unless something is known to be wrong with it, or below it.
    pub(super) fn wrong(&mut self, key: &str, message: impl Into<String>) {
        let path = self.path_of(key);
        if !self.found.iter().any(|found| found.path.starts_with(&path)) {
            self.found.push(Found { path, message: message.into() });
        }
    }

    /// Returns everything that is wrong, with the keys that nobody has asked for.
    pub(super) fn finish(mut self) -> Vec<Found> {
        for (key, _) in mem::take(&mut self.entries) {
            let message = unknown(&key, &self.asked);
            self.wrong(&key, message);
        }
        self.found
    }

    fn take(&mut self, key: &'static str) -> Node {
        self.asked.push(key);
        let (mine, others) = mem::take(&mut self.entries).into_iter().partition(|(name, _)| name == key);
        self.entries = others;
        let mine: Vec<_> = mine;
        mine.into_iter().next_back().map_or(Node::Null, |(_, node)| node)
    }

    fn below<T>(&mut self, key: &str, node: Node, read: impl FnOnce(&mut Section) -> T) -> T {
        let mut section = Section::new(self.path_of(key), node);
        let value = read(&mut section);
        self.found.extend(section.finish());
        value
    }

    fn path_of(&self, key: &str) -> Vec<String> {
        self.path.iter().cloned().chain([key.to_owned()]).collect()
    }
}

/// Says that there is no such key, with the nearest one that there is.
fn unknown(key: &str, known: &[&str]) -> String {
    let nearest = known.iter().max_by(|a, b| strsim::jaro(a, key).total_cmp(&strsim::jaro(b, key)));
    match nearest {
        Some(nearest) if strsim::jaro(nearest, key) > 0.7 => format!("there is no such key; did you mean {nearest}?"),
        _ => format!("there is no such key; valid keys: {}", known.join(", ")),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value without a tag")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Other(value.to_string()))
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Node, E> {
        Ok(Node::Other(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
        // The older Python tool took `60.0`.
        let is_whole = value.fract() == 0.0 && (0.0..MAX_FRACTION).contains(&value);
        Ok(if is_whole { Node::Number(value as u64) } else { Node::Other(value.to_string()) })
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Section(entries))
    }
}
