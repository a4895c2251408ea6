//! Real repositories, a real gateway, servers that misbehave, and what to look with.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ns8_backup_monitor::model::plan::ModuleId;
use ns8_backup_monitor::model::repository::{
    Checked, Destination, DestinationKind, Destinations, Lock, Probe, Verdict,
};
use ns8_backup_monitor::probe::{Means, probe};
use ns8_backup_monitor::system::agent::Agent;
use tempfile::TempDir;

use crate::support::port::Port;
use crate::support::programs::{bare, path_of};
use crate::support::service::{PATIENCE, wait_until};

pub(super) const PASSWORD: &str = "correct horse";
pub(super) const USER: &str = "node/1";
pub(super) const GATEWAY_PASSWORD: &str = "p@ss:/w%rd";
pub(super) const LONG: Duration = Duration::from_secs(60);
/// Long enough for a program to start and run into the wall.
pub(super) const HANG: Duration = Duration::from_secs(2);
/// What restic checks in a small repository.
pub(super) const ALL: Checked = Checked { opened: true, packs: true, folders: true, listed: None, ended: None };

/// Every restic that is looked with: the system's, and the one that `RESTIC_ALSO` names.
pub(super) fn every_restic() -> Vec<String> {
    let also = std::env::var("RESTIC_ALSO").ok().filter(|file| !file.is_empty());
    [path_of("restic").display().to_string()].into_iter().chain(also).collect()
}

/// What to look with where there is no gateway.
pub(super) fn means() -> Means {
    with_restic("restic")
}

pub(super) fn with_restic(restic: &str) -> Means {
    Means { restic: restic.into(), gateway: "http://127.0.0.1:1".into(), agent: None }
}

/// What to look with behind the gateway at `url`.
pub(super) fn behind(url: &str, password: &str) -> Means {
    let agent = Agent { user: USER.into(), password: password.into() };
    Means { restic: "restic".into(), gateway: url.into(), agent: Some(agent) }
}

pub(super) fn modules(names: &[&str]) -> Vec<ModuleId> {
    names.iter().map(|name| ModuleId::new(*name).unwrap()).collect()
}

/// These destinations, below each of which a module's repository is at `<app>/uuid-<module>`.
pub(super) fn with_paths(all: &[Destination], modules: &[ModuleId]) -> Destinations {
    let path = |module: &ModuleId| (module.clone(), format!("{}/uuid-{module}", module.app()));
    Destinations { all: all.into(), paths: modules.iter().map(path).collect() }
}

pub(super) async fn probes(means: &Means, all: &[Destination], names: &[&str], limit: Duration) -> Vec<Probe> {
    let modules = modules(names);
    probe(&with_paths(all, &modules), &modules.iter().collect::<Vec<_>>(), means, limit, &|_, _| ()).await
}

pub(super) async fn look_with(means: &Means, destination: &Destination, limit: Duration) -> Verdict {
    let probes = probes(means, std::slice::from_ref(destination), &[], limit).await;
    let [Probe { verdict, .. }] = <[Probe; 1]>::try_from(probes).unwrap();
    verdict
}

pub(super) async fn look(destination: &Destination) -> Verdict {
    look_with(&means(), destination, LONG).await
}

/// The verdicts on the repositories of these modules behind the gateway.
pub(super) async fn verdicts(means: &Means, names: &[&str], password: Option<&str>, limit: Duration) -> Vec<Verdict> {
    let probes = probes(means, &[gateway_destination(password)], names, limit).await;
    probes.into_iter().map(|probe| probe.verdict).collect()
}

pub(super) fn documented(backend: &str, place: &str, password: &str) -> Destination {
    layout_a(backend, place, password, None)
}

pub(super) fn layout_a(backend: &str, place: &str, password: &str, rclone_config: Option<&PathBuf>) -> Destination {
    Destination {
        id: "1".into(),
        backend: Some(backend.into()),
        path: Some(place.into()),
        password: Some(password.into()),
        aws_access_key_id: Some("id".into()),
        aws_secret_access_key: Some("key".into()),
        rclone_config: rclone_config.map(|file| file.display().to_string()),
        ..Destination::default()
    }
}

