//! Values that a module may write: their lengths first, then those that fit, in two round trips for all of them.
//!
//! Redis can cut a string (`GETRANGE`), but no field of a hash. A value that grows between the two round trips meets
//! the limit in [`super::resp`].

use super::connection::{Answers, needed};
use super::limits::{self, Limit, NUMBERS};
use super::resp::{Batch, Reply};
use super::value;
use crate::model::cluster::Why;
use crate::model::plan::Fault;

/// A field of a hash with the limit of its value in bytes.
pub(super) type Field = (&'static str, usize);

/// A string, or some fields of a hash.
pub(super) struct Wish {
    /// The key.
    pub(super) key: String,
    /// The fields; the empty name is the value of a string.
    pub(super) fields: &'static [Field],
}

/// The fields of [`Wish::key`] if it is a string.
pub(super) const NAME: &[Field] = &[("", limits::NAME)];

/// What a wish has brought: each field that is there and not empty.
pub(super) type Found = Result<value::Hash, Fault>;

/// Wishes, each for a subject `T`.
pub(super) struct Wishes<T> {
    open: Vec<(T, Wish)>,
    granted: Vec<(T, Found)>,
    /// Whether a key that may not be read is an error.
    needed: bool,
}

impl<T> Wishes<T> {
    /// Wishes that a report depends on: without access to one of them, nothing must be claimed.
    pub(super) fn needed(wishes: impl IntoIterator<Item = (T, Wish)>) -> Self {
        Self { open: wishes.into_iter().collect(), granted: Vec::new(), needed: true }
    }

    /// Wishes that a report can do without.
    pub(super) fn welcome(wishes: impl IntoIterator<Item = (T, Wish)>) -> Self {
        Self { needed: false, ..Self::needed(wishes) }
    }

    /// Asks for the lengths.
    pub(super) fn measure(&self, batch: &mut Batch) {
        for (_, wish) in &self.open {
            for (field, _) in wish.fields {
                match *field {
                    "" => batch.add(NUMBERS, &["STRLEN", &wish.key]),
                    field => batch.add(NUMBERS, &["HSTRLEN", &wish.key, field]),
                }
            }
        }
    }

    /// Takes in the lengths. What is not there, or does not fit, is asked for no further.
    pub(super) fn measured(&mut self, answers: &mut Answers) -> Result<(), Why> {
        for (subject, wish) in std::mem::take(&mut self.open) {
            let (mut there, mut fault) = (false, None);
            for (_, limit) in wish.fields {
                match self.permitted(answers.next())? {
                    Some(Ok(Reply::Int(length @ 1..))) => {
                        there = true;
                        let length = length.unsigned_abs();
                        fault = fault.or((length > *limit as u64).then_some(Fault::TooLarge(length)));
                    }
                    Some(Err(wrong)) => fault = Some(wrong),
                    _ => {}
                }
            }
            match fault {
                Some(fault) => self.granted.push((subject, Err(fault))),
                None if there => self.open.push((subject, wish)),
                None => {}
            }
        }
        Ok(())
    }

    /// Asks for the values.
    pub(super) fn fetch(&self, batch: &mut Batch) {
        for (_, wish) in &self.open {
            let value = wish.fields.iter().map(|(_, limit)| *limit).max().unwrap_or_default();
            let limit = Limit { value, total: 4 * value + 4096 };
            match wish.fields {
                [("", _)] => batch.add(limit, &["GET", &wish.key]),
                fields => {
                    let fields = fields.iter().map(|(field, _)| *field);
                    batch.add(limit, &["HMGET", &wish.key].into_iter().chain(fields).collect::<Vec<_>>());
                }
            }
        }
    }

    /// Takes in the values, and returns all that was there.
    pub(super) fn fetched(mut self, answers: &mut Answers) -> Result<Vec<(T, Found)>, Why> {
        for (subject, wish) in std::mem::take(&mut self.open) {
            let values = match self.permitted(answers.next())? {
                None => continue,
                Some(Err(fault)) => Err(fault),
                Some(Ok(Reply::List(values))) => Ok(values),
                Some(Ok(value)) => Ok(vec![value]),
            };
            let names = wish.fields.iter().map(|(field, _)| *field);
            self.granted.push((subject, values.and_then(|values| value::named(names, values))));
        }
        Ok(self.granted)
    }

    /// `None` if it may not be read and need not be.
    fn permitted(&self, reply: Option<Reply>) -> Result<Option<Result<Reply, Fault>>, Why> {
        match needed(reply) {
            Err(Why::Forbidden(_)) if !self.needed => Ok(None),
            other => other.map(Some),
        }
    }
}
