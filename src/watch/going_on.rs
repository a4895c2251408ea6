//! What to ask the logs about, and which elapses have no run of their own: by its log the run before went on. Pure.
//!
//! systemd does not start a service that runs already. Results show that only once the run is over, and never if it was
//! cut off.

use std::borrow::Cow;

use jiff::Timestamp;

use super::as_of::AsOf;
use super::memory::{Memory, PlanMemory};
use crate::config::Settings;
use crate::model::ended::{Open, Progress};
use crate::model::history::History;
use crate::model::plan::{ModuleId, Plan};
use crate::model::run::Assessment;
use crate::model::schedule::{Elapses, is_from};

/// A run that has lacked results for long.
pub struct Lacking<'a> {
    /// The plan, with what only its history knows.
    pub plan: Cow<'a, Plan>,
    /// What its results mean.
    pub assessment: Assessment,
    /// When the run was due.
    pub due: Timestamp,
}

/// Returns the run of `plan` that the logs are to be asked about at `now`, the one that went on
/// at the last look, or else the last, unless its absences were told already.
pub fn lacking<'a>(
    settings: &Settings,
    memory: &mut Memory,
    plan: &'a Plan,
    now: Timestamp,
    history: impl Fn() -> Option<History>,
) -> Option<Lacking<'a>> {
    let find = |memory: &Memory| {
        let known = memory.plans.get(&plan.id).filter(|known| known.is_watched(plan, now))?;
        // Nearly every plan has all results of its last run.
        let is_complete = |elapses: &Elapses| elapses.last().is_some_and(|last| !plan.lacks_results_since(last));
        let is_followed = known.goes_on.is_some() || known.due_before.is_some();
        if !is_followed && known.elapses.as_ref().is_some_and(is_complete) {
            return None;
        }
        let mut elapses = known.elapses.clone().unwrap_or_default();
        elapses.before.retain(|due| known.goes_on.is_none_or(|begun| *due <= begun));
        let as_of = AsOf::now(now, &elapses, Some(memory), settings.correlator.stale_after);
        let (plan, assessment) = as_of.assess(plan, &history);
        let due = assessment.due.or(known.due_before)?;
        // Also once that was told: by the next elapse it must be known whether the run goes on.
        let is_told = |id: &ModuleId| known.goes_on.is_none() && known.told_absent(id, due);
        let is_news = |id: &ModuleId| known.was_member(id, due) && !is_told(id);
        let open = Open::of(&plan, &assessment, None, settings.watch.grace, now);
        let is_asked = assessment.unsettled().iter().any(is_news) && open.is_some_and(|open| open.is_quiet());
        is_asked.then_some(Lacking { plan, assessment, due })
    };
    let begun = find(memory);
    if begun.is_some() {
        return begun;
    }
    let known = memory.plans.get_mut(&plan.id)?;
    known.goes_on.take().and_then(|_| find(memory))
}

impl PlanMemory {
    /// Notes how far the run that was due at `due` has come by its log, which says when the last run `began`. Returns
    /// whether a later run is to be asked about: this one went on at the last look, and does so no more.
    pub fn note_progress(&mut self, due: Timestamp, progress: Progress, began: Option<Timestamp>) -> bool {
        let went_on = self.goes_on.take().is_some();
        let elapses = self.own_elapses().before;
        let later = || elapses.iter().copied().filter(|time| *time > due);
        // The log since then may end with another run.
        let is_within = |time: &Timestamp| began.is_some_and(|began| !is_from(began, *time));
        if progress != Progress::Running || !later().all(|time| is_within(&time)) {
            return went_on && later().next().is_some();
        }
        self.goes_on = Some(due);
        self.skipped.extend(later());
        false
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_elapse_at_which_the_run_before_goes_on_has_no_run() {
        let at = |hour: i64| Timestamp::from_second(1_763_596_800 + hour * 3600).unwrap();
        let elapses = |last: i64| Elapses { before: (0..4).map(|n| at(last - n)).collect(), next: Some(at(last + 1)) };
        let mut known = PlanMemory { elapses: Some(elapses(5)), ..PlanMemory::new(at(0)) };
        let begun = Some(at(5) + Duration::from_secs(3));
        assert!(!known.note_progress(at(5), Progress::Running, begun));
        assert!(known.goes_on == Some(at(5)) && known.skipped.is_empty());
        known.elapses = Some(elapses(6));
        assert!(!known.note_progress(at(5), Progress::Running, begun));
        assert_eq!(known.own_elapses().before, [at(5), at(4), at(3)]);
        assert!(!known.note_progress(at(5), Progress::Over, begun), "no run is later");
        known.elapses = Some(elapses(7));
        for (progress, begun) in [(Progress::Over, begun), (Progress::Running, Some(at(7))), (Progress::Running, None)]
        {
            known.goes_on = Some(at(5));
            assert!(known.note_progress(at(5), progress, begun), "{progress:?} {begun:?}");
        }
        assert_eq!(known.own_elapses().before, [at(7), at(5), at(4)]);
    }
}
