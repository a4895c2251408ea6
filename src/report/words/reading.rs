//! What could not be read: Redis, and single entries in it.

use super::{Words, choice, phrases};
use crate::config::Language;
use crate::model::cluster::{ReadError, Why};
use crate::model::plan::{Damage, Entry, Fault};
use crate::model::text::clean;
use crate::report::figures::{MAX_NAME, MAX_SENTENCE};

impl Words {
    /// Returns one clause about an entry: "the result of mail1 is not a JSON object".
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
        match self.0 {
            Language::En => why.to_string(),
            Language::It => match why {
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
                Why::TooLarge(key, bytes) => format!("{key}: il valore è troppo grande ({bytes} byte)"),
                Why::NoAddress => "non è un indirizzo".into(),
                Why::NoDatabase => "non ha questo database".into(),
                Why::TooMany => "la risposta a una scansione è troppo grande".into(),
                Why::TooMuch => "le sue risposte superano insieme i 64 MiB".into(),
                Why::Other(words) => words.clone(),
            },
        }
    }
}

phrases! {
    entry_definition() { En: "the definition of the plan", It: "la definizione del piano" }
    entry_status() { En: "the status of the plan as a whole", It: "lo stato del piano nel suo insieme" }
    entry_plans(module: &str) { En: "the list of the plans of {module}", It: "l'elenco dei piani di {module}" }
    entry_result(module: &str) { En: "the result of {module}", It: "il risultato di {module}" }
    entry_key(key: &str) { En: "the value of {key}", It: "il valore di {key}" }
    entry_node(node: &str) {
        En: "the record of the results on node {node}",
        It: "il registro dei risultati sul nodo {node}",
    }

}

choice! {
    /// Returns what is wrong with an entry, after its name.
    fn fault(fault: Fault);
    Fault::OtherType => { En: "has the wrong Redis type", It: "ha un tipo Redis errato" }
    Fault::NotJson => { En: "is not a JSON object", It: "non è un oggetto JSON" }
    Fault::NoOutcome => { En: "says neither success nor error", It: "non indica né successo né errore" }
    Fault::NoTimestamp => { En: "has no readable timestamp", It: "non ha un timestamp leggibile" }
    Fault::NoErrors => { En: "has no readable number of errors", It: "non ha un numero di errori leggibile" }
    Fault::NoEnd => { En: "has no readable end time", It: "non ha una data di fine leggibile" }
    Fault::InTheFuture => { En: "is dated in the future", It: "ha una data futura" }
    Fault::TooLarge(bytes) => {
        En: "is too large to be read ({bytes} bytes)",
        It: "è troppo grande per essere letto ({bytes} byte)",
    }
    Fault::BadCharacters => { En: "holds characters that have no place there", It: "contiene caratteri non ammessi" }
}
