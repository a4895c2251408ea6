//! What restic means when it fails. Pure.
//!
//! Exit codes tell since restic 0.17 (10: no repository, 11: locked) and 0.17.1 (12: wrong password). Before that, and
//! for everything else still, it is 1 and the words on standard error tell: restic's own, and those of the servers,
//! `ssh` and `rclone` behind it.

use secrecy::SecretString;
use serde::Deserialize;

use super::limits::{MAX_WORDS, RETRIES};
use crate::model::repository::{Lock, Verdict};
use crate::model::restic::{healed, retried};
use crate::system::redact::redact;

/// The server says no.
const DENIED: [&str; 13] = [
    "(401)",
    "(403)",
    "401 unauthorized",
    "403 forbidden",
    "accessdenied",
    "access denied",
    "bad_auth_token",
    "invalidaccesskeyid",
    "key id you provided does not exist",
    "signature we calculated does not match",
    "permission denied",
    "operation not permitted",
    "host key verification failed",
];

/// There is nobody who could say anything.
const UNREACHABLE: [&str; 27] = [
    "connection refused",
    "connection reset",
    "timed out",
    "connection closed by",
    "no such host",
    "no route to host",
    "host is down",
    "could not resolve hostname",
    "temporary failure in name resolution",
    "server misbehaving",
    "network is unreachable",
    "network is down",
    "i/o timeout",
    "tls handshake timeout",
    "x509:",
    "tls: ",
    "context deadline exceeded",
    "timeout awaiting response",
    "transport endpoint is not connected",
    "stale file handle",
    "unexpected http response (5",
    "500 internal server error",
    "502 bad gateway",
    "503 service unavailable",
    "slow down",
    "reduce your request rate",
    "too many requests",
];

/// It is there, and what it holds is not what restic wrote.
const DAMAGED: [&str; 10] = [
    "ciphertext verification failed",
    "is damaged",
    "config file has zero size",
    "invalid data returned",
    "cannot be loaded",
    "unmarshal",
    "invalid character",
    "unexpected end of json",
    "panic: ",
    "input/output error",
];

/// What restic says of an operation that was stopped.
const CANCELED: &str = "context canceled";

/// The verdict on a repository over which restic ended with `code`, complaining on `stderr`. What is passed on of its
/// words has none of `secrets` in it.
pub(super) fn verdict(code: Option<i32>, stderr: &str, secrets: &[&SecretString]) -> Verdict {
    let stderr = plain(stderr);
    let no_key = code == Some(12) || stderr.contains("wrong password or no key found");
    // restic also finds no key that fits where it could not read the keys, though its next attempt went well.
    let stderr = if no_key { stderr } else { without_healed(&stderr) };
    let words = shown(&words(&stderr), secrets).into();
    let text = stderr.to_lowercase();
    let says = |signs: &[&str]| says(&text, signs);
    match code {
        Some(10) => return Verdict::NoRepository,
        Some(11) => return Verdict::Locked(Lock { count: 1, exclusive: Some(true), ..Lock::default() }),
        _ => {}
    }
    // What the server says comes first.
    if says(&DENIED) {
        Verdict::Denied(words)
    } else if says(&UNREACHABLE) {
        Verdict::Unreachable(words)
    } else if no_key {
        Verdict::WrongPassword
    } else if says(&["unable to open config file"]) && says(&["does not exist", "no such file or directory"]) {
        Verdict::NoRepository
    } else if says(&DAMAGED) {
        Verdict::Damaged(words)
    } else {
        Verdict::Failed(words)
    }
}

/// `words` without secrets, and not too long.
pub(super) fn shown(words: &str, secrets: &[&SecretString]) -> String {
    // Shortened only when the secrets are out: half a secret would not be found.
    redact(words, secrets).chars().take(MAX_WORDS).collect()
}

/// Whether restic has said often enough on `stderr` that it tries again to reach a server (0.17 and later).
pub(super) fn gives_up(stderr: &str) -> bool {
    let text = without_healed(stderr).to_lowercase();
    let attempts = text.lines().filter(|line| says_of_server(cause(line).unwrap_or_default()));
    attempts.count() >= RETRIES
}

