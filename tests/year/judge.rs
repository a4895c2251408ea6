//! Holds every mail against the truth, and every run against the mails.

use std::collections::{BTreeMap, BTreeSet};

use ns8_backup_monitor::model::plan::Layout;
use ns8_backup_monitor::model::run::{Outcome, State};

use crate::monitor::Said;
use crate::ns8::{DAY, Fate, HOUR, MINUTE, Run, Site};
use crate::world::{Outage, World};

/// `watch.grace`.
const GRACE: i64 = 3 * HOUR;
/// How often the watch looks.
const LOOK: i64 = 15 * MINUTE;
/// The longest time a failure may stay unsaid.
const LIMIT: i64 = 30 * MINUTE;

/// What was counted of one fault.
#[derive(Debug, Clone, Copy, Default)]
pub struct Count {
    pub cells: usize,
    pub bad: usize,
    pub mails: usize,
    pub silent: usize,
    pub wrong: usize,
    pub not_final: usize,
    /// The longest delay of a final mail, in seconds.
    pub delay: i64,
}

pub struct Judge<'a> {
    world: &'a World,
    pub counts: BTreeMap<&'static str, Count>,
    pub findings: Vec<String>,
    verbose: bool,
}

impl<'a> Judge<'a> {
    pub fn new(world: &'a World) -> Self {
        let verbose = std::env::var_os("YEAR_VERBOSE").is_some();
        let mut judge = Self { world, counts: BTreeMap::new(), findings: Vec::new(), verbose };
        for site in &world.sites {
            let said = world.monitor.said.iter().filter(|said| said.plan.as_ref() == Some(&site.id));
            let said: Vec<Said> = said.map(|said| Said { due: judge.due(site, said.due), ..said.clone() }).collect();
            let said: Vec<&Said> = said.iter().collect();
            judge.mails(site, &said);
            judge.runs(site, &said);
        }
        judge
    }

    fn find(&mut self, site: &Site, time: i64, what: &str, more: &str) {
        let (zone, at) = (jiff::tz::TimeZone::get(crate::calendar::ZONE).unwrap(), time);
        let time = zone.to_datetime(crate::ns8::at(time)).to_string();
        self.findings.push(format!("{what}: plan {} at {time}: {more}", site.id));
        if self.verbose {
            println!("{}", self.findings.last().unwrap());
            for run in site.runs.iter().filter(|run| (run.began - at).abs() < 8 * HOUR) {
                println!("    {run:?}");
            }
        }
    }

    /// Each mail's statements at the time of its writing.
    fn mails(&mut self, site: &Site, said: &[&Said]) {
        for mail in said.iter().filter(|mail| mail.delivered.is_some()) {
            let run = self.run_of(site, mail);
            let fault = run.map_or("none", |run| run.fault);
            let wrong = self.wrong(site, mail, run);
            let count = self.counts.entry(fault).or_default();
            count.mails += 1;
            count.wrong += wrong.len();
            for why in wrong {
                let near = said.iter().filter(|other| (other.written - mail.written).abs() < 3 * HOUR);
                let near: Vec<_> = near.map(|mail| (mail.written, mail.delivered, mail.due, &mail.subject)).collect();
                self.find(site, mail.written, "false", &format!("[{fault}] {why}: {} {near:?}", mail.subject));
            }
        }
    }

