//! Steps a job from stage to stage.
//!
//! One function per stage takes the stage's data and returns the next stage, which is on disk before it begins. So a
//! job goes on where it was when the program is killed, and the same loop runs new, resumed and retried jobs.
//!
//! ```text
//!                ┌────────── the run is over, or has news ──────────┐
//!                ▼                                                  │
//! waiting ──► examined ──► delivering ──► done                      │
//!    │           ▲          │   │ ▲ │                               │
//!    │           └──────────┘   └─┘ └── an interim report ──► following
//!    │      it is, or may be,  a retry                            ▲
//!    │      out of date                                           │
//!    └── a reminder of an earlier run, while this one goes on ────┘
//! ```
//!
//! On shutdown a job stops between steps; a mail that is being handed over is handed over to the end.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use log::info;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::course::{Course, Settled};
use super::dispatch::{self, Dispatch};
use super::examine::Extent;
use super::life::{Life, Shutdown};
use super::look::{Due, Look};
use super::record;
use super::store::Store;
use super::wait::{Until, settle};
use super::write::write;
use crate::cluster::events::Announcements;
use crate::config::{Live, Settings};
use crate::model::job::{Attempts, Delivery, Done, Examined, Following, Job, JobId, Stage, time_left};
use crate::system::kill;

/// Jobs that are examined at one time.
const AT_ONCE: usize = 4;
/// How long a cluster that cannot be read is tried even after the wait is over: Redis may just be restarting.
const PATIENCE: Duration = Duration::from_secs(60);

/// What all jobs share.
pub struct Stepper {
    live: Arc<Live>,
    store: Store,
    announcements: Announcements,
    examining: Semaphore,
    dispatch: Dispatch,
    life: Life,
}

impl Stepper {
    /// Creates a stepper over `store`; its jobs stop between steps once `shutdown` is true.
    pub fn new(live: Arc<Live>, store: Store, shutdown: watch::Receiver<bool>) -> Self {
        Self {
            announcements: Announcements::new(live.clone()),
            dispatch: Dispatch::new(store.clone(), Life::new(shutdown.clone())),
            examining: Semaphore::new(AT_ONCE),
            life: Life::new(shutdown),
            live,
            store,
        }
    }

    /// Steps a job until it is done, after a pause. Returns early on shutdown.
    pub async fn run(&self, id: &JobId, pause: Duration) {
        let _ = self.run_to_shutdown(id, pause).await;
    }

    async fn run_to_shutdown(&self, id: &JobId, pause: Duration) -> Result<(), Shutdown> {
        // A sleep of no time at all takes a millisecond.
        if !pause.is_zero() {
            self.life.unless_over(tokio::time::sleep(pause)).await?;
        }
        // One that an earlier process has written, or that was tried before, may be out of date.
        let mut is_new_report = false;
        while let Some(job) = self.store.get(id) {
            let next = match &job.stage {
                Stage::Waiting => self.wait(&job).await?,
                Stage::Examined(examined) => self.address(&job, examined.clone()).await?,
                Stage::Delivering(delivery) => self.deliver(&job, delivery.clone(), is_new_report).await?,
                Stage::Following(following) => self.follow(&job, following).await?,
                Stage::Done(done) => return self.finish(&job, done.clone()).await,
            };
            // The durable form of "done" is that the job's file is gone.
            if let Stage::Done(done) = next {
                return self.finish(&job, done).await;
            }
            is_new_report = match next {
                Stage::Examined(_) => true,
                _ => is_new_report && matches!(job.stage, Stage::Examined(_)),
            };
            self.store.advance(id, next).await;
            kill::point("advanced");
        }
        Ok(())
    }

    async fn settings(&self) -> Result<Arc<Settings>, Shutdown> {
        self.life.unless_over(self.live.usable()).await
    }

