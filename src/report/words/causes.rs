//! Known causes with their remedies, and logs that could not be used.

use super::{Words, choice, phrases};
use crate::config::Language;
use crate::model::reason::{Cause, Silence, Source};

impl Words {
    /// Returns why a log says nothing.
    pub(crate) fn silence(self, why: &Silence) -> String {
        match self.0 {
            Language::En => why.to_string(),
            Language::It => match why {
                Silence::NotConfigured => "non configurato".into(),
                Silence::NotInstalled => "non installato".into(),
                Silence::NoAccess => "mancano i permessi per leggerlo".into(),
                Silence::NoJournal => "non esiste".into(),
                Silence::NoMatch => "non contiene nulla di questa esecuzione".into(),
                Silence::TimedOut(seconds) => format!("non letto fino alla fine entro {seconds} s"),
                Silence::Unreachable(words) => format!("irraggiungibile: {words}"),
                Silence::Answers(status) => format!("risponde {status}"),
                Silence::Garbled(words) => format!("risposta priva di senso: {words}"),
                Silence::TooBig => "risposta troppo grande".into(),
            },
        }
    }
}

phrases! {
    log_not_known(modules: &str, gaps: &str) {
        En: "Nothing in the logs about {modules}. {gaps}.",
        It: "Nulla nei registri su {modules}. {gaps}.",
    }
    look_in_log() { En: "See the log", It: "Vedere il registro" }

    further_causes(count: &str) {
        En: "Further causes, at the modules below: {count}.",
        It: "Altre cause, indicate sotto per ciascun modulo: {count}.",
    }

    // Causes that a look at the repository has not found again.
    lock_is_gone() {
        En: "the repository was locked during the run; it holds no lock now",
        It: "durante l'esecuzione il repository era bloccato; ora non ha alcun lock",
    }
    damaged_lock_is_gone() {
        En: "the repository had a damaged lock during the run; it holds no lock now",
        It: "durante l'esecuzione il repository aveva un lock danneggiato; ora non ha alcun lock",
    }
    opens_now(cause: &str) {
        En: "{cause}; the repository opens from this machine now",
        It: "{cause}; ora da questa macchina il repository si apre",
    }
}

