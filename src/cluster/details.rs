//! What the cluster knows beside results: names of modules and nodes, repositories' paths, modules in no plan, Loki.

use std::collections::{BTreeMap, BTreeSet};

use super::connection::Answers;
use super::index::Index;
use super::limits::{Field, NUMBERS};
use super::measured::{Found, Shape, Wishes};
use super::question::Want;
use super::resp::{Batch, Reply};
use super::{limits, path, value};
use crate::model::cluster::{Loki, Why};
use crate::model::plan::{Damage, Entry, Fault, Module, ModuleId, Plan, PlanId};

/// The field of a module's environment that its repository's path follows from.
const IMAGE: &[Field] = &[("IMAGE_URL", limits::NAME)];

/// The same before core 3.18, which has no `cluster/module_uuid`.
const IMAGE_AND_UUID: &[Field] = &[("IMAGE_URL", limits::NAME), ("MODULE_UUID", limits::NAME)];

/// The fields of Loki's environment.
const LOKI: &[Field] = &[
    ("LOKI_ADDR", limits::NAME),
    ("LOKI_HTTP_PORT", limits::WORD),
    ("LOKI_API_AUTH_USERNAME", limits::NAME),
    ("LOKI_API_AUTH_PASSWORD", limits::NAME),
];

/// The flag of a module without data of its own.
const NO_DATA: &str = "no_data_backup";

/// What a value is of.
#[derive(Clone, PartialEq, Eq)]
enum Of {
    Module(ModuleId),
    Image(ModuleId),
    ImageAndUuid(ModuleId),
    Node(String),
    Loki(ModuleId),
}

/// Details that are being asked for.
pub(super) struct Asking {
    wishes: Wishes<Of>,
    /// Modules in no plan, as far as is known; `None` if that cannot be known.
    unplanned: Option<Vec<ModuleId>>,
    /// Whether their flags are still to be asked for.
    flags: bool,
}

/// Details that were found.
#[derive(Default)]
pub(super) struct Details {
    modules: BTreeMap<ModuleId, Module>,
    pub(super) nodes: BTreeMap<String, Option<String>>,
    pub(super) unplanned: Option<BTreeSet<ModuleId>>,
    pub(super) loki: Option<Loki>,
    /// What is damaged of a module.
    damaged: BTreeMap<ModuleId, Vec<Damage>>,
    /// What is damaged of the cluster.
    pub(super) cluster_damaged: Vec<Damage>,
}

impl Asking {
    /// What `want` says, of the modules that `plans` may have. `all` says that these are all plans that there are.
    pub(super) fn new(plans: &BTreeMap<PlanId, Plan>, index: &Index, want: &Want<'_>, all: bool) -> Self {
        let planned: BTreeSet<&ModuleId> = plans.values().flat_map(|plan| plan.members.iter().flatten()).collect();
        let known = all && index.listed && !plans.values().any(Plan::lacks_definition);
        let unplanned = index.modules.keys().filter(|module| !planned.contains(module)).cloned();
        let unplanned = (want.unplanned && known).then(|| unplanned.collect::<Vec<_>>());
        let anyone = plans.values().any(|plan| plan.members.is_none());
        let concerned = |module: &&ModuleId| anyone || unplanned.is_some() || planned.contains(module);
        let modules = || index.modules.keys().filter(concerned).cloned();
        let mut of = Vec::new();
        if want.names {
            of.extend(modules().map(Of::Module));
            of.extend(index.nodes().into_iter().map(|node| Of::Node(node.into())));
        }
        if want.repositories {
            of.extend(modules().map(if index.uuids.is_some() { Of::Image } else { Of::ImageAndUuid }));
        }
        if want.loki {
            of.extend(
                index.loki.clone().filter(|module| !index.listed || index.modules.contains_key(module)).map(Of::Loki),
            );
        }
        let wish = |of: Of| {
            let (key, shape) = (of.key(), of.shape());
            (of, key, shape)
        };
        let wishes = Wishes::welcome(of.into_iter().map(wish));
        Self { wishes, unplanned, flags: true }
    }

    /// Asks what is still open.
    pub(super) fn ask(&self, batch: &mut Batch) {
        self.wishes.ask(batch);
        for module in self.unplanned.iter().flatten().filter(|_| self.flags) {
            batch.add(NUMBERS, &["SISMEMBER", &format!("module/{module}/flags"), NO_DATA]);
        }
    }

    /// Takes in the answers.
    pub(super) fn take(&mut self, answers: &mut Answers) -> Result<(), Why> {
        self.wishes.take(answers)?;
        if std::mem::take(&mut self.flags) {
            // A flag that cannot be read is none: a module too many is named, and none too few.
            let mut flagged = || answers.next() == Some(Reply::Int(1));
            self.unplanned.iter_mut().for_each(|modules| modules.retain(|_| !flagged()));
        }
        Ok(())
    }

