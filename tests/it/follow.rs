//! A run that goes on after its alert: an interim report, and one final report in the same thread.

use std::collections::BTreeMap;

use jiff::Timestamp;
use mail_parser::MessageParser;

use crate::support::journal::{Journals, Record, record, streams};
use crate::support::loki::Server;
use crate::support::programs::path_of;
use crate::support::redis::Redis;
use crate::support::service::{wait_until, webhook};
use crate::support::site::{Site, borrowed};
use crate::support::smtp::{Fault, Stage};

const FOLLOWS: &str = "correlator: { wait_seconds: 0, max_wait_seconds: 1 }\nrepo_check: { enabled: false }\n";
const EVERYBODY: usize = 2;

/// A site whose plan 2 is in the middle of its run.
fn running() -> Site {
    let site = Site::on(Redis::start(), "", FOLLOWS);
    site.runs();
    site
}

/// `samba1` ends its backup now, and NS8 announces it.
fn finish(site: &Site, errors: u32) {
    site.ends("samba1", Timestamp::now().as_second(), errors);
    site.redis.announce("samba1");
}

fn is_following(site: &Site) -> bool {
    !site.service.queued("json").is_empty() && site.job()["stage"]["following"].is_object()
}

fn until_following(site: &Site) {
    wait_until("the job follows its run", || is_following(site), || site.service.log());
}

/// A site whose run is followed.
fn followed() -> Site {
    let mut site = running();
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    until_following(&site);
    site
}

/// One interim and one final mail for each recipient, in one thread.
fn assert_interim_then_final(site: &Site, subject: &str) {
    site.service.done();
    let mails = site.mails(2 * EVERYBODY);
    assert_eq!(mails.len(), 2 * EVERYBODY, "{mails:#?}");
    let header = |text: &str, name: &str| {
        let message = MessageParser::default().parse(text.as_bytes()).unwrap();
        message.header_raw(name).map(|value| value.trim().to_owned())
    };
    let inbox = site.inbox();
    for (interim, last) in [(0, 2), (1, 3)] {
        assert!(inbox[interim].subject.ends_with("(so far)"), "{}", inbox[interim].subject);
        assert_eq!(inbox[last].subject, format!("[ns8-backup] {subject}"));
        assert_ne!(inbox[interim].message_id, inbox[last].message_id);
        assert!(header(&mails[last].1, "References").is_some());
        assert_eq!(header(&mails[interim].1, "References"), header(&mails[last].1, "References"));
    }
}

#[test]
fn the_last_result_brings_the_final_report() {
    let mut site = running();
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.mails(EVERYBODY);
    until_following(&site);
    finish(&site, 1);
    assert_interim_then_final(&site, "REPO_FAILURE - all 2 module(s) failed");
}

/// The log of a backup of `module` that has failed just now.
fn failed_for_lack_of_space(module: &str) -> [Record; 3] {
    let now = Timestamp::now().as_second();
    let line = |time, message: &str| record(time, "0", "runagent", "s", "-", message);
    [
        line(now - 60, &format!("{module}: starting backup 2 at dest")),
        line(now, "Fatal: create repository failed: no space left on device"),
        line(now, &format!("{module}: backup 2 failed (exit code 1)")),
    ]
}

/// What a module prints last is on its way to the log server when NS8 announces its result.
#[test]
fn the_final_report_has_what_reaches_the_log_server_a_moment_after_the_last_result() {
    let mut site = Site::on(Redis::start(), "", &format!("{FOLLOWS}logging: {{ level: DEBUG }}\n"));
    site.runs();
    let server = Server::start(BTreeMap::new());
    server.serve(&site.redis);
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    until_following(&site);
    finish(&site, 1);
    let waits = || site.service.log().matches("may have the last lines").count() == 2;
    wait_until("the last report waits, too", waits, || site.service.log());
    let lines = failed_for_lack_of_space("samba1");
    server.learn(streams(&lines, "1"));
    site.service.done();
    let last = &site.mails(2 * EVERYBODY)[2].1;
    assert!(last.contains("no space left on device"), "{last}");
}

