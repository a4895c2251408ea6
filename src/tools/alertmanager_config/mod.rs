//! `alertmanager-config`: brings backup alerts here by a receiver and a route in Alertmanager's configuration.

mod edit;
mod webhook;

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;

use super::file::{Access, Place};
use super::{Done, as_root, defaults_since, print};
use crate::cli::AlertmanagerConfig;
use crate::config::Live;
use crate::config::text::split_mark;

pub(super) use edit::{any_route, list};
pub(super) use webhook::Webhook;

/// The name of our receiver.
pub(super) const NAME: &str = "ns8-backup-monitor";

/// The command.
pub(super) fn run(arguments: &AlertmanagerConfig, live: &Live) -> Done {
    // The unit of Alertmanager that calls this command runs as a user who may not read the configuration.
    let settings = live.current();
    let configured = settings.is_ok();
    let settings = settings.unwrap_or_else(|error| defaults_since(&error.to_string()));
    let webhook = Webhook::new(&settings.receiver);
    match &arguments.patch {
        None => print(&webhook.example()),
        Some(file) => print(&match arguments.remove {
            true => change(file, edit::remove, |_| "removed".into())?,
            false => change(file, |text| patch(text, &webhook, configured), put_in)?,
        }),
    }
    Ok(ExitCode::SUCCESS)
}

fn patch(text: &str, webhook: &Webhook, configured: bool) -> Result<String, String> {
    edit::patch(text, webhook, configured)
        .map_err(|why| format!("{why}\nPut this in by hand, the route before all others:\n\n{}", webhook.example()))
}

/// Changes the file by `edit`, and returns what was done.
fn change(
    file: &Path,
    edit: impl FnOnce(&str) -> Result<String, String>,
    done: impl FnOnce(&str) -> String,
) -> Result<String, String> {
    let failed = |why: String| format!("{} is left as it was: {why}", file.display());
    let io_failed = |error: io::Error| failed(format!("{error}{}", as_root(&error)));
    let place = Place::find(file).map_err(io_failed)?;
    let (text, metadata) = place.read().map_err(io_failed)?;
    let (mark, plain) = split_mark(&text);
    let edited = edit(plain).map_err(failed)?;
    if edited == plain {
        return Ok(format!("{}: nothing to change\n", file.display()));
    }
    let (user, group) = (Some(metadata.uid()), Some(metadata.gid()));
    place
        .replace(&format!("{mark}{edited}"), Access { mode: metadata.mode() & 0o7777, user, group })
        .map_err(io_failed)?;
    Ok(format!("{}: receiver and route {NAME} {}\n", file.display(), done(&edited)))
}

/// Says what becomes of the alerts after our route. `continue: true` passes them on to the next routes, but the default
/// receiver of the top route gets only what no route has taken.
fn put_in(text: &str) -> String {
    let put_in = "added. Later routes still get these alerts";
    match edit::default_has_a_route(text) {
        Some((default, false)) => format!(
            "{put_in}. The default receiver {default} has no route of its own, and so gets only what no route takes: if \
             it should get these alerts too, add a route to it for their names"
        ),
        Some((default, true)) => format!("{put_in}, also those to the default receiver {default}"),
        None => put_in.into(),
    }
}
