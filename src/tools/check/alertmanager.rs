//! Asks the running Alertmanager for its configuration, and looks for our receiver and route in it. The file may say
//! something else: NS8 writes it anew without a restart.

use serde_yaml::Value;

use super::{Line, PATIENCE, error, ok, warning};
use crate::config::Receiver;
use crate::config::text::{parse_yaml, split_mark};
use crate::system::http;
use crate::tools::alertmanager_config::{NAME, Webhook, any_route, list};

const SUBJECT: &str = "alertmanager";
const PATCH: &str =
    "put the route in with `ns8-backup-monitor alertmanager-config --patch FILE`, and reload Alertmanager";

/// Judges the Alertmanager at `url`.
pub(super) async fn check(url: &str, receiver: &Receiver) -> Line {
    let url = url.trim_end_matches('/');
    let not_found = |why: String| {
        let todo = "is it running? If it is elsewhere, give its address: --alertmanager URL";
        error(SUBJECT, format!("{url}: {why}"), todo)
    };
    let body = match http::get(&format!("{url}/api/v2/status"), http::MAX_BODY, PATIENCE).await {
        Ok((status, body)) if status.is_success() => body,
        Ok((status, _)) => return not_found(format!("answers {status}")),
        Err(why) => return not_found(why),
    };
    match running(&body) {
        Ok(config) => judge(url, &config, receiver),
        Err(why) => not_found(why),
    }
}

/// Returns the configuration that is running, from the answer of `/api/v2/status`.
fn running(body: &[u8]) -> Result<Value, String> {
    let status: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let config = status["config"]["original"].as_str().ok_or("its answer is not that of an Alertmanager")?;
    parse_yaml(split_mark(config).1).map_err(|error| format!("its configuration cannot be read: {error}"))
}

/// Judges the running configuration. It is not this program's business to follow Alertmanager's routes: a route that
/// stands first, with our matcher, gets every alert that it names; about any other one amtool has the last word.
fn judge(url: &str, config: &Value, receiver: &Receiver) -> Line {
    let webhook = Webhook::new(receiver);
    let ours = our_receivers(config, webhook.url());
    if ours.is_empty() {
        return error(SUBJECT, format!("{url}: has no receiver {NAME}: no alert comes here"), PATCH);
    }
    if receiver.token_file.is_some() && !sends_token(config, &ours) {
        return error(SUBJECT, format!("{url}: sends no token, so that its alerts are refused"), PATCH);
    }
    let sends_here = |route: &Value| route["receiver"].as_str().is_some_and(|receiver| ours.contains(&receiver));
    let top = &config["route"];
    let first = &top["routes"][0];
    let is_printed = sends_here(first) && matches!(list(&first["matchers"]), [one] if is_matcher(one, &webhook));
    if is_printed {
        ok(SUBJECT, format!("{url}: the route that sends every backup alert here stands first"))
    } else if sends_here(top) && list(&top["routes"]).is_empty() {
        ok(SUBJECT, format!("{url}: every alert comes here"))
    } else if any_route(top, &sends_here) {
        let found = format!("{url}: has a route here, but not as `ns8-backup-monitor alertmanager-config` prints it");
        let see = format!("`amtool config routes test --alertmanager.url={url} alertname=NAME id=1`");
        let names = receiver.alert_names.join(", ");
        let todo = format!("see whether {see} names {}, NAME being each of {names}; if not, {PATCH}", ours[0]);
        warning(SUBJECT, found, todo)
    } else {
        error(SUBJECT, format!("{url}: has no route to the receiver {}: no alert comes here", ours[0]), PATCH)
    }
}

/// Returns whether a matcher is the one that we print. Alertmanager leaves out the spaces around the operator.
fn is_matcher(matcher: &Value, webhook: &Webhook) -> bool {
    let without_spaces = |text: &str| text.replacen(" =~ ", "=~", 1);
    matcher.as_str().is_some_and(|matcher| without_spaces(matcher) == without_spaces(&webhook.matcher()))
}

/// Returns an address with one of the names of this machine, which all reach the port.
fn by_address(url: &str) -> String {
    url.replacen("//localhost:", "//127.0.0.1:", 1).replacen("//[::1]:", "//127.0.0.1:", 1)
}

