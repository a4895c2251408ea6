//! Repositories: what a look at each has shown, no more than that, and what to do.

use super::{Words, phrases};
use crate::model::repository::{Doubt, Ended, MAX_MODULES, NotProbed, NotWritable, Unsafe};
use crate::model::text::clean;
use crate::report::figures::{MAX_SENTENCE, without_full_stop};

impl Words {
    /// Returns why a repository was not probed.
    pub(crate) fn not_probed(self, why: &NotProbed) -> String {
        let english = &why.to_string();
        let why = match why {
            NotProbed::ResticMissing(program) => self.restic_missing(english, program),
            NotProbed::ResticUnusable(why) => self.restic_unusable(english, why),
            NotProbed::NoCredentials => self.no_credentials(english),
            NotProbed::TooMany(count) => self.too_many(english, *count, MAX_MODULES),
            NotProbed::NoUuid(module) => self.no_uuid(english, module.as_str()),
            NotProbed::Incomplete(what) => self.incomplete(english, what),
            NotProbed::OpenedByNs8(kind) => self.opened_by_ns8(english, kind),
            NotProbed::Unsafe(why) => self.not_passed_on(english, &self.not_safe(*why)),
            NotProbed::NoPermission(words) => self.no_permission(english, words),
            NotProbed::NotTheGateway(doubt) => self.not_the_gateway(english, &self.doubt(*doubt)),
        };
        self.probing_left_out(&clean(without_full_stop(&why), MAX_SENTENCE))
    }

    fn not_safe(self, why: Unsafe) -> String {
        let english = &why.to_string();
        match why {
            Unsafe::Text => self.unsafe_text(english),
            Unsafe::Scheme => self.unsafe_scheme(english),
            Unsafe::Host => self.unsafe_host(english),
            Unsafe::Remote => self.unsafe_remote(english),
            Unsafe::Path => self.unsafe_path(english),
            Unsafe::RcloneConfig => self.unsafe_rclone_config(english),
        }
    }

    fn doubt(self, doubt: Doubt) -> String {
        let english = &doubt.to_string();
        match doubt {
            Doubt::Elsewhere => self.port_elsewhere(english),
            Doubt::Stranger(user) => self.port_of_stranger(english, user),
            Doubt::Hidden => self.port_hidden(english),
            Doubt::Unknown => self.port_unknown(english),
        }
    }

    /// Returns why nothing can be written to a repository.
    pub(crate) fn about_not_writable(self, why: NotWritable) -> String {
        let english = &why.to_string();
        let why = match why {
            NotWritable::ReadOnly => self.file_system_read_only(english),
            NotWritable::Full => self.file_system_full(english),
            NotWritable::NoInodes => self.file_system_without_inodes(english),
        };
        self.can_still_be_read(&why)
    }

    /// Returns why a look ended before it had covered all that it can.
    pub(crate) fn ended(self, ended: Ended) -> String {
        match ended {
            Ended::TimeUp => self.check_timed_out(),
            Ended::Changed => self.check_met_changes(),
            Ended::Failed => self.check_failed(),
        }
    }
}