/// The journal of this node may be behind, too: while the disk is busy.
#[test]
fn a_journal_that_has_the_last_lines_a_moment_later_is_read_again() {
    let mut site = Site::on(Redis::start(), "", FOLLOWS);
    site.runs();
    let lines = failed_for_lack_of_space("mail1");
    let (behind, journal) = (Journals::of(&[lines[..1].to_vec()]), Journals::of(&[lines.to_vec()]));
    let journalctl = path_of("journalctl").display().to_string();
    let asked = site.service.path("asked").display().to_string();
    let read = |journal: &Journals| format!("exec {journalctl} --directory={} \"$@\"", journal.folder().display());
    let script = format!("mkdir {asked} 2>/dev/null && {}\n{}", read(&behind), read(&journal));
    let environment = site.journalctl(&script);
    site.service.start_with(&borrowed(&environment));
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    let first = &site.mails(EVERYBODY)[0].1;
    assert!(first.contains("no space left on device"), "{first}");
}

#[test]
fn kills_and_restarts_while_it_follows_change_nothing() {
    let mut site = followed();
    site.service.kill();
    site.service.start();
    assert_eq!(site.service.request("GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n", b"").0, 200);
    assert!(site.service.terminate().success());
    finish(&site, 0);
    site.service.start();
    assert_interim_then_final(&site, "PARTIAL - 1/2 module(s) failed");
}

/// A module that fails later raises nothing new in Alertmanager; a second node's alert joins.
#[test]
fn an_alert_for_a_run_that_is_followed_makes_no_second_interim_mail() {
    let site = followed();
    assert_eq!(site.service.post(webhook(&["2"]).replace("\"id\"", "\"node\":\"2\",\"id\"")).0, 202);
    finish(&site, 1);
    assert_interim_then_final(&site, "REPO_FAILURE - all 2 module(s) failed");
}

#[test]
fn a_redis_that_comes_back_brings_the_final_report() {
    let mut site = running();
    site.redis.run::<String>("SAVE");
    site.redis.kill();
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    assert!(site.mails(EVERYBODY)[0].1.contains("UNKNOWN - the cluster's Redis could not be read"));
    until_following(&site);
    site.redis.restart();
    finish(&site, 0);
    assert_interim_then_final(&site, "PARTIAL - 1/2 module(s) failed");
}

/// A site whose last report everybody has, and whose Redis is away since.
fn mailed_before_redis_died() -> Site {
    let mut site = Site::with("", FOLLOWS);
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.mails(EVERYBODY);
    site.service.done();
    site.redis.run::<String>("SAVE");
    site.redis.kill();
    site
}

/// An alert is repeated while Redis is away: "another report follows" holds, even if that says what an earlier one said.
#[test]
fn a_report_that_was_promised_comes_even_if_it_was_mailed_before() {
    let mut site = mailed_before_redis_died();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    until_following(&site);
    site.redis.restart();
    site.mails(3 * EVERYBODY);
    let inbox = site.inbox();
    for (earlier, interim, last) in [(0, 2, 4), (1, 3, 5)] {
        assert!(inbox[interim].subject.ends_with("could not be read (so far)"), "{}", inbox[interim].subject);
        assert_eq!(inbox[last].subject, inbox[earlier].subject);
        assert_eq!(inbox[last].to, inbox[interim].to);
        assert_ne!(inbox[last].message_id, inbox[earlier].message_id);
    }
}

/// The run is seen to be over while one recipient still waits for the interim report that the other has.
#[test]
fn a_report_that_was_promised_to_one_comes_although_another_was_promised_none() {
    let mut site = mailed_before_redis_died();
    site.relay.fault_for("ops@example.com", Fault::reply("450 4.2.1 later"));
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.service.logged("not delivered at attempt 1");
    site.redis.restart();
    site.service.done();
    let inbox = site.inbox();
    let of_admin: Vec<&str> =
        inbox.iter().filter(|mail| mail.to == "admin@example.com").map(|mail| &*mail.subject).collect();
    assert_eq!(of_admin.len(), 3, "{of_admin:?}");
    assert!(of_admin[1].ends_with("could not be read (so far)"), "{of_admin:?}");
    assert_eq!(of_admin[2], of_admin[0]);
    assert_eq!(inbox.len(), of_admin.len() + 1, "{inbox:?}");
}

