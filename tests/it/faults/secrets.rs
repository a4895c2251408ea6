//! No secret leaves: recognisable ones are planted wherever one can be, every path that fails is taken, and what comes
//! out is searched.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::programs::install;
use crate::support::redis::Redis;
use crate::support::service::webhook;
use crate::support::site::Site;
use crate::support::smtp::{Fault, Server, Stage};

/// What every planted secret begins with.
const MARK: &str = "S3cr3t";

/// A script that would give away all it is told: arguments to a file, the environment and standard input to its output.
/// It stays until its command line has been seen once.
const TALKATIVE: &str = "#!/bin/sh\necho \"$0 $@\" >> $0.arguments\nenv; env >&2; cat >&2\n\
                         until [ -e $0.seen ]; do sleep 0.01; done\nexit 1\n";

struct Planted {
    site: Site,
    restic: String,
    sendmail: String,
    /// The command lines of the service and its children that were seen.
    seen: Mutex<BTreeSet<String>>,
}

impl Planted {
    fn new() -> Self {
        let login = format!(
            "user reader on >{MARK}-redis ~cluster/* ~node/* ~module/* nocommands +@read +@connection +subscribe +psubscribe"
        );
        let redis = Redis::on_tcp(&format!("user default off\n{login}"));
        let mut site = Site::on(redis, "", "");
        site.relay = Server::starttls().with_login("monitor", &format!("{MARK}-accepted"));
        for (name, content) in [
            ("redis.password", format!("{MARK}-redis\n")),
            ("smtp.password", format!("{MARK}-smtp\n")),
            ("token", format!("{MARK}-token\n")),
            ("agent.env", format!("REDIS_USER=node/1\nREDIS_PASSWORD={MARK}-agent\n")),
            ("rclone.conf", format!("[remote]\ntype = sftp\nhost = 127.0.0.1\nport = 1\npass = {MARK}-rclone\n")),
        ] {
            site.redis.file(name, &content);
        }
        let script = |name: &str| {
            let path = site.redis.file(name, "");
            install(&path, TALKATIVE);
            path.display().to_string()
        };
        let (restic, sendmail) = (script("restic"), script("ns8-sendmail"));
        let planted = Self { site, restic, sendmail, seen: Mutex::default() };
        planted.fill_redis();
        planted
    }

    fn fill_redis(&self) {
        let secret = |name: &str| format!("{MARK}-{name}");
        let login = |name: &str| format!("https://user:{MARK}-{name}@127.0.0.1:1/bucket?key={MARK}-query-{name}");
        let redis = &self.site.redis;
        for (id, backend) in [("s3", "s3"), ("b2", "b2"), ("sf", "sftp"), ("rc", "rclone"), ("lo", "local")] {
            redis.hset(
                &format!("cluster/backup_repository/{id}/parameters"),
                &[
                    ("backend", backend),
                    ("url", &login("a")),
                    ("path", "user@127.0.0.1:/backup"),
                    ("password", &secret("a-password")),
                    ("aws_access_key_id", &secret("a-id")),
                    ("aws_secret_access_key", &secret("a-key")),
                    ("rclone_config", redis.socket().with_file_name("rclone.conf").to_str().unwrap()),
                ],
            );
        }
        redis.hset(
            "cluster/backup_repository/uuid-b",
            &[
                ("name", "per module"),
                ("provider", "generic-s3"),
                ("url", &format!("s3:{}", login("b"))),
                ("password", &secret("b-password")),
                ("aws_access_key_id", &secret("b-id")),
                ("aws_secret_access_key", &secret("b-key")),
                ("b2_account_id", &secret("b-account")),
                ("b2_account_key", &secret("b-account-key")),
            ],
        );
        redis.hset(
            "cluster/backup_repository/uuid-c",
            &[("name", "gateway"), ("provider", "aws"), ("url", &login("c"))],
        );
        redis.hset("cluster/module_node", &[("mail1", "1"), ("samba1", "1")]);
        redis.hset("cluster/module_uuid", &[("mail1", "uuid-mail1"), ("samba1", "uuid-samba1")]);
        for (plan, repository) in [("3", "uuid-b"), ("4", "uuid-c")] {
            let plan_key = format!("cluster/backup/{plan}");
            redis.hset(
                &plan_key,
                &[("name", "Nightly"), ("repository", repository), ("enabled", "1"), ("instances", "mail1")],
            );
            let now = jiff::Timestamp::now().as_second();
            let result =
                serde_json::json!({"start": now - 9, "end": now, "errors": 1, "snapshots_count": 0}).to_string();
            redis.hset(&format!("node/1/backup_status/{plan}"), &[("mail1", &result)]);
        }
        redis.hset(
            "cluster/smarthost",
            &[
                ("host", "localhost"),
                ("port", &self.site.relay.port.to_string()),
                ("username", "monitor"),
                ("password", &secret("smarthost")),
                ("enabled", "1"),
                ("encrypt_smtp", "starttls"),
                ("tls_verify", ""),
            ],
        );
    }

