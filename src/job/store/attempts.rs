//! Attempts to deliver: whom they are for, and when the next one is. The mails of one plan go out oldest first, since
//! the last one to arrive is the last word, and all mails as soon as the relay takes one again.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;

use super::{Nudge, Store, failed_file, lock};
use crate::config::Settings;
use crate::model::job::{Delivery, Job, JobId, Stage};
use crate::model::mail::{Mail, Recipient};

/// Maximum time for which a mail waits for the older ones of its plan.
const PATIENCE: Duration = Duration::from_secs(60);

impl Store {
    /// Lets the older mails of the job's plan go first: ends the pauses before their next attempts, and waits for
    /// these.
    pub async fn older_first(&self, job: &Job) {
        let age = |job: &Job| (job.accepted_at, job.id.clone());
        let tries = self.table().hurry(&|other| other.plan == job.plan && age(other) < age(job));
        let tried = async {
            for (id, tries) in tries {
                self.tried(&id, tries).await;
            }
        };
        let _ = timeout(PATIENCE, tried).await;
    }

    /// Ends the pauses of all other jobs: the relay works.
    pub fn hurry_others(&self, job: &Job) {
        self.table().hurry(&|other| other.id != job.id);
    }

    /// Tries a job again now, as the administrator asked: ends its pause, or revives one that was given up for those
    /// who have not received its reports, from other jobs included.
    pub async fn retry(&self, id: &JobId, settings: &Settings) {
        if let Some(nudge) = self.table().nudge(id) {
            nudge.notify_one();
            return;
        }
        let Some((mut job, mut delivery)) = self.0.disk.revive(id) else { return };
        self.readdress(&mut delivery, settings);
        for mail in &mut delivery.mails {
            let report = mail.clone();
            mail.recipients.retain(|to| !to.is_pending() || !self.had_it(&report, to, settings));
        }
        // A report that says nothing is not worth another try: the cluster is read anew.
        job.stage = if delivery.may_be_outdated() { Stage::Waiting } else { Stage::Delivering(delivery) };
        self.table().insert(job);
        {
            let mut outbox = lock(&self.0.outbox);
            outbox.job(id);
            outbox.file(failed_file(id), None);
        }
        self.flush().await;
        let _ = self.0.started.send(id.clone());
    }

    /// Replaces recipients who wait and whom the configuration names no more. Returns whether there were any.
    pub fn readdress(&self, delivery: &mut Delivery, settings: &Settings) -> bool {
        let mut any = false;
        for mail in &mut delivery.mails {
            let mail_to = settings.mail_to(mail.plan.as_ref());
            any |= mail.readdress(mail_to, |mail, to| !self.had_it(mail, to, settings));
        }
        any
    }

    /// Waits until the administrator asks to try the job again.
    pub async fn nudged(&self, id: &JobId) {
        let nudge = self.table().nudge(id);
        notified(nudge).await;
    }

    /// Waits until the pause before the job's next attempt is to end.
    pub async fn hurried(&self, id: &JobId) {
        let turn = self.table().turn(id);
        notified(turn).await;
    }

    /// Returns whether `to` has an old report, or is about to: at its time, too, others may have been left out.
    fn had_it(&self, mail: &Mail, to: &Recipient, settings: &Settings) -> bool {
        let within = settings.notification.repeat_after;
        let had_it = |at: Timestamp| self.table().has_it(mail, to, at, within);
        !within.is_zero() && (had_it(Timestamp::now()) || had_it(mail.written_at))
    }

    /// Waits until the job's mails have been tried more often than that, or wait no more.
    async fn tried(&self, id: &JobId, tries: u32) {
        loop {
            let changed = self.0.changed.notified();
            if self.table().job(id).and_then(Job::tries) != Some(tries) {
                return;
            }
            changed.await;
        }
    }
}

/// Waits for a nudge; for ever if there is no such job.
async fn notified(nudge: Option<Nudge>) {
    match nudge {
        Some(nudge) => nudge.notified().await,
        None => std::future::pending().await,
    }
}
