//! `check`: what is set up, what is not, and what to do about it. Changes nothing and sends nothing.

mod alertmanager;
mod cluster;
mod host;
mod limits;
mod units;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use super::{Done, is_denied, is_root, print, print_json};
use crate::cli;
use crate::config::{Live, Settings, defaults};
use crate::deliver;
use crate::job::{store, way};
use crate::model::plan::Layout;
use crate::model::text::visible;
use crate::system::http;
use crate::system::process;
use crate::watch::digest::{Checked, Found};

/// Longest wait for a program or a server on this machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// How serious a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    /// It works, or may work, but not as well as it could.
    Warning,
    /// Alerts or mails do not get through.
    Error,
}

/// One line of the result.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Line {
    level: Level,
    /// What was looked at.
    subject: &'static str,
    /// What was found; never a secret.
    found: String,
    /// What to do.
    todo: Option<String>,
}

fn ok(subject: &'static str, found: impl Into<String>) -> Line {
    Line { level: Level::Ok, subject, found: found.into(), todo: None }
}

fn warning(subject: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Line {
    Line { level: Level::Warning, subject, found: found.into(), todo: Some(todo.into()) }
}

fn error(subject: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Line {
    Line { level: Level::Error, subject, found: found.into(), todo: Some(todo.into()) }
}

/// Returns what to do about a file that cannot be read, perhaps only since this user is `denied` what root is not.
fn unread(denied: bool) -> &'static str {
    if denied { "run this check as root" } else { "see what is there, and whose it is" }
}

/// The command.
pub(super) async fn run(arguments: &cli::Check, live: &Live) -> Done {
    let mut lines = Vec::new();
    look(arguments, live, &mut |line| {
        // Shown as it comes: a relay that hangs takes a minute.
        if !arguments.json {
            print(&text(&line));
        }
        lines.push(line);
    })
    .await;
    let worst = lines.iter().map(|line| line.level).max();
    if arguments.json {
        print_json(&json!({ "version": 1, "checks": lines }));
    }
    Ok(if worst == Some(Level::Error) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Returns what the digest says of the Alertmanager at `url`, and of the relay.
pub(super) async fn of_the_monitor(url: &str, settings: &Settings) -> [Checked; 2] {
    let lines = [alertmanager::check(url, &settings.receiver).await, relay(settings).await];
    lines.map(|Line { level, found, .. }| {
        let found = if level == Level::Warning { Found::Unsure(found) } else { Found::ByCheck(found) };
        Checked { ok: level != Level::Error, found }
    })
}

fn text(line: &Line) -> String {
    let level = match line.level {
        Level::Ok => "ok",
        Level::Warning => "warning",
        Level::Error => "error",
    };
    let todo = line.todo.as_ref().map_or(String::new(), |todo| format!(" -- {todo}"));
    // Names in the cluster are written by others.
    let line = format!("{level:7}  {}: {}{todo}", line.subject, line.found);
    visible(&line.replace(char::is_control, " ")) + "\n"
}

/// Looks at one thing after the other, and passes each line on.
async fn look(arguments: &cli::Check, live: &Live, say: &mut dyn FnMut(Line)) {
    let (settings, lines) = configuration(live);
    let state = store::state_directory();
    lines.into_iter().chain(host::queue()).chain(host::histories(&state)).for_each(&mut *say);
    let (seen, lines) = cluster::look(settings.as_ref().unwrap_or(&defaults())).await;
    lines.into_iter().for_each(&mut *say);
    if let Some(settings) = &settings {
        say(relay(settings).await);
        probe(settings, &seen.layouts).await.into_iter().for_each(&mut *say);
    }
    let settings = settings.unwrap_or_else(defaults);
    say(match seen.watches {
        true => alertmanager::check(&arguments.alertmanager, &settings.receiver).await,
        false => ok("alertmanager", "not looked at: it runs on the leader"),
    });
    units::look(&settings).await.into_iter().for_each(say);
}

/// Returns the settings, unless they are unusable, and the lines about them.
fn configuration(live: &Live) -> (Option<Settings>, Vec<Line>) {
    let subject = "configuration";
    match live.current() {
        Ok(settings) => {
            let (to, from) = (settings.notification.mail_to.len(), &settings.notification.mail_from);
            let mut lines = vec![ok(subject, format!("{}: {to} recipient(s), from {from}", live.file().display()))];
            lines.extend(host::secret_files(live.file(), &settings));
            lines.extend(limits::check(&settings));
            (Some(Settings::clone(&settings)), lines)
        }
        Err(unusable) => {
            let unopened = std::fs::File::open(live.file()).err();
            let todo = match &unopened {
                Some(missing) if missing.kind() == std::io::ErrorKind::NotFound => {
                    let found = format!("{}: there is no such file", live.file().display());
                    return (None, vec![error(subject, found, "run `ns8-backup-monitor setup`")]);
                }
                Some(why) => unread(is_denied(why)),
                None => "fix it: `man ns8-backup-monitor.yml` explains each key",
            };
            let problems = unusable.to_string();
            (None, problems.lines().map(|problem| error(subject, problem, todo)).collect())
        }
    }
}

async fn relay(settings: &Settings) -> Line {
    let subject = "relay";
    if let Some(hidden) = host::hidden_relay(&settings.notification) {
        return hidden;
    }
    match way::check(settings).await {
        Ok((way, None)) => ok(subject, format!("{way}: ready")),
        // A command of the administrator's own may know another relay.
        Ok((way, Some(against)))
            if against == deliver::DISABLED
                && settings.notification.sendmail_command == defaults().notification.sendmail_command =>
        {
            let todo = "enable the relay in NS8, or set notification.transport: smtp and notification.smtp.host";
            error(subject, format!("{way} has no relay to send by: {against}"), todo)
        }
        Ok((way, Some(against))) => {
            warning(subject, format!("{way}; {against}"), "try it: ns8-backup-monitor send-test")
        }
        Err(unreachable) => {
            let todo = "fix it, then try: ns8-backup-monitor send-test";
            error(subject, unreachable.to_string(), todo)
        }
    }
}

/// Looks for what the probes need: restic, or on newer clusters the node's gateway.
async fn probe(settings: &Settings, layouts: &BTreeSet<Layout>) -> Vec<Line> {
    let subject = "probe";
    if !settings.repo_check.enabled {
        return vec![ok(subject, "repo_check.enabled is false: repositories are not looked at")];
    }
    let mut lines = Vec::new();
    if layouts.contains(&Layout::C) {
        lines.push(gateway(settings).await);
        lines.push(host::agent(&settings.repo_check));
    }
    let restic = &settings.repo_check.restic;
    let command = process::Command {
        program: restic.clone(),
        args: vec!["version".into()],
        timeout: PATIENCE,
        max_output: 1000,
        ..process::Command::default()
    };
    match command.run().await {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            lines.push(ok(subject, text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")));
        }
        Ok(output) => {
            lines.push(warning(subject, format!("{restic} version: {}", output.status), "reinstall restic"));
        }
        // The gateway is all that layout C needs.
        Err(_) if layouts.iter().eq([&Layout::C]) => {}
        Err(missing) => {
            let todo = "install restic, or set repo_check.enabled to false";
            lines.push(warning(subject, missing.to_string(), todo));
        }
    }
    lines
}

async fn gateway(settings: &Settings) -> Line {
    let url = &settings.repo_check.gateway;
    match http::get(url, http::MAX_BODY, PATIENCE).await {
        Ok(_) => ok("probe", format!("gateway {url}: answers")),
        Err(why) => warning("probe", format!("gateway {url}: {why}"), "see `systemctl status rclone-gateway`"),
    }
}
