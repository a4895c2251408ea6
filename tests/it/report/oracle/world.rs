//! A cluster that is made up, and how it is written to Redis: as NS8's core writes it, or leaves it behind.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

/// The modules that there may be. `mail10` sorts after `mail2`.
pub(super) const MODULES: [&str; 7] = ["dokuwiki3", "imap2", "mail1", "mail2", "mail10", "nextcloud1", "samba1"];
/// How long backups take, in seconds.
pub(super) const TOOK: [i64; 4] = [0, 45, 99, 4320];
/// Sizes of snapshots, in bytes.
pub(super) const SIZES: [u64; 4] = [0, 5, 1536, 13_314_398_617];
/// Numbers of files.
pub(super) const FILES: [u64; 3] = [0, 999, 120_345];
const MINUTE: i64 = 60;
const HOUR: i64 = 3600;

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) generation: Generation,
    /// Whether the cluster counts its plans, as NS8 does.
    pub(super) counts_plans: bool,
    pub(super) name: Option<&'static str>,
    /// The names of nodes 1, 2 and 3.
    pub(super) nodes: [Option<&'static str>; 3],
    pub(super) modules: Vec<Module>,
    pub(super) plans: Vec<Plan>,
    /// The time zone of the machine.
    pub(super) zone: &'static str,
}

/// Which keys the cluster's core writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    /// Core 3.0 to 3.19.
    B,
    /// Core 3.20 and later.
    C,
    /// Core 3.20 and later, with the keys of before left behind.
    Upgraded,
}

#[derive(Debug, Clone)]
pub(super) struct Module {
    /// Whether it is in `cluster/module_node`; else it was removed.
    pub(super) exists: bool,
    /// Whether it is in `cluster/module_uuid`.
    pub(super) has_uuid: bool,
    /// 0, 1 or 2.
    pub(super) node: usize,
    pub(super) name: Option<&'static str>,
    /// Whether NS8 flags it `no_data_backup`.
    pub(super) no_data: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Whether it has a definition; else it was deleted, and what is written of it is left over.
    pub(super) defined: bool,
    pub(super) enabled: bool,
    pub(super) name: &'static str,
    pub(super) schedule: Schedule,
    /// How long before this run the one before began, in hours.
    pub(super) gap: i64,
    /// Nodes (0, 1, 2) whose results are of another type.
    pub(super) unreadable_node: Option<usize>,
    /// What there is about each of [`MODULES`].
    pub(super) cells: Vec<Cell>,
}

/// When a plan runs. The numbers are minutes since it was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schedule {
    None,
    /// systemd does not accept it.
    Invalid,
    Hourly(i64),
    Daily(i64, Zone),
    Weekly(i64),
    Once(i64),
    /// It was due at this time, and somebody started a run by hand in the last hours.
    ByHand(i64),
}

/// The zone in which a schedule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    Utc,
    Named(&'static str),
    /// The machine's.
    Own,
}

/// What there is about a module in a plan.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) member: bool,
    /// The result of the layout that the cluster has now, where the module is now.
    pub(super) now: Entry,
    /// A result on the node where the module was before (C).
    pub(super) elsewhere: Entry,
    /// What an upgrade left behind: an earlier run's.
    pub(super) left: Entry,
}

#[derive(Debug, Clone)]
pub(super) enum Entry {
    None,
    /// Something else than a result, by its place in [`DAMAGES`].
    Damaged(usize),
    /// A failure whose times cannot be read.
    Timeless,
    Result(Result),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Result {
    pub(super) when: When,
    /// Where in the run it is, from 0 to 999.
    pub(super) place: i64,
    /// Places in [`TOOK`], [`SIZES`] and [`FILES`].
    pub(super) took: usize,
    pub(super) size: usize,
    pub(super) files: usize,
    pub(super) errors: u64,
    pub(super) count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    ThisRun,
    /// The run before, or one before that.
    Earlier(i64),
    /// By a clock that is wrong, days ahead.
    Future,
}

/// Start, end, errors, size, files, count.
type Fields<'a> = Vec<(&'a str, String)>;

