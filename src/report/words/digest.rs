//! The digest: all plans, and the monitor itself.

use super::phrases;

phrases! {
    digest_subject_fine(total: usize) { En: "all {total} plan(s) are fine", It: "tutti i piani ({total}) sono a posto" }
    digest_subject_attention(bad: usize, total: usize) {
        En: "{bad} of {total} plan(s) need attention",
        It: "{bad} di {total} piani richiedono attenzione",
    }
    digest_subject_monitor() { En: "the monitor itself needs attention", It: "il monitor stesso richiede attenzione" }
    digest_no_plan() { En: "no backup plan is switched on", It: "nessun piano di backup è attivo" }
    digest_heading_attention() { En: "Plans that need attention", It: "Piani che richiedono attenzione" }
    digest_heading_fine() { En: "Plans that are fine", It: "Piani a posto" }
    digest_heading_disabled() { En: "Plans that are switched off", It: "Piani disattivati" }
    digest_heading_unplanned() { En: "Modules in no plan", It: "Moduli in nessun piano" }
    digest_heading_monitor() { En: "The monitor itself", It: "Il monitor stesso" }
    digest_plan(id: &str) { En: "plan {id}", It: "piano {id}" }
    digest_last_run(outcome: &str, time: &str) {
        En: "last run: {outcome}, {time}",
        It: "ultima esecuzione: {outcome}, {time}",
    }
    digest_missed(time: &str) { En: "last run: MISSED, due {time}", It: "ultima esecuzione: MISSED, prevista {time}" }
    digest_running() { En: "it seems to be running", It: "sembra in esecuzione" }
    digest_due_since(time: &str) {
        En: "due since {time}, no result yet",
        It: "prevista dalle {time}, ancora senza risultati",
    }
    digest_never_ran() { En: "it has not run yet", It: "non è ancora stato eseguito" }
    digest_new_modules() {
        En: "none of its modules has run yet",
        It: "nessuno dei suoi moduli è ancora stato eseguito",
    }
    digest_perhaps_ran() { En: "cannot tell whether it has run", It: "non si può vedere se sia stato eseguito" }
    digest_damaged(count: usize) {
        En: "unreadable or implausible entries: {count}; see the plan's report",
        It: "non leggibili, o non credibili: {count}; il rapporto sul piano dice quali",
    }
    digest_no_members() { En: "it has no modules: nothing is backed up", It: "non ha moduli: non viene salvato nulla" }
    digest_invalid(schedule: &str) {
        En: "systemd does not accept its schedule {schedule}: it does not run by itself",
        It: "systemd non accetta la pianificazione {schedule}: non parte da solo",
    }
    digest_never_due() {
        En: "systemd computes no next time for its schedule: it does not run by itself",
        It: "systemd non calcola una prossima data per la pianificazione: non parte da solo",
    }
    digest_no_schedule() {
        En: "it has no schedule: it does not run by itself",
        It: "non ha una pianificazione: non parte da solo",
    }
    digest_last_runs(marks: &str) {
        En: "last runs, oldest first: {marks} (+ good, x failed, ! missed, ? end not seen)",
        It: "ultime esecuzioni, dalla più vecchia: {marks} (+ riuscita, x fallita, ! mancata, ? fine non vista)",
    }
    digest_next_run(time: &str) { En: "next run: {time}", It: "prossima esecuzione: {time}" }
    digest_modules(count: usize) { En: "modules: {count}", It: "moduli: {count}" }
    digest_size(size: &str) { En: "size: {size}", It: "dimensione: {size}" }
    digest_trend(percent: &str, date: &str) { En: "{percent} % since {date}", It: "{percent} % dal {date}" }
    digest_failed() { En: "failed in the last run", It: "non riuscito nell'ultima esecuzione" }
    digest_absent() { En: "no result of the last run", It: "nessun risultato dell'ultima esecuzione" }
    digest_last_good(time: &str, age: &str) {
        En: "last good backup {time} ({age})",
        It: "ultimo backup valido {time} ({age})",
    }
    digest_no_good() { En: "no good backup is known", It: "nessun backup valido conosciuto" }
    digest_cluster_backup(time: &str) { En: "cluster backup: {time}", It: "backup del cluster: {time}" }
    digest_relay() { En: "mail relay", It: "server di posta" }
    digest_watch() { En: "watch", It: "sorveglianza" }
    digest_queue() { En: "queue", It: "coda" }
    digest_works() { En: "works", It: "funziona" }
    digest_not_certain(why: &str) { En: "NOT CERTAIN: {why}", It: "NON È CERTO: {why}" }
    digest_does_not_work(why: &str) { En: "NEEDS ATTENTION: {why}", It: "RICHIEDE ATTENZIONE: {why}" }
    digest_last_report() { En: "last report delivered", It: "ultimo rapporto consegnato" }
    digest_no_report() { En: "none is known", It: "nessuno conosciuto" }
    digest_watch_off(english: &str) { En: "{english}", It: "watch.enabled è false" }
    digest_never_looked(english: &str) {
        En: "{english}",
        It: "non ha mai controllato: systemctl status ns8-backup-monitor-watch.timer",
    }
    digest_looked_in_vain(english: &str) {
        En: "{english}",
        It: "nessun controllo è ancora riuscito: journalctl -u ns8-backup-monitor-watch",
    }
    digest_looked_at(time: &str) { En: "last look: {time}", It: "ultimo controllo: {time}" }
    digest_queue_holds(english: &str, jobs: usize, given_up: usize, unreadable: usize) {
        En: "{english}",
        It: "in coda: {jobs}, abbandonati: {given_up}, illeggibili: {unreadable}: ns8-backup-monitor queue",
    }
    digest_queue_unreadable(english: &str, folder: &str) { En: "{english}", It: "{folder} non è leggibile" }
    digest_found(english: &str) { En: "{english}", It: "ns8-backup-monitor check dice perché" }
    digest_sign_of_life() {
        En: "This mail comes every week. If it stops coming, look at the monitor: ns8-backup-monitor check",
        It: "Questo messaggio arriva ogni settimana. Se non arriva più, controllare il monitor: ns8-backup-monitor check",
    }
}
