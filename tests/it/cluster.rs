//! Tests of the cluster part on a real redis-server.

use jiff::Timestamp;
use ns8_backup_monitor::cluster::model::{Cluster, Layout, ModuleId, Plan, PlanId};
use ns8_backup_monitor::cluster::{self, Selector};

use crate::support::redis::Redis;

fn plan_id(id: &str) -> PlanId {
    PlanId::new(id).unwrap()
}

fn module(id: &str) -> ModuleId {
    ModuleId::new(id).unwrap()
}

fn modules(ids: &[&str]) -> std::collections::BTreeSet<ModuleId> {
    ids.iter().map(|id| module(id)).collect()
}

async fn read(redis: &Redis, id: &str) -> Plan {
    read_all(redis, Selector::Plan(&plan_id(id))).await.plans.remove(0)
}

async fn read_all(redis: &Redis, selector: Selector<'_>) -> Cluster {
    cluster::read(&redis.settings(), selector).await.unwrap()
}

#[tokio::test]
async fn layout_a_tells_results_but_no_members() {
    let redis = Redis::start();
    redis.hset(
        "cluster/backup/1/status",
        &[("result", "error"), ("timestamp", "2026-11-20T02:10:00Z"), ("errors", "1")],
    );
    redis.hset(
        "module/mail1/backup/1/status",
        &[("result", "error"), ("timestamp", "2026-11-20T02:05:00.25+00:00"), ("error", "repository is locked")],
    );
    redis.hset(
        "module/web2/backup/1/status",
        &[("result", "success"), ("timestamp", "2026-11-20T02:10:00"), ("error", "")],
    );
    redis.hset("module/web2/backup/11/status", &[("result", "success"), ("timestamp", "2026-11-20T02:10:00Z")]);
    let plan = read(&redis, "1").await;
    assert_eq!(plan.members, None);
    let status = plan.status.unwrap();
    assert_eq!((status.success, status.errors), (false, Some(1)));
    assert_eq!(plan.results.keys().map(ModuleId::as_str).collect::<Vec<_>>(), ["mail1", "web2"]);
    let mail = &plan.results[&module("mail1")];
    assert_eq!((mail.layout, mail.errors, mail.error.as_deref()), (Layout::A, 1, Some("repository is locked")));
    assert_eq!(mail.end.unwrap().to_string(), "2026-11-20T02:05:00.25Z");
    assert_eq!(plan.results[&module("web2")].end, Some("2026-11-20T02:10:00Z".parse::<Timestamp>().unwrap()));
    assert!(plan.damaged.is_empty());
}

#[tokio::test]
async fn layout_b_finds_members_in_reverse() {
    let redis = Redis::ns8();
    redis.hset("cluster/module_node", &[("mail1", "1"), ("web2", "2"), ("idle3", "1"), ("other4", "1")]);
    redis.hset("cluster/module_uuid", &[("mail1", "5f1c")]);
    redis.hset("cluster/backup/2", &[("name", "Nightly"), ("repository", "dest"), ("enabled", "1")]);
    for (name, plans) in [("mail1", "2 3"), ("web2", "2"), ("idle3", "2"), ("gone9", "2"), ("other4", "3")] {
        redis.run::<i64>(&format!("SADD module/{name}/backups {plans}"));
    }
    let fields = [
        ("start", "1763600000"),
        ("end", "1763600100"),
        ("errors", "0"),
        ("total_size", "5"),
        ("total_file_count", "6"),
    ];
    for name in ["mail1", "web2", "gone9", "other4"] {
        redis.hset(&format!("module/{name}/backup_status/2"), &fields);
    }
    redis.run::<String>("SET module/mail1/ui_name Post");
    redis.run::<String>("SET node/1/ui_name leader");
    redis.run::<String>("SET cluster/ui_name Casa");
    redis.hset("module/mail1/environment", &[("IMAGE_URL", "ghcr.io/nethserver/mail:1.4.0")]);
    let id = plan_id("2");
    let cluster = read_all(&redis, Selector::Plan(&id)).await;
    assert_eq!(cluster.name.as_deref(), Some("Casa"));
    let plan = &cluster.plans[0];
    assert_eq!((plan.name.as_deref(), plan.repository.as_deref()), (Some("Nightly"), Some("dest")));
    assert_eq!(plan.members, Some(modules(&["idle3", "mail1", "web2"])));
    assert_eq!(plan.results.keys().cloned().collect::<std::collections::BTreeSet<_>>(), modules(&["mail1", "web2"]));
    let result = &plan.results[&module("mail1")];
    assert_eq!((result.total_size, result.total_file_count, result.snapshots_count), (Some(5), Some(6), None));
    let mail = &plan.modules[&module("mail1")];
    let known = [&mail.ui_name, &mail.node, &mail.node_name, &mail.uuid, &mail.image].map(|text| text.as_deref());
    assert_eq!(known, [Some("Post"), Some("1"), Some("leader"), Some("5f1c"), Some("mail")]);
}
