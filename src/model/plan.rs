//! What the cluster says, as plain values: plans, their members, and each member's last result.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::schedule::is_of_run;
use super::time::is_ahead;

/// A backup plan's id, as an alert's label carries it: data of any content, never a pattern or a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanId(String);

impl PlanId {
    /// `None` for the empty text, which Prometheus treats as no label at all.
    pub fn new(id: impl Into<String>) -> Option<Self> {
        Some(id.into()).filter(|id| !id.is_empty()).map(Self)
    }

    /// The id as it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as one segment of a Redis key; `None` where it holds a `/` and so would name another key.
    pub fn key_segment(&self) -> Option<&str> {
        (!self.0.contains('/')).then_some(&self.0)
    }
}

impl Borrow<str> for PlanId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A module's id, such as `mail1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModuleId(String);

impl ModuleId {
    /// `None` for what cannot be a segment of a Redis key: the empty text, or one with a `/`.
    pub fn new(id: impl Into<String>) -> Option<Self> {
        Some(id.into()).filter(|id| !id.is_empty() && !id.contains('/')).map(Self)
    }

    /// The id as it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What to sort by for people: `mail2` before `mail10`.
    pub fn natural_order(&self) -> impl Ord {
        let number = &self.0[self.app().len()..];
        (self.app(), number.len(), number)
    }

    /// The application: the id without its trailing digits, the first part of a repository's path.
    pub fn app(&self) -> &str {
        self.0.trim_end_matches(|c: char| c.is_ascii_digit())
    }
}

impl Borrow<str> for ModuleId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The three generations of keys in which backup results are written; a later one wins over an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `module/<module>/backup/<plan>/status`, the founding document's.
    A,
    /// `module/<module>/backup_status/<plan>`, NS8 core 3.0 to 3.19.
    B,
    /// `node/<node>/backup_status/<plan>`, NS8 core 3.20 and later.
    C,
}

/// What the cluster says about one plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// Its display name.
    pub name: Option<String>,
    /// Whether `cluster/backup/<plan>` exists; layout A has no such key.
    pub defined: bool,
    /// False only where the plan says so itself.
    pub enabled: bool,
    /// The destination it writes to: the id of a [`super::repository::Destination`].
    pub repository: Option<String>,
    /// When it runs: a systemd calendar expression as it stands in `schedule`, not checked (B, C).
    pub schedule: Option<String>,
    /// Whether its definition names its members: the cluster writes layout C, though an upgrade may have left earlier
    /// keys behind.
    pub names_members: bool,
    /// The modules that ought to have a result, also in a disabled plan; `None` if the layout does not name them (A).
    ///
    /// As in NS8's `list-backups`, a module that is no longer in `cluster/module_node` or, in layout C, has no UUID in
    /// `cluster/module_uuid` is left over and not a member.
    pub members: Option<BTreeSet<ModuleId>>,
    /// The last result of each module, without those of removed modules and of non-members. In layout C only the node
    /// that a module is on now counts. A plan without a definition has layout A's results only: those of the other
    /// layouts are left over from a deleted plan.
    pub results: BTreeMap<ModuleId, ModuleResult>,
    /// Each module of this plan with what is known of it: every one in `members` and `results`, and those whose result
    /// is damaged.
    pub modules: BTreeMap<ModuleId, Module>,
    /// Layout A's own record of the whole plan.
    pub status: Option<PlanStatus>,
    /// The members of a disabled plan without any result: no result is expected of them.
    pub not_awaited: BTreeSet<ModuleId>,
    /// Entries that are there but could not be read, or not be believed.
    pub damaged: Vec<Damage>,
}

/// An entry that is there but could not be read, or not be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Which one.
    pub entry: Entry,
    /// What is wrong with it.
    pub fault: Fault,
}

