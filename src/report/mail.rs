//! The report as a mail.

use super::{Report, digest, outcome, sha256, subject, text};
use crate::config::Settings;
use crate::model::job::JobId;
use crate::model::mail::{INTERIM, Mail};
use crate::model::plan::PlanId;

/// Returns the mail that `report` makes, without recipients.
///
/// Its Message-ID follows from the job, the plan and what the report says, so that it stays the same if the mail could
/// not be saved and is written again after a crash. An interim report says less than the final one, even in the same
/// words: it has another digest and Message-ID.
pub fn mail(settings: &Settings, job: &JobId, report: &Report) -> Mail {
    let plan = report.plan_id().cloned();
    let domain = settings.notification.mail_from.address.domain();
    let thread = sha256(plan.as_ref().map_or("", PlanId::as_str));
    let (kind, suffix) = if report.interim.is_some() { ("interim.", INTERIM) } else { ("", "") };
    let digest = digest(report);
    Mail {
        outcome: outcome(report),
        written_at: report.now,
        subject: subject(report, &settings.notification.subject_prefix),
        body: text(report),
        html: settings.notification.html.then(|| super::html_mail(report)),
        run_at: None,
        message_id: format!("<{kind}{job}.{thread:.8}.{digest:.8}@{domain}>"),
        thread_id: format!("<plan-{thread:.16}@{domain}>"),
        recipients: Vec::new(),
        plan,
        digest: digest + suffix,
    }
}
