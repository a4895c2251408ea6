//! `report`: the mail that would be sent now.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Done, complain, print, print_json, send, settings, settings_or_defaults};
use crate::cli;
use crate::cluster::Selector;
use crate::config::{Live, Settings, host_name};
use crate::job::examine::{Examination, Extent, Wanted, examine};
use crate::job::look::{Due, Look};
use crate::job::record;
use crate::job::store::state_directory;
use crate::model::alert::Alerts;
use crate::model::history::{History, RunRecord};
use crate::model::job::JobId;
use crate::model::mail::Recipient;
use crate::model::plan::ModuleId;
use crate::model::run::Outcome;
use crate::report::{self, Finding, Report};
use crate::system;
use crate::watch::history::Histories;

/// The command.
pub(super) async fn run(arguments: &cli::Report, live: &Live) -> Done {
    let settings = if arguments.send { settings(live)? } else { settings_or_defaults(live) };
    let Looked { cluster, examined, in_no_plan, nothing } = look(arguments, &settings).await;
    let findings = examined.iter().map(|plan| plan.finding(None)).chain(nothing);
    let (host, redis, now) = (host_name(), settings.redis.address(), Timestamp::now());
    let reports: Vec<Report> = findings
        .map(|finding| Report {
            finding,
            asked_for: arguments.plan.as_ref(),
            cluster: cluster.as_deref(),
            interim: None,
            in_no_plan: &in_no_plan,
            alerts: &[],
            alerts_left_out: 0,
            job_id: None,
            host: &host,
            redis: &redis,
            now,
            zone: system::zone(),
            language: settings.notification.language,
        })
        .collect();
    match (arguments.json, arguments.html) {
        (true, _) => print_json(&document(&reports)),
        (_, true) => print(&report::html(&reports, settings.notification.language)),
        _ => print(&text(&reports, &settings.notification.subject_prefix)),
    }
    if arguments.send && !send_all(arguments, &settings, &reports).await {
        return Ok(ExitCode::FAILURE);
    }
    Ok(reports.iter().map(exit_status).max().unwrap_or(0).into())
}

/// What there is to report.
#[derive(Default)]
struct Looked {
    /// The cluster's name.
    cluster: Option<String>,
    examined: Vec<Examination>,
    /// Modules that no plan backs up, unless one plan is asked for.
    in_no_plan: Vec<ModuleId>,
    /// What to report if there is no plan.
    nothing: Option<Finding<'static>>,
}

async fn look(arguments: &cli::Report, settings: &Settings) -> Looked {
    let window = settings.correlator.recent_window;
    let since = Timestamp::now().saturating_sub(window).unwrap_or(Timestamp::MIN);
    let selector = arguments.plan.as_ref().map_or(Selector::Recent { since }, Selector::Plan);
    let taken = Look::at(settings, selector, Extent::Everything, None, &mut Due::default()).await;
    let Look { mut cluster, assessments, next_runs, .. } = match taken {
        Ok(look) => look,
        Err(error) => return Looked { nothing: Some(Finding::Unreadable(error)), ..Looked::default() },
    };
    let histories = Histories::new(&state_directory());
    let wanted = Wanted { probes: !arguments.no_probe, cluster_backup: false };
    let plans = std::mem::take(&mut cluster.plans);
    let mut examined = Vec::with_capacity(plans.len());
    for ((plan, assessment), next_run) in plans.into_iter().zip(assessments).zip(next_runs) {
        let id = plan.id.clone();
        let progress = |done, all| show_progress(&format!("plan {id}: looking at the repositories, {done} of {all}"));
        let mut one = examine(settings, &cluster, plan, assessment, wanted, &progress).await;
        // Only root and the service may read it; without it the report says less.
        one.history = histories.load(&id).ok().map(|history| with_this_run(history, &one));
        one.next_run = next_run;
        examined.push(one);
    }
    show_progress("");
    let nothing = examined.is_empty().then_some(Finding::NothingRecent(window));
    let in_no_plan = cluster.unplanned.into_iter().flatten().map(|(module, _)| module).collect();
    Looked { cluster: cluster.name, examined, in_no_plan, nothing }
}

/// Returns `history`, if there is one, with the run as it stands, which the watch may not have seen yet. Nothing is
/// written.
fn with_this_run(mut history: History, one: &Examination) -> History {
    let Examination { plan, assessment, .. } = one;
    if history.runs.is_empty() || assessment.modules.is_empty() {
        return history;
    }
    let mut run = record::of(plan, assessment, &Alerts::default(), false, Timestamp::now());
    one.reasons.iter().for_each(|reasons| run.learn(reasons));
    let is_it = |known: &&RunRecord| match run.due {
        Some(due) => known.due == Some(due),
        None => known.at == run.at,
    };
    let known = history.runs.iter().rev().find(is_it);
    // Without a result, the history knows more: whether the run was missed, and when that was noticed.
    if run.has_results() || known.is_none() && run.due.is_some() {
        run.over = assessment.unsettled().is_empty() || known.is_some_and(|known| known.over);
        history.record(run);
    }
    history
}

/// Shows a line on a terminal, which the next one replaces.
fn show_progress(line: &str) {
    let mut terminal = std::io::stderr().lock();
    if terminal.is_terminal() {
        // Erases to the end of the line (ECMA-48, EL). A terminal that is gone is no reason to stop.
        let _ = write!(terminal, "\r\x1b[K{line}").and_then(|()| terminal.flush());
    }
}

fn text(reports: &[Report], prefix: &str) -> String {
    let mail =
        |report: &Report| format!("Subject: {}\n\n{}", report::subject(report, prefix), report::terminal(report));
    let line = format!("\n{}\n\n", "=".repeat(72));
    reports.iter().map(mail).collect::<Vec<_>>().join(&line)
}

/// Version 1: `reports`, each as [`report::json`] describes it.
fn document(reports: &[Report]) -> Value {
    json!({ "version": 1, "reports": reports.iter().map(report::json).collect::<Vec<_>>() })
}

/// Sends each report once to each recipient. Returns false if one was not reached.
async fn send_all(arguments: &cli::Report, settings: &Settings, reports: &[Report<'_>]) -> bool {
    // The answers must not get among JSON for a script, or a page.
    let say = if arguments.json || arguments.html { complain } else { print };
    say("\n");
    let id = JobId::new(Timestamp::now(), fastrand::u16(..));
    let mut all_sent = true;
    for report in reports {
        let mut mail = report::mail(settings, &id, report);
        mail.recipients = settings.mail_to(mail.plan.as_ref()).iter().map(Recipient::new).collect();
        all_sent &= send(settings, &mail, say).await;
    }
    all_sent
}

/// Returns the exit status for one report; a worse one is greater.
fn exit_status(report: &Report) -> u8 {
    match &report.finding {
        Finding::Plan(_) => match report::outcome(report) {
            Outcome::Success | Outcome::Recovered => 0,
            Outcome::Partial => 3,
            _ => 4,
        },
        Finding::NothingRecent(_) => 4,
        Finding::Unreadable(_) => 5,
    }
}
