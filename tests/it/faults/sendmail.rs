//! `ns8-sendmail` that fails, as the service meets it; all the ways in which it can are in the tests of deliver.

use std::path::{Path, PathBuf};

use crate::support::programs;
use crate::support::service::{Service, webhook};
use crate::support::site::{AT_ONCE, Site};

/// A site that sends through a script in the service's folder.
fn site() -> (Site, PathBuf) {
    let site = Site::new();
    let script = site.service.path("ns8-sendmail");
    configure(&site, &script, 60);
    (site, script)
}

/// Gives the script so many seconds for each recipient.
fn configure(site: &Site, script: &Path, seconds: u64) {
    let config = format!(
        "notification:\n  mail_from: monitor@example.com\n  mail_to: [admin@example.com, ops@example.com]\n\
         \x20 timeout: {seconds}\n  transport: ns8-sendmail\n  sendmail_command: [{}]\nredis: {{ socket: {} }}\n{AT_ONCE}",
        script.display(),
        site.redis.socket().display()
    );
    site.service.configure(&config);
}

fn replace(script: &Path, content: &str) {
    let temporary = script.with_extension("new");
    programs::install(&temporary, content);
    std::fs::rename(&temporary, script).unwrap();
}

/// A script that does as NS8's own: one recipient a call, the text on standard input.
fn works(service: &Service) -> String {
    let sent = service.path("sent");
    format!("#!/bin/sh\nfor to; do :; done\ncat > {0}.$to.$$ && mv {0}.$to.$$ {0}-$to-$$\n", sent.display())
}

fn sent(service: &Service) -> Vec<String> {
    let names = std::fs::read_dir(service.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut sent: Vec<String> =
        names.filter_map(|name| Some(name.to_str()?.strip_prefix("sent-")?.rsplit_once('-')?.0.to_owned())).collect();
    sent.sort();
    sent
}

#[test]
fn whatever_ns8_sendmail_does_wrong_is_told_and_tried_again() {
    let faults = [
        ("echo 'smarthost is disabled' >&2; exit 1", 60, "smarthost is disabled"),
        ("head -c 100M /dev/zero | tr '\\0' x >&2; exec sleep 3600", 2, "did not finish"),
    ];
    std::thread::scope(|scope| {
        for (fault, seconds, words) in faults {
            scope.spawn(move || {
                let (mut site, script) = site();
                replace(&script, &format!("#!/bin/sh\n{fault}\n"));
                configure(&site, &script, seconds);
                site.service.start();
                assert_eq!(site.service.post(webhook(&["2"])).0, 202);
                site.service.logged("not delivered at attempt 1");
                let log = site.service.log();
                assert!(log.contains(words), "{words} is not in:\n{log}");
                assert!(log.len() < 10_000, "a program's chatter is cut");
                assert_eq!(sent(&site.service), [""; 0]);
                replace(&script, &works(&site.service));
                configure(&site, &script, 60);
                site.nudge();
                site.service.done();
                assert_eq!(sent(&site.service), ["admin@example.com", "ops@example.com"]);
            });
        }
    });
}

#[test]
fn one_that_is_refused_through_ns8_sendmail_takes_nothing_from_the_others() {
    let (mut site, script) = site();
    let works = works(&site.service);
    let refuses =
        works.replace("done\n", "done\n[ $to != admin@example.com ] || { echo '550 no such user' >&2; exit 1; }\n");
    replace(&script, &refuses);
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.service.logged("not delivered at attempt 1");
    assert_eq!(sent(&site.service), ["ops@example.com"]);
    replace(&script, &works);
    site.nudge();
    site.service.done();
    assert_eq!(sent(&site.service), ["admin@example.com", "ops@example.com"]);
}
