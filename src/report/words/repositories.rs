//! Repositories: what a look at each has shown, no more than that, and what to do.

use super::{Words, phrases};
use crate::model::repository::{MAX_MODULES, NotProbed};
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
        };
        self.probing_left_out(&clean(without_full_stop(&why), MAX_SENTENCE))
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
    not_checked_when_opened() {
        En: "Not checked: the data, and whether it can be written.",
        It: "Non controllati: i dati, e se è possibile scriverlo.",
    }
    not_checked_when_counted() {
        En: "Not checked: its password, the data, and whether it can be written.",
        It: "Non controllati: la password, i dati, e se è possibile scriverlo.",
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
        En: "reachable, but it could not be read",
        It: "raggiungibile, ma non leggibile",
    }
    about_damaged(why: &str) {
        En: "{why}. `restic check` shows what is damaged.",
        It: "{why}. `restic check` mostra che cosa è danneggiato.",
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
}
