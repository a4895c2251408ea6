//! Runs with a module that failed or has no result.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Watched;
use crate::model::ended::Progress;
use crate::model::history::RunRecord;
use crate::model::plan::ModuleId;
use crate::watch::news::{Kind, News, Subject};
use crate::watch::run::Run;

/// What is wrong with a run and the one before it.
struct Wrong {
    /// What failed, each with the end of its backup.
    errors: BTreeMap<Subject, Timestamp>,
    /// Members without a result of the run, which is over.
    absent: BTreeSet<ModuleId>,
    /// Members without a result of the run before, which this one has ended.
    left: BTreeSet<ModuleId>,
    /// When the run before was due.
    before: Option<Timestamp>,
}

impl Watched<'_> {
    /// Looks for failures and absences in `run` and the one before; `None` if there are none. Returns what is to be
    /// said of them, unless that was said, or will be said by others.
    pub(super) fn failed(&mut self, run: &Run<'_>, over: bool) -> Option<Option<News>> {
        let wrong = self.wrong(run, over);
        if wrong.errors.is_empty() && wrong.absent.is_empty() && wrong.left.is_empty() {
            return None;
        }
        let told = |id: &ModuleId| self.known.told_absent.get(id).copied();
        let is_left = wrong.left.iter().any(|id| told(id) < wrong.before) && self.is_unsaid(wrong.before);
        let is_absent = wrong.absent.iter().any(|id| told(id) < run.due);
        let failed = wrong.errors.iter().any(|(id, end)| self.is_untold(run, id, *end));
        let said =
            self.known.announced.iter().rev().find(|said| said.due == run.due && said.kind != Kind::ClusterBackup);
        let last_word_is_open = said.is_some_and(|said| !said.over);
        let is_news = if last_word_is_open { over || is_left } else { is_left || is_absent || failed };
        let newest = wrong.errors.values().copied().max().max(run.newest);
        if !is_news || (self.facts.in_queue)(&self.plan.id, newest) {
            return Some(None);
        }
        Some(self.announce_failed(run, over, wrong, is_left))
    }

    /// Whether the run that was due at `due` has had any result, and nobody was mailed about it or will be: no such mail
    /// waits for its relay. The results of the next run may have taken their place.
    fn is_unsaid(&self, due: Option<Timestamp>) -> bool {
        let is_it = |run: &&RunRecord| run.due == due && run.has_results();
        let said = |run: &RunRecord| (run.at, run.over && run.reported.is_some());
        let known = self.history().and_then(|history| history.runs.iter().find(is_it)).map(said);
        known.is_some_and(|(at, said)| !said && !(self.facts.in_queue)(&self.plan.id, Some(at)))
    }

    /// Whether nobody was mailed about the failure of `subject` at `end`, in `run` or the one before, or will be.
    fn is_untold(&self, run: &Run<'_>, subject: &Subject, end: Timestamp) -> bool {
        let is_new =
            self.known.told_errors.get(subject) != Some(&end) && !(self.facts.in_queue)(&self.plan.id, Some(end));
        let was_mailed = || match subject {
            Subject::Module(id) => self.history().is_some_and(|history| history.is_told(id, end)),
            Subject::Plan => false,
        };
        is_new && (run.errors.contains_key(subject) || !was_mailed())
    }

    fn wrong(&self, run: &Run<'_>, over: bool) -> Wrong {
        let before = self.preceding(run);
        // Without a due time nobody knows who should have a result by now.
        let absent = if over && run.due.is_some() { run.awaited() } else { BTreeSet::new() };
        let mut errors = run.errors.clone();
        let mut left = BTreeSet::new();
        if let Some(before) = &before {
            errors.extend(before.errors.iter().map(|(id, end)| (id.clone(), *end)));
            left = before.awaited();
        }
        Wrong { errors, absent, left, before: before.and_then(|run| run.due) }
    }

    fn announce_failed(&mut self, run: &Run<'_>, over: bool, wrong: Wrong, is_left: bool) -> Option<News> {
        let Wrong { mut errors, mut absent, left, before } = wrong;
        let mut older = errors.iter().filter(|(id, _)| !run.errors.contains_key(*id));
        let is_older = is_left || older.any(|(id, end)| self.is_untold(run, id, *end));
        errors.retain(|id, _| is_older || run.errors.contains_key(id));
        // By its log it is over: it does not hang.
        let has_ended = matches!(self.progress(), Progress::Over | Progress::NotStarted);
        let kind = if errors.is_empty() && !is_left && !has_ended { Kind::Hangs } else { Kind::Failed };
        let due = if is_older { before } else { run.due };
        if is_left {
            absent.extend(left);
        }
        let news = News { due, errors, absent, ..self.describe(kind, run, over) };
        if !is_older && self.is_reported(run.record(self.facts.now, over)) {
            self.known.told(&news.errors, &news.absent, news.due);
            self.known.note(news.announcement());
            self.known.troubled = true;
            return None;
        }
        Some(news)
    }
}
