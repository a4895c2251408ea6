//! The report for scripts: the same facts as the text, in no language, nothing cut.
//!
//! `docs/report-json.md` describes it for its readers, and a test holds that page against these types.

mod module;
mod repository;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::words::Words;
use super::{Finding, Interim, News, PlanFacts, Report, outcome};
use crate::config::Language;
use crate::model::alert::Alert;
use crate::model::plan::{ModuleId, PlanId, PlanStatus};
use crate::model::reason::{Gap, Source};
use crate::model::repository::Probes;
use crate::model::run::{Contradiction, Counts};
use module::{ModuleView, module_view};
use repository::{RepositoryView, repository_view};

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    /// `SUCCESS`, `PARTIAL`, `REPO_FAILURE`, `UNKNOWN` (the cluster could not be read), `MISSED` or `RECOVERED`.
    outcome: &'static str,
    interim: Option<InterimView<'a>>,
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
    modules_in_no_plan: &'a [ModuleId],
    alerts: &'a [Alert],
    alerts_left_out: u64,
}

#[derive(Serialize)]
struct InterimView<'a> {
    /// Modules without a result so far, each with when it should be done.
    missing: Vec<ExpectedView<'a>>,
    follows_until: Option<Timestamp>,
}

#[derive(Serialize)]
struct ExpectedView<'a> {
    id: &'a ModuleId,
    expected: Option<Timestamp>,
}

#[derive(Serialize)]
struct PlanView<'a> {
    plan: PlanHead<'a>,
    /// What the watch found: `missed`, `hangs`, `recovered`, `cluster_backup`.
    news: Option<&'static str>,
    /// When the run was due by the plan's schedule; `null` if results are told apart by age.
    due: Option<Timestamp>,
    next_run: Option<Timestamp>,
    /// Why it is no SUCCESS although each known result is one.
    contradiction: Option<&'static str>,
    /// How many runs in a row were no success, this one included.
    failed_runs_in_a_row: usize,
    cluster_backup: ClusterBackupView<'a>,
    /// Why the logs say nothing about some modules; `null` if they were not read.
    log_gaps: Option<Vec<GapView<'a>>>,
    /// The wait's cap, where it ended the wait before every member had a result.
    gave_up_waiting_after_seconds: Option<u64>,
    /// Whether even the newest sign of the plan is older than the run that is reported may be.
    outdated: bool,
    counts: CountsView,
    /// Failures first, then modules without a result, then by id.
    modules: Vec<ModuleView<'a>>,
    /// Whether the repositories were looked at: `done`, `not_needed`, `disabled` or `skipped`.
    repository_check: &'static str,
    /// Always `null`.
    repository_check_error: Option<()>,
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
struct ClusterBackupView<'a> {
    newest: Option<Timestamp>,
    /// The lines of the log about one that failed in this run.
    log: &'a [String],
}

#[derive(Serialize)]
struct GapView<'a> {
    source: Source,
    why: String,
    command: Option<&'a str>,
}

#[derive(Serialize)]
struct CountsView {
    total: usize,
    absent: usize,
    #[serde(flatten)]
    counts: Counts,
}

/// The report as JSON, of the shape that `docs/report-json.md` describes.
pub fn json(report: &Report) -> serde_json::Value {
    let mut document = Document {
        version: 1,
        outcome: outcome(report).word(),
        interim: report.interim.map(interim_view),
        error: None,
        nothing_within_seconds: None,
        written_at: report.now,
        host: report.host,
        job_id: report.job_id,
        cluster: report.cluster,
        plan: None,
        modules_in_no_plan: report.in_no_plan,
        alerts: report.alerts,
        alerts_left_out: report.alerts_left_out,
    };
    match &report.finding {
        Finding::Plan(facts) => document.plan = Some(plan_view(facts, document.outcome, report.now)),
        Finding::NothingRecent(window) => document.nothing_within_seconds = Some(window.as_secs()),
        Finding::Unreadable(why) => document.error = Some(why.to_string()),
    }
    serde_json::to_value(document).expect("views hold nothing but what JSON can say")
}

fn interim_view(interim: &Interim) -> InterimView<'_> {
    let missing = interim.missing.iter().map(|(id, expected)| ExpectedView { id, expected: *expected });
    InterimView { missing: missing.collect(), follows_until: interim.follows_until }
}

fn plan_view<'a>(facts: &PlanFacts<'a>, outcome: &str, now: Timestamp) -> PlanView<'a> {
    let PlanFacts { plan, assessment, .. } = *facts;
    let counts = assessment.counts;
    let (repository_check, repositories) = match facts.probes {
        Probes::NotNeeded => ("not_needed", Vec::new()),
        Probes::Disabled => ("disabled", Vec::new()),
        Probes::Skipped => ("skipped", Vec::new()),
        Probes::Done(probes) => ("done", probes.iter().map(repository_view).collect()),
    };
    let good = matches!(outcome, "SUCCESS" | "RECOVERED");
    PlanView {
        plan: PlanHead {
            id: &plan.id,
            name: plan.name.as_deref(),
            defined: plan.defined,
            enabled: plan.enabled,
            not_awaited: &plan.not_awaited,
            status: plan.status.as_ref(),
        },
        news: facts.news.map(news_word),
        due: assessment.due,
        next_run: facts.next_run,
        contradiction: assessment.contradiction.map(contradiction_word),
        failed_runs_in_a_row: if good {
            0
        } else {
            facts.history.map_or(1, |history| history.failed_in_a_row().max(1))
        },
        cluster_backup: ClusterBackupView { newest: facts.cluster_backup, log: facts.cluster_backup_log() },
        log_gaps: facts.reasons.map(|reasons| reasons.gaps.iter().map(gap_view).collect()),
        gave_up_waiting_after_seconds: facts.gave_up_waiting_after.map(|wait| wait.as_secs()),
        outdated: assessment.outdated,
        counts: CountsView { total: counts.total(), absent: counts.absent(), counts },
        modules: assessment.modules.iter().map(|(id, state)| module_view(facts, id, *state, now)).collect(),
        repository_check,
        repository_check_error: None,
        repositories,
        damaged: plan.damaged.iter().map(|damage| Words(Language::En).damage(damage)).collect(),
    }
}

fn gap_view(gap: &Gap) -> GapView<'_> {
    GapView { source: gap.source, why: gap.why.to_string(), command: gap.command.as_deref() }
}

fn news_word(news: News) -> &'static str {
    match news {
        News::Missed { .. } => "missed",
        News::Hangs { .. } => "hangs",
        News::Recovered { .. } => "recovered",
        News::ClusterBackup => "cluster_backup",
    }
}

fn contradiction_word(contradiction: Contradiction) -> &'static str {
    match contradiction {
        Contradiction::PlanRecord => "plan_record",
        Contradiction::Alert { .. } => "alert",
        Contradiction::Future => "future",
    }
}
