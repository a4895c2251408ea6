//! What Alertmanager posts, and which of it is for us. Pure.
//!
//! The wire format is Alertmanager's webhook, version 4 (its documentation, "webhook_config"). Members that are not
//! needed, known or not, are ignored; a label that is no text (a hand-made test may send a number) is taken as text.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::model::plan::PlanId;

/// Longest label or annotation, name or value, kept with a job, in characters.
const MAX_TEXT: usize = 1000;
/// Longest plan id, in characters: far beyond any that Redis holds. What is cut is of no plan that there is.
const MAX_PLAN: usize = 10_000;
/// Bytes of labels and annotations kept of one alert; what is beyond is left out.
const MAX_ALERT: usize = 16 << 10;

/// One alert, as it is kept with a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The label `alertname`.
    pub name: String,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// All annotations.
    pub annotations: BTreeMap<String, String>,
    /// When it began to fire; `None` where that is not said or is no time.
    pub starts_at: Option<Timestamp>,
}

impl Alert {
    /// Whether it says that a run has not taken place, as `backup_missing` and `NsBackupMissing` do, rather than that
    /// one has failed.
    pub fn says_missing(&self) -> bool {
        self.name.to_ascii_lowercase().ends_with("missing")
    }

    /// Bytes of its labels and annotations.
    pub fn text_len(&self) -> usize {
        self.labels.iter().chain(&self.annotations).map(|(name, text)| name.len() + text.len()).sum()
    }
}

/// A batch, sorted: the alerts to queue, each with its plan, and how many are not for us.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Firing alerts with one of our names.
    pub alerts: Vec<(Option<PlanId>, Alert)>,
    /// Resolved alerts, and those of other names.
    pub ignored: usize,
}

#[derive(Deserialize)]
struct Webhook {
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

/// Reads a webhook's body and sorts it by `alert_names`.
///
/// # Errors
/// Where the body is not such JSON; the error names the position.
pub fn parse(body: &[u8], alert_names: &[String]) -> Result<Batch, serde_json::Error> {
    let webhook: Webhook = serde_json::from_slice(body)?;
    let mut batch = Batch::default();
    for alert in webhook.alerts {
        let status = if alert.status.is_empty() { &webhook.status } else { &alert.status };
        let name = alert.labels.get("alertname").cloned().unwrap_or_default();
        if status == "resolved" || !alert_names.contains(&name) {
            batch.ignored += 1;
            continue;
        }
        let plan = plan(&alert.labels);
        let mut room = MAX_ALERT;
        let (labels, annotations) = (kept(alert.labels, &mut room), kept(alert.annotations, &mut room));
        batch.alerts.push((plan, Alert { name, labels, annotations, starts_at: alert.starts_at }));
    }
    let truncated = webhook.truncated.as_u64().filter(|count| *count > 0);
    let left_out = batch.alerts.first().zip(truncated).map(|((_, first), count)| Alert {
        name: first.name.clone(),
        labels: BTreeMap::new(),
        annotations: [("summary".into(), left_out(count))].into(),
        starts_at: first.starts_at,
    });
    // Where they are not grouped by plan, they may be of any: as without an id, all that ran lately are reported.
    batch.alerts.extend(left_out.map(|alert| (plan(&webhook.group_labels), alert)));
    Ok(batch)
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
    Ok(values.unwrap_or_default().into_iter().map(|(key, value)| (key, text(value))).collect())
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

    fn parse_text(body: &str) -> Result<Batch, serde_json::Error> {
        parse(body.as_bytes(), &DEFAULT_ALERT_NAMES.map(String::from))
    }

    fn plans(body: &str) -> Vec<Option<String>> {
        let alerts = parse_text(body).unwrap().alerts;
        alerts.into_iter().map(|(plan, _)| plan.map(|plan| plan.as_str().into())).collect()
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
        assert_eq!(batch.alerts[0].1.starts_at, Some("2026-11-22T02:00:00.5Z".parse().unwrap()));
        assert_eq!(batch.alerts[1].1.starts_at, None);
    }

    #[test]
    fn a_resolved_batch_is_ignored_also_where_its_alerts_have_no_status() {
        let body = r#"{"status": "resolved", "alerts": [{"labels": {"alertname": "backup_failed"}}]}"#;
        assert_eq!(parse_text(body).unwrap(), Batch { ignored: 1, ..Batch::default() });
    }

    #[test]
    fn alerts_that_alertmanager_has_cut_off_may_be_of_any_plan() {
        let alert = r#"{"labels": {"alertname": "BackupFailed", "id": "2"}}"#;
        let body = |truncated| format!(r#"{{"truncatedAlerts": {truncated}, "alerts": [{alert}]}}"#);
        let grouped = body("3").replacen('{', r#"{"groupLabels": {"id": "2"}, "#, 1);
        assert_eq!(plans(&grouped), [Some("2".into()), Some("2".into())]);
        assert_eq!(plans(&body("3")), [Some("2".into()), None]);
        assert!(parse_text(&body("3")).unwrap().alerts[1].1.annotations["summary"].starts_with("3 more alert(s)"));
        for none in ["0", "null", "-1", "\"many\""] {
            assert_eq!(plans(&body(none)), [Some("2".into())]);
        }
        assert_eq!(plans(r#"{"truncatedAlerts": 3, "alerts": []}"#), [], "whether they are for us is not known");
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
        assert!(batch.alerts.iter().all(|(_, alert)| alert.starts_at.is_none()));
        assert_eq!(batch.alerts[0].1.annotations["summary"].chars().count(), MAX_TEXT + 1);
    }

    #[test]
    fn however_much_there_is_in_an_alert_little_is_kept() {
        let labels: BTreeMap<String, String> = (0..10_000).map(|n| (format!("label{n}"), "x".repeat(90))).collect();
        let long = [("k".repeat(100_000), "v".repeat(100_000)), ("id".into(), "i".repeat(100_000))];
        let labels: BTreeMap<_, _> = labels.into_iter().chain(long).collect();
        let mut alert = serde_json::json!({"labels": labels, "annotations": labels});
        alert["labels"]["alertname"] = "backup_failed".into();
        let batch = parse_text(&serde_json::json!({"alerts": [alert]}).to_string()).unwrap();
        let (plan, alert) = &batch.alerts[0];
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
