//! The file format, version 1. It names each module once, and a module's part in a run is a short list: 60 runs of
//! 2,000 modules are some 4 MB.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use super::{History, MAX_RUNS, ModuleRecord, RunRecord};
use crate::model::plan::{ModuleId, PlanId};
use crate::model::run::{Outcome, State};

const NO_PART: &str = "a run names a module that is no part of it";

/// A history as it stands in its file. Members that a later version adds are passed over.
#[derive(Serialize, Deserialize)]
pub(super) struct File {
    version: u32,
    plan: PlanId,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    trouble: Option<Timestamp>,
    modules: Vec<ModuleId>,
    runs: Vec<Run>,
}

#[derive(Serialize, Deserialize)]
struct Run {
    due: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_due: Option<Timestamp>,
    at: Timestamp,
    outcome: Outcome,
    #[serde(default = "yes")]
    over: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reported: Option<Timestamp>,
    parts: Vec<Part>,
    /// The place in `modules` of each module without a result whose last backup was good, and the end of that in
    /// seconds before the run's `at`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    good_before: Vec<(u32, i64)>,
    /// The place in `modules` of each module that failed, and the number of errors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    errors: Vec<(u32, i64)>,
    /// The place in `modules` of each module that failed, and the number of its node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    nodes: Vec<(u32, i64)>,
    /// The place in `modules` of each module whose snapshot was written although it is no success, and 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    written: Vec<(u32, i64)>,
}

/// The module's place in `modules`, its state, the end in seconds before the run's `at`, the duration in seconds, the
/// size in bytes, the number of files.
#[derive(Serialize, Deserialize)]
struct Part(u32, Letter, Option<i64>, Option<u64>, Option<u64>, Option<u64>);

#[derive(Serialize, Deserialize)]
enum Letter {
    #[serde(rename = "e")]
    Error,
    #[serde(rename = "o")]
    Stale,
    #[serde(rename = "m")]
    Missing,
    #[serde(rename = "s")]
    Success,
}

fn yes() -> bool {
    true
}

impl Serialize for History {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        File::from(self).serialize(serializer)
    }
}

impl From<&History> for File {
    fn from(history: &History) -> Self {
        let mut places: BTreeMap<&ModuleId, u32> = BTreeMap::new();
        for id in history.runs.iter().flat_map(|run| run.modules.keys()) {
            places.insert(id, 0);
        }
        (0..).zip(places.values_mut()).for_each(|(place, known)| *known = place);
        let part = |run: &RunRecord, (id, part): (&ModuleId, &ModuleRecord)| {
            let letter = match part.state {
                State::Error => Letter::Error,
                State::Stale => Letter::Stale,
                State::Missing => Letter::Missing,
                State::Success => Letter::Success,
            };
            let before = part.end.map(|end| run.at.duration_since(end).as_secs());
            Part(places[id], letter, before, part.seconds, part.size, part.files)
        };
        let list = |run: &RunRecord, value: &dyn Fn(&ModuleRecord) -> Option<i64>| -> Vec<(u32, i64)> {
            run.modules.iter().filter_map(|(id, part)| Some((places[id], value(part)?))).collect()
        };
        let run = |run: &RunRecord| Run {
            due: run.due,
            previous_due: run.previous_due,
            at: run.at,
            outcome: run.outcome,
            over: run.over,
            reported: run.reported,
            parts: run.modules.iter().map(|module| part(run, module)).collect(),
            good_before: list(run, &|part| Some(run.at.duration_since(part.good_before?).as_secs())),
            errors: list(run, &|part| (part.errors > 0).then_some(part.errors.into())),
            nodes: list(run, &|part| part.node),
            written: list(run, &|part| part.snapshot_written.then_some(1)),
        };
        let runs = history.runs.iter().map(run).collect();
        let modules = places.keys().map(|id| (*id).clone()).collect();
        Self {
            version: history.version,
            plan: history.plan.clone(),
            name: history.name.clone(),
            trouble: history.trouble,
            modules,
            runs,
        }
    }
}

impl TryFrom<File> for History {
    type Error = &'static str;

    fn try_from(file: File) -> Result<Self, Self::Error> {
        let modules: HashMap<u32, ModuleId> = (0..).zip(file.modules).collect();
        let mut runs = Vec::with_capacity(file.runs.len().min(MAX_RUNS + 1));
        for run in file.runs.into_iter().take(MAX_RUNS) {
            let mut parts = BTreeMap::new();
            let id = |place: u32| modules.get(&place).ok_or("a run names a module that is not listed");
            let time = |before: i64| {
                let second = run.at.as_second().checked_sub(before).ok_or("a time is out of range")?;
                Timestamp::from_second(second).map_err(|_| "a time is out of range")
            };
            for Part(place, letter, before, seconds, size, files) in run.parts {
                let end = before.map(time).transpose()?;
                let state = match letter {
                    Letter::Error => State::Error,
                    Letter::Stale => State::Stale,
                    Letter::Missing => State::Missing,
                    Letter::Success => State::Success,
                };
                // Earlier versions kept the starting values of a failure, which are no size.
                let was_read = state != State::Error || size != Some(0);
                let [size, files] = [size, files].map(|figure| figure.filter(|_| was_read));
                let part = ModuleRecord { state, end, seconds, size, files, ..ModuleRecord::default() };
                parts.insert(id(place)?.clone(), part);
            }
            for (place, before) in run.good_before {
                parts.get_mut(id(place)?).ok_or(NO_PART)?.good_before = Some(time(before)?);
            }
            for (place, errors) in run.errors {
                parts.get_mut(id(place)?).ok_or(NO_PART)?.errors = errors.try_into().unwrap_or(u32::MAX);
            }
            for (place, node) in run.nodes {
                parts.get_mut(id(place)?).ok_or(NO_PART)?.node = Some(node);
            }
            for (place, written) in run.written {
                parts.get_mut(id(place)?).ok_or(NO_PART)?.snapshot_written = written == 1;
            }
            let Run { due, previous_due, at, outcome, over, reported, .. } = run;
            runs.push(RunRecord { due, previous_due, at, outcome, over, reported, modules: parts });
        }
        Ok(Self { version: file.version, plan: file.plan, name: file.name, trouble: file.trouble, runs })
    }
}
