//! Addresses mails and hands them over, one recipient at a time.

use std::time::Duration;

use jiff::Timestamp;
use log::{error, info, warn};
use tokio::sync::Semaphore;

use super::life::{Life, Shutdown};
use super::store::Store;
use super::way::{hand_over, way};
use crate::config::{Notification, Settings};
use crate::deliver::{SendError, pause as deliver_pause};
use crate::model::job::{Delivery, Job, JobId, Stage};
use crate::model::mail::{Mail, RecipientState};
use crate::report;
use crate::system::journal::CRIT;
use crate::system::{kill, messages};

/// Mails that are handed over at one time.
const AT_ONCE: usize = 4;

/// The way out for the mails of all jobs.
pub(super) struct Dispatch {
    store: Store,
    sending: Semaphore,
    life: Life,
}

impl Dispatch {
    pub(super) fn new(store: Store, life: Life) -> Self {
        Self { store, sending: Semaphore::new(AT_ONCE), life }
    }

    /// Gives each mail those recipients who have not received the same report within `notification.repeat_after`, or
    /// were promised one. A mail without any is left out.
    pub(super) fn address(&self, job: &Job, mails: Vec<Mail>, promises: &[Mail], settings: &Settings) -> Vec<Mail> {
        let address = |mut mail: Mail| {
            mail.recipients = self.store.recipients(&mail, promises, settings);
            if mail.recipients.is_empty() {
                info!(JOB_ID = job.id.as_str(), BACKUP_ID = mail.plan_field();
                    "not sent: every recipient already has this report (notification.repeat_after {})",
                    report::duration(settings.notification.repeat_after));
                return None;
            }
            Some(mail)
        };
        mails.into_iter().filter_map(address).collect()
    }

    /// Hands each mail to each recipient who waits for it, and saves each result at once. Returns an error of the relay
    /// itself, which ends the attempt: it would meet the others too.
    pub(super) async fn attempt(
        &self,
        job: &Job,
        delivery: &mut Delivery,
        settings: &Settings,
    ) -> Result<Option<String>, Shutdown> {
        let waiting = delivery.waiting();
        if waiting.is_empty() {
            return Ok(None);
        }
        let way = self.life.unless_over(way(settings)).await?;
        for (message_id, to) in waiting {
            let Some(mail) = delivery.mails.iter().find(|mail| mail.message_id == message_id) else { continue };
            let _turn = self.life.unless_over(self.sending.acquire()).await?;
            kill::point("before-send");
            let result = hand_over(&way, settings, mail, &to).await;
            kill::point("after-send");
            let (state, relay_error) = match result {
                Ok(answer) => {
                    info!(MESSAGE_ID = messages::REPORT_SENT, JOB_ID = job.id.as_str(), BACKUP_ID = mail.plan_field(),
                        OUTCOME = mail.outcome.word(), RECIPIENT = to;
                        "sent the report to {to}: {answer}");
                    (RecipientState::Delivered { at: Timestamp::now() }, None)
                }
                Err(SendError::Rejected(reason)) => (given_up(&job.id, mail, &to, reason), None),
                Err(SendError::Deferred(reason)) => (RecipientState::Pending { last_error: Some(reason) }, None),
                Err(SendError::Relay(reason)) => {
                    (RecipientState::Pending { last_error: Some(reason.clone()) }, Some(reason))
                }
            };
            delivery.record(&message_id, &to, state);
            self.store.advance(&job.id, Stage::Delivering(delivery.clone())).await;
            kill::point("recipient-saved");
            if relay_error.is_some() {
                return Ok(relay_error);
            }
        }
        Ok(None)
    }
}