    fn configure(&self, transport: &str, redis: &str, more: &str) {
        let file = |name: &str| self.site.redis.socket().with_file_name(name).display().to_string();
        self.site.service.configure(&format!(
            "notification:\n  mail_to: [admin@example.com]\n  transport: {transport}\n  timeout: 10\n  repeat_after: 0\n\
             \x20 retry_for: 0\n  sendmail_command: [{}]\n\
             \x20 smtp: {{ host: localhost, port: {}, username: monitor, password_file: {} }}\n\
             redis: {{ {redis} }}\nreceiver: {{ token_file: {} }}\n\
             correlator: {{ wait_seconds: 0, max_wait_seconds: 1, follow_seconds: 0 }}\n\
             repo_check: {{ restic: {}, agent_env: {}, gateway: 'http://127.0.0.1:1', timeout: 10 }}\n\
             logging: {{ level: DEBUG, file: {} }}\n{more}",
            self.sendmail,
            self.site.relay.port,
            file("smtp.password"),
            file("token"),
            self.restic,
            file("agent.env"),
            self.site.service.path("logfile").display(),
        ));
    }

    /// The right way to read Redis.
    fn reader(&self) -> String {
        let password = self.site.redis.socket().with_file_name("redis.password");
        format!(
            "socket: {}, username: reader, password_file: {}",
            self.site.redis.socket().display(),
            password.display()
        )
    }

