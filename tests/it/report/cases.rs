//! The cases of the golden files.

use super::*;
use ns8_backup_monitor::model::cluster::{ReadError, Why};
use ns8_backup_monitor::model::plan::PlanStatus;
use ns8_backup_monitor::model::repository::{Doubt, Ended, Listed, Lock, NotProbed, NotWritable, Unsafe};

const LISTED: Listed = Listed { packs: 1234, indexes: 5 };

fn seen(checked: Checked) -> Verdict {
    Verdict::Healthy { snapshots: 3, newest: None, in_use: None, checked }
}

pub(super) fn cases() -> Vec<Case> {
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
            .probes(vec![("repo1", None, Verdict::Unreachable(words("connection refused")))]),
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
            ("unreachable", None, Verdict::Unreachable(words("no route to host."))),
            ("denied", None, Verdict::Denied(words("403 Forbidden"))),
            ("damaged", Some("mail1"), Verdict::Damaged(words("ciphertext verification failed"))),
            ("failed", None, Verdict::Failed(words("Fatal: unknown backend"))),
            ("slow", None, Verdict::TimedOut(Duration::from_secs(60))),
            ("restic", None, Verdict::NotProbed(NotProbed::ResticMissing("restic".into()))),
            ("forbidden", None, Verdict::NotProbed(NotProbed::ResticNotExecutable("/usr/bin/restic".into()))),
            ("unusable", None, Verdict::NotProbed(NotProbed::ResticUnusable("/opt/restic: Exec format error".into()))),
            ("gateway", None, Verdict::NotProbed(NotProbed::NoCredentials)),
            ("more", None, Verdict::NotProbed(NotProbed::TooMany(1200))),
            ("read-only", None, Verdict::NotWritable(NotWritable::ReadOnly)),
            (
                "listed",
                Some("mail1"),
                Verdict::Healthy {
                    snapshots: 3,
                    newest: Some(at("2026-11-21T23:00:00Z")),
                    in_use: None,
                    checked: Checked { listed: Some(LISTED), ..Checked::default() },
                },
            ),
            ("in part", None, seen(Checked { folders: false, ended: Some(Ended::TimeUp), ..OPENED })),
            ("azure", None, Verdict::NotProbed(NotProbed::OpenedByNs8("azure".into()))),
            ("unsafe", None, Verdict::NotProbed(NotProbed::Unsafe(Unsafe::Remote))),
            ("private", None, Verdict::NotProbed(NotProbed::NoPermission("permission denied".into()))),
            ("stranger", None, Verdict::NotProbed(NotProbed::NotTheGateway(Doubt::Stranger(1001)))),
            ("incomplete", None, Verdict::NotProbed(NotProbed::Incomplete("password".into()))),
        ]),
        Case::new("damaged_entries").module("mail1", result(1)).missing(&[]).with(|case| {
            case.plan.damaged = vec![damage("imap2")];
            case.plan.enabled = false;
        }),
        Case::new("gateway_down").module("mail1", result(1)).module("imap2", result(1)).missing(&["wiki3"]).probes(
            vec![
                (
                    "offsite",
                    Some("imap2"),
                    Verdict::Unreachable(Sign::NoGateway("127.0.0.1:4694".into(), "refused".into())),
                ),
                (
                    "offsite",
                    Some("mail1"),
                    Verdict::Unreachable(Sign::NoGateway("127.0.0.1:4694".into(), "refused".into())),
                ),
                ("offsite", Some("wiki3"), Verdict::NotProbed(NotProbed::NoUuid(ModuleId::new("wiki3").unwrap()))),
                ("second", Some("imap2"), Verdict::Denied(Sign::GatewayAnswers("401 Unauthorized".into()))),
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
            .missing(&["mail2"])
            .with(|case| case.plan.enabled = false)
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
