//! What is read beside plans and results: the relay, the destinations, Loki, the leader, modules in no plan.

use jiff::Timestamp;
use ns8_backup_monitor::cluster::{self, Question, Selector, Want};
use ns8_backup_monitor::config;
use ns8_backup_monitor::job::examine::{Extent, question};
use ns8_backup_monitor::model::cluster::Encryption;
use ns8_backup_monitor::model::plan::{Damage, Entry, Fault};
use ns8_backup_monitor::model::repository::{Destination, DestinationKind};
use ns8_backup_monitor::system::agent::Agent;
use secrecy::ExposeSecret;

use super::results::two_nodes;
use super::{ids, plan_id, read, read_all};
use crate::support::redis::Redis;

fn key(key: &str, fault: Fault) -> Damage {
    Damage { entry: Entry::Key(key.into()), fault }
}

#[tokio::test]
async fn the_relay_is_read_where_it_is_enabled() {
    let redis = Redis::ns8();
    let read = || async { read_all(&redis, Selector::None).await.smarthost };
    assert!(read().await.unwrap().is_none());
    let fields =
        [("host", "mail.example.com"), ("port", "465"), ("username", "u"), ("password", "geheim"), ("enabled", "")];
    redis.hset("cluster/smarthost", &fields);
    assert!(read().await.unwrap().is_none());
    redis.hset("cluster/smarthost", &[("enabled", "1"), ("encrypt_smtp", "tls"), ("tls_verify", "")]);
    let relay = read().await.unwrap().unwrap();
    assert_eq!((relay.host.as_str(), relay.port, relay.encryption), ("mail.example.com", 465, Encryption::Tls));
    assert!(!relay.tls_verify);
    assert!(!format!("{relay:?}").contains("geheim"));
    let (user, password) = relay.login.unwrap();
    assert_eq!((user.as_str(), password.expose_secret()), ("u", "geheim"));
    redis.hset("cluster/smarthost", &[("password", ""), ("tls_verify", "1"), ("encrypt_smtp", "none")]);
    let relay = read().await.unwrap().unwrap();
    assert_eq!((relay.login.is_none(), relay.tls_verify, relay.encryption), (true, true, Encryption::None));
    redis.hset("cluster/smarthost", &[("port", "smtp")]);
    let error = read().await.unwrap_err().to_string();
    assert!(error.contains("the cluster's smarthost is enabled, but its port is not a number"), "{error}");
    for host in ["\u{1b}[31mmail", "mail\nX", "mail ", "mail:25", "-o Proxy", &"m".repeat(256)] {
        redis.hset("cluster/smarthost", &[("port", "465"), ("host", host)]);
        let error = read().await.unwrap_err().to_string();
        assert!(error.contains("its host is neither a name nor an address"), "{error}");
    }
    for host in ["mail", "posta.città.example", "::1", "[::1]", "192.0.2.1"] {
        redis.hset("cluster/smarthost", &[("host", host)]);
        assert_eq!(read().await.unwrap().unwrap().host, host);
    }
}

#[tokio::test]
async fn a_modules_repository_is_found_by_image_and_uuid() {
    let redis = two_nodes(&[("instances", "mail1 web2 idle3 other4")]);
    redis.hset("cluster/module_uuid", &[("mail1", "5f1c"), ("web2", "77aa"), ("idle3", "90be"), ("other4", "c0de")]);
    redis.hset("module/mail1/environment", &[("IMAGE_URL", "ghcr.io/nethserver/postfix:1.4.0"), ("MODULE_UUID", "e")]);
    redis.run::<String>("SET module/idle3/environment text");
    redis.hset("module/other4/environment", &[("IMAGE_URL", "ghcr.io/nethserver/..:1")]);
    let paths = async || {
        let plan = read(&redis, "2").await;
        let path = |module: &_| plan.modules[module].repository_path.clone();
        (plan.members.iter().flatten().filter_map(path).collect::<Vec<_>>(), plan.damaged)
    };
    let (all, damaged) = paths().await;
    assert_eq!(all, ["idle/90be", "postfix/5f1c", "other/c0de", "web/77aa"]);
    let environment = |module| format!("module/{module}/environment");
    let other_type = key(&environment("idle3"), Fault::OtherType);
    assert_eq!(damaged, [other_type, key(&environment("other4"), Fault::BadCharacters)]);
    // Before core 3.18 the UUID stood in the environment only.
    redis.run::<i64>("DEL cluster/module_uuid");
    assert_eq!(paths().await.0, ["postfix/e"]);
}

/// A cluster with a destination of each kind.
fn three_destinations() -> Redis {
    let redis =
        Redis::on_tcp(&format!("{}\nuser node/1 on >agents-geheim ~* &* +@all", crate::support::redis::NS8_ACL));
    redis.hset("cluster/backup_repository/new", &[("name", "Gate"), ("url", "b2:bucket"), ("provider", "backblaze")]);
    let old = [("name", "S3"), ("url", "s3:s3.amazonaws.com/b"), ("password", "geheim"), ("aws_access_key_id", "AK")];
    redis.hset("cluster/backup_repository/old", &old);
    let documented = [("url", "s3:host/b"), ("backend", "s3"), ("password", "geheim"), ("aws_secret_access_key", "SK")];
    redis.hset("cluster/backup_repository/first/parameters", &documented);
    redis.hset("private/agents/backup_destination/restic_password", &[("new", "restic-geheim"), ("old", "other")]);
    redis.run::<String>("SET cluster/backup_repository/first/lock text");
    redis
}

