//! The repositories: a verdict on each in words, and what to do.

use jiff::Timestamp;

use super::clean::clean;
use super::writer::{MAX_NAME, MAX_SENTENCE, Writer, join};
use super::{commands, figures};
use crate::cluster::model::{Plan, PlanId};
use crate::probe::{Lock, NotProbed, Probe, Probes, Verdict};

const MAX_REPOSITORIES: usize = 30;

/// The probes, those of modules together of whose repositories at one destination the same is to be said.
fn alike(probes: &[Probe]) -> Vec<Vec<&Probe>> {
    fn key(probe: &Probe) -> (&String, &Option<String>, &Verdict) {
        (&probe.repository, &probe.location, &probe.verdict)
    }
    let mut groups: Vec<Vec<&Probe>> = Vec::new();
    for probe in probes {
        match groups.iter_mut().find(|group| probe.module.is_some() && key(group[0]) == key(probe)) {
            Some(group) => group.push(probe),
            None => groups.push(vec![probe]),
        }
    }
    groups
}

impl Writer<'_> {
    /// On which side the fault is to be looked for, where the probes tell. `failed`: how many modules failed.
    pub(super) fn where_the_fault_lies(&self, plan: &Plan, failed: usize, probes: &Probes) -> Option<String> {
        let Probes::Done(probes) = probes else { return None };
        let verdicts: Vec<&Verdict> =
            probes.iter().filter(|probe| telling(probe, plan)).map(|probe| &probe.verdict).collect();
        let faulty = verdicts.iter().filter(|verdict| !matches!(verdict, Verdict::Healthy { .. })).count();
        match (faulty, verdicts.len()) {
            (_, 0) => None,
            (0, _) if failed == 0 || verdicts.into_iter().any(perhaps_faulty) => None,
            (0, _) => Some(self.words.repositories_healthy()),
            (faulty, total) => Some(self.words.repositories_faulty(&self.count(faulty), &self.count(total))),
        }
    }

    /// What a look at the repositories has shown; nothing at all where none was needed.
    pub(super) fn repositories(&mut self, plan: &PlanId, probes: &Probes) {
        let heading = self.words.heading_repositories();
        let note = match probes {
            Probes::NotNeeded => return,
            Probes::Disabled => self.words.probes_disabled(),
            Probes::Unknown(why) => self.words.probes_unknown(&self.words.read_error(why)),
            Probes::Done(probes) if probes.is_empty() => self.words.probes_none(),
            Probes::Done(probes) => {
                let groups = alike(probes);
                return self.list(&heading, &groups, MAX_REPOSITORIES, |writer, group| writer.repository(plan, group));
            }
        };
        self.page.heading(&heading);
        self.page.paragraph(1, &note);
    }

    /// The modules' repositories of which the same is to be said.
    fn repository(&mut self, plan: &PlanId, group: &[&Probe]) {
        let Some(probe) = group.first() else { return };
        let location = probe.location.as_deref().filter(|location| *location != probe.repository);
        let mut name = self.named(&probe.repository, location);
        if let ([_], Some(module)) = (group, &probe.module) {
            name = format!("{}, {name}", clean(module.as_str(), MAX_NAME));
        }
        self.field(1, &name, &self.probe_verdict(probe));
        if group.len() > 1 {
            let modules = group.iter().filter_map(|probe| probe.module.as_ref());
            let modules: Vec<String> = modules.map(|module| clean(module.as_str(), MAX_NAME)).collect();
            self.field(2, &self.words.label_modules(), &modules.join(", "));
        }
        let action = match &probe.verdict {
            Verdict::Locked(_) => Some("unlock"),
            verdict if perhaps_locked(verdict) => Some("unlock"),
            Verdict::Damaged(_) => Some("check"),
            _ => None,
        };
        let modules = group.iter().filter_map(|probe| probe.module.as_ref());
        let commands = modules.filter_map(|module| commands::restic(plan, module, action?));
        commands.for_each(|command| self.page.command(2, &command));
    }

    fn probe_verdict(&self, probe: &Probe) -> String {
        let words = self.words;
        let why = |text: &str| clean(text.trim_end_matches(['.', '\n', ' ']), MAX_SENTENCE);
        match &probe.verdict {
            Verdict::Healthy { snapshots, newest, in_use, opened } => {
                self.healthy(*snapshots, *newest, in_use.as_ref(), *opened)
            }
            Verdict::Locked(lock) => words.locked(&self.lock(lock)),
            Verdict::WrongPassword => words.wrong_password(),
            Verdict::NoRepository if probe.gateway => {
                format!("{} {}", words.no_repository(), words.gateway_broken_at_start())
            }
            Verdict::NoRepository => words.no_repository(),
            Verdict::Unreachable(text) if probe.gateway => words.gateway_unreachable(&why(text)),
            Verdict::Denied(text) if probe.gateway => words.gateway_denied(&why(text)),
            Verdict::Unreachable(text) => words.unreachable(&why(text)),
            Verdict::Denied(text) => words.denied(&why(text)),
            Verdict::Damaged(text) => words.damaged(&why(text)),
            Verdict::Failed(text) => words.probe_failed(&why(text)),
            Verdict::TimedOut(limit) => words.timed_out(&figures::duration(words, *limit)),
            Verdict::NotProbed(NotProbed::ResticMissing(program)) => words.restic_missing(&clean(program, MAX_NAME)),
            Verdict::NotProbed(NotProbed::ResticUnusable(text)) => words.restic_unusable(&why(text)),
            Verdict::NotProbed(NotProbed::NoCredentials) => words.no_credentials(),
            Verdict::NotProbed(NotProbed::TooMany(count)) => words.too_many(&self.count(*count)),
            Verdict::NotProbed(NotProbed::NoUuid(module)) => words.no_uuid(&clean(module.as_str(), MAX_NAME)),
            Verdict::NotProbed(NotProbed::Incomplete(what)) => words.incomplete(&why(what)),
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
            text = format!("{text}, {}", self.words.newest_snapshot(&self.time_and_age(newest)));
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
        let age = lock.since.map(|since| self.age(since));
        join([Some(count), by, since, age])
    }
}

/// Whether a look at a repository says anything about it. A module that was never backed up has none yet, which is no
/// fault.
fn telling(probe: &Probe, plan: &Plan) -> bool {
    let never_backed_up = |id| !plan.results.contains_key(id) && plan.unreadable(id).is_none();
    match probe.verdict {
        Verdict::NotProbed(_) | Verdict::Failed(_) => false,
        Verdict::NoRepository => !probe.module.as_ref().is_some_and(never_backed_up),
        _ => true,
    }
}

/// Whether there are locks of which nobody can tell from here whether they keep backups out.
fn perhaps_locked(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Healthy { in_use: Some(Lock { exclusive: None, .. }), .. })
}

/// Whether nothing wrong was seen, but not all was looked at that can keep backups out.
fn perhaps_faulty(verdict: &Verdict) -> bool {
    perhaps_locked(verdict) || matches!(verdict, Verdict::Healthy { opened: false, .. })
}
