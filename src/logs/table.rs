//! Known words and their causes, as data. Pure.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::step::Step;
use crate::model::reason::Cause;

/// Which words a row is looked for in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// The module's own dump or cleanup script.
    Script,
    /// restic, podman, rclone and the servers behind them.
    Restic,
    /// The gateway to the destinations.
    Gateway,
    /// All of them.
    Any,
}

/// A cause, whose words they are, and the words that mean it, in small letters: `|` separates alternatives, `*` stands
/// for any text.
type Row = (Cause, Of, &'static str);

/// The first row that fits any of the lines wins, so the more specific words come first. Most rows have a real log
/// in `tests/fixtures/logs`.
const ROWS: &[Row] = &[
    (
        Cause::RedisUnreachable,
        Of::Any,
        "redis.exceptions.connectionerror*:6379|redis.exceptions.connectionerror*cluster-leader|\
         redis.exceptions.timeouterror*:6379|redis.exceptions.timeouterror*cluster-leader",
    ),
    // NS8's own programs use no other Redis; a module may have one.
    (Cause::RedisUnreachable, Of::Restic, "redis.exceptions.connectionerror|redis.exceptions.timeouterror"),
    (Cause::DatabaseFailed, Of::Script, "redis.exceptions.connectionerror*connecting to"),
    (
        Cause::DestinationFull,
        Of::Gateway,
        "no space left on device|remaining disk space|quota|insufficient storage|storagefull|disk was full",
    ),
    (Cause::HostFull, Of::Script, "no space left on device|disk quota exceeded|errcode: 28"),
    (
        Cause::HostFull,
        Of::Restic,
        "/cache/*no space left on device|restic-temp-*no space left on device|blob*no space left on device|\
         /containers/*no space left on device|oserror: [errno 28]",
    ),
    (
        Cause::DestinationFull,
        Of::Restic,
        "quotaexceeded|quota exceeded|over quota|insufficient storage|(507)|storagefull|\
         storage backend has reached its minimum free|storage cap exceeded|storagequotaexceeded",
    ),
    (Cause::DiskFull, Of::Any, "no space left on device|disk quota exceeded"),
    (Cause::Killed, Of::Any, "out of memory|cannot allocate memory|memoryerror|oom-kill"),
    (Cause::Locked, Of::Restic, "repository is already locked"),
    (Cause::LockDamaged, Of::Restic, "invalid lock file"),
    (Cause::WrongPassword, Of::Restic, "wrong password or no key found"),
    (Cause::ClockSkew, Of::Any, "requesttimetooskewed|request time and the current time is too large|requestexpired"),
    (
        Cause::Tls,
        Of::Any,
        "x509:|tls: |certificate verify failed|server gave http response to https client|ssl certificate problem",
    ),
    (
        Cause::NameNotResolved,
        Of::Any,
        "no such host|could not resolve host|name or service not known|temporary failure in name resolution|\
         failure in name resolution|server misbehaving|could not translate host name",
    ),
    (
        Cause::ContainerFailed,
        Of::Any,
        "no container with name or id|no such container|can only create exec sessions on running containers|\
         container state improper",
    ),
    (
        Cause::DatabaseFailed,
        Of::Script,
        "access denied for user|password authentication failed|noauth authentication|wrongpass",
    ),
    (
        Cause::DatabaseFailed,
        Of::Script,
        "got error: 2002|got error: 2003|can't connect to local server|can't connect to local mysql|\
         can't connect to mysql server|can't connect to server|connection to server*failed|\
         could not connect to redis|lost connection to server during query|lost connection to mysql server|\
         server closed the connection unexpectedly|can't contact ldap server",
    ),
    (
        Cause::GatewayDown,
        Of::Restic,
        "127.0.0.1:4694: connect: connection refused|127.0.0.1:4694: read: connection reset",
    ),
    (
        Cause::Unauthorized,
        Of::Restic,
        "(401)|401 unauthorized|status 401|invalidaccesskeyid|key id you provided does not exist|\
         signaturedoesnotmatch|signature we calculated does not match|request signature we calculated|bad_auth_token|\
         authenticationfailed|logon failure|nt_status_logon_failure|unauthorized|invalid login|bad credentials|\
         attempted logon is invalid|account has expired|account password has expired|account is currently disabled|\
         account has been automatically locked",
    ),
    (Cause::Forbidden, Of::Restic, "(403)|403 forbidden|accessdenied|access denied|nt_status_access_denied"),
    (Cause::NoRepository, Of::Restic, "nosuchbucket|bucket does not exist|bucket*not found|share name cannot be found"),
    (Cause::ServerError, Of::Any, "(429)|429 too many|too many requests|slow down|slowdown|reduce your request rate"),
    (
        Cause::ContainerFailed,
        Of::Restic,
        "initializing source docker://|unable to copy from source|pinging container registry|manifest unknown|\
         image not known|did not resolve to an alias",
    ),
    (Cause::Refused, Of::Any, "connection refused"),
    // A program of the node itself was stopped: the step alone says what failed.
    (Cause::DumpFailed, Of::Any, "timeoutexpired"),
    (Cause::TimedOut, Of::Any, "i/o timeout|timed out|timeout awaiting|deadline exceeded|handshake timeout"),
    (
        Cause::Unreachable,
        Of::Any,
        "no route to host|network is unreachable|host is down|connection reset by peer|remote end closed|\": eof",
    ),
    (
        Cause::ServerError,
        Of::Restic,
        "(500)|(502)|(503)|(504)|500 internal|502 bad gateway|503 service unavailable|504 gateway|internalerror",
    ),
    (
        Cause::ProgramMissing,
        Of::Any,
        "command not found|executable file not found|no such file or directory: 'restic|bad interpreter|\
         fork/exec*no such file or directory",
    ),
    (Cause::Unreachable, Of::Restic, "broken pipe"),
    (Cause::Damaged, Of::Restic, "repository could be damaged|<data/*does not exist|<index/*does not exist"),
    (Cause::SourceUnreadable, Of::Restic, "at least one source file could not be read"),
    (
        Cause::Damaged,
        Of::Restic,
        "ciphertext verification failed|is damaged|config file has zero size|invalid data returned|missing in repo|\
         not found in index|cannot be loaded|not found in repository|ids don't match|repository contains errors|\
         index is not complete|incomplete pack file|invalid character|unexpected end of json",
    ),
    (
        Cause::ContainerFailed,
        Of::Restic,
        "oci runtime|newuidmap|is already in use by|statfs*no such file|crun:|conmon|error creating container storage",
    ),
    (Cause::DiskFault, Of::Any, "read-only file system"),
    (Cause::DiskFault, Of::Any, "input/output error"),
    (Cause::PermissionDenied, Of::Any, "permission denied|operation not permitted|permissionerror: ["),
    (
        Cause::NoRepository,
        Of::Restic,
        "unable to open config file*does not exist|unable to open config file*no such file|repository does not exist|\
         404 not found|config: no such file",
    ),
    (Cause::ServerError, Of::Gateway, "post request|error: "),
    (
        Cause::Killed,
        Of::Any,
        "sigkill|signal: killed|exit status 137|exit status -9|sigterm|signal terminated|exit status 143|\
         exit status -15",
    ),
];

/// A row's alternatives, each in its parts, ready to be looked for.
type Words = Vec<Vec<Finder<'static>>>;

static WORDS: LazyLock<Vec<Words>> = LazyLock::new(|| {
    let parts = |pattern: &'static str| pattern.split('*').map(Finder::new).collect();
    ROWS.iter().map(|(_, _, words)| words.split('|').map(parts).collect()).collect()
});

/// What is said in a line, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    /// NS8, restic or podman in the step that failed.
    Run,
    /// The gateway to the destinations.
    Gateway,
    /// The kernel.
    Kernel,
    /// systemd, of the run's unit.
    Unit,
}