    /// The run that a mail is about.
    fn run_of<'r>(&self, site: &'r Site, mail: &Said) -> Option<&'r Run> {
        let known = site.runs.iter().rev().filter(|run| run.began <= mail.written);
        match mail.due {
            Some(due) => known.into_iter().find(|run| run.due == Some(due)),
            None => known.into_iter().next(),
        }
    }

    /// The false statements of a mail.
    fn wrong(&self, site: &Site, mail: &Said, run: Option<&Run>) -> Vec<String> {
        let mut wrong = Vec::new();
        if mail.outcome == Outcome::Unknown {
            let away = self.world.redis_away.iter().any(|(from, until)| (*from..*until + 60).contains(&mail.written));
            return if away { wrong } else { vec!["Redis is there".into()] };
        }
        let Some(run) = run else {
            // Nothing tells whether the plan was edited before or after its timer elapsed in that moment.
            let is_unclear = mail.due.is_some_and(|due| site.edits.contains(&due));
            return if is_unclear { wrong } else { vec!["no run was due then".into()] };
        };
        // After the clock was set back, what has ended lies ahead.
        let ahead = self.world.set_back.iter().any(|time| (0..HOUR).contains(&(mail.written - time)));
        let now = mail.written + if ahead { 12 * MINUTE } else { 0 };
        for (module, state) in &mail.states {
            let truths = [mail.written, now].map(|now| state_of(site, module, mail.due, now));
            let says = match state {
                State::Success => Some(true),
                State::Error => Some(false),
                State::Stale | State::Missing => None,
            };
            let is_open = says.is_none() && mail.due.is_none();
            if !truths.contains(&says) && !is_open {
                wrong.push(format!("{module} is {truths:?}, not {state:?}"));
            }
        }
        let all_good = mail.states.values().all(|state| *state == State::Success);
        if matches!(mail.outcome, Outcome::Success | Outcome::Recovered) != all_good && !is_of_one_gone(run, mail) {
            wrong.push("the outcome is not that of the modules".into());
        }
        let began = run.fates.values().any(|fate| *fate != Fate::None && ended(fate) <= mail.written);
        if mail.outcome == Outcome::Missed && began {
            wrong.push("the run was not missed".into());
        }
        if mail.outcome == Outcome::Recovered && !self.was_told_bad(site, mail) {
            wrong.push("nothing was wrong before".into());
        }
        if !mail.interim && run.due.is_some() && run.due == mail.due && over(run, mail) > now + 60 {
            wrong.push(format!("not final: it goes on for {} min", (run.over() - mail.written) / 60));
        }
        let newest = site.runs.iter().rev().find(|run| run.began <= mail.written).unwrap_or(run);
        let in_a_row = in_a_row(site, run).max(in_a_row(site, newest));
        if mail.in_a_row > in_a_row.max(1) {
            wrong.push(format!("{} in a row, not {in_a_row}: {}", mail.in_a_row, mail.before));
        }
        wrong
    }

    fn was_told_bad(&self, site: &Site, mail: &Said) -> bool {
        let earlier = self.world.monitor.said.iter().filter(|said| said.plan.as_ref() == Some(&site.id));
        earlier
            .filter(|said| said.written < mail.written)
            .any(|said| !matches!(said.outcome, Outcome::Success | Outcome::Recovered))
    }

    /// Each run that was not good: whether it was mailed, when, and with which last word.
    fn runs(&mut self, site: &Site, said: &[&Said]) {
        for (n, run) in site.runs.iter().enumerate() {
            let count = self.counts.entry(run.fault).or_default();
            count.cells += 1;
            if run.bad().is_empty() || run.over() > self.world.now - DAY {
                continue;
            }
            count.bad += 1;
            let next = site.runs.get(n + 1).map_or(i64::MAX, |next| next.began);
            let deadline = self.deadline(site, run);
            let told = said.iter().filter(|mail| mail.delivered.is_some() && tells(mail, run, next));
            let mut last =
                said.iter().filter(|mail| mail.delivered.is_some() && mail.due.is_some() && mail.due == run.due);
            let last = last.next_back().or(told.clone().next_back());
            let first_final = told.filter(|mail| !mail.interim).filter_map(|mail| mail.delivered).min();
            let is_excused = self.is_excused(site, said, run, next);
            let count = self.counts.get_mut(run.fault).unwrap();
            let mails = said.iter().filter(|mail| (mail.written - run.over()).abs() < 4 * HOUR);
            let mails: Vec<_> = mails.map(|mail| (mail.written, mail.delivered, mail.due, &mail.subject)).collect();
            let detail = format!("[{}] due {:?} {:?} over {} {mails:?}", run.fault, run.due, run.fates, run.over());
            match (first_final, last) {
                (Some(_), Some(last)) if last.interim => {
                    count.not_final += 1;
                    self.find(site, run.began, "not final", &detail);
                }
                // The next run has taken its place.
                (Some(_), _) if deadline + LIMIT > next => {}
                (Some(time), _) => {
                    let delay = time - deadline;
                    count.delay = count.delay.max(delay);
                    if delay > LIMIT {
                        self.find(site, run.began, "late", &format!("{} min {detail}", delay / 60));
                    }
                }
                _ if is_excused => {}
                (None, Some(_)) => {
                    count.not_final += 1;
                    self.find(site, run.began, "not final", &detail);
                }
                (None, None) => {
                    count.silent += 1;
                    self.find(site, run.began, "silent", &detail);
                }
            }
        }
    }

    /// When the run was due that a mail is about. Nobody could see that this one went on at the next elapse and was cut
    /// off then.
    fn due(&self, site: &Site, due: Option<i64>) -> Option<i64> {
        let time = due?;
        let hides = |run: &Run, (from, until): &Outage| *from <= time && *until >= run.over();
        let is_hidden =
            |run: &&Run| run.began < time && time < run.over() && self.hidden().iter().any(|outage| hides(run, outage));
        site.runs.iter().find(is_hidden).map_or(due, |run| run.due)
    }

    /// When nobody could look.
    fn hidden(&self) -> Vec<Outage> {
        [&self.world.redis_away, &self.world.monitor_down].into_iter().flatten().copied().collect()
    }

    /// Whether the plan was edited, and then due, while nobody could look: it may have been edited after that.
    fn is_after_hidden_edit(&self, site: &Site, run: &Run) -> bool {
        let hidden = self.hidden();
        let hides = |time: i64| hidden.iter().filter(move |(from, until)| (*from..=*until).contains(&time));
        let seen = |edit: i64| {
            let mut time = edit;
            while let Some(until) = hides(time).map(|(_, until)| until + 1).max() {
                time = until;
            }
            // The next tick.
            if time > edit { time + LOOK } else { time }
        };
        site.edits.iter().any(|edit| run.due.is_some_and(|due| (*edit..=seen(*edit)).contains(&due)))
    }

    /// When the monitor could know all of it and speak.
    fn deadline(&self, site: &Site, run: &Run) -> i64 {
        // Nobody knows how long a module takes that has never had a result, and layout B's log has no end of a run.
        let is_unknown = |id: &String| site.layout == Layout::B && state_of(site, id, None, run.began).is_none();
        let waits = !run.skipped.is_empty() || run.bad().iter().any(is_unknown);
        let mut ready = match run.due {
            Some(due) if waits => run.over().max(due + GRACE),
            // Nor does anybody know that a module gets no result before it has had the time that it takes.
            Some(due) if site.layout == Layout::B => run.over().max(due + longest(site, run)),
            _ => run.over(),
        };
        let outages = self.hidden();
        let relay = self.world.relay_away.iter().map(|(from, until)| (*from, *until + HOUR));
        let all: Vec<Outage> = outages.into_iter().chain(relay).collect();
        loop {
            let hides = |(from, until): &&Outage| *from <= ready + LIMIT && *until > ready;
            match all.iter().filter(hides).map(|(_, until)| *until).max() {
                Some(until) => ready = until,
                None => return ready,
            }
        }
    }

    /// Whether the run was overwritten by the next before the monitor could look, or is one of many that were missed, or
    /// only modules that are gone were bad in it.
    fn is_excused(&self, site: &Site, said: &[&Said], run: &Run, next: i64) -> bool {
        let is_missed = run.fates.values().all(|fate| *fate == Fate::None);
        let a_day = |mail: &&Said| mail.outcome == Outcome::Missed && (mail.written - run.began).abs() < DAY;
        let is_made_up_for = next < run.began + GRACE;
        // NS8 forgets a module that is removed: before the watch looks again, or has its result.
        let is_gone = |id: &String| site.removed.get(id).is_some_and(|at| *at < run.over() + LOOK);
        self.deadline(site, run) + LIMIT > next
            || run.bad().iter().all(is_gone)
            || is_missed && self.is_after_hidden_edit(site, run)
            || is_missed && (is_made_up_for || said.iter().copied().any(|mail| a_day(&mail)))
    }
}

