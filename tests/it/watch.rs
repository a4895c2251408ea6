//! The watch as a command, on a real Redis, posting to the real service.

#[cfg(target_arch = "x86_64")]
mod calls;
mod edits;
mod heartbeat;
mod logs;
mod pages;
mod promoted;
mod recovered;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::faults::clock;
use crate::support::port::Port;
use crate::support::programs;
use crate::support::redis::Redis;
use crate::support::service::wait_until;
use crate::support::site::Site;

/// No wait for modules, and no look at repositories.
const AT_ONCE: &str =
    "correlator: { wait_seconds: 0, max_wait_seconds: 0, follow_seconds: 0 }\nrepo_check: { enabled: false }\n";

/// A cluster as NS8 has it now, a service, and the watch that looks after both.
struct Watched {
    site: Site,
    notification: &'static str,
}

/// A calendar expression for a daily run at this distance from now, by the clock of this machine.
fn daily(from_now: SignedDuration) -> String {
    let due = Timestamp::now().checked_add(from_now).unwrap().to_zoned_datetime(TimeZone::UTC);
    due.strftime("*-*-* %H:%M:%S UTC").to_string()
}

fn ago(minutes: i64) -> i64 {
    Timestamp::now().as_second() - minutes * 60
}

impl Watched {
    /// Plan 2 was due so many minutes ago, with `mail1` and `samba1`.
    fn new(due: i64) -> Self {
        let watched = Self { site: Site::on(Redis::ns8(), "", AT_ONCE), notification: "" };
        let redis = &watched.site.redis;
        redis.run::<i64>("DEL module/mail1/backup/2/status module/samba1/backup/2/status");
        redis.hset("cluster/module_node", &[("mail1", "1"), ("samba1", "1")]);
        redis.hset("cluster/environment", &[("NODE_ID", "1")]);
        watched.plan("2", &daily(SignedDuration::from_mins(-due)));
        watched.configure("");
        watched
    }

    fn plan(&self, id: &str, schedule: &str) {
        let fields = [("name", "Nightly"), ("instances", "mail1 samba1"), ("enabled", "1"), ("schedule", schedule)];
        self.site.redis.hset(&format!("cluster/backup/{id}"), &fields);
    }

    fn configure(&self, sections: &str) {
        let (_, port) = self.site.service.address.rsplit_once(':').unwrap();
        let sections = format!("{AT_ONCE}receiver: {{ port: {port} }}\n{sections}");
        self.site.configure(self.notification, &sections);
    }

    /// Writes a result that ended so many minutes ago.
    fn ends(&self, module: &str, minutes: i64, errors: u32) {
        self.site.ends(module, ago(minutes), errors);
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let folder = self.site.service.path("state");
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("STATE_DIRECTORY", folder)
            .env("TZ", "UTC");
        command
    }

    fn arguments(&self, command: &mut Command) {
        command.arg("--config").arg(self.site.service.path("config.yml")).arg("watch");
    }

    /// One tick.
    fn tick_with(&self, environment: &[(&str, &str)]) -> Output {
        let mut command = self.command(env!("CARGO_BIN_EXE_ns8-backup-monitor"));
        command.envs(environment.iter().copied());
        self.arguments(&mut command);
        command.output().unwrap()
    }

    /// One tick that must succeed; what it logged.
    fn tick(&self) -> String {
        let output = self.tick_with(&[]);
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{log}\n{}", self.site.service.log());
        log
    }

    /// One tick whose clock is off by this, such as `-1d`, or has another speed, such as `+0 x10`.
    fn tick_output(&self, distance: &str, environment: &[(&str, &str)]) -> Output {
        programs::path_of("faketime");
        clock::forget_the_dead();
        let mut command = self.command("faketime");
        command.envs(environment.iter().copied());
        command.args(["-f", distance, env!("CARGO_BIN_EXE_ns8-backup-monitor")]);
        self.arguments(&mut command);
        command.output().unwrap()
    }

    /// The same, which must succeed; what it logged.
    fn tick_at(&self, distance: &str) -> String {
        self.tick_at_with(distance, &[])
    }

    fn tick_at_with(&self, distance: &str, environment: &[(&str, &str)]) -> String {
        let output = self.tick_output(distance, environment);
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{log}");
        log
    }

