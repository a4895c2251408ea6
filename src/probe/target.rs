//! What there is to look at: from destinations and modules to single repositories. Pure.

use std::fmt::Write;

use secrecy::{ExposeSecret, SecretString};

use super::redact::without_inline_secrets;
use super::{gateway, restic};
use crate::model::plan::ModuleId;
use crate::model::repository::{Destination, Destinations, MAX_MODULES, NotProbed};
use crate::model::run::Assessment;
use crate::system::agent::Agent;

/// What there is to look with.
#[derive(Debug)]
pub(super) struct Means<'a> {
    /// The gateway, `http://host:port`.
    pub(super) gateway: &'a str,
    /// The login that the gateway wants.
    pub(super) agent: Option<Agent>,
    /// Whether restic is there.
    pub(super) restic: bool,
}

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
    Restic(restic::Repository),
    Gateway(gateway::Repository),
}

/// The repositories of `destinations` that can tell why the run failed: where each module has its own, those of the
/// modules that failed or have no result of this run.
pub(super) fn targets(means: &Means<'_>, destinations: &Destinations, assessment: &Assessment) -> Vec<Target> {
    let troubled: Vec<&ModuleId> = assessment.troubled().collect();
    let mut left = MAX_MODULES;
    let mut targets = Vec::new();
    for destination in &destinations.all {
        let (repository, location) = shown(destination);
        let gateway = matches!(destination, Destination::Gateway { .. });
        let target =
            |module, way| Target { repository: repository.clone(), location: location.clone(), module, gateway, way };
        if let Destination::Documented { .. } = destination {
            targets.push(target(None, way(means, destination, "")));
            continue;
        }
        let (chosen, others) = troubled.split_at(troubled.len().min(left));
        left -= chosen.len();
        for &module in chosen {
            let path = destinations.paths.get(module).ok_or_else(|| NotProbed::NoUuid(module.clone()));
            let way = path.and_then(|path| way(means, destination, path));
            targets.push(target(Some(module.clone()), way));
        }
        if !others.is_empty() {
            targets.push(target(None, Err(NotProbed::TooMany(others.len()))));
        }
    }
    targets
}

/// A destination's name and place, for people.
fn shown(destination: &Destination) -> (String, Option<String>) {
    let (name, place) = match destination {
        Destination::Documented { id, backend, url, path, .. } => (id, documented_location(backend, url, path).ok()),
        Destination::PerModule { uuid, name, url, .. } | Destination::Gateway { uuid, name, url, .. } => {
            (name.as_ref().unwrap_or(uuid), url.clone())
        }
    };
    (name.clone(), place.map(|place| without_inline_secrets(&place)))
}

/// How to look at the repository at `module_path` below `destination`; empty where that is the repository itself.
fn way(means: &Means<'_>, destination: &Destination, module_path: &str) -> Result<Way, NotProbed> {
    match destination {
        Destination::Documented {
            backend,
            url,
            path,
            password,
            aws_access_key_id: id,
            aws_secret_access_key: key,
            rclone_config,
            ..
        } => {
            let location = documented_location(backend, url, path)?;
            // The document keeps B2's login in the same two fields.
            let keys = [("aws_access_key_id", id), ("aws_secret_access_key", key)];
            let repository = with_secrets(location, password, keys, keys)?;
            Ok(Way::Restic(restic::Repository { rclone_config: rclone_config.clone(), ..repository }))
        }
        Destination::PerModule {
            url,
            password,
            aws_access_key_id,
            aws_secret_access_key,
            b2_account_id,
            b2_account_key,
            ..
        } => {
            let url = url.as_deref().ok_or_else(|| incomplete("url"))?;
            let s3 = [("aws_access_key_id", aws_access_key_id), ("aws_secret_access_key", aws_secret_access_key)];
            let b2 = [("b2_account_id", b2_account_id), ("b2_account_key", b2_account_key)];
            with_secrets(below(url, module_path), password, s3, b2).map(Way::Restic)
        }
        Destination::Gateway { uuid, password, .. } => {
            let agent = means.agent.clone().ok_or(NotProbed::NoCredentials)?;
            let path = format!("{uuid}/{module_path}").split('/').map(encoded).collect::<Vec<_>>().join("/");
            Ok(match password {
                Some(password) if means.restic => Way::Restic(through_gateway(means.gateway, &path, &agent, password)),
                _ => {
                    Way::Gateway(gateway::Repository { gateway: means.gateway.into(), path: format!("/{path}"), agent })
                }
            })
        }
    }
}

