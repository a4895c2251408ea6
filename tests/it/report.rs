//! The report against golden files: `tests/golden/<case>/{subject,en.txt,it.txt,report.json}`.
//!
//! `UPDATE_GOLDEN=1 cargo test --test it report` writes them anew; read the difference before it is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ns8_backup_monitor::config::{DOCUMENTED_REDIS_SOCKET, Language, RedisAddress};
use ns8_backup_monitor::model::alert::Alert;
use ns8_backup_monitor::model::cluster::{ReadError, Why};
use ns8_backup_monitor::model::job::MAX_ALERTS;
use ns8_backup_monitor::model::plan::{
    Damage, Entry, Fault, Layout, Module, ModuleId, ModuleResult, Plan, PlanId, PlanStatus,
};
use ns8_backup_monitor::model::repository::{Checked, Lock, NotProbed, Probe, Probes, Verdict};
use ns8_backup_monitor::model::run::{Assessment, assess};
use ns8_backup_monitor::report::{Finding, Report, digest, json, outcome, subject, test_mail, text};

/// A repository that restic has opened and checked to the end.
const OPENED: Checked = Checked { opened: true, packs: true, folders: true, listed: None, ended: None };

const NOW: &str = "2026-11-22T02:15:07Z";
const STALE_AFTER: Duration = Duration::from_secs(43_200);

/// What a report is made of, owned.
struct Case {
    name: &'static str,
    plan: Plan,
    probes: Probes,
    gave_up: Option<Duration>,
    alerts: Vec<Alert>,
    alerts_left_out: u64,
    /// Whether its alerts name no plan.
    names_no_plan: bool,
    /// Another finding than the plan's.
    other: Option<Finding<'static>>,
    zone: TimeZone,
}

