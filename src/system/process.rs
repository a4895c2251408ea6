//! Runs an external program with limits on time, output and environment.
//!
//! A program gets an environment that was made for it and nothing else, its output is kept up to a limit and read to
//! the end, and when its time is up, or nobody waits for it any more, its process group is stopped: the program, and what
//! it has started. What has left the group (setsid) goes on until systemd stops the unit.

use std::collections::VecDeque;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, kill_process_group, setrlimit};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::Notify;
use tokio::time::timeout;

/// Where programs are looked for after the folders of our own `PATH`.
const FOLDERS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// How long a program has to leave after SIGTERM before it gets SIGKILL, and after that before it is given up.
const GRACE: Duration = Duration::from_secs(3);

/// Bytes of standard error that are kept from its beginning, and as many from its end: the first error tells the cause,
/// the last one the outcome.
const MAX_STDERR_PART: usize = 16 * 1024;

/// A program to run.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// Its name, looked for on the search path, or its path.
    pub program: String,
    /// Folders to search before PATH.
    pub first: Vec<PathBuf>,
    /// Its arguments. Every user of the machine can read them: never a secret.
    pub args: Vec<String>,
    /// Its environment, beside `PATH` and a UTF-8 locale. Any value may be a secret.
    pub env: Vec<(String, SecretString)>,
    /// What it reads from standard input, which is then closed.
    pub stdin: Vec<u8>,
    /// How long it may run.
    pub timeout: Duration,
    /// How many bytes of its standard output are kept.
    pub max_output: usize,
    /// Stops the program as soon as this returns true for its standard error so far.
    pub enough: Option<fn(&str) -> bool>,
}

/// Status and output of a program that has ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// The beginning of its standard output, `max_output` bytes at most.
    pub stdout: Vec<u8>,
    /// Whether there was more of it.
    pub truncated: bool,
    /// Its standard error; where it was long, whole lines of its beginning and its end.
    pub stderr: String,
}

/// Why a program could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no such program.
    #[error("{0} is not installed: there is no such program on PATH")]
    NotFound(String),
    /// There is one, but we may not run it.
    #[error("{0} is not executable: check its mode, owner and SELinux label")]
    NotExecutable(PathBuf),
    /// The system could not start it, or lost it.
    #[error("{path} could not be run: {source}")]
    Failed {
        /// The program.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It was stopped: its time was up, or [`Command::enough`] was true.
    #[error("{program} did not finish within {} s and was stopped", after.as_secs_f32())]
    TimedOut {
        /// The program, as it was asked for.
        program: String,
        /// How long it had.
        after: Duration,
        /// Whether it was stopped before its time was up.
        early: bool,
        /// Its standard output until then, as in [`Output`].
        stdout: Vec<u8>,
        /// Its standard error until then, as in [`Output`].
        stderr: String,
    },
}

/// The folders in which a program is looked for, and its `PATH` when it is run: `first`, those of our own `PATH`, and
/// the system's.
fn search_path(first: &[PathBuf]) -> Vec<PathBuf> {
    let own = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in first.iter().cloned().chain(env::split_paths(&own)).chain(FOLDERS.map(PathBuf::from)) {
        if folder.is_absolute() && !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

/// The file of `program`, a name or a path; a name is looked for in the folders `first` before all others.
///
/// # Errors
/// [`RunError::NotFound`] and [`RunError::NotExecutable`]: different mistakes with different remedies.
pub fn find(program: &str, first: &[PathBuf]) -> Result<PathBuf, RunError> {
    let candidates = match program.contains('/') {
        true => vec![program.into()],
        false => search_path(first).into_iter().map(|folder| folder.join(program)).collect(),
    };
    let (runnable, others): (Vec<PathBuf>, Vec<PathBuf>) =
        candidates.into_iter().filter(|file| file.is_file()).partition(|file| executable(file));
    match (runnable.into_iter().next(), others.into_iter().next()) {
        (Some(file), _) => Ok(file),
        (None, Some(file)) => Err(RunError::NotExecutable(file)),
        (None, None) => Err(RunError::NotFound(program.into())),
    }
}

fn executable(file: &Path) -> bool {
    rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
}

impl Command {
    /// Runs the program to its end, whatever its exit status is.
    ///
    /// Dropping the future kills the program and all that it has started.
    ///
    /// # Errors
    /// Where it cannot be started or does not end in time. A secret is never part of an error, unless the program
    /// itself wrote it to its standard error.
    pub async fn run(&self) -> Result<Output, RunError> {
        let path = find(&self.program, &self.first)?;
        let failed = |source| RunError::Failed { path: path.clone(), source };
        let mut running = self.start(&path).map_err(failed)?;
        let heard = running.stderr.heard.clone();
        let ended = tokio::select! {
            biased;
            ended = timeout(self.timeout, running.end()) => Some(ended),
            () = heard.notified() => None,
        };
        if !matches!(ended, Some(Ok(_))) {
            running.stop().await;
        }
        let truncated = running.stdout.kept.left_out > 0;
        let stdout = std::mem::take(&mut running.stdout.kept.head);
        let (program, stderr) = (self.program.clone(), running.stderr.kept.text());
        match ended {
            Some(Ok(status)) => Ok(Output { status: status.map_err(failed)?, stdout, truncated, stderr }),
            ended => Err(RunError::TimedOut { program, after: self.timeout, early: ended.is_none(), stdout, stderr }),
        }
    }

    fn start(&self, path: &Path) -> io::Result<Running<'_>> {
        without_core_dumps();
        let search_path = env::join_paths(search_path(&self.first)).map_err(io::Error::other)?;
        let mut child = tokio::process::Command::new(path)
            .args(&self.args)
            .env_clear()
            .env("PATH", search_path)
            .env("LANG", "C.UTF-8")
            .envs(self.env.iter().map(|(name, value)| (name, value.expose_secret())))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        Ok(Running {
            input: &self.stdin,
            stdin: child.stdin.take(),
            stdout: Stream::new(child.stdout.take(), Kept::new(self.max_output, 0), None),
            stderr: Stream::new(child.stderr.take(), Kept::new(MAX_STDERR_PART, MAX_STDERR_PART), self.enough),
            child,
        })
    }
}

/// Forbids core dumps to this program and to the children that it starts: a dump holds their secrets.
fn without_core_dumps() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Core);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
}

