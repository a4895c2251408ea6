//! The webhook: HTTP in, jobs on disk, an answer out.
//!
//! The answers are chosen for what Alertmanager makes of them: 2xx is done, 5xx is sent again, anything else is dropped
//! for good. Everything is bounded: connections, the time for head and body, one body, and all bodies together. When
//! connections or the room for bodies run out, whoever has been sending for longest makes room, so that nobody can keep
//! others out by being slow.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use log::{debug, error, warn};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::config::{self, Receiver, Settings};
use crate::job::store::Queue;
use crate::model::alert::{self, Batch};
use crate::serve::gate::Gate;

/// Connections at one time.
pub const MAX_CONNECTIONS: usize = 256;
/// Bytes of bodies in memory at one time, all requests together.
pub const MAX_BODIES: usize = 32 << 20;
/// Bytes of a refused body that are received all the same.
const MAX_DISCARD: usize = 64 << 20;
/// The time for a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The time for a request's body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Who has been sending for this long is slow, and has to go when there is no room for the bodies of others.
const SLOW: Duration = Duration::from_secs(5);

type Answer = Response<Full<Bytes>>;

/// Why a request is not granted.
struct Refusal {
    status: StatusCode,
    reason: String,
    /// What the client is to know beside, as a header.
    header: Option<(HeaderName, &'static str)>,
}

impl Refusal {
    fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), header: None }
    }

    fn method(allowed: &'static str) -> Self {
        let refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("this path is for {allowed}"));
        Self { header: Some((header::ALLOW, allowed)), ..refusal }
    }

    fn into_answer(self) -> Answer {
        let mut answer = text(self.status, &self.reason);
        answer.headers_mut().extend(self.header.map(|(name, value)| (name, HeaderValue::from_static(value))));
        answer
    }
}

/// The receiving side of the service; shared by all connections.
pub struct Receive {
    gate: Arc<Gate>,
    /// Bytes of bodies in memory now.
    bodies: AtomicUsize,
    next: AtomicU64,
    /// Connections whose request is not complete yet, oldest first, each with when it began.
    sending: Mutex<BTreeMap<u64, (Instant, AbortHandle)>>,
}

impl Receive {
    /// A receiving side that hands alerts through `gate`.
    pub fn new(gate: Arc<Gate>) -> Self {
        Self { gate, bodies: AtomicUsize::new(0), next: AtomicU64::new(0), sending: Mutex::default() }
    }

    /// A number for a new connection; later ones are higher.
    pub fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes the task of a connection whose request is not complete yet.
    pub fn is_sending(&self, number: u64, task: AbortHandle) {
        self.sending().insert(number, (Instant::now(), task));
    }

    /// Closes the connection that has been sending its request for longest.
    pub fn make_room(&self) {
        self.close_oldest(Duration::ZERO);
    }

    /// Closes the connection that has been sending for longest, if that is `at_least` so long. False where none has.
    fn close_oldest(&self, at_least: Duration) -> bool {
        let mut sending = self.sending();
        let Some(oldest) = sending.first_entry().filter(|oldest| oldest.get().0.elapsed() >= at_least) else {
            return false;
        };
        debug!("too much at once: closing the connection that has been sending for longest");
        oldest.remove().1.abort();
        true
    }

    /// Serves one connection: one request, then it is closed.
    pub async fn connection(self: Arc<Self>, number: u64, stream: TcpStream) {
        let sending = Sending { receive: self.clone(), number };
        let service = service_fn(|request| {
            let (receive, sending) = (&self, &sending);
            async move { Ok::<_, Infallible>(receive.answer(request, sending).await) }
        });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            // `nc -N` and its like close their half as soon as they have sent; the answer is still for them.
            .half_close(true)
            .keep_alive(false)
            .max_buf_size(64 << 10)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = served.await {
            debug!("a connection ended early: {error}");
        }
    }

    fn sending(&self) -> MutexGuard<'_, BTreeMap<u64, (Instant, AbortHandle)>> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a request. What is refused is received to its end first, within limits: a client that is still sending
    /// when the connection is closed does not hear why.
    async fn answer(&self, request: Request<Incoming>, sending: &Sending) -> Answer {
        let (head, mut body) = request.into_parts();
        match self.grant(&head, &mut body, sending).await {
            Ok(answer) => answer,
            Err(refusal) => {
                discard(body).await;
                refusal.into_answer()
            }
        }
    }

