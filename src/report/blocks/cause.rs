//! What the log gives as the cause of a failure, what a look at the repository has shown since, and what to do there.

use super::compose::Composer;
use crate::model::plan::ModuleId;
use crate::model::reason::Cause;
use crate::model::repository::{Probes, Verdict};
use crate::report::PlanFacts;

impl Composer<'_> {
    /// The cause that the log shows for `module`, which is what was during the run. A fault of the repository that a
    /// look at it has not found again is over.
    pub(super) fn cause(&self, facts: &PlanFacts, module: &ModuleId) -> Option<String> {
        let words = self.words;
        Some(match cause(facts, module)? {
            Cause::Locked if is_unlocked(facts, module) => words.lock_is_gone(),
            Cause::LockDamaged if is_unlocked(facts, module) => words.damaged_lock_is_gone(),
            cause if keeps_out(cause) && look(facts, module, is_opened) => words.opens_now(&words.cause(cause)),
            cause => words.cause(cause),
        })
    }
}

/// Returns the arguments for restic that suit the cause; without a known one, those that list the snapshots.
pub(super) fn action(facts: &PlanFacts, module: &ModuleId) -> &'static [&'static str] {
    match cause(facts, module) {
        Some(Cause::Locked) if !is_unlocked(facts, module) => &["unlock"],
        Some(Cause::LockDamaged) if !is_unlocked(facts, module) => &["unlock", "--remove-all"],
        Some(Cause::Damaged) => &["check"],
        _ => &["snapshots"],
    }
}

fn cause(facts: &PlanFacts, module: &ModuleId) -> Option<Cause> {
    facts.reasons?.modules.get(module)?.cause
}

fn is_unlocked(facts: &PlanFacts, module: &ModuleId) -> bool {
    look(facts, module, |verdict| matches!(verdict, Verdict::Healthy { in_use: None, .. }))
}

fn is_opened(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Healthy { checked, .. } if checked.opened)
}

/// Whether a look at each repository of `module` has shown this.
fn look(facts: &PlanFacts, module: &ModuleId, shows: fn(&Verdict) -> bool) -> bool {
    let Probes::Done(probes) = facts.probes else { return false };
    let has_own = probes.iter().any(|probe| probe.module.as_ref() == Some(module));
    // Layout A has one repository for all modules.
    let whose = has_own.then_some(module);
    let mut verdicts = probes.iter().filter(|probe| probe.module.as_ref() == whose).map(|probe| &probe.verdict);
    verdicts.next().is_some_and(shows) && verdicts.all(shows)
}

/// Whether the cause keeps a repository from being opened.
fn keeps_out(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::WrongPassword
            | Cause::NoRepository
            | Cause::NameNotResolved
            | Cause::Refused
            | Cause::TimedOut
            | Cause::Tls
            | Cause::Unauthorized
            | Cause::Forbidden
            | Cause::ServerError
            | Cause::GatewayDown
            | Cause::Unreachable
    )
}
