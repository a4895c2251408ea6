//! What could not be read: Redis, and single entries in it.

use super::{Words, phrases};
use crate::model::cluster::{ReadError, Why};
use crate::model::plan::{Damage, Entry, Fault};
use crate::model::text::clean;
use crate::report::figures::{MAX_NAME, MAX_SENTENCE};

impl Words {
    /// Returns one clause about an entry: "the result of mail1 is not valid JSON".
    pub(crate) fn damage(self, damage: &Damage) -> String {
        let entry = match &damage.entry {
            Entry::Definition => self.entry_definition(),
            Entry::Status => self.entry_status(),
            Entry::Plans(module) => self.entry_plans(&clean(module.as_str(), MAX_NAME)),
            Entry::Result(module) => self.entry_result(&clean(module.as_str(), MAX_NAME)),
            Entry::Node(node) => self.entry_node(&clean(node, MAX_NAME)),
            Entry::Key(key) => self.entry_key(&clean(key, MAX_NAME)),
        };
        format!("{entry} {}", self.fault(damage.fault))
    }

    /// Returns why the result of a module could not be read.
    pub(crate) fn why_unread(self, damage: &Damage) -> String {
        match damage.entry {
            Entry::Result(_) => self.unreadable_result(&self.fault(damage.fault)),
            _ => self.hidden_result(&self.damage(damage)),
        }
    }

    /// Returns why the cluster could not be read, after words that say that it could not.
    pub(crate) fn read_error(self, error: &ReadError) -> String {
        match error {
            ReadError::Redis { address, why } => {
                let why = clean(&self.redis_error(why), MAX_SENTENCE);
                format!("{}: {why}", clean(address, MAX_SENTENCE))
            }
            ReadError::Smarthost(_) => clean(&error.to_string(), MAX_SENTENCE),
        }
    }

    fn redis_error(self, why: &Why) -> String {
        let english = &why.to_string();
        match why {
            Why::LoginRefused => self.redis_login_refused(english),
            Why::LoginWanted => self.redis_login_wanted(english),
            Why::Forbidden(words) => self.redis_forbidden(english, words),
            Why::Loading => self.redis_loading(english),
            Why::NoSocket => self.redis_no_socket(english),
            Why::ConnectionRefused => self.redis_refused(english),
            Why::PermissionDenied => self.redis_permission_denied(english),
            Why::Lost => self.redis_lost(english),
            Why::Late(seconds) => self.redis_late(english, *seconds),
            Why::OtherType(key) => self.redis_other_type(english, key),
            Why::TooLarge(key, bytes) => self.redis_too_large(english, key, *bytes),
            Why::NoAddress => self.redis_no_address(english),
            Why::NoDatabase => self.redis_no_database(english),
            Why::TooMany => self.redis_too_many(english),
            Why::Other(words) => words.clone(),
        }
    }

    fn fault(self, fault: Fault) -> String {
        match fault {
            Fault::OtherType => self.fault_other_type(),
            Fault::NotJson => self.fault_not_json(),
            Fault::NoOutcome => self.fault_no_outcome(),
            Fault::NoTimestamp => self.fault_no_timestamp(),
            Fault::NoErrors => self.fault_no_errors(),
            Fault::NoEnd => self.fault_no_end(),
            Fault::InTheFuture => self.fault_in_the_future(),
            Fault::TooLarge(bytes) => self.fault_too_large(&bytes.to_string()),
            Fault::BadCharacters => self.fault_bad_characters(),
        }
    }
}

phrases! {
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
    entry_key(key: &str) {
        En: "the value of {key}",
        It: "il valore di {key}",
    }
    fault_in_the_future() {
        En: "is dated in the future",
        It: "ha una data futura",
    }
    fault_too_large(bytes: &str) {
        En: "is too large to be read ({bytes} bytes)",
        It: "è troppo grande per essere letto ({bytes} byte)",
    }
    fault_bad_characters() {
        En: "holds characters that have no place there",
        It: "contiene caratteri non ammessi",
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

    redis_login_refused(english: &str) {
        En: "{english}",
        It: "rifiuta le credenziali; controllare redis.username e redis.password_file",
    }
    redis_login_wanted(english: &str) {
        En: "{english}",
        It: "richiede le credenziali; impostare redis.username e redis.password_file",
    }
    redis_forbidden(english: &str, words: &str) {
        En: "{english}",
        It: "le sue regole di accesso lo vietano ({words}); accedere con un utente che possa leggere cluster/, node/ e module/",
    }
    redis_loading(english: &str) {
        En: "{english}",
        It: "è appena stato avviato e sta ancora caricando i dati",
    }
    redis_no_socket(english: &str) {
        En: "{english}",
        It: "il socket non esiste; indicare quello giusto in redis.socket, o un indirizzo in redis.url",
    }
    redis_refused(english: &str) {
        En: "{english}",
        It: "nessuno risponde; Redis è in esecuzione?",
    }
    redis_permission_denied(english: &str) {
        En: "{english}",
        It: "permesso negato; l'utente che esegue questo programma deve poter aprire il socket",
    }
    redis_lost(english: &str) {
        En: "{english}",
        It: "la connessione si è interrotta",
    }
    redis_late(english: &str, seconds: u64) {
        En: "{english}",
        It: "nessuna risposta entro {seconds} s (redis.timeout)",
    }
    redis_too_large(english: &str, key: &str, bytes: u64) {
        En: "{english}",
        It: "{key}: il valore è troppo grande ({bytes} byte)",
    }
    redis_no_address(english: &str) {
        En: "{english}",
        It: "non è un indirizzo",
    }
    redis_no_database(english: &str) {
        En: "{english}",
        It: "non ha questo database",
    }
    redis_too_many(english: &str) {
        En: "{english}",
        It: "la risposta a una scansione è troppo grande",
    }
    redis_other_type(english: &str, key: &str) {
        En: "{english}",
        It: "{key}: la chiave contiene un altro tipo di valore",
    }
}
