//! What must be in order before an alert can be accepted: a usable configuration and a queue on disk.
//!
//! Neither is a reason to take the port down. While one is missing alerts are answered with 503, so that Alertmanager
//! sends them again; both are checked at each request, so that a fix takes effect immediately.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::{error, info};
use tokio::sync::mpsc;

use crate::config::{Live, Settings};
use crate::job::store::{self, Store};
use crate::model::job::JobId;
use crate::system::journal::CRIT;
use crate::system::messages;

/// The way to a usable configuration and an open queue.
pub struct Gate {
    live: Arc<Live>,
    state: PathBuf,
    started: mpsc::UnboundedSender<JobId>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    store: Option<Store>,
    /// Why the gate was found closed last, so that a reason is told once and not at each request.
    closed: Option<String>,
}

/// Why the gate is closed.
enum Closed {
    Configuration(String),
    Queue(String),
}

impl Gate {
    /// A gate to the configuration in `live` and the queue below `state`; nothing is opened yet.
    pub fn new(live: Arc<Live>, state: PathBuf, started: mpsc::UnboundedSender<JobId>) -> Self {
        Self { live, state, started, inner: Mutex::default() }
    }

    /// The settings and the queue.
    ///
    /// # Errors
    /// Why there are none now, in words for whoever asks.
    pub fn open(&self) -> Result<(Arc<Settings>, Store), &'static str> {
        // The queue first, so that `queue` and the status line know what waits.
        let store = self.store();
        let settings = self.live.current().map_err(|error| Closed::Configuration(error.to_string()));
        let opened = settings.and_then(|settings| Ok((settings, store?)));
        if let Ok((settings, _)) = &opened {
            log::set_max_level(settings.logging.level);
        }
        self.tell(opened.as_ref().err());
        // Whoever asks may be anybody: what is in files is for the journal alone.
        opened.map_err(|closed| match closed {
            Closed::Configuration(_) => "the configuration cannot be used; the journal says why",
            Closed::Queue(_) => "the queue cannot be used; the journal says why",
        })
    }

    /// The queue, if it has been opened.
    pub fn opened_store(&self) -> Option<Store> {
        self.lock().store.clone()
    }

    /// Why the gate was closed when it was last tried; `None` where it was open.
    pub fn closed(&self) -> Option<String> {
        self.lock().closed.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self) -> Result<Store, Closed> {
        let mut inner = self.lock();
        if let Some(store) = &inner.store {
            return Ok(store.clone());
        }
        let ours = store::refuse_anothers(&self.state, super::UNIT);
        let opened = ours.and_then(|()| Store::open(&self.state, self.started.clone())).map_err(|error| {
            let folder = store::folder(&self.state);
            Closed::Queue(format!("the queue {} cannot be opened: {error}", folder.display()))
        })?;
        Ok(inner.store.insert(opened).clone())
    }

    /// Tells the journal when the gate closes, for another reason, or opens again.
    fn tell(&self, closed: Option<&Closed>) {
        let reason = closed.map(|closed| match closed {
            Closed::Configuration(reason) | Closed::Queue(reason) => reason.clone(),
        });
        let mut inner = self.lock();
        if inner.closed == reason {
            return;
        }
        match closed {
            Some(Closed::Configuration(reason)) => {
                error!(PRIORITY = CRIT, MESSAGE_ID = messages::CONFIGURATION_UNUSABLE, REASON = reason;
                    "the configuration cannot be used, alerts are answered with 503 until it is fixed:\n{reason}");
            }
            Some(Closed::Queue(reason)) => {
                error!(PRIORITY = CRIT, MESSAGE_ID = messages::QUEUE_UNUSABLE, REASON = reason;
                    "{reason}; alerts are answered with 503 until it can be opened");
            }
            None => info!("configuration and queue are in order again, alerts are accepted"),
        }
        inner.closed = reason;
    }
}
