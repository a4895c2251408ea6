//! Hands a mail to `ns8-sendmail`, NS8's own tool, which knows the cluster's relay.
//!
//! Its contract: `ns8-sendmail --subject=S --from=F -- RECIPIENT`, the text on standard input; exit status 0 for sent,
//! 1 for no smarthost or an error of SMTP, told on standard error, 2 for arguments it does not know. There is no
//! `--to`, and of several recipients in one call only the first gets the mail, if any. It writes the message itself:
//! neither our `Message-ID` nor our `Date` gets through. It has no time-out of its own.

use std::path::PathBuf;

use super::error::{MAX_WORDS, SendError};
use super::message;
use crate::config::Notification;
use crate::model::address::Address;
use crate::model::mail::Mail;
use crate::model::text::{clean, without_middle};
use crate::system::process::{self, Command, RunError};

/// NS8's own folders. `ns8-sendmail` is in the second; it runs only with the `python3` in the first, which must come
/// before the system's.
const FOLDERS: [&str; 2] = ["/usr/local/agent/pyenv/bin", "/usr/local/agent/bin"];

/// Hands `mail` over for `to`; returns what the command says.
///
/// # Errors
/// Returns an error if it did not succeed. Where it ran, nobody knows whether that was this recipient's fault or
/// everybody's: such an error is [`SendError::Deferred`], so that the others get their turn.
pub(super) async fn send(settings: &Notification, mail: &Mail, to: &Address) -> Result<String, SendError> {
    let command = command(settings, mail, to);
    let program = &command.program;
    let output = command.run().await.map_err(explain)?;
    let words = match output.stderr.trim() {
        "" => "no error message".into(),
        words => both_ends(words),
    };
    match output.status.code() {
        Some(0) => Ok(format!("{program} accepted the mail")),
        Some(1) => Err(SendError::Deferred(format!(
            "{program} could not send: {words}; check the cluster's smarthost settings"
        ))),
        Some(2) => Err(SendError::Relay(format!(
            "{program} does not understand its arguments: {words}; check notification.sendmail_command"
        ))),
        _ => Err(SendError::Deferred(format!("{program} ended with {}: {words}", output.status))),
    }
}

/// The command's file.
pub(super) fn find(settings: &Notification) -> Result<PathBuf, SendError> {
    process::find(program(settings), &FOLDERS.map(PathBuf::from)).map_err(explain)
}

fn program(settings: &Notification) -> &str {
    settings.sendmail_command.first().map_or("", String::as_str)
}

fn command(settings: &Notification, mail: &Mail, to: &Address) -> Command {
    let leading = settings.sendmail_command.iter().skip(1).cloned();
    let arguments = [
        format!("--subject={}", message::subject(mail)),
        format!("--from={}", settings.mail_from.address.wire()),
        "--".into(),
        to.wire(),
    ];
    Command {
        program: program(settings).into(),
        first: FOLDERS.map(PathBuf::from).into(),
        args: leading.chain(arguments).collect(),
        // Anything between angle brackets would make it send HTML.
        stdin: mail.body.replace('<', "‹").replace('>', "›").into_bytes(),
        timeout: settings.timeout,
        max_output: 0,
        ..Command::default()
    }
}

/// Returns the command's own words on one line: all of them, or if they are long their beginning and their end. A
/// traceback has its cause at the end.
fn both_ends(words: &str) -> String {
    without_middle(&clean(words, usize::MAX), MAX_WORDS)
}

fn explain(error: RunError) -> SendError {
    match &error {
        RunError::TimedOut { stderr, .. } if !stderr.trim().is_empty() => {
            SendError::Deferred(format!("{error}: {}", both_ends(stderr)))
        }
        RunError::TimedOut { .. } => SendError::Deferred(format!("{error}; does the cluster's smarthost answer?")),
        RunError::NotFound(_) => SendError::Relay(format!(
            "{error}; NS8 has ns8-sendmail in /usr/local/agent/bin, elsewhere choose another notification.transport"
        )),
        RunError::NotExecutable(_) | RunError::Failed { .. } => SendError::Relay(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_long_words_both_ends_are_kept() {
        assert_eq!(both_ends("a\nb"), "a ⏎ b");
        assert_eq!(both_ends(&"x".repeat(MAX_WORDS)).len(), MAX_WORDS);
        let frames = "  File \"/usr/lib/python3.11/smtplib.py\", line 398, in getreply – à peu près\n".repeat(40);
        let cause = "smtplib.SMTPAuthenticationError: (535, b'5.7.8 Error: authentication failed')";
        let kept = both_ends(&format!("Traceback (most recent call last):\n{frames}{cause}\n"));
        assert!(kept.starts_with("Traceback (most") && kept.ends_with(cause), "{kept}");
        assert!(kept.contains(" … ") && kept.chars().count() <= MAX_WORDS, "{kept}");
    }
}