    /// Waits `correlator.wait_seconds` after each alert, and then for the run's end, at most until
    /// `correlator.max_wait_seconds` after the first alert.
    async fn wait(&self, job: &Job) -> Result<Stage, Shutdown> {
        loop {
            let correlator = self.settings().await?.correlator.clone();
            let (joins, joined_at) = self.store.joined(&job.id);
            let (entered, now) = (Instant::now(), Timestamp::now());
            let deadline = entered + job.time_left(correlator.max_wait, now);
            let first = entered + job.time_left(correlator.wait, now);
            let start = joined_at.map_or(first, |joined_at| first.max(deadline.min(joined_at + correlator.wait)));
            if start > entered {
                self.life.unless_over(tokio::time::sleep_until(start)).await?;
                if self.store.joined(&job.id).0 != joins {
                    continue;
                }
            }
            let patience = PATIENCE.min(correlator.max_wait);
            let settled = self.settle(job, Until::Over, deadline, patience).await?;
            kill::point("settled");
            let course = settled.after_waiting(&self.latest(job), !correlator.follow.is_zero());
            // One that names no plan keeps to the plans of its first report.
            let takes_alerts = course != Course::Final && job.plan.is_some();
            if takes_alerts || self.store.close(&job.id, joins) {
                return self.take(course, job, settled, Attempts::default()).await;
            }
        }
    }

    /// Waits for the end of a run of which an interim report is out, or for something to say about it; at most
    /// `correlator.follow_seconds`.
    async fn follow(&self, job: &Job, following: &Following) -> Result<Stage, Shutdown> {
        let follow = self.settings().await?.correlator.follow;
        let deadline = Instant::now() + time_left(following.since, follow, Timestamp::now());
        let until = if following.silent { Until::News } else { Until::Over };
        let (settled, is_last) = self.wait_for(job, until, deadline).await?;
        let course = settled.after_following(&self.latest(job), following, is_last);
        self.take(course, job, settled, Attempts::default()).await
    }

    /// Waits for what `until` says. Returns whether the look is the last one, too: then it began after the last alert
    /// had joined the job, and no further one does.
    async fn wait_for(&self, job: &Job, until: Until, deadline: Instant) -> Result<(Settled, bool), Shutdown> {
        loop {
            let (joins, _) = self.store.joined(&job.id);
            let settled = self.settle(job, until, deadline, PATIENCE).await?;
            let is_last = settled.over || Instant::now() >= deadline;
            if !is_last || self.store.close(&job.id, joins) {
                return Ok((settled, is_last));
            }
        }
    }

    async fn settle(
        &self,
        job: &Job,
        until: Until,
        deadline: Instant,
        patience: Duration,
    ) -> Result<Settled, Shutdown> {
        let latest = || self.latest(job);
        self.life.unless_over(settle(&latest, &self.live, &self.announcements, until, deadline, patience)).await
    }

    /// The job with the alerts that have joined it meanwhile.
    fn latest(&self, job: &Job) -> Job {
        self.store.get(&job.id).unwrap_or_else(|| job.clone())
    }

    /// Takes a course, with the attempts so far at a report that is replaced.
    async fn take(&self, course: Course, job: &Job, settled: Settled, attempts: Attempts) -> Result<Stage, Shutdown> {
        match course {
            Course::Final => self.examine(job, settled, false, attempts).await,
            Course::Interim => self.examine(job, settled, true, attempts).await,
            Course::Silence => Ok(Stage::Following(Following::silently(Timestamp::now()))),
            Course::Nothing => {
                info!(JOB_ID = job.id.as_str(), BACKUP_ID = job.plan_field(); "the plan was deleted: nothing to report");
                Ok(Stage::Done(Done { mails: Vec::new() }))
            }
        }
    }

    /// Looks at the repositories and writes the reports.
    async fn examine(
        &self,
        job: &Job,
        mut settled: Settled,
        interim: bool,
        attempts: Attempts,
    ) -> Result<Stage, Shutdown> {
        let settings = self.settings().await?;
        let _turn = match self.examining.try_acquire() {
            Ok(turn) => turn,
            Err(_) => {
                let turn = self.life.unless_over(self.examining.acquire()).await?.expect("never closed");
                // While others had their turn, modules may have finished.
                let mut due = Due::default();
                let look = Look::take(job, &settings, Extent::Everything, &mut due);
                if let Ok(look) = self.life.unless_over(look).await? {
                    settled.look = Ok(look);
                }
                turn
            }
        };
        let job = self.latest(job);
        let mails = self.life.unless_over(write(&settings, &job, settled, interim)).await?;
        kill::point("written");
        Ok(Stage::Examined(Examined { mails, interim, attempts, promises: job.promises() }))
    }

    /// Addresses the reports to the recipients to whom they are news, or were promised.
    async fn address(&self, job: &Job, examined: Examined) -> Result<Stage, Shutdown> {
        let settings = self.settings().await?;
        let Examined { mails, interim, attempts, promises } = examined;
        let mails = self.dispatch.address(job, mails, &promises, &settings);
        Ok(Stage::Delivering(Delivery { mails, attempts, interim }))
    }

