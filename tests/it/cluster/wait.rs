//! The adaptive wait: a plan's run that goes on while the job waits for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ns8_backup_monitor::cluster::events::{Announcements, Event};
use ns8_backup_monitor::config::Live;
use ns8_backup_monitor::job::course::Settled;
use ns8_backup_monitor::job::wait::{Until, settle};
use ns8_backup_monitor::model::alert::{Alert, Alerts};
use ns8_backup_monitor::model::job::{Job, JobId};
use ns8_backup_monitor::model::run::{Outcome, State};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{ids, plan_id};
use crate::support::redis::{NS8_ACL, Redis};

/// A cluster in which plan 2 has just failed for `mail1`; the others still show last night's success.
struct Scene {
    redis: Redis,
    live: Arc<Live>,
    announcements: Arc<Announcements>,
    max_wait: Duration,
}

const MEMBERS: [(&str, &str); 4] = [("mail1", "1"), ("web2", "1"), ("cloud3", "2"), ("chat4", "2")];

impl Scene {
    /// With this cap of the wait, in seconds.
    fn new(redis: Redis, max_wait: u64) -> Self {
        redis.hset("cluster/module_node", &MEMBERS);
        redis.hset(
            "cluster/backup/2",
            &[("name", "Nightly"), ("enabled", "1"), ("instances", "mail1 web2 cloud3 chat4")],
        );
        let scene = Self::on(redis, max_wait);
        for (name, _) in MEMBERS {
            scene.write(name, -86_400, 0);
        }
        scene.write("mail1", -5, 1);
        scene
    }

    fn on(redis: Redis, max_wait: u64) -> Self {
        let file = configuration(&redis, &format!("{{wait_seconds: 0, max_wait_seconds: {max_wait}}}"));
        let live = Arc::new(Live::new(file));
        let max_wait = Duration::from_secs(max_wait);
        Self { redis, announcements: Arc::new(Announcements::new(live.clone())), live, max_wait }
    }

