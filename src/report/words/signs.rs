//! What shows that something is wrong with a repository.

use super::Words;
use crate::config::Language;
use crate::model::repository::Sign;

impl Words {
    /// Returns what shows that something is wrong with a repository.
    pub(crate) fn sign(self, sign: &Sign) -> String {
        match self.0 {
            Language::En => sign.to_string(),
            Language::It => match sign {
                Sign::Words(words) => words.clone(),
                Sign::NoConfig => "il suo file config manca".into(),
                Sign::NoConfigButSnapshots(count) => {
                    format!("il gateway non trova alcun file config, ma {count} snapshot")
                }
                Sign::EmptyConfig => "il suo file config è vuoto".into(),
                Sign::NoKeys => "non ha chiavi".into(),
                Sign::NoIndex => "ha degli snapshot, ma nessun indice".into(),
                Sign::NoData => "ha degli snapshot, ma nessun dato".into(),
                Sign::EmptySnapshots(count) => format!("file di snapshot vuoti: {count}"),
                Sign::EmptyFiles(count) => format!("file di dati e di indice vuoti: {count}"),
                Sign::NotServed => "il gateway non serve questa destinazione, o non vi ha accesso".into(),
                Sign::NoGateway(address, words) => format!("il gateway su {address}: {words}"),
                Sign::GatewayAnswers(status) => format!("il gateway risponde {status}"),
                Sign::GatewayGarbled(words) => format!("la risposta del gateway non ha senso: {words}"),
                Sign::GatewayTooLong(size) => format!("la risposta del gateway supera {size} MiB"),
                Sign::NoWebDav => "il gateway non parla WebDAV".into(),
                Sign::NoAddress => "il suo percorso non forma un indirizzo".into(),
                Sign::ResticGarbled(words) => format!("l'elenco degli snapshot di restic non ha senso: {words}"),
                Sign::ResticTooLong(size) => format!("la risposta di restic supera {size} MiB"),
            },
        }
    }
}
