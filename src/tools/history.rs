//! `history`: the last runs of the plans, from the files that the watch and each report update.

use std::fmt::Write;
use std::process::ExitCode;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Done, as_root, complain, print, print_json, settings_or_defaults, table};
use crate::cli;
use crate::config::Live;
use crate::job::store;
use crate::model::history::{History, MARKS, RunRecord};
use crate::model::order::sort_by;
use crate::model::plan::ModuleId;
use crate::model::run::State;
use crate::model::text::clean;
use crate::report;
use crate::report::figures::{bars, time};
use crate::system;
use crate::watch::history::{Histories, HistoryError};

/// Longest name that is shown, in bytes.
const MAX_NAME: usize = 40;

/// The sizes of the last runs in plain characters.
const BARS: [char; 5] = ['.', ':', '-', '=', '#'];

/// The command.
pub(super) fn run(arguments: &cli::History, live: &Live) -> Done {
    let histories = Histories::new(&store::state_directory());
    let (all, unreadable) = match &arguments.plan {
        Some(plan) => match histories.load(plan).map_err(|error| in_words(&error))? {
            none if none.runs.is_empty() => {
                return Err(format!("no history of plan {} is kept", clean(plan.as_str(), MAX_NAME)));
            }
            history => (vec![history], Vec::new()),
        },
        None => self::all(&histories)?,
    };
    let zone = system::zone();
    match (arguments.json, &arguments.plan) {
        (true, _) => print_json(&document(&all)),
        _ if arguments.html => {
            let language = settings_or_defaults(live).notification.language;
            print(&report::history_html(&all, language, Timestamp::now(), &zone));
        }
        (false, None) if all.is_empty() && !unreadable.is_empty() => {}
        (false, None) => print(&overview(&all, &zone)),
        (false, Some(_)) => all.iter().for_each(|history| print(&page(history, &zone))),
    }
    unreadable.iter().for_each(|error| complain(&format!("{}\n", in_words(error))));
    Ok(if unreadable.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The histories of all plans, and why others cannot be read.
pub(super) fn all(histories: &Histories) -> Result<(Vec<History>, Vec<HistoryError>), String> {
    histories.all().map_err(|error| format!("the histories cannot be read: {error}{}", as_root(&error)))
}

pub(super) fn in_words(error: &HistoryError) -> String {
    let advice = if let HistoryError::File { source, .. } = error { as_root(source) } else { "" };
    format!("{error}{advice}")
}

/// Version 1; members may be added.
fn document(histories: &[History]) -> Value {
    let run = |run: &RunRecord| {
        let part = |(id, part): (&ModuleId, &crate::model::history::ModuleRecord)| {
            let facts = json!({
                "state": part.state, "end": part.end, "seconds": part.seconds, "size": part.size, "files": part.files,
                "snapshot_written": part.snapshot_written.then_some(true),
            });
            (id.as_str().to_owned(), facts)
        };
        let modules: serde_json::Map<String, Value> = run.modules.iter().map(part).collect();
        json!({
            "due": run.due, "at": run.at, "outcome": run.outcome, "over": run.over, "reported": run.reported,
            "modules": modules,
        })
    };
    let plan = |history: &History| {
        json!({
            "id": history.plan, "name": history.name, "failed_in_a_row": history.failed_in_a_row(),
            "runs": history.runs.iter().map(run).collect::<Vec<_>>(),
        })
    };
    json!({ "version": 1, "plans": histories.iter().map(plan).collect::<Vec<_>>() })
}

fn overview(histories: &[History], zone: &TimeZone) -> String {
    if histories.is_empty() {
        return "No run is known yet: the watch records them.\n".into();
    }
    let heading = ["PLAN", "NAME", "LAST RUNS", "LAST", "OUTCOME"].map(String::from);
    let row = |history: &History| {
        let last = history.runs.last();
        [
            clean(history.plan.as_str(), MAX_NAME),
            history.name.as_deref().map_or("-".into(), |name| clean(name, MAX_NAME)),
            history.marks(),
            last.map_or("-".into(), |run| time(run.due.filter(|_| !run.has_results()).unwrap_or(run.at), zone)),
            last.map_or("-".into(), outcome),
        ]
    };
    let rows: Vec<[String; 5]> = std::iter::once(heading).chain(histories.iter().map(row)).collect();
    format!("{}\nOldest first: + good, x failed, ! missed, ? end not seen\n", table(&rows))
}

/// Everything about one plan, newest run first.
fn page(history: &History, zone: &TimeZone) -> String {
    let name = history.name.as_deref().map_or(String::new(), |name| format!(" {}", clean(name, MAX_NAME)));
    let mut page = format!("Plan {}{name}, {} run(s)\n\n", clean(history.plan.as_str(), MAX_NAME), history.runs.len());
    let heading = ["DUE", "LAST RESULT", "OUTCOME", "OK", "FAILED", "NO RESULT", "REPORTED"].map(String::from);
    let row = |run: &RunRecord| {
        let count =
            |states: &[State]| run.modules.values().filter(|part| states.contains(&part.state)).count().to_string();
        let at = |at: Option<Timestamp>| at.map_or("-".into(), |at| time(at, zone));
        let [ok, failed, none] = [&[State::Success][..], &[State::Error], &[State::Stale, State::Missing]].map(count);
        [at(run.due), at(run.has_results().then_some(run.at)), outcome(run), ok, failed, none, at(run.reported)]
    };
    let rows: Vec<[String; 7]> = std::iter::once(heading).chain(history.runs.iter().rev().map(row)).collect();
    page.push_str(&table(&rows));
    let mut modules: Vec<&ModuleId> = history.runs.last().map(|run| run.modules.keys().collect()).unwrap_or_default();
    sort_by(&mut modules, |a, b| a.natural_order().cmp(&b.natural_order()));
    let heading = ["MODULE", "LAST RUNS", "SIZES", "NO SUCCESS IN A ROW", "LAST GOOD"].map(String::from);
    let row = |id: &&ModuleId| {
        let good = history.last_good(id, Timestamp::now()).map_or("-".into(), |good| {
            let errors = if good.with_errors { " (its run had errors)" } else { "" };
            time(good.at, zone) + errors + if good.or_later { " or later" } else { "" }
        });
        let runs = history.module_failed_in_a_row(id);
        let in_a_row = format!("{runs}{}", if history.is_module_cut_off(id, runs) { " or more" } else { "" });
        [clean(id.as_str(), MAX_NAME), history.module_marks(id), bars(&sizes(history, id), &BARS), in_a_row, good]
    };
    let rows: Vec<[String; 5]> = std::iter::once(heading).chain(modules.iter().map(row)).collect();
    let legend = "+ success, x error, - no result; sizes from . (least) to # (most)";
    _ = write!(page, "\n{}\nThe last {MARKS} runs, oldest first: {legend}\n", table(&rows));
    page
}

/// The size of `module` in each of the last runs.
fn sizes(history: &History, module: &ModuleId) -> Vec<Option<u64>> {
    let runs = &history.runs[history.runs.len().saturating_sub(MARKS)..];
    runs.iter().map(|run| run.modules.get(module).and_then(|part| part.size)).collect()
}

fn outcome(run: &RunRecord) -> String {
    let open = if run.over { "" } else { " (so far)" };
    format!("{}{open}", run.outcome.word())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        serde_json::from_str(include_str!("../../tests/fixtures/history/v1.json")).unwrap()
    }

    #[test]
    fn a_page_shows_runs_and_modules() {
        let page = page(&history(), &TimeZone::UTC);
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(lines[0], "Plan 2 Nightly, 3 run(s)");
        assert_eq!(lines[4], "2026-11-24 01:00  2026-11-24 01:15  PARTIAL  0   1       1          2026-11-24 02:40");
        assert!(page.contains("mail1   +x-        ##     2                    2026-11-23 01:15\n"), "{page}");
    }

    #[test]
    fn a_run_without_a_result_has_no_last_one() {
        let page = page(&history(), &TimeZone::UTC);
        let missed = page.lines().find(|line| line.contains("MISSED")).unwrap();
        assert_eq!(missed.split_whitespace().take(3).collect::<Vec<_>>(), ["-", "-", "MISSED"], "{page}");
        let mut history = history();
        history.runs[2].due = Some("2026-11-25T01:00:00Z".parse().unwrap());
        assert!(overview(&[history], &TimeZone::UTC).contains("2026-11-25 01:00  MISSED"));
    }

    #[test]
    fn an_overview_shows_each_plan() {
        let overview = overview(&[history()], &TimeZone::UTC);
        assert!(overview.contains("2     Nightly  +x!        2026-11-25 04:00  MISSED\n"), "{overview}");
    }

    #[test]
    fn the_document_holds_every_part() {
        let document = document(&[history()]);
        assert_eq!(document["plans"][0]["runs"][1]["modules"]["mail1"]["state"], "error");
        assert_eq!(document["plans"][0]["runs"][0]["modules"]["samba1"]["size"], 2000);
    }
}
