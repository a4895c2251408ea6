//! The subject and the verdict.

use super::phrases;

phrases! {
    // After the outcome word in the subject. The English ones are the founding document's, to the letter.
    subject_success(total: usize) {
        En: "all {total} module(s) backed up successfully",
        It: "backup riuscito per tutti i moduli ({total})",
    }
    subject_recovered(total: usize, runs: &str) {
        En: "all {total} module(s) backed up successfully after {runs} failed run(s)",
        It: "backup riuscito per tutti i moduli ({total}) dopo esecuzioni non riuscite ({runs})",
    }
    subject_missed(plan: &str, due: &str) {
        En: "plan {plan} did not run (due {due})",
        It: "il piano {plan} non è stato eseguito (previsto {due})",
    }
    subject_failed(failed: usize, total: usize) {
        En: "{failed}/{total} module(s) failed",
        It: "backup non riuscito per {failed}/{total} moduli",
    }
    subject_failed_and_absent(failed: usize, total: usize, absent: usize) {
        En: "{failed}/{total} module(s) failed, {absent} without a result",
        It: "backup non riuscito per {failed}/{total} moduli, {absent} senza risultato",
    }
    subject_absent(absent: usize, total: usize) {
        En: "{absent}/{total} module(s) without a result",
        It: "{absent}/{total} moduli senza risultato",
    }
    subject_all_failed(total: usize) {
        En: "all {total} module(s) failed",
        It: "backup non riuscito per tutti i moduli ({total})",
    }
    subject_none_ran(total: usize) {
        En: "none of {total} module(s) has a result of this run",
        It: "nessun risultato di questa esecuzione (moduli: {total})",
    }
    subject_none_readable(total: usize) {
        En: "none of {total} module(s) has a readable result of this run",
        It: "nessun risultato leggibile di questa esecuzione (moduli: {total})",
    }
    subject_no_modules(plan: &str) { En: "plan {plan} has no modules", It: "il piano {plan} non ha moduli" }
    subject_none_then(plan: &str) {
        En: "all modules of plan {plan} have joined it since the run",
        It: "tutti i moduli del piano {plan} vi sono entrati dopo l'esecuzione",
    }
    subject_none_awaited(plan: &str, members: usize) {
        En: "plan {plan} is disabled, and none of its {members} module(s) has a result",
        It: "il piano {plan} è disabilitato, nessun risultato dei suoi moduli ({members})",
    }
    subject_nothing_found(plan: &str) {
        En: "no backup status found for plan {plan}",
        It: "nessuno stato di backup trovato per il piano {plan}",
    }
    subject_no_module_status(plan: &str) {
        En: "no module's backup status found for plan {plan}",
        It: "nessuno stato di backup dei moduli trovato per il piano {plan}",
    }
    subject_nothing_readable(plan: &str) {
        En: "no readable backup status for plan {plan}",
        It: "nessuno stato di backup leggibile per il piano {plan}",
    }
    subject_nothing_recent(window: &str) {
        En: "no plan has a result within the last {window}",
        It: "nessun piano ha un risultato più recente di {window}",
    }
    subject_reads_again() {
        En: "the cluster's Redis can be read again",
        It: "il Redis del cluster è di nuovo leggibile",
    }
    subject_unreadable() { En: "the cluster's Redis could not be read", It: "impossibile leggere il Redis del cluster" }
    subject_record_differs(total: usize) {
        En: "all {total} result(s) are successes, but the plan's own record says error",
        It: "tutti i risultati ({total}) sono positivi, ma il riepilogo del piano dice errore",
    }
    subject_alert_newer(total: usize) {
        En: "all {total} result(s) are successes, but older than the alert",
        It: "tutti i risultati ({total}) sono positivi, ma precedenti all'avviso",
    }
    subject_future(total: usize) {
        En: "all {total} result(s) are successes, but at least one is dated in the future",
        It: "tutti i risultati ({total}) sono positivi, ma almeno uno ha una data futura",
    }
    subject_cluster_backup_failed() { En: "; cluster backup failed", It: "; backup del cluster non riuscito" }
    subject_cluster_backup_old() {
        En: "; cluster backup failed or too old",
        It: "; backup del cluster non riuscito o troppo vecchio",
    }
    subject_so_far() { En: " (so far)", It: " (finora)" }
    subject_in_a_row(runs: &str) {
        En: " [failed {runs} runs in a row]",
        It: " [{runs} esecuzioni consecutive non riuscite]",
    }

    // The verdict in one sentence, after the outcome word and a colon.
    all_succeeded(total: &str) {
        En: "every module was backed up successfully ({total} of {total}).",
        It: "backup riuscito per tutti i moduli ({total} su {total}).",
    }
    recovered(total: &str, runs: &str) {
        En: "every module was backed up successfully ({total} of {total}). Failed runs before this one: {runs}.",
        It: "backup riuscito per tutti i moduli ({total} su {total}). Esecuzioni non riuscite prima di questa: {runs}.",
    }
    recovered_some_time(total: &str) {
        En: "every module was backed up successfully ({total} of {total}). Not every run since the last failure is on record.",
        It: "backup riuscito per tutti i moduli ({total} su {total}). Non tutte le esecuzioni dopo l'ultima non riuscita sono registrate.",
    }
    missed(due: &str, total: &str) {
        En: "the plan did not run. The run was due {due}, and no module has a result since (0 of {total}).",
        It: "il piano non è stato eseguito. L'esecuzione era prevista per {due}; da allora nessun risultato (moduli: {total}).",
    }
    mixed(total: &str, parts: &str) { En: "of {total} modules, {parts}.", It: "su {total} moduli, {parts}." }
    so_far(verdict: &str) { En: "so far, {verdict}", It: "finora, {verdict}" }
    count_failed(count: &str) { En: "{count} failed", It: "{count} con backup non riuscito" }
    count_absent(count: &str) {
        En: "{count} without a result of this run",
        It: "{count} senza un risultato di questa esecuzione",
    }
    count_succeeded(count: &str) { En: "{count} backed up", It: "{count} con backup riuscito" }
    all_failed(total: &str) {
        En: "every module failed ({total} of {total}).",
        It: "backup non riuscito per tutti i moduli ({total} su {total}).",
    }
    none_ran(total: &str) {
        En: "no module has a result of this run (0 of {total}).",
        It: "nessun modulo ha un risultato di questa esecuzione (0 su {total}).",
    }
    none_readable(total: &str) {
        En: "no module has a readable result of this run (0 of {total}).",
        It: "nessun modulo ha un risultato leggibile di questa esecuzione (0 su {total}).",
    }
    no_modules() {
        En: "the plan has no modules, so nothing was backed up.",
        It: "il piano non ha moduli, quindi non è stato eseguito alcun backup.",
    }
    none_then() {
        En: "all modules of the plan have joined it since the run was due. Nothing is known here about the modules that it had then.",
        It: "tutti i moduli del piano vi sono entrati dopo l'ora prevista per l'esecuzione. Di quelli che aveva allora qui non si sa nulla.",
    }
    none_awaited(members: &str) {
        En: "the plan is disabled, and no module of it has a result (0 of {members}).",
        It: "il piano è disabilitato e nessun suo modulo ha un risultato (0 su {members}).",
    }
    nothing_found() {
        En: "the cluster holds no backup status for this plan.",
        It: "il cluster non contiene alcuno stato di backup per questo piano.",
    }
    nothing_known() {
        En: "nothing is known about the backups of this plan.",
        It: "dei backup di questo piano non si sa nulla.",
    }
    no_module_status() {
        En: "the cluster holds the plan's own status, but no readable one of any module.",
        It: "il cluster contiene lo stato del piano, ma nessuno stato leggibile dei suoi moduli.",
    }
    nothing_readable() {
        En: "the cluster holds no backup status for this plan that could be read.",
        It: "il cluster non contiene alcuno stato di backup leggibile per questo piano.",
    }
    nothing_recent(window: &str) {
        En: "no plan was named, and no plan has a result within the last {window}.",
        It: "nessun piano è stato indicato e nessun piano ha un risultato più recente di {window}.",
    }
    reads_again(window: &str) {
        En: "the cluster's Redis can be read again. No plan has a result within the last {window}.",
        It: "il Redis del cluster è di nuovo leggibile. Nessun piano ha un risultato più recente di {window}.",
    }
    unreadable() {
        En: "the cluster's Redis could not be read. Nothing is known about the modules; this report claims nothing about them.",
        It: "impossibile leggere il Redis del cluster. Dei moduli non si sa nulla; questo rapporto non afferma nulla su di essi.",
    }
    record_differs(total: &str) {
        En: "every result that is there is a success ({total}), but the plan's own record says otherwise.",
        It: "tutti i risultati presenti sono positivi ({total}), ma il riepilogo del piano dice altro.",
    }
    future_differs(total: &str) {
        En: "every result that is there is a success ({total}), but at least one is dated in the future: a clock is wrong, or the entry was forged.",
        It: "tutti i risultati presenti sono positivi ({total}), ma almeno uno ha una data futura: un orologio è errato, o qualcuno lo ha scritto.",
    }
    alert_differs(total: &str) {
        En: "every result that is there is a success ({total}), but the alert is newer than all of them.",
        It: "tutti i risultati presenti sono positivi ({total}), ma l'avviso è più recente di tutti.",
    }

    // The test mail.
    subject_test() { En: "TEST - mail from this machine arrives", It: "TEST - la posta di questa macchina arriva" }
    test_body(host: &str, time: &str) {
        En: "This is a test. ns8-backup-monitor sent it on {host} at {time}, the same way as it sends backup reports. Nothing has failed; there is nothing to do.",
        It: "Questa è una prova. L'ha inviata ns8-backup-monitor su {host} il {time}, nello stesso modo in cui invia i rapporti sui backup non riusciti. Non è successo nulla e non c'è nulla da fare.",
    }
}
