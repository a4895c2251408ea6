//! `alertmanager-config`: brings backup alerts here by a receiver and a route in Alertmanager's configuration.
//!
//! The file is edited as text, so that comments, order and quoting stay. What is written is first read back: without
//! our receiver and route, it must hold exactly what the file held before.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_yaml::Value;

use super::file::{self, Access};
use super::{Done, print, settings_or_defaults};
use crate::cli::AlertmanagerConfig;
use crate::config::text::{block, find, first_indent, items, line_end, lines, quoted};
use crate::config::{Live, Receiver};

/// The name of our receiver.
pub(super) const NAME: &str = "ns8-backup-monitor";

/// The command.
pub(super) fn run(arguments: &AlertmanagerConfig, live: &Live) -> Done {
    // The unit of Alertmanager that calls this command runs as a user who may not read the configuration.
    let configured = live.current().is_ok();
    let webhook = Webhook::new(&settings_or_defaults(live).receiver);
    match &arguments.patch {
        Some(file) if !configured && !arguments.remove && is_in(file) => {
            print(&format!("{}: nothing to change, receiver {NAME} is there already\n", file.display()));
        }
        Some(file) => print(&edit(file, arguments.remove, &webhook)?),
        None => print(&webhook.example()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the file has our receiver. Somebody who knew the configuration put it there: mere defaults are no reason to
/// change it.
fn is_in(file: &Path) -> bool {
    let config = fs::read_to_string(file).ok().and_then(|text| parse(&text).ok());
    let receivers = config.as_ref().and_then(|config| config["receivers"].as_sequence());
    receivers.is_some_and(|receivers| receivers.iter().any(|receiver| receiver["name"] == NAME))
}

/// Puts receiver and route into the file, or takes them out; says what was done.
fn edit(file: &Path, take_out: bool, webhook: &Webhook) -> Result<String, String> {
    let failed = |why: String| format!("{} is left as it was: {why}", file.display());
    let file = file.canonicalize().map_err(|error| failed(error.to_string()))?;
    let text = fs::read_to_string(&file).map_err(|error| failed(error.to_string()))?;
    let by_hand = |why| format!("{why}\nPut this in by hand, the route before all others:\n\n{}", webhook.example());
    let edited = match take_out {
        true => remove(&text),
        false => patch(&text, webhook).map_err(by_hand),
    };
    let edited = edited.map_err(failed)?;
    if edited == text {
        return Ok(format!("{}: nothing to change\n", file.display()));
    }
    replace(&file, &edited).map_err(|error| failed(error.to_string()))?;
    let done = if take_out { "taken out".into() } else { format!("put in. {}", default_receiver_note(&edited)) };
    Ok(format!("{}: receiver and route {NAME} {done}\n", file.display()))
}

/// What `continue: true` does not do: Alertmanager's default receiver is asked only where no route has matched.
fn default_receiver_note(text: &str) -> String {
    let config = parse(text).unwrap_or_default();
    let default = config["route"]["receiver"].as_str().unwrap_or_default();
    format!(
        "Other routes still get these alerts, but the default receiver {default} gets only what no route takes: if it \
         should get them too, add a route to it for these alert names"
    )
}

fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let meta = fs::metadata(file)?;
    let mode = meta.permissions().mode() & 0o7777;
    file::replace(file, text, Access { mode, user: Some(meta.uid()), group: Some(meta.gid()) })
}

/// What Alertmanager has to know.
pub(super) struct Webhook {
    url: String,
    names: Vec<String>,
    token_file: Option<PathBuf>,
}

impl Webhook {
    /// The webhook that the configuration amounts to.
    pub(super) fn new(receiver: &Receiver) -> Self {
        let host = match receiver.host.trim_matches(['[', ']']) {
            "0.0.0.0" => "127.0.0.1".into(),
            "::" => "[::1]".into(),
            host if host.contains(':') => format!("[{host}]"),
            host => host.into(),
        };
        Self {
            url: format!("http://{host}:{}/alert", receiver.port),
            names: receiver.alert_names.clone(),
            token_file: receiver.token_file.clone(),
        }
    }

    /// Where alerts are to be posted.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    fn receiver(&self) -> Vec<String> {
        let mut item = vec![
            format!("- name: {NAME}"),
            "  webhook_configs:".into(),
            format!("    - url: {}", quoted(&self.url)),
            "      send_resolved: false".into(),
        ];
        if let Some(file) = &self.token_file {
            item.push("      http_config:".into());
            item.push("        authorization:".into());
            item.push(format!("          credentials_file: {}", quoted(&file.to_string_lossy())));
        }
        item
    }

    fn route(&self) -> Vec<String> {
        vec![
            format!("- receiver: {NAME}"),
            "  continue: true".into(),
            "  matchers:".into(),
            format!("    - {}", quoted(&self.matcher())),
            "  group_by: [alertname, id]".into(),
            "  group_wait: 10s".into(),
            "  group_interval: 5m".into(),
            "  repeat_interval: 12h".into(),
        ]
    }

    /// The matcher for the alert names: a regular expression, anchored by Alertmanager, within double quotes.
    fn matcher(&self) -> String {
        let names: Vec<String> = self.names.iter().map(|name| escaped(name, r".+*?()|[]{}^$\")).collect();
        format!("alertname =~ \"{}\"", escaped(&names.join("|"), "\\\""))
    }

    fn example(&self) -> String {
        let indented =
            |item: Vec<String>, by: &str| item.iter().map(|line| format!("{by}{line}\n")).collect::<String>();
        let (receiver, route) = (indented(self.receiver(), "  "), indented(self.route(), "    "));
        format!("receivers:\n{receiver}\nroute:\n  routes:\n{route}")
    }
}

/// `text` with a backslash before each of `special`.
fn escaped(text: &str, special: &str) -> String {
    text.chars().flat_map(|c| special.contains(c).then_some('\\').into_iter().chain([c])).collect()
}

/// `text` with our receiver and route first in their lists; unchanged where they are there already.
fn patch(text: &str, webhook: &Webhook) -> Result<String, String> {
    let before = parse(text)?;
    let wanted = parse(&webhook.example())?;
    let is_in = |config: &Value| {
        let has_receiver = receivers(config).iter().any(|receiver| *receiver == wanted["receivers"][0]);
        has_receiver && routes(config).first() == Some(&wanted["route"]["routes"][0])
    };
    if is_in(&before) {
        return Ok(text.into());
    }
    let edited = insert(&cut_out(text)?, webhook)?;
    let after = parse(&edited).map_err(|_| UNUSUAL)?;
    match is_in(&after) && without_ours(after) == without_ours(before) {
        true => Ok(edited),
        false => Err(UNUSUAL.into()),
    }
}

/// `text` without our receiver and route; unchanged where they are not there.
fn remove(text: &str) -> Result<String, String> {
    let wanted = without_ours(parse(text)?);
    if names_us(&wanted["route"]) {
        return Err(format!("a route that is not ours sends to the receiver {NAME}, too; take that out first"));
    }
    let edited = cut_out(text)?;
    match without_ours(parse(&edited).map_err(|_| UNUSUAL)?) == wanted {
        true => Ok(edited),
        false => Err(UNUSUAL.into()),
    }
}

const UNUSUAL: &str = "it is written in a way that this program cannot edit safely";

fn parse(text: &str) -> Result<Value, String> {
    let config: Value = serde_yaml::from_str(text).map_err(|error| format!("it is not valid YAML: {error}"))?;
    match config["route"].is_mapping() && !receivers(&config).is_empty() {
        true => Ok(config),
        false => Err("it lacks a route or receivers, and so is no configuration of Alertmanager".into()),
    }
}

fn receivers(config: &Value) -> &[Value] {
    list(&config["receivers"])
}

fn routes(config: &Value) -> &[Value] {
    list(&config["route"]["routes"])
}

/// The items of a list; none where it is no list.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_sequence().map_or(&[], Vec::as_slice)
}

fn is_our_receiver(receiver: &Value) -> bool {
    receiver["name"] == NAME
}

/// A route that somebody put more routes below is theirs.
fn is_our_route(route: &Value) -> bool {
    route["receiver"] == NAME && route["routes"].is_null()
}

fn names_us(route: &Value) -> bool {
    route["receiver"] == NAME || list(&route["routes"]).iter().any(names_us)
}

/// A configuration without what is ours, and without the list of routes where no other is in it.
fn without_ours(mut config: Value) -> Value {
    if let Some(Value::Sequence(receivers)) = config.get_mut("receivers") {
        receivers.retain(|receiver| !is_our_receiver(receiver));
    }
    if let Some(Value::Mapping(route)) = config.get_mut("route") {
        if let Some(Value::Sequence(routes)) = route.get_mut("routes") {
            routes.retain(|route| !is_our_route(route));
        }
        if route.get("routes").is_some_and(|routes| routes.is_null() || *routes == Value::Sequence(Vec::new())) {
            route.remove("routes");
        }
    }
    config
}

/// Takes our receiver and route out of the text.
fn cut_out(text: &str) -> Result<String, &'static str> {
    let config = parse(text).map_err(|_| UNUSUAL)?;
    let text = cut(text, find_receivers, receivers(&config), is_our_receiver)?;
    cut(&text, find_routes, routes(&config), is_our_route)
}

/// Takes those `values` that are `ours` out of the list whose key `find_list` finds.
fn cut(
    text: &str,
    find_list: fn(&[&str]) -> Option<usize>,
    values: &[Value],
    ours: fn(&Value) -> bool,
) -> Result<String, &'static str> {
    if !values.iter().any(ours) {
        return Ok(text.into());
    }
    let mut lines = lines(text);
    let key = find_list(&lines).ok_or(UNUSUAL)?;
    let items = items(&lines, block(&lines, key));
    if items.len() != values.len() {
        return Err(UNUSUAL);
    }
    for (item, _) in items.into_iter().zip(values).rev().filter(|(_, value)| ours(value)) {
        lines.drain(item);
    }
    let emptied = lines[key].replacen(':', ": []", 1);
    if values.iter().all(ours) {
        // A list that stands first in the route is one that `insert` has made.
        match find_route(&lines).is_some_and(|route| route + 1 == key) {
            true => drop(lines.remove(key)),
            false => lines[key] = &emptied,
        }
    }
    Ok(lines.concat())
}

