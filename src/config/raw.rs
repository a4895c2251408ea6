//! The configuration file as it is written: every key optional, no value checked beyond its type. What a key means
//! stands with [`super::Settings`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::{Language, Problem, Transport, locate, tree};
use crate::model::cluster::Encryption;
use crate::model::plan::PlanId;

/// The whole file.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Raw {
    #[serde(deserialize_with = "or_empty")]
    pub(crate) receiver: Receiver,
    #[serde(deserialize_with = "or_empty")]
    pub(crate) correlator: Correlator,
    #[serde(deserialize_with = "or_empty")]
    pub(crate) repo_check: RepoCheck,
    #[serde(deserialize_with = "or_empty")]
    pub(crate) notification: Notification,
    #[serde(deserialize_with = "or_empty")]
    pub(crate) redis: Redis,
    #[serde(deserialize_with = "or_empty")]
    pub(crate) logging: Logging,
    #[serde(deserialize_with = "or_empty")]
    pub(crate) watch: Watch,
    #[serde(deserialize_with = "or_empty")]
    pub(crate) digest: Digest,
    #[serde(deserialize_with = "or_empty")]
    pub(crate) plans: BTreeMap<PlanId, Option<Plan>>,
}

/// `watch`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Watch {
    pub(crate) enabled: Option<bool>,
    pub(crate) grace: Option<Seconds>,
}

/// `digest`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Digest {
    pub(crate) enabled: Option<bool>,
}

/// One entry of `plans`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Plan {
    pub(crate) mail_to: Option<OneOrMany>,
}

/// `receiver`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Receiver {
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) alert_names: Option<Vec<String>>,
    pub(crate) idle_timeout: Option<Seconds>,
    pub(crate) max_body: Option<usize>,
    pub(crate) token_file: Option<PathBuf>,
}

/// `correlator`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Correlator {
    pub(crate) wait_seconds: Option<Seconds>,
    pub(crate) max_wait_seconds: Option<Seconds>,
    pub(crate) recent_window: Option<Seconds>,
    pub(crate) stale_after: Option<Seconds>,
    pub(crate) follow_seconds: Option<Seconds>,
}

/// `repo_check`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RepoCheck {
    pub(crate) enabled: Option<bool>,
    pub(crate) timeout: Option<Seconds>,
    pub(crate) restic: Option<String>,
    pub(crate) gateway: Option<String>,
    pub(crate) agent_env: Option<PathBuf>,
}

/// `notification`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Notification {
    pub(crate) mail_from: Option<String>,
    pub(crate) mail_to: Option<OneOrMany>,
    pub(crate) subject_prefix: Option<String>,
    pub(crate) language: Option<Language>,
    pub(crate) transport: Option<Transport>,
    pub(crate) timeout: Option<Seconds>,
    pub(crate) retry_for: Option<Seconds>,
    pub(crate) repeat_after: Option<Seconds>,
    pub(crate) recovery: Option<bool>,
    pub(crate) success: Option<bool>,
    pub(crate) html: Option<bool>,
    pub(crate) heartbeat_url: Option<String>,
    pub(crate) sendmail_command: Option<Vec<String>>,
    #[serde(deserialize_with = "or_empty")]
    pub(crate) smtp: Smtp,
}

/// `notification.smtp`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Smtp {
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) encryption: Option<Encryption>,
    pub(crate) username: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) ca_file: Option<PathBuf>,
}

/// `redis`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Redis {
    pub(crate) socket: Option<PathBuf>,
    pub(crate) url: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) timeout: Option<Seconds>,
}

/// `logging`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Logging {
    pub(crate) level: Option<Level>,
    pub(crate) file: Option<PathBuf>,
}

/// A duration in seconds: a whole number, or one with a unit (`15m`, `12h`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seconds(pub u64);

/// `ERROR`, `WARNING`, `INFO` or `DEBUG`, in any case.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level(pub log::LevelFilter);

/// One text, or a list of them.
#[derive(Debug, serde::Deserialize)]
#[serde(untagged, expecting = "expected a mail address or a list of them")]
pub(crate) enum OneOrMany {
    /// `key: text`.
    One(String),
    /// `key: [text, …]`.
    Many(Vec<String>),
}

