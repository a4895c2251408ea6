//! Nights by chance.

use proptest::prelude::*;

use super::world::{HOUR, MINUTE, World, at};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever the nights are like, and whenever ticks are killed: each bad night is mailed in time, nothing is mailed
    /// about a good one but the all-clear, and each run has one last word.
    #[test]
    fn mails_are_the_truth(
        nights in proptest::collection::vec(
            (proptest::option::weighted(0.85, proptest::collection::vec(
                proptest::option::weighted(0.9, (1i64..60, proptest::bool::weighted(0.2))), 3)), any::<bool>(), any::<bool>()), 1..10),
    ) {
        let mut world = World::nightly(&["a", "b", "c"]);
        let mut troubled = false;
        for (parts, alertmanager, killed) in nights {
            world.until(2);
            let begin = (world.now, world.mails.len(), world.posted.len());
            if let Some(parts) = &parts {
                world.run(parts);
            }
            world.killed = killed;
            if alertmanager && parts.iter().flatten().any(|part| part.is_some_and(|(_, fails)| fails)) {
                while world.plan.results.values().all(|result| result.errors == 0 || result.end < Some(at(begin.0))) {
                    world.minute();
                }
                world.alertmanager();
            }
            world.until(0);
            let started = parts.as_ref().is_some_and(|parts| parts.iter().any(Option::is_some));
            let parts = parts.unwrap_or_default();
            let mut bad: Vec<String> = ["a", "b", "c"].map(String::from).into();
            if started {
                bad = bad.into_iter().zip(&parts).filter(|(_, part)| part.is_none_or(|(_, fails)| fails)).map(|(name, _)| name).collect();
            }
            let mails = &world.mails[begin.1..];
            let last_words: Vec<_> = mails.iter().filter(|mail| mail.1).collect();
            match (bad.is_empty(), troubled) {
                (true, false) => prop_assert_eq!(mails.len(), 0, "a good night: {:?} {:?}", mails, world.posted),
                (true, true) => prop_assert!(last_words.len() == 1 && last_words[0].2, "an all-clear: {:?}", mails),
                (false, _) => {
                    prop_assert!(!last_words.is_empty(), "a silent failure: {:?}", bad);
                    prop_assert_eq!(&last_words.last().unwrap().3, &bad);
                    prop_assert!(last_words.len() <= 2, "{:?}", last_words);
                    let end: i64 = parts.iter().flatten().map(|(minutes, _)| minutes * MINUTE).sum::<i64>() + begin.0;
                    let silent = parts.iter().any(Option::is_none) || !started;
                    let limit = if !started { 3 * HOUR + 30 * MINUTE } else if silent { 3 * HOUR } else { 30 * MINUTE };
                    let delay = last_words[0].0 - if started { end } else { begin.0 };
                    prop_assert!(delay <= limit, "late by {} min: {:?}", delay / MINUTE, parts);
                }
            }
            troubled = !bad.is_empty();
        }
    }
}
