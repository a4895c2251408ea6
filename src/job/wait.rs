//! Waits until a plan's run is over: NS8 raises the alert at the first failure, when other modules may still have long
//! to go and show the result of the run before.
//!
//! First `correlator.wait_seconds` pass in any case. Then, where the plan's members are known, the wait goes on until
//! each of them has a result of this run, at most until `correlator.max_wait_seconds` after the alert was accepted. It
//! is woken by the cluster's announcements; reading again now and then only guards against those that got lost.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::cluster::events::{Announcements, News};
use crate::cluster::{self, Selector};
use crate::config::{Live, Settings};
use crate::model::cluster::{Cluster, ReadError};
use crate::model::job::Job;
use crate::model::plan::{ModuleId, PlanId};
use crate::model::run::assess_for;

/// How often the cluster is read while nothing is announced.
const REREAD: Duration = Duration::from_secs(30);

/// The first and the longest pause before a cluster that could not be read is tried again.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

/// A cluster that cannot be read is tried for this long from the first failure on, or for
/// `correlator.max_wait_seconds` where that is shorter, even when the wait is over: Redis may be restarting just then,
/// and after a reboot it may come up later than this program.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the wait has ended with.
#[derive(Debug)]
pub struct Settled {
    /// The cluster, read after the last announcement that counted; or why it cannot be read now. An earlier reading is
    /// no substitute: it would show modules as unfinished that have finished since.
    pub cluster: Result<Cluster, ReadError>,
    /// `correlator.max_wait_seconds`, where members were still without a result of this run when they had passed.
    pub gave_up_after: Option<Duration>,
}

/// Sees the wait of a job through, and reads the cluster. `latest` gives the job as it is: alerts may join it
/// meanwhile. May be dropped at any time; a new call goes on where the time since the job's arrival stands.
pub async fn settle(latest: &(dyn Fn() -> Job + Sync), live: &Live, announcements: &Announcements) -> Settled {
    let correlator = live.usable().await.correlator.clone();
    let (entered, now, job) = (Instant::now(), Timestamp::now(), latest());
    let deadline = entered + job.wait_left(correlator.max_wait, now);
    let left = job.wait_left(correlator.wait, now);
    if !left.is_zero() {
        sleep(left).await;
    }

    // Before the first look, so that no announcement is missed between the two.
    let mut listener = announcements.listen().await;
    loop {
        let cluster = match read(&job, live, deadline, PATIENCE.min(correlator.max_wait)).await {
            Ok(cluster) => cluster,
            Err(error) => return Settled { cluster: Err(error), gave_up_after: None },
        };
        let mut awaited = Awaited::of(&cluster, &latest(), Timestamp::now(), correlator.stale_after);
        if awaited.is_empty() || Instant::now() >= deadline {
            let gave_up_after = (!awaited.is_empty()).then_some(correlator.max_wait);
            return Settled { cluster: Ok(cluster), gave_up_after };
        }
        let look_again = deadline.min(Instant::now() + REREAD);
        while let Ok(news) = timeout_at(look_again, listener.next()).await {
            if awaited.hear(&news) {
                break;
            }
        }
    }
}

/// The members that have no result of this run yet, each with its plan.
#[derive(Debug, PartialEq, Eq)]
struct Awaited(BTreeSet<(PlanId, ModuleId)>);

impl Awaited {
    /// Nobody is awaited for a plan whose members are not known, or that is switched off.
    fn of(cluster: &Cluster, job: &Job, now: Timestamp, stale_after: Option<Duration>) -> Self {
        let running = cluster.plans.iter().filter(|plan| plan.enabled && plan.members.is_some());
        let unsettled = running.flat_map(|plan| {
            let unsettled = assess_for(job, plan, now, stale_after).unsettled();
            unsettled.into_iter().map(|module| (plan.id.clone(), module))
        });
        Self(unsettled.collect())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes in a piece of news. True where it is time to look again: not at each module, but at the last.
    fn hear(&mut self, news: &News) -> bool {
        match news {
            News::Interrupted => true,
            News::Finished { plan, module } => {
                let before = self.0.len();
                self.0.retain(|(awaited_plan, awaited)| {
                    awaited_plan.as_str() != plan || module.as_ref().is_some_and(|module| awaited.as_str() != module)
                });
                self.0.is_empty() && before > 0
            }
        }
    }
}

/// Reads the job's plans; tried again until `deadline`, and for `patience` from the first failure on.
async fn read(job: &Job, live: &Live, deadline: Instant, patience: Duration) -> Result<Cluster, ReadError> {
    let (mut pause, longest) = RETRY;
    let mut last_try = None;
    loop {
        let settings = live.usable().await;
        let error = match read_once(job, &settings).await {
            Ok(cluster) => return Ok(cluster),
            Err(error) => error,
        };
        let last_try = *last_try.get_or_insert_with(|| deadline.max(Instant::now() + patience));
        if Instant::now() >= last_try {
            return Err(error);
        }
        log::warn!(JOB_ID = job.id.as_str(); "{error}; it is tried again in {} s", pause.as_secs());
        sleep_until(last_try.min(Instant::now() + pause)).await;
        pause = (pause * 2).min(longest);
    }
}

/// Reads the job's plans: its own, or where it names none those that ran lately.
///
/// # Errors
/// Where the cluster cannot be read.
pub async fn read_once(job: &Job, settings: &Settings) -> Result<Cluster, ReadError> {
    let since = job.accepted_at.checked_sub(settings.correlator.recent_window).unwrap_or(Timestamp::MIN);
    let selector = job.plan.as_ref().map_or(Selector::Recent { since }, Selector::Plan);
    cluster::read(&settings.redis, selector).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn awaited(pairs: &[(&str, &str)]) -> Awaited {
        let pair = |(plan, module): &(&str, &str)| Some((PlanId::new(*plan)?, ModuleId::new(*module)?));
        Awaited(pairs.iter().filter_map(pair).collect())
    }

    fn finished(plan: &str, module: Option<&str>) -> News {
        News::Finished { plan: plan.into(), module: module.map(String::from) }
    }

    #[test]
    fn only_the_last_of_those_awaited_is_worth_a_look() {
        let mut awaited = awaited(&[("2", "mail1"), ("2", "web2"), ("3", "mail1")]);
        assert!(!awaited.hear(&finished("2", Some("mail1"))));
        assert!(!awaited.hear(&finished("2", Some("mail1"))));
        assert!(!awaited.hear(&finished("9", Some("web2"))));
        assert!(!awaited.hear(&finished("2", Some("other"))));
        assert!(!awaited.hear(&finished("2", Some("web2"))));
        assert!(awaited.hear(&finished("3", Some("mail1"))));
    }

    #[test]
    fn an_interruption_is_worth_a_look_and_so_is_news_of_a_whole_plan() {
        assert!(awaited(&[("2", "mail1")]).hear(&News::Interrupted));
        assert!(awaited(&[("2", "mail1"), ("2", "web2")]).hear(&finished("2", None)));
        assert!(!awaited(&[("2", "mail1"), ("3", "web2")]).hear(&finished("2", None)));
    }
}
