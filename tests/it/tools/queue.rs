//! `queue`.

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
