//! Behind the node's gateway.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

use jiff::Timestamp;
use ns8_backup_monitor::model::repository::{Checked, Listed, Lock, NotProbed, Sign, Verdict};
use ns8_backup_monitor::probe::{Means, cluster_backup};

use super::support::*;
use crate::support::port::Port;
use crate::support::programs::{bare, path_of};
use crate::support::service::wait_until;

const BOTH: [&str; 2] = ["repository1", "absent1"];

#[tokio::test]
async fn the_gateway_is_asked_natively() {
    let repository = Repository::copy();
    let gateway = Gateway::start(repository.0.path());
    let (right, wrong) = (behind(&gateway.url, GATEWAY_PASSWORD), behind(&gateway.url, "wrong"));
    let look = async || verdicts(&right, &BOTH, None, LONG).await.remove(0);
    let path = |name: &str| Path::new(&repository.path()).join(name);
    let count = |name: &str| files(&path(name)).len() as u32;
    let newest = files(&path("snapshots")).iter().map(|file| modified(file)).max();
    let listed = Some(Listed { packs: count("data"), indexes: count("index") });
    let counted = |in_use| {
        let checked = Checked { listed, ..Checked::default() };
        Verdict::Healthy { snapshots: 2, newest, in_use, checked }
    };
    assert_eq!(verdicts(&right, &BOTH, None, LONG).await, [counted(None), Verdict::NoRepository]);
    let holder = repository.hold_exclusively();
    assert_eq!(look().await, counted(Some(Lock { count: 1, exclusive: None, since: None, by: None })));
    drop(holder);
    let denied = verdicts(&wrong, &BOTH, None, LONG).await;
    assert!(denied.iter().all(|verdict| *verdict == Verdict::Denied(Sign::GatewayAnswers("401 Unauthorized".into()))));
}

#[tokio::test]
async fn with_the_repositorys_password_restic_looks_through_the_gateway() {
    for restic in every_restic() {
        let repository = Repository::copy();
        let gateway = Gateway::start(repository.0.path());
        let means = |password| Means { restic: restic.clone(), ..behind(&gateway.url, password) };
        let look = async |login, password| verdicts(&means(login), &BOTH, Some(password), LONG).await;
        assert_eq!(look(GATEWAY_PASSWORD, PASSWORD).await, [healthy(None), Verdict::NoRepository], "{restic}");
        assert_eq!(look(GATEWAY_PASSWORD, "wrong").await[0], Verdict::WrongPassword, "{restic}");
        assert!(matches!(look("wrong", PASSWORD).await[..], [Verdict::Denied(_), Verdict::Denied(_)]), "{restic}");
    }
}

#[tokio::test]
async fn without_restic_the_password_is_of_no_use_and_that_is_said() {
    let repository = Repository::copy();
    let gateway = Gateway::start(repository.0.path());
    let means = Means { restic: "no-such-restic".into(), ..behind(&gateway.url, GATEWAY_PASSWORD) };
    let verdict = verdicts(&means, &BOTH[..1], Some(PASSWORD), LONG).await.remove(0);
    assert!(matches!(verdict, Verdict::Healthy { checked: Checked { opened: false, listed: Some(_), .. }, .. }));
}

#[tokio::test]
async fn the_age_of_the_clusters_backup_is_read() {
    let repository = Repository::copy();
    let gateway = Gateway::start(repository.0.path());
    let means = behind(&gateway.url, GATEWAY_PASSWORD);
    let look = async |uuid: &str| cluster_backup(&means, "destination", uuid, LONG).await;
    let file = gateway.root.path().join("destination/cluster-backup-0c0aae59-2b1a.json.gz.gpg");
    fs::write(&file, "12345").unwrap();
    let found = look("0c0aae59-2b1a").await.unwrap().unwrap();
    assert_eq!((found.folder, found.size, found.modified), (false, Some(5), Some(modified(&file))));
    assert_eq!(look("another-uuid").await, Ok(None));
    for uuid in ["../../x", "a/b", "\n"] {
        assert!(matches!(look(uuid).await, Err(Verdict::NotProbed(NotProbed::Unsafe(_)))), "{uuid:?}");
    }
    let refused = cluster_backup(&behind(&gateway.url, "wrong"), "destination", "x", LONG).await;
    assert_eq!(refused, Err(Verdict::Denied(Sign::GatewayAnswers("401 Unauthorized".into()))));
}

