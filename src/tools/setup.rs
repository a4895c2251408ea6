//! `setup`: asks for the three things that only a person knows, writes the configuration, starts the socket.

use std::fs;
use std::io::{self, BufRead, IsTerminal};
use std::path::Path;
use std::process::{Command, ExitCode};

use serde_yaml::Value;

use super::file::{Access, Place, text_or};
use super::{Done, as_root, complain, print, send_test};
use crate::cli::Setup;
use crate::cluster;
use crate::config::text::{
    block, find, first_indent, items, line_end, lines, parse_yaml, quoted, split_mark, value_of,
};
use crate::config::{self, ConfigError, DEFAULT_PATH, Live, Mailbox, Transport};
use crate::model::address::separated;

/// The group that the service runs as, and that may read the configuration.
const GROUP: &str = "ns8-backup-monitor";
/// What a new file starts with.
const NEW_FILE: &str = "\
# ns8-backup-monitor. Every other key has a default, which this file states:
# /usr/share/doc/ns8-backup-monitor/config.yml.example
";
/// The units to enable and start: those that the package's preset enables.
const UNITS: [&str; 3] =
    ["ns8-backup-monitor.socket", "ns8-backup-monitor-watch.timer", "ns8-backup-monitor-digest.timer"];
/// Says why a file is left alone.
const UNSAFE: &str = "it is written in a way that this program cannot edit safely; edit it by hand";

/// The three things; what is not set stays as it is.
#[derive(Debug, Default, Clone, PartialEq)]
struct Answers {
    mail_from: Option<String>,
    mail_to: Vec<String>,
    subject_prefix: Option<String>,
}

impl Answers {
    /// Returns the keys to set in a file that says `present`.
    fn changes(&self, present: &Self) -> Vec<(&'static str, Value)> {
        let text = |key, wanted: &Option<String>, present: &Option<String>| {
            wanted.clone().filter(|_| wanted != present).map(|text| (key, Value::from(text)))
        };
        let list = || ("mail_to", Value::from(self.mail_to.clone()));
        let recipients = (!self.mail_to.is_empty() && self.mail_to != present.mail_to).then(list);
        let sender = text("mail_from", &self.mail_from, &present.mail_from);
        let prefix = text("subject_prefix", &self.subject_prefix, &present.subject_prefix);
        [sender, recipients, prefix].into_iter().flatten().collect()
    }
}

