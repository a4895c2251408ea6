//! A port for a server, or for nobody.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A port of this machine that the kernel gives to nobody else while this lives. Nobody listens there until a server is
/// told to: one that wants `SO_REUSEADDR`, as servers do, may.
///
/// A listener that is made and dropped would be no such thing: the port could be given to another test, and a child that
/// another test has just forked goes on listening there until it becomes its program.
pub struct Port {
    /// Where it is.
    pub address: SocketAddr,
    _reserved: TcpSocket,
}

impl Port {
    /// Reserves a port.
    pub fn reserve() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        Self { address: socket.local_addr().unwrap(), _reserved: socket }
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.address.port()
    }
}
