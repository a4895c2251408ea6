//! A record of the journal, as the journal itself or Loki gives it. Pure.

use std::borrow::Cow;

use serde::Deserialize;

/// A record's fields that matter here. `journalctl -o json` and the log shipper's `format_as_json` write the same
/// names.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Record<'a> {
    /// Microseconds since 1970, as text.
    #[serde(borrow, default, rename = "__REALTIME_TIMESTAMP")]
    time: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "_BOOT_ID")]
    boot: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "_STREAM_ID")]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "_UID")]
    uid: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "_PID")]
    pid: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "SYSLOG_IDENTIFIER")]
    identifier: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "_TRANSPORT")]
    transport: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "UNIT")]
    unit: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "MESSAGE_ID")]
    message_id: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "MESSAGE")]
    message: Option<Message<'a>>,
}

/// A message: text, or bytes where it is no valid or printable text; journald leaves out one that is too long (`null`).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Message<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Bytes(Vec<u8>),
    /// A field that occurs more than once.
    Several(Vec<Message<'a>>),
}

/// The parts of a record, borrowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fields<'a> {
    /// When it was written, in microseconds since 1970; 0 if unknown.
    pub(super) time: i64,
    pub(super) boot: &'a str,
    /// The connection over which it came; all that a unit's processes print comes over the unit's one.
    pub(super) stream: &'a str,
    pub(super) uid: &'a str,
    /// Empty if the source leaves it out.
    pub(super) pid: &'a str,
    pub(super) identifier: &'a str,
    pub(super) is_kernel: bool,
    /// The unit that it is about.
    pub(super) unit: &'a str,
    pub(super) message_id: &'a str,
    /// The module under whose user it was written, or "" for a user of none; `None` if the source does not know.
    pub(super) module: Option<&'a str>,
    pub(super) message: &'a str,
}

impl Fields<'_> {
    /// Whether root wrote it. Any user may give a record any identifier, unit and message; `_UID` and `_PID` are the
    /// journal's own.
    pub(super) fn is_of_root(&self) -> bool {
        self.uid == "0"
    }

    /// Whether the system's systemd wrote it.
    pub(super) fn is_of_systemd(&self) -> bool {
        self.is_of_root() && matches!(self.pid, "1" | "")
    }

    /// Whether it may be about `module`: not if another module, or somebody else, wrote it.
    pub(super) fn speaks_for(&self, module: &str) -> bool {
        self.is_of_root() || self.module.is_none_or(|writer| writer == module)
    }
}

impl<'a> Record<'a> {
    /// Parses one line of JSON; `None` if it is none.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// The id of the user who wrote it.
    pub(super) fn uid(&self) -> Option<u32> {
        self.uid.as_deref()?.parse().ok()
    }

    /// Calls `read` with each line of the record, written by `module` as far as that is known.
    pub(super) fn each(&'a self, module: Option<&str>, mut read: impl FnMut(&Fields<'_>)) {
        let text = |field: &'a Option<Cow<'a, str>>| field.as_deref().unwrap_or_default();
        let mut lossy = String::new();
        let message = match &self.message {
            Some(Message::Text(text)) => text.as_ref(),
            Some(other) => {
                other.collect(&mut lossy);
                &lossy
            }
            None => "",
        };
        for message in message.split('\n') {
            read(&Fields {
                time: self.time.as_deref().and_then(|time| time.parse().ok()).unwrap_or_default(),
                boot: text(&self.boot),
                stream: text(&self.stream),
                uid: text(&self.uid),
                pid: text(&self.pid),
                identifier: text(&self.identifier),
                is_kernel: text(&self.transport) == "kernel",
                unit: text(&self.unit),
                message_id: text(&self.message_id),
                module,
                message,
            });
        }
    }
}

impl Message<'_> {
    fn collect(&self, into: &mut String) {
        match self {
            Self::Text(text) => into.push_str(text),
            Self::Bytes(bytes) => into.push_str(&String::from_utf8_lossy(bytes)),
            Self::Several(parts) => parts.iter().for_each(|part| {
                part.collect(into);
                into.push('\n');
            }),
        }
    }
}