    /// Each recipient's mails, once the queue is empty.
    fn mails_each(&self) -> Vec<usize> {
        self.site.service.done();
        self.site.counts().into_values().collect()
    }

    fn history(&self) -> serde_json::Value {
        let file = self.site.service.path("state/history/2.json");
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    }
}

#[test]
fn a_failed_run_is_mailed_once() {
    let mut watched = Watched::new(60);
    watched.ends("mail1", 50, 0);
    watched.ends("samba1", 40, 2);
    watched.site.service.start();
    let log = watched.tick();
    assert!(log.contains("plan 2: The run has 1 failed module(s), as of "), "{log}");
    wait_until("a mail each", || watched.site.counts().len() == 2, || watched.site.service.log());
    for mail in watched.site.inbox() {
        assert_eq!(mail.subject, "[ns8-backup] PARTIAL - 1/2 module(s) failed", "{}", mail.text);
    }
    for _ in 0..3 {
        assert!(!watched.tick().contains("plan 2"));
    }
    assert_eq!(watched.mails_each(), [1, 1]);
    let history = watched.history();
    assert_eq!(history["runs"][0]["outcome"], "PARTIAL");
    assert_eq!(history["modules"], serde_json::json!(["mail1", "samba1"]));
}

#[test]
fn a_run_that_does_not_start_is_mailed_after_the_grace() {
    let mut watched = Watched::new(200);
    watched.ends("mail1", 24 * 60 + 190, 0);
    watched.ends("samba1", 24 * 60 + 180, 0);
    watched.site.service.start();
    assert!(!watched.tick_at("-1d").contains("plan 2"));
    assert!(!watched.tick_at("-60m").contains("plan 2"), "within the grace");
    let log = watched.tick();
    assert!(log.contains("has not started; the plan's newest result: "), "{log}");
    wait_until("a mail each", || watched.site.counts().len() == 2, || watched.site.service.log());
    assert!(!watched.tick().contains("plan 2"));
    assert_eq!(watched.mails_each(), [1, 1]);
    assert_eq!(watched.history()["runs"].as_array().unwrap().last().unwrap()["outcome"], "MISSED");
    // Late, but well: the all-clear.
    watched.ends("mail1", 1, 0);
    watched.ends("samba1", 0, 0);
    let log = watched.tick();
    assert!(log.contains("has no failure, after one that had, or was missed"), "{log}");
}

#[test]
fn a_clock_that_was_ahead_hides_no_absence_and_adds_no_run() {
    let mut watched = Watched::new(400);
    watched.ends("mail1", 24 * 60 + 390, 0);
    watched.ends("samba1", 24 * 60 + 380, 0);
    watched.site.service.start();
    assert!(!watched.tick_at("-1d").contains("plan 2"));
    for ahead in ["+10d", "+12d"] {
        assert!(watched.tick_at(ahead).contains("has not started"), "by that clock it is so");
        watched.site.service.done();
    }
    let before = watched.site.inbox().len();
    watched.ends("mail1", 390, 0);
    let log = watched.tick();
    assert!(log.contains("if the clock stays behind, the next look goes by it"), "{log}");
    let log = watched.tick();
    assert!(log.contains("1 module(s) have no result"), "{log}");
    watched.site.service.done();
    let inbox = watched.site.inbox();
    assert_eq!(inbox.len(), before + 2);
    for mail in &inbox[before..] {
        assert_eq!(mail.subject, "[ns8-backup] PARTIAL - 1/2 module(s) without a result", "{}", mail.text);
    }
    // What lies ahead is still in the file, and counts nowhere.
    let now = Timestamp::now().to_string();
    let history = watched.history();
    let past = history["runs"].as_array().unwrap().iter().filter(|run| run["due"].as_str() < Some(&now));
    assert_eq!(past.count(), 2);
}

#[test]
fn a_plan_that_was_just_made_has_missed_nothing() {
    let watched = Watched::new(600);
    watched.site.redis.run::<i64>("DEL node/1/backup_status/2");
    for _ in 0..2 {
        assert_eq!(watched.tick().lines().filter(|line| line.contains("plan")).count(), 0);
    }
}