/// The cause that `lines`, those of a failed `step`, mean; `None` if none of the known words is among them.
///
/// restic knows of a failing destination no more than `500`; its gateway, which speaks to it, says why.
pub(super) fn cause<'a>(step: Step, lines: impl Iterator<Item = (Speaker, &'a str)> + Clone) -> Option<Cause> {
    let first = |lines: &mut dyn Iterator<Item = (Speaker, &str)>| {
        lines.filter_map(|(speaker, line)| row(step, speaker, line)).min().map(|at| ROWS[at].0)
    };
    let gateway = first(&mut lines.clone().filter(|(speaker, _)| *speaker == Speaker::Gateway));
    let cause = gateway.filter(|cause| *cause != Cause::ServerError).or_else(|| first(&mut lines.clone()))?;
    if cause == Cause::DumpFailed { of_step(step) } else { Some(cause) }
}

/// Whether `line` holds words of the table.
pub(super) fn knows(step: Step, speaker: Speaker, line: &str) -> bool {
    row(step, speaker, line).is_some()
}

fn row(step: Step, speaker: Speaker, line: &str) -> Option<usize> {
    let line = without_file(line).to_lowercase();
    let script = matches!(step, Step::Dump | Step::Cleanup);
    let heard = |of: Of| match of {
        // A module's own script does not use the gateway.
        _ if script && speaker == Speaker::Gateway => false,
        Of::Any => speaker != Speaker::Unit,
        Of::Gateway => speaker == Speaker::Gateway,
        Of::Script => script && speaker == Speaker::Run,
        Of::Restic => !script && matches!(speaker, Speaker::Run | Speaker::Gateway),
    };
    let mut rows = ROWS.iter().zip(&*WORDS);
    rows.position(|((_, of, _), words)| heard(*of) && words.iter().any(|parts| says(line.as_bytes(), parts)))
}

