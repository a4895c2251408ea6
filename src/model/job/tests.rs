use super::*;
use crate::model::alert::MAX_ALERTS;
use crate::model::run::Outcome;

fn job(accepted_at: &str) -> Job {
    let alert = Alert { name: "backup_failed".into(), labels: [].into(), annotations: [].into(), starts_at: None };
    let alerts = Alerts { kept: vec![alert], left_out: 0 };
    let at: Timestamp = accepted_at.parse().unwrap();
    Job::new(JobId::new(at, 0xbeef), PlanId::new("2"), at, alerts)
}

fn mail(states: Vec<RecipientState>) -> Mail {
    let recipient = |state| Recipient { address: "admin@example.com".into(), state };
    Mail::sample(states.into_iter().map(recipient).collect())
}

#[test]
fn version_1_files_are_still_read() {
    let waiting = include_str!("../../../tests/fixtures/queue/waiting.v1.json");
    let delivering = include_str!("../../../tests/fixtures/queue/delivering.v1.json");
    let job: Job = serde_json::from_str(waiting).unwrap();
    assert_eq!(job.stage, Stage::Waiting);
    assert_eq!(job.plan_field(), "2");
    let job: Job = serde_json::from_str(delivering).unwrap();
    let Stage::Delivering(delivery) = &job.stage else { panic!("{:?}", job.stage) };
    assert_eq!((delivery.pending(), delivery.mails.iter().any(Mail::any_given_up)), (1, true));
    assert_eq!(delivery.last_error(), Some("relay.example.com:587 does not answer"));
}

#[test]
fn names_sort_by_age_and_are_no_paths() {
    assert_eq!(job("2026-11-22T03:15:00Z").id.as_str(), "20261122-031500-beef");
    for text in ["", "../../etc/passwd", "a b", &"x".repeat(65)] {
        assert_eq!(JobId::parse(text), None);
    }
}

#[test]
fn a_wait_survives_restarts_and_clocks_that_jump() {
    let job = job("2026-11-22T03:00:00Z");
    let left = |now: &str| job.time_left(Duration::from_secs(30), now.parse().unwrap()).as_secs();
    assert_eq!(left("2026-11-22T03:00:10Z"), 20);
    assert_eq!(left("2026-11-22T09:00:00Z"), 0, "set forward");
    assert_eq!(left("2026-11-21T22:00:00Z"), 30, "set back");
}

#[test]
fn each_kind_of_alert_is_kept_once_and_many_are_counted() {
    let mut job = job("2026-11-22T03:00:00Z");
    assert!(!job.alerts.join(job.alerts.kept[0].clone()));
    for n in 0..MAX_ALERTS + 9 {
        let mut alert = job.alerts.kept[0].clone();
        alert.labels.insert("node".into(), n.to_string());
        assert_eq!(job.alerts.join(alert), n < MAX_ALERTS - 1, "what is only counted is not worth saving");
    }
    assert_eq!((job.alerts.kept.len(), job.alerts.left_out), (MAX_ALERTS, 10));
}

#[test]
fn few_alerts_are_kept_where_they_are_long() {
    let mut job = job("2026-11-22T03:00:00Z");
    for n in 0..20 {
        let mut alert = job.alerts.kept[0].clone();
        alert.annotations.insert(format!("{n:02}"), "x".repeat(10_000 - 2));
        assert_eq!(job.alerts.join(alert), n < 7);
    }
    assert_eq!((job.alerts.kept.len(), job.alerts.left_out), (8, 13));
}

#[test]
fn an_alert_that_starts_in_the_future_starts_on_arrival() {
    let mut job = job("2026-11-22T03:00:00Z");
    assert_eq!(job.alert_start(), job.accepted_at);
    job.alerts.kept[0].starts_at = Some("2026-11-22T02:00:00Z".parse().unwrap());
    assert_eq!(job.alert_start(), "2026-11-22T02:00:00Z".parse().unwrap());
    job.alerts.kept[0].starts_at = Some("2036-11-22T02:00:00Z".parse().unwrap());
    assert_eq!(job.alert_start(), job.accepted_at);
}

#[test]
fn good_news_of_the_watch_is_no_failure() {
    for (news, is_failure) in [("recovered", false), ("success", false), ("failed", true), ("missed", true)] {
        let mut job = job("2026-11-22T03:00:00Z");
        job.alerts.kept[0].labels = [("news".into(), news.into())].into();
        assert_eq!(job.failure_start().is_some(), is_failure, "{news}");
    }
}

#[test]
fn an_alert_says_when_something_failed_if_it_says_that_and_has_a_start() {
    let (at_two, at_three) = ("2026-11-22T02:00:00Z", "2026-11-22T03:00:00Z");
    let time = |text: &str| text.parse::<Timestamp>().ok();
    for (name, news, start, failed_at) in [
        ("backup_failed", None, Some(at_two), Some(at_two)),
        ("backup_failed", None, Some("2036-11-22T02:00:00Z"), Some(at_three)),
        ("backup_failed", None, None, None),
        ("backup_failed", Some("failed"), Some(at_two), Some(at_two)),
        ("backup_failed", Some("recovered"), Some(at_two), None),
        ("NsBackupMissing", None, Some(at_two), None),
    ] {
        let mut job = job(at_three);
        let alert = &mut job.alerts.kept[0];
        (alert.name, alert.starts_at) = (name.into(), start.and_then(time));
        alert.labels = news.map(|news: &str| ("news".into(), news.into())).into_iter().collect();
        assert_eq!(job.failed_at(), failed_at.and_then(time), "{name} {news:?} {start:?}");
    }
}

