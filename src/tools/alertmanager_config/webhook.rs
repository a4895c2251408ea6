//! The receiver and the route for Alertmanager: where to post, which alerts, and with which token.

use std::path::PathBuf;

use super::NAME;
use crate::config::text::quoted;
use crate::config::{Receiver, authority, bare};

/// The webhook that brings backup alerts here.
pub(in crate::tools) struct Webhook {
    url: String,
    pub(super) names: Vec<String>,
    token_file: Option<PathBuf>,
}

impl Webhook {
    /// Creates the webhook for the configured address, alert names and token.
    pub(in crate::tools) fn new(receiver: &Receiver) -> Self {
        let host = match bare(&receiver.host) {
            "0.0.0.0" => "127.0.0.1",
            "::" => "::1",
            host => host,
        };
        Self {
            url: format!("http://{}/alert", authority(host, receiver.port)),
            names: receiver.alert_names.clone(),
            token_file: receiver.token_file.clone(),
        }
    }

    /// Returns the address to post to.
    pub(in crate::tools) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the lines of the receiver.
    pub(super) fn receiver(&self) -> Vec<String> {
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

    /// Returns the lines of the route.
    pub(super) fn route(&self) -> Vec<String> {
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

    /// Returns the matcher for the alert names: a regular expression, which Alertmanager anchors, in double quotes.
    pub(in crate::tools) fn matcher(&self) -> String {
        let names: Vec<String> = self.names.iter().map(|name| escaped(name, r".+*?()|[]{}^$\")).collect();
        format!("alertname =~ \"{}\"", escaped(&names.join("|"), "\\\""))
    }

    /// Returns both, as they stand in a configuration.
    pub(super) fn example(&self) -> String {
        let indented =
            |item: Vec<String>, by: &str| item.iter().map(|line| format!("{by}{line}\n")).collect::<String>();
        let (receiver, route) = (indented(self.receiver(), "  "), indented(self.route(), "    "));
        format!("receivers:\n{receiver}\nroute:\n  routes:\n{route}")
    }
}

/// Returns `text` with a backslash before each of `special`.
fn escaped(text: &str, special: &str) -> String {
    text.chars().flat_map(|c| special.contains(c).then_some('\\').into_iter().chain([c])).collect()
}
