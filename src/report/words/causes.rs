//! Known causes with their remedies, and logs that could not be used.

use super::{Words, phrases};
use crate::model::reason::{Cause, Silence, Source};

impl Words {
    /// Returns a cause and what to do, in one line.
    pub(crate) fn cause(self, cause: Cause) -> String {
        match cause {
            Cause::DumpFailed => self.cause_dump_failed(),
            Cause::Locked => self.cause_locked(),
            Cause::WrongPassword => self.cause_wrong_password(),
            Cause::NoRepository => self.cause_no_repository(),
            Cause::NameNotResolved => self.cause_name_not_resolved(),
            Cause::Refused => self.cause_refused(),
            Cause::TimedOut => self.cause_timed_out(),
            Cause::Tls => self.cause_tls(),
            Cause::Unauthorized => self.cause_unauthorized(),
            Cause::Forbidden => self.cause_forbidden(),
            Cause::DestinationFull => self.cause_destination_full(),
            Cause::HostFull => self.cause_host_full(),
            Cause::PermissionDenied => self.cause_permission_denied(),
            Cause::ServerError => self.cause_server_error(),
            Cause::Killed => self.cause_killed(),
            Cause::DiskFull => self.cause_disk_full(),
            Cause::GatewayDown => self.cause_gateway_down(),
            Cause::Unreachable => self.cause_unreachable(),
            Cause::ClockSkew => self.cause_clock_skew(),
            Cause::Damaged => self.cause_damaged(),
            Cause::DiskFault => self.cause_disk_fault(),
            Cause::SourceUnreadable => self.cause_source_unreadable(),
            Cause::ContainerFailed => self.cause_container_failed(),
            Cause::DatabaseFailed => self.cause_database_failed(),
            Cause::RedisUnreachable => self.cause_redis_unreachable(),
            Cause::ProgramMissing => self.cause_program_missing(),
            Cause::CleanupFailed => self.cause_cleanup_failed(),
            Cause::RetentionFailed => self.cause_retention_failed(),
            Cause::StatisticsFailed => self.cause_statistics_failed(),
            Cause::Busy => self.cause_busy(),
            Cause::Interrupted => self.cause_interrupted(),
        }
    }

    /// Returns the name of a log.
    pub(crate) fn source(self, source: Source) -> String {
        match source {
            Source::Journal => self.source_journal(),
            Source::Loki => self.source_loki(),
        }
    }
}

impl Words {
    /// Returns why a log says nothing.
    pub(crate) fn silence(self, why: &Silence) -> String {
        let english = &why.to_string();
        match why {
            Silence::NotConfigured => self.log_not_configured(english),
            Silence::NotInstalled => self.log_not_installed(english),
            Silence::NoAccess => self.log_forbidden(english),
            Silence::NoJournal => self.log_missing(english),
            Silence::NoMatch => self.log_without_the_run(english),
            Silence::TimedOut(seconds) => self.log_late(english, *seconds),
            Silence::Unreachable(words) => self.log_unreachable(english, words),
            Silence::Answers(status) => self.log_refused(english, status),
            Silence::Garbled(words) => self.log_garbled(english, words),
            Silence::TooBig => self.log_too_big(english),
        }
    }
}

