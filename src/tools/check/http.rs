//! One GET request.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Largest answer, in bytes.
const MAX_BODY: usize = 8 << 20;

/// What `url` (`http://host:port/path`) answers within `limit`.
pub(super) async fn get(url: &str, limit: Duration) -> Result<(StatusCode, Bytes), String> {
    let late = |_| format!("no answer within {} s", limit.as_secs());
    timeout(limit, exchange(url)).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
}

async fn exchange(url: &str) -> Result<(StatusCode, Bytes), String> {
    let uri: Uri = url.parse().map_err(|_| "not an address".to_owned())?;
    let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http")).ok_or("not an http:// address")?;
    let host = authority.host().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await.map_err(|e| e.to_string())?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
    tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path).header(header::HOST, authority.as_str()).body(Empty::<Bytes>::new());
    let answer = sender.send_request(request.map_err(|e| e.to_string())?).await.map_err(|e| e.to_string())?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_BODY).collect().await.map_err(|e| e.to_string())?;
    Ok((status, body.to_bytes()))
}