/// An entry in Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The plan's definition.
    Definition,
    /// Layout A's record of the whole plan.
    Status,
    /// The list of a module's plans (B).
    Plans(ModuleId),
    /// A module's result.
    Result(ModuleId),
    /// All results on a node (C).
    Node(String),
    /// The value of another key: a name, an image, a destination.
    Key(String),
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The key holds another type of value.
    OtherType,
    /// It is not a JSON object.
    NotJson,
    /// It says neither success nor error.
    NoOutcome,
    /// A success without a readable timestamp (A).
    NoTimestamp,
    /// It has no readable number of errors (B, C).
    NoErrors,
    /// A success without a readable time of its end (B, C).
    NoEnd,
    /// It is dated more than five minutes in the future, by this machine's clock: one of two clocks is wrong, and its
    /// time proves nothing. It can be read, so it stands in [`Plan::results`] or [`Plan::status`] as well.
    InTheFuture,
    /// It has this many bytes, more than are read.
    TooLarge(u64),
    /// It holds characters that have no place there, such as those that lead out of a folder.
    BadCharacters,
}

impl Plan {
    /// Returns each module with its `part`, without those that have none.
    pub fn each(&self, part: &dyn Fn(&Module) -> Option<String>) -> BTreeMap<ModuleId, String> {
        self.modules.iter().filter_map(|(id, module)| Some((id.clone(), part(module)?))).collect()
    }

    /// A plan of which nothing is known.
    pub fn unknown(id: PlanId) -> Self {
        Self {
            id,
            name: None,
            defined: false,
            enabled: true,
            repository: None,
            schedule: None,
            names_members: false,
            members: None,
            results: BTreeMap::new(),
            modules: BTreeMap::new(),
            status: None,
            not_awaited: BTreeSet::new(),
            damaged: Vec::new(),
        }
    }

    /// The generation of keys that the cluster writes for it now; `None` if that cannot be told.
    pub fn layout(&self) -> Option<Layout> {
        let newest = self.results.values().map(|result| result.layout).max();
        if self.names_members { Some(Layout::C) } else { newest }
    }

    /// When the newest result ended.
    pub fn newest_end(&self) -> Option<Timestamp> {
        self.results.values().filter_map(|result| result.end).max()
    }

    /// The time of the last activity: the newest result, or layout A's record of the whole plan.
    pub fn newest_sign(&self) -> Option<Timestamp> {
        self.newest_end().max(self.status.as_ref().and_then(|status| status.timestamp))
    }

    /// The time of the last activity at `now`; one that is dated ahead, by a clock that is wrong, is none.
    pub fn newest_sign_at(&self, now: Timestamp) -> Option<Timestamp> {
        let of_plan = self.status.iter().filter_map(|status| status.timestamp);
        let signs = self.results.values().filter_map(|result| result.end).chain(of_plan);
        signs.filter(|time| !is_ahead(*time, now)).max()
    }

    /// Whether the result of one of its modules is there, or may be, and cannot be read.
    pub fn has_unreadable_results(&self) -> bool {
        !self.damaged.is_empty() && self.modules.keys().any(|id| self.unreadable(id).is_some())
    }

    /// Whether its definition cannot be read, so that its members are unknown.
    pub fn lacks_definition(&self) -> bool {
        self.damaged.iter().any(|damage| damage.entry == Entry::Definition)
    }

    /// Returns whether the result of `module` is dated in the future.
    pub fn is_in_the_future(&self, module: &ModuleId) -> bool {
        let of_module = |entry: &Entry| matches!(entry, Entry::Result(id) if id == module);
        self.damaged.iter().any(|damage| damage.fault == Fault::InTheFuture && of_module(&damage.entry))
    }

    /// Whether it has a success that is dated in the future: by a clock that is wrong, which proves nothing.
    pub fn has_success_in_the_future(&self) -> bool {
        let succeeded = |id: &ModuleId| self.results.get(id).is_some_and(|result| result.errors == 0);
        let is_one = |entry: &Entry| matches!(entry, Entry::Result(id) if succeeded(id));
        self.damaged.iter().any(|damage| damage.fault == Fault::InTheFuture && is_one(&damage.entry))
    }

    /// Whether damage hides how its runs went: damage to a result, the status or the definition. A damaged name, image
    /// or destination does not.
    pub fn hides_results(&self) -> bool {
        self.damaged.iter().any(|damage| !matches!(damage.entry, Entry::Key(_)))
    }

    /// Whether a member has no result of a run that was due at `due` or later.
    pub fn lacks_results_since(&self, due: Timestamp) -> bool {
        let has_none = |id: &ModuleId| self.results.get(id).is_none_or(|result| !is_of_run(result, due));
        self.members.iter().flatten().any(has_none)
    }

