use jiff::tz::TimeZone;

use super::*;
use crate::config::Language;
use crate::model::history::{ModuleRecord, RunRecord};
use crate::model::plan::{Damage, Entry, Fault, Module, ModuleResult, Plan};
use crate::model::schedule::Elapses;
use crate::watch::memory::Memory;
use crate::watch::memory::PlanMemory;

mod last_run;

const DAY: i64 = 86_400;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_763_596_800 + seconds).unwrap()
}

fn id(name: &str) -> ModuleId {
    ModuleId::new(name).unwrap()
}

/// A plan that is due daily at midnight; each module's result ended so many seconds after the last elapse.
fn plan(number: &str, results: &[(&str, i64, u64)]) -> Plan {
    let mut plan = Plan::unknown(PlanId::new(number).unwrap());
    (plan.defined, plan.name, plan.schedule) = (true, Some(format!("Plan of {number}")), Some("daily".into()));
    plan.members = Some(results.iter().map(|(name, ..)| id(name)).collect());
    for (name, end, errors) in results {
        let result = ModuleResult {
            total_size: Some(3 << 30),
            total_file_count: Some(1),
            snapshots_count: Some(1),
            ..ModuleResult::sample(at(end - 1), at(*end), *errors)
        };
        plan.results.insert(id(name), result);
        plan.modules.insert(id(name), Module { ui_name: Some(format!("The <{name}>")), ..Module::default() });
    }
    plan
}

fn elapses() -> Elapses {
    Elapses { before: (0..4).map(|n| at(-n * DAY)).collect(), next: Some(at(DAY)) }
}

fn history(number: &str, nights: &[(i64, bool)]) -> History {
    let mut history = History::new(PlanId::new(number).unwrap());
    for (night, good) in nights {
        let state = if *good { State::Success } else { State::Error };
        let part = ModuleRecord {
            state,
            end: Some(at(night * DAY + 60)),
            seconds: None,
            size: Some(2 << 30),
            files: None,
            ..ModuleRecord::default()
        };
        history.record(RunRecord {
            due: Some(at(night * DAY)),
            previous_due: None,
            at: at(night * DAY + 60),
            outcome: if *good { Outcome::Success } else { Outcome::RepoFailure },
            over: true,
            reported: None,
            modules: [(id("mail1"), part)].into(),
        });
    }
    history
}

fn digest(plans: Vec<PlanDigest>) -> Digest {
    let works = || Checked { ok: true, found: Found::ByCheck("there".into()) };
    Digest {
        version: VERSION,
        written_at: at(3600 * 8),
        weekly: true,
        host: "leader".into(),
        cluster: Some("Cluster".into()),
        unreadable: None,
        plans,
        unplanned: Some([(id("idle3"), None)].into()),
        monitor: Monitor { alertmanager: works(), relay: works(), watch: works(), queue: works(), last_report: None },
    }
}

fn sum_up(plan: &Plan, history: Option<&History>) -> PlanDigest {
    let elapses = elapses();
    let known = Known { elapses: Some(&elapses), history, ..Known::default() };
    PlanDigest::new(plan, known, Some(Duration::from_secs(43_200)), at(8 * 3600))
}

/// Nobody can say that all is well with what cannot be read.
#[test]
fn a_plan_whose_modules_were_replaced_has_run() {
    let mut replaced = plan("2", &[("mail2", 60, 0)]);
    replaced.results.clear();
    let said = |history| text(&digest(vec![sum_up(&replaced, history)]), Language::En, &TimeZone::UTC);
    let before = history("2", &[(-1, true), (0, true)]);
    assert!(said(Some(&before)).contains("none of its modules has run yet"));
    assert!(said(None).contains("it has not run yet"));
}

