//! What only the node's agent may read: the passwords of the repositories behind the gateway (NS8 core 3.20 and later).

use redis::Cmd;
use secrecy::{ExposeSecret, SecretString};

use super::connection::{Connection, bounded, get};
use super::value;
use crate::config;
use crate::model::repository::Destination;

/// HASH of the destinations' passwords by UUID.
const PASSWORDS: &str = "private/agents/backup_destination/restic_password";

/// Adds to the gateway's destinations the passwords of their repositories, reading them as `user`. Where that cannot be
/// done they stay without one: the gateway can be asked without, so it is no error.
pub async fn add_passwords(
    redis: &config::Redis,
    user: &str,
    password: &SecretString,
    destinations: &mut [Destination],
) {
    let mut gateways: Vec<(&str, &mut Option<SecretString>)> = destinations.iter_mut().filter_map(gateway).collect();
    if gateways.is_empty() {
        return;
    }
    let login: Cmd = get("AUTH", user).arg(password.expose_secret()).take();
    let reads = gateways.iter().map(|(uuid, _)| get("HGET", PASSWORDS).arg(*uuid).take());
    let commands: Vec<Cmd> = [login].into_iter().chain(reads).collect();
    let reading = async { Connection::open(redis).await?.ask(commands).await };
    for ((_, place), answer) in gateways.iter_mut().zip(bounded(redis, reading).await.into_iter().flatten().skip(1)) {
        **place = answer.ok().and_then(value::text).map(SecretString::from);
    }
}

fn gateway(destination: &mut Destination) -> Option<(&str, &mut Option<SecretString>)> {
    match destination {
        Destination::Gateway { uuid, password, .. } => Some((uuid, password)),
        _ => None,
    }
}
