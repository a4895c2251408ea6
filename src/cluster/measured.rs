//! Values that a module may write: none is read before it is known to fit, in at most four round trips for all of them.
//!
//! Redis can cut a string, but no field of a hash: there the length is asked for first, unless the hash is stored in
//! one small block of memory, as those of a result are. A value that grows between two questions meets the limit in
//! `resp`.

use super::connection::{Answers, needed};
use super::limits::{Field, Limit, NUMBERS};
use super::resp::{Batch, Reply};
use super::value::{self, Hash};
use crate::model::cluster::Why;
use crate::model::plan::Fault;

/// What to read at a key.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// A string, with the limit of its length in bytes. It arrives as the field with the empty name.
    Text(usize),
    /// Some fields of a hash.
    Fields(&'static [Field]),
}

/// How Redis stores a hash of few fields (128 to 512, by version) with short values (64 bytes) only.
const SMALL: [&[u8]; 3] = [b"listpack", b"listpackex", b"ziplist"];

/// The result of a request: the fields that exist.
pub(super) type Found = Result<Hash, Fault>;

/// A request about a subject `T`, and its next step.
struct Wish<T> {
    subject: T,
    key: String,
    shape: Shape,
    question: Question,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    /// Is it small? Of a string, its beginning.
    Look,
    /// How long is it?
    Length,
    /// What is it?
    Value,
}

/// What an answer leads to.
enum Next {
    Gone,
    Found(Found),
    Ask(Question),
}

impl Next {
    fn failed(fault: Fault) -> Self {
        Self::Found(Err(fault))
    }
}

/// Requests in progress.
pub(super) struct Wishes<T> {
    open: Vec<Wish<T>>,
    granted: Vec<(T, String, Found)>,
    /// Whether a key that may not be read is an error.
    needed: bool,
}

impl<T> Wishes<T> {
    /// Wishes that a report depends on: without access to one of them, nothing must be claimed.
    pub(super) fn needed(wishes: impl IntoIterator<Item = (T, String, Shape)>) -> Self {
        let wish = |(subject, key, shape)| Wish { subject, key, shape, question: first(shape) };
        Self { open: wishes.into_iter().map(wish).collect(), granted: Vec::new(), needed: true }
    }

    /// Wishes that a report can do without.
    pub(super) fn welcome(wishes: impl IntoIterator<Item = (T, String, Shape)>) -> Self {
        Self { needed: false, ..Self::needed(wishes) }
    }

    /// Asks the next question about each wish that is still open.
    pub(super) fn ask(&self, batch: &mut Batch) {
        self.open.iter().for_each(|wish| wish.ask(batch));
    }

    /// Takes in the answers.
    pub(super) fn take(&mut self, answers: &mut Answers) -> Result<(), Why> {
        for mut wish in std::mem::take(&mut self.open) {
            let next = match (wish.question, wish.shape) {
                (Question::Length, Shape::Fields(fields)) => lengths(fields, answers),
                _ => needed(answers.next()).map(|reply| reply.map_or_else(Next::failed, |reply| wish.next(reply))),
            };
            match next {
                Err(Why::Forbidden(_)) if !self.needed => {}
                Err(why) => return Err(why),
                Ok(Next::Gone) => {}
                Ok(Next::Found(found)) => self.granted.push((wish.subject, wish.key, found)),
                Ok(Next::Ask(question)) => {
                    wish.question = question;
                    self.open.push(wish);
                }
            }
        }
        Ok(())
    }

    /// Returns what has been found, each with its key, once nothing is open.
    pub(super) fn granted(self) -> Vec<(T, String, Found)> {
        self.granted
    }
}

fn first(shape: Shape) -> Question {
    match shape {
        // A single field stands in a hash that has larger ones, too.
        Shape::Fields([_]) => Question::Length,
        _ => Question::Look,
    }
}

impl<T> Wish<T> {
    fn ask(&self, batch: &mut Batch) {
        let key = &self.key;
        match (self.question, self.shape) {
            (Question::Look, Shape::Text(limit)) => {
                let whole = Limit { value: limit + 1, total: limit + 4096 };
                batch.add(whole, &["GETRANGE", key, "0", &limit.to_string()]);
            }
            (_, Shape::Text(_)) => batch.add(NUMBERS, &["STRLEN", key]),
            (Question::Look, Shape::Fields(_)) => batch.add(NUMBERS, &["OBJECT", "ENCODING", key]),
            (Question::Length, Shape::Fields(fields)) => {
                fields.iter().for_each(|(field, _)| batch.add(NUMBERS, &["HSTRLEN", key, field]));
            }
            (Question::Value, Shape::Fields(fields)) => {
                let value = fields.iter().map(|(_, limit)| *limit).max().unwrap_or_default();
                let limit = Limit { value, total: fields.len() * value + 4096 };
                batch.add_long(limit, &["HMGET", key], fields.iter().map(|(field, _)| *field));
            }
        }
    }

    fn next(&self, reply: Reply) -> Next {
        match (self.question, self.shape, reply) {
            (Question::Look, Shape::Text(limit), Reply::Text(text)) if text.len() > limit => {
                Next::Ask(Question::Length)
            }
            (Question::Look, Shape::Text(_), Reply::Text(text)) if text.is_empty() => Next::Gone,
            (Question::Look, Shape::Text(_), text @ Reply::Text(_)) => Next::Found(value::named([""], vec![text])),
            (Question::Look, Shape::Fields(_), Reply::Text(encoding)) if SMALL.contains(&encoding.as_slice()) => {
                Next::Ask(Question::Value)
            }
            (Question::Look, Shape::Fields(_), Reply::Text(_)) => Next::Ask(Question::Length),
            (Question::Look, ..) => Next::Gone,
            (_, Shape::Text(_), length) => Next::failed(Fault::TooLarge(length_of(&length))),
            (_, Shape::Fields(fields), Reply::List(values)) => {
                match value::named(fields.iter().map(|(field, _)| *field), values) {
                    Ok(hash) if hash.is_empty() => Next::Gone,
                    found => Next::Found(found),
                }
            }
            (_, Shape::Fields(_), _) => Next::Gone,
        }
    }
}

/// What the lengths of all `fields` lead to. Each answer is taken, also behind one that decides.
fn lengths(fields: &[Field], answers: &mut Answers) -> Result<Next, Why> {
    let (mut next, mut refused) = (Next::Gone, None);
    for (_, limit) in fields {
        match needed(answers.next()) {
            Err(why) => refused = refused.or(Some(why)),
            Ok(_) if matches!(next, Next::Found(_)) => {}
            Ok(Err(fault)) => next = Next::failed(fault),
            Ok(Ok(reply)) => match length_of(&reply) {
                0 => {}
                length if length > *limit as u64 => next = Next::failed(Fault::TooLarge(length)),
                _ => next = Next::Ask(Question::Value),
            },
        }
    }
    refused.map_or(Ok(next), Err)
}

fn length_of(reply: &Reply) -> u64 {
    if let Reply::Int(length @ 1..) = reply { *length as u64 } else { 0 }
}
