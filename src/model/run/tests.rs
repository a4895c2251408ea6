use super::*;
use crate::model::plan::{Module, ModuleResult, PlanId, PlanStatus};

const HOUR: i64 = 3600;
const HALF_A_DAY: Option<Duration> = Some(Duration::from_secs(43_200));

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_763_600_000 + seconds).unwrap()
}

fn id(name: &str) -> ModuleId {
    ModuleId::new(name).unwrap()
}

fn result(end: Option<Timestamp>, errors: u64) -> ModuleResult {
    ModuleResult::sample(None, end, errors)
}

fn plan(results: &[(&str, Option<i64>, u64)], members: Option<&[&str]>) -> Plan {
    let mut plan = Plan::unknown(PlanId::new("2").unwrap());
    plan.results = results.iter().map(|(name, end, errors)| (id(name), result(end.map(at), *errors))).collect();
    plan.members = members.map(|members| members.iter().copied().map(id).collect());
    plan
}

/// The rule without a schedule.
fn rule<'a>(alert: Option<Timestamp>, stale_after: Option<Duration>) -> RunRule<'a> {
    RunRule { alert_start: alert, failed_at: alert, stale_after, ..RunRule::default() }
}

fn by_age(plan: &Plan, alert: Timestamp, now: Timestamp, stale_after: Option<Duration>) -> Assessment {
    assess(plan, &rule(Some(alert), stale_after), now)
}

fn states(plan: &Plan, alert: i64, now: i64) -> Vec<(String, State)> {
    let assessment = by_age(plan, at(alert), at(now), HALF_A_DAY);
    assessment.modules.into_iter().map(|(id, state)| (id.to_string(), state)).collect()
}

#[test]
fn each_combination_of_counts_has_its_outcome() {
    use Outcome::{Partial, RepoFailure, Success};
    for ((success, error, stale, missing), outcome) in [
        ((0, 0, 0, 0), RepoFailure),
        ((3, 0, 0, 0), Success),
        ((0, 3, 0, 0), RepoFailure),
        ((1, 2, 0, 0), Partial),
        ((2, 0, 1, 0), Partial),
        ((2, 0, 0, 1), Partial),
        ((0, 1, 1, 0), Partial),
        ((0, 1, 0, 1), Partial),
        ((1, 1, 1, 1), Partial),
        ((0, 0, 2, 0), RepoFailure),
        ((0, 0, 0, 2), RepoFailure),
        ((0, 0, 1, 1), RepoFailure),
    ] {
        let counts = Counts { success, error, stale, missing };
        assert_eq!(counts.outcome(), outcome, "{counts:?}");
    }
}

#[test]
fn a_run_that_was_due_is_awaited_although_its_plan_was_switched_off_since() {
    let plan = Plan { enabled: false, ..plan(&[], Some(&["a"])) };
    for due in [Some(at(0)), None] {
        let rule = RunRule { due: due.as_slice(), ..RunRule::default() };
        assert_eq!(assess(&plan, &rule, at(60)).awaited(&plan).contains("a"), due.is_some(), "{due:?}");
    }
}

/// The outcome is the founding document's if every module has a result of this run.
#[test]
fn without_absent_modules_the_founding_document_holds() {
    for (failed, total) in (0..5).flat_map(|total| (0..=total).map(move |failed| (failed, total))) {
        let documented = match (failed, total) {
            (0, total) if total > 0 => Outcome::Success,
            (failed, total) if 0 < failed && failed < total => Outcome::Partial,
            _ => Outcome::RepoFailure,
        };
        let counts = Counts { success: total - failed, error: failed, ..Counts::default() };
        assert_eq!(counts.outcome(), documented, "{failed} of {total}");
    }
}

#[test]
fn a_result_of_last_month_is_told_to_be_old() {
    let plan = plan(&[("a", Some(0), 0)], None);
    let outdated = |now, stale_after| by_age(&plan, Timestamp::UNIX_EPOCH, at(now), stale_after).outdated;
    assert_eq!([12 * HOUR, 12 * HOUR + 1, -1].map(|now| outdated(now, HALF_A_DAY)), [false, true, false]);
    assert!(!outdated(700 * HOUR, None));
}

#[test]
fn failures_come_first_then_modules_by_id() {
    let plan = plan(&[("d", Some(0), 0), ("c", Some(0), 1), ("b", Some(0), 0)], Some(&["a", "b", "c", "d"]));
    let in_order = [("c", State::Error), ("a", State::Missing), ("b", State::Success), ("d", State::Success)];
    assert_eq!(states(&plan, 0, 0), in_order.map(|(name, state)| (name.into(), state)));
    let assessment = by_age(&plan, at(0), at(0), HALF_A_DAY);
    assert_eq!(assessment.counts, Counts { success: 2, error: 1, stale: 0, missing: 1 });
    assert_eq!(assessment.unsettled(), BTreeSet::from([id("a")]));
}

