//! Whether a run that has no result yet is going on after all, as far as this node knows.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::news::{Kind, News};
use crate::model::plan::PlanId;
use crate::model::time::age;
use crate::system::process::Command;

/// A run that has been going on for this long without any result is news all the same.
pub const PATIENCE: Duration = Duration::from_secs(12 * 3600);
/// Units that are asked about at one time.
const AT_ONCE: usize = 1000;

/// Takes back that a run was missed while its unit is active on this node, which is the case while the first module of
/// a run takes very long. After twelve hours it hangs.
pub async fn take_back(news: Vec<News>, now: Timestamp) -> Vec<News> {
    let missed = news.iter().filter(|news| news.kind == Kind::Missed).map(|news| &news.plan);
    let active = active(missed.collect()).await;
    judge(news, &active, now)
}

/// Takes back that a run was missed whose plan is in `active`.
pub fn judge(news: Vec<News>, active: &BTreeSet<PlanId>, now: Timestamp) -> Vec<News> {
    let judge = |mut news: News| {
        if news.kind == Kind::Missed && active.contains(&news.plan) {
            let age = news.due.map(|due| age(due, now)).unwrap_or_default();
            news.kind = Some(Kind::Hangs).filter(|_| age >= PATIENCE)?;
        }
        Some(news)
    };
    news.into_iter().filter_map(judge).collect()
}

/// Returns those of `plans` whose service on this node is active: `backup<id>.service`, since NS8 core 3.20.
async fn active(plans: Vec<&PlanId>) -> BTreeSet<PlanId> {
    let is_number =
        |plan: &&PlanId| plan.as_str().len() <= 20 && plan.as_str().bytes().all(|byte| byte.is_ascii_digit());
    let plans: Vec<&PlanId> = plans.into_iter().filter(is_number).take(AT_ONCE).collect();
    if plans.is_empty() {
        return BTreeSet::new();
    }
    let command = Command {
        program: "systemctl".into(),
        args: ["is-active".into()]
            .into_iter()
            .chain(plans.iter().map(|plan| format!("backup{plan}.service")))
            .collect(),
        timeout: Duration::from_secs(10),
        max_output: AT_ONCE * 20,
        ..Command::default()
    };
    // Not knowing is as good as not active: rather a mail too many.
    let Ok(output) = command.run().await else { return BTreeSet::new() };
    parse(&String::from_utf8_lossy(&output.stdout), &plans)
}

/// Reads what `systemctl is-active` prints: a word for each unit, in order.
fn parse(output: &str, plans: &[&PlanId]) -> BTreeSet<PlanId> {
    let words: Vec<&str> = output.lines().collect();
    if words.len() != plans.len() {
        return BTreeSet::new();
    }
    // A oneshot service is "activating" while its command runs.
    let is_active = |(word, _): &(&str, &&PlanId)| matches!(*word, "active" | "activating" | "reloading");
    words.into_iter().zip(plans).filter(is_active).map(|(_, plan)| (*plan).clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plans_whose_units_run_are_found() {
        let plans: Vec<PlanId> = ["1", "2", "3"].into_iter().filter_map(PlanId::new).collect();
        let plans: Vec<&PlanId> = plans.iter().collect();
        let found = parse("inactive\nactivating\nactive\n", &plans);
        assert_eq!(found.iter().map(PlanId::as_str).collect::<Vec<_>>(), ["2", "3"]);
        assert!(parse("System has not been booted with systemd\n", &plans).is_empty());
        assert!(parse("", &plans).is_empty());
    }
}
