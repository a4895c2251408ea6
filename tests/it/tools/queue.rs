//! `queue`.

use std::os::unix::fs::symlink;

use super::*;

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
    wait_until("the error in the list", || queue(&["list"]).out.contains("421 4.3.2 not now"), || service.log());
    let list = queue(&[]).out;
    let id = list.lines().nth(1).unwrap().split(' ').next().unwrap();
    assert!(list.contains("2 to send"), "{list}");
    let page = queue(&["show", id]).out;
    assert!(page.contains("ops@example.com: waiting") && page.contains("disk quota exceeded"), "{page}");
    assert_eq!((queue(&["show", "other"]).code, queue(&["drop", "../x"]).code), (1, 1));

    site.relay.mend();
    let retried = queue(&["retry", id]);
    assert!(retried.code == 0 && retried.out.contains(id), "{}", retried.out);
    service.logged(&format!("retry requested for job {id}"));
    wait_until("both mails", || site.relay.so_far().len() == 2, || service.log());
    service.done();

    site.relay.fault(crate::support::smtp::Stage::Rcpt, Fault::reply("550 5.1.1 no such user"));
    site.result("2", "samba1", "disk full");
    assert_eq!(service.post(webhook(&["2"])).0, 202);
    wait_until("it is given up", || queue(&[]).out.contains("given up"), || service.log());
    let list = queue(&[]).out;
    assert!(list.contains("550 5.1.1 no such user"), "{list}");
    let id = list.lines().nth(1).unwrap().split(' ').next().unwrap();
    assert_eq!(queue(&["drop", id]).code, 0);
    wait_until("it is gone", || queue(&[]).out == "Nothing is waiting.\n", || service.log());
    assert_eq!(site.relay.so_far().len(), 2);
}

#[test]
fn who_has_the_report_of_a_dropped_job_does_not_get_it_again() {
    let site = Site::plain();
    site.relay.fault_for("ops@example.com", Fault::reply("450 4.2.1 later"));
    site.result("1", "samba1", "disk quota exceeded");
    let mut service =
        Service::new(&(fs::read_to_string(site.path("config.yml")).unwrap() + "correlator: { wait_seconds: 0 }\n"));
    service.start();
    assert_eq!(service.post(webhook(&["1"])).0, 202);
    service.logged("not delivered at attempt 1");
    let id = service.queued("json")[0].replace(".json", "");
    let dropped =
        program().args(["queue", "drop", &id]).env("STATE_DIRECTORY", service.path("state")).output().unwrap();
    assert!(dropped.status.success());
    service.done();
    site.relay.mend();
    assert_eq!(service.post(webhook(&["1"])).0, 202);
    wait_until(
        "the report",
        || site.relay.so_far().iter().any(|mail| mail.to == ["ops@example.com"]),
        || service.log(),
    );
    service.done();
    assert_eq!(site.relay.so_far().len(), 2, "one for each");

    // The job may end between the look at the queue and the request.
    fs::write(service.queue().join(format!("{id}.retry")), "").unwrap();
    service.logged(&format!("there is nothing to retry: job {id} has ended"));
    assert!(!service.log().contains("cannot be tried again"), "{}", service.log());
}

/// A job whose report nobody has received, as the service keeps it.
const DELIVERING: &str = include_str!("../../fixtures/queue/delivering.v1.json");

