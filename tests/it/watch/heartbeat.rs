//! When no sign of life is sent.

use std::io::ErrorKind;

use super::*;
use crate::support::smtp::{Fault, Stage};

#[test]
fn no_sign_of_life_is_sent_after_a_report_was_given_up_or_could_not_be_read() {
    let mut watched = Watched::new(60);
    watched.ends("mail1", 50, 1);
    watched.ends("samba1", 50, 0);
    watched.site.relay.fault(Stage::Rcpt, Fault::reply("550 5.1.1 no such user"));
    watched.site.service.start();
    watched.tick();
    let service = &watched.site.service;
    wait_until("it is given up", || !service.queued("failed").is_empty(), || service.log());
    service.done();
    let listener = expected_at(&mut watched);
    let log = watched.tick();
    assert!(log.contains("heartbeat not sent: 1 report(s) were given up"), "{log}");
    let service = &watched.site.service;
    let given_up = service.queue().join(&service.queued("failed")[0]);
    std::fs::rename(&given_up, given_up.with_extension("broken")).unwrap();
    let log = watched.tick();
    assert!(log.contains("heartbeat not sent: 1 report(s) cannot be read"), "{log}");
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody has asked");
    std::fs::remove_file(given_up.with_extension("broken")).unwrap();
    listener.set_nonblocking(false).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| answer(&listener, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        assert!(!watched.tick().contains("sign of life"));
    });
}

/// Where the sign of life is to go, which nobody waits for yet.
fn expected_at(watched: &mut Watched) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    watched.notification = format!("  heartbeat_url: http://127.0.0.1:{port}/ping\n").leak();
    watched.configure("");
    listener
}

#[test]
fn no_sign_of_life_is_sent_while_the_digest_waits_for_its_relay() {
    let mut watched = Watched::new(60);
    watched.ends("mail1", 50, 0);
    watched.ends("samba1", 50, 0);
    watched.site.service.start();
    let weekly = |watched: &Watched| pages::tool(watched, &["digest", "--weekly"]).status.code();
    watched.site.relay.fault_for("ops@example.com", Fault::reply("451 4.3.0 later"));
    assert_eq!(weekly(&watched), Some(1));
    let listener = expected_at(&mut watched);
    let log = watched.tick();
    assert!(log.contains("heartbeat not sent: the digest could not be delivered yet"), "{log}");
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody has asked");
    watched.site.relay.mend();
    assert_eq!(weekly(&watched), Some(0));
    listener.set_nonblocking(false).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| answer(&listener, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        let log = watched.tick();
        assert!(!log.contains("heartbeat"), "{log}");
    });
}

#[test]
fn no_sign_of_life_is_sent_while_the_service_takes_no_alerts() {
    let mut watched = Watched::new(60);
    watched.ends("mail1", 50, 0);
    watched.ends("samba1", 50, 0);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let beat_port = listener.local_addr().unwrap().port();
    watched.notification = format!("  heartbeat_url: http://127.0.0.1:{beat_port}/ping\n").leak();
    let closed = Port::reserve();
    let nobody = closed.number();
    watched.site.configure(watched.notification, &format!("{AT_ONCE}receiver: {{ port: {nobody} }}\n"));
    let log = watched.tick();
    assert!(log.contains(&format!("the service at http://127.0.0.1:{nobody}/alert does not answer")), "{log}");
    // A queue that the service cannot open.
    watched.configure("");
    let lock = watched.site.service.queue().join(".lock");
    std::fs::create_dir_all(&lock).unwrap();
    watched.site.service.start();
    let log = watched.tick();
    assert!(log.contains("answers 503 Service Unavailable: the queue cannot be used"), "{log}");
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody has asked");
    let printed = |command: &str| {
        let output = pages::tool(&watched, &[command, "--alertmanager", "http://127.0.0.1:1"]);
        String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let digest = printed("digest");
    assert!(digest.contains("queue: NEEDS ATTENTION: the service at http://127.0.0.1:"), "{digest}");
    assert!(printed("check").contains("error queue: "), "{}", printed("check"));
    std::fs::remove_dir(lock).unwrap();
    let digest = printed("digest");
    assert!(!digest.contains("queue: NEEDS ATTENTION"), "{digest}");
    assert!(!printed("check").contains("error queue: "), "{}", printed("check"));
    listener.set_nonblocking(false).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| answer(&listener, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        let log = watched.tick();
        assert!(!log.contains("heartbeat"), "{log}");
    });
}