    async fn grant(&self, head: &Parts, body: &mut Incoming, sending: &Sending) -> Result<Answer, Refusal> {
        if head.headers.contains_key(header::ORIGIN) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, "requests from a browser are refused"));
        }
        match (head.uri.path(), &head.method) {
            ("/alert", &Method::POST) => self.alert(head, body, sending).await,
            ("/-/healthy", &Method::GET | &Method::HEAD) => Ok(text(StatusCode::OK, "healthy")),
            ("/-/ready", &Method::GET | &Method::HEAD) => {
                self.open()?;
                Ok(text(StatusCode::OK, "ready"))
            }
            ("/alert", _) => Err(Refusal::method("POST")),
            ("/-/healthy" | "/-/ready", _) => Err(Refusal::method("GET, HEAD")),
            _ => Err(Refusal::new(StatusCode::NOT_FOUND, "there is /alert, /-/healthy and /-/ready")),
        }
    }

    fn open(&self) -> Result<(Arc<Settings>, Queue), Refusal> {
        self.gate.open().map_err(|reason| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason))
    }

    async fn alert(&self, head: &Parts, body: &mut Incoming, sending: &Sending) -> Result<Answer, Refusal> {
        let (settings, queue) = self.open()?;
        authorize(&settings.receiver, head.headers.get(header::AUTHORIZATION))?;
        let body = self.body(body, settings.receiver.max_body).await?;
        sending.complete();
        let batch = alert::parse(body.bytes(), &settings.receiver.alert_names).map_err(|error| {
            warn!("a webhook was refused, since it is not Alertmanager's JSON: {error}");
            Refusal::new(StatusCode::BAD_REQUEST, format!("not Alertmanager's webhook JSON: {error}"))
        })?;
        drop(body);
        accept(&queue, batch).await
    }

    /// Reads a body of at most `max` bytes.
    async fn body(&self, body: &mut Incoming, max: usize) -> Result<Body<'_>, Refusal> {
        let too_large = || {
            let message = format!("the body is larger than receiver.max_body, {max} bytes");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message)
        };
        if body.size_hint().lower() > max as u64 {
            return Err(too_large());
        }
        let mut read = Body { content: Vec::new(), all: &self.bodies };
        let frames = async {
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| {
                    Refusal::new(StatusCode::BAD_REQUEST, format!("the body ends before it is complete: {error}"))
                })?;
                let Ok(data) = frame.into_data() else { continue };
                if read.content.len() + data.len() > max {
                    return Err(too_large());
                }
                while !read.has_room(data.len()) && self.close_oldest(SLOW) {
                    // What it had sent goes with its task, whose turn it is now.
                    tokio::task::yield_now().await;
                }
                read.append(&data)?;
            }
            Ok(())
        };
        // Not the sender's fault for good: it may have been held up, and shall send again.
        let too_slow = |_| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the body took too long");
        tokio::time::timeout(BODY_TIMEOUT, frames).await.map_err(too_slow)??;
        Ok(read)
    }
}

/// Receives what is left of a body, within limits, and forgets it.
async fn discard(mut body: Incoming) {
    let mut left = MAX_DISCARD;
    let frames = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(BODY_TIMEOUT, frames).await;
}

/// Marks a connection as one whose request is not complete, for as long as it lives.
struct Sending {
    receive: Arc<Receive>,
    number: u64,
}

impl Sending {
    /// The request is complete: from here on the connection is not closed to make room.
    fn complete(&self) {
        self.receive.sending().remove(&self.number);
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.complete();
    }
}

/// A body, counted among all bodies for as long as it lives.
struct Body<'a> {
    content: Vec<u8>,
    all: &'a AtomicUsize,
}

impl Body<'_> {
    fn has_room(&self, more: usize) -> bool {
        self.all.load(Ordering::Relaxed) + more <= MAX_BODIES
    }

    fn append(&mut self, data: &[u8]) -> Result<(), Refusal> {
        if !self.has_room(data.len()) {
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "too much is being received at once"));
        }
        self.all.fetch_add(data.len(), Ordering::Relaxed);
        self.content.extend_from_slice(data);
        Ok(())
    }

    fn bytes(&self) -> &[u8] {
        &self.content
    }
}

impl Drop for Body<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(self.content.len(), Ordering::Relaxed);
    }
}

async fn accept(queue: &Queue, batch: Batch) -> Result<Answer, Refusal> {
    let (queued, ignored) = (batch.alerts.len(), batch.ignored);
    debug!("a webhook with {queued} alert(s) for us and {ignored} others");
    let status = if queued == 0 { StatusCode::OK } else { StatusCode::ACCEPTED };
    queue.accept(batch.alerts, Timestamp::now()).await.map_err(|error| {
        error!("{queued} alert(s) could not be accepted, Alertmanager will send them again: {error}");
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    })?;
    Ok(respond(status, "application/json", format!("{{\"queued\":{queued},\"ignored\":{ignored}}}\n")))
}

/// Compares the bearer token in constant time, where one is wanted. The file is read each time, so that a new token
/// counts at once.
fn authorize(receiver: &Receiver, header: Option<&HeaderValue>) -> Result<(), Refusal> {
    let Some(file) = &receiver.token_file else { return Ok(()) };
    let unusable = |why: String| {
        error!("{why}; alerts are answered with 503 until it can be used");
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the bearer token cannot be read; the journal says why")
    };
    let token = config::secret("receiver.token_file", file).map_err(unusable)?;
    if token.expose_secret().is_empty() {
        return Err(unusable(format!("receiver.token_file: {} is empty", file.display())));
    }
    let given = header.and_then(|value| value.as_bytes().strip_prefix(b"Bearer ")).unwrap_or_default();
    if bool::from(given.ct_eq(token.expose_secret().as_bytes())) {
        return Ok(());
    }
    warn!("a webhook was refused: its bearer token is missing or wrong");
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "a bearer token is wanted");
    Err(Refusal { header: Some((header::WWW_AUTHENTICATE, "Bearer")), ..refusal })
}

fn text(status: StatusCode, message: &str) -> Answer {
    respond(status, "text/plain; charset=utf-8", format!("{message}\n"))
}

fn respond(status: StatusCode, content_type: &'static str, content: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(content)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
