//! Follows a program at its durable calls, and kills it or fails the call at one of them: ptrace, as strace does.
//!
//! strace counts the calls of each thread by itself, and it is chance which thread of tokio's pool writes. Here all
//! threads have one count, so that "the n-th call" is a place in the program.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;

/// The shell that waits until it is followed.
const GATE: &str = r#"read _ <"$0"; exec "$@""#;
/// `op` of `struct ptrace_syscall_info`: ptrace(2).
const ENTRY: u8 = 1;

/// What happens at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// The process is killed before it.
    KillBefore,
    /// The process is killed when it is done.
    KillAfter,
    /// It fails as on a bad or full disk, and has done nothing.
    Fail,
}

/// A call that changes the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The system call.
    pub name: &'static str,
    /// The file or folder, below the folder that is followed.
    pub path: String,
    /// The content of a file that is renamed.
    pub content: Option<Vec<u8>>,
}

/// Decides what happens at the last of the calls so far, before it is made.
pub type Plot = Box<dyn Fn(&[Call]) -> Option<Harm> + Send>;

/// A process that is followed. Nobody may wait for it before [`Trace::ended`]: the follower would miss its stops.
pub struct Trace {
    pid: Pid,
    calls: Arc<Mutex<Vec<Call>>>,
    thread: JoinHandle<()>,
}

/// What a program is started through, so that it waits for [`Trace::follow`] with the same `gate`.
pub fn through(gate: &Path) -> Vec<String> {
    let (fifo, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR);
    rustix::fs::mknodat(rustix::fs::CWD, gate, fifo, mode, 0).unwrap();
    ["sh", "-c", GATE].map(String::from).into_iter().chain([gate.to_str().unwrap().into()]).collect()
}

impl Trace {
    /// Lets the process through its gate, and follows it and its threads, though not its children, until it has ended.
    /// Calls on what is below `folder` count. What `plot` decides happens once.
    pub fn follow(pid: u32, gate: PathBuf, folder: PathBuf, plot: Plot) -> Self {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let pid = Pid::from_raw(pid.cast_signed());
        let mut follower = Follower { pid, folder, plot: Some(plot), doomed: None, calls: calls.clone() };
        // Only the thread that has seized a process can follow it.
        let thread = std::thread::spawn(move || {
            let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_TRACEEXEC;
            ptrace::seize(follower.pid, options).unwrap();
            // To read, too: nobody may have opened it yet.
            let mut gate = File::options().read(true).write(true).open(gate).unwrap();
            gate.write_all(b"\n").unwrap();
            follower.follow();
        });
        Self { pid, calls, thread }
    }

    /// Whether the process has ended.
    pub fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Asks the process to end, as systemd does.
    pub fn terminate(&self) {
        kill(self.pid, Signal::SIGTERM).unwrap();
    }

    /// The calls, once the process has ended.
    pub fn ended(self) -> Vec<Call> {
        self.thread.join().unwrap();
        std::mem::take(&mut *self.calls.lock().unwrap())
    }
}

struct Follower {
    pid: Pid,
    folder: PathBuf,
    plot: Option<Plot>,
    /// The thread at the end of whose call the process is killed.
    doomed: Option<Pid>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Follower {
    fn follow(&mut self) {
        // Not the children of the other tests.
        let ours = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        let any_end_or_stop = WaitPidFlag::WEXITED | WaitPidFlag::WSTOPPED;
        loop {
            let changed = waitid(Id::All, ours | any_end_or_stop | WaitPidFlag::WNOWAIT).unwrap();
            // The last to end is the process itself; it is left to the one that has started it.
            if matches!(changed, WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..) if pid == self.pid) {
                return;
            }
            let (thread, signal) = match waitpid(changed.pid(), Some(ours)).unwrap() {
                WaitStatus::PtraceSyscall(thread) => {
                    self.stopped(thread);
                    (thread, None)
                }
                WaitStatus::PtraceEvent(thread, _, _) => (thread, None),
                WaitStatus::Stopped(thread, signal) => (thread, Some(signal)),
                _ => continue,
            };
            // One that was killed meanwhile cannot go on.
            let _ = ptrace::syscall(thread, signal);
        }
    }

