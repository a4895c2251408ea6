//! The way out for mails, as the configuration and the cluster have it now.

use crate::cluster;
use crate::config::Settings;
use crate::deliver::{SendError, Way};
use crate::model::mail::Mail;

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

/// Hands `mail` to `to`, one of its recipients, by `way`; returns the relay's answer.
///
/// # Errors
/// Returns why there is no way, or an error as [`Way::send`] does.
pub async fn hand_over(
    way: &Result<Way, SendError>,
    settings: &Settings,
    mail: &Mail,
    to: &str,
) -> Result<String, SendError> {
    match way {
        Ok(way) => way.send(&settings.notification, mail, to).await,
        Err(error) => Err(error.clone()),
    }
}

/// Tries the configured way without sending anything. Returns what it is, and what speaks against it, if anything.
///
/// # Errors
/// Returns an error as [`way`] and [`Way::check`] do.
pub async fn check(settings: &Settings) -> Result<(String, Option<String>), SendError> {
    way(settings).await?.check(&settings.notification).await
}
