//! Which node this is, and whether it is the one that watches: NS8's leader.

use std::io;

use crate::config::handed_over;
use crate::system::{agent, files};

/// Where NS8 keeps the node's environment. The unit hands a copy on as the systemd credential `node.environment`.
const NODE_ENVIRONMENT: &str = "/var/lib/nethserver/node/state/environment";
/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Returns this node's id; `None` if this is no NS8 node.
///
/// # Errors
/// Returns an error in words if there is a file that cannot be read: then nobody knows.
pub fn id() -> Result<Option<String>, String> {
    let file = handed_over("node.environment".as_ref())
        .filter(|file| file.exists())
        .unwrap_or_else(|| NODE_ENVIRONMENT.into());
    match files::read(&file, MAX_FILE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{} cannot be read, so it is not known which node this is: {error}", file.display())),
        Ok(content) => Ok(agent::value(&String::from_utf8_lossy(&content), "NODE_ID").map(String::from)),
    }
}

/// Returns whether this node watches: the leader does, and a machine that is no NS8 node or whose cluster names no
/// leader.
pub fn watches(node: Option<&str>, leader: Option<&str>) -> bool {
    node.is_none() || leader.is_none() || node == leader
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_is_found_in_its_environment() {
        let id = |text| agent::value(text, "NODE_ID");
        assert_eq!(id("AGENT_ID=node/2\nNODE_ID=2\nX=\n"), Some("2"));
        assert_eq!(id("export NODE_ID=\"12\"\r\n"), Some("12"));
        for none in ["", "#none", "NODE_ID=", "MY_NODE_ID=2"] {
            assert_eq!(id(none), None);
        }
    }

    #[test]
    fn only_the_leader_watches() {
        assert!(watches(Some("1"), Some("1")));
        assert!(!watches(Some("2"), Some("1")));
        assert!(watches(None, Some("1")));
        assert!(watches(Some("2"), None));
    }
}
