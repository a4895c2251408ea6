//! Keeps each plan's history as jobs see it: what a run's results were, and whether somebody was mailed about them.

use jiff::Timestamp;
use log::warn;

use super::store::state_directory;
use crate::model::alert::{Alerts, Kind};
use crate::model::history::{History, RunRecord};
use crate::model::mail::{Mail, Recipient};
use crate::model::plan::Plan;
use crate::model::run::{Assessment, Outcome};
use crate::report::News;
use crate::watch::history::Histories;

/// Records what a plan's results say now. Returns the plan's history with this run in it, and that; `None` if it cannot
/// be used, which the journal says and nothing waits for, or if there is no such plan and no result of one.
pub(super) async fn run(plan: &Plan, record: RunRecord) -> Option<(History, RunRecord)> {
    if !plan.defined && !record.has_results() {
        return None;
    }
    let (id, name, kept) = (plan.id.clone(), plan.name.clone(), record.clone());
    let recorded =
        tokio::task::spawn_blocking(move || Histories::new(&state_directory()).record(&id, name.as_deref(), kept));
    match recorded.await.map_err(|error| error.to_string()).and_then(|history| history.map_err(|e| e.to_string())) {
        Ok(history) => {
            let record = history.recorded(record);
            Some((history, record))
        }
        Err(error) => {
            warn!(BACKUP_ID = plan.id.as_str(); "the history cannot be read: {error}");
            None
        }
    }
}

/// Returns the record of what a plan's results say at `now`, for a job with these alerts.
pub fn of(plan: &Plan, assessment: &Assessment, alerts: &Alerts, over: bool, now: Timestamp) -> RunRecord {
    let outcome = if is_missed(assessment, alerts) { Outcome::Missed } else { assessment.outcome };
    let mut states = assessment.modules.iter().map(|(id, state)| (id, *state));
    let record = RunRecord::new(plan, assessment.due, now, outcome, over, &mut states);
    RunRecord { previous_due: assessment.previous_due, ..record }
}

/// Whether the watch says that the run did not start, and there is no result of it.
fn is_missed(assessment: &Assessment, alerts: &Alerts) -> bool {
    alerts.have(Kind::Missed) && assessment.counts.success + assessment.counts.error == 0
}

/// Returns what the watch has found and still holds. `failed_runs` is what the function of that name returns; `recovery`
/// whether an all-clear is wanted.
pub fn finding(
    plan: &Plan,
    assessment: &Assessment,
    alerts: &Alerts,
    failed_runs: Option<usize>,
    recovery: bool,
) -> Option<News> {
    let believed = plan.results.iter().filter(|(id, _)| !plan.is_in_the_future(id));
    let newest = believed.filter_map(|(_, result)| result.end).max();
    let due = assessment.due.or_else(|| alerts.kept.iter().find_map(|alert| alert.starts_at));
    let found = match (assessment.outcome, due) {
        (Outcome::Success, _) => failed_runs.filter(|_| recovery).map(|failed_runs| News::Recovered { failed_runs }),
        (_, Some(due)) if is_missed(assessment, alerts) => Some(News::Missed { due }),
        (_, Some(due)) if alerts.have(Kind::Hangs) => Some(News::Hangs { since: newest.unwrap_or(due).max(due) }),
        _ => None,
    };
    found.or_else(|| alerts.have(Kind::ClusterBackup).then_some(News::ClusterBackup))
}

/// Returns the record of the run whose newest result ended at `at`, as reported at `now`; `None` if there is nothing to
/// change.
pub fn mark(history: &History, at: Timestamp, now: Timestamp) -> Option<RunRecord> {
    let run = history.runs.iter().rev().find(|run| run.at == at)?;
    run.reported.is_none().then(|| RunRecord { reported: Some(now), ..run.clone() })
}

/// Remembers which of these mails a recipient has: the watch need not raise what they say.
pub(super) async fn reported(mails: &[Mail]) {
    for mail in mails.iter().filter(|mail| mail.recipients.iter().any(Recipient::is_delivered)) {
        remember(mail).await;
    }
}

