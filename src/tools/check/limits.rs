//! Settings that are valid, each by itself, but do not go together. Pure.

use super::{Line, error, warning};
use crate::config::{Settings, Transport, Url, is_loopback};

/// A rule that settings keep, what is found otherwise, and what to do.
type Rule = (fn(&Settings) -> bool, &'static str, &'static str);

const RULES: [Rule; 8] = [
    (
        |settings| settings.correlator.wait <= settings.correlator.max_wait,
        "correlator.wait_seconds is above correlator.max_wait_seconds: the plan's modules are not waited for",
        "raise max_wait_seconds or lower wait_seconds",
    ),
    (
        |settings| settings.correlator.recent_window > settings.correlator.wait.max(settings.correlator.max_wait),
        "correlator.recent_window ends before the wait does: an alert without a plan may find nothing",
        "raise recent_window above max_wait_seconds",
    ),
    (
        |settings| settings.correlator.stale_after.is_none_or(|age| age > settings.correlator.max_wait),
        "correlator.stale_after is not above correlator.max_wait_seconds: results of one long run count as old",
        "raise stale_after above the length of a whole run",
    ),
    (
        |settings| settings.correlator.follow.is_zero() || settings.correlator.follow > settings.correlator.max_wait,
        "correlator.follow_seconds is not above correlator.max_wait_seconds: a run is not followed to its end",
        "raise follow_seconds above max_wait_seconds, or set it to 0",
    ),
    (
        |settings| settings.watch.enabled,
        "watch.enabled is false: a run that does not start is not reported",
        "set watch.enabled: true",
    ),
    (
        |settings| settings.notification.retry_for >= settings.notification.timeout,
        "notification.retry_for is below notification.timeout: a relay that is slow once is given up",
        "raise retry_for",
    ),
    (
        |settings| settings.notification.smtp.is_none() || settings.notification.transport == Transport::Smtp,
        "notification.smtp is set, but notification.transport is not smtp: it is not used",
        "set transport: smtp",
    ),
    (
        |settings| !settings.repo_check.enabled || has_local_gateway(settings),
        "repo_check.gateway is another machine: the node agent's password goes there in plain text",
        "name the gateway of this node, http://127.0.0.1:4694",
    ),
];

fn has_local_gateway(settings: &Settings) -> bool {
    Url::parse(&settings.repo_check.gateway).is_some_and(|gateway| is_loopback(gateway.host))
}

/// Finds settings that do not go together.
pub(super) fn check(settings: &Settings) -> Vec<Line> {
    let broken = RULES.iter().filter(|(holds, ..)| !holds(settings));
    let mut lines: Vec<Line> = broken.map(|(_, found, todo)| warning("configuration", *found, *todo)).collect();
    let host = &settings.receiver.host;
    if settings.receiver.token_file.is_none() && !is_loopback(host) {
        let found = format!("receiver.host {host} lets other machines post alerts, without a token");
        lines.push(error("configuration", found, "set receiver.token_file, or receiver.host to 127.0.0.1"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn found(text: &str) -> Vec<String> {
        let text = format!("notification:\n  mail_to: a@example.com\n{text}");
        check(&config::parse(&text).unwrap()).into_iter().map(|line| line.found).collect()
    }

    #[test]
    fn the_defaults_go_together() {
        assert!(found("").is_empty());
    }

    #[test]
    fn each_contradiction_is_found() {
        for (text, key) in [
            ("correlator: { wait_seconds: 901 }", "correlator.wait_seconds is above"),
            ("correlator: { recent_window: 900 }", "correlator.recent_window"),
            ("correlator: { stale_after: 15m }", "correlator.stale_after"),
            ("correlator: { follow_seconds: 900 }", "correlator.follow_seconds"),
            ("watch: { enabled: false }", "watch.enabled"),
            ("  retry_for: 59", "notification.retry_for"),
            ("  smtp: { host: mail.example.com }", "notification.smtp is set"),
            ("repo_check: { gateway: 'http://192.0.2.1:4694' }", "repo_check.gateway"),
            ("receiver: { host: 0.0.0.0 }", "receiver.host 0.0.0.0"),
        ] {
            let found = found(text);
            assert!(found.len() == 1 && found[0].starts_with(key), "{text}: {found:?}");
        }
        assert!(found("correlator: { follow_seconds: 0 }").is_empty());
        assert!(found("receiver: { host: 0.0.0.0, token_file: /x }").is_empty());
        assert!(found("  transport: smtp\n  smtp: { host: mail.example.com }").is_empty());
    }
}
