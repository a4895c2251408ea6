//! Looks at a repository through the node's rclone-gateway, without restic.
//!
//! The gateway speaks restic's REST protocol (restic's documentation, "REST backend"): `config` exists where there is a
//! repository; `keys/`, `snapshots/`, `index/`, `data/` and `locks/` list what is in it, by name and size. All else is
//! encrypted and stays unknown: whether the password fits, what a lock is for, who holds it, and whether the files hold
//! what they should. Without the protocol's `Accept` header the gateway speaks WebDAV, which says when a file was
//! written.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, HOST};
use hyper::{Request, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::timeout;

use super::list::each;
use super::{guard, webdav};
use crate::model::repository::{Checked, Listed, Lock, Sign, Verdict};
use crate::system::agent::Agent;
use crate::system::http::{self, HttpError};

/// Selects version 2 of the protocol, whose lists name sizes too.
const VERSION_2: &str = "application/vnd.x.restic.rest.v2";

/// The gateway, and the login that it wants.
#[derive(Debug, Clone)]
pub(super) struct Gateway {
    pub(super) address: SocketAddr,
    pub(super) agent: Agent,
}

/// A repository behind the gateway.
#[derive(Debug, Clone)]
pub(super) struct Repository {
    pub(super) gateway: Gateway,
    /// `/<destination>/<app>/<module uuid>`, percent-encoded.
    pub(super) path: String,
}

/// What the lists show of a repository that is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Present {
    snapshots: u32,
    locks: u32,
}

impl Repository {
    /// Looks whether the repository is there, for `limit` at most.
    ///
    /// # Errors
    /// Returns the verdict if there is nothing more to look at.
    pub(super) async fn find(&self, limit: Duration) -> Result<Present, Verdict> {
        timeout(limit, self.present()).await.unwrap_or(Err(Verdict::TimedOut(limit)))
    }

    /// Looks at the repository `present` without opening it, for `limit` at most.
    ///
    /// # Errors
    /// Returns the verdict if files are missing or empty.
    pub(super) async fn look(&self, present: Present, limit: Duration) -> Result<Verdict, Verdict> {
        let started = Instant::now();
        // The lists may be long: this much is to be known in any case.
        let newest = timeout(limit / 2, self.newest()).await.ok().flatten();
        let listed = match timeout(limit.saturating_sub(started.elapsed()), self.listed(present)).await {
            Ok(listed) => listed?,
            Err(_) => None,
        };
        let Present { snapshots, locks } = present;
        let in_use = (locks > 0).then_some(Lock { count: locks.into(), exclusive: None, since: None, by: None });
        Ok(Verdict::Healthy {
            snapshots: snapshots.into(),
            newest,
            in_use,
            checked: Checked { listed, ..Checked::default() },
        })
    }

    async fn present(&self) -> Result<Present, Verdict> {
        let (status, config) = self.ask("config").await?;
        if status == StatusCode::NOT_FOUND {
            return Err(self.absent().await?);
        }
        accepted(status)?;
        if config.is_empty() {
            return Err(Verdict::Damaged(Sign::EmptyConfig));
        }
        let (snapshots, keys) = (self.list("snapshots/").await?, self.list("keys/").await?);
        let locks = self.list("locks/").await?.files;
        if keys.files == keys.empty {
            return Err(Verdict::Damaged(Sign::NoKeys));
        }
        if snapshots.empty > 0 && locks == 0 {
            return Err(Verdict::Damaged(Sign::EmptySnapshots(snapshots.empty)));
        }
        Ok(Present { snapshots: snapshots.files, locks })
    }

    /// The verdict on a repository without a config file. rclone lists nothing in a folder that is not there, and
    /// answers 404 if it does not serve the destination, which was broken when the gateway started, or fails at it.
    async fn absent(&self) -> Result<Verdict, Verdict> {
        let (status, body) = self.ask("snapshots/").await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(Verdict::Unreachable(Sign::NotServed));
        }
        accepted(status)?;
        Ok(match parse("snapshots/", &body)?.files {
            0 => Verdict::NoRepository,
            count => Verdict::Damaged(Sign::NoConfigButSnapshots(count)),
        })
    }

    /// Counts the files that hold the data and its index; `None` if they cannot be listed. A file may be empty while it
    /// is being written, so that one is damage only if nobody has a lock.
    async fn listed(&self, present: Present) -> Result<Option<Listed>, Verdict> {
        let (Ok(indexes), Ok(packs)) = (self.list("index/").await, self.list("data/").await) else { return Ok(None) };
        let empty = indexes.empty + packs.empty;
        let damage = match present {
            Present { snapshots: 1.., .. } if indexes.files == 0 => Sign::NoIndex,
            Present { snapshots: 1.., .. } if packs.files == 0 => Sign::NoData,
            Present { locks: 0, .. } if empty > 0 => Sign::EmptyFiles(empty),
            _ => return Ok(Some(Listed { packs: packs.files, indexes: indexes.files })),
        };
        Err(Verdict::Damaged(damage))
    }

    /// When the newest snapshot's file was written; `None` if the gateway does not say.
    async fn newest(&self) -> Option<Timestamp> {
        let request = self.gateway.request("PROPFIND", &format!("{}/snapshots/", self.path))?;
        let request = request.header("Depth", "1").body(Full::default()).ok()?;
        let (status, body) = self.gateway.send(request).await.ok()?;
        let files = (status == StatusCode::MULTI_STATUS).then(|| webdav::files(&String::from_utf8_lossy(&body)))??;
        files.into_iter().filter(|file| !file.folder).filter_map(|file| file.modified).max()
    }

    async fn list(&self, name: &str) -> Result<List, Verdict> {
        let (status, body) = self.ask(name).await?;
        accepted(status)?;
        parse(name, &body)
    }

    async fn ask(&self, name: &str) -> Result<(StatusCode, Bytes), Verdict> {
        let request = self.gateway.request("GET", &format!("{}/{name}", self.path));
        let request = request.and_then(|request| request.header(ACCEPT, VERSION_2).body(Full::default()).ok());
        self.gateway.send(request.ok_or(Verdict::Failed(Sign::NoAddress))?).await
    }
}