impl Case {
    fn new(name: &'static str) -> Self {
        let mut plan = Plan::unknown(PlanId::new("2").unwrap());
        plan.name = Some("Nightly".into());
        plan.defined = true;
        let alerts = vec![alert("1")];
        Self {
            name,
            plan,
            probes: Probes::NotNeeded,
            gave_up: None,
            alerts,
            alerts_left_out: 0,
            names_no_plan: false,
            other: None,
            zone: TimeZone::UTC,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// A module on node 1 with a result.
    fn module(mut self, id: &str, result: ModuleResult) -> Self {
        let id = ModuleId::new(id).unwrap();
        self.plan.modules.insert(id.clone(), module(None));
        self.plan.results.insert(id, result);
        self
    }

    /// Members that have no result.
    fn missing(mut self, ids: &[&str]) -> Self {
        let ids: Vec<ModuleId> = ids.iter().map(|id| ModuleId::new(*id).unwrap()).collect();
        self.plan.modules.extend(ids.iter().map(|id| (id.clone(), module(None))));
        self.plan.members = Some(self.plan.results.keys().cloned().chain(ids).collect());
        self
    }

    /// Its alert began at this time.
    fn alert_at(self, start: &str) -> Self {
        self.with(|case| case.alerts[0].starts_at = Some(at(start)))
    }

    fn probes(self, verdicts: Vec<(&str, Option<&str>, Verdict)>) -> Self {
        let probe = |(name, module, verdict): (&str, Option<&str>, Verdict)| Probe {
            repository: name.into(),
            location: Some("s3:s3.amazonaws.com/bucket".into()),
            module: module.and_then(ModuleId::new),
            gateway: module.is_some(),
            verdict,
        };
        self.with(|case| case.probes = Probes::Done(verdicts.into_iter().map(probe).collect()))
    }

    /// The plan as it is assessed at the usual time.
    fn assessment(&self) -> Assessment {
        let start = self.alerts.iter().filter_map(|alert| alert.starts_at).max();
        assess(&self.plan, start.unwrap_or(at(NOW)), at(NOW), Some(STALE_AFTER))
    }

    /// Writes the report in `language` and hands it to `read`.
    fn report<T>(&self, language: Language, read: impl FnOnce(&Report) -> T) -> T {
        let assessment = self.assessment();
        let finding = self.other.clone().unwrap_or(Finding::Plan {
            plan: &self.plan,
            assessment: &assessment,
            probes: &self.probes,
            gave_up_waiting_after: self.gave_up,
        });
        read(&Report {
            finding,
            asked_for: (!self.names_no_plan).then_some(&self.plan.id),
            cluster: Some("cluster.example.org"),
            alerts: &self.alerts,
            alerts_left_out: self.alerts_left_out,
            job_id: Some("20261122-021437-9f3a"),
            redis: &RedisAddress::Unix(DOCUMENTED_REDIS_SOCKET.into()),
            host: "leader.example.org",
            now: at(NOW),
            zone: self.zone.clone(),
            language,
        })
    }
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// The alert of ns8-metrics 1.3 for plan 2 on `node`.
fn alert(node: &str) -> Alert {
    let labels = [("alertname", "BackupFailed"), ("id", "2"), ("name", "Nightly"), ("node", node)];
    let annotations = [
        ("summary_en", "Backup failed"),
        ("summary_it", "Backup fallito"),
        ("description_en", "The backup Nightly has failed on this node."),
        ("description_it", "Il backup Nightly è fallito su questo nodo."),
    ];
    Alert {
        name: "BackupFailed".into(),
        labels: texts(&labels),
        annotations: texts(&annotations),
        starts_at: Some(at("2026-11-22T02:14:00Z")),
    }
}

fn module(name: Option<&str>) -> Module {
    Module { ui_name: name.map(String::from), node: Some("1".into()), node_name: Some("leader".into()) }
}

/// A result of layout C that ended shortly before the report.
fn result(errors: u64) -> ModuleResult {
    ModuleResult {
        layout: Layout::C,
        start: Some(at("2026-11-22T01:00:00Z")),
        end: Some(at("2026-11-22T02:12:10Z")),
        errors,
        error: None,
        total_size: Some(13_314_398_617),
        total_file_count: Some(120_345),
        snapshots_count: Some(14),
    }
}

/// A result of the founding document's layout.
fn documented(error: Option<&str>) -> ModuleResult {
    ModuleResult {
        layout: Layout::A,
        start: None,
        errors: error.is_some().into(),
        error: error.map(String::from),
        total_size: None,
        total_file_count: None,
        snapshots_count: None,
        ..result(0)
    }
}

/// A result of the previous night.
fn last_night() -> ModuleResult {
    let (start, end) = (Some(at("2026-11-21T01:00:00Z")), Some(at("2026-11-21T02:12:10Z")));
    ModuleResult { start, end, ..result(0) }
}

/// A result of the afternoon before, by hand.
fn afternoon() -> ModuleResult {
    let (start, end) = (Some(at("2026-11-21T16:00:00Z")), Some(at("2026-11-21T16:10:00Z")));
    ModuleResult { start, end, ..result(0) }
}

fn damage(module: &str) -> Damage {
    Damage { entry: Entry::Result(ModuleId::new(module).unwrap()), fault: Fault::NotJson }
}

fn healthy() -> Verdict {
    Verdict::Healthy { snapshots: 14, newest: Some(at("2026-11-21T23:00:00Z")), in_use: None, checked: OPENED }
}

fn cases() -> Vec<Case> {
    let (since, by) = (Some(at("2026-11-21T22:00:00Z")), Some("root@leader, PID 4711".into()));
    let lock = |exclusive| Lock { count: 1, exclusive, since, by: by.clone() };
    let unknown = Some(Lock { count: 2, ..Lock::default() });
    let many = (0..60).fold(Case::new("many_failed"), |case, n| case.module(&format!("mail{n}"), result(1)));
    vec![
        Case::new("success")
            .module("mail1", result(0))
            .module("imap2", result(0))
            .missing(&[])
            .alert_at("2026-11-22T01:40:00Z"),
        Case::new("success_before_the_alert").module("mail1", result(0)).missing(&[]),
        Case::new("success_from_before_and_after_the_alert")
            .module("mail1", result(0))
            .module("mail10", afternoon())
            .module("mail2", afternoon())
            .missing(&[])
            .alert_at("2026-11-22T01:40:00Z"),
        Case::new("old_errors")
            .module("mail1", last_night())
            .module("imap2", ModuleResult { errors: 2, ..last_night() }),
        Case::new("only_the_plans_own_status").with(|case| {
            case.plan.defined = false;
            let timestamp = Some(at("2026-11-22T02:13:00Z"));
            case.plan.status = Some(PlanStatus { success: false, timestamp, errors: Some(3) });
        }),
        Case::new("partial_documented")
            .module("mail1", documented(Some("Fatal: unable to open repository: connection refused")))
            .module("imap2", documented(None))
            .module("wiki3", ModuleResult { end: None, ..documented(Some("")) })
            .with(|case| {
                case.plan.name = None;
                case.plan.defined = false;
                let timestamp = Some(at("2026-11-22T02:13:00Z"));
                case.plan.status = Some(PlanStatus { success: false, timestamp, errors: Some(3) });
            })
            .probes(vec![("repo1", None, Verdict::Unreachable("connection refused".into()))]),
        Case::new("partial_with_absent")
            .module("mail1", result(2))
            .module("imap2", result(0))
            .module("wiki3", last_night())
            .missing(&["samba4"])
            .with(|case| case.plan.modules.values_mut().for_each(|module| module.ui_name = Some("Office".into())))
            .probes(vec![
                ("offsite", Some("mail1"), healthy()),
                ("offsite", Some("samba4"), Verdict::NoRepository),
                ("offsite", Some("wiki3"), healthy()),
            ]),
        Case::new("locks_behind_the_gateway").module("mail1", result(1)).module("imap2", result(1)).probes(vec![
            (
                "offsite",
                Some("imap2"),
                Verdict::Healthy { snapshots: 3, newest: None, in_use: None, checked: Checked::default() },
            ),
            (
                "offsite",
                Some("mail1"),
                Verdict::Healthy { snapshots: 2, newest: None, in_use: unknown, checked: Checked::default() },
            ),
        ]),
        Case::new("all_failed")
            .module("mail1", ModuleResult { snapshots_count: Some(0), ..result(1) })
            .module("imap2", ModuleResult { snapshots_count: None, total_size: None, ..result(1) })
            .missing(&[])
            .probes(vec![("offsite", Some("mail1"), Verdict::WrongPassword)]),
        Case::new("none_ran").module("mail1", last_night()).missing(&["imap2"]),
        Case::new("no_modules").missing(&[]),
        Case::new("never_ran").with(|case| case.probes = Probes::Disabled),
        Case::new("unknown_plan").with(|case| {
            case.plan = Plan::unknown(PlanId::new("[a-z]*; rm -rf").unwrap());
            case.probes = Probes::Done(Vec::new());
        }),
        Case::new("nothing_recent").with(|case| {
            case.names_no_plan = true;
            case.other = Some(Finding::NothingRecent(Duration::from_secs(3600)));
        }),
        Case::new("unreadable").with(|case| {
            let (address, why) = ("redis://127.0.0.1:6379".into(), Why::ConnectionRefused);
            case.other = Some(Finding::Unreadable(ReadError::Redis { address, why }));
        }),
        Case::new("gave_up_waiting")
            .module("mail1", result(1))
            .module("imap2", last_night())
            .missing(&["samba4"])
            .with(|case| case.gave_up = Some(Duration::from_secs(900))),
        Case::new("two_alerts").module("mail1", result(1)).module("imap2", result(0)).with(|case| {
            case.alerts = vec![alert("1"), alert("2")];
            case.zone = TimeZone::fixed(jiff::tz::offset(1));
            case.alerts_left_out = 3;
        }),
        Case::new("awkward_texts")
            .module("<b>mail1\u{202e}", documented(Some("<b>no</b>\r\nSubject: \u{1b}[31mred\0\u{200b}")))
            .module("imap2", documented(None))
            .with(|case| {
                case.plan.id = PlanId::new("1\nBcc: a@b.example <x>").unwrap();
                case.plan.name = Some("n".repeat(10_000));
            }),
        many,
        Case::new("every_verdict").module("mail1", result(1)).module("imap2", result(0)).probes(vec![
            ("healthy", Some("mail1"), healthy()),
            ("empty", None, Verdict::Healthy { snapshots: 0, newest: None, in_use: None, checked: OPENED }),
            (
                "in use",
                None,
                Verdict::Healthy { snapshots: 1, newest: None, in_use: Some(lock(Some(false))), checked: OPENED },
            ),
            ("locked", Some("mail1"), Verdict::Locked(lock(Some(true)))),
            (
                "locked elsewhere",
                None,
                Verdict::Locked(Lock { count: 2, exclusive: Some(true), since: None, by: None }),
            ),
            ("password", None, Verdict::WrongPassword),
            ("none", None, Verdict::NoRepository),
            ("unreachable", None, Verdict::Unreachable("no route to host.".into())),
            ("denied", None, Verdict::Denied("403 Forbidden".into())),
            ("damaged", Some("mail1"), Verdict::Damaged("ciphertext verification failed".into())),
            ("failed", None, Verdict::Failed("Fatal: unknown backend".into())),
            ("slow", None, Verdict::TimedOut(Duration::from_secs(60))),
            ("restic", None, Verdict::NotProbed(NotProbed::ResticMissing("restic".into()))),
            ("not executable", None, Verdict::NotProbed(NotProbed::ResticUnusable("permission denied".into()))),
            ("gateway", None, Verdict::NotProbed(NotProbed::NoCredentials)),
            ("more", None, Verdict::NotProbed(NotProbed::TooMany(1200))),
            ("incomplete", None, Verdict::NotProbed(NotProbed::Incomplete("password".into()))),
        ]),
        Case::new("damaged_entries").module("mail1", result(1)).missing(&[]).with(|case| {
            case.plan.damaged = vec![damage("imap2")];
            case.plan.enabled = false;
            let address = "/run/redis.sock".into();
            case.probes = Probes::Unknown(ReadError::Redis { address, why: Why::Late(10) });
        }),
        Case::new("gateway_down").module("mail1", result(1)).module("imap2", result(1)).missing(&["wiki3"]).probes(
            vec![
                (
                    "offsite",
                    Some("imap2"),
                    Verdict::Unreachable("the gateway at http://127.0.0.1:4694: refused".into()),
                ),
                (
                    "offsite",
                    Some("mail1"),
                    Verdict::Unreachable("the gateway at http://127.0.0.1:4694: refused".into()),
                ),
                ("offsite", Some("wiki3"), Verdict::NotProbed(NotProbed::NoUuid(ModuleId::new("wiki3").unwrap()))),
                ("second", Some("imap2"), Verdict::Denied("the gateway answers 401 Unauthorized".into())),
                ("second", Some("mail1"), Verdict::NoRepository),
                ("local", None, Verdict::NoRepository),
                ("local", None, Verdict::NoRepository),
            ],
        ),
        Case::new("long_words")
            .module("mail1", documented(Some(&format!("cannot open https://example.org/{}/end", "x".repeat(300)))))
            .with(|case| case.plan.id = PlanId::new("9".repeat(300)).unwrap()),
        Case::new("unreadable_result")
            .module("mail1", result(0))
            .missing(&["imap2", "wiki3", "samba4"])
            .with(|case| {
                let wiki3 = ModuleId::new("wiki3").unwrap();
                case.plan.modules.insert(wiki3, Module { node: Some("2".into()), ..Module::default() });
                case.plan.damaged = vec![
                    damage("imap2"),
                    Damage { entry: Entry::Node("2".into()), fault: Fault::OtherType },
                    Damage { entry: Entry::Plans(ModuleId::new("mail1").unwrap()), fault: Fault::OtherType },
                    Damage { entry: Entry::Status, fault: Fault::NoOutcome },
                ];
            })
            .probes(vec![
                // One whose result is there, though damaged, was backed up to somewhere; the other was never backed up.
                ("offsite", Some("imap2"), Verdict::NoRepository),
                ("offsite", Some("samba4"), Verdict::NoRepository),
            ]),
        Case::new("disabled")
            .module("mail1", result(0))
            .missing(&[])
            .with(|case| {
                case.plan.enabled = false;
                case.plan.not_awaited = [ModuleId::new("mail2").unwrap()].into();
            })
            .alert_at("2026-11-22T01:40:00Z"),
        Case::new("nothing_readable").with(|case| {
            case.plan.damaged = vec![damage("imap2")];
        }),
        Case::new("huge_numbers").module("imap2", result(0)).module(
            "mail1",
            ModuleResult {
                start: Some(Timestamp::MIN),
                end: Some(Timestamp::MAX),
                errors: u64::MAX,
                total_size: Some(u64::MAX),
                total_file_count: Some(u64::MAX),
                snapshots_count: Some(u64::MAX),
                ..result(1)
            },
        ),
    ]
}

#[test]
fn reports_are_as_in_the_golden_files() {
    let mut wrong = Vec::new();
    for case in cases() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(case.name);
        let subjects = [Language::En, Language::It]
            .map(|language| case.report(language, |report| subject(report, "[ns8-backup]")))
            .join("\n");
        let json = case.report(Language::En, json);
        let files = [
            ("subject", subjects + "\n"),
            ("en.txt", case.report(Language::En, text)),
            ("it.txt", case.report(Language::It, text)),
            ("report.json", serde_json::to_string_pretty(&json).unwrap() + "\n"),
        ];
        for (name, written) in files {
            let (file, written) = (folder.join(name), written.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&file, &written).unwrap();
            }
            let golden = std::fs::read_to_string(&file).unwrap_or_default();
            if golden != written {
                wrong.push(format!("{} differs; it is now:\n{written}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The names of all members of `value`, those of labels and annotations aside, which are the alert's own.
fn members(value: &serde_json::Value, names: &mut BTreeSet<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        names.insert(name.clone());
        if name != "labels" && name != "annotations" {
            members(value, names);
        }
    }
    value.as_array().into_iter().flatten().for_each(|value| members(value, names));
}

#[test]
fn every_member_of_the_json_is_documented() {
    let mut names = BTreeSet::new();
    cases().iter().for_each(|case| members(&case.report(Language::En, json), &mut names));
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report-json.md")).unwrap();
    let missing: Vec<_> = names.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(names.len() > 40 && missing.is_empty(), "not in docs/report-json.md: {missing:?}");
}

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
        digest_of(|case| case.plan.results.get_mut(&mail1).unwrap().snapshots_count = Some(13)),
        digest_of(|case| case.plan.members = Some([ModuleId::new("samba4").unwrap()].into())),
        digest_of(|case| _ = case.plan.results.remove(&mail1)),
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

/// Everything in a report that comes from outside.
fn outside(texts: &[String]) -> Case {
    let text = |n: usize| texts[n % texts.len()].clone();
    let id = |n: usize| ModuleId::new(text(n)).unwrap_or(ModuleId::new("mail1").unwrap());
    let probe = |n: usize, verdict| Probe {
        repository: text(n),
        location: Some(text(n + 1)),
        module: Some(id(n + 2)),
        gateway: n.is_multiple_of(2),
        verdict,
    };
    let lock = Lock { count: 1, exclusive: Some(true), since: None, by: Some(text(0)) };
    Case::new("outside").with(|case| {
        case.plan.id = PlanId::new(text(0)).unwrap_or(PlanId::new("2").unwrap());
        case.plan.name = Some(text(1));
        for n in 0..texts.len() {
            let result = if n % 2 == 0 { documented(Some(&text(n))) } else { result(n as u64 % 3) };
            case.plan.results.insert(id(n), result);
            let (node, node_name) = (Some(text(n + 2)), Some(text(n + 3)));
            case.plan.modules.insert(id(n), Module { node, node_name, ..module(Some(&text(n + 1))) });
        }
        case.plan.members = Some(texts.iter().filter_map(|text| ModuleId::new(format!("{text}x"))).collect());
        let entry = |n| if n % 2 == 0 { Entry::Node(text(n)) } else { Entry::Result(id(n)) };
        case.plan.damaged = (0..texts.len()).map(|n| Damage { entry: entry(n), fault: Fault::NotJson }).collect();
        case.plan.not_awaited = (0..texts.len()).map(id).collect();
        case.gave_up = Some(Duration::from_secs(900));
        let mut probes = vec![
            probe(0, Verdict::Locked(lock.clone())),
            probe(1, Verdict::Healthy { snapshots: 1, newest: None, in_use: Some(lock), checked: OPENED }),
            probe(2, Verdict::Unreachable(text(1))),
            probe(3, Verdict::Denied(text(2))),
            probe(4, Verdict::Damaged(text(3))),
            probe(5, Verdict::Failed(text(0))),
            probe(5, Verdict::NotProbed(NotProbed::ResticUnusable(text(2)))),
            probe(5, Verdict::NotProbed(NotProbed::ResticMissing(text(4)))),
            probe(6, Verdict::NotProbed(NotProbed::Incomplete(text(5)))),
        ];
        probes.extend((0..texts.len()).map(|n| probe(n, Verdict::Damaged(text(n)))));
        case.probes = Probes::Done(probes);
        let labels = ["name", "node", "instance"].map(|label| (label.to_string(), text(3))).into();
        let annotations = ["summary", "description_it"].map(|name| (name.to_string(), text(4))).into();
        case.alerts = vec![Alert { name: text(5), labels, annotations, starts_at: None }; MAX_ALERTS];
    })
}

/// What must hold for all that is sent, whatever its content.
fn check_harmless(text: &str) {
    let hidden = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
    };
    assert!(!text.contains(['<', '>']), "{text}");
    assert!(!text.contains(hidden), "{text:?}");
}

/// What must hold for a report's text, too.
fn check_text(text: &str) {
    check_harmless(text);
    assert!(text.len() <= 200_000, "{} bytes", text.len());
    for line in text.lines() {
        let is_command = line.trim_start().starts_with("$ ");
        assert!(line.chars().count() <= 72 || is_command, "{line}");
    }
}

fn check_reports_of(case: &Case) {
    for language in [Language::En, Language::It] {
        case.report(language, |report| {
            check_text(&text(report));
            let subject = subject(report, "[ns8-backup]");
            check_harmless(&subject);
            assert!(!subject.contains('\n') && subject.chars().count() < 250, "{subject}");
            assert!(subject.starts_with(&format!("[ns8-backup] {} - ", outcome(report).word())), "{subject}");
        });
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_from_outside_spoils_a_report(texts in proptest::collection::vec(".{0,200}|(?s)[<>\\x00-\\x20\\u{200b}-\\u{202e}'$; a]{0,100}", 1..12)) {
        check_reports_of(&outside(&texts));
    }
}

#[test]
fn a_report_is_bounded_however_much_there_is_to_say() {
    for c in ["n", "€ ", "<\n>", "\u{202e}"] {
        let texts: Vec<String> = (0..2000).map(|n| format!("{n}{}", c.repeat(10_000 / c.len()))).collect();
        check_reports_of(&outside(&texts));
    }
}

#[test]
fn that_there_is_nothing_to_do_is_said_only_where_nothing_is_in_doubt() {
    let written = |change: fn(&mut Case)| {
        let case = Case::new("over").module("mail1", result(0)).alert_at("2026-11-22T01:40:00Z").with(change);
        case.report(Language::En, text).replace('\n', " ")
    };
    let nothing_to_do = "There is nothing to do";
    assert!(written(|_| {}).contains(nothing_to_do));
    let doubts: [fn(&mut Case); 5] = [
        |case| case.alerts[0].starts_at = None,
        |case| case.alerts[0].starts_at = Some(at("2026-11-22T02:13:00Z")),
        |case| case.plan.damaged = vec![Damage { entry: Entry::Definition, fault: Fault::NotJson }],
        |case| case.plan.status = Some(PlanStatus { success: false, timestamp: None, errors: Some(1) }),
        |case| {
            case.alerts[0].starts_at = Some(at("2026-11-01T00:00:00Z"));
            let mail1 = ModuleId::new("mail1").unwrap();
            case.plan.results.insert(mail1, ModuleResult { end: Some(at("2026-11-02T00:00:00Z")), ..result(0) });
        },
    ];
    for (n, doubt) in doubts.into_iter().enumerate() {
        assert!(!written(doubt).contains(nothing_to_do), "{n}");
    }
    let of_no_plan = |case: &mut Case| case.names_no_plan = true;
    assert!(!written(of_no_plan).contains(nothing_to_do), "the alert may be another plan's");
}

#[test]
fn an_alert_is_said_to_be_raised_anew_only_where_nothing_tells_of_a_run() {
    let written = |change: fn(&mut Case)| {
        let case = Case::new("anew").module("mail1", ModuleResult { errors: 1, ..last_night() }).with(change);
        case.report(Language::En, text)
    };
    assert!(written(|_| {}).contains("raised anew"));
    let others: [fn(&mut Case); 4] = [
        |case| case.alerts[0].name = "backup_missing".into(),
        |case| case.alerts.clear(),
        |case| case.plan.damaged = vec![damage("imap2")],
        |case| {
            let timestamp = Some(at("2026-11-22T02:13:00Z"));
            case.plan.status = Some(PlanStatus { success: false, timestamp, errors: Some(1) });
        },
    ];
    for (n, other) in others.into_iter().enumerate() {
        assert!(!written(other).contains("raised anew"), "{n}");
    }
}

#[test]
fn one_of_many_is_told_in_a_line() {
    let many = |result: &ModuleResult| {
        let case = (0..12).fold(Case::new("many"), |case, n| case.module(&format!("mail{n}"), result.clone()));
        case.report(Language::En, text).lines().find(|line| line.contains("mail11")).unwrap().to_string()
    };
    let why = format!("no space left on {}", "device ".repeat(50));
    assert!(many(&documented(Some(&why))).starts_with("  mail11: node 1, 2026-11-22 02:12, no space left on device"));
    assert_eq!(many(&last_night()), "  mail11: node 1, of an earlier run: success, 2026-11-21 02:12");
}

#[test]
fn an_empty_prefix_leaves_no_space() {
    let case = Case::new("prefix").module("mail1", result(0));
    let subject = case.report(Language::En, |report| subject(report, ""));
    assert_eq!(subject, "SUCCESS - all 1 module(s) backed up successfully");
}

#[test]
fn a_test_mail_says_that_it_is_one() {
    for (language, word) in [(Language::En, "This is a test."), (Language::It, "Questa è una prova.")] {
        let (subject, body) = test_mail(language, "", "leader.example.org", at(NOW), &TimeZone::UTC);
        assert!(subject.starts_with("TEST - "), "{subject}");
        assert!(body.starts_with(word) && body.contains("leader.example.org"), "{body}");
    }
}
