//! What there is to look at: from destinations and modules to single repositories. Pure.

use std::net::SocketAddr;

use secrecy::{ExposeSecret, SecretString};

use super::address::{self, Address, Kind, is_plain, stays_below};
use super::gateway::{self, Gateway};
use super::{guard, restic};
use crate::model::plan::ModuleId;
use crate::model::repository::{Destination, DestinationKind, Destinations, Doubt, MAX_MODULES, NotProbed, Unsafe};
use crate::system::agent::Agent;
use crate::system::http::encoded;
use crate::system::redact::without_inline_secrets;

/// One repository to look at, named as in [`super::Probe`].
#[derive(Debug)]
pub(super) struct Target {
    pub(super) repository: String,
    pub(super) location: Option<String>,
    pub(super) module: Option<ModuleId>,
    pub(super) gateway: bool,
    pub(super) way: Result<Way, NotProbed>,
}

/// How it is looked at.
#[derive(Debug)]
pub(super) enum Way {
    /// By restic.
    Restic(restic::Repository),
    /// By the gateway, and by restic through it if the repository's password is known.
    Gateway(gateway::Repository, Option<SecretString>),
}

/// The repositories of `destinations`: where each module has its own, those of `modules`.
pub(super) fn targets(
    gateway: &str,
    agent: Option<&Agent>,
    destinations: &Destinations,
    modules: &[&ModuleId],
) -> Vec<Target> {
    let gateway = find(gateway, agent);
    let mut left = MAX_MODULES;
    let mut targets = Vec::new();
    for destination in &destinations.all {
        let (repository, location) = shown(destination);
        let is_gateway = destination.kind == DestinationKind::Gateway;
        let target = |module, way| Target {
            repository: repository.clone(),
            location: location.clone(),
            module,
            gateway: is_gateway,
            way,
        };
        if destination.kind == DestinationKind::Documented {
            targets.push(target(None, documented(destination)));
            continue;
        }
        let (chosen, others) = modules.split_at(modules.len().min(left));
        left -= chosen.len();
        for &module in chosen {
            let path = destinations.paths.get(module).ok_or_else(|| NotProbed::NoUuid(module.clone()));
            let way = path.and_then(|path| of_module(&gateway, destination, path));
            targets.push(target(Some(module.clone()), way));
        }
        if !others.is_empty() {
            targets.push(target(None, Err(NotProbed::TooMany(others.len()))));
        }
    }
    targets
}

/// The gateway at `url` with the login that it wants.
pub(super) fn find(url: &str, agent: Option<&Agent>) -> Result<Gateway, NotProbed> {
    let agent = agent.cloned().ok_or(NotProbed::NoCredentials)?;
    let address = guard::address(url).ok_or(NotProbed::NotTheGateway(Doubt::Elsewhere))?;
    Ok(Gateway { address, agent })
}

/// A destination's name and place, for people.
fn shown(destination: &Destination) -> (String, Option<String>) {
    let place = match destination.kind {
        DestinationKind::Documented => documented_location(destination).ok(),
        DestinationKind::PerModule | DestinationKind::Gateway => destination.url.clone(),
    };
    let name = destination.name.as_ref().unwrap_or(&destination.id);
    (name.clone(), place.map(|place| without_inline_secrets(&place)))
}

/// How to look at a repository of the founding document.
fn documented(destination: &Destination) -> Result<Way, NotProbed> {
    let location = documented_location(destination)?;
    let Destination { aws_access_key_id: id, aws_secret_access_key: key, .. } = destination;
    // The document keeps B2's login in the same two fields.
    let keys = [("aws_access_key_id", id), ("aws_secret_access_key", key)];
    let repository = with_secrets(&location, &destination.password, keys, keys)?;
    let rclone_config = destination.rclone_config.clone().filter(|_| repository.kind == Kind::Rclone);
    Ok(Way::Restic(restic::Repository { rclone_config, ..repository }))
}