/// A destination with a repository for each module.
pub(super) fn per_module(url: &str) -> Destination {
    Destination {
        id: "d1".into(),
        kind: DestinationKind::PerModule,
        name: Some("Offsite".into()),
        url: Some(url.into()),
        password: Some(PASSWORD.into()),
        ..Destination::default()
    }
}

/// A destination behind the gateway, whose repositories are at `/destination/<app>/<uuid>`.
pub(super) fn gateway_destination(password: Option<&str>) -> Destination {
    let (id, kind, password) = ("destination".into(), DestinationKind::Gateway, password.map(Into::into));
    Destination { id, kind, password, ..Destination::default() }
}

pub(super) fn healthy(in_use: Option<Lock>) -> Verdict {
    Verdict::Healthy { snapshots: 2, newest: Some(NEWEST.parse().unwrap()), in_use, checked: ALL }
}

pub(super) const NEWEST: &str = "2026-11-20T01:00:00Z";

/// A folder that only this user can change, whatever the umask: an rclone configuration there is trusted.
pub(super) fn private_folder() -> TempDir {
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o700)).tempdir().unwrap()
}

/// A real repository of its own, with two snapshots.
pub(super) struct Repository(pub(super) TempDir);

impl Repository {
    /// Copies the one that is kept in the build folder: making one costs a second.
    pub(super) fn copy() -> Self {
        let model = Path::new(env!("CARGO_TARGET_TMPDIR")).join("restic-repository");
        if !model.exists() {
            let fresh = Self::make();
            // Where another test was faster, its repository is as good.
            let _ = fs::rename(fresh.path(), &model);
        }
        let copy = Self(private_folder());
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

    pub(super) fn path(&self) -> String {
        self.0.path().join("repository").display().to_string()
    }

    pub(super) fn local(&self) -> Destination {
        documented("local", &self.path(), PASSWORD)
    }

    pub(super) fn restic(&self, args: &[&str]) -> Command {
        let mut command = bare(path_of("restic"));
        command.args(args).args(["--quiet", "--no-cache", "--repo", &self.path()]);
        command.env("RESTIC_PASSWORD", PASSWORD).env("TZ", "UTC").current_dir(env!("CARGO_MANIFEST_DIR"));
        command
    }

    /// Starts a change of password, which takes the repository for itself and then waits for the new one.
    pub(super) fn hold_exclusively(&self) -> Running {
        let pipe = self.0.path().join("new-password");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let pipe = pipe.display().to_string();
        self.locked_by(self.restic(&["key", "passwd", "--new-password-file", &pipe]))
    }

    /// Starts a backup of what comes through a pipe.
    pub(super) fn back_up_from_pipe(&self) -> Running {
        self.locked_by(self.restic(&["backup", "--stdin"]))
    }

    /// Starts `command` and waits for its lock.
    fn locked_by(&self, mut command: Command) -> Running {
        let locks = Path::new(&self.path()).join("locks");
        let mut running = Running(command.stdin(Stdio::piped()).spawn().unwrap());
        let locked = || fs::read_dir(&locks).unwrap().flatten().any(|lock| lock.file_name().len() == 64);
        running.wait_until("a lock", locked);
        running
    }

    /// Every file's name, in order.
    pub(super) fn files(&self) -> String {
        let list = Command::new("find").arg(self.0.path()).arg("-type").arg("f").output().unwrap();
        let mut names: Vec<String> = String::from_utf8(list.stdout).unwrap().lines().map(String::from).collect();
        names.sort();
        names.join("\n")
    }
}

/// The files below `folder`.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// A program that is killed when it is no longer needed.
pub(super) struct Running(pub(super) Child);

impl Running {
    /// Waits until `is_so` returns true, while the program runs.
    pub(super) fn wait_until(&mut self, what: &str, is_so: impl Fn() -> bool) {
        let is_so = || {
            assert_eq!(self.0.try_wait().unwrap(), None);
            is_so()
        };
        wait_until(what, is_so, String::new);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The gateway as NS8 has it: real rclones that serve the repositories in a folder, under `/destination/<app>/<uuid>`,
/// by restic's protocol and by WebDAV, behind one port that tells the two apart by the request's `Accept`.
pub(super) struct Gateway {
    pub(super) url: String,
    /// Where `/` is.
    pub(super) root: TempDir,
    _rclones: [Running; 2],
}

impl Gateway {
    pub(super) fn start(folder: &Path) -> Self {
        let root = tempfile::tempdir().unwrap();
        let app = root.path().join("destination/repository");
        fs::create_dir_all(&app).unwrap();
        std::os::unix::fs::symlink(folder.join("repository"), app.join("uuid-repository1")).unwrap();
        let (restic, rest) = serve(&root, "restic");
        let (webdav, dav) = serve(&root, "webdav");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                thread::spawn(move || route(client, rest, dav));
            }
        });
        Self { url, root, _rclones: [restic, webdav] }
    }
}

