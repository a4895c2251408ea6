//! Stands between restic and the gateway, so that each of restic's connections goes to the gateway and to nobody else.
//!
//! restic makes its connections itself, and each carries the node agent's login. It therefore gets the address of a
//! port that belongs to this program, and each connection is passed on only when `guard` has made sure whose port the
//! gateway's is.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::guard;
use super::limits::MAX_CONNECTIONS;
use crate::model::repository::Verdict;

/// Pause after a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(50);

/// A port of this program whose connections are passed on to the gateway. Dropped, it is closed with all of them.
#[derive(Debug)]
pub(super) struct Relay {
    /// Where restic finds it.
    pub(super) address: SocketAddr,
    refused: Arc<Mutex<Option<Verdict>>>,
    _task: JoinSet<()>,
}

impl Relay {
    /// Opens a port for connections to `gateway`.
    pub(super) async fn open(gateway: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let refused = Arc::default();
        let mut task = JoinSet::new();
        task.spawn(serve(listener, gateway, Arc::clone(&refused)));
        Ok(Self { address, refused, _task: task })
    }

    /// Why a connection was not passed on; `None` if all were.
    pub(super) fn refused(&self) -> Option<Verdict> {
        self.refused.lock().ok()?.clone()
    }
}

async fn serve(listener: TcpListener, gateway: SocketAddr, refused: Arc<Mutex<Option<Verdict>>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                match accepted {
                    Ok((stream, _)) => drop(connections.spawn(pass_on(stream, gateway, Arc::clone(&refused)))),
                    // Too many open files, for example.
                    Err(_) => sleep(PAUSE).await,
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn pass_on(mut stream: TcpStream, gateway: SocketAddr, refused: Arc<Mutex<Option<Verdict>>>) {
    match guard::connect(gateway).await {
        Ok(mut gateway) => drop(copy_bidirectional(&mut stream, &mut gateway).await),
        Err(verdict) => drop(refused.lock().map(|mut refused| *refused = Some(verdict))),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::system::sockets;

    #[tokio::test]
    async fn passes_on_both_ways_and_says_why_not() {
        let gateway = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let relay = Relay::open(gateway.local_addr().unwrap()).await.unwrap();
        let mut client = TcpStream::connect(relay.address).await.unwrap();
        let (mut server, _) = gateway.accept().await.unwrap();
        client.write_all(b"question").await.unwrap();
        server.read_exact(&mut [0; 8]).await.unwrap();
        server.write_all(b"answer").await.unwrap();
        client.read_exact(&mut [0; 6]).await.unwrap();
        assert_eq!(relay.refused(), None);
        let (_nobody, closed) = sockets::tests::closed();
        let relay = Relay::open(closed).await.unwrap();
        let mut client = TcpStream::connect(relay.address).await.unwrap();
        // It hangs up: what was not read is lost.
        let _ = client.read_to_end(&mut Vec::new()).await;
        assert!(matches!(relay.refused(), Some(Verdict::Unreachable(_))));
        let address = relay.address;
        drop(relay);
        // A child that another test has just forked listens there as well, until it becomes its program.
        let closed = async { while TcpStream::connect(address).await.is_ok() {} };
        tokio::time::timeout(Duration::from_secs(60), closed).await.expect("nobody listens");
    }
}
