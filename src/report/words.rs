//! Every phrase, in every language side by side. A further language is one more line in each, and the compiler names
//! those that lack it.
//!
//! Phrases are built so that no word has to agree with a number: "3 of 12 modules" rather than "3 modules were".

use super::clean::clean;
use super::writer::{MAX_NAME, MAX_SENTENCE};
use crate::cluster::model::{Damage, Entry, Fault};
use crate::cluster::{ReadError, Why};
use crate::config::Language;

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

    /// Why the cluster could not be read.
    pub(super) fn read_error(self, error: &ReadError) -> String {
        match error {
            ReadError::Redis { address, why } => {
                self.redis_unread(&clean(address, MAX_SENTENCE), &self.why_unreadable(why))
            }
            ReadError::Smarthost(_) => error.to_string(),
        }
    }

    /// What happened to Redis; what it and the system say themselves is in English.
    fn why_unreadable(self, why: &Why) -> String {
        match why {
            Why::LoginRefused => self.login_refused(),
            Why::LoginWanted => self.login_wanted(),
            Why::Forbidden(words) => self.forbidden(&clean(words, MAX_SENTENCE)),
            Why::Loading => self.loading(),
            Why::NoSocket => self.no_socket(),
            Why::ConnectionRefused => self.connection_refused(),
            Why::PermissionDenied => self.permission_denied(),
            Why::Lost => self.connection_lost(),
            Why::Late(seconds) => self.late(*seconds),
            Why::OtherType(key) => self.other_type(&clean(key, MAX_SENTENCE)),
            Why::Other(words) => clean(words, MAX_SENTENCE),
        }
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
        En: "{total} of the {members} modules in the plan backed up; none of the others has a result, and the plan is disabled.",
        It: "backup riuscito per {total} dei {members} moduli nel piano; nessuno degli altri ha un risultato, e il piano è disabilitato.",
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
    nothing_found() {
        En: "the cluster holds no backup status for this plan.",
        It: "il cluster non contiene alcuno stato di backup per questo piano.",
    }
    nothing_readable() {
        En: "the cluster holds no backup status for this plan that could be read.",
        It: "il cluster non contiene alcuno stato di backup leggibile per questo piano.",
    }
    redis_unread(address: &str, why: &str) {
        En: "the cluster's Redis at {address} could not be read: {why}",
        It: "impossibile leggere il Redis del cluster su {address}: {why}",
    }
    login_refused() {
        En: "it refuses the login; check redis.username and redis.password_file",
        It: "rifiuta le credenziali; controllare redis.username e redis.password_file",
    }
    login_wanted() {
        En: "it wants a login; set redis.username and redis.password_file",
        It: "richiede le credenziali; impostare redis.username e redis.password_file",
    }
    forbidden(words: &str) {
        En: "its access rules forbid it ({words}); log in as a user who may read cluster/, node/ and module/",
        It: "le sue regole di accesso lo vietano ({words}); accedere con un utente che possa leggere cluster/, node/ e module/",
    }
    loading() {
        En: "it has just started and is still loading its data",
        It: "è appena stato avviato e sta ancora caricando i dati",
    }
    no_socket() {
        En: "there is no such socket; name the right one in redis.socket, or an address in redis.url",
        It: "il socket non esiste; indicare quello giusto in redis.socket, o un indirizzo in redis.url",
    }
    connection_refused() {
        En: "nothing listens there; is Redis running?",
        It: "nessuno risponde; Redis è in esecuzione?",
    }
    permission_denied() {
        En: "permission denied; the user that runs this program must be allowed to open the socket",
        It: "permesso negato; l'utente che esegue questo programma deve poter aprire il socket",
    }
    connection_lost() {
        En: "the connection was lost",
        It: "la connessione si è interrotta",
    }
    late(seconds: u64) {
        En: "no answer within {seconds} s (redis.timeout)",
        It: "nessuna risposta entro {seconds} s (redis.timeout)",
    }
    other_type(key: &str) {
        En: "{key}: the key holds another type of value",
        It: "{key}: la chiave contiene un altro tipo di valore",
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
    undefined_plan() {
        En: "The cluster knows no plan of this id: the plan may have been deleted, may never have run, or its status was removed.",
        It: "Il cluster non conosce alcun piano con questo id: il piano può essere stato eliminato o non essere mai stato eseguito, oppure il suo stato è stato rimosso.",
    }
    never_ran() {
        En: "The plan is defined, but no module of it has left a result. It may never have run.",
        It: "Il piano è definito, ma nessun suo modulo ha lasciato un risultato. Può non essere mai stato eseguito.",
    }
    outdated() {
        En: "The newest result is older than correlator.stale_after: no run of this plan has left a result since.",
        It: "Il risultato più recente è più vecchio di correlator.stale_after: da allora nessuna esecuzione di questo piano ha lasciato un risultato.",
    }
    not_awaited(modules: &str) {
        En: "In the plan, but without any result: {modules}. Since the plan is disabled, none is expected.",
        It: "Nel piano, ma senza alcun risultato: {modules}. Poiché il piano è disabilitato, non se ne attende alcuno.",
    }
    disabled_plan() {
        En: "The plan is disabled: it does not run by itself.",
        It: "Il piano è disabilitato: non viene eseguito automaticamente.",
    }
    gave_up_waiting(wait: &str, modules: &str) {
        En: "The longest wait ({wait}) is over. Still without a result of this run: {modules}. They may still be running, and what becomes of them is not in this mail.",
        It: "L'attesa massima ({wait}) è terminata. Ancora senza un risultato di questa esecuzione: {modules}. Possono essere ancora in corso, e il loro esito non è in questo messaggio.",
    }
    and_more(count: &str) {
        En: "and {count} more",
        It: "e altri {count}",
    }
    repositories_healthy() {
        En: "Every repository that could be looked at is healthy now: the fault is more likely on the modules' side.",
        It: "Tutti i repository che è stato possibile esaminare ora sono integri: il guasto è più probabilmente dalla parte dei moduli.",
    }
    repositories_faulty(faulty: &str, total: &str) {
        En: "Repositories with a fault: {faulty} of {total}, see below.",
        It: "Repository con un guasto: {faulty} su {total}, si veda sotto.",
    }
    status_differs() {
        En: "The cluster's own record of the plan says otherwise:",
        It: "Il riepilogo del piano scritto dal cluster dice altro:",
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
    look_at_check() {
        En: "See what is wrong, on this machine",
        It: "Vedere che cosa non va, su questa macchina",
    }
    look_again() {
        En: "The state as it is now",
        It: "Lo stato attuale",
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
    label_started() {
        En: "Started",
        It: "Inizio",
    }
    label_errors() {
        En: "Errors",
        It: "Errori",
    }
    label_reason() {
        En: "Reason",
        It: "Motivo",
    }
    label_last_snapshot() {
        En: "Last snapshot, not of this run",
        It: "Ultimo snapshot, non di questa esecuzione",
    }
    label_earlier_result() {
        En: "That earlier result",
        It: "Quel risultato precedente",
    }
    label_modules() {
        En: "Modules",
        It: "Moduli",
    }
    label_next() {
        En: "Next",
        It: "Da eseguire",
    }
    label_next_on_node(node: &str) {
        En: "Next, on node {node}",
        It: "Da eseguire, sul nodo {node}",
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
    ago(age: &str) {
        En: "{age} ago",
        It: "{age} fa",
    }
    ahead(age: &str) {
        En: "{age} ahead of this machine's clock",
        It: "{age} avanti rispetto all'orologio di questa macchina",
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
        En: "the cluster gives none",
        It: "il cluster non ne indica",
    }
    repository_unread() {
        En: "at the time of the run the repository could not be read either (unreachable, never initialised, or locked)",
        It: "al momento dell'esecuzione nemmeno il repository era leggibile (irraggiungibile, mai inizializzato o bloccato)",
    }
    log_tells() {
        En: "the cluster keeps none; the log of that run has it",
        It: "il cluster non lo conserva; si trova nel registro di quell'esecuzione",
    }
    stale() {
        En: "its last result is an earlier run's. Of this run there is none: it is still running, was never started, or was busy",
        It: "il suo ultimo risultato è di un'esecuzione precedente. Di questa non ce n'è: è ancora in corso, non è mai stata avviata, o il modulo era occupato",
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
        En: "is a Redis key of another type",
        It: "è una chiave Redis di un altro tipo",
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
        En: "has no readable time of its end",
        It: "non ha una data di fine leggibile",
    }

    // Repositories.
    probes_disabled() {
        En: "The repositories were not looked at: the check is switched off.",
        It: "I repository non sono stati esaminati: il controllo è disattivato.",
    }
    probes_none() {
        En: "No repository is configured that could be looked at.",
        It: "Non è configurato alcun repository da esaminare.",
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
        It: "raggiungibile e inizializzato, {snapshots} (né password né contenuto sono stati verificati)",
    }
    healthy_but_empty() {
        En: "can be opened, but holds no snapshot",
        It: "si apre, ma non contiene alcuno snapshot",
    }
    newest_snapshot(time: &str) {
        En: "the newest of {time}",
        It: "il più recente del {time}",
    }
    in_use(lock: &str) {
        En: "In use, which keeps nobody out ({lock}): a backup is running there, or one was cut off.",
        It: "In uso, senza escludere altri ({lock}): un backup è in corso, oppure è stato interrotto.",
    }
    reachable(snapshots: &str) {
        En: "can be reached, {snapshots}",
        It: "raggiungibile, {snapshots}",
    }
    perhaps_locked(lock: &str) {
        En: "Whether its locks keep backups out cannot be told from here ({lock}). If no backup, prune or check is running there, unlock it: `restic unlock` removes stale locks and leaves those in use.",
        It: "Da qui non si può dire se i lock impediscano i backup ({lock}). Se non sono in corso backup, prune o verifiche, sbloccarlo: `restic unlock` rimuove i lock abbandonati e lascia quelli in uso.",
    }
    locked(lock: &str) {
        En: "locked ({lock}). As long as it is, no backup can be written. If no backup, prune or check is running there, unlock it: `restic unlock` removes stale locks and leaves those in use.",
        It: "bloccato ({lock}). Finché lo è, nessun backup può essere scritto. Se non sono in corso backup, prune o verifiche, sbloccarlo: `restic unlock` rimuove i lock abbandonati e lascia quelli in uso.",
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
        En: "wrong password: the configured one does not open it. Compare it with the one the repository was made with. A repository that has lost its keys looks the same.",
        It: "password errata: quella configurata non lo apre. Confrontarla con quella con cui il repository è stato creato. Un repository che ha perso le sue chiavi ha lo stesso aspetto.",
    }
    no_repository() {
        En: "there is no repository at this address: never initialised, moved, or deleted. Check the destination's address and path.",
        It: "a questo indirizzo non c'è alcun repository: mai inizializzato, spostato o eliminato. Controllare indirizzo e percorso della destinazione.",
    }
    gateway_broken_at_start() {
        En: "A destination that was broken when the node's rclone-gateway started looks the same.",
        It: "Una destinazione che era guasta all'avvio di rclone-gateway sul nodo ha lo stesso aspetto.",
    }
    gateway_unreachable(why: &str) {
        En: "unreachable: {why}. See whether the node's rclone-gateway runs (`systemctl status rclone-gateway`), and whether it reaches the destination.",
        It: "irraggiungibile: {why}. Verificare se rclone-gateway è attivo sul nodo (`systemctl status rclone-gateway`) e se raggiunge la destinazione.",
    }
    gateway_denied(why: &str) {
        En: "access denied: {why}. The node's rclone-gateway refuses the login of the node's agent: check the agent.env file that repo_check.agent_env names, or the systemd credential agent.env.",
        It: "accesso negato: {why}. rclone-gateway rifiuta le credenziali dell'agente del nodo: controllare il file agent.env indicato in repo_check.agent_env o la credenziale systemd agent.env.",
    }
    unreachable(why: &str) {
        En: "unreachable: {why}. Check the network, the server and its address.",
        It: "irraggiungibile: {why}. Controllare la rete, il server e il suo indirizzo.",
    }
    denied(why: &str) {
        En: "access denied: {why}. Check the destination's credentials and permissions.",
        It: "accesso negato: {why}. Controllare credenziali e permessi della destinazione.",
    }
    damaged(why: &str) {
        En: "reachable, but it could not be read: {why}. `restic check` tells what is damaged.",
        It: "raggiungibile, ma non leggibile: {why}. `restic check` indica che cosa è danneggiato.",
    }
    probe_failed(why: &str) {
        En: "nothing certain can be said of it, since looking at it failed: {why}.",
        It: "non se ne può dire nulla di certo, perché l'esame non è riuscito: {why}.",
    }
    timed_out(limit: &str) {
        En: "no answer within {limit} (repo_check.timeout). The server hangs, or is too slow.",
        It: "nessuna risposta entro {limit} (repo_check.timeout). Il server è bloccato o troppo lento.",
    }
    restic_missing(program: &str) {
        En: "not probed: {program} is not installed. Install restic, or name it in repo_check.restic.",
        It: "non esaminato: {program} non è installato. Installare restic o indicarlo in repo_check.restic.",
    }
    restic_unusable(why: &str) {
        En: "not probed: restic cannot be run: {why}.",
        It: "non esaminato: restic non può essere eseguito: {why}.",
    }
    no_credentials() {
        En: "not probed: the node agent's credentials are missing. Name the agent.env file in repo_check.agent_env, or pass it as the systemd credential agent.env.",
        It: "non esaminato: mancano le credenziali dell'agente del nodo. Indicare il file agent.env in repo_check.agent_env o passarlo come credenziale systemd agent.env.",
    }
    too_many(count: &str) {
        En: "not probed: {count} further repositories are too many for one report.",
        It: "non esaminati: altri {count} repository sono troppi per un solo rapporto.",
    }
    no_uuid(module: &str) {
        En: "not probed: the cluster has no UUID for {module}.",
        It: "non esaminato: il cluster non ha un UUID per {module}.",
    }
    incomplete(what: &str) {
        En: "not probed: its configuration in Redis lacks {what}.",
        It: "non esaminato: alla sua configurazione in Redis manca {what}.",
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
