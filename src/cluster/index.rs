//! What the cluster says about itself: its names, its leader, its modules, its relay.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::connection::{Answers, Connection, hash, needed};
use super::found::Found;
use super::limits::{LIST, VALUE};
use super::path::is_segment;
use super::resp::{Batch, Reply};
use super::{smarthost, value};
use crate::config;
use crate::model::cluster::{ReadError, Smarthost, Why};
use crate::model::plan::{Fault, ModuleId, PlanId};

/// The single values: keys of strings, and the field of a hash.
const VALUES: [&[&str]; 5] = [
    &["GET", "cluster/ui_name"],
    &["GET", "cluster/uuid"],
    &["HGET", "cluster/environment", "NODE_ID"],
    &["GET", "cluster/default_instance/loki"],
    // NS8 counts its plans up from 1, in every version.
    &["GET", "cluster/backup_sequence"],
];

/// What the cluster says about itself.
pub(super) struct Index {
    /// `cluster/ui_name`.
    pub(super) name: Option<String>,
    /// `cluster/uuid`.
    pub(super) uuid: Option<String>,
    /// The leader's node id.
    pub(super) leader: Option<String>,
    /// The default Loki.
    pub(super) loki: Option<ModuleId>,
    /// The highest id of a plan.
    pub(super) plans: Option<u64>,
    /// The mail relay.
    pub(super) smarthost: Result<Option<Smarthost>, ReadError>,
    /// Whether the cluster lists its modules.
    pub(super) listed: bool,
    /// The modules, each with its node if the cluster lists them.
    pub(super) modules: BTreeMap<ModuleId, Option<String>>,
    /// `cluster/module_uuid`; `None` if there is no such list, as before core 3.18.
    pub(super) uuids: Option<HashMap<String, String>>,
    /// What a scan has found; `None` if none was needed.
    pub(super) found: Option<Found>,
}

impl Index {
    /// Asks for it.
    pub(super) fn ask(batch: &mut Batch) {
        batch.add(LIST, &["HGETALL", "cluster/module_node"]);
        batch.add(LIST, &["HGETALL", "cluster/module_uuid"]);
        VALUES.iter().for_each(|command| batch.add(VALUE, command));
        batch.add_long(VALUE, &["HMGET", smarthost::KEY], smarthost::FIELDS);
    }

    /// Takes in the answers.
    ///
    /// # Errors
    /// Returns an error if a list of modules is refused, too large or of another type: without it, nothing else can be
    /// trusted.
    pub(super) fn take(answers: &mut Answers, redis: &config::Redis) -> Result<Self, Why> {
        let nodes = value::pairs(list(answers.next(), "cluster/module_node")?);
        let nodes = nodes.filter(|(_, node)| is_segment(node));
        let modules: BTreeMap<_, _> = nodes.filter_map(|(id, node)| Some((ModuleId::new(id)?, Some(node)))).collect();
        let uuids: HashMap<_, _> = value::pairs(list(answers.next(), "cluster/module_uuid")?).collect();
        let mut next = || answers.next().and_then(value::text);
        let [name, uuid, leader, loki, plans] = [(); 5].map(|()| next());
        let refused = |why| ReadError::Redis { address: redis.address().to_string(), why };
        let fields = hash(answers.next(), &smarthost::FIELDS);
        let fields = fields.and_then(|fields| fields.map_err(|fault| unreadable(smarthost::KEY, fault)));
        Ok(Self {
            name,
            uuid: uuid.filter(|uuid| is_segment(uuid)),
            leader: leader.filter(|node| is_segment(node)),
            loki: loki.and_then(ModuleId::new),
            plans: plans.and_then(|number| number.parse().ok()),
            smarthost: fields.map_err(refused).and_then(|fields| smarthost::smarthost(&fields)),
            listed: !modules.is_empty(),
            modules,
            uuids: Some(uuids).filter(|uuids| !uuids.is_empty()),
            found: None,
        })
    }

    /// Scans the database for plans, or for keys of `only` this one; and for modules if the cluster does not list them.
    pub(super) async fn scan(&mut self, connection: &mut Connection, only: Option<&PlanId>) -> Result<(), Why> {
        let found = Found::scan(connection, only).await?;
        if !self.listed {
            self.modules.extend(found.modules().map(|module| (module, None)));
        }
        self.found = Some(found);
        Ok(())
    }

    /// The nodes with modules on them.
    pub(super) fn nodes(&self) -> BTreeSet<&str> {
        self.modules.values().flatten().map(String::as_str).collect()
    }

    /// The UUID of `module`.
    pub(super) fn uuid_of(&self, module: &ModuleId) -> Option<&str> {
        self.uuids.as_ref()?.get(module.as_str()).map(String::as_str)
    }

    /// Whether a plan of layout C that names `module` has it as a member: see [`crate::model::plan::Plan::members`].
    pub(super) fn has_member(&self, module: &ModuleId) -> bool {
        let known = self.uuids.as_ref().is_none_or(|uuids| uuids.contains_key(module.as_str()));
        !self.listed || self.modules.contains_key(module) && known
    }
}

fn list(reply: Option<Reply>, key: &str) -> Result<Reply, Why> {
    needed(reply)?.map_err(|fault| unreadable(key, fault))
}

/// Why nothing can be said: this key has to be read.
pub(super) fn unreadable(key: &str, fault: Fault) -> Why {
    match fault {
        Fault::TooLarge(bytes) => Why::TooLarge(key.into(), bytes),
        _ => Why::OtherType(key.into()),
    }
}
