//! The webhook: HTTP in, jobs on disk, an answer out.
//!
//! The answers are chosen for what Alertmanager makes of them: 2xx is done, 5xx is sent again, anything else is dropped
//! for good. Everything is bounded: connections, the time for head and body, one body, and all bodies together. When
//! connections run out, the one that has been sending its request for longest makes room, so that nobody can keep
//! others out by being slow.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
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

use crate::alert::{self, Batch};
use crate::config::{self, Receiver};
use crate::gate::Gate;
use crate::queue::Queue;

/// Connections at one time.
pub const MAX_CONNECTIONS: usize = 256;
/// Bytes of bodies in memory at one time, all requests together.
pub const MAX_BODIES: usize = 32 << 20;
/// The time for a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The time for a request's body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

type Answer = Response<Full<Bytes>>;

/// Why a request is not granted: the status, and the reason for whoever reads the answer.
struct Refusal(StatusCode, String);

/// The receiving side of the service; shared by all connections.
pub struct Receive {
    gate: Arc<Gate>,
    /// Bytes of bodies in memory now.
    bodies: AtomicUsize,
    next: AtomicU64,
    /// Connections whose request is not complete yet, oldest first.
    sending: Mutex<BTreeMap<u64, AbortHandle>>,
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
        self.sending().insert(number, task);
    }

    /// Closes the connection that has been sending its request for longest, if there is one.
    pub fn make_room(&self) {
        if let Some((_, connection)) = self.sending().pop_first() {
            debug!("too many connections: closing the one that has been sending for longest");
            connection.abort();
        }
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
            .keep_alive(false)
            .max_buf_size(64 << 10)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = served.await {
            debug!("a connection ended early: {error}");
        }
    }

    fn sending(&self) -> MutexGuard<'_, BTreeMap<u64, AbortHandle>> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>, sending: &Sending) -> Answer {
        if request.headers().contains_key(header::ORIGIN) {
            return text(StatusCode::FORBIDDEN, "requests from a browser are refused");
        }
        let allowed: &[Method] = match request.uri().path() {
            "/alert" => &[Method::POST],
            "/-/healthy" | "/-/ready" => &[Method::GET, Method::HEAD],
            _ => return text(StatusCode::NOT_FOUND, "there is /alert, /-/healthy and /-/ready"),
        };
        if !allowed.contains(request.method()) {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "this method is not for this path");
            let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
            answer.headers_mut().insert(header::ALLOW, names.join(", ").try_into().expect("method names are ASCII"));
            return answer;
        }
        match request.uri().path() {
            "/alert" => self.alert(request, sending).await.unwrap_or_else(refuse),
            "/-/ready" => match self.gate.open() {
                Ok(_) => text(StatusCode::OK, "ready"),
                Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, &reason),
            },
            _ => text(StatusCode::OK, "healthy"),
        }
    }

    async fn alert(&self, request: Request<Incoming>, sending: &Sending) -> Result<Answer, Refusal> {
        let (settings, queue) = self
            .gate
            .open()
            .map_err(|reason| Refusal(StatusCode::SERVICE_UNAVAILABLE, format!("not now: {reason}")))?;
        authorize(&settings.receiver, request.headers().get(header::AUTHORIZATION))?;
        let body = self.body(request.into_body(), settings.receiver.max_body).await?;
        sending.complete();
        let batch = alert::parse(body.bytes(), &settings.receiver.alert_names).map_err(|error| {
            warn!("a webhook was refused, since it is not Alertmanager's JSON: {error}");
            Refusal(StatusCode::BAD_REQUEST, format!("not Alertmanager's webhook JSON: {error}"))
        })?;
        drop(body);
        accept(&queue, batch).await
    }

    /// Reads a body of at most `max` bytes.
    async fn body(&self, mut body: Incoming, max: usize) -> Result<Body<'_>, Refusal> {
        let mut read = Body { content: Vec::new(), all: &self.bodies };
        let frames = async {
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| {
                    Refusal(StatusCode::BAD_REQUEST, format!("the body ends before it is complete: {error}"))
                })?;
                let Ok(data) = frame.into_data() else { continue };
                if read.content.len() + data.len() > max {
                    let message = format!("the body is larger than receiver.max_body, {max} bytes");
                    return Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, message));
                }
                read.append(&data)?;
            }
            Ok(())
        };
        let too_slow = |_| Refusal(StatusCode::REQUEST_TIMEOUT, "the body took too long".into());
        tokio::time::timeout(BODY_TIMEOUT, frames).await.map_err(too_slow)??;
        Ok(read)
    }
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
    fn append(&mut self, data: &[u8]) -> Result<(), Refusal> {
        if self.all.fetch_add(data.len(), Ordering::Relaxed) + data.len() > MAX_BODIES {
            self.all.fetch_sub(data.len(), Ordering::Relaxed);
            return Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, "too much is being received at once".into()));
        }
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
        Refusal(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    })?;
    Ok(respond(status, "application/json", format!("{{\"queued\":{queued},\"ignored\":{ignored}}}\n")))
}

/// Compares the bearer token in constant time, where one is wanted. The file is read each time, so that a new token
/// counts at once.
fn authorize(receiver: &Receiver, header: Option<&HeaderValue>) -> Result<(), Refusal> {
    let Some(file) = &receiver.token_file else { return Ok(()) };
    let token = config::secret("receiver.token_file", file).map_err(|error| {
        error!("{error}; alerts are answered with 503 until it can");
        Refusal(StatusCode::SERVICE_UNAVAILABLE, "the bearer token cannot be read".into())
    })?;
    let given = header.and_then(|value| value.as_bytes().strip_prefix(b"Bearer ")).unwrap_or_default();
    let token = token.expose_secret().as_bytes();
    if !token.is_empty() && bool::from(given.ct_eq(token)) {
        return Ok(());
    }
    warn!("a webhook was refused: its bearer token is missing or wrong");
    Err(Refusal(StatusCode::UNAUTHORIZED, "a bearer token is wanted".into()))
}

fn refuse(Refusal(status, reason): Refusal) -> Answer {
    let mut answer = text(status, &reason);
    if status == StatusCode::UNAUTHORIZED {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    answer
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
