//! A job: what one alert sets in motion, from its arrival until every recipient has the mail. Pure; [`crate::job::store`]
//! keeps it on disk.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};

use super::alert::Alert;
use super::mail::{Mail, Recipient, RecipientState};
use super::plan::PlanId;

/// The version of the file format that this program writes. It reads every version up to this one.
pub const VERSION: u32 = 1;

/// At most this many different alerts are kept with a job; the rest are counted.
pub const MAX_ALERTS: usize = 50;
/// No further alert is kept with a job whose alerts have this many bytes of text.
const MAX_TEXT: usize = 64 << 10;

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
    /// The alerts, each kind once, in order of arrival.
    pub alerts: Vec<Alert>,
    /// How many times further alerts have joined without being kept; a lower bound after a restart.
    #[serde(default)]
    pub alerts_left_out: u64,
    /// How far the job has come.
    pub stage: Stage,
}

/// How far a job has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Waiting for the plan's modules; nothing has been read.
    Waiting,
    /// The mails are written and on their way.
    Delivering(Delivery),
}

/// Mails on their way, and how often that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// One mail for each plan that is reported.
    pub mails: Vec<Mail>,
    /// Attempts so far.
    #[serde(default)]
    pub attempts: u32,
    /// Seconds spent in pauses between attempts. Counted rather than derived from the wall clock, so that neither a
    /// clock that jumps nor a machine that was off uses up `notification.retry_for`.
    #[serde(default)]
    pub waited_seconds: u64,
    /// When the next attempt is due; for people to read.
    #[serde(default)]
    pub next_attempt_at: Option<Timestamp>,
}

impl Job {
    /// A job for the first alert of `plan`.
    pub fn new(id: JobId, plan: Option<PlanId>, accepted_at: Timestamp, alert: Alert) -> Self {
        Self { version: VERSION, id, plan, accepted_at, alerts: vec![alert], alerts_left_out: 0, stage: Stage::Waiting }
    }

    /// Takes in a further alert of the same plan. False where there is nothing new to save: the alert is there already,
    /// or there is no room for it and it is only counted.
    pub fn join(&mut self, alert: Alert) -> bool {
        if self.alerts.contains(&alert) {
            return false;
        }
        let text: usize = self.alerts.iter().map(Alert::text_len).sum();
        let kept = self.alerts.len() < MAX_ALERTS && text < MAX_TEXT;
        match kept {
            true => self.alerts.push(alert),
            false => self.alerts_left_out += 1,
        }
        kept
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

    /// The mails that it has come to.
    pub fn mails(&self) -> &[Mail] {
        match &self.stage {
            Stage::Waiting => &[],
            Stage::Delivering(delivery) => &delivery.mails,
        }
    }

    /// Whether further alerts of the plan join this job.
    pub fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting)
    }

    /// When the alert began: the newest start of its alerts, no later than its arrival.
    pub fn alert_start(&self) -> Timestamp {
        let newest = self.alerts.iter().filter_map(|alert| alert.starts_at).max();
        newest.unwrap_or(self.accepted_at).min(self.accepted_at)
    }

    /// Whether one of its alerts says that a run is missing.
    pub fn says_missing(&self) -> bool {
        self.alerts.iter().any(Alert::says_missing)
    }

    /// How much of a wait of `whole` is left at `now`. A clock that was set back makes it `whole` again at
    /// most, one that was set forward ends it.
    pub fn wait_left(&self, whole: Duration, now: Timestamp) -> Duration {
        let elapsed = Duration::try_from(now.duration_since(self.accepted_at)).unwrap_or_default();
        whole.saturating_sub(elapsed)
    }
}

impl Delivery {
    /// Mails that were just written.
    pub fn new(mails: Vec<Mail>) -> Self {
        Self { mails, attempts: 0, waited_seconds: 0, next_attempt_at: None }
    }

    /// How many deliveries, counted by recipient, are still to be made.
    pub fn pending(&self) -> usize {
        self.mails.iter().map(|mail| mail.pending().count()).sum()
    }

    /// Why the last attempt failed for somebody who still waits.
    pub fn last_error(&self) -> Option<&str> {
        self.mails.iter().flat_map(Mail::pending).find_map(|recipient| match &recipient.state {
            RecipientState::Pending { last_error } => last_error.as_deref(),
            _ => None,
        })
    }

