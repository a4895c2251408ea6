//! The connection to the cluster's Redis: pipelined reads, all of them bounded, and errors that say what to do.
//!
//! NS8 lets everybody read, but little more. So nothing is sent beyond the reads themselves: no `HELLO`, no `CLIENT`,
//! and no `AUTH` or `SELECT` unless configured.

use std::io;
use std::vec;

use secrecy::ExposeSecret;
use tokio::io::{AsyncWriteExt, BufReader, ReadHalf, WriteHalf, split};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Semaphore;

use super::limits::{BUFFER, EXCHANGE, KEYS, Limit, NUMBERS};
use super::resp::{Batch, Reader, Reply};
use super::value::{self, Hash};
use crate::config::{self, Endpoint};
use crate::model::cluster::{ReadError, Why};
use crate::model::plan::Fault;
use crate::system::agent::Agent;
use crate::system::stream::Stream;

/// Number of keys that one step of a scan looks at: few steps even on a large database, a few milliseconds of the
/// server's time each.
const SCAN_STEP: &str = "10000";

/// Maximum number of concurrent readings. The others wait; that time does not count against redis.timeout. A batch of
/// alerts of hundreds of plans uses up neither this program's files nor its memory.
static TURNS: Semaphore = Semaphore::const_new(16);

impl From<io::Error> for Why {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, FileTooLarge, NotFound,
            PermissionDenied, UnexpectedEof,
        };
        match error.kind() {
            NotFound => Self::NoSocket,
            ConnectionRefused => Self::ConnectionRefused,
            PermissionDenied => Self::PermissionDenied,
            FileTooLarge => Self::TooMuch,
            BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => Self::Lost,
            _ => Self::Other(error.to_string()),
        }
    }
}

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

/// An open connection.
pub(super) struct Connection {
    reader: Reader<BufReader<ReadHalf<Box<dyn Stream>>>>,
    writer: WriteHalf<Box<dyn Stream>>,
}

/// The answers to a batch, in its order.
pub(super) type Answers = vec::IntoIter<Reply>;

impl Connection {
    /// Connects, and logs in if a login is configured. The password is read afresh, so a new one takes effect
    /// immediately.
    pub(super) async fn open(redis: &config::Redis) -> Result<Self, Why> {
        let endpoint = redis.address().endpoint().ok_or(Why::NoAddress)?;
        let (stream, database): (Box<dyn Stream>, u32) = match endpoint {
            Endpoint::Unix(path) => (Box::new(UnixStream::connect(path).await?), 0),
            Endpoint::Tcp { host, port, database } => {
                (Box::new(TcpStream::connect((host.as_str(), port)).await?), database)
            }
        };
        let (reader, writer) = split(stream);
        let mut connection = Self { reader: Reader::new(BufReader::with_capacity(BUFFER, reader)), writer };
        if let Some(file) = &redis.password_file {
            let password = config::secret("redis.password_file", file).map_err(Why::Other)?;
            connection.log_in(redis.username.as_deref(), password.expose_secret()).await?;
        }
        if database != 0 {
            let mut select = Batch::default();
            select.add(NUMBERS, &["SELECT", &database.to_string()]);
            needed(connection.ask(select).await?.next())?.map_err(|_| Why::NoDatabase)?;
        }
        Ok(connection)
    }

    /// Logs in as `user`, or as Redis's default user.
    async fn log_in(&mut self, user: Option<&str>, password: &str) -> Result<(), Why> {
        let mut login = Batch::default();
        login.add_long(NUMBERS, &["AUTH"], user.into_iter().chain([password]));
        match self.exchange(login).await?.next() {
            Some(Reply::Text(_)) => Ok(()),
            _ => Err(Why::LoginRefused),
        }
    }

    /// Logs in as the node's agent.
    pub(super) async fn log_in_as(&mut self, agent: &Agent) -> Result<(), Why> {
        self.log_in(Some(&agent.user), agent.password.expose_secret()).await
    }

