//! The cluster's log server, which holds every node's journal: Loki's HTTP API.
//!
//! NS8's log shipper (ns8-core, `generate-promtail-config`) labels each stream with `node_id` and, if it knows it,
//! `module_id`, and sends each record as JSON with the journal's own field names.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, HOST};
use hyper::{Request, StatusCode};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::record::{Fields, Record};
use super::run::{SHUTDOWN, STARTED_UP};
use crate::config::authority;
use crate::model::cluster;
use crate::model::order::sort_by_key;
use crate::model::reason::Silence;
use crate::system::http::{HttpError, basic, encoded, exchange};

/// Records asked for at a time, and how often.
const PAGE: usize = 2000;
const MAX_PAGES: usize = 50;

/// Loki and the login to it.
#[derive(Debug, Clone)]
pub struct Loki {
    /// `host:port`.
    authority: String,
    user: String,
    password: SecretString,
    /// How long reading may take.
    limit: Duration,
}

/// An answer's part that matters.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    result: Few<Stream<'a>>,
}

#[derive(Deserialize)]
struct Stream<'a> {
    #[serde(borrow)]
    stream: Labels<'a>,
    /// Some [`Entry`]: parsed one stream at a time.
    #[serde(borrow)]
    values: &'a RawValue,
}

#[derive(Deserialize)]
struct Labels<'a> {
    #[serde(borrow, default)]
    node_id: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    module_id: std::borrow::Cow<'a, str>,
}

/// Nanoseconds since 1970, the record, and perhaps more about it.
#[derive(Deserialize)]
struct Entry(#[serde(deserialize_with = "number")] u64, String, #[serde(default)] IgnoredAny);

/// A list of at most [`PAGE`] elements: an answer with more is not kept.
struct Few<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
            type Value = Few<T>;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Few<T>, A::Error> {
                let mut few = Vec::new();
                while let Some(element) = elements.next_element()? {
                    if few.len() == PAGE {
                        return Err(A::Error::custom(format!("more than {PAGE} entries, which were asked for")));
                    }
                    few.push(element);
                }
                Ok(Few(few))
            }
        }
        deserializer.deserialize_seq(Elements(PhantomData))
    }
}

/// The records in an answer, in the order of time: nanoseconds, node, module, line.
fn records<'a>(answer: &'a Answer<'_>) -> Result<Vec<(u64, &'a str, &'a str, String)>, serde_json::Error> {
    let mut records = Vec::new();
    for Stream { stream: Labels { node_id, module_id }, values } in &answer.data.result.0 {
        let Few(entries) = serde_json::from_slice::<Few<Entry>>(values.get().as_bytes())?;
        let entries = entries.into_iter().map(|Entry(time, line, _)| (time, &**node_id, &**module_id, line));
        records.extend(entries);
        if records.len() > PAGE {
            return Err(serde_json::Error::custom(format!("more than {PAGE} entries, which were asked for")));
        }
    }
    sort_by_key(&mut records, |(time, ..)| *time);
    Ok(records)
}

/// Reads a number that stands in quotes.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

impl Loki {
    /// Returns the server that `login` is for; reading it may take `limit`.
    pub fn new(login: &cluster::Loki, limit: Duration) -> Self {
        Self {
            authority: authority(&login.host, login.port),
            user: login.user.clone(),
            password: login.password.clone(),
            limit,
        }
    }

    /// Calls `read` with the node's id and each record of `window` that may belong to a run of `plan`, in the order of
    /// time.
    ///
    /// # Errors
    /// Returns why the log was not read, or not to the end.
    pub(super) async fn read(
        &self,
        plan: &str,
        nodes: &[&str],
        window: (Timestamp, Timestamp),
        read: impl FnMut(&str, &Fields<'_>),
    ) -> Result<(), Silence> {
        let query = query(plan, nodes).ok_or(Silence::NotConfigured)?;
        let pages = timeout(self.limit, self.pages(&query, window, read));
        pages.await.unwrap_or(Err(Silence::TimedOut(self.limit.as_secs())))
    }

    async fn pages(
        &self,
        query: &str,
        (since, until): (Timestamp, Timestamp),
        mut read: impl FnMut(&str, &Fields<'_>),
    ) -> Result<(), Silence> {
        let nanoseconds = |time: Timestamp| u64::try_from(time.as_nanosecond()).unwrap_or_default();
        let (mut from, end) = (nanoseconds(since), nanoseconds(until));
        // The records of the last moment of the page before: a page begins with them.
        let mut read_already: BTreeSet<(String, String)> = BTreeSet::new();
        for _ in 0..MAX_PAGES {
            let body = self.page(query, from, end).await?;
            let garbled = |error: serde_json::Error| Silence::Garbled(error.to_string());
            let answer: Answer<'_> = serde_json::from_slice(&body).map_err(garbled)?;
            let records = records(&answer).map_err(garbled)?;
            let Some(last) = records.last().map(|(time, ..)| *time) else { return Ok(()) };
            let (count, mut of_last) = (records.len(), BTreeSet::new());
            for (time, node, module, line) in records {
                let key = || (node.to_owned(), line.clone());
                if time == from && read_already.contains(&key()) {
                    continue;
                }
                if let Some(record) = Record::parse(line.as_bytes()) {
                    record
                        .each(Some(module).filter(|module| !module.is_empty()), |fields| read(node, &at(time, fields)));
                }
                if time == last {
                    of_last.insert(key());
                }
            }
            if count < PAGE {
                return Ok(());
            }
            // Of a moment that takes a whole page, what is left cannot be asked for.
            from = if last == from { last.saturating_add(1) } else { last };
            read_already = of_last;
        }
        Err(Silence::TooBig)
    }

    async fn page(&self, query: &str, from: u64, end: u64) -> Result<Bytes, Silence> {
        let path = format!(
            "/loki/api/v1/query_range?direction=forward&limit={PAGE}&start={from}&end={end}&query={}",
            encoded(query)
        );
        let request = Request::get(path)
            .header(HOST, &self.authority)
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, basic(&self.user, &self.password))
            .body(Full::default())
            .map_err(|error| Silence::Unreachable(error.to_string()))?;
        match exchange(&self.authority, request).await {
            Ok((StatusCode::OK, body)) => Ok(body),
            Ok((StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _)) => Err(Silence::NoAccess),
            Ok((status, _)) => Err(Silence::Answers(status.to_string())),
            Err(HttpError::Unreachable(how)) => Err(Silence::Unreachable(how)),
            Err(HttpError::TooLong(_)) => Err(Silence::TooBig),
            Err(HttpError::Garbled(how)) => Err(Silence::Garbled(how)),
        }
    }
}

/// `fields` with their time: NS8's log shipper sends no field that the journal adds when it is read.
fn at<'a>(nanoseconds: u64, fields: &Fields<'a>) -> Fields<'a> {
    let time = if fields.time == 0 { i64::try_from(nanoseconds / 1000).unwrap_or_default() } else { fields.time };
    Fields { time, ..*fields }
}

