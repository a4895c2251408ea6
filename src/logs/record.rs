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
    pub(super) identifier: &'a str,
    pub(super) is_kernel: bool,
    /// The unit that it is about.
    pub(super) unit: &'a str,
    pub(super) message_id: &'a str,
    /// The module that wrote it, if the source knows.
    pub(super) module: &'a str,
    pub(super) message: &'a str,
}

impl<'a> Record<'a> {
    /// Parses one line of JSON; `None` if it is none.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// Whether the user with the id `uid` wrote it.
    pub(super) fn is_by(&self, uid: &str) -> bool {
        self.uid.as_deref() == Some(uid)
    }

    /// Calls `read` with each line of the record, written by `module` if that is known.
    pub(super) fn each(&'a self, module: &str, mut read: impl FnMut(&Fields<'_>)) {
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
