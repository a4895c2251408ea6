//! Whether two reports say the same.

use std::collections::BTreeSet;

use super::*;
use ns8_backup_monitor::model::cluster::ReadError;
use ns8_backup_monitor::report::digest;

/// The digest of a case after `change`.
fn digest_of(change: impl FnOnce(&mut Case)) -> String {
    let case = Case::new("digest").module("mail1", result(1)).module("imap2", result(0)).with(change);
    case.report(Language::En, digest)
}

#[test]
fn the_digest_tells_whether_the_results_are_the_same() {
    let usual = digest_of(|_| {});
    assert_eq!(usual.len(), 64);
    let mail1 = ModuleId::new("mail1").unwrap();
    let same: [fn(&mut Case); 5] = [
        |case| case.alerts = vec![alert("7")],
        |case| case.probes = Probes::Disabled,
        |case| case.gave_up = Some(Duration::from_secs(900)),
        |case| case.plan.name = Some("Renamed".into()),
        |case| case.zone = TimeZone::fixed(jiff::tz::offset(5)),
    ];
    for change in same {
        assert_eq!(usual, digest_of(change));
    }
    let others = [
        digest_of(|case| case.plan.id = PlanId::new("3").unwrap()),
        digest_of(|case| case.plan.results.get_mut(&mail1).unwrap().end = Some(at("2026-11-22T02:13:00Z"))),
        digest_of(|case| case.plan.results.get_mut(&mail1).unwrap().errors = 2),
        digest_of(|case| case.plan.results.get_mut(&mail1).unwrap().snapshots_count = Some(0)),
        digest_of(|case| case.plan.members = Some([ModuleId::new("samba4").unwrap()].into())),
        digest_of(|case| _ = case.plan.results.remove(&mail1)),
        digest_of(|case| case.news = Some(News::ClusterBackup)),
        digest_of(|case| case.other = Some(Finding::Unreadable(ReadError::Smarthost("why")))),
        digest_of(|case| case.other = Some(Finding::NothingRecent(Duration::ZERO))),
        usual,
    ];
    let different: BTreeSet<&String> = others.iter().collect();
    assert_eq!(different.len(), others.len());
}

/// What has left no result is only known by its alerts: that of another night is news.
#[test]
fn the_digest_tells_alerts_apart_where_there_are_no_results() {
    let unreadable = Finding::Unreadable(ReadError::Smarthost("why"));
    for other in [None, Some(unreadable), Some(Finding::NothingRecent(Duration::ZERO))] {
        let digest_of = |starts_at: &str, node: &str| {
            let mut case = Case::new("digest").missing(&["mail1"]).with(|case| case.other = other.clone());
            case.alerts = vec![Alert { starts_at: Some(at(starts_at)), ..alert(node) }];
            case.report(Language::En, digest)
        };
        let usual = digest_of("2026-11-22T02:14:00Z", "1");
        assert_eq!(usual, digest_of("2026-11-22T02:14:00Z", "1"));
        assert_ne!(usual, digest_of("2026-11-23T02:14:00Z", "1"));
        assert_ne!(usual, digest_of("2026-11-22T02:14:00Z", "2"));
    }
}
