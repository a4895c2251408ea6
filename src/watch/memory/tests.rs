use super::*;

#[test]
fn a_schedule_counts_from_when_it_was_first_seen() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let mut plan = Plan::unknown(PlanId::new("2").unwrap());
    plan.schedule = Some("02:00".into());
    let mut memory = Memory::default();
    assert_eq!(memory.since(&plan, at(9)), None, "it has never looked");
    memory.looked_at = Some(at(5));
    assert_eq!(memory.since(&plan, at(9)), Some(at(9)), "a new plan");
    let known = PlanMemory { schedule: plan.schedule.clone(), ..PlanMemory::new(at(3)) };
    memory.plans.insert(plan.id.clone(), known);
    assert_eq!(memory.since(&plan, at(9)), Some(at(3)));
    plan.schedule = Some("05:00".into());
    assert_eq!(memory.since(&plan, at(9)), Some(at(9)), "edited, and not seen yet");
    memory.watching = Some(false);
    assert_eq!(memory.since(&plan, at(9)), None, "another node knows");
}

#[test]
fn the_run_before_an_edit_is_the_last_one_until_the_new_schedule_elapses() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let plan = Plan::unknown(PlanId::new("2").unwrap());
    let known = PlanMemory { due_before: Some(at(20)), ..PlanMemory::new(at(30)) };
    let memory = Memory { looked_at: Some(at(30)), plans: [(plan.id.clone(), known)].into(), ..Memory::default() };
    let times = |elapses: &[i64], now| {
        let elapses: Vec<Timestamp> = elapses.iter().copied().map(at).collect();
        let (times, since) = memory.times(&plan, &elapses, at(now));
        (times.iter().map(|time| time.as_second()).collect::<Vec<_>>(), since)
    };
    assert_eq!(times(&[25, 15], 35), (vec![20], None));
    assert_eq!(times(&[40, 25], 45), (vec![40, 25], Some(at(30))));
    assert_eq!(times(&[5], 19), (vec![], None), "it was not due yet");
}

#[test]
fn an_edit_that_the_watch_has_not_seen_does_not_end_the_run() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let mut plan = Plan::unknown(PlanId::new("2").unwrap());
    plan.schedule = Some("02:00".into());
    let elapses = Some(Elapses { before: vec![at(20), at(10)], next: Some(at(30)) });
    let known = PlanMemory { enabled: true, schedule: plan.schedule.clone(), elapses, ..PlanMemory::new(at(5)) };
    let memory = Memory { looked_at: Some(at(25)), plans: [(plan.id.clone(), known)].into(), ..Memory::default() };
    plan.schedule = Some("02:30".into());
    assert_eq!(memory.times(&plan, &[at(27), at(17)], at(28)), (vec![at(20)], None));
    (plan.schedule, plan.enabled) = (Some("02:00".into()), false);
    assert_eq!(memory.times(&plan, &[], at(28)), (vec![at(20)], None), "switched off");
}

#[test]
fn a_missed_run_is_told_of_every_member_and_others_of_those_they_name() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let plan = PlanId::new("2").unwrap();
    let [a, b] = ["a", "b"].map(|id| ModuleId::new(id).unwrap());
    for (kind, told) in [(Kind::Failed, [true, false]), (Kind::Missed, [true, true])] {
        let known = PlanMemory { members: [a.clone(), b.clone()].into(), ..PlanMemory::new(at(5)) };
        let mut memory = Memory { plans: [(plan.clone(), known)].into(), ..Memory::default() };
        memory.announced(&News {
            plan: plan.clone(),
            name: None,
            kind,
            due: Some(at(10)),
            over: true,
            newest: None,
            at: at(20),
            errors: [].into(),
            absent: [a.clone()].into(),
        });
        let known = &memory.plans[&plan];
        assert_eq!([&a, &b].map(|id| known.told_absent(id, at(10))), told, "{kind:?}");
    }
}

#[test]
fn what_was_told_is_read_from_a_file_of_an_earlier_build() {
    let plan = r#"{"enabled":true,"schedule":null,"since":"2026-11-20T00:00:00Z","elapses":null,"members":["mail1"],
        "changed_at":"2026-11-20T00:00:00Z","told_errors":{"(plan)":"2026-11-21T02:00:00Z","mail1":"2026-11-22T02:00:00Z"}}"#;
    let known: PlanMemory = serde_json::from_str(plan).unwrap();
    let told: Vec<&Subject> = known.told_errors.keys().collect();
    assert_eq!(told, [&Subject::Module(ModuleId::new("mail1").unwrap()), &Subject::Plan]);
    let again: PlanMemory = serde_json::from_slice(&serde_json::to_vec(&known).unwrap()).unwrap();
    assert_eq!(again, known);
}

#[test]
fn what_is_no_file_is_set_aside_and_stops_no_watch() {
    let state = tempfile::tempdir().unwrap();
    let (file, aside) = (Memory::file(state.path()), state.path().join("watch.broken"));
    let make: [&dyn Fn(); 3] =
        [&|| fs::create_dir(&file).unwrap(), &|| std::os::unix::fs::symlink("/dev/zero", &file).unwrap(), &|| {
            fs::write(&file, "{").unwrap()
        }];
    for make in make {
        make();
        assert_eq!(Memory::load(state.path()).unwrap(), Memory::default());
        assert!(aside.symlink_metadata().is_ok() && file.symlink_metadata().is_err());
        fs::rename(&aside, state.path().join("seen")).or_else(|_| fs::remove_file(&aside)).unwrap();
        let _ = fs::remove_dir(state.path().join("seen"));
        Memory::default().save(state.path()).unwrap();
        fs::remove_file(&file).unwrap();
    }
}