#[test]
fn no_link_that_the_services_user_left_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let queue = |args: &[&str]| -> Ran {
        program().arg("queue").args(args).env("STATE_DIRECTORY", path("state")).output().unwrap().into()
    };
    let id = "20261122-031500-1a2b";
    let in_queue = |name: &str| path("state/queue").join(name);
    fs::create_dir_all(in_queue("")).unwrap();
    fs::write(in_queue(&format!("{id}.json")), DELIVERING).unwrap();

    // In place of the wish: to a file that is there, and to one that would be made.
    fs::write(path("there"), "untouched").unwrap();
    for target in ["there", "not there"] {
        let link = in_queue(&format!("{id}.retry"));
        symlink(path(target), &link).unwrap();
        let ran = queue(&["retry", id]);
        assert!(ran.code == 1 && ran.err.contains("cannot write a request"), "{}{}", ran.out, ran.err);
        fs::remove_file(link).unwrap();
    }
    assert_eq!(fs::read_to_string(path("there")).unwrap(), "untouched");
    assert!(!path("not there").exists());

    // In place of jobs: to another's job, to a FIFO, and a FIFO itself. Dropping one takes the link.
    assert!(DELIVERING.contains("One of two"));
    fs::write(path("secret.json"), DELIVERING.replace("One of two", "s3cret")).unwrap();
    let mkfifo = |file: PathBuf| assert!(Command::new("mkfifo").arg(file).status().unwrap().success());
    mkfifo(path("fifo"));
    mkfifo(in_queue("20261122-000003-0000.json"));
    symlink(path("secret.json"), in_queue("20261122-000001-0000.json")).unwrap();
    symlink(path("fifo"), in_queue("20261122-000002-0000.failed")).unwrap();
    fs::write(in_queue("\x1b[2J.broken"), "").unwrap();
    assert!(queue(&["show", id]).out.contains("One of two"));
    let list = queue(&[]).out;
    assert!(list.matches(" broken ").count() == 4 && !list.contains("s3cret") && !list.contains('\x1b'), "{list}");
    assert!(!queue(&["show", "20261122-000001-0000"]).out.contains("s3cret"));
    assert_eq!(queue(&["drop", "20261122-000001-0000"]).code, 0);
    assert!(path("secret.json").exists() && in_queue("20261122-000001-0000.json").symlink_metadata().is_err());

    // In place of the folder.
    fs::rename(in_queue(""), path("elsewhere")).unwrap();
    symlink(path("elsewhere"), path("state/queue")).unwrap();
    for args in [&["list"][..], &["retry", id], &["drop", "20261122-000002-0000"]] {
        let ran = queue(args);
        assert!(ran.code == 1 && ran.err.contains("cannot be read"), "{}{}", ran.out, ran.err);
    }
    assert!(path("elsewhere/20261122-000002-0000.failed").symlink_metadata().is_ok());
    assert!(!path("elsewhere").join(format!("{id}.retry")).exists());
}

/// The second file of one name that is set aside has a number.
#[test]
fn every_file_that_is_listed_can_be_shown_and_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    fs::create_dir_all(state.join("queue")).unwrap();
    let queue = |args: &[&str]| -> Ran {
        program().arg("queue").args(args).env("STATE_DIRECTORY", &state).output().unwrap().into()
    };
    for id in ["20261122-000001-0000.1", "sent.1"] {
        let file = state.join(format!("queue/{id}.broken"));
        fs::write(&file, "").unwrap();
        assert!(queue(&[]).out.contains(id));
        assert_eq!((queue(&["show", id]).code, queue(&["drop", id]).code), (0, 0));
        assert!(!file.exists());
    }
}

#[test]
fn a_retry_says_what_there_is_to_retry() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let queue = |args: &[&str]| -> Ran {
        let mut command = program();
        command.arg("queue").args(args).envs([("STATE_DIRECTORY", state.as_os_str()), ("TZ", "Asia/Tokyo".as_ref())]);
        command.output().unwrap().into()
    };
    let ran = queue(&["retry"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "Nothing is waiting.\n"));
    fs::create_dir_all(state.join("queue")).unwrap();
    assert_eq!(queue(&["retry"]).out, "Nothing is waiting.\n");

    let mut job: serde_json::Value = serde_json::from_str(DELIVERING).unwrap();
    let mails = job["stage"]["delivering"]["mails"].take();
    job["stage"] = serde_json::json!({"following": {"since": "2026-11-22T03:16:00Z", "interim": mails}});
    let id = "20261122-031500-beef";
    fs::write(state.join(format!("queue/{id}.json")), job.to_string()).unwrap();
    for args in [&["retry"][..], &["retry", id]] {
        let ran = queue(args);
        assert!(ran.code == 0 && ran.out.contains("follows its run; the final report comes by itself"), "{}", ran.out);
        assert_eq!(fs::read_dir(state.join("queue")).unwrap().count(), 1, "no request");
    }
    let page = queue(&["show", id]).out;
    for local in ["accepted 2026-11-22 12:15\n", "delivered 2026-11-22 12:16\n", "given up 2026-11-22 12:16; 550"] {
        assert!(page.contains(local), "{local}: {page}");
    }
}
