//! More than anybody should send: always an answer, never more memory than stated, and honest clients are served.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ns8_backup_monitor::model::alert::MAX_ALERTS;

use crate::support::programs::allow_many_files;
use crate::support::service::{exchange, wait_until, webhook};
use crate::support::site::{AT_ONCE, Site};

/// What the service may ever have resident, in KiB, whatever is sent to it; docs/reliability.md says what makes it up.
const BOUND: u64 = 192 << 10;

const WAITS: &str = "correlator: { wait_seconds: 3600 }\nrepo_check: { enabled: false }\n";

/// The most that the service has ever had resident, in KiB.
fn peak(site: &Site) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", site.service.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn assert_bounded(site: &Site) {
    let peak = peak(site);
    println!("at most {peak} KiB were resident");
    assert!(peak < BOUND, "{peak} KiB");
}

fn post(address: &str, body: &[u8]) -> String {
    let head = format!("POST /alert HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    exchange(address, &head, body)
}

/// A webhook of `count` alerts with labels of their own.
fn batch(count: usize, labels: impl Fn(usize) -> String) -> String {
    let alerts: Vec<String> =
        (0..count).map(|n| format!("{{\"labels\":{{\"alertname\":\"backup_failed\",{}}}}}", labels(n))).collect();
    format!("{{\"status\":\"firing\",\"alerts\":[{}]}}", alerts.join(","))
}

#[test]
fn ten_thousand_requests_on_two_hundred_connections_are_all_answered() {
    let mut site = Site::with("", WAITS);
    site.service.start();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..200 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    if n >= 10_000 {
                        return;
                    }
                    let body = batch(1, |_| format!("\"id\":\"2\",\"n\":\"{n}\""));
                    let answer = post(&site.service.address, body.as_bytes());
                    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
                }
            });
        }
    });
    assert_bounded(&site);
    let job = site.job();
    assert_eq!(job["alerts"].as_array().unwrap().len(), MAX_ALERTS, "they are one job, which keeps as many as it can");
    site.service.kill();
    site.configure("", AT_ONCE);
    site.service.start();
    site.service.done();
    assert_eq!(site.relay.so_far().len(), 2);
}

#[test]
fn five_hundred_plans_in_one_batch_are_five_hundred_true_reports() {
    const PLANS: usize = 500;
    allow_many_files();
    let mut site = Site::new();
    // Fewer files than plans, and few enough for systemd's default of 1024 and ten times as many plans.
    site.service.through = ["sh", "-c", "ulimit -n 400; exec \"$@\"", "sh"].map(String::from).into();
    for n in 0..PLANS {
        site.half_fails(&format!("plan{n}"));
    }
    site.service.start();
    assert_eq!(site.service.post(batch(PLANS, |n| format!("\"id\":\"plan{n}\""))).0, 202);
    wait_until("all mails", || site.relay.so_far().len() >= 2 * PLANS, || site.service.log());
    site.service.done();
    assert_bounded(&site);
    let inbox = site.inbox();
    assert_eq!(inbox.len(), 2 * PLANS);
    let ids: std::collections::BTreeSet<_> = inbox.iter().map(|mail| &mail.message_id).collect();
    assert_eq!(ids.len(), PLANS, "one report a plan");
    assert!(!site.service.log().contains("Too many open files"));
    for mail in &inbox {
        assert_eq!(mail.subject, "[ns8-backup] PARTIAL - 1/2 module(s) failed", "{}", mail.text);
    }
}

#[test]
fn a_batch_of_twenty_thousand_alerts_of_one_plan_is_one_report() {
    let mut site = Site::new();
    site.service.start();
    let body = batch(20_000, |n| format!("\"id\":\"2\",\"instance\":\"node{n}.example.com:9100\""));
    assert_eq!(site.service.post(body), (202, "{\"queued\":20000,\"ignored\":0}\n".into()));
    site.mails(2);
    site.service.done();
    assert_eq!(site.relay.so_far().len(), 2);
    assert_bounded(&site);
}

#[test]
fn a_batch_of_twenty_thousand_plans_is_refused_as_a_whole_and_others_go_on() {
    let mut site = Site::new();
    site.service.start();
    let (status, reason) = site.service.post(batch(20_000, |n| format!("\"id\":\"plan{n}\"")));
    assert_eq!(status, 503, "{reason}");
    assert!(site.service.queued("json").is_empty());
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.mails(2);
    assert_bounded(&site);
}

