//! The connection to the cluster's Redis: pipelined reads, all of them bounded, and errors that say what to do.
//!
//! NS8 lets everybody read, but little more. So nothing is sent beyond the reads themselves: the client library's own
//! greeting is off, the protocol is the old one, which needs no `HELLO`, and there is no `AUTH` unless configured.

use std::collections::BTreeSet;
use std::error::Error;
use std::io;
use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo, RedisError, Value};
use redis::{RedisResult, ServerErrorKind};
use secrecy::ExposeSecret;
use tokio::sync::Semaphore;

use super::value;
use crate::config::{self, RedisAddress};
use crate::model::cluster::{ReadError, Why};
use crate::model::plan::Fault;

/// How many keys one step of a scan looks at: few steps even on a large database, a few milliseconds of the server's
/// time each.
const SCAN_STEP: usize = 10_000;

/// So many readings at one time; the others wait for their turn, which does not count as time in which Redis should
/// have answered. A batch of alerts of hundreds of plans uses up neither this program's files nor its memory.
static TURNS: Semaphore = Semaphore::const_new(16);

impl From<RedisError> for Why {
    fn from(error: RedisError) -> Self {
        explain(&error)
    }
}

/// The answer to one command of a pipeline; an error concerns its key alone: another type of value, or a forbidden one.
pub(super) type Answer = RedisResult<Value>;

/// Bounds `reading`, connection included, by `redis.timeout`.
pub(super) async fn bounded<T>(
    redis: &config::Redis,
    reading: impl Future<Output = Result<T, Why>>,
) -> Result<T, ReadError> {
    let _turn = TURNS.acquire().await.expect("never closed");
    let late = || Why::Late(redis.timeout.as_secs());
    let result = tokio::time::timeout(redis.timeout, reading).await.unwrap_or_else(|_| Err(late()));
    result.map_err(|why| ReadError::Redis { address: redis.address().to_string(), why })
}

/// A client for the configured address and login. The password is read afresh, so that a new one counts at once.
pub(super) fn client(redis: &config::Redis) -> Result<Client, Why> {
    let info = match redis.address() {
        RedisAddress::Unix(path) => ConnectionAddr::Unix(path).into_connection_info(),
        RedisAddress::Url(url) => url.into_connection_info(),
    }?;
    let mut login = info.redis_settings().clone().set_skip_set_lib_name();
    if let Some(username) = &redis.username {
        login = login.set_username(username);
    }
    if let Some(file) = &redis.password_file {
        login = login.set_password(config::secret("redis.password_file", file).map_err(Why::Other)?.expose_secret());
    }
    Ok(Client::open(info.set_redis_settings(login))?)
}

/// An open connection.
pub(super) struct Connection(MultiplexedConnection);

impl Connection {
    /// Connects, and logs in where that is configured.
    pub(super) async fn open(redis: &config::Redis) -> Result<Self, Why> {
        // `bounded` bounds the whole; a bound on each step would only hide its message.
        let unbounded = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        Ok(Self(client(redis)?.get_multiplexed_async_connection_with_config(&unbounded).await?))
    }

    /// Sends all `commands` in one round trip.
    ///
    /// # Errors
    /// Where the server as a whole does not answer; what concerns one key stays in that key's answer.
    pub(super) async fn ask(&mut self, commands: impl IntoIterator<Item = Cmd>) -> Result<Vec<Answer>, Why> {
        let mut pipeline = redis::Pipeline::new();
        for command in commands {
            pipeline.add_command(command);
        }
        if pipeline.is_empty() {
            return Ok(Vec::new());
        }
        let answers: Vec<Answer> = pipeline.ignore_errors().query_async(&mut self.0).await?;
        match answers.iter().find_map(|answer| answer.as_ref().err().filter(|error| !concerns_one_key(error))) {
            Some(error) => Err(explain(error)),
            None => Ok(answers),
        }
    }

    /// Asks about each of `subjects`, all in one round trip.
    pub(super) async fn ask_each<T>(
        &mut self,
        subjects: impl IntoIterator<Item = T>,
        command: impl Fn(&T) -> Cmd,
    ) -> Result<Vec<(T, Answer)>, Why> {
        let subjects: Vec<T> = subjects.into_iter().collect();
        let answers = self.ask(subjects.iter().map(command)).await?;
        Ok(subjects.into_iter().zip(answers).collect())
    }

    /// All keys that match `pattern`, by as many round trips as the whole database takes: only for what no other key
    /// tells. `KEYS` would stop the server for everybody.
    pub(super) async fn scan(&mut self, pattern: &str) -> Result<BTreeSet<String>, Why> {
        let mut keys = BTreeSet::new();
        let mut cursor = 0;
        loop {
            let mut step = redis::cmd("SCAN");
            step.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(SCAN_STEP);
            let (next, found): (u64, Value) = step.query_async(&mut self.0).await?;
            keys.extend(value::texts(found));
            if next == 0 {
                return Ok(keys);
            }
            cursor = next;
        }
    }
}

/// A command with its key.
pub(super) fn get(name: &str, key: impl redis::ToSingleRedisArg) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(key);
    command
}

/// An answer that a report depends on: another type of value damages its entry alone, but where access is forbidden
/// nothing must be claimed at all.
pub(super) fn needed(answer: Answer) -> Result<Result<Value, Fault>, Why> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.code() == Some("WRONGTYPE") => Ok(Err(Fault::OtherType)),
        Err(error) => Err(error.into()),
    }
}

fn concerns_one_key(error: &RedisError) -> bool {
    matches!(error.code(), Some("WRONGTYPE" | "NOPERM"))
}

/// The library wraps an I/O error twice.
fn io_kind(error: &RedisError) -> Option<io::ErrorKind> {
    let wrapped = error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    wrapped.downcast_ref::<io::Error>().map(io::Error::kind)
}

/// What happened, in words, with what to do where that is known.
fn explain(error: &RedisError) -> Why {
    match (error.kind(), error.code(), io_kind(error)) {
        (ErrorKind::AuthenticationFailed, ..) | (_, Some("WRONGPASS"), _) => Why::LoginRefused,
        (_, Some("NOAUTH"), _) => Why::LoginWanted,
        (ErrorKind::Server(ServerErrorKind::NoPerm), ..) => Why::Forbidden(error.to_string()),
        (ErrorKind::Server(ServerErrorKind::BusyLoading), ..) => Why::Loading,
        (_, _, Some(io::ErrorKind::NotFound)) => Why::NoSocket,
        (_, _, Some(io::ErrorKind::ConnectionRefused)) => Why::ConnectionRefused,
        (_, _, Some(io::ErrorKind::PermissionDenied)) => Why::PermissionDenied,
        _ if error.is_connection_dropped() => Why::Lost,
        _ => Why::Other(error.to_string()),
    }
}
