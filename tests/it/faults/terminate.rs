//! SIGTERM, as at an upgrade or a shutdown, at every stage of a job.

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream, UdpSocket};

use crate::support::programs::install;
use crate::support::service::{wait_until, webhook};
use crate::support::site::{AT_ONCE, Site};
use crate::support::smtp::{Fault, Stage};

/// Stops the service, which must go by itself and cleanly, leaving the job in the queue.
fn stop(site: &mut Site) {
    let status = site.service.terminate();
    assert!(status.success(), "{status}; log:\n{}", site.service.log());
    assert_eq!(site.service.queued("json").len(), 1, "{}", site.service.log());
    assert_eq!(site.service.queued("tmp"), [""; 0]);
}

/// Starts it again: it goes on by itself, and both recipients get the report once.
fn resume(site: &mut Site) {
    site.service.start();
    site.service.done();
    assert_eq!(site.counts(), [("admin@example.com".into(), 1), ("ops@example.com".into(), 1)].into());
}

#[test]
fn while_it_waits_for_modules() {
    let mut site = Site::with("", "correlator: { wait_seconds: 3600, max_wait_seconds: 3600 }\n");
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    stop(&mut site);
    site.configure("", AT_ONCE);
    resume(&mut site);
}

#[test]
fn while_it_waits_for_redis() {
    let mut site = Site::with("", "correlator: { wait_seconds: 0 }\nrepo_check: { enabled: false }\n");
    site.redis.signal("STOP");
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    stop(&mut site);
    site.redis.signal("CONT");
    resume(&mut site);
}

#[test]
fn while_it_probes_and_no_probe_is_left_behind() {
    let mut site = Site::new();
    let pids = site.service.path("pids");
    let restic = site.service.path("restic");
    install(&restic, &format!("#!/bin/sh\necho $$ >> {}\nexec sleep 3600\n", pids.display()));
    site.redis.hset(
        "cluster/backup_repository/r1/parameters",
        &[("backend", "local"), ("path", "/nowhere"), ("password", "p")],
    );
    let sections = format!("correlator: {{ wait_seconds: 0 }}\nrepo_check: {{ restic: {} }}\n", restic.display());
    site.configure("", &sections);
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    let probes = || std::fs::read_to_string(&pids).unwrap_or_default();
    wait_until("a probe", || probes().ends_with('\n'), || site.service.log());
    stop(&mut site);
    for pid in probes().lines() {
        wait_until("the end of the probe", || !std::path::Path::new(&format!("/proc/{pid}")).exists(), probes);
    }
    site.configure("", AT_ONCE);
    resume(&mut site);
}

#[test]
fn while_it_pauses_between_attempts() {
    let mut site = Site::new();
    site.relay.fault(Stage::Greeting, Fault::reply("421 4.3.2 come back later"));
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.service.logged("not delivered at attempt 1");
    stop(&mut site);
    site.relay.mend();
    resume(&mut site);
}

#[test]
fn while_the_relay_hangs_no_half_mail_goes_out() {
    let stages = [Stage::Greeting, Stage::Ehlo, Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Message, Stage::Quit];
    std::thread::scope(|scope| {
        for stage in stages {
            scope.spawn(move || while_the_relay_hangs_at(stage));
        }
    });
}

fn while_the_relay_hangs_at(stage: Stage) {
    let mut site = Site::new();
    site.relay.fault(stage, Fault::Hang);
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    if stage == Stage::Quit {
        // By then the mail is delivered; the goodbye holds up nothing.
        site.service.done();
        assert!(site.service.terminate().success());
        assert_eq!(site.relay.so_far().len(), 2);
        return;
    }
    // What the server has heard last before it hangs.
    let heard = match stage {
        Stage::Mail => "MAIL",
        Stage::Rcpt => "RCPT",
        Stage::Data | Stage::Message => "DATA",
        _ => "",
    };
    let reached = || match stage {
        Stage::Message => !site.relay.so_far().is_empty(),
        _ => heard.is_empty() || site.relay.heard().iter().any(|line| line.starts_with(heard)),
    };
    wait_until("the relay is spoken to", reached, || site.service.log());
    stop(&mut site);
    site.relay.mend();
    if stage != Stage::Message {
        assert!(site.relay.so_far().is_empty(), "{stage:?}: no half mail");
        return resume(&mut site);
    }
    // Here alone nobody can tell whether the relay has it: it comes again, and says so by its Message-ID.
    site.service.start();
    site.service.done();
    assert_eq!(site.counts(), [("admin@example.com".into(), 2), ("ops@example.com".into(), 1)].into());
    let inbox = site.inbox();
    assert_eq!(inbox[0].message_id, inbox[1].message_id);
}

#[test]
fn while_the_name_server_hangs() {
    if !rustix::process::getuid().is_root() {
        println!("skipped: needs root, for a name server of its own");
        return;
    }
    // It never answers.
    let free = |last: &u8| UdpSocket::bind((Ipv4Addr::new(127, 77, 7, *last), 53)).ok();
    let silent = (1..255).find_map(|last| free(&last)).expect("an address for a name server");
    let address = silent.local_addr().unwrap().ip();
    let mut site = Site::new();
    let resolver = site.redis.file("resolv.conf", &format!("nameserver {address}\noptions timeout:30 attempts:5\n"));
    let own = format!("mount --bind {} /etc/resolv.conf && exec \"$@\"", resolver.display());
    site.service.through = ["unshare", "--mount", "sh", "-c", &own, "sh"].map(String::from).into();
    let config = std::fs::read_to_string(site.service.path("config.yml")).unwrap();
    site.service.configure(&config.replace("host: 127.0.0.1", "host: relay.example.com"));
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    silent.set_read_timeout(Some(crate::support::service::PATIENCE)).unwrap();
    silent.recv(&mut [0; 512]).expect("the relay's name is asked for");
    stop(&mut site);
    site.service.configure(&config);
    resume(&mut site);
}

#[test]
fn while_a_request_is_half_sent() {
    let mut site = Site::with("", "correlator: { wait_seconds: 3600 }\n");
    site.service.start();
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    let mut half = TcpStream::connect(&site.service.address).unwrap();
    half.write_all(b"POST /alert HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"alerts\":").unwrap();
    // Answered after the half request was accepted.
    assert_eq!(site.service.request("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n", b"").0, 200);
    stop(&mut site);
    site.configure("", AT_ONCE);
    resume(&mut site);
}