async fn remember(mail: &Mail) {
    let (Some(plan), Some(at)) = (mail.plan.clone(), mail.run_at) else { return };
    let marked = tokio::task::spawn_blocking(move || {
        let histories = Histories::new(&state_directory());
        match mark(&histories.load(&plan)?, at, Timestamp::now()) {
            Some(run) => histories.record(&plan, None, run).map(drop),
            None => Ok(()),
        }
    });
    match marked.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(BACKUP_ID = mail.plan_field(); "cannot record this report in the history: {error}"),
        Err(error) => warn!("{error}"),
    }
}

/// Returns how many runs in a row directly before this one failed or were missed, if all is well now, was not before,
/// and a failure was mailed, or there was no time to mail a missed run. There are none if nobody saw the run directly
/// before.
pub fn failed_runs(history: &History) -> Option<usize> {
    let is_untold = || history.is_untold_miss_before(history.runs.last().and_then(|run| run.due));
    if history.trouble.is_some() || is_untold() { history.recovered_from() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plan::PlanId;

    const NIGHT: i64 = 86_400;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_763_600_000 + seconds).unwrap()
    }

    /// A night's run, the night before being known.
    fn run(night: i64, outcome: Outcome) -> RunRecord {
        let plan = Plan::unknown(PlanId::new("2").unwrap());
        let (due, end) = (at(night * NIGHT), at(night * NIGHT + 600));
        let record = RunRecord::new(&plan, Some(due), end, outcome, true, &mut [].into_iter());
        RunRecord { previous_due: Some(at((night - 1) * NIGHT)), ..record }
    }

    fn history(runs: [RunRecord; 2]) -> History {
        let mut history = History::new(PlanId::new("2").unwrap());
        for run in runs {
            history.record(run);
        }
        history
    }

    #[test]
    fn a_success_is_a_recovery_only_if_the_failure_was_mailed() {
        let (failed, good) = (run(0, Outcome::Partial), run(1, Outcome::Success));
        let mailed = RunRecord { reported: Some(at(900)), ..failed.clone() };
        assert_eq!(failed_runs(&history([mailed, good.clone()])), Some(1));
        assert_eq!(failed_runs(&history([failed, good])), None);
    }

    #[test]
    fn a_run_that_hangs_had_its_last_result_in_the_past() {
        use crate::model::alert::Alert;
        use crate::model::plan::{Damage, Entry, Fault, ModuleId, ModuleResult};
        use crate::model::run::{RunRule, assess};
        let [mail, web] = ["mail1", "web1"].map(|id| ModuleId::new(id).unwrap());
        let mut plan = Plan::unknown(PlanId::new("2").unwrap());
        plan.members = Some([mail.clone(), web.clone(), ModuleId::new("wiki1").unwrap()].into());
        plan.results =
            [(mail, ModuleResult::sample(at(5), at(60), 0)), (web.clone(), ModuleResult::sample(at(5), at(NIGHT), 0))]
                .into();
        plan.damaged = vec![Damage { entry: Entry::Result(web), fault: Fault::InTheFuture }];
        let rule = RunRule { due: &[at(0)], ..RunRule::default() };
        let labels = [("raised_by", "ns8-backup-monitor-watch"), ("news", "hangs")];
        let labels = labels.map(|(name, value)| (name.into(), value.into())).into();
        let alert = Alert { name: "backup_failed".into(), labels, annotations: [].into(), starts_at: Some(at(0)) };
        let alerts = Alerts { kept: vec![alert], left_out: 0 };
        let found = finding(&plan, &assess(&plan, &rule, at(900)), &alerts, None, true);
        assert_eq!(found, Some(News::Hangs { since: at(60) }));
    }

    #[test]
    fn a_run_is_marked_as_reported_once() {
        let (failed, good) = (run(0, Outcome::Partial), run(1, Outcome::Success));
        let mailed = RunRecord { reported: Some(at(900)), ..failed.clone() };
        let known = history([mailed, good.clone()]);
        let marked = mark(&known, good.at, at(NIGHT + 900));
        assert_eq!(marked.and_then(|run| run.reported), Some(at(NIGHT + 900)));
        assert_eq!(mark(&known, failed.at, at(NIGHT + 900)), None);
    }
}
