//! What a single value of the configuration may be. Each function reads one value, or says what is wrong with it. Pure.

use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Mailbox;
use super::RedisAddress;
use super::section::{Node, Read, wrong};
use super::url::{Url, is_host};

/// Reads `true` or `false`, or one of YAML 1.1's other words for them, which the Python tool took.
pub(super) fn flag(node: &Node) -> Read<bool> {
    let is = |text: &str, words: [&str; 2]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    match node {
        Node::Bool(value) => Ok(*value),
        Node::Text(text) if is(text, ["yes", "on"]) => Ok(true),
        Node::Text(text) if is(text, ["no", "off"]) => Ok(false),
        other => other.unfit("true or false"),
    }
}

/// Returns a whole number, which YAML 1.1 writes as `1_000` too.
fn whole(node: &Node) -> Option<u64> {
    match node {
        Node::Number(number) => Some(*number),
        Node::Text(text) if text.starts_with(|c: char| c.is_ascii_digit() && c != '0') => {
            text.replace('_', "").parse().ok()
        }
        _ => None,
    }
}

/// Reads a text on one line.
pub(super) fn text(node: &Node) -> Read<String> {
    match node {
        Node::Text(text) if text.chars().any(char::is_control) => {
            wrong("holds a line break or another control character")
        }
        Node::Text(text) => Ok(text.clone()),
        other => other.unfit("text"),
    }
}

/// Reads a whole number of `unit` within a range.
pub(super) fn number(range: RangeInclusive<u64>, unit: &str) -> impl Fn(&Node) -> Read<u64> {
    move |node| match whole(node) {
        Some(number) => in_range(number, &range, unit),
        None => node.unfit("a whole number"),
    }
}

/// Reads a duration within a range of seconds: a number of seconds, or one with `s`, `m`, `h` or `d`.
pub(super) fn duration(range: RangeInclusive<u64>) -> impl Fn(&Node) -> Read<Duration> {
    move |node| {
        let seconds = match node {
            Node::Text(text) => seconds(text).or_else(|| whole(node)),
            _ => whole(node),
        };
        match seconds {
            Some(seconds) => in_range(seconds, &range, "seconds").map(Duration::from_secs),
            None => node.unfit("seconds, or a number with s, m, h or d, such as 15m"),
        }
    }
}

fn in_range(number: u64, range: &RangeInclusive<u64>, unit: &str) -> Read<u64> {
    match range.contains(&number) {
        true => Ok(number),
        false => wrong(format!("{number} is out of range: {} to {} {unit}", range.start(), range.end())),
    }
}

/// Returns `90`, `90s`, `15m`, `12h` or `3d` in seconds.
fn seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = match text[digits..].trim() {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(unit)
}

/// Reads a port.
pub(super) fn port(node: &Node) -> Read<u16> {
    let Some(number) = whole(node) else { return node.unfit("a port, 1 to 65535") };
    match u16::try_from(number) {
        Ok(port) if port > 0 => Ok(port),
        _ => wrong(format!("{number} is not a port: 1 to 65535")),
    }
}

/// Reads the name or address of a host.
pub(super) fn host(node: &Node) -> Read<String> {
    match text(node)? {
        host if is_host(&host) => Ok(host),
        other if other.contains(':') => {
            wrong(format!("{other:?} is not the name or address of a host; a port goes into the key port beside it"))
        }
        other => wrong(format!("{other:?} is not the name or address of a host")),
    }
}

/// Reads a path that does not depend on where the program was started.
pub(super) fn path(node: &Node) -> Read<Option<PathBuf>> {
    match text(node)? {
        path if Path::new(&path).is_absolute() => Ok(Some(path.into())),
        relative => wrong(format!("{relative:?} is not an absolute path; it must begin with /")),
    }
}

/// Reads the path of a file with a secret: absolute, or a credential that systemd hands over.
pub(super) fn secret_file(node: &Node) -> Read<Option<PathBuf>> {
    match node {
        Node::Text(text) if credential(Path::new(text)).is_some() => Ok(Some(text.into())),
        _ => path(node),
    }
}

