//! The cluster as a whole: one reading of it, why there is none, its mail relay and its log store.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::plan::{Module, ModuleId, Plan};
use super::repository::{Destination, Destinations};

/// One reading of the cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// `cluster/ui_name`.
    pub name: Option<String>,
    /// `cluster/uuid`, which names the cluster backup.
    pub uuid: Option<String>,
    /// The leader's node id, `NODE_ID` in `cluster/environment`.
    pub leader: Option<String>,
    /// The plans that were asked for.
    pub plans: Vec<Plan>,
    /// The modules in no plan, without those flagged `no_data_backup`, as NS8's `list-backups` has them. `None` if not
    /// all plans were read, or not every definition could be read.
    pub unplanned: Option<BTreeMap<ModuleId, Module>>,
    /// The destinations of the plans; all there are if one of the plans names none.
    pub destinations: Vec<Destination>,
    /// The mail relay; `None` if there is none or it is disabled.
    pub smarthost: Result<Option<Smarthost>, ReadError>,
    /// The login to the cluster's default Loki.
    pub loki: Option<Loki>,
}

impl Cluster {
    /// Returns the destinations of `plan`, and the paths of its modules' repositories there.
    pub fn destinations_of(&self, plan: &Plan) -> Destinations {
        let of_plan = |destination: &&Destination| match &plan.repository {
            Some(id) => destination.id == *id,
            None => true,
        };
        Destinations {
            all: self.destinations.iter().filter(of_plan).cloned().collect(),
            paths: plan.each(&|module| module.repository_path.clone()),
        }
    }
}

/// The login to Loki's HTTP API, from `module/<loki module>/environment`. What stands there, that module writes itself.
#[derive(Debug, Clone)]
pub struct Loki {
    /// `LOKI_ADDR`: a host name or an address.
    pub host: String,
    /// `LOKI_HTTP_PORT`.
    pub port: u16,
    /// `LOKI_API_AUTH_USERNAME`.
    pub user: String,
    /// `LOKI_API_AUTH_PASSWORD`.
    pub password: SecretString,
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
    #[error("it requires a login; set redis.username and redis.password_file")]
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
    /// A value that has to be read has so many bytes.
    #[error("{0}: the value is too large ({1} bytes)")]
    TooLarge(String, u64),
    /// The configured address is none.
    #[error("it is not an address")]
    NoAddress,
    /// The configured database does not exist.
    #[error("it has no such database")]
    NoDatabase,
    /// There are too many keys.
    #[error("a scan's answer is too large")]
    TooMany,
    /// All that is asked for at once is too much to keep.
    #[error("its answers take more than 64 MiB together")]
    TooMuch,
    /// In the words of the system or of Redis.
    #[error("{0}")]
    Other(String),
}

/// How the connection to a relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Plain text.
    None,
    /// STARTTLS, required.
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
