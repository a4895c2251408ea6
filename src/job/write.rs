//! Examines the plans of a job and writes its reports.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use log::{info, warn};

use super::course::Settled;
use super::examine::{Examination, Wanted, examine};
use super::look::Look;
use super::record;
use crate::config::{self, Settings};
use crate::model::alert::Kind;
use crate::model::job::Job;
use crate::model::mail::Mail;
use crate::model::time::age;
use crate::report::{self, Finding, Interim, Report};

/// Writes a mail without recipients for each plan that is reported. An `interim` one says that the run is not over.
pub(super) async fn write(settings: &Settings, job: &Job, settled: Settled, interim: bool) -> Vec<Mail> {
    let (host, zone) = (config::host_name(), crate::system::zone());
    let writer = Writer { settings, job, interim, now: Timestamp::now(), host: &host, zone };
    let look = match settled.look {
        Ok(look) => look,
        Err(error) => {
            warn!(JOB_ID = job.id.as_str(), BACKUP_ID = job.plan_field(); "{error}");
            return vec![writer.mail(None, Finding::Unreadable(error))];
        }
    };
    let Look { mut cluster, assessments, next_runs, .. } = look;
    let name = cluster.name.as_deref();
    if cluster.plans.is_empty() {
        let window = age(job.recent_since(settings.correlator.recent_window), job.accepted_at);
        return vec![writer.mail(name, Finding::NothingRecent(window))];
    }
    let waited = Duration::from_secs(age(job.accepted_at, writer.now).as_secs());
    let gave_up_after = (!settled.over).then(|| waited.max(settings.correlator.max_wait));
    let cluster_backup = job.alerts.have(Kind::ClusterBackup);
    let wanted = Wanted { probes: true, cluster_backup };
    let plans = std::mem::take(&mut cluster.plans);
    let mut mails = Vec::with_capacity(plans.len());
    for ((plan, assessment), next_run) in plans.into_iter().zip(assessments).zip(next_runs) {
        let mut examined = examine(settings, &cluster, plan, assessment, wanted, &|_, _| {}).await;
        examined.next_run = next_run;
        let run_at = writer.remember(&mut examined).await;
        mails.push(Mail { run_at, ..writer.mail(name, examined.finding(gave_up_after)) });
    }
    mails
}

/// Writes the mails of a job.
pub struct Writer<'a> {
    /// The configuration.
    pub settings: &'a Settings,
    /// The job.
    pub job: &'a Job,
    /// Whether its run is not over.
    pub interim: bool,
    /// The time.
    pub now: Timestamp,
    /// This machine's name.
    pub host: &'a str,
    /// The zone of the times in the mails.
    pub zone: TimeZone,
}

impl Writer<'_> {
    /// Records the run, and adds what its history and the watch say of it. Returns the time by which the history knows
    /// it.
    async fn remember(&self, examined: &mut Examination) -> Option<Timestamp> {
        let Examination { plan, assessment, .. } = &*examined;
        let (alerts, over) = (&self.job.alerts, !self.interim);
        let mut record = record::of(plan, assessment, alerts, over, Timestamp::now());
        examined.reasons.iter().for_each(|reasons| record.learn(reasons));
        let recorded = record::run(plan, record).await;
        let failed_runs = recorded.as_ref().and_then(|(history, _)| record::failed_runs(history));
        let recovery = self.settings.notification.recovery;
        examined.news = record::finding(plan, assessment, alerts, failed_runs, recovery);
        let (history, record) = recorded?;
        examined.history = Some(history);
        Some(record.at)
    }

    /// Returns the mail about `finding`, without recipients; `cluster` is the cluster's name.
    pub fn mail(&self, cluster: Option<&str>, finding: Finding<'_>) -> Mail {
        let Self { settings, job, .. } = self;
        let interim = self.interim.then(|| Interim {
            missing: match &finding {
                Finding::Plan(facts) if !facts.assessment.awaited(facts.plan).is_empty() => {
                    report::expected(facts.plan, facts.assessment, facts.history)
                }
                Finding::Plan(_) | Finding::NothingRecent(_) | Finding::Unreadable(_) => BTreeMap::new(),
            },
            follows_until: self.now.checked_add(settings.correlator.follow).ok(),
        });
        // The run may be over, and that of another plan not.
        let interim = interim.filter(|interim| !matches!(finding, Finding::Plan(_)) || !interim.missing.is_empty());
        let report = Report {
            finding,
            interim: interim.as_ref(),
            in_no_plan: &[],
            asked_for: job.plan.as_ref(),
            cluster,
            alerts: &job.alerts.kept,
            alerts_left_out: job.alerts.left_out,
            job_id: Some(job.id.as_str()),
            redis: &settings.redis.address(),
            host: self.host,
            now: self.now,
            language: settings.notification.language,
            zone: self.zone.clone(),
        };
        let mail = report::mail(settings, &job.id, &report);
        info!(JOB_ID = job.id.as_str(), BACKUP_ID = mail.plan_field(), OUTCOME = mail.outcome.word();
            "wrote the report: {}", mail.subject);
        mail
    }
}
