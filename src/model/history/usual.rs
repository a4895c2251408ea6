//! What is usual for a module, and what is not.

use super::{History, ModuleRecord, RunRecord};
use crate::model::order::sort_by;
use crate::model::plan::ModuleId;
use crate::model::run::State;

/// Minimum number of runs for a median.
const ENOUGH: usize = 5;
/// Number of latest runs that are used.
const LOOK_BACK: usize = 14;

/// The median of a module's last successful runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usual {
    /// How long its backup takes, in seconds.
    pub seconds: Option<u64>,
    /// The size of a snapshot, in bytes.
    pub size: Option<u64>,
    /// The number of files in a snapshot.
    pub files: Option<u64>,
}

/// What can be unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// How long a backup takes, in seconds.
    Seconds,
    /// The size of a snapshot, in bytes.
    Size,
    /// The number of files in a snapshot.
    Files,
}

impl Quantity {
    const ALL: [Self; 3] = [Self::Seconds, Self::Size, Self::Files];

    fn of(self, part: &ModuleRecord) -> Option<u64> {
        match self {
            Self::Seconds => part.seconds,
            Self::Size => part.size,
            Self::Files => part.files,
        }
    }

    /// The smallest difference that is reported: ten minutes, 50 MiB, 500 files.
    fn negligible(self) -> u64 {
        match self {
            Self::Seconds => 600,
            Self::Size => 50 << 20,
            Self::Files => 500,
        }
    }
}

/// A quantity of a module's last backup that is at most half or at least double the usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unusual {
    /// Which one.
    pub quantity: Quantity,
    /// What it is.
    pub now: u64,
    /// The median of the successful runs before it.
    pub usual: u64,
}

impl History {
    /// Returns what is usual for `module`: the median of its last successful runs, from five on.
    pub fn usual(&self, module: &ModuleId) -> Usual {
        let usual = |quantity| median(&successes(&self.runs, module), quantity);
        Usual { seconds: usual(Quantity::Seconds), size: usual(Quantity::Size), files: usual(Quantity::Files) }
    }

    /// Returns what is unusual about the part of `module` in the last run, if that is a success.
    pub fn unusual(&self, module: &ModuleId) -> Vec<Unusual> {
        let Some((last, before)) = self.runs.split_last() else { return Vec::new() };
        let Some(part) = last.modules.get(module).filter(|part| part.state == State::Success) else {
            return Vec::new();
        };
        let before = successes(before, module);
        let far_off = |quantity: Quantity| {
            let (now, usual) = (quantity.of(part)?, median(&before, quantity)?);
            let far = now <= usual / 2 || now >= usual.saturating_mul(2);
            (far && now.abs_diff(usual) >= quantity.negligible()).then_some(Unusual { quantity, now, usual })
        };
        Quantity::ALL.into_iter().filter_map(far_off).collect()
    }

    /// Returns the size of the newest snapshot of `module`, in bytes, as it was last known.
    pub fn last_size(&self, module: &ModuleId) -> Option<u64> {
        self.runs.iter().rev().find_map(|run| run.modules.get(module)?.size)
    }

    /// Returns how long after its due time a run usually has its first result, in seconds: the median, from five runs
    /// on.
    pub fn usual_first_result(&self) -> Option<u64> {
        let delay = |run: &RunRecord| {
            let first = run.modules.values().filter_map(|part| part.end).min()?;
            u64::try_from(first.duration_since(run.due?).as_secs()).ok()
        };
        middle(self.runs.iter().rev().filter_map(delay).take(LOOK_BACK).collect())
    }
}

/// The last successful parts of `module` in `runs`.
fn successes<'a>(runs: &'a [RunRecord], module: &ModuleId) -> Vec<&'a ModuleRecord> {
    let parts = runs.iter().rev().filter_map(|run| run.modules.get(module));
    parts.filter(|part| part.state == State::Success).take(LOOK_BACK).collect()
}

fn median(parts: &[&ModuleRecord], quantity: Quantity) -> Option<u64> {
    middle(parts.iter().filter_map(|part| quantity.of(part)).collect())
}

fn middle(mut values: Vec<u64>) -> Option<u64> {
    sort_by(&mut values, Ord::cmp);
    (values.len() >= ENOUGH).then(|| values[values.len() / 2])
}
