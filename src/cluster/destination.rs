//! Where a plan's backups go, as the cluster's Redis describes it: what a probe needs to open a repository.

use std::collections::BTreeSet;

use secrecy::SecretString;

use super::value::{self, Hash};
use crate::model::plan::ModuleId;
use crate::model::repository::Destination;

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
