//! Commands that show more. Each is offered only where every part of it is safe to paste into a shell.

use jiff::Timestamp;

use crate::config::RedisAddress;
use crate::model::plan::{ModuleId, PlanId};
use crate::model::reason::MARGIN;
use crate::model::text::clean;

/// Longest command offered, in bytes.
const MAX_COMMAND: usize = 200;

/// What layout A holds of the module, straight from Redis.
pub(super) fn status(redis: &RedisAddress, plan: &PlanId, module: &ModuleId) -> Option<String> {
    let key = format!("module/{module}/backup/{plan}/status");
    match redis {
        RedisAddress::Unix(socket) => shell(&["redis-cli", "-s", socket.to_str()?, "HGETALL", &key]),
        RedisAddress::Url(url) => shell(&["redis-cli", "-u", url, "HGETALL", &key]),
    }
}

/// The unit that runs the plan on a node in layout C (`backup3.service` runs plan 3), and the log of the run that took
/// place within `span`.
///
/// The log is found by its identifier: what the processes of a module print belongs to the session that `runagent`
/// opened for the module's user, not to the unit. Runs started by hand print over the agent's connection.
pub(super) fn run(plan: &PlanId, span: (Timestamp, Timestamp)) -> Vec<String> {
    let unit = format!("backup{plan}.service");
    let status = shell(&["systemctl", "status", &unit]).filter(|_| is_number(plan));
    status.into_iter().chain(log(&["runagent", "agent@node"], span)).collect()
}

/// The unit that runs the plan for a rootless module in layout B, in its user's own manager, and the log of its run,
/// which has the unit's name as its identifier: of a rootless module `backup3`, of a rootful one `backup3-<module>`.
pub(super) fn run_of_module(plan: &PlanId, module: &ModuleId, span: (Timestamp, Timestamp)) -> Vec<String> {
    let (Some(id), true) = (Some(module.as_str()).filter(|id| !id.starts_with('-')), is_number(plan)) else {
        return Vec::new();
    };
    let (unit, rootful) = (format!("backup{plan}"), format!("backup{plan}-{id}"));
    let status = shell(&["runagent", "-m", id, "systemctl", "--user", "status", &format!("{unit}.service")]);
    status.into_iter().chain(log(&[&unit, &rootful], span)).collect()
}

/// Shows the lines under these identifiers around `span`. It names the zone, since a shell may be in another one.
fn log(identifiers: &[&str], (since, until): (Timestamp, Timestamp)) -> Option<String> {
    let time = |time: Timestamp| time.strftime("%F %T UTC").to_string();
    let since = time(since.saturating_sub(MARGIN).unwrap_or(since));
    let until = time(until.saturating_add(MARGIN).unwrap_or(until));
    let identifiers = identifiers.iter().flat_map(|identifier| ["-t", identifier]);
    let words: Vec<&str> = ["journalctl"].into_iter().chain(identifiers).chain(["-S", &since, "-U", &until]).collect();
    shell(&words)
}

/// A command that was made elsewhere; `None` if it cannot be shown as it is.
pub(super) fn shown_as_it_is(command: &str) -> Option<String> {
    (!command.is_empty() && clean(command, 2 * MAX_COMMAND) == command).then(|| command.into())
}

/// When the plans run on a node.
pub(super) fn timers() -> Vec<String> {
    shell(&["systemctl", "list-timers", "backup*"]).into_iter().collect()
}

/// NS8's own list of the plans, with the modules of each.
pub(super) fn plans() -> Vec<String> {
    shell(&["api-cli", "run", "list-backups"]).into_iter().collect()
}

/// restic on a module's own repository, through NS8's `restic-wrapper`, which knows address and password.
pub(super) fn restic(plan: &PlanId, module: &ModuleId, action: &[&str]) -> Option<String> {
    let module = Some(module.as_str()).filter(|id| !id.starts_with('-'))?;
    let wrapper = ["runagent", "-m", module, "restic-wrapper", "--backup", plan.as_str()];
    is_number(plan).then(|| shell(&[&wrapper, action].concat()))?
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

    fn plan(id: &str) -> PlanId {
        PlanId::new(id).unwrap()
    }

    fn module(id: &str) -> ModuleId {
        ModuleId::new(id).unwrap()
    }

    #[test]
    fn only_what_is_safe_to_paste_is_offered() {
        let redis = RedisAddress::Unix("/run/redis.sock".into());
        let offered = |id, of| status(&redis, &plan(id), &module(of)).unwrap_or_default();
        assert_eq!(offered("2", "mail1"), "redis-cli -s /run/redis.sock HGETALL module/mail1/backup/2/status");
        assert_eq!(
            offered("*; rm", "it's"),
            r"redis-cli -s /run/redis.sock HGETALL 'module/it'\''s/backup/*; rm/status'"
        );
        assert_eq!([offered("2", "a\nb"), offered("2", "<b>"), offered("2", &"m".repeat(300))], ["", "", ""]);
        let snapshots = |of| restic(&plan("2"), &module(of), &["snapshots"]);
        assert_eq!(snapshots("mail1").unwrap(), "runagent -m mail1 restic-wrapper --backup 2 snapshots");
        assert_eq!(snapshots("-x"), None);
    }

    fn span() -> (Timestamp, Timestamp) {
        ("2026-11-22T01:00:00Z".parse().unwrap(), "2026-11-22T02:12:10Z".parse().unwrap())
    }

    const TIMES: &str = "-S '2026-11-22 00:58:00 UTC' -U '2026-11-22 02:14:10 UTC'";

    #[test]
    fn a_unit_is_named_only_by_a_number() {
        let log = format!("journalctl -t runagent -t agent@node {TIMES}");
        assert_eq!(run(&plan("2"), span()), ["systemctl status backup2.service", &log]);
        assert_eq!(run(&plan("2.service sshd"), span()), [log]);
        assert_eq!(restic(&plan("2.service sshd"), &module("mail1"), &["snapshots"]), None);
        assert_eq!(timers(), ["systemctl list-timers 'backup*'"]);
    }

    #[test]
    fn layout_b_has_a_unit_for_each_module() {
        assert_eq!(
            run_of_module(&plan("3"), &module("mail1"), span()),
            [
                "runagent -m mail1 systemctl --user status backup3.service",
                &format!("journalctl -t backup3 -t backup3-mail1 {TIMES}")
            ]
        );
        assert!(run_of_module(&plan("3 x"), &module("mail1"), span()).is_empty());
        assert!(run_of_module(&plan("3"), &module("--help"), span()).is_empty());
    }

    #[test]
    fn a_command_from_elsewhere_is_shown_only_as_it_is() {
        let command = "logcli query '{unit=\"backup2.service\"}'";
        assert_eq!(shown_as_it_is(command).as_deref(), Some(command));
        assert_eq!(["", "a\nb", "cat < x", "\u{202e}"].map(shown_as_it_is), [const { None }; 4]);
    }
}
