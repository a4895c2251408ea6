//! What is read from each generation of keys.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ns8_backup_monitor::cluster::{self, Question, Selector, Want};
use ns8_backup_monitor::model::plan::{Damage, Entry, Fault, Layout, Plan};
use ns8_backup_monitor::model::run::{Outcome, RunRule, assess};

use super::{everything, ids, members, module, plan_id, read, read_all};
use crate::support::redis::Redis;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn result(name: &str, fault: Fault) -> Damage {
    Damage { entry: Entry::Result(module(name)), fault }
}

/// A cluster of two nodes under NS8's own rule, its plan 2 defined with these further fields.
pub(super) fn two_nodes(definition: &[(&str, &str)]) -> Redis {
    let redis = Redis::ns8();
    redis.hset("cluster/module_node", &[("mail1", "1"), ("web2", "2"), ("idle3", "1"), ("other4", "1")]);
    redis.hset("cluster/backup/2", &[("name", "Nightly"), ("repository", "dest"), ("enabled", "1")]);
    if !definition.is_empty() {
        redis.hset("cluster/backup/2", definition);
    }
    redis
}

const GOOD: &str =
    r#"{"start":1763600000,"end":1763600100,"errors":0,"total_size":5,"total_file_count":6,"snapshots_count":7}"#;

#[tokio::test]
async fn layout_a_tells_results_but_no_members() {
    let redis = Redis::start();
    redis.hset(
        "cluster/backup/1/status",
        &[("result", "error"), ("timestamp", "2026-11-20T02:10:00Z"), ("errors", "1")],
    );
    let error = [("result", "error"), ("timestamp", "2026-11-20T02:05:00.25+00:00"), ("error", "repository is locked")];
    redis.hset("module/mail1/backup/1/status", &error);
    redis.hset(
        "module/web2/backup/1/status",
        &[("result", "success"), ("timestamp", "2026-11-20T02:10:00"), ("error", "")],
    );
    redis.hset("module/web2/backup/11/status", &[("result", "success"), ("timestamp", "2026-11-20T02:10:00Z")]);
    let plan = read(&redis, "1").await;
    assert_eq!((plan.members, plan.defined, plan.enabled, plan.damaged), (None, false, true, vec![]));
    let status = plan.status.unwrap();
    assert_eq!((status.success, status.errors), (false, Some(1)));
    assert_eq!(ids(plan.results.keys()), ["mail1", "web2"]);
    let mail = &plan.results[&module("mail1")];
    assert_eq!((mail.layout, mail.errors, mail.error.as_deref()), (Layout::A, 1, Some("repository is locked")));
    assert_eq!(mail.end, Some(time("2026-11-20T02:05:00.25Z")));
    assert_eq!(plan.results[&module("web2")].end, Some(time("2026-11-20T02:10:00Z")));
}

#[tokio::test]
async fn layout_a_with_a_list_of_modules_is_read_without_a_scan() {
    let redis = Redis::start();
    redis.hset("cluster/module_node", &[("mail1", "1"), ("web2", "1")]);
    let success = [("result", "success"), ("timestamp", "2026-11-20T02:10:00Z")];
    for name in ["mail1", "web2", "gone9"] {
        redis.hset(&format!("module/{name}/backup/1/status"), &success);
    }
    let id = plan_id("1");
    let question = Question { plans: Selector::Plan(&id), want: Want::default(), now: Timestamp::now() };
    let plan = cluster::read(&redis.settings(), question).await.unwrap().plans.remove(0);
    assert_eq!((ids(plan.results.keys()), plan.members), (vec!["mail1", "web2"], None));
    assert_eq!(redis.calls("scan"), 0);
}

