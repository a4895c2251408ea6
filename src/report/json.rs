//! The report for scripts: the same facts as the text, in no language, nothing cut.
//!
//! `docs/report-json.md` describes it for those who read it, and a test holds that page against these types.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::words::Words;
use super::{Finding, Report, outcome};
use crate::config::Language;
use crate::model::alert::Alert;
use crate::model::plan::{Layout, ModuleId, Plan, PlanId, PlanStatus};
use crate::model::repository::{Lock, Probe, Probes, Verdict};
use crate::model::run::{Assessment, Counts, State};

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    /// `SUCCESS`, `PARTIAL`, `REPO_FAILURE`, or `UNKNOWN` where the cluster could not be read.
    outcome: &'static str,
    /// Why there is no plan: the cluster could not be read.
    error: Option<String>,
    /// No plan has a result within this many seconds, and the alert names none.
    nothing_within_seconds: Option<u64>,
    written_at: Timestamp,
    host: &'a str,
    job_id: Option<&'a str>,
    cluster: Option<&'a str>,
    #[serde(flatten)]
    plan: Option<PlanView<'a>>,
    alerts: &'a [Alert],
    alerts_left_out: u64,
}

#[derive(Serialize)]
struct PlanView<'a> {
    plan: PlanHead<'a>,
    /// The wait's cap, where it ended the wait before every member had a result.
    gave_up_waiting_after_seconds: Option<u64>,
    /// Whether even the newest sign of the plan is older than the run that is reported may be.
    outdated: bool,
    counts: CountsView,
    /// Failures first, then modules without a result, then by id.
    modules: Vec<ModuleView<'a>>,
    /// Whether the repositories were looked at: `done`, `not_needed`, `disabled`, or `unknown`, when the list of them
    /// could not be read.
    repository_check: &'static str,
    repository_check_error: Option<String>,
    repositories: Vec<RepositoryView<'a>>,
    /// Entries that are there but could not be read, an English clause each.
    damaged: Vec<String>,
}

#[derive(Serialize)]
struct PlanHead<'a> {
    id: &'a PlanId,
    name: Option<&'a str>,
    defined: bool,
    enabled: bool,
    /// Modules of a plan that is not enabled that have no result.
    not_awaited: &'a BTreeSet<ModuleId>,
    /// Layout A's own record of the plan: `success`, `timestamp`, `errors`.
    status: Option<&'a PlanStatus>,
}

#[derive(Serialize)]
struct CountsView {
    total: usize,
    absent: usize,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Serialize)]
struct ModuleView<'a> {
    id: &'a ModuleId,
    name: Option<&'a str>,
    node: Option<&'a str>,
    node_name: Option<&'a str>,
    /// `error`, `stale`, `missing` or `success`. All that follows is of an earlier run where it is `stale`.
    state: State,
    /// Which of `damaged` hides its result.
    unreadable: Option<String>,
    layout: Option<Layout>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    errors: Option<u64>,
    reason: Option<&'a str>,
    /// Size and files are those of the last snapshot that exists, which is not this run's where `errors` is not 0.
    total_size: Option<u64>,
    total_file_count: Option<u64>,
    snapshots_count: Option<u64>,
}

#[derive(Serialize)]
struct RepositoryView<'a> {
    /// Whether a healthy one was opened with its password; else its files were only counted.
    opened: Option<bool>,
    repository: &'a str,
    location: Option<&'a str>,
    module: Option<&'a ModuleId>,
    /// `healthy`, `locked`, `wrong_password`, `no_repository`, `unreachable`, `denied`, `damaged`, `failed` (looking at
    /// it did), `timed_out` or `not_probed`.
    verdict: &'static str,
    /// The words of the program or server that was asked, or what is missing.
    reason: Option<String>,
    snapshots: Option<u64>,
    newest_snapshot: Option<Timestamp>,
    /// Locks.
    locks: Option<LockView<'a>>,
}

#[derive(Serialize)]
struct LockView<'a> {
    count: u64,
    /// Whether one of them keeps all others out; `null` where that cannot be told.
    exclusive: Option<bool>,
    since: Option<Timestamp>,
    by: Option<&'a str>,
}

