//! Posts news to the program's own socket, as Alertmanager does.

use std::time::Duration;

use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::news::{News, batch};
use crate::config::{self, Receiver};
use crate::system::http;
use crate::system::sockets::{Listener, listeners};

/// How long the service may take to start and to answer.
const LIMIT: Duration = Duration::from_secs(60);
/// Alerts in one request: less than the smallest `receiver.max_body` takes.
pub const AT_ONCE: usize = 100;

/// What the service answers.
#[derive(Deserialize)]
struct Answer {
    ignored: usize,
}

/// Posts `news`, at most [`AT_ONCE`] of them. When this returns, the service has them on disk.
///
/// # Errors
/// Returns an error in words if it has not; then they are to be posted again.
pub async fn post(receiver: &Receiver, news: &[News]) -> Result<(), String> {
    send(receiver, batch(news, &receiver.alert_names).to_string()).await
}

/// Posts an alert without a plan: the cluster cannot be read.
///
/// # Errors
/// As [`post`].
pub async fn post_unreadable(receiver: &Receiver, summary: &str) -> Result<(), String> {
    send(receiver, super::news::unreadable(summary, &receiver.alert_names).to_string()).await
}

/// Connects to the service, and makes sure that it is the service: while its socket is down any user of the machine can
/// take its port, would learn the token, and could make the watch believe that its news is on its way.
///
/// # Errors
/// Returns an error in words if nobody listens there, or if it may be somebody else.
async fn connect(authority: &str) -> Result<TcpStream, String> {
    let stream = TcpStream::connect(authority).await;
    let stream = stream.map_err(|error| format!("does not answer: {error}"))?;
    // A program that took the connection and has ended since leaves no listener.
    let listeners = stream.peer_addr().and_then(listeners);
    let listeners =
        listeners.map_err(|error| format!("is not asked, since nobody can see whose port it is: {error}"))?;
    judge(&listeners, rustix::process::geteuid().as_raw()).map(|()| stream)
}

/// Returns an error in words unless all `listeners`, of which there is one, are root's, as systemd's sockets, or `own`.
fn judge(listeners: &[Listener], own: u32) -> Result<(), String> {
    match listeners.iter().find(|listener| ![0, own].contains(&listener.user)) {
        Some(Listener { user, .. }) => Err(format!("is not asked: user {user} has that port, not the service")),
        None if listeners.is_empty() => Err("is not asked: its port is not of this machine".into()),
        None => Ok(()),
    }
}

async fn send(receiver: &Receiver, body: String) -> Result<(), String> {
    let authority = config::authority(&receiver.host, receiver.port);
    let failed = |why: String| format!("the service at http://{authority}/alert {why}");
    let token = receiver.token_file.as_ref().map(|file| config::secret("receiver.token_file", file)).transpose()?;
    let stream = timeout(LIMIT, connect(&authority)).await;
    let stream = stream.map_err(|_| failed("does not answer".into()))?.map_err(failed)?;
    let answer = http::post_json(stream, &authority, "/alert", token.as_ref(), body, LIMIT).await;
    let (status, body) = answer.map_err(|why| failed(format!("does not answer: {why}")))?;
    if !status.is_success() {
        let reason: String = String::from_utf8_lossy(&body).trim().chars().take(300).collect();
        return Err(failed(format!("answers {status}: {reason}")));
    }
    match serde_json::from_slice::<Answer>(&body) {
        Ok(Answer { ignored: 0 }) => Ok(()),
        Ok(_) => {
            Err(failed("ignores the alert: receiver.alert_names must hold backup_failed and backup_missing".into()))
        }
        Err(_) => Err(failed("is another program: its answer is not ours".into())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use jiff::Timestamp;

    use super::*;
    use crate::model::plan::PlanId;
    use crate::watch::news::Kind;

    #[test]
    fn only_root_and_this_user_are_the_service() {
        let judged = |users: &[u32]| {
            let listeners: Vec<Listener> = users.iter().map(|user| Listener { inode: 1, user: *user }).collect();
            judge(&listeners, 990).err().unwrap_or_default()
        };
        assert_eq!([&[0][..], &[990], &[0, 990]].map(judged), ["", "", ""]);
        for users in [&[1000][..], &[0, 1000], &[1000, 990]] {
            assert!(judged(users).contains("user 1000 has that port"), "{users:?}");
        }
        assert!(judged(&[]).contains("not of this machine"));
    }

    #[test]
    fn what_is_posted_at_once_fits_into_the_smallest_body() {
        let time = Timestamp::UNIX_EPOCH;
        let news = |_| News {
            plan: PlanId::new("1".repeat(20)).unwrap(),
            name: Some("n".repeat(1000)),
            kind: Kind::Missed,
            due: Some(time),
            over: true,
            newest: Some(time),
            at: time,
            errors: BTreeMap::new(),
            absent: BTreeSet::new(),
        };
        let news: Vec<News> = (0..AT_ONCE).map(news).collect();
        let settings = format!("notification: {{ mail_to: a@example.com }}\nreceiver: {{ max_body: {} }}\n", 256 << 10);
        let receiver = config::parse(&settings).unwrap().receiver;
        assert!(batch(&news, &receiver.alert_names).to_string().len() < receiver.max_body);
    }
}
