//! The way out for mails, as the configuration and the cluster have it now.

use crate::cluster;
use crate::config::Settings;
use crate::deliver::{SendError, Way};

/// Returns the configured way. Reads the cluster's smarthost if it depends on that.
///
/// # Errors
/// Returns an error as [`Way::new`] does.
pub async fn way(settings: &Settings) -> Result<Way, SendError> {
    let smarthost = match Way::needs_smarthost(&settings.notification) {
        true => cluster::smarthost(&settings.redis).await,
        false => Ok(None),
    };
    Way::new(&settings.notification, smarthost)
}
