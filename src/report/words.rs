//! Every phrase, in every language side by side. A further language is one more line in each, and the compiler names
//! those that lack it. What the program says in English elsewhere, too, stands there, and here in the other languages.
//!
//! Phrases are built so that no word has to agree with a number: "3 of 12 modules" rather than "3 modules were".

use super::writer::{MAX_NAME, MAX_SENTENCE};
use crate::config::Language;
use crate::model::cluster::{ReadError, Why};
use crate::model::plan::{Damage, Entry, Fault};
use crate::model::repository::{Doubt, MAX_MODULES, NotProbed, NotWritable, Unsafe};
use crate::model::text::clean;

/// The words of one language.
#[derive(Clone, Copy)]
pub(super) struct Words(pub(super) Language);

impl Words {
    /// One clause about an entry: "the result of mail1 is not valid JSON".
    pub(super) fn damage(self, damage: &Damage) -> String {
        let entry = match &damage.entry {
            Entry::Definition => self.entry_definition(),
            Entry::Status => self.entry_status(),
            Entry::Plans(module) => self.entry_plans(&clean(module.as_str(), MAX_NAME)),
            Entry::Result(module) => self.entry_result(&clean(module.as_str(), MAX_NAME)),
            Entry::Node(node) => self.entry_node(&clean(node, MAX_NAME)),
        };
        format!("{entry} {}", self.fault(damage.fault))
    }

    /// Why the result of a module could not be read.
    pub(super) fn why_unread(self, damage: &Damage) -> String {
        match damage.entry {
            Entry::Result(_) => self.unreadable_result(&self.fault(damage.fault)),
            _ => self.hidden_result(&self.damage(damage)),
        }
    }

    /// Why the cluster could not be read, where it is said already that it could not.
    pub(super) fn read_error(self, error: &ReadError) -> String {
        match error {
            ReadError::Redis { address, why } => {
                format!("{}: {}", clean(address, MAX_SENTENCE), self.redis_error(why))
            }
            ReadError::Smarthost(_) => error.to_string(),
        }
    }

    /// Why a repository was not probed.
    pub(super) fn not_probed(self, why: &NotProbed) -> String {
        let why = match self.0 {
            Language::En => why.to_string(),
            Language::It => not_probed_in_italian(why),
        };
        self.probing_left_out(&clean(why.trim_end_matches(['.', '\n', ' ']), MAX_SENTENCE))
    }

    /// Why nothing can be written to a repository.
    pub(super) fn about_not_writable(self, why: NotWritable) -> String {
        match why {
            NotWritable::ReadOnly => self.file_system_read_only(),
            NotWritable::Full => self.file_system_full(),
            NotWritable::NoInodes => self.file_system_without_inodes(),
        }
    }

    fn redis_error(self, why: &Why) -> String {
        let why = match self.0 {
            Language::En => why.to_string(),
            Language::It => redis_error_in_italian(why),
        };
        clean(&why, MAX_SENTENCE)
    }

