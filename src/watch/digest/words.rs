//! The digest's phrases, in every language side by side. No word has to agree with a number.

use crate::config::Language;

/// The words of one language.
#[derive(Clone, Copy)]
pub(super) struct Words(pub(super) Language);

/// Makes a method of [`Words`] from each phrase; its arguments stand in the literals.
macro_rules! phrases {
    ($($name:ident($($argument:ident: $type:ty),*) { En: $en:literal, It: $it:literal, })*) => {
        impl Words {
            $(pub(super) fn $name(self $(, $argument: $type)*) -> String {
                match self.0 {
                    Language::En => format!($en),
                    Language::It => format!($it),
                }
            })*
        }
    };
}

phrases! {
    subject_fine(total: usize) {
        En: "all {total} plan(s) are fine",
        It: "tutti i piani ({total}) sono a posto",
    }
    subject_attention(bad: usize, total: usize) {
        En: "{bad} of {total} plan(s) need attention",
        It: "{bad} di {total} piani richiedono attenzione",
    }
    subject_monitor() {
        En: "the monitor itself needs attention",
        It: "il monitor stesso richiede attenzione",
    }
    subject_unreadable() {
        En: "the cluster's Redis could not be read",
        It: "impossibile leggere il Redis del cluster",
    }
    no_plan() {
        En: "there is no backup plan",
        It: "non esiste alcun piano di backup",
    }
    cluster() {
        En: "Cluster: ",
        It: "Cluster: ",
    }
    written() {
        En: "Written: ",
        It: "Scritto: ",
    }
    heading_attention() {
        En: "Plans that need attention",
        It: "Piani che richiedono attenzione",
    }
    heading_fine() {
        En: "Plans that are fine",
        It: "Piani a posto",
    }
    heading_disabled() {
        En: "Plans that are switched off",
        It: "Piani disattivati",
    }
    heading_unplanned() {
        En: "Modules in no plan",
        It: "Moduli in nessun piano",
    }
    heading_monitor() {
        En: "The monitor itself",
        It: "Il monitor stesso",
    }
    plan(id: &str) {
        En: "plan {id}",
        It: "piano {id}",
    }
    last_run(outcome: &str, time: &str) {
        En: "last run: {outcome}, {time}",
        It: "ultima esecuzione: {outcome}, {time}",
    }
    missed(time: &str) {
        En: "last run: MISSED, due {time}",
        It: "ultima esecuzione: MISSED, prevista {time}",
    }
    running() {
        En: "it is running now",
        It: "è in esecuzione",
    }
    never_ran() {
        En: "it has not run yet",
        It: "non è ancora stato eseguito",
    }
    no_members() {
        En: "it has no modules: nothing is backed up",
        It: "non ha moduli: non viene salvato nulla",
    }
    invalid(schedule: &str) {
        En: "systemd does not accept its schedule {schedule}: it does not run by itself",
        It: "systemd non accetta la pianificazione {schedule}: non parte da solo",
    }
    last_runs(marks: &str) {
        En: "last runs, oldest first: {marks} (+ good, x failed, ! missed)",
        It: "ultime esecuzioni, dalla più vecchia: {marks} (+ riuscita, x fallita, ! mancata)",
    }
    next_run(time: &str) {
        En: "next run: {time}",
        It: "prossima esecuzione: {time}",
    }
    modules(count: usize) {
        En: "modules: {count}",
        It: "moduli: {count}",
    }
    size(size: &str) {
        En: "size: {size}",
        It: "dimensione: {size}",
    }
    trend(percent: &str, date: &str) {
        En: "{percent} % since {date}",
        It: "{percent} % dal {date}",
    }
    in_a_row(runs: usize) {
        En: "failed {runs} run(s) in a row",
        It: "fallito per {runs} esecuzioni di seguito",
    }
    last_good(time: &str, days: i64) {
        En: "last good backup {time} ({days} d ago)",
        It: "ultimo backup valido {time} ({days} g fa)",
    }
    no_good() {
        En: "no good backup is known",
        It: "nessun backup valido conosciuto",
    }
    cluster_backup(time: &str) {
        En: "cluster backup: {time}",
        It: "backup del cluster: {time}",
    }
    and_more(count: usize) {
        En: "and {count} more",
        It: "e altri {count}",
    }
    relay() {
        En: "mail relay",
        It: "server di posta",
    }
    watch() {
        En: "watch",
        It: "sorveglianza",
    }
    queue() {
        En: "queue",
        It: "coda",
    }
    works() {
        En: "works",
        It: "funziona",
    }
    does_not_work(why: &str) {
        En: "NEEDS ATTENTION: {why}",
        It: "RICHIEDE ATTENZIONE: {why}",
    }
    last_report(time: &str) {
        En: "last report delivered: {time}",
        It: "ultimo rapporto consegnato: {time}",
    }
    no_report() {
        En: "last report delivered: none is known",
        It: "ultimo rapporto consegnato: nessuno conosciuto",
    }
    sign_of_life() {
        En: "This mail comes every week. If it stops coming, look at the monitor: ns8-backup-monitor check",
        It: "Questo messaggio arriva ogni settimana. Se non arriva più, controllare il monitor: ns8-backup-monitor check",
    }
    footer(version: &str, host: &str) {
        En: "ns8-backup-monitor {version} on {host}",
        It: "ns8-backup-monitor {version} su {host}",
    }
}