#[test]
fn a_plan_with_a_damaged_result_needs_attention() {
    let damage = Damage { entry: Entry::Result(id("mail1")), fault: Fault::NotJson };
    let mut hidden = plan("2", &[("mail1", 60, 0)]);
    (hidden.results, hidden.damaged) = (BTreeMap::new(), vec![damage]);
    let text = |language| text(&digest(vec![sum_up(&hidden, None)]), language, &TimeZone::UTC);
    let words = text(Language::En).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("PLANS THAT NEED ATTENTION (1)") && !words.contains("has not run yet"), "{words}");
    assert!(words.contains("cannot tell whether it has run"), "{words}");
    assert!(words.contains("unreadable or implausible entries: 1; see the plan's report"), "{words}");
    assert!(text(Language::It).contains("non leggibili"), "{}", text(Language::It));
}

#[test]
fn failing_plans_come_first_with_what_failed() {
    let fails = plan("2", &[("mail1", 60, 1)]);
    let history = history("2", &[(-3, true), (-2, true), (-1, false), (0, false)]);
    let fine = plan("3", &[("web1", 60, 0)]);
    let mut off = plan("4", &[("old1", -40 * DAY, 0)]);
    off.enabled = false;
    let plans = vec![sum_up(&fine, None), sum_up(&off, None), sum_up(&fails, Some(&history))];
    let digest = digest(plans);
    assert_eq!(subject(&digest, "[x]", Language::En), "[x] DIGEST - 1 of 2 plan(s) need attention");
    let text = text(&digest, Language::En, &TimeZone::UTC);
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}\n{text}"));
    assert!(place("Plan of 2 (plan 2)") < place("Plan of 3"));
    assert!(place("Plan of 3") < place("PLANS THAT ARE SWITCHED OFF"));
    for part in [
        "last run: REPO_FAILURE, 2025-11-20 00:01; next run: 2025-11-21 00:00",
        "modules: 1; size: 3.0 GiB; +50 % since 2025-11-17",
        "last runs, oldest first: ++xx",
        "mail1 (The ‹mail1›): failed 2 runs in a row; last good backup",
        "IN NO PLAN (1)\n  idle3",
        "  Alertmanager: works",
        "ns8-backup-monitor check",
    ] {
        place(part);
    }
    assert!(!text.contains(['<', '>']) && text.lines().all(|line| line.chars().count() <= 72), "{text}");
}

/// NS8's starting values, which stand until the statistics are read, are no size.
#[test]
fn a_failure_whose_statistics_were_not_read_shrinks_nothing() {
    let mut plan = plan("2", &[("mail1", 60, 1), ("web1", 60, 0), ("new1", 60, 1)]);
    for name in ["mail1", "new1"] {
        let failed = plan.results.get_mut(name).unwrap();
        (failed.total_size, failed.total_file_count, failed.snapshots_count) = (Some(0), Some(0), Some(0));
    }
    let mut history = history("2", &[(-1, true), (0, false)]);
    for (run, unread) in history.runs.iter_mut().zip([false, true]) {
        let part = run.modules["mail1"].clone();
        run.modules.insert(id("web1"), ModuleRecord { size: Some(3 << 30), ..part });
        run.modules.get_mut("mail1").unwrap().size = (!unread).then_some(2 << 30);
    }
    let summed_up = sum_up(&plan, Some(&history));
    assert_eq!((summed_up.size, summed_up.size_before), (Some(5 << 30), Some((at(60 - DAY), 5 << 30))));
    let text = text(&digest(vec![summed_up]), Language::En, &TimeZone::UTC);
    assert!(text.contains("size: 5.0 GiB; +0 % since 2025-11-19"), "{text}");
    assert_eq!(sum_up(&plan, None).size, Some(3 << 30), "as far as it is known");
}

#[test]
fn the_last_good_backup_is_none_of_the_future_and_may_be_a_later_one() {
    let failed = plan("2", &[("mail1", 60, 1)]);
    let last_good = |history: &History| sum_up(&failed, Some(history)).troubled[0].last_good.unwrap();
    assert_eq!(
        last_good(&history("2", &[(-1, true), (0, false)])),
        LastGood { at: at(60 - DAY), or_later: false, with_errors: false }
    );
    let mut ahead = history("2", &[(-2, true), (-1, true), (0, false)]);
    ahead.runs[1].modules.values_mut().for_each(|part| part.end = Some(at(9 * DAY)));
    assert_eq!(last_good(&ahead).at, at(60 - 2 * DAY));
    // This run is not on record yet, and the one before neither.
    let unseen = history("2", &[(-3, true), (-2, false)]);
    assert_eq!(last_good(&unseen), LastGood { at: at(60 - 3 * DAY), or_later: true, with_errors: false });
    assert_eq!(sum_up(&failed, Some(&unseen)).troubled[0].streak.runs, 1);
    let text = text(&digest(vec![sum_up(&failed, Some(&unseen))]), Language::En, &TimeZone::UTC);
    assert!(
        text.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .contains("(3 d ago) or later: not every run since is on record"),
        "{text}"
    );
}

