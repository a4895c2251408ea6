//! Repositories: what a look at each has shown, no more than that, and what to do.

use super::{Words, choice, phrases};
use crate::config::Language;
use crate::model::repository::{Doubt, Ended, MAX_MODULES, NotProbed, NotWritable, Unsafe};
use crate::model::text::clean;
use crate::report::figures::{MAX_SENTENCE, without_full_stop};

impl Words {
    /// Returns why a repository was not probed.
    pub(crate) fn not_probed(self, why: &NotProbed) -> String {
        let why = match self.0 {
            Language::En => why.to_string(),
            Language::It => match why {
                NotProbed::ResticMissing(program) => {
                    format!("{program} non è installato; installare restic o indicarlo in repo_check.restic")
                }
                NotProbed::ResticNotExecutable(path) => {
                    format!("{path} non è eseguibile: controllarne permessi, proprietario ed etichetta SELinux")
                }
                NotProbed::ResticUnusable(why) => format!("restic non può essere eseguito: {why}"),
                NotProbed::NoCredentials => "mancano le credenziali dell'agente del nodo; indicare il file agent.env \
                                             in repo_check.agent_env o passarlo come credenziale systemd agent.env"
                    .into(),
                NotProbed::TooMany(count) => {
                    format!("altri {count} repository (per un rapporto se ne controllano al massimo {MAX_MODULES})")
                }
                NotProbed::NoUuid(module) => format!("il cluster non ha un UUID per {module}"),
                NotProbed::Incomplete(what) => format!("alla sua configurazione in Redis manca {what}"),
                NotProbed::OpenedByNs8(kind) => format!("una destinazione di tipo {kind} è aperta solo da NS8"),
                NotProbed::Unsafe(why) => {
                    let why = self.not_safe(*why);
                    format!("la sua configurazione in Redis non viene passata a restic: {why}")
                }
                NotProbed::NoPermission(words) => format!("questo programma non può leggerlo: {words}"),
                NotProbed::NotTheGateway(doubt) => {
                    let why = self.doubt(*doubt);
                    format!("il login dell'agente del nodo non è stato inviato alla porta del gateway: {why}")
                }
            },
        };
        self.probing_left_out(&clean(without_full_stop(&why), MAX_SENTENCE))
    }

    fn not_safe(self, why: Unsafe) -> String {
        match self.0 {
            Language::En => why.to_string(),
            Language::It => match why {
                Unsafe::Text => "contiene caratteri di controllo o è troppo lunga".into(),
                Unsafe::Scheme => "il suo indirizzo è di un tipo sconosciuto a questo programma".into(),
                Unsafe::Host => "il suo indirizzo non contiene un semplice nome di host".into(),
                Unsafe::Remote => "il suo indirizzo non è rclone:NOME:percorso con un NOME semplice".into(),
                Unsafe::Path => "il suo percorso non è assoluto o porta verso l'alto".into(),
                Unsafe::RcloneConfig => {
                    "la sua configurazione di rclone non è un file che solo root può modificare".into()
                }
            },
        }
    }

    fn doubt(self, doubt: Doubt) -> String {
        match self.0 {
            Language::En => doubt.to_string(),
            Language::It => match doubt {
                Doubt::Elsewhere => "il suo indirizzo non è su questa macchina".into(),
                Doubt::Stranger(user) => format!("la porta appartiene all'utente con id {user}"),
                Doubt::Hidden => "il proprietario della porta non è visibile da questa sandbox (PrivateUsers=)".into(),
                Doubt::Unknown => "non è stato possibile sapere a chi appartiene la porta".into(),
            },
        }
    }

    /// Returns why nothing can be written to a repository.
    pub(crate) fn about_not_writable(self, why: NotWritable) -> String {
        let why = match self.0 {
            Language::En => why.to_string(),
            Language::It => match why {
                NotWritable::ReadOnly => "il suo file system è montato in sola lettura".into(),
                NotWritable::Full => "il suo file system non ha più spazio, salvo forse per root".into(),
                NotWritable::NoInodes => "il suo file system non ha più inode".into(),
            },
        };
        self.can_still_be_read(&why)
    }
}