choice! {
    /// Returns a cause and what to do, in one line.
    pub(crate) fn cause(cause: Cause);
    Cause::DumpFailed => {
        En: "the application's own dump failed (module-dump-state); check that the application and its database run",
        It: "il dump dell'applicazione non è riuscito (module-dump-state); controllare che l'applicazione e il suo database siano in esecuzione",
    }
    Cause::Locked => {
        En: "the repository was locked; if no backup, prune or check is running there, unlock it with restic's `unlock`",
        It: "il repository era bloccato; se non sono in corso backup, prune o verifiche, sbloccarlo con `unlock` di restic",
    }
    Cause::LockDamaged => {
        En: "a lock of the repository was damaged; if nothing else uses the repository, remove it with restic's `unlock --remove-all`",
        It: "un lock del repository era danneggiato; se nient'altro usa il repository, rimuoverlo con `unlock --remove-all` di restic",
    }
    Cause::WrongPassword => {
        En: "the password did not open the repository; compare it with the one the repository was made with",
        It: "la password non ha aperto il repository; confrontarla con quella con cui il repository è stato creato",
    }
    Cause::NoRepository => {
        En: "there was no repository at this address; check the destination's address and path",
        It: "a questo indirizzo non c'era alcun repository; controllare indirizzo e percorso della destinazione",
    }
    Cause::NameNotResolved => {
        En: "a host's name could not be resolved; check the destination's address and the node's DNS",
        It: "il nome di un host non è stato risolto; controllare l'indirizzo della destinazione e il DNS del nodo",
    }
    Cause::Refused => {
        En: "a host refused the connection; check that the service there runs, and the firewall",
        It: "un host ha rifiutato la connessione; controllare che il servizio sia in esecuzione, e il firewall",
    }
    Cause::TimedOut => {
        En: "a host did not answer in time; check the network and the server",
        It: "un host non ha risposto in tempo; controllare la rete e il server",
    }
    Cause::Tls => {
        En: "TLS failed; check the server's certificate and the node's clock",
        It: "TLS non riuscito; controllare il certificato del server e l'orologio del nodo",
    }
    Cause::Unauthorized => {
        En: "the server refused the credentials; check the destination's user and password, or its keys",
        It: "il server ha rifiutato le credenziali; controllare utente e password della destinazione, o le sue chiavi",
    }
    Cause::Forbidden => {
        En: "the server denied access; check the permissions of the destination's credentials",
        It: "il server ha vietato l'accesso; controllare i permessi delle credenziali della destinazione",
    }
    Cause::DestinationFull => {
        En: "the destination was full, or its quota was used up; free space there, or raise the quota",
        It: "la destinazione era piena, o la sua quota era esaurita; liberare spazio o aumentare la quota",
    }
    Cause::HostFull => {
        En: "the node's disk was full; free space on the node",
        It: "il disco del nodo era pieno; liberare spazio sul nodo",
    }
    Cause::PermissionDenied => {
        En: "a file or folder could not be read or written (permission denied); check its owner and mode",
        It: "non è stato possibile leggere o scrivere un file o una cartella (permesso negato); controllarne proprietario e permessi",
    }
    Cause::ServerError => {
        En: "the server failed, or asked to slow down (5xx, 429); see its own status, then run the backup again",
        It: "il server ha dato errore o ha chiesto di rallentare (5xx, 429); vedere il suo stato, poi ripetere il backup",
    }
    Cause::Killed => {
        En: "memory ran out, or a process was killed; check the node's memory",
        It: "la memoria si è esaurita, o un processo è stato terminato; controllare la memoria del nodo",
    }
    Cause::DiskFull => {
        En: "a disk was full, this node's or the destination's; see which in the log, and free space there",
        It: "un disco era pieno, di questo nodo o della destinazione; vedere quale nel registro e liberare spazio",
    }
    Cause::GatewayDown => {
        En: "the node's rclone-gateway did not answer; see `systemctl status rclone-gateway` on the node",
        It: "rclone-gateway del nodo non ha risposto; vedere `systemctl status rclone-gateway` sul nodo",
    }
    Cause::Unreachable => {
        En: "a host could not be reached, or the connection was lost; check the network and the server",
        It: "un host non era raggiungibile, o la connessione si è interrotta; controllare la rete e il server",
    }
    Cause::ClockSkew => {
        En: "the clocks of the node and of the server differed too much; set the node's clock (`timedatectl`)",
        It: "gli orologi del nodo e del server differivano troppo; regolare l'orologio del nodo (`timedatectl`)",
    }
    Cause::Damaged => {
        En: "files of the repository were damaged or missing; restic's `check` shows which",
        It: "alcuni file del repository erano danneggiati o mancanti; il comando `check` di restic mostra quali",
    }
    Cause::DiskFault => {
        En: "a file system was read-only, or its disk had errors; see the kernel's log and the disk's state",
        It: "un file system era in sola lettura, o il suo disco aveva errori; vedere il registro del kernel e lo stato del disco",
    }
    Cause::SourceUnreadable => {
        En: "some of the module's files could not be read: the snapshot was written without them; see which in the log",
        It: "non è stato possibile leggere alcuni file del modulo: lo snapshot è stato scritto senza di essi; vedere quali nel registro",
    }
    Cause::ContainerFailed => {
        En: "a container that the backup needs did not run or could not be started; see the module's services",
        It: "un container necessario al backup non era attivo o non è stato avviato; vedere i servizi del modulo",
    }
    Cause::DatabaseFailed => {
        En: "the application's database did not answer, or rejected the login; see the module's services",
        It: "il database dell'applicazione non ha risposto, o ha rifiutato le credenziali; vedere i servizi del modulo",
    }
    Cause::RedisUnreachable => {
        En: "the cluster's Redis did not answer the backup; see whether it runs, and the network between the nodes",
        It: "il Redis del cluster non ha risposto al backup; vedere se è attivo, e la rete tra i nodi",
    }
    Cause::ProgramMissing => {
        En: "a program that the backup needs was not installed; see which in the log",
        It: "un programma necessario al backup non era installato; vedere quale nel registro",
    }
    Cause::CleanupFailed => {
        En: "the clean-up failed (module-cleanup-state), but this run's snapshot was written",
        It: "è fallita la pulizia (module-cleanup-state), ma lo snapshot di questa esecuzione è stato scritto",
    }
    Cause::RetentionFailed => {
        En: "the retention failed (forget, prune), but this run's snapshot was written; see the log for what blocked pruning",
        It: "è fallita la retention (forget, prune), ma lo snapshot di questa esecuzione è stato scritto; vedere nel registro che cosa ha bloccato il prune",
    }
    Cause::StatisticsFailed => {
        En: "only the statistics failed (restic stats): this run's snapshot was written",
        It: "sono fallite solo le statistiche (restic stats): lo snapshot di questa esecuzione è stato scritto",
    }
    Cause::Busy => {
        En: "the module stayed busy until the retries gave up; see what it is doing, then run the backup again",
        It: "il modulo è rimasto occupato fino all'ultimo tentativo; vedere che cosa sta facendo, poi ripetere il backup",
    }
    Cause::Interrupted => {
        En: "a reboot, a shutdown or a stop interrupted the run; run the backup again",
        It: "un riavvio, uno spegnimento o un arresto ha interrotto l'esecuzione; ripetere il backup",
    }
}

choice! {
    /// Returns the name of a log.
    pub(crate) fn source(source: Source);
    Source::Journal => { En: "This machine's journal", It: "Il journal di questa macchina" }
    Source::Loki => { En: "Loki", It: "Loki" }
}
