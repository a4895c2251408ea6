//! Tells whether two reports say the same.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Finding, PlanFacts, Report, outcome};
use crate::model::run::Outcome;

/// SHA-256, in hex, of what the report says about the plan: outcome, each module's state and result, and whether the
/// cluster's own backup is in doubt.
///
/// RECOVERED and SUCCESS say the same: a repetition of the old alert brings no SUCCESS after the all-clear. Wording,
/// the time of writing and the probes do not count, nor does the alert where there are results of this run: a repeated
/// alert about the same results makes the same digest, a new run's results make another one. A run that has left none
/// is only known by its alerts.
pub fn digest(report: &Report) -> String {
    let outcome = match outcome(report) {
        Outcome::Recovered => Outcome::Success,
        other => other,
    };
    let mut facts = Array::new();
    facts.push(json!(outcome));
    let mut has_results = false;
    if let Finding::Plan(plan_facts @ PlanFacts { plan, assessment, .. }) = &report.finding {
        has_results = assessment.counts.success + assessment.counts.error > 0;
        facts.push(json!([plan.id, plan.status]));
        for (module, state) in &assessment.modules {
            let result = plan.results.get(module).map(|result| (result.end, result.errors, result.snapshots_count));
            facts.push(json!([module, state, result]));
        }
        if plan_facts.doubts_cluster_backup() {
            facts.push(json!("cluster backup"));
        }
    }
    if !has_results {
        let alerts: BTreeSet<_> = report.alerts.iter().map(|alert| (&alert.labels, alert.starts_at)).collect();
        facts.push(json!(alerts));
    }
    facts.end()
}

/// The SHA-256 of a JSON array, of which only one value is in memory at a time.
struct Array {
    hash: Sha256,
    separator: &'static str,
}

impl Array {
    fn new() -> Self {
        Self { hash: Sha256::new(), separator: "[" }
    }

    fn push(&mut self, value: Value) {
        self.hash.update(std::mem::replace(&mut self.separator, ","));
        self.hash.update(value.to_string());
    }

    fn end(mut self) -> String {
        self.hash.update("]");
        hex(&self.hash.finalize())
    }
}

/// The SHA-256 of `text`, in hex.
pub(super) fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
