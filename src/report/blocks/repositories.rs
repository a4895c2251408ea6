//! The repositories: what a look at each has shown, and what to do.

use jiff::Timestamp;

use super::compose::Composer;
use super::{Block, Entry, Line};
use crate::model::order::sort_by_key;
use crate::model::plan::{ModuleId, ModuleResult};
use crate::model::reason::Cause;
use crate::model::repository::{Checked, Lock, MAX_MODULES, Probe, Probes, Sign, Verdict};
use crate::report::figures::{self, MAX_NAME, MAX_SENTENCE, join, without_full_stop};
use crate::report::isolate::outside;
use crate::report::{PlanFacts, commands, trend};

const MAX_REPOSITORIES: usize = 30;
/// Maximum number of faults at the top of the page.
const MAX_FAULTS: usize = 3;

/// The repositories at one destination about which the same is said.
struct Group<'a> {
    probe: &'a Probe,
    modules: Vec<&'a ModuleId>,
    /// Whether they are not there, and no backup is known to have been written to them: they may never have been
    /// initialised, so that it is no fault.
    perhaps_not_made: bool,
}

impl Group<'_> {
    /// Whether `probe` is of another module's repository at the same destination.
    fn is_at_the_place_of(&self, probe: &Probe) -> bool {
        probe.module.is_some() && (&self.probe.repository, &self.probe.location) == (&probe.repository, &probe.location)
    }
}

fn groups<'a>(facts: &PlanFacts, probes: &'a [Probe]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group> = Vec::new();
    for probe in probes {
        let is_new = || probe.module.as_ref().is_some_and(|module| perhaps_not_made(facts, module));
        let perhaps_not_made = probe.verdict == Verdict::NoRepository && is_new();
        let same = |group: &&mut Group| {
            group.is_at_the_place_of(probe)
                && (&group.probe.verdict, group.perhaps_not_made) == (&probe.verdict, perhaps_not_made)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.modules.extend(&probe.module),
            None => groups.push(Group { probe, modules: probe.module.iter().collect(), perhaps_not_made }),
        }
    }
    groups
}