/// Returns the name of the credential if `file` is `$CREDENTIALS_DIRECTORY/NAME`.
pub(super) fn credential(file: &Path) -> Option<&OsStr> {
    let name = file.strip_prefix("$CREDENTIALS_DIRECTORY").ok()?;
    name.file_name().filter(|only| *only == name)
}

/// Reads one of the `words`, in any case.
pub(super) fn one_of<T: Copy>(words: &[(&str, T)]) -> impl Fn(&Node) -> Read<T> {
    move |node| match node {
        Node::Text(text) if let Some((_, value)) = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) => {
            Ok(*value)
        }
        other => {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            other.unfit(&format!("one of {}", words.join(", ")))
        }
    }
}

/// Reads a list of at least one item; `example` shows one.
pub(super) fn list<T>(read: impl Fn(&Node) -> Read<T>, example: &str) -> impl Fn(&Node) -> Read<Vec<T>> {
    move |node| {
        let Node::List(items) = node else { return node.unfit(&format!("a list, such as [{example}]")) };
        if items.is_empty() {
            return wrong(format!("is empty: name at least one, such as [{example}]"));
        }
        let mut read_items = Vec::new();
        let mut messages = Vec::new();
        for item in items {
            match read(item) {
                Ok(item) => read_items.push(item),
                Err(more) => messages.extend(more),
            }
        }
        if messages.is_empty() { Ok(read_items) } else { Err(messages) }
    }
}

/// The message for a list without recipients.
pub(super) const NOBODY: &str = "is missing: name at least one recipient, such as admin@example.com";

/// Reads mail addresses, one or a list of them. A second one for the same mailbox is left out.
pub(super) fn recipients(node: &Node) -> Read<Vec<Mailbox>> {
    let items = match node {
        Node::List(_) => node.clone(),
        one => Node::List(vec![one.clone()]),
    };
    let mut recipients: Vec<Mailbox> = Vec::new();
    for recipient in list(mailbox, "admin@example.com")(&items)? {
        if !recipients.iter().any(|known| known.address.is_same(&recipient.address)) {
            recipients.push(recipient);
        }
    }
    Ok(recipients)
}

/// Reads a mail address.
pub(super) fn mailbox(node: &Node) -> Read<Mailbox> {
    let text = match node {
        Node::Text(text) => text,
        other => return other.unfit("a mail address, or a list of them"),
    };
    text.parse().or_else(|_| {
        let advice = match text {
            _ if text.matches('@').count() > 1 => "several are a list: [admin@example.com, ops@example.com]",
            _ if !text.contains('@') => "the part after the name is missing, such as @example.com",
            _ => "write it as admin@example.com",
        };
        wrong(format!("{text:?} is not a mail address; {advice}"))
    })
}

/// Reads the address of a gateway: `http://host:port`.
pub(super) fn gateway(node: &Node) -> Read<String> {
    let text = text(node)?;
    match Url::parse(&text) {
        Some(Url { scheme: "http", port: Some(_), rest: "" | "/", .. }) => Ok(text.trim_end_matches('/').into()),
        _ => wrong("is not an address of the form http://127.0.0.1:4694"),
    }
}

/// Reads the address of a monitoring service. It is not echoed: everybody who knows it can send signs of life.
pub(super) fn heartbeat_url(node: &Node) -> Read<Option<String>> {
    let Ok(text) = text(node) else { return wrong(HEARTBEAT) };
    match Url::parse(&text) {
        Some(Url { scheme: "https" | "http", .. }) => Ok(Some(text)),
        _ => wrong(HEARTBEAT),
    }
}

const HEARTBEAT: &str = "is not an address of the form https://host/path";

/// Reads the address of a Redis. It is not echoed: it may hold a password, in any place.
pub(super) fn redis_url(node: &Node) -> Read<Option<String>> {
    const FORM: &str = "is not an address of the form redis://127.0.0.1:6379";
    let Ok(text) = text(node) else { return wrong(FORM) };
    if text.contains(['@', '?', '#']) {
        let advice = "name the user in redis.username and the password's file in redis.password_file";
        return wrong(format!("holds more than an address: {advice}"));
    }
    match RedisAddress::Url(text.clone()).endpoint() {
        Some(_) => Ok(Some(text)),
        None => wrong(FORM),
    }
}
