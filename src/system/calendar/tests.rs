use super::*;

/// What the fixtures are about; they start at 2026-03-28 23:00 UTC, an hour before the night without 02:30 in Rome.
const EXPRESSIONS: [&str; 11] = [
    "*-*-* *:05:00",
    "*-*-* 02:30:00",
    "nonsense",
    "Sun *-*-* 00:00:00",
    "*-*-31 00:00:00",
    "*-02-29",
    "2020-01-01",
    "Mon *-*-* 01:00:00 Europe/Rome",
    "daily UTC",
    "daily",
    "*:0/1",
];

fn at(text: &str) -> Timestamp {
    format!("{text}:00Z").parse().unwrap()
}

fn series_of(fixture: &str, expression: &str) -> Result<Vec<Timestamp>, CalendarError> {
    let place = EXPRESSIONS.iter().position(|known| *known == expression).unwrap();
    let errors = "Failed to parse calendar specification 'nonsense': Invalid argument\n";
    parse(fixture, errors, &EXPRESSIONS).unwrap().swap_remove(place)
}

#[test]
fn the_output_of_systemd_252_and_257_is_read() {
    for fixture in [
        include_str!("../../../tests/fixtures/calendar/252-europe-rome.txt"),
        include_str!("../../../tests/fixtures/calendar/257-europe-rome.txt"),
    ] {
        let times = |expression| series_of(fixture, expression).unwrap();
        assert_eq!(times("*-*-* *:05:00"), ["2026-03-28T23:05", "2026-03-29T00:05", "2026-03-29T01:05"].map(at));
        assert_eq!(times("*-*-* 02:30:00"), ["2026-03-30T00:30", "2026-03-31T00:30", "2026-04-01T00:30"].map(at));
        assert_eq!(times("daily UTC"), ["2026-03-29T00:00", "2026-03-30T00:00", "2026-03-31T00:00"].map(at));
        assert_eq!(times("*-02-29"), ["2028-02-28T23:00", "2032-02-28T23:00", "2036-02-28T23:00"].map(at));
        assert_eq!(times("2020-01-01"), []);
        assert_eq!(times("*:0/1").len(), 3);
        assert_eq!(series_of(fixture, "nonsense"), Err(CalendarError::Invalid));
    }
}

/// systemd leaves out the times in UTC if the local zone is UTC, or just as good.
#[test]
fn the_output_in_utc_is_read() {
    for fixture in [
        include_str!("../../../tests/fixtures/calendar/252-utc.txt"),
        include_str!("../../../tests/fixtures/calendar/257-utc.txt"),
        include_str!("../../../tests/fixtures/calendar/252-africa-abidjan.txt"),
        include_str!("../../../tests/fixtures/calendar/257-africa-abidjan.txt"),
    ] {
        let times = |expression| series_of(fixture, expression).unwrap();
        assert_eq!(times("*-*-* 02:30:00"), ["2026-03-29T02:30", "2026-03-30T02:30", "2026-03-31T02:30"].map(at));
        assert_eq!(times("Mon *-*-* 01:00:00 Europe/Rome")[0], at("2026-03-29T23:00"));
    }
}

#[test]
fn an_answer_that_is_not_understood_is_no_elapse() {
    assert!(parse("Normalized form: daily\n\n\n", "", &["daily"]).is_err());
    for garbled in [
        "Normalized form: weekly\n    Next elapse: Tue 2026-03-29 02:30:00 UTC\n",
        "Normalized form: daily\n    Next elapse: Tue\n",
        "Normalized form: daily\n    Next elapse: Tue 2026-13-29 02:30:00 UTC\n",
        "something\n",
    ] {
        let answer = parse(garbled, "", &["daily"]).unwrap().remove(0);
        assert!(matches!(answer, Err(CalendarError::Unavailable(_))), "{garbled} {answer:?}");
    }
}

#[test]
fn only_what_systemd_cannot_read_is_invalid() {
    let fault = |errors: &str| parse("", errors, &["02/12"]).unwrap().remove(0).unwrap_err();
    assert_eq!(fault("Failed to parse calendar specification '02/12': Invalid argument\n"), CalendarError::Invalid);
    let stuck = "Infinite loop in calendar calculation: *-*-* 02/12:00:00\n\
                 Failed to determine next elapse for '02/12': Resource deadlock avoided\n";
    assert_eq!(fault(stuck), CalendarError::Stuck);
    let other = "Failed to parse calendar specification '02/1': Invalid argument\n";
    assert!(matches!(fault(other), CalendarError::Unavailable(_)));
}

proptest::proptest! {
    #[test]
    fn nothing_makes_the_parser_panic(output: String, expression: String) {
        let _ = parse(&output, &output, &[&expression]);
        let _ = utc(&output);
    }
}

