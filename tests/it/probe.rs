//! Tests of the probe part: real restic, real repositories, real rclone.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use ns8_backup_monitor::config::{self, RepoCheck, Settings};
use ns8_backup_monitor::model::plan::{Layout, ModuleId, ModuleResult, Plan, PlanId};
use ns8_backup_monitor::model::repository::{Destination, Destinations};
use ns8_backup_monitor::model::repository::{Lock, NotProbed, Probe, Verdict};
use ns8_backup_monitor::model::run::{RunRule, assess};
use ns8_backup_monitor::probe::probe;
use tempfile::TempDir;

use crate::support::programs::path_of;
use crate::support::redis::Redis;

const PASSWORD: &str = "correct horse";

// ---- Layout A: one repository -------------------------------------------------------------------------------------

#[tokio::test]
async fn a_healthy_repository_is_counted_and_left_as_it_was() {
    let repository = Repository::copy();
    let before = repository.files();
    assert_eq!(look(&repository.local()).await, healthy(None));
    assert_eq!(repository.files(), before);
}

#[tokio::test]
async fn an_exclusive_lock_is_told_with_its_holder_even_when_he_has_died() {
    let repository = Repository::copy();
    let holder = repository.hold_exclusively();
    let (pid, since) = (holder.0.id(), Timestamp::now());
    for holder in [Some(holder), None] {
        let Verdict::Locked(lock) = look(&repository.local()).await else { panic!("not locked") };
        let by = lock.by.unwrap();
        assert!(by.contains('@') && by.ends_with(&format!(", PID {pid}")), "{by}");
        assert_eq!((lock.count, lock.since.map(|time| time <= since)), (1, Some(true)));
        drop(holder);
    }
}

#[tokio::test]
async fn a_running_backup_is_no_fault_and_is_not_disturbed() {
    let repository = Repository::copy();
    let mut backup = repository.back_up_from_pipe();
    let verdict = look(&repository.local()).await;
    let Verdict::Healthy { snapshots: 2, in_use: Some(lock), .. } = &verdict else { panic!("{verdict:?}") };
    let Lock { count: 1, exclusive: Some(false), since: Some(_), by: Some(by) } = lock else { panic!("{lock:?}") };
    assert!(by.ends_with(&format!(", PID {}", backup.0.id())), "{by}");
    backup.0.stdin.take().unwrap().write_all(b"the end").unwrap();
    assert!(backup.0.wait().unwrap().success());
    assert!(matches!(look(&repository.local()).await, Verdict::Healthy { snapshots: 3, in_use: None, .. }));
}

#[tokio::test]
async fn a_lock_that_cannot_be_read_is_not_taken_for_harmless() {
    let repository = Repository::copy();
    let _holder = repository.hold_exclusively();
    repository.damage("locks", flip);
    let verdict = look(&repository.local()).await;
    assert!(matches!(verdict, Verdict::Damaged(_)), "{verdict:?}");

    let settings = RepoCheck { restic: fake("fails-on-locks"), ..settings(LONG) };
    let look = async |complaint: &str| look_with(&settings, &documented("local", complaint, PASSWORD)).await;
    let unknown = Some(Lock { count: 1, ..Lock::default() });
    for (complaint, in_use) in [("/senseless", &unknown), ("/never seen", &unknown), ("/it does not exist", &None)] {
        let expected = Verdict::Healthy { snapshots: 0, newest: None, in_use: in_use.clone(), opened: true };
        assert_eq!(look(complaint).await, expected, "{complaint}");
    }
    assert!(matches!(look("/connection refused").await, Verdict::Unreachable(_)));
    assert!(matches!(look("/403 Forbidden").await, Verdict::Denied(_)));
}

#[tokio::test]
async fn a_wrong_password_and_an_absent_repository_are_told_apart() {
    let repository = Repository::copy();
    let wrong = documented("local", &repository.path(), "incorrect");
    assert_eq!(look(&wrong).await, Verdict::WrongPassword);
    let absent = documented("local", &format!("{}/absent", repository.path()), PASSWORD);
    assert_eq!(look(&absent).await, Verdict::NoRepository);
}

