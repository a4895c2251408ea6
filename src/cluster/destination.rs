//! Where a plan's backups go, as the cluster's Redis describes it: what a probe needs to open a repository.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;

use super::model::ModuleId;
use super::value::{self, Hash};

/// Where a plan is backed up to.
#[derive(Debug, Clone, Default)]
pub struct Destinations {
    /// All of its destinations.
    pub all: Vec<Destination>,
    /// The path of a module's repository below a destination that has one for each module. None for a module for which
    /// the cluster has no UUID.
    pub paths: BTreeMap<ModuleId, String>,
}

/// One destination. Which kind it is follows from the fields that are found, as with the layouts of the results.
///
/// Each field is the Redis field of the same name; `None` where it is missing or empty. Ids of keys count as secrets:
/// they are half of a login. A `url` may hold a login as well, so none is shown before it has been redacted.
#[derive(Debug, Clone)]
pub enum Destination {
    /// HASH `cluster/backup_repository/<id>/parameters` (the founding document, A): one repository.
    Documented {
        /// `<id>` of the key.
        id: String,
        /// `s3`, `b2`, `sftp`, `rclone` or `local`.
        backend: Option<String>,
        /// The cloud backend's URL.
        url: Option<String>,
        /// The local or SFTP path.
        path: Option<String>,
        /// The repository's password.
        password: Option<SecretString>,
        /// `aws_access_key_id`; with `b2` the account id.
        aws_access_key_id: Option<SecretString>,
        /// `aws_secret_access_key`; with `b2` the account key.
        aws_secret_access_key: Option<SecretString>,
        /// Path of an rclone configuration file.
        rclone_config: Option<String>,
    },
    /// HASH `cluster/backup_repository/<uuid>` with secrets (NS8 core 3.0 to 3.19, B): a repository for each module, at
    /// `<url>/<app>/<module uuid>`.
    PerModule {
        /// `<uuid>` of the key.
        uuid: String,
        /// The name that people gave it.
        name: Option<String>,
        /// As restic understands it: `s3:s3.amazonaws.com/bucket`.
        url: Option<String>,
        /// The password of all its repositories.
        password: Option<SecretString>,
        /// S3's key id.
        aws_access_key_id: Option<SecretString>,
        /// S3's key.
        aws_secret_access_key: Option<SecretString>,
        /// B2's account id.
        b2_account_id: Option<SecretString>,
        /// B2's account key.
        b2_account_key: Option<SecretString>,
    },
    /// The same HASH without secrets (NS8 core 3.20 and later, C): a repository for each module, behind the node's
    /// rclone-gateway.
    Gateway {
        /// `<uuid>` of the key.
        uuid: String,
        /// The name that people gave it.
        name: Option<String>,
        /// As in B; the gateway knows how to get there, so it is only shown.
        url: Option<String>,
        /// The password of all its repositories. Private in Redis: only known where the node agent's login could be
        /// used to read it.
        password: Option<SecretString>,
    },
}

/// Where all destinations are kept.
const FOLDER: &str = "cluster/backup_repository/";

/// All keys of destinations, as a pattern.
pub(super) const PATTERN: &str = "cluster/backup_repository/*";

/// Both keys that may describe the destination `id`.
pub(super) fn keys(id: &str) -> BTreeSet<String> {
    [format!("{FOLDER}{id}"), format!("{FOLDER}{id}/parameters")].into()
}

/// The destination that `key` describes, where it is such a key.
pub(super) fn id_of(key: &str) -> Option<&str> {
    let rest = key.strip_prefix(FOLDER)?;
    Some(rest.strip_suffix("/parameters").unwrap_or(rest)).filter(|id| !id.is_empty() && !id.contains('/'))
}

/// The path of a module's repository: `<app>/<module uuid>`. The app is the image's name in `image_url`, such as `mail`
/// in `ghcr.io/nethserver/mail:1.4.0`, or else what the module's id begins with.
pub(super) fn path(module: &ModuleId, uuid: &str, image_url: Option<&str>) -> String {
    let image = image_url.and_then(|url| url.rsplit('/').next()?.split(['@', ':']).next());
    let app = image.filter(|name| !name.is_empty()).unwrap_or_else(|| module.app());
    format!("{app}/{uuid}")
}

/// The destination in the hash at `key`; `None` where there is none.
pub(super) fn destination(key: &str, hash: &Hash) -> Option<Destination> {
    let id = id_of(key).filter(|_| !hash.is_empty())?.to_owned();
    let field = |name: &str| value::field(hash, name);
    let secret = |name: &str| field(name).map(SecretString::from);
    let secrets = ["password", "aws_access_key_id", "aws_secret_access_key", "b2_account_id", "b2_account_key"];
    Some(if key.ends_with("/parameters") {
        Destination::Documented {
            id,
            backend: field("backend"),
            url: field("url"),
            path: field("path"),
            password: secret("password"),
            aws_access_key_id: secret("aws_access_key_id"),
            aws_secret_access_key: secret("aws_secret_access_key"),
            rclone_config: field("rclone_config"),
        }
    } else if secrets.into_iter().any(|name| field(name).is_some()) {
        Destination::PerModule {
            uuid: id,
            name: field("name"),
            url: field("url"),
            password: secret("password"),
            aws_access_key_id: secret("aws_access_key_id"),
            aws_secret_access_key: secret("aws_secret_access_key"),
            b2_account_id: secret("b2_account_id"),
            b2_account_key: secret("b2_account_key"),
        }
    } else {
        Destination::Gateway { uuid: id, name: field("name"), url: field("url"), password: None }
    })
}