#[tokio::test]
async fn layout_b_finds_members_in_reverse() {
    let redis = two_nodes(&[]);
    for (name, plans) in [("mail1", "2 3"), ("web2", "2"), ("idle3", "2"), ("gone9", "2"), ("other4", "3")] {
        redis.run::<i64>(&format!("SADD module/{name}/backups {plans}"));
    }
    let sizes = [("total_size", "5"), ("total_file_count", "6")];
    for name in ["mail1", "web2", "gone9", "other4"] {
        let key = format!("module/{name}/backup_status/2");
        redis.hset(&key, &[("start", "1763600000"), ("end", "1763600100"), ("errors", "0")]);
        redis.hset(&key, &sizes);
    }
    redis.run::<String>("SET module/mail1/ui_name Post");
    redis.run::<String>("SET node/1/ui_name leader");
    redis.run::<String>("SET cluster/ui_name Casa");
    let id = plan_id("2");
    let cluster = read_all(&redis, Selector::Plan(&id)).await;
    assert_eq!(cluster.name.as_deref(), Some("Casa"));
    let plan = &cluster.plans[0];
    assert_eq!((plan.name.as_deref(), plan.repository.as_deref()), (Some("Nightly"), Some("dest")));
    assert_eq!(members(plan), ["idle3", "mail1", "web2"]);
    assert_eq!(ids(plan.results.keys()), ["mail1", "web2"]);
    assert_eq!(ids(plan.modules.keys()), ["idle3", "mail1", "web2"]);
    let result = &plan.results[&module("mail1")];
    assert_eq!((result.layout, result.start), (Layout::B, Timestamp::from_second(1_763_600_000).ok()));
    assert_eq!((result.total_size, result.total_file_count, result.snapshots_count), (Some(5), Some(6), None));
    let mail = &plan.modules[&module("mail1")];
    let known = [&mail.ui_name, &mail.node, &mail.node_name].map(|text| text.as_deref());
    assert_eq!(known, [Some("Post"), Some("1"), Some("leader")]);
    assert_eq!(redis.calls("scan"), 0);
}

