//! The log tells what was during the run; a look at the repository tells what is.

use super::*;

/// The words of a report on a module that failed for `cause`, after these looks at its repositories.
fn written(language: Language, cause: Cause, looks: &[Verdict]) -> String {
    let names = ["nas", "offsite"];
    let looks = names.iter().zip(looks).map(|(name, look)| (*name, Some("mail1"), look.clone())).collect();
    let case = Case::new("then").module("mail1", result(1)).module("imap2", result(0)).missing(&[]).probes(looks);
    let case = case.reason("mail1", Some(cause), &["x"], Some(false));
    case.report(language, text).split_whitespace().collect::<Vec<_>>().join(" ")
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
