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
fn each(found: &mut dyn FnMut(Socket)) -> io::Result<()> {
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

/// A listening socket: its inode, and the user who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) inode: u64,
    pub(crate) user: u32,
}

/// Returns the sockets that may accept a connection to `address`.
pub(crate) fn listeners(address: SocketAddr) -> io::Result<Vec<Listener>> {
    let mut sockets = Vec::new();
    each(&mut |socket| sockets.push(socket))?;
    Ok(nearest(&sockets, address))
}

/// Those of `sockets` that may accept a connection to `address`. The kernel prefers one at that very address to one at
/// any; and where one has all of IPv4, another user's for any address has only IPv6.
fn nearest(sockets: &[Socket], address: SocketAddr) -> Vec<Listener> {
    let wanted = address.ip().to_canonical();
    let distance = |socket: &Socket| match socket.local.ip() {
        _ if socket.state != State::Listening || socket.local.port() != address.port() => None,
        ip if ip.to_canonical() == wanted => Some(0),
        ip if ip.is_unspecified() => Some(if ip.is_ipv4() == wanted.is_ipv4() { 1 } else { 2 }),
        _ => None,
    };
    let nearest = sockets.iter().filter_map(distance).min();
    let found = sockets.iter().filter(|socket| nearest.is_some() && distance(socket) == nearest);
    found.map(|socket| Listener { inode: socket.inode, user: socket.user }).collect()
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
fn parse(line: &str) -> Option<Socket> {
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
pub(crate) mod tests {
    use std::net::{Shutdown, TcpListener, TcpStream};

    use tokio::net::TcpSocket;

    use super::*;

    /// A port that nobody listens at and that the kernel gives to nobody else while this lives.
    pub(crate) fn closed() -> (TcpSocket, SocketAddr) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    #[test]
    fn the_kernels_tables_are_understood() {
        let v4 = "   1: 00000000:1256 00000000:0000 0A 00000000:00000000 00:00000000 00000000   100        0 1785 1 0 100 0 0 10 0";
        let v6 = "   1: 00000000000000000000000001000000:1256 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 39 1";
        let any = v6.replace("01000000:1256", "00000000:1256");
        let mapped = v6.replace("00000000000000000000000001000000:1256", "0000000000000000FFFF00000100007F:1256");
        let used = v4.replace(" 0A ", " 01 ");
        let found =
            |line: &str, address: &str| nearest(parse(line).as_slice(), address.parse().unwrap()).first().copied();
        let gateway = Some(Listener { inode: 1785, user: 100 });
        assert_eq!(found(v4, "127.0.0.1:4694"), gateway);
        assert_eq!(found(&v4.replace("00000000:1256", "0100007F:1256"), "127.0.0.1:4694"), gateway);
        assert_eq!(found(&v4.replace("00000000:1256", "0200007F:1256"), "127.0.0.1:4694"), None);
        assert_eq!(found(v4, "127.0.0.1:4695"), None);
        assert_eq!(found(&used, "127.0.0.1:4694"), None);
        let root = Some(Listener { inode: 39, user: 0 });
        assert_eq!(found(v6, "[::1]:4694"), root);
        assert_eq!(found(v6, "127.0.0.1:4694"), None);
        assert_eq!(found(&any, "127.0.0.1:4694"), root);
        assert_eq!(found(&mapped, "127.0.0.1:4694"), root);
        for line in
            ["", "sl  local_address rem_address   st", "1: é:1256 x 0A a b c 0 0 1", "1: 0:1256 x 0A a b c 0 0 1"]
        {
            assert_eq!(found(line, "127.0.0.1:4694"), None, "{line}");
        }
    }

    #[test]
    fn another_users_socket_for_ipv6_alone_takes_no_port_over() {
        let own = "   1: 0100007F:1256 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1";
        let any = own.replace("0100007F", "00000000");
        let six = "   1: 00000000000000000000000000000000:1256 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 2 1";
        let users = |lines: &[&str], address: &str| {
            let sockets: Vec<Socket> = lines.iter().filter_map(|line| parse(line)).collect();
            nearest(&sockets, address.parse().unwrap()).iter().map(|listener| listener.user).collect::<Vec<_>>()
        };
        for ours in [own, &any] {
            assert_eq!(users(&[six, ours], "127.0.0.1:4694"), [0], "{ours}");
            assert_eq!(users(&[ours, six], "127.0.0.1:4694"), [0], "{ours}");
            assert_eq!(users(&[ours, six], "[::1]:4694"), [1000], "{ours}");
        }
        assert_eq!(users(&[six], "127.0.0.1:4694"), [1000], "it may take both");
        assert_eq!(users(&[own, own], "127.0.0.1:4694"), [0, 0]);
        let others = own.replace("     0        0 1 1", "  1000        0 2 1");
        assert_eq!(users(&[&any, &others], "127.0.0.1:4694"), [1000], "that very address comes before any");
        assert!(users(&[own, six], "127.0.0.1:4695").is_empty());
    }

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
            // A child that another test has just forked has the socket as well, as long as it is only closed.
            client.shutdown(Shutdown::Both).unwrap();
            assert_eq!(user_of(peer, local).unwrap(), None, "{address}: a closed one has no user");
        }
    }
}
