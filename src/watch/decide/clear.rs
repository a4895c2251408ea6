//! Runs without a failure, and the cluster backup.

use std::time::Duration;

use super::Watched;
use crate::model::history::History;
use crate::model::schedule::is_from;
use crate::watch::memory::Announced;
use crate::watch::news::{Kind, News};
use crate::watch::run::Run;

/// Without a schedule, results that have not changed for this long are those of a whole run.
const SETTLED: Duration = Duration::from_secs(1800);

impl Watched<'_> {
    /// The news that all is well again or, if every run is to be mailed, that all is well. `run` has no failure.
    pub(super) fn all_clear(&mut self, run: &Run<'_>) -> Option<News> {
        let whole = match run.due {
            Some(_) => run.has_started() && run.awaited().is_empty(),
            None => run.is_good() && self.age(self.known.changed_at) >= SETTLED,
        };
        if self.known.settled == Some(self.known.results) || !whole || self.plan.has_success_in_the_future() {
            return None;
        }
        if (self.facts.in_queue)(&self.plan.id, run.newest) {
            return None;
        }
        let kind = self.kind_of_success(run);
        // Without a module that failed in it and has left the plan, a run is none the better; nor by what ran before.
        let record = run.record(self.facts.now, true);
        let is_good = self.history().is_none_or(|history| {
            let bad = history.runs.iter().rev().find(|run| run.is_bad());
            history.recorded(record).is_good() && bad.is_none_or(|bad| run.newest >= Some(bad.due.unwrap_or(bad.at)))
        });
        let news = kind.map(|kind| self.describe(kind, run, true)).filter(|_| is_good && !self.is_said(run));
        // A mail about a failure that still waits for its relay makes this run a recovery.
        if news.is_none() && !(self.facts.in_queue)(&self.plan.id, None) {
            self.known.troubled &= !is_good;
            self.known.settled = Some(self.known.results);
        }
        news
    }

    fn kind_of_success(&self, run: &Run<'_>) -> Option<Kind> {
        let notification = &self.facts.settings.notification;
        let is_bad = |history: &History| history.trouble.is_some() || history.is_untold_miss_before(run.due);
        let troubled = self.known.troubled || self.history().is_some_and(is_bad);
        match troubled && notification.recovery {
            true => Some(Kind::Recovered),
            // The runs before the watch first saw the plan are nobody's concern.
            false => (notification.success && run.newest > Some(self.known.since)).then_some(Kind::Success),
        }
    }

    /// Whether the all-clear for this run was given. A module that failed since, in a run by hand, has taken it back;
    /// and a whole run by hand that began long after is another one.
    fn is_said(&self, run: &Run<'_>) -> bool {
        let idle = self.facts.settings.correlator.stale_after;
        let until = |said: &Announced| said.newest.zip(idle).and_then(|(newest, idle)| newest.checked_add(idle).ok());
        let is_it = |said: &&Announced| {
            let is_of_run = match run.due {
                Some(_) => until(said).is_none_or(|until| run.newest < Some(until)),
                None => said.newest == run.newest,
            };
            said.due == run.due && is_of_run && said.kind != Kind::ClusterBackup
        };
        let last = self.known.announced.iter().rev().find(is_it);
        last.is_some_and(|said| matches!(said.kind, Kind::Recovered | Kind::Success))
            || self.is_reported(run.record(self.facts.now, true))
    }

    /// The news that two runs have not written the cluster backup: it is older than the last but one of those that were
    /// due `watch.grace` ago.
    pub(super) fn cluster_backup(&self) -> Option<News> {
        let made = (self.facts.cluster_backup)(&self.plan.id)?;
        let (grace, elapses) = (self.facts.settings.watch.grace, &self.elapses.before);
        let before = match elapses.iter().skip_while(|due| self.age(**due) < grace).nth(1) {
            // A plan that runs more often has had many.
            None if elapses.len() > 2 => elapses.last(),
            before => before,
        }?;
        let is_old = !is_from(made, *before) && self.age(made) >= grace && *before > self.known.since;
        let said = self.known.last(Kind::ClusterBackup).is_some_and(|said| said.newest == Some(made));
        // A waiting job has news of its own, and a mail holds one finding.
        let is_awaited = (self.facts.in_queue)(&self.plan.id, Some(self.facts.now));
        if said || is_awaited || !is_old {
            return None;
        }
        let news = self.describe(Kind::ClusterBackup, &self.read(self.elapses.last()), true);
        Some(News { newest: Some(made), ..news })
    }
}