    /// Begins anew, with the whole time for it, for those who have not got their mail. Where an address that was given up
    /// is no longer in `mail_to`, it was put right: those in `mail_to` who are new take its place.
    pub fn start_over(&mut self, mail_to: &[Mailbox]) {
        let named: Vec<Recipient> = mail_to.iter().map(Recipient::new).collect();
        for Mail { recipients, .. } in &mut self.mails {
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
        (self.attempts, self.waited_seconds, self.next_attempt_at) = (0, 0, None);
    }

    /// Whether anybody has been given up on.
    pub fn any_given_up(&self) -> bool {
        let given_up = |recipient: &Recipient| matches!(recipient.state, RecipientState::GivenUp { .. });
        self.mails.iter().any(|mail| mail.recipients.iter().any(given_up))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::run::Outcome;

    fn job(accepted_at: &str) -> Job {
        let alert = Alert { name: "backup_failed".into(), labels: [].into(), annotations: [].into(), starts_at: None };
        let at: Timestamp = accepted_at.parse().unwrap();
        Job::new(JobId::new(at, 0xbeef), PlanId::new("2"), at, alert)
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
        assert!(job.is_waiting());
        assert_eq!(job.plan_field(), "2");
        let job: Job = serde_json::from_str(delivering).unwrap();
        let Stage::Delivering(delivery) = &job.stage else { panic!("{:?}", job.stage) };
        assert_eq!((delivery.pending(), delivery.any_given_up()), (1, true));
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
        let left = |now: &str| job.wait_left(Duration::from_secs(30), now.parse().unwrap()).as_secs();
        assert_eq!(left("2026-11-22T03:00:10Z"), 20);
        assert_eq!(left("2026-11-22T09:00:00Z"), 0, "set forward");
        assert_eq!(left("2026-11-21T22:00:00Z"), 30, "set back");
    }

    #[test]
    fn each_kind_of_alert_is_kept_once_and_many_are_counted() {
        let mut job = job("2026-11-22T03:00:00Z");
        assert!(!job.join(job.alerts[0].clone()));
        for n in 0..MAX_ALERTS + 9 {
            let mut alert = job.alerts[0].clone();
            alert.labels.insert("node".into(), n.to_string());
            assert_eq!(job.join(alert), n < MAX_ALERTS - 1, "what is only counted is not worth saving");
        }
        assert_eq!((job.alerts.len(), job.alerts_left_out), (MAX_ALERTS, 10));
    }

    #[test]
    fn few_alerts_are_kept_where_they_are_long() {
        let mut job = job("2026-11-22T03:00:00Z");
        for n in 0..20 {
            let mut alert = job.alerts[0].clone();
            alert.annotations.insert(format!("{n:02}"), "x".repeat(10_000 - 2));
            assert_eq!(job.join(alert), n < 7);
        }
        assert_eq!((job.alerts.len(), job.alerts_left_out), (8, 13));
    }

    #[test]
    fn an_alert_that_starts_in_the_future_starts_on_arrival() {
        let mut job = job("2026-11-22T03:00:00Z");
        assert_eq!(job.alert_start(), job.accepted_at);
        job.alerts[0].starts_at = Some("2026-11-22T02:00:00Z".parse().unwrap());
        assert_eq!(job.alert_start(), "2026-11-22T02:00:00Z".parse().unwrap());
        job.alerts[0].starts_at = Some("2036-11-22T02:00:00Z".parse().unwrap());
        assert_eq!(job.alert_start(), job.accepted_at);
    }

    #[test]
    fn starting_over_puts_a_new_address_in_the_place_of_a_wrong_one() {
        let at = Timestamp::UNIX_EPOCH;
        let start_over = |mail_to: &[&str]| {
            let mut mail = mail(vec![RecipientState::Delivered { at }, RecipientState::Delivered { at }]);
            mail.recipients[1].address = "opps@example.com".into();
            mail.recipients[1].state = RecipientState::GivenUp { at, reason: "no such user".into() };
            let mut delivery = Delivery::new(vec![mail]);
            (delivery.attempts, delivery.waited_seconds) = (9, 300_000);
            delivery.start_over(&mail_to.iter().map(|address| address.parse().unwrap()).collect::<Vec<_>>());
            assert_eq!((delivery.attempts, delivery.waited_seconds), (0, 0));
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
