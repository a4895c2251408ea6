//! This node's journal, read by one `journalctl` for all modules of a run.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::Ask;
use super::clean::{clean, shorten};
use super::record::{Fields, Record};
use super::run::{SHUTDOWN, STARTED_UP, Wanted};
use crate::model::plan::ModuleId;
use crate::model::reason::Silence;
use crate::system::process::find;

/// Longest record that is looked at, in bytes of JSON; longer ones are passed over.
const MAX_RECORD: usize = 1 << 20;

/// What is kept of standard error, in bytes.
const MAX_STDERR: u64 = 4096;

/// The fields that a record is asked for; `journalctl` always adds its times and the boot.
const FIELDS: &str = "--output-fields=MESSAGE,MESSAGE_ID,SYSLOG_IDENTIFIER,UNIT,_PID,_STREAM_ID,_TRANSPORT,_UID";

/// The journal of this node, and what reading it may cost.
#[derive(Debug, Clone)]
pub struct Journal {
    /// The folder with the journal's files; `None` for the system's own.
    pub directory: Option<PathBuf>,
    /// How long reading may take.
    pub limit: Duration,
    /// How many bytes of JSON are read at most. They are not kept.
    pub max_bytes: u64,
}

impl Default for Journal {
    /// The system's own journal, for 10 s and 4 GiB.
    fn default() -> Self {
        Self { directory: None, limit: Duration::from_secs(10), max_bytes: 4 << 30 }
    }
}