#[test]
fn modules_are_listed_as_people_count() {
    let plan = plan(&[("mail10", Some(0), 0), ("mail2", Some(0), 0), ("mail", Some(0), 0), ("9", Some(0), 0)], None);
    assert_eq!(states(&plan, 0, 0).iter().map(|(id, _)| &**id).collect::<Vec<_>>(), ["9", "mail", "mail2", "mail10"]);
}

#[test]
fn a_result_is_stale_only_when_it_is_older_than_the_limit() {
    for (end, state) in [
        (-12 * HOUR, State::Success),
        (-12 * HOUR - 1, State::Stale),
        (-24 * HOUR, State::Stale),
        (0, State::Success),
        (HOUR, State::Success),
    ] {
        assert_eq!(states(&plan(&[("m", Some(end), 0)], None), 0, 2 * HOUR), [("m".into(), state)], "{end}");
    }
    let forever = by_age(&plan(&[("m", Some(-1_000_000), 0)], None), at(-1_000_000), at(0), None);
    assert_eq!(forever.outcome, Outcome::Success);
}

/// A run by hand in the afternoon is not the night's, however few hours lie between, and neither is one old error.
#[test]
fn a_missing_run_is_not_made_up_by_an_earlier_one() {
    let all_well = plan(&[("a", Some(0), 0), ("b", Some(HOUR), 0)], Some(&["a", "b"]));
    let one_failed = plan(&[("a", Some(0), 1), ("b", Some(HOUR), 0)], Some(&["a", "b"]));
    let outcome = |plan, says_missing: bool, starts_at: i64| {
        let alert_start = Some(at(starts_at));
        let failed_at = alert_start.filter(|_| !says_missing);
        let rule = RunRule { says_missing, failed_at, ..rule(alert_start, HALF_A_DAY) };
        assess(plan, &rule, at(24 * HOUR)).outcome
    };
    assert_eq!(outcome(&all_well, true, 11 * HOUR), Outcome::RepoFailure);
    assert_eq!(outcome(&one_failed, true, 11 * HOUR), Outcome::RepoFailure);
    assert_eq!(outcome(&all_well, true, 2 * HOUR), Outcome::Success, "the run is over, though late");
    assert_eq!(outcome(&all_well, false, HOUR), Outcome::Success);
}

#[test]
fn a_failure_alert_that_no_result_explains_contradicts_a_success() {
    let mut plan = plan(&[("a", Some(0), 0)], Some(&["a"]));
    let found = |plan: &Plan, alert| by_age(plan, at(alert), at(2 * HOUR), HALF_A_DAY);
    assert_eq!(found(&plan, 0).outcome, Outcome::Success);
    let contradicted = found(&plan, 1);
    assert_eq!(contradicted.outcome, Outcome::RepoFailure);
    assert_eq!(contradicted.contradiction, Some(Contradiction::Alert { start: at(1) }));
    plan.status = Some(PlanStatus { success: false, timestamp: Some(at(1)), errors: Some(1) });
    let contradicted = found(&plan, 0);
    assert_eq!(contradicted.contradiction, Some(Contradiction::PlanRecord));
    assert_eq!(contradicted.outcome, Outcome::RepoFailure);
}

/// Results as (start, end, errors), against the times at which the plan was due.
fn scheduled(results: &[(&str, i64, i64, u64)], due: &[i64], now: i64) -> Vec<(String, State)> {
    let mut plan = plan(&[], None);
    for (name, start, end, errors) in results {
        let result = ModuleResult { start: Some(at(*start)), ..result(Some(at(*end)), *errors) };
        plan.results.insert(id(name), result);
    }
    plan.members = Some(plan.results.keys().cloned().collect());
    let due: Vec<Timestamp> = due.iter().map(|due| at(*due)).collect();
    let rule = RunRule { due: &due, ..rule(Some(at(now)), HALF_A_DAY) };
    assess(&plan, &rule, at(now)).modules.into_iter().map(|(id, state)| (id.to_string(), state)).collect()
}

#[test]
fn a_result_from_before_the_run_was_due_is_an_earlier_runs() {
    let due = [24 * HOUR, 18 * HOUR, 12 * HOUR];
    for (start, state) in [
        (18 * HOUR + 60, State::Stale),
        (22 * HOUR, State::Stale),
        (24 * HOUR - 121, State::Stale),
        (24 * HOUR - 119, State::Success),
        (24 * HOUR + 5, State::Success),
    ] {
        let results = [("m", start, start + 30, 0), ("x", 24 * HOUR + 60, 24 * HOUR + 90, 1)];
        let found = scheduled(&results, &due, 25 * HOUR);
        assert!(found.contains(&("m".into(), state)), "{start}: {found:?}");
    }
}

