//! The report: golden files, harmless text, and sentences held against what NS8's own list says.

pub(crate) mod browser;
mod cases;
mod claims;
mod clocks;
mod commands;
mod digest;

mod digest_page;
mod directions;
mod golden;
mod harmless;
mod history;
mod italian;
mod lists;
mod oracle;
pub(crate) mod page;
mod runs;
mod sentences;
mod since_then;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ns8_backup_monitor::config::{DOCUMENTED_REDIS_SOCKET, Language, RedisAddress};
use ns8_backup_monitor::model::alert::Alert;
use ns8_backup_monitor::model::history::History;
use ns8_backup_monitor::model::plan::{Damage, Entry, Fault, Layout, Module, ModuleId, ModuleResult, Plan, PlanId};
use ns8_backup_monitor::model::reason::{Cause, Reason, Reasons};
use ns8_backup_monitor::model::repository::{Checked, Probe, Probes, Sign, Verdict};
use ns8_backup_monitor::model::run::{Assessment, Outcome, RunRule, assess};
use ns8_backup_monitor::report::{Finding, Interim, News, PlanFacts, Report, text};

const NOW: &str = "2026-11-22T02:15:07Z";
/// A repository that restic has opened and checked to the end.
const OPENED: Checked = Checked { opened: true, packs: true, folders: true, listed: None, ended: None };
const STALE_AFTER: Duration = Duration::from_secs(43_200);

/// What a report is made of, owned.
struct Case {
    name: &'static str,
    plan: Plan,
    probes: Probes,
    gave_up: Option<Duration>,
    alerts: Vec<Alert>,
    alerts_left_out: u64,
    /// Whether its alerts name no plan.
    names_no_plan: bool,
    /// Another finding than the plan's.
    other: Option<Finding<'static>>,
    zone: TimeZone,
    due: Option<Timestamp>,
    news: Option<News>,
    reasons: Option<Reasons>,
    history: Option<History>,
    interim: Option<Interim>,
    next_run: Option<Timestamp>,
    cluster_backup: Option<Timestamp>,
    in_no_plan: Vec<ModuleId>,
}

