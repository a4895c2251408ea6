//! The node agent's login for the gateway and for the private keys of the cluster's Redis.

use secrecy::SecretString;

use crate::config::{RepoCheck, handed_over, read_text};

/// Where NS8 keeps the login. Only root may read it; the unit hands a copy on as the systemd credential `agent.env`.
pub const AGENT_ENV: &str = "/var/lib/nethserver/node/state/agent.env";

/// Maximum size of the file, in bytes.
const MAX_FILE: u64 = 64 << 10;

/// The login of a node's agent: `REDIS_USER` and `REDIS_PASSWORD` in its `agent.env`.
#[derive(Debug, Clone)]
pub struct Agent {
    /// `node/<n>`.
    pub user: String,
    /// Its password.
    pub password: SecretString,
}

impl Agent {
    /// Reads the login from `repo_check.agent_env`, else from the systemd credential `agent.env`, else (for root at a
    /// terminal) from where NS8 has it. `None` where the file is missing, may not be read, or holds no login: the unit
    /// starts without one as well.
    pub fn load(settings: &RepoCheck) -> Option<Self> {
        let credential = || handed_over("agent.env".as_ref());
        let file = settings.agent_env.clone().or_else(credential).unwrap_or_else(|| AGENT_ENV.into());
        Self::parse(&read_text(&file, MAX_FILE).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        Some(Self { user: value(text, "REDIS_USER")?.into(), password: value(text, "REDIS_PASSWORD")?.into() })
    }
}

/// Returns the value of `wanted` among lines of `KEY=VALUE`; the last one counts, as in a shell.
pub(crate) fn value<'a>(text: &'a str, wanted: &str) -> Option<&'a str> {
    let mut assignments = text.lines().rev().filter_map(|line| line.trim().split_once('='));
    let (_, value) = assignments.find(|(key, _)| key.trim_start_matches("export ").trim() == wanted)?;
    let value = value.trim();
    let within = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    Some(within('"').or_else(|| within('\'')).unwrap_or(value)).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn quotes_comments_and_spaces_are_tolerated() {
        let text = "# REDIS_USER=no\nREDIS_USER=old\nAGENT_ID=node/1\n\
            \x20export REDIS_USER = \"node/1\"\r\nREDIS_PASSWORD='a=b\"'\n";
        let agent = Agent::parse(text).unwrap();
        assert_eq!((agent.user.as_str(), agent.password.expose_secret()), ("node/1", "a=b\""));
    }

    #[test]
    fn half_a_login_is_none() {
        for text in
            ["", "none\n", "REDIS_USER=node/1", "REDIS_USER=\nREDIS_PASSWORD=x", "REDIS_USER=a\nREDIS_PASSWORD=''"]
        {
            assert!(Agent::parse(text).is_none(), "{text:?}");
        }
    }
}
