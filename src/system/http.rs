//! Asks an HTTP server: the node's gateway, Alertmanager, Loki, a monitoring service.

use std::fmt::Write;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::stream::Stream;
use super::tls::{Trust, secure};
use crate::config::bare;

/// Largest answer that is read, in bytes: some 180,000 snapshots of a repository.
pub(crate) const MAX_BODY: usize = 16 << 20;

/// Largest head of an answer, in bytes.
const MAX_HEAD: usize = 64 << 10;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// Nobody is there, or hangs up, be it in the middle of the answer.
    #[error("{0}")]
    Unreachable(String),
    /// What comes back is no HTTP answer; the parser's words.
    #[error("the answer is not HTTP: {0}")]
    Garbled(String),
    /// The answer has more than this many bytes.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// Sends `request` to `authority` (`host:port`); the answer's status and body. Has no time-out of its own.
pub(crate) async fn exchange(authority: &str, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), HttpError> {
    let stream = TcpStream::connect(authority).await.map_err(|error| HttpError::Unreachable(error.to_string()))?;
    exchange_over(Box::new(stream), request, MAX_BODY).await
}

/// Sends `request` over `stream`; the answer's status and body, at most `max` bytes. Has no time-out of its own.
pub(crate) async fn exchange_over(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
    max: usize,
) -> Result<(StatusCode, Bytes), HttpError> {
    let unreachable = |error: &dyn std::error::Error| HttpError::Unreachable(error.to_string());
    let connection = http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = connection.map_err(|error| unreachable(&error))?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| match error.is_parse() {
            // Also a head that is too large.
            true => HttpError::Garbled(error.to_string()),
            false => unreachable(&error),
        })?;
        let status = response.status();
        let mut response = response.into_body();
        // Taken together at once: a frame of one byte takes a hundred in memory.
        let mut body = Vec::new();
        while let Some(frame) = response.frame().await {
            let frame = frame.map_err(|error| unreachable(&error))?;
            let data = frame.into_data().unwrap_or_default();
            if body.len() + data.len() > max {
                return Err(HttpError::TooLong(max));
            }
            body.extend_from_slice(&data);
        }
        Ok((status, body.into()))
    };
    tokio::pin!(exchange);
    tokio::select! {
        result = &mut exchange => result,
        // What has arrived by then is still to be taken out.
        _ = connection => exchange.await,
    }
}

/// Requests `url` (`http://` or `https://`) and returns status and body.
///
/// # Errors
/// Returns a message without the address if there is no valid answer within `limit`, or if its body exceeds `max` bytes.
pub(crate) async fn get(url: &str, max: usize, limit: Duration) -> Result<(StatusCode, Bytes), String> {
    let uri: Uri = url.parse().map_err(|_| "it is not an address")?;
    let authority = uri.authority().ok_or("it names no host")?;
    let tls = uri.scheme_str() == Some("https");
    let (host, port) = (bare(authority.host()), authority.port_u16().unwrap_or(if tls { 443 } else { 80 }));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(HOST, authority.as_str())
        .header(USER_AGENT, concat!("ns8-backup-monitor/", env!("CARGO_PKG_VERSION")))
        .body(Full::default())
        .map_err(|_| "it is not an address")?;
    let connect = async {
        let stream: Box<dyn Stream> = Box::new(TcpStream::connect((host, port)).await?);
        if tls { secure(stream, host, &Trust::Verified(None)).await } else { Ok(stream) }
    };
    let exchange = async {
        let stream = connect.await.map_err(|error| HttpError::Unreachable(error.to_string()))?;
        exchange_over(stream, request, max).await
    };
    within(limit, exchange).await
}

/// Posts JSON over `stream` to `path` at `authority`, with a bearer token if there is one.
///
/// # Errors
/// Returns a message if there is no valid answer within `limit`.
pub(crate) async fn post_json(
    stream: TcpStream,
    authority: &str,
    path: &str,
    token: Option<&SecretString>,
    body: String,
    limit: Duration,
) -> Result<(StatusCode, Bytes), String> {
    let mut request = Request::post(path).header(HOST, authority).header(CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose_secret()));
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|_| "the request cannot be made")?;
    within(limit, exchange_over(Box::new(stream), request, MAX_BODY)).await
}

/// Waits for an answer within `limit`; the error in words for people.
async fn within<T>(limit: Duration, answer: impl Future<Output = Result<T, HttpError>>) -> Result<T, String> {
    let answer = timeout(limit, answer).await;
    answer.map_err(|_| format!("no answer within {} s", limit.as_secs()))?.map_err(|error| error.to_string())
}

/// Returns the value of the header `Authorization` that logs in with a password (RFC 7617).
pub(crate) fn basic(user: &str, password: &SecretString) -> HeaderValue {
    let login = BASE64_STANDARD.encode(format!("{user}:{}", password.expose_secret()));
    let mut value = HeaderValue::try_from(format!("Basic {login}")).expect("base64 is ASCII");
    value.set_sensitive(true);
    value
}

/// Returns `text` percent-encoded, so that it is one part of a URL, whatever is in it.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte.into()),
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
        encoded
    })
}