#[tokio::test]
async fn a_plan_that_names_its_destination_has_that_one() {
    let redis = three_destinations();
    let find = async |repository: &str| {
        redis.hset("cluster/backup/2", &[("name", "Nightly"), ("repository", repository)]);
        redis.hset("cluster/module_node", &[("mail1", "1")]);
        let cluster = read_all(&redis, Selector::Plan(&plan_id("2"))).await;
        cluster.destinations_of(&cluster.plans[0]).all
    };
    let found = find("new").await;
    let [Destination { id, kind: DestinationKind::Gateway, name, url, password: None, .. }] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!((id.as_str(), name.as_deref(), url.as_deref()), ("new", Some("Gate"), Some("b2:bucket")));
    let found = find("old").await;
    let [Destination { id, kind: DestinationKind::PerModule, password, .. }] = &found[..] else { panic!("{found:?}") };
    assert_eq!((id.as_str(), password.as_ref().unwrap().expose_secret()), ("old", "geheim"));
    for elsewhere in ["../smarthost", "..", "first/parameters", "a%2fb", "none"] {
        assert!(find(elsewhere).await.is_empty(), "{elsewhere}");
    }
    assert_eq!(redis.calls("scan"), 0);
    let found = find("").await;
    let kinds: Vec<_> = found.iter().map(|destination| destination.kind).collect();
    assert_eq!(kinds, [DestinationKind::Documented, DestinationKind::Gateway, DestinationKind::PerModule]);
    let Destination { id, backend, .. } = &found[0];
    assert_eq!((id.as_str(), backend.as_deref()), ("first", Some("s3")));
}

#[tokio::test]
async fn a_destination_that_cannot_be_read_is_said() {
    let redis = two_nodes(&[("repository", "dest"), ("instances", "mail1")]);
    redis.hset("cluster/backup_repository/dest", &[("name", "x"), ("url", &"u".repeat(20_000))]);
    redis.run::<String>("SET cluster/backup_repository/dest/parameters text");
    redis.hset("cluster/backup/3", &[("repository", "other"), ("instances", "mail1"), ("enabled", "1")]);
    let cluster = read_all(&redis, Selector::All).await;
    assert!(cluster.destinations.is_empty());
    let path = "cluster/backup_repository/dest";
    let other_type = key(&format!("{path}/parameters"), Fault::OtherType);
    let damaged = [key(path, Fault::TooLarge(20_000)), other_type];
    assert_eq!(cluster.plans.iter().map(|plan| &plan.damaged[..]).collect::<Vec<_>>(), [&damaged[..], &[]]);
}

/// Passwords behind the gateway are private: only the node's agent may read them.
#[tokio::test]
async fn private_passwords_come_with_the_agents_login() {
    let redis = three_destinations();
    redis.hset("cluster/backup/2", &[("repository", "new"), ("instances", "")]);
    let password = async |settings: &config::Redis, agent: Option<&Agent>| {
        let id = plan_id("2");
        let question = question(Selector::Plan(&id), Extent::Everything, agent);
        let cluster = cluster::read(settings, question).await.unwrap();
        match &cluster.destinations[..] {
            [Destination { kind: DestinationKind::Gateway, password, .. }] => {
                password.as_ref().map(|word| word.expose_secret().to_owned())
            }
            other => panic!("{other:?}"),
        }
    };
    let agent = |user: &str, password: &str| Agent { user: user.into(), password: password.into() };
    for settings in [redis.settings(), redis.tcp_settings()] {
        assert_eq!(password(&settings, None).await, None);
        assert_eq!(password(&settings, Some(&agent("node/1", "wrong"))).await, None);
        assert_eq!(password(&settings, Some(&agent("default", "any"))).await, None, "who may not read it");
        let found = password(&settings, Some(&agent("node/1", "agents-geheim"))).await;
        assert_eq!(found.as_deref(), Some("restic-geheim"));
    }
}

#[tokio::test]
async fn the_cluster_says_who_it_is() {
    let redis = two_nodes(&[("instances", "mail1 web2"), ("schedule", "*-*-* 02:00:00")]);
    redis.run::<String>("SET cluster/uuid 3c1d");
    redis.run::<String>("SET node/2/ui_name worker");
    redis.hset("cluster/environment", &[("NODE_ID", "1")]);
    let cluster = read_all(&redis, Selector::All).await;
    assert_eq!((cluster.uuid.as_deref(), cluster.leader.as_deref()), (Some("3c1d"), Some("1")));
    assert_eq!(cluster.plans[0].modules["web2"].node_name.as_deref(), Some("worker"));
    assert_eq!(cluster.plans[0].schedule.as_deref(), Some("*-*-* 02:00:00"));
    let other = Redis::ns8();
    other.run::<String>("SET cluster/uuid ../3c1d");
    let cluster = read_all(&other, Selector::All).await;
    assert_eq!((cluster.uuid, cluster.leader), (None, None));
}

