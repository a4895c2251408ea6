//! The world: NS8, Alertmanager, the monitor, and all that goes wrong between them.

use std::collections::{BTreeMap, BTreeSet};

use ns8_backup_monitor::model::ended::Progress;
use ns8_backup_monitor::model::plan::{Layout, PlanId};
use serde_json::json;

use crate::calendar::elapses;
use crate::monitor::{Come, Monitor, View, alert};
use crate::ns8::{DAY, Fate, HOUR, Lot, MINUTE, Member, Site, at};

const STEP: i64 = 30;
/// Scrape, rule and `group_wait` until the first notification of a group.
const FIRST: i64 = 75;
const GROUP_INTERVAL: i64 = 5 * MINUTE;
/// Our route's.
const REPEAT: i64 = 12 * HOUR;

/// The faults that a run can meet.
pub const FAULTS: [&str; 19] = [
    "none",
    "first fails",
    "last fails",
    "several fail",
    "all fail",
    "busy, free later",
    "busy to the end",
    "node off",
    "Redis away",
    "relay away",
    "leader rebooted",
    "plan edited",
    "module moved",
    "module removed",
    "module added",
    "longer than its interval",
    "clock set",
    "run by hand",
    "Alertmanager dead",
];

/// A time in which something is not there.
pub type Outage = (i64, i64);

/// What is to be done later.
enum Todo {
    Edit(usize),
    Move(usize),
    Remove(usize),
    Add(usize),
    ByHand(usize),
    Reboot,
    SetClock(i64),
}

/// What Alertmanager knows of a node's group.
#[derive(Default)]
struct Group {
    sent: BTreeSet<usize>,
    sent_at: i64,
}

pub struct World {
    /// What the clocks say.
    pub now: i64,
    pub sites: Vec<Site>,
    pub monitor: Monitor,
    groups: BTreeMap<u8, Group>,
    todo: Vec<(i64, Todo)>,
    pub redis_away: Vec<Outage>,
    pub relay_away: Vec<Outage>,
    pub monitor_down: Vec<Outage>,
    nodes_off: Vec<(u8, Outage)>,
    alertmanager_dead: Vec<Outage>,
    /// When the clock was set back, by the new time.
    pub set_back: Vec<i64>,
    random: fastrand::Rng,
    added: usize,
}

pub fn is_in(outages: &[Outage], now: i64) -> bool {
    outages.iter().rev().take(8).any(|(from, until)| (*from..*until).contains(&now))
}

/// The plans: name of the schedule, its expression, another one, layout, modules with node and minutes.
pub fn sites(from: i64, until: i64) -> Vec<Site> {
    let site = |id: &str, layout, first, second, members: &[(&str, u8, i64)]| {
        Site::new(id, layout, [first, second].map(|text| (text, elapses(text, from, until))), members)
    };
    let (b, c) = (Layout::B, Layout::C);
    vec![
        site("1", c, "*-*-* 02:00:00", "*-*-* 05:00:00", &[("a1", 1, 10), ("a2", 1, 20), ("a3", 1, 5), ("a4", 1, 15)]),
        site("2", c, "*-*-* 02:30:00", "*-*-* 03:15:00", &[("b1", 1, 9), ("b2", 2, 12), ("b3", 2, 25), ("b4", 1, 7)]),
        site("3", c, "*-*-* 00/6:00:00", "*-*-* 01/6:30:00", &[("c1", 1, 15), ("c2", 1, 30), ("c3", 1, 10)]),
        site("4", c, "*-*-* *:00:00", "*-*-* *:20:00", &[("d1", 2, 6), ("d2", 2, 11)]),
        site("5", c, "Sun *-*-* 03:00:00", "Sun *-*-* 06:00:00", &[("e1", 1, 90), ("e2", 1, 40), ("e3", 2, 30)]),
        site("6", c, "*-*-01 04:00:00", "*-*-02 04:00:00", &[("f1", 2, 200), ("f2", 2, 20)]),
        site("7", b, "*-*-* 23:00:00", "*-*-* 22:00:00", &[("g1", 1, 12), ("g2", 1, 8), ("g3", 2, 16)]),
        site("8", c, "Mon..Fri *-*-* 21:15:00", "Mon..Fri *-*-* 20:15:00 UTC", &[("h1", 2, 240), ("h2", 2, 60)]),
    ]
}

