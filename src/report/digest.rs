//! Tells whether two reports say the same.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Finding, Report, outcome_word};

/// SHA-256, in hex, of what the report says about the plan: outcome, and each module's state and result.
///
/// Wording, the time of writing, the alert and the probes do not count: a repeated alert about the same results makes
/// the same digest, a new run's results make another one.
pub fn digest(report: &Report) -> String {
    let mut facts = vec![json!(outcome_word(report))];
    if let Finding::Plan { plan, assessment, .. } = &report.finding {
        facts.push(json!(plan.id));
        for (module, state) in &assessment.modules {
            let result = plan.results.get(module).map(|result| (result.end, result.errors, result.snapshots_count));
            facts.push(json!([module, state, result]));
        }
    }
    sha256(&json!(facts).to_string())
}

/// The SHA-256 of `text`, in hex.
pub(crate) fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