/// The report as JSON, of the shape that `docs/report-json.md` describes.
pub fn json(report: &Report) -> serde_json::Value {
    let mut document = Document {
        version: 1,
        outcome: outcome(report).word(),
        error: None,
        nothing_within_seconds: None,
        written_at: report.now,
        host: report.host,
        job_id: report.job_id,
        cluster: report.cluster,
        plan: None,
        alerts: report.alerts,
        alerts_left_out: report.alerts_left_out,
    };
    match &report.finding {
        Finding::Plan { plan, assessment, probes, gave_up_waiting_after } => {
            let waited = gave_up_waiting_after.map(|wait| wait.as_secs());
            document.plan = Some(plan_view(plan, assessment, probes, waited));
        }
        Finding::NothingRecent(window) => document.nothing_within_seconds = Some(window.as_secs()),
        Finding::Unreadable(why) => document.error = Some(why.to_string()),
    }
    serde_json::to_value(document).expect("views hold nothing but what JSON can say")
}

fn plan_view<'a>(
    plan: &'a Plan,
    assessment: &'a Assessment,
    probes: &'a Probes,
    gave_up_waiting_after_seconds: Option<u64>,
) -> PlanView<'a> {
    let counts = assessment.counts;
    let (repository_check, repository_check_error, repositories) = match probes {
        Probes::NotNeeded => ("not_needed", None, Vec::new()),
        Probes::Disabled => ("disabled", None, Vec::new()),
        Probes::Unknown(why) => ("unknown", Some(why.to_string()), Vec::new()),
        Probes::Done(probes) => ("done", None, probes.iter().map(repository_view).collect()),
    };
    PlanView {
        plan: PlanHead {
            id: &plan.id,
            name: plan.name.as_deref(),
            defined: plan.defined,
            enabled: plan.enabled,
            not_awaited: &plan.not_awaited,
            status: plan.status.as_ref(),
        },
        gave_up_waiting_after_seconds,
        outdated: assessment.outdated,
        counts: CountsView { total: counts.total(), absent: counts.absent(), counts },
        modules: assessment.modules.iter().map(|(id, state)| module_view(plan, id, *state)).collect(),
        repository_check,
        repository_check_error,
        repositories,
        damaged: plan.damaged.iter().map(|damage| Words(Language::En).damage(damage)).collect(),
    }
}

fn module_view<'a>(plan: &'a Plan, id: &'a ModuleId, state: State) -> ModuleView<'a> {
    let module = plan.modules.get(id);
    let result = plan.results.get(id);
    ModuleView {
        id,
        name: module.and_then(|module| module.ui_name.as_deref()),
        node: module.and_then(|module| module.node.as_deref()),
        node_name: module.and_then(|module| module.node_name.as_deref()),
        state,
        unreadable: plan.unreadable(id).map(|damage| Words(Language::En).damage(damage)),
        layout: result.map(|result| result.layout),
        start: result.and_then(|result| result.start),
        end: result.and_then(|result| result.end),
        errors: result.map(|result| result.errors),
        reason: result.and_then(|result| result.error.as_deref()),
        total_size: result.and_then(|result| result.total_size),
        total_file_count: result.and_then(|result| result.total_file_count),
        snapshots_count: result.and_then(|result| result.snapshots_count),
    }
}

fn repository_view(probe: &Probe) -> RepositoryView<'_> {
    let mut view = RepositoryView {
        repository: &probe.repository,
        location: probe.location.as_deref(),
        module: probe.module.as_ref(),
        verdict: "",
        reason: None,
        snapshots: None,
        newest_snapshot: None,
        locks: None,
        opened: None,
    };
    let (verdict, reason) = match &probe.verdict {
        Verdict::Healthy { snapshots, newest, in_use, checked } => {
            view.opened = Some(checked.opened);
            (view.snapshots, view.newest_snapshot) = (Some(*snapshots), *newest);
            view.locks = in_use.as_ref().map(lock_view);
            ("healthy", None)
        }
        Verdict::Locked(lock) => {
            view.locks = Some(lock_view(lock));
            ("locked", None)
        }
        Verdict::WrongPassword => ("wrong_password", None),
        Verdict::NoRepository => ("no_repository", None),
        Verdict::Unreachable(why) => ("unreachable", Some(why.clone())),
        Verdict::Denied(why) => ("denied", Some(why.clone())),
        Verdict::Damaged(why) => ("damaged", Some(why.clone())),
        Verdict::NotWritable(why) => ("not_writable", Some(why.to_string())),
        Verdict::Failed(why) => ("failed", Some(why.clone())),
        Verdict::TimedOut(limit) => ("timed_out", Some(format!("no answer within {} s", limit.as_secs()))),
        Verdict::NotProbed(why) => ("not_probed", Some(why.to_string())),
    };
    RepositoryView { verdict, reason, ..view }
}

fn lock_view(lock: &Lock) -> LockView<'_> {
    LockView { count: lock.count, exclusive: lock.exclusive, since: lock.since, by: lock.by.as_deref() }
}
