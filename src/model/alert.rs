//! Alerts: what Alertmanager, or the watch, says happened.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::{IntoDeserializer, value};
use serde::{Deserialize, Serialize};

use super::plan::PlanId;

/// Maximum number of different alerts kept together; the rest are counted.
pub const MAX_ALERTS: usize = 50;
/// No further alert is kept beside alerts with this many bytes of text.
const MAX_TEXT: usize = 64 << 10;

/// One alert, as it is kept with a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The label `alertname`.
    pub name: String,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// All annotations.
    pub annotations: BTreeMap<String, String>,
    /// When it began to fire; `None` if `startsAt` is absent or not a time.
    pub starts_at: Option<Timestamp>,
}

impl Alert {
    /// Whether it reports a missing run (`backup_missing`, `NsBackupMissing`) rather than a failed one.
    pub fn says_missing(&self) -> bool {
        self.name.to_ascii_lowercase().ends_with("missing")
    }

    /// The watch's finding, from the label `news`; `None` if the alert is not from the watch.
    pub fn news(&self) -> Option<Kind> {
        let word: value::StrDeserializer<'_, value::Error> = self.labels.get("news")?.as_str().into_deserializer();
        Kind::deserialize(word).ok()
    }

    /// Removes the watch's finding: somebody else has sent the alert.
    pub fn disown(&mut self) {
        self.labels.remove("news");
    }

    /// Whether it is the watch's and says that all is well.
    pub fn is_good(&self) -> bool {
        matches!(self.news(), Some(Kind::Recovered | Kind::Success))
    }

    /// The due time of the run that the watch reports, from the annotation `due`; `None` without one.
    pub fn due(&self) -> Option<Timestamp> {
        self.annotations.get("due")?.parse().ok()
    }

    /// Bytes of its labels and annotations.
    pub fn text_len(&self) -> usize {
        self.labels.iter().chain(&self.annotations).map(|(name, text)| name.len() + text.len()).sum()
    }
}

/// What kind of news the watch has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A module failed or, in a run that is over, has no result.
    Failed,
    /// A run did not start.
    Missed,
    /// A run started and goes on without a result for far too long.
    Hangs,
    /// A run without failures after a reported failure.
    Recovered,
    /// The cluster backup of the plan is far older than its interval.
    ClusterBackup,
    /// A run without failures, for those who want to hear of each.
    Success,
    /// Of no plan: the cluster cannot be read.
    Unreadable,
}

/// Alerts of one plan, each kind once, in order of arrival.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Alerts {
    /// The alerts that are kept, at most [`MAX_ALERTS`].
    #[serde(rename = "alerts")]
    pub kept: Vec<Alert>,
    /// How many more there were; a lower bound after a restart.
    #[serde(default, rename = "alerts_left_out")]
    pub left_out: u64,
}

impl Alerts {
    /// Adds an alert. Returns whether it is kept: it is not if it is there already, or if there is no room.
    pub fn join(&mut self, alert: Alert) -> bool {
        if self.kept.contains(&alert) {
            return false;
        }
        let text: usize = self.kept.iter().map(Alert::text_len).sum();
        let has_room = self.kept.len() < MAX_ALERTS && text < MAX_TEXT;
        match has_room {
            true => self.kept.push(alert),
            false => self.left_out = self.left_out.saturating_add(1),
        }
        has_room
    }

    /// Adds the alerts of `other`. Returns whether any is kept.
    pub fn join_all(&mut self, other: Self) -> bool {
        self.left_out = self.left_out.saturating_add(other.left_out);
        let mut any_kept = false;
        for alert in other.kept {
            any_kept |= self.join(alert);
        }
        any_kept
    }

    /// Whether one of them is the watch's, with this finding.
    pub fn have(&self, news: Kind) -> bool {
        self.kept.iter().any(|alert| alert.news() == Some(news))
    }

    /// Returns the bytes of all labels and annotations.
    pub fn text_len(&self) -> usize {
        self.kept.iter().map(Alert::text_len).sum()
    }
}

/// The alerts of one webhook, by plan; those that name none under `None`.
pub type Batch = BTreeMap<Option<PlanId>, Alerts>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_a_file_makes_up_does_not_overflow() {
        let alert =
            |name: &str| Alert { name: name.into(), labels: [].into(), annotations: [].into(), starts_at: None };
        let kept = (0..MAX_ALERTS).map(|n| alert(&n.to_string())).collect();
        let mut alerts = Alerts { kept, left_out: u64::MAX };
        assert!(!alerts.join(alert("more")));
        assert!(!alerts.join_all(Alerts { kept: Vec::new(), left_out: 1 }));
        assert_eq!(alerts.left_out, u64::MAX);
    }
}
