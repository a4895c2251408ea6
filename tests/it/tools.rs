//! The administrator's commands: the real program beside real parts.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::support::programs::path_of;
use crate::support::redis::{Redis, wait_until};
use crate::support::service::{Service, webhook};
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
        site.write("config.yml", &config.replace("PORT", &site.relay.port.to_string()));
        site
    }

    fn plain() -> Self {
        Self::new(Server::plain(), "  transport: smtp\n  smtp: { host: 127.0.0.1, port: PORT, encryption: none }\n")
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

#[test]
fn report_shows_the_mail_and_its_exit_status_tells_the_outcome() {
    let mut site = Site::plain();
    assert_eq!(site.run(&["report", "1"]).code, 4, "nothing is known of the plan");
    site.result("1", "mail1", "");
    assert_eq!(site.run(&["report", "1"]).code, 0);
    site.result("1", "samba1", "disk quota exceeded");
    let ran = site.run(&["report", "1"]);
    assert_eq!((ran.code, ran.err.as_str()), (3, ""));
    assert!(ran.out.starts_with("Subject: [ns8-backup] PARTIAL - 1/2 module(s) failed\n\n"), "{}", ran.out);
    assert!(ran.out.contains("disk quota exceeded"));

    site.result("2", "mail1", "");
    let ran = site.run(&["report", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let outcomes: Vec<_> =
        json["reports"].as_array().unwrap().iter().map(|report| report["outcome"].as_str().unwrap()).collect();
    assert_eq!((ran.code, outcomes, json["version"].as_u64()), (3, vec!["PARTIAL", "SUCCESS"], Some(1)));
    assert!(site.relay.so_far().is_empty());

    site.redis.kill();
    let ran = site.run(&["report", "1"]);
    assert_eq!(ran.code, 5);
    assert!(ran.out.contains("could not be read"));
    assert_eq!((run(&["report", ""]).code, run(&["report", "1", "2"]).code), (2, 2));
}

#[test]
fn times_are_in_the_zone_of_the_environment_else_in_the_systems() {
    let site = Site::plain();
    site.result("1", "samba1", "disk quota exceeded");
    let shown = |zone: Option<&str>| {
        let ran: Ran = site.command(&["report", "1"]).envs(zone.map(|zone| ("TZ", zone))).output().unwrap().into();
        let line = ran.out.lines().find(|line| line.contains(" +") || line.contains(" -0")).expect(&ran.out);
        line.split(' ')
            .find(|word| word.len() == 6 && word.contains(':') && word.starts_with(['+', '-']))
            .expect(line)
            .to_owned()
    };
    for (zone, offset) in [
        ("Asia/Tokyo", "+09:00"),
        (":Asia/Kolkata", "+05:30"),
        ("/usr/share/zoneinfo/Asia/Tokyo", "+09:00"),
        ("XYZ-3", "+03:00"),
        ("UTC", "+00:00"),
        ("", "+00:00"),
        ("Nowhere/Land", "+00:00"),
    ] {
        assert_eq!(shown(Some(zone)), offset, "{zone}");
    }
    let systems = Command::new(path_of("date")).arg("+%:z").env_remove("TZ").output().unwrap().stdout;
    assert_eq!(shown(None), String::from_utf8(systems).unwrap().trim());
}

#[test]
fn a_report_that_cannot_be_written_is_no_success() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let site = Site::plain();
    site.result("1", "mail1", "");
    let arguments = ["--config".into(), site.path("config.yml").display().to_string(), "report".into(), "1".into()];
    let ran: Ran = program().args(arguments).stdout(full).output().unwrap().into();
    assert_eq!((ran.code, ran.err.contains("standard output could not be written")), (1, true), "{}", ran.err);
}

#[test]
fn report_shows_its_progress_on_a_terminal_only() {
    let site = Site::plain();
    let config = fs::read_to_string(site.path("config.yml")).unwrap();
    site.write("config.yml", &config.replace("enabled: false", "enabled: true"));
    site.result("1", "samba1", "disk quota exceeded");
    let path = site.path("no repository").display().to_string();
    site.redis
        .hset("cluster/backup_repository/r/parameters", &[("backend", "local"), ("path", &path), ("password", "x")]);
    let progress = "plan 1: looking at the repositories, 0 of 1";
    let ran = on_a_terminal(&site, "report 1", "");
    assert!(ran.out.contains(progress), "{}", ran.out);
    assert_eq!(ran.code, 4);
    let ran = site.run(&["report", "1"]);
    assert_eq!((ran.code, ran.err.as_str()), (4, ""));
    assert!(!ran.out.contains(progress) && ran.out.contains("no repository"), "{}", ran.out);
}

#[test]
fn report_send_sends_once_and_shows_the_answers() {
    let site = Site::plain();
    site.result("1", "samba1", "disk quota exceeded");
    site.relay.fault_for("ops@example.com", Fault::reply("550 5.1.1 no such user"));
    let ran = site.run(&["report", "1", "--send"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains("admin@example.com: 250") && ran.out.contains("ops@example.com: not sent:"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("550 5.1.1 no such user"));
    site.relay.mend();
    let ran = site.run(&["report", "1", "--send", "--json"]);
    assert_eq!(ran.code, 4);
    serde_json::from_str::<serde_json::Value>(&ran.out).expect("the answers do not get among the JSON");
    assert!(ran.err.contains("ops@example.com: 250"));
    assert_eq!(site.relay.so_far().len(), 3);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let site = Site::plain();
    (0..200).for_each(|n| site.result("1", &format!("mail{n}"), "disk quota exceeded"));
    let mut child = site.command(&["report", "1"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert_eq!((ran.code, ran.err.as_str()), (4, ""));
}

#[test]
fn send_test_goes_the_configured_way_in_the_readers_language() {
    let site =
        Site::new(Server::starttls().with_login("monitor", "s3cret"), "  language: it\n  transport: smarthost\n");
    let ran = site.run(&["send-test"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("smarthost is disabled or not set"), "{}", ran.out);
    let port = site.relay.port.to_string();
    let smarthost = [
        ("enabled", "1"),
        ("host", "127.0.0.1"),
        ("port", port.as_str()),
        ("encrypt_smtp", "starttls"),
        ("tls_verify", ""),
        ("username", "monitor"),
        ("password", "s3cret"),
    ];
    site.redis.hset("cluster/smarthost", &smarthost);
    let ran = site.run(&["send-test"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("admin@example.com: 250") && !ran.out.contains("s3cret"));
    let mails = site.relay.so_far();
    assert_eq!((mails.len(), mails[0].login.as_deref(), mails[0].tls), (2, Some("monitor"), true));
    let text = String::from_utf8_lossy(&mails[0].data).into_owned();
    assert!(text.contains("Subject: [ns8-backup] ") && text.contains("prova"), "{text}");
}

#[test]
fn the_queue_can_be_seen_retried_and_dropped_beside_the_running_service() {
    let site = Site::plain();
    site.relay.fault(crate::support::smtp::Stage::Greeting, Fault::reply("421 4.3.2 not now"));
    site.result("1", "samba1", "disk quota exceeded");
    let mut service =
        Service::new(&(fs::read_to_string(site.path("config.yml")).unwrap() + "correlator: { wait_seconds: 0 }\n"));
    let queue = |args: &[&str]| -> Ran {
        let state = service.path("state");
        program().arg("queue").args(args).env("STATE_DIRECTORY", state).output().unwrap().into()
    };
    assert_eq!(queue(&[]).out, "Nothing is waiting.\n");
    service.start();
    assert_eq!(service.post(webhook(&["1"])).0, 202);
    service.logged("421 4.3.2 not now");
    let queue = |args: &[&str]| -> Ran {
        let state = service.path("state");
        program().arg("queue").args(args).env("STATE_DIRECTORY", state).output().unwrap().into()
    };
    wait_until("the error in the list", || queue(&["list"]).out.contains("421 4.3.2 not now"));
    let list = queue(&[]).out;
    let id = list.lines().nth(1).unwrap().split(' ').next().unwrap();
    assert!(list.contains("2 to send"), "{list}");
    let page = queue(&["show", id]).out;
    assert!(page.contains("ops@example.com: waiting") && page.contains("disk quota exceeded"), "{page}");
    assert_eq!((queue(&["show", "other"]).code, queue(&["drop", "../x"]).code), (1, 2));

    site.relay.mend();
    let retried = queue(&["retry", id]);
    assert!(retried.code == 0 && retried.out.contains(id), "{}", retried.out);
    wait_until("both mails", || site.relay.so_far().len() == 2);
    service.done();

    site.relay.fault(crate::support::smtp::Stage::Rcpt, Fault::reply("550 5.1.1 no such user"));
    site.result("2", "samba1", "disk full");
    assert_eq!(service.post(webhook(&["2"])).0, 202);
    wait_until("it is given up", || queue(&[]).out.contains("given up"));
    let list = queue(&[]).out;
    assert!(list.contains("550 5.1.1 no such user"), "{list}");
    let id = list.lines().nth(1).unwrap().split(' ').next().unwrap();
    assert_eq!(queue(&["drop", id]).code, 0);
    wait_until("it is gone", || queue(&[]).out == "Nothing is waiting.\n");
    assert_eq!(site.relay.so_far().len(), 2);
}

/// An alertmanager.yml of the shape that NS8 writes.
const NS8: &str = "---
global:
  resolve_timeout: 5m
route:
  group_by: ['alertname', 'node']
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 3h
  receiver: default_receiver
  routes:
    - receiver: 'null' # nobody
      matchers: [ 'alertname=~\"Watchdog|InfoInhibitor\"' ]
receivers:
  - name: 'null'
  - name: default_receiver
    webhook_configs:
      - url: 'http://127.0.0.1:9095/alert'
inhibit_rules:
  - source_matchers: [ 'severity=\"critical\"' ]
    target_matchers: [ 'severity=\"warning\"' ]
    equal: ['alertname']
";

fn amtool(args: &[&str], file: &Path) -> Ran {
    Command::new(path_of("amtool")).args(args).arg(format!("--config.file={}", file.display())).output().unwrap().into()
}

fn check_config(file: &Path) {
    let ran: Ran = Command::new(path_of("amtool")).arg("check-config").arg(file).output().unwrap().into();
    assert_eq!(ran.code, 0, "{}{}\n{}", ran.out, ran.err, fs::read_to_string(file).unwrap());
}

#[test]
fn alertmanager_takes_the_patched_file_and_routes_our_alerts_here() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alertmanager.yml");
    let patch = |more: &[&str]| {
        let missing = folder.path().join("none.yml");
        let args = ["--config", missing.to_str().unwrap(), "alertmanager-config", "--patch", file.to_str().unwrap()];
        run(&[&args[..], more].concat())
    };
    let minimal = "route:\n  receiver: default_receiver\nreceivers:\n- name: default_receiver\n";
    let commented = "# a\nreceivers: # b\n# c\n- name: default_receiver # d\n# e\nroute:\n    # f\n    receiver: default_receiver\n    \
                     routes: [] # g\n";
    let windows = minimal.replace('\n', "\r\n");
    for text in [NS8, minimal, commented, &windows] {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o604)).unwrap();
        let ran = patch(&[]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.contains("The defaults are used."));
        assert!(ran.out.contains("default_receiver gets only what no route takes"), "{}", ran.out);
        check_config(&file);
        for name in DEFAULT_ALERT_NAMES {
            let ran = amtool(&["config", "routes", "test", &format!("alertname={name}"), "id=1"], &file);
            assert_eq!(ran.out.trim(), "ns8-backup-monitor");
        }
        let other = amtool(&["config", "routes", "test", "alertname=HighCpu"], &file);
        assert_eq!(other.out.trim(), "default_receiver");

        let before = fs::metadata(&file).unwrap();
        assert_eq!(before.mode() & 0o7777, 0o604);
        assert!(patch(&[]).out.contains("nothing to change"));
        assert_eq!(fs::metadata(&file).unwrap().ino(), before.ino(), "not even written");
        assert_eq!(patch(&["--remove"]).code, 0);
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn a_file_that_cannot_be_understood_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alertmanager.yml");
    for text in ["route: [", "", "route: { receiver: a }\nreceivers:\n- name: a\n", "\u{fffd}\0"] {
        fs::write(&file, text).unwrap();
        let before = fs::metadata(&file).unwrap().ino();
        let ran = run(&["alertmanager-config", "--patch", file.to_str().unwrap()]);
        assert_eq!((ran.code, fs::metadata(&file).unwrap().ino()), (1, before));
        assert!(ran.err.contains("is left as it was") && ran.err.contains("- name: ns8-backup-monitor"), "{}", ran.err);
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    assert_eq!(run(&["alertmanager-config", "--patch", "/nonexistent"]).code, 1);
    assert_eq!(run(&["alertmanager-config", "--remove"]).code, 2);
}

#[test]
fn alertmanager_takes_what_is_printed_for_the_configured_address_names_and_token() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.yml");
    let text = "receiver: { host: 0.0.0.0, port: 9199, alert_names: [a.b, c], token_file: /etc/token }\nnotification: { mail_to: a@x.y }\n";
    fs::write(&config, text).unwrap();
    let ran = run(&["--config", config.to_str().unwrap(), "alertmanager-config"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let file = folder.path().join("alertmanager.yml");
    fs::write(&file, ran.out.replace("  routes:", "  receiver: ns8-backup-monitor\n  routes:")).unwrap();
    check_config(&file);
    for expected in ["'http://127.0.0.1:9199/alert'", "credentials_file: '/etc/token'", "send_resolved: false"] {
        assert!(ran.out.contains(expected), "{}", ran.out);
    }
    let routed = |name: &str| amtool(&["config", "routes", "test", "--tree", &format!("alertname={name}")], &file).out;
    assert!(routed("a.b").contains("{alertname"), "{}", routed("a.b"));
    assert!(!routed("axb").contains("{alertname"), "{}", routed("axb"));
}

/// A running Alertmanager, stopped when dropped.
struct Alertmanager(Child, String);

impl Alertmanager {
    fn start(config: &Path, storage: &Path) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        // Debian calls it by the project's name.
        let installed = |name: &&str| Command::new(name).arg("--version").output().is_ok();
        let program = ["alertmanager", "prometheus-alertmanager"].into_iter().find(installed);
        let child = Command::new(program.expect("Alertmanager is installed; `make test` does that"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", storage.display()))
            .arg(format!("--web.listen-address={free}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("Alertmanager listens", || std::net::TcpStream::connect(free).is_ok());
        Self(child, format!("http://{free}"))
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn alertmanager_and_all_else_is_checked_for_what_is_there_and_what_is_not() {
    let smtp = "  transport: smtp\n  smtp: { host: localhost, port: PORT, encryption: tls, username: monitor, password_file: FILE, ca_file: CA }\n";
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(&secret, "pl4nted-s3cret\n").unwrap();
    let smtp = smtp.replace("FILE", secret.path().to_str().unwrap()).replace("CA", crate::support::smtp::CA_FILE);
    let site = Site::new(Server::tls().with_login("monitor", "pl4nted-s3cret"), &smtp);
    site.result("1", "mail1", "");
    let alertmanager_yml = site.write("alertmanager.yml", NS8);
    let check = |url: &str, json: &[&str]| site.run(&[&["check", "--alertmanager", url], json].concat());

    let before = Alertmanager::start(&alertmanager_yml, &site.path("before"));
    let ran = check(&before.1, &[]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("has no receiver ns8-backup-monitor"), "{}", ran.out);
    assert!(ran.out.contains("alertmanager-config --patch"), "{}", ran.out);

    assert_eq!(site.run(&["alertmanager-config", "--patch", alertmanager_yml.to_str().unwrap()]).code, 0);
    let after = Alertmanager::start(&alertmanager_yml, &site.path("after"));
    let ran = check(&after.1, &[]);
    for expected in [
        "2 recipient(s), from monitor@example.com",
        "layout A, 1 plan(s), 1 module(s)",
        "as monitor, from notification.smtp: ready",
        "every alert name is routed here",
    ] {
        let line = ran.out.lines().find(|line| line.contains(expected));
        assert!(line.is_some_and(|line| line.starts_with("ok ")), "{expected}:\n{}", ran.out);
    }
    assert!(site.relay.so_far().is_empty(), "nothing is sent");

    fs::write(&secret, "other-s3cret\n").unwrap();
    let ran = check("http://127.0.0.1:1", &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let errors: Vec<_> = json["checks"].as_array().unwrap().iter().filter(|check| check["level"] == "error").collect();
    let of = |subject: &str| {
        errors.iter().find(|check| check["subject"] == subject).unwrap_or_else(|| panic!("{}", ran.out))
    };
    assert!(of("relay")["found"].as_str().unwrap().contains("535"), "{}", ran.out);
    assert!(of("alertmanager")["todo"].as_str().unwrap().contains("--alertmanager URL"));
    assert!(!ran.out.contains("s3cret") && !ran.err.contains("s3cret"));
}

#[test]
fn check_sees_that_no_mail_can_leave_without_a_relay() {
    let site = Site::new(Server::plain(), "");
    fs::create_dir(site.path("bin")).unwrap();
    let sendmail = site.write("bin/ns8-sendmail", "#!/bin/sh\n");
    fs::set_permissions(&sendmail, fs::Permissions::from_mode(0o755)).unwrap();
    let relay = || -> String {
        let mut check = site.command(&["check", "--alertmanager", "http://127.0.0.1:1"]);
        let ran: Ran = check.env("PATH", site.path("bin")).output().unwrap().into();
        ran.out.lines().find(|line| line.contains(" relay: ")).expect(&ran.out).to_owned()
    };
    let without = relay();
    assert!(without.starts_with("error ") && without.contains("set notification.transport: smtp"), "{without}");

    let config = fs::read_to_string(site.path("config.yml")).unwrap();
    let own = format!("notification:\n  sendmail_command: [{}]\n", sendmail.display());
    site.write("config.yml", &config.replace("notification:\n", &own));
    assert!(relay().starts_with("warning "), "{}", relay());
}

#[test]
fn check_names_every_problem_of_the_configuration() {
    let site = Site::plain();
    site.write("config.yml", "notification:\n  mail_too: a@example.com\nreceiver:\n  port: x\n");
    let ran = site.run(&["check", "--alertmanager", "http://127.0.0.1:1"]);
    assert_eq!(ran.code, 1);
    for expected in ["config.yml:2: notification.mail_too", "did you mean mail_to?", "config.yml:4: receiver.port"] {
        assert!(ran.out.contains(expected), "{}", ran.out);
    }
}

#[test]
fn setup_with_flags_writes_and_keeps_what_was_there() {
    let site = Site::plain();
    let before = fs::read_to_string(site.path("config.yml")).unwrap();
    let ran = site.run(&["setup", "--subject-prefix", "[it's]", "--send-test"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("Nothing was started"));
    let after = fs::read_to_string(site.path("config.yml")).unwrap();
    assert_eq!(after.replace("  subject_prefix: '[it''s]'\n", ""), before);
    assert_eq!(fs::metadata(site.path("config.yml")).unwrap().mode() & 0o777, 0o640);
    assert_eq!(site.relay.so_far().len(), 2, "the test mail");

    site.write("config.yml", "notification:\n  timeot: 5\n");
    let ran = site.run(&["setup", "--mail-to", "a@example.com"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("did you mean timeout?"), "{}", ran.err);
    assert_eq!(fs::read_to_string(site.path("config.yml")).unwrap(), "notification:\n  timeot: 5\n");

    fs::remove_file(site.path("config.yml")).unwrap();
    assert_eq!(site.run(&["setup", "--yes"]).code, 2, "nobody to send to");
    assert!(!site.path("config.yml").exists());
    assert_eq!(site.run(&["setup", "--mail-to", "nobody"]).code, 2);
    assert_eq!(site.run(&["setup", "--mail-to", "a@example.com"]).code, 0);
    assert!(fs::read_to_string(site.path("config.yml")).unwrap().contains("- 'a@example.com'\n"));
}

#[test]
fn setup_without_a_terminal_and_without_flags_says_what_it_needs() {
    let ran = Site::plain().run(&["setup"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("needs a terminal") && ran.err.contains("--mail-to"), "{}", ran.err);
}

/// Runs a command on a terminal of its own and types these lines.
fn on_a_terminal(site: &Site, command: &str, lines: &str) -> Ran {
    let config = site.path("config.yml");
    let mut child = Command::new(path_of("script"))
        .args(["-qec", &format!("{PROGRAM} --config {} {command}", config.display()), "/dev/null"])
        .env("STATE_DIRECTORY", site.path("state"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn setup_asks_on_a_terminal() {
    let site = Site::plain();
    let config = "# mine\nnotification:\n  mail_to:\n  - old@example.com # boss\n";
    site.write("config.yml", config);
    let ran = on_a_terminal(&site, "setup", "me@example.com\nnobody\nold@example.com, new@example.com\n\ny\nn\n");
    assert_eq!(ran.code, 0, "{}", ran.out);
    for expected in
        ["Sender [ns8-backup-monitor@", "Recipients", "[old@example.com]", "is not a mail address", "Write this file?"]
    {
        assert!(ran.out.contains(expected), "{expected}: {}", ran.out);
    }
    let expected = "# mine\nnotification:\n  mail_from: 'me@example.com'\n  subject_prefix: '[ns8-backup]'\n  mail_to:\n  \
                    - old@example.com # boss\n  - 'new@example.com'\n";
    assert_eq!(fs::read_to_string(site.path("config.yml")).unwrap(), expected);

    site.write("config.yml", config);
    let ran = on_a_terminal(&site, "setup", "\n\n\nn\n");
    assert_eq!((ran.code, fs::read_to_string(site.path("config.yml")).unwrap().as_str()), (1, config));
}

#[test]
fn colours_are_for_terminals_whose_user_wants_them() {
    for (wish, coloured) in [("", true), ("NO_COLOR=1 ", false)] {
        let command = format!("{wish}{PROGRAM} reprot");
        let ran = Command::new(path_of("script")).args(["-qec", &command, "/dev/null"]).env("TERM", "xterm").output();
        let ran: Ran = ran.unwrap().into();
        assert_eq!((ran.code, ran.out.contains('\x1b')), (2, coloured), "{}", ran.out);
    }
}

#[test]
fn help_teaches_and_is_plain_in_a_pipe() {
    for command in ["serve", "report", "check", "send-test", "queue", "setup", "alertmanager-config"] {
        let ran = run(&[command, "--help"]);
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains("Example") && !ran.out.contains('\x1b'), "{}", ran.out);
    }
    assert!(run(&["--version"]).out.starts_with(concat!("ns8-backup-monitor ", env!("CARGO_PKG_VERSION"))));
    let ran = run(&["reprot"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("'report'") && !ran.err.contains('\x1b'), "{}", ran.err);
}