/// The command.
pub(super) async fn run(arguments: &Setup, live: &Live) -> Done {
    let file = live.file();
    let unreadable = |error: io::Error| format!("{} cannot be read: {error}{}", file.display(), as_root(&error));
    let before = text_or(file, NEW_FILE).map_err(unreadable)?;
    let present = present(&before).map_err(|why| format!("{}: {why}; fix or move it first", file.display()))?;
    let asks = !arguments.yes && given(arguments) == Answers::default();
    let answers = match asks {
        true if !io::stdin().is_terminal() => {
            complain("setup asks questions and needs a terminal; without one, give --mail-to ADDRESS (see --help)\n");
            return Ok(ExitCode::from(2));
        }
        true => ask_all(&present, live).await?,
        false => given(arguments),
    };
    if answers.mail_to.is_empty() && present.mail_to.is_empty() {
        complain(&format!("{} names no recipient yet: give --mail-to ADDRESS\n", file.display()));
        return Ok(ExitCode::from(2));
    }
    let text = edit(&before, &answers.changes(&present))
        .map_err(|why| format!("{} is left as it was: {why}", file.display()))?;
    config::parse(&text).map_err(|problems| {
        let unusable = ConfigError { file: file.into(), problems };
        format!("{unusable}\nNothing is written: fix this first")
    })?;
    print(&format!("\n{}:\n\n{text}\n", file.display()));
    if asks && !confirm("Write this file?")? {
        return Err("nothing was written".into());
    }
    if text_or(file, NEW_FILE).map_err(unreadable)? != before {
        return Err(format!("{}: somebody has changed it meanwhile; nothing was written", file.display()));
    }
    write(file, &text).map_err(|error| format!("{} cannot be written: {error}{}", file.display(), as_root(&error)))?;
    start(arguments, file)?;
    if arguments.send_test || asks && confirm("Send a test mail now?")? {
        return send_test::run(live).await;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns what the flags say.
fn given(arguments: &Setup) -> Answers {
    Answers {
        mail_from: arguments.mail_from.as_ref().map(ToString::to_string),
        mail_to: arguments.mail_to.iter().map(ToString::to_string).collect(),
        subject_prefix: arguments.subject_prefix.clone(),
    }
}

/// Returns what the file says. A value that is no text counts as none here; the check of the result refuses it.
fn present(text: &str) -> Result<Answers, String> {
    let whole: Value = parse_yaml(split_mark(text).1).map_err(|error| format!("is not valid YAML: {error}"))?;
    let text = |key: &str| whole["notification"][key].as_str().map(String::from);
    let mail_to = match &whole["notification"]["mail_to"] {
        Value::Sequence(items) => items.iter().filter_map(|item| item.as_str().map(String::from)).collect(),
        one => one.as_str().map(String::from).into_iter().collect(),
    };
    Ok(Answers { mail_from: text("mail_from"), mail_to, subject_prefix: text("subject_prefix") })
}

async fn ask_all(present: &Answers, live: &Live) -> Result<Answers, String> {
    let defaults = config::defaults().notification;
    let address = |text: &str| match text.parse::<Mailbox>() {
        Ok(mailbox) => Ok(mailbox.to_string()),
        Err(error) => Err(format!("{text:?} is not a mail address ({error})")),
    };
    print(&format!("{}\n\n", relay(live).await));
    let sender = present.mail_from.clone().unwrap_or_else(|| defaults.mail_from.to_string());
    let mail_from = ask("Sender", &sender, address)?;
    let mail_to = ask("Recipients, separated by commas", &present.mail_to.join(", "), |text| {
        separated(text).map(str::trim).map(address).collect::<Result<Vec<_>, _>>()
    })?;
    let prefix = present.subject_prefix.clone().unwrap_or(defaults.subject_prefix);
    let subject_prefix = ask("Subject prefix", &prefix, |text| Ok(text.to_owned()))?;
    Ok(Answers { mail_from: Some(mail_from), mail_to, subject_prefix: Some(subject_prefix) })
}

/// Says which way mails will go, as far as it is known.
async fn relay(live: &Live) -> String {
    let settings = live.current().unwrap_or_else(|_| config::defaults().into());
    if matches!(settings.notification.transport, Transport::Smtp | Transport::Ns8Sendmail) {
        return "Mail is sent as notification.transport says.".into();
    }
    match cluster::smarthost(&settings.redis).await {
        Ok(Some(relay)) => format!("Mails go through the cluster's smarthost, {}:{}.", relay.host, relay.port),
        Ok(None) => "The cluster has no smarthost enabled: enable one, or set \
             notification.transport: smtp and notification.smtp.host."
            .into(),
        Err(error) => format!("Cannot tell whether the cluster has a smarthost: {error}"),
    }
}

/// Asks until the answer can be used; an empty one means `default`.
fn ask<T>(question: &str, default: &str, take: impl Fn(&str) -> Result<T, String>) -> Result<T, String> {
    loop {
        let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
        let answer = read_line(&format!("{question}{shown}: "))?;
        match take(if answer.is_empty() { default } else { &answer }) {
            Ok(value) => return Ok(value),
            Err(why) => print(&format!("{why}\n")),
        }
    }
}

fn confirm(question: &str) -> Result<bool, String> {
    ask(question, "Y/n", |answer| match answer.to_lowercase().as_str() {
        "y/n" | "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err("y or n?".into()),
    })
}

fn read_line(prompt: &str) -> Result<String, String> {
    let failed = |error: io::Error| format!("the terminal cannot be read: {error}");
    print(prompt);
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line).map_err(failed)? {
        0 => Err("\nstopped; nothing was written".into()),
        _ => Ok(line.trim().to_owned()),
    }
}

/// Returns the text with the changes in it.
///
/// # Errors
/// Returns an error if it is written in a way that cannot be edited safely.
fn edit(before: &str, changes: &[(&str, Value)]) -> Result<String, String> {
    let (mark, before) = split_mark(before);
    let mut wanted: Value = parse_yaml(before).map_err(|error| error.to_string())?;
    let mappings = [&wanted, &wanted["notification"]];
    if !mappings.into_iter().all(|value| value.is_mapping() || value.is_null()) {
        return Err(UNSAFE.into());
    }
    let mut text = before.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    // A new key comes first in its section: set the last one first.
    for (key, value) in changes.iter().rev() {
        wanted["notification"][*key] = value.clone();
        text = set(&text, key, value);
    }
    if serde_yaml::from_str::<Value>(&text).ok() != Some(wanted) {
        return Err(UNSAFE.into());
    }
    Ok(format!("{mark}{text}"))
}

/// Returns the text with `notification.<key>` set to a text or a list.
fn set(text: &str, key: &str, value: &Value) -> String {
    let lines = lines(text);
    let end = lines.first().map_or("\n", |line| line_end(line));
    let Some(section) = find(&lines, 0..lines.len(), 0, "notification") else {
        return set(&format!("{text}notification:{end}"), key, value);
    };
    let body = block(&lines, section);
    let columns = first_indent(&lines, body.clone()).unwrap_or(2);
    let found = find(&lines, body, columns, key);
    let place = found.map_or(section + 1..section + 1, |found| found..block(&lines, found).end);
    let comment = found.and_then(|found| value_of(lines[found], columns, key)).map_or(String::new(), comment);
    let entry = match value {
        Value::Sequence(wanted) => {
            let old = lines.get(place.start + 1..place.end).unwrap_or_default();
            format!("{:columns$}{key}:{comment}{end}{}", "", list(old, wanted, columns + 2, end))
        }
        value => format!("{:columns$}{key}: {}{comment}{end}", "", quoted(value.as_str().unwrap_or_default())),
    };
    [lines[..place.start].concat(), entry, lines[place.end..].concat()].concat()
}

/// Returns the lines of a list. An item of the `old` list keeps its line, and the comments before it.
fn list(old: &[&str], wanted: &[Value], columns: usize, end: &str) -> String {
    let columns = first_indent(old, 0..old.len()).unwrap_or(columns);
    let mut start = 0;
    let old: Vec<String> = items(old, 0..old.len())
        .into_iter()
        .map(|item| old[std::mem::replace(&mut start, item.end)..item.end].concat())
        .collect();
    let is = |line: &str, item: &Value| serde_yaml::from_str::<[Value; 1]>(line).is_ok_and(|[old]| old == *item);
    let new = |item: &Value| format!("{:columns$}- {}{end}", "", quoted(item.as_str().unwrap_or_default()));
    wanted.iter().map(|item| old.iter().find(|line| is(line, item)).cloned().unwrap_or_else(|| new(item))).collect()
}

/// Returns the comment at the end of a value, with a space before it; empty if there is none.
fn comment(value: &str) -> String {
    let whole: Option<Value> = serde_yaml::from_str(value).ok();
    let is_comment = |at: &usize| serde_yaml::from_str(&value[..*at]).ok() == whole;
    let start = value.match_indices('#').map(|(at, _)| at).find(is_comment);
    start.map_or(String::new(), |at| format!(" {}", &value[at..]))
}

/// Writes the file so that the service may read it and other users may not.
fn write(file: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let root = rustix::process::geteuid().is_root();
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    let access = Access { mode: 0o640, user: root.then_some(0), group: group_id(&groups).filter(|_| root) };
    Place::find(file)?.replace(text, access)
}

/// Returns the service's group in the text of `/etc/group`, if the package has created it.
fn group_id(groups: &str) -> Option<u32> {
    let line = groups.lines().find(|line| line.split(':').next() == Some(GROUP))?;
    line.split(':').nth(2)?.parse().ok()
}

/// Enables and starts the units, or says why not.
fn start(arguments: &Setup, file: &Path) -> Result<(), String> {
    let command = format!("systemctl enable --now {}", UNITS.join(" "));
    if file != Path::new(DEFAULT_PATH) {
        let by_hand = format!("STATE_DIRECTORY=$PWD/state ns8-backup-monitor --config {} serve", file.display());
        print(&format!("Nothing was started, because the units read {DEFAULT_PATH}. To start it by hand: {by_hand}\n"));
        return Ok(());
    }
    let reason = if arguments.no_start {
        "because of --no-start"
    } else if !Path::new("/run/systemd/system").exists() {
        "because systemd is not running here"
    } else {
        return match Command::new("systemctl").args(["enable", "--now"]).args(UNITS).status() {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(format!("{command} failed: see the lines above")),
            Err(error) => Err(format!("{command} failed: {error}")),
        };
    };
    print(&format!("Nothing was started, {reason}. To start it: {command}\n"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(from: &str, to: &[&str], prefix: &str) -> Answers {
        Answers {
            mail_from: Some(from.into()),
            mail_to: to.iter().map(ToString::to_string).collect(),
            subject_prefix: Some(prefix.into()),
        }
    }

    fn edited(text: &str, answers: &Answers) -> String {
        let edited = edit(text, &answers.changes(&present(text).unwrap())).unwrap();
        assert_eq!(present(&edited).unwrap(), *answers);
        assert_eq!(answers.changes(answers), [], "a second time changes nothing");
        edited
    }

    #[test]
    fn a_mark_at_the_beginning_stays_there() {
        let text = edited("\u{feff}notification:\n  mail_to: old@example.com\n", &answers("b@c", &["a@b"], "x"));
        assert!(text.starts_with("\u{feff}notification:\n") && !text[3..].contains('\u{feff}'));
        let text = edited("\u{feff}", &answers("b@c", &["a@b"], "x"));
        assert!(text.starts_with("\u{feff}notification:\n"), "{text}");
    }

    #[test]
    fn a_new_file_holds_the_answers() {
        let text = edited(NEW_FILE, &answers("b@example.com", &["a@example.com", "c@example.com"], "[it's]"));
        let expected = "notification:
  mail_from: 'b@example.com'
  mail_to:
    - 'a@example.com'
    - 'c@example.com'
  subject_prefix: '[it''s]'
";
        assert_eq!(text, format!("{NEW_FILE}{expected}"));
    }

    #[test]
    fn an_existing_file_keeps_comments_and_other_keys() {
        let text = "# head
receiver: { port: 9100 } # not the default
notification: # mail
    # the boss
    mail_to:   # who
    - old@example.com
    # she reads everything
    - \"a@example.com\" # really
    timeout: 30
    subject_prefix: '[a # b]' # why
# foot";
        let expected = "# head
receiver: { port: 9100 } # not the default
notification: # mail
    mail_from: 'me@example.com'
    # the boss
    mail_to: # who
    # she reads everything
    - \"a@example.com\" # really
    - 'new@example.com'
    timeout: 30
    subject_prefix: '[x]' # why
# foot
";
        assert_eq!(edited(text, &answers("me@example.com", &["a@example.com", "new@example.com"], "[x]")), expected);
    }

    #[test]
    fn the_shipped_file_takes_the_answers() {
        let shipped = include_str!("../../config/config.yml.example");
        let text = edited(shipped, &answers("b@example.com", &["a@example.com"], "[x]"));
        let kept = shipped.lines().filter(|line| text.lines().any(|new| new == *line)).count();
        assert_eq!(kept, shipped.lines().count(), "{text}");
    }

    #[test]
    fn one_address_and_flow_lists_are_understood() {
        for value in ["old@example.com", "[old@example.com, x@example.com]", "[]", ""] {
            let text = format!("notification:\n  mail_to: {value} # them\n");
            let edited = edited(&text, &answers("b@example.com", &["a@example.com"], "p"));
            assert!(edited.contains("  mail_to: # them\n    - 'a@example.com'\n"), "{edited}");
        }
        let kept = edit(
            "notification:\n  mail_to: a@example.com",
            &answers("b@example.com", &[], "p").changes(&Answers::default()),
        );
        assert!(kept.unwrap().contains("mail_to: a@example.com\n"));
    }

    #[test]
    fn what_cannot_be_edited_safely_is_refused() {
        let wanted = answers("b@example.com", &["a@example.com"], "p");
        for text in
            ["notification: { timeout: 5 }\n", "{}", "- a\n", "text\n", "7", "notification: []", "notification: x"]
        {
            assert_eq!(edit(text, &wanted.changes(&Answers::default())), Err(UNSAFE.into()), "{text}");
        }
    }

    #[test]
    fn the_group_is_found() {
        assert_eq!(group_id("root:x:0:\nns8-backup-monitor:x:987:\n"), Some(987));
        assert_eq!(group_id("root:x:0:\nns8-backup-monitor2:x:987:\n"), None);
    }

    #[test]
    fn what_the_package_enables_is_enabled() {
        let preset = include_str!("../../systemd/ns8-backup-monitor.preset").lines();
        assert_eq!(preset.filter_map(|line| line.strip_prefix("enable ")).collect::<Vec<_>>(), UNITS);
    }
}