impl Composer<'_> {
    /// What is wrong with the repositories now, if something is. It need not be what made the run fail.
    pub(super) fn at_the_repositories(&self, facts: &PlanFacts) -> Option<String> {
        let Probes::Done(probes) = facts.probes else { return None };
        let mut groups: Vec<(String, Group)> = Vec::new();
        for group in self::groups(facts, probes) {
            let Some(fault) = self.fault(&group) else { continue };
            let same = |(of, other): &&mut (String, Group)| *of == fault && other.is_at_the_place_of(group.probe);
            match groups.iter_mut().find(same) {
                Some((_, other)) => other.modules.extend(group.modules),
                None => groups.push((fault, group)),
            }
        }
        sort_by_key(&mut groups, |(_, group)| rank(&group.probe.verdict));
        let fault = |(fault, group): &(String, Group)| {
            let name = self.named(&group.probe.repository, Some(&self.ids(group.modules.iter().copied())));
            format!("{name}: {fault}")
        };
        let mut faults: Vec<String> = groups.iter().map(fault).collect();
        let others = faults.len().saturating_sub(MAX_FAULTS);
        faults.truncate(MAX_FAULTS);
        faults.extend((others > 0).then(|| self.words.and_more(&self.count(others))));
        (!faults.is_empty()).then(|| self.words.at_the_repositories(&faults.join("; ")))
    }

    /// What a look at the repositories has shown; nothing at all if none was needed.
    pub(super) fn repositories(&mut self, facts: &PlanFacts) {
        let heading = self.words.heading_repositories();
        let note = match facts.probes {
            Probes::NotNeeded => return,
            Probes::Disabled => self.words.probes_disabled(),
            Probes::Skipped => self.words.probes_skipped(),
            Probes::Done(probes) if probes.is_empty() => self.words.probes_none(),
            Probes::Done(probes) => {
                let entry = |composer: &Self, group: &Group| composer.repository(facts, group);
                return self.list(heading, Block::Rows, &groups(facts, probes), MAX_REPOSITORIES, entry);
            }
        };
        self.list(heading, Block::Rows, &[note], 1, |_, note| Entry { name: note.clone(), ..Entry::default() });
    }

    /// The repositories of modules that share a verdict.
    fn repository(&self, facts: &PlanFacts, group: &Group) -> Entry {
        let probe = group.probe;
        let location = probe.location.as_deref().filter(|location| *location != probe.repository);
        let mut name = self.named(&probe.repository, location);
        if let [module] = &*group.modules {
            name = format!("{}, {name}", outside(module.as_str(), MAX_NAME));
        }
        let mut lines = Vec::new();
        if group.modules.len() > 1 {
            lines.push(Line::field(self.words.label_modules(), self.ids(group.modules.iter().copied())));
        }
        let mut value = self.probe_verdict(group);
        let action = match &probe.verdict {
            verdict if is_to_unlock(facts, group, verdict) => {
                value = format!("{value} {}", self.words.unlock());
                Some(["unlock"])
            }
            Verdict::Damaged(_) => Some(["check"]),
            _ => None,
        };
        let commands = group.modules.iter().filter_map(|module| commands::restic(&facts.plan.id, module, &action?));
        let commands = commands.take(MAX_MODULES).collect();
        lines.extend(Line::commands(self.words.label_next(&self.words.on_the_modules_node()), commands));
        Entry { name, value, lines, ..Entry::default() }
    }

    /// What is wrong with it in a few words; `None` if nothing is, or if nothing is known.
    fn fault(&self, group: &Group) -> Option<String> {
        let words = self.words;
        match &group.probe.verdict {
            Verdict::Healthy { .. } | Verdict::Failed(_) | Verdict::NotProbed(_) => None,
            Verdict::NoRepository if group.perhaps_not_made => None,
            Verdict::NoRepository => Some(words.no_repository()),
            Verdict::Locked(_) => Some(words.locked()),
            Verdict::WrongPassword => Some(words.wrong_password()),
            Verdict::Unreachable(_) => Some(words.unreachable()),
            Verdict::Denied(_) => Some(words.denied()),
            Verdict::Damaged(_) => Some(words.damaged()),
            Verdict::NotWritable(_) => Some(words.not_writable()),
            Verdict::TimedOut(limit) => Some(words.timed_out(&figures::duration(words, *limit))),
        }
    }

    /// The verdict: the fault, if it has one, and what more there is to know and to do.
    fn probe_verdict(&self, group: &Group) -> String {
        let (words, probe) = (self.words, group.probe);
        let why = |sign: &Sign| outside(without_full_stop(&words.sign(sign)), MAX_SENTENCE);
        let more = match &probe.verdict {
            Verdict::Healthy { snapshots, newest, in_use, checked } => {
                self.no_fault(*snapshots, *newest, in_use.as_ref(), checked)
            }
            Verdict::Locked(lock) => words.about_locked(&self.lock(lock)),
            Verdict::WrongPassword => words.about_wrong_password(),
            Verdict::NoRepository => {
                let text = if group.perhaps_not_made { words.no_repository_yet() } else { words.about_no_repository() };
                if probe.gateway { format!("{text} {}", words.gateway_broken_at_start()) } else { text }
            }
            Verdict::Unreachable(sign) if probe.gateway => words.about_gateway_unreachable(&why(sign)),
            Verdict::Denied(sign) if probe.gateway => words.about_gateway_denied(&why(sign)),
            Verdict::Unreachable(sign) => words.about_unreachable(&why(sign)),
            Verdict::Denied(sign) => words.about_denied(&why(sign)),
            Verdict::Damaged(sign) => words.about_damaged(&why(sign)),
            Verdict::NotWritable(why) => words.about_not_writable(*why),
            Verdict::Failed(sign) => words.probe_failed(&why(sign)),
            Verdict::TimedOut(_) => words.about_timed_out(),
            Verdict::NotProbed(why) => words.not_probed(why),
        };
        match self.fault(group) {
            Some(fault) => format!("{fault}: {more}"),
            None => more,
        }
    }

    /// What was looked at without finding a fault, and what was not looked at.
    fn no_fault(&self, snapshots: u64, newest: Option<Timestamp>, in_use: Option<&Lock>, checked: &Checked) -> String {
        let words = self.words;
        let count = words.snapshots(&figures::number(words, snapshots));
        let seen = match (checked.opened, snapshots) {
            (false, _) => words.counted(&count),
            (true, 0) => words.opened_but_empty(),
            (true, _) => words.opened(&count),
        };
        let newest = newest.map(|newest| (self.time(newest), self.age(newest)));
        let newest = newest.map(|(time, age)| match checked.opened {
            true => words.newest_snapshot(&time, &age),
            false => words.newest_file(&time, &age),
        });
        let locks = in_use.map(|lock| match lock.exclusive {
            None => words.perhaps_locked(&self.lock(lock)),
            Some(_) => words.in_use(&self.lock(lock)),
        });
        let [in_order, not_checked] = self.checked(checked);
        let listed = checked.listed.map(|listed| {
            let count = |files: u32| figures::number(words, files.into());
            words.listed(&count(listed.packs), &count(listed.indexes))
        });
        let ended = checked.ended.map(|ended| words.ended(ended));
        let sentences = [Some(join([Some(seen), newest]) + "."), locks, in_order, listed, ended, not_checked];
        sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// What was found in order, and what nobody looked at. Writing and the data itself are never tried.
    fn checked(&self, checked: &Checked) -> [Option<String>; 2] {
        let words = self.words;
        let yes = |checked: bool, part: String| checked.then_some(part);
        let in_order = join([yes(checked.packs, words.part_packs()), yes(checked.folders, words.part_folders())]);
        let not_checked = join([
            yes(!checked.opened, words.part_password()),
            yes(!checked.packs, words.part_packs_in_short()),
            yes(!checked.folders, words.part_folders_in_short()),
            Some(words.part_data()),
            Some(words.part_writing()),
        ]);
        [(!in_order.is_empty()).then(|| words.in_order(&in_order)), Some(words.not_checked(&not_checked))]
    }

    fn lock(&self, lock: &Lock) -> String {
        let count = self.words.locks(&figures::number(self.words, lock.count));
        let by = lock.by.as_deref().map(|holder| self.words.lock_by(&outside(holder, MAX_NAME)));
        let since = lock.since.map(|since| self.words.since(&self.time(since)));
        join([by, since, Some(count)])
    }
}