#[tokio::test]
async fn layout_c_names_its_members() {
    let redis = two_nodes(&[("instances", "mail1 web2  idle3 gone9")]);
    redis.hset("node/1/backup_status/2", &[("mail1", GOOD), ("gone9", GOOD), ("other4", GOOD)]);
    redis.hset(
        "node/2/backup_status/2",
        &[("web2", r#"{"start":"1763600000","end":1763600100.9,"errors":2,"new":[]}"#)],
    );
    let plan = read(&redis, "2").await;
    assert_eq!(members(&plan), ["idle3", "mail1", "web2"]);
    assert_eq!(ids(plan.results.keys()), ["mail1", "web2"]);
    let mail = &plan.results[&module("mail1")];
    assert_eq!((mail.layout, mail.errors, mail.snapshots_count), (Layout::C, 0, Some(7)));
    let web = &plan.results[&module("web2")];
    assert_eq!((web.errors, web.end), (2, Timestamp::from_second(1_763_600_100).ok()));
    assert_eq!(redis.calls("scan"), 0);
}

#[tokio::test]
async fn a_damaged_result_is_said_and_never_counts_as_a_success() {
    let redis = two_nodes(&[("instances", "mail1 web2 idle3 other4")]);
    redis.hset("node/1/backup_status/2", &[("mail1", GOOD), ("idle3", "{\"errors\":"), ("other4", r#"{"errors":0}"#)]);
    redis.hset("node/2/backup_status/2", &[("web2", r#"{"errors":1,"end":"yesterday"}"#)]);
    let plan = read(&redis, "2").await;
    assert_eq!(ids(plan.results.keys()), ["mail1", "web2"]);
    assert_eq!((plan.results[&module("web2")].errors, plan.results[&module("web2")].end), (1, None));
    let damaged = [result("idle3", Fault::NotJson), result("other4", Fault::NoEnd)];
    assert_eq!(plan.damaged, damaged);
}

#[tokio::test]
async fn json_that_is_no_object_is_no_result() {
    let redis = two_nodes(&[("instances", "mail1 idle3 other4")]);
    let list = "[1795954000, 1795955000, 0, 5, 6, 1]";
    redis.hset("node/1/backup_status/2", &[("mail1", list), ("idle3", "null"), ("other4", "\"success\"")]);
    let plan = read(&redis, "2").await;
    assert_eq!(ids(plan.results.keys()), [""; 0]);
    let damaged = ["idle3", "mail1", "other4"].map(|name| result(name, Fault::NotJson));
    assert_eq!(plan.damaged, damaged);
}

#[tokio::test]
async fn a_damaged_result_without_known_members_is_a_module_without_a_result() {
    let redis = Redis::start();
    redis.hset("module/mail1/backup/1/status", &[("result", "success"), ("timestamp", "2026-11-20T02:10:00Z")]);
    redis.hset("module/web2/backup/1/status", &[("result", "success"), ("timestamp", "last night")]);
    redis.run::<String>("SET module/idle3/backup/1/status text");
    let plan = read(&redis, "1").await;
    assert_eq!(plan.damaged, [result("idle3", Fault::OtherType), result("web2", Fault::NoTimestamp)]);
    let unreadable = ["idle3", "mail1", "web2"].map(|name| plan.unreadable(&module(name)).map(|damage| damage.fault));
    assert_eq!(unreadable, [Some(Fault::OtherType), None, Some(Fault::NoTimestamp)]);
    let now = time("2026-11-20T03:00:00Z");
    let counts =
        assess(&plan, &RunRule { alert_start: Some(now), failed_at: Some(now), ..RunRule::default() }, now).counts;
    assert_eq!((counts.success, counts.missing), (1, 2));
}

#[tokio::test]
async fn a_key_of_another_type_damages_its_entry_only() {
    let redis = two_nodes(&[("instances", "mail1 web2")]);
    redis.hset("node/1/backup_status/2", &[("mail1", GOOD)]);
    redis.run::<String>("SET node/2/backup_status/2 text");
    // What an upgrade has left behind does not stand in for it.
    redis.hset("module/web2/backup_status/2", &[("errors", "0"), ("end", "1763604600")]);
    let plan = read(&redis, "2").await;
    assert_eq!(ids(plan.results.keys()), ["mail1"]);
    assert!(plan.modules.contains_key(&module("web2")));
    assert_eq!(plan.damaged, [Damage { entry: Entry::Node("2".into()), fault: Fault::OtherType }]);
    assert_eq!(["mail1", "web2"].map(|name| plan.unreadable(&module(name))), [None, plan.damaged.first()]);
}

#[tokio::test]
async fn a_status_that_is_damaged_is_said() {
    let redis = Redis::start();
    redis.hset("cluster/backup/1/status", &[("result", "maybe")]);
    redis.run::<String>("SET cluster/backup/2/status text");
    for (plan, fault) in [("1", Fault::NoOutcome), ("2", Fault::OtherType)] {
        let plan = read(&redis, plan).await;
        assert_eq!((plan.status, plan.damaged), (None, vec![Damage { entry: Entry::Status, fault }]));
    }
}

#[tokio::test]
async fn without_a_readable_definition_nothing_is_said_of_a_plan() {
    let redis = Redis::start();
    redis.run::<String>("SET cluster/backup/2 text");
    let id = plan_id("2");
    let error = cluster::read(&redis.settings(), everything(Selector::Plan(&id))).await.unwrap_err().to_string();
    assert!(error.ends_with("cluster/backup/2: the key holds another type of value"), "{error}");
}

#[tokio::test]
async fn a_plan_that_makes_no_sense_does_not_hide_the_others() {
    let redis = two_nodes(&[("instances", "mail1 web2")]);
    redis.hset("node/1/backup_status/2", &[("mail1", GOOD)]);
    redis.run::<String>("SET cluster/backup/13 x");
    redis.hset("node/1/backup_status/13", &[("mail1", GOOD)]);
    let plans = read_all(&redis, Selector::Recent { since: Timestamp::UNIX_EPOCH }).await.plans;
    let [foreign, good] = &plans[..] else { panic!("{plans:?}") };
    assert_eq!(foreign.damaged, [Damage { entry: Entry::Definition, fault: Fault::OtherType }]);
    assert_eq!(foreign.results.len(), 0);
    assert_eq!((good.id.as_str(), good.damaged.len(), members(good)), ("2", 0, vec!["mail1", "web2"]));
}

/// What a user may not read is not missing: nothing at all is said of the modules.
#[tokio::test]
async fn where_access_is_forbidden_nothing_is_claimed() {
    let b = two_nodes(&[]);
    b.run::<i64>("SADD module/mail1/backups 2");
    b.hset("module/mail1/backup_status/2", &[("end", "1763700000"), ("errors", "0")]);
    let c = two_nodes(&[("instances", "mail1 web2")]);
    c.hset("node/1/backup_status/2", &[("mail1", GOOD)]);
    let id = plan_id("2");
    for (redis, rules) in [(b, "~cluster/*"), (c, "~cluster/* ~module/*")] {
        redis.run::<String>(&format!("ACL SETUSER default resetkeys {rules}"));
        for selector in [Selector::Plan(&id), Selector::Recent { since: Timestamp::UNIX_EPOCH }] {
            let error = cluster::read(&redis.settings(), everything(selector)).await.unwrap_err().to_string();
            assert_eq!(error.matches("access rules forbid it").count(), 1, "{error}");
            assert!(error.contains("log in as a user who may read cluster/, node/ and module/"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_module_whose_plans_cannot_be_read_is_not_left_out_in_silence() {
    let redis = two_nodes(&[]);
    redis.run::<i64>("SADD module/mail1/backups 2");
    redis.run::<String>("SET module/web2/backups 2");
    let plan = read(&redis, "2").await;
    assert_eq!(members(&plan), ["mail1", "web2"]);
    assert_eq!(plan.damaged, [Damage { entry: Entry::Plans(module("web2")), fault: Fault::OtherType }]);
}

/// A cluster that was upgraded holds what earlier versions have written, for ever.
#[tokio::test]
async fn a_later_generation_wins_even_where_it_is_damaged() {
    let redis = two_nodes(&[("instances", "mail1 web2 idle3 other4")]);
    for name in ["mail1", "web2", "idle3"] {
        redis.run::<i64>(&format!("SADD module/{name}/backups 2"));
        redis.hset(&format!("module/{name}/backup_status/2"), &[("end", "1763700000"), ("errors", "0")]);
    }
    redis.hset("module/idle3/backup/2/status", &[("result", "error"), ("timestamp", "2026-11-20T02:10:00Z")]);
    redis.hset("module/other4/backup/2/status", &[("result", "error"), ("timestamp", "2026-11-20T02:10:00Z")]);
    redis.hset("node/1/backup_status/2", &[("mail1", r#"{"end":1763600100,"errors":3}"#)]);
    redis.hset("node/2/backup_status/2", &[("web2", "garbage")]);
    let plan = read(&redis, "2").await;
    let layouts: Vec<_> = plan.results.iter().map(|(id, result)| (id.as_str(), result.layout, result.errors)).collect();
    assert_eq!(layouts, [("idle3", Layout::B, 0), ("mail1", Layout::C, 3), ("other4", Layout::A, 1)]);
    assert_eq!(plan.damaged, [result("web2", Fault::NotJson)]);
}

#[tokio::test]
async fn a_module_that_moved_shows_what_its_node_says_now() {
    let redis = two_nodes(&[("instances", "mail1")]);
    redis.hset("node/2/backup_status/2", &[("mail1", r#"{"end":1763600200,"errors":0}"#)]);
    let plan = read(&redis, "2").await;
    assert_eq!((ids(plan.results.keys()), members(&plan)), (vec![], vec!["mail1"]));
    redis.hset("node/1/backup_status/2", &[("mail1", "{")]);
    let plan = read(&redis, "2").await;
    assert_eq!((plan.results.len(), plan.damaged), (0, vec![result("mail1", Fault::NotJson)]));
    redis.hset("node/1/backup_status/2", &[("mail1", r#"{"end":1763600100,"errors":1}"#)]);
    let plan = read(&redis, "2").await;
    assert_eq!(plan.results[&module("mail1")].errors, 1);
}

#[tokio::test]
async fn a_plan_without_members_expects_nobody_and_shows_no_left_overs() {
    let c = two_nodes(&[("instances", "")]);
    c.hset("node/1/backup_status/2", &[("mail1", GOOD)]);
    let b = two_nodes(&[]);
    b.hset("module/mail1/backup_status/2", &[("end", "1763700000"), ("errors", "0")]);
    for redis in [c, b] {
        let plan = read(&redis, "2").await;
        assert_eq!((members(&plan), ids(plan.modules.keys())), (vec![], vec![]));
    }
}

#[tokio::test]
async fn a_definition_without_members_does_not_hide_layout_a() {
    let redis = two_nodes(&[]);
    redis.hset("module/mail1/backup/2/status", &[("result", "error"), ("timestamp", "2026-11-20T02:10:00Z")]);
    let plan = read(&redis, "2").await;
    assert_eq!((ids(plan.results.keys()), plan.members), (vec!["mail1"], None));
}

#[tokio::test]
async fn of_a_disabled_plan_no_result_is_expected_unless_it_has_one() {
    let redis = two_nodes(&[("instances", "mail1 web2"), ("enabled", "")]);
    let plan = read(&redis, "2").await;
    assert_eq!((plan.enabled, members(&plan)), (false, vec!["mail1", "web2"]));
    assert_eq!(ids(&plan.not_awaited), ["mail1", "web2"]);
    redis.hset("node/1/backup_status/2", &[("mail1", GOOD)]);
    let plan = read(&redis, "2").await;
    assert_eq!(plan.not_awaited, BTreeSet::new());
    let assessment = assess(&plan, &RunRule::default(), Timestamp::now());
    assert_eq!(assessment.outcome, Outcome::Partial, "no SUCCESS without a result of each member");
}

/// A result that cannot be read is not none.
#[tokio::test]
async fn a_damaged_result_in_a_disabled_plan_is_not_left_out() {
    let redis = two_nodes(&[("instances", "mail1 web2 idle3"), ("enabled", "")]);
    redis.hset("node/1/backup_status/2", &[("mail1", "{")]);
    redis.run::<String>("SET node/2/backup_status/2 text");
    let plan = read(&redis, "2").await;
    assert_eq!(plan.not_awaited, BTreeSet::new());
    let now = Timestamp::now();
    assert_eq!(assess(&plan, &RunRule::default(), now).counts.missing, 3);
}

/// What is left over from a plan is no result of it.
#[tokio::test]
async fn of_a_deleted_plan_nothing_is_shown() {
    let redis = two_nodes(&[]);
    redis.run::<i64>("DEL cluster/backup/2");
    redis.hset("node/1/backup_status/2", &[("mail1", GOOD)]);
    redis.hset("module/web2/backup_status/2", &[("end", "1763600100"), ("errors", "0")]);
    redis.run::<i64>("SADD module/web2/backups 2");
    assert_eq!(read(&redis, "2").await, Plan::unknown(plan_id("2")));
    assert_eq!(read_all(&redis, Selector::All).await.plans, []);
    redis.run::<String>("SET cluster/backup_sequence 2");
    assert_eq!(read_all(&redis, Selector::All).await.plans, []);
}

/// As NS8's `list-backups` does since core 3.21, and its pruning of what removed modules have left behind.
#[tokio::test]
async fn a_module_without_a_uuid_or_a_node_is_no_member() {
    let redis = two_nodes(&[("instances", "mail1 web2 removed9")]);
    redis.hset("cluster/module_uuid", &[("mail1", "5f1c"), ("removed9", "0e0e")]);
    redis.hset("node/1/backup_status/2", &[("mail1", GOOD), ("removed9", GOOD)]);
    redis.hset("node/2/backup_status/2", &[("web2", GOOD)]);
    let plan = read(&redis, "2").await;
    assert_eq!((members(&plan), ids(plan.results.keys())), (vec!["mail1"], vec!["mail1"]));
}

#[tokio::test]
async fn a_result_of_the_future_is_flagged() {
    let redis = two_nodes(&[("instances", "mail1 web2 idle3")]);
    let now = Timestamp::now().as_second();
    let at = |seconds: i64, errors: u64| format!(r#"{{"start":{0},"end":{0},"errors":{errors}}}"#, now + seconds);
    redis.hset("node/1/backup_status/2", &[("mail1", &at(2 * 86_400, 0)), ("idle3", &at(60, 0))]);
    redis.hset("node/2/backup_status/2", &[("web2", &at(3600, 4))]);
    redis.hset("cluster/backup/2/status", &[("result", "success"), ("timestamp", "2999-11-20T02:10:00Z")]);
    let plan = read(&redis, "2").await;
    assert_eq!(ids(plan.results.keys()), ["idle3", "mail1", "web2"]);
    assert_eq!(["idle3", "mail1", "web2"].map(|name| plan.is_in_the_future(&module(name))), [false, true, true]);
    assert_eq!(plan.unreadable(&module("mail1")), None);
    let status = Damage { entry: Entry::Status, fault: Fault::InTheFuture };
    let results = ["mail1", "web2"].map(|name| result(name, Fault::InTheFuture));
    assert_eq!(plan.damaged, [&results[..], &[status]].concat());
}

/// The founding document's cluster lists no modules, nor does this one, whatever else it holds.
#[tokio::test]
async fn without_a_list_of_modules_every_generation_is_found_by_a_scan() {
    let redis = Redis::start();
    redis.hset("cluster/backup/2", &[("instances", "mail1 web2"), ("enabled", "1")]);
    redis.hset("node/1/backup_status/2", &[("mail1", GOOD)]);
    redis.hset("module/web2/backup_status/2", &[("end", "1763700000"), ("errors", "0")]);
    let plan = read(&redis, "2").await;
    assert_eq!(ids(plan.results.keys()), ["mail1", "web2"]);
    redis.run::<i64>("HDEL cluster/backup/2 instances");
    redis.run::<i64>("SADD module/web2/backups 2");
    assert_eq!(members(&read(&redis, "2").await), ["web2"]);
}

#[tokio::test]
async fn an_id_is_data_and_never_a_pattern_or_a_path() {
    let redis = Redis::start();
    let result = [("result", "success"), ("timestamp", "2026-11-20T02:10:00Z")];
    redis.hset("module/mail1/backup/1/status", &result);
    redis.hset("module/mail1/backup/1/status/status", &result);
    for strange in ["*", "[0-9]", "?", "[a-z]", "1/status", "../1", "\\", "ü", "1\r\nFLUSHALL", &"9".repeat(300)] {
        let unknown = Plan::unknown(plan_id(strange));
        assert_eq!(read(&redis, strange).await, unknown, "{strange}");
        // And so it is in a cluster that lists its modules.
        redis.hset("cluster/module_node", &[("mail1", "1")]);
        assert_eq!(read(&redis, strange).await, unknown, "{strange}");
        redis.run::<i64>("DEL cluster/module_node");
        if !strange.contains('/') {
            redis.hset(&format!("module/web2/backup/{strange}/status"), &result);
            assert_eq!(ids(read(&redis, strange).await.results.keys()), ["web2"], "{strange}");
        }
    }
    assert_eq!(ids(read(&redis, "1").await.results.keys()), ["mail1"]);
}

#[tokio::test]
async fn bytes_that_are_no_text_do_no_harm() {
    let redis = two_nodes(&[("instances", "mail1")]);
    let mut connection = redis.connect().unwrap();
    let junk: &[u8] = b"\xff\xfe\0";
    redis::cmd("HSET").arg("cluster/backup/2").arg("name").arg(junk).exec(&mut connection).unwrap();
    redis::cmd("HSET").arg("cluster/module_node").arg(junk).arg(junk).exec(&mut connection).unwrap();
    redis::cmd("HSET").arg("node/1/backup_status/2").arg("mail1").arg(junk).exec(&mut connection).unwrap();
    let plan = read(&redis, "2").await;
    assert_eq!(plan.name.as_deref(), Some("\u{fffd}\u{fffd}\0"));
    assert_eq!(plan.damaged, [result("mail1", Fault::NotJson)]);
}

#[tokio::test]
async fn without_an_id_every_plan_with_a_recent_result_is_read() {
    let redis = two_nodes(&[("instances", "mail1 web2")]);
    redis.hset("node/1/backup_status/2", &[("mail1", GOOD)]);
    redis.hset("cluster/backup/3", &[("name", "Old"), ("instances", "mail1")]);
    redis.hset("node/1/backup_status/3", &[("mail1", r#"{"end":1763000000,"errors":1}"#)]);
    redis.hset("cluster/backup/4", &[("name", "Never run"), ("instances", "mail1")]);
    redis.hset("module/web2/backup/5/status", &[("result", "error"), ("timestamp", "2025-11-20T02:10:00Z")]);
    redis.hset("cluster/backup/6/status", &[("result", "error"), ("timestamp", "2025-11-20T02:10:00Z")]);
    redis.hset("module/idle3/backup_status/7", &[("end", "1763600100"), ("errors", "0")]);
    redis.run::<i64>("SADD module/idle3/backups 7");
    let since = Timestamp::from_second(1_763_600_000).unwrap();
    let cluster = read_all(&redis, Selector::Recent { since }).await;
    let plans: Vec<_> = cluster.plans.iter().map(|plan| (plan.id.as_str(), ids(plan.results.keys()))).collect();
    // Plan 7 was deleted.
    assert_eq!(plans, [("2", vec!["mail1"]), ("5", vec!["web2"]), ("6", vec![])]);
    assert_eq!(members(&cluster.plans[0]), ["mail1", "web2"]);
    let everything = read_all(&redis, Selector::Recent { since: Timestamp::now() }).await;
    assert_eq!(everything.plans, []);
}