/// Whether restic has said on `stderr` that it tries again, and not that this went well.
pub(super) fn tries_again(stderr: &str) -> bool {
    without_healed(stderr).lines().any(|line| cause(line).is_some())
}

/// The complaint about a snapshot that could not be read, though restic went on without it. Not about one that a
/// `forget` has removed in the meantime.
pub(super) fn unreadable_snapshot(stderr: &str) -> Option<&str> {
    let is_complaint = |line: &&str| {
        line.contains("could not load snapshot") // 0.14
            || line.contains("failed to load snapshot") // 0.17 and later
    };
    stderr.lines().filter(is_complaint).find(|line| !gone(line))
}

/// Whether `words` say of a file in the repository that it is no longer there.
pub(super) fn gone(words: &str) -> bool {
    words.contains("does not exist") || words.contains("no such file")
}

/// Whether `words`, in lower case, are of the server, the network or permissions, and so say nothing of a file.
pub(super) fn says_of_server(words: &str) -> bool {
    says(words, &DENIED) || says(words, &UNREACHABLE)
}

/// Whether `ssh` complains on `stderr` itself, before there is a server that could.
pub(super) fn is_of_ssh(stderr: &str) -> bool {
    stderr.contains("subprocess ssh: ")
}

fn says(text: &str, signs: &[&str]) -> bool {
    signs.iter().any(|sign| text.contains(sign))
}

/// The cause in `Stat(<config/>) returned error, retrying after 610ms: dial tcp …: connection refused`.
fn cause(line: &str) -> Option<&str> {
    retried(line)?.1.split_once(": ").map(|(_, cause)| cause)
}

/// `stderr` without the attempts that went well when they were repeated, as restic 0.17 and later says.
fn without_healed(stderr: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for line in stderr.lines() {
        match healed(line) {
            Some(operation) => kept.retain(|line| retried(line).is_none_or(|(failed, _)| failed != operation)),
            None => kept.push(line),
        }
    }
    kept.join("\n")
}

/// The words that tell most: the fatal error, and the line before it, where `ssh` and `rclone` give the cause; without
/// such an error, the cause of the last attempt, or the last line.
fn words(stderr: &str) -> String {
    let lines: Vec<&str> = without_stack(stderr).map(str::trim).filter(|line| !line.is_empty()).collect();
    let fatal = lines.iter().position(|line| line.starts_with("Fatal: ") || line.starts_with("panic: "));
    let told = match (fatal, lines.iter().rev().find_map(|line| cause(line))) {
        (Some(at), cause) if cause.is_none() || !lines[at].contains(CANCELED) => &lines[at.saturating_sub(1)..=at],
        (_, Some(cause)) => return cause.into(),
        _ => &lines[lines.len().saturating_sub(1)..],
    };
    let plain: Vec<&str> = told.iter().map(|line| line.trim_start_matches("Fatal: ")).collect();
    if plain.is_empty() { "restic gives no reason".into() } else { plain.join("; ") }
}

/// The lines of `text` but those of a Go stack: of each call a line, and below it, indented, where that is.
fn without_stack(text: &str) -> impl Iterator<Item = &str> {
    let is_place = |line: &str| line.starts_with('\t') && (line.contains(".go:") || line.contains(".s:"));
    let below = text.lines().skip(1).chain([""]);
    text.lines().zip(below).filter(move |(line, below)| !is_place(line) && !is_place(below)).map(|(line, _)| line)
}

/// Standard error as plain text: without a terminal's sequences, up to where restic is stopped (then it also finds no
/// key that fits), and with each of its JSON messages (0.17 and later) replaced by its text.
pub(super) fn plain(stderr: &str) -> String {
    #[derive(Deserialize)]
    struct Message {
        message: String,
    }
    let text = |line: &str| serde_json::from_str(line).map_or_else(|_| line.to_owned(), |json: Message| json.message);
    let stderr = without_sequences(stderr);
    let lines = stderr.lines().take_while(|line| !line.ends_with("received, cleaning up"));
    lines.map(|line| without_sequences(&text(line))).collect::<Vec<_>>().join("\n")
}

