//! The digest against golden files, `tests/golden/digest/`: the plan of the case "fortnight", one that is fine, and one
//! whose schedule systemd does not accept.

use std::path::Path;

use super::golden::all_cases;
use super::page::check_page;
use super::*;
use ns8_backup_monitor::model::schedule::Elapses;
use ns8_backup_monitor::watch::digest::{self, Checked, Digest, Found, Known, Looked, Monitor, PlanDigest};

fn digest() -> Digest {
    let case = all_cases().into_iter().find(|case| case.name == "fortnight").unwrap();
    let elapses = |next: &str| {
        let next = at(next);
        let before = (1..4).map(|n| next - jiff::SignedDuration::from_hours(24 * n)).collect();
        Elapses { before, next: Some(next) }
    };
    let nightly = elapses("2026-11-23T01:00:00Z");
    let sum_up = |plan: &Plan, known: Known<'_>| PlanDigest::new(plan, known, Some(STALE_AFTER), at(NOW));
    let known = Known { elapses: Some(&nightly), history: case.history.as_ref(), ..Known::default() };
    let mut first = case.plan.clone();
    first.enabled = true;
    first.results.values_mut().for_each(|result| result.total_size = Some((1 << 30) + (13 << 24)));
    first.schedule = Some("*-*-* 01:00".into());
    let fine = Case::new("fine").module("dokuwiki2", result(0)).missing(&[]);
    let mut fine = Plan { id: PlanId::new("3").unwrap(), name: Some("Branch".into()), enabled: true, ..fine.plan };
    let second = sum_up(&fine, Known { elapses: Some(&nightly), ..Known::default() });
    (fine.id, fine.name, fine.schedule) = (PlanId::new("4").unwrap(), None, Some("every full moon".into()));
    let third = sum_up(&fine, Known { invalid: true, ..Known::default() });
    let works = |found: &str| Checked { ok: true, found: Found::ByCheck(found.into()) };
    Digest {
        version: digest::VERSION,
        written_at: at(NOW),
        weekly: true,
        host: "leader.example.org".into(),
        cluster: Some("cluster.example.org".into()),
        unreadable: None,
        plans: vec![sum_up(&first, Known { cluster_backup: case.cluster_backup, ..known }), second, third],
        unplanned: Some([(id("wiki3"), Some("Old wiki".into()))].into()),
        monitor: Monitor {
            alertmanager: works("the route stands first"),
            relay: works("smtp.example.org:587"),
            watch: Checked::watch(true, Looked::At(at("2026-11-22T00:15:00Z")), at(NOW)),
            queue: Checked { ok: true, found: Found::Queue { jobs: 0, given_up: 0, unreadable: 0 } },
            last_report: Some(at("2026-11-21T02:20:00Z")),
        },
    }
}

#[test]
fn the_digest_is_as_in_the_golden_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/digest");
    let (digest, zone) = (digest(), TimeZone::UTC);
    let subjects = [Language::En, Language::It].map(|language| digest::subject(&digest, "[ns8-backup]", language));
    let page = digest::html(&digest, Language::En, &zone);
    check_page(&page);
    check_page(&digest::html_mail(&digest, Language::It, &zone));
    let files = [
        ("subject", subjects.join("\n") + "\n"),
        ("en.txt", digest::text(&digest, Language::En, &zone)),
        ("it.txt", digest::text(&digest, Language::It, &zone)),
        ("digest.json", format!("{:#}\n", serde_json::json!(digest))),
        ("page.html", page),
    ];
    for (name, written) in files {
        let (file, written) = (folder.join(name), written.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &written).unwrap();
        }
        assert_eq!(written, std::fs::read_to_string(&file).unwrap_or_default(), "{}", file.display());
    }
}