#[test]
fn an_alert_without_a_plan_is_about_those_with_a_result_shortly_before_it_began() {
    let hour = Duration::from_secs(3600);
    for (start, since) in [
        (None, "2026-11-22T02:00:00Z"),
        (Some("2026-11-22T02:59:00Z"), "2026-11-22T01:59:00Z"),
        (Some("2026-11-21T23:00:00Z"), "2026-11-21T22:00:00Z"),
        (Some("2026-11-01T00:00:00Z"), "2026-11-21T14:00:00Z"),
    ] {
        let mut job = job("2026-11-22T03:00:00Z");
        job.alerts.kept[0].starts_at = start.and_then(|start| start.parse().ok());
        assert_eq!(job.recent_since(hour), since.parse().unwrap(), "{start:?}");
    }
}

#[test]
fn an_alert_may_mean_the_run_before_unless_the_watch_says_which_it_means() {
    let due: Timestamp = "2026-11-22T02:00:00Z".parse().unwrap();
    let mut job = job("2026-11-22T03:00:00Z");
    assert!(job.may_mean_before(due));
    let alert = |job: &mut Job, news: &str, due: &str| {
        job.alerts.kept[0].labels = [("news".into(), news.into())].into();
        job.alerts.kept[0].annotations = [("due".into(), due.into())].into();
    };
    for (news, of_run, may) in [
        ("failed", "2026-11-22T00:00:00Z", true),
        ("failed", "2026-11-22T02:00:00Z", false),
        ("failed", "?", false),
        ("hangs", "2026-11-22T00:00:00Z", false),
    ] {
        alert(&mut job, news, of_run);
        assert_eq!(job.may_mean_before(due), may, "{news} {of_run}");
    }
    job.alerts.kept[0].labels.clear();
    job.alerts.kept[0].name = "NsBackupMissing".into();
    assert!(!job.may_mean_before(due));
}

#[test]
fn a_job_that_could_not_look_looks_for_the_run_of_now() {
    let later = "2026-11-22T09:00:00Z".parse().unwrap();
    let mut job = job("2026-11-22T03:00:00Z");
    assert_eq!(job.reference(later), job.accepted_at);
    let unknown = Mail { outcome: Outcome::Unknown, ..mail(vec![]) };
    for (interim, reference) in
        [(vec![], job.accepted_at), (vec![mail(vec![])], job.accepted_at), (vec![unknown], later)]
    {
        job.stage = Stage::Following(Following { since: job.accepted_at, interim, silent: false });
        assert_eq!(job.reference(later), reference);
    }
}

#[test]
fn a_job_that_has_nothing_to_say_yet_does_not_silence_the_watch() {
    let mut job = job("2026-11-22T03:00:00Z");
    let plan = job.plan.clone().unwrap();
    for (silent, reports) in [(false, true), (true, false)] {
        job.stage = Stage::Following(Following { since: job.accepted_at, interim: vec![], silent });
        assert_eq!((job.reports(&plan, None), job.takes_alerts()), (reports, true));
    }
}

#[test]
fn alerts_join_a_job_until_its_last_report_is_written() {
    let mut job = job("2026-11-22T03:00:00Z");
    for interim in [true, false] {
        let (attempts, promises) = (Attempts::default(), Vec::new());
        job.stage = Stage::Examined(Examined { mails: vec![mail(vec![])], interim, attempts, promises });
        assert_eq!(job.takes_alerts(), interim);
    }
}

#[test]
fn a_job_about_a_missed_run_looks_for_that_run_although_the_next_has_begun() {
    let mut job = job("2026-11-22T03:00:00Z");
    job.alerts.kept[0].labels = [("news".into(), "missed".into())].into();
    let due: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
    job.alerts.kept[0].starts_at = Some(due);
    assert_eq!(job.reference(job.accepted_at), due);
    let failed = Alert { labels: [("news".into(), "failed".into())].into(), ..job.alerts.kept[0].clone() };
    job.alerts.join(failed.clone());
    assert_eq!(job.reference(job.accepted_at), job.accepted_at, "another alert has joined it");
    job.alerts.kept = vec![failed];
    assert_eq!(job.reference(job.accepted_at), job.accepted_at);
}

#[test]
fn starting_over_tries_again_whom_the_report_has_not_reached() {
    let at = Timestamp::UNIX_EPOCH;
    let given_up = RecipientState::GivenUp { at, reason: "no such user".into() };
    let attempts = Attempts { count: 9, waited_seconds: 300_000, next_attempt_at: Some(at) };
    let mails = vec![mail(vec![RecipientState::Delivered { at }, given_up])];
    let mut delivery = Delivery { mails, attempts, interim: false };
    delivery.start_over(None);
    assert_eq!(delivery.attempts, Attempts::default());
    let waits: Vec<bool> = delivery.mails[0].recipients.iter().map(Recipient::is_pending).collect();
    assert_eq!(waits, [false, true]);
}
