//! A connection to the journal, and the modules' parts that are open on it. Pure.

use std::collections::BTreeMap;

use super::clean::{clean, shorten};
use super::part::{MAX_LINES, Part};
use super::record::Fields;

/// Most parts that may be open on one connection: several only on the agent's, where runs by hand meet.
const MAX_OPEN: usize = 8;

/// Most modules whose beginning is remembered.
const MAX_BEGUN: usize = 1024;

/// The beginnings of what NS8 says when the cluster's own backup fails. Source: ns8-core, `run-backup`.
const CLUSTER_FAILURES: [&str; 2] =
    ["[ERROR] cluster-backup failed", "[ERROR] upload of cluster backup GPG file failed"];

/// A connection to the journal.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) id: String,
    /// It is the agent's, over which runs started by hand print.
    pub(super) by_hand: bool,
    pub(super) open: Vec<Open>,
    /// Whether each module was last begun by the plan that is asked about: some marks name no plan.
    pub(super) begun: BTreeMap<String, bool>,
    /// What root says while no module's part is open, and each module that speaks then with it.
    loose: Part,
    loose_of: Vec<(String, Part)>,
    /// How the cluster's own backup went: the lines about its failure, none if it was stored; `None` if it is not
    /// known.
    pub(super) cluster: Option<Vec<String>>,
}

/// A module's part of a run that has not ended.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) module: String,
    /// The module's UUID; empty if it is not known.
    pub(super) uuid: String,
    /// It is of the plan that is asked about.
    pub(super) ours: bool,
    /// Somebody asks about its module in that plan: what others say is not worth hearing.
    pub(super) heard: bool,
    /// When it began, in microseconds since 1970; 0 if the log does not have its beginning.
    pub(super) start: i64,
    /// It began before that: its first line may come late.
    pub(super) late: bool,
    pub(super) part: Part,
}

impl Open {
    /// Hears a line, if somebody asks about the module.
    pub(super) fn hear(&mut self, line: &str) {
        if self.heard {
            self.part.hear(line);
        }
    }
}

impl Stream {
    pub(super) fn new(id: &str, by_hand: bool) -> Self {
        Self { id: id.into(), by_hand, ..Self::default() }
    }

    /// Hears a line that is no mark. With several parts open, a line goes only to the one that it names.
    /// A module that goes on printing is not heard in another's part.
    pub(super) fn hear(&mut self, fields: &Fields<'_>) {
        let line = fields.message;
        let is_cluster_failure = || CLUSTER_FAILURES.iter().any(|beginning| line.starts_with(beginning));
        match self.open.as_mut_slice() {
            [] if fields.is_of_root() && is_cluster_failure() => {
                let mut lines = self.take_loose("").words();
                lines.push(shorten(&clean(line)));
                let excess = lines.len().saturating_sub(MAX_LINES);
                self.cluster = Some(lines.split_off(excess));
            }
            [] => self.hear_loose(fields),
            [only] if fields.speaks_for(&only.module) => only.hear(line),
            [_] => {}
            several => {
                let is_named = |open: &Open| names(line, &open.module, &open.uuid) == Some(true);
                let named = several.iter_mut().filter(|open| fields.speaks_for(&open.module) && is_named(open));
                named.for_each(|open| open.hear(line));
            }
        }
    }

    fn hear_loose(&mut self, fields: &Fields<'_>) {
        let Some(module) = fields.module.filter(|_| !fields.is_of_root()) else {
            self.loose.hear(fields.message);
            return self.loose_of.iter_mut().for_each(|(_, part)| part.hear(fields.message));
        };
        let known = self.loose_of.iter().position(|(of, _)| of == module);
        let at = known.unwrap_or_else(|| {
            self.loose_of.truncate(MAX_OPEN - 1);
            self.loose_of.push((module.to_owned(), self.loose.clone()));
            self.loose_of.len() - 1
        });
        self.loose_of[at].1.hear(fields.message);
    }

    /// Takes what was said while no part was open, without what other modules said.
    pub(super) fn take_loose(&mut self, module: &str) -> Part {
        let loose = std::mem::take(&mut self.loose);
        let mut of = std::mem::take(&mut self.loose_of).into_iter();
        of.find(|(of, _)| of == module).map_or(loose, |(_, part)| part)
    }

