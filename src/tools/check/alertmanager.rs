//! Would Alertmanager send our alerts here? Asks the running one for its configuration and follows its routes.

use serde::Deserialize;
use serde_yaml::Value;

use super::{Line, PATIENCE, error, ok, warning};
use crate::config::Receiver;
use crate::system::http;
use crate::tools::alertmanager_config::{NAME, Webhook, list};

const SUBJECT: &str = "alertmanager";
const PATCH: &str =
    "put the route in with `ns8-backup-monitor alertmanager-config --patch FILE`, and reload Alertmanager";

/// The part of `/api/v2/status` that matters.
#[derive(Deserialize)]
struct Status {
    config: Config,
}

#[derive(Deserialize)]
struct Config {
    original: String,
}

/// Looks at the Alertmanager at `url`.
pub(super) async fn check(url: &str, receiver: &Receiver) -> Line {
    let url = url.trim_end_matches('/');
    let not_found = |why: String| {
        let todo = "is it running? If it is elsewhere, give its address: --alertmanager URL";
        error(SUBJECT, format!("{url}: {why}"), todo)
    };
    let body = match http::get(&format!("{url}/api/v2/status"), PATIENCE).await {
        Ok((status, body)) if status.is_success() => body,
        Ok((status, _)) => return not_found(format!("answers {status}")),
        Err(why) => return not_found(why),
    };
    let config = serde_json::from_slice::<Status>(&body).map(|status| status.config.original);
    match config.ok().and_then(|text| serde_yaml::from_str(&text).ok()) {
        Some(config) => judge(url, &config, receiver),
        None => not_found("its answer is not that of an Alertmanager".into()),
    }
}

fn judge(url: &str, config: &Value, receiver: &Receiver) -> Line {
    let ours = our_receivers(config, Webhook::new(receiver).url());
    if ours.is_empty() {
        return error(SUBJECT, format!("{url}: has no receiver {NAME}: no alert comes here"), PATCH);
    }
    if receiver.token_file.is_some() && !sends_token(config, &ours) {
        return error(SUBJECT, format!("{url}: sends no token, so that its alerts are refused"), PATCH);
    }
    let with = |wanted: Reach| -> Vec<&str> {
        let names = receiver.alert_names.iter().map(String::as_str);
        names.filter(|name| reach(&config["route"], &ours, name) == wanted).collect()
    };
    let (lost, unsure) = (with(Reach::No), with(Reach::Maybe));
    match (lost.as_slice(), unsure.as_slice()) {
        ([], []) => ok(SUBJECT, format!("{url}: every alert name is routed here")),
        ([], [name, ..]) => {
            let todo =
                format!("see `amtool config routes test alertname={name} id=1`, or move the route {NAME} to the front");
            warning(SUBJECT, format!("{url}: whether {} come here depends on other labels", unsure.join(", ")), todo)
        }
        _ => error(SUBJECT, format!("{url}: does not send {} here", lost.join(", ")), PATCH),
    }
}

/// This machine goes by several names, all of which reach the port.
fn by_address(url: &str) -> String {
    url.replacen("//localhost:", "//127.0.0.1:", 1).replacen("//[::1]:", "//127.0.0.1:", 1)
}

/// The names of the receivers that post to us. Newer versions of Alertmanager hide URLs: then our own name counts.
fn our_receivers<'a>(config: &'a Value, url: &str) -> Vec<&'a str> {
    let posts_here = |receiver: &&Value| {
        let urls: Vec<_> = list(&receiver["webhook_configs"]).iter().map(|webhook| &webhook["url"]).collect();
        let hidden = |url: &&Value| url.as_str().is_some_and(|url| url.starts_with('<'));
        urls.iter().any(|found| found.as_str().is_some_and(|found| by_address(found) == by_address(url)))
            || receiver["name"] == NAME && urls.iter().any(hidden)
    };
    list(&config["receivers"]).iter().filter(posts_here).filter_map(|receiver| receiver["name"].as_str()).collect()
}

/// Whether each of our receivers sends a token. Its value is not shown, and so not compared.
fn sends_token(config: &Value, ours: &[&str]) -> bool {
    let is_ours = |receiver: &&Value| receiver["name"].as_str().is_some_and(|name| ours.contains(&name));
    let webhooks =
        list(&config["receivers"]).iter().filter(is_ours).flat_map(|receiver| list(&receiver["webhook_configs"]));
    webhooks.into_iter().all(|webhook| !webhook["http_config"]["authorization"].is_null())
}

/// Whether an alert gets somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Yes,
    No,
    /// That depends on more than the alert's name.
    Maybe,
}

/// Whether an alert of this name that has come to `route` is sent to one of our receivers.
///
/// Alertmanager's rule: children are tried in order, the first that matches takes the alert away from the others
/// unless it says `continue`; the route's own receiver counts where no child has matched.
fn reach(route: &Value, ours: &[&str], name: &str) -> Reach {
    // Whether an earlier child may keep the alert from the later ones, and whether the route's own receiver gets it.
    let mut unsure = false;
    let is_ours = route["receiver"].as_str().is_some_and(|receiver| ours.contains(&receiver));
    let mut own = if is_ours { Reach::Yes } else { Reach::No };
    for child in list(&route["routes"]) {
        let matches = matches(child, name);
        if matches == Some(false) {
            continue;
        }
        let (sure, goes_on) = (matches == Some(true), child["continue"] == true);
        match reach(child, ours, name) {
            Reach::Yes if sure && !unsure => return Reach::Yes,
            Reach::Yes | Reach::Maybe => return Reach::Maybe,
            Reach::No if sure && !goes_on => return Reach::No,
            Reach::No => unsure |= !goes_on,
        }
        own = if sure || own == Reach::No { Reach::No } else { Reach::Maybe };
    }
    own
}