    /// Returns what has been found, once nothing is open.
    pub(super) fn found(self, index: &Index) -> Details {
        let unplanned = self.unplanned.map(|modules| modules.into_iter().collect());
        let mut details = Details { unplanned, ..Details::default() };
        details.nodes = index.nodes().into_iter().map(|node| (node.to_owned(), None)).collect();
        let mut images = BTreeMap::new();
        for (of, found) in self.wishes.granted() {
            details.take(of, found, &mut images);
        }
        for (module, node) in &index.modules {
            let known = details.modules.entry(module.clone()).or_default();
            known.node_name = node.as_ref().and_then(|node| details.nodes.get(node).cloned().flatten());
            known.node = node.clone();
            let (uuid, image) = images.remove(module).unwrap_or_default();
            known.uuid = index.uuid_of(module).map(String::from).or(uuid.filter(|_| index.uuids.is_none()));
            let Some(uuid) = &known.uuid else { continue };
            let (path, fault) = path::repository(module, uuid, image.as_deref());
            known.repository_path = path;
            details.damage(module, "environment", fault);
        }
        details
    }
}

impl Of {
    fn key(&self) -> String {
        match self {
            Self::Module(module) => format!("module/{module}/ui_name"),
            Self::Node(node) => format!("node/{node}/ui_name"),
            Self::Image(module) | Self::ImageAndUuid(module) | Self::Loki(module) => {
                format!("module/{module}/environment")
            }
        }
    }

    fn shape(&self) -> Shape {
        match self {
            Self::Module(_) | Self::Node(_) => Shape::Text(limits::NAME),
            Self::Image(_) => Shape::Fields(IMAGE),
            Self::ImageAndUuid(_) => Shape::Fields(IMAGE_AND_UUID),
            Self::Loki(_) => Shape::Fields(LOKI),
        }
    }
}

impl Details {
    fn take(&mut self, of: Of, found: Found, images: &mut BTreeMap<ModuleId, (Option<String>, Option<String>)>) {
        let key = of.key();
        let (hash, fault) = match found {
            Ok(hash) => (hash, None),
            Err(fault) => (value::Hash::new(), Some(fault)),
        };
        match of {
            Of::Module(module) => {
                self.modules.entry(module.clone()).or_default().ui_name = value::field(&hash, "");
                self.damage(&module, "ui_name", fault);
            }
            Of::Image(module) | Of::ImageAndUuid(module) => {
                self.damage(&module, "environment", fault);
                images.insert(module, (value::field(&hash, "MODULE_UUID"), value::field(&hash, "IMAGE_URL")));
            }
            Of::Node(node) => {
                self.nodes.insert(node, value::field(&hash, ""));
                self.cluster_damaged.extend(fault.map(|fault| Damage { entry: Entry::Key(key), fault }));
            }
            Of::Loki(module) => {
                let login = loki(module, &hash).map_err(|wrong| fault.or(wrong));
                let fault = login.as_ref().err().copied().flatten();
                self.cluster_damaged.extend(fault.map(|fault| Damage { entry: Entry::Key(key), fault }));
                self.loki = login.ok();
            }
        }
    }

    fn damage(&mut self, module: &ModuleId, name: &str, fault: Option<Fault>) {
        let entry = Entry::Key(format!("module/{module}/{name}"));
        if let Some(fault) = fault {
            self.damaged.entry(module.clone()).or_default().push(Damage { entry, fault });
        }
    }

    /// Returns what is known of `module`.
    pub(super) fn module(&self, module: &ModuleId) -> Module {
        self.modules.get(module).cloned().unwrap_or_default()
    }

    /// Adds to `plan` what is known of its modules.
    pub(super) fn complete(&self, plan: &mut Plan) {
        for (id, module) in &mut plan.modules {
            *module = self.module(id);
            plan.damaged.extend(self.damaged.get(id).into_iter().flatten().cloned());
        }
    }
}

/// Returns the login; an error with a fault if something in it makes no sense, without one if something is missing.
fn loki(module: ModuleId, environment: &value::Hash) -> Result<Loki, Option<Fault>> {
    let field = |name| value::field(environment, name).ok_or(None);
    let host = field("LOKI_ADDR")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    let port = field("LOKI_HTTP_PORT")?.parse().map_err(|_| Some(Fault::BadCharacters))?;
    if !host.chars().all(plain) {
        return Err(Some(Fault::BadCharacters));
    }
    let (user, password) = (field("LOKI_API_AUTH_USERNAME")?, field("LOKI_API_AUTH_PASSWORD")?.into());
    Ok(Loki { module, host, port, user, password })
}