/// The query for the runs of `plan` on `nodes`; `None` if a node's id is not a number. Nothing else from outside gets
/// into it.
fn query(plan: &str, nodes: &[&str]) -> Option<String> {
    let number = |text: &str| !text.is_empty() && text.len() < 10 && text.bytes().all(|c| c.is_ascii_digit());
    if nodes.is_empty() || !nodes.iter().all(|node| number(node)) {
        return None;
    }
    let mut fields = vec![
        r#"SYSLOG_IDENTIFIER":"(runagent|agent@node|rclone-gateway)""#.to_owned(),
        format!(r#"MESSAGE_ID":"({SHUTDOWN}|{STARTED_UP})""#),
        "MESSAGE\":\"[^\"]*Killed process".to_owned(),
    ];
    if number(plan) {
        fields.push(format!(r#"UNIT":"(backup{plan}|agent@node)\.service""#));
        fields.push(format!(r#"SYSLOG_IDENTIFIER":"backup{plan}[-"]"#));
    }
    Some(format!("{{node_id=~\"{}\"}} |~ `\"({})`", nodes.join("|"), fields.join("|")))
}

/// The command that shows what was looked at: NS8's own `logcli` finds server and login. Its times may be in any zone.
pub(super) fn command(plan: &str, node: &str, (since, until): (Timestamp, Timestamp)) -> String {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    // In layout B a unit's own name is the identifier.
    let unit = if digits(plan) == plan { format!("|backup{plan}(-.*)?") } else { String::new() };
    let node = digits(node);
    format!(
        "logcli query -q --no-labels --forward --limit 0 --from {since:.0} --to {until:.0} '{{node_id=\"{node}\"}} | json | \
         SYSLOG_IDENTIFIER=~\"runagent|agent@node{unit}\" | line_format \"{{{{.MESSAGE}}}}\"'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_gets_into_the_query() {
        let query_of = |plan| query(plan, &["1", "2"]);
        assert!(query_of("2").unwrap().contains("backup2|agent@node"));
        for plan in ["", "2`} |", "x", "2|.*", "99999999999"] {
            let query = query_of(plan).unwrap();
            assert!(!query.contains("backup") && query.matches('`').count() == 2, "{query}");
        }
        for node in ["", "1\"}", "1|.*", "-1"] {
            assert_eq!(query("2", &["1", node]), None);
        }
        assert_eq!(query("2", &[]), None);
        assert_eq!(encoded("{a=~\"b|c\"} ü"), "%7Ba%3D~%22b%7Cc%22%7D%20%C3%BC");
    }

    #[test]
    fn more_entries_than_asked_for_are_not_kept() {
        let stream = |entries: usize| {
            let entries = vec![r#"["1","x"]"#; entries].join(",");
            format!(r#"{{"stream":{{"node_id":"1"}},"values":[{entries}]}}"#)
        };
        let count = |streams: &[usize]| {
            let streams: Vec<String> = streams.iter().map(|entries| stream(*entries)).collect();
            let text = format!(r#"{{"data":{{"result":[{}]}}}}"#, streams.join(","));
            serde_json::from_str(&text).and_then(|answer| Ok(records(&answer)?.len())).ok()
        };
        assert_eq!(count(&[PAGE / 2, PAGE / 2]), Some(PAGE));
        for streams in [vec![PAGE + 1], vec![PAGE, 1], vec![0; PAGE + 1]] {
            assert_eq!(count(&streams), None, "{}", streams.len());
        }
    }

    #[test]
    fn a_value_may_have_more_than_two_parts() {
        let entries: Vec<Entry> = serde_json::from_str(r#"[["1","a"],["2","b",{"x":[1]}]]"#).unwrap();
        assert_eq!(
            entries.iter().map(|Entry(time, line, _)| (*time, line.as_str())).collect::<Vec<_>>(),
            [(1, "a"), (2, "b")]
        );
        for wrong in ["[[1,\"a\"]]", "[[\"1\"]]", "[[\"x\",\"a\"]]", "[{}]"] {
            assert!(serde_json::from_str::<Vec<Entry>>(wrong).is_err(), "{wrong}");
        }
    }
}