/// One alert without a plan is about both: plan 3, which is over, and plan 2, which goes on.
#[test]
fn of_several_plans_only_those_that_go_on_get_another_report() {
    let mut site = running();
    site.half_fails("3");
    site.service.start();
    assert_eq!(site.service.post(webhook(&[""])).0, 202);
    site.mails(2 * EVERYBODY);
    until_following(&site);
    site.half_fails("4");
    finish(&site, 1);
    site.service.done();
    let subjects: Vec<String> = site.inbox().into_iter().map(|mail| mail.subject).collect();
    let count = |subject: &str| subjects.iter().filter(|known| known.ends_with(subject)).count();
    assert_eq!(count("PARTIAL - 1/2 module(s) failed"), EVERYBODY, "plan 3, once: {subjects:#?}");
    assert_eq!(count("(so far)"), EVERYBODY, "{subjects:#?}");
    assert_eq!(count("REPO_FAILURE - all 2 module(s) failed"), EVERYBODY, "{subjects:#?}");
    assert_eq!(subjects.len(), 3 * EVERYBODY, "plan 4 began later: {subjects:#?}");
}

/// A relay that takes a while to take one recipient's mails, while the run of one of two plans ends.
#[test]
fn the_last_report_of_a_plan_is_not_repeated_as_that_of_another_follows() {
    let mut site = running();
    site.half_fails("3");
    site.relay.fault_for("ops@example.com", Fault::reply("450 4.7.1 greylisted"));
    site.service.start();
    assert_eq!(site.service.post(webhook(&[""])).0, 202);
    site.service.logged("not delivered at attempt");
    finish(&site, 1);
    site.service.logged("REPO_FAILURE - all 2 module(s) failed");
    site.relay.mend();
    site.nudge();
    site.service.done();
    let count = |subject: &str| site.inbox().iter().filter(|mail| mail.subject.ends_with(subject)).count();
    let counts = ["PARTIAL - 1/2 module(s) failed", "(so far)", "REPO_FAILURE - all 2 module(s) failed"].map(count);
    assert_eq!(counts, [EVERYBODY, 1, EVERYBODY], "{:#?}", site.inbox());
}

/// The watch says that Redis is away by day, when no plan runs.
#[test]
fn a_redis_that_comes_back_by_day_is_an_all_clear() {
    let mut site = running();
    for module in ["mail1", "samba1"] {
        site.ends(module, Timestamp::now().as_second() - 14 * 3600, 0);
    }
    site.redis.run::<String>("SAVE");
    site.redis.kill();
    site.service.start();
    let alert = webhook(&[""]).replace("\"labels\":{", "\"labels\":{\"news\":\"unreadable\",");
    assert!(alert.contains("unreadable"), "{alert}");
    assert_eq!(site.service.post(alert).0, 202);
    until_following(&site);
    site.redis.restart();
    assert_interim_then_final(&site, "RECOVERED - the cluster's Redis can be read again");
}

/// The machine was off past the end of the time to follow, and at its start the service is up before Redis.
#[test]
fn a_redis_that_is_late_at_the_end_of_the_time_to_follow_is_waited_for() {
    let mut site = followed();
    site.service.kill();
    let mut job = site.job();
    job["stage"]["following"]["since"] = "2026-01-01T00:00:00Z".into();
    let file = format!("state/queue/{}.json", job["id"].as_str().unwrap());
    std::fs::write(site.service.path(&file), job.to_string()).unwrap();
    finish(&site, 1);
    site.redis.run::<String>("SAVE");
    site.redis.kill();
    site.service.start();
    assert_eq!(site.service.request("GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n", b"").0, 200);
    site.service.logged("trying again in");
    site.redis.restart();
    assert_interim_then_final(&site, "REPO_FAILURE - all 2 module(s) failed");
}

