//! Puts our receiver and route into the text of an `alertmanager.yml`, or takes them out. Pure.
//!
//! The file is edited as text, so that comments, order and quoting stay. What comes out is read back: without our
//! receiver and route, it must hold exactly what the file held before.

use serde_yaml::Value;

use super::{NAME, Webhook};
use crate::config::text::{block, find, first_indent, items, line_end, lines, parse_yaml};

/// Returns `text` with our receiver and route first in their lists, or unchanged if they are there already.
///
/// Without a configuration (`configured` is false) the address is only a default. A receiver of our name was then put
/// there by somebody who knew the configuration: it stays as it is, and only a route that is missing is added.
///
/// # Errors
/// Returns an error if the text is no configuration of Alertmanager, or is written in a way that cannot be edited
/// safely.
pub(super) fn patch(text: &str, webhook: &Webhook, configured: bool) -> Result<String, String> {
    let before = parse(text)?;
    let present = receivers(&before).iter().find(|receiver| is_our_receiver(receiver)).filter(|_| !configured);
    if present.is_some() && names_us(&before["route"]) {
        return Ok(text.into());
    }
    let example = parse(&webhook.example())?;
    let (receiver, route) = (present.unwrap_or(&example["receivers"][0]), &example["route"]["routes"][0]);
    let is_in = |config: &Value| {
        receivers(config).contains(receiver) && list(&config["route"]["routes"]).first() == Some(route)
    };
    if is_in(&before) {
        return Ok(text.into());
    }
    let edited = match present {
        Some(_) => insert_route(text, webhook)?,
        None => insert_route(&insert_receiver(&cut_out(text)?, webhook)?, webhook)?,
    };
    let after = parse(&edited).map_err(|_| UNUSUAL)?;
    match is_in(&after) && without_ours(after) == without_ours(before) {
        true => Ok(edited),
        false => Err(UNUSUAL.into()),
    }
}

/// Returns `text` without our receiver and route, or unchanged if they are not there.
///
/// # Errors
/// Returns an error as [`patch`] does, or if a route that is not ours names our receiver.
pub(super) fn remove(text: &str) -> Result<String, String> {
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
    let config: Value = parse_yaml(text).map_err(|error| format!("it is not valid YAML: {error}"))?;
    match config["route"].is_mapping() && !receivers(&config).is_empty() {
        true => Ok(config),
        false => Err("it lacks a route or receivers, and so is no configuration of Alertmanager".into()),
    }
}

fn receivers(config: &Value) -> &[Value] {
    list(&config["receivers"])
}

/// Returns the items of a list; none if it is no list.
pub(in crate::tools) fn list(value: &Value) -> &[Value] {
    value.as_sequence().map_or(&[], Vec::as_slice)
}

fn is_our_receiver(receiver: &Value) -> bool {
    receiver["name"] == NAME
}

/// A route with further routes below it belongs to somebody else.
fn is_our_route(route: &Value) -> bool {
    route["receiver"] == NAME && route["routes"].is_null()
}

/// Returns whether `fits` holds for `route`, or for one below it.
pub(in crate::tools) fn any_route(route: &Value, fits: &dyn Fn(&Value) -> bool) -> bool {
    fits(route) || list(&route["routes"]).iter().any(|route| any_route(route, fits))
}

fn names_us(route: &Value) -> bool {
    any_route(route, &|route| route["receiver"] == NAME)
}

/// Returns a configuration without what is ours, and without a list of routes that is then empty.
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
    cut(&text, find_routes, list(&config["route"]["routes"]), is_our_route)
}

/// Takes the `values` that are `ours` out of the list whose key `find_list` finds.
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
        // A list that stands first in the route was made by `insert_route`.
        match find_route(&lines).is_some_and(|route| route + 1 == key) {
            true => drop(lines.remove(key)),
            false => lines[key] = &emptied,
        }
    }
    Ok(lines.concat())
}

/// Puts our receiver first into the list of receivers, with the indentation and the line ends that are in use there.
fn insert_receiver(text: &str, webhook: &Webhook) -> Result<String, &'static str> {
    let mut lines = lines(text);
    let key = find_receivers(&lines).ok_or(UNUSUAL)?;
    let columns = first_indent(&lines, block(&lines, key)).unwrap_or(2);
    // `cut` has emptied the list if ours was the only one.
    let opened = lines[key].replacen(": []", ":", 1);
    lines[key] = &opened;
    Ok(insert_after(&lines, key, &webhook.receiver(), columns))
}

/// Puts our route first into the list of routes, likewise. The list is made if there is none.
fn insert_route(text: &str, webhook: &Webhook) -> Result<String, &'static str> {
    let mut lines = lines(text);
    let receivers = find_receivers(&lines).ok_or(UNUSUAL)?;
    let step = first_indent(&lines, block(&lines, receivers)).ok_or(UNUSUAL)?;
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

/// Returns whether the default receiver is also the receiver of a route that is not ours.
pub(super) fn default_has_a_route(text: &str) -> Option<(String, bool)> {
    let config = parse(text).ok()?;
    let default = config["route"]["receiver"].as_str()?;
    Some((
        default.into(),
        list(&config["route"]["routes"]).iter().any(|route| any_route(route, &|route| route["receiver"] == default)),
    ))
}

/// Returns the text with `added` after line `line`, indented by `columns`.
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
mod tests;