phrases! {
    cause_dump_failed() {
        En: "the application's own dump failed (module-dump-state); check that the application and its database run",
        It: "il dump dell'applicazione non è riuscito (module-dump-state); controllare che l'applicazione e il suo database siano in esecuzione",
    }
    cause_locked() {
        En: "the repository is locked; if no backup, prune or check is running there, unlock it with `restic unlock`",
        It: "il repository è bloccato; se non sono in corso backup, prune o verifiche, sbloccarlo con `restic unlock`",
    }
    cause_wrong_password() {
        En: "the password does not open the repository; compare it with the one the repository was made with",
        It: "la password non apre il repository; confrontarla con quella con cui il repository è stato creato",
    }
    cause_no_repository() {
        En: "there is no repository at this address; check the destination's address and path",
        It: "a questo indirizzo non c'è alcun repository; controllare indirizzo e percorso della destinazione",
    }
    cause_name_not_resolved() {
        En: "a host's name could not be resolved; check the destination's address and the node's DNS",
        It: "il nome di un host non è stato risolto; controllare l'indirizzo della destinazione e il DNS del nodo",
    }
    cause_refused() {
        En: "a host refused the connection; check that the service there runs, and the firewall",
        It: "un host ha rifiutato la connessione; controllare che il servizio sia in esecuzione, e il firewall",
    }
    cause_timed_out() {
        En: "a host did not answer in time; check the network and the server",
        It: "un host non ha risposto in tempo; controllare la rete e il server",
    }
    cause_tls() {
        En: "TLS failed; check the server's certificate and the node's clock",
        It: "TLS non riuscito; controllare il certificato del server e l'orologio del nodo",
    }
    cause_unauthorized() {
        En: "the server refused the credentials (401); check the destination's user and password, or its keys",
        It: "il server ha rifiutato le credenziali (401); controllare utente e password della destinazione, o le sue chiavi",
    }
    cause_forbidden() {
        En: "the server forbade the access (403); check the permissions of the destination's credentials",
        It: "il server ha vietato l'accesso (403); controllare i permessi delle credenziali della destinazione",
    }
    cause_destination_full() {
        En: "the destination is full, or its quota is used up; free space there, or raise the quota",
        It: "la destinazione è piena, o la sua quota è esaurita; liberare spazio o aumentare la quota",
    }
    cause_host_full() {
        En: "the node's disk is full; free space on the node",
        It: "il disco del nodo è pieno; liberare spazio sul nodo",
    }
    cause_permission_denied() {
        En: "a file or folder could not be read or written (permission denied); check its owner and mode",
        It: "un file o una cartella non può essere letto o scritto (permesso negato); controllarne proprietario e permessi",
    }
    cause_server_error() {
        En: "the server failed, or asked to slow down (5xx, 429); see its own status, then run the backup again",
        It: "il server ha dato errore o ha chiesto di rallentare (5xx, 429); vedere il suo stato, poi ripetere il backup",
    }
    cause_killed() {
        En: "memory ran out, or a process was killed; check the node's memory",
        It: "la memoria è esaurita, o un processo è stato terminato; controllare la memoria del nodo",
    }
    cause_disk_full() {
        En: "a disk is full, this node's or the destination's; see which in the log, and free space there",
        It: "un disco è pieno, di questo nodo o della destinazione; vedere quale nel registro e liberare spazio",
    }
    cause_gateway_down() {
        En: "the node's rclone-gateway does not answer; see `systemctl status rclone-gateway` on the node",
        It: "rclone-gateway del nodo non risponde; vedere `systemctl status rclone-gateway` sul nodo",
    }
    cause_unreachable() {
        En: "a host could not be reached, or the connection was lost; check the network and the server",
        It: "un host non è raggiungibile, o la connessione si è interrotta; controllare la rete e il server",
    }
    cause_clock_skew() {
        En: "the clocks of the node and of the server differ too much; set the node's clock (`timedatectl`)",
        It: "gli orologi del nodo e del server differiscono troppo; regolare l'orologio del nodo (`timedatectl`)",
    }
    cause_damaged() {
        En: "files of the repository are damaged or missing; `restic check` shows which",
        It: "file del repository sono danneggiati o mancanti; `restic check` mostra quali",
    }
    cause_disk_fault() {
        En: "a file system is read-only, or its disk has errors; see the kernel's log and the disk's state",
        It: "un file system è in sola lettura, o il suo disco ha errori; vedere il registro del kernel e lo stato del disco",
    }
    cause_source_unreadable() {
        En: "some of the module's files could not be read: the snapshot exists without them; see which in the log",
        It: "alcuni file del modulo non sono leggibili: lo snapshot esiste senza di essi; vedere quali nel registro",
    }
    cause_container_failed() {
        En: "a container that the backup needs does not run or could not be started; see the module's services",
        It: "un container necessario al backup non è attivo o non è stato avviato; vedere i servizi del modulo",
    }
    cause_database_failed() {
        En: "the application's database does not answer, or rejects the login; see the module's services",
        It: "il database dell'applicazione non risponde, o rifiuta le credenziali; vedere i servizi del modulo",
    }
    cause_redis_unreachable() {
        En: "the cluster's Redis did not answer the backup; see whether it runs, and the network between the nodes",
        It: "il Redis del cluster non ha risposto al backup; vedere se è attivo, e la rete tra i nodi",
    }
    cause_program_missing() {
        En: "a program that the backup needs is not installed; see which in the log",
        It: "un programma necessario al backup non è installato; vedere quale nel registro",
    }
    cause_cleanup_failed() {
        En: "only the cleaning up failed (module-cleanup-state): this run's snapshot exists",
        It: "è fallita solo la pulizia (module-cleanup-state): lo snapshot di questa esecuzione esiste",
    }
    cause_retention_failed() {
        En: "only the retention failed (forget, prune): this run's snapshot exists; see the log for what blocks pruning",
        It: "è fallita solo la retention (forget, prune): lo snapshot di questa esecuzione esiste; vedere nel registro che cosa blocca il prune",
    }
    cause_statistics_failed() {
        En: "only the statistics failed (restic stats): this run's snapshot exists",
        It: "sono fallite solo le statistiche (restic stats): lo snapshot di questa esecuzione esiste",
    }
    cause_busy() {
        En: "the module stayed busy until the retries gave up; see what it is doing, then run the backup again",
        It: "il modulo è rimasto occupato fino all'ultimo tentativo; vedere che cosa sta facendo, poi ripetere il backup",
    }
    cause_interrupted() {
        En: "a reboot, a shutdown or a stop interrupted the run; run the backup again",
        It: "un riavvio, uno spegnimento o un arresto ha interrotto l'esecuzione; ripetere il backup",
    }

    source_journal() {
        En: "This machine's journal",
        It: "Il journal di questa macchina",
    }
    source_loki() {
        En: "Loki",
        It: "Loki",
    }
    log_not_configured(english: &str) {
        En: "{english}",
        It: "non configurato",
    }
    log_not_installed(english: &str) {
        En: "{english}",
        It: "non installato",
    }
    log_forbidden(english: &str) {
        En: "{english}",
        It: "mancano i permessi per leggerlo",
    }
    log_missing(english: &str) {
        En: "{english}",
        It: "non esiste",
    }
    log_without_the_run(english: &str) {
        En: "{english}",
        It: "non contiene nulla di questa esecuzione",
    }
    log_late(english: &str, seconds: u64) {
        En: "{english}",
        It: "non letto fino alla fine entro {seconds} s",
    }
    log_unreachable(english: &str, words: &str) {
        En: "{english}",
        It: "irraggiungibile: {words}",
    }
    log_refused(english: &str, status: &str) {
        En: "{english}",
        It: "risponde {status}",
    }
    log_garbled(english: &str, words: &str) {
        En: "{english}",
        It: "risposta priva di senso: {words}",
    }
    log_too_big(english: &str) {
        En: "{english}",
        It: "risposta troppo grande",
    }
    log_not_known(modules: &str, gaps: &str) {
        En: "Nothing in the logs about {modules}. {gaps}.",
        It: "Nulla nei registri su {modules}. {gaps}.",
    }
    look_in_log() {
        En: "See the log",
        It: "Vedere il registro",
    }
}