/// How long the last backup took of those modules that have no result of `run`.
fn longest(site: &Site, run: &Run) -> i64 {
    let before = || site.runs.iter().rev().filter(|other| other.began < run.began);
    let of = |other: &Run, id: &str| other.fates.get(id).filter(|fate| **fate != Fate::None).map(ended);
    let last = |id: &String| before().find_map(|other| Some(of(other, id)? - other.began));
    let absent = run.fates.iter().filter(|(_, fate)| **fate == Fate::None).map(|(id, _)| id);
    absent.filter_map(last).max().unwrap_or(0)
}

fn ended(fate: &Fate) -> i64 {
    match fate {
        Fate::None => i64::MAX,
        Fate::Good(end) | Fate::Bad(end) => *end,
    }
}

/// Whether `mail` says that the alert is newer than the successes, and it is that of a module that failed in `run` and
/// is in the plan no more: NS8 ignores what is left of it, but for its alert.
fn is_of_one_gone(run: &Run, mail: &Said) -> bool {
    let has_failed = |fate: &Fate| matches!(fate, Fate::Bad(end) if *end <= mail.written);
    let mut gone = run.fates.iter().filter(|(id, _)| !mail.states.contains_key(*id));
    mail.outcome == Outcome::RepoFailure && gone.any(|(_, fate)| has_failed(fate))
}

