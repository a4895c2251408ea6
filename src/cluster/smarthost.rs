//! The cluster's own mail relay, HASH `cluster/smarthost`: what `ns8-sendmail` itself uses.

use secrecy::SecretString;

use super::value::{self, Hash};
use crate::config::is_host;
use crate::model::cluster::{Encryption, ReadError, Smarthost};

/// The key.
pub(super) const KEY: &str = "cluster/smarthost";

/// The fields.
pub(super) const FIELDS: [&str; 7] = ["enabled", "host", "port", "username", "password", "encrypt_smtp", "tls_verify"];

/// Returns the relay in these fields; `None` if it is not enabled.
pub(super) fn smarthost(hash: &Hash) -> Result<Option<Smarthost>, ReadError> {
    if !value::get(hash, "enabled").is_some_and(value::is_yes) {
        return Ok(None);
    }
    let host = value::field(hash, "host").ok_or(ReadError::Smarthost("names no host"))?;
    if !is_host(&host) {
        return Err(ReadError::Smarthost("its host is neither a name nor an address"));
    }
    let port = value::field(hash, "port").and_then(|port| port.trim().parse().ok());
    let port = port.ok_or(ReadError::Smarthost("its port is not a number up to 65535"))?;
    let encryption = match value::get(hash, "encrypt_smtp").map_or("", str::trim) {
        "none" => Encryption::None,
        "starttls" | "" => Encryption::Starttls,
        "tls" => Encryption::Tls,
        _ => return Err(ReadError::Smarthost("its encrypt_smtp is neither `none` nor `starttls` nor `tls`")),
    };
    let tls_verify = value::get(hash, "tls_verify").is_none_or(value::is_yes);
    let login = value::field(hash, "username").zip(value::field(hash, "password").map(SecretString::from));
    Ok(Some(Smarthost { host, port, encryption, tls_verify, login }))
}