    /// Opens a module's part. Returns the part before it, if that has lost its end: a run takes one module at a time.
    pub(super) fn start(&mut self, open: Open) -> Option<Open> {
        let lost = self.open.iter().position(|before| before.ours == open.ours);
        let lost = lost.map(|at| self.open.remove(at));
        self.open.truncate(MAX_OPEN - 1);
        (self.loose, self.loose_of) = (Part::default(), Vec::new());
        if self.begun.len() < MAX_BEGUN || self.begun.contains_key(&open.module) {
            self.begun.insert(open.module.clone(), open.ours);
        }
        self.open.push(open);
        lost
    }

    /// Takes a module's part out. Without an open one, the log begins in the middle of it, or it was busy before.
    pub(super) fn take(&mut self, module: &str, ours: bool) -> Option<Open> {
        let fits = |open: &Open| open.module == module && open.ours == ours;
        if let Some(at) = self.open.iter().rposition(fits) {
            return Some(self.open.remove(at));
        }
        let unopened = ours && (self.open.is_empty() || self.begun.contains_key(module));
        unopened.then(|| Open { module: module.into(), ours: true, part: self.take_loose(module), ..Open::default() })
    }
}

/// Whether what `line` names is the module's: a repository, `…/<app>/<uuid of the module>…`, or a container of NS8's,
/// `restic-<module>-<process>`. `None` if it names neither.
pub(super) fn names(line: &str, module: &str, uuid: &str) -> Option<bool> {
    let app = module.trim_end_matches(|c: char| c.is_ascii_digit());
    let segments = line.split('/');
    let below = segments.clone().skip(1).map(|below| below.get(..36).filter(|below| is_uuid(below)));
    let mut paths =
        segments.zip(below).filter_map(|(name, below)| Some((name.rsplit([' ', '"', '\'']).next()?, below?)));
    if let Some((name, id)) =
        paths.find(|(name, _)| name.starts_with(|c: char| c.is_ascii_lowercase()) && !is_uuid(name))
    {
        return Some(if is_uuid(uuid) { id == uuid } else { name == app });
    }
    let (_, container) = line.split_once("--name=restic-")?;
    let (name, _) = container.split(['\'', ' ']).next()?.rsplit_once('-')?;
    // Statistics and retention run in the node's own container.
    let is_node = name.strip_prefix("node").is_some_and(|id| id.bytes().all(|c| c.is_ascii_digit()));
    (!is_node).then_some(name == module)
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|c| c.is_ascii_hexdigit() || c == b'-') && text.matches('-').count() == 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repositorys_path_names_its_app() {
        let uuid = "0d2a1f00-0000-4000-8000-000000000005";
        let line = format!("[ERROR] restic stats failed for 48ce000e-79b7-5fe6-8558-177fd70c27b4/mail/{uuid}: exit");
        assert_eq!((names(&line, "mail1", ""), names(&line, "nextcloud1", "")), (Some(true), Some(false)));
        let line = format!("ERROR : nextcloud/{uuid}/data/aa/aabb: Post request put error");
        assert_eq!((names(&line, "mail1", ""), names(&line, "nextcloud2", "")), (Some(false), Some(true)));
        let other = "0d2a1f00-0000-4000-8000-000000000006";
        let line = format!("ERROR : mail/{uuid}/data/aa/aabb: Post request put error");
        assert_eq!((names(&line, "mail1", uuid), names(&line, "mail2", other)), (Some(true), Some(false)));
        // The app is the name of the image, which need not be the module's.
        assert_eq!(names(&line, "post1", uuid), Some(true));
        for line in ["Fatal: connection refused", &format!("{uuid}/{uuid} x"), "['--name=restic-node1-12', 'x']"] {
            assert_eq!(names(line, "mail1", uuid), None, "{line}");
        }
    }

    #[test]
    fn a_containers_name_names_its_module() {
        let line = "[ERROR] restic init failed: Command '['podman', 'run', '--name=restic-mail1-3763', '--rm']'";
        assert_eq!((names(line, "mail1", ""), names(line, "mail2", "")), (Some(true), Some(false)));
    }
}