/// `RESTIC_REPOSITORY` from layout A's fields: `<backend>:<url or path>`, each of which may already begin with its
/// backend. The document keeps what is in the cloud in `url` and files in `path`; whichever is there is taken.
fn documented_location(
    backend: &Option<String>,
    url: &Option<String>,
    path: &Option<String>,
) -> Result<String, NotProbed> {
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

/// The repository at `location` with the secrets that its backend needs; an error names the field that is missing.
fn with_secrets(
    location: String,
    password: &Option<SecretString>,
    s3: [Field<'_>; 2],
    b2: [Field<'_>; 2],
) -> Result<restic::Repository, NotProbed> {
    let mut wanted = vec![("RESTIC_PASSWORD", ("password", password))];
    match location.split(':').next() {
        Some("s3") => wanted.extend(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].into_iter().zip(s3)),
        Some("b2") => wanted.extend(["B2_ACCOUNT_ID", "B2_ACCOUNT_KEY"].into_iter().zip(b2)),
        _ => {}
    }
    let present = |(variable, (field, value)): (_, Field<'_>)| {
        value.clone().map(|value| (variable, value)).ok_or_else(|| incomplete(field))
    };
    let secrets = wanted.into_iter().map(present).collect::<Result<_, _>>()?;
    Ok(restic::Repository { location: location.into(), secrets, rclone_config: None })
}

/// The login is part of the address, which restic gets by environment: restic 0.14 knows no variables for it.
fn through_gateway(gateway: &str, path: &str, agent: &Agent, password: &SecretString) -> restic::Repository {
    let login = format!("{}:{}", encoded(&agent.user), encoded(agent.password.expose_secret()));
    let location = format!("rest:{}/{path}/", gateway.replacen("http://", &format!("http://{login}@"), 1));
    let secrets = vec![("RESTIC_PASSWORD", password.clone())];
    restic::Repository { location: location.into(), secrets, rclone_config: None }
}

/// `text` percent-encoded, so that it is one segment of a path or one half of a login, whatever is in it.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte.into()),
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
        encoded
    })
}

