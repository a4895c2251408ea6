//! Where a plan's backups go, as the cluster's Redis describes it: what a probe needs to open a repository.

use std::collections::BTreeSet;

use secrecy::SecretString;

use super::connection::{Answers, Connection, hash};
use super::found::Found;
use super::keys;
use super::limits::VALUE;
use super::path::is_segment;
use super::resp::{Batch, Reply};
use super::value::{self, Hash};
use crate::model::cluster::Why;
use crate::model::plan::{Damage, Entry, Plan};
use crate::model::repository::{Destination, DestinationKind};
use crate::system::agent::Agent;

/// All keys of destinations, as a pattern.
const PATTERN: &str = "cluster/backup_repository/*";

/// HASH of the destinations' passwords by UUID, for agents only (core 3.20 and later).
const PASSWORDS: &str = "private/agents/backup_destination/restic_password";

/// The fields of all kinds of destinations.
const FIELDS: [&str; 10] = [
    "name",
    "backend",
    "url",
    "path",
    "password",
    "aws_access_key_id",
    "aws_secret_access_key",
    "b2_account_id",
    "b2_account_key",
    "rclone_config",
];

/// Keys of destinations that are being asked for.
#[derive(Default)]
pub(super) struct Asking(BTreeSet<String>);

impl Asking {
    /// The destinations that `plans` name; if one of them names none, all there are: those that a scan has `found`.
    pub(super) async fn new<'a>(
        connection: &mut Connection,
        plans: impl Iterator<Item = &'a Plan>,
        found: Option<&Found>,
    ) -> Result<Self, Why> {
        let ids: Option<BTreeSet<&str>> = plans.map(|plan| plan.repository.as_deref()).collect();
        let mut all = BTreeSet::new();
        match ids {
            Some(ids) => {
                let ids = ids.into_iter().filter(|id| is_segment(id));
                all.extend(ids.flat_map(keys::destinations));
            }
            None => match found {
                Some(found) => all.extend(found.destinations().map(String::from)),
                None => {
                    let known = |key: &str| keys::parse_destination(key).map(|_| key.to_owned());
                    connection.scan(PATTERN, |key| all.extend(known(key))).await?
                }
            },
        }
        Ok(Self(all))
    }

    pub(super) fn ask(&self, batch: &mut Batch) {
        self.0.iter().for_each(|key| batch.add_long(VALUE, &["HMGET", key], FIELDS));
    }

    pub(super) fn take(self, answers: &mut Answers) -> Result<(Vec<Destination>, Vec<Damage>), Why> {
        let (mut destinations, mut damaged) = (Vec::new(), Vec::new());
        for key in self.0 {
            match hash(answers.next(), &FIELDS)? {
                Ok(hash) => destinations.extend(destination(&key, &hash)),
                Err(fault) => damaged.push(Damage { entry: Entry::Key(key), fault }),
            }
        }
        Ok((destinations, damaged))
    }
}

/// Adds to the gateway's destinations the passwords of their repositories, reading them as `agent`. If that cannot be
/// done they stay without one: the gateway can be asked without, so it is no error.
pub(super) async fn add_passwords(connection: &mut Connection, agent: &Agent, destinations: &mut [Destination]) {
    let mut gateways: Vec<&mut Destination> =
        destinations.iter_mut().filter(|destination| destination.kind == DestinationKind::Gateway).collect();
    if gateways.is_empty() || connection.log_in_as(agent).await.is_err() {
        return;
    }
    let mut batch = Batch::default();
    batch.add_long(VALUE, &["HMGET", PASSWORDS], gateways.iter().map(|gateway| gateway.id.as_str()));
    let Some(Reply::List(passwords)) = connection.ask(batch).await.ok().and_then(|mut answers| answers.next()) else {
        return;
    };
    for (gateway, password) in gateways.iter_mut().zip(passwords) {
        gateway.password = value::text(password).map(SecretString::from);
    }
}

/// The destination in the hash at `key`; `None` if there is none.
fn destination(key: &str, hash: &Hash) -> Option<Destination> {
    let (id, documented) = keys::parse_destination(key).filter(|_| !hash.is_empty())?;
    let field = |name: &str| value::field(hash, name);
    let secret = |name: &str| field(name).map(SecretString::from);
    let secrets = ["password", "aws_access_key_id", "aws_secret_access_key", "b2_account_id", "b2_account_key"];
    let kind = match documented {
        true => DestinationKind::Documented,
        false if secrets.into_iter().any(|name| field(name).is_some()) => DestinationKind::PerModule,
        false => DestinationKind::Gateway,
    };
    Some(Destination {
        id: id.into(),
        kind,
        name: field("name"),
        backend: field("backend"),
        url: field("url"),
        path: field("path"),
        password: secret("password"),
        aws_access_key_id: secret("aws_access_key_id"),
        aws_secret_access_key: secret("aws_secret_access_key"),
        b2_account_id: secret("b2_account_id"),
        b2_account_key: secret("b2_account_key"),
        rclone_config: field("rclone_config"),
    })
}
