//! The kernel's tables of TCP sockets, which name the user of each: `sl local rem st tx:rx tr:tm retrnsmt uid timeout
//! inode …`; see proc(5) and the kernel's `proc_net_tcp.rst`.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A TCP socket of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Socket {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) state: State,
    /// Who made it. Once it is closed the kernel shows root.
    pub(crate) user: u32,
    pub(crate) inode: u64,
}

/// What it is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Established,
    Listening,
    Other,
}

/// Calls `found` with each TCP socket of this machine.
pub(crate) fn each(found: &mut dyn FnMut(Socket)) -> io::Result<()> {
    for table in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
        let file = match File::open(table) {
            // A kernel without IPv6.
            Err(error) if error.kind() == io::ErrorKind::NotFound && table.ends_with('6') => continue,
            file => file?,
        };
        for line in BufReader::new(file).lines() {
            parse(&line?).into_iter().for_each(&mut *found);
        }
    }
    Ok(())
}

/// Returns the user of the other end of a connection from `peer` to `local`; `None` if that is not on this machine.
pub(crate) fn user_of(peer: SocketAddr, local: SocketAddr) -> io::Result<Option<u32>> {
    let plain = |address: SocketAddr| (address.ip().to_canonical(), address.port());
    let mut user = None;
    each(&mut |socket| {
        let is_it = plain(socket.local) == plain(peer) && plain(socket.remote) == plain(local);
        if is_it && socket.state == State::Established {
            user = Some(socket.user);
        }
    })?;
    Ok(user)
}

/// The socket in `line` of a table.
pub(crate) fn parse(line: &str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_ascii_whitespace().take(10).collect();
    let [_, local, remote, state, _, _, _, user, _, inode] = fields[..] else { return None };
    let state = match state {
        "01" => State::Established,
        "0A" => State::Listening,
        _ => State::Other,
    };
    let (local, remote) = (address(local)?, address(remote)?);
    Some(Socket { local, remote, state, user: user.parse().ok()?, inode: inode.parse().ok()? })
}

fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    Some(SocketAddr::new(ip_of(ip)?, u16::from_str_radix(port, 16).ok()?))
}

/// An address as the kernel writes it: one or four words of 32 bits in the machine's byte order.
fn ip_of(text: &str) -> Option<IpAddr> {
    let word = |text: &str| Some(u32::from_str_radix(text, 16).ok()?.to_ne_bytes());
    if !text.is_ascii() {
        return None;
    }
    match text.len() {
        8 => Some(Ipv4Addr::from(word(text)?).into()),
        32 => {
            let mut octets = [0; 16];
            for (n, octets) in octets.chunks_exact_mut(4).enumerate() {
                octets.copy_from_slice(&word(&text[n * 8..][..8])?);
            }
            Some(Ipv6Addr::from(octets).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_other_end_of_a_connection_has_its_user() {
        for address in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let port = listener.local_addr().unwrap().port();
            let client = match address {
                "[::1]:0" => TcpStream::connect((Ipv6Addr::LOCALHOST, port)),
                _ => TcpStream::connect((Ipv4Addr::LOCALHOST, port)),
            };
            let client = client.unwrap();
            let (stream, peer) = listener.accept().unwrap();
            let local = stream.local_addr().unwrap();
            let own = rustix::process::geteuid().as_raw();
            assert_eq!(user_of(peer, local).unwrap(), Some(own), "{address}");
            assert_eq!(user_of("192.0.2.1:1".parse().unwrap(), local).unwrap(), None);
            assert_eq!(user_of(local, local).unwrap(), None);
            drop(client);
            assert_eq!(user_of(peer, local).unwrap(), None, "{address}: a closed one has no user");
        }
    }
}