impl Journal {
    /// Calls `read` with each record of `window` that may belong to a run of the plan, in the order of time.
    ///
    /// # Errors
    /// Returns why the journal was not read, or not to the end.
    pub(super) async fn read(
        &self,
        ask: &Ask,
        modules: &Wanted,
        window: (Timestamp, Timestamp),
        read: impl FnMut(&Fields<'_>),
    ) -> Result<(), Silence> {
        let program = find("journalctl", &[]).map_err(|_| Silence::NotInstalled)?;
        let mut child = self.start(&program, ask.plan.as_str(), modules, window)?;
        let is_module = |name: &str| modules.contains_key(name) || ask.uuids.contains_key(name);
        let result = timeout(self.limit, self.follow(&mut child, &Users::load(&is_module), read)).await;
        // Dropped, it is killed; reaped, it leaves no zombie until the runtime looks again.
        let _ = child.start_kill();
        let _ = timeout(Duration::from_secs(1), child.wait()).await;
        result.unwrap_or(Err(Silence::TimedOut(self.limit.as_secs())))
    }

    fn start(
        &self,
        program: &Path,
        plan: &str,
        modules: &Wanted,
        (since, until): (Timestamp, Timestamp),
    ) -> Result<Child, Silence> {
        let mut command = Command::new(program);
        // Without `--quiet` it says on standard error that it may not read everything.
        command.args(["--no-pager", "--output=json", FIELDS]);
        command.arg(format!("--since=@{}", since.as_second())).arg(format!("--until=@{}", until.as_second()));
        command.args(self.directory.as_ref().map(|folder| format!("--directory={}", folder.display())));
        command.args(matches(plan, modules));
        command.env_clear().env("LANG", "C.UTF-8").env("SYSTEMD_COLORS", "0");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command.spawn().map_err(|error| Silence::Unreachable(error.to_string()))
    }

    async fn follow(&self, child: &mut Child, users: &Users, mut read: impl FnMut(&Fields<'_>)) -> Result<(), Silence> {
        let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else { return Ok(()) };
        let mut said = Vec::new();
        let complaints = async {
            let _ = (&mut stderr).take(MAX_STDERR).read_to_end(&mut said).await;
            let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        };
        let records = each_line(stdout, self.max_bytes, |line| {
            if let Some(record) = Record::parse(line) {
                record.each(users.module(record.uid()), &mut read);
            }
        });
        let (whole, ()) = tokio::join!(records, complaints);
        if !whole {
            return Err(Silence::TooBig);
        }
        let status = child.wait().await.map_err(|error| Silence::Unreachable(error.to_string()))?;
        let said = String::from_utf8_lossy(&said);
        let last = said.lines().last().unwrap_or_default();
        match said.as_ref() {
            said if said.contains("insufficient permissions") || said.contains("not seeing messages from") => {
                Err(Silence::NoAccess)
            }
            said if said.contains("No journal files were found") => Err(Silence::NoJournal),
            _ if !status.success() => Err(Silence::Unreachable(shorten(&clean(last)))),
            _ => Ok(()),
        }
    }
}

/// What a record has to match; the alternatives are separated by `+`.
///
/// A run's unit is not enough: what the processes of a module print belongs to the session that `runagent` opened for
/// the module's user, and is found by the identifier of the run's connection, which is its program's name.
fn matches(plan: &str, modules: &Wanted) -> Vec<String> {
    let mut terms: Vec<String> =
        ["runagent", "agent@node", "rclone-gateway"].iter().map(|name| format!("SYSLOG_IDENTIFIER={name}")).collect();
    terms.push("UNIT=agent@node.service".into());
    terms.extend([SHUTDOWN, STARTED_UP].map(|id| format!("MESSAGE_ID={id}")));
    if !plan.is_empty() && plan.bytes().all(|c| c.is_ascii_digit()) {
        terms.push(format!("UNIT=backup{plan}.service"));
        terms.push(format!("SYSLOG_IDENTIFIER=backup{plan}"));
        let plain = |id: &&ModuleId| id.as_str().bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'));
        terms.extend(modules.keys().filter(plain).map(|id| format!("SYSLOG_IDENTIFIER=backup{plan}-{id}")));
    }
    let mut arguments: Vec<String> = terms.into_iter().flat_map(|term| [term, "+".into()]).collect();
    // What the kernel says of a process that it kills is an error; its warnings may be many.
    arguments.extend(["_TRANSPORT=kernel".into(), "PRIORITY=3".into()]);
    arguments
}

/// The modules' own users, which have the modules' names: the first and the last of their user ids.
#[derive(Debug, Default)]
struct Users(Vec<(u32, u32, String)>);

impl Users {
    /// The users of this machine, also by the ids that their containers use.
    fn load(is_module: &dyn Fn(&str) -> bool) -> Self {
        let [passwd, subuid] =
            ["/etc/passwd", "/etc/subuid"].map(|file| std::fs::read_to_string(file).unwrap_or_default());
        Self::parse(&passwd, &subuid, is_module)
    }

    fn parse(passwd: &str, subuid: &str, is_module: &dyn Fn(&str) -> bool) -> Self {
        let mut users = Vec::new();
        for (line, is_range) in passwd.lines().map(|line| (line, false)).chain(subuid.lines().map(|line| (line, true)))
        {
            let mut fields = line.split(':');
            let name = fields.next().unwrap_or_default();
            let (second, third) = (fields.next(), fields.next());
            let number = |field: Option<&str>| field?.parse::<u32>().ok();
            let ids = match is_range {
                false => number(third).map(|id| (id, 0)),
                true => number(second).zip(number(third).and_then(|count| count.checked_sub(1))),
            };
            let ids = ids.map(|(first, more)| (first, first.saturating_add(more)));
            users.extend(ids.filter(|_| is_module(name)).map(|(first, last)| (first, last, name.to_owned())));
        }
        Self(users)
    }

    /// The module whose user has the id `uid`, or "" for a user of none. `None` if no module has a user here: then it
    /// is not known who is who.
    fn module(&self, uid: Option<u32>) -> Option<&str> {
        let Self(users) = self;
        let is_its = |(first, last, _): &&(u32, u32, String)| uid.is_some_and(|uid| (*first..=*last).contains(&uid));
        (!users.is_empty()).then(|| users.iter().find(is_its).map_or("", |(.., name)| name))
    }
}

/// Calls `read` with each line of `stream`, but for overlong ones. Returns whether that was all of it; stops after
/// `max_bytes`.
async fn each_line(mut stream: impl AsyncRead + Unpin, max_bytes: u64, mut read: impl FnMut(&[u8])) -> bool {
    let mut buffer = vec![0; 256 * 1024];
    let (mut filled, mut total, mut overlong) = (0, 0_u64, false);
    while let Ok(n @ 1..) = stream.read(&mut buffer[filled..]).await {
        total += n as u64;
        if total > max_bytes {
            return false;
        }
        let (mut start, mut from) = (0, filled);
        filled += n;
        while let Some(end) = buffer[from..filled].iter().position(|byte| *byte == b'\n').map(|at| from + at) {
            if !std::mem::take(&mut overlong) {
                read(&buffer[start..end]);
            }
            (start, from) = (end + 1, end + 1);
        }
        buffer.copy_within(start..filled, 0);
        filled -= start;
        if filled == buffer.len() {
            if buffer.len() < MAX_RECORD {
                buffer.resize(buffer.len() * 2, 0);
            } else {
                (filled, overlong) = (0, true);
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_read_whatever_their_length() {
        let long = "x".repeat(300 * 1024);
        let overlong = "y".repeat(MAX_RECORD + 1);
        let text = format!("first\n{long}\n\n{overlong}\nlast\nhalf");
        let mut lines = Vec::new();
        assert!(each_line(text.as_bytes(), u64::MAX, |line| lines.push(line.len())).await);
        assert_eq!(lines, [5, long.len(), 0, 4]);
        assert!(!each_line(text.as_bytes(), 10, |_| ()).await);
    }

    #[test]
    fn a_user_id_is_its_modules() {
        let passwd =
            "root:x:0:0::/root:/bin/sh\nmail1:x:1001:1001::/home/mail1:/bin/bash\njoe:x:1000:1000::/:/bin/sh\nbad\n";
        let subuid = "mail1:231072:65536\njoe:100000:65536\nmail1:1:x\nmail1:9:0\nmail1:0:0\n";
        let users = Users::parse(passwd, subuid, &|name| name == "mail1" || name == "traefik1");
        for (uid, module) in
            [(0, ""), (1000, ""), (1001, "mail1"), (231_072, "mail1"), (296_607, "mail1"), (296_608, ""), (100_000, "")]
        {
            assert_eq!(users.module(Some(uid)), Some(module), "{uid}");
        }
        assert_eq!(users.module(None), Some(""));
        assert_eq!(Users::parse(passwd, subuid, &|name| name == "traefik1").module(Some(1001)), None);
    }

    #[test]
    fn only_a_plain_id_gets_into_the_arguments() {
        let modules: Wanted = ["mail1", "x y"].map(|id| (ModuleId::new(id).unwrap(), None)).into();
        let arguments = matches("2", &modules);
        assert!(arguments.contains(&"UNIT=backup2.service".into()));
        assert!(arguments.contains(&"SYSLOG_IDENTIFIER=backup2-mail1".into()));
        assert!(!arguments.iter().any(|argument| argument.contains("x y")));
        for plan in ["", "--file=x", "2 3", "2.service"] {
            assert!(!matches(plan, &modules).iter().any(|argument| argument.contains("backup")), "{plan}");
        }
    }
}