    /// Hands the mails over, and pauses if a recipient still waits. They are `new` if this process has written them and
    /// not tried them yet.
    async fn deliver(&self, job: &Job, mut delivery: Delivery, new: bool) -> Result<Stage, Shutdown> {
        let settings = self.settings().await?;
        if !new && let Some(stage) = self.refreshed(job, &delivery, &settings).await? {
            return Ok(stage);
        }
        // The configuration may have changed since the last attempt.
        if self.store.readdress(&mut delivery, &settings) {
            self.store.advance(&job.id, Stage::Delivering(delivery.clone())).await;
        }
        self.life.unless_over(self.store.older_first(job)).await?;
        let waiting = delivery.pending();
        let relay_error = self.dispatch.attempt(job, &mut delivery, &settings).await?;
        if delivery.pending() < waiting {
            self.store.hurry_others(job);
        }
        // Here, so that a process that finds nothing left to send makes up for one that came no further.
        record::reported(&delivery.mails).await;
        let pause = dispatch::next_attempt(job, &mut delivery, relay_error, &settings.notification);
        let Some(pause) = pause else { return Ok(self.delivered(delivery, &settings)) };
        self.store.advance(&job.id, Stage::Delivering(delivery.clone())).await;
        let run_over = async {
            match delivery.interim {
                true => self.wait_for(job, Until::Over, Instant::now() + settings.correlator.follow).await,
                false => std::future::pending().await,
            }
        };
        let began = Instant::now();
        let pause_over = async {
            tokio::select! {
                () = tokio::time::sleep(pause) => false,
                () = self.store.hurried(&job.id) => false,
                () = self.store.nudged(&job.id) => true,
            }
        };
        let is_wish = tokio::select! {
            is_wish = self.life.unless_over(pause_over) => is_wish?,
            // The final report replaces the interim one.
            settled = run_over => {
                self.remember(&delivery, &settings);
                return self.examine(job, settled?.0, false, Attempts::default()).await;
            }
        };
        if is_wish {
            delivery.start_over(Some(Timestamp::now()));
        } else {
            let waited = &mut delivery.attempts.waited_seconds;
            *waited = waited.saturating_add(began.elapsed().as_secs());
        }
        Ok(Stage::Delivering(delivery))
    }

    /// Examines the run anew before a report is tried again that may be out of date: an interim one, or one that says
    /// that the cluster could not be read and that nobody has received. Redis and the relay, whose address it holds,
    /// often come back together. Returns `None` if the report stands.
    async fn refreshed(&self, job: &Job, delivery: &Delivery, settings: &Settings) -> Result<Option<Stage>, Shutdown> {
        if delivery.pending() == 0 || !delivery.interim && !delivery.may_be_outdated() {
            return Ok(None);
        }
        let attempts = Attempts { next_attempt_at: None, ..delivery.attempts.clone() };
        let (joins, _) = self.store.joined(&job.id);
        let settled = self.settle(job, Until::Over, Instant::now(), Duration::ZERO).await?;
        let course = match settled.instead_of(delivery, &self.latest(job)) {
            None => return Ok(None),
            Some(Course::Final) if !self.store.close(&job.id, joins) => match delivery.is_undelivered() {
                true => Course::Interim,
                false => return Ok(None),
            },
            Some(course) => course,
        };
        self.remember(delivery, settings);
        self.take(course, job, settled, attempts).await.map(Some)
    }

    /// Returns what follows a report that every recipient has, or was given up.
    fn delivered(&self, delivery: Delivery, settings: &Settings) -> Stage {
        if delivery.interim {
            self.remember(&delivery, settings);
        }
        delivery.next(Timestamp::now())
    }

    /// Remembers who has a report that another one follows: of several plans, some may have had their last one.
    fn remember(&self, delivery: &Delivery, settings: &Settings) {
        self.store.remember(&delivery.mails, Timestamp::now(), settings.notification.repeat_after);
    }

    async fn finish(&self, job: &Job, done: Done) -> Result<(), Shutdown> {
        let settings = self.settings().await?;
        let job = Job { stage: Stage::Done(done), ..self.latest(job) };
        self.store.finish(&job, Timestamp::now(), settings.notification.repeat_after).await;
        Ok(())
    }
}
