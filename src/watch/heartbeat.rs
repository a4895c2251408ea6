//! Requests `notification.heartbeat_url`, so that somebody else notices when this program falls silent.
//!
//! Whoever knows the address can send signs of life: it is in no message.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{HOST, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use tokio::net::TcpStream;

use crate::config;
use crate::system::http;
use crate::system::tls::{Trust, secure};

/// How long the request may take as a whole.
const LIMIT: Duration = Duration::from_secs(20);
/// Largest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 << 10;

/// Requests `url` once.
///
/// # Errors
/// Returns an error in words if the answer is not 2xx, or does not come within 20 seconds.
pub async fn beat(url: &str) -> Result<(), String> {
    let status = tokio::time::timeout(LIMIT, request(url))
        .await
        .map_err(|_| format!("no answer within {} s", LIMIT.as_secs()))??;
    if status.is_success() { Ok(()) } else { Err(format!("it answers {status}")) }
}

async fn request(url: &str) -> Result<StatusCode, String> {
    let uri: Uri = url.parse().map_err(|_| "it is not an address")?;
    let authority = uri.authority().ok_or("it names no host")?;
    let tls = uri.scheme_str() == Some("https");
    let (host, port) = (config::bare(authority.host()), authority.port_u16().unwrap_or(if tls { 443 } else { 80 }));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(HOST, authority.as_str())
        .header(USER_AGENT, concat!("ns8-backup-monitor/", env!("CARGO_PKG_VERSION")))
        .body(Full::<Bytes>::default())
        .map_err(|_| "it is not an address")?;
    let stream = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
    let stream: Box<dyn http::Stream> = Box::new(stream);
    let stream = match tls {
        true => secure(stream, host, &Trust::Verified(None)).await.map_err(|error| error.to_string())?,
        false => stream,
    };
    let answer = http::exchange_over(stream, request, MAX_ANSWER).await;
    answer.map(|(status, _)| status).map_err(|error| error.to_string())
}