#[test]
fn a_plan_that_is_deleted_while_its_run_is_followed_has_failed_once() {
    let mut site = followed();
    // Between two looks.
    site.service.kill();
    site.redis.run::<i64>("DEL cluster/backup/2");
    finish(&site, 0);
    site.service.start();
    assert_interim_then_final(&site, "REPO_FAILURE - no backup status found for plan 2");
}

/// Disabling a plan stops its timers, not the run that goes on.
#[test]
fn a_plan_that_is_disabled_while_its_run_is_followed_is_followed_to_the_end() {
    let mut site = followed();
    site.service.kill();
    site.redis.hset("cluster/backup/2", &[("enabled", "")]);
    let before = site.redis.calls("hgetall");
    site.service.start();
    // Its first look is at once: after it, only the listener and this question are connected.
    let alone = || site.redis.run::<String>("INFO clients").contains("connected_clients:2\r");
    let looked = || site.redis.calls("hgetall") > before && site.redis.run::<i64>("PUBSUB NUMPAT") > 0 && alone();
    wait_until("it has looked", looked, || site.service.log());
    assert!(is_following(&site), "{}", site.service.log());
    finish(&site, 1);
    assert_interim_then_final(&site, "REPO_FAILURE - all 2 module(s) failed");
}

/// The interim report cannot leave; when it could, it would be out of date.
#[test]
fn an_interim_report_that_nobody_received_is_replaced_by_the_final_one() {
    let mut site = running();
    site.relay.fault(Stage::Greeting, Fault::reply("421 4.3.2 not now"));
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.service.logged("not delivered at attempt");
    finish(&site, 1);
    site.relay.mend();
    site.nudge();
    site.service.done();
    assert_eq!(site.inbox().len(), EVERYBODY);
    assert!(site.inbox().iter().all(|mail| mail.subject.ends_with("all 2 module(s) failed")), "{:?}", site.inbox());
}

/// The machine stops while the interim report is handed over, and starts again after the run.
#[test]
fn an_interim_report_that_a_restart_finds_is_replaced_by_the_final_one() {
    for (hangs_at, interim) in [("admin@example.com", 0), ("ops@example.com", 1)] {
        let mut site = running();
        site.relay.fault_for(hangs_at, Fault::Hang);
        site.service.start();
        assert_eq!(site.service.post(webhook(&["2"])).0, 202);
        let hangs = || site.relay.heard().iter().any(|line| line.starts_with("RCPT") && line.contains(hangs_at));
        wait_until("the relay hangs", hangs, || site.service.log());
        site.service.kill();
        finish(&site, 1);
        site.relay.mend();
        site.service.start();
        site.service.done();
        let mut subjects: Vec<String> = site.inbox().into_iter().map(|mail| mail.subject).collect();
        let last = subjects.split_off(interim);
        assert!(subjects.iter().all(|subject| subject.ends_with("(so far)")), "{subjects:?}");
        assert_eq!(last, ["[ns8-backup] REPO_FAILURE - all 2 module(s) failed"; EVERYBODY]);
    }
}

/// The machine stops while the report that Redis is away is handed over, and starts again with Redis.
#[test]
fn a_report_that_redis_is_away_which_a_restart_finds_is_replaced() {
    let mut site = Site::with("", FOLLOWS);
    site.redis.run::<String>("SAVE");
    site.redis.kill();
    site.relay.fault(Stage::Rcpt, Fault::Hang);
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    let hangs = || site.relay.heard().iter().any(|line| line.starts_with("RCPT"));
    wait_until("the relay hangs", hangs, || site.service.log());
    site.service.kill();
    site.redis.restart();
    site.relay.mend();
    site.service.start();
    site.service.done();
    let subjects: Vec<String> = site.inbox().into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["[ns8-backup] PARTIAL - 1/2 module(s) failed"; EVERYBODY]);
}