    /// What is wrong with an entry: "is not valid JSON".
    pub(super) fn fault(self, fault: Fault) -> String {
        match fault {
            Fault::OtherType => self.fault_other_type(),
            Fault::NotJson => self.fault_not_json(),
            Fault::NoOutcome => self.fault_no_outcome(),
            Fault::NoTimestamp => self.fault_no_timestamp(),
            Fault::NoErrors => self.fault_no_errors(),
            Fault::NoEnd => self.fault_no_end(),
        }
    }
}

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
    // What follows the outcome word in the subject. The English ones are the founding document's, to the letter.
    subject_success(total: usize) {
        En: "all {total} module(s) backed up successfully",
        It: "backup riuscito per tutti i moduli ({total})",
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
    subject_no_modules(plan: &str) {
        En: "plan {plan} has no modules",
        It: "il piano {plan} non ha moduli",
    }
    subject_nothing_found(plan: &str) {
        En: "no backup status found for plan {plan}",
        It: "nessuno stato di backup trovato per il piano {plan}",
    }
    subject_nothing_readable(plan: &str) {
        En: "no readable backup status for plan {plan}",
        It: "nessuno stato di backup leggibile per il piano {plan}",
    }
    subject_nothing_recent(window: &str) {
        En: "no plan has a result within the last {window}",
        It: "nessun piano ha un risultato più recente di {window}",
    }
    subject_unreadable() {
        En: "the cluster's Redis could not be read",
        It: "impossibile leggere il Redis del cluster",
    }

    // The verdict in one sentence.
    all_succeeded(total: &str) {
        En: "every module was backed up successfully ({total} of {total}).",
        It: "backup riuscito per tutti i moduli ({total} su {total}).",
    }
    some_succeeded(total: &str, members: &str) {
        En: "{total} of the {members} modules in the plan backed up; the plan is disabled, and no other result is expected.",
        It: "backup riuscito per {total} dei {members} moduli nel piano; il piano è disabilitato, e non si attende altro.",
    }
    mixed(total: &str, parts: &str) {
        En: "of {total} modules, {parts}.",
        It: "su {total} moduli, {parts}.",
    }
    count_failed(count: &str) {
        En: "{count} failed",
        It: "{count} con backup non riuscito",
    }
    count_absent(count: &str) {
        En: "{count} without a result of this run",
        It: "{count} senza un risultato di questa esecuzione",
    }
    count_succeeded(count: &str) {
        En: "{count} backed up",
        It: "{count} con backup riuscito",
    }
    all_failed(total: &str) {
        En: "nothing was backed up; every module failed ({total} of {total}).",
        It: "nessun backup riuscito; tutti i moduli hanno dato errore ({total} su {total}).",
    }
    none_ran(total: &str) {
        En: "no module has a result of this run (0 of {total}).",
        It: "nessun modulo ha un risultato di questa esecuzione (0 su {total}).",
    }
    no_modules() {
        En: "the plan has no modules, so nothing was backed up.",
        It: "il piano non ha moduli, quindi non è stato eseguito alcun backup.",
    }
    subject_no_module_status(plan: &str) {
        En: "no module's backup status found for plan {plan}",
        It: "nessuno stato di backup dei moduli trovato per il piano {plan}",
    }
    nothing_found() {
        En: "the cluster holds no backup status for this plan.",
        It: "il cluster non contiene alcuno stato di backup per questo piano.",
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
        En: "the alert names no plan, and no plan has a result within the last {window}.",
        It: "l'avviso non indica alcun piano e nessun piano ha un risultato più recente di {window}.",
    }
    unreadable() {
        En: "the cluster's Redis could not be read. Nothing is known about the modules; this report claims nothing about them.",
        It: "impossibile leggere il Redis del cluster. Dei moduli non si sa nulla; questo rapporto non afferma nulla su di essi.",
    }

    // What explains the verdict.
    alert_is_over() {
        En: "The alert was raised earlier; by now every result is a success. There is nothing to do unless the alert comes again.",
        It: "L'avviso è precedente; ormai tutti i risultati sono positivi. Non c'è nulla da fare, a meno che l'avviso non si ripeta.",
    }
    alert_is_newer(time: &str) {
        En: "Take care: the alert began at {time}, after the newest of these results. A run or a module that left no result does not show here. Compare the times below with the plan's schedule.",
        It: "Attenzione: l'avviso è iniziato il {time}, dopo il più recente di questi risultati. Un'esecuzione o un modulo che non ha lasciato un risultato qui non compare. Confrontare gli orari qui sotto con la pianificazione del piano.",
    }
    alert_is_newer_than(time: &str, modules: &str) {
        En: "The alert began at {time}. By now every result is a success, but these ended before it: {modules}. Compare their times below with the plan's schedule.",
        It: "L'avviso è iniziato il {time}. Ormai tutti i risultati sono positivi, ma questi sono precedenti: {modules}. Confrontarne gli orari qui sotto con la pianificazione del piano.",
    }
    raised_anew(newest: &str, failed: &str, total: &str) {
        En: "When they last ran (newest result: {newest}), {failed} of {total} modules failed. The alert may only have been raised anew for that, as after a restart of Prometheus.",
        It: "All'ultima esecuzione (risultato più recente: {newest}), moduli con backup non riuscito: {failed} su {total}. L'avviso può essere stato solo riproposto per questo, come dopo un riavvio di Prometheus.",
    }
    undefined_plan() {
        En: "The cluster knows no plan of this id: the plan may have been deleted, may never have run, or its status was removed.",
        It: "Il cluster non conosce alcun piano con questo id: il piano può essere stato eliminato o non essere mai stato eseguito, oppure il suo stato è stato rimosso.",
    }
    never_ran() {
        En: "The plan is defined, but no module of it has left a result. It may never have run.",
        It: "Il piano è definito, ma nessun suo modulo ha lasciato un risultato. Può non essere mai stato eseguito.",
    }
    outdated() {
        En: "The newest result is old: no run of this plan has left one since.",
        It: "Il risultato più recente è vecchio: da allora nessuna esecuzione di questo piano ne ha lasciato uno.",
    }
    not_awaited(modules: &str) {
        En: "In the plan, but without any result: {modules}.",
        It: "Nel piano, ma senza alcun risultato: {modules}.",
    }
    disabled_plan() {
        En: "The plan is disabled: it does not run by itself.",
        It: "Il piano è disabilitato: non viene eseguito automaticamente.",
    }
    gave_up_waiting(wait: &str, modules: &str) {
        En: "This mail did not wait longer than {wait} (correlator.max_wait_seconds). Still without a result of this run: {modules}. They may still be running; no second mail follows unless the alert comes again. The command at the end shows what has become of them.",
        It: "Questo messaggio non ha atteso oltre {wait} (correlator.max_wait_seconds). Ancora senza un risultato di questa esecuzione: {modules}. Possono essere ancora in corso; non seguirà un secondo messaggio, a meno che l'avviso non si ripeta. Il comando in fondo mostra che ne è stato.",
    }
    and_more(count: &str) {
        En: "and {count} more",
        It: "e altri {count}",
    }
    repositories_healthy() {
        En: "Every repository that should be there and could be checked is healthy now: the fault is more likely on the modules' side.",
        It: "Tutti i repository che devono esserci e che è stato possibile controllare ora sono integri: il guasto è più probabilmente dalla parte dei moduli.",
    }
    repository_fault(faults: &str) {
        En: "Repository fault: {faults}",
        It: "Guasto del repository: {faults}",
    }
    status_differs(status: &str) {
        En: "The cluster's own record of the plan says otherwise: {status}.",
        It: "Il riepilogo del piano scritto dal cluster dice altro: {status}.",
    }
    own_status(status: &str) {
        En: "The plan's own status: {status}.",
        It: "Lo stato del piano: {status}.",
    }
    success() {
        En: "success",
        It: "successo",
    }
    error() {
        En: "error",
        It: "errore",
    }
    status_errors(count: &str) {
        En: "{count} failed",
        It: "{count} non riusciti",
    }
    look_at_timers() {
        En: "See whether the backups are scheduled, on each node",
        It: "Verificare se i backup sono pianificati, su ogni nodo",
    }
    look_at_log(place: &str) {
        En: "See the run and its log, {place}",
        It: "Vedere l'esecuzione e il suo registro, {place}",
    }
    look_at_check(place: &str) {
        En: "See what is wrong, {place}",
        It: "Vedere che cosa non va, {place}",
    }
    look_again(place: &str) {
        En: "See the state now, {place}",
        It: "Vedere lo stato attuale, {place}",
    }

    // The end of the name of an annotation in this language: ns8-metrics 1.3 sends `summary_en` and `summary_it`.
    annotation_suffix() {
        En: "_en",
        It: "_it",
    }

    // Headings.
    heading_failed(count: &str) {
        En: "Failed ({count})",
        It: "Backup non riusciti ({count})",
    }
    heading_absent(count: &str) {
        En: "Without a result of this run ({count})",
        It: "Senza un risultato di questa esecuzione ({count})",
    }
    heading_in_brief(count: &str) {
        En: "Further ones, in brief ({count})",
        It: "Altri, in breve ({count})",
    }
    heading_succeeded(count: &str) {
        En: "Backed up ({count})",
        It: "Backup riusciti ({count})",
    }
    heading_repositories() {
        En: "Repositories",
        It: "Repository",
    }
    heading_alerts() {
        En: "Alerts",
        It: "Avvisi",
    }
    heading_damaged() {
        En: "Could not be read",
        It: "Non leggibile",
    }
    left_out(count: &str) {
        En: "({count} more, left out here)",
        It: "(altri {count}, qui omessi)",
    }

    // Labels.
    label_plan() {
        En: "Plan",
        It: "Piano",
    }
    label_cluster() {
        En: "Cluster",
        It: "Cluster",
    }
    label_written() {
        En: "Written",
        It: "Scritto",
    }
    label_newest() {
        En: "Newest result",
        It: "Risultato più recente",
    }
    label_node() {
        En: "Node",
        It: "Nodo",
    }
    label_ended() {
        En: "Ended",
        It: "Fine",
    }
    label_ran() {
        En: "Ran",
        It: "Esecuzione",
    }
    period(start: &str, end: &str) {
        En: "{start} to {end}",
        It: "{start} - {end}",
    }
    label_started() {
        En: "Started",
        It: "Inizio",
    }
    label_errors() {
        En: "Errors",
        It: "Errori",
    }
    errors(count: &str) {
        En: "errors: {count}",
        It: "errori: {count}",
    }
    label_reason() {
        En: "Reason",
        It: "Motivo",
    }
    label_last_snapshot() {
        En: "Still there from earlier runs",
        It: "Da esecuzioni precedenti",
    }
    label_earlier_result() {
        En: "Last result, of an earlier run",
        It: "Ultimo risultato, di un'esecuzione precedente",
    }
    of_earlier_run(result: &str) {
        En: "of an earlier run: {result}",
        It: "di un'esecuzione precedente: {result}",
    }
    label_modules() {
        En: "Modules",
        It: "Moduli",
    }
    label_next(place: &str) {
        En: "Next, {place}",
        It: "Da eseguire, {place}",
    }
    on_node(node: &str) {
        En: "on node {node}",
        It: "sul nodo {node}",
    }
    on_the_modules_node() {
        En: "on the module's node",
        It: "sul nodo del modulo",
    }
    on_host(host: &str) {
        En: "on {host}",
        It: "su {host}",
    }

    // Words before a name.
    plan() {
        En: "plan",
        It: "piano",
    }
    node() {
        En: "node",
        It: "nodo",
    }
    instance() {
        En: "instance",
        It: "istanza",
    }

    // Times, sizes, numbers.
    decimal_point() {
        En: ".",
        It: ",",
    }
    thousands() {
        En: ",",
        It: ".",
    }
    days() {
        En: "d",
        It: "g",
    }
    took(duration: &str) {
        En: "took {duration}",
        It: "durata {duration}",
    }
    files(count: &str) {
        En: "files: {count}",
        It: "file: {count}",
    }
    snapshots(count: &str) {
        En: "snapshots: {count}",
        It: "snapshot: {count}",
    }
    since(time: &str) {
        En: "since {time}",
        It: "dal {time}",
    }

    // Why a module is not among the successes.
    end_unknown() {
        En: "its time could not be read, so that this may be an earlier run's result",
        It: "data e ora illeggibili: può essere il risultato di un'esecuzione precedente",
    }
    no_reason() {
        En: "not recorded by the cluster",
        It: "non registrato dal cluster",
    }
    repository_unread() {
        En: "during the run the repository could not be read (unreachable, never initialised, or locked)",
        It: "durante l'esecuzione il repository non era leggibile (irraggiungibile, mai inizializzato o bloccato)",
    }
    log_tells() {
        En: "not recorded by the cluster; see the log of that run",
        It: "non registrato dal cluster; si veda il registro di quell'esecuzione",
    }
    stale() {
        En: "no result of this run: it is still running, was never started, or was busy",
        It: "nessun risultato di questa esecuzione: è ancora in corso, non è mai stata avviata, o il modulo era occupato",
    }
    unreadable_result(fault: &str) {
        En: "its result exists but cannot be read: it {fault}",
        It: "il suo risultato esiste, ma non è leggibile: {fault}",
    }
    hidden_result(clause: &str) {
        En: "whether it has a result cannot be told: {clause}",
        It: "non si può dire se abbia un risultato: {clause}",
    }
    missing() {
        En: "has not run yet: there is no result of any run",
        It: "mai eseguito finora: non esiste alcun risultato",
    }

    // What could not be read: the entry, and what is wrong with it.
    entry_definition() {
        En: "the definition of the plan",
        It: "la definizione del piano",
    }
    entry_status() {
        En: "the status of the plan as a whole",
        It: "lo stato del piano nel suo insieme",
    }
    entry_plans(module: &str) {
        En: "the list of the plans of {module}",
        It: "l'elenco dei piani di {module}",
    }
    entry_result(module: &str) {
        En: "the result of {module}",
        It: "il risultato di {module}",
    }
    entry_node(node: &str) {
        En: "the record of the results on node {node}",
        It: "il registro dei risultati sul nodo {node}",
    }
    fault_other_type() {
        En: "has the wrong Redis type",
        It: "ha un tipo Redis errato",
    }
    fault_not_json() {
        En: "is not valid JSON",
        It: "non è JSON valido",
    }
    fault_no_outcome() {
        En: "says neither success nor error",
        It: "non indica né successo né errore",
    }
    fault_no_timestamp() {
        En: "has no readable timestamp",
        It: "non ha un timestamp leggibile",
    }
    fault_no_errors() {
        En: "has no readable number of errors",
        It: "non ha un numero di errori leggibile",
    }
    fault_no_end() {
        En: "has no readable end time",
        It: "non ha una data di fine leggibile",
    }

    // Repositories.
    probes_disabled() {
        En: "The repositories were not checked: the check is switched off.",
        It: "I repository non sono stati controllati: il controllo è disattivato.",
    }
    probes_none() {
        En: "No repository to check is configured.",
        It: "Non è configurato alcun repository da controllare.",
    }
    probes_unknown(why: &str) {
        En: "The list of repositories could not be read: {why}",
        It: "Impossibile leggere l'elenco dei repository: {why}",
    }
    healthy(snapshots: &str) {
        En: "healthy, {snapshots}",
        It: "integro, {snapshots}",
    }
    counted(snapshots: &str) {
        En: "reachable and initialised, {snapshots} (neither password nor contents were checked)",
        It: "raggiungibile e inizializzato, {snapshots} (né password né contenuto sono stati controllati)",
    }
    healthy_but_empty() {
        En: "can be opened, but holds no snapshot",
        It: "si apre, ma non contiene alcuno snapshot",
    }
    newest_snapshot(time: &str, age: &str) {
        En: "newest from {time}, {age} old",
        It: "il più recente del {time}, di {age} fa",
    }
    in_use(lock: &str) {
        En: "In use ({lock}), which does not block backups: a backup is running, or one was cut off.",
        It: "In uso ({lock}), il che non blocca i backup: un backup è in corso, oppure è stato interrotto.",
    }
    reachable(snapshots: &str) {
        En: "can be reached, {snapshots}",
        It: "raggiungibile, {snapshots}",
    }
    perhaps_locked(lock: &str) {
        En: "Whether its locks keep backups out cannot be told from here ({lock}). If no backup, prune or check is running there, unlock it: `restic unlock` removes stale locks and leaves those in use.",
        It: "Da qui non si può dire se i lock impediscano i backup ({lock}). Se non sono in corso backup, prune o verifiche, sbloccarlo: `restic unlock` rimuove i lock abbandonati e lascia quelli in uso.",
    }
    locked() {
        En: "locked",
        It: "bloccato",
    }
    about_locked(lock: &str) {
        En: "{lock}. As long as it is, no backup can be written. If no backup, prune or check is running there, unlock it: `restic unlock` removes stale locks and leaves those in use.",
        It: "{lock}. Finché lo è, nessun backup può essere scritto. Se non sono in corso backup, prune o verifiche, sbloccarlo: `restic unlock` rimuove i lock abbandonati e lascia quelli in uso.",
    }
    locks(count: &str) {
        En: "locks: {count}",
        It: "lock: {count}",
    }
    lock_by(holder: &str) {
        En: "by {holder}",
        It: "di {holder}",
    }
    wrong_password() {
        En: "wrong password",
        It: "password errata",
    }
    about_wrong_password() {
        En: "the configured one does not open it. Compare it with the one the repository was made with. A repository that has lost its keys looks the same.",
        It: "quella configurata non lo apre. Confrontarla con quella con cui il repository è stato creato. Un repository che ha perso le sue chiavi ha lo stesso aspetto.",
    }
    no_repository() {
        En: "no repository at this address",
        It: "nessun repository a questo indirizzo",
    }
    about_no_repository() {
        En: "never initialised, moved, or deleted. Check the destination's address and path.",
        It: "mai inizializzato, spostato o eliminato. Controllare indirizzo e percorso della destinazione.",
    }
    no_repository_yet() {
        En: "no repository yet, and no result of any run: the module seems never to have been backed up.",
        It: "ancora nessun repository, né un risultato di alcuna esecuzione: il modulo sembra non avere mai avuto un backup.",
    }
    gateway_broken_at_start() {
        En: "A destination that was broken when the node's rclone-gateway started looks the same.",
        It: "Una destinazione che era guasta all'avvio di rclone-gateway sul nodo ha lo stesso aspetto.",
    }
    about_gateway_unreachable(why: &str) {
        En: "{why}. See whether the node's rclone-gateway runs (`systemctl status rclone-gateway`), and whether it reaches the destination.",
        It: "{why}. Verificare se rclone-gateway è attivo sul nodo (`systemctl status rclone-gateway`) e se raggiunge la destinazione.",
    }
    about_gateway_denied(why: &str) {
        En: "{why}. The node's rclone-gateway refuses the login of the node's agent: check the agent.env file that repo_check.agent_env names, or the systemd credential agent.env.",
        It: "{why}. rclone-gateway rifiuta le credenziali dell'agente del nodo: controllare il file agent.env indicato in repo_check.agent_env o la credenziale systemd agent.env.",
    }
    unreachable() {
        En: "unreachable",
        It: "irraggiungibile",
    }
    about_unreachable(why: &str) {
        En: "{why}. Check the network, the server and its address.",
        It: "{why}. Controllare la rete, il server e il suo indirizzo.",
    }
    denied() {
        En: "access denied",
        It: "accesso negato",
    }
    about_denied(why: &str) {
        En: "{why}. Check the destination's credentials and permissions.",
        It: "{why}. Controllare credenziali e permessi della destinazione.",
    }
    damaged() {
        En: "reachable, but it could not be read",
        It: "raggiungibile, ma non leggibile",
    }
    not_writable() {
        En: "not writable",
        It: "non scrivibile",
    }
    file_system_read_only() {
        En: "its file system is mounted read-only. It can still be read",
        It: "il suo file system è montato in sola lettura. La lettura è ancora possibile",
    }
    file_system_full() {
        En: "its file system has no space left, except perhaps for root. It can still be read",
        It: "il suo file system non ha più spazio, salvo forse per root. La lettura è ancora possibile",
    }
    file_system_without_inodes() {
        En: "its file system has no inodes left. It can still be read",
        It: "il suo file system non ha più inode. La lettura è ancora possibile",
    }
    about_damaged(why: &str) {
        En: "{why}. `restic check` tells what is damaged.",
        It: "{why}. `restic check` indica che cosa è danneggiato.",
    }
    probe_failed(why: &str) {
        En: "could not be checked: {why}.",
        It: "non è stato possibile controllarlo: {why}.",
    }
    timed_out(limit: &str) {
        En: "no answer within {limit}",
        It: "nessuna risposta entro {limit}",
    }
    about_timed_out() {
        En: "the server hangs, or is too slow for repo_check.timeout.",
        It: "il server è bloccato, o troppo lento per repo_check.timeout.",
    }
    probing_left_out(why: &str) {
        En: "not probed: {why}.",
        It: "non esaminato: {why}.",
    }

    // The foot of the page, and the test mail.
    footer(version: &str, host: &str) {
        En: "ns8-backup-monitor {version} on {host}",
        It: "ns8-backup-monitor {version} su {host}",
    }
    footer_job(job: &str) {
        En: "job {job}",
        It: "job {job}",
    }
    subject_test() {
        En: "TEST - mail from this machine arrives",
        It: "TEST - la posta di questa macchina arriva",
    }
    test_body(host: &str, time: &str) {
        En: "This is a test. It was sent by ns8-backup-monitor on {host} at {time}, in the way in which reports of failed backups are sent. Nothing has failed, and there is nothing to do.",
        It: "Questa è una prova. È stata inviata da ns8-backup-monitor su {host} il {time}, nello stesso modo in cui vengono inviati i rapporti sui backup non riusciti. Non è successo nulla e non c'è nulla da fare.",
    }
}

