//! Looks at a repository through the node's rclone-gateway, without restic.
//!
//! The gateway speaks restic's REST protocol (restic's documentation, "REST backend"): `config` exists where there is a
//! repository; `keys/`, `snapshots/` and `locks/` list what is in it, by name and size. All else is encrypted and stays
//! unknown: whether the password fits, what a lock is for, who holds it, and how old a snapshot is.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, HOST};
use hyper::{Request, StatusCode};
use secrecy::ExposeSecret;
use serde::de::IgnoredAny;
use tokio::time::timeout;

use crate::model::repository::{Lock, Verdict};
use crate::system::agent::Agent;
use crate::system::http::{self, HttpError};

/// Selects version 2 of the protocol, whose lists name sizes too.
const VERSION_2: &str = "application/vnd.x.restic.rest.v2";

/// A repository behind the gateway.
#[derive(Debug, Clone)]
pub(super) struct Repository {
    /// `http://host:port`.
    pub(super) gateway: String,
    /// `/<destination>/<app>/<module uuid>`, percent-encoded.
    pub(super) path: String,
    /// The login.
    pub(super) agent: Agent,
}

/// Looks at `repository` for `limit` at most.
pub(super) async fn look(repository: &Repository, limit: Duration) -> Verdict {
    match timeout(limit, repository.look()).await {
        Ok(Ok(verdict) | Err(verdict)) => verdict,
        Err(_) => Verdict::TimedOut(limit),
    }
}

impl Repository {
    /// The verdict; as the error where there is nothing more to look at.
    async fn look(&self) -> Result<Verdict, Verdict> {
        let (status, config) = self.ask("config").await?;
        if status == StatusCode::NOT_FOUND {
            return Err(Verdict::NoRepository);
        }
        accepted(status)?;
        if config.is_empty() {
            return Err(Verdict::Damaged("its config file is empty".into()));
        }
        let snapshots = self.count("snapshots/").await?;
        if self.count("keys/").await? == 0 {
            return Err(Verdict::Damaged("it has no keys".into()));
        }
        let locks = self.count("locks/").await?;
        let in_use = (locks > 0).then_some(Lock { count: locks, exclusive: None, since: None, by: None });
        Ok(Verdict::Healthy { snapshots, newest: None, in_use, opened: false })
    }

    async fn count(&self, list: &str) -> Result<u64, Verdict> {
        let (status, body) = self.ask(list).await?;
        accepted(status)?;
        let entries: Option<Vec<IgnoredAny>> = serde_json::from_slice(&body)
            .map_err(|error| Verdict::Damaged(format!("the gateway's list of {list} makes no sense: {error}")))?;
        Ok(entries.map_or(0, |entries| entries.len() as u64))
    }

    async fn ask(&self, name: &str) -> Result<(StatusCode, Bytes), Verdict> {
        let authority = self.gateway.trim_start_matches("http://");
        let request = self.request(authority, name).map_err(|error| Verdict::Failed(error.to_string()))?;
        http::exchange(authority, request).await.map_err(|error| match error {
            HttpError::Unreachable(why) => Verdict::Unreachable(format!("the gateway at {}: {why}", self.gateway)),
            HttpError::Garbled(why) => Verdict::Failed(format!("the gateway's answer {why}")),
        })
    }

    fn request(&self, authority: &str, name: &str) -> hyper::http::Result<Request<Empty<Bytes>>> {
        let login = format!("{}:{}", self.agent.user, self.agent.password.expose_secret());
        Request::builder()
            .uri(format!("{}/{name}", self.path))
            .header(HOST, authority)
            .header(ACCEPT, VERSION_2)
            .header(AUTHORIZATION, format!("Basic {}", STANDARD.encode(login)))
            .body(Empty::new())
    }
}

/// What an answer's status says of the repository, unless it says that all is well.
fn accepted(status: StatusCode) -> Result<(), Verdict> {
    let answer = format!("the gateway answers {status}");
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Verdict::Denied(answer)),
        status if status.is_server_error() => Err(Verdict::Unreachable(answer)),
        _ => Err(Verdict::Failed(answer)),
    }
}
