//! `send-test`: a mail that goes exactly the way of a report.

use std::process::ExitCode;

use jiff::Timestamp;

use super::{Done, mail, print, send, settings};
use crate::config::{Live, host_name};
use crate::report;
use crate::system;

/// The command.
pub(super) async fn run(live: &Live) -> Done {
    let settings = settings(live)?;
    let notification = &settings.notification;
    let now = Timestamp::now();
    let (subject, body) =
        report::test_mail(notification.language, &notification.subject_prefix, &host_name(), now, &system::zone());
    let mail = mail(&settings, "test", now, subject, body);
    print(&format!("From {}: {}\n", notification.mail_from, mail.subject));
    Ok(if send(&settings, &mail, print).await { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
