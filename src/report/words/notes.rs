//! What explains the verdict, the headings and labels of the page as a whole, and its foot.

use super::phrases;

phrases! {
    label_plan() { En: "Plan", It: "Piano" }
    label_cluster() { En: "Cluster", It: "Cluster" }
    label_run() { En: "Run", It: "Esecuzione" }
    run_since(due: &str) {
        En: "results since {due} (the plan's schedule)",
        It: "risultati dal {due} (pianificazione del piano)",
    }
    run_by_age() {
        En: "due time unknown; results are assigned to runs by age",
        It: "non si sa quando questa esecuzione era prevista: i risultati sono distinti per età",
    }
    label_newest() { En: "Newest result", It: "Risultato più recente" }
    label_next_run() { En: "Next run", It: "Prossima esecuzione" }
    label_cluster_backup() { En: "Newest cluster backup", It: "Backup del cluster più recente" }
    label_written() { En: "Written", It: "Scritto" }

    // A run that is not over.
    not_over(modules: &str) {
        En: "The run is not over. Without a result so far: {modules}.",
        It: "L'esecuzione non è terminata. Finora senza risultato: {modules}.",
    }
    should_be_done(module: &str, time: &str) {
        En: "{module} (should be done by {time})",
        It: "{module} (dovrebbe terminare entro {time})",
    }
    final_report(until: &str) {
        En: "The final report follows when all results are there, at the latest at {until}.",
        It: "Il rapporto finale seguirà quando ci saranno tutti i risultati, al più tardi alle {until}.",
    }
    another_report() { En: "Another report follows.", It: "Seguirà un altro rapporto." }
    gave_up_waiting(wait: &str, modules: &str) {
        En: "The wait ended after {wait}. Still without a result of this run: {modules}. They may still be running; the command at the end shows their current state.",
        It: "L'attesa è terminata dopo {wait}. Ancora senza un risultato di questa esecuzione: {modules}. Possono essere ancora in corso; il comando in fondo mostra che ne è stato.",
    }
    no_longer_in_plan(modules: &str) {
        En: "No longer in the plan, and without a good backup of this run: {modules}.",
        It: "Non più nel piano, e senza un backup riuscito di questa esecuzione: {modules}.",
    }
    hangs(since: &str) {
        En: "The run seems to hang: there has been no further result since {since}, far longer than usual.",
        It: "L'esecuzione sembra bloccata: nessun altro risultato dal {since}, molto più a lungo del solito.",
    }
    timers_do_not_catch_up() {
        En: "NethServer 8's timers do not catch up: a node that was off at that time skips the run.",
        It: "I timer di NethServer 8 non recuperano: un nodo spento a quell'ora salta l'esecuzione.",
    }

    // What contradicts the results.
    alert_is_older(time: &str) {
        En: "The alert began at {time}, before these results ended. By now every result is a success.",
        It: "L'avviso è iniziato il {time}, prima della fine di questi risultati. Ormai sono tutti positivi.",
    }
    alert_is_newer(time: &str) {
        En: "The alert began at {time}, after the newest of these results, and no result explains it. A run or module without a stored result is not listed here; see the run's log.",
        It: "L'avviso è iniziato il {time}, dopo il più recente di questi risultati, e qui nulla lo spiega. Un'esecuzione o un modulo che non ha lasciato un risultato qui non compare: si veda il registro dell'esecuzione.",
    }
    alert_is_newer_than(time: &str, modules: &str) {
        En: "The alert began at {time}. Every result is a success, but these ended before it: {modules}. Compare their times below with the plan's schedule.",
        It: "L'avviso è iniziato il {time}. Tutti i risultati sono positivi, ma questi sono precedenti: {modules}. Confrontarne gli orari qui sotto con la pianificazione del piano.",
    }
    raised_anew(newest: &str, failed: &str, total: &str) {
        En: "By the last results (the newest: {newest}), {failed} of {total} modules failed. Prometheus may have raised the same alert again, for example after a restart.",
        It: "Secondo gli ultimi risultati (il più recente: {newest}), moduli con backup non riuscito: {failed} su {total}. L'avviso può essere stato solo riproposto per questo, come dopo un riavvio di Prometheus.",
    }
    undefined_plan() {
        En: "The cluster has no plan with this id: it may have been deleted, may never have run, or its status was removed.",
        It: "Il cluster non conosce alcun piano con questo id: il piano può essere stato eliminato o non essere mai stato eseguito, oppure il suo stato è stato rimosso.",
    }
    never_ran() {
        En: "The plan is defined, but no module of it has left a result. It may never have run.",
        It: "Il piano è definito, ma nessun suo modulo ha lasciato un risultato. Può non essere mai stato eseguito.",
    }
    outdated() {
        En: "The newest result is old; no run of this plan has stored one since.",
        It: "Il risultato più recente è vecchio: da allora nessuna esecuzione di questo piano ne ha lasciato uno.",
    }
    not_awaited(modules: &str) {
        En: "In the plan, but without a result on the module's node: {modules}.",
        It: "Nel piano, ma senza un risultato sul nodo del modulo: {modules}.",
    }
    disabled_plan() {
        En: "The plan is disabled: it does not run by itself.",
        It: "Il piano è disabilitato: non viene eseguito automaticamente.",
    }
    status_differs(status: &str) {
        En: "The cluster's own record of the plan says otherwise: {status}. A module that failed may have left no result.",
        It: "Il riepilogo del piano scritto dal cluster dice altro: {status}. Un modulo con backup non riuscito può non aver lasciato un risultato.",
    }
    own_status(status: &str) { En: "The plan's own status: {status}.", It: "Lo stato del piano: {status}." }
    success() { En: "success", It: "successo" }
    error() { En: "error", It: "errore" }
    status_errors(count: &str) { En: "{count} failed", It: "{count} non riusciti" }
    at_the_repositories(faults: &str) {
        En: "Repositories, now: {faults}.",
        It: "Nei repository, ora: {faults}.",
    }
    in_no_plan(modules: &str) { En: "In no backup plan: {modules}.", It: "In nessun piano di backup: {modules}." }

    // The cluster backup.
    heading_cluster_backup() { En: "Cluster backup", It: "Backup del cluster" }
    cluster_backup_failed() {
        En: "The cluster backup, from which disaster recovery starts, failed",
        It: "Il backup del cluster, da cui parte il ripristino d'emergenza, non è riuscito",
    }
    cluster_backup_old() {
        En: "The cluster backup, from which disaster recovery starts, failed or is older than the plan's interval.",
        It: "Il backup del cluster, da cui parte il ripristino d'emergenza, non è riuscito o è più vecchio dell'intervallo del piano.",
    }

    cluster_backup_not_known(gaps: &str) {
        En: "Whether the cluster backup failed is not known. {gaps}.",
        It: "Non è noto se il backup del cluster sia riuscito. {gaps}.",
    }

    // What to type.
    look_at_timers() {
        En: "See whether the backups are scheduled, on each node",
        It: "Verificare se i backup sono pianificati, su ogni nodo",
    }
    look_at_plans() { En: "See the plans and their modules, on the leader", It: "Vedere i piani e i loro moduli, sul nodo leader" }
    look_at_check(place: &str) { En: "See what is wrong, {place}", It: "Vedere che cosa non va, {place}" }
    look_again(place: &str) { En: "See the state now, {place}", It: "Vedere lo stato attuale, {place}" }

    // Alerts.
    heading_alerts() { En: "Alerts", It: "Avvisi" }
    plan() { En: "plan", It: "piano" }
    node() { En: "node", It: "nodo" }
    instance() { En: "instance", It: "istanza" }
    // The end of the name of an annotation in this language: ns8-metrics 1.3 sends `summary_en` and `summary_it`.
    annotation_suffix() { En: "_en", It: "_it" }

    // The last runs at a glance.
    heading_runs(count: &str) { En: "Last runs ({count})", It: "Ultime esecuzioni ({count})" }
    page_title() { En: "NethServer 8: backup reports", It: "NethServer 8: rapporti sui backup" }
    legend(good: char, bad: char, absent: char) {
        En: "Oldest first. {good} backed up, {bad} failed, {absent} no result; then the size of the newest snapshot.",
        It: "Dalla più vecchia. {good} riuscito, {bad} non riuscito, {absent} nessun risultato; poi la dimensione dell'ultimo snapshot.",
    }
    column_module() { En: "Module", It: "Modulo" }
    column_size() { En: "Size", It: "Dimensione" }
    or_later_in_brief() { En: " or later", It: " o più recente" }
    column_last_good() { En: "Last good backup", It: "Ultimo backup riuscito" }
    never() { En: "none recorded", It: "nessuno registrato" }

    // The foot.
    footer(version: &str, host: &str) {
        En: "ns8-backup-monitor {version} on {host}",
        It: "ns8-backup-monitor {version} su {host}",
    }
    footer_job(job: &str) { En: "job {job}", It: "job {job}" }
}
