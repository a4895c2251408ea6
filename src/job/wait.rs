//! Waits until a run is over.
//!
//! NS8 raises its alert at the first failure, when other modules may still have hours to go and show the result of the
//! run before. The run is over when each member has a result of it, or when none will come any more. NS8 announces each
//! finished module; the cluster is also read every 30 s, in case an announcement was lost.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::course::Settled;
use super::ended::Ended;
use super::examine::Extent;
use super::look::{Due, Look};
use crate::cluster::events::{Announcements, Event};
use crate::config::Live;
use crate::model::cluster::ReadError;
use crate::model::job::Job;
use crate::model::plan::{ModuleId, PlanId};

/// How often the cluster is read while nothing is announced.
const REREAD: Duration = Duration::from_secs(30);
/// The shortest time between two looks that announcements cause: a module may announce what it likes, for hours.
const REST: Duration = Duration::from_secs(1);
/// The first and the longest pause before a cluster that could not be read is tried again.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

/// What ends a wait before its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The run is over.
    Over,
    /// It is over, or there is something to say about it.
    News,
}

/// Waits for what `until` says of a job's run, at most until `deadline`. A cluster that cannot be read is tried until
/// then, and for `patience` from its first failure on. `latest` returns the job as it is: alerts may join it meanwhile.
pub async fn settle(
    latest: &(dyn Fn() -> Job + Sync),
    live: &Live,
    announcements: &Announcements,
    until: Until,
    deadline: Instant,
    patience: Duration,
) -> Settled {
    let (mut due, mut ended, mut quiet_until) = (Due::default(), Ended::new(), Instant::now());
    // Before the first look, so that no announcement is missed between the two.
    let mut listener = announcements.listen().await;
    // The first look is often the last one, and so is the one after the last announcement. The others ask for results
    // alone.
    // `was_over`: whether the logs said before this look that the run was over.
    let (mut extent, mut was_over) = (Extent::Everything, false);
    loop {
        let look = match read(latest, live, extent, &mut due, deadline, patience).await {
            Ok(look) => look,
            Err(error) => return Settled { look: Err(error), over: false },
        };
        let mut awaited = Awaited(look.awaited());
        let complete = awaited.0.is_empty();
        let over = complete || ended.all(&look, &*live.usable().await).await;
        let has_news = until == Until::News && look.is_news(&latest());
        if over || has_news || Instant::now() >= deadline {
            // A module may have ended after this look and before its log was read.
            if extent == Extent::Everything && (complete || was_over || !over) {
                return Settled { look: Ok(look), over };
            }
            (extent, was_over) = (Extent::Everything, over);
            continue;
        }
        (extent, was_over) = (Extent::Results, false);
        // Nobody needs it while nothing happens, and hours may pass.
        drop(look);
        let look_again = deadline.min(Instant::now() + REREAD);
        while let Ok(event) = timeout_at(look_again, listener.next()).await {
            let is_time = awaited.hear(&event);
            if awaited.0.is_empty() {
                extent = Extent::Everything;
            }
            // The next module may be the first that fails.
            if is_time || until == Until::News {
                sleep_until(quiet_until.min(deadline)).await;
                quiet_until = Instant::now() + REST;
                break;
            }
        }
    }
}

/// The members that have no result of this run yet, each with its plan.
#[derive(Debug, PartialEq, Eq)]
struct Awaited(BTreeSet<(PlanId, ModuleId)>);

impl Awaited {
    /// Takes in an event. Returns whether it is time to look again: not at each module, but at the last.
    fn hear(&mut self, event: &Event) -> bool {
        match event {
            Event::Interrupted => true,
            Event::Finished { plan, module } => {
                let before = self.0.len();
                self.0.retain(|(awaited_plan, awaited)| {
                    awaited_plan.as_str() != plan || module.as_ref().is_some_and(|module| awaited.as_str() != module)
                });
                self.0.is_empty() && before > 0
            }
        }
    }
}

/// Looks at the job's plans; tried again until `deadline`, and for `patience` from the first failure on.
async fn read(
    latest: &(dyn Fn() -> Job + Sync),
    live: &Live,
    extent: Extent,
    due: &mut Due,
    deadline: Instant,
    patience: Duration,
) -> Result<Look, ReadError> {
    let (mut pause, longest) = RETRY;
    let mut last_try = None;
    loop {
        let (settings, job) = (live.usable().await, latest());
        let error = match Look::take(&job, &settings, extent, due).await {
            Ok(look) => return Ok(look),
            Err(error) => error,
        };
        let last_try = *last_try.get_or_insert_with(|| deadline.max(Instant::now() + patience));
        if Instant::now() >= last_try {
            return Err(error);
        }
        log::warn!(JOB_ID = job.id.as_str(); "{error}; trying again in {} s", pause.as_secs());
        sleep_until(last_try.min(Instant::now() + pause)).await;
        pause = (pause * 2).min(longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn awaited(pairs: &[(&str, &str)]) -> Awaited {
        let pair = |(plan, module): &(&str, &str)| Some((PlanId::new(*plan)?, ModuleId::new(*module)?));
        Awaited(pairs.iter().filter_map(pair).collect())
    }

    fn finished(plan: &str, module: Option<&str>) -> Event {
        Event::Finished { plan: plan.into(), module: module.map(String::from) }
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
    fn an_interruption_is_worth_a_look_and_so_is_an_event_of_a_whole_plan() {
        assert!(awaited(&[("2", "mail1")]).hear(&Event::Interrupted));
        assert!(awaited(&[("2", "mail1"), ("2", "web2")]).hear(&finished("2", None)));
        assert!(!awaited(&[("2", "mail1"), ("3", "web2")]).hear(&finished("2", None)));
    }
}