phrases! {
    heading_repositories() { En: "Repositories", It: "Repository" }
    probes_disabled() {
        En: "The repositories were not checked: the check is switched off.",
        It: "I repository non sono stati controllati: il controllo è disattivato.",
    }
    probes_skipped() {
        En: "The repositories were not checked: this command was asked not to (--no-probe).",
        It: "I repository non sono stati controllati: a questo comando è stato chiesto di non farlo (--no-probe).",
    }
    probes_none() {
        En: "No repository of this plan is known.",
        It: "Di questo piano non è noto alcun repository.",
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
    counted(snapshots: &str) { En: "it is there, {snapshots}", It: "è presente, {snapshots}" }
    in_order(parts: &str) { En: "Checked: {parts}.", It: "Controllati: {parts}." }
    not_checked(parts: &str) { En: "Not checked: {parts}.", It: "Non controllati: {parts}." }
    part_password() { En: "password", It: "password" }
    part_packs() {
        En: "every pack in the index exists with the right size",
        It: "ogni pack dell'indice è presente con la giusta dimensione",
    }
    part_packs_in_short() { En: "packs", It: "pack" }
    part_folders() {
        En: "the folders of all snapshots can be read",
        It: "le cartelle di tutti gli snapshot sono leggibili",
    }
    part_folders_in_short() { En: "folders", It: "cartelle" }
    part_data() { En: "contents of the packs", It: "contenuto dei pack" }
    part_writing() { En: "writing", It: "scrittura" }
    listed(packs: &str, indexes: &str) {
        En: "Listed without being opened, none of them empty: packs: {packs}, index files: {indexes}.",
        It: "Elencati senza essere aperti, nessuno vuoto: pack: {packs}, file di indice: {indexes}.",
    }
    newest_snapshot(time: &str, age: &str) { En: "newest from {time} ({age})", It: "il più recente del {time} ({age})" }
    newest_file(time: &str, age: &str) { En: "newest written {time} ({age})", It: "il più recente scritto il {time} ({age})" }
    in_use(lock: &str) {
        En: "In use ({lock}): a backup, a restore or the like is running, or was cut off. This does not block backups, but old snapshots cannot be removed meanwhile, and NS8 may then count the module as failed.",
        It: "In uso ({lock}): un backup, un ripristino o simili è in corso, oppure è stato interrotto. Ciò non blocca i backup, ma intanto i vecchi snapshot non possono essere rimossi, e NS8 può allora considerare non riuscito il modulo.",
    }
    perhaps_locked(lock: &str) {
        En: "It has locks ({lock}); whether they block backups cannot be determined from here.",
        It: "Da qui non si può vedere se i lock impediscano i backup ({lock}).",
    }

    // Something is wrong with it: in a few words, and at length.
    locked() { En: "locked", It: "bloccato" }
    about_locked(lock: &str) {
        En: "{lock}. While it is locked, no backup can be written.",
        It: "{lock}. Finché lo è, nessun backup può essere scritto.",
    }
    unlock() {
        En: "If no backup, prune or check is running there, unlock it: restic's `unlock` removes stale locks and leaves those in use; for a damaged one, add `--remove-all`.",
        It: "Se non sono in corso backup, prune o verifiche, sbloccarlo: `unlock` di restic rimuove i lock abbandonati e lascia quelli in uso; per uno danneggiato aggiungere `--remove-all`.",
    }
    locks(count: &str) { En: "locks: {count}", It: "lock: {count}" }
    lock_by(holder: &str) { En: "by {holder}", It: "di {holder}" }
    wrong_password() { En: "wrong password", It: "password errata" }
    about_wrong_password() {
        En: "the configured password does not open it. Compare it with the one the repository was created with. A repository without its key files gives the same error.",
        It: "quella configurata non lo apre. Confrontarla con quella con cui il repository è stato creato. Un repository che ha perso le sue chiavi ha lo stesso aspetto.",
    }
    no_repository() { En: "no repository at this address", It: "nessun repository a questo indirizzo" }
    about_no_repository() {
        En: "never initialised, moved, or deleted. Check the destination's address and path.",
        It: "mai inizializzato, spostato o eliminato. Controllare indirizzo e percorso della destinazione.",
    }
    no_repository_yet() {
        En: "no repository here. No backup of the module is known to have been written, so it may never have been initialised.",
        It: "qui nessun repository. Non risulta scritto alcun backup del modulo: può non essere mai stato inizializzato.",
    }
    gateway_broken_at_start() {
        En: "A destination that was faulty when the node's rclone-gateway started gives the same error.",
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
    unreachable() { En: "unreachable", It: "irraggiungibile" }
    about_unreachable(why: &str) {
        En: "{why}. Check the network, the server and its address.",
        It: "{why}. Controllare la rete, il server e il suo indirizzo.",
    }
    denied() { En: "access denied", It: "accesso negato" }
    about_denied(why: &str) {
        En: "{why}. Check the destination's credentials and permissions.",
        It: "{why}. Controllare credenziali e permessi della destinazione.",
    }
    damaged() { En: "damaged, or not readable in full", It: "danneggiato, o non leggibile per intero" }
    about_damaged(why: &str) {
        En: "{why}. See what is damaged with restic's `check`.",
        It: "{why}. Vedere che cosa è danneggiato con il `check` di restic.",
    }
    not_writable() { En: "not writable", It: "non scrivibile" }
    can_still_be_read(why: &str) { En: "{why}. It can still be read.", It: "{why}. La lettura è ancora possibile." }
    timed_out(limit: &str) { En: "no answer within {limit}", It: "nessuna risposta entro {limit}" }
    about_timed_out() {
        En: "the server may hang, or be too slow for repo_check.timeout.",
        It: "il server può essere bloccato, o troppo lento per repo_check.timeout.",
    }

    // Nothing is known about it.
    probe_failed(why: &str) { En: "could not be checked: {why}.", It: "non è stato possibile controllarlo: {why}." }
    probing_left_out(why: &str) { En: "not probed: {why}.", It: "non esaminato: {why}." }
}

choice! {
    /// Returns why a look ended before it had covered all that it can.
    pub(crate) fn ended(ended: Ended);
    Ended::TimeUp => {
        En: "The check ended early: repo_check.timeout was over.",
        It: "Il controllo è terminato in anticipo: repo_check.timeout è scaduto.",
    }
    Ended::Changed => {
        En: "The check ended early: the repository was being pruned or repaired.",
        It: "Il controllo è terminato in anticipo: erano in corso un prune o una riparazione.",
    }
    Ended::Failed => {
        En: "The check ended early: restic failed.",
        It: "Il controllo è terminato in anticipo: restic ha dato errore.",
    }
}
