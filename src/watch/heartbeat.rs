//! Requests `notification.heartbeat_url`, so that somebody else notices when this program falls silent.
//!
//! Whoever knows the address can send signs of life: it is in no message.

use std::time::Duration;

use crate::system::http;

/// How long the request may take as a whole.
const LIMIT: Duration = Duration::from_secs(20);
/// Largest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 << 10;

/// Requests `url` once.
///
/// # Errors
/// Returns an error in words if the answer is not 2xx, or does not come within 20 seconds.
pub async fn beat(url: &str) -> Result<(), String> {
    let (status, _) = http::get(url, MAX_ANSWER, LIMIT).await?;
    if status.is_success() { Ok(()) } else { Err(format!("it answers {status}")) }
}