phrases! {
    heading_repositories() {
        En: "Repositories",
        It: "Repository",
    }
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

    // Nothing wrong was seen: what was looked at, and what was not.
    opened(snapshots: &str) {
        En: "opened with its password, {snapshots}",
        It: "aperto con la sua password, {snapshots}",
    }
    opened_but_empty() {
        En: "opened with its password, but it holds no snapshot",
        It: "aperto con la sua password, ma non contiene alcuno snapshot",
    }
    counted(snapshots: &str) {
        En: "it is there, {snapshots}",
        It: "è presente, {snapshots}",
    }
    in_order(parts: &str) {
        En: "In order: {parts}.",
        It: "In ordine: {parts}.",
    }
    not_checked(parts: &str) {
        En: "Not checked: {parts}.",
        It: "Non controllati: {parts}.",
    }
    part_password() {
        En: "password",
        It: "password",
    }
    part_packs() {
        En: "each pack of the index (there, with the right size)",
        It: "ogni pack dell'indice (presente, con la giusta dimensione)",
    }
    part_packs_in_short() {
        En: "packs",
        It: "pack",
    }
    part_folders() {
        En: "the folders of all snapshots",
        It: "le cartelle di tutti gli snapshot",
    }
    part_folders_in_short() {
        En: "folders",
        It: "cartelle",
    }
    part_data() {
        En: "contents of the packs",
        It: "contenuto dei pack",
    }
    part_writing() {
        En: "writing",
        It: "scrittura",
    }
    listed(packs: &str, indexes: &str) {
        En: "Listed without being opened, none of them empty: packs: {packs}, index files: {indexes}.",
        It: "Elencati senza essere aperti, nessuno vuoto: pack: {packs}, file di indice: {indexes}.",
    }
    check_timed_out() {
        En: "The check ended early: repo_check.timeout was over.",
        It: "Il controllo è terminato in anticipo: repo_check.timeout è scaduto.",
    }
    check_met_changes() {
        En: "The check ended early: the repository was being pruned or repaired.",
        It: "Il controllo è terminato in anticipo: erano in corso un prune o una riparazione.",
    }
    check_failed() {
        En: "The check ended early: restic failed.",
        It: "Il controllo è terminato in anticipo: restic ha dato errore.",
    }
    newest_snapshot(time: &str, age: &str) {
        En: "newest from {time} ({age})",
        It: "il più recente del {time} ({age})",
    }
    in_use(lock: &str) {
        En: "In use ({lock}), which does not block backups: a backup is running, or one was cut off.",
        It: "In uso ({lock}), il che non blocca i backup: un backup è in corso, oppure è stato interrotto.",
    }
    perhaps_locked(lock: &str) {
        En: "Whether its locks keep backups out cannot be seen from here ({lock}). If no backup, prune or check is running there, unlock it: `restic unlock` removes stale locks and leaves those in use.",
        It: "Da qui non si può vedere se i lock impediscano i backup ({lock}). Se non sono in corso backup, prune o verifiche, sbloccarlo: `restic unlock` rimuove i lock abbandonati e lascia quelli in uso.",
    }

    // Something is wrong with it: in a few words, and at length.
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
        En: "no repository here. No backup of the module is known to have been written, so it may never have been initialised.",
        It: "qui nessun repository. Non risulta scritto alcun backup del modulo: può non essere mai stato inizializzato.",
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
        En: "damaged, or not readable in full",
        It: "danneggiato, o non leggibile per intero",
    }
    about_damaged(why: &str) {
        En: "{why}. `restic check` shows what is damaged.",
        It: "{why}. `restic check` mostra che cosa è danneggiato.",
    }
    not_writable() {
        En: "not writable",
        It: "non scrivibile",
    }
    can_still_be_read(why: &str) {
        En: "{why}. It can still be read.",
        It: "{why}. La lettura è ancora possibile.",
    }
    file_system_read_only(english: &str) {
        En: "{english}",
        It: "il suo file system è montato in sola lettura",
    }
    file_system_full(english: &str) {
        En: "{english}",
        It: "il suo file system non ha più spazio, salvo forse per root",
    }
    file_system_without_inodes(english: &str) {
        En: "{english}",
        It: "il suo file system non ha più inode",
    }
    timed_out(limit: &str) {
        En: "no answer within {limit}",
        It: "nessuna risposta entro {limit}",
    }
    about_timed_out() {
        En: "the server may hang, or be too slow for repo_check.timeout.",
        It: "il server può essere bloccato, o troppo lento per repo_check.timeout.",
    }

    // Nothing is known about it.
    probe_failed(why: &str) {
        En: "could not be checked: {why}.",
        It: "non è stato possibile controllarlo: {why}.",
    }
    probing_left_out(why: &str) {
        En: "not probed: {why}.",
        It: "non esaminato: {why}.",
    }
    restic_missing(english: &str, program: &str) {
        En: "{english}",
        It: "{program} non è installato; installare restic o indicarlo in repo_check.restic",
    }
    restic_unusable(english: &str, why: &str) {
        En: "{english}",
        It: "restic non può essere eseguito: {why}",
    }
    no_credentials(english: &str) {
        En: "{english}",
        It: "mancano le credenziali dell'agente del nodo; indicare il file agent.env in repo_check.agent_env o passarlo come credenziale systemd agent.env",
    }
    too_many(english: &str, count: usize, most: usize) {
        En: "{english}",
        It: "altri {count} repository (per un rapporto se ne controllano al massimo {most})",
    }
    no_uuid(english: &str, module: &str) {
        En: "{english}",
        It: "il cluster non ha un UUID per {module}",
    }
    incomplete(english: &str, what: &str) {
        En: "{english}",
        It: "alla sua configurazione in Redis manca {what}",
    }
    opened_by_ns8(english: &str, kind: &str) {
        En: "{english}",
        It: "una destinazione di tipo {kind} è aperta solo da NS8",
    }
    no_permission(english: &str, words: &str) {
        En: "{english}",
        It: "questo programma non può leggerlo: {words}",
    }
    not_passed_on(english: &str, why: &str) {
        En: "{english}",
        It: "la sua configurazione in Redis non viene passata a restic: {why}",
    }
    unsafe_text(english: &str) {
        En: "{english}",
        It: "contiene caratteri di controllo o è troppo lunga",
    }
    unsafe_scheme(english: &str) {
        En: "{english}",
        It: "il suo indirizzo è di un tipo sconosciuto a questo programma",
    }
    unsafe_host(english: &str) {
        En: "{english}",
        It: "il suo indirizzo non contiene un semplice nome di host",
    }
    unsafe_remote(english: &str) {
        En: "{english}",
        It: "il suo indirizzo non è rclone:NOME:percorso con un NOME semplice",
    }
    unsafe_path(english: &str) {
        En: "{english}",
        It: "il suo percorso non è assoluto o porta verso l'alto",
    }
    unsafe_rclone_config(english: &str) {
        En: "{english}",
        It: "la sua configurazione di rclone non è un file che solo root può modificare",
    }
    not_the_gateway(english: &str, why: &str) {
        En: "{english}",
        It: "il login dell'agente del nodo non è stato inviato alla porta del gateway: {why}",
    }
    port_elsewhere(english: &str) {
        En: "{english}",
        It: "il suo indirizzo non è su questa macchina",
    }
    port_of_stranger(english: &str, user: u32) {
        En: "{english}",
        It: "la porta appartiene all'utente con id {user}",
    }
    port_hidden(english: &str) {
        En: "{english}",
        It: "il proprietario della porta non è visibile da questa sandbox (PrivateUsers=)",
    }
    port_unknown(english: &str) {
        En: "{english}",
        It: "non è stato possibile sapere a chi appartiene la porta",
    }
}