/// A real rclone that serves `root` by one protocol.
fn serve(root: &TempDir, protocol: &str) -> (Running, SocketAddr) {
    let port = Port::reserve();
    let address = port.address;
    let mut rclone = bare(path_of("rclone"));
    rclone.args(["serve", protocol, "--copy-links", "--config", "", "--addr", &address.to_string()]);
    rclone.args(["--user", USER, "--pass", GATEWAY_PASSWORD]).arg(root.path()).stderr(Stdio::null());
    let mut rclone = Running(rclone.spawn().unwrap());
    rclone.wait_until("rclone", || TcpStream::connect(address).is_ok());
    (rclone, address)
}

/// Passes a connection on by the head of its first request.
fn route(mut client: TcpStream, rest: SocketAddr, dav: SocketAddr) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut buffer = [0; 4096];
        match client.read(&mut buffer)? {
            0 => return Ok(()),
            read => head.extend(&buffer[..read]),
        }
    }
    let is_rest = String::from_utf8_lossy(&head).contains("application/vnd.x.restic.rest.v2");
    let mut server = TcpStream::connect(if is_rest { rest } else { dav })?;
    server.write_all(&head)?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    let upstream = thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        to.shutdown(std::net::Shutdown::Write)
    });
    std::io::copy(&mut server, &mut client)?;
    client.shutdown(std::net::Shutdown::Both)?;
    let _ = upstream.join();
    Ok(())
}

/// What a server says to everybody.
pub(super) enum Answer {
    Silence,
    Bytes(String),
    /// The same part many times.
    Endless {
        before: String,
        part: String,
        times: usize,
    },
    /// A head that grows byte by byte.
    Drip,
}

/// A server that always says the same.
pub(super) struct Server {
    address: SocketAddr,
    /// Those that it keeps waiting; `None` when it does no longer.
    held: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Server {
    pub(super) fn start(answer: Answer) -> Self {
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
                    Answer::Endless { before, part, times } => {
                        let _ = stream.read(&mut [0; 4096]);
                        let parts = std::iter::once(before).chain(std::iter::repeat_n(part, *times));
                        let _ = parts.map(|part| stream.write_all(part.as_bytes())).find(Result::is_err);
                    }
                    Answer::Drip => {
                        let _ = stream.read(&mut [0; 4096]);
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ");
                        while stream.write_all(b"x").is_ok() {
                            thread::sleep(Duration::from_millis(20));
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

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many it keeps waiting.
    pub(super) fn held(&self) -> usize {
        self.held.lock().unwrap().as_ref().map_or(0, Vec::len)
    }

    /// Lets go of those that it keeps waiting, and of whoever comes after them.
    pub(super) fn hang_up(&self) {
        *self.held.lock().unwrap() = None;
    }
}

/// A stand-in for restic that does what no real one can be made to do.
pub(super) fn fake(name: &str) -> String {
    format!("{}/tests/fixtures/restic/programs/{name}", env!("CARGO_MANIFEST_DIR"))
}

pub(super) async fn until(condition: impl Fn() -> bool) {
    let looking = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("it comes true");
}

pub(super) fn alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, state)| !state.starts_with(" Z"))
}

/// The environments of all processes.
pub(super) fn environments() -> impl Iterator<Item = String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|process| {
        fs::read(process.path().join("environ")).ok().map(|bytes| String::from_utf8_lossy(&bytes).into())
    })
}
