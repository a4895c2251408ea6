//! A job: what one alert sets in motion, from its arrival until every recipient has the mail. Pure; [`crate::job::store`]
//! keeps it on disk.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::address::Mailbox;
use super::alert::{Alert, Alerts};
use super::mail::{Mail, Recipient, RecipientState};
use super::plan::PlanId;
use super::run::Outcome;

/// The version of the file format that this program writes. It reads every version up to this one.
pub const VERSION: u32 = 2;

/// A job's name: the UTC time of its arrival and four random digits, so that names sort by age.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(String);

impl JobId {
    /// A new name for a job that arrives at `now`; `random` tells jobs of one second apart.
    pub fn new(now: Timestamp, random: u16) -> Self {
        Self(format!("{}-{random:04x}", now.strftime("%Y%m%d-%H%M%S")))
    }

    /// Takes a name that was given before; `None` for what cannot be one, such as a path.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (!text.is_empty() && text.len() <= 64 && text.chars().all(plain)).then(|| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A job, as it stands in its file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The file format's version.
    pub version: u32,
    /// The job's name.
    pub id: JobId,
    /// The plan; `None` where the alert names none and the recent ones are reported.
    pub plan: Option<PlanId>,
    /// When the first alert was accepted.
    pub accepted_at: Timestamp,
    /// The alerts.
    #[serde(flatten)]
    pub alerts: Alerts,
    /// How far the job has come.
    pub stage: Stage,
}

/// The stage of a job. Each variant owns what its stage needs; `docs/development.md` draws the transitions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The run may still be going; nothing is written.
    Waiting,
    /// The reports are written, and not addressed yet.
    Examined(Examined),
    /// The reports are on their way.
    Delivering(Delivery),
    /// An interim report is out; the final one follows when the run is over.
    Following(Following),
    /// Every recipient has the final report, or was given up.
    Done(Done),
}

/// Reports that are written and have no recipients yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Examined {
    /// One mail for each plan that is reported.
    pub mails: Vec<Mail>,
    /// Whether a final report follows.
    pub interim: bool,
    /// The attempts made so far, for a report that replaces one that nobody has received.
    pub attempts: Attempts,
}

/// Attempts to deliver a report, and the time spent between them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// The number of attempts so far.
    #[serde(default, rename = "attempts")]
    pub count: u32,
    /// Seconds spent in pauses between attempts. Counted rather than derived from the wall clock, so that neither a
    /// clock that jumps nor a machine that was off uses up `notification.retry_for`.
    #[serde(default)]
    pub waited_seconds: u64,
    /// When the next attempt is due; for people to read.
    #[serde(default)]
    pub next_attempt_at: Option<Timestamp>,
}

/// Mails on their way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// One mail for each plan that is reported.
    pub mails: Vec<Mail>,
    /// The attempts so far.
    #[serde(flatten)]
    pub attempts: Attempts,
    /// Whether a final report follows.
    #[serde(default)]
    pub interim: bool,
}

/// The wait for the end of a run of which an interim report is out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Following {
    /// When it began.
    pub since: Timestamp,
    /// The interim mails, with what became of each.
    pub interim: Vec<Mail>,
}

/// What became of a job's last report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The mails, with what became of each.
    pub mails: Vec<Mail>,
}

impl Job {
    /// Creates a job for alerts of `plan`.
    pub fn new(id: JobId, plan: Option<PlanId>, accepted_at: Timestamp, alerts: Alerts) -> Self {
        Self { version: VERSION, id, plan, accepted_at, alerts, stage: Stage::Waiting }
    }

    /// What the job is about, for people: `plan 2`.
    pub fn about(&self) -> String {
        match &self.plan {
            Some(plan) => format!("plan {}", plan.as_str().escape_debug()),
            None => "no plan in particular".into(),
        }
    }

    /// The plan as the journal's field `BACKUP_ID`; empty where the alert names none.
    pub fn plan_field(&self) -> &str {
        self.plan.as_ref().map_or("", PlanId::as_str)
    }

    /// Returns the mails that the job has come to.
    pub fn mails(&self) -> &[Mail] {
        match &self.stage {
            Stage::Waiting => &[],
            Stage::Examined(Examined { mails, .. })
            | Stage::Delivering(Delivery { mails, .. })
            | Stage::Following(Following { interim: mails, .. })
            | Stage::Done(Done { mails }) => mails,
        }
    }

