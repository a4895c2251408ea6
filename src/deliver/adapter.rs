//! The calls of before [`Way`]: each reads the cluster's smarthost itself. They go as soon as their callers pass it in.

use super::error::SendError;
use super::way::Way;
use crate::cluster;
use crate::config::Settings;
use crate::model::mail::Mail;

/// Hands `mail` to `recipient`, one of its recipients, by the configured way; returns the relay's answer.
///
/// # Errors
/// Returns an error as [`Way::new`] and [`Way::send`] do.
pub async fn send(settings: &Settings, mail: &Mail, recipient: &str) -> Result<String, SendError> {
    way(settings).await?.send(&settings.notification, mail, recipient).await
}

/// Tries the configured way without sending anything.
///
/// # Errors
/// Returns an error as [`Way::new`] and [`Way::check`] do.
pub async fn check(settings: &Settings) -> Result<(String, Option<String>), SendError> {
    way(settings).await?.check(&settings.notification).await
}

async fn way(settings: &Settings) -> Result<Way, SendError> {
    let smarthost = match Way::needs_smarthost(&settings.notification) {
        true => cluster::smarthost(&settings.redis).await,
        false => Ok(None),
    };
    Way::new(&settings.notification, smarthost)
}