/// When `file` was written, in whole seconds, as HTTP has it.
fn modified(file: &Path) -> Timestamp {
    let modified = Timestamp::try_from(fs::metadata(file).unwrap().modified().unwrap()).unwrap();
    Timestamp::from_second(modified.as_second()).unwrap()
}

#[tokio::test]
async fn each_answer_of_a_gateway_has_its_verdict() {
    let status = |line: &str| Answer::Bytes(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n"));
    let list = |body: &str| Answer::Bytes(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    for (answer, expected) in [
        (status("401 Unauthorized"), "Denied(GatewayAnswers(\"401 Unauthorized\"))"),
        (status("403 Forbidden"), "Denied(GatewayAnswers(\"403 Forbidden\"))"),
        (status("404 Not Found"), "Unreachable(NotServed)"),
        (status("503 Service Unavailable"), "Unreachable(GatewayAnswers(\"503 Service Unavailable\"))"),
        (status("302 Found"), "Failed(GatewayAnswers(\"302 Found\"))"),
        (status("200 OK"), "Damaged(EmptyConfig)"),
        (list("[]"), "Damaged(NoKeys)"),
        (status("429 Too Many Requests"), "Failed(GatewayAnswers(\"429 Too Many Requests\"))"),
        (
            list("[{\"name\":\"a\",\"size\":1},{}]"),
            "Healthy { snapshots: 2, newest: None, in_use: Some(Lock { count: 2",
        ),
        (list("{}"), "Failed(GatewayGarbled(\"snapshots/: "),
        (list("[1,"), "Failed(GatewayGarbled(\"snapshots/: "),
        (Answer::Bytes("SSH-2.0-OpenSSH_9.2\r\n".into()), "Failed(GatewayGarbled(\"invalid HTTP"),
        (Answer::Bytes("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[".into()), "Unreachable(NoGateway(\"127.0.0.1:"),
        (Answer::Bytes(String::new()), "Unreachable(NoGateway(\"127.0.0.1:"),
    ] {
        let server = Server::start(answer);
        let found = verdicts(&behind(&server.url(), "x"), &["mail1"], None, LONG).await;
        assert!(format!("{:?}", found[0]).starts_with(expected), "{found:?} is not {expected}");
    }
    let server = Server::start(Answer::Silence);
    assert_eq!(verdicts(&behind(&server.url(), "x"), &["mail1"], None, HANG).await, [Verdict::TimedOut(HANG)]);
    let closed = Port::reserve();
    let nobody = behind(&format!("http://{}", closed.address), "x");
    assert!(matches!(verdicts(&nobody, &["mail1"], None, LONG).await[0], Verdict::Unreachable(_)));
}

#[tokio::test]
async fn a_gateway_that_gets_no_access_itself_is_not_said_to_serve_nothing() {
    let (port, closed) = (Port::reserve(), Port::reserve());
    let address = port.address;
    let mut rclone = bare(path_of("rclone"));
    rclone.args(["serve", "restic", "--config", "", "--low-level-retries", "1", "--addr", &address.to_string()]);
    let nobody = format!(":webdav,url=\"http://{}/\":", closed.address);
    let _rclone = Running(rclone.arg(nobody).stderr(Stdio::null()).spawn().unwrap());
    wait_until("rclone", || TcpStream::connect(address).is_ok(), String::new);
    let means = behind(&format!("http://{address}"), GATEWAY_PASSWORD);
    let verdict = verdicts(&means, &["repository1"], None, LONG).await.remove(0);
    let Verdict::Unreachable(why) = verdict else { panic!("{verdict:?}") };
    assert_eq!(why.to_string(), "the gateway does not serve this destination, or gets no access to it");
}

#[tokio::test]
async fn without_a_login_the_gateway_is_not_asked() {
    let verdicts = verdicts(&means(), &["mail1"], Some(PASSWORD), LONG).await;
    assert_eq!(verdicts, [Verdict::NotProbed(NotProbed::NoCredentials)]);
}