/// What happened to Redis, in Italian; what it and the system say themselves is in English.
fn redis_error_in_italian(why: &Why) -> String {
    match why {
        Why::LoginRefused => "rifiuta le credenziali; controllare redis.username e redis.password_file".into(),
        Why::LoginWanted => "richiede le credenziali; impostare redis.username e redis.password_file".into(),
        Why::Forbidden(words) => format!(
            "le sue regole di accesso lo vietano ({words}); accedere con un utente che possa leggere cluster/, node/ e module/"
        ),
        Why::Loading => "è appena stato avviato e sta ancora caricando i dati".into(),
        Why::NoSocket => {
            "il socket non esiste; indicare quello giusto in redis.socket, o un indirizzo in redis.url".into()
        }
        Why::ConnectionRefused => "nessuno risponde; Redis è in esecuzione?".into(),
        Why::PermissionDenied => {
            "permesso negato; l'utente che esegue questo programma deve poter aprire il socket".into()
        }
        Why::Lost => "la connessione si è interrotta".into(),
        Why::Late(seconds) => format!("nessuna risposta entro {seconds} s (redis.timeout)"),
        Why::OtherType(key) => format!("{key}: la chiave contiene un altro tipo di valore"),
        Why::Other(words) => words.clone(),
    }
}

/// Why a repository was not probed, in Italian.
fn not_probed_in_italian(why: &NotProbed) -> String {
    match why {
        NotProbed::ResticMissing(program) => {
            format!("{program} non è installato; installare restic o indicarlo in repo_check.restic")
        }
        NotProbed::ResticUnusable(why) => format!("restic non può essere eseguito: {why}"),
        NotProbed::NoCredentials => "mancano le credenziali dell'agente del nodo; indicare il file agent.env in \
            repo_check.agent_env o passarlo come credenziale systemd agent.env"
            .into(),
        NotProbed::TooMany(count) => {
            format!("altri {count} repository (per un rapporto se ne controllano al massimo {MAX_MODULES})")
        }
        NotProbed::NoUuid(module) => format!("il cluster non ha un UUID per {module}"),
        NotProbed::Incomplete(what) => format!("alla sua configurazione in Redis manca {what}"),
        NotProbed::OpenedByNs8(kind) => format!("una destinazione di tipo {kind} è aperta solo da NS8"),
        NotProbed::Unsafe(why) => {
            let why = match why {
                Unsafe::Text => "contiene caratteri di controllo o è troppo lunga",
                Unsafe::Scheme => "il suo indirizzo è di un tipo sconosciuto a questo programma",
                Unsafe::Host => "il suo indirizzo non contiene un semplice nome di host",
                Unsafe::Remote => "il suo indirizzo non è rclone:NOME:percorso con un NOME semplice",
                Unsafe::Path => "il suo percorso non è assoluto o porta verso l'alto",
                Unsafe::RcloneConfig => "la sua configurazione di rclone non è un file che solo root può modificare",
            };
            format!("la sua configurazione in Redis non viene passata a restic: {why}")
        }
        NotProbed::NoPermission(words) => format!("questo programma non può leggerlo: {words}"),
        NotProbed::NotTheGateway(doubt) => {
            let why = match doubt {
                Doubt::Elsewhere => "il suo indirizzo non è su questa macchina".into(),
                Doubt::Stranger(user) => format!("la porta appartiene all'utente con id {user}"),
                Doubt::Hidden => "il proprietario della porta non è visibile da questa sandbox (PrivateUsers=)".into(),
                Doubt::Unknown => "non è stato possibile sapere a chi appartiene la porta".to_owned(),
            };
            format!("il login dell'agente del nodo non è stato inviato alla porta del gateway: {why}")
        }
    }
}
