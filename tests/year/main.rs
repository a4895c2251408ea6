//! A year of nights: the program's pure core under a virtual clock, on a model of NS8, under faults of all kinds.
//!
//! The model knows the truth. Counted is what was not mailed, what was mailed and false, and what came late. `make
//! year` takes a whole year and prints the table of `docs/reliability.md`; `make test` a few weeks round each change of
//! the clocks.

#![allow(unreachable_pub)]
// Whoever runs a test reads what it prints.
#![allow(clippy::print_stdout)]

mod calendar;
mod judge;
mod monitor;
mod ns8;
mod world;

use judge::{Count, Judge};
use world::{FAULTS, World, days, sites};

/// 1 January 2026, 00:00 UTC.
const NEW_YEAR: i64 = 1_767_225_600;

/// Lives through some days from `begin` on, and judges.
fn live(begin: i64, length: i64, seed: u64) -> (Vec<(&'static str, Count)>, Vec<String>) {
    let end = begin + days(length);
    let mut world = World::new(sites(begin - days(1), end + days(40)), begin, seed);
    // The schedules stay those of the whole time, so that the same seed draws the same faults.
    let end = std::env::var("YEAR_DAYS").ok().and_then(|days| days.parse().ok()).map_or(end, |n: i64| begin + days(n));
    while world.now < end {
        world.step();
    }
    let judge = Judge::new(&world);
    let counts = FAULTS.iter().map(|fault| (*fault, judge.counts.get(fault).copied().unwrap_or_default()));
    (counts.collect(), judge.findings)
}

fn print(counts: &[(&str, Count)]) {
    println!("| fault | runs | of them bad | mails | silent | false | not final | longest delay |");
    println!("|---|---|---|---|---|---|---|---|");
    let row = |name: &str, count: &Count| {
        let Count { cells, bad, mails, silent, wrong, not_final, delay } = count;
        println!(
            "| {name} | {cells} | {bad} | {mails} | {silent} | {wrong} | {not_final} | {} min |",
            (delay + 59) / 60
        );
    };
    let mut all = Count::default();
    for (name, count) in counts {
        row(name, count);
        all.cells += count.cells;
        all.bad += count.bad;
        all.mails += count.mails;
        all.silent += count.silent;
        all.wrong += count.wrong;
        all.not_final += count.not_final;
        all.delay = all.delay.max(count.delay);
    }
    row("**all**", &all);
}

fn hold(begin: i64, length: i64, seed: u64) {
    let (counts, findings) = live(begin, length, seed);
    print(&counts);
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings[..findings.len().min(40)].join("\n"));
}

/// A whole year if `YEAR_SEED` is set, as `make year` does.
#[test]
fn nights() {
    if let Ok(seed) = std::env::var("YEAR_SEED") {
        return hold(NEW_YEAR, 365, seed.parse().expect("YEAR_SEED is a whole number"));
    }
    hold(NEW_YEAR + days(80), 20, 1);
    hold(NEW_YEAR + days(292), 12, 2);
}
