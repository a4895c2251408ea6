//! Addresses that would like to be commands, somebody else on the gateway's port, and answers without end.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use ns8_backup_monitor::model::repository::{Destination, Doubt, NotProbed, Sign, Unsafe, Verdict};
use ns8_backup_monitor::probe::{Means, cluster_backup};

use super::support::*;
use crate::support::port::Port;
use crate::support::programs::{bare, path_of};

/// An address with which `restic` has `rclone` create `canary`, at a port where nobody listens.
fn connection_string(canary: &Path, nobody: &Port) -> String {
    format!(r#"rclone::webdav,url="http://{}",bearer_token_command="touch {}":x"#, nobody.address, canary.display())
}

#[tokio::test]
async fn no_address_runs_a_command_though_restic_would() {
    let dir = tempfile::tempdir().unwrap();
    let canary = dir.path().join("canary");
    let nobody = Port::reserve();
    let payload = connection_string(&canary, &nobody);
    for restic in every_restic() {
        // So that this can fail: restic itself does it.
        let mut restic = bare(&restic);
        restic.args(["--no-cache", "snapshots", "--repo", &payload]).env("RESTIC_PASSWORD", PASSWORD);
        assert!(!restic.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
        fs::remove_file(&canary).expect("restic has rclone run the command");
    }
    let touch = format!("touch${{IFS}}{}", canary.display());
    let inner = payload.strip_prefix("rclone:").unwrap();
    for restic in every_restic() {
        let means = with_restic(&restic);
        for (backend, place) in [
            ("rclone", inner.to_owned()),
            ("rclone", payload.clone()),
            ("rclone", format!("nas,bearer_token_command=\"touch {}\":x", canary.display())),
            ("rclone", "--rc-files=/:x".into()),
            ("sftp", format!("-oProxyCommand={touch}:x")),
            ("sftp", format!("user@-oProxyCommand={touch}:x")),
            ("sftp", format!("//-oProxyCommand={touch}/x")),
            ("sftp", format!("host\n-oProxyCommand={touch}:x")),
            ("local", format!("-o sftp.command={touch}")),
            ("-o", format!("sftp.command={touch}")),
            ("rest", format!("--password-command={touch}")),
        ] {
            let verdict = look_with(&means, &documented(backend, &place, PASSWORD), LONG).await;
            assert!(matches!(verdict, Verdict::NotProbed(NotProbed::Unsafe(_))), "{backend} {place}: {verdict:?}");
            assert!(!canary.exists(), "{backend} {place}");
        }
        for url in [payload.clone(), format!("sftp:-oProxyCommand={touch}:x"), format!("-o{touch}")] {
            let verdict = probes(&means, &[per_module(&url)], &["mail1"], LONG).await.remove(0).verdict;
            assert!(matches!(verdict, Verdict::NotProbed(NotProbed::Unsafe(_))), "{url}: {verdict:?}");
            assert!(!canary.exists(), "{url}");
        }
    }
    let opened_by_ns8 = probes(&means(), &[per_module("azure:container")], &["mail1"], LONG).await.remove(0).verdict;
    assert_eq!(opened_by_ns8, Verdict::NotProbed(NotProbed::OpenedByNs8("azure".into())));
}

#[tokio::test]
async fn an_rclone_configuration_that_others_can_change_is_not_used() {
    let dir = private_folder();
    let (canary, config) = (dir.path().join("canary"), dir.path().join("rclone.conf"));
    let command = format!("touch {}", canary.display());
    let nobody = Port::reserve();
    let url = format!("http://{}", nobody.address);
    fs::write(&config, format!("[nas]\ntype = webdav\nurl = {url}\nbearer_token_command = {command}\n")).unwrap();
    let mode = |mode: &str| assert!(Command::new("chmod").arg(mode).arg(&config).status().unwrap().success());
    let refused = Verdict::NotProbed(NotProbed::Unsafe(Unsafe::RcloneConfig));
    mode("666");
    let nas = layout_a("rclone", "nas:x", PASSWORD, Some(&config));
    assert_eq!(look(&nas).await, refused);
    assert!(!canary.exists());
    for config in ["rclone.conf", "/nowhere/rclone.conf", "/dev/stdin"] {
        assert_eq!(look(&layout_a("rclone", "nas:x", PASSWORD, Some(&config.into()))).await, refused, "{config}");
    }
    // So that this can fail: what only root can change, root has written.
    mode("600");
    assert_ne!(look(&nas).await, refused);
    assert!(canary.exists());
}

/// A process of another user that listens on a port and records what it receives.
struct Impostor {
    url: String,
    heard: std::path::PathBuf,
    _dir: tempfile::TempDir,
    _program: Running,
    _port: Port,
}

impl Impostor {
    const USER: u32 = 23456;

    fn listen() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let heard = dir.path().join("heard");
        fs::write(&heard, "").unwrap();
        let port = Port::reserve();
        let address = port.address;
        for args in [["a+rwx", &dir.path().display().to_string()], ["a+rw", &heard.display().to_string()]] {
            assert!(Command::new("chmod").args(args).status().unwrap().success());
        }
        let script = format!(
            "printf 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"ns8-rclone-gateway\"\r\nContent-Length: 0\r\n\r\n'; cat >> {}",
            heard.display()
        );
        let mut program = Command::new(path_of("setpriv"));
        program.args(["--reuid", &Self::USER.to_string(), "--regid", "23456", "--clear-groups"]);
        program.arg(path_of("systemd-socket-activate")).args(["-l", &address.to_string(), "-a", "--inetd"]);
        program.args(["/bin/sh", "-c", &script]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut program = Running(program.spawn().unwrap());
        program.wait_until("the impostor", || TcpStream::connect(address).is_ok());
        Self { url: format!("http://{address}"), heard, _dir: dir, _program: program, _port: port }
    }
}

#[tokio::test]
async fn somebody_else_on_the_gateways_port_is_told_nothing() {
    if !rustix::process::getuid().is_root() {
        println!("skipped: needs root, to be somebody else");
        return;
    }
    let impostor = Impostor::listen();
    let stranger = Verdict::NotProbed(NotProbed::NotTheGateway(Doubt::Stranger(Impostor::USER)));
    for restic in every_restic() {
        let means = Means { restic, ..behind(&impostor.url, GATEWAY_PASSWORD) };
        for password in [None, Some(PASSWORD)] {
            assert_eq!(verdicts(&means, &["mail1"], password, LONG).await[0], stranger);
        }
        assert_eq!(cluster_backup(&means, "destination", "uuid", LONG).await, Err(stranger.clone()));
    }
    assert_eq!(fs::read_to_string(&impostor.heard).unwrap(), "");
    // Proves that the recording works.
    let address = impostor.url.strip_prefix("http://").unwrap();
    std::io::Write::write_all(&mut TcpStream::connect(address).unwrap(), b"Authorization: Basic").unwrap();
    until(|| !fs::read_to_string(&impostor.heard).unwrap().is_empty()).await;
}

#[tokio::test]
async fn a_gateway_on_another_machine_gets_no_login() {
    for url in ["http://192.0.2.1:4694", "http://gateway.example:4694"] {
        let verdict = verdicts(&behind(url, GATEWAY_PASSWORD), &["mail1"], Some(PASSWORD), LONG).await.remove(0);
        assert_eq!(verdict, Verdict::NotProbed(NotProbed::NotTheGateway(Doubt::Elsewhere)));
    }
}

#[tokio::test]
async fn answers_without_end_are_cut_short() {
    let head = "HTTP/1.1 200 OK\r\n";
    let endless = |before: String, part: &str, mebibytes: usize| {
        let part = part.repeat((1 << 20) / part.len() + 1);
        Answer::Endless { before, part, times: mebibytes }
    };
    for (answer, expected) in [
        (endless(format!("{head}\r\n["), "{\"name\":\"a\",\"size\":1},", 500), "is longer than 16"),
        (endless(head.into(), "X-Header: a very long value\r\n", 500), "makes no sense: "),
        (endless(format!("{head}X-Header: "), "x", 500), "makes no sense: "),
        (endless(String::new(), "x", 500), "makes no sense: "),
        (endless(format!("{head}Transfer-Encoding: chunked\r\n\r\n"), "zz\r\n", 500), "the gateway at "),
    ] {
        let server = Server::start(answer);
        let verdict = verdicts(&behind(&server.url(), "x"), &["mail1"], None, LONG).await.remove(0);
        let words = match &verdict {
            Verdict::Failed(words) | Verdict::Unreachable(words) => words,
            _ => panic!("{verdict:?}"),
        };
        assert!(words.to_string().contains(expected), "{words}");
    }
    // Drop by drop, until the time is up.
    let drip = Server::start(Answer::Drip);
    assert_eq!(verdicts(&behind(&drip.url(), "x"), &["mail1"], None, HANG).await, [Verdict::TimedOut(HANG)]);
}

#[tokio::test]
async fn no_answer_leads_elsewhere() {
    let elsewhere = Server::start(Answer::Silence);
    let location = format!("HTTP/1.1 302 Found\r\nLocation: {}/x\r\nContent-Length: 0\r\n\r\n", elsewhere.url());
    let server = Server::start(Answer::Bytes(location));
    let verdict = verdicts(&behind(&server.url(), "x"), &["mail1"], None, LONG).await.remove(0);
    assert_eq!(verdict, Verdict::Failed(Sign::GatewayAnswers("302 Found".into())));
    assert_eq!(elsewhere.held(), 0);
}

#[tokio::test]
async fn no_module_leads_out_of_its_destination() {
    let repository = Repository::copy();
    let gateway = Gateway::start(repository.0.path());
    let modules = modules(&["mail1"]);
    for path in ["../repository/uuid-repository1", "repository/..", "/repository/uuid-repository1"] {
        for destination in [gateway_destination(None), per_module(&repository.path())] {
            let mut destinations = with_paths(std::slice::from_ref(&destination), &modules);
            destinations.paths.insert(modules[0].clone(), path.into());
            let (means, modules) = (behind(&gateway.url, GATEWAY_PASSWORD), modules.iter().collect::<Vec<_>>());
            let probes = ns8_backup_monitor::probe::probe(&destinations, &modules, &means, LONG, &|_, _| ()).await;
            assert_eq!(probes[0].verdict, Verdict::NotProbed(NotProbed::Unsafe(Unsafe::Path)), "{path}");
        }
    }
    let above = Destination { id: "..".into(), ..gateway_destination(None) };
    let verdict = probes(&behind(&gateway.url, "x"), &[above], &["mail1"], LONG).await.remove(0).verdict;
    assert_eq!(verdict, Verdict::NotProbed(NotProbed::Unsafe(Unsafe::Path)));
}
