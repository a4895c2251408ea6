//! Decides what is news. Pure: the clock, the results, the queue and the histories are handed in.
//!
//! A run has four ways to be news: a module failed; the run did not start; it started and does not end; it has no
//! failure after one that was reported. What is news once is none again: each failure of a module is known by the end
//! of its backup, each absence by when the run was due. A job that is in the queue, or a report in the history, says it
//! as well as the watch could.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::meet::fingerprint;
use super::memory::{Memory, PlanMemory};
use super::news::{Kind, News};
use super::run::Run;
use crate::config::Settings;
use crate::model::ended::{Open, Progress};
use crate::model::history::{History, RunRecord};
use crate::model::plan::{Plan, PlanId};
use crate::model::schedule::Elapses;
use crate::model::time::age;

mod clear;
mod failed;
mod missed;

/// What the watch knows beside its own memory.
pub struct Facts<'a> {
    /// The time.
    pub now: Timestamp,
    /// The configuration.
    pub settings: &'a Settings,
    /// Every plan of the cluster.
    pub plans: &'a [Plan],
    /// Whether a job in the queue reports the results of this plan up to this time.
    pub in_queue: &'a dyn Fn(&PlanId, Option<Timestamp>) -> bool,
    /// How far the current run of a plan has come, as its log says; asked only if it lacks results for long.
    pub progress: &'a dyn Fn(&PlanId) -> Progress,
    /// The history of a plan; asked only if it is needed.
    pub history: &'a dyn Fn(&PlanId) -> Option<History>,
    /// When the newest cluster backup at the destination of this plan was made; `None` if it is not known.
    pub cluster_backup: &'a dyn Fn(&PlanId) -> Option<Timestamp>,
}

/// What came out.
#[derive(Debug, Default)]
pub struct Decided {
    /// The news, at most one of each plan. [`Memory::announced`] notes each once it has been posted.
    pub news: Vec<News>,
    /// Runs to be put into the history, each with the plan's id and name.
    pub records: Vec<(PlanId, Option<String>, RunRecord)>,
}

/// Decides what is news, and notes in `memory` what others have reported.
pub fn decide(facts: &Facts<'_>, memory: &mut Memory) -> Decided {
    let mut decided = Decided::default();
    for plan in facts.plans.iter().filter(|plan| !plan.lacks_definition()) {
        if let Some(known) = memory.plans.get_mut(&plan.id)
            && !known.members.is_empty()
            && known.is_watched(plan, facts.now)
        {
            let is_due = |due: Timestamp| move |run: &RunRecord| run.due == Some(due);
            let is_on_record =
                |due| (facts.history)(&plan.id).is_some_and(|history| history.runs.iter().any(is_due(due)));
            known.date_back(plan, is_on_record);
            let elapses = known.own_elapses();
            let due = known.last_due_before().or_else(|| elapses.of_runs(plan).take(2).last());
            let recalled = due.and_then(|due| recall(plan, due, facts));
            let plan = recalled.as_ref().unwrap_or(plan);
            let (news, records) = Watched { plan, facts, known, elapses, history: OnceCell::new() }.news();
            decided.news.extend(news);
            let named = |record| (plan.id.clone(), plan.name.clone(), record);
            decided.records.extend(records.into_iter().map(named));
        }
    }
    decided
}

/// Returns `plan` with the results since `due` that only its history knows, if there are any.
fn recall(plan: &Plan, due: Timestamp, facts: &Facts<'_>) -> Option<Plan> {
    plan.lacks_results_since(due).then(|| (facts.history)(&plan.id)?.recall(plan, due, facts.now)).flatten()
}

/// A plan that is watched, and what is known of it.
struct Watched<'a> {
    plan: &'a Plan,
    facts: &'a Facts<'a>,
    known: &'a mut PlanMemory,
    elapses: Elapses,
    /// Read at most once.
    history: OnceCell<Option<History>>,
}

impl<'a> Watched<'a> {
    /// The news, and what is to be put into the history.
    fn news(&mut self) -> (Option<News>, Vec<RunRecord>) {
        let run = self.current_run();
        let over = run.has_started() && (run.awaited().is_empty() || self.is_ended(&run));
        let missed = self.missed();
        let records = self.records(&run, over, missed);
        let news = match missed {
            Some(due) => self.announce_missed(&run, due),
            None => match self.failed(&run, over) {
                // While a run goes on, a job may follow it: one mail at a time.
                Some(news) => news.or_else(|| self.cluster_backup().filter(|_| over)),
                None => self.cluster_backup().or_else(|| self.all_clear(&run)),
            },
        };
        (news, records)
    }