    /// Sends alerts of all plans and sees their jobs to the end.
    fn run(&mut self) {
        self.site.service.start();
        let body = webhook(&["2", "3", "4"]);
        let head = |token: &str| {
            format!(
                "POST /alert HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n",
                body.len()
            )
        };
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    self.look_at_processes();
                }
            });
            let service = &self.site.service;
            assert_eq!(service.request(&head(&format!("{MARK}-wrong-token")), body.as_bytes()).0, 401);
            assert_eq!(service.request(&head(&format!("{MARK}-token")), body.as_bytes()).0, 202);
            service.done();
            stop.store(true, Ordering::SeqCst);
        });
        assert!(self.site.service.terminate().success());
    }

    /// Notes the command lines of all that comes from the service.
    fn look_at_processes(&self) {
        let service = self.site.service.pid().to_string();
        let mut ours = BTreeSet::from([service]);
        for _ in 0..3 {
            for process in std::fs::read_dir("/proc").unwrap().flatten() {
                let Ok(stat) = std::fs::read_to_string(process.path().join("stat")) else { continue };
                let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)).unwrap_or_default();
                if ours.contains(parent) {
                    ours.insert(process.file_name().into_string().unwrap());
                }
            }
        }
        for pid in ours {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            for program in [&self.restic, &self.sendmail].into_iter().filter(|program| line.contains(*program)) {
                std::fs::write(format!("{program}.seen"), "").unwrap();
            }
            self.seen.lock().unwrap().insert(line);
        }
    }

    /// What the tools print.
    fn tools(&self) -> String {
        let commands: [&[&str]; 9] = [
            &["check", "--alertmanager", "http://127.0.0.1:1"],
            &["check", "--alertmanager", "http://127.0.0.1:1", "--json"],
            &["report", "2"],
            &["report", "3", "--json"],
            &["report", "4"],
            &["report", "--send", "2"],
            &["queue"],
            &["send-test"],
            &["alertmanager-config"],
        ];
        let mut text = String::new();
        for arguments in commands {
            let output = Command::new(env!("CARGO_BIN_EXE_ns8-backup-monitor"))
                .arg("--config")
                .arg(self.site.service.path("config.yml"))
                .args(arguments)
                .env("STATE_DIRECTORY", self.site.service.path("state"))
                .output()
                .unwrap();
            text += &format!("\n--- {arguments:?}\n{}", String::from_utf8_lossy(&output.stdout));
            text += &String::from_utf8_lossy(&output.stderr);
        }
        for name in self.site.service.queued("failed") {
            let id = name.trim_end_matches(".failed");
            let output = Command::new(env!("CARGO_BIN_EXE_ns8-backup-monitor"))
                .args(["queue", "show", id])
                .env("STATE_DIRECTORY", self.site.service.path("state"))
                .output()
                .unwrap();
            text += &String::from_utf8_lossy(&output.stdout);
        }
        text
    }

    /// Searches all that has come out.
    fn assert_kept(&self, context: &str) {
        let service = &self.site.service;
        let mut places = vec![
            ("the log".to_owned(), service.log()),
            ("the log file".to_owned(), std::fs::read_to_string(service.path("logfile")).unwrap_or_default()),
            ("the command lines".to_owned(), format!("{:?}", self.seen.lock().unwrap())),
            ("the tools".to_owned(), self.tools()),
        ];
        for mail in self.site.relay.so_far() {
            places.push(("a mail".into(), String::from_utf8_lossy(&mail.data).into_owned()));
        }
        for program in [&self.restic, &self.sendmail] {
            let arguments = std::fs::read_to_string(format!("{program}.arguments")).unwrap_or_default();
            places.push((format!("the arguments of {program}"), arguments));
        }
        for file in std::fs::read_dir(service.queue()).unwrap().flatten() {
            places.push((file.path().display().to_string(), read(&file.path())));
        }
        for (place, text) in places {
            if let Some(position) = text.find(MARK) {
                let around: String = text[..position + 30].chars().rev().take(300).collect();
                panic!("{context}: {place}: …{}", around.chars().rev().collect::<String>());
            }
        }
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

#[test]
fn no_secret_is_in_anything_that_comes_out() {
    let mut planted = Planted::new();
    let reader = planted.reader();
    let wrong = reader.replace("redis.password", "smtp.password");
    let absent = reader.replace("redis.password", "absent.password");
    let port = planted.site.redis.port();
    let url = format!("url: 'redis://reader:{MARK}-url@127.0.0.1:{port}/0'");
    let nowhere = format!("url: 'redis://reader:{MARK}-url@127.0.0.1:1'");
    for (transport, redis) in [
        ("smtp", &reader),
        ("smarthost", &reader),
        ("auto", &reader),
        ("ns8-sendmail", &reader),
        ("smtp", &wrong),
        ("auto", &wrong),
        ("smtp", &absent),
    ] {
        planted.configure(transport, redis, "");
        planted.run();
        planted.assert_kept(&format!("{transport}, {redis}"));
    }
    // The relay gives away what it was told.
    planted.configure("smtp", &reader, "");
    planted.site.relay.fault(Stage::Auth, Fault::reply(&format!("535 5.7.8 wrong password {MARK}-smtp")));
    planted.run();
    planted.site.relay.mend();
    // Secrets where none belongs: whatever becomes of it, it is not repeated.
    for redis in [&url, &nowhere] {
        planted.configure("smtp", redis, "");
        planted.site.service.start();
        let _ = planted.site.service.post(webhook(&["2"]));
        assert!(planted.site.service.terminate().success());
        planted.assert_kept(redis);
    }
    let mistakes = [
        format!("redis: {{ password: {MARK}-inline }}\n"),
        format!("redis: {{ url: 'http://user:{MARK}-inline@host' }}\n"),
        format!("redis: {{ url: 'redis://user:{MARK}-inline@:port' }}\n"),
        format!("repo_check: {{ gateway: 'ftp://user:{MARK}-inline@host' }}\n"),
        format!("notification: {{ mail_to: admin@example.com, smtp: {{ host: h, password: {MARK}-inline }} }}\n"),
        format!("receiver: {{ token: {MARK}-inline }}\n"),
        format!("receiver: [{MARK}-inline\n"),
    ];
    for mistake in mistakes {
        planted.site.service.configure(&mistake);
        planted.site.service.start();
        let answer = planted.site.service.post(webhook(&["2"]));
        assert_eq!(answer.0, 503, "{mistake}");
        assert!(!answer.1.contains(MARK), "{answer:?}");
        assert!(planted.site.service.terminate().success());
        planted.assert_kept(&mistake);
    }
    // It has been where the secrets are.
    for program in [&planted.restic, &planted.sendmail] {
        assert!(Path::new(&format!("{program}.arguments")).exists(), "{program} was run");
    }
    assert!(planted.site.relay.heard().iter().any(|line| line.starts_with("AUTH")));
    assert!(planted.seen.lock().unwrap().iter().any(|line| line.contains("restic")));
}