/// `text` without a terminal's control sequences, `ESC [ … letter`, and other control characters.
fn without_sequences(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    let all = parts.fold(first, |clean, part| {
        let sequence = part.strip_prefix('[').and_then(|rest| rest.split_once(|c: char| ('@'..='~').contains(&c)));
        clean + sequence.map_or(part, |(_, rest)| rest)
    });
    all.replace(|c: char| c.is_control() && !matches!(c, '\n' | '\t'), "")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Each file: `exit <code>: <verdict>`, then the standard error of the restic version that it is named after.
    #[test]
    fn the_words_of_many_versions_are_understood() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/restic/errors");
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let (header, stderr) = text.split_once('\n').unwrap();
            let (exit, expected) = header.split_once(": ").unwrap();
            let code = exit.strip_prefix("exit ").map(|code| code.parse().unwrap());
            let found = match verdict(code, stderr, &[]) {
                Verdict::Unreachable(words) => format!("Unreachable: {words}"),
                Verdict::Denied(words) => format!("Denied: {words}"),
                Verdict::Damaged(words) => format!("Damaged: {words}"),
                Verdict::Failed(words) => format!("Failed: {words}"),
                Verdict::Locked(_) => "Locked".into(),
                other => format!("{other:?}"),
            };
            assert_eq!(found, expected, "{}", path.display());
        }
    }

    #[test]
    fn a_secret_does_not_survive_in_half() {
        let secret = SecretString::from("a-very-secret-password");
        let stderr = format!("Fatal: {}a-very-secret-password", "x".repeat(MAX_WORDS - 10));
        let Verdict::Failed(words) = verdict(Some(1), &stderr, &[&secret]) else { panic!() };
        let words = words.to_string();
        assert!(words.ends_with("x***") && !words.contains("very"), "{words}");
    }

    #[test]
    fn an_attempt_that_went_well_when_repeated_counts_no_longer() {
        let attempt = |file: u32| format!("Load(<data/{file}>) returned error, retrying after 1s: connection reset\n");
        let healed = |file: u32| format!("Load(<data/{file}>) operation successful after 1 retries\n");
        let failed: String = (0..3).map(attempt).collect();
        assert!(gives_up(&failed) && tries_again(&failed));
        let last: String = failed.clone() + &healed(0) + &healed(1);
        assert!(!gives_up(&last) && tries_again(&last));
        assert!(!tries_again(&(last + &healed(2))));
    }

    #[test]
    fn a_snapshot_that_was_just_removed_is_no_fault() {
        let complaint = "could not load snapshot 1cdbc605: load <snapshot/1cdbc605a8>: invalid data returned";
        let removed = "could not load snapshot aaeed8ac: <snapshot/aaeed8ac5b> does not exist\n";
        assert_eq!(unreadable_snapshot(removed), None);
        assert_eq!(unreadable_snapshot(&format!("{removed}{complaint}\n")), Some(complaint));
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_program_says_no_secret_is_passed_on(
            before in ".{0,400}",
            after in "(.|\n){0,40}",
            secret in "[a-zA-Z0-9+/=@:]{6,40}",
            user in "[a-z]{0,3}",
            code in proptest::option::of(0..20),
        ) {
            let known = SecretString::from(secret.as_str());
            let told = format!("{:?}", verdict(code, &format!("{before}{secret}{after}"), &[&known]));
            proptest::prop_assert!(!told.contains(&secret), "{}", told);
            let remote = format!("{before} :webdav,user={user},pass=\"{secret}\":{after}");
            let told = format!("{:?}", verdict(code, &remote, &[]));
            proptest::prop_assert!(!told.contains(&secret), "{}", told);
            let url = format!("{before} https://{user}:{secret}@host{after}");
            let told = format!("{:?}", verdict(code, &url, &[]));
            proptest::prop_assert!(!told.contains(&secret), "{}", told);
        }
    }
}