/// systemd does not start a run while the one before is still going.
#[test]
fn a_run_that_was_still_going_when_the_next_was_due_is_the_one_that_counts() {
    let due = [2 * HOUR, HOUR, 0];
    let results = [("a", 65, 100, 0), ("b", 101, HOUR + 600, 1), ("c", HOUR + 601, 2 * HOUR + 60, 0)];
    let found = scheduled(&results, &due, 2 * HOUR + 120);
    assert_eq!(found[0], ("b".into(), State::Error));
    assert!(found.iter().all(|(_, state)| *state != State::Stale), "{found:?}");
}

#[test]
fn a_run_by_hand_counts_but_not_beside_results_from_long_before() {
    let results = [("a", 60, 120, 0), ("b", 14 * HOUR, 14 * HOUR + 60, 0)];
    assert_eq!(scheduled(&results, &[0], 15 * HOUR), [("a".into(), State::Stale), ("b".into(), State::Success)]);
    let results = [("a", 60, 120, 0), ("b", 8 * HOUR, 8 * HOUR + 60, 0)];
    assert!(scheduled(&results, &[0], 9 * HOUR).iter().all(|(_, state)| *state == State::Success));
}

/// The first result of a long run is as much of it as the last.
#[test]
fn a_run_that_takes_longer_than_a_day_makes_nothing_of_its_own_old() {
    let results = [("a", 60, 3 * HOUR, 0), ("b", 3 * HOUR, 20 * HOUR, 1), ("c", 20 * HOUR, 40 * HOUR, 0)];
    let found = scheduled(&results, &[24 * HOUR, 0], 41 * HOUR);
    assert!(found.iter().all(|(_, state)| *state != State::Stale), "{found:?}");
    assert_eq!(scheduled(&results[..1], &[0], 20 * HOUR), [("a".into(), State::Success)], "b still runs");
    let ahead = [results[0], ("d", 60 * HOUR, 61 * HOUR, 0)];
    let found = scheduled(&ahead, &[0], 4 * HOUR);
    assert!(found.iter().all(|(_, state)| *state != State::Stale), "a clock that runs ahead: {found:?}");
}

/// The new schedule's elapses from before the edit are nobody's.
#[test]
fn what_was_due_by_a_schedule_that_was_edited_since_is_not_known() {
    let mut plan = plan(&[("a", Some(2 * HOUR + 60), 1), ("b", Some(2 * HOUR), 0)], None);
    plan.results.values_mut().for_each(|result| result.start = Some(at(2 * HOUR)));
    let due = [at(26 * HOUR), at(5 * HOUR), at(-19 * HOUR)];
    let found = |due: &[Timestamp], since: i64, now: i64| {
        let rule = RunRule { due, since: Some(at(since)), ..rule(None, HALF_A_DAY) };
        let found = assess(&plan, &rule, at(now));
        (found.due, found.counts.stale)
    };
    assert_eq!(found(&due[2..], 3 * HOUR, 4 * HOUR), (None, 0));
    assert_eq!(found(&due[1..], 3 * HOUR, 5 * HOUR), (Some(at(5 * HOUR)), 2), "the first that counts");
    assert_eq!(found(&due[1..], 5 * HOUR, 5 * HOUR), (None, 0), "it may be a second too late");
}

#[test]
fn a_module_that_joins_after_a_run_was_due_is_no_part_of_it() {
    let mut plan = plan(&[("a", Some(120), 0), ("b", Some(180), 0)], Some(&["a", "b", "c"]));
    plan.results.values_mut().for_each(|result| result.start = Some(at(60)));
    let found = |seen: i64| {
        let joined = ["b", "c"].map(|name| (id(name), at(seen))).into();
        let rule = RunRule { due: &[at(0)], joined: Some(&joined), ..rule(None, HALF_A_DAY) };
        let found = assess(&plan, &rule, at(HOUR));
        (found.outcome, found.counts.missing)
    };
    assert_eq!(found(30), (Outcome::Success, 0), "what it has counts");
    assert_eq!(found(-30), (Outcome::Partial, 1));
}

/// Layout A: a run that ended before its first module did leaves only the plan's own record.
#[test]
fn the_plans_own_record_makes_its_modules_old() {
    let mut plan = plan(&[("a", Some(0), 0)], None);
    let timestamp = Some(at(24 * HOUR));
    plan.status = Some(PlanStatus { success: false, timestamp, errors: Some(1) });
    assert_eq!(states(&plan, HOUR, 25 * HOUR), [("a".into(), State::Stale)]);
}