impl World {
    pub fn new(mut sites: Vec<Site>, now: i64, seed: u64) -> Self {
        sites.iter_mut().for_each(|site| site.arm(now));
        fastrand::seed(seed);
        Self {
            now,
            sites,
            monitor: Monitor::new(),
            groups: BTreeMap::new(),
            todo: Vec::new(),
            redis_away: Vec::new(),
            relay_away: Vec::new(),
            monitor_down: Vec::new(),
            nodes_off: Vec::new(),
            alertmanager_dead: Vec::new(),
            set_back: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
            added: 0,
        }
    }

    /// Lets half a minute pass.
    pub fn step(&mut self) {
        self.now += STEP;
        self.do_later();
        for n in 0..self.sites.len() {
            self.sites[n].step(self.now);
            while let Some(due) = self.sites[n].fires(self.now) {
                self.run(n, due);
            }
        }
        if is_in(&self.monitor_down, self.now) {
            return;
        }
        self.alertmanager();
        self.monitor();
    }

    fn node_is_off(&self, node: u8) -> bool {
        self.nodes_off
            .iter()
            .rev()
            .take(8)
            .any(|(of, (from, until))| *of == node && (*from..*until).contains(&self.now))
    }

    /// A timer fires: draws what happens to this run.
    fn run(&mut self, n: usize, due: i64) {
        let often = self.sites[n].elapses().len() > 1000 * self.sites[n].elapses().len().div_ceil(9000);
        let frequency = if often { 0.12 } else { 0.6 };
        let fault = match self.random.f64() < frequency {
            true => FAULTS[self.random.usize(1..FAULTS.len())],
            false => FAULTS[0],
        };
        self.start(n, Some(due), fault);
    }

    fn start(&mut self, n: usize, due: Option<i64>, fault: &'static str) {
        let now = self.now;
        let mut lots: Vec<Lot> = self.sites[n].members.clone().iter().map(|member| self.lot(member)).collect();
        let last = lots.len() - 1;
        let some = self.random.usize(0..lots.len());
        let length: i64 = lots.iter().map(|lot| lot.minutes).sum();
        let after = now + (length + 2) * MINUTE;
        match fault {
            "first fails" => lots[0].fails = true,
            "last fails" => lots[last].fails = true,
            "several fail" => lots.iter_mut().step_by(2).for_each(|lot| lot.fails = true),
            "all fail" => lots.iter_mut().for_each(|lot| lot.fails = true),
            "busy, free later" => lots[some].busy = length + self.random.i64(5..50),
            "busy to the end" => lots[some].busy = 30 * 60,
            "node off" => {
                let node = self.sites[n].members[some].node;
                self.nodes_off.push((node, (now, now + 40 * MINUTE)));
                self.cut(node);
                if node == 1 {
                    self.monitor_down.push((now, now + 40 * MINUTE));
                }
            }
            "Redis away" => {
                lots[some].fails = true;
                self.redis_away.push((after - 10 * MINUTE, after + 2 * HOUR));
            }
            "relay away" => {
                lots[some].fails = true;
                self.relay_away.push((now, after + 2 * HOUR));
            }
            "longer than its interval" if self.is_small(n) => {
                lots[some].minutes = self.interval(n) / MINUTE + 40;
                lots[last].fails = true;
            }
            "clock set" => {
                lots[some].fails = true;
                let step = if self.random.bool() { 12 * MINUTE } else { -12 * MINUTE };
                self.todo.push((after + 15 * MINUTE, Todo::SetClock(step)));
            }
            "Alertmanager dead" => {
                lots[some].fails = true;
                self.alertmanager_dead.push((now, after + 3 * HOUR));
            }
            _ => self.plan_for_later(n, due.is_some(), fault, length),
        }
        let off: BTreeSet<u8> = [1, 2].into_iter().filter(|node| self.node_is_off(*node)).collect();
        self.sites[n].start(now, due, fault, &lots, |node| !off.contains(&node));
    }