/// Plans the next attempt, or gives up every recipient who still waits. Returns the pause before it; `None` if no
/// recipient waits.
pub(super) fn next_attempt(
    job: &Job,
    delivery: &mut Delivery,
    relay_error: Option<String>,
    settings: &Notification,
) -> Option<Duration> {
    let pending = delivery.pending();
    if pending == 0 {
        return None;
    }
    delivery.attempts.count = delivery.attempts.count.saturating_add(1);
    if Duration::from_secs(delivery.attempts.waited_seconds) >= settings.retry_for {
        give_up(&job.id, delivery, settings.retry_for);
        return None;
    }
    let pause = deliver_pause(delivery.attempts.count, fastrand::f64());
    delivery.attempts.next_attempt_at = Timestamp::now().checked_add(pause).ok();
    let reason = relay_error.or_else(|| delivery.last_error().map(String::from)).unwrap_or_default();
    warn!(MESSAGE_ID = messages::MAIL_DEFERRED, JOB_ID = job.id.as_str(), BACKUP_ID = job.plan_field(), REASON = reason;
        "{pending} mail(s) not delivered at attempt {}, next in {} s: {reason}", delivery.attempts.count, pause.as_secs());
    Some(pause)
}

fn give_up(job: &JobId, delivery: &mut Delivery, retry_for: Duration) {
    for (message_id, to) in delivery.waiting() {
        let Some(mail) = delivery.mails.iter().find(|mail| mail.message_id == message_id) else { continue };
        let last = mail.last_error(&to).unwrap_or("not known");
        let reason = format!("not delivered within {}; last error: {last}", report::duration(retry_for));
        let state = given_up(job, mail, &to, reason);
        delivery.record(&message_id, &to, state);
    }
}

/// Returns the state of a recipient who is given up, and logs it.
fn given_up(job: &JobId, mail: &Mail, to: &str, reason: String) -> RecipientState {
    error!(PRIORITY = CRIT, MESSAGE_ID = messages::DELIVERY_GIVEN_UP, JOB_ID = job.as_str(),
        BACKUP_ID = mail.plan_field(), OUTCOME = mail.outcome.word(), RECIPIENT = to, REASON = reason;
        "gave up delivering the report to {to}: {reason}");
    RecipientState::GivenUp { at: Timestamp::now(), reason }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::net::TcpListener;
    use tokio::sync::{mpsc, watch};

    use super::*;
    use crate::model::alert::Alerts;
    use crate::model::job::Attempts;
    use crate::model::mail::Recipient;

    /// A way out for the mails of a queue in this folder.
    fn dispatch(state: &Path) -> (Dispatch, watch::Sender<bool>) {
        let (alive, shutdown) = watch::channel(false);
        let store = Store::open(state, mpsc::unbounded_channel().0).unwrap();
        (Dispatch::new(store, Life::new(shutdown)), alive)
    }

    #[tokio::test]
    async fn a_relay_that_is_away_is_asked_once_for_all_recipients() {
        let state = tempfile::tempdir().unwrap();
        let (dispatch, _alive) = dispatch(state.path());
        let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = relay.local_addr().unwrap().port();
        let smtp = format!("{{host: 127.0.0.1, port: {port}}}");
        let settings = format!("notification: {{mail_to: a@example.com, transport: smtp, smtp: {smtp}}}\n");
        let settings = crate::config::parse(&settings).unwrap();
        let recipient = |name: &str| Recipient {
            address: format!("{name}@example.com"),
            state: RecipientState::Pending { last_error: None },
        };
        let mails = vec![Mail::sample(["a", "b", "c"].map(recipient).into())];
        let mut delivery = Delivery { mails, attempts: Attempts::default(), interim: false };
        let now = Timestamp::now();
        let job = Job::new(JobId::new(now, 1), None, now, Alerts::default());
        let mut connections = 0;
        let hangs_up = async {
            loop {
                drop(relay.accept().await);
                connections += 1;
            }
        };
        let error = tokio::select! {
            biased;
            () = hangs_up => unreachable!(),
            attempted = dispatch.attempt(&job, &mut delivery, &settings) => attempted.ok().flatten(),
        };
        assert!(error.is_some());
        assert_eq!(connections, 1);
        assert_eq!(delivery.pending(), 3);
    }
}