/// An alert that is only repeated keeps its old start: the newest result tells when this run was.
#[test]
fn the_newest_result_makes_the_others_old() {
    let plan = plan(&[("a", Some(0), 1), ("b", Some(-24 * HOUR), 0)], None);
    assert_eq!(states(&plan, -72 * HOUR, HOUR), [("a".into(), State::Error), ("b".into(), State::Stale)]);
}

#[test]
fn last_nights_success_is_not_tonights() {
    let plan = plan(&[("a", Some(-24 * HOUR), 0), ("b", Some(-23 * HOUR), 0)], Some(&["a", "b"]));
    assert_eq!(by_age(&plan, at(0), at(60), HALF_A_DAY).outcome, Outcome::RepoFailure);
}

#[test]
fn a_clock_that_runs_ahead_makes_nobody_old() {
    let plan = plan(&[("a", Some(48 * HOUR), 1), ("b", Some(-60), 0)], None);
    assert_eq!(states(&plan, 0, 0), [("a".into(), State::Error), ("b".into(), State::Success)]);
}

#[test]
fn a_clock_that_is_set_back_after_the_alert_makes_nobody_new() {
    let plan = plan(&[("a", Some(0), 1), ("b", Some(-24 * HOUR), 0)], None);
    assert_eq!(states(&plan, 60, -400 * 24 * HOUR), [("a".into(), State::Error), ("b".into(), State::Stale)]);
}

#[test]
fn an_error_without_a_time_is_an_error() {
    assert_eq!(states(&plan(&[("a", None, 1)], None), 0, 0), [("a".into(), State::Error)]);
}

#[test]
fn a_module_whose_result_is_damaged_is_one_without_a_result() {
    let mut plan = plan(&[("a", Some(0), 0)], None);
    plan.modules = [id("a"), id("b")].map(|id| (id, Module::default())).into();
    assert_eq!(states(&plan, 0, 0), [("b".into(), State::Missing), ("a".into(), State::Success)]);
    assert_eq!(by_age(&plan, at(0), at(0), HALF_A_DAY).outcome, Outcome::Partial);
}

#[test]
fn times_at_the_ends_of_time_do_no_harm() {
    let mut plan = plan(&[("a", Some(0), 0)], None);
    plan.results.insert(id("b"), result(Some(Timestamp::MIN), 0));
    plan.results.insert(id("c"), result(Some(Timestamp::MAX), 0));
    for now in [Timestamp::MIN, at(0), Timestamp::MAX] {
        for alert in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(by_age(&plan, alert, now, Some(Duration::MAX)).counts.total(), 3);
        }
    }
}

/// Disabling a plan stops its timers, not the service that backs its modules up.
#[test]
fn the_rest_of_a_run_is_awaited_although_its_plan_was_disabled() {
    let mut plan = plan(&[("a", Some(HOUR), 0), ("b", Some(-20 * HOUR), 0)], Some(&["a", "b"]));
    let awaited = |plan: &Plan, due: &[i64], now: i64| {
        let due: Vec<Timestamp> = due.iter().copied().map(at).collect();
        let rule = RunRule { due: &due, ..rule(Some(at(now)), HALF_A_DAY) };
        assess(plan, &rule, at(now)).awaited(plan)
    };
    assert_eq!(awaited(&plan, &[0], 2 * HOUR), [id("b")].into());
    plan.enabled = false;
    assert_eq!(awaited(&plan, &[0], 2 * HOUR), [id("b")].into());
    assert_eq!(awaited(&plan, &[], 2 * HOUR), [id("b")].into(), "a run by hand");
    assert_eq!(awaited(&plan, &[], 30 * HOUR), [].into(), "it was not due since, and has not run");
    plan.members = None;
    assert_eq!(awaited(&plan, &[0], 2 * HOUR), [].into(), "nobody knows who is to come");
}

#[test]
fn the_run_before_is_the_one_that_went_on_when_the_plan_was_due_again() {
    const HALF: i64 = HOUR / 2;
    let ended = |start, end, errors| ModuleResult { start: Some(at(start)), ..result(Some(at(end)), errors) };
    let mut plan = plan(&[], Some(&["a", "b"]));
    plan.results = [(id("a"), ended(0, HALF - 300, 0)), (id("b"), ended(HALF - 300, HOUR - 600, 1))].into();
    let due = [2 * HALF, HALF, 0, -HALF].map(at);
    let rule = RunRule { due: &due, ..rule(None, HALF_A_DAY) };
    let assessment = assess(&plan, &rule, at(HOUR + 25));
    assert_eq!((assessment.due, assessment.previous_due), (Some(at(HOUR)), Some(at(0))));
    let failed = crate::model::history::failed_before(&plan, &assessment);
    assert_eq!(failed.collect::<Vec<_>>(), [(&id("b"), at(HOUR - 600))]);
}