/// The elapses at or before `reference`, newest first, and the next one, as UTC; asked of this machine's systemd.
async fn look(expressions: &[&str], reference: &str, zone: &str) -> Vec<(Vec<String>, Option<String>)> {
    let set: BTreeSet<String> = expressions.iter().map(|text| text.to_string()).collect();
    let mut found = elapses(&set, at(reference), Some(zone)).await;
    let text = |at: &Timestamp| at.strftime("%F %H:%M").to_string();
    let mut answers = Vec::new();
    for expression in expressions {
        let Elapses { before, next } = found.remove(*expression).unwrap().unwrap();
        assert!(before.is_sorted_by(|newer, older| newer > older), "{expression}");
        answers.push((before.iter().take(3).map(text).collect(), next.as_ref().map(text)));
    }
    answers
}

/// The four kinds that NS8's screen composes, and what can be typed for the fifth, "custom".
#[tokio::test]
async fn every_schedule_of_ns8_is_looked_back_at() {
    let expressions = [
        "*-*-* *:05:00",
        "*-*-* 02:30:00",
        "Sun *-*-* 00:00:00",
        "*-*-31 23:59:00",
        "hourly",
        "weekly",
        "Mon..Fri *-*-* 22:00",
        "*-*-* 0/6:00:00",
        "*-02-29",
        "*:0/15",
        "*:0/1",
        "*-*-* 02..03:*:00",
        "2020-01-01",
        "2030-01-01",
    ];
    let found = look(&expressions, "2026-11-24T17:00", "UTC").await;
    let wanted: [(&[&str], Option<&str>); 14] = [
        (&["2026-11-24 16:05", "2026-11-24 15:05", "2026-11-24 14:05"], Some("2026-11-24 17:05")),
        (&["2026-11-24 02:30", "2026-11-23 02:30", "2026-11-22 02:30"], Some("2026-11-25 02:30")),
        (&["2026-11-22 00:00", "2026-11-15 00:00", "2026-11-08 00:00"], Some("2026-11-29 00:00")),
        (&["2026-10-31 23:59", "2026-08-31 23:59", "2026-07-31 23:59"], Some("2026-12-31 23:59")),
        (&["2026-11-24 17:00", "2026-11-24 16:00", "2026-11-24 15:00"], Some("2026-11-24 18:00")),
        (&["2026-11-23 00:00", "2026-11-16 00:00", "2026-11-09 00:00"], Some("2026-11-30 00:00")),
        (&["2026-11-23 22:00", "2026-11-20 22:00", "2026-11-19 22:00"], Some("2026-11-24 22:00")),
        (&["2026-11-24 12:00", "2026-11-24 06:00", "2026-11-24 00:00"], Some("2026-11-24 18:00")),
        (&["2024-02-29 00:00", "2020-02-29 00:00", "2016-02-29 00:00"], Some("2028-02-29 00:00")),
        (&["2026-11-24 17:00", "2026-11-24 16:45", "2026-11-24 16:30"], Some("2026-11-24 17:15")),
        (&["2026-11-24 17:00", "2026-11-24 16:59", "2026-11-24 16:58"], Some("2026-11-24 17:01")),
        (&["2026-11-24 03:59", "2026-11-24 03:58", "2026-11-24 03:57"], Some("2026-11-25 02:00")),
        (&["2020-01-01 00:00"], None),
        (&[], Some("2030-01-01 00:00")),
    ];
    for ((expression, found), (before, next)) in expressions.iter().zip(found).zip(wanted) {
        assert_eq!(
            (found.0.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), found.1.as_deref()),
            (before, next),
            "{expression}"
        );
    }
}

#[tokio::test]
async fn zones_and_their_changes_are_systemds() {
    let nights = ["*-*-* 02:30:00", "*-*-* 02:30:00 UTC"];
    // 2026-03-29 has no 02:30 in Rome: systemd leaves that night out.
    let spring = look(&nights, "2026-03-30T12:00", "Europe/Rome").await;
    assert_eq!(spring[0].0, ["2026-03-30 00:30", "2026-03-28 01:30", "2026-03-27 01:30"]);
    assert_eq!(spring[1].0, ["2026-03-30 02:30", "2026-03-29 02:30", "2026-03-28 02:30"]);
    // 2026-10-25 has 02:30 twice: systemd takes one of them.
    let autumn = look(&nights, "2026-10-26T12:00", "Europe/Rome").await;
    assert_eq!(autumn[0].0[0], "2026-10-26 01:30");
    assert!(["2026-10-25 00:30", "2026-10-25 01:30"].contains(&&*autumn[0].0[1]), "{autumn:?}");
    assert_eq!(autumn[0].0[2], "2026-10-24 00:30");
    assert_eq!(autumn[1].0[1], "2026-10-25 02:30");
}