#[tokio::test]
async fn loki_is_the_clusters_default_one() {
    let redis = two_nodes(&[]);
    let loki = async || {
        let mut cluster = read_all(&redis, Selector::Plan(&plan_id("2"))).await;
        (cluster.loki, cluster.plans.remove(0).damaged)
    };
    assert!(loki().await.0.is_none());
    redis.hset("cluster/module_node", &[("loki1", "1")]);
    redis.run::<String>("SET cluster/default_instance/loki loki1");
    assert!(loki().await.0.is_none());
    let path = "module/loki1/environment";
    let login = [("LOKI_ADDR", "10.5.4.1"), ("LOKI_API_AUTH_USERNAME", "loki"), ("LOKI_API_AUTH_PASSWORD", "geheim")];
    redis.hset(path, &login);
    assert_eq!(loki().await.1, [], "not set up yet");
    redis.hset(path, &[("LOKI_HTTP_PORT", "20012"), ("IMAGE_URL", "ghcr.io/nethserver/loki:1.0.0")]);
    let (found, damaged) = loki().await;
    let found = found.unwrap();
    assert_eq!((found.host.as_str(), found.port), ("10.5.4.1", 20_012));
    assert_eq!((found.user.as_str(), found.password.expose_secret()), ("loki", "geheim"));
    assert!(damaged.is_empty() && !format!("{found:?}").contains("geheim"));
    for (field, value) in
        [("LOKI_HTTP_PORT", "20012/x"), ("LOKI_ADDR", "evil.example.com/?"), ("LOKI_ADDR", "u@h"), ("LOKI_ADDR", "a:b")]
    {
        let before: String = redis.run(&format!("HGET {path} {field}"));
        redis.hset(path, &[(field, value)]);
        let (found, damaged) = loki().await;
        assert!(found.is_none(), "{value}");
        assert_eq!(damaged, [key(path, Fault::BadCharacters)]);
        redis.hset(path, &[(field, &before)]);
    }
}

/// NS8's own list of unconfigured instances.
#[tokio::test]
async fn modules_in_no_plan_are_named_unless_they_are_flagged() {
    let redis = two_nodes(&[("instances", "mail1")]);
    redis.hset("cluster/module_node", &[("proxy5", "1"), ("flags6", "2")]);
    redis.hset("cluster/backup/3", &[("instances", "web2"), ("enabled", "")]);
    redis.run::<i64>("SADD module/proxy5/flags no_data_backup core_module");
    redis.run::<String>("SET module/flags6/flags no_data_backup");
    redis.run::<String>("SET module/idle3/ui_name Idle");
    let unplanned = async |selector: Selector<'_>| read_all(&redis, selector).await.unplanned;
    let found = unplanned(Selector::All).await.unwrap();
    assert_eq!(ids(found.keys()), ["flags6", "idle3", "other4"]);
    assert_eq!(found.values().filter_map(|module| module.ui_name.as_deref()).collect::<Vec<_>>(), ["Idle"]);
    let recent = unplanned(Selector::Recent { since: Timestamp::now() }).await;
    assert_eq!(recent.map(|modules| modules.len()), Some(3));
    assert_eq!(unplanned(Selector::Plan(&plan_id("2"))).await, None, "other plans may have them");
    redis.run::<i64>("SADD module/other4/backups 4");
    redis.hset("cluster/backup/4", &[("name", "Older")]);
    assert_eq!(ids(unplanned(Selector::All).await.unwrap().keys()), ["flags6", "idle3"]);
    redis.run::<String>("SET cluster/backup/5 x");
    assert_eq!(unplanned(Selector::All).await, None, "a plan that cannot be read may have them");
}

/// A tick of the watch asks for results only, and finds the plans without a look at the whole database.
#[tokio::test]
async fn only_what_is_wanted_is_read() {
    let redis = two_nodes(&[("instances", "mail1 web2"), ("schedule", "daily")]);
    redis.run::<String>("SET cluster/backup_sequence 7");
    redis.hset("node/1/backup_status/2", &[("mail1", r#"{"end":1763600100,"errors":0}"#)]);
    redis.hset("node/2/backup_status/2", &[("web2", r#"{"end":1763600100,"errors":0}"#)]);
    redis.run::<String>("CONFIG RESETSTAT");
    let question = Question { plans: Selector::All, want: Want::default(), now: Timestamp::now() };
    let cluster = cluster::read(&redis.settings(), question).await.unwrap();
    assert_eq!((cluster.plans.len(), cluster.plans[0].results.len(), cluster.unplanned), (1, 2, None));
    let calls = ["getrange", "hstrlen", "object|encoding", "sismember", "scan"].map(|command| redis.calls(command));
    assert_eq!(calls, [0; 5]);
}