/// When `run` was over for the modules that `mail` is about: nobody waits for one that was removed meanwhile.
fn over(run: &Run, mail: &Said) -> i64 {
    let of_mail = run.fates.iter().filter(|(id, _)| mail.states.contains_key(*id)).map(|(_, fate)| ended(fate));
    match run.fates.keys().all(|id| mail.states.contains_key(id)) {
        true => run.over(),
        false => of_mail.max().map_or(run.over(), |end| end.min(run.over())),
    }
}

/// Whether `mail` says of `run` what it came to.
fn tells(mail: &Said, run: &Run, next: i64) -> bool {
    let same_run = match (mail.due, run.due) {
        (Some(mail), Some(run)) => mail == run,
        _ => (run.began..=next).contains(&mail.written),
    };
    let troubled: BTreeSet<String> =
        mail.states.iter().filter(|(_, state)| **state != State::Success).map(|(id, _)| id.clone()).collect();
    let recent = mail.written - run.over() < 2 * DAY;
    // A module that was removed meanwhile is in no mail any more.
    let named = run.bad().into_iter().filter(|id| mail.states.contains_key(id)).collect::<BTreeSet<_>>();
    same_run && recent && !named.is_empty() && named.is_subset(&troubled)
}

/// What became of `module` since the run due at `due`: whether its last backup succeeded; `None` if there was none.
fn state_of(site: &Site, module: &str, due: Option<i64>, now: i64) -> Option<bool> {
    let from = due.map_or(i64::MIN, |due| due - 120);
    let runs = site.runs.iter().rev().filter(|run| run.began >= from && run.began <= now);
    let mut fates =
        runs.filter_map(|run| run.fates.get(module)).filter(|fate| **fate != Fate::None && ended(fate) <= now);
    fates.next().map(|fate| matches!(fate, Fate::Good(_)))
}

/// The runs in a row, up to `run`, that were not good.
fn in_a_row(site: &Site, run: &Run) -> usize {
    let before = site.runs.iter().rev().filter(|other| other.began <= run.began);
    before.take_while(|run| !run.bad().is_empty()).count()
}
