//! Examines the plans of a job and writes its reports.

use std::collections::BTreeMap;

use jiff::Timestamp;
use log::{info, warn};

use super::examine::{Examined, examine};
use super::wait::Settled;
use crate::config::{self, Settings};
use crate::model::job::Job;
use crate::model::mail::Mail;
use crate::report::{self, Finding, Interim, Report};

/// Writes a mail without recipients for each plan that is reported. An `interim` one says that the run is not over.
pub(super) async fn write(settings: &Settings, job: &Job, settled: Settled, interim: bool) -> Vec<Mail> {
    let writer = Writer { settings, job, interim, now: Timestamp::now(), host: config::host_name() };
    let look = match settled.look {
        Ok(look) => look,
        Err(error) => {
            warn!(JOB_ID = job.id.as_str(), BACKUP_ID = job.plan_field(); "{error}");
            return vec![writer.mail(None, Finding::Unreadable(error))];
        }
    };
    let name = look.cluster.name.as_deref();
    if look.cluster.plans.is_empty() {
        return vec![writer.mail(name, Finding::NothingRecent(settings.correlator.recent_window))];
    }
    let mut examined: Vec<Examined> = Vec::with_capacity(look.assessments.len());
    for (plan, assessment) in look.cluster.plans.into_iter().zip(look.assessments) {
        examined.push(examine(settings, plan, assessment, true, &|_, _| {}).await);
    }
    let gave_up_after = (!settled.over).then_some(settings.correlator.max_wait);
    examined.iter().map(|examined| writer.mail(name, examined.finding(gave_up_after))).collect()
}

struct Writer<'a> {
    settings: &'a Settings,
    job: &'a Job,
    interim: bool,
    now: Timestamp,
    host: String,
}

impl Writer<'_> {
    fn mail(&self, cluster: Option<&str>, finding: Finding<'_>) -> Mail {
        let Self { settings, job, .. } = self;
        let interim = self.interim.then(|| Interim {
            missing: match &finding {
                Finding::Plan(facts) => report::expected(facts.plan, facts.assessment, facts.history),
                Finding::NothingRecent(_) | Finding::Unreadable(_) => BTreeMap::new(),
            },
            follows_until: self.now.checked_add(settings.correlator.follow).ok(),
        });
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
            host: &self.host,
            now: self.now,
            language: settings.notification.language,
            zone: crate::system::zone(),
        };
        let mut mail = report::mail(settings, &job.id, &report);
        mail.recipients.clear();
        if self.interim {
            mail.digest.push_str("-interim");
            mail.message_id = mail.message_id.replacen('<', "<interim.", 1);
        }
        info!(JOB_ID = job.id.as_str(), BACKUP_ID = mail.plan_field(), OUTCOME = mail.outcome.word();
            "wrote the report: {}", mail.subject);
        mail
    }
}