    fn read(&self, due: Option<Timestamp>) -> Run<'a> {
        Run::read(self.plan, due, self.facts.now, self.facts.settings.correlator.stale_after, &self.known.newcomers)
    }

    /// The last run that has results. A due time counts only from the moment the plan was first seen with this
    /// schedule: for earlier ones, results that belong together are one run.
    fn current_run(&self) -> Run<'a> {
        let first = self.elapses.of_run(self.plan);
        let older = self.elapses.of_runs(self.plan).filter(|due| Some(*due) < first);
        let counts = |due: &Timestamp| *due > self.known.since;
        let mut runs = first.into_iter().chain(older).take_while(counts).map(|due| self.read(Some(due)));
        let started = runs.find(Run::has_started);
        let before = || self.known.due_before.map(|due| self.read(Some(due))).filter(Run::has_started);
        started.or_else(before).unwrap_or_else(|| self.read(None))
    }

    /// The run before `run`, if it counts.
    fn preceding(&self, run: &Run<'_>) -> Option<Run<'a>> {
        let mut older = self.elapses.of_runs(self.plan).filter(|due| Some(*due) < run.due);
        let due = older.next().filter(|due| *due > self.known.since)?;
        // Whatever ran since: a member without any of it had no result of the run before either.
        Some(Run::read(self.plan, Some(due), self.facts.now, None, &self.known.newcomers))
    }

    /// Whether a run that has started will have no further result, or has had none for much longer than the modules
    /// that are absent usually take.
    fn is_ended(&self, run: &Run<'_>) -> bool {
        let (absent, grace, now) = (run.awaited(), self.facts.settings.watch.grace, self.facts.now);
        let open = Open::new(self.plan, &absent, run.newest, run.due, self.history(), grace, now);
        open.is_some_and(|open| open.is_over(self.progress()) || open.is_far_too_late)
    }

    fn progress(&self) -> Progress {
        (self.facts.progress)(&self.plan.id)
    }

    /// What is to be put into the history, whenever there is something new to put.
    fn records(&mut self, run: &Run<'_>, over: bool, missed: Option<Timestamp>) -> Vec<RunRecord> {
        // A success that is dated ahead becomes a good one by the passing of time alone.
        let ahead = self.plan.has_success_in_the_future();
        let state = Some(fingerprint(&(self.known.results, run.due, over, missed, ahead)));
        if self.known.recorded == state {
            return Vec::new();
        }
        self.known.recorded = state;
        let results = run.has_started().then(|| run.record(self.facts.now, over));
        let missed = missed.map(|due| match (self.read(Some(due)), self.progress()) {
            // By its log it began, and was cut off.
            (run, Progress::Over) => run.record(self.facts.now, true),
            (run, _) => run.record_missed(self.facts.now),
        });
        let records = results.into_iter().chain(missed);
        records.map(|record| RunRecord { previous_due: self.previous_due(&record), ..record }).collect()
    }

    /// When the plan was due before `run`, as far as that counts, or until when nobody saw what ran before it.
    fn previous_due(&self, run: &RunRecord) -> Option<Timestamp> {
        let counts = |time: &Timestamp| *time > self.known.since && Some(*time) < run.due;
        let unseen_until = self.known.unseen_until.filter(|until| run.due.unwrap_or(run.at) <= *until);
        self.elapses.before.iter().copied().find(counts).or(unseen_until)
    }

    fn describe(&self, kind: Kind, run: &Run<'_>, over: bool) -> News {
        News {
            plan: self.plan.id.clone(),
            name: self.plan.name.clone(),
            kind,
            due: run.due,
            over,
            newest: run.newest,
            at: self.facts.now,
            errors: BTreeMap::new(),
            absent: BTreeSet::new(),
        }
    }

    /// Whether somebody was mailed about this very run, as it is now.
    fn is_reported(&self, run: RunRecord) -> bool {
        let Some(history) = self.history() else { return false };
        let run = history.recorded(run);
        let is_it = |known: &RunRecord| {
            // Before the clock was set back, it was another day.
            let mailed = known.reported.is_some_and(|at| at <= self.facts.now);
            let same_run = match (known.due, run.due) {
                // A run by hand since then has the same due time.
                (Some(due), Some(of_run)) => due == of_run && (known.at == run.at || !known.has_results()),
                _ => known.at == run.at,
            };
            let says_it = known.is_good() == run.is_good() && (known.over || !run.over);
            mailed && same_run && says_it && known.troubles().eq(run.troubles())
        };
        history.runs.iter().any(is_it)
    }

    fn history(&self) -> Option<&History> {
        self.history.get_or_init(|| (self.facts.history)(&self.plan.id)).as_ref()
    }

    /// How long ago `time` is; nothing if it lies ahead.
    fn age(&self, time: Timestamp) -> Duration {
        age(time, self.facts.now)
    }
}

#[cfg(test)]
mod tests;