/// Puts our receiver and route first into their lists, with the indentation and the line ends that are in use there.
fn insert(text: &str, webhook: &Webhook) -> Result<String, &'static str> {
    let lines_before = lines(text);
    let key = find_receivers(&lines_before).ok_or(UNUSUAL)?;
    let step = first_indent(&lines_before, block(&lines_before, key)).ok_or(UNUSUAL)?;
    let text = insert_after(&lines_before, key, &webhook.receiver(), step);

    let mut lines = lines(&text);
    let route = find_route(&lines).ok_or(UNUSUAL)?;
    let columns = first_indent(&lines, block(&lines, route)).ok_or(UNUSUAL)?;
    let Some(key) = find_routes(&lines) else {
        let list = [vec!["routes:".into()], shifted(webhook.route(), step)].concat();
        return Ok(insert_after(&lines, route, &list, columns));
    };
    let in_use = first_indent(&lines, block(&lines, key)).unwrap_or(columns + step);
    let opened = lines[key].replacen(": []", ":", 1);
    lines[key] = &opened;
    Ok(insert_after(&lines, key, &webhook.route(), in_use))
}

/// The text with `added` after line `line`, indented by `columns`.
fn insert_after(lines: &[&str], line: usize, added: &[String], columns: usize) -> String {
    let end = line_end(lines[line]);
    let (before, after) = lines.split_at(line + 1);
    let mut text = before.concat();
    if !text.ends_with('\n') {
        text.push_str(end);
    }
    text.extend(shifted(added.to_vec(), columns).into_iter().map(|line| line + end));
    text + &after.concat()
}

