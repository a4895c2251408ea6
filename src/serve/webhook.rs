//! Alertmanager's webhook, and which of its alerts are for us. Pure.
//!
//! The wire format is version 4 of Alertmanager's webhook (its documentation, "webhook_config"). Other members are
//! ignored, known or not. A label that is not text, as a hand-made test may send, is read as text.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::model::alert::{Alert, Batch};
use crate::model::order::map;
use crate::model::plan::PlanId;

/// Longest label or annotation, name or value, that is kept, in characters.
const MAX_TEXT: usize = 1000;
/// Longest plan id, in characters: far beyond any that Redis holds. A cut id is of no plan that exists.
const MAX_PLAN: usize = 10_000;
/// Bytes of labels and annotations kept of one alert.
const MAX_ALERT: usize = 16 << 10;

/// A webhook, sorted.
#[derive(Debug, Default, PartialEq)]
pub struct Webhook {
    /// The firing alerts with one of our names, by plan.
    pub batch: Batch,
    /// How many they are.
    pub queued: usize,
    /// How many others there are: resolved, or of another name.
    pub ignored: usize,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default, deserialize_with = "or_default")]
    status: String,
    #[serde(default, rename = "truncatedAlerts")]
    truncated: serde_json::Value,
    #[serde(default, rename = "groupLabels", deserialize_with = "texts")]
    group_labels: BTreeMap<String, String>,
    alerts: Vec<WireAlert>,
}

#[derive(Deserialize)]
struct WireAlert {
    #[serde(default, deserialize_with = "or_default")]
    status: String,
    #[serde(default, deserialize_with = "texts")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "texts")]
    annotations: BTreeMap<String, String>,
    #[serde(default, rename = "startsAt", deserialize_with = "timestamp")]
    starts_at: Option<Timestamp>,
}

/// Parses a webhook's body and sorts it by `alert_names`.
///
/// # Errors
/// Returns an error that names the position if the body is not such JSON.
pub fn parse(body: &[u8], alert_names: &[String]) -> Result<Webhook, serde_json::Error> {
    let wire: Wire = serde_json::from_slice(body)?;
    let mut webhook = Webhook::default();
    let (mut first, mut is_resolved) = (None, false);
    for alert in wire.alerts {
        let status = if alert.status.is_empty() { &wire.status } else { &alert.status };
        let name = alert.labels.get("alertname").cloned().unwrap_or_default();
        let (is_ours, fires) = (alert_names.contains(&name), status != "resolved");
        if is_ours && (first.is_none() || fires && is_resolved) {
            first = Some((name.clone(), alert.starts_at.filter(|_| fires)));
            is_resolved = !fires;
        }
        if !is_ours || !fires {
            webhook.ignored += 1;
            continue;
        }
        let plan = plan(&alert.labels);
        let mut room = MAX_ALERT;
        let (labels, annotations) = (kept(alert.labels, &mut room), kept(alert.annotations, &mut room));
        let alert = Alert { name, labels, annotations, starts_at: alert.starts_at };
        webhook.add(plan, alert);
    }
    // What is left of a batch may be resolved, and what was cut off may fire.
    let truncated = wire.truncated.as_u64().filter(|count| *count > 0);
    if let Some(((name, starts_at), count)) = first.zip(truncated) {
        let annotations = [("summary".into(), left_out(count))].into();
        // Not grouped by plan, they may be of any: all that ran lately are reported, as without an id.
        webhook.add(plan(&wire.group_labels), Alert { name, labels: BTreeMap::new(), annotations, starts_at });
    }
    Ok(webhook)
}

impl Webhook {
    /// Whether an alert of it claims to be the watch's.
    pub fn has_news(&self) -> bool {
        self.batch.values().flat_map(|alerts| &alerts.kept).any(|alert| alert.labels.contains_key("news"))
    }

    /// Makes its alerts what they would be from anybody: a reason to look, and no finding.
    pub fn disown(&mut self) {
        self.batch.values_mut().flat_map(|alerts| &mut alerts.kept).for_each(Alert::disown);
    }

    fn add(&mut self, plan: Option<PlanId>, alert: Alert) {
        self.queued += 1;
        self.batch.entry(plan).or_default().join(alert);
    }
}

/// The plan that the labels name.
fn plan(labels: &BTreeMap<String, String>) -> Option<PlanId> {
    let label = |name: &str| PlanId::new(shorten(labels.get(name)?, MAX_PLAN));
    label("id").or_else(|| label("backup_id"))
}