/// Whether a route takes alerts of this name; `None` where that depends on other labels, or cannot be told.
fn matches(route: &Value, name: &str) -> Option<bool> {
    let pairs = |key: &str, operator: &str| -> Vec<Option<bool>> {
        let pairs = route[key].as_mapping().into_iter().flatten();
        pairs.map(|(label, value)| holds(label.as_str()?, operator, value.as_str()?, name)).collect()
    };
    let texts = list(&route["matchers"]).iter().map(|text| {
        let (label, operator, value) = matcher(text.as_str()?)?;
        holds(label, operator, value, name)
    });
    let all = [pairs("match", "="), pairs("match_re", "=~"), texts.collect()].concat();
    match all.contains(&Some(false)) {
        true => Some(false),
        false => all.iter().all(Option::is_some).then_some(true),
    }
}

/// The parts of `label=~"value"`; `None` where it is written in another way.
fn matcher(text: &str) -> Option<(&str, &'static str, &str)> {
    let at = text.find(['=', '!'])?;
    let (label, rest) = text.split_at(at);
    let operator = ["=~", "!~", "!=", "="].into_iter().find(|operator| rest.starts_with(operator))?;
    let value = rest[operator.len()..].trim();
    let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    Some((label.trim(), operator, bare))
}

/// Whether an alert of this name passes; `None` for other labels. Of regular expressions only alternatives (`a|b`) are
/// understood.
fn holds(label: &str, operator: &str, value: &str, name: &str) -> Option<bool> {
    if label != "alertname" {
        return None;
    }
    let is_regex = operator.ends_with('~');
    if is_regex && value.contains(|c: char| ".+*?()[]{}^$\\".contains(c)) {
        return None;
    }
    let equal = if is_regex { value.split('|').any(|one| one == name) } else { value == name };
    Some(equal != operator.starts_with('!'))
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;
    use crate::tools::defaults;

    fn line(routes: &str) -> Line {
        let text = format!(
            "receivers:\n- name: other\n- name: {NAME}\n  webhook_configs:\n  - url: http://127.0.0.1:9099/alert\nroute:\n  \
             receiver: other\n  routes:\n{routes}"
        );
        judge("x", &serde_yaml::from_str(&text).unwrap(), &defaults().receiver)
    }

    const ALL: &str = "backup_failed|backup_missing|NsBackupFailed|NsBackupMissing|BackupFailed";

    #[test]
    fn routes_are_followed() {
        let ours = format!("  - receiver: {NAME}\n    matchers: ['alertname=~\"{ALL}\"']\n");
        let other = |matchers: &str, more: &str| format!("  - receiver: other\n    {matchers}\n{more}");
        let cases = [
            (ours.clone(), Level::Ok),
            (format!("  - receiver: {NAME}\n    match_re: {{ alertname: {ALL} }}\n"), Level::Ok),
            (other("matchers: [alertname=Watchdog]", "") + &ours, Level::Ok),
            (other("matchers: ['alertname!~\"a|b\"']", "    continue: true\n") + &ours, Level::Ok),
            (other("match: { severity: critical }", "    continue: true\n") + &ours, Level::Ok),
            (other("match: { severity: critical }", "") + &ours, Level::Warning),
            (other("matchers: ['alertname=~\".*ackup.*\"']", "") + &ours, Level::Warning),
            (other("matchers: [alertname=backup_failed]", "") + &ours, Level::Error),
            (other("continue: false", "") + &ours, Level::Error),
            (format!("  - receiver: {NAME}\n    matchers: [alertname=backup_failed]\n"), Level::Error),
            (format!("  - receiver: {NAME}\n    matchers: [severity=critical]\n"), Level::Warning),
            (other("match: { severity: critical }", "") + &other("continue: false", "") + &ours, Level::Error),
            (other("matchers: [alertname=x]", ""), Level::Error),
        ];
        for (routes, level) in cases {
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
    fn the_default_receiver_gets_what_no_route_takes() {
        let root = |routes: &str| -> Value {
            serde_yaml::from_str(&format!("{{ receiver: us, routes: [{routes}] }}")).unwrap()
        };
        let reached = |routes: &str| reach(&root(routes), &["us"], "backup_failed");
        assert_eq!(reached(""), Reach::Yes);
        assert_eq!(reached("{ receiver: x, match: { alertname: other } }"), Reach::Yes);
        assert_eq!(reached("{ receiver: x, match: { severity: critical }, continue: true }"), Reach::Maybe);
        assert_eq!(reached("{ receiver: x }"), Reach::No);
        assert_eq!(reached("{ receiver: x, continue: true }"), Reach::No);
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