    /// What a fault does during the run or after it.
    fn plan_for_later(&mut self, n: usize, is_scheduled: bool, fault: &'static str, length: i64) {
        let after = self.now + (length + 2) * MINUTE;
        let todo = match fault {
            "leader rebooted" => (self.now + length * MINUTE / 2, Todo::Reboot),
            "plan edited" => (self.now + HOUR, Todo::Edit(n)),
            "module moved" if self.interval(n) > HOUR => (after + HOUR, Todo::Move(n)),
            "module removed" => (after + HOUR, Todo::Remove(n)),
            "module added" => (after + HOUR, Todo::Add(n)),
            "run by hand" if is_scheduled => (after + self.random.i64(2..15) * HOUR, Todo::ByHand(n)),
            _ => return,
        };
        self.todo.push(todo);
    }

    fn lot(&mut self, member: &Member) -> Lot {
        let percent = self.random.i64(85..115);
        Lot { minutes: (member.minutes * percent / 100).max(1), ..Lot::default() }
    }

    fn interval(&self, n: usize) -> i64 {
        let elapses = self.sites[n].elapses();
        let next = elapses.partition_point(|time| *time <= self.now).clamp(1, elapses.len() - 1);
        elapses[next] - elapses[next - 1]
    }

    /// Whether a run that takes longer than the interval ends within a night. On several nodes it would be several
    /// runs.
    fn is_small(&self, n: usize) -> bool {
        let nodes: BTreeSet<u8> = self.sites[n].members.iter().map(|member| member.node).collect();
        self.interval(n) <= 6 * HOUR && nodes.len() == 1
    }

    /// Whether a run by hand ends before the next one is due.
    fn is_free(&self, n: usize) -> bool {
        let site = &self.sites[n];
        let length: i64 = site.members.iter().map(|member| member.minutes + 2).sum();
        let next = site.elapses()[site.elapses().partition_point(|time| *time <= self.now)];
        !site.is_active(1, self.now) && !site.is_active(2, self.now) && self.now + 2 * length * MINUTE < next
    }

    /// Whether Redis or the monitor is or was away in these hours.
    fn was_hidden(&self) -> bool {
        let all = [&self.redis_away, &self.monitor_down].into_iter().flat_map(|list| list.iter().rev().take(8));
        all.into_iter().any(|(from, until)| self.now < until + 12 * HOUR && self.now > from - HOUR)
    }

    fn cut(&mut self, node: u8) {
        for site in &mut self.sites {
            site.cut(node, self.now);
        }
    }

    fn do_later(&mut self) {
        let now = self.now;
        let due: Vec<Todo> = self.todo.extract_if(.., |(time, _)| *time <= now).map(|(_, todo)| todo).collect();
        for todo in due {
            match todo {
                Todo::Edit(n) => self.sites[n].edit(now),
                // What nobody could see before it went, or came, nobody knows.
                Todo::Move(_) | Todo::Add(_) if self.was_hidden() => {}
                Todo::Move(n) if !self.sites[n].is_active(1, now) && !self.sites[n].is_active(2, now) => {
                    let member = &mut self.sites[n].members[0];
                    member.node = 3 - member.node;
                }
                Todo::Remove(n) if self.sites[n].members.len() > 2 => {
                    let id = self.sites[n].members.last().unwrap().id.clone();
                    self.sites[n].remove(&id, now);
                }
                Todo::Add(n) if self.sites[n].members.len() < 6 => {
                    self.added += 1;
                    let node = self.sites[n].members[0].node;
                    self.sites[n].members.push(Member { id: format!("new{}", self.added), node, minutes: 6 });
                }
                // One that goes on when the next is due is not told from it.
                Todo::ByHand(n) if self.is_free(n) => {
                    let fault = if self.random.bool() { "first fails" } else { "run by hand" };
                    self.start(n, None, fault);
                }
                Todo::Reboot => {
                    self.monitor_down.push((now, now + 4 * MINUTE));
                    self.monitor.restart();
                    self.cut(1);
                }
                Todo::SetClock(step) => {
                    self.now += step;
                    self.set_back.extend((step < 0).then_some(self.now));
                }
                _ => {}
            }
        }
    }

