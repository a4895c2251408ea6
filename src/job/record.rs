//! Keeps each plan's history as jobs see it: what a run's results were, and whether somebody was mailed about them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use log::warn;

use super::store::state_directory;
use crate::model::history::{History, RunRecord};
use crate::model::mail::Mail;
use crate::model::plan::Plan;
use crate::model::run::{Assessment, Outcome};
use crate::watch::history::Store;

/// Records what a plan's results say now. Returns the plan's history with this run in it; `None` if it cannot be used,
/// which the journal says and nothing waits for.
pub(super) async fn run(
    plan: &Plan,
    assessment: &Assessment,
    over: bool,
    missed: bool,
) -> Option<(History, RunRecord)> {
    let outcome = if missed { Outcome::Missed } else { assessment.outcome };
    let states = assessment.modules.iter().map(|(id, state)| (id, *state));
    let record = RunRecord::new(plan, assessment.due, Timestamp::now(), outcome, over, states);
    let (id, name, kept) = (plan.id.clone(), plan.name.clone(), record.clone());
    let recorded = tokio::task::spawn_blocking(move || {
        let store = Store::new(&state_directory());
        let written = store.record(&id, name.as_deref(), kept);
        written.and_then(|()| store.load(&id))
    });
    match recorded.await.map_err(|error| error.to_string()).and_then(|history| history.map_err(|e| e.to_string())) {
        Ok(history) => Some((history, record)),
        Err(error) => {
            warn!(BACKUP_ID = plan.id.as_str(); "the history is not used: {error}");
            None
        }
    }
}

/// Remembers that a recipient has the mail: the watch need not raise what it says.
pub(super) async fn reported(mail: &Mail) {
    let (Some(plan), Some(at)) = (mail.plan.clone(), mail.run_at) else { return };
    let marked = tokio::task::spawn_blocking(move || {
        let store = Store::new(&state_directory());
        let history = store.load(&plan)?;
        match history.runs.iter().rev().find(|run| run.at == at) {
            Some(run) if run.reported.is_none() => {
                store.record(&plan, None, RunRecord { reported: Some(Timestamp::now()), ..run.clone() })
            }
            _ => Ok(()),
        }
    });
    match marked.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(BACKUP_ID = mail.plan_field(); "the history does not remember this report: {error}"),
        Err(error) => warn!("{error}"),
    }
}

/// Returns how many runs in a row before this one failed or were missed after the last mail about a failure, if all is
/// well now and a failure was mailed.
pub(super) fn failed_before(history: &History) -> Option<usize> {
    history.trouble?;
    let before = history.runs.iter().rev().skip(1).take_while(|run| !run.is_good()).count();
    Some(before.max(1))
}

/// The values of the label `news` in a job's alerts.
pub(super) fn news(alerts: &crate::model::alert::Alerts) -> BTreeSet<&str> {
    alerts.kept.iter().filter_map(|alert| alert.labels.get("news").map(String::as_str)).collect()
}