#[test]
fn a_module_without_a_result_is_not_said_to_have_failed() {
    let mut nights = history("2", &[(-3, true), (-2, false), (-1, false), (0, false)]);
    let mut said = |states: [State; 3], state: State| {
        let mut now = plan("2", &[("mail1", 60, 1), ("web1", 60, 0)]);
        if state != State::Error {
            now.results.remove(&id("mail1"));
        }
        for (run, state) in nights.runs[1..].iter_mut().zip(states) {
            let end = Some(run.at).filter(|_| state != State::Missing);
            run.modules.values_mut().for_each(|part| (part.state, part.end) = (state, end));
        }
        let text = text(&digest(vec![sum_up(&now, Some(&nights))]), Language::En, &TimeZone::UTC);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = text.split_once("mail1 (The ‹mail1›): ").and_then(|(_, said)| said.split_once(';'));
        said.unwrap_or_else(|| panic!("{text}")).0.to_owned()
    };
    let (failed, none) = (State::Error, State::Missing);
    assert_eq!(said([failed; 3], failed), "failed 3 runs in a row");
    assert_eq!(said([none; 3], none), "no result in 3 runs in a row");
    assert_eq!(said([none, failed, none], none), "no success in 3 runs in a row");
    assert_eq!(said([failed, State::Success, failed], failed), "failed in the last run");
    assert_eq!(said([failed, State::Success, none], none), "no result of the last run");
    // This run is not on record yet.
    assert_eq!(said([State::Success, none, none], failed), "no success in 2 runs in a row");
}

#[test]
fn a_snapshot_of_a_failure_can_be_restored() {
    let mut known = history("2", &[(-2, true), (-1, false), (0, false)]);
    known.runs[1].modules.get_mut("mail1").unwrap().snapshot_written = true;
    let digest = digest(vec![sum_up(&plan("2", &[("mail1", 60, 1)]), Some(&known))]);
    let words = |language| text(&digest, language, &TimeZone::UTC).split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = "last good backup 2025-11-19 00:01 (1 d ago; its run had errors)";
    assert!(words(Language::En).contains(sentence), "{}", words(Language::En));
    let sentence = "ultimo backup valido 2025-11-19 00:01 (1 g fa; la sua esecuzione ha avuto errori)";
    assert!(words(Language::It).contains(sentence), "{}", words(Language::It));
    assert!(html(&digest, Language::En, &TimeZone::UTC).contains("2025-11-19 00:01 (1 d ago; its run had errors)"));
}

#[test]
fn both_languages_say_the_same() {
    let digest = digest(vec![sum_up(&plan("2", &[("mail1", 60, 1)]), None), sum_up(&plan("3", &[]), None)]);
    let [english, italian] = [Language::En, Language::It].map(|language| text(&digest, language, &TimeZone::UTC));
    let paragraphs = |text: &str| text.split("\n\n").count();
    assert_eq!((paragraphs(&english), paragraphs(&italian)), (9, 9), "{english}{italian}");
    assert!(italian.contains("PIANI CHE RICHIEDONO ATTENZIONE (2)") && !italian.contains(" plan"), "{italian}");
}

