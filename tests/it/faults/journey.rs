//! A job's journey from its alert to its end, through a death of the process or a failing call on its way.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use jiff::Timestamp;
use serde_json::Value;

use crate::support::service::{exchange, wait_until, webhook};
use crate::support::site::{AT_ONCE, Site};
use crate::support::smtp::{Fault, Stage};
use crate::support::trace::{self, Call, Harm, Plot, Trace};

/// The run is not over at the alert. One recipient, so that no second one makes up for what goes wrong for the first.
const FOLLOWS: &str = "correlator: { wait_seconds: 0, max_wait_seconds: 0 }\nrepo_check: { enabled: false }\n\
                       plans: { '2': { mail_to: [admin@example.com] } }\n";
/// As above, but the first report is the last.
const DOES_NOT_FOLLOW: &str =
    "correlator: { wait_seconds: 0, max_wait_seconds: 0, follow_seconds: 0 }\nrepo_check: { enabled: false }\n";

/// A kind of journey: how the world is at the alert, and how it changes at a stage of the job, whichever process finds
/// it there.
pub struct Journey {
    pub name: &'static str,
    sections: &'static str,
    before: fn(&mut Site),
    /// One after the other.
    changes: &'static [Change],
}

/// Whether a job, as it is on disk, is at the stage in question, and what happens then.
type Change = (fn(&Value) -> bool, fn(&mut Site));

/// All kinds.
pub const JOURNEYS: [Journey; 9] = [
    Journey { name: "straight", sections: AT_ONCE, before: |_| {}, changes: &[] },
    Journey {
        name: "a recipient is refused for good",
        sections: AT_ONCE,
        before: |site| site.relay.fault_for("ops@example.com", Fault::reply("550 5.1.1 no such user")),
        changes: &[],
    },
    Journey {
        name: "the relay is away for an attempt",
        sections: AT_ONCE,
        before: relay_goes,
        changes: &[(was_attempted, relay_comes)],
    },
    Journey {
        name: "Redis and the relay are away for an attempt",
        sections: DOES_NOT_FOLLOW,
        before: |site| {
            relay_goes(site);
            redis_goes(site);
        },
        changes: &[(was_attempted, |site| {
            site.redis.restart();
            relay_comes(site);
        })],
    },
    Journey {
        name: "the run goes on",
        sections: FOLLOWS,
        before: |site| site.runs(),
        changes: &[(is_following, run_ends)],
    },
    Journey {
        name: "the run ends while the relay is away",
        sections: FOLLOWS,
        before: |site| {
            site.runs();
            relay_goes(site);
        },
        changes: &[(was_attempted, |site| {
            site.relay.mend();
            run_ends(site);
        })],
    },
    Journey {
        name: "a reminder while the next run goes on",
        sections: FOLLOWS,
        before: next_run_begins,
        changes: &[(is_following, run_ends)],
    },
    Journey {
        name: "a reminder while the next run goes on, and Redis and the relay are away for an attempt",
        sections: FOLLOWS,
        before: |site| {
            next_run_begins(site);
            relay_goes(site);
            redis_goes(site);
        },
        changes: &[
            (was_attempted, |site| {
                site.redis.restart();
                relay_comes(site);
            }),
            (is_following, run_ends),
        ],
    },
    Journey {
        name: "Redis is away and the run goes on",
        sections: FOLLOWS,
        before: |site| {
            site.runs();
            redis_goes(site);
        },
        changes: &[(is_following, |site| {
            site.redis.restart();
            run_ends(site);
        })],
    },
];

/// Nothing has failed in it yet.
fn next_run_begins(site: &mut Site) {
    site.runs();
    site.redis.hset("cluster/backup/2", &[("schedule", "*-*-* *:00/1:00")]);
    site.ends("mail1", Timestamp::now().as_second(), 0);
}

fn relay_goes(site: &mut Site) {
    site.relay.fault(Stage::Greeting, Fault::reply("421 4.3.2 not now"));
}

fn relay_comes(site: &mut Site) {
    site.relay.mend();
    site.nudge();
}

fn redis_goes(site: &mut Site) {
    site.redis.run::<String>("SAVE");
    site.redis.kill();
}

/// The last module ends, and NS8 announces it.
fn run_ends(site: &mut Site) {
    site.ends("samba1", Timestamp::now().as_second(), 1);
    site.redis.announce("samba1");
}

fn was_attempted(job: &Value) -> bool {
    job["stage"]["delivering"]["attempts"].as_u64() > Some(0)
}

fn is_following(job: &Value) -> bool {
    job["stage"]["following"].is_object()
}

/// What came of a journey.
pub struct Outcome {
    pub calls: Vec<Call>,
    /// The Message-IDs of each recipient's mails, by their subject.
    pub mails: BTreeMap<(String, String), Vec<String>>,
    /// The files that stay in the state directory.
    pub files: BTreeSet<String>,
    /// How often the alert was answered with 503.
    pub refused: usize,
    /// Whether the history knows that the failure was reported.
    pub reported: bool,
    pub killed: bool,
    pub log: String,
}

