//! Whether a run that has had no result for long is over: by its log, or because it has been quiet for too long.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::examine::{progress, sources};
use super::look::Look;
use super::store::state_directory;
use crate::config::Settings;
use crate::model::ended::{Open, Progress};
use crate::model::plan::Plan;
use crate::model::run::Assessment;
use crate::watch::history::Histories;

/// How often the logs are read.
const AGAIN: Duration = Duration::from_secs(300);

/// Knows when the logs were last asked.
#[derive(Debug)]
pub(super) struct Ended {
    asked_at: Option<Instant>,
    /// When the wait began, by both clocks: one that is set meanwhile ends no wait.
    began: (Instant, Timestamp),
}

impl Ended {
    pub(super) fn new() -> Self {
        Self { asked_at: None, began: (Instant::now(), Timestamp::now()) }
    }

    fn now(&self) -> Timestamp {
        let (began, at) = self.began;
        at.saturating_add(began.elapsed()).unwrap_or(at)
    }

    /// Returns whether no plan of `look` that is awaited will have a further result.
    pub(super) async fn all(&mut self, look: &Look, settings: &Settings) -> bool {
        let awaited = look.awaited();
        let is_awaited = |plan: &Plan| awaited.iter().any(|(id, _)| *id == plan.id);
        let open: Vec<_> = look.plans().filter(|(plan, _)| is_awaited(plan)).collect();
        let is_quiet = |(plan, assessment): &(&Plan, &Assessment)| {
            Open::of(plan, assessment, None, settings.watch.grace, self.now()).is_some_and(|open| open.is_quiet())
        };
        if !open.iter().all(is_quiet) || self.asked_at.is_some_and(|asked_at| asked_at.elapsed() < AGAIN) {
            return false;
        }
        let mut sources = sources(look.cluster.loki.as_ref());
        for (plan, assessment) in open {
            let (progress, _) = progress(&mut sources, plan, assessment).await;
            if !is_over(plan, assessment, progress, settings, self.now()).await {
                self.asked_at = Some(Instant::now());
                return false;
            }
        }
        true
    }
}

async fn is_over(
    plan: &Plan,
    assessment: &Assessment,
    progress: Progress,
    settings: &Settings,
    now: Timestamp,
) -> bool {
    let id = plan.id.clone();
    let history = tokio::task::spawn_blocking(move || Histories::new(&state_directory()).load(&id).ok());
    let history = history.await.ok().flatten();
    let open = Open::of(plan, assessment, history.as_ref(), settings.watch.grace, now);
    open.is_some_and(|open| open.is_over(progress))
}
