//! The service: from systemd's socket to idle exit.
//!
//! One loop owns it all: it accepts connections, starts jobs, tells systemd how things are, and leaves when nothing has
//! been going on for `receiver.idle_timeout`. Leaving loses nobody: it stops accepting first, and a connection that
//! arrives in between waits in the kernel until systemd starts the next process.

pub mod gate;
pub mod receive;
mod socket;
mod status;
pub mod webhook;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use log::{debug, error, info, warn};
use sd_notify::NotifyState;
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::{self, AbortHandle, JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::config::{Live, Settings};
use crate::job::step::Stepper;
use crate::job::store::{self, Store, Wish, state_directory};
use crate::model::job::{Job, JobId, Stage};
use crate::serve::gate::Gate;
use crate::serve::receive::Receive;

pub use socket::Sockets;

/// The unit that is this service.
const UNIT: &str = "ns8-backup-monitor";
/// How often status, orders and a closed gate are looked at.
const TICK: Duration = Duration::from_secs(1);
/// The same while all there is to do is to follow runs, which takes hours. Less than half of the unit's `WatchdogSec=`.
const SLOW_TICK: Duration = Duration::from_secs(10);
/// On SIGTERM: the time for answers that are under way and for a mail that is being handed over.
const GRACE: Duration = Duration::from_secs(8);
/// The pause after `accept` has failed: out of file descriptors, most likely, which passes.
const AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(100);
/// A job that fails in a way nobody thought of is started again after this pause.
const AFTER_PANIC: Duration = Duration::from_secs(60);
/// `receiver.idle_timeout` while the configuration cannot be read.
const DEFAULT_IDLE: Duration = Duration::from_secs(60);

/// Serves `sockets` until there is nothing to do, or until SIGTERM or SIGINT.
///
/// # Errors
/// Returns an error if the runtime cannot watch the sockets or the signals; started by hand, also if the state is
/// another user's.
pub async fn run(sockets: Sockets, live: Arc<Live>) -> io::Result<()> {
    let (listeners, inherited) = sockets.into_tokio()?;
    if !inherited {
        store::refuse_anothers(&state_directory(), UNIT)?;
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (started, mut to_start) = mpsc::unbounded_channel();
    let mut service = Service::new(live, started);
    notify(&[NotifyState::Ready]);
    loop {
        let idle_from = service.busy_until + service.idle_timeout();
        tokio::select! {
            accepted = listeners.accept() => service.connect(accepted).await,
            Some(id) = to_start.recv() => service.start(id, Duration::ZERO),
            Some(_) = service.connections.join_next() => service.busy(),
            Some(ended) = service.jobs.join_next_with_id() => service.job_ended(ended),
            () = sleep_until(service.next_tick) => service.tick(),
            () = sleep_until(idle_from), if inherited && service.is_idle() => {
                debug!("idle: exiting; systemd starts the program at the next alert");
                break;
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    // From here on nothing is accepted: whoever connects now waits for the next process.
    drop(listeners);
    service.stop().await;
    Ok(())
}

struct Service {
    live: Arc<Live>,
    gate: Arc<Gate>,
    receive: Arc<Receive>,
    /// There once the queue is open.
    stepper: Option<Arc<Stepper>>,
    connections: JoinSet<()>,
    jobs: JoinSet<()>,
    /// The jobs behind the tasks in `jobs`.
    running: HashMap<task::Id, (JobId, AbortHandle)>,
    shutdown: watch::Sender<bool>,
    /// When something was last going on.
    busy_until: Instant,
    next_tick: Instant,
    status: String,
}

impl Service {
    fn new(live: Arc<Live>, started: mpsc::UnboundedSender<JobId>) -> Self {
        let gate = Arc::new(Gate::new(live.clone(), state_directory(), started));
        // Why it is closed is told by the gate itself; the first request, or the next tick, tries again.
        let _ = gate.open();
        Self {
            live,
            receive: Arc::new(Receive::new(gate.clone())),
            gate,
            stepper: None,
            connections: JoinSet::new(),
            jobs: JoinSet::new(),
            running: HashMap::new(),
            shutdown: watch::Sender::new(false),
            busy_until: Instant::now(),
            next_tick: Instant::now(),
            status: String::new(),
        }
    }

    fn idle_timeout(&self) -> Duration {
        self.live.current().map_or(DEFAULT_IDLE, |settings| settings.receiver.idle_timeout)
    }

    fn busy(&mut self) {
        self.busy_until = Instant::now();
        self.next_tick = self.next_tick.min(self.busy_until + TICK);
    }

    fn is_idle(&self) -> bool {
        let done = self.gate.opened_store().is_none_or(|store| store.is_done());
        self.connections.is_empty() && self.jobs.is_empty() && done
    }

    async fn connect(&mut self, accepted: io::Result<(TcpStream, SocketAddr)>) {
        self.busy();
        match accepted {
            Ok((stream, _)) => {
                if let Some(place) = self.receive.place(&stream) {
                    self.connections.spawn(self.receive.clone().connection(stream, place));
                }
            }
            Err(error) => {
                warn!("a connection could not be accepted: {error}");
                sleep(AFTER_ACCEPT_ERROR).await;
            }
        }
    }

    fn start(&mut self, id: JobId, pause: Duration) {
        let Some(store) = self.gate.opened_store() else { return };
        let stepper = self.stepper(store);
        let job = id.clone();
        let task = self.jobs.spawn(async move { stepper.run(&job, pause).await });
        self.running.insert(task.id(), (id, task));
    }

    fn stepper(&mut self, store: Store) -> Arc<Stepper> {
        let (live, shutdown) = (self.live.clone(), self.shutdown.subscribe());
        self.stepper.get_or_insert_with(|| Arc::new(Stepper::new(live, store, shutdown))).clone()
    }

    fn job_ended(&mut self, ended: Result<(task::Id, ()), JoinError>) {
        self.busy();
        let task = ended.as_ref().map_or_else(JoinError::id, |(task, ())| *task);
        let Some((id, _)) = self.running.remove(&task) else { return };
        if ended.is_err_and(|error| error.is_panic()) {
            error!(PRIORITY = crate::system::journal::CRIT, JOB_ID = id.as_str();
                "job {id} panicked (a bug in this program); retrying in {} s", AFTER_PANIC.as_secs());
            self.start(id, AFTER_PANIC);
        }
    }

    fn tick(&mut self) {
        // Tells when the configuration has become unusable, or is fixed, while no alert comes.
        if let Ok((settings, store)) = self.gate.open() {
            for (id, wish) in store.wishes() {
                self.fulfil(settings.clone(), &store, id, wish);
            }
        }
        let status = self.describe();
        if status != self.status {
            notify(&[NotifyState::Status(&status)]);
            self.status = status;
        }
        notify(&[NotifyState::Watchdog]);
        let follows = |mut jobs: &mut dyn Iterator<Item = &Job>| {
            Iterator::all(&mut jobs, |job| matches!(job.stage, Stage::Following(_)))
        };
        let quiet = !self.jobs.is_empty() && self.gate.opened_store().is_some_and(|store| store.inspect(follows));
        self.next_tick = Instant::now() + if quiet { SLOW_TICK } else { TICK };
    }

    fn fulfil(&mut self, settings: Arc<Settings>, store: &Store, id: JobId, wish: Wish) {
        self.busy();
        info!(JOB_ID = id.as_str(); "{} requested for job {id}", wish.ending());
        let running = self.running.values().find(|(running, _)| *running == id);
        if let (Wish::Drop, Some((_, task))) = (wish, running) {
            task.abort();
        }
        // A task of its own: nothing here waits for the disk.
        let store = store.clone();
        tokio::spawn(async move {
            match wish {
                Wish::Retry => store.retry(&id, &settings).await,
                Wish::Drop => store.drop_job(&id, settings.notification.repeat_after).await,
            }
        });
    }

    /// What `systemctl status` says.
    fn describe(&self) -> String {
        let Some(store) = self.gate.opened_store() else {
            return status::refusing(&self.gate.closed().unwrap_or_default());
        };
        let failed = store::files(store.folder(), store::FAILED).map_or(0, |files| files.len());
        let closed = self.gate.closed();
        let settings = self.live.current().ok();
        let work = store.inspect(|jobs| status::work(jobs, settings.as_deref(), Timestamp::now()));
        status::line(closed.as_deref(), work, store.unsaved(), failed)
    }

    /// Finishes what has been begun, within limits; the rest is on disk.
    async fn stop(mut self) {
        notify(&[NotifyState::Stopping]);
        self.shutdown.send_replace(true);
        let finish = async {
            while self.connections.join_next().await.is_some() {}
            while self.jobs.join_next().await.is_some() {}
        };
        if timeout(GRACE, finish).await.is_err() {
            debug!("left with work under way; it goes on at the next start");
        }
    }
}

fn notify(states: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!("systemd could not be notified: {error}");
    }
}
