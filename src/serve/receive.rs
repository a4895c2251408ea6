//! The webhook: HTTP in, jobs on disk, an answer out.
//!
//! The answers are chosen for what Alertmanager makes of them: 2xx is done, 5xx is tried again at once, anything else
//! only after `group_interval`. Everything is bounded: connections, one body, all bodies together, and the time that
//! one client may hold a place. Beyond the limits the answer is 503.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
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
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::gate::Gate;
use super::webhook::{self, Webhook};
use crate::config::{self, Receiver, Settings};
use crate::job::store::Store;
use crate::system::sockets;

/// Maximum number of connections at one time.
const MAX_CONNECTIONS: usize = 256;
/// Maximum size of all bodies in memory at one time, in KiB.
const MAX_BODIES: usize = 32 << 10;
/// How long one client may hold its place.
const PLACE: Duration = Duration::from_secs(10);
/// The answer to a connection beyond the limit; nothing is read from it.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

type Answer = Response<Full<Bytes>>;

/// The addresses of a connection: the client's, and this program's.
type Ends = Option<(SocketAddr, SocketAddr)>;

/// Why a request is not granted.
struct Refusal {
    status: StatusCode,
    reason: String,
    header: Option<(HeaderName, &'static str)>,
}

impl Refusal {
    fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), header: None }
    }

    fn method(allowed: &'static str) -> Self {
        let refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("method not allowed; use {allowed}"));
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
    connections: Arc<Semaphore>,
    bodies: Semaphore,
}

impl Receive {
    /// Creates a receiving side that hands alerts through `gate`.
    pub fn new(gate: Arc<Gate>) -> Self {
        let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        Self { gate, connections, bodies: Semaphore::new(MAX_BODIES) }
    }

    /// Returns the place of a new connection; `None` beyond the limit, which was answered with 503.
    pub fn place(&self, stream: &TcpStream) -> Option<OwnedSemaphorePermit> {
        let place = self.connections.clone().try_acquire_owned().ok();
        if place.is_none() {
            // A new connection has room for this; if not, the client sees it closed, and sends again, too.
            let _ = stream.try_write(FULL);
        }
        place
    }

