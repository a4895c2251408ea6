//! `ns8-sendmail`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::support::programs::install;

/// A command in the place of `ns8-sendmail` that obeys the same contract and then does as `then` says; it notes what it
/// got beside itself.
pub(super) fn stand_in(dir: &Path, then: &str) -> Settings {
    let script = format!(
        r#"#!/bin/sh
subject= from= recipients=
while [ $# -gt 0 ]; do
    case "$1" in
        --subject=*) subject=${{1#*=}} ;;
        --from=*) from=${{1#*=}} ;;
        -s|--subject) subject=$2; shift ;;
        -f|--from) from=$2; shift ;;
        --) shift; recipients=$*; break ;;
        -*) echo "ns8-sendmail: error: unrecognized arguments: $1" >&2; exit 2 ;;
        *) recipients="$recipients $1" ;;
    esac
    shift
done
[ -n "$recipients" ] || {{ echo "ns8-sendmail: error: the following arguments are required" >&2; exit 2; }}
{then}
cat > {0}/body
printf '%s\n%s\n%s' "$subject" "$from" "$recipients" > {0}/arguments
"#,
        dir.display()
    );
    let program = dir.join("ns8-sendmail");
    install(&program, &script);
    settings(&format!("transport: ns8-sendmail, sendmail_command: [{}]", program.display()))
}

#[tokio::test]
async fn ns8_sendmail_gets_the_arguments_it_expects() {
    let dir = tempfile::tempdir().unwrap();
    let settings = stand_in(dir.path(), &format!("echo \"$PATH\" > {}/path", dir.path().display()));
    let mut mail = mail();
    mail.subject = "--to\nBcc: x@example.com".into();
    mail.body = "a < b > c\n.\n".into();
    send(&settings, &mail, "-b@example.com").await.unwrap();
    let arguments = fs::read_to_string(dir.path().join("arguments")).unwrap();
    assert_eq!(arguments, "--to ⏎ Bcc: x@example.com\nbackup@example.com\n-b@example.com");
    assert_eq!(fs::read_to_string(dir.path().join("body")).unwrap(), "a ‹ b › c\n.\n");
    let path = fs::read_to_string(dir.path().join("path")).unwrap();
    assert!(path.starts_with("/usr/local/agent/pyenv/bin:/usr/local/agent/bin:/"), "{path}");
}

#[tokio::test]
async fn ns8_sendmail_gets_the_text_alone_and_domains_in_ascii() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = stand_in(dir.path(), "");
    settings.notification.mail_from = "backup@münchen.example".parse().unwrap();
    let mut mail = mail();
    mail.html = Some("<p>a page</p>".into());
    send(&settings, &mail, "ops@例え.テスト").await.unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("body")).unwrap(), mail.body);
    let arguments = fs::read_to_string(dir.path().join("arguments")).unwrap();
    assert!(arguments.ends_with("\nbackup@xn--mnchen-3ya.example\nops@xn--r8jz45g.xn--zckzah"), "{arguments}");
}

#[tokio::test]
async fn the_cause_of_a_traceback_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    // A real one, of the module that ns8-sendmail uses, below many frames.
    let mut script = String::from("import smtplib\n");
    for n in 0..30 {
        script += &format!("def f{}(): f{n}()\n", n + 1);
    }
    script +=
        "def f0(): raise smtplib.SMTPSenderRefused(553, b\"5.7.1 not owned by user\", \"backup@example.com\")\nf30()";
    let settings = stand_in(dir.path(), &format!("exec python3 -c '{script}'"));
    let result = send(&settings, &mail(), "a@example.com").await;
    assert_eq!(kind(&result), Kind::Deferred, "{result:?}");
    assert_told(&result, "could not send: Traceback (most recent call last)");
    assert_told(&result, "smtplib.SMTPSenderRefused: (553, b'5.7.1 not owned by user', 'backup@example.com')");
}

#[tokio::test]
async fn each_fault_of_ns8_sendmail_is_known_by_what_it_says() {
    use Kind::{Deferred, Relay};
    let dir = tempfile::tempdir().unwrap();
    let cases = [
        ("echo 'SMTP error: (550, b\"no\")' >&2; exit 1", Deferred, "could not send: SMTP error: (550"),
        ("exit 2", Relay, "does not understand its arguments: no error message"),
        ("echo 'unrecognized arguments' >&2; exit 2", Relay, "its arguments: unrecognized arguments"),
        ("kill -9 $$", Deferred, "signal: 9"),
        ("yes | head -c 100M >&2; exit 1", Deferred, "could not send: y ⏎ y"),
        ("yes | head -c 100M; exit 7", Deferred, "exit status: 7"),
    ];
    for (then, expected, words) in cases {
        let result = send(&stand_in(dir.path(), then), &mail(), "a@example.com").await;
        assert_eq!(kind(&result), expected, "{result:?}");
        assert_told(&result, words);
    }
    for then in ["sleep 1000", "trap '' TERM; echo stuck >&2; while :; do sleep 1000; done"] {
        let mut settings = stand_in(dir.path(), then);
        settings.notification.timeout = SHORT;
        let result = send(&settings, &mail(), "a@example.com").await;
        assert_eq!(kind(&result), Deferred, "{result:?}");
        assert_told(&result, "did not finish within");
    }
    let settings = stand_in(dir.path(), "");
    fs::write(dir.path().join("ns8-sendmail"), "not a program").unwrap();
    let error = relay_error(send(&settings, &mail(), "a@example.com").await);
    assert!(error.contains("could not be run"), "{error}");
    let settings = stand_in(dir.path(), "");
    fs::set_permissions(dir.path().join("ns8-sendmail"), fs::Permissions::from_mode(0o644)).unwrap();
    let error = relay_error(send(&settings, &mail(), "a@example.com").await);
    assert!(error.contains("is not executable"), "{error}");
    fs::remove_file(dir.path().join("ns8-sendmail")).unwrap();
    let error = relay_error(send(&settings, &mail(), "a@example.com").await);
    assert!(error.contains("is not installed"), "{error}");
    assert!(!dir.path().join("body").exists());
}
