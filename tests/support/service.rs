//! The real program, on a socket that the test holds as systemd would: it is passed on at each start, and what connects
//! while nothing runs waits for the next one.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a test waits for what must happen before it fails.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// The shell that does what systemd does: the socket as descriptor 3, and the variables that say so.
const ACTIVATE: &str = r#"exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@""#;

/// A service: its folder, its socket, and while it runs its process.
pub struct Service {
    folder: TempDir,
    listener: TcpListener,
    child: Option<Child>,
    /// `host:port` of its socket.
    pub address: String,
    /// What the program is started through: a command and its leading arguments that ends in becoming it.
    pub through: Vec<String>,
}

impl Service {
    /// A service with this configuration, not running yet.
    pub fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let service = Self { folder, listener, child: None, address, through: Vec::new() };
        service.configure(config);
        service
    }

    /// Replaces the configuration, at once: the program may read it at any time.
    pub fn configure(&self, config: &str) {
        std::fs::write(self.path("config.new"), config).unwrap();
        std::fs::rename(self.path("config.new"), self.path("config.yml")).unwrap();
    }

    /// A path in the service's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The queue's folder.
    pub fn queue(&self) -> PathBuf {
        self.path("state/queue")
    }

    /// Starts the program; the environment is the given one alone.
    pub fn start_with(&mut self, environment: &[(&str, &str)]) {
        assert!(self.child.is_none(), "it runs already");
        let socket: OwnedFd = self.listener.try_clone().unwrap().into();
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        let child = Command::new("sh")
            .args(["-c", ACTIVATE, "sh"])
            .args(&self.through)
            .args([env!("CARGO_BIN_EXE_ns8-backup-monitor"), "--config"])
            .arg(self.path("config.yml"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("STATE_DIRECTORY", self.path("state"))
            .envs(environment.iter().copied())
            .stdin(Stdio::from(socket))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// Starts the program.
    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Kills it, as a crash or a power cut does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops it as systemd does, and waits until it has gone.
    pub fn terminate(&mut self) -> ExitStatus {
        let status = Command::new("kill").arg(self.pid().to_string()).status().unwrap();
        assert!(status.success());
        self.ended()
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        !status.contains("\nState:\tZ")
    }

    /// Waits until it has gone by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "still running after {PATIENCE:?}; its log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Posts to `/alert`: the status and the body of the answer.
    pub fn post(&self, body: impl AsRef<[u8]>) -> (u16, String) {
        let body = body.as_ref();
        self.request(&format!("POST /alert HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len()), body)
    }

    /// Starts the program with a webhook that waits in its socket, however soon it leaves when it is idle; the status.
    pub fn wake(&mut self, body: impl AsRef<[u8]>) -> Option<u16> {
        let body = body.as_ref();
        let head = format!("POST /alert HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        let asked = ask(&self.address, &head, body);
        self.start();
        answer(asked).split(' ').nth(1)?.parse().ok()
    }

    /// Sends a webhook; the status, if there is an answer.
    pub fn try_post(&self, body: impl AsRef<[u8]>) -> Option<u16> {
        let body = body.as_ref();
        let head = format!("POST /alert HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        exchange(&self.address, &head, body).split(' ').nth(1)?.parse().ok()
    }

    /// Sends a request as it is.
    pub fn request(&self, head: &str, body: &[u8]) -> (u16, String) {
        let answer = exchange(&self.address, head, body);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("no answer but {answer:?}; log:\n{}", self.log())), body.into())
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits until it has logged this.
    pub fn logged(&self, text: &str) {
        wait_until(text, || self.log().contains(text), || self.log());
    }

    /// The names in the queue's folder with this ending.
    pub fn queued(&self, ending: &str) -> Vec<String> {
        names(&self.queue(), ending)
    }

    /// Waits until nothing is left to do.
    pub fn done(&self) {
        wait_until("an empty queue", || self.queued("json").is_empty(), || self.log());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

/// One exchange over a connection of its own: everything that comes back.
pub fn exchange(address: &str, head: &str, body: &[u8]) -> String {
    answer(ask(address, head, body))
}

fn ask(address: &str, head: &str, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The server may answer and close before it has read all: what it said still counts.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Waits until `is_so` returns true; panics with `context` after [`PATIENCE`].
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool, context: impl Fn() -> String) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not after {PATIENCE:?}\n{}", context());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The names in a folder with this ending, sorted.
pub fn names(folder: &Path, ending: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(ending))
        .collect();
    names.sort();
    names
}

/// Alertmanager's webhook with one firing alert for each of `plans`.
pub fn webhook(plans: &[&str]) -> String {
    let alert = |plan: &&str| {
        serde_json::json!({"status": "firing", "labels": {"alertname": "backup_failed", "id": plan, "name": "Nightly"},
            "annotations": {"summary": "Backup failed"}, "startsAt": jiff::Timestamp::now().to_string()})
    };
    serde_json::json!({"version": "4", "status": "firing", "alerts": plans.iter().map(alert).collect::<Vec<_>>()})
        .to_string()
}
