//! Real restic on real repositories, and programs in its place.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::sync::Mutex;

use jiff::Timestamp;
use ns8_backup_monitor::model::repository::{Checked, Destination, Ended, Lock, NotProbed, Verdict};
use ns8_backup_monitor::probe::probe;

use super::support::*;
use crate::support::port::Port;
use crate::support::programs::{bare, install, path_of};
use crate::support::service::wait_until;

#[tokio::test]
async fn a_healthy_repository_is_counted_checked_and_left_as_it_was() {
    for restic in every_restic() {
        let repository = Repository::copy();
        let before = repository.files();
        assert_eq!(look_with(&with_restic(&restic), &repository.local(), LONG).await, healthy(None));
        assert_eq!(repository.files(), before);
    }
}

#[tokio::test]
async fn an_exclusive_lock_is_reported_with_its_holder_even_after_the_holder_died() {
    let repository = Repository::copy();
    let holder = repository.hold_exclusively();
    let (pid, since) = (holder.0.id(), Timestamp::now());
    for holder in [Some(holder), None] {
        for restic in every_restic() {
            let verdict = look_with(&with_restic(&restic), &repository.local(), LONG).await;
            let Verdict::Locked(lock) = verdict else { panic!("{verdict:?}") };
            let by = lock.by.unwrap();
            assert!(by.contains('@') && by.ends_with(&format!(", PID {pid}")), "{by}");
            assert_eq!((lock.count, lock.since.map(|time| time <= since)), (1, Some(true)));
        }
        drop(holder);
    }
}

#[tokio::test]
async fn a_running_backup_is_no_fault_and_is_not_disturbed() {
    let repository = Repository::copy();
    let mut backup = repository.back_up_from_pipe();
    for restic in every_restic() {
        let verdict = look_with(&with_restic(&restic), &repository.local(), LONG).await;
        let Verdict::Healthy { snapshots: 2, in_use: Some(lock), checked: ALL, .. } = &verdict else {
            panic!("{verdict:?}")
        };
        let Lock { count: 1, exclusive: Some(false), since: Some(_), by: Some(by) } = lock else { panic!("{lock:?}") };
        assert!(by.ends_with(&format!(", PID {}", backup.0.id())), "{by}");
    }
    backup.0.stdin.take().unwrap().write_all(b"the end").unwrap();
    assert!(backup.0.wait().unwrap().success());
    assert!(matches!(look(&repository.local()).await, Verdict::Healthy { snapshots: 3, in_use: None, .. }));
}

#[tokio::test]
async fn a_lock_that_cannot_be_read_is_not_taken_for_harmless() {
    let means = with_restic(&fake("fails-on-locks"));
    let look = async |complaint: &str| look_with(&means, &documented("local", complaint, PASSWORD), LONG).await;
    let unknown = Some(Lock { count: 1, ..Lock::default() });
    let checked = Checked { opened: true, ended: Some(Ended::Failed), ..Checked::default() };
    for (complaint, in_use) in [("/senseless", &unknown), ("/never seen", &unknown), ("/it does not exist", &None)] {
        let expected = Verdict::Healthy { snapshots: 0, newest: None, in_use: in_use.clone(), checked };
        assert_eq!(look(complaint).await, expected, "{complaint}");
    }
    assert!(matches!(look("/connection refused").await, Verdict::Unreachable(_)));
    // Of a folder, it is this program's own user who is refused.
    assert!(matches!(look("/permission denied").await, Verdict::NotProbed(NotProbed::NoPermission(_))));
}