    /// A thread begins or ends a system call.
    fn stopped(&mut self, thread: Pid) {
        match ptrace::syscall_info(thread).map(|info| info.op) {
            Ok(ENTRY) => {}
            Ok(_) if self.doomed == Some(thread) => return self.kill(),
            _ => return,
        }
        let Ok(mut registers) = ptrace::getregs(thread) else { return };
        let arguments = [registers.rdi, registers.rsi, registers.rdx];
        let Some((name, file, error)) = durable(thread, registers.orig_rax, arguments) else { return };
        let Ok(path) = file.strip_prefix(&self.folder) else { return };
        let content = name.starts_with("rename").then(|| std::fs::read(&file).unwrap_or_default());
        let mut calls = self.calls.lock().unwrap();
        calls.push(Call { name, path: path.to_str().unwrap().into(), content });
        let Some(harm) = self.plot.as_ref().and_then(|plot| plot(&calls)) else { return };
        drop(calls);
        self.plot = None;
        match harm {
            Harm::KillBefore => self.kill(),
            Harm::KillAfter => self.doomed = Some(thread),
            Harm::Fail => {
                // The kernel skips a call of number -1, and leaves the result as it is.
                registers.orig_rax = u64::MAX;
                registers.rax = i64::from(-(error as i32)).cast_unsigned();
                ptrace::setregs(thread, registers).unwrap();
            }
        }
    }

    fn kill(&self) {
        kill(self.pid, Signal::SIGKILL).unwrap();
    }
}

/// The call's name, the file that it changes, and how it can fail; `None` if it changes no file. The numbers are those
/// of the kernel's `syscall_64.tbl`.
fn durable(thread: Pid, number: u64, [first, second, third]: [u64; 3]) -> Option<(&'static str, PathBuf, Errno)> {
    /// `O_CREAT`
    const CREATE: u64 = 0o100;
    let named = |address| text(thread, address);
    let open = |descriptor: u64| std::fs::read_link(format!("/proc/{thread}/fd/{descriptor}")).ok();
    let (name, path, error) = match number {
        1 => ("write", open(first), Errno::ENOSPC),
        2 if second & CREATE != 0 => ("open", named(first), Errno::ENOSPC),
        18 => ("pwrite64", open(first), Errno::ENOSPC),
        20 => ("writev", open(first), Errno::ENOSPC),
        40 => ("sendfile", open(first), Errno::ENOSPC),
        74 => ("fsync", open(first), Errno::EIO),
        75 => ("fdatasync", open(first), Errno::EIO),
        77 => ("ftruncate", open(first), Errno::EIO),
        82 => ("rename", named(first), Errno::EIO),
        83 => ("mkdir", named(first), Errno::ENOSPC),
        84 => ("rmdir", named(first), Errno::EIO),
        86 => ("link", named(first), Errno::EIO),
        87 => ("unlink", named(first), Errno::EIO),
        88 => ("symlink", named(second), Errno::EIO),
        90 => ("chmod", named(first), Errno::EIO),
        91 => ("fchmod", open(first), Errno::EIO),
        257 if third & CREATE != 0 => ("openat", named(second), Errno::ENOSPC),
        258 => ("mkdirat", named(second), Errno::ENOSPC),
        263 => ("unlinkat", named(second), Errno::EIO),
        264 => ("renameat", named(second), Errno::EIO),
        265 => ("linkat", named(second), Errno::EIO),
        285 => ("fallocate", open(first), Errno::ENOSPC),
        316 => ("renameat2", named(second), Errno::EIO),
        326 => ("copy_file_range", open(third), Errno::ENOSPC),
        _ => return None,
    };
    Some((name, path?, error))
}

/// A path in the memory of a thread.
fn text(thread: Pid, address: u64) -> Option<PathBuf> {
    let mut bytes = [0; 4096];
    let read = File::open(format!("/proc/{thread}/mem")).ok()?.read_at(&mut bytes, address).ok()?;
    let end = bytes[..read].iter().position(|byte| *byte == 0)?;
    Some(OsStr::from_bytes(&bytes[..end]).into())
}
