//! The administrator's commands: the real program beside real parts.

mod alertmanager;
mod check;
mod foreign;
mod queue;
mod report;
mod setup;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::support::port::Port;
use crate::support::programs::{install, path_of};
use crate::support::redis::Redis;
use crate::support::service::{Service, wait_until, webhook};
use crate::support::smtp::{Fault, Server};
use ns8_backup_monitor::config::DEFAULT_ALERT_NAMES;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ns8-backup-monitor");

/// What a command has printed, and how it has ended.
struct Ran {
    out: String,
    err: String,
    code: i32,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

fn program() -> Command {
    let mut command = Command::new(PROGRAM);
    command.stdin(Stdio::null()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

fn run(args: &[&str]) -> Ran {
    program().args(args).output().unwrap().into()
}

/// A cluster, a relay, and a folder with a configuration for both.
struct Site {
    redis: Redis,
    relay: Server,
    folder: TempDir,
}

impl Site {
    fn new(relay: Server, notification: &str) -> Self {
        let (redis, folder) = (Redis::start(), tempfile::tempdir().unwrap());
        let site = Self { redis, relay, folder };
        let config = format!(
            "notification:\n  mail_from: monitor@example.com\n  mail_to: [admin@example.com, ops@example.com]\n{notification}\
             redis: {{ socket: {} }}\nrepo_check: {{ enabled: false }}\n",
            site.redis.socket().display()
        );
        site.write("config.yml", &config.replace("%PORT%", &site.relay.port.to_string()));
        site
    }

    fn plain() -> Self {
        Self::new(Server::plain(), "  transport: smtp\n  smtp: { host: 127.0.0.1, port: %PORT%, encryption: none }\n")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    fn result(&self, plan: &str, module: &str, error: &str) {
        let (result, now) = (if error.is_empty() { "success" } else { "error" }, jiff::Timestamp::now().to_string());
        let key = format!("module/{module}/backup/{plan}/status");
        self.redis.hset(&key, &[("result", result), ("timestamp", &now), ("error", error)]);
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = program();
        command.arg("--config").arg(self.path("config.yml")).args(args).env("STATE_DIRECTORY", self.path("state"));
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().unwrap().into()
    }
}

/// Runs a command on a terminal of its own and types these lines.
fn on_a_terminal(site: &Site, command: &str, lines: &str) -> Ran {
    let config = site.path("config.yml");
    let mut child = Command::new(path_of("script"))
        .args(["-qec", &format!("{PROGRAM} --config {} {command}", config.display()), "/dev/null"])
        .envs([("STATE_DIRECTORY", site.path("state")), ("SHELL", "/bin/sh".into())])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}
