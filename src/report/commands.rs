//! Commands that show more. Each is offered only where every part of it is safe to paste into a shell.

use crate::cluster::model::{Layout, ModuleId, PlanId};
use crate::config::RedisAddress;

/// Longest command offered, in bytes.
const MAX_COMMAND: usize = 200;

/// What shows why `module` has this result, or none (`layout` is `None`).
pub(super) fn look_into(redis: &RedisAddress, plan: &PlanId, module: &ModuleId, layout: Option<Layout>) -> Vec<String> {
    if layout == Some(Layout::A) {
        return status(redis, plan, module).into_iter().collect();
    }
    // Where there never was a result there is no repository to list either.
    let snapshots = layout.and_then(|_| restic(plan, module, "snapshots"));
    journal(plan).into_iter().chain(snapshots).collect()
}

/// What layout A holds of the module, straight from Redis.
fn status(redis: &RedisAddress, plan: &PlanId, module: &ModuleId) -> Option<String> {
    let key = format!("module/{module}/backup/{plan}/status");
    match redis {
        RedisAddress::Unix(socket) => shell(&["redis-cli", "-s", socket.to_str()?, "HGETALL", &key]),
        RedisAddress::Url(url) => shell(&["redis-cli", "-u", url, "HGETALL", &key]),
    }
}

/// The log of the unit that ran the plan on a node (NS8: `backup3.service` ran plan 3).
fn journal(plan: &PlanId) -> Option<String> {
    is_number(plan).then(|| shell(&["journalctl", "-e", "-u", &format!("backup{plan}.service")]))?
}

/// restic on a module's own repository, through NS8's `restic-wrapper`, which knows address and password.
pub(super) fn restic(plan: &PlanId, module: &ModuleId, action: &str) -> Option<String> {
    let module = Some(module.as_str()).filter(|id| !id.starts_with('-'))?;
    is_number(plan).then(|| shell(&["runagent", "-m", module, "restic-wrapper", "--backup", plan.as_str(), action]))?
}

/// This program's own look at the plan as it is now.
pub(super) fn report(plan: &PlanId) -> Option<String> {
    let plan = Some(plan.as_str()).filter(|id| !id.starts_with('-'))?;
    shell(&["ns8-backup-monitor", "report", plan])
}

/// A plan's id as NS8 makes them; only such an id is part of a unit's name.
fn is_number(plan: &PlanId) -> bool {
    plan.as_str().bytes().all(|byte| byte.is_ascii_digit())
}

/// The words as one shell command; `None` where a word holds what cannot be shown as it is, or that is too long.
fn shell(words: &[&str]) -> Option<String> {
    let quoted: Option<Vec<String>> = words.iter().map(|word| quote(word)).collect();
    quoted.map(|words| words.join(" ")).filter(|command| command.len() <= MAX_COMMAND)
}

fn quote(word: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    let shown = |c: char| (c.is_ascii_graphic() || c == ' ') && !"<>".contains(c);
    match word {
        word if !word.is_empty() && word.chars().all(plain) => Some(word.into()),
        word if word.chars().all(shown) => Some(format!("'{}'", word.replace('\'', r"'\''"))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(plan: &str, module: &str, layout: Option<Layout>) -> Vec<String> {
        let redis = RedisAddress::Unix("/run/redis.sock".into());
        look_into(&redis, &PlanId::new(plan).unwrap(), &ModuleId::new(module).unwrap(), layout)
    }

    #[test]
    fn only_what_is_safe_to_paste_is_offered() {
        let documented = |plan, module| offered(plan, module, Some(Layout::A));
        assert_eq!(documented("2", "mail1"), ["redis-cli -s /run/redis.sock HGETALL module/mail1/backup/2/status"]);
        assert_eq!(
            documented("*; rm", "it's"),
            [r"redis-cli -s /run/redis.sock HGETALL 'module/it'\''s/backup/*; rm/status'"]
        );
        assert!(documented("2", "a\nb").is_empty() && documented("2", "<b>").is_empty());
        assert!(documented("2", &"m".repeat(300)).is_empty());
    }

    #[test]
    fn a_unit_is_named_only_by_a_number() {
        let journal = "journalctl -e -u backup2.service";
        assert_eq!(offered("2", "mail1", None), [journal]);
        let restic = "runagent -m mail1 restic-wrapper --backup 2 snapshots";
        assert_eq!(offered("2", "mail1", Some(Layout::C)), [journal, restic]);
        assert_eq!(offered("2", "-x", Some(Layout::C)), [journal]);
        assert!(offered("2.service sshd", "mail1", Some(Layout::B)).is_empty());
    }
}
