//! Makes sure that the node agent's login goes to the gateway and to nobody else.
//!
//! The gateway's port is above 1023: while the gateway is down, any user of the machine can take it and would be sent
//! the login. Its 401 and its realm are easily imitated, so only the port's owner is a proof. The kernel names the
//! owner of each listening socket in `/proc/net/tcp`, for everybody to read. The gateway's container shares the host's
//! network and users and runs as user 100 (NethServer/ns8-core, `core/build-image.sh`, `rclone-gateway.service`);
//! modules run as users from 1000 on, or as root.
//!
//! The owner is looked up before and after the connection is made, and it must be the same socket both times: it then
//! had the port all the while.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpStream;

use crate::model::repository::{Doubt, NotProbed, Sign, Verdict};
use crate::system::sockets::{Listener, listeners};

/// root, and the user of the gateway's container.
const GATEWAY_USERS: [u32; 2] = [0, 100];

/// How the kernel shows a user who is not mapped into this program's user namespace.
const OVERFLOW_USER: u32 = 65534;

/// Connects to the gateway at `address`.
///
/// # Errors
/// Returns the verdict on the gateway if nobody listens there, or if it may be somebody else.
pub(super) async fn connect(address: SocketAddr) -> Result<TcpStream, Verdict> {
    let doubtful = |doubt| Verdict::NotProbed(NotProbed::NotTheGateway(doubt));
    if !address.ip().is_loopback() {
        return Err(doubtful(Doubt::Elsewhere));
    }
    let before = trusted(&listeners(address).map_err(|_| doubtful(Doubt::Unknown))?).map_err(doubtful)?;
    let stream = TcpStream::connect(address).await;
    let stream =
        stream.map_err(|error| Verdict::Unreachable(Sign::NoGateway(address.to_string(), error.to_string())))?;
    let after = trusted(&listeners(address).map_err(|_| doubtful(Doubt::Unknown))?).map_err(doubtful)?;
    match before.iter().any(|socket| after.contains(socket)) {
        true => Ok(stream),
        false => Err(doubtful(Doubt::Unknown)),
    }
}

/// The address of the gateway at `url`, `http://host:port`.
pub(super) fn address(url: &str) -> Option<SocketAddr> {
    let authority = url.strip_prefix("http://")?;
    match authority.strip_prefix("localhost:") {
        Some(port) => Some((Ipv4Addr::LOCALHOST, port.parse().ok()?).into()),
        None => authority.parse().ok(),
    }
}

/// The inodes of `listeners`, all of which are the gateway's; none is fine, too.
fn trusted(listeners: &[Listener]) -> Result<Vec<u64>, Doubt> {
    let own = rustix::process::geteuid().as_raw();
    // This program's own user can read the login anyway.
    let is_trusted = |user: u32| GATEWAY_USERS.contains(&user) || user == own;
    match listeners.iter().find(|listener| !is_trusted(listener.user)) {
        Some(Listener { user: OVERFLOW_USER, .. }) => Err(Doubt::Hidden),
        Some(Listener { user, .. }) => Err(Doubt::Stranger(*user)),
        None => Ok(listeners.iter().map(|listener| listener.inode).collect()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::system::sockets;

    fn here(port: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, port).into()
    }

    #[test]
    fn only_root_the_gateway_and_this_user_are_trusted() {
        let listener = |inode, user| Listener { inode, user };
        assert_eq!(trusted(&[listener(1, 0), listener(2, 100)]), Ok(vec![1, 2]));
        assert_eq!(trusted(&[listener(1, 0), listener(2, 1001)]), Err(Doubt::Stranger(1001)));
        assert_eq!(trusted(&[listener(2, 65534)]), Err(Doubt::Hidden));
        assert_eq!(trusted(&[listener(2, rustix::process::geteuid().as_raw())]), Ok(vec![2]));
    }

    #[test]
    fn the_gateway_has_an_address_without_asking_for_names() {
        assert_eq!(address("http://127.0.0.1:4694"), Some(here(4694)));
        assert_eq!(address("http://localhost:80"), Some(here(80)));
        assert_eq!(address("http://[::1]:80"), "[::1]:80".parse().ok());
        for url in ["http://gateway:80", "https://127.0.0.1:80", "http://127.0.0.1", "http://localhost.example:80"] {
            assert_eq!(address(url), None, "{url}");
        }
    }

    #[tokio::test]
    async fn a_port_of_this_user_is_connected_to_and_a_free_one_is_unreachable() {
        let socket = TcpListener::bind(here(0)).unwrap();
        let address = socket.local_addr().unwrap();
        assert_eq!(connect(address).await.unwrap().peer_addr().unwrap(), address);
        let (_nobody, closed) = sockets::tests::closed();
        assert!(matches!(connect(closed).await, Err(Verdict::Unreachable(_))));
        let elsewhere = connect("192.0.2.1:80".parse().unwrap()).await.unwrap_err();
        assert_eq!(elsewhere, Verdict::NotProbed(NotProbed::NotTheGateway(Doubt::Elsewhere)));
    }
}