fn left_out(count: u64) -> String {
    format!("{count} more alert(s) of this group were cut off by Alertmanager (max_alerts of its receiver)")
}

/// The texts that there is `room` for, in bytes, each of a bearable length.
fn kept(texts: BTreeMap<String, String>, room: &mut usize) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::new();
    for (name, text) in texts {
        let (name, text) = (shorten(&name, MAX_TEXT), shorten(&text, MAX_TEXT));
        match room.checked_sub(name.len() + text.len()) {
            Some(left) => *room = left,
            None => break,
        }
        kept.insert(name, text);
    }
    kept
}

fn shorten(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let values: Option<BTreeMap<String, serde_json::Value>> = Option::deserialize(deserializer)?;
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    };
    Ok(map(values.unwrap_or_default().into_iter().map(|(key, value)| (key, text(value)))))
}

fn timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let value: serde_json::Value = Deserialize::deserialize(deserializer)?;
    // Go's zero time, year 1, stands for "not set".
    let set = |time: &Timestamp| time.as_second() > 0;
    Ok(value.as_str().and_then(|text| text.parse().ok()).filter(set))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DEFAULT_ALERT_NAMES;
    use crate::model::alert::Alerts;

    fn parse_text(body: &str) -> Result<Webhook, serde_json::Error> {
        parse(body.as_bytes(), &DEFAULT_ALERT_NAMES.map(String::from))
    }

    fn plans(body: &str) -> Vec<Option<String>> {
        let batch = parse_text(body).unwrap().batch;
        let names = |(plan, alerts): (Option<PlanId>, Alerts)| {
            vec![plan.map(|plan| plan.as_str().into()); alerts.kept.len() + alerts.left_out as usize]
        };
        batch.into_iter().flat_map(names).collect()
    }

    /// All alerts, those without a plan first.
    fn alerts(webhook: &Webhook) -> Vec<&Alert> {
        webhook.batch.values().flat_map(|alerts| &alerts.kept).collect()
    }

    #[test]
    fn what_is_for_us_is_queued_and_the_rest_counted() {
        let body = r#"{"status": "firing", "version": "4", "futureMember": [1, {}], "alerts": [
            {"status": "firing", "labels": {"alertname": "BackupFailed", "id": "2"}, "startsAt": "2026-11-22T02:00:00.5Z"},
            {"status": "resolved", "labels": {"alertname": "backup_failed", "id": "2"}},
            {"status": "firing", "labels": {"alertname": "DiskFull"}},
            {"labels": {"alertname": "NsBackupMissing", "backup_id": "7"}, "annotations": null}
        ]}"#;
        let batch = parse_text(body).unwrap();
        assert_eq!(batch.ignored, 2);
        assert_eq!(plans(body), [Some("2".into()), Some("7".into())]);
        assert_eq!(alerts(&batch)[0].starts_at, Some("2026-11-22T02:00:00.5Z".parse().unwrap()));
        assert_eq!(alerts(&batch)[1].starts_at, None);
    }

    #[test]
    fn a_finding_that_is_not_the_watchs_goes_and_its_alert_stays() {
        let alert = |news| format!(r#"{{"labels": {{"alertname": "backup_failed", "id": "2"{news}}}}}"#);
        let [claims, plain] = [r#", "news": "missed""#, ""].map(|news| format!(r#"{{"alerts": [{}]}}"#, alert(news)));
        let (mut claims, plain) = (parse_text(&claims).unwrap(), parse_text(&plain).unwrap());
        assert!(claims.has_news() && !plain.has_news());
        claims.disown();
        assert_eq!(claims, plain);
    }

    #[test]
    fn a_resolved_batch_is_ignored_also_where_its_alerts_have_no_status() {
        let body = r#"{"status": "resolved", "alerts": [{"labels": {"alertname": "backup_failed"}}]}"#;
        assert_eq!(parse_text(body).unwrap(), Webhook { ignored: 1, ..Webhook::default() });
    }

    #[test]
    fn alerts_that_alertmanager_has_cut_off_may_be_of_any_plan() {
        let alert = r#"{"labels": {"alertname": "BackupFailed", "id": "2"}}"#;
        let body = |truncated| format!(r#"{{"truncatedAlerts": {truncated}, "alerts": [{alert}]}}"#);
        let grouped = body("3").replacen('{', r#"{"groupLabels": {"id": "2"}, "#, 1);
        assert_eq!(plans(&grouped), [Some("2".into()), Some("2".into())]);
        assert_eq!(plans(&body("3")), [None, Some("2".into())]);
        assert!(alerts(&parse_text(&body("3")).unwrap())[0].annotations["summary"].starts_with("3 more alert(s)"));
        for none in ["0", "null", "-1", "\"many\""] {
            assert_eq!(plans(&body(none)), [Some("2".into())]);
        }
        assert_eq!(plans(r#"{"truncatedAlerts": 3, "alerts": []}"#), [], "whether they are for us is not known");
        let resolved =
            body("1").replace(r#"{"labels""#, r#"{"status": "resolved", "startsAt": "2026-11-22T02:00:00Z", "labels""#);
        let webhook = parse_text(&resolved).unwrap();
        assert_eq!((webhook.queued, webhook.ignored), (1, 1), "what is left is resolved, what was cut off may fire");
        assert_eq!(alerts(&webhook)[0].starts_at, None);
    }

    #[test]
    fn ids_are_data_of_any_content() {
        for id in ["*", "1/status", "[a-z]", "è ☃", "a\nb", &"9".repeat(300), &"x".repeat(MAX_PLAN)] {
            let body = serde_json::json!({"alerts": [{"labels": {"alertname": "backup_failed", "id": id}}]});
            assert_eq!(plans(&body.to_string()), [Some(id.into())]);
        }
        // Prometheus has no empty labels: an empty one is none.
        assert_eq!(plans(r#"{"alerts": [{"labels": {"alertname": "backup_failed", "id": ""}}]}"#), [None]);
        let both = r#"{"alerts": [{"labels": {"alertname": "backup_failed", "id": "", "backup_id": 3}}]}"#;
        assert_eq!(plans(both), [Some("3".into())]);
    }

    #[test]
    fn what_is_malformed_is_refused_with_its_position() {
        for body in ["", "{", "[]", "{}", r#"{"alerts": 1}"#, r#"{"alerts": [{"labels": []}]}"#, "\u{0}"] {
            assert!(parse_text(body).unwrap_err().to_string().contains("line 1 column"), "{body}");
        }
        assert!(parse(b"{\"alerts\": [{\"status\": \"\xff\"}]}", &[]).is_err(), "not UTF-8");
        let deep = "[".repeat(100_000);
        assert!(parse_text(&format!(r#"{{"alerts": [], "x": {deep}"#)).is_err(), "no stack overflow");
    }

    #[test]
    fn times_that_are_none_are_left_out_and_long_texts_cut() {
        let long = "ä".repeat(5000);
        let body = format!(
            r#"{{"alerts": [{{"labels": {{"alertname": "backup_failed"}}, "startsAt": "0001-01-01T00:00:00Z", "annotations": {{"summary": "{long}"}}}},
                            {{"labels": {{"alertname": "backup_failed"}}, "startsAt": 5}}]}}"#
        );
        let batch = parse_text(&body).unwrap();
        assert!(alerts(&batch).iter().all(|alert| alert.starts_at.is_none()));
        assert_eq!(alerts(&batch)[0].annotations["summary"].chars().count(), MAX_TEXT + 1);
    }

    #[test]
    fn however_much_there_is_in_an_alert_little_is_kept() {
        let labels: BTreeMap<String, String> = (0..10_000).map(|n| (format!("label{n}"), "x".repeat(90))).collect();
        let long = [("k".repeat(100_000), "v".repeat(100_000)), ("id".into(), "i".repeat(100_000))];
        let labels: BTreeMap<_, _> = labels.into_iter().chain(long).collect();
        let mut alert = serde_json::json!({"labels": labels, "annotations": labels});
        alert["labels"]["alertname"] = "backup_failed".into();
        let batch = parse_text(&serde_json::json!({"alerts": [alert]}).to_string()).unwrap();
        let (plan, alert) = (batch.batch.keys().next().unwrap(), alerts(&batch)[0]);
        assert!(alert.text_len() <= MAX_ALERT && alert.text_len() > MAX_ALERT / 2, "{}", alert.text_len());
        assert_eq!(alert.labels["alertname"], "backup_failed");
        assert_eq!(plan.as_ref().unwrap().as_str().chars().count(), MAX_PLAN + 1);
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(body: Vec<u8>, text: String) {
            let _ = parse(&body, &[]);
            let _ = parse_text(&text);
        }
    }
}