/// A program that runs, the leader of its own process group. Dropped, it is killed.
struct Running<'a> {
    child: Child,
    input: &'a [u8],
    stdin: Option<ChildStdin>,
    stdout: Stream<ChildStdout>,
    stderr: Stream<ChildStderr>,
}

impl Running<'_> {
    /// Waits for the end, feeding and draining the program meanwhile. May be given up and called again.
    async fn end(&mut self) -> io::Result<ExitStatus> {
        let leader = self.leader();
        let Self { child, input, stdin, stdout, stderr } = self;
        let mut talk = async || tokio::join!(feed(stdin, input), stdout.drain(), stderr.drain());
        let status = tokio::select! {
            status = child.wait() => status?,
            _ = talk() => child.wait().await?,
        };
        // Whatever it left in the background would hold the pipes open.
        if let Some(leader) = leader {
            let _ = kill_process_group(leader, Signal::KILL);
        }
        let _ = timeout(GRACE, talk()).await;
        Ok(status)
    }

    /// Asks the program to leave, then makes it.
    async fn stop(&mut self) {
        self.signal(Signal::TERM);
        if timeout(GRACE, self.end()).await.is_err() {
            self.signal(Signal::KILL);
            // One that waits for a dead disk or network folder leaves when that answers; nobody waits so long.
            let _ = timeout(GRACE, self.child.wait()).await;
        }
    }

    /// The program's process id; `None` as soon as it has been reaped, since the number may then be another's.
    fn leader(&self) -> Option<Pid> {
        self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?))
    }

    /// Signals the program and all that it has started: restic puts its own helpers, `ssh` and `rclone`, into process
    /// groups of their own.
    fn signal(&self, signal: Signal) {
        let Some(leader) = self.leader() else { return };
        let descendants = descendants(leader);
        let _ = kill_process_group(leader, signal);
        for process in descendants {
            let _ = kill_process(process, signal);
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

async fn feed(stdin: &mut Option<ChildStdin>, input: &mut &[u8]) {
    if let Some(pipe) = stdin {
        // A program that does not read its input to the end may have its reasons: its exit status tells.
        let _ = pipe.write_all_buf(input).await;
    }
    *stdin = None;
}

/// One of the program's outputs and what is kept of it.
struct Stream<P> {
    pipe: Option<P>,
    kept: Kept,
    enough: Option<fn(&str) -> bool>,
    /// Notified when `enough` is true of what is kept.
    heard: Arc<Notify>,
}

impl<P: AsyncRead + Unpin> Stream<P> {
    fn new(pipe: Option<P>, kept: Kept, enough: Option<fn(&str) -> bool>) -> Self {
        Self { pipe, kept, enough, heard: Arc::default() }
    }

    async fn drain(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = pipe.read(&mut buffer).await {
            self.kept.push(&buffer[..n]);
            if self.enough.is_some_and(|enough| enough(&self.kept.text())) {
                self.heard.notify_one();
            }
        }
        self.pipe = None;
    }
}

/// The beginning and the end of a stream of bytes.
struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    max_head: usize,
    max_tail: usize,
    left_out: usize,
}

impl Kept {
    fn new(max_head: usize, max_tail: usize) -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), max_head, max_tail, left_out: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(self.max_head - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(self.max_tail);
        self.tail.drain(..excess);
        self.left_out += excess;
    }

    /// What is kept, as text. Where something is left out, so is the rest of the lines around it: half a line may hold
    /// half a secret, and nobody who looks for a secret finds its half.
    fn text(&self) -> String {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        if self.left_out == 0 {
            return String::from_utf8_lossy(&[self.head.as_slice(), &tail].concat()).into_owned();
        }
        let end = self.head.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let start = tail.iter().position(|byte| *byte == b'\n').map_or(tail.len(), |newline| newline + 1);
        let (head, tail) = (&self.head[..end], &tail[start..]);
        format!("{}[output omitted]\n{}", String::from_utf8_lossy(head), String::from_utf8_lossy(tail))
    }
}

/// All that descends from `leader`, itself left out. Nothing where there is no `/proc`.
fn descendants(leader: Pid) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut others: Vec<(Pid, Pid)> = entries.filter_map(|entry| with_parent(&entry.path())).collect();
    let mut family = vec![leader];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(others.extract_if(.., |(_, its_parent)| *its_parent == parent).map(|(pid, _)| pid));
        next += 1;
    }
    family.split_off(1)
}

/// A process id and its parent's, from `/proc/<pid>/stat`: `1234 (a name) S 1 …`.
fn with_parent(process: &Path) -> Option<(Pid, Pid)> {
    let pid = |text: &str| text.parse().ok().and_then(Pid::from_raw);
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
    Some((pid(process.file_name()?.to_str()?)?, pid(parent)?))
}

#[cfg(test)]
mod tests;