#[test]
fn a_plan_that_was_edited_stands_as_its_last_run_left_it() {
    // It ran at two, and was edited by day: by the new schedule it was due at midnight already, before the edit.
    let plan = plan("2", &[("mail1", 60 - 22 * 3600, 0)]);
    let known =
        PlanMemory { schedule: plan.schedule.clone(), due_before: Some(at(-22 * 3600)), ..PlanMemory::new(at(30)) };
    let mut memory = Memory::default();
    memory.looked_at = Some(at(60));
    memory.plans.insert(plan.id.clone(), known);
    let elapses = elapses();
    let known = Known { elapses: Some(&elapses), ..Known::default() };
    assert_eq!(PlanDigest::new(&plan, known, None, at(8 * 3600)).standing, Standing::Attention, "nobody has watched");
    let known = Known { memory: Some(&memory), ..known };
    assert_eq!(PlanDigest::new(&plan, known, None, at(8 * 3600)).standing, Standing::Fine);
}

#[test]
fn the_standing_says_what_is_known() {
    let good = plan("2", &[("mail1", 60, 0)]);
    assert_eq!(sum_up(&good, None).standing, Standing::Fine);
    let last_night = plan("2", &[("mail1", 60 - DAY, 0)]);
    assert_eq!(sum_up(&last_night, None).standing, Standing::Attention, "not tonight's");
    let mut missed = history("2", &[(-1, true), (0, false)]);
    missed.runs[1].outcome = Outcome::Missed;
    missed.runs[1].modules.values_mut().for_each(|part| (part.state, part.end) = (State::Stale, None));
    let digest = sum_up(&last_night, Some(&missed));
    assert_eq!((digest.outcome, digest.last_run), (Some(Outcome::Missed), Some(at(0))));
    assert_eq!(sum_up(&plan("2", &[]), None).standing, Standing::Attention, "nothing is backed up");
    let elapses = elapses();
    let known = Known { elapses: Some(&elapses), invalid: true, ..Known::default() };
    assert_eq!(PlanDigest::new(&good, known, None, at(60)).standing, Standing::Attention);
    let mut new = plan("2", &[("mail1", 60, 0)]);
    new.results.clear();
    let new = sum_up(&new, None);
    assert_eq!((new.standing, new.outcome), (Standing::Fine, None), "it has not run yet");
    // A run that is going on.
    let going = plan("2", &[("mail1", 60, 0), ("web1", 60 - DAY, 0)]);
    let mut open = history("2", &[(0, true)]);
    open.runs[0].over = false;
    assert!(sum_up(&going, Some(&open)).running);
}

#[test]
fn only_the_weekly_mail_says_that_it_comes_every_week() {
    let mut digest = digest(vec![sum_up(&plan("2", &[("mail1", 60, 0)]), None)]);
    let says = |digest: &Digest| text(digest, Language::En, &TimeZone::UTC).contains("comes every week");
    assert!(says(&digest));
    digest.weekly = false;
    assert!(!says(&digest));
}

#[test]
fn a_monitor_that_does_not_work_is_the_subject() {
    let mut digest = digest(vec![sum_up(&plan("2", &[("mail1", 60, 0)]), None)]);
    assert_eq!(subject(&digest, "", Language::En), "DIGEST - all 1 plan(s) are fine");
    digest.monitor.watch = Checked::watch(true, Looked::At(at(0)), at(8 * 3600));
    assert_eq!(subject(&digest, "", Language::En), "DIGEST - the monitor itself needs attention");
    assert!(
        text(&digest, Language::En, &TimeZone::UTC).contains("  watch: NEEDS ATTENTION: last look: 2025-11-20 00:00")
    );
    assert!(Checked::watch(true, Looked::At(at(0)), at(900)).ok);
    assert!(!Checked::watch(true, Looked::At(at(900)), at(0)).ok, "nobody can look from the future");
    for (looked, says) in [
        (Looked::Never, "it has never looked: "),
        (Looked::InVain, "no look has succeeded yet: journalctl -u ns8-backup-monitor-watch"),
        (Looked::Unknown("watch.json: denied".into()), "watch.json: denied"),
    ] {
        let checked = Checked::watch(true, looked, at(0));
        assert!(!checked.ok && checked.found.to_string().starts_with(says), "{checked:?}");
    }
    assert!(!Checked::watch(false, Looked::At(at(0)), at(0)).ok);
    digest.plans[0].standing = Standing::Disabled;
    assert_eq!(subject(&digest, "", Language::En), "DIGEST - no backup plan is switched on");
    digest.unreadable = Some(ReadError::Smarthost("names no host"));
    assert_eq!(subject(&digest, "", Language::En), "DIGEST - the cluster's Redis could not be read");
}

