//! What the cluster knows beside results: names of modules and nodes, repositories' paths, modules in no plan, Loki.

use std::collections::{BTreeMap, BTreeSet};

use super::connection::Answers;
use super::index::Index;
use super::limits::{Field, NUMBERS};
use super::measured::{Shape, Wishes};
use super::question::Want;
use super::resp::{Batch, Reply};
use super::{keys, limits, path, value};
use crate::config::is_host;
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

/// The subject of a value. Modules are indices into [`Asking::modules`].
enum Of {
    Name(usize),
    Image(usize),
    Node(String),
    Loki(ModuleId),
}

/// Details that are being asked for.
pub(super) struct Asking {
    wishes: Wishes<Of>,
    modules: Vec<ModuleId>,
    /// Modules in no plan, as far as is known; `None` if that cannot be known.
    unplanned: Option<Vec<ModuleId>>,
    /// Whether their flags are still to be asked for.
    flags: bool,
    /// Whether the paths of repositories are wanted.
    paths: bool,
}

/// Details that were found.
#[derive(Default)]
pub(super) struct Details {
    modules: BTreeMap<ModuleId, Known>,
    /// Whether the paths of repositories are wanted.
    paths: bool,
    nodes: BTreeMap<String, Option<String>>,
    pub(super) unplanned: Option<BTreeSet<ModuleId>>,
    pub(super) loki: Option<Loki>,
    /// What is damaged beside plans and modules.
    pub(super) damaged: Vec<Damage>,
}

/// What was found of a module.
#[derive(Default)]
struct Known {
    name: Option<String>,
    /// UUID and image, from its environment.
    uuid: Option<String>,
    image: Option<String>,
    damaged: Vec<Damage>,
}

