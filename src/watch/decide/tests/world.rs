//! One plan under a virtual clock: NS8's `run-backup`, the service and Alertmanager in rough strokes.

use std::cell::RefCell;

use super::super::*;
use crate::config::defaults;
use crate::model::plan::{ModuleId, ModuleResult};
use crate::watch::meet::meet;

pub(super) const MINUTE: i64 = 60;
pub(super) const HOUR: i64 = 3600;
pub(super) const DAY: i64 = 24 * HOUR;
/// A midnight.
pub(super) const START: i64 = 1_763_596_800;

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

pub(super) fn id(name: &str) -> ModuleId {
    ModuleId::new(name).unwrap()
}

/// What happens to one module in one run, in order: minutes that it takes, and whether it fails; `None`: it is busy and
/// gets no result.
pub(super) type Part = Option<(i64, bool)>;
/// Ten minutes, and all is well.
pub(super) const GOOD: Part = Some((10, false));
/// Ten minutes, and it fails.
pub(super) const BAD: Part = Some((10, true));

/// A plan that is due every `every` seconds, `offset` seconds after midnight.
pub(super) struct World {
    pub(super) now: i64,
    pub(super) every: i64,
    pub(super) offset: i64,
    /// Which of these times its schedule has.
    pub(super) is_due: fn(i64) -> bool,
    /// The zone of the node.
    pub(super) zone: &'static str,
    pub(super) plan: Plan,
    pub(super) memory: Memory,
    pub(super) history: RefCell<History>,
    /// Results to come, by when they are written.
    pub(super) to_come: Vec<(i64, ModuleId, ModuleResult)>,
    /// When the job in the queue was accepted, whether it has sent its interim report, and when the run was due.
    pub(super) job: Option<(i64, bool, Option<Timestamp>)>,
    /// Whether no mail can be delivered.
    pub(super) relay_is_down: bool,
    /// The mail that waits for the relay: when it was written, and what it says.
    pub(super) held: Option<(i64, RunRecord)>,
    /// Whether the next tick is killed after it has posted.
    pub(super) killed: bool,
    /// When the newest cluster backup was made.
    pub(super) cluster_backup: Option<i64>,
    /// What the log says of a run that lacks results.
    pub(super) progress: Progress,
    pub(super) settings: Settings,
    pub(super) posted: Vec<(i64, Kind, Option<Timestamp>)>,
    /// What was mailed: when, whether it is final, whether all was well, and which modules were in trouble.
    pub(super) mails: Vec<(i64, bool, bool, Vec<String>)>,
}

impl World {
    pub(super) fn new(every: i64, offset: i64, members: &[&str]) -> Self {
        let mut plan = Plan::unknown(PlanId::new("2").unwrap());
        plan.defined = true;
        plan.schedule = Some("…".into());
        plan.members = Some(members.iter().copied().map(id).collect());
        Self {
            now: 0,
            every,
            offset,
            is_due: |_| true,
            zone: "Europe/Rome",
            history: RefCell::new(History::new(plan.id.clone())),
            plan,
            memory: Memory::default(),
            to_come: Vec::new(),
            job: None,
            relay_is_down: false,
            held: None,
            killed: false,
            cluster_backup: None,
            progress: Progress::Unknown,
            settings: defaults(),
            posted: Vec::new(),
            mails: Vec::new(),
        }
    }

    /// A daily plan at 02:00 that has been all right for a week.
    pub(super) fn nightly(members: &[&str]) -> Self {
        let mut world = Self::new(DAY, 2 * HOUR, members);
        let all_well = vec![Some((10, false)); members.len()];
        for _ in 0..7 {
            world.night(Some(&all_well));
        }
        assert_eq!(world.posted, [], "nothing to say in a good week");
        world
    }

    pub(super) fn elapses(&self) -> Elapses {
        let last = (self.now - self.offset).div_euclid(self.every) * self.every + self.offset;
        let is_due = |time: &i64| (self.is_due)(*time);
        let before: Vec<i64> = (0..).map(|n| last - n * self.every).filter(is_due).take(8).collect();
        // As systemd is asked: the last hour is enough if it has three.
        let in_the_hour = before.iter().filter(|due| self.now - **due <= HOUR).count();
        let known = if in_the_hour >= 3 { in_the_hour } else { before.len() };
        let mut after = (1..).map(|n| last + n * self.every).filter(is_due);
        Elapses { before: before[..known].iter().copied().map(at).collect(), next: after.next().map(at) }
    }

    /// Starts a run now: the modules one after the other.
    pub(super) fn run(&mut self, parts: &[Part]) {
        let mut time = self.now + 3;
        let members: Vec<ModuleId> = self.plan.members.iter().flatten().cloned().collect();
        for (module, part) in members.into_iter().zip(parts) {
            let Some((minutes, fails)) = part else { continue };
            let result = ModuleResult {
                total_size: Some(1),
                total_file_count: Some(1),
                snapshots_count: Some(1),
                ..ModuleResult::sample(at(time), at(time + minutes * MINUTE), u64::from(*fails))
            };
            time += minutes * MINUTE;
            self.to_come.push((time, module, result));
        }
    }

