//! `send-test`: a mail that goes exactly the way of a report.

use std::process::ExitCode;

use jiff::Timestamp;

use super::{Done, print, send, settings};
use crate::config::{Live, host_name};
use crate::model::mail::{Mail, Recipient, RecipientState};
use crate::model::run::Outcome;
use crate::report;
use crate::system;

/// The command.
pub(super) async fn run(live: &Live) -> Done {
    let settings = settings(live)?;
    let notification = &settings.notification;
    let now = Timestamp::now();
    let (subject, body) =
        report::test_mail(notification.language, &notification.subject_prefix, &host_name(), now, &system::zone());
    let id = format!("<test-{:x}@{}>", now.as_nanosecond(), notification.mail_from.address.domain());
    let pending = RecipientState::Pending { last_error: None };
    let recipients = notification.mail_to.iter();
    let mail = Mail {
        plan: None,
        outcome: Outcome::Test,
        digest: String::new(),
        written_at: now,
        subject,
        body,
        html: None,
        run_at: None,
        message_id: id,
        thread_id: String::new(),
        recipients: recipients.map(|to| Recipient { address: to.to_string(), state: pending.clone() }).collect(),
    };
    print(&format!("From {}: {}\n", notification.mail_from, mail.subject));
    Ok(if send(&settings, &mail, print).await { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