/// What is no result, in layout C, with what is said about it. `E` stands for a time, `S` for one a minute before.
pub(super) const DAMAGES: [(&str, &str); 14] = [
    ("", NOT_JSON),
    ("{", NOT_JSON),
    (r#"{"start": S, "end": E, "errors": 0"#, NOT_JSON),
    ("[S, E, 0, 5, 6, 1]", NOT_JSON),
    ("null", NOT_JSON),
    ("0", NOT_JSON),
    (r#""success""#, NOT_JSON),
    ("{}", NO_ERRORS),
    (r#"{"start": S, "end": E}"#, NO_ERRORS),
    (r#"{"start": S, "end": E, "errors": null}"#, NO_ERRORS),
    (r#"{"start": S, "end": E, "errors": -1}"#, NO_ERRORS),
    (r#"{"start": S, "end": E, "errors": [0]}"#, NO_ERRORS),
    (r#"{"start": S, "errors": 0}"#, NO_END),
    (r#"{"start": S, "end": "soon", "errors": 0}"#, NO_END),
];
/// The same in layout B, where there is no JSON.
pub(super) const DAMAGES_OF_B: [(&[(&str, &str)], &str); 4] = [
    (&[("start", "S"), ("end", "E")], NO_ERRORS),
    (&[("start", "S"), ("end", "E"), ("errors", "none")], NO_ERRORS),
    (&[("start", "S"), ("errors", "0")], NO_END),
    (&[("start", "S"), ("end", "soon"), ("errors", "0")], NO_END),
];
const NOT_JSON: &str = "is not a JSON object";
const NO_ERRORS: &str = "has no readable number of errors";
const NO_END: &str = "has no readable end time";
pub(super) const OTHER_TYPE: &str = "has the wrong Redis type";

impl World {
    /// The id of the plan at `place`.
    pub(super) fn plan_id(place: usize) -> String {
        (place + 1).to_string()
    }

    /// Writes it to a database that is empty.
    pub(super) fn write(&self, now: Timestamp, send: &mut dyn FnMut(&[&str])) {
        send(&["SET", "cluster/uuid", "c1"]);
        self.name.iter().for_each(|name| send(&["SET", "cluster/ui_name", name]));
        if self.counts_plans {
            send(&["SET", "cluster/backup_sequence", &self.plans.len().to_string()]);
        }
        for (n, name) in self.nodes.iter().enumerate() {
            name.iter().for_each(|name| send(&["SET", &format!("node/{}/ui_name", n + 1), name]));
        }
        for (id, module) in MODULES.iter().zip(&self.modules) {
            if module.exists {
                send(&["HSET", "cluster/module_node", id, &(module.node + 1).to_string()]);
                module.name.iter().for_each(|name| send(&["SET", &format!("module/{id}/ui_name"), name]));
                send(&["HSET", &format!("module/{id}/environment"), "IMAGE_URL", "ghcr.io/nethserver/app:1"]);
            }
            if module.has_uuid {
                send(&["HSET", "cluster/module_uuid", id, &format!("uuid-{id}")]);
            }
            if module.no_data {
                send(&["SADD", &format!("module/{id}/flags"), "no_data_backup"]);
            }
        }
        for place in 0..self.plans.len() {
            self.write_plan(place, now, send);
        }
    }

    fn write_plan(&self, place: usize, now: Timestamp, send: &mut dyn FnMut(&[&str])) {
        let (id, plan) = (Self::plan_id(place), &self.plans[place]);
        let layout_c = self.generation != Generation::B;
        let members = MODULES.iter().zip(&plan.cells).filter(|(_, cell)| cell.member);
        let members: Vec<&str> = members.map(|(id, _)| *id).collect();
        if plan.defined {
            let key = format!("cluster/backup/{id}");
            let schedule = plan.schedule.expression(now, self.zone);
            let enabled = if plan.enabled { "1" } else { "" };
            send(&["HSET", &key, "name", plan.name, "repository", "d1", "retention", "7", "enabled", enabled]);
            schedule.iter().for_each(|schedule| send(&["HSET", &key, "schedule", schedule]));
            if layout_c {
                send(&["HSET", &key, "instances", &members.join(" ")]);
            }
        }
        for ((module, known), cell) in MODULES.iter().zip(&self.modules).zip(&plan.cells) {
            let (of_b, plans) = (format!("module/{module}/backup_status/{id}"), format!("module/{module}/backups"));
            if !layout_c {
                if cell.member {
                    send(&["SADD", &plans, &id]);
                }
                write_b(&of_b, &cell.now.fields_b(plan, now), send);
                continue;
            }
            if self.generation == Generation::Upgraded {
                write_b(&of_b, &cell.left.earlier().fields_b(plan, now), send);
            }
            let other = (known.node + 1) % 3;
            for (entry, node) in [(&cell.now, known.node), (&cell.elsewhere, other)] {
                if let Some(json) = entry.json(plan, now).filter(|_| plan.unreadable_node != Some(node)) {
                    send(&["HSET", &format!("node/{}/backup_status/{id}", node + 1), module, &json]);
                }
            }
        }
        if let Some(node) = plan.unreadable_node.filter(|_| layout_c) {
            send(&["SET", &format!("node/{}/backup_status/{id}", node + 1), "something else"]);
        }
    }
}

fn write_b(key: &str, fields: &Fields, send: &mut dyn FnMut(&[&str])) {
    for (field, value) in fields {
        send(&["HSET", key, field, value]);
    }
}

impl Schedule {
    /// When this run was due.
    pub(super) fn due(self, now: Timestamp) -> Option<Timestamp> {
        let since = match self {
            Self::None | Self::Invalid => return None,
            Self::Hourly(since) | Self::Weekly(since) | Self::Once(since) | Self::ByHand(since) => since,
            Self::Daily(since, _) => since,
        };
        let minute = now.as_second() / MINUTE * MINUTE;
        Some(Timestamp::from_second(minute - since * MINUTE).unwrap())
    }

    /// When the next one is due.
    pub(super) fn next(self, now: Timestamp, own: &str) -> Option<Timestamp> {
        let due = self.due(now)?;
        match self {
            Self::Hourly(_) => Some(due + 1.hour()),
            Self::Weekly(_) => Some(due + (7 * 24).hours()),
            Self::Daily(_, zone) => Some((zone.steady(due, own).local(due, own) + 1.day()).timestamp()),
            _ => None,
        }
    }

    /// Its calendar expression.
    pub(super) fn expression(self, now: Timestamp, own: &str) -> Option<String> {
        let due = self.due(now).map(|due| due.to_zoned_datetime(TimeZone::UTC));
        Some(match (self, due) {
            (Self::Hourly(_), Some(due)) => due.strftime("*-*-* *:%M:00 UTC").to_string(),
            (Self::Daily(_, zone), Some(due)) => {
                let zone = zone.steady(due.timestamp(), own);
                let name = match zone {
                    Zone::Utc => " UTC",
                    Zone::Named(name) => &format!(" {name}"),
                    Zone::Own => "",
                };
                format!("{}{name}", zone.local(due.timestamp(), own).strftime("%H:%M"))
            }
            (Self::Weekly(_), Some(due)) => due.strftime("%a *-*-* %H:%M UTC").to_string(),
            (_, Some(due)) => due.strftime("%F %H:%M:00 UTC").to_string(),
            (Self::None, _) => return None,
            _ => "every night".into(),
        })
    }
}

impl Zone {
    fn local(self, time: Timestamp, own: &str) -> ZonedDateTime {
        let name = match self {
            Self::Utc => "UTC",
            Self::Named(name) => name,
            Self::Own => own,
        };
        time.to_zoned_datetime(TimeZone::get(name).unwrap())
    }

    /// The zone itself; UTC around a change of its clocks, when only systemd knows when a run is next.
    fn steady(self, time: Timestamp, own: &str) -> Self {
        let around = [time - 30.hours(), time + 54.hours()];
        let [before, after] = around.map(|time| self.local(time, own).offset());
        if before == after { self } else { Self::Utc }
    }
}

impl Result {
    /// When it started and ended.
    pub(super) fn times(&self, plan: &Plan, now: Timestamp) -> (Timestamp, Timestamp) {
        let seconds = now.as_second();
        let hourly = matches!(plan.schedule, Schedule::Hourly(_));
        let took = TOOK[self.took].min(if hourly { 99 } else { i64::MAX });
        // The first two minutes are those of a clock that runs ahead.
        let spread = if hourly { 6 * MINUTE } else { 30 * MINUTE };
        let into = self.place * spread / 1000;
        let start = match (plan.schedule.due(now).map(Timestamp::as_second), self.when) {
            (_, When::Future) => seconds + 48 * HOUR + into,
            (None, When::ThisRun) => seconds - 9 * HOUR + self.place * 7 * HOUR / 1000,
            (None, When::Earlier(n)) => seconds - (30 + 24 * n) * HOUR + into,
            (Some(due), When::Earlier(0)) if plan.is_by_hand() => due + into,
            (Some(_), When::ThisRun) if plan.is_by_hand() => seconds - 2 * HOUR + into,
            (Some(due), When::ThisRun) => due - 119 + into,
            (Some(due), When::Earlier(n)) => due - (plan.gap + 24 * n) * HOUR + into,
        };
        let at = |second| Timestamp::from_second(second).unwrap();
        (at(start), at(start + took))
    }

    fn fields(&self, plan: &Plan, now: Timestamp) -> Fields<'static> {
        let (start, end) = self.times(plan, now);
        vec![
            ("start", start.as_second().to_string()),
            ("end", end.as_second().to_string()),
            ("errors", self.errors.to_string()),
            ("total_size", SIZES[self.size].to_string()),
            ("total_file_count", FILES[self.files].to_string()),
            ("snapshots_count", self.count.to_string()),
        ]
    }
}

impl Plan {
    pub(super) fn is_by_hand(&self) -> bool {
        matches!(self.schedule, Schedule::ByHand(_))
    }
}

impl Entry {
    /// The same, of an earlier run: an upgrade leaves nothing else behind.
    pub(super) fn earlier(&self) -> Self {
        match self {
            Self::Result(result) => Self::Result(Result { when: When::Earlier(2), ..*result }),
            other => other.clone(),
        }
    }

    fn fields_b(&self, plan: &Plan, now: Timestamp) -> Fields<'static> {
        match self {
            Self::None => Vec::new(),
            Self::Result(result) => result.fields(plan, now),
            Self::Timeless => vec![("errors", "1".into())],
            Self::Damaged(kind) => {
                let (fields, _) = DAMAGES_OF_B[kind % DAMAGES_OF_B.len()];
                fields.iter().map(|(field, value)| (*field, with_times(value, now))).collect()
            }
        }
    }

    fn json(&self, plan: &Plan, now: Timestamp) -> Option<String> {
        match self {
            Self::None => None,
            Self::Result(result) => {
                let fields = result.fields(plan, now);
                // Somebody may write numbers as text.
                let quote = if result.place % 5 == 0 { "\"" } else { "" };
                let pairs = fields.iter().map(|(field, value)| format!("\"{field}\": {quote}{value}{quote}"));
                Some(format!("{{{}}}", pairs.collect::<Vec<_>>().join(", ")))
            }
            Self::Timeless => Some(r#"{"errors": 1, "unknown": {"a": [1]}}"#.into()),
            Self::Damaged(kind) => Some(with_times(DAMAGES[*kind].0, now)),
        }
    }
}

/// Puts times of an hour ago for `S` and `E`.
fn with_times(text: &str, now: Timestamp) -> String {
    let end = now.as_second() - HOUR;
    text.replace('S', &(end - MINUTE).to_string()).replace('E', &end.to_string())
}
