//! One job, from its wait to its last delivery.
//!
//! Each step is saved before it counts, so that a job goes on where it was when the program is killed at any point.
//! On shutdown a job stops between steps; a mail that is being handed over is handed over to the end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use log::{error, info, warn};
use tokio::sync::{Semaphore, watch};

use crate::cluster::events::Announcements;
use crate::config::{self, Live, Settings};
use crate::deliver::{self, SendError};
use crate::job::examine::{Examined, examine};
use crate::job::store::Queue;
use crate::job::wait::{self, Settled};
use crate::model::job::{Delivery, Job, JobId, Stage};
use crate::model::mail::{Mail, Recipient, RecipientState};
use crate::model::run::{Outcome, assess_for};
use crate::report::{self, Finding, Report};
use crate::system::journal::CRIT;
use crate::system::kill;
use crate::system::messages;

/// Jobs that look at repositories at one time, and mails that are handed over at one time.
const AT_ONCE: usize = 4;

/// The program is about to leave; what is left to do is on disk.
struct Shutdown;

/// What all jobs share.
pub struct Pipeline {
    live: Arc<Live>,
    queue: Queue,
    announcements: Announcements,
    looking: Semaphore,
    sending: Semaphore,
    shutdown: watch::Receiver<bool>,
}

impl Pipeline {
    /// A pipeline over `queue`; its jobs stop between steps once `shutdown` says so.
    pub fn new(live: Arc<Live>, queue: Queue, shutdown: watch::Receiver<bool>) -> Self {
        Self {
            announcements: Announcements::new(live.clone()),
            live,
            queue,
            looking: Semaphore::new(AT_ONCE),
            sending: Semaphore::new(AT_ONCE),
            shutdown,
        }
    }

    /// Sees a job through, after a pause. Returns when it is off the queue, or early on shutdown.
    pub async fn run(&self, id: &JobId, pause: Duration) {
        let _ = self.run_to_shutdown(id, pause).await;
    }

    async fn run_to_shutdown(&self, id: &JobId, pause: Duration) -> Result<(), Shutdown> {
        // A sleep of no time at all takes a millisecond.
        if !pause.is_zero() {
            self.unless_shutdown(tokio::time::sleep(pause)).await?;
        }
        let Some(mut job) = self.queue.get(id) else { return Ok(()) };
        let just_written = job.is_waiting();
        if just_written {
            let latest = || self.queue.get(id).unwrap_or_else(|| job.clone());
            let settled = self.unless_shutdown(wait::settle(&latest, &self.live, &self.announcements)).await?;
            let Some(closed) = self.queue.close(id) else { return Ok(()) };
            job = closed;
            kill::point("settled");
            let mails = self.unless_shutdown(self.write(&job, settled)).await?;
            kill::point("written");
            job.stage = Stage::Delivering(Delivery::new(mails));
            self.queue.save(&job).await;
            kill::point("report-saved");
        }
        let settings = self.deliver(&mut job, just_written).await?;
        self.queue.finish(&job, Timestamp::now(), settings.notification.repeat_after).await;
        Ok(())
    }

    async fn unless_shutdown<T>(&self, work: impl Future<Output = T>) -> Result<T, Shutdown> {
        let mut shutdown = self.shutdown.clone();
        tokio::select! {
            biased;
            _ = shutdown.wait_for(|down| *down) => Err(Shutdown),
            done = work => Ok(done),
        }
    }

    /// Writes the mails of a job whose wait is over: one for each plan that is reported.
    async fn write(&self, job: &Job, settled: Settled) -> Vec<Mail> {
        let (_turn, waited) = match self.looking.try_acquire() {
            Ok(turn) => (turn, false),
            Err(_) => (self.looking.acquire().await.expect("never closed"), true),
        };
        let settings = self.live.usable().await;
        let mut cluster = settled.cluster;
        // While others had their turn, modules may have finished.
        if waited && let Ok(newer) = wait::read_once(job, &settings).await {
            cluster = Ok(newer);
        }
        let (cluster, plans) = match cluster {
            Ok(cluster) => (cluster.name, cluster.plans),
            Err(error) => {
                warn!(JOB_ID = job.id.as_str(), BACKUP_ID = job.plan_field(); "{error}");
                return self.address(&settings, job, None, &[Finding::Unreadable(error)]);
            }
        };
        if plans.is_empty() {
            let finding = Finding::NothingRecent(settings.correlator.recent_window);
            return self.address(&settings, job, cluster.as_deref(), &[finding]);
        }
        let mut examined: Vec<Examined> = Vec::with_capacity(plans.len());
        for plan in plans {
            let assessment = assess_for(job, &plan, Timestamp::now(), settings.correlator.stale_after);
            examined.push(examine(&settings, plan, assessment, true, &|_, _| {}).await);
        }
        let findings: Vec<Finding> = examined.iter().map(|plan| plan.finding(settled.gave_up_after)).collect();
        self.address(&settings, job, cluster.as_deref(), &findings)
    }