#[test]
fn only_the_leader_watches_and_a_new_leader_takes_over() {
    let mut watched = Watched::new(60);
    watched.ends("mail1", 50, 1);
    watched.ends("samba1", 40, 0);
    watched.site.service.start();
    let credentials = watched.site.service.path("credentials");
    std::fs::create_dir(&credentials).unwrap();
    std::fs::write(credentials.join("node.environment"), "AGENT_ID=node/2\nNODE_ID=2\n").unwrap();
    let environment = [("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap())];
    let tick = || {
        let output = watched.tick_with(&environment);
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(tick().contains("node 1 is the leader and watches; this one does not"));
    assert_eq!(tick(), "", "said once");
    watched.site.redis.hset("cluster/environment", &[("NODE_ID", "2")]);
    let log = tick();
    assert!(log.contains("this node watches") && log.contains("plan 2: "), "{log}");
    watched.site.redis.hset("cluster/environment", &[("NODE_ID", "1")]);
    assert!(tick().contains("this one does not"));
}

#[test]
fn findings_that_cannot_be_posted_are_posted_at_the_next_tick() {
    let mut watched = Watched::new(60);
    watched.ends("mail1", 50, 1);
    watched.ends("samba1", 40, 0);
    let nobody = Port::reserve();
    watched.site.configure("", &format!("{AT_ONCE}receiver: {{ port: {} }}\n", nobody.number()));
    for _ in 0..2 {
        let output = watched.tick_with(&[]);
        assert_eq!(output.status.code(), Some(1));
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(log.contains(&format!("the service at http://{}/alert does not answer", nobody.address)), "{log}");
    }
    watched.configure("");
    watched.site.service.start();
    assert!(watched.tick().contains("plan 2"));
    wait_until("a mail each", || watched.site.counts().len() == 2, || watched.site.service.log());
    assert!(!watched.tick().contains("plan 2"));
}

#[test]
fn killed_anywhere_nothing_is_lost_and_nobody_gets_two() {
    for point in ["watch-recorded", "watch-posted", "watch-saved"] {
        let mut watched = Watched::new(60);
        watched.ends("mail1", 50, 1);
        watched.ends("samba1", 40, 0);
        watched.site.service.start();
        let output = watched.tick_with(&[("NS8_BACKUP_MONITOR_KILL_AT", point)]);
        assert_eq!(output.status.code(), None, "killed at {point}");
        watched.tick();
        wait_until("a mail each", || watched.site.counts().len() == 2, || watched.site.service.log());
        watched.tick();
        assert_eq!(watched.mails_each(), [1, 1], "{point}");
    }
}

#[test]
fn the_token_is_sent_and_not_logged() {
    let mut watched = Watched::new(60);
    watched.ends("mail1", 50, 1);
    watched.ends("samba1", 40, 0);
    // As systemd hands it to each unit, in a folder of its own.
    let [of_the_service, of_the_watch] = ["of-the-service", "of-the-watch"].map(|unit| {
        let folder = watched.site.service.path(unit);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("token"), "secret-of-the-test\n").unwrap();
        folder.into_os_string().into_string().unwrap()
    });
    let (_, port) = watched.site.service.address.rsplit_once(':').unwrap();
    let receiver = format!("{AT_ONCE}receiver: {{ port: {port}, token_file: $CREDENTIALS_DIRECTORY/token }}\n");
    watched.site.configure("", &receiver);
    watched.site.service.start_with(&[("CREDENTIALS_DIRECTORY", &of_the_service)]);
    let tick = |environment: &[(&str, &str)]| {
        let output = watched.tick_with(environment);
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (ran, log) = tick(&[]);
    assert!(!ran && log.contains("it is there while the service runs: systemctl start ns8-backup-monitor"), "{log}");
    let (ran, log) = tick(&[("CREDENTIALS_DIRECTORY", &of_the_watch)]);
    assert!(ran && log.contains("plan 2") && !log.contains("secret-of-the-test"), "{log}");
    watched.site.service.done();
    std::fs::remove_file(format!("{of_the_watch}/token")).unwrap();
    watched.ends("samba1", 30, 1);
    let (ran, log) = tick(&[("CREDENTIALS_DIRECTORY", &of_the_watch)]);
    assert!(!ran && log.contains("this unit needs it in LoadCredentialEncrypted="), "{log}");
}

#[test]
fn what_cannot_be_done_is_said_with_its_reason() {
    let mut watched = Watched::new(60);
    watched.ends("mail1", 50, 1);
    let failed = |watched: &Watched| {
        let output = watched.tick_with(&[]);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    watched.configure("nonsense: 1\n");
    assert!(failed(&watched).contains("nonsense"));
    watched.configure("watch: { enabled: false }\n");
    assert_eq!(watched.tick(), "");
    watched.configure("");
    watched.site.redis.kill();
    assert!(failed(&watched).contains("Redis at"));
    // Another program at our port.
    watched.site.redis.restart();
    let watched = Watched::new(60);
    watched.ends("mail1", 50, 1);
    watched.ends("samba1", 50, 1);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    watched.site.configure("", &format!("{AT_ONCE}receiver: {{ port: {port} }}\n"));
    std::thread::scope(|scope| {
        scope.spawn(|| answer(&other, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"));
        assert!(failed(&watched).contains("is another program"));
    });
}

#[test]
fn nothing_is_posted_to_another_user_who_listens_at_the_port() {
    if !rustix::process::getuid().is_root() {
        println!("skipped: needs root, to give a socket away");
        return;
    }
    let watched = Watched::new(60);
    watched.ends("mail1", 50, 1);
    watched.ends("samba1", 50, 1);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    std::os::unix::fs::fchown(&other, Some(65533), None).unwrap();
    let port = other.local_addr().unwrap().port();
    let token = watched.site.service.path("token");
    std::fs::write(&token, "secret-of-the-test").unwrap();
    let receiver = format!("receiver: {{ port: {port}, token_file: {} }}\n", token.display());
    watched.site.configure("", &format!("{AT_ONCE}{receiver}"));
    let asked = std::thread::spawn(move || {
        answer(&other, "HTTP/1.1 202 Accepted\r\nContent-Length: 24\r\n\r\n{\"queued\":1,\"ignored\":0}")
    });
    let output = watched.tick_with(&[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(asked.join().unwrap(), "", "{said}");
    assert!(output.status.code() == Some(1) && said.contains("user 65533 has that port"), "{said}");
}

/// Answers one request; what was asked.
fn answer(listener: &TcpListener, answer: &str) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = [0; 4096];
    let length = stream.read(&mut request).unwrap();
    stream.write_all(answer.as_bytes()).unwrap();
    String::from_utf8_lossy(&request[..length]).into_owned()
}

#[test]
fn fifty_plans_with_as_many_schedules_are_watched_at_once() {
    let mut watched = Watched::new(60);
    for plan in 3..53 {
        let id = plan.to_string();
        watched.plan(&id, &daily(SignedDuration::from_mins(-200 - plan)));
        let end = ago(24 * 60 + 180).to_string();
        let result = format!(r#"{{"start": {end}, "end": {end}, "errors": 0}}"#);
        watched.site.redis.hset(&format!("node/1/backup_status/{id}"), &[("mail1", &result), ("samba1", &result)]);
    }
    watched.ends("mail1", 50, 0);
    watched.ends("samba1", 50, 0);
    watched.site.service.start();
    watched.tick_at("-1d");
    let log = watched.tick();
    assert_eq!(log.matches("has not started").count(), 50, "{log}");
    assert!(!watched.tick().contains("plan"));
}

#[test]
fn a_heartbeat_is_sent_while_all_is_well() {
    let mut watched = Watched::new(60);
    watched.ends("mail1", 50, 0);
    watched.ends("samba1", 50, 0);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}/ping/1234-5678", listener.local_addr().unwrap().port());
    let line: &'static str = format!("  heartbeat_url: {url}\n").leak();
    watched.notification = line;
    watched.configure("");
    watched.site.service.start();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| answer(&listener, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(watched.tick(), "INFO: this node watches the cluster's backups\n");
        assert!(asked.join().unwrap().starts_with("GET /ping/1234-5678 HTTP/1.1\r\n"));
        scope.spawn(|| answer(&listener, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
        let log = watched.tick();
        assert!(log.contains("heartbeat failed: it answers 404") && !log.contains("1234"), "{log}");
    });
    // Nobody there: logged, no failure.
    let nobody = Port::reserve();
    watched.notification = format!("  heartbeat_url: http://{}/ping/1234-5678\n", nobody.address).leak();
    watched.configure("");
    let log = watched.tick();
    assert!(log.contains("heartbeat failed") && !log.contains("1234"), "{log}");
}

#[test]
fn a_sign_of_life_goes_over_tls_to_a_server_that_is_trusted() {
    programs::path_of("openssl");
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/support/tls");
    let reserved = Port::reserve();
    let port = reserved.number();
    let mut server = Command::new("openssl")
        .args(["s_server", "-quiet", "-www", "-accept", &port.to_string(), "-cert", "leaf.pem", "-key", "leaf.key"])
        .current_dir(&folder)
        .spawn()
        .unwrap();
    let up = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
    wait_until("openssl", up, String::new);
    let mut watched = Watched::new(60);
    watched.ends("mail1", 50, 0);
    watched.ends("samba1", 50, 0);
    watched.notification = format!("  heartbeat_url: https://localhost:{port}/\n").leak();
    watched.configure("logging: { level: DEBUG }\n");
    watched.site.service.start();
    let beat = |ca: &str| {
        let output = watched.tick_with(&[("SSL_CERT_FILE", folder.join(ca).to_str().unwrap())]);
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let (trusted, unknown, none) = (beat("ca.pem"), beat("expired.pem"), beat("leaf.key"));
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(trusted.contains("heartbeat sent"), "{trusted}");
    assert!(unknown.contains("heartbeat failed"), "{unknown}");
    assert!(none.contains("install the package ca-certificates"), "{none}");
}

/// The files behind a gateway that is rclone's WebDAV alone.
#[test]
fn a_cluster_backup_that_is_far_too_old_is_mailed_once() {
    programs::path_of("rclone");
    let mut watched = Watched::new(60);
    watched.ends("mail1", 50, 0);
    watched.ends("samba1", 50, 0);
    let root = watched.site.service.path("destinations");
    std::fs::create_dir_all(root.join("dest")).unwrap();
    let backup = root.join("dest/cluster-backup-c-uuid.json.gz.gpg");
    let made = std::time::SystemTime::now() - std::time::Duration::from_secs(60 * 3600);
    std::fs::File::create(&backup).unwrap().set_modified(made).unwrap();
    let reserved = Port::reserve();
    let port = reserved.number();
    let mut rclone = programs::bare("rclone")
        .args(["serve", "webdav", "--addr", &format!("127.0.0.1:{port}"), "--user", "node/1", "--pass", "agent"])
        .arg(&root)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait_until("rclone", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok(), String::new);
    let agent = watched.site.service.path("agent.env");
    std::fs::write(&agent, "REDIS_USER=node/1\nREDIS_PASSWORD=agent\n").unwrap();
    let redis = &watched.site.redis;
    redis.run::<()>("SET cluster/uuid c-uuid");
    redis.hset("cluster/backup_repository/dest", &[("name", "Dest"), ("provider", "aws"), ("url", "s3:x")]);
    redis.hset("cluster/backup/2", &[("repository", "dest")]);
    let repo_check = format!("enabled: false, gateway: \"http://127.0.0.1:{port}\", agent_env: {}", agent.display());
    let (_, own) = watched.site.service.address.rsplit_once(':').unwrap();
    let sections = AT_ONCE.replace("enabled: false", &repo_check);
    watched.site.configure("", &format!("{sections}receiver: {{ port: {own} }}\n"));
    watched.site.service.start();
    assert!(!watched.tick_at("-52h").contains("plan 2"), "it is not too old yet");
    let log = watched.tick();
    let state = std::fs::read_to_string(watched.site.service.path("state/watch.json")).unwrap();
    let again = watched.tick();
    rclone.kill().unwrap();
    rclone.wait().unwrap();
    assert!(log.contains("The cluster backup at the plan's destination is far older"), "{log}\n{state}");
    assert!(!again.contains("plan 2"), "{again}");
}