#[test]
fn the_largest_bodies_all_at_once_are_bounded() {
    let mut site = Site::with("", WAITS);
    site.service.start();
    // As many alerts as fit.
    let many = batch(82_000, |_| "\"id\":\"2\"".into());
    // As much text in as few alerts as may be.
    let wide: Vec<String> = (0..250_000).map(|n| format!("\"l{n}\":\"\"")).collect();
    let wide = |id: usize| batch(1, |_| format!("\"id\":\"wide{id}\",{}", wide.join(",")));
    let long = |id: usize| batch(1, |_| format!("\"id\":\"long{id}\",\"{}\":\"\"", "k".repeat(4_000_000)));
    let plan = |id: usize| batch(1, |_| format!("\"id\":\"{id}{}\"", "p".repeat(4_000_000)));
    std::thread::scope(|scope| {
        for n in 0..8 {
            for body in [many.clone(), wide(n), long(n), plan(n)] {
                let address = &site.service.address;
                scope.spawn(move || {
                    assert!(body.len() <= 4 << 20, "{}", body.len());
                    let answer = post(address, body.as_bytes());
                    let status = answer.split(' ').nth(1).unwrap_or_default();
                    // A machine may be so slow that a body takes too long and is closed: sent again, too.
                    assert!(matches!(status, "202" | "503" | ""), "{answer:.200}");
                });
            }
        }
    });
    assert_eq!(site.service.post(webhook(&["2"])).0, 202, "honest clients are served");
    assert_bounded(&site);
}

#[test]
fn idle_connections_and_a_slow_loris_keep_nobody_out_for_good() {
    allow_many_files();
    let mut site = Site::new();
    site.service.start();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let idle: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(&site.service.address).unwrap()).collect();
        scope.spawn(|| {
            // One byte at a time, for ever; whoever is thrown out comes back.
            let mut slow: Vec<TcpStream> = Vec::new();
            while !stop.load(Ordering::SeqCst) {
                slow.retain_mut(|stream| stream.write_all(b"x").is_ok());
                while slow.len() < 200 {
                    let mut stream = TcpStream::connect(&site.service.address).unwrap();
                    let _ = stream.write_all(b"POST /alert HTTP/1.1\r\nX: ");
                    slow.push(stream);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        // Alertmanager sends again what is not answered with 2xx.
        let accepted = || site.service.try_post(webhook(&["2"])) == Some(202);
        wait_until("an honest client is served", accepted, || site.service.log());
        stop.store(true, Ordering::SeqCst);
        drop(idle);
    });
    site.mails(2);
    site.service.done();
    assert_eq!(site.relay.so_far().len(), 2);
    assert_bounded(&site);
}

#[test]
fn large_bodies_that_never_end_keep_nobody_out_for_good() {
    let mut site = Site::with("", &format!("{AT_ONCE}logging: {{ level: DEBUG }}\n"));
    site.service.start();
    let almost = vec![b' '; (4 << 20) - 1];
    // As much as may be in memory at all, each a byte short of its end.
    let _slow = [(); 8].map(|()| {
        let mut stream = TcpStream::connect(&site.service.address).unwrap();
        stream.write_all(b"POST /alert HTTP/1.1\r\nHost: x\r\nContent-Length: 4194304\r\n\r\n").unwrap();
        stream.write_all(&almost).unwrap();
        stream
    });
    let full = || site.service.post(webhook(&[])).0 == 503;
    wait_until("there is no room left", full, || site.service.log());
    let accepted = || site.service.try_post(webhook(&["2"])) == Some(202);
    wait_until("an honest client is served", accepted, || site.service.log());
    site.service.logged("a connection was closed that took longer than 10 s");
    site.mails(2);
    assert_bounded(&site);
}

/// Each of its pieces costs more than it holds.
#[test]
fn an_answer_in_crumbs_takes_no_more_memory_than_another() {
    let log_server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = log_server.local_addr().unwrap().port().to_string();
    std::thread::spawn(move || {
        while let Ok((mut client, _)) = log_server.accept() {
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            let crumbs = b"1\r\n \r\n".repeat(10_000);
            while client.write_all(&crumbs).is_ok() {}
        }
    });
    let mut site = Site::with("", AT_ONCE);
    site.runs();
    site.ends("samba1", jiff::Timestamp::now().as_second(), 0);
    site.redis.run_args::<()>(&["SET", "cluster/default_instance/loki", "loki1"]);
    site.redis.hset("cluster/module_node", &[("loki1", "1")]);
    let login = [("LOKI_API_AUTH_USERNAME", "x"), ("LOKI_API_AUTH_PASSWORD", "x")];
    site.redis.hset("module/loki1/environment", &[("LOKI_ADDR", "127.0.0.1"), ("LOKI_HTTP_PORT", &port)]);
    site.redis.hset("module/loki1/environment", &login);
    site.service.start();
    let before = peak(&site);
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.mails(2);
    let taken = peak(&site) - before;
    // 16 MiB at most, and half of that while they grow.
    assert!(taken < 40 << 10, "{taken} KiB");
}
