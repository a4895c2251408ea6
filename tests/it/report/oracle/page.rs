//! What the text of a report has to say, line by line, and what it says.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::truth::{Member, Seen, State, Truth, in_no_plan};
use super::world::{FILES, Generation, Result, SIZES, When, World};

/// A page, without the order of its parts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) subject: String,
    pub(super) verdict: String,
    /// The paragraphs below no heading; labels with their commands, too.
    pub(super) paragraphs: BTreeSet<String>,
    /// The entries below each heading.
    pub(super) sections: BTreeMap<String, Vec<String>>,
}

/// Lines of an entry, and a label and its commands, are joined by this.
const BREAK: &str = " | ";

impl Page {
    /// Reads a page as the program prints it.
    pub(super) fn read(text: &str) -> Self {
        let mut page = Self::default();
        let mut blocks = text.split("\n\n").map(joined);
        page.subject = blocks.next().unwrap().concat().strip_prefix("Subject: ").unwrap().into();
        page.verdict = blocks.next().unwrap().concat();
        let mut heading = None;
        for mut lines in blocks {
            if is_heading(&lines[0]) {
                heading = Some(lines.remove(0));
                page.sections.entry(heading.clone().unwrap()).or_default().extend(lines);
            } else if let Some(heading) =
                heading.as_ref().filter(|_| lines.len() > 1 && lines[1].starts_with("Reason: "))
            {
                page.sections.get_mut(heading).unwrap().push(lines.join(BREAK));
            } else if lines[0].ends_with(':') {
                page.paragraphs.insert(lines.join(BREAK));
            } else {
                page.paragraphs.extend(lines);
            }
        }
        page
    }
}

/// The lines of a block, with those that are broken put together.
fn joined(block: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut depth = 0;
    for line in block.lines() {
        let indent = line.len() - line.trim_start().len();
        let is_label = |line: &str| line.split(' ').next().unwrap().ends_with(':') || line.contains(": ");
        let is_new = match lines.last() {
            None => true,
            Some(_) if line.trim_start().starts_with("$ ") => true,
            Some(last) if indent == 0 => is_heading(last) || is_field(line),
            Some(last) => indent <= depth || depth == 0 && !last.is_empty() && (indent == 2 || is_label(line)),
        };
        if is_new {
            lines.push(line.trim_start().into());
            depth = indent;
        } else {
            let last = lines.last_mut().unwrap();
            *last = format!("{last} {}", line.trim_start());
        }
    }
    lines
}

fn is_field(line: &str) -> bool {
    ["Plan: ", "Cluster: ", "Run: ", "Newest result: ", "Next run: ", "Written: "]
        .iter()
        .any(|label| line.starts_with(label))
}

fn is_heading(line: &str) -> bool {
    !line.is_empty() && line.to_uppercase() == line && line.contains(char::is_alphabetic)
}