#[test]
fn a_thousand_plans_are_still_one_page() {
    let names: Vec<String> = (0..500).map(|n| format!("mail{n}")).collect();
    let results: Vec<(&str, i64, u64)> = names.iter().map(|name| (&**name, 60, 1)).collect();
    let plans = (0..100).map(|n| sum_up(&plan(&n.to_string(), &results), None)).collect();
    let text = text(&digest(plans), Language::En, &TimeZone::UTC);
    assert!(text.len() < 200_000, "{}", text.len());
    assert!(text.contains("(70 more, left out here)") && text.contains("  and 470 more\n"));
}

#[test]
fn a_page_of_sixty_modules_is_small() {
    let names: Vec<String> = (0..60).map(|n| format!("nextcloud{n}")).collect();
    let results: Vec<(&str, i64, u64)> =
        names.iter().map(|name| (&**name, 60, u64::from(name.ends_with('7')))).collect();
    let mut history = history("2", &(-13..=0).map(|night| (night, night != -3)).collect::<Vec<_>>());
    for (night, run) in history.runs.iter_mut().enumerate() {
        let part = run.modules.values().next().unwrap().clone();
        let size = |n: usize| Some((2 << 30) + ((n * 7919 + night * 104_729) << 12) as u64);
        run.modules = names
            .iter()
            .enumerate()
            .map(|(n, name)| (id(name), ModuleRecord { size: size(n), ..part.clone() }))
            .collect();
    }
    let digest = digest(vec![sum_up(&plan("2", &results), Some(&history))]);
    let page = html(&digest, Language::En, &TimeZone::UTC);
    assert_eq!(page.matches("<polyline").count(), 60);
    assert_eq!(page.matches("<tr>").count(), 61);
    assert!(page.len() <= 60 << 10, "{} bytes", page.len());
}

#[test]
fn many_plans_are_drawn_as_far_as_there_is_room() {
    let names: Vec<String> = (0..100).map(|n| format!("mail{n}")).collect();
    let results: Vec<(&str, i64, u64)> = names.iter().map(|name| (&**name, 60, 0)).collect();
    let mut history = history("2", &[(-1, true), (0, true)]);
    for run in &mut history.runs {
        let part = run.modules.values().next().unwrap().clone();
        run.modules = names.iter().map(|name| (id(name), part.clone())).collect();
    }
    let plans = (0..50).map(|n| sum_up(&plan(&n.to_string(), &results), Some(&history))).collect();
    let page = html(&digest(plans), Language::En, &TimeZone::UTC);
    assert_eq!(page.matches("<th scope=\"row\">").count(), 240);
    assert!(page.contains("(40 more, left out here)") && page.len() < 250_000, "{} bytes", page.len());
}

#[test]
fn a_plan_that_can_never_run_again_needs_attention() {
    let good = plan("2", &[("mail1", 60, 0)]);
    let unscheduled = Plan { schedule: None, ..good.clone() };
    let undefined = Plan { defined: false, ..unscheduled.clone() };
    let off = Plan { enabled: false, ..good.clone() };
    let past = Elapses { next: None, ..elapses() };
    for (plan, elapses, standing) in [
        (&good, Some(&past), Standing::Attention),
        (&unscheduled, None, Standing::Attention),
        (&undefined, None, Standing::Fine),
        (&good, None, Standing::Fine),
        (&off, Some(&past), Standing::Disabled),
    ] {
        let summed = PlanDigest::new(plan, Known { elapses, ..Known::default() }, None, at(8 * 3600));
        assert_eq!(summed.standing, standing, "{plan:?}");
        let digest = digest(vec![summed]);
        for (language, said) in [(Language::En, "does not run by itself"), (Language::It, "non parte da solo")] {
            let text = text(&digest, language, &TimeZone::UTC).split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(text.contains(said), standing == Standing::Attention, "{text}");
        }
    }
}