/// Returns the names of the receivers that post to us. Newer versions of Alertmanager hide URLs: then our own name
/// counts.
fn our_receivers<'a>(config: &'a Value, url: &str) -> Vec<&'a str> {
    let posts_here = |receiver: &&Value| {
        let urls: Vec<_> = list(&receiver["webhook_configs"]).iter().map(|webhook| &webhook["url"]).collect();
        let hidden = |url: &&Value| url.as_str().is_some_and(|url| url.starts_with('<'));
        urls.iter().any(|found| found.as_str().is_some_and(|found| by_address(found) == by_address(url)))
            || receiver["name"] == NAME && urls.iter().any(hidden)
    };
    list(&config["receivers"]).iter().filter(posts_here).filter_map(|receiver| receiver["name"].as_str()).collect()
}

/// Returns whether each of our receivers sends a token. Alertmanager does not show which.
fn sends_token(config: &Value, ours: &[&str]) -> bool {
    let is_ours = |receiver: &&Value| receiver["name"].as_str().is_some_and(|name| ours.contains(&name));
    let webhooks =
        list(&config["receivers"]).iter().filter(is_ours).flat_map(|receiver| list(&receiver["webhook_configs"]));
    webhooks.into_iter().all(|webhook| !webhook["http_config"]["authorization"].is_null())
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;
    use crate::config::defaults;

    fn line(routes: &str) -> Line {
        let text = format!(
            "receivers:\n- name: other\n- name: {NAME}\n  webhook_configs:\n  - url: http://127.0.0.1:9099/alert\nroute:\n  \
             receiver: other\n  routes:\n{routes}"
        );
        judge("x", &serde_yaml::from_str(&text).unwrap(), &defaults().receiver)
    }

    #[test]
    fn only_our_route_in_the_first_place_is_certain() {
        const ALL: &str = "backup_failed|backup_missing|NsBackupFailed|NsBackupMissing|BackupFailed";
        let ours = format!("  - receiver: {NAME}\n    matchers: ['alertname=~\"{ALL}\"']\n");
        let other = "  - receiver: other\n    matchers: [alertname=Watchdog]\n".to_owned();
        for (routes, level) in [
            (ours.clone(), Level::Ok),
            (ours.replace("=~", " =~ ") + &other, Level::Ok),
            (other.clone() + &ours, Level::Warning),
            (ours.replace(ALL, "backup_failed"), Level::Warning),
            (ours.replace("['", "[severity=critical, '"), Level::Warning),
            (format!("  - receiver: other\n    routes:\n    - receiver: {NAME}\n"), Level::Warning),
            (other, Level::Error),
        ] {
            let line = line(&routes);
            assert_eq!(line.level, level, "{routes}\n{line:?}");
        }
    }

    #[test]
    fn a_token_that_is_wanted_is_sent() {
        let mut receiver = defaults().receiver;
        receiver.token_file = Some("/etc/token".into());
        let level = |http: &str| {
            let text = format!(
                "receivers: [{{ name: us, webhook_configs: [{{ url: http://127.0.0.1:9099/alert, http_config: {http} }}] }}]\n\
                 route: {{ receiver: us }}"
            );
            judge("x", &serde_yaml::from_str(&text).unwrap(), &receiver).level
        };
        assert_eq!(level("{ follow_redirects: true }"), Level::Error);
        assert_eq!(level("{ authorization: { type: Bearer, credentials_file: /etc/token } }"), Level::Ok);
    }

    #[test]
    fn the_receiver_is_known_by_its_address_or_where_that_is_hidden_by_its_name() {
        let found = |receiver: &str| -> usize {
            let config: Value = serde_yaml::from_str(&format!("receivers: [{receiver}]")).unwrap();
            our_receivers(&config, "http://127.0.0.1:9099/alert").len()
        };
        assert_eq!(found("{ name: mine, webhook_configs: [{ url: http://127.0.0.1:9099/alert }] }"), 1);
        assert_eq!(found("{ name: mine, webhook_configs: [{ url: http://localhost:9099/alert }] }"), 1);
        assert_eq!(found("{ name: ns8-backup-monitor, webhook_configs: [{ url: <secret> }] }"), 1);
        assert_eq!(found("{ name: ns8-backup-monitor, webhook_configs: [{ url: http://127.0.0.1:9098/alert }] }"), 0);
        assert_eq!(found("{ name: mine, webhook_configs: [{ url: <secret> }] }"), 0);
        assert_eq!(found("{ name: ns8-backup-monitor }"), 0);
    }
}
