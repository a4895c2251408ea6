use super::*;

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.into())
}

fn documented(backend: &str, url: &str, path: &str) -> Destination {
    Destination {
        id: "1".into(),
        kind: DestinationKind::Documented,
        backend: some(backend),
        url: some(url),
        path: some(path),
        password: Some("pw".into()),
        aws_access_key_id: Some("id".into()),
        aws_secret_access_key: Some("key".into()),
        rclone_config: some("/etc/rclone.conf"),
        ..Destination::default()
    }
}

fn per_module(url: &str) -> Destination {
    Destination {
        id: "d1".into(),
        kind: DestinationKind::PerModule,
        name: Some("Offsite".into()),
        url: some(url),
        password: Some("pw".into()),
        aws_access_key_id: Some("s3-id".into()),
        aws_secret_access_key: Some("s3-key".into()),
        b2_account_id: Some("b2-id".into()),
        ..Destination::default()
    }
}

fn behind_the_gateway(id: &str) -> Destination {
    let password = Some("pw".into());
    Destination { id: id.into(), kind: DestinationKind::Gateway, password, ..Destination::default() }
}

fn agent() -> Agent {
    Agent { user: "node/1".into(), password: "p:@/w".into() }
}

fn gateway() -> Result<Gateway, NotProbed> {
    find("http://127.0.0.1:4694", Some(&agent()))
}

/// What restic would be given for it: the location, then the secrets.
fn restic(destination: &Destination, path: &str) -> Result<Vec<String>, String> {
    let way = match destination.kind {
        DestinationKind::Documented => super::documented(destination),
        _ => of_module(&gateway(), destination, path),
    };
    match way {
        Ok(Way::Restic(repository)) => {
            let secret = |(name, secret): &(&str, SecretString)| format!("{name}={}", secret.expose_secret());
            let location = repository.location.expose_secret().to_owned();
            Ok([location].into_iter().chain(repository.secrets.iter().map(secret)).collect())
        }
        Ok(Way::Gateway(repository, _)) => Ok(vec![repository.gateway.address.to_string(), repository.path]),
        Err(NotProbed::Incomplete(what)) => Err(what),
        Err(other) => Err(other.to_string()),
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
    let place = |backend| match backend {
        "local" => "/x",
        "s3" => "host/x",
        _ => "host:x",
    };
    let secrets = |backend| restic(&documented(backend, place(backend), ""), "").unwrap().split_off(1);
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
        ("/srv/backup", "local:/srv/backup/mail/u1"),
    ] {
        assert_eq!(restic(&per_module(url), "mail/u1").unwrap()[0], location);
    }
    assert_eq!(below("b2:bucket", "mail/u1"), "b2:bucket:mail/u1");
    assert_eq!(below("b2:bucket:folder", "mail/u1"), "b2:bucket:folder/mail/u1");
    assert_eq!(restic(&per_module("b2:bucket"), "mail/u1"), Err("b2_account_key".into()));
    assert_eq!(restic(&per_module(""), "mail/u1"), Err("url".into()));
}

#[test]
fn behind_the_gateway_all_is_encoded_and_the_login_is_for_the_relay() {
    let destination = behind_the_gateway;
    assert_eq!(restic(&destination("d 1"), "mail/u1").unwrap(), ["127.0.0.1:4694", "/d%201/mail/u1"]);
    let repository = through_gateway(([127, 0, 0, 1], 80).into(), "/d%201/mail/u1", &agent(), &"pw".into());
    let location = "rest:http://node%2F1:p%3A%40%2Fw@127.0.0.1:80/d%201/mail/u1/";
    assert_eq!(repository.location.expose_secret(), location);
    for uuid in ["..", "", "a/b", "a\nb"] {
        assert!(restic(&destination(uuid), "mail/u1").is_err(), "{uuid:?}");
    }
    assert!(matches!(find("http://127.0.0.1:1", None), Err(NotProbed::NoCredentials)));
    let elsewhere = find("http://192.0.2.1.example:80", Some(&agent()));
    assert!(matches!(elsewhere, Err(NotProbed::NotTheGateway(Doubt::Elsewhere))));
}

#[test]
fn no_path_leads_above_its_destination() {
    let per_module = per_module("s3:host/bucket");
    let gateway = behind_the_gateway("d1");
    for path in ["../u1", "mail/..", "/etc/u1", "mail//u1", "", "mail/\u{1b}"] {
        for destination in [&per_module, &gateway] {
            assert_eq!(restic(destination, path), Err(NotProbed::from(Unsafe::Path).to_string()), "{path:?}");
        }
    }
}

#[test]
fn a_secret_that_no_environment_holds_is_refused() {
    let mut destination = documented("s3", "host/bucket", "");
    destination.aws_secret_access_key = Some("a\0b".into());
    assert_eq!(restic(&destination, ""), Err(NotProbed::from(Unsafe::Text).to_string()));
}

#[test]
fn of_many_modules_a_few_are_looked_at_and_the_rest_counted() {
    let ids: Vec<_> = (1..=10).map(|n| ModuleId::new(format!("mail{n}")).unwrap()).collect();
    let destinations = Destinations {
        all: vec![per_module("s3:https://user:pw@host/bucket"), documented("local", "", "/srv"), per_module("/other")],
        paths: [(ids[0].clone(), "postfix/u1".into())].into(),
    };
    let targets = targets("", None, &destinations, &ids.iter().collect::<Vec<_>>());
    assert_eq!(targets.len(), MAX_MODULES + 3);
    let Ok(Way::Restic(repository)) = &targets[0].way else { panic!("{targets:?}") };
    assert_eq!(repository.location.expose_secret(), "s3:https://user:pw@host/bucket/postfix/u1");
    assert_eq!(targets[0].repository, "Offsite");
    assert!(matches!(&targets[1].way, Err(NotProbed::NoUuid(module)) if module.as_str() == "mail2"));
    assert!(matches!(targets[MAX_MODULES].way, Err(NotProbed::TooMany(2))));
    assert_eq!(targets[MAX_MODULES + 1].location.as_deref(), Some("local:/srv"));
    assert!(matches!(targets[MAX_MODULES + 2].way, Err(NotProbed::TooMany(10))));
}
