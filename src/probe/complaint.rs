//! What restic means when it fails. Pure.
//!
//! Exit codes tell since restic 0.17 (10: no repository, 11: locked) and 0.17.1 (12: wrong password). Before that, and
//! for everything else still, it is 1 and the words on standard error tell: restic's own, and those of the servers,
//! `ssh` and `rclone` behind it.

use secrecy::SecretString;
use serde::Deserialize;

use super::redact::redact;
use super::{Lock, Verdict};

/// Longest complaint that is passed on, in characters.
const MAX_WORDS: usize = 300;

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
const UNREACHABLE: [&str; 25] = [
    "connection refused",
    "connection reset",
    "connection timed out",
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
];

/// It is there, and what it holds is not what restic wrote.
const DAMAGED: [&str; 9] = [
    "ciphertext verification failed",
    "is damaged",
    "invalid data returned",
    "cannot be loaded",
    "unmarshal",
    "invalid character",
    "unexpected end of json",
    "panic: ",
    "input/output error",
];

/// The verdict on a repository over which restic ended with `code`, complaining on `stderr`. What is passed on of its
/// words has none of `secrets` in it.
pub(super) fn verdict(code: Option<i32>, stderr: &str, secrets: &[&SecretString]) -> Verdict {
    // Shortened only when the secrets are out: half a secret would not be found.
    let words = redact(&words(stderr), secrets).chars().take(MAX_WORDS).collect();
    let text = stderr.to_lowercase();
    let says = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    match code {
        Some(10) => return Verdict::NoRepository,
        Some(11) => return Verdict::Locked(Lock { count: 1, ..Lock::default() }),
        Some(12) => return Verdict::WrongPassword,
        _ => {}
    }
    if says(&["wrong password or no key found"]) {
        Verdict::WrongPassword
    } else if says(&DENIED) {
        Verdict::Denied(words)
    } else if says(&UNREACHABLE) {
        Verdict::Unreachable(words)
    } else if says(&["unable to open config file"]) && says(&["does not exist", "no such file or directory"]) {
        Verdict::NoRepository
    } else if says(&DAMAGED) {
        Verdict::Damaged(words)
    } else {
        Verdict::Failed(words)
    }
}

/// The complaint about a snapshot that could not be read, though restic went on without it. Not about one that a `forget`
/// has removed in the meantime.
pub(super) fn unreadable_snapshot(stderr: &str) -> Option<&str> {
    let gone = |line: &str| line.contains("does not exist") || line.contains("no such file");
    stderr.lines().find(|line| line.contains("could not load snapshot") && !gone(line))
}

/// The words that tell most: the fatal error, and the line before it, where `ssh` and `rclone` give the cause.
fn words(stderr: &str) -> String {
    let messages = messages(stderr);
    let lines: Vec<&str> = messages.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let fatal = lines.iter().position(|line| line.starts_with("Fatal: ") || line.starts_with("panic: "));
    let last = fatal.unwrap_or(lines.len().saturating_sub(1));
    let told = lines.get(last.saturating_sub(1)..=last).unwrap_or(&lines);
    let plain: Vec<&str> = told.iter().map(|line| line.trim_start_matches("Fatal: ")).collect();
    if plain.is_empty() { "restic gives no reason".into() } else { plain.join("; ") }
}

/// Standard error with each of restic's JSON messages (0.17 and later) replaced by its text.
fn messages(stderr: &str) -> String {
    #[derive(Deserialize)]
    struct Message {
        message: String,
    }
    let text = |line: &str| serde_json::from_str(line).map_or_else(|_| line.to_owned(), |json: Message| json.message);
    stderr.lines().map(text).collect::<Vec<_>>().join("\n")
}