    /// A mail for each finding, to those who do not have the same report already.
    fn address(&self, settings: &Settings, job: &Job, cluster: Option<&str>, findings: &[Finding]) -> Vec<Mail> {
        let now = Timestamp::now();
        let host = config::host_name();
        let redis = settings.redis.address();
        let mut mails = Vec::with_capacity(findings.len());
        for finding in findings {
            let report = Report {
                finding: finding.clone(),
                asked_for: job.plan.as_ref(),
                cluster,
                alerts: &job.alerts,
                alerts_left_out: job.alerts_left_out,
                job_id: Some(job.id.as_str()),
                redis: &redis,
                host: &host,
                now,
                language: settings.notification.language,
                zone: jiff::tz::TimeZone::system(),
            };
            let mail = report::mail(settings, &job.id, &report);
            mails.extend(self.to_whom_it_is_news(settings, job, mail, now));
        }
        mails
    }

    /// Takes out the recipients who have this report already, within `notification.repeat_after`.
    fn to_whom_it_is_news(&self, settings: &Settings, job: &Job, mut mail: Mail, now: Timestamp) -> Option<Mail> {
        let within = settings.notification.repeat_after;
        info!(JOB_ID = job.id.as_str(), BACKUP_ID = mail.plan_field(), OUTCOME = mail.outcome.word();
            "the report is written: {}", mail.subject);
        if within.is_zero() {
            return Some(mail);
        }
        let mut recipients = std::mem::take(&mut mail.recipients);
        recipients.retain(|recipient| !self.queue.has_it(&mail, recipient, now, within));
        mail.recipients = recipients;
        if mail.recipients.is_empty() {
            info!(JOB_ID = job.id.as_str(), BACKUP_ID = mail.plan_field();
                "everybody has this same report already: not sent again within {}", report::duration(within));
            return None;
        }
        Some(mail)
    }

    /// Delivers a job's mails, which may be `just_written`, with growing pauses, until nobody is waiting for one: with the settings returned at
    /// last.
    async fn deliver(&self, job: &mut Job, mut just_written: bool) -> Result<Arc<Settings>, Shutdown> {
        loop {
            let settings = self.unless_shutdown(self.live.usable()).await?;
            if !just_written {
                self.refresh(job, &settings).await?;
            }
            just_written = false;
            let relay_error = self.attempt(job, &settings).await?;
            let Stage::Delivering(delivery) = &mut job.stage else { return Ok(settings) };
            if delivery.pending() == 0 {
                return Ok(settings);
            }
            delivery.attempts = delivery.attempts.saturating_add(1);
            let pause = deliver::pause(delivery.attempts, fastrand::f64());
            if Duration::from_secs(delivery.waited_seconds) >= settings.notification.retry_for {
                give_up(job, settings.notification.retry_for);
                self.queue.save(job).await;
                return Ok(settings);
            }
            delivery.next_attempt_at = Timestamp::now().checked_add(pause).ok();
            let (pending, attempts) = (delivery.pending(), delivery.attempts);
            let reason = relay_error.or_else(|| delivery.last_error().map(String::from)).unwrap_or_default();
            warn!(MESSAGE_ID = messages::MAIL_DEFERRED, JOB_ID = job.id.as_str(), BACKUP_ID = job.plan_field(),
                REASON = reason;
                "{pending} mail(s) not delivered at attempt {attempts}, next in {} s: {reason}", pause.as_secs());
            self.queue.save(job).await;
            let nudged = self.unless_shutdown(async {
                tokio::select! {
                    () = tokio::time::sleep(pause) => false,
                    () = self.queue.nudged(&job.id) => true,
                }
            });
            if !nudged.await?
                && let Stage::Delivering(delivery) = &mut job.stage
            {
                delivery.waited_seconds = delivery.waited_seconds.saturating_add(pause.as_secs());
            }
        }
    }

