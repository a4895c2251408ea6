//! The head of the page: the verdict, whether it is final, and which run it is about.

use jiff::Timestamp;

use super::compose::{Composer, MAX_NAMES};
use super::{Block, Field, Mark, Verdict};
use crate::model::plan::Plan;
use crate::model::run::{Contradiction, Outcome};
use crate::model::time::is_ahead;
use crate::report::figures::{self, MAX_NAME, without_full_stop};
use crate::report::isolate::outside;
use crate::report::subject::{Nothing, bad_runs, cluster_backup, nothing};
use crate::report::{Finding, Interim, News, PlanFacts, outcome};

impl Composer<'_> {
    pub(super) fn verdict(&mut self) {
        let words = self.words;
        let sentence = match &self.report.finding {
            Finding::Plan(facts) => self.plan_verdict(facts),
            Finding::NothingRecent(window) => {
                let window = figures::duration(words, *window);
                if self.report.reads_again() { words.reads_again(&window) } else { words.nothing_recent(&window) }
            }
            Finding::Unreadable(_) => words.unreadable(),
        };
        let outcome = outcome(self.report);
        let is_in_doubt = self.report.plan().is_some_and(PlanFacts::doubts_cluster_backup);
        let mark = match outcome.into() {
            Mark::Good if is_in_doubt => Mark::Bad,
            mark => mark,
        };
        self.blocks.push(Block::Verdict(Verdict { mark, word: outcome.word(), sentence }));
    }

    /// The verdict on a plan in one sentence.
    fn plan_verdict(&self, facts: &PlanFacts) -> String {
        let (words, counts) = (self.words, &facts.assessment.counts);
        let total = self.count(counts.total());
        let sentence = match (outcome(self.report), facts.assessment.contradiction, facts.news) {
            (Outcome::Missed, _, Some(News::Missed { due })) => words.missed(&self.time(due), &total),
            (Outcome::Recovered, _, Some(News::Recovered { failed_runs: 0 })) => words.recovered_some_time(&total),
            (Outcome::Recovered, _, Some(News::Recovered { failed_runs })) => {
                words.recovered(&total, &bad_runs(words, facts, failed_runs))
            }
            (_, Some(Contradiction::PlanRecord), _) => words.record_differs(&total),
            (_, Some(Contradiction::Alert { .. }), _) => words.alert_differs(&total),
            (_, Some(Contradiction::Future), _) => words.future_differs(&total),
            _ => self.verdict_of_counts(facts),
        };
        let sentence = match cluster_backup(words, facts) {
            clause if clause.is_empty() => sentence,
            clause => format!("{}{clause}.", without_full_stop(&sentence)),
        };
        if self.report.interim.is_some() { words.so_far(&sentence) } else { sentence }
    }

    fn verdict_of_counts(&self, facts: &PlanFacts) -> String {
        let (words, counts, plan) = (self.words, &facts.assessment.counts, facts.plan);
        let total = self.count(counts.total());
        match (facts.assessment.outcome, counts.error, counts.absent()) {
            (Outcome::Success, ..) => words.all_succeeded(&total),
            (Outcome::RepoFailure, 0, 0) => self.why_nothing(plan),
            (Outcome::RepoFailure, 0, _) if plan.has_unreadable_results() => words.none_readable(&total),
            (Outcome::RepoFailure, 0, _) => words.none_ran(&total),
            (Outcome::Partial, failed, absent) => {
                let parts = [
                    (failed, words.count_failed(&self.count(failed))),
                    (absent, words.count_absent(&self.count(absent))),
                    (counts.success, words.count_succeeded(&self.count(counts.success))),
                ];
                let parts = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, part)| part);
                words.mixed(&total, &parts.collect::<Vec<_>>().join(", "))
            }
            _ => words.all_failed(&total),
        }
    }

    fn why_nothing(&self, plan: &Plan) -> String {
        match nothing(plan) {
            Nothing::NoMembers => self.words.no_modules(),
            Nothing::NoneThen => self.words.none_then(),
            Nothing::NoneAwaited => self.words.none_awaited(&self.count(plan.not_awaited.len())),
            _ if plan.status.is_some() => self.words.no_module_status(),
            Nothing::Unreadable => self.words.nothing_readable(),
            Nothing::NoResults => self.words.nothing_found(),
            Nothing::NotDefined => self.words.nothing_known(),
        }
    }

    /// What stands between the verdict and the particulars: whether it is final, and the probable causes.
    pub(super) fn first_notes(&self, facts: &PlanFacts) -> Vec<String> {
        let words = self.words;
        let mut notes = Vec::new();
        if outcome(self.report) == Outcome::Missed {
            notes.push(words.timers_do_not_catch_up());
        }
        notes.extend(self.causes(facts));
        let gone = facts.gone();
        if !gone.is_empty() {
            notes.push(words.no_longer_in_plan(&self.ids(gone)));
        }
        if facts.assessment.outcome == Outcome::Success {
            notes.extend(self.success_despite_the_alert(facts));
        }
        let unsettled = facts.assessment.unsettled();
        // Not those whose result is there, though it cannot be read.
        let without: Vec<_> = unsettled.iter().filter(|id| facts.plan.unreadable(id).is_none()).collect();
        if let Some(interim) = self.report.interim {
            notes.push(self.not_over(interim));
        } else if let Some(wait) = facts.gave_up_waiting_after
            && !without.is_empty()
        {
            notes.push(words.gave_up_waiting(&figures::duration(words, wait), &self.ids(without)));
        }
        if let Some(News::Hangs { since }) = facts.news
            && !unsettled.is_empty()
        {
            notes.push(words.hangs(&self.time(since)));
        }
        notes
    }

    /// Who is missing, when they should be done, and what follows.
    fn not_over(&self, interim: &Interim) -> String {
        let describe = |id: &crate::model::plan::ModuleId| {
            let name = outside(id.as_str(), MAX_NAME);
            // A time that has passed is no forecast.
            match interim.missing.get(id).copied().flatten().filter(|time| *time > self.report.now) {
                Some(time) => self.words.should_be_done(&name, &self.time(time)),
                None => name,
            }
        };
        let missing = self.words.not_over(&self.names(interim.missing.keys().collect(), MAX_NAMES, &describe));
        format!("{missing} {}", self.what_follows(interim))
    }

    pub(super) fn what_follows(&self, interim: &Interim) -> String {
        match interim.follows_until {
            Some(until) if !interim.missing.is_empty() => self.words.final_report(&self.time(until)),
            _ => self.words.another_report(),
        }
    }

    /// Which plan, which cluster, when; then `more`.
    pub(super) fn about(&mut self, more: Vec<Field>) {
        let plan = self.report.plan().map(|facts| facts.plan);
        let mut fields = Vec::new();
        if let Some(id) = self.report.plan_id() {
            let name = plan.and_then(|plan| plan.name.as_deref());
            fields.push(Field::new(self.words.label_plan(), self.named(id.as_str(), name)));
        }
        if let Some(cluster) = self.report.cluster {
            fields.push(Field::new(self.words.label_cluster(), outside(cluster, MAX_NAME)));
        }
        let written = figures::time_with_offset(self.report.now, &self.report.zone);
        let written = Field::new(self.words.label_written(), written);
        // The reason why nothing is known stands last, the times of a plan in their order.
        match plan {
            Some(_) => fields.extend(more.into_iter().chain([written])),
            None => fields.extend([written].into_iter().chain(more)),
        }
        self.blocks.push(Block::Fields(fields));
    }

    /// When the newest result ended: of those that are not dated in the future, if there are any.
    fn newest(&self, plan: &Plan) -> Option<Timestamp> {
        let ends = plan.results.values().filter_map(|result| result.end);
        ends.filter(|end| !is_ahead(*end, self.report.now)).max().or(plan.newest_end())
    }

    /// Which run of the plan.
    pub(super) fn about_plan(&self, facts: &PlanFacts) -> Vec<Field> {
        let words = self.words;
        let run = match facts.assessment.due {
            Some(due) => Some(words.run_since(&self.time(due))),
            None => (!facts.plan.results.is_empty()).then(|| words.run_by_age()),
        };
        let fields = [
            (words.label_run(), run),
            (words.label_newest(), self.newest(facts.plan).map(|newest| self.past(newest))),
            (words.label_next_run(), facts.next_run.map(|next| self.time(next))),
            (words.label_cluster_backup(), facts.cluster_backup.map(|newest| self.time_and_age(newest))),
        ];
        fields.into_iter().filter_map(|(label, value)| Some(Field::new(label, value?))).collect()
    }
}