impl Gateway {
    /// Reads when the file at `path` was written and how large it is, in `limit` at most; `None` if there is none.
    ///
    /// # Errors
    /// Returns the verdict on the gateway if it does not say.
    pub(super) async fn stat(&self, path: &str, limit: Duration) -> Result<Option<webdav::File>, Verdict> {
        let request = self.request("PROPFIND", path).and_then(|r| r.header("Depth", "0").body(Full::default()).ok());
        let request = request.ok_or(Verdict::Failed(Sign::NoAddress))?;
        let answer = timeout(limit, self.send(request)).await;
        let (status, body) = answer.unwrap_or(Err(Verdict::TimedOut(limit)))?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::MULTI_STATUS => match webdav::files(&String::from_utf8_lossy(&body)) {
                Some(files) => Ok(files.into_iter().next()),
                None => Err(Verdict::Failed(Sign::GatewayGarbled("XML".into()))),
            },
            StatusCode::OK => Err(Verdict::Failed(Sign::NoWebDav)),
            status => {
                Err(accepted(status).err().unwrap_or_else(|| Verdict::Failed(Sign::GatewayAnswers(status.to_string()))))
            }
        }
    }

    fn request(&self, method: &str, path: &str) -> Option<hyper::http::request::Builder> {
        let request = Request::builder().method(method).uri(path).header(HOST, self.address.to_string());
        let request = request.header(AUTHORIZATION, http::basic(&self.agent.user, &self.agent.password));
        request.headers_ref().is_some().then_some(request)
    }

    /// Sends `request` to the gateway and to nobody else.
    async fn send(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Verdict> {
        let stream = guard::connect(self.address).await?;
        http::exchange_over(Box::new(stream), request, http::MAX_BODY).await.map_err(|error| match error {
            HttpError::Unreachable(why) => Verdict::Unreachable(Sign::NoGateway(self.address.to_string(), why)),
            HttpError::Garbled(why) => Verdict::Failed(Sign::GatewayGarbled(why)),
            HttpError::TooLong(bytes) => Verdict::Failed(Sign::GatewayTooLong(bytes >> 20)),
        })
    }
}

/// What an answer's status says of the repository, unless it says that all is well.
fn accepted(status: StatusCode) -> Result<(), Verdict> {
    let answer = Sign::GatewayAnswers(status.to_string());
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Verdict::Denied(answer)),
        status if status.is_server_error() => Err(Verdict::Unreachable(answer)),
        _ => Err(Verdict::Failed(answer)),
    }
}

/// A list of files.
#[derive(Debug, Default, PartialEq)]
struct List {
    files: u32,
    /// Those of them that are empty, as no file of a repository is.
    empty: u32,
}

fn parse(name: &str, body: &[u8]) -> Result<List, Verdict> {
    #[derive(Deserialize)]
    struct File {
        size: Option<f64>,
    }
    let mut list = List::default();
    let read = each(body, |File { size }| {
        list.files += 1;
        list.empty += u32::from(size == Some(0.0));
    });
    read.map_err(|error| Verdict::Failed(Sign::GatewayGarbled(format!("{name}: {error}"))))?;
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lists_files_are_counted() {
        let list = |text: &str| parse("data/", text.as_bytes()).ok();
        let text = r#"[{"name":"a","size":1},{"name":"b","size":0},{},{"size":1e99,"more":[{}]}]"#;
        assert_eq!(list(text), Some(List { files: 4, empty: 1 }));
        assert_eq!((list("[]"), list("null")), (Some(List::default()), Some(List::default())));
        for text in ["", "{}", "[", "[1]", "[{\"size\":\"x\"}]", "[]]"] {
            assert_eq!(list(text), None, "{text}");
        }
    }
}