    /// Writes a mail anew that only tells that Redis could not be read, where nobody has it and Redis can be read by
    /// now. The cluster's own relay is known from there, too: the two often come back together.
    async fn refresh(&self, job: &mut Job, settings: &Settings) -> Result<(), Shutdown> {
        let tells_nothing =
            |mail: &Mail| mail.outcome == Outcome::Unknown && !mail.recipients.iter().any(Recipient::is_delivered);
        if job.mails().is_empty() || !job.mails().iter().all(tells_nothing) {
            return Ok(());
        }
        if let Ok(cluster) = self.unless_shutdown(wait::read_once(job, settings)).await? {
            let settled = Settled { cluster: Ok(cluster), gave_up_after: None };
            let mails = self.unless_shutdown(self.write(job, settled)).await?;
            if let Stage::Delivering(delivery) = &mut job.stage {
                delivery.mails = mails;
            }
            self.queue.save(job).await;
        }
        Ok(())
    }

    /// Hands each mail to each recipient that waits for it, and saves each result at once. An error of the relay itself
    /// ends the attempt: it would meet the others too.
    async fn attempt(&self, job: &mut Job, settings: &Settings) -> Result<Option<String>, Shutdown> {
        for (m, r) in waiting(job) {
            let _turn = self.unless_shutdown(self.sending.acquire()).await?;
            let Stage::Delivering(delivery) = &mut job.stage else { return Ok(None) };
            let mail = &mut delivery.mails[m];
            let address = mail.recipients[r].address.clone();
            kill::point("before-send");
            let result = deliver::send(settings, mail, &address).await;
            kill::point("after-send");
            let mut relay_error = None;
            mail.recipients[r].state = match result {
                Ok(answer) => {
                    info!(MESSAGE_ID = messages::REPORT_SENT, JOB_ID = job.id.as_str(), BACKUP_ID = mail.plan_field(),
                        OUTCOME = mail.outcome.word(), RECIPIENT = address;
                        "the report has gone to {address}: {answer}");
                    RecipientState::Delivered { at: Timestamp::now() }
                }
                Err(SendError::Rejected(reason)) => given_up(&job.id, mail, &address, reason),
                Err(SendError::Deferred(reason)) => RecipientState::Pending { last_error: Some(reason) },
                Err(SendError::Relay(reason)) => {
                    relay_error = Some(reason.clone());
                    RecipientState::Pending { last_error: Some(reason) }
                }
            };
            self.queue.save(job).await;
            kill::point("recipient-saved");
            if relay_error.is_some() {
                return Ok(relay_error);
            }
        }
        Ok(None)
    }
}

/// Which recipients of which mails are waiting.
fn waiting(job: &Job) -> Vec<(usize, usize)> {
    let of_mail = |(m, mail): (usize, &Mail)| -> Vec<(usize, usize)> {
        let recipients = mail.recipients.iter().enumerate().filter(|(_, recipient)| recipient.is_pending());
        recipients.map(|(r, _)| (m, r)).collect()
    };
    job.mails().iter().enumerate().flat_map(of_mail).collect()
}

/// Gives up on everybody who is still waiting.
fn give_up(job: &mut Job, retry_for: Duration) {
    let Stage::Delivering(delivery) = &mut job.stage else { return };
    for mail in &mut delivery.mails {
        for r in 0..mail.recipients.len() {
            let Recipient { address, state } = &mail.recipients[r];
            let RecipientState::Pending { last_error } = state else { continue };
            let last = last_error.as_deref().unwrap_or("not known");
            let reason = format!("not delivered within {}; last error: {last}", report::duration(retry_for));
            mail.recipients[r].state = given_up(&job.id, mail, address, reason);
        }
    }
}

/// The state of a recipient who is given up on, which the journal is told.
fn given_up(job: &JobId, mail: &Mail, address: &str, reason: String) -> RecipientState {
    error!(PRIORITY = CRIT, MESSAGE_ID = messages::DELIVERY_GIVEN_UP, JOB_ID = job.as_str(),
        BACKUP_ID = mail.plan_field(), OUTCOME = mail.outcome.word(), RECIPIENT = address, REASON = reason;
        "the report will not reach {address}: {reason}");
    RecipientState::GivenUp { at: Timestamp::now(), reason }
}