    fn alertmanager(&mut self) {
        if is_in(&self.alertmanager_dead, self.now) {
            return;
        }
        for node in [1, 2] {
            let gauge = |n: &usize| self.sites[*n].gauges.get(&node).copied();
            let firing: Vec<usize> =
                (0..self.sites.len()).filter(|n| gauge(n).is_some_and(|since| self.now - since >= FIRST)).collect();
            let group = self.groups.entry(node).or_default();
            group.sent.retain(|n| firing.contains(n));
            let is_new = firing.iter().any(|n| !group.sent.contains(n));
            let pause = if is_new { GROUP_INTERVAL } else { REPEAT };
            let may = is_new && group.sent.is_empty() || self.now - group.sent_at >= pause;
            if firing.is_empty() || !may {
                continue;
            }
            (group.sent, group.sent_at) = (firing.iter().copied().collect(), self.now);
            for n in firing {
                let id = self.sites[n].id.clone();
                let starts_at = at(self.sites[n].gauges[&node]);
                let labels = json!({ "alertname": "BackupFailed", "id": id, "node": node.to_string() });
                let json = json!({ "labels": labels, "annotations": {}, "startsAt": starts_at });
                self.monitor.post(&id, alert(&json), self.now);
            }
        }
    }

    fn monitor(&mut self) {
        let now = self.now;
        let (sites, monitor) = (&self.sites, &mut self.monitor);
        let progress = |id: &PlanId, due| progress(sites.iter().find(|site| site.id == *id).unwrap(), due, now);
        let is_active = |site: &&Site| site.layout == Layout::C && site.is_active(1, now);
        let view = View {
            now,
            plans: (!is_in(&self.redis_away, now))
                .then(|| sites.iter().map(|site| (site.plan(), site.elapses())).collect()),
            relay: !is_in(&self.relay_away, now),
            progress: &progress,
            active: sites.iter().filter(is_active).map(|site| site.id.clone()).collect(),
        };
        monitor.step(&view);
        if now.rem_euclid(15 * MINUTE) < STEP {
            monitor.tick(&view);
        }
    }
}

/// What the logs of the nodes say, from `due` on, that still have to give a result of the last run.
fn progress(site: &Site, due: Option<i64>, now: i64) -> Come {
    let Some(run) = site.runs.last().filter(|_| site.layout == Layout::C) else { return (Progress::Unknown, None) };
    let has_result = |member: &&Member| run.fates.get(&member.id).is_some_and(|fate| *fate != Fate::None);
    let absent = site.members.iter().filter(|member| !has_result(member));
    let is_in_log = |over: &i64| due.is_none_or(|due| *over >= due);
    let on = |node: u8| match (site.is_active(node, now), run.nodes.get(&node).is_some_and(is_in_log)) {
        (true, _) => Progress::Running,
        (false, true) => Progress::Over,
        (false, false) => Progress::NotStarted,
    };
    // Its beginning is in the log if the log is read from before it on.
    let began = due.is_none_or(|due| run.began >= due - 120).then(|| at(run.began));
    (absent.map(|member| on(member.node)).max().unwrap_or_default(), began)
}

/// How many days that is.
pub fn days(number: i64) -> i64 {
    number * DAY
}