fn incomplete(field: &str) -> NotProbed {
    NotProbed::Incomplete(field.into())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::plan::{Plan, PlanId};
    use crate::model::run::{RunRule, assess};

    fn some(text: &str) -> Option<String> {
        (!text.is_empty()).then(|| text.into())
    }

    fn documented(backend: &str, url: &str, path: &str) -> Destination {
        Destination::Documented {
            id: "1".into(),
            backend: some(backend),
            url: some(url),
            path: some(path),
            password: Some("pw".into()),
            aws_access_key_id: Some("id".into()),
            aws_secret_access_key: Some("key".into()),
            rclone_config: some("/etc/rclone.conf"),
        }
    }

    fn per_module(url: &str) -> Destination {
        Destination::PerModule {
            uuid: "d1".into(),
            name: Some("Offsite".into()),
            url: some(url),
            password: Some("pw".into()),
            aws_access_key_id: Some("s3-id".into()),
            aws_secret_access_key: Some("s3-key".into()),
            b2_account_id: Some("b2-id".into()),
            b2_account_key: None,
        }
    }

    fn means() -> Means<'static> {
        let agent = Agent { user: "node/1".into(), password: "p:@/w".into() };
        Means { gateway: "http://127.0.0.1:4694", agent: Some(agent), restic: true }
    }

    /// What restic would be given for it: the location, then the secrets.
    fn restic(destination: &Destination, path: &str) -> Result<Vec<String>, String> {
        match way(&means(), destination, path) {
            Ok(Way::Restic(repository)) => {
                let secret = |(name, secret): &(&str, SecretString)| format!("{name}={}", secret.expose_secret());
                let location = repository.location.expose_secret().to_owned();
                Ok([location].into_iter().chain(repository.secrets.iter().map(secret)).collect())
            }
            Ok(Way::Gateway(repository)) => Ok(vec![repository.gateway, repository.path]),
            Err(NotProbed::Incomplete(what)) => Err(what),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_documented_repository_is_found_by_url_or_path() {
        for (backend, url, path, location) in [
            ("s3", "s3.amazonaws.com/bucket", "", "s3:s3.amazonaws.com/bucket"),
            ("s3", "s3:https://host:9000/bucket/", "", "s3:https://host:9000/bucket/"),
            ("S3 ", " https://host/bucket ", "", "s3:https://host/bucket"),
            ("b2", "bucket:folder", "", "b2:bucket:folder"),
            ("b2", "", "b2:bucket", "b2:bucket"),
            ("sftp", "", "user@host:/srv/backup", "sftp:user@host:/srv/backup"),
            ("sftp", "sftp://user@host:2222//srv", "", "sftp://user@host:2222//srv"),
            ("sftp", "unused", "sftp:host:/srv", "sftp:host:/srv"),
            ("rclone", "remote:bucket/folder", "", "rclone:remote:bucket/folder"),
            ("rclone", "rclone:remote:", "/unused", "rclone:remote:"),
            ("local", "", "/srv/backup", "local:/srv/backup"),
            ("local", "/srv/s3:odd", "", "local:/srv/s3:odd"),
        ] {
            assert_eq!(restic(&documented(backend, url, path), "").unwrap()[0], location);
        }
        assert_eq!(restic(&documented("", "s3:host/bucket", ""), ""), Err("backend".into()));
        assert_eq!(restic(&documented("s3", "", ""), ""), Err("url".into()));
        assert_eq!(restic(&documented("local", "", ""), ""), Err("path".into()));
    }

    #[test]
    fn a_location_is_shown_without_what_is_secret_in_it() {
        let location = |destination: &Destination| shown(destination).1.unwrap();
        let remote = r#":webdav,url="https://host/",pass=s3cret:folder"#;
        assert_eq!(location(&documented("rclone", remote, "")), "rclone::webdav,url=***,pass=***:folder");
        assert_eq!(location(&documented("rclone", "", "nas,pass=s3cret:")), "rclone:nas,pass=***:");
        assert_eq!(location(&per_module("rclone:nas,pass=s3cret:x")), "rclone:nas,pass=***:x");
        assert_eq!(location(&per_module("s3:https://user:pw@host/bucket")), "s3:https://user:***@host/bucket");
    }

    #[test]
    fn each_backend_gets_its_own_secrets_and_no_others() {
        let secrets = |backend| restic(&documented(backend, "x", "x"), "").unwrap().split_off(1);
        assert_eq!(secrets("s3"), ["RESTIC_PASSWORD=pw", "AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=key"]);
        assert_eq!(secrets("b2"), ["RESTIC_PASSWORD=pw", "B2_ACCOUNT_ID=id", "B2_ACCOUNT_KEY=key"]);
        for backend in ["sftp", "rclone", "local"] {
            assert_eq!(secrets(backend), ["RESTIC_PASSWORD=pw"]);
        }
    }

    #[test]
    fn a_modules_repository_is_below_its_destination() {
        for (url, location) in [
            ("s3:s3.amazonaws.com/bucket", "s3:s3.amazonaws.com/bucket/mail/u1"),
            ("s3:host/bucket/", "s3:host/bucket/mail/u1"),
            ("rclone:remote:", "rclone:remote:mail/u1"),
            ("/srv/backup", "/srv/backup/mail/u1"),
        ] {
            assert_eq!(restic(&per_module(url), "mail/u1").unwrap()[0], location);
        }
        assert_eq!(below("b2:bucket", "mail/u1"), "b2:bucket:mail/u1");
        assert_eq!(below("b2:bucket:folder", "mail/u1"), "b2:bucket:folder/mail/u1");
        assert_eq!(restic(&per_module("b2:bucket"), "mail/u1"), Err("b2_account_key".into()));
        assert_eq!(restic(&per_module(""), "mail/u1"), Err("url".into()));
    }

    #[test]
    fn behind_the_gateway_restic_needs_the_password_and_all_is_encoded() {
        let gateway = |password: Option<&str>| Destination::Gateway {
            uuid: "d 1".into(),
            name: None,
            url: None,
            password: password.map(Into::into),
        };
        assert_eq!(restic(&gateway(None), "mail/u1").unwrap(), ["http://127.0.0.1:4694", "/d%201/mail/u1"]);
        assert_eq!(
            restic(&gateway(Some("pw")), "mail/u1").unwrap(),
            ["rest:http://node%2F1:p%3A%40%2Fw@127.0.0.1:4694/d%201/mail/u1/", "RESTIC_PASSWORD=pw"]
        );
        let nobody = Means { agent: None, ..means() };
        assert!(matches!(way(&nobody, &gateway(Some("pw")), "mail/u1"), Err(NotProbed::NoCredentials)));
    }

    #[test]
    fn of_many_modules_a_few_are_looked_at_and_the_rest_counted() {
        let mut plan = Plan::unknown(PlanId::new("1").unwrap());
        let ids = (1..=10).map(|n| ModuleId::new(format!("mail{n}")).unwrap());
        plan.members = Some(ids.collect());
        let assessment = assess(&plan, &RunRule::by_age(None, None), Timestamp::UNIX_EPOCH);
        let destinations = Destinations {
            all: vec![
                per_module("s3:https://user:pw@host/bucket"),
                documented("local", "", "/srv"),
                per_module("/other"),
            ],
            paths: [(ModuleId::new("mail1").unwrap(), "postfix/u1".into())].into(),
        };
        let targets = targets(&means(), &destinations, &assessment);
        assert_eq!(targets.len(), MAX_MODULES + 3);
        let Ok(Way::Restic(repository)) = &targets[0].way else { panic!("{targets:?}") };
        assert_eq!(repository.location.expose_secret(), "s3:https://user:pw@host/bucket/postfix/u1");
        assert_eq!(targets[0].repository, "Offsite");
        assert!(matches!(&targets[1].way, Err(NotProbed::NoUuid(module)) if module.as_str() == "mail2"));
        assert!(matches!(targets[MAX_MODULES].way, Err(NotProbed::TooMany(2))));
        assert_eq!(targets[MAX_MODULES + 1].location.as_deref(), Some("local:/srv"));
        assert!(matches!(targets[MAX_MODULES + 2].way, Err(NotProbed::TooMany(10))));
    }
}