#[test]
fn without_following_the_first_report_is_the_last() {
    let mut site = Site::on(Redis::start(), "", &FOLLOWS.replace(" }\nrepo", ", follow_seconds: 0 }\nrepo"));
    site.runs();
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.service.done();
    assert_eq!(site.inbox().len(), EVERYBODY);
    assert!(!site.inbox()[0].subject.contains("so far"), "{}", site.inbox()[0].subject);
}

/// Alertmanager repeats last night's alert in the middle of tonight's run, in which nothing has failed yet: the job
/// follows it without a mail.
fn reminded() -> Site {
    let mut site = running();
    let now = Timestamp::now().as_second();
    let due = Timestamp::from_second(now - 120).unwrap().strftime("*-*-* %H:%M:%S UTC").to_string();
    site.redis.hset("cluster/backup/2", &[("schedule", &due)]);
    site.ends("mail1", now, 0);
    site.service.start();
    let started = Timestamp::from_second(now - 86_400).unwrap().to_string();
    let mut reminder: serde_json::Value = serde_json::from_str(&webhook(&["2"])).unwrap();
    reminder["alerts"][0]["startsAt"] = started.into();
    assert_eq!(site.service.post(reminder.to_string()).0, 202);
    until_following(&site);
    assert!(site.relay.so_far().is_empty());
    site
}

#[test]
fn a_reminder_during_the_next_run_waits_for_its_end_without_a_mail() {
    let site = reminded();
    finish(&site, 1);
    site.service.done();
    assert_eq!(site.inbox().len(), EVERYBODY);
    assert_eq!(site.inbox()[0].subject, "[ns8-backup] PARTIAL - 1/2 module(s) failed");
}

/// Neither the failure nor a new alert about it waits for the end of the run.
#[test]
fn a_failure_after_a_reminder_is_mailed_while_the_run_goes_on() {
    let site = reminded();
    site.ends("mail1", Timestamp::now().as_second(), 1);
    site.redis.announce("mail1");
    site.mails(EVERYBODY);
    let subject = "[ns8-backup] PARTIAL - 1/2 module(s) failed, 1 without a result (so far)";
    assert_eq!(site.inbox()[0].subject, subject);
    finish(&site, 0);
    site.mails(2 * EVERYBODY);
    assert_eq!(site.inbox()[2].subject, "[ns8-backup] PARTIAL - 1/2 module(s) failed");
}

/// Whatever a module announces, and however often: each look reads the whole plan.
#[test]
fn announcements_without_end_cause_few_looks_and_hold_nothing_up() {
    const MANY: u64 = 2000;
    for (site, mails) in [(followed(), 2), (reminded(), 1)] {
        let before = site.redis.calls("hgetall");
        // One at a time: of a burst, most are dropped.
        (0..MANY).for_each(|_| site.redis.announce("samba1"));
        finish(&site, 0);
        site.mails(mails * EVERYBODY);
        let looks = site.redis.calls("hgetall") - before;
        assert!(looks < MANY / 20, "{looks} lists were read for {MANY} announcements");
    }
}

#[test]
fn a_plan_that_is_deleted_after_a_reminder_is_no_mail() {
    let mut site = reminded();
    site.service.kill();
    site.redis.run::<i64>("DEL cluster/backup/2");
    site.service.start();
    site.service.done();
    assert_eq!(site.inbox(), []);
}