/// What is to be named first: what makes backups useless, and what does not go away by itself.
fn rank(verdict: &Verdict) -> usize {
    match verdict {
        Verdict::WrongPassword => 0,
        Verdict::Damaged(_) => 1,
        Verdict::NoRepository => 2,
        Verdict::NotWritable(_) => 3,
        Verdict::Denied(_) => 4,
        Verdict::Locked(_) => 5,
        Verdict::Unreachable(_) => 6,
        _ => 7,
    }
}

/// Whether no backup of the module is known to have been written.
fn perhaps_not_made(facts: &PlanFacts, module: &ModuleId) -> bool {
    let has_data = |result: &ModuleResult| result.errors == 0 || result.total_size.is_some_and(|size| size > 0);
    let reason = facts.reasons.and_then(|reasons| reasons.modules.get(module));
    let written = reason.is_some_and(|reason| reason.snapshot_written == Some(true));
    let hidden = facts.plan.unreadable(module).is_some();
    let result = facts.plan.results.get(module);
    !(result.is_some_and(has_data) || written || hidden || trend::last_good(facts, module, Timestamp::MAX).is_some())
}

/// Whether there are locks that keep backups out, that may do so, or that kept one of its modules from removing old
/// snapshots.
fn is_to_unlock(facts: &PlanFacts, group: &Group, verdict: &Verdict) -> bool {
    let was_in_the_way = || {
        let mut reasons = facts.reasons.iter().flat_map(|reasons| &reasons.modules);
        let concerns = |module: &ModuleId| group.modules.is_empty() || group.modules.contains(&module);
        reasons.any(|(module, reason)| reason.cause == Some(Cause::Locked) && concerns(module))
    };
    match verdict {
        Verdict::Locked(_) => true,
        Verdict::Healthy { in_use: Some(lock), .. } => lock.exclusive.is_none() || was_in_the_way(),
        _ => false,
    }
}