/// How to look at the repository at `path` below `destination`, which has one for each module.
fn of_module(gateway: &Result<Gateway, NotProbed>, destination: &Destination, path: &str) -> Result<Way, NotProbed> {
    let Destination { id, url, password, .. } = destination;
    if !stays_below(path) {
        return Err(Unsafe::Path.into());
    }
    if destination.kind == DestinationKind::Gateway {
        if id.contains('/') || !stays_below(id) {
            return Err(Unsafe::Path.into());
        }
        let repository = gateway::Repository { gateway: gateway.clone()?, path: in_url(&format!("{id}/{path}")) };
        return Ok(Way::Gateway(repository, password.clone()));
    }
    let url = url.as_deref().ok_or_else(|| incomplete("url"))?;
    let s3 = [
        ("aws_access_key_id", &destination.aws_access_key_id),
        ("aws_secret_access_key", &destination.aws_secret_access_key),
    ];
    let b2 = [("b2_account_id", &destination.b2_account_id), ("b2_account_key", &destination.b2_account_key)];
    with_secrets(&below(url, path), password, s3, b2).map(Way::Restic)
}

/// `path` in a URL: `/` and its segments, percent-encoded.
pub(super) fn in_url(path: &str) -> String {
    path.split('/').fold(String::new(), |url, segment| url + "/" + &encoded(segment))
}

/// `RESTIC_REPOSITORY` from layout A's fields: `<backend>:<url or path>`, each of which may already begin with its
/// backend. The document keeps what is in the cloud in `url` and files in `path`; whichever is there is taken.
fn documented_location(destination: &Destination) -> Result<String, NotProbed> {
    let Destination { backend, url, path, .. } = destination;
    let backend = backend.as_deref().ok_or_else(|| incomplete("backend"))?.trim().to_ascii_lowercase();
    let (field, place) = match backend.as_str() {
        "sftp" | "local" => ("path", path.as_deref().or(url.as_deref())),
        _ => ("url", url.as_deref().or(path.as_deref())),
    };
    let place = place.ok_or_else(|| incomplete(field))?.trim();
    let named = place.strip_prefix(&backend).is_some_and(|rest| rest.starts_with(':'));
    Ok(if named { place.into() } else { format!("{backend}:{place}") })
}

/// The repository at `path` below `url`. Only B2 is special: restic wants a colon behind its bucket's name.
fn below(url: &str, path: &str) -> String {
    let bucket_only = url.strip_prefix("b2:").is_some_and(|bucket| !bucket.contains(':'));
    let separator = match url.chars().last() {
        Some('/' | ':') => "",
        _ if bucket_only => ":",
        _ => "/",
    };
    format!("{url}{separator}{path}")
}

type Field<'a> = (&'static str, &'a Option<SecretString>);

/// The repository at `location` with the secrets that its backend needs.
///
/// # Errors
/// Returns an error if the location or a secret is not safe to pass on, or names the field that is missing.
fn with_secrets(
    location: &str,
    password: &Option<SecretString>,
    s3: [Field<'_>; 2],
    b2: [Field<'_>; 2],
) -> Result<restic::Repository, NotProbed> {
    let Address { kind, location } = address::parse(location)?;
    let mut wanted = vec![("RESTIC_PASSWORD", ("password", password))];
    match kind {
        Kind::S3 => wanted.extend(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].into_iter().zip(s3)),
        Kind::B2 => wanted.extend(["B2_ACCOUNT_ID", "B2_ACCOUNT_KEY"].into_iter().zip(b2)),
        _ => {}
    }
    let present = |(variable, (field, value)): (_, Field<'_>)| {
        let value = value.clone().ok_or_else(|| incomplete(field))?;
        if !is_plain(value.expose_secret()) {
            return Err(Unsafe::Text.into());
        }
        Ok((variable, value))
    };
    let secrets = wanted.into_iter().map(present).collect::<Result<_, NotProbed>>()?;
    Ok(restic::Repository { kind, location: location.into(), secrets, rclone_config: None })
}

/// The repository at `path` of the gateway that is found at `address`. The login is part of the address, which restic
/// gets by environment: restic 0.14 knows no variables for it.
pub(super) fn through_gateway(
    address: SocketAddr,
    path: &str,
    agent: &Agent,
    password: &SecretString,
) -> restic::Repository {
    let login = format!("{}:{}", encoded(&agent.user), encoded(agent.password.expose_secret()));
    let location = format!("rest:http://{login}@{address}{path}/").into();
    let secrets = vec![("RESTIC_PASSWORD", password.clone()), ("RESTIC_REST_PASSWORD", agent.password.clone())];
    restic::Repository { kind: Kind::Rest, location, secrets, rclone_config: None }
}

fn incomplete(field: &str) -> NotProbed {
    NotProbed::Incomplete(field.into())
}

#[cfg(test)]
mod tests;
