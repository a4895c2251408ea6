//! What shows that something is wrong with a repository.

use super::{Words, phrases};
use crate::model::repository::Sign;

impl Words {
    /// Returns what shows that something is wrong with a repository.
    pub(crate) fn sign(self, sign: &Sign) -> String {
        let english = &sign.to_string();
        match sign {
            Sign::Words(words) => words.clone(),
            Sign::NoConfig => self.config_missing(english),
            Sign::NoConfigButSnapshots(count) => self.config_missing_beside(english, *count),
            Sign::EmptyConfig => self.config_empty(english),
            Sign::NoKeys => self.keys_missing(english),
            Sign::NoIndex => self.index_missing(english),
            Sign::NoData => self.data_missing(english),
            Sign::EmptySnapshots(count) => self.snapshots_empty(english, *count),
            Sign::EmptyFiles(count) => self.files_empty(english, *count),
            Sign::NotServed => self.not_served(english),
            Sign::NoGateway(address, words) => self.no_gateway(english, address, words),
            Sign::GatewayAnswers(status) => self.gateway_answers(english, status),
            Sign::GatewayGarbled(words) => self.gateway_garbled(english, words),
            Sign::GatewayTooLong(size) => self.gateway_too_long(english, *size),
            Sign::NoWebDav => self.no_webdav(english),
            Sign::NoAddress => self.no_address(english),
            Sign::ResticGarbled(words) => self.restic_garbled(english, words),
            Sign::ResticTooLong(size) => self.restic_too_long(english, *size),
        }
    }
}

phrases! {
    config_missing(english: &str) {
        En: "{english}",
        It: "il suo file config manca",
    }
    config_missing_beside(english: &str, count: u32) {
        En: "{english}",
        It: "il suo file config manca, e ha {count} snapshot",
    }
    config_empty(english: &str) {
        En: "{english}",
        It: "il suo file config è vuoto",
    }
    keys_missing(english: &str) {
        En: "{english}",
        It: "non ha chiavi",
    }
    index_missing(english: &str) {
        En: "{english}",
        It: "ha degli snapshot, ma nessun indice",
    }
    data_missing(english: &str) {
        En: "{english}",
        It: "ha degli snapshot, ma nessun dato",
    }
    snapshots_empty(english: &str, count: u32) {
        En: "{english}",
        It: "file di snapshot vuoti: {count}",
    }
    files_empty(english: &str, count: u32) {
        En: "{english}",
        It: "file di dati e di indice vuoti: {count}",
    }
    not_served(english: &str) {
        En: "{english}",
        It: "il gateway non serve questa destinazione",
    }
    no_gateway(english: &str, address: &str, words: &str) {
        En: "{english}",
        It: "il gateway su {address}: {words}",
    }
    gateway_answers(english: &str, status: &str) {
        En: "{english}",
        It: "il gateway risponde {status}",
    }
    gateway_garbled(english: &str, words: &str) {
        En: "{english}",
        It: "la risposta del gateway non ha senso: {words}",
    }
    gateway_too_long(english: &str, size: usize) {
        En: "{english}",
        It: "la risposta del gateway supera {size} MiB",
    }
    no_webdav(english: &str) {
        En: "{english}",
        It: "il gateway non parla WebDAV",
    }
    no_address(english: &str) {
        En: "{english}",
        It: "il suo percorso non forma un indirizzo",
    }
    restic_garbled(english: &str, words: &str) {
        En: "{english}",
        It: "l'elenco degli snapshot di restic non ha senso: {words}",
    }
    restic_too_long(english: &str, size: usize) {
        En: "{english}",
        It: "la risposta di restic supera {size} MiB",
    }
}
