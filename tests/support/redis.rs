//! A private redis-server, on a Unix socket and, if wanted, a TCP port of its own.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ns8_backup_monitor::config;
use redis::FromRedisValue;
use tempfile::TempDir;

use super::port::Port;
use super::programs;
use super::service::wait_until;

/// NS8's rule for everybody.
pub const NS8_ACL: &str = "user default on nopass resetkeys ~cluster/* ~node/* ~module/* resetchannels &* nocommands \
                           +@read +@connection +subscribe +psubscribe -@admin";

/// The administrator, who exists in every test server, and their password.
pub const ADMIN: (&str, &str) = ("admin", "only-for-tests");

/// A running server, stopped when dropped.
pub struct Redis {
    child: Child,
    folder: TempDir,
    config: String,
    port: Option<Port>,
}

impl Redis {
    /// A server on a Unix socket that lets everybody do everything.
    pub fn start() -> Self {
        Self::configured("", None)
    }

    /// A server on a Unix socket under NS8's own rule.
    pub fn ns8() -> Self {
        Self::configured(NS8_ACL, None)
    }

    /// A server with further lines of configuration, on a Unix socket and a free TCP port.
    pub fn on_tcp(config: &str) -> Self {
        Self::configured(config, Some(Port::reserve()))
    }

    fn configured(lines: &str, port: Option<Port>) -> Self {
        let folder = folder_for_sockets();
        let (path, (name, password)) = (folder.path().display(), ADMIN);
        let number = port.as_ref().map_or(0, Port::number);
        let config = format!(
            "dir {path}\nunixsocket {path}/redis.sock\nport {number}\nbind 127.0.0.1\nsave \"\"\nrdbcompression no\nlogfile {path}/log\n\
             enable-debug-command yes\nuser {name} on >{password} ~* &* +@all\n{lines}\n"
        );
        let child = launch(&config);
        let server = Self { child, folder, config, port };
        server.wait_until_up();
        server
    }

    /// The Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// A file beside the socket, gone with it.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The number of its TCP port, which was asked for.
    pub fn port(&self) -> u16 {
        self.port.as_ref().unwrap().number()
    }

    /// The settings to read this server over its socket.
    pub fn settings(&self) -> config::Redis {
        config::Redis {
            socket: Some(self.socket()),
            url: None,
            username: None,
            password_file: None,
            timeout: Duration::from_secs(10),
        }
    }

    /// The settings to read this server over TCP.
    pub fn tcp_settings(&self) -> config::Redis {
        config::Redis { socket: None, url: Some(format!("redis://127.0.0.1:{}", self.port())), ..self.settings() }
    }

    /// Runs one command as the administrator; arguments are separated by single spaces.
    pub fn run<T: FromRedisValue>(&self, command: &str) -> T {
        self.run_args(&command.split(' ').collect::<Vec<_>>())
    }

    /// Runs one command as the administrator.
    pub fn run_args<T: FromRedisValue>(&self, args: &[&str]) -> T {
        let mut command = redis::cmd(args[0]);
        command.arg(&args[1..]);
        command.query(&mut self.connect().unwrap()).unwrap_or_else(|error| panic!("{args:?}: {error}"))
    }

    /// Writes a HASH: `"key" "field value" "field value"`.
    pub fn hset(&self, key: &str, fields: &[(&str, &str)]) {
        let mut args = vec!["HSET", key];
        args.extend(fields.iter().flat_map(|(field, value)| [*field, *value]));
        self.run_args::<i64>(&args);
    }

    /// A connection of the administrator.
    pub fn connect(&self) -> redis::RedisResult<redis::Connection> {
        let (name, password) = ADMIN;
        redis::Client::open(format!("unix://{}?user={name}&pass={password}", self.socket().display()))?.get_connection()
    }

    /// Stops the server at once, as a crash does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again after [`Self::kill`], with what the last `SAVE` has kept.
    pub fn restart(&mut self) {
        self.child = launch(&self.config);
        self.wait_until_up();
    }

    /// Starts it again so slowly that it is still loading what the last `SAVE` has kept: a tenth of a second for each
    /// key, and a look at the clients after each that is larger than 1 KiB.
    pub fn restart_loading(&mut self) {
        let slowly = "key-load-delay 100000\nloading-process-events-interval-bytes 1024\n";
        self.child = launch(&format!("{}{slowly}", self.config));
        wait_until("redis-server listens", || self.connect().is_ok(), String::new);
    }

    /// How often each command was called since the last `CONFIG RESETSTAT`.
    pub fn calls(&self, command: &str) -> u64 {
        let stats: String = self.run("INFO commandstats");
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    }

    /// Announces, as NS8 does, that `module` of plan 2 has ended its backup on node 1.
    pub fn announce(&self, module: &str) {
        let payload = format!(r#"{{"node_id":1,"backup_id":2,"module_id":"{module}"}}"#);
        self.run_args::<i64>(&["PUBLISH", "node/1/event/backup-status-changed", &payload]);
    }

    /// Sends it a signal, such as `STOP` and `CONT`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    fn wait_until_up(&self) {
        let answers = || {
            let answer = self.connect().and_then(|mut connection| redis::cmd("PING").query::<String>(&mut connection));
            answer.is_ok()
        };
        wait_until("redis-server answers", answers, String::new);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with room for a socket's name: its path may have 107 bytes, and a `TMPDIR` may be longer by itself.
pub fn folder_for_sockets() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    if folder.path().as_os_str().len() < 90 { folder } else { tempfile::tempdir_in("/tmp").unwrap() }
}

fn launch(config: &str) -> Child {
    let mut child = Command::new(programs::path_of("redis-server"))
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server starts");
    child.stdin.take().unwrap().write_all(config.as_bytes()).unwrap();
    child
}