/// `line` without the file that restic could not read, whose name means nothing: `error: /srv/x: open x: why`, or
/// `error: open /srv/x: why` before restic 0.17.
fn without_file(line: &str) -> &str {
    let rest = line.strip_prefix("error: ").unwrap_or_default();
    let is_about_file = ["/", "open ", "Open: open ", "lstat ", "read /"].iter().any(|it| rest.starts_with(it));
    line.rsplit_once(": ").filter(|_| is_about_file).map_or(line, |(_, why)| why)
}

/// Whether `line` holds these parts, one after the other.
fn says(line: &[u8], parts: &[Finder<'_>]) -> bool {
    let mut rest = line;
    parts.iter().all(|part| match part.find(rest) {
        Some(at) => {
            rest = &rest[at + part.needle().len()..];
            true
        }
        None => false,
    })
}

/// The cause that stands for a step that failed for an unknown reason, if the step alone says something.
pub(super) fn of_step(step: Step) -> Option<Cause> {
    match step {
        Step::Dump => Some(Cause::DumpFailed),
        Step::Cleanup => Some(Cause::CleanupFailed),
        Step::Retention => Some(Cause::RetentionFailed),
        Step::Init | Step::Backup | Step::Stats => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_run(step: Step, line: &str) -> Option<Cause> {
        cause(step, std::iter::once((Speaker::Run, line)))
    }

    #[test]
    fn a_first_write_that_fails_is_no_lock() {
        let lock = |why: &str| of_run(Step::Backup, &format!("Fatal: unable to create lock in backend: {why}"));
        for (why, expected) in [
            ("repository is already locked by PID 7 on node1 by root (UID 0, GID 0)", Some(Cause::Locked)),
            ("repository is already locked exclusively by PID 7 on node1 by root", Some(Cause::Locked)),
            ("OpenFile: open /srv/repo/locks/aa: read-only file system", Some(Cause::DiskFault)),
            ("open /srv/repo/locks/aa: permission denied", Some(Cause::PermissionDenied)),
            ("server response unexpected: 500 Internal Server Error (500)", Some(Cause::ServerError)),
            ("unexpected HTTP response (403): 403 Forbidden", Some(Cause::Forbidden)),
            ("client.PutObject: Access Denied.", Some(Cause::Forbidden)),
            ("Post \"https://s3/b/locks/aa\": dial tcp: lookup s3: no such host", Some(Cause::NameNotResolved)),
            ("what nobody knows", None),
        ] {
            assert_eq!(lock(why), expected, "{why}");
        }
    }

    #[test]
    fn half_a_lock_file_is_no_damage() {
        let line = "Fatal: invalid lock file: LoadRaw(<lock/0f0e>): invalid data returned";
        assert_eq!(of_run(Step::Backup, line), Some(Cause::LockDamaged));
    }

    /// rclone's words for the status codes of SMB.
    #[test]
    fn what_a_windows_share_says_is_known() {
        for (why, expected) in [
            ("An operation failed because the disk was full. If this is a thinly", Cause::DestinationFull),
            ("The attempted logon is invalid. This is either due to a bad username", Cause::Unauthorized),
            ("The user account password has expired.", Cause::Unauthorized),
            ("The referenced account is currently disabled and may not be logged on to.", Cause::Unauthorized),
            ("{Access Denied} A process has requested access to an object but has not", Cause::Forbidden),
            ("{Network Name Not Found} The specified share name cannot be found on", Cause::NoRepository),
            ("what nobody knows", Cause::ServerError),
        ] {
            let line = format!("ERROR : d1/mail/x/data/aa/bb: Post request put error: response error: {why}");
            let failed = (Speaker::Run, "Fatal: unable to save snapshot: 500 Internal Server Error (500)");
            let lines = [(Speaker::Gateway, line.as_str()), failed].into_iter();
            assert_eq!(cause(Step::Backup, lines), Some(expected), "{why}");
        }
    }

    #[test]
    fn a_cause_follows_from_the_words() {
        for (step, line, expected) in [
            (Step::Dump, "redis.exceptions.NoPermissionError: this user has no permissions to access", None),
            (Step::Dump, "redis.exceptions.ReadOnlyError: You can't write against a read only replica.", None),
            (
                Step::Dump,
                "redis.exceptions.ConnectionError: Error 111 connecting to 127.0.0.1:20015. Connection refused.",
                Some(Cause::DatabaseFailed),
            ),
            (
                Step::Dump,
                "redis.exceptions.ConnectionError: Error 111 connecting to 127.0.0.1:6379. Connection refused.",
                Some(Cause::RedisUnreachable),
            ),
            (
                Step::Dump,
                "redis.exceptions.TimeoutError: Timeout reading from cluster-leader:6379",
                Some(Cause::RedisUnreachable),
            ),
            (Step::Backup, "redis.exceptions.TimeoutError: Timeout reading", Some(Cause::RedisUnreachable)),
            (
                Step::Dump,
                "subprocess.TimeoutExpired: Command '['podman', 'exec']' timed out after 60 seconds",
                Some(Cause::DumpFailed),
            ),
            (
                Step::Cleanup,
                "subprocess.TimeoutExpired: Command '['podman', 'exec']' timed out after 60 seconds",
                Some(Cause::CleanupFailed),
            ),
            (Step::Dump, "curl: (28) Operation timed out after 1000 milliseconds", Some(Cause::TimedOut)),
            (Step::Dump, "tar: dump.tar: Wrote only 4096 of 10240 bytes: File too large", None),
            (Step::Dump, "tar: -: Cannot write: Broken pipe", None),
            (Step::Backup, "Fatal: write tcp 10.0.0.1:4: write: broken pipe", Some(Cause::Unreachable)),
            (Step::Backup, "OSError: [Errno 28] No space left on device", Some(Cause::HostFull)),
            (Step::Backup, "Fatal: unable to save snapshot: no space left on device", Some(Cause::DiskFull)),
        ] {
            assert_eq!(of_run(step, line), expected, "{line}");
        }
        let pipe = ["module-dump-state: line 12: zstd: command not found", "tar: -: Cannot write: Broken pipe"];
        let pipe = pipe.map(|line| (Speaker::Run, line)).into_iter();
        assert_eq!(cause(Step::Dump, pipe), Some(Cause::ProgramMissing));
    }
}
