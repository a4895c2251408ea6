//! Reads the cluster's Redis: plans, members, results, destinations, the mail relay, Loki; and hears its announcements.
//!
//! Three layouts of keys are read side by side and merged by module, the later one winning; which of them a cluster
//! uses is found by looking.
//!
//! One reading returns all facts, in as many round trips for thousands of modules as for one: what the cluster says
//! about itself with the definition of a named plan; the definitions of all plans; layout B's members; layout C's
//! results; and, for what those do not hold, the earlier layouts' results, lengths before values. Names, paths and
//! destinations ride along. Only what no key lists takes a scan of the database: the modules and plans of a cluster
//! that keeps no list of them (layout A), and layout A's destinations.
//!
//! Everything is bounded before it is in memory: see `limits`.

mod connection;
mod destination;
mod details;
pub mod events;
mod found;
mod index;
mod keys;
mod layout_a;
mod layout_b;
mod layout_c;
mod limits;
mod measured;
mod path;
mod plan;
mod question;
mod reading;
mod resp;
mod results;
mod smarthost;
mod value;

use jiff::Timestamp;

use crate::config;
use crate::model::cluster::{Cluster, ReadError, Smarthost};
use connection::{Connection, bounded};
pub use question::{Question, Selector, Want};

/// Reads what the cluster says.
///
/// # Errors
/// Returns an error if it cannot be read as a whole: no connection, no answer within `redis.timeout`, or no access to a
/// key that a plan's results follow from. A single entry that makes no sense or is too large becomes a
/// [`crate::model::plan::Damage`] instead.
pub async fn read(redis: &config::Redis, question: Question<'_>) -> Result<Cluster, ReadError> {
    bounded(redis, async { reading::read(&mut Connection::open(redis).await?, redis, &question).await }).await
}

/// Reads the cluster's mail relay alone; `None` if there is none or it is disabled.
///
/// # Errors
/// As [`read`]; also if the relay is enabled but incomplete.
pub async fn smarthost(redis: &config::Redis) -> Result<Option<Smarthost>, ReadError> {
    let question = Question { plans: Selector::None, want: Want::default(), now: Timestamp::now() };
    read(redis, question).await?.smarthost
}
