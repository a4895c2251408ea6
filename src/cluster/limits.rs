//! The limits of everything that is read from Redis, in bytes unless another unit is named.
//!
//! A module may write up to 512 MB into any value below `module/<its id>/`, and as many values as Redis has room for.
//! Such a value is measured or cut before it leaves the server (`measured`). Values that only the cluster's own
//! agents write are read at once. Beneath both, `resp` keeps no more of an answer than its limit, and skips the
//! rest.

/// How much of an answer is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// Bytes of one string; a longer one becomes `Reply::TooLarge`.
    pub(super) value: usize,
    /// Bytes of the whole answer, with what its parts take in memory; a longer one becomes `TooLarge` as a whole.
    pub(super) total: usize,
}

/// A field of a hash with the limit of its value in bytes.
pub(super) type Field = (&'static str, usize);

/// A number, a time or a word in a module's result: 20 digits, or an RFC 3339 time.
pub(super) const WORD: usize = 128;
/// A name, an image's address, or a part of Loki's login.
pub(super) const NAME: usize = 1 << 10;
/// Layout A's reason of a failure.
pub(super) const REASON: usize = 64 << 10;

/// One value that the cluster's agents write: a result in JSON, a destination's address, a password.
pub(super) const VALUE: Limit = Limit { value: 16 << 10, total: 4 << 20 };
/// A plan's definition: the ids of 50,000 modules.
pub(super) const DEFINITION: Limit = Limit { value: 1 << 20, total: 1 << 20 };
/// A list of all modules of the cluster.
pub(super) const LIST: Limit = Limit { value: NAME, total: 8 << 20 };
/// One step of a scan: 10,000 keys, of which a module may make up as many as it likes.
pub(super) const KEYS: Limit = Limit { value: 512, total: 8 << 20 };
/// An answer that is a number, or one number for each plan.
pub(super) const NUMBERS: Limit = Limit { value: WORD, total: 1 << 20 };
/// An announcement with its channel.
pub(super) const EVENT: Limit = Limit { value: 4 << 10, total: 16 << 10 };

/// All answers of one round trip: the results of 200 plans of 1,000 modules each take some 40 MB.
pub(super) const EXCHANGE: usize = 64 << 20;

/// A line of the protocol: a length, a number or an error.
pub(super) const LINE: usize = 4 << 10;
/// How deep one answer may nest: a scan's has two levels.
pub(super) const DEPTH: usize = 4;
/// The buffer between the socket and the parser.
pub(super) const BUFFER: usize = 32 << 10;

/// Number of plans that are read at most: NS8 counts plans up from 1, and the newest count.
pub(super) const PLANS: u64 = 10_000;
/// Number of plans that one owner of keys can bring up in a cluster that lists none.
pub(super) const PLANS_OF_ONE: usize = 1000;