fn shifted(lines: Vec<String>, columns: usize) -> Vec<String> {
    lines.into_iter().map(|line| format!("{:columns$}{line}", "")).collect()
}

fn find_receivers(lines: &[&str]) -> Option<usize> {
    find(lines, 0..lines.len(), 0, "receivers")
}

fn find_route(lines: &[&str]) -> Option<usize> {
    find(lines, 0..lines.len(), 0, "route")
}

fn find_routes(lines: &[&str]) -> Option<usize> {
    let route = block(lines, find_route(lines)?);
    find(lines, route.clone(), first_indent(lines, route)?, "routes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn webhook() -> Webhook {
        Webhook::new(&crate::config::defaults().receiver)
    }

    /// Configurations as programs and people write them.
    const TEXTS: [&str; 8] = [
        // NS8's shape.
        "---
global:
  smtp_smarthost: localhost:25
route:
  group_by: ['alertname', 'node']
  group_wait: 30s
  receiver: default
  routes:
    - receiver: 'null'
      matchers: [ 'severity=\"none\"' ]
receivers:
  - name: default
    webhook_configs: [ { url: 'http://127.0.0.1:9095' } ]
  - name: 'null'
inhibit_rules:
  - source_matchers: [ alertname=\"a\" ]
    target_matchers: [ alertname=\"b\" ]
",
        // No routes.
        "route:\n  receiver: a\nreceivers:\n- name: a\n",
        // An empty list of them, with a comment; the receivers come first; no line end at the end.
        "receivers:\n- name: a\nroute:\n  receiver: a\n  routes: [] # none yet",
        // Comments everywhere, four columns.
        "# head\nroute:   # where to\n    # about the receiver\n    receiver: a\n\n    # about the routes\n    routes: # list\n\
         \n        # first\n        - receiver: b # or a\n          # inside\n          continue: true\n        # last\n\
         \n# about receivers\nreceivers:\n    # a\n    - name: a\n    # b\n    - name: b\n# foot\n",
        // Items as far left as their key.
        "route:\n  routes:\n  - receiver: b\n    routes:\n    - receiver: a\n  receiver: a\nreceivers:\n- name: a\n- name: b\n",
        // Windows' line ends.
        "route:\r\n  receiver: a\r\nreceivers:\r\n- name: a\r\n",
        // Quoted keys and names, templates after them.
        "\"route\":\n  \"receiver\": \"a\"\n  'routes':\n  -   receiver: 'a'\n'receivers':\n-   name: 'a'\ntemplates:\n- '*.tmpl'\n",
        // A multi-line text that looks like keys.
        "receivers:\n- name: a\n  slack_configs:\n  - text: |\n      routes:\n      - receiver: x\nroute:\n  receiver: a\n",
    ];

    #[test]
    fn what_was_put_in_comes_out_again_to_the_byte() {
        for text in TEXTS {
            let patched = patch(text, &webhook()).unwrap();
            assert_ne!(patched, text);
            assert_eq!(patch(&patched, &webhook()).unwrap(), patched, "a second time changes nothing");
            assert_eq!(remove(text).unwrap(), text, "nothing to take out");
            let removed = remove(&patched).unwrap();
            let expected = if text.ends_with("yet") { format!("{text}\n") } else { text.into() };
            assert_eq!(removed, expected);
        }
    }

    #[test]
    fn every_line_that_was_there_stays_as_it_was() {
        for text in TEXTS.into_iter().filter(|text| !text.contains("[] #")) {
            let patched = patch(text, &webhook()).unwrap();
            let mut kept = patched.lines();
            assert!(text.lines().all(|line| kept.any(|found| found == line)), "{text}\n{patched}");
        }
    }

    #[test]
    fn an_old_one_is_renewed_and_moved_to_the_front() {
        let text = "route:\n  receiver: a\n  routes:\n  - receiver: a\n  - receiver: ns8-backup-monitor\n    group_wait: 1s\n\
                    receivers:\n- name: a\n# ours\n- name: ns8-backup-monitor\n";
        let patched = patch(text, &webhook()).unwrap();
        assert_eq!(patched.matches(NAME).count(), 2);
        assert!(patched.find(NAME) < patched.find("- receiver: a"));
        assert!(patched.contains("# ours"));
    }

    #[test]
    fn what_cannot_be_edited_safely_is_refused() {
        for text in [
            "route: {receiver: a}\nreceivers:\n- name: a\n",
            "route:\n  receiver: a\nreceivers: [{name: a}]\n",
            "route: &r\n  receiver: a\nreceivers:\n- name: a\nother: *r\n",
            "route:\n  receiver: a\n  routes: [{receiver: a}]\nreceivers:\n- name: a\n",
        ] {
            assert_eq!(patch(text, &webhook()).unwrap_err(), UNUSUAL, "{text}");
        }
        for text in ["", "a: [", "receivers:\n- name: a\n", "a: 1\n---\nb: 2\n"] {
            assert!(patch(text, &webhook()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_receiver_that_others_use_is_not_taken_away() {
        let text = "route:\n  receiver: ns8-backup-monitor\nreceivers:\n- name: ns8-backup-monitor\n";
        assert!(remove(text).unwrap_err().contains("not ours"));
        let text = "route:\n  receiver: a\n  routes:\n  - receiver: ns8-backup-monitor\n    routes:\n    - receiver: a\n\
                    receivers:\n- name: a\n- name: ns8-backup-monitor\n";
        assert!(remove(text).unwrap_err().contains("not ours"));
        assert!(patch(text, &webhook()).unwrap().contains("repeat_interval"));
    }

    #[test]
    fn names_are_matched_as_they_are() {
        let mut webhook = webhook();
        webhook.names = vec!["a.b".into(), "it's \"c\"".into()];
        assert_eq!(webhook.matcher(), r#"alertname =~ "a\\.b|it's \"c\"""#);
        let patched = patch(TEXTS[1], &webhook).unwrap();
        assert!(patched.contains(r#"- 'alertname =~ "a\\.b|it''s \"c\""'"#), "{patched}");
    }

    /// A configuration in some hand: order, indentation, comments, blank lines, quotes and line ends vary.
    fn some_config() -> impl Strategy<Value = String> {
        let style = (0..3_usize, 1..4_usize, any::<[bool; 5]>(), 0..4_usize, 1..4_usize);
        style.prop_map(|(list, map, [route_first, blank, comments, quotes, windows], routes, receivers)| {
            let (item, inner) = (" ".repeat(list * 2), " ".repeat(map));
            let quote = |text: &str| if quotes { format!("\"{text}\"") } else { text.into() };
            let gap = [if blank { "\n" } else { "" }, if comments { "   # a: - remark\n" } else { "" }].concat();
            let names: String = (0..receivers)
                .map(|n| {
                    format!(
                        "{gap}{item}- name: {}\n{item}  webhook_configs:\n{gap}{item}  - url: http://x/#{n}\n",
                        quote(&n.to_string())
                    )
                })
                .collect();
            let children: String = (1..routes)
                .map(|_| format!("{gap}{inner}{item}- receiver: '0'\n{gap}{inner}{item}  continue: true # why\n"))
                .collect();
            let routes = match routes {
                0 => String::new(),
                1 => format!("{inner}routes: []\n"),
                _ => format!("{inner}routes:\n{children}"),
            };
            let route = format!("{}: # r\n{gap}{inner}receiver: '0'\n{routes}{gap}", quote("route"));
            let receivers = format!("{gap}{}:\n{names}{gap}", quote("receivers"));
            let text = if route_first { route + &receivers } else { receivers + &route };
            if windows { text.replace('\n', "\r\n") } else { text }
        })
    }

    proptest! {
        #[test]
        fn whatever_the_hand_it_goes_in_once_and_comes_out_to_the_byte(text in some_config()) {
            let patched = patch(&text, &webhook()).unwrap();
            prop_assert_eq!(&patch(&patched, &webhook()).unwrap(), &patched);
            prop_assert_eq!(remove(&patched).unwrap(), text);
        }

        #[test]
        fn no_text_is_too_odd(text in "(route|receivers|name|routes|[-:# \n\\[\\]{}&*|>'\"a]){0,40}") {
            let _ = patch(&text, &webhook());
            let _ = remove(&text);
        }
    }
}
