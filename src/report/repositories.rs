//! The repositories: a verdict on each in words, and what to do.

use std::time::Duration;

use jiff::Timestamp;

use super::writer::{MAX_NAME, MAX_SENTENCE, Writer, join};
use super::{commands, figures};
use crate::model::plan::Plan;
use crate::model::repository::{Checked, Lock, Probe, Probes, Verdict};
use crate::model::text::clean;

const MAX_REPOSITORIES: usize = 30;
/// So many are named where the mail begins.
const MAX_FAULTS: usize = 3;

/// The probes, those of modules together of whose repositories at one destination the same is to be said.
fn alike<'a>(plan: &Plan, probes: &'a [Probe]) -> Vec<Vec<&'a Probe>> {
    let same = |one: &Probe, other: &Probe| {
        (&one.repository, &one.location, &one.verdict) == (&other.repository, &other.location, &other.verdict)
            && not_yet_made(plan, one) == not_yet_made(plan, other)
    };
    let mut groups: Vec<Vec<&Probe>> = Vec::new();
    for probe in probes {
        match groups.iter_mut().find(|group| probe.module.is_some() && same(group[0], probe)) {
            Some(group) => group.push(probe),
            None => groups.push(vec![probe]),
        }
    }
    groups
}

impl Writer<'_> {
    /// Which repositories are at fault, or else on which side the fault is to be looked for, where the probes tell.
    /// `failed`: how many modules failed.
    pub(super) fn where_the_fault_lies(&self, plan: &Plan, failed: usize, probes: &Probes) -> Option<String> {
        let Probes::Done(probes) = probes else { return None };
        let mut faults: Vec<String> =
            alike(plan, probes).iter().filter_map(|group| self.repository_fault(plan, group)).collect();
        if !faults.is_empty() {
            let others = faults.len().saturating_sub(MAX_FAULTS);
            faults.truncate(MAX_FAULTS);
            faults.extend((others > 0).then(|| self.words.and_more(&self.count(others))));
            return Some(self.words.repository_fault(&faults.join("; ")));
        }
        let healthy = probes.iter().filter(|probe| matches!(probe.verdict, Verdict::Healthy { .. })).count();
        let in_doubt = probes.iter().any(|probe| perhaps_faulty(&probe.verdict));
        (failed > 0 && healthy > 0 && !in_doubt).then(|| self.words.repositories_healthy())
    }

    /// `offsite (imap2, mail1): unreachable`; `None` where the repositories of the group are not at fault.
    fn repository_fault(&self, plan: &Plan, group: &[&Probe]) -> Option<String> {
        let probe = group.first()?;
        let name = self.named(&probe.repository, Some(&module_names(group)));
        Some(format!("{name}: {}", self.fault(plan, probe)?))
    }

    /// What a look at the repositories has shown; nothing at all where none was needed.
    pub(super) fn repositories(&mut self, plan: &Plan, probes: &Probes) {
        let heading = self.words.heading_repositories();
        let note = match probes {
            Probes::NotNeeded => return,
            Probes::Disabled => self.words.probes_disabled(),
            Probes::Unknown(why) => self.words.probes_unknown(&self.words.read_error(why)),
            Probes::Done(probes) if probes.is_empty() => self.words.probes_none(),
            Probes::Done(probes) => {
                let groups = alike(plan, probes);
                return self.list(&heading, &groups, MAX_REPOSITORIES, |writer, group| writer.repository(plan, group));
            }
        };
        self.page.heading(&heading);
        self.page.paragraph(1, &note);
    }

    /// The modules' repositories of which the same is to be said.
    fn repository(&mut self, plan: &Plan, group: &[&Probe]) {
        let Some(probe) = group.first() else { return };
        let location = probe.location.as_deref().filter(|location| *location != probe.repository);
        let mut name = self.named(&probe.repository, location);
        if let ([_], Some(module)) = (group, &probe.module) {
            name = format!("{}, {name}", clean(module.as_str(), MAX_NAME));
        }
        self.field(1, &name, &self.probe_verdict(plan, probe));
        if group.len() > 1 {
            self.field(2, &self.words.label_modules(), &module_names(group));
        }
        let action = match &probe.verdict {
            Verdict::Locked(_) => Some("unlock"),
            verdict if perhaps_locked(verdict) => Some("unlock"),
            Verdict::Damaged(_) => Some("check"),
            _ => None,
        };
        let modules = group.iter().filter_map(|probe| probe.module.as_ref());
        let commands: Vec<String> = modules.filter_map(|module| commands::restic(&plan.id, module, action?)).collect();
        self.commands(2, &self.words.label_next(&self.words.on_the_modules_node()), &commands);
    }

    /// What is wrong with it in a few words; `None` where nothing is, or nothing is known.
    fn fault(&self, plan: &Plan, probe: &Probe) -> Option<String> {
        let words = self.words;
        match &probe.verdict {
            Verdict::Healthy { .. } | Verdict::Failed(_) | Verdict::NotProbed(_) => None,
            Verdict::NoRepository if not_yet_made(plan, probe) => None,
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
    fn probe_verdict(&self, plan: &Plan, probe: &Probe) -> String {
        let words = self.words;
        let why = |text: &str| clean(text.trim_end_matches(['.', '\n', ' ']), MAX_SENTENCE);
        let more = match &probe.verdict {
            Verdict::Healthy { snapshots, newest, in_use, checked } => {
                self.healthy(*snapshots, *newest, in_use.as_ref(), checked.opened)
            }
            Verdict::Locked(lock) => words.about_locked(&self.lock(lock)),
            Verdict::WrongPassword => words.about_wrong_password(),
            Verdict::NoRepository => {
                let yet = not_yet_made(plan, probe);
                let text = if yet { words.no_repository_yet() } else { words.about_no_repository() };
                if probe.gateway { format!("{text} {}", words.gateway_broken_at_start()) } else { text }
            }
            Verdict::Unreachable(text) if probe.gateway => words.about_gateway_unreachable(&why(text)),
            Verdict::Denied(text) if probe.gateway => words.about_gateway_denied(&why(text)),
            Verdict::Unreachable(text) => words.about_unreachable(&why(text)),
            Verdict::Denied(text) => words.about_denied(&why(text)),
            Verdict::Damaged(text) => words.about_damaged(&why(text)),
            Verdict::NotWritable(reason) => words.about_not_writable(*reason),
            Verdict::Failed(text) => words.probe_failed(&why(text)),
            Verdict::TimedOut(_) => words.about_timed_out(),
            Verdict::NotProbed(why) => words.not_probed(why),
        };
        match self.fault(plan, probe) {
            Some(fault) => format!("{fault}: {more}"),
            None => more,
        }
    }

    fn healthy(&self, snapshots: u64, newest: Option<Timestamp>, in_use: Option<&Lock>, opened: bool) -> String {
        let count = self.words.snapshots(&figures::number(self.words, snapshots));
        let mut text = match (snapshots, in_use) {
            _ if !opened => self.words.counted(&count),
            (0, _) => self.words.healthy_but_empty(),
            (_, Some(Lock { exclusive: None, .. })) => self.words.reachable(&count),
            _ => self.words.healthy(&count),
        };
        if let Some(newest) = newest {
            let age = Duration::try_from(self.report.now.duration_since(newest)).unwrap_or_default();
            let age = figures::duration(self.words, age);
            text = format!("{text}, {}", self.words.newest_snapshot(&self.time(newest), &age));
        }
        match in_use {
            Some(lock @ Lock { exclusive: None, .. }) => {
                format!("{text}. {}", self.words.perhaps_locked(&self.lock(lock)))
            }
            Some(lock) => format!("{text}. {}", self.words.in_use(&self.lock(lock))),
            None => text,
        }
    }

    fn lock(&self, lock: &Lock) -> String {
        let count = self.words.locks(&figures::number(self.words, lock.count));
        let by = lock.by.as_deref().map(|holder| self.words.lock_by(&clean(holder, MAX_NAME)));
        let since = lock.since.map(|since| self.words.since(&self.time(since)));
        join([by, since, Some(count)])
    }
}

/// The modules whose repositories these are.
fn module_names(group: &[&Probe]) -> String {
    let modules = group.iter().filter_map(|probe| probe.module.as_ref());
    modules.map(|module| clean(module.as_str(), MAX_NAME)).collect::<Vec<_>>().join(", ")
}

/// Whether it is that of a module that was never backed up: that it is not there is no fault.
fn not_yet_made(plan: &Plan, probe: &Probe) -> bool {
    let never_backed_up = |id| !plan.results.contains_key(id) && plan.unreadable(id).is_none();
    probe.module.as_ref().is_some_and(never_backed_up)
}

/// Whether there are locks of which nobody can tell from here whether they keep backups out.
fn perhaps_locked(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Healthy { in_use: Some(Lock { exclusive: None, .. }), .. })
}

/// Whether nothing wrong was seen, but not all was looked at that can keep backups out.
fn perhaps_faulty(verdict: &Verdict) -> bool {
    perhaps_locked(verdict) || matches!(verdict, Verdict::Healthy { checked: Checked { opened: false, .. }, .. })
}