#[tokio::test]
async fn a_damaged_lock_is_one_that_cannot_be_read_and_no_damage_to_the_repository() {
    for restic in every_restic() {
        for content in [&[][..], &[7; 60]] {
            let repository = Repository::copy();
            fs::write(format!("{}/locks/{}", repository.path(), "ab".repeat(32)), content).unwrap();
            let unknown = Some(Lock { count: 1, ..Lock::default() });
            assert_eq!(look_with(&with_restic(&restic), &repository.local(), LONG).await, healthy(unknown), "{restic}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_absent_repository_are_told_apart() {
    for restic in every_restic() {
        let (repository, means) = (Repository::copy(), with_restic(&restic));
        let wrong = documented("local", &repository.path(), "incorrect");
        assert_eq!(look_with(&means, &wrong, LONG).await, Verdict::WrongPassword);
        let absent = documented("local", &format!("{}/absent", repository.path()), PASSWORD);
        assert_eq!(look_with(&means, &absent, LONG).await, Verdict::NoRepository);
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let server = Server::start(Answer::Silence);
    for backend in ["rest", "s3"] {
        let destination = documented(backend, &format!("{}/bucket", server.url()), PASSWORD);
        assert_eq!(look_with(&means(), &destination, HANG).await, Verdict::TimedOut(HANG));
    }
}

#[tokio::test]
async fn a_server_that_answers_nonsense_is_no_server_that_hangs() {
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>";
    let server = Server::start(Answer::Bytes(page.into()));
    for restic in every_restic() {
        let destination = documented("rest", &format!("{}/bucket", server.url()), PASSWORD);
        // However long it takes restic to start and to say so: 0.17 and later try again until they are stopped.
        let (mut limit, mut verdict) = (HANG, Verdict::TimedOut(HANG));
        while matches!(verdict, Verdict::TimedOut(_)) && limit < LONG {
            limit *= 2;
            verdict = look_with(&with_restic(&restic), &destination, limit).await;
        }
        let Verdict::Failed(why) = &verdict else { panic!("{restic}: {verdict:?}") };
        assert!(why.to_string().contains("invalid character '<'"), "{restic}: {why}");
    }
}

#[tokio::test]
async fn a_snapshot_that_is_refused_is_not_damaged() {
    let look = async |words: &str| {
        let place = documented("local", &format!("/{words}"), PASSWORD);
        look_with(&with_restic(&fake("refuses-a-snapshot")), &place, LONG).await
    };
    assert!(matches!(
        look("open /r/snapshots/fe18: permission denied").await,
        Verdict::NotProbed(NotProbed::NoPermission(_))
    ));
    assert!(matches!(look("unexpected HTTP response (503): 503").await, Verdict::Unreachable(_)));
    assert!(matches!(look("LoadRaw(): invalid data returned").await, Verdict::Damaged(_)));
    assert!(matches!(look("EOF").await, Verdict::Damaged(_)));
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_told_with_its_cause_and_without_waiting_for_the_end() {
    let nobody = Port::reserve();
    let refused = format!("http://{}/bucket", nobody.address);
    let unknown = "http://no-such-host.invalid/bucket";
    // The test runner's own time limit is much shorter.
    let limit = LONG * 60;
    let folder = tempfile::tempdir().unwrap();
    for restic in every_restic() {
        // This machine's proxy would look the name up.
        let without_proxy = folder.path().join("restic");
        let unset = "unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY";
        install(&without_proxy, &format!("#!/bin/sh\n{unset}\nexec '{restic}' \"$@\"\n"));
        let means = with_restic(without_proxy.to_str().unwrap());
        for backend in ["rest", "s3"] {
            for (url, cause) in [(&*refused, "connection refused"), (unknown, "lookup no-such-host")] {
                let verdict = look_with(&means, &documented(backend, url, PASSWORD), limit).await;
                let Verdict::Unreachable(why) = &verdict else { panic!("{restic} {backend}: {verdict:?}") };
                let why = why.to_string();
                assert!(why.contains(cause), "{restic} {backend}: {why}");
                assert!(!why.contains("received") && !why.contains(char::is_control), "{why}");
            }
        }
    }
}

#[tokio::test]
async fn sftp_never_prompts() {
    for restic in every_restic() {
        let destination = documented("sftp", "//nobody@no-such-host.invalid//backup", PASSWORD);
        let verdict = look_with(&with_restic(&restic), &destination, LONG).await;
        let words = "unable to start the sftp session";
        // restic may be gone before it has passed on why, which `ssh` says.
        let (Verdict::Unreachable(why) | Verdict::Failed(why)) = &verdict else { panic!("{verdict:?}") };
        assert!(why.to_string().contains(words), "{verdict:?}");
    }
}

#[tokio::test]
async fn a_host_that_only_the_backups_ssh_knows_denies_no_access() {
    let (folder, port) = (tempfile::tempdir().unwrap(), Port::reserve());
    let address = port.address;
    let mut server = bare(path_of("rclone"));
    server.args(["serve", "sftp", "--config", "", "--user", "backup", "--pass", PASSWORD]);
    // It makes its host keys there, and not in the home that this user may not have.
    server.arg("--cache-dir").arg(folder.path().join("cache"));
    let server = server.args(["--addr", &address.to_string()]).arg(folder.path()).stderr(Stdio::null()).spawn();
    let _server = Running(server.unwrap());
    wait_until("the server", || TcpStream::connect(address).is_ok(), String::new);
    for restic in every_restic() {
        let destination = documented("sftp", &format!("//backup@{address}//r"), PASSWORD);
        let verdict = look_with(&with_restic(&restic), &destination, LONG).await;
        match &verdict {
            Verdict::NotProbed(NotProbed::NoPermission(why)) if why.contains("Host key verification failed") => {}
            // restic may be gone before it has passed that on.
            Verdict::Failed(why) if why.to_string().contains("unable to start the sftp session") => {}
            _ => panic!("{restic}: {verdict:?}"),
        }
    }
}

#[tokio::test]
async fn rclone_gets_its_configuration_and_leaves_with_restic() {
    for restic in every_restic() {
        let (repository, means) = (Repository::copy(), with_restic(&restic));
        let config = repository.0.path().join("rclone.conf");
        let server = Server::start(Answer::Silence);
        let (folder, silent) = (repository.0.path().display(), server.url());
        let remotes = format!("[backups]\ntype = alias\nremote = {folder}\n[silent]\ntype = webdav\nurl = {silent}\n");
        fs::write(&config, remotes).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        let rclone = |remote: &str| layout_a("rclone", remote, PASSWORD, Some(&config));
        assert_eq!(look_with(&means, &rclone("backups:repository"), LONG).await, healthy(None));
        let mut unknown = look_with(&means, &rclone("unknown:"), LONG).await;
        // restic may end before it has passed on what rclone says; not every time.
        for _ in 0..20 {
            if !matches!(&unknown, Verdict::Failed(why) if why.to_string().contains("error talking HTTP to rclone")) {
                break;
            }
            unknown = look_with(&means, &rclone("unknown:"), LONG).await;
        }
        assert!(
            matches!(&unknown, Verdict::Failed(why) if why.to_string().contains("section in config")),
            "{unknown:?}"
        );
        assert_eq!(look_with(&means, &rclone("silent:"), HANG).await, Verdict::TimedOut(HANG));
        until(|| !environments().any(|environment| environment.contains(&*config.to_string_lossy()))).await;
    }
}

#[tokio::test]
async fn a_restic_that_cannot_be_run_is_no_fault_of_the_repository() {
    let repository = Repository::copy();
    let with = async |restic: &str| look_with(&with_restic(restic), &repository.local(), LONG).await;
    assert_eq!(with("no-such-restic").await, Verdict::NotProbed(NotProbed::ResticMissing("no-such-restic".into())));
    let not_executable = NotProbed::ResticNotExecutable("/etc/passwd".into());
    assert_eq!(with("/etc/passwd").await, Verdict::NotProbed(not_executable));
}

#[tokio::test]
async fn a_restic_that_prints_without_end_is_cut_short() {
    let verdict =
        look_with(&with_restic(&fake("prints-100-mb")), &documented("local", "/nowhere", PASSWORD), LONG).await;
    assert!(matches!(&verdict, Verdict::Failed(why) if why.to_string().contains("8 MiB")), "{verdict:?}");
}

#[tokio::test]
async fn a_restic_that_ignores_sigterm_is_gone_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let pids = dir.path().join("pids");
    let destination = documented("local", &pids.display().to_string(), PASSWORD);
    let mut limit = HANG;
    // However long it takes to get to its own and its child's process id.
    let pids = loop {
        let verdict = look_with(&with_restic(&fake("ignores-sigterm")), &destination, limit).await;
        assert!(matches!(verdict, Verdict::TimedOut(_)), "{verdict:?}");
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
    let destination = documented("local", &pids.display().to_string(), PASSWORD);
    let written = || fs::read_to_string(&pids).unwrap_or_default().ends_with('\n');
    let means = with_restic(&fake("ignores-sigterm"));
    tokio::select! {
        verdict = look_with(&means, &destination, LONG) => panic!("{verdict:?}"),
        () = until(written) => {}
    }
    let pids = fs::read_to_string(&pids).unwrap();
    until(|| pids.split_whitespace().all(|pid| !alive(pid))).await;
}

#[tokio::test]
async fn no_secret_is_in_a_verdict() {
    let destination = Destination {
        id: "1".into(),
        backend: Some("s3".into()),
        url: Some("https://planted-user:planted-1@host/bucket".into()),
        password: Some("planted-2".into()),
        aws_access_key_id: Some("planted-3".into()),
        aws_secret_access_key: Some("planted-4".into()),
        ..Destination::default()
    };
    let probes = probes(&with_restic(&fake("tells-secrets")), &[destination], &[], LONG).await;
    let Verdict::Failed(why) = &probes[0].verdict else { panic!("{probes:?}") };
    assert_eq!(why.to_string(), "s3:https://planted-user:***@host/bucket *** *** ***");
    assert_eq!(probes[0].location.as_deref(), Some("s3:https://planted-user:***@host/bucket"));
}

#[tokio::test]
async fn a_hanging_repository_does_not_delay_the_others() {
    let repository = Repository::copy();
    let server = Server::start(Answer::Silence);
    let destinations = [gateway_destination(None), repository.local()];
    let seen = Mutex::new(Vec::new());
    let modules = modules(&["mail1", "mail2", "mail3"]);
    let progress = |done, total| {
        seen.lock().unwrap().push((done, total));
        // The first one that is done is not behind the gateway: only now does that let go of the others.
        if done == 1 {
            server.hang_up();
        }
    };
    let (means, asked) = (behind(&server.url(), "x"), modules.iter().collect::<Vec<_>>());
    let probes = probe(&with_paths(&destinations, &modules), &asked, &means, LONG, &progress).await;
    let verdicts: Vec<_> = probes.into_iter().map(|probe| probe.verdict).collect();
    let [Verdict::Unreachable(_), Verdict::Unreachable(_), Verdict::Unreachable(_), local] = &verdicts[..] else {
        panic!("{verdicts:?}")
    };
    assert_eq!(*local, healthy(None));
    assert_eq!(*seen.lock().unwrap(), [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]);
}

#[tokio::test]
async fn each_module_has_its_own_repository_looked_at() {
    let repository = Repository::copy();
    let below = repository.0.path().join("mail");
    fs::create_dir(&below).unwrap();
    fs::rename(repository.path(), below.join("uuid-mail1")).unwrap();
    let destination = per_module(&repository.0.path().display().to_string());
    let probes = probes(&means(), &[destination], &["mail1", "mail3"], LONG).await;
    let found: Vec<_> = probes.iter().map(|probe| (probe.module.as_ref().unwrap().as_str(), &probe.verdict)).collect();
    assert_eq!(found, [("mail1", &healthy(None)), ("mail3", &Verdict::NoRepository)]);
    assert!(probes.iter().all(|probe| probe.repository == "Offsite"));
}
