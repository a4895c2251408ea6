//! Modules: what happened to each, what is still restorable, what to type.

use super::{Words, phrases};
use crate::model::history::Streak;
use crate::report::figures;

impl Words {
    /// Returns how a row of runs without a success went.
    pub(crate) fn in_a_row(self, streak: Streak) -> String {
        let runs = figures::runs(self, streak.runs, streak.or_more);
        match streak.failed {
            0 => self.absent_in_a_row(&runs),
            failed if failed == streak.runs => self.failed_in_a_row(&runs),
            _ => self.no_success_in_a_row(&runs),
        }
    }
}

phrases! {
    heading_failed(count: &str) { En: "Failed ({count})", It: "Backup non riusciti ({count})" }
    heading_absent(count: &str) {
        En: "Without a result of this run ({count})",
        It: "Senza un risultato di questa esecuzione ({count})",
    }
    heading_in_brief(count: &str) { En: "More, in brief ({count})", It: "Altri, in breve ({count})" }
    heading_succeeded(count: &str) { En: "Backed up ({count})", It: "Backup riusciti ({count})" }
    heading_unusual() { En: "Unusual", It: "Fuori dal solito" }
    heading_damaged() { En: "Not readable, or not credible", It: "Non leggibile, o non credibile" }
    label_node() { En: "Node", It: "Nodo" }
    label_ended() { En: "Ended", It: "Fine" }
    label_ran() { En: "Ran", It: "Esecuzione" }
    label_started() { En: "Started", It: "Inizio" }
    label_errors() { En: "Errors", It: "Errori" }
    errors(count: &str) { En: "errors: {count}", It: "errori: {count}" }
    label_reason() { En: "Reason", It: "Motivo" }
    label_log() { En: "From the log of the run", It: "Dal registro dell'esecuzione" }
    label_snapshot() { En: "Newest snapshot", It: "Snapshot più recente" }
    snapshot_of_this_run() { En: "from this run", It: "di questa esecuzione" }
    snapshot_of_earlier_run() {
        En: "from an earlier run; this run wrote none",
        It: "di un'esecuzione precedente; questa non ne ha scritto alcuno",
    }
    snapshot_of_some_run() { En: "from this run or an earlier one", It: "di questa esecuzione o di una precedente" }
    label_earlier_result() { En: "Last result, of an earlier run", It: "Ultimo risultato, di un'esecuzione precedente" }
    of_earlier_run(result: &str) { En: "of an earlier run: {result}", It: "di un'esecuzione precedente: {result}" }
    label_modules() { En: "Modules", It: "Moduli" }

    // What can still be restored.
    failed_in_a_row(runs: &str) {
        En: "failed {runs} runs in a row",
        It: "non riuscito per {runs} esecuzioni consecutive",
    }
    absent_in_a_row(runs: &str) {
        En: "no result in {runs} runs in a row",
        It: "nessun risultato per {runs} esecuzioni consecutive",
    }
    no_success_in_a_row(runs: &str) {
        En: "no success in {runs} runs in a row",
        It: "nessun successo per {runs} esecuzioni consecutive",
    }
    last_good(time: &str, age: &str) {
        En: "last good backup {time} ({age})",
        It: "ultimo backup riuscito {time} ({age})",
    }
    run_with_errors() { En: "; its run had errors", It: "; la sua esecuzione ha avuto errori" }
    last_without_errors(time: &str, age: &str) {
        En: "last run without errors {time} ({age})",
        It: "ultima esecuzione senza errori {time} ({age})",
    }
    or_later() {
        En: " or later: not every run since is on record",
        It: " o più recente: non tutte le esecuzioni seguenti sono registrate",
    }
    none_without_errors() {
        En: "no run without errors on record",
        It: "nessuna esecuzione senza errori registrata",
    }
    no_last_good() { En: "no good backup on record", It: "nessun backup riuscito registrato" }
    unusual_size(now: &str, usual: &str) {
        En: "size {now}, usually {usual}",
        It: "dimensione {now}, di solito {usual}",
    }
    unusual_files(now: &str, usual: &str) { En: "files {now}, usually {usual}", It: "file {now}, di solito {usual}" }
    unusual_duration(now: &str, usual: &str) {
        En: "took {now}, usually {usual}",
        It: "durata {now}, di solito {usual}",
    }

    // Why it is not among the successes.
    end_unknown() {
        En: "end time unreadable; this may be an earlier run's result",
        It: "data e ora illeggibili: può essere il risultato di un'esecuzione precedente",
    }
    no_reason() { En: "not recorded by the cluster", It: "non registrato dal cluster" }
    a_step_failed() {
        En: "at least one step failed; the cluster does not record which",
        It: "almeno un passo non è riuscito; il cluster non registra quale",
    }
    run_and_reading_failed() {
        En: "the run failed, and the repository could not be read after it; the cluster does not record why",
        It: "l'esecuzione non è riuscita, e dopo non è stato possibile leggere il repository; il cluster non registra perché",
    }
    stale() {
        En: "no result of this run: still running, never started, or busy",
        It: "nessun risultato di questa esecuzione: è ancora in corso, non è mai stata avviata, o il modulo era occupato",
    }
    written_without_result() {
        En: "no result of this run, but by its log the snapshot is written: the backup has not ended yet, or its result could not be stored",
        It: "nessun risultato di questa esecuzione, ma secondo il suo registro lo snapshot è scritto: il backup non è ancora terminato, o non è stato possibile registrarne il risultato",
    }
    not_started() { En: "no result of this run", It: "nessun risultato di questa esecuzione" }
    unreadable_result(fault: &str) {
        En: "its result exists but cannot be read: it {fault}",
        It: "il suo risultato esiste, ma non è leggibile: {fault}",
    }
    hidden_result(clause: &str) {
        En: "cannot tell whether it has a result: {clause}",
        It: "non si può vedere se abbia un risultato: {clause}",
    }
    missing() {
        En: "there is no result of any run on its node",
        It: "sul suo nodo non esiste il risultato di alcuna esecuzione",
    }

    // What to type, and where.
    label_next(place: &str) { En: "Next, {place}", It: "Da eseguire, {place}" }
    look_at_log(place: &str) {
        En: "See the run and its log, {place}",
        It: "Vedere l'esecuzione e il suo registro, {place}",
    }
    look_at_either_log(place: &str) {
        En: "See the module's run, {place} (the first command is for rootless modules; a run started by hand may be logged elsewhere)",
        It: "Vedere l'esecuzione del modulo, {place} (il primo comando vale per i moduli rootless; un'esecuzione avviata a mano può essere registrata altrove)",
    }
    on_node(node: &str) { En: "on node {node}", It: "sul nodo {node}" }
    on_each_node() { En: "on each node", It: "su ogni nodo" }
    on_the_leader() { En: "on the leader", It: "sul nodo leader" }
    on_the_modules_node() { En: "on the module's node", It: "sul nodo del modulo" }
    on_host(host: &str) { En: "on {host}", It: "su {host}" }
}