/// systemd 252 to 257 fail at these where the next elapse would be in the hour that summer time skips.
#[tokio::test]
async fn a_schedule_is_known_around_the_hour_that_summer_time_skips() {
    let (rome, new_york) = ("Europe/Rome", "America/New_York");
    for (zone, expression, reference, before, next) in [
        // The skipped hour is ahead, within what is asked for.
        (rome, "*-*-* 02/12:00", "2026-03-20T12:00", ["20 01:00", "19 13:00", "19 01:00"], Some("20 13:00")),
        (rome, "Sat,Sun 02/12:00", "2026-03-27T12:00", ["22 13:00", "22 01:00", "21 13:00"], Some("28 01:00")),
        // It would be the next one, and systemd finds none: its own timer stops.
        (rome, "*-*-* 02/12:00", "2026-03-28T15:00", ["28 13:00", "28 01:00", "27 13:00"], None),
        (new_york, "*-*-* 02/6:00", "2026-03-08T03:00", ["08 01:00", "07 19:00", "07 13:00"], None),
        // Its day has come, or it is over.
        (rome, "*-*-* 02/6:00", "2026-03-28T23:30", ["28 19:00", "28 13:00", "28 07:00"], Some("29 06:00")),
        (rome, "*-*-* 02/12:00", "2026-03-30T06:00", ["30 00:00", "29 12:00", "28 13:00"], Some("30 12:00")),
        (rome, "Sat,Sun 02/12:00", "2026-04-03T12:00", ["29 12:00", "28 13:00", "28 01:00"], Some("04 00:00")),
        (new_york, "*-*-* 02/6:00", "2026-03-08T13:00", ["08 12:00", "08 01:00", "07 19:00"], Some("08 18:00")),
        (
            "UTC",
            "Sat,Sun 02/12:00 Europe/Rome",
            "2026-03-29T13:00",
            ["29 12:00", "28 13:00", "28 01:00"],
            Some("04 00:00"),
        ),
    ] {
        let (found, found_next) = look(&[expression], reference, zone).await.remove(0);
        let days = |time: &String| time[8..].to_string();
        assert_eq!(found.iter().map(days).collect::<Vec<_>>(), before, "{expression} {reference}");
        assert_eq!(found_next.as_ref().map(days).as_deref(), next, "{expression} {reference}");
    }
}

/// A timer that has elapsed in the hour that autumn repeats does not elapse in it again.
#[tokio::test]
async fn an_hour_that_is_repeated_counts_once() {
    let quarters = look(&["*:0/15"], "2026-10-25T02:10", "Europe/Rome").await;
    assert_eq!(quarters[0].0, ["2026-10-25 02:00", "2026-10-25 00:45", "2026-10-25 00:30"]);
    let often = look(&["*:0/15", "*:0/20", "hourly"], "2026-10-25T02:50", "Europe/Rome").await;
    assert_eq!(often[0].0, ["2026-10-25 02:45", "2026-10-25 02:30", "2026-10-25 02:15"]);
    assert_eq!(often[1].0, ["2026-10-25 02:40", "2026-10-25 02:20", "2026-10-25 02:00"]);
    assert_eq!(often[2].0, ["2026-10-25 02:00", "2026-10-25 00:00", "2026-10-24 23:00"]);
}

#[tokio::test]
async fn an_invalid_expression_spoils_no_other() {
    let long = format!("*-*-* {}00:00:00", "0,".repeat(600));
    let invalid = ["nonsense", "", "daily\nhourly", "--help", "-h", "daily Mars/X", " daily", "\u{1b}[0m", &long];
    let set = invalid.iter().copied().chain(["daily", "weekly"]).map(String::from).collect();
    let found = elapses(&set, at("2026-11-24T17:00"), Some("UTC")).await;
    assert_eq!(found.len(), 11);
    for text in invalid {
        assert_eq!(found[text], Err(CalendarError::Invalid), "{text}");
    }
    assert_eq!(found["daily"].as_ref().unwrap().last(), Some(at("2026-11-24T00:00")));
    assert_eq!(found["weekly"].as_ref().unwrap().last(), Some(at("2026-11-23T00:00")));
    assert!(elapses(&BTreeSet::new(), at("2026-11-24T17:00"), None).await.is_empty());
}

#[tokio::test]
async fn one_that_elapses_every_second_is_no_burden() {
    let set = ["*-*-* *:*:*", "*-*-* 02..04:*:*"].map(String::from).into();
    let found = elapses(&set, at("2026-11-24T17:00"), Some("UTC")).await;
    assert_eq!(found["*-*-* *:*:*"].as_ref().unwrap().last(), Some(at("2026-11-24T17:00")));
    assert_eq!(found["*-*-* 02..04:*:*"], Err(CalendarError::TooOften));
}