/// The alert names no plan, so each plan that ran lately has a mail.
#[test]
fn a_run_that_is_over_is_not_called_so_far_since_another_goes_on() {
    let mut site = running();
    let now = Timestamp::now().as_second();
    site.redis.hset("cluster/module_node", &[("web3", "1")]);
    site.redis.hset("cluster/backup/3", &[("name", "Web"), ("instances", "web3"), ("enabled", "1")]);
    let result = format!(r#"{{"start":{},"end":{now},"errors":0}}"#, now - 60);
    site.redis.hset("node/1/backup_status/3", &[("web3", &result)]);
    site.service.start();
    assert_eq!(site.service.post(webhook(&[""])).0, 202);
    site.mails(2 * EVERYBODY);
    let inbox = site.inbox();
    let of = |subject: &str| inbox.iter().find(|mail| mail.subject == subject).unwrap_or_else(|| panic!("{inbox:#?}"));
    assert!(of("[ns8-backup] PARTIAL - 1/2 module(s) failed, 1 without a result (so far)").text.contains("samba1"));
    let over = of("[ns8-backup] SUCCESS - all 1 module(s) backed up successfully");
    assert!(over.text.starts_with("SUCCESS: every module was backed up"), "{}", over.text);
    assert!(!over.text.contains("report follows"), "{}", over.text);
}

/// It was busy until NS8 gave up on it; there is no log to read here.
#[test]
fn a_module_that_has_had_no_result_for_far_too_long_is_not_waited_for() {
    let mut site = running();
    site.ends("mail1", Timestamp::now().as_second() - 4 * 3600, 1);
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.service.done();
    assert_eq!(site.inbox().len(), EVERYBODY);
    assert_eq!(site.inbox()[0].subject, "[ns8-backup] PARTIAL - 1/2 module(s) failed, 1 without a result");
}

/// It failed just before the next run was due, and the alert came just after: the mail is about the failure, not about
/// the run that has just begun.
#[test]
fn a_failure_just_before_the_next_run_is_mailed() {
    let mut site = running();
    let now = Timestamp::now().as_second();
    let due = Timestamp::from_second(now - 30).unwrap().to_zoned_datetime(jiff::tz::TimeZone::UTC);
    let hours = format!("*-*-* {:02}/2:{} UTC", due.hour() % 2, due.strftime("%M:%S"));
    site.redis.hset("cluster/backup/2", &[("schedule", &hours)]);
    site.ends("mail1", now - 7000, 0);
    site.ends("samba1", now - 170, 1);
    site.service.start_with(&[("TZ", "UTC")]);
    let mut alert: serde_json::Value = serde_json::from_str(&webhook(&["2"])).unwrap();
    alert["alerts"][0]["startsAt"] = Timestamp::from_second(now - 160).unwrap().to_string().into();
    assert_eq!(site.service.post(alert.to_string()).0, 202);
    site.service.done();
    let inbox = site.inbox();
    assert_eq!(inbox.len(), EVERYBODY);
    assert_eq!(inbox[0].subject, "[ns8-backup] PARTIAL - 1/2 module(s) failed");
    let next = due.checked_add(jiff::SignedDuration::from_hours(2)).unwrap().strftime("%Y-%m-%d %H:%M").to_string();
    assert!(inbox[0].text.contains(&format!("Next run: {next}")), "{}", inbox[0].text);

    // Everybody knows it now: a repetition during the run that has begun says nothing new.
    assert_eq!(site.service.post(alert.to_string()).0, 202);
    until_following(&site);
    assert_eq!(site.inbox().len(), EVERYBODY);
}

/// When the log is read, the results of the first look are older than it is.
#[test]
fn a_module_that_ends_between_the_first_look_and_its_log_has_its_result() {
    let mut site = running();
    let now = Timestamp::now().as_second();
    site.ends("mail1", now - 1200, 1);
    let mark = |time, message: &str| record(time, "0", "runagent", "s", "-", message);
    let marks = [
        mark(now - 1260, "mail1: starting backup 2 at dest"),
        mark(now - 1200, "mail1: backup 2 failed"),
        mark(now - 1200, "samba1: starting backup 2 at dest"),
        mark(now, "samba1: backup 2 completed"),
        mark(now, "Backup 2 finished with failures: mail1"),
    ];
    let journal = Journals::of(&[marks.to_vec()]);
    let result = format!(r#"{{"start": {}, "end": {now}, "errors": 0}}"#, now - 1200);
    let environment = site.ends_while_the_log_is_read("", &result, &journal);
    site.service.start_with(&borrowed(&environment));
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.service.done();
    let subjects: Vec<String> = site.inbox().into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["[ns8-backup] PARTIAL - 1/2 module(s) failed"; EVERYBODY]);
}
