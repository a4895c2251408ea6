//! What clusters there may be, at random.

use proptest::prelude::*;
use proptest::sample::select;

use super::world::{
    Cell, DAMAGES, Entry, FILES, Generation, MODULES, Module, Plan, Result, SIZES, Schedule, TOOK, When, World, Zone,
};

pub(super) fn world() -> impl Strategy<Value = World> {
    let zone = select(&["UTC", "Europe/Rome", "America/St_Johns", "Asia/Kolkata"][..]);
    let generation = select(&[Generation::C, Generation::B, Generation::Upgraded][..]);
    let node = prop::option::of(select(&["leader", "Büro <2>", "n3"][..]));
    let parts = (
        (generation, any::<bool>(), prop::option::of(Just("ns8.example.org")), [node.clone(), node.clone(), node]),
        prop::collection::vec(module(), MODULES.len()),
        prop::collection::vec(plan(), 1..=3),
        zone,
    );
    parts.prop_map(|((generation, counts_plans, name, nodes), mut modules, plans, zone)| {
        // A cluster that lists no module is the founding document's.
        modules[0].exists = true;
        World { generation, counts_plans, name, nodes, modules, plans, zone }
    })
}

fn module() -> impl Strategy<Value = Module> {
    let name = prop::option::of(select(&["Office", "Büro (neu)", "a, b: c"][..]));
    let often = prop::bool::weighted;
    (often(0.85), often(0.93), 0_usize..3, name, often(0.25))
        .prop_map(|(exists, has_uuid, node, name, no_data)| Module { exists, has_uuid, node, name, no_data })
}

fn plan() -> impl Strategy<Value = Plan> {
    let zone = prop_oneof![Just(Zone::Utc), Just(Zone::Named("Australia/Lord_Howe")), Just(Zone::Own)];
    let schedule = prop_oneof![
        1 => Just(Schedule::None),
        1 => Just(Schedule::Invalid),
        1 => (12_i64..=50).prop_map(Schedule::Hourly),
        3 => (130_i64..=1300, zone).prop_map(|(since, zone)| Schedule::Daily(since, zone)),
        1 => (130_i64..=9000).prop_map(Schedule::Weekly),
        1 => (130_i64..=30_000).prop_map(Schedule::Once),
        1 => (1200_i64..=9000).prop_map(Schedule::ByHand),
    ];
    let name = select(&["Nightly", "Täglich, <02:00>", "2"][..]);
    let broken = prop_oneof![12 => Just(None), 1 => (0_usize..3).prop_map(Some)];
    let often = prop::bool::weighted;
    let cells = prop_oneof![
        4 => prop::collection::vec(cell(false), MODULES.len()),
        1 => prop::collection::vec(cell(true), MODULES.len()),
    ];
    (often(0.9), often(0.85), name, schedule, select(&[4_i64, 8, 24][..]), broken, cells).prop_map(
        |(defined, enabled, name, schedule, gap, unreadable_node, cells)| Plan {
            defined,
            enabled,
            name,
            schedule,
            gap,
            unreadable_node,
            cells,
        },
    )
}

/// A cell; of a run in which all goes well if `good`.
fn cell(good: bool) -> BoxedStrategy<Cell> {
    let quiet = || prop_oneof![5 => Just(Entry::None), 1 => entry()];
    let now = match good {
        true => (result(), prop::bool::weighted(0.05))
            .prop_map(|(result, ahead)| {
                let when = if ahead { When::Future } else { When::ThisRun };
                Entry::Result(Result { errors: 0, when, ..result })
            })
            .boxed(),
        false => entry().boxed(),
    };
    (prop::bool::weighted(0.6), now, quiet(), quiet())
        .prop_map(|(member, now, elsewhere, left)| Cell { member, now, elsewhere, left })
        .boxed()
}

fn entry() -> impl Strategy<Value = Entry> {
    prop_oneof![
        2 => Just(Entry::None),
        8 => result().prop_map(Entry::Result),
        1 => (0..DAMAGES.len()).prop_map(Entry::Damaged),
        1 => Just(Entry::Timeless),
    ]
}

fn result() -> impl Strategy<Value = Result> {
    let when = prop_oneof![
        10 => Just(When::ThisRun),
        4 => (0_i64..3).prop_map(When::Earlier),
        1 => Just(When::Future),
    ];
    let errors = prop_oneof![4 => Just(0), 2 => Just(1), 1 => Just(2)];
    (when, 0_i64..1000, 0..TOOK.len(), 0..SIZES.len(), 0..FILES.len(), errors, 0_u64..2).prop_map(
        |(when, place, took, size, files, errors, count)| Result { when, place, took, size, files, errors, count },
    )
}
