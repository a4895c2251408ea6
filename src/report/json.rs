//! The report for scripts.

use super::{Report, outcome_word};

/// The report as JSON.
pub fn json(report: &Report) -> serde_json::Value {
    serde_json::json!({ "version": 1, "outcome": outcome_word(report) })
}