impl Journey {
    pub fn named(name: &str) -> &'static Self {
        JOURNEYS.iter().find(|journey| journey.name == name).unwrap()
    }

    /// Makes the journey, with what `plot` decides on its way, and with a second process if the first is killed.
    pub fn make(&self, plot: Plot) -> Outcome {
        let mut site = Site::with("", self.sections);
        (self.before)(&mut site);
        let gate = site.service.path("gate");
        site.service.through = trace::through(&gate);
        site.service.start();
        site.service.through.clear();
        let mut trace = Some(Trace::follow(site.service.pid(), gate, site.service.path("state"), plot));
        let refused = Arc::new(AtomicUsize::new(0));
        let poster = post(site.service.address.clone(), self.alert(), refused.clone());

        let (mut calls, mut changes, log) = (Vec::new(), self.changes.iter().peekable(), site.service.path("log"));
        let arrived = || {
            let died = trace.take_if(|trace| trace.is_over());
            let has_died = died.is_some();
            if let Some(over) = died {
                calls = over.ended();
                assert_eq!(site.service.ended().signal(), Some(9), "{}\n{}", self.name, site.service.log());
            }
            // Before the next process starts, so that it finds all of the change or nothing.
            if let Some((_, happens)) = changes.next_if(|(is_at, _)| jobs(&site).iter().any(is_at)) {
                happens(&mut site);
            }
            if has_died {
                site.service.start();
            }
            changes.peek().is_none() && poster.is_finished() && site.service.queued("json").is_empty()
        };
        wait_until(&format!("{}: the end", self.name), arrived, || std::fs::read_to_string(&log).unwrap());
        poster.join().unwrap();
        let mut killed = trace.is_none();
        if let Some(trace) = trace {
            trace.terminate();
            calls = trace.ended();
            let status = site.service.ended();
            // At its last call, perhaps.
            killed = status.signal() == Some(9);
            assert!(killed || status.success(), "{}: {status}\n{}", self.name, site.service.log());
        } else {
            self.leaves(&mut site);
        }
        self.is_at_rest(&mut site);

        let mut mails = BTreeMap::<_, Vec<String>>::new();
        for mail in site.inbox() {
            mails.entry((mail.to, mail.subject)).or_default().push(mail.message_id);
        }
        let (files, refused) = (files(&site.service.path("state")), refused.load(Ordering::SeqCst));
        Outcome { calls, mails, files, refused, reported: is_reported(&site), killed, log: site.service.log() }
    }

    /// The next process has nothing to do.
    fn is_at_rest(&self, site: &mut Site) {
        let sent = site.relay.so_far().len();
        site.service.start();
        self.leaves(site);
        assert_eq!(site.relay.so_far().len(), sent, "{}\n{}", self.name, site.service.log());
    }

    /// The service is up, and ends when it is asked to.
    fn leaves(&self, site: &mut Site) {
        assert_eq!(site.service.request("GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n", b"").0, 200);
        assert!(site.service.terminate().success(), "{}\n{}", self.name, site.service.log());
    }

    fn alert(&self) -> String {
        let mut alert: Value = serde_json::from_str(&webhook(&["2"])).unwrap();
        if self.name.contains("reminder") {
            let yesterday = Timestamp::from_second(Timestamp::now().as_second() - 86_400).unwrap();
            alert["alerts"][0]["startsAt"] = yesterday.to_string().into();
        }
        alert.to_string()
    }
}

impl Outcome {
    /// Holds this against the same journey unharmed: nothing lost, no copy but that whose record was under way, under
    /// one Message-ID, and nothing left behind.
    pub fn compare(&self, unharmed: &Self, harm: Harm, context: &str) {
        let context = format!("{context}\n{}", self.log);
        assert!(self.mails.keys().eq(unharmed.mails.keys()), "{:#?}\n{context}", self.mails);
        let mut copies = 0;
        for ids in self.mails.values() {
            assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}\n{context}");
            copies += ids.len() - 1;
        }
        assert!(copies <= usize::from(harm != Harm::Fail), "{copies} copies: {context}");
        // A history that cannot be written is said, and nothing waits for it.
        let unwritten = |file: &String| harm == Harm::Fail && file.starts_with("history/");
        let mut differing = self.files.symmetric_difference(&unharmed.files);
        let as_expected = differing.all(|file| unharmed.files.contains(file) && unwritten(file));
        assert!(as_expected, "{:?} instead of {:?}: {context}", self.files, unharmed.files);
        assert!(self.reported || harm == Harm::Fail, "the history does not know of the mail: {context}");
        assert!(self.refused == 0 || harm == Harm::Fail, "an alert was refused: {context}");
    }
}

/// Sends an alert until it is answered with 2xx, as Alertmanager does, and counts the refusals.
fn post(address: String, body: String, refused: Arc<AtomicUsize>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let head = format!("POST /alert HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        loop {
            match exchange(&address, &head, body.as_bytes()).split(' ').nth(1) {
                Some("202") => return,
                Some("503") => drop(refused.fetch_add(1, Ordering::SeqCst)),
                Some(other) => panic!("{other}"),
                None => {}
            }
        }
    })
}

/// The jobs as they are on disk. One may go meanwhile.
fn jobs(site: &Site) -> Vec<Value> {
    let read = |name: &String| serde_json::from_slice(&std::fs::read(site.service.queue().join(name)).ok()?).ok();
    site.service.queued("json").iter().filter_map(read).collect()
}

fn is_reported(site: &Site) -> bool {
    let file = std::fs::read_to_string(site.service.path("state/history/2.json")).unwrap_or_default();
    serde_json::from_str::<Value>(&file).is_ok_and(|history| history["trouble"].is_string())
}

/// The files below a folder. A job's name is not the same each time.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|file| format!("{name}/{file}")));
        } else {
            let is_job = path.extension().is_some_and(|extension| extension == "failed");
            found.insert(if is_job { "a job that was given up".into() } else { name });
        }
    }
    found
}