#[tokio::test]
async fn damage_is_told_with_restics_words() {
    for (file, edit, words) in [
        ("config", flip as fn(&[u8]) -> Vec<u8>, "ciphertext verification failed"),
        ("config", cut, "slice bounds out of range"),
        ("keys", cut, "Unmarshal: unexpected end of JSON input"),
        ("snapshots", flip, "invalid data returned"),
        ("snapshots", cut, "could not load snapshot"),
    ] {
        let repository = Repository::copy();
        repository.damage(file, edit);
        let verdict = look(&repository.local()).await;
        assert!(matches!(&verdict, Verdict::Damaged(why) if why.contains(words)), "{file}: {verdict:?}");
    }
}

fn flip(bytes: &[u8]) -> Vec<u8> {
    let (left, right) = bytes.split_at(bytes.len() / 2);
    [left, &[right[0] ^ 0xff], &right[1..]].concat()
}

fn cut(bytes: &[u8]) -> Vec<u8> {
    bytes[..10].into()
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let server = Server::start(Answer::Silence);
    for backend in ["rest", "s3"] {
        let destination = documented(backend, &format!("{}/bucket", server.url()), PASSWORD);
        assert_eq!(look_with(&settings(HANG), &destination).await, Verdict::TimedOut(HANG));
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable() {
    let url = format!("http://{}/bucket", free_port());
    for backend in ["rest", "s3"] {
        let verdict = look(&documented(backend, &url, PASSWORD)).await;
        assert!(matches!(&verdict, Verdict::Unreachable(why) if why.contains("connection refused")), "{verdict:?}");
    }
}

#[tokio::test]
async fn sftp_asks_nobody() {
    let verdict = look(&documented("sftp", "//nobody@no-such-host.invalid//backup", PASSWORD)).await;
    let words = "unable to start the sftp session";
    assert!(matches!(&verdict, Verdict::Unreachable(why) if why.contains(words)), "{verdict:?}");
}

#[tokio::test]
async fn rclone_gets_its_configuration_and_leaves_with_restic() {
    let repository = Repository::copy();
    let config = repository.0.path().join("rclone.conf");
    let server = Server::start(Answer::Silence);
    let (folder, silent) = (repository.0.path().display(), server.url());
    let remotes = format!("[backups]\ntype = alias\nremote = {folder}\n[silent]\ntype = webdav\nurl = {silent}\n");
    fs::write(&config, remotes).unwrap();
    let rclone = |remote: &str| layout_a("rclone", remote, PASSWORD, Some(&config));
    assert_eq!(look(&rclone("backups:repository")).await, healthy(None));
    let unknown = look(&rclone("unknown:")).await;
    assert!(matches!(&unknown, Verdict::Failed(why) if why.contains("section in config")), "{unknown:?}");
    assert_eq!(look_with(&settings(HANG), &rclone("silent:")).await, Verdict::TimedOut(HANG));
    until(|| !environments().any(|environment| environment.contains(&*config.to_string_lossy()))).await;
}

#[tokio::test]
async fn a_restic_that_cannot_be_run_is_no_fault_of_the_repository() {
    let repository = Repository::copy();
    let with = async |restic: &str| {
        look_with(&RepoCheck { restic: restic.into(), ..settings(LONG) }, &repository.local()).await
    };
    assert_eq!(with("no-such-restic").await, Verdict::NotProbed(NotProbed::ResticMissing("no-such-restic".into())));
    let verdict = with("/etc/passwd").await;
    let Verdict::NotProbed(NotProbed::ResticUnusable(why)) = &verdict else { panic!("{verdict:?}") };
    assert!(why.starts_with("/etc/passwd is not executable"), "{why}");
}

#[tokio::test]
async fn a_restic_that_prints_without_end_is_cut_short() {
    let settings = RepoCheck { restic: fake("prints-100-mb"), ..settings(LONG) };
    let verdict = look_with(&settings, &documented("local", "/nowhere", PASSWORD)).await;
    assert!(matches!(&verdict, Verdict::Failed(why) if why.contains("32 MiB")), "{verdict:?}");
}

#[tokio::test]
async fn a_restic_that_ignores_sigterm_is_gone_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let pids = dir.path().join("pids");
    let destination = layout_a("local", "/nowhere", PASSWORD, Some(&pids));
    let mut limit = HANG;
    // However long it takes to get to its own and its child's process id.
    let pids = loop {
        let settings = RepoCheck { restic: fake("ignores-sigterm"), ..settings(limit) };
        assert_eq!(look_with(&settings, &destination).await, Verdict::TimedOut(limit));
        match fs::read_to_string(&pids) {
            Ok(pids) if pids.ends_with('\n') => break pids,
            _ => limit *= 2,
        }
    };
    until(|| pids.split_whitespace().all(|pid| !alive(pid))).await;
}

#[tokio::test]
async fn nothing_stays_behind_when_a_probe_is_broken_off() {
    let dir = tempfile::tempdir().unwrap();
    let pids = dir.path().join("pids");
    let destination = layout_a("local", "/nowhere", PASSWORD, Some(&pids));
    let settings = RepoCheck { restic: fake("ignores-sigterm"), ..settings(LONG) };
    let written = || fs::read_to_string(&pids).unwrap_or_default().ends_with('\n');
    tokio::select! {
        verdict = look_with(&settings, &destination) => panic!("{verdict:?}"),
        () = until(written) => {}
    }
    let pids = fs::read_to_string(&pids).unwrap();
    until(|| pids.split_whitespace().all(|pid| !alive(pid))).await;
}

#[tokio::test]
async fn no_secret_is_in_a_verdict() {
    let settings = RepoCheck { restic: fake("tells-secrets"), ..settings(LONG) };
    let destination = Destination::Documented {
        id: "1".into(),
        backend: Some("s3".into()),
        url: Some("https://planted-user:planted-1@host/bucket".into()),
        path: None,
        password: Some("planted-2".into()),
        aws_access_key_id: Some("planted-3".into()),
        aws_secret_access_key: Some("planted-4".into()),
        rclone_config: None,
    };
    let probes = probes(&settings, &[destination], &plan(&[])).await;
    let Verdict::Failed(why) = &probes[0].verdict else { panic!("{probes:?}") };
    assert_eq!(why, "s3:https://planted-user:***@host/bucket *** *** ***");
    assert_eq!(probes[0].location.as_deref(), Some("s3:https://planted-user:***@host/bucket"));
}

#[tokio::test]
async fn one_that_hangs_holds_up_nobody() {
    let repository = Repository::copy();
    let server = Server::start(Answer::Silence);
    let login = Login::new(USER, "x");
    let destinations = [gateway_destination(None), repository.local()];
    let seen = Mutex::new(Vec::new());
    let (settings, plan) = (behind(&login, &server.url(), LONG), plan(&[("mail1", 1), ("mail2", 1), ("mail3", 1)]));
    let assessment = assess(&plan, &RunRule::by_age(None, None), Timestamp::now());
    let progress = |done, total| {
        seen.lock().unwrap().push((done, total));
        // The first one that is done is not behind the gateway: only now does that let go of the others.
        if done == 1 {
            server.hang_up();
        }
    };
    let probes = probe(&whole(&settings), with_paths(&destinations, &plan), &assessment, &progress).await;
    let verdicts: Vec<_> = probes.into_iter().map(|probe| probe.verdict).collect();
    let [Verdict::Unreachable(_), Verdict::Unreachable(_), Verdict::Unreachable(_), local] = &verdicts[..] else {
        panic!("{verdicts:?}")
    };
    assert_eq!(*local, healthy(None));
    assert_eq!(*seen.lock().unwrap(), [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]);
}

// ---- Layout B: a repository for each module -----------------------------------------------------------------------

#[tokio::test]
async fn each_module_that_failed_has_its_own_repository_looked_at() {
    let repository = Repository::copy();
    let below = repository.0.path().join("mail");
    fs::create_dir(&below).unwrap();
    fs::rename(repository.path(), below.join("uuid-mail1")).unwrap();
    let destination = Destination::PerModule {
        uuid: "d1".into(),
        name: Some("Offsite".into()),
        url: Some(repository.0.path().display().to_string()),
        password: Some(PASSWORD.into()),
        aws_access_key_id: None,
        aws_secret_access_key: None,
        b2_account_id: None,
        b2_account_key: None,
    };
    let plan = plan(&[("mail1", 1), ("web2", 0), ("mail3", 2)]);
    let probes = probes(&settings(LONG), &[destination], &plan).await;
    let found: Vec<_> = probes.iter().map(|probe| (probe.module.as_ref().unwrap().as_str(), &probe.verdict)).collect();
    assert_eq!(found, [("mail1", &healthy(None)), ("mail3", &Verdict::NoRepository)]);
    assert!(probes.iter().all(|probe| probe.repository == "Offsite"));
}

// ---- Layout C: behind the gateway ---------------------------------------------------------------------------------

#[tokio::test]
async fn the_gateway_is_asked_natively() {
    let repository = Repository::copy();
    let gateway = Gateway::start(repository.0.path());
    let plan = plan(&[("repository1", 1), ("absent1", 1)]);
    let (right, wrong) = (Login::new(USER, GATEWAY_PASSWORD), Login::new(USER, "wrong"));
    let look = async || verdicts(&behind(&right, &gateway.url, LONG), &plan, None).await;
    let nothing_newest = |in_use| Verdict::Healthy { snapshots: 2, newest: None, in_use, opened: false };
    assert_eq!(look().await, [Verdict::NoRepository, nothing_newest(None)]);
    let _holder = repository.hold_exclusively();
    assert_eq!(look().await[1], nothing_newest(Some(Lock { count: 1, exclusive: None, since: None, by: None })));
    let denied = verdicts(&behind(&wrong, &gateway.url, LONG), &plan, None).await;
    assert!(denied.iter().all(|verdict| *verdict == Verdict::Denied("the gateway answers 401 Unauthorized".into())));
    let path = |name: &str| Path::new(&repository.path()).join(name);
    fs::rename(path("keys"), path("lost")).unwrap();
    fs::create_dir(path("keys")).unwrap();
    assert_eq!(look().await[1], Verdict::Damaged("it has no keys".into()));
    fs::remove_file(path("config")).unwrap();
    fs::write(path("config"), "").unwrap();
    // rclone remembers the size of a file that it has served.
    let gateway = Gateway::start(repository.0.path());
    let verdicts = verdicts(&behind(&right, &gateway.url, LONG), &plan, None).await;
    assert_eq!(verdicts[1], Verdict::Damaged("its config file is empty".into()));
}

#[tokio::test]
async fn with_the_repositorys_password_restic_looks_through_the_gateway() {
    let repository = Repository::copy();
    let gateway = Gateway::start(repository.0.path());
    let plan = plan(&[("repository1", 1), ("absent1", 1)]);
    let (right, wrong) = (Login::new(USER, GATEWAY_PASSWORD), Login::new(USER, "wrong"));
    let look = async |login, password| verdicts(&behind(login, &gateway.url, LONG), &plan, Some(password)).await;
    assert_eq!(look(&right, PASSWORD).await, [Verdict::NoRepository, healthy(None)]);
    assert_eq!(look(&right, "wrong").await[1], Verdict::WrongPassword);
    assert!(matches!(look(&wrong, PASSWORD).await[..], [Verdict::Denied(_), Verdict::Denied(_)]));
}

#[tokio::test]
async fn the_agents_login_opens_the_private_passwords_and_is_refused_without_harm() {
    let repository = Repository::copy();
    let gateway = Gateway::start(repository.0.path());
    let plan = plan(&[("repository1", 1)]);
    let redis = Redis::ns8();
    redis.hset("private/agents/backup_destination/restic_password", &[("destination", PASSWORD)]);
    let rule = ["ACL", "SETUSER", USER, "on", &format!(">{GATEWAY_PASSWORD}"), "~private/agents/*", "+@read"];
    let look = async || {
        let login = Login::new(USER, GATEWAY_PASSWORD);
        let settings = Settings { redis: redis.settings(), ..whole(&behind(&login, &gateway.url, LONG)) };
        probes_by(&settings, &[gateway_destination(None)], &plan).await.remove(0).verdict
    };
    // Redis does not know the agent: the gateway, which does, is asked natively.
    assert_eq!(look().await, Verdict::Healthy { snapshots: 2, newest: None, in_use: None, opened: false });
    redis.run_args::<()>(&rule);
    assert_eq!(look().await, healthy(None));
}

#[tokio::test]
async fn each_answer_of_a_gateway_has_its_verdict() {
    let login = Login::new(USER, "x");
    let status = |line: &str| Answer::Bytes(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n"));
    let list = |body: &str| Answer::Bytes(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    for (answer, expected) in [
        (status("401 Unauthorized"), "Denied(\"the gateway answers 401 Unauthorized\")"),
        (status("403 Forbidden"), "Denied(\"the gateway answers 403 Forbidden\")"),
        (status("404 Not Found"), "NoRepository"),
        (status("503 Service Unavailable"), "Unreachable(\"the gateway answers 503 Service Unavailable\")"),
        (status("302 Found"), "Failed(\"the gateway answers 302 Found\")"),
        (status("200 OK"), "Damaged(\"its config file is empty\")"),
        (list("[]"), "Damaged(\"it has no keys\")"),
        (status("429 Too Many Requests"), "Failed(\"the gateway answers 429 Too Many Requests\")"),
        (
            list("[{\"name\":\"a\",\"size\":1},{}]"),
            "Healthy { snapshots: 2, newest: None, in_use: Some(Lock { count: 2",
        ),
        (list("{}"), "Damaged(\"the gateway's list of snapshots/ makes no sense"),
        (list("[1,"), "Damaged(\"the gateway's list of snapshots/ makes no sense"),
        (Answer::Bytes("SSH-2.0-OpenSSH_9.2\r\n".into()), "Failed(\"the gateway's answer is not HTTP"),
        (Answer::Bytes("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[".into()), "Unreachable(\"the gateway at http://"),
        (Answer::Bytes(String::new()), "Unreachable(\"the gateway at http://127.0.0.1:"),
    ] {
        let server = Server::start(answer);
        let settings = behind(&login, &server.url(), LONG);
        let found = verdicts(&settings, &plan(&[("mail1", 1)]), None).await;
        assert!(format!("{:?}", found[0]).starts_with(expected), "{found:?} is not {expected}");
    }
    let server = Server::start(Answer::Silence);
    let silent = behind(&login, &server.url(), HANG);
    assert_eq!(verdicts(&silent, &plan(&[("mail1", 1)]), None).await, [Verdict::TimedOut(HANG)]);
    let settings = behind(&login, &format!("http://{}", free_port()), LONG);
    assert!(matches!(verdicts(&settings, &plan(&[("mail1", 1)]), None).await[0], Verdict::Unreachable(_)));
}

#[tokio::test]
async fn without_a_login_the_gateway_is_not_asked() {
    let settings = RepoCheck { agent_env: Some("/nowhere/agent.env".into()), ..settings(LONG) };
    let verdicts = verdicts(&settings, &plan(&[("mail1", 1)]), Some(PASSWORD)).await;
    assert_eq!(verdicts, [Verdict::NotProbed(NotProbed::NoCredentials)]);
}

// ---- Support ------------------------------------------------------------------------------------------------------

const USER: &str = "node/1";
const GATEWAY_PASSWORD: &str = "p@ss:/w%rd";
const LONG: Duration = Duration::from_secs(60);
/// Long enough for a program to start and run into the wall.
const HANG: Duration = Duration::from_secs(2);

fn settings(timeout: Duration) -> RepoCheck {
    let gateway = "http://127.0.0.1:1".into();
    RepoCheck { enabled: true, timeout, restic: "restic".into(), gateway, agent_env: None }
}

fn behind(login: &Login, gateway: &str, timeout: Duration) -> RepoCheck {
    RepoCheck { gateway: gateway.into(), agent_env: Some(login.0.path().join("agent.env")), ..settings(timeout) }
}

fn documented(backend: &str, place: &str, password: &str) -> Destination {
    layout_a(backend, place, password, None)
}

fn layout_a(backend: &str, place: &str, password: &str, rclone_config: Option<&PathBuf>) -> Destination {
    Destination::Documented {
        id: "1".into(),
        backend: Some(backend.into()),
        url: None,
        path: Some(place.into()),
        password: Some(password.into()),
        aws_access_key_id: Some("id".into()),
        aws_secret_access_key: Some("key".into()),
        rclone_config: rclone_config.map(|file| file.display().to_string()),
    }
}

/// A plan whose modules ended with so many errors.
fn plan(modules: &[(&str, u64)]) -> Plan {
    let mut plan = Plan::unknown(PlanId::new("1").unwrap());
    for (name, errors) in modules {
        let id = ModuleId::new(*name).unwrap();
        let result = ModuleResult {
            layout: Layout::C,
            start: None,
            end: Some(Timestamp::now()),
            errors: *errors,
            error: None,
            total_size: None,
            total_file_count: None,
            snapshots_count: None,
        };
        plan.results.insert(id, result);
    }
    plan
}

async fn probes(settings: &RepoCheck, destinations: &[Destination], plan: &Plan) -> Vec<Probe> {
    probes_by(&whole(settings), destinations, plan).await
}

async fn probes_by(settings: &Settings, destinations: &[Destination], plan: &Plan) -> Vec<Probe> {
    let now = Timestamp::now();
    probe(settings, with_paths(destinations, plan), &assess(plan, &RunRule::by_age(Some(now), None), now), &|_, _| ())
        .await
}

/// These destinations, below each of which a module's repository is at `<app>/uuid-<module>`.
fn with_paths(destinations: &[Destination], plan: &Plan) -> Destinations {
    let path = |module: &ModuleId| (module.clone(), format!("{}/uuid-{module}", module.app()));
    Destinations { all: destinations.into(), paths: plan.results.keys().map(path).collect() }
}

/// The whole configuration around `repo_check`; there is no Redis.
fn whole(repo_check: &RepoCheck) -> Settings {
    let settings =
        config::parse("notification: { mail_to: admin@example.com }\nredis: { socket: /nowhere }\n").unwrap();
    Settings { repo_check: repo_check.clone(), ..settings }
}

async fn look_with(settings: &RepoCheck, destination: &Destination) -> Verdict {
    let probes = probes(settings, std::slice::from_ref(destination), &plan(&[])).await;
    let [Probe { verdict, .. }] = <[Probe; 1]>::try_from(probes).unwrap();
    verdict
}

async fn look(destination: &Destination) -> Verdict {
    look_with(&settings(LONG), destination).await
}

/// A destination behind the gateway, whose repositories are at `/destination/<app>/<uuid>`.
fn gateway_destination(password: Option<&str>) -> Destination {
    let password = password.map(Into::into);
    Destination::Gateway { uuid: "destination".into(), name: None, url: None, password }
}

async fn verdicts(settings: &RepoCheck, plan: &Plan, password: Option<&str>) -> Vec<Verdict> {
    let probes = probes(settings, &[gateway_destination(password)], plan).await;
    probes.into_iter().map(|probe| probe.verdict).collect()
}

fn healthy(in_use: Option<Lock>) -> Verdict {
    Verdict::Healthy { snapshots: 2, newest: Some(NEWEST.parse().unwrap()), in_use, opened: true }
}

const NEWEST: &str = "2026-11-20T01:00:00Z";

/// A real repository of its own, with two snapshots.
struct Repository(TempDir);

impl Repository {
    /// Copies the one that is kept in the build folder: making one costs a second.
    fn copy() -> Self {
        let model = Path::new(env!("CARGO_TARGET_TMPDIR")).join("restic-repository");
        if !model.exists() {
            let fresh = Self::make();
            // Where another test was faster, its repository is as good.
            let _ = fs::rename(fresh.path(), &model);
        }
        let copy = Self(tempfile::tempdir().unwrap());
        let status = Command::new("cp").arg("-r").arg(&model).arg(copy.path()).status().unwrap();
        assert!(status.success());
        copy
    }

    fn make() -> Self {
        let fresh = Self(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
        let run = |args: &[&str]| assert!(fresh.restic(args).status().unwrap().success(), "restic {args:?}");
        run(&["init"]);
        for time in ["2026-11-19 01:00:00", "2026-11-20 01:00:00"] {
            run(&["backup", "--time", time, "Cargo.toml"]);
        }
        fresh
    }

    fn path(&self) -> String {
        self.0.path().join("repository").display().to_string()
    }

    fn local(&self) -> Destination {
        documented("local", &self.path(), PASSWORD)
    }

    fn restic(&self, args: &[&str]) -> Command {
        let mut command = Command::new(path_of("restic"));
        command.args(args).args(["--quiet", "--no-cache", "--repo", &self.path()]);
        command.env("RESTIC_PASSWORD", PASSWORD).env("TZ", "UTC").current_dir(env!("CARGO_MANIFEST_DIR"));
        command
    }

    /// Starts a change of password, which takes the repository for itself and then waits for the new one.
    fn hold_exclusively(&self) -> Running {
        let pipe = self.0.path().join("new-password");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let pipe = pipe.display().to_string();
        self.locked_by(self.restic(&["key", "passwd", "--new-password-file", &pipe]))
    }

    /// Starts a backup of what comes through a pipe.
    fn back_up_from_pipe(&self) -> Running {
        self.locked_by(self.restic(&["backup", "--stdin"]))
    }

    /// Starts `command` and waits for its lock.
    fn locked_by(&self, mut command: Command) -> Running {
        let locks = Path::new(&self.path()).join("locks");
        let mut running = Running(command.stdin(Stdio::piped()).spawn().unwrap());
        let locked = || fs::read_dir(&locks).unwrap().flatten().any(|lock| lock.file_name().len() == 64);
        while !locked() {
            assert_eq!(running.0.try_wait().unwrap(), None);
            thread::sleep(Duration::from_millis(5));
        }
        running
    }

    fn damage(&self, file: &str, edit: fn(&[u8]) -> Vec<u8>) {
        let path = Path::new(&self.path()).join(file);
        let first = |folder: &Path| fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
        let path = if path.is_dir() { first(&path) } else { path };
        let bytes = edit(&fs::read(&path).unwrap());
        // restic makes its files read-only.
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    }

    /// Every file's name, in order.
    fn files(&self) -> String {
        let list = Command::new("find").arg(self.0.path()).arg("-type").arg("f").output().unwrap();
        let mut names: Vec<String> = String::from_utf8(list.stdout).unwrap().lines().map(String::from).collect();
        names.sort();
        names.join("\n")
    }
}

/// A program that is killed when it is no longer needed.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A file with the node agent's login.
struct Login(TempDir);

impl Login {
    fn new(user: &str, password: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("agent.env"), format!("REDIS_USER={user}\nREDIS_PASSWORD={password}\n")).unwrap();
        Self(dir)
    }
}

/// A real rclone that serves the repositories in a folder, under `/destination/<app>/<uuid>`.
struct Gateway {
    url: String,
    _rclone: Running,
    _root: TempDir,
}

impl Gateway {
    fn start(folder: &Path) -> Self {
        let root = tempfile::tempdir().unwrap();
        let app = root.path().join("destination/repository");
        fs::create_dir_all(&app).unwrap();
        std::os::unix::fs::symlink(folder.join("repository"), app.join("uuid-repository1")).unwrap();
        let address = free_port();
        let mut rclone = Command::new(path_of("rclone"));
        rclone.args(["serve", "restic", "--copy-links", "--config", "", "--addr", &address.to_string()]);
        rclone.args(["--user", USER, "--pass", GATEWAY_PASSWORD]).arg(root.path()).stderr(Stdio::null());
        let mut rclone = Running(rclone.spawn().unwrap());
        while TcpStream::connect(address).is_err() {
            assert_eq!(rclone.0.try_wait().unwrap(), None);
            thread::sleep(Duration::from_millis(5));
        }
        Self { url: format!("http://{address}"), _rclone: rclone, _root: root }
    }
}

/// What a server says to everybody.
enum Answer {
    Silence,
    Bytes(String),
}

/// A server that always says the same.
struct Server {
    address: SocketAddr,
    /// Those that it keeps waiting; `None` when it does no longer.
    held: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Server {
    fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let held = Arc::new(Mutex::new(Some(Vec::new())));
        let holding = held.clone();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                match &answer {
                    Answer::Silence => {
                        if let Some(held) = &mut *holding.lock().unwrap() {
                            held.push(stream);
                        }
                    }
                    Answer::Bytes(bytes) => {
                        let _ = stream.read(&mut [0; 4096]);
                        let _ = stream.write_all(bytes.as_bytes());
                    }
                }
            }
        });
        Self { address, held }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets go of those that it keeps waiting, and of whoever comes after them.
    fn hang_up(&self) {
        *self.held.lock().unwrap() = None;
    }
}

/// A port where nobody listens.
fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A stand-in for restic that does what no real one can be made to do.
fn fake(name: &str) -> String {
    format!("{}/tests/fixtures/restic/programs/{name}", env!("CARGO_MANIFEST_DIR"))
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, state)| !state.starts_with(" Z"))
}

/// The environments of all processes.
fn environments() -> impl Iterator<Item = String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|process| {
        fs::read(process.path().join("environ")).ok().map(|bytes| String::from_utf8_lossy(&bytes).into())
    })
}