    /// Serves one connection: one request, then it is closed.
    pub async fn connection(self: Arc<Self>, stream: TcpStream, place: OwnedSemaphorePermit) {
        let ends = stream.peer_addr().ok().zip(stream.local_addr().ok());
        let service = service_fn(|request| async { Ok::<_, Infallible>(self.answer(request, ends).await) });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PLACE)
            // `nc -N` and its like close their half as soon as they have sent; the answer is still for them.
            .half_close(true)
            .keep_alive(false)
            .max_buf_size(64 << 10)
            .serve_connection(TokioIo::new(stream), service);
        match timeout(PLACE, served).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!("a connection ended early: {error}"),
            Err(_) => debug!("a connection was closed that took longer than {} s", PLACE.as_secs()),
        }
        drop(place);
    }

    /// Answers a request. The body of a refused one is received first, and forgotten: a client that is still sending
    /// when the connection is closed does not see why.
    async fn answer(&self, request: Request<Incoming>, ends: Ends) -> Answer {
        let (head, mut body) = request.into_parts();
        match self.grant(&head, &mut body, ends).await {
            Ok(answer) => answer,
            Err(refusal) => {
                while let Some(Ok(_)) = body.frame().await {}
                refusal.into_answer()
            }
        }
    }

    async fn grant(&self, head: &Parts, body: &mut Incoming, ends: Ends) -> Result<Answer, Refusal> {
        if head.headers.contains_key(header::ORIGIN) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, "requests from a browser are refused"));
        }
        match (head.uri.path(), &head.method) {
            ("/alert" | "/alert/", &Method::POST) => self.alert(head, body, ends).await,
            ("/-/healthy", &Method::GET | &Method::HEAD) => Ok(text(StatusCode::OK, "healthy")),
            ("/-/ready", &Method::GET | &Method::HEAD) => {
                self.open()?;
                Ok(text(StatusCode::OK, "ready"))
            }
            ("/alert" | "/alert/", _) => Err(Refusal::method("POST")),
            ("/-/healthy" | "/-/ready", _) => Err(Refusal::method("GET, HEAD")),
            _ => Err(Refusal::new(StatusCode::NOT_FOUND, "not found; valid paths are /alert, /-/healthy and /-/ready")),
        }
    }

    fn open(&self) -> Result<(Arc<Settings>, Store), Refusal> {
        self.gate.open().map_err(|reason| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason))
    }

    async fn alert(&self, head: &Parts, body: &mut Incoming, ends: Ends) -> Result<Answer, Refusal> {
        let (settings, store) = self.open()?;
        authorize(&settings.receiver, head.headers.get(header::AUTHORIZATION))?;
        let (body, room) = self.body(body, settings.receiver.max_body).await?;
        let mut webhook = webhook::parse(&body, &settings.receiver.alert_names).map_err(|error| {
            warn!("refused a webhook that is not Alertmanager's JSON: {error}");
            Refusal::new(StatusCode::BAD_REQUEST, format!("not Alertmanager's webhook JSON: {error}"))
        })?;
        drop((body, room));
        if webhook.has_news() && !is_own(ends) {
            warn!("an alert has the watch's label news, but another user has sent it: the label is ignored");
            webhook.disown();
        }
        accept(&store, webhook).await
    }

    /// Reads a body of at most `max` bytes. Its room among all bodies is free again when the permit is dropped.
    async fn body(&self, body: &mut Incoming, max: usize) -> Result<(Vec<u8>, SemaphorePermit<'_>), Refusal> {
        let too_large = || {
            let message = format!("the body is larger than receiver.max_body, {max} bytes");
            warn!("refused a webhook, which Alertmanager sends again after group_interval: {message}");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message)
        };
        let size = body.size_hint();
        if size.lower() > max as u64 {
            return Err(too_large());
        }
        let most = size.upper().map_or(max, |upper| max.min(upper as usize));
        let room = self.bodies.try_acquire_many(most.div_ceil(1024) as u32);
        let room = room
            .map_err(|_| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "too much is being received at the moment"))?;
        let mut content = Vec::new();
        while let Some(frame) = body.frame().await {
            let cut_off = |error| format!("the body ends before it is complete: {error}");
            let frame = frame.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, cut_off(error)))?;
            let Ok(data) = frame.into_data() else { continue };
            if content.len() + data.len() > max {
                return Err(too_large());
            }
            content.extend_from_slice(&data);
        }
        Ok((content, room))
    }
}

async fn accept(store: &Store, webhook: Webhook) -> Result<Answer, Refusal> {
    let Webhook { batch, queued, ignored } = webhook;
    // Begins as the Python tool's line did, which its README has people look for.
    debug!("Received alert: {queued} for us, {ignored} for others");
    let status = if queued == 0 { StatusCode::OK } else { StatusCode::ACCEPTED };
    store.accept(batch, Timestamp::now()).await.map_err(|error| {
        error!("{queued} alert(s) could not be accepted; Alertmanager will send them again: {error}");
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    })?;
    Ok(respond(status, "application/json", format!("{{\"queued\":{queued},\"ignored\":{ignored}}}\n")))
}

/// Whether this program's own user has made the connection, as the watch does.
fn is_own(ends: Ends) -> bool {
    let user = ends.map_or(Ok(None), |(peer, local)| sockets::user_of(peer, local));
    let user = user.unwrap_or_else(|error| {
        error!("cannot see which user has sent an alert: {error}");
        None
    });
    user == Some(rustix::process::geteuid().as_raw())
}

/// Compares the bearer token in constant time, if one is wanted. The file is read each time, so that a new token counts
/// at once.
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
    warn!("refused a webhook whose bearer token is missing or wrong");
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "a bearer token is required");
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