    /// Lets a minute pass.
    pub(super) fn minute(&mut self) {
        self.now += MINUTE;
        let (done, to_come) = std::mem::take(&mut self.to_come).into_iter().partition(|(end, ..)| *end <= self.now);
        self.to_come = to_come;
        self.plan.results.extend(Vec::into_iter(done).map(|(_, module, result)| (module, result)));
        self.work();
        if self.now % (15 * MINUTE) == 0 {
            self.tick();
        }
    }

    pub(super) fn pass(&mut self, minutes: i64) {
        (0..minutes).for_each(|_| self.minute());
    }

    /// Passes to this time of the day, in hours.
    pub(super) fn until(&mut self, hour: i64) {
        let wait = (hour * HOUR - self.now).rem_euclid(DAY) / MINUTE;
        self.pass(wait);
    }

    /// A good night, up to this hour.
    pub(super) fn good_until(&mut self, hour: i64) {
        self.until(2);
        let all_well = vec![GOOD; self.plan.members.as_ref().map_or(0, |members| members.len())];
        self.run(&all_well);
        self.until(hour);
    }

    /// A night and the day after it, up to the next midnight.
    pub(super) fn night(&mut self, parts: Option<&[Part]>) {
        self.until(2);
        if let Some(parts) = parts {
            self.run(parts);
        }
        self.until(0);
    }

    pub(super) fn tick(&mut self) {
        if self.memory.doubts(at(self.now)) {
            return;
        }
        let before = self.memory.clone();
        self.history.borrow_mut().not_after(at(self.now));
        meet(std::slice::from_ref(&self.plan), Some(self.zone), at(self.now), &mut self.memory);
        // Nobody asks when a plan that is switched off would be due.
        let elapses = Some(self.elapses()).filter(|_| self.plan.enabled);
        self.memory.plans.values_mut().for_each(|known| known.elapses.clone_from(&elapses));
        let facts = Facts {
            now: at(self.now),
            settings: &self.settings,
            plans: std::slice::from_ref(&self.plan),
            in_queue: &|_, until| match &self.held {
                Some((written, _)) => Some(at(*written)) > until,
                None => self.job.is_some(),
            },
            progress: &|_| self.progress,
            history: &|_| Some(self.history.borrow().clone()),
            cluster_backup: &|_| self.cluster_backup.map(at),
        };
        let decided = decide(&facts, &mut self.memory);
        for (_, _, record) in decided.records {
            self.history.borrow_mut().record(record);
        }
        for news in &decided.news {
            self.posted.push((self.now, news.kind, news.due));
            self.job.get_or_insert((self.now, false, news.due));
        }
        if std::mem::take(&mut self.killed) {
            self.memory = before;
            return;
        }
        decided.news.iter().for_each(|news| self.memory.announced(news));
        self.memory.looked_at = Some(at(self.now));
    }

    /// Passes this many minutes in which the watch does not look.
    pub(super) fn be_away(&mut self, minutes: i64) {
        self.now += minutes * MINUTE;
    }

    /// Alertmanager, which raises the alert.
    pub(super) fn alertmanager(&mut self) {
        let due = self.elapses().of_run(&self.plan);
        self.job.get_or_insert((self.now, false, due));
    }

    /// The administrator drops the job, as `queue drop` does.
    pub(super) fn drop_job(&mut self) {
        (self.held, self.job) = (None, None);
    }

    /// The job: half a minute of wait, an interim report after 15 minutes, the last one when the run is over or after
    /// twelve hours.
    pub(super) fn work(&mut self) {
        if let Some((_, record)) = self.held.take_if(|_| !self.relay_is_down) {
            return self.send(record);
        }
        let Some((accepted, interim_sent, due)) = self.job.filter(|_| self.held.is_none()) else { return };
        let run = Run::read(&self.plan, due, at(self.now), self.settings.correlator.stale_after, &BTreeMap::new());
        let is_missed = !run.has_started() && self.kinds().last() == Some(&Kind::Missed);
        let is_late = self.now - accepted > 12 * HOUR;
        let over = run.absent.is_empty() || self.to_come.is_empty() || is_missed || is_late;
        if !over && (interim_sent || self.now - accepted < 15 * MINUTE) {
            return;
        }
        let mut record = run.record(at(self.now), over);
        if !run.has_started() {
            record.outcome = crate::model::run::Outcome::Missed;
        }
        self.job = Some((accepted, true, due));
        match self.relay_is_down {
            true => self.held = Some((self.now, record)),
            false => self.send(record),
        }
    }

    fn send(&mut self, record: RunRecord) {
        let record = RunRecord { reported: Some(at(self.now)), ..record };
        let troubles = record.troubles().map(|(id, _)| id.to_string()).collect();
        self.mails.push((self.now, record.over, record.is_good(), troubles));
        self.job.take_if(|_| record.over);
        self.history.borrow_mut().record(record);
    }

    pub(super) fn kinds(&self) -> Vec<Kind> {
        self.posted.iter().map(|(_, kind, _)| *kind).collect()
    }

    /// The final mails' troubles.
    pub(super) fn final_mails(&self) -> Vec<Vec<String>> {
        self.mails.iter().filter(|mail| mail.1).map(|mail| mail.3.clone()).collect()
    }
}