impl Truth<'_> {
    /// The page that is true, written at `now`.
    pub(super) fn page(&self) -> Page {
        let mut page = Page { subject: self.subject(), verdict: self.verdict(), ..Page::default() };
        page.paragraphs.extend(self.fields());
        page.paragraphs.extend(self.notes());
        page.paragraphs.extend(self.commands());
        let mut add = |heading: String, entries: Vec<String>| {
            if !entries.is_empty() {
                page.sections.insert(heading, entries);
            }
        };
        let troubled = |states: &[State]| {
            let of = self.modules.iter().filter(|module| states.contains(&module.state));
            of.map(|module| self.entry(module)).collect::<Vec<_>>()
        };
        add(format!("FAILED ({})", self.count(State::Error)), troubled(&[State::Error]));
        let absent = format!("WITHOUT A RESULT OF THIS RUN ({})", self.absent());
        add(absent, troubled(&[State::Stale, State::Missing]));
        let successes = self.of(State::Success).into_iter().map(|module| self.success(module)).collect();
        add(format!("BACKED UP ({})", self.count(State::Success)), successes);
        if self.outcome() != "SUCCESS" {
            let switched_off = "The repositories were not checked: the check is switched off.";
            add("REPOSITORIES".into(), vec![switched_off.into()]);
        }
        let mut unreadable = self.damaged();
        unreadable.retain(|clause| self.modules.iter().all(|module| self.fault(module).as_ref() != Some(clause)));
        add("NOT READABLE, OR NOT CREDIBLE".into(), unreadable);
        page
    }

    fn subject(&self) -> String {
        let (total, failed, absent) = (self.modules.len(), self.count(State::Error), self.absent());
        let id = World::plan_id(self.place);
        let idle = self.not_awaited.len();
        let words = match (self.outcome(), failed, absent) {
            ("SUCCESS", ..) => format!("all {total} module(s) backed up successfully"),
            _ if self.is_contradicted() => {
                format!("all {total} result(s) are successes, but at least one is dated in the future")
            }
            ("PARTIAL", 0, _) => format!("{absent}/{total} module(s) without a result"),
            ("PARTIAL", _, 0) => format!("{failed}/{total} module(s) failed"),
            ("PARTIAL", ..) => format!("{failed}/{total} module(s) failed, {absent} without a result"),
            (_, 0, 0) if !self.plan().defined => format!("no backup status found for plan {id}"),
            (_, 0, 0) if idle > 0 => format!("plan {id} is disabled, and none of its {idle} module(s) has a result"),
            (_, 0, 0) => format!("plan {id} has no modules"),
            (_, 0, _) => format!("none of {total} module(s) has a result of this run"),
            _ => format!("all {total} module(s) failed"),
        };
        format!("[ns8-backup] {} - {words}", self.outcome())
    }

    fn verdict(&self) -> String {
        let (total, failed, absent) = (self.modules.len(), self.count(State::Error), self.absent());
        let (succeeded, idle) = (self.count(State::Success), self.not_awaited.len());
        let words = match (self.outcome(), failed, absent) {
            ("SUCCESS", ..) => format!("every module was backed up successfully ({total} of {total})."),
            _ if self.is_contradicted() => format!(
                "every result that is there is a success ({total}), but at least one is dated in the future: a clock is \
                 wrong, or the entry was forged."
            ),
            ("PARTIAL", ..) => {
                let parts = [(failed, "failed"), (absent, "without a result of this run"), (succeeded, "backed up")];
                let parts =
                    parts.iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}"));
                format!("of {total} modules, {}.", parts.collect::<Vec<_>>().join(", "))
            }
            (_, 0, 0) if !self.plan().defined => "nothing is known about the backups of this plan.".into(),
            (_, 0, 0) if idle > 0 => format!("the plan is disabled, and no module of it has a result (0 of {idle})."),
            (_, 0, 0) => "the plan has no modules, so nothing was backed up.".into(),
            (_, 0, _) => format!("no module has a result of this run (0 of {total})."),
            _ => format!("every module failed ({total} of {total})."),
        };
        format!("{}: {words}", self.outcome())
    }

    fn fields(&self) -> Vec<String> {
        let id = World::plan_id(self.place);
        let has_result = self.modules.iter().any(|module| matches!(module.seen, Seen::Result(..)));
        let run = match self.due {
            Some(due) => Some(format!("results since {} (the plan's schedule)", self.time(due))),
            None => has_result.then(|| "due time unknown; results are assigned to runs by age".to_string()),
        };
        let written = self.written.to_zoned_datetime(self.world.tz()).strftime("%F %H:%M %:z").to_string();
        let fields = [
            ("Plan", Some(named(&id, self.plan().defined.then_some(self.plan().name)))),
            ("Cluster", self.world.name.map(String::from)),
            ("Run", run),
            ("Newest result", self.newest_said()),
            ("Next run", self.next_run().map(|next| self.time(next))),
            ("Written", Some(written)),
        ];
        fields.into_iter().filter_map(|(label, value)| Some(format!("{label}: {}", value?))).collect()
    }

    /// The newest result that is not dated in the future, if there is one.
    fn newest_said(&self) -> Option<String> {
        let ends = |ahead: bool| {
            let of = self.modules.iter().filter(move |module| Truth::is_ahead(module) == ahead);
            let end = |module: &Member| match &module.seen {
                Seen::Result(Some(result), _) => Some(result.times(self.plan(), self.now).1),
                _ => None,
            };
            of.filter_map(end).max()
        };
        let future = || ends(true).map(|end| format!("{} (in the future)", self.time(end)));
        ends(false).map(|end| self.time(end)).or_else(future)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let has_run = self.due.is_some() && self.count(State::Success) + self.count(State::Error) > 0;
        if self.is_outdated() && !has_run && self.damaged().is_empty() {
            notes.push("The newest result is old; no run of this plan has stored one since.".into());
        }
        if self.plan().defined && !self.plan().enabled {
            notes.push("The plan is disabled: it does not run by itself.".into());
        }
        if !self.not_awaited.is_empty() {
            let names = self.not_awaited.join(", ");
            notes.push(format!("In the plan, but without a result on the module's node: {names}."));
        }
        if !self.plan().defined {
            let words = "The cluster has no plan with this id: it may have been deleted, may never have run, or its \
                         status was removed.";
            notes.push(words.into());
        }
        let failed: Vec<&str> = self.of(State::Error).iter().map(|module| module.id()).collect();
        if !failed.is_empty() {
            notes.push(format!("Nothing in the logs about {}. Loki: not configured.", failed.join(", ")));
        }
        notes
    }

    /// Labels with what to type.
    fn commands(&self) -> Vec<String> {
        let id = World::plan_id(self.place);
        let mut commands = Vec::new();
        let is_empty = self.plan().defined && self.not_awaited.is_empty();
        if self.modules.is_empty() && self.damaged().is_empty() && is_empty {
            let words = "See the plans and their modules, on the leader: | $ api-cli run list-backups";
            commands.push(words.into());
        } else if self.modules.is_empty() && self.damaged().is_empty() {
            let words = "See whether the backups are scheduled, on each node: | $ systemctl list-timers 'backup*'";
            commands.push(words.into());
        }
        if self.world.generation != Generation::B {
            let troubled = self.modules.iter().filter(|module| module.state != State::Success);
            let nodes: BTreeSet<usize> = troubled.map(|module| self.world.modules[module.place].node).collect();
            let unit = format!("$ systemctl status backup{id}.service | $ journalctl -t runagent -t agent@node");
            commands.extend(
                nodes.iter().map(|node| format!("See the run and its log, on node {}: | {unit}", self.node(*node))),
            );
        }
        commands
    }

    fn entry(&self, module: &Member) -> String {
        let node = self.node(self.world.modules[module.place].node);
        let mut lines = vec![self.name(module), format!("Reason: {}", self.reason(module))];
        if let Seen::Result(Some(result), _) = &module.seen
            && result.errors == 0
        {
            lines.push(format!("Last good backup {}", self.time_and_age(result.times(self.plan(), self.now).1)));
        }
        lines.push(format!("Node: {node}"));
        match (module.state, &module.seen) {
            (State::Error, Seen::Result(Some(result), _)) => lines.extend(self.figures(result)),
            (State::Error, _) => {
                let words = "Ended: end time unreadable; this may be an earlier run's result";
                lines.extend([words.into(), "Errors: 1".into()]);
            }
            (_, Seen::Result(Some(result), _)) => {
                let (word, end) =
                    (if result.errors == 0 { "success" } else { "error" }, result.times(self.plan(), self.now).1);
                lines.push(format!("Last result, of an earlier run: {word}, {}", self.time(end)));
            }
            _ => {}
        }
        let (id, plan) = (module.id(), World::plan_id(self.place));
        if matches!(module.seen, Seen::Result(..)) {
            lines.push(format!("Next, on node {node}:"));
            lines.push(format!("$ runagent -m {id} restic-wrapper --backup {plan} snapshots"));
        }
        let has_result = self.modules.iter().any(|module| matches!(module.seen, Seen::Result(..)));
        if self.world.generation == Generation::B && has_result {
            let words = "(the first command is for rootless modules; a run started by hand may be logged elsewhere):";
            lines.push(format!("See the module's run, on node {node} {words}"));
            lines.push(format!("$ runagent -m {id} systemctl --user status backup{plan}.service"));
            lines.push(format!("$ journalctl -t backup{plan} -t backup{plan}-{id}"));
        }
        lines.join(BREAK)
    }

    fn reason(&self, module: &Member) -> String {
        match (module.state, &module.seen) {
            (State::Error, Seen::Result(Some(result), false)) if result.errors > 1 && result.count == 0 => {
                "the run failed, and the repository could not be read after it; the cluster does not record why".into()
            }
            (State::Error, _) => "at least one step failed; the cluster does not record which".into(),
            (State::Stale, _) => "no result of this run: still running, never started, or busy".into(),
            (_, Seen::Damaged(fault)) => format!("its result exists but cannot be read: it {fault}"),
            (_, Seen::Hidden) => {
                format!("cannot tell whether it has a result: {}", self.fault(module).unwrap())
            }
            _ => "there is no result of any run on its node".into(),
        }
    }

    /// Why it has no result that could be read.
    fn fault(&self, module: &Member) -> Option<String> {
        let json = self.json();
        let of = |view: &&serde_json::Value| view["id"] == module.id();
        json["modules"].as_array().unwrap().iter().find(of)?["unreadable"].as_str().map(String::from)
    }

    fn figures(&self, result: &Result) -> Vec<String> {
        let (start, end) = result.times(self.plan(), self.now);
        let [began, ended] = [start, end].map(|time| time.to_zoned_datetime(self.world.tz()));
        let changed = began.offset() != ended.offset();
        let whole = if changed { "%F %H:%M %:z" } else { "%F %H:%M" };
        let until = if began.date() == ended.date() && !changed { "%H:%M" } else { whole };
        let [since, until] = [began.strftime(whole), ended.strftime(until)].map(|time| time.to_string());
        let took = result.took(self.plan());
        let ahead = if result.when == When::Future { " (in the future)" } else { "" };
        let mut lines = vec![format!("Ran: {since} to {until}{ahead} ({took})"), format!("Errors: {}", result.errors)];
        if result.count > 0 && SIZES[result.size].0 > 0 {
            lines.push(format!("Newest snapshot: {}, from this run or an earlier one", figures(result).join(", ")));
        }
        lines
    }

    fn success(&self, module: &Member) -> String {
        let Seen::Result(Some(result), _) = &module.seen else { panic!("a success without a result") };
        let (end, took) = (self.time(result.times(self.plan(), self.now).1), result.took(self.plan()));
        let ahead = if Truth::is_ahead(module) { " (in the future)" } else { "" };
        let facts = [vec![format!("{end}{ahead}, took {took}")], figures(result)].concat();
        format!("{}: {}", self.name(module), facts.join(", "))
    }

    fn name(&self, module: &Member) -> String {
        named(module.id(), self.world.modules[module.place].name)
    }

    fn node(&self, node: usize) -> String {
        named(&(node + 1).to_string(), self.world.nodes[node])
    }

    fn time(&self, time: Timestamp) -> String {
        time.to_zoned_datetime(self.world.tz()).strftime("%F %H:%M").to_string()
    }

    fn time_and_age(&self, time: Timestamp) -> String {
        let seconds = self.written.duration_since(time).as_secs();
        let age = match seconds {
            86_400.. => format!("{} d", seconds / 86_400),
            3600.. => format!("{} h", seconds / 3600),
            60.. => format!("{} min", seconds / 60),
            _ => format!("{} s", seconds.max(0)),
        };
        format!("{} ({age} ago)", self.time(time))
    }
}

/// Size and files, but for those that are 0.
fn figures(result: &Result) -> Vec<String> {
    let (size, files) = (SIZES[result.size], FILES[result.files]);
    let size = (size.0 > 0).then(|| size.1.to_string());
    size.into_iter().chain((files.0 > 0).then(|| format!("files: {}", files.1))).collect()
}

/// What a report says of the modules in no plan.
pub(super) fn bare(world: &World) -> Option<String> {
    let mut bare = in_no_plan(world);
    bare.sort_by_key(|id| super::world::MODULES.iter().position(|module| module == id));
    (!bare.is_empty()).then(|| format!("In no backup plan: {}.", bare.join(", ")))
}

/// `mail1 (Mail server)`, harmless to a mail program that takes text between angle brackets for HTML.
fn named(id: &str, name: Option<&str>) -> String {
    let name = name.map(|name| name.replace('<', "‹").replace('>', "›")).filter(|name| name != id);
    name.map_or_else(|| id.into(), |name| format!("{id} ({name})"))
}
