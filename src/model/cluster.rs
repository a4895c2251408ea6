//! The cluster as a whole: one reading of it, why there is none, and its mail relay.

use secrecy::SecretString;

use super::plan::Plan;

/// One reading of the cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// `cluster/ui_name`.
    pub name: Option<String>,
    /// The plans that were asked for.
    pub plans: Vec<Plan>,
}

/// Why the cluster could not be read, and what to do. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Redis itself.
    #[error("the cluster's Redis at {address} could not be read: {why}")]
    Redis {
        /// Where it is.
        address: String,
        /// What happened.
        why: Why,
    },
    /// The cluster's mail relay.
    #[error("the cluster's smarthost is enabled, but {0}; set the relay in the cluster's settings")]
    Smarthost(&'static str),
}

/// Why Redis could not be read, with what to do where that is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The login is wrong.
    #[error("it refuses the login; check redis.username and redis.password_file")]
    LoginRefused,
    /// There is none.
    #[error("it wants a login; set redis.username and redis.password_file")]
    LoginWanted,
    /// The user may not read what is needed; Redis' words.
    #[error("its access rules forbid it ({0}); log in as a user who may read cluster/, node/ and module/")]
    Forbidden(String),
    /// It has not read its own data yet.
    #[error("it has just started and is still loading its data")]
    Loading,
    /// The Unix socket does not exist.
    #[error("there is no such socket; name the right one in redis.socket, or an address in redis.url")]
    NoSocket,
    /// Nobody listens.
    #[error("nothing listens there; is Redis running?")]
    ConnectionRefused,
    /// The system forbids the socket.
    #[error("permission denied; the user that runs this program must be allowed to open the socket")]
    PermissionDenied,
    /// The connection broke.
    #[error("the connection was lost")]
    Lost,
    /// No answer within `redis.timeout`, in seconds.
    #[error("no answer within {0} s (redis.timeout)")]
    Late(u64),
    /// A key that has to be read holds something else.
    #[error("{0}: the key holds another type of value")]
    OtherType(String),
    /// In the words of the system or of Redis.
    #[error("{0}")]
    Other(String),
}

/// How the connection to a relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// Plain text.
    None,
    /// STARTTLS, required.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
}

/// An enabled relay.
#[derive(Debug, Clone)]
pub struct Smarthost {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// Whether the relay's certificate must be valid.
    pub tls_verify: bool,
    /// User and password; only where both are set.
    pub login: Option<(String, SecretString)>,
}