    /// `module` ends its backup this many seconds from now.
    fn write(&self, module: &str, seconds: i64, errors: u64) {
        let (_, node) = MEMBERS.into_iter().find(|(name, _)| *name == module).unwrap();
        let end = Timestamp::now().as_second() + seconds;
        let json = format!(r#"{{"start":{},"end":{end},"errors":{errors}}}"#, end - 10);
        self.redis.hset(&format!("node/{node}/backup_status/2"), &[(module, &json)]);
    }

    /// `module` ends its backup now, and that is announced.
    fn finish(&self, module: &str) {
        self.write(module, 0, 0);
        self.announce(module);
    }

    fn announce(&self, module: &str) {
        let (_, node) = MEMBERS.into_iter().find(|(name, _)| *name == module).unwrap();
        let channel = format!("node/{node}/event/backup-status-changed");
        let payload = format!(r#"{{"node_id":{node},"backup_id":2,"module_id":"{module}"}}"#);
        self.redis.run_args::<i64>(&["PUBLISH", &channel, &payload]);
    }

    /// Starts to wait for a job that arrived this many seconds ago.
    fn settle(&self, plan: Option<&str>, age: i64) -> JoinHandle<Settled> {
        let accepted_at = Timestamp::from_second(Timestamp::now().as_second() - age).unwrap();
        let alert = Alert {
            name: "BackupFailed".into(),
            labels: Default::default(),
            annotations: Default::default(),
            starts_at: Some(accepted_at),
        };
        let alerts = Alerts { kept: vec![alert], left_out: 0 };
        let job = Job::new(JobId::new(accepted_at, 1), plan.map(plan_id), accepted_at, alerts);
        let (live, announcements) = (self.live.clone(), self.announcements.clone());
        let (deadline, patience) = (Instant::now() + job.time_left(self.max_wait, Timestamp::now()), self.max_wait);
        tokio::spawn(
            async move { settle(&|| job.clone(), &live, &announcements, Until::Over, deadline, patience).await },
        )
    }

    /// Returns when the cluster was read since the server's start, and only the listener and this question are
    /// connected.
    async fn until_read(&self) {
        let read = || {
            self.redis.calls("hgetall") > 0
                && self.redis.run::<i64>("PUBSUB NUMPAT") == 2
                && self.redis.run::<String>("INFO clients").contains("connected_clients:2\r")
        };
        until("the cluster is read", read).await;
    }
}

/// Writes the configuration file.
fn configuration(redis: &Redis, correlator: &str) -> PathBuf {
    let socket = redis.socket();
    let text = format!(
        "correlator: {correlator}\nredis: {{socket: {}, timeout: 2}}\nnotification: {{mail_to: a@example.com}}\n",
        socket.display()
    );
    redis.file("config.yml", &text)
}

/// Upper bound for a condition on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Looks until `condition` holds, while other tasks go on.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let looking = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

/// The end of the wait; well before the slow re-read, and before the cap, would bring it about.
async fn ended(waiting: JoinHandle<Settled>) -> Settled {
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the wait ends").unwrap()
}

fn states(settled: &Settled) -> Vec<(String, State)> {
    let assessment = &settled.look.as_ref().unwrap().assessments[0];
    assessment.modules.iter().map(|(id, state)| (id.to_string(), *state)).collect()
}

#[tokio::test]
async fn the_last_announcement_ends_the_wait_and_only_it_costs_a_reading() {
    let scene = Scene::new(Redis::ns8(), 900);
    let reading = {
        super::read(&scene.redis, "2").await;
        let calls = scene.redis.calls("hgetall");
        scene.redis.run::<String>("CONFIG RESETSTAT");
        calls
    };
    let waiting = scene.settle(Some("2"), 0);
    until("the first reading", || scene.redis.calls("hgetall") == reading && scene.redis.calls("getrange") > 0).await;
    scene.finish("web2");
    scene.finish("cloud3");
    scene.finish("chat4");
    let settled = ended(waiting).await;
    assert!(settled.over);
    let all: Vec<State> = states(&settled).into_iter().map(|(_, state)| state).collect();
    assert_eq!(all, [State::Error, State::Success, State::Success, State::Success]);
    assert_eq!(scene.redis.calls("hgetall"), 2 * reading);
    assert_eq!(scene.redis.run::<Vec<String>>("ACL LOG"), Vec::<String>::new());
    until("nobody listens any more", || scene.redis.run::<i64>("PUBSUB NUMPAT") == 0).await;
}

#[tokio::test]
async fn a_module_that_never_ends_is_given_up_at_the_cap() {
    let scene = Scene::new(Redis::start(), 2);
    scene.write("web2", 0, 0);
    scene.write("cloud3", 0, 0);
    let settled = ended(scene.settle(Some("2"), 0)).await;
    assert!(!settled.over);
    assert!(states(&settled).contains(&("chat4".into(), State::Stale)));
}

/// The cap counts from the alert, not from the last start of this program.
#[tokio::test]
async fn a_job_that_is_resumed_waits_for_the_rest_only() {
    let scene = Scene::new(Redis::start(), 900);
    let settled = ended(scene.settle(Some("2"), 3600)).await;
    assert!(!settled.over);
}

#[tokio::test]
async fn a_result_without_announcement_is_found_at_the_deadline() {
    // A busy machine may not get so far before a short cap.
    for max_wait in [2, 8, 32] {
        let scene = Scene::new(Redis::on_tcp("user default on nopass ~* -@all +@read"), max_wait);
        let waiting = scene.settle(Some("2"), 0);
        until("the first reading", || scene.redis.calls("getrange") > 0).await;
        for name in ["web2", "cloud3", "chat4"] {
            scene.write(name, 0, 0);
        }
        if waiting.await.unwrap().over {
            return;
        }
    }
    panic!("what was written was not found at the cap");
}

#[tokio::test]
async fn redis_may_restart_during_the_wait() {
    let mut scene = Scene::new(Redis::ns8(), 900);
    let waiting = scene.settle(Some("2"), 0);
    scene.until_read().await;
    scene.redis.run::<String>("SAVE");
    scene.redis.kill();
    scene.redis.restart();
    // It looks again and listens again, whenever it gets to that. Names are asked for by the last look only.
    scene.until_read().await;
    assert_eq!(scene.redis.calls("getrange"), 0);
    for name in ["web2", "cloud3", "chat4"] {
        scene.finish(name);
    }
    let settled = ended(waiting).await;
    assert_eq!((settled.over, states(&settled).len()), (true, 4));
    assert!(scene.redis.calls("getrange") > 0);
}

#[tokio::test]
async fn redis_may_come_up_after_the_alert() {
    let mut scene = Scene::new(Redis::start(), 900);
    for name in ["web2", "cloud3", "chat4"] {
        scene.write(name, 0, 0);
    }
    scene.redis.run::<String>("SAVE");
    scene.redis.kill();
    let waiting = scene.settle(Some("2"), 0);
    tokio::task::yield_now().await;
    scene.redis.restart();
    assert_eq!(states(&ended(waiting).await).len(), 4);
}

#[tokio::test]
async fn a_redis_that_stays_away_is_told_at_the_cap() {
    let mut scene = Scene::new(Redis::start(), 1);
    scene.redis.kill();
    let error = ended(scene.settle(Some("2"), 0)).await.look.unwrap_err().to_string();
    assert!(error.ends_with("nothing listens there; is Redis running?"), "{error}");
}

#[tokio::test]
async fn no_module_is_awaited_if_the_members_are_unknown() {
    let redis = Redis::start();
    redis.hset("module/mail1/backup/1/status", &[("result", "error"), ("timestamp", "2026-11-20T02:10:00Z")]);
    let scene = Scene::on(redis, 900);
    let settled = ended(scene.settle(Some("1"), 0)).await;
    assert_eq!(ids(settled.look.unwrap().cluster.plans[0].results.keys()), ["mail1"]);
}

#[tokio::test]
async fn without_an_id_every_recent_plan_is_awaited() {
    let scene = Scene::new(Redis::start(), 900);
    scene.redis.hset("cluster/backup/3", &[("instances", "mail1"), ("enabled", "1")]);
    let old = format!(r#"{{"end":{},"errors":0}}"#, Timestamp::now().as_second() - 86_400);
    scene.redis.hset("node/1/backup_status/3", &[("mail1", &old)]);
    let waiting = scene.settle(None, 0);
    scene.until_read().await;
    for name in ["web2", "cloud3", "chat4"] {
        scene.finish(name);
    }
    let cluster = ended(waiting).await.look.unwrap().cluster;
    assert_eq!(cluster.plans.iter().map(|plan| plan.id.as_str()).collect::<Vec<_>>(), ["2"]);
}

#[tokio::test]
async fn an_alert_without_an_id_is_explained_by_the_plan_that_failed() {
    let scene = Scene::new(Redis::start(), 900);
    for name in ["web2", "cloud3", "chat4"] {
        scene.write(name, -5, 0);
    }
    scene.redis.hset("cluster/backup/3", &[("instances", "mail1"), ("enabled", "1")]);
    let good = format!(r#"{{"end":{},"errors":0}}"#, Timestamp::now().as_second() - 60);
    scene.redis.hset("node/1/backup_status/3", &[("mail1", &good)]);
    let outcomes = |settled: Settled| {
        let look = settled.look.unwrap();
        look.plans().map(|(plan, found)| (plan.id.to_string(), found.outcome)).collect::<Vec<_>>()
    };
    let found = outcomes(ended(scene.settle(None, 0)).await);
    assert_eq!(found, [("2".into(), Outcome::Partial), ("3".into(), Outcome::Success)]);
    // Nothing else explains the alert.
    scene.write("mail1", -5, 0);
    let found = outcomes(ended(scene.settle(None, 0)).await);
    assert_eq!(found, [("2".into(), Outcome::RepoFailure), ("3".into(), Outcome::RepoFailure)]);
}

#[tokio::test]
async fn a_job_outlives_a_mistake_in_the_configuration() {
    let scene = Scene::new(Redis::start(), 900);
    for name in ["web2", "cloud3", "chat4"] {
        scene.write(name, 0, 0);
    }
    scene.redis.file("config.yml", "redis: nonsense");
    let waiting = scene.settle(Some("2"), 0);
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    configuration(&scene.redis, "{wait_seconds: 0}");
    assert_eq!(states(&ended(waiting).await).len(), 4);
}

#[tokio::test]
async fn one_subscription_serves_all_and_takes_any_payload() {
    let scene = Scene::new(Redis::on_tcp(NS8_ACL), 900);
    let (mut one, mut two) = (scene.announcements.listen().await, scene.announcements.listen().await);
    assert_eq!(scene.redis.run::<i64>("PUBSUB NUMPAT"), 2);
    assert_eq!(scene.redis.calls("psubscribe"), 1);
    let publish = |channel: &str, payload: &str| scene.redis.run_args::<i64>(&["PUBLISH", channel, payload]);
    for junk in ["", "[]", "null", "{", r#"{"backup_id":null}"#, "\u{0}"] {
        publish("node/1/event/backup-status-changed", junk);
    }
    publish("node/1/event/something-else", r#"{"backup_id":9}"#);
    publish("module/mail1/event/backup-status-changed", r#"{"backup_id":"2","module_id":"mail1"}"#);
    publish("node/1/event/backup-status-changed", r#"{"node_id":1,"backup_id":2}"#);
    let first = Event::Finished { plan: "2".into(), module: Some("mail1".into()) };
    let second = Event::Finished { plan: "2".into(), module: None };
    for listener in [&mut one, &mut two] {
        assert_eq!((listener.next().await, listener.next().await), (first.clone(), second.clone()));
    }
}