    /// Returns whether further alerts of the plan join this job: until its final report is being written.
    pub fn takes_alerts(&self) -> bool {
        match &self.stage {
            Stage::Waiting | Stage::Following(_) => true,
            Stage::Examined(examined) => examined.interim,
            Stage::Delivering(delivery) => delivery.interim,
            Stage::Done(_) => false,
        }
    }

    /// Returns whether it reports the results of `plan` up to this time: it is yet to read them, or has.
    pub fn reports(&self, plan: &PlanId, until: Option<Timestamp>) -> bool {
        let has_read = || self.mails().iter().all(|mail| Some(mail.written_at) > until);
        self.plan.as_ref() == Some(plan) && (self.takes_alerts() || has_read())
    }

    /// Returns the time as of which its run is looked for, at `now`: that of its arrival; or now, if all it has said is
    /// that the cluster could not be read. Another run may have begun since, whose alert has joined it.
    pub fn reference(&self, now: Timestamp) -> Timestamp {
        let mails = self.mails();
        let says_nothing = !mails.is_empty() && mails.iter().all(|mail| mail.outcome == Outcome::Unknown);
        if says_nothing { now.max(self.accepted_at) } else { self.accepted_at }
    }

    /// When a failure was last alerted: the newest start of its alerts, no later than its arrival. `None` if they are the
    /// watch's and say that all is well.
    pub fn failure_start(&self) -> Option<Timestamp> {
        let good = |news: &String| news == "recovered" || news == "success";
        (!self.alerts.kept.iter().all(|alert| alert.labels.get("news").is_some_and(good))).then(|| self.alert_start())
    }

    /// When the alert began: the newest start of its alerts, no later than its arrival.
    pub fn alert_start(&self) -> Timestamp {
        let newest = self.alerts.kept.iter().filter_map(|alert| alert.starts_at).max();
        newest.unwrap_or(self.accepted_at).min(self.accepted_at)
    }

    /// Whether one of its alerts says that a run is missing.
    pub fn says_missing(&self) -> bool {
        self.alerts.kept.iter().any(Alert::says_missing)
    }

    /// Returns how much of a time of `whole` since the job's arrival is left at `now`.
    pub fn time_left(&self, whole: Duration, now: Timestamp) -> Duration {
        time_left(self.accepted_at, whole, now)
    }
}

/// Returns how much of a time of `whole` that began at `since` is left at `now`. A clock that was set back makes it
/// `whole` again at most, one that was set forward ends it.
pub fn time_left(since: Timestamp, whole: Duration, now: Timestamp) -> Duration {
    whole.saturating_sub(Duration::try_from(now.duration_since(since)).unwrap_or_default())
}

impl Delivery {
    /// Returns the number of deliveries, counted by recipient, that are still to be made.
    pub fn pending(&self) -> usize {
        self.mails.iter().map(|mail| mail.pending().count()).sum()
    }

    /// Returns the recipients who still wait, each with the Message-ID of the mail.
    pub fn waiting(&self) -> Vec<(String, String)> {
        let of_mail = |mail: &Mail| -> Vec<_> {
            mail.pending().map(|to| (mail.message_id.clone(), to.address.clone())).collect()
        };
        self.mails.iter().flat_map(of_mail).collect()
    }

    /// Records what became of the mail with this Message-ID for one of its recipients.
    pub fn record(&mut self, message_id: &str, to: &str, state: RecipientState) {
        let mails = self.mails.iter_mut().filter(|mail| mail.message_id == message_id);
        if let Some(recipient) = mails.flat_map(|mail| &mut mail.recipients).find(|known| known.address == to) {
            recipient.state = state;
        }
    }

    /// Returns why the last attempt failed for a recipient who still waits.
    pub fn last_error(&self) -> Option<&str> {
        self.mails.iter().flat_map(Mail::pending).find_map(Recipient::last_error)
    }

    /// Returns whether nobody has received any of the mails.
    pub fn is_undelivered(&self) -> bool {
        !self.mails.iter().flat_map(|mail| &mail.recipients).any(Recipient::is_delivered)
    }

