//! The log tells what was during the run; a look at the repository tells what is.

use super::*;
use ns8_backup_monitor::model::repository::{Lock, NotProbed};

/// The words of a report on a module that failed for `cause`, after these looks at its repositories.
fn written(language: Language, cause: Cause, looks: &[Verdict]) -> String {
    let names = ["nas", "offsite"];
    let looks = names.iter().zip(looks).map(|(name, look)| (*name, Some("mail1"), look.clone())).collect();
    let case = Case::new("then").module("mail1", result(1)).module("imap2", result(0)).missing(&[]).probes(looks);
    let case = case.reason("mail1", Some(cause), &["x"], Some(false));
    case.report(language, text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn in_use() -> Verdict {
    let lock = Lock { count: 1, exclusive: Some(false), since: None, by: None };
    Verdict::Healthy { snapshots: 1, newest: None, in_use: Some(lock), checked: OPENED }
}

#[test]
fn a_lock_that_is_gone_is_not_to_be_removed() {
    for cause in [Cause::Locked, Cause::LockDamaged] {
        for (language, gone) in [(Language::En, "holds no lock now"), (Language::It, "ora non ha alcun lock")] {
            let words = written(language, cause, &[healthy()]);
            assert_eq!(words.matches(gone).count(), 2, "at the top and at the module: {words}");
            assert!(!["unlock", "sblocc"].iter().any(|advice| words.contains(advice)), "{words}");
            for looks in [&[][..], &[in_use()], &[healthy(), in_use()], &[Verdict::WrongPassword]] {
                let words = written(language, cause, looks);
                assert!(!words.contains(gone) && words.contains("restic-wrapper --backup 2 unlock"), "{words}");
            }
        }
    }
}

#[test]
fn a_look_at_other_repositories_says_nothing_of_this_one() {
    let case = Case::new("other").module("mail1", result(1)).module("mail2", result(1)).missing(&[]);
    let case = case.reason("mail1", Some(Cause::Locked), &["x"], Some(false));
    let looks = vec![("nas", Some("mail2"), healthy()), ("nas", None, Verdict::NotProbed(NotProbed::TooMany(1)))];
    assert!(!case.probes(looks).words().contains("holds no lock now"));
}

#[test]
fn what_opens_now_is_said_beside_what_did_not_open() {
    let opens = "the repository opens from this machine now";
    let counted = Verdict::Healthy { snapshots: 3, newest: None, in_use: None, checked: Checked::default() };
    for cause in [Cause::Forbidden, Cause::WrongPassword, Cause::NameNotResolved, Cause::GatewayDown] {
        let words = written(Language::En, cause, &[healthy()]);
        assert_eq!(words.matches(opens).count(), 2, "{words}");
        assert!(!written(Language::En, cause, std::slice::from_ref(&counted)).contains(opens), "nobody has opened it");
        assert!(!written(Language::En, cause, &[healthy(), Verdict::WrongPassword]).contains(opens));
    }
    assert!(!written(Language::En, Cause::DumpFailed, &[healthy()]).contains(opens), "the repository is not the cause");
    let words = written(Language::It, Cause::Forbidden, &[healthy()]);
    assert!(words.contains("ora da questa macchina il repository si apre"), "{words}");
}

#[test]
fn a_cause_from_the_log_is_in_the_past() {
    let causes = [
        Cause::DumpFailed,
        Cause::WrongPassword,
        Cause::NoRepository,
        Cause::DestinationFull,
        Cause::HostFull,
        Cause::PermissionDenied,
        Cause::DiskFull,
        Cause::GatewayDown,
        Cause::Unreachable,
        Cause::ClockSkew,
        Cause::Damaged,
        Cause::DiskFault,
        Cause::SourceUnreadable,
        Cause::ContainerFailed,
        Cause::DatabaseFailed,
        Cause::ProgramMissing,
        Cause::RetentionFailed,
    ];
    // "è" alone is also a part of the past.
    let present = ["is", "are", "does", "exists", "differ", "rejects", "può", "esiste", "risponde", "rifiuta", "apre"];
    for (language, label) in [(Language::En, "Reason: "), (Language::It, "Motivo: ")] {
        for cause in causes {
            let words = written(language, cause, &[]);
            let fact = words.split_once(label).unwrap().1.split([';', '|']).next().unwrap();
            let found: Vec<&str> = fact.split(' ').filter(|word| present.contains(word)).collect();
            assert!(found.is_empty(), "{cause:?}: {found:?} in {fact}");
        }
    }
}