impl Case {
    fn new(name: &'static str) -> Self {
        let mut plan = Plan::unknown(PlanId::new("2").unwrap());
        plan.name = Some("Nightly".into());
        plan.defined = true;
        let alerts = vec![alert("1")];
        Self {
            name,
            plan,
            probes: Probes::NotNeeded,
            gave_up: None,
            alerts,
            alerts_left_out: 0,
            names_no_plan: false,
            other: None,
            zone: TimeZone::UTC,
            due: None,
            news: None,
            reasons: None,
            history: None,
            interim: None,
            next_run: None,
            cluster_backup: None,
            in_no_plan: Vec::new(),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// A module on node 1 with a result.
    fn module(mut self, id: &str, result: ModuleResult) -> Self {
        let id = ModuleId::new(id).unwrap();
        self.plan.modules.insert(id.clone(), module(None));
        self.plan.results.insert(id, result);
        self
    }

    /// Members that have no result.
    fn missing(mut self, ids: &[&str]) -> Self {
        let ids: Vec<ModuleId> = ids.iter().map(|id| ModuleId::new(*id).unwrap()).collect();
        self.plan.modules.extend(ids.iter().map(|id| (id.clone(), module(None))));
        self.plan.members = Some(self.plan.results.keys().cloned().chain(ids).collect());
        self
    }

    /// Its alert began at this time.
    fn alert_at(self, start: &str) -> Self {
        self.with(|case| case.alerts[0].starts_at = Some(at(start)))
    }

    fn probes(self, verdicts: Vec<(&str, Option<&str>, Verdict)>) -> Self {
        let probe = |(name, module, verdict): (&str, Option<&str>, Verdict)| Probe {
            repository: name.into(),
            location: Some("s3:s3.amazonaws.com/bucket".into()),
            module: module.and_then(ModuleId::new),
            gateway: module.is_some(),
            verdict,
        };
        self.with(|case| case.probes = Probes::Done(verdicts.into_iter().map(probe).collect()))
    }

    /// The plan's schedule makes the run due at this time.
    fn due(self, due: &str) -> Self {
        self.with(|case| case.due = Some(at(due)))
    }

    /// The log says something about a module.
    fn reason(self, module_id: &str, cause: Option<Cause>, lines: &[&str], snapshot_written: Option<bool>) -> Self {
        let lines = lines.iter().map(ToString::to_string).collect();
        let reason = Reason { lines, cause, snapshot_written };
        self.with(|case| _ = case.reasons.get_or_insert_default().modules.insert(id(module_id), reason))
    }

    /// The plan as it is assessed at the usual time.
    fn assessment(&self) -> Assessment {
        let alert_start = self.alerts.iter().filter_map(|alert| alert.starts_at).max();
        let (due, stale_after) = (self.due.as_slice(), Some(STALE_AFTER));
        let rule = RunRule { due, alert_start, failed_at: alert_start, stale_after, ..RunRule::default() };
        assess(&self.plan, &rule, at(NOW))
    }

    /// Writes the report in `language` and hands it to `read`.
    fn report<T>(&self, language: Language, read: impl FnOnce(&Report) -> T) -> T {
        let assessment = self.assessment();
        let finding = self.other.clone().unwrap_or(Finding::Plan(PlanFacts {
            plan: &self.plan,
            assessment: &assessment,
            probes: &self.probes,
            gave_up_waiting_after: self.gave_up,
            news: self.news,
            reasons: self.reasons.as_ref(),
            history: self.history.as_ref(),
            next_run: self.next_run,
            cluster_backup: self.cluster_backup,
        }));
        read(&Report {
            finding,
            asked_for: (!self.names_no_plan).then_some(&self.plan.id),
            cluster: Some("cluster.example.org"),
            interim: self.interim.as_ref(),
            in_no_plan: &self.in_no_plan,
            alerts: &self.alerts,
            alerts_left_out: self.alerts_left_out,
            job_id: Some("20261122-021437-9f3a"),
            redis: &RedisAddress::Unix(DOCUMENTED_REDIS_SOCKET.into()),
            host: "leader.example.org",
            now: at(NOW),
            zone: self.zone.clone(),
            language,
        })
    }

    /// The report's text in English, its lines joined.
    fn words(&self) -> String {
        self.report(Language::En, text).split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn words(text: &str) -> Sign {
    Sign::Words(text.into())
}

fn id(module: &str) -> ModuleId {
    ModuleId::new(module).unwrap()
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// The alert of ns8-metrics 1.3 for plan 2 on `node`.
fn alert(node: &str) -> Alert {
    let labels = [("alertname", "BackupFailed"), ("id", "2"), ("name", "Nightly"), ("node", node)];
    let annotations = [
        ("summary_en", "Backup failed"),
        ("summary_it", "Backup fallito"),
        ("description_en", "The backup Nightly has failed on this node."),
        ("description_it", "Il backup Nightly è fallito su questo nodo."),
    ];
    Alert {
        name: "BackupFailed".into(),
        labels: texts(&labels),
        annotations: texts(&annotations),
        starts_at: Some(at("2026-11-22T02:14:00Z")),
    }
}

fn module(name: Option<&str>) -> Module {
    let (node, node_name) = (Some("1".into()), Some("leader".into()));
    Module { ui_name: name.map(String::from), node, node_name, ..Module::default() }
}

/// A result of layout C that ended shortly before the report.
fn result(errors: u64) -> ModuleResult {
    ModuleResult {
        layout: Layout::C,
        start: Some(at("2026-11-22T01:00:00Z")),
        end: Some(at("2026-11-22T02:12:10Z")),
        errors,
        error: None,
        total_size: Some(13_314_398_617),
        total_file_count: Some(120_345),
        snapshots_count: Some(1),
    }
}

/// A result of the founding document's layout.
fn documented(error: Option<&str>) -> ModuleResult {
    ModuleResult {
        layout: Layout::A,
        start: None,
        errors: error.is_some().into(),
        error: error.map(String::from),
        total_size: None,
        total_file_count: None,
        snapshots_count: None,
        ..result(0)
    }
}

/// A result of the previous night.
fn last_night() -> ModuleResult {
    let (start, end) = (Some(at("2026-11-21T01:00:00Z")), Some(at("2026-11-21T02:12:10Z")));
    ModuleResult { start, end, ..result(0) }
}

/// A result of the afternoon before, by hand.
fn afternoon() -> ModuleResult {
    let (start, end) = (Some(at("2026-11-21T16:00:00Z")), Some(at("2026-11-21T16:10:00Z")));
    ModuleResult { start, end, ..result(0) }
}

fn damage(module: &str) -> Damage {
    Damage { entry: Entry::Result(ModuleId::new(module).unwrap()), fault: Fault::NotJson }
}

fn healthy() -> Verdict {
    Verdict::Healthy { snapshots: 14, newest: Some(at("2026-11-21T23:00:00Z")), in_use: None, checked: OPENED }
}