impl Asking {
    /// What `want` says, of the modules that `plans` may have. `all` says that these are all plans that there are.
    pub(super) fn new(plans: &BTreeMap<PlanId, Plan>, index: &Index, want: &Want<'_>, all: bool) -> Self {
        let planned: BTreeSet<&ModuleId> = plans.values().flat_map(|plan| plan.members.iter().flatten()).collect();
        let known = all && index.listed && !plans.values().any(Plan::lacks_definition);
        let unplanned = index.modules.keys().filter(|module| !planned.contains(module)).cloned();
        let unplanned = (want.unplanned && known).then(|| unplanned.collect::<Vec<_>>());
        let anyone = plans.values().any(|plan| plan.members.is_none());
        let wanted = want.names || want.repositories;
        let concerned = |module: &&ModuleId| wanted && (anyone || unplanned.is_some() || planned.contains(module));
        let modules: Vec<ModuleId> = index.modules.keys().filter(concerned).cloned().collect();
        let mut of = Vec::new();
        if want.names {
            of.extend((0..modules.len()).map(Of::Name));
            of.extend(index.nodes().into_iter().map(|node| Of::Node(node.into())));
        }
        if want.repositories {
            of.extend((0..modules.len()).map(Of::Image));
        }
        if want.loki {
            of.extend(
                index.loki.clone().filter(|module| !index.listed || index.modules.contains_key(module)).map(Of::Loki),
            );
        }
        let image = if index.uuids.is_some() { IMAGE } else { IMAGE_AND_UUID };
        let wish = |of: Of| {
            let (key, shape) = match &of {
                Of::Name(n) => (keys::name("module", modules[*n].as_str()), Shape::Text(limits::NAME)),
                Of::Node(node) => (keys::name("node", node), Shape::Text(limits::NAME)),
                Of::Image(n) => (keys::environment(&modules[*n]), Shape::Fields(image)),
                Of::Loki(module) => (keys::environment(module), Shape::Fields(LOKI)),
            };
            (of, key, shape)
        };
        let wishes = Wishes::welcome(of.into_iter().map(wish));
        Self { wishes, modules, unplanned, flags: true, paths: want.repositories }
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
    pub(super) fn found(self) -> Details {
        let mut details = Details {
            unplanned: self.unplanned.map(|modules| modules.into_iter().collect()),
            paths: self.paths,
            ..Details::default()
        };
        let mut modules: Vec<Known> = self.modules.iter().map(|_| Known::default()).collect();
        for (of, key, found) in self.wishes.granted() {
            let damage = |fault| Damage { entry: Entry::Key(key), fault };
            let (mut hash, damaged) = found.map_or_else(|fault| (value::Hash::new(), Some(fault)), |hash| (hash, None));
            match of {
                Of::Name(n) => {
                    modules[n].name = value::take(&mut hash, "");
                    modules[n].damaged.extend(damaged.map(damage));
                }
                Of::Image(n) => {
                    modules[n].uuid = value::take(&mut hash, "MODULE_UUID");
                    modules[n].image = value::take(&mut hash, "IMAGE_URL");
                    modules[n].damaged.extend(damaged.map(damage));
                }
                Of::Node(node) => {
                    details.nodes.insert(node, value::take(&mut hash, ""));
                    details.damaged.extend(damaged.map(damage));
                }
                Of::Loki(_) => match loki(&hash) {
                    Ok(login) => details.loki = Some(login),
                    Err(wrong) => details.damaged.extend(damaged.or(wrong).map(damage)),
                },
            }
        }
        details.modules = self.modules.into_iter().zip(modules).collect();
        details
    }
}

impl Details {
    /// Returns what is known of a module, and what is damaged of it.
    pub(super) fn module(&self, id: &ModuleId, index: &Index) -> (Module, Vec<Damage>) {
        let Some(node) = index.modules.get(id) else { return (Module::default(), Vec::new()) };
        let known = self.modules.get(id);
        let own_uuid = || known?.uuid.clone().filter(|_| index.uuids.is_none());
        let uuid = index.uuid_of(id).map(String::from).or_else(own_uuid);
        let image = known.and_then(|known| known.image.as_deref());
        let of_repository = uuid.as_ref().filter(|_| self.paths).map(|uuid| path::repository(id, uuid, image));
        let (repository_path, fault) = of_repository.unwrap_or_default();
        let module = Module {
            ui_name: known.and_then(|known| known.name.clone()),
            node: node.clone(),
            node_name: node.as_ref().and_then(|node| self.nodes.get(node)?.clone()),
            ran_on: None,
            uuid,
            repository_path,
        };
        let of_image = fault.map(|fault| Damage { entry: Entry::Key(keys::environment(id)), fault });
        (module, known.iter().flat_map(|known| known.damaged.iter().cloned()).chain(of_image).collect())
    }

    /// Adds to `plan` what is known of its modules, and what concerns it of what is damaged.
    pub(super) fn complete(&self, plan: &mut Plan, index: &Index) {
        for (id, module) in &mut plan.modules {
            let (known, damaged) = self.module(id, index);
            *module = known;
            plan.damaged.extend(damaged);
        }
        if plan.defined || plan.newest_sign().is_some() {
            for damage in self.damaged.iter().filter(|damage| concerns(damage, plan.repository.as_deref())) {
                if !plan.damaged.contains(damage) {
                    plan.damaged.push(damage.clone());
                }
            }
        }
    }
}

/// Whether `damage` may matter to a plan that backs up to `repository`: another one does not.
fn concerns(damage: &Damage, repository: Option<&str>) -> bool {
    let Entry::Key(key) = &damage.entry else { return true };
    let destination = keys::parse_destination(key).map(|(id, _)| id);
    destination.is_none_or(|id| repository.is_none_or(|own| own == id))
}

/// Returns the login; an error with a fault if something in it makes no sense, without one if something is missing.
fn loki(environment: &value::Hash) -> Result<Loki, Option<Fault>> {
    let field = |name| value::field(environment, name).ok_or(None);
    let host = field("LOKI_ADDR")?;
    let port = field("LOKI_HTTP_PORT")?.parse().map_err(|_| Some(Fault::BadCharacters))?;
    if !is_host(&host) {
        return Err(Some(Fault::BadCharacters));
    }
    let (user, password) = (field("LOKI_API_AUTH_USERNAME")?, field("LOKI_API_AUTH_PASSWORD")?.into());
    Ok(Loki { host, port, user, password })
}
