//! What restic, from 0.17 on, says of an operation that has failed and that it tries again. Pure.

/// What it says between the operation and the time until the next attempt, before the cause.
const RETRIED: &str = " returned error, retrying after ";
/// What it says between an operation that went well in the end and the number of attempts that failed.
const HEALED: &str = " operation successful after ";

/// Returns the operation that has failed and is tried again, as `line` says, and what stands behind that.
pub fn retried(line: &str) -> Option<(&str, &str)> {
    line.split_once(RETRIED)
}

/// Returns the operation that went well in the end, as `line` says.
pub fn healed(line: &str) -> Option<&str> {
    line.split_once(HEALED).map(|(operation, _)| operation)
}