    /// The damage that hides the result of `module`: its own, or that of its node's results.
    pub fn unreadable(&self, module: &ModuleId) -> Option<&Damage> {
        let node = self.modules.get(module).and_then(|module| module.node.as_ref());
        let concerns = |damage: &&Damage| match &damage.entry {
            Entry::Result(id) => id == module && damage.fault != Fault::InTheFuture,
            Entry::Node(id) => Some(id) == node && !self.results.contains_key(module),
            _ => false,
        };
        self.damaged.iter().find(concerns)
    }
}

/// What the cluster knows of a module beside its results.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Module {
    /// `module/<module>/ui_name`.
    pub ui_name: Option<String>,
    /// The node it runs on, from `cluster/module_node`.
    pub node: Option<String>,
    /// `node/<node>/ui_name`.
    pub node_name: Option<String>,
    /// The node that its last result is of, if it has moved to another since; empty if that is not known.
    pub ran_on: Option<String>,
    /// Its UUID, from `cluster/module_uuid`.
    pub uuid: Option<String>,
    /// The path of its restic repository below a destination, `<app>/<uuid>`: plain letters, digits, `.`, `_` and `-`,
    /// never leading out of the destination. `None` if there is no UUID, or no clean name.
    pub repository_path: Option<String>,
}

impl Module {
    /// Returns the node that its last result is of, and with it the log of its last run.
    pub fn node_of_run(&self) -> Option<&str> {
        self.ran_on.as_deref().or(self.node.as_deref()).filter(|node| !node.is_empty())
    }
}

/// A module's last result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleResult {
    /// The keys it was found in.
    pub layout: Layout,
    /// When it started (B, C).
    pub start: Option<Timestamp>,
    /// When it ended. `None` only for an error whose time could not be read.
    pub end: Option<Timestamp>,
    /// Number of errors; 0 is success, as NS8's own screen has it. Layout A's `error` counts as 1.
    pub errors: u64,
    /// Layout A's reason.
    pub error: Option<String>,
    /// Bytes (B, C); of the last snapshot that exists, not of this run, where `errors` is not 0.
    pub total_size: Option<u64>,
    /// Files (B, C).
    pub total_file_count: Option<u64>,
    /// 0 or 1, never the number of snapshots: how many `restic stats latest` has processed (B from core 3.2.3, C). 0 is
    /// also the value before anything was looked at.
    pub snapshots_count: Option<u64>,
}

#[cfg(test)]
impl ModuleResult {
    /// A result of layout C for tests.
    pub(crate) fn sample(start: impl Into<Option<Timestamp>>, end: impl Into<Option<Timestamp>>, errors: u64) -> Self {
        Self {
            layout: Layout::C,
            start: start.into(),
            end: end.into(),
            errors,
            error: None,
            total_size: None,
            total_file_count: None,
            snapshots_count: None,
        }
    }
}

impl ModuleResult {
    /// Returns how long the backup took; `None` too if it ended before it started, by a clock that was set back.
    pub fn duration(&self) -> Option<Duration> {
        Duration::try_from(self.end?.duration_since(self.start?)).ok()
    }

    /// Returns the size of the newest snapshot, in bytes, as far as it is known.
    pub fn size(&self) -> Option<u64> {
        self.total_size.filter(|_| self.was_read())
    }

    /// Returns the number of files in the newest snapshot, as far as it is known.
    pub fn files(&self) -> Option<u64> {
        self.total_file_count.filter(|_| self.was_read())
    }

    /// Whether the newest snapshot was looked at. A failure may leave NS8's starting values, which prove nothing.
    fn was_read(&self) -> bool {
        self.errors == 0 || self.snapshots_count != Some(0) && self.total_size.is_some_and(|size| size > 0)
    }
}

/// Layout A's `cluster/backup/<plan>/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanStatus {
    /// Whether `result` is `success`.
    pub success: bool,
    /// When it was written.
    pub timestamp: Option<Timestamp>,
    /// How many modules failed, as the cluster counted them.
    pub errors: Option<u64>,
}
