//! A cluster, a relay, and the service that stands between them.

use std::collections::BTreeMap;
use std::fs;

use mail_parser::MessageParser;

use super::journal::Journals;
use super::programs::{install, path_of};
use super::redis::Redis;
use super::service::{Service, wait_until};
use super::smtp;

/// No wait and no look at repositories.
pub const AT_ONCE: &str = "correlator: { wait_seconds: 0 }\nrepo_check: { enabled: false }\n";

/// A cluster of the founding document's layout whose plan 2 has half failed, a relay, and a service that is configured
/// for both, not running yet.
pub struct Site {
    pub redis: Redis,
    pub relay: smtp::Server,
    pub service: Service,
}

/// A mail, as its recipient reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    pub to: String,
    pub message_id: String,
    pub subject: String,
    pub text: String,
}

/// The configuration, with further lines for `notification` first and whole sections after it.
pub fn config(redis: &Redis, relay: &smtp::Server, notification: &str, sections: &str) -> String {
    format!(
        "notification:\n  mail_from: monitor@example.com\n  mail_to: [admin@example.com, ops@example.com]\n\
         \x20 transport: smtp\n  smtp: {{ host: 127.0.0.1, port: {}, encryption: none }}\n{notification}\
         redis: {{ socket: {} }}\n{sections}",
        relay.port,
        redis.socket().display()
    )
}

impl Site {
    /// A site without any wait.
    pub fn new() -> Self {
        Self::with("", AT_ONCE)
    }

    /// A site with further lines for `notification` and with these sections.
    pub fn with(notification: &str, sections: &str) -> Self {
        Self::on(Redis::start(), notification, sections)
    }

    /// The same on this Redis.
    pub fn on(redis: Redis, notification: &str, sections: &str) -> Self {
        let relay = smtp::Server::plain();
        let service = Service::new(&config(&redis, &relay, notification, sections));
        let site = Self { redis, relay, service };
        site.half_fails("2");
        site
    }

    /// Replaces the further lines and the sections.
    pub fn configure(&self, notification: &str, sections: &str) {
        self.service.configure(&config(&self.redis, &self.relay, notification, sections));
    }

    /// Writes results of now for `plan`: one module succeeds, one fails.
    pub fn half_fails(&self, plan: &str) {
        for (module, result, error) in [("mail1", "success", ""), ("samba1", "error", "disk quota exceeded")] {
            let key = format!("module/{module}/backup/{plan}/status");
            let now = jiff::Timestamp::now().to_string();
            self.redis.hset(&key, &[("result", result), ("timestamp", &now), ("error", error)]);
        }
    }

    /// Writes plan 2 as NS8 does now, with `mail1` failed just now and `samba1` in the middle of its run: its result is
    /// the one of the night before.
    pub fn runs(&self) {
        let now = jiff::Timestamp::now().as_second();
        self.redis.hset("cluster/module_node", &[("mail1", "1"), ("samba1", "1")]);
        self.redis.hset("cluster/backup/2", &[("name", "Nightly"), ("instances", "mail1 samba1"), ("enabled", "1")]);
        self.redis.run::<i64>("DEL module/mail1/backup/2/status module/samba1/backup/2/status");
        self.ends("mail1", now, 1);
        self.ends("samba1", now - 86_400, 0);
    }

    /// Writes the result of a module of plan 2 as NS8 does now.
    pub fn ends(&self, module: &str, end: i64, errors: u32) {
        let start = end - 60;
        let result = serde_json::json!({"start": start, "end": end, "errors": errors, "total_size": 5, "total_file_count": 6, "snapshots_count": 7});
        self.redis.hset("node/1/backup_status/2", &[(module, &result.to_string())]);
    }

    /// Puts `script` in the place of `journalctl`, on node 1. Returns the environment in which it is.
    pub fn journalctl(&self, script: &str) -> Vec<(&'static str, String)> {
        let (bin, credentials) = (self.service.path("bin"), self.service.path("credentials"));
        fs::create_dir(&bin).unwrap();
        fs::create_dir(&credentials).unwrap();
        fs::write(credentials.join("node.environment"), "NODE_ID=1\n").unwrap();
        let new = bin.join("new");
        install(&new, &format!("#!/bin/sh\n{script}\n"));
        fs::rename(new, bin.join("journalctl")).unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path))).unwrap();
        vec![
            ("PATH", path.into_string().unwrap()),
            ("CREDENTIALS_DIRECTORY", credentials.into_os_string().into_string().unwrap()),
        ]
    }

    /// Lets `samba1` end, with this `result`, just before `journal` is read. `login` is redis-cli's.
    pub fn ends_while_the_log_is_read(
        &self,
        login: &str,
        result: &str,
        journal: &Journals,
    ) -> Vec<(&'static str, String)> {
        self.journalctl(&format!(
            "{} -s {} {login} HSET node/1/backup_status/2 samba1 '{result}' >/dev/null\nexec {} --directory={} \"$@\"",
            path_of("redis-cli").display(),
            self.redis.socket().display(),
            path_of("journalctl").display(),
            journal.folder().display()
        ))
    }

    /// The mails so far, once there are `count`, each as recipient and whole text.
    pub fn mails(&self, count: usize) -> Vec<(String, String)> {
        wait_until(&format!("{count} mails"), || self.relay.so_far().len() >= count, || self.service.log());
        let text = |mail: &smtp::Delivered| (mail.to.join(","), String::from_utf8(mail.data.clone()).unwrap());
        self.relay.so_far().iter().map(text).collect()
    }

    /// The mails so far, read.
    pub fn inbox(&self) -> Vec<Read> {
        self.relay.so_far().iter().map(read).collect()
    }

    /// How many mails each recipient has.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for mail in self.relay.so_far() {
            *counts.entry(mail.to.join(",")).or_default() += 1;
        }
        counts
    }

    /// Asks the service to try every job in the queue, or given up, again now.
    pub fn nudge(&self) {
        for name in ["json", "failed"].iter().flat_map(|ending| self.service.queued(ending)) {
            let (id, _) = name.rsplit_once('.').unwrap();
            std::fs::write(self.service.queue().join(format!("{id}.retry")), "").unwrap();
        }
    }

    /// The only job in the queue, as it is on disk.
    pub fn job(&self) -> serde_json::Value {
        let names = self.service.queued("json");
        assert_eq!(names.len(), 1, "{names:?}\n{}", self.service.log());
        serde_json::from_slice(&std::fs::read(self.service.queue().join(&names[0])).unwrap()).unwrap()
    }
}

/// Reads a mail as its recipient does.
pub fn read(mail: &smtp::Delivered) -> Read {
    let message = MessageParser::default().parse(&mail.data).unwrap_or_else(|| panic!("no mail: {mail:?}"));
    Read {
        to: mail.to.join(","),
        message_id: message.message_id().unwrap_or_default().into(),
        subject: message.subject().unwrap_or_default().into(),
        text: message.body_text(0).unwrap_or_default().into_owned(),
    }
}

/// An environment as whoever starts a program takes it.
pub fn borrowed<'a>(environment: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    environment.iter().map(|(name, value)| (*name, &**value)).collect()
}