impl OneOrMany {
    /// The texts, in order.
    pub(crate) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// A section of which only the name is written, as in the shipped file, is an empty one.
fn or_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads the file's text as far as it can be read, with all problems of structure and type.
///
/// A value that does not fit is reported and taken out, and the rest is read again: an administrator wants to see
/// everything that is wrong at once.
pub(super) fn parse(text: &str) -> (Raw, Vec<Problem>) {
    let (mut value, twice) = match tree::parse(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            let line = error.location().map(|location| location.line());
            let message = without_location(&error.to_string());
            return (Raw::default(), vec![Problem { line, key: String::new(), message }]);
        }
    };
    let written_twice = |key: String| {
        let message = "is written twice; the last one would count, leave only one".into();
        Problem { line: locate::line(text, &key), key, message }
    };
    let mut problems: Vec<Problem> = twice.into_iter().map(written_twice).collect();
    loop {
        match serde_path_to_error::deserialize(value.clone()) {
            Ok(raw) => return (raw, problems),
            Err(error) => {
                let key = error.path().to_string();
                let message = helpful(&key, &error.inner().to_string());
                let whole_file = key == "." || !remove(&mut value, &key);
                let key = if whole_file { String::new() } else { key };
                problems.push(Problem { line: locate::line(text, &key), key, message });
                if whole_file {
                    return (Raw::default(), problems);
                }
            }
        }
    }
}

/// Takes the value at `key` (`section.key`, list items as `[n]`) out of the tree; false where there is none.
fn remove(value: &mut serde_yaml::Value, key: &str) -> bool {
    let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
    let name = first.split('[').next().unwrap_or(first);
    let Some(mapping) = value.as_mapping_mut() else { return false };
    match rest {
        Some(rest) => mapping.get_mut(name).is_some_and(|inner| remove(inner, rest)),
        None => mapping.remove(name).is_some(),
    }
}

/// serde's words, with the nearest right key for a mistyped one, and without Rust's type names.
fn helpful(key: &str, message: &str) -> String {
    if message.starts_with("unknown field") {
        let wrong = key.rsplit('.').next().unwrap_or(key);
        let known: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
        let nearest = known.iter().max_by(|a, b| strsim::jaro(a, wrong).total_cmp(&strsim::jaro(b, wrong)));
        return match nearest {
            Some(nearest) if strsim::jaro(nearest, wrong) > 0.7 => {
                format!("there is no such key; did you mean {nearest}?")
            }
            _ => format!("there is no such key; known here are: {}", known.join(", ")),
        };
    }
    let names = [
        ("u16", "a port number, 0 to 65535"),
        ("usize", "a whole number"),
        ("a string", "text"),
        ("path string", "a path"),
        ("a boolean", "true or false"),
        ("a sequence", "a list"),
    ];
    let (found, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let found = found.trim_start_matches("invalid type: ").trim_start_matches("invalid value: ");
    match names.iter().find(|(name, _)| *name == expected) {
        Some((_, name)) => format!("{found} does not fit: expected {name}"),
        None if expected.starts_with("struct") => format!("{found} does not fit: expected a section with keys"),
        None if expected.is_empty() => message.into(),
        None => format!("{found} does not fit: expected {expected}"),
    }
}

fn without_location(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).into()
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SecondsVisitor;
        impl Visitor<'_> for SecondsVisitor {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds, or a number with s, m, h or d, such as 15m")
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Seconds, E> {
                Ok(Seconds(seconds))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Seconds, E> {
                seconds(text).map(Seconds).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(SecondsVisitor)
    }
}

/// `90`, `90s`, `15m`, `12h` or `3d` in seconds.
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

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let level = match text.to_ascii_uppercase().as_str() {
            "ERROR" => log::LevelFilter::Error,
            "WARNING" | "WARN" => log::LevelFilter::Warn,
            "INFO" => log::LevelFilter::Info,
            "DEBUG" => log::LevelFilter::Debug,
            _ => return Err(de::Error::custom(format!("{text:?} is not one of ERROR, WARNING, INFO, DEBUG"))),
        };
        Ok(Self(level))
    }
}