    /// Sends all commands of `batch` in one round trip.
    ///
    /// # Errors
    /// Returns an error if the server as a whole does not answer. What concerns one key stays in that key's answer.
    pub(super) async fn ask(&mut self, batch: Batch) -> Result<Answers, Why> {
        let answers = self.exchange(batch).await?;
        let refused = |reply: &Reply| match reply {
            Reply::Refused(error) if !concerns_one_key(error) => Some(explain(error)),
            _ => None,
        };
        match answers.as_slice().iter().find_map(refused) {
            Some(why) => Err(why),
            None => Ok(answers),
        }
    }

    async fn exchange(&mut self, batch: Batch) -> Result<Answers, Why> {
        if batch.limits.is_empty() {
            return Ok(Vec::new().into_iter());
        }
        let Self { reader, writer } = self;
        let sending = async {
            // If it fails, the answers say why, or end.
            let _ = writer.write_all(&batch.bytes).await;
            let _ = writer.flush().await;
            Ok(())
        };
        let receiving = async {
            reader.kept = 0;
            let mut replies = Vec::with_capacity(batch.limits.len());
            for limit in &batch.limits {
                replies.push(reader.next(*limit).await?);
                if reader.kept > EXCHANGE {
                    return Err(io::ErrorKind::FileTooLarge.into());
                }
            }
            Ok::<_, io::Error>(replies.into_iter())
        };
        let ((), answers) = tokio::try_join!(sending, receiving)?;
        Ok(answers)
    }

    /// Waits for a message of a subscription.
    pub(super) async fn message(&mut self, limit: Limit) -> Result<Reply, Why> {
        Ok(self.reader.next(limit).await?)
    }

    /// Calls `found` with each key that matches `pattern`, in as many round trips as the whole database takes: only
    /// for what no other key lists. `KEYS` would stop the server for everybody.
    pub(super) async fn scan(&mut self, pattern: &str, mut found: impl FnMut(&str)) -> Result<(), Why> {
        let mut cursor = "0".to_owned();
        loop {
            let mut step = Batch::default();
            step.add(KEYS, &["SCAN", &cursor, "MATCH", pattern, "COUNT", SCAN_STEP]);
            let mut parts = match needed(self.ask(step).await?.next())? {
                Ok(Reply::List(parts)) => parts.into_iter(),
                _ => return Err(Why::TooMany),
            };
            cursor = parts.next().and_then(value::text).unwrap_or_default();
            parts.next().map(value::texts).unwrap_or_default().iter().for_each(|key| found(key));
            if cursor.parse::<u64>().unwrap_or_default() == 0 {
                return Ok(());
            }
        }
    }
}

/// An answer that a report depends on: another type of value, or one that is too large, damages its entry alone. If
/// access is forbidden, nothing must be claimed at all.
pub(super) fn needed(reply: Option<Reply>) -> Result<Result<Reply, Fault>, Why> {
    match reply.unwrap_or(Reply::Nil) {
        Reply::Refused(error) if error.starts_with("WRONGTYPE") => Ok(Err(Fault::OtherType)),
        Reply::Refused(error) => Err(explain(&error)),
        Reply::TooLarge(bytes) => Ok(Err(Fault::TooLarge(bytes))),
        reply => Ok(Ok(reply)),
    }
}

/// The same for fields of a hash, of which there may be none.
pub(super) fn hash(reply: Option<Reply>, names: &[&'static str]) -> Result<Result<Hash, Fault>, Why> {
    Ok(needed(reply)?.and_then(|reply| match reply {
        Reply::List(values) => value::named(names.iter().copied(), values),
        _ => Ok(Hash::new()),
    }))
}

fn code(error: &str) -> &str {
    error.split(' ').next().unwrap_or_default()
}

fn concerns_one_key(error: &str) -> bool {
    matches!(code(error), "WRONGTYPE" | "NOPERM")
}

/// Returns what happened in words, with what to do if that is known.
fn explain(error: &str) -> Why {
    match code(error) {
        "WRONGPASS" => Why::LoginRefused,
        "NOAUTH" => Why::LoginWanted,
        "NOPERM" => Why::Forbidden(error.trim_start_matches("NOPERM").trim().into()),
        "LOADING" => Why::Loading,
        _ => Why::Other(error.into()),
    }
}
