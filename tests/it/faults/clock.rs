//! A clock that jumps, by libfaketime: what the program takes for the time of day can be set at any moment.

use std::path::{Path, PathBuf};

use crate::support::programs;
use crate::support::service::{PATIENCE, wait_until, webhook};
use crate::support::site::{AT_ONCE, Site};
use crate::support::smtp::{Fault, Stage};

/// A clock that a service is started with; the monotonic clock is left alone, as on a real machine.
pub struct Clock(PathBuf);

impl Clock {
    pub fn of(site: &Site) -> Self {
        let clock = Self(site.service.path("clock"));
        clock.set("+0");
        clock
    }

    /// Sets the clock to this distance from the real time, such as `-6h`.
    pub fn set(&self, distance: &str) {
        let new = self.0.with_extension("new");
        std::fs::write(&new, distance).unwrap();
        std::fs::rename(new, &self.0).unwrap();
    }

    /// Starts the service with it.
    pub fn start(&self, site: &mut Site) {
        let library = library();
        forget_the_dead();
        site.service.start_with(&[
            ("LD_PRELOAD", library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", self.0.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
        ]);
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        forget_the_dead();
    }
}

/// Removes what libfaketime left in shared memory for processes that were killed: a later one with the same number does
/// not start.
pub fn forget_the_dead() {
    for entry in std::fs::read_dir("/dev/shm").unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        let process = name.strip_prefix("faketime_shm_").or(name.strip_prefix("sem.faketime_sem_"));
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn library() -> PathBuf {
    programs::path_of("faketime");
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let library = folders.map(|folder| Path::new(folder).join("faketime/libfaketimeMT.so.1"));
    library.into_iter().find(|path| path.exists()).expect("libfaketime comes with faketime")
}

fn assert_one_true_mail(site: &Site) {
    site.service.done();
    assert_eq!(site.counts(), [("admin@example.com".into(), 1), ("ops@example.com".into(), 1)].into());
    for mail in site.inbox() {
        assert_eq!(mail.subject, "[ns8-backup] PARTIAL - 1/2 module(s) failed", "{}", mail.text);
    }
}

const WAIT: &str = "correlator: { wait_seconds: 4 }\nrepo_check: { enabled: false }\n";

/// A service that waits for the last module, for so many seconds at most, while its clock is set.
fn waiting(jump: &str, seconds: u32) -> (Site, Clock) {
    let correlator = format!("wait_seconds: 0, max_wait_seconds: {seconds}, follow_seconds: 0");
    let mut site = Site::with("", &format!("correlator: {{ {correlator} }}\nrepo_check: {{ enabled: false }}\n"));
    site.runs();
    let clock = Clock::of(&site);
    clock.start(&mut site);
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    let listens = || site.redis.run::<i64>("PUBSUB NUMPAT") > 0;
    wait_until("it waits for the last module", listens, || site.service.log());
    clock.set(jump);
    (site, clock)
}

#[test]
fn set_while_waiting_it_neither_ends_nor_prolongs_the_wait() {
    std::thread::scope(|scope| {
        for jump in ["-6h", "+6h", "-400d", "+400d"] {
            scope.spawn(move || {
                let (site, _clock) = waiting(jump, 3600);
                // Many looks by the new clock, far more than the one report that an end of the wait would bring.
                let enough = site.redis.calls("hgetall") + 100;
                let looks = || {
                    site.redis.announce("samba1");
                    site.redis.calls("hgetall") >= enough
                };
                wait_until("it goes on looking", looks, || site.service.log());
                assert!(site.redis.run::<i64>("PUBSUB NUMPAT") > 0, "{jump} ended the wait");
                assert!(site.job()["stage"] == "waiting" && site.relay.so_far().is_empty(), "{jump} ended the wait");
            });
            scope.spawn(move || {
                let (site, _clock) = waiting(jump, 5);
                site.service.done();
                // Nor does it make last night's result one of this run.
                for mail in site.inbox() {
                    let subject = "[ns8-backup] PARTIAL - 1/2 module(s) failed, 1 without a result";
                    assert_eq!(mail.subject, subject, "{jump}: {}", mail.text);
                }
                assert_eq!(site.relay.so_far().len(), 2);
            });
        }
    });
}

#[test]
fn set_while_the_machine_sleeps() {
    let mut site = Site::with("", WAIT);
    let clock = Clock::of(&site);
    clock.start(&mut site);
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    let pid = rustix::process::Pid::from_raw(site.service.pid() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    clock.set("+8h");
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    assert_one_true_mail(&site);
}

#[test]
fn set_before_a_restart_the_wait_is_at_most_what_it_was() {
    std::thread::scope(|scope| {
        for jump in ["-6h", "+6h"] {
            scope.spawn(move || {
                let mut site = Site::with("", WAIT);
                let clock = Clock::of(&site);
                clock.start(&mut site);
                assert_eq!(site.service.post(webhook(&["2"])).0, 202);
                site.service.kill();
                clock.set(jump);
                clock.start(&mut site);
                assert_one_true_mail(&site);
            });
        }
    });
}

#[test]
fn set_forward_it_does_not_use_up_the_time_for_delivery() {
    let mut site = Site::new();
    let clock = Clock::of(&site);
    site.relay.fault(Stage::Greeting, Fault::reply("421 4.3.2 come back later"));
    clock.start(&mut site);
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.service.logged("not delivered at attempt 1");
    clock.set("+30d");
    site.nudge();
    wait_until("attempt 2", || site.job()["stage"]["delivering"]["attempts"] == 2, || site.service.log());
    site.service.kill();
    clock.start(&mut site);
    site.service.logged("not delivered at attempt 3");
    assert_eq!(site.service.queued("failed"), [""; 0]);
    site.relay.mend();
    site.nudge();
    assert_one_true_mail(&site);
}

#[test]
fn set_back_it_does_not_hold_up_the_next_attempt() {
    let mut site = Site::with("", AT_ONCE);
    let clock = Clock::of(&site);
    site.relay.fault(Stage::Greeting, Fault::reply("421 4.3.2 come back later"));
    clock.start(&mut site);
    assert_eq!(site.service.post(webhook(&["2"])).0, 202);
    site.service.logged("not delivered at attempt 1");
    clock.set("-30d");
    site.relay.mend();
    // The first pause is at most 36 s by the monotonic clock.
    const { assert!(PATIENCE.as_secs() > 36) };
    assert_one_true_mail(&site);
}