    /// Returns whether nobody has received the report and it may be out of date: an interim one, or one that says that
    /// the cluster could not be read.
    pub fn may_be_outdated(&self) -> bool {
        let says_nothing = self.mails.iter().all(|mail| mail.outcome == Outcome::Unknown);
        !self.mails.is_empty() && self.is_undelivered() && (self.interim || says_nothing)
    }

    /// Begins anew, with all attempts before it, for the recipients who have not received their mail. An address that
    /// was given up and that `mail_to` does not return for the mail's plan was corrected: those that it does return and
    /// that are new replace it.
    pub fn start_over<'a>(&mut self, mail_to: impl Fn(Option<&PlanId>) -> &'a [Mailbox]) {
        for Mail { plan, recipients, .. } in &mut self.mails {
            let named: Vec<Recipient> = mail_to(plan.as_ref()).iter().map(Recipient::new).collect();
            let before = recipients.len();
            recipients.retain(|known| known.is_delivered() || named.iter().any(|named| named.email() == known.email()));
            if recipients.len() < before {
                let is_new = |named: &&Recipient| recipients.iter().all(|known| known.email() != named.email());
                let new: Vec<Recipient> = named.iter().filter(is_new).cloned().collect();
                recipients.extend(new);
            }
            for waiting in recipients.iter_mut().filter(|known| !known.is_delivered()) {
                waiting.state = RecipientState::Pending { last_error: None };
            }
        }
        self.attempts = Attempts::default();
    }
}

#[cfg(test)]
mod tests {
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
        Mail {
            plan: PlanId::new("2"),
            outcome: Outcome::Partial,
            digest: "d".into(),
            written_at: Timestamp::UNIX_EPOCH,
            subject: "s".into(),
            body: "b".into(),
            html: None,
            run_at: None,
            message_id: "<m@x>".into(),
            thread_id: "<t@x>".into(),
            recipients: states.into_iter().map(recipient).collect(),
        }
    }

    #[test]
    fn version_1_files_are_still_read() {
        let waiting = include_str!("../../tests/fixtures/queue/waiting.v1.json");
        let delivering = include_str!("../../tests/fixtures/queue/delivering.v1.json");
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
    fn a_job_that_could_not_look_looks_for_the_run_of_now() {
        let later = "2026-11-22T09:00:00Z".parse().unwrap();
        let mut job = job("2026-11-22T03:00:00Z");
        assert_eq!(job.reference(later), job.accepted_at);
        let unknown = Mail { outcome: Outcome::Unknown, ..mail(vec![]) };
        for (interim, reference) in
            [(vec![], job.accepted_at), (vec![mail(vec![])], job.accepted_at), (vec![unknown], later)]
        {
            job.stage = Stage::Following(Following { since: job.accepted_at, interim });
            assert_eq!(job.reference(later), reference);
        }
    }

    #[test]
    fn starting_over_puts_a_new_address_in_the_place_of_a_wrong_one() {
        let at = Timestamp::UNIX_EPOCH;
        let start_over = |mail_to: &[&str]| {
            let mut mail = mail(vec![RecipientState::Delivered { at }, RecipientState::Delivered { at }]);
            mail.recipients[1].address = "opps@example.com".into();
            mail.recipients[1].state = RecipientState::GivenUp { at, reason: "no such user".into() };
            let attempts = Attempts { count: 9, waited_seconds: 300_000, next_attempt_at: Some(at) };
            let mut delivery = Delivery { mails: vec![mail], attempts, interim: false };
            let mail_to: Vec<Mailbox> = mail_to.iter().map(|address| address.parse().unwrap()).collect();
            delivery.start_over(|plan| {
                assert_eq!(plan, PlanId::new("2").as_ref(), "a plan may have recipients of its own");
                &mail_to
            });
            assert_eq!(delivery.attempts, Attempts::default());
            let known = delivery.mails[0].recipients.iter();
            known.map(|known| (known.address.clone(), known.is_pending())).collect::<Vec<_>>()
        };
        let had_it = ("admin@example.com".to_owned(), false);
        let admin = "Admin <ADMIN@example.com>";
        let corrected = ("ops@example.com".to_owned(), true);
        assert_eq!(start_over(&[admin, "ops@example.com"]), [had_it.clone(), corrected]);
        let again = ("opps@example.com".to_owned(), true);
        assert_eq!(start_over(&[admin, "opps@example.com", "new@example.com"]), [had_it, again]);
    }
}
