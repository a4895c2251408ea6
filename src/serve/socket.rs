//! The sockets to serve: systemd's, or our own.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::task::Poll;

use listenfd::ListenFd;
use log::warn;
use tokio::net::{TcpListener, TcpStream};

use crate::config::{self, Live};

/// The sockets to serve.
pub struct Sockets {
    listeners: Vec<StdListener>,
    /// systemd holds them, and starts the program again when it is needed.
    inherited: bool,
}

impl Sockets {
    /// Takes the sockets that systemd passes, else binds `receiver.host` and `receiver.port`. Call it before any thread
    /// exists: it reads and clears the environment.
    ///
    /// # Errors
    /// Where none is passed and none can be bound.
    pub fn take(live: &Live) -> io::Result<Self> {
        let settings = live.current().ok();
        let receiver =
            settings.as_ref().map_or_else(|| config::defaults().receiver, |settings| settings.receiver.clone());
        let (host, port) = (config::bare(&receiver.host), receiver.port);
        let mut listeners = passed()?;
        let inherited = !listeners.is_empty();
        if !inherited {
            listeners.push(StdListener::bind((host, port)).map_err(|error| {
                let place = format!("receiver.host and receiver.port, {host}:{port}");
                io::Error::new(error.kind(), format!("cannot listen on {place}: {error}"))
            })?);
        }
        let mut addresses = Vec::new();
        for listener in &listeners {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            addresses.push(address);
            if !address.ip().is_loopback() && settings.as_ref().is_none_or(|known| known.receiver.token_file.is_none())
            {
                warn!(
                    "{address} is open to other machines and receiver.token_file is not set: anyone who reaches it can \
                     make it send mail"
                );
            }
        }
        if settings.is_some() && !receiver.reaches(&addresses) {
            warn!(
                "listening on {addresses:?}, as the socket unit says; receiver.host and receiver.port ({host}:{port}) \
                 are ignored"
            );
        }
        Ok(Self { listeners, inherited })
    }

    /// The sockets for the runtime, and whether they are systemd's.
    pub(super) fn into_tokio(self) -> io::Result<(Listeners, bool)> {
        let listeners: io::Result<_> = self.listeners.into_iter().map(TcpListener::from_std).collect();
        Ok((Listeners(listeners?), self.inherited))
    }
}

/// Every TCP socket that systemd passes: the unit may name several addresses.
fn passed() -> io::Result<Vec<StdListener>> {
    let mut passed = ListenFd::from_env();
    let mut listeners = Vec::new();
    let mut unusable = None;
    for n in 0..passed.len() {
        match passed.take_tcp_listener(n) {
            Ok(listener) => listeners.extend(listener),
            Err(error) => {
                warn!(
                    "a socket of the socket unit is not served: {error}; ListenStream= must name an address and a port"
                );
                unusable = Some(error);
            }
        }
    }
    match unusable {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}

/// The sockets, as the runtime watches them.
pub(super) struct Listeners(Vec<TcpListener>);

impl Listeners {
    /// The next connection to any of them, whichever is asked first. Loses none when dropped.
    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let first = fastrand::usize(..self.0.len());
        poll_fn(|context| {
            let (before, from) = self.0.split_at(first);
            let accepted = from.iter().chain(before).find_map(|listener| match listener.poll_accept(context) {
                Poll::Ready(accepted) => Some(accepted),
                Poll::Pending => None,
            });
            accepted.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}
