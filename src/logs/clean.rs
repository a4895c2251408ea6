//! Makes a log's line fit for people: without noise, secrets and control characters, and short. Pure.

use serde::Deserialize;

use super::redact::redact;
use crate::model::text::without_middle;

/// Longest line that is quoted, in characters.
const MAX_CHARS: usize = 300;

/// Returns `line` without control characters, NS8's `Command '[…]'` and secrets, on one line and of any length.
pub(super) fn clean(line: &str) -> String {
    let line = message(line);
    let line = visible(&line);
    let line = without_command(&line);
    redact(line.trim())
}

/// The text of one of restic's JSON messages (`{"message_type":"error",…}`, 0.17 and later); any other line as it is.
fn message(line: &str) -> String {
    #[derive(Deserialize)]
    struct Message {
        message: Option<String>,
        error: Option<Inner>,
        item: Option<String>,
    }
    #[derive(Deserialize)]
    struct Inner {
        message: Option<String>,
    }
    let json = line.trim_start();
    if !json.starts_with('{') {
        return line.to_owned();
    }
    match serde_json::from_str(json) {
        Ok(Message { message: Some(message), .. }) => message,
        Ok(Message { error: Some(Inner { message: Some(message) }), item, .. }) => match item {
            Some(item) if !message.contains(&item) => format!("error: {item}: {message}"),
            _ => format!("error: {message}"),
        },
        _ => line.to_owned(),
    }
}

/// `line` without terminal colours; a blank for every other control character and for each run of blanks.
fn visible(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            if chars.next_if_eq(&'[').is_some() {
                while chars.next_if(|c| !('\u{40}'..='\u{7e}').contains(c)).is_some() {}
                chars.next();
            }
        } else if c.is_control() || c.is_whitespace() {
            if !clean.ends_with(' ') {
                clean.push(' ');
            }
        } else {
            clean.push(c);
        }
    }
    clean
}

/// `[ERROR] x: Command '['podman', …]' returned non-zero exit status 1.` becomes `[ERROR] x: exit status 1`.
fn without_command(line: &str) -> String {
    let Some((before, after)) = line.split_once("Command '") else { return line.to_owned() };
    let ends = ["' returned non-zero exit status ", "' died with ", "' timed out after "];
    let end = ends.iter().filter_map(|end| after.rfind(end).map(|at| &after[at + 2..])).next();
    let outcome = match end {
        Some(end) => end.trim_start_matches("returned non-zero ").trim_end_matches('.'),
        // It was cut in the middle of the command.
        None => "",
    };
    let outcome = outcome.replace("<Signals.", "").replace('>', "");
    let before = before.trim_end();
    match outcome.is_empty() {
        true => before.to_owned(),
        false if before.is_empty() => outcome,
        false => format!("{before} {outcome}"),
    }
}

/// Cuts the middle out of a long line: programs name the step first and the cause last.
///
/// Takes lines that are clean already: half a secret would not be found.
pub(super) fn shorten(line: &str) -> String {
    without_middle(line, MAX_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_goes_the_words_around_it_stay() {
        for (line, quoted) in [
            (
                "[ERROR] module-dump-state failed. Command '['module-dump-state', '2']' returned non-zero exit status 2.",
                "[ERROR] module-dump-state failed. exit status 2",
            ),
            (
                "[ERROR] restic stats failed for 48ce/mail/0d2a: Command '['podman', 'it''s', '--env=RESTIC_*']' died with <Signals.SIGKILL: 9>.",
                "[ERROR] restic stats failed for 48ce/mail/0d2a: died with SIGKILL: 9",
            ),
            ("[ERROR] restic backup failed: Command '['podman', 'run', '--na", "[ERROR] restic backup failed:"),
            ("Command 'hostname -f' timed out after 10 seconds", "timed out after 10 seconds"),
            ("bash: mongodump: command not found", "bash: mongodump: command not found"),
        ] {
            assert_eq!(clean(line), quoted);
        }
    }

    #[test]
    fn restics_json_becomes_its_text() {
        for (line, quoted) in [
            (
                r#"{"message_type":"exit_error","code":12,"message":"Fatal: wrong password or no key found"}"#,
                "Fatal: wrong password or no key found",
            ),
            (
                r#"{"message_type":"error","error":{"message":"open x: permission denied"},"during":"archival","item":"/srv/x"}"#,
                "error: /srv/x: open x: permission denied",
            ),
            (
                r#"{"message_type":"error","error":{},"during":"archival"}"#,
                r#"{"message_type":"error","error":{},"during":"archival"}"#,
            ),
            ("{broken", "{broken"),
        ] {
            assert_eq!(clean(line), quoted);
        }
    }

    #[test]
    fn long_lines_keep_both_ends_and_no_half_secret() {
        let line = format!("Fatal: {} password=hunter2hunter2 {} connection refused", "x ".repeat(70), "y".repeat(130));
        let quoted = shorten(&clean(&line));
        assert_eq!(quoted.chars().count(), MAX_CHARS);
        assert!(quoted.starts_with("Fatal: ") && quoted.ends_with("connection refused"));
        assert!(!quoted.contains("hunt"), "{quoted}");
    }

    #[test]
    fn colours_and_control_characters_go() {
        assert_eq!(clean("\u{1b}[31mERROR\u{1b}[0m\tno\u{0} \r\n space \u{1b}"), "ERROR no space");
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_cleaned_and_short(line in "(.|\n){0,2000}") {
            let quoted = shorten(&clean(&line));
            proptest::prop_assert!(quoted.chars().count() <= MAX_CHARS && !quoted.chars().any(char::is_control));
        }
    }
}
