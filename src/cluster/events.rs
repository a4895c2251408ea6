//! Receives the cluster's announcements: NS8 publishes one for each module whose backup has ended.
//!
//! All listeners share one subscription, which is connected only while there is a listener. If it is lost, Redis keeps
//! nothing: the listener gets [`Event::Interrupted`] and must read the results itself.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::connection::{Connection, bounded, needed};
use super::limits::EVENT;
use super::resp::{Batch, Reply};
use crate::config::{self, Live};
use crate::model::cluster::{ReadError, Why};

/// The channels: NS8 core 3.20 and later, and 3.3 to 3.19.
const PATTERNS: [&str; 2] = ["node/*/event/backup-status-changed", "module/*/event/backup-status-changed"];

/// A listener that is this many events behind is told to look for itself.
const BACKLOG: usize = 256;

/// The shortest time between two reports that events were missed: each costs a reading of the cluster.
const REST: Duration = Duration::from_secs(1);

/// The pauses between attempts to subscribe, the last one for ever.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(10), Duration::from_secs(30)];

/// What a listener learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A module's backup has ended.
    Finished {
        /// The plan.
        plan: String,
        /// The module; `None` where the announcement does not name it.
        module: Option<String>,
    },
    /// Events may have been missed, because the subscription was lost, or is new: look again.
    Interrupted,
}

/// The cluster's announcements, for whoever listens.
#[derive(Debug)]
pub struct Announcements {
    live: Arc<Live>,
    shared: Mutex<Weak<Subscription>>,
}

impl Announcements {
    /// Announcements of the cluster that the configuration names. Connects to nothing yet.
    pub fn new(live: Arc<Live>) -> Self {
        Self { live, shared: Mutex::default() }
    }

    /// Returns a listener once the subscription is established: every later announcement is delivered, or
    /// [`Event::Interrupted`] is. If subscribing fails, it is retried in the background.
    pub async fn listen(&self) -> Listener {
        let subscription = self.subscription();
        // The sender outlives us, as the subscription does.
        let _ = subscription.tried.clone().wait_for(|tried| *tried).await;
        let events = subscription.events.subscribe();
        Listener { events, behind: false, quiet_until: Instant::now(), _subscription: subscription }
    }

    fn subscription(&self) -> Arc<Subscription> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let subscription = Arc::new(Subscription::start(self.live.clone()));
            *shared = Arc::downgrade(&subscription);
            subscription
        })
    }
}

/// One who listens.
#[derive(Debug)]
pub struct Listener {
    events: broadcast::Receiver<Event>,
    /// Whether events were missed that the listener does not know of yet.
    behind: bool,
    /// No interruption is reported before this time.
    quiet_until: Instant,
    _subscription: Arc<Subscription>,
}

impl Listener {
    /// Returns the next event. Whatever a module announces, and however often, [`Event::Interrupted`] comes once
    /// in `REST` at most. May be dropped at any time without losing one.
    pub async fn next(&mut self) -> Event {
        if !self.behind {
            match self.events.recv().await {
                Ok(Event::Interrupted) | Err(RecvError::Lagged(_)) => self.behind = true,
                Ok(event) => return event,
                // Cannot be while `_subscription` holds the sender.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
        sleep_until(self.quiet_until).await;
        self.behind = false;
        // What is still waiting to be heard is older than the look that follows.
        self.events = self.events.resubscribe();
        self.quiet_until = Instant::now() + REST;
        Event::Interrupted
    }
}

/// The shared subscription; ends with its last listener.
#[derive(Debug)]
struct Subscription {
    events: broadcast::Sender<Event>,
    tried: watch::Receiver<bool>,
    task: AbortHandle,
}

impl Subscription {
    fn start(live: Arc<Live>) -> Self {
        let (events, _) = broadcast::channel(BACKLOG);
        let (tried_once, tried) = watch::channel(false);
        let task = tokio::spawn(keep_subscribed(live, events.clone(), tried_once)).abort_handle();
        Self { events, tried, task }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep_subscribed(live: Arc<Live>, events: broadcast::Sender<Event>, tried_once: watch::Sender<bool>) {
    let mut failures = 0;
    loop {
        let subscribed = match live.current() {
            Ok(settings) => subscribe(&settings.redis).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match subscribed {
            Ok(mut messages) => {
                failures = 0;
                // Nobody may be listening yet; then nobody has missed anything.
                let _ = events.send(Event::Interrupted);
                tried_once.send_replace(true);
                while let Ok(message) = messages.message(EVENT).await {
                    payload(message).into_iter().for_each(|finished| drop(events.send(finished)));
                }
                let _ = events.send(Event::Interrupted);
            }
            Err(error) => {
                log::debug!("cannot subscribe to announcements: {error}");
                tried_once.send_replace(true);
            }
        }
        tokio::time::sleep(PAUSES[failures.min(PAUSES.len() - 1)]).await;
        failures += 1;
    }
}

/// Subscribes, within `redis.timeout`.
async fn subscribe(redis: &config::Redis) -> Result<Connection, ReadError> {
    bounded(redis, async {
        let mut connection = Connection::open(redis).await?;
        let mut batch = Batch::default();
        batch.add(EVENT, &["PSUBSCRIBE", PATTERNS[0], PATTERNS[1]]);
        // Each pattern is confirmed by an answer of its own.
        batch.limits.push(EVENT);
        for confirmation in connection.ask(batch).await? {
            needed(Some(confirmation))?.map_err(|_| Why::Other("it confirms no subscription".into()))?;
        }
        Ok(connection)
    })
    .await
}

/// Reads a message, `["pmessage", pattern, channel, payload]`; `None` for one that is too large.
fn payload(message: Reply) -> Option<Event> {
    match message {
        Reply::List(parts) => match parts.last()? {
            Reply::Text(payload) => parse(payload),
            _ => None,
        },
        _ => None,
    }
}

/// Reads `{"node_id":1,"backup_id":2,"module_id":"mail1"}`; `None` for what names no plan.
fn parse(payload: &[u8]) -> Option<Event> {
    let payload: Value = serde_json::from_slice(payload).ok()?;
    let text = |name: &str| match payload.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    Some(Event::Finished { plan: text("backup_id")?, module: text("module_id") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_read_leniently() {
        let heard = |module: Option<&str>| Some(Event::Finished { plan: "2".into(), module: module.map(String::from) });
        assert_eq!(parse(br#"{"node_id":1,"backup_id":2,"module_id":"mail1"}"#), heard(Some("mail1")));
        assert_eq!(parse(br#"{"backup_id":"2","module_id":"mail1","new":[]}"#), heard(Some("mail1")));
        assert_eq!(parse(br#"{"backup_id":2,"module_id":null}"#), heard(None));
        for junk in ["", "[]", "2", "null", "{", "{}", r#"{"backup_id":null}"#, r#"{"backup_id":[2]}"#] {
            assert_eq!(parse(junk.as_bytes()), None, "{junk}");
        }
        assert_eq!(parse(b"\xff"), None);
    }
}
