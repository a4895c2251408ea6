//! The socket to serve: systemd's, or our own.

use std::io;
use std::net::{IpAddr, TcpListener as StdListener};

use log::warn;
use tokio::net::TcpListener;

use crate::config::Live;

/// The socket to serve.
pub struct Socket {
    listener: StdListener,
    /// systemd holds it, and starts the program again when it is needed.
    inherited: bool,
}

impl Socket {
    /// Takes the socket that systemd passes, else binds `receiver.host` and `receiver.port`. Call it before any thread
    /// exists: it reads and clears the environment.
    ///
    /// # Errors
    /// Where none is passed and none can be bound.
    pub fn take(live: &Live) -> io::Result<Self> {
        let settings = live.current().ok();
        let host = settings.as_ref().map_or("127.0.0.1", |settings| &settings.receiver.host);
        let port = settings.as_ref().map_or(9099, |settings| settings.receiver.port);
        let passed = listenfd::ListenFd::from_env().take_tcp_listener(0)?;
        let inherited = passed.is_some();
        let listener = match passed {
            Some(listener) => listener,
            None => StdListener::bind((host, port)).map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!("cannot listen on receiver.host and receiver.port, {host}:{port}: {error}"),
                )
            })?,
        };
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let differs = address.port() != port || host.parse::<IpAddr>().is_ok_and(|host| host != address.ip());
        if inherited && settings.is_some() && differs {
            warn!(
                "listening on {address}, as the socket unit says; receiver.host and receiver.port ({host}:{port}) do not count"
            );
        }
        if !address.ip().is_loopback() && settings.is_none_or(|settings| settings.receiver.token_file.is_none()) {
            warn!(
                "{address} is open to other machines and receiver.token_file is not set: anybody can have mails sent"
            );
        }
        Ok(Self { listener, inherited })
    }

    /// The socket for the runtime, and whether it is systemd's.
    pub(super) fn into_tokio(self) -> io::Result<(TcpListener, bool)> {
        Ok((TcpListener::from_std(self.listener)?, self.inherited))
    }
}
