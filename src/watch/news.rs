//! News of a plan, and how it is posted: as an alert, so that there is one way through the program.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::memory::Announced;
pub use crate::model::alert::Kind;
use crate::model::plan::{ModuleId, PlanId};

/// The value of the label `raised_by` of the watch's alerts.
pub const RAISED_BY: &str = "ns8-backup-monitor-watch";

/// What failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Subject {
    /// A module.
    Module(ModuleId),
    /// The plan as a whole, by layout A's own record of it.
    Plan,
}

/// [`Subject::Plan`] in a file; no module has this id.
const WHOLE_PLAN: &str = "(plan)";

impl From<String> for Subject {
    fn from(text: String) -> Self {
        let module = Some(text).filter(|text| text != WHOLE_PLAN).and_then(ModuleId::new);
        module.map_or(Self::Plan, Self::Module)
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Module(id) => id.as_str().into(),
            Subject::Plan => WHOLE_PLAN.into(),
        }
    }
}

/// News of one plan.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// The plan.
    pub plan: PlanId,
    /// Its display name.
    pub name: Option<String>,
    /// What kind of news.
    pub kind: Kind,
    /// When the run was due; `None` if that is not known.
    pub due: Option<Timestamp>,
    /// Whether the run is over.
    pub over: bool,
    /// The newest result.
    pub newest: Option<Timestamp>,
    /// When this was noticed.
    pub at: Timestamp,
    /// What failed, each with the end of its backup.
    pub errors: BTreeMap<Subject, Timestamp>,
    /// The members without a result.
    pub absent: BTreeSet<ModuleId>,
}

impl News {
    pub(super) fn announcement(&self) -> Announced {
        Announced { kind: self.kind, due: self.due, over: self.over, newest: self.newest, at: self.at }
    }

    /// Returns the news in one English sentence without a full stop.
    pub fn summary(&self) -> String {
        let due = self.due.map_or(String::new(), |due| format!(" due {due}"));
        let last = self.newest.map_or("none".into(), |newest| newest.to_string());
        match self.kind {
            Kind::Failed => {
                format!("The run{due} has {}, as of {}", self.wrong(), self.at.strftime("%Y-%m-%dT%H:%M:%SZ"))
            }
            Kind::Missed => format!("The run{due} has not started; the plan's newest result: {last}"),
            Kind::Hangs => format!(
                "The run{due} has started, but {} module(s) have no result; the newest: {last}",
                self.absent.len()
            ),
            Kind::Recovered => format!("The run{due} has no failure, after one that had, or was missed"),
            Kind::ClusterBackup => {
                "The cluster backup at the plan's destination is far older than the plan's interval".into()
            }
            Kind::Success => format!("The run{due} has no failure"),
            Kind::Unreadable => "The cluster cannot be read".into(),
        }
    }

    /// Returns what is wrong, as far as it is known: until the run is over, that is not who has no result.
    fn wrong(&self) -> String {
        let modules = self.errors.keys().filter(|subject| **subject != Subject::Plan).count();
        let by_plan = self.errors.len() > modules;
        let parts = [
            (modules > 0).then(|| format!("{modules} failed module(s)")),
            by_plan.then(|| "an error in the plan's own record".into()),
            (!self.absent.is_empty()).then(|| format!("{} module(s) without a result", self.absent.len())),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Returns the alert, with one of the names that the service takes.
    fn alert(&self, names: &[String]) -> Value {
        let name = alert_name(self.kind == Kind::Missed, names);
        let start = match self.kind {
            Kind::Missed => self.due,
            // A run without any result began at that time, not with the results of the one before.
            _ => self.newest.max(self.due),
        };
        let mut labels = json!({ "alertname": name, "id": self.plan, "raised_by": RAISED_BY, "news": self.kind });
        if let Some(name) = &self.name {
            labels["name"] = json!(name);
        }
        let mut annotations = json!({ "summary": self.summary() });
        if let Some(due) = self.due {
            annotations["due"] = json!(due);
        }
        let starts_at = start.unwrap_or(self.at).min(self.at);
        json!({ "status": "firing", "labels": labels, "annotations": annotations, "startsAt": starts_at })
    }
}

/// Returns the body of the request that posts `news`: Alertmanager's webhook, version 4. `names` are those that the
/// service takes (`receiver.alert_names`).
pub fn batch(news: &[News], names: &[String]) -> Value {
    let alerts: Vec<Value> = news.iter().map(|news| news.alert(names)).collect();
    json!({ "version": "4", "status": "firing", "receiver": RAISED_BY, "alerts": alerts })
}

/// Returns the body of the request that says that no plan can be looked at, since the cluster cannot be read.
pub(super) fn unreadable(summary: &str, names: &[String]) -> Value {
    let labels = json!({ "alertname": alert_name(false, names), "raised_by": RAISED_BY, "news": Kind::Unreadable });
    let alert = json!({ "status": "firing", "labels": labels, "annotations": { "summary": summary } });
    json!({ "version": "4", "status": "firing", "receiver": RAISED_BY, "alerts": [alert] })
}

/// The name of an alert, one of those that the service takes.
fn alert_name(missed: bool, names: &[String]) -> &str {
    let canonical = if missed { "backup_missing" } else { "backup_failed" };
    let fits = |name: &&String| name.to_ascii_lowercase().ends_with("missing") == missed;
    match names.iter().any(|name| name == canonical) {
        true => canonical,
        false => names.iter().find(fits).or(names.first()).map_or(canonical, |name| name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_carries_what_the_service_needs() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut news = News {
            plan: PlanId::new("é \"2\"").unwrap(),
            name: None,
            kind: Kind::Failed,
            due: Some(at(1_763_600_000)),
            over: true,
            newest: Some(at(1_763_600_100)),
            at: at(1_763_600_200),
            errors: BTreeMap::new(),
            absent: BTreeSet::new(),
        };
        let due = at(1_763_600_000);
        let module = |id| ModuleId::new(id).unwrap();
        for (errors, absent, said) in [
            (vec![Subject::Module(module("mail1"))], vec![], "1 failed module(s)"),
            (vec![], vec![module("mail1"), module("web2")], "2 module(s) without a result"),
            (
                vec![Subject::Module(module("mail1")), Subject::Plan],
                vec![module("web2")],
                "1 failed module(s), an error in the plan's own record, 1 module(s) without a result",
            ),
        ] {
            news.errors = errors.into_iter().map(|subject| (subject, due)).collect();
            news.absent = absent.into_iter().collect();
            assert_eq!(news.summary(), format!("The run due {due} has {said}, as of 2025-11-20T00:56:40Z"));
        }
        let names = ["backup_failed", "backup_missing", "Other"].map(String::from);
        let alert = news.alert(&names);
        assert_eq!(
            alert["labels"],
            json!({ "alertname": "backup_failed", "id": "é \"2\"", "raised_by": RAISED_BY, "news": "failed" })
        );
        assert_eq!(alert["annotations"]["due"], json!(at(1_763_600_000)));
        assert_eq!(alert["startsAt"], json!(at(1_763_600_100)));
        (news.kind, news.name) = (Kind::Missed, Some("Nightly".into()));
        let alert = news.alert(&names);
        assert_eq!([&alert["labels"]["alertname"], &alert["labels"]["name"]], ["backup_missing", "Nightly"]);
        assert_eq!(alert["startsAt"], json!(at(1_763_600_000)));
        let own = ["MyMissing", "MyFailed"].map(String::from);
        assert_eq!([alert_name(true, &own), alert_name(false, &own)], ["MyMissing", "MyFailed"]);
        assert_eq!(alert_name(true, &own[1..]), "MyFailed");
    }
}
