//! Addresses of servers, as far as the configuration has them. Pure.

/// The parts of an address `scheme://host:port/path`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Url<'a> {
    /// What stands before `://`.
    pub scheme: &'a str,
    /// Name or address of the server, an IPv6 address in brackets.
    pub host: &'a str,
    /// The port, if the address names one.
    pub port: Option<u16>,
    /// What follows: empty, or a path or query with its first character.
    pub rest: &'a str,
}

impl<'a> Url<'a> {
    /// Returns the parts of `text`, or `None` if it is not such an address. An address with a user or a password
    /// is rejected: they do not belong there.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (scheme, after) = text.split_once("://")?;
        let (authority, rest) = after.split_at(after.find(['/', '?', '#']).unwrap_or(after.len()));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok().filter(|port| *port > 0)?)),
            _ => (authority, None),
        };
        let bracketed = (host.starts_with('['), host.ends_with(']'));
        let fits = is_host(host) && bracketed == (host.contains(':'), host.contains(':'));
        (fits && !text.contains(|c: char| c.is_whitespace() || c.is_control())).then_some(Self {
            scheme,
            host,
            port,
            rest,
        })
    }
}

/// Longest name of a host (RFC 1035, section 2.3.4), in bytes.
const MAX_HOST: usize = 255;

/// Returns whether `text` can be the name or address of a host: not empty, of one piece, and without a port.
pub(crate) fn is_host(text: &str) -> bool {
    let address = bare(text).split('%').next().unwrap_or_default();
    if text.contains(':') && address.parse::<std::net::Ipv6Addr>().is_err() {
        return false;
    }
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']' | '%');
    (1..=MAX_HOST).contains(&text.len()) && text.chars().all(fits)
}

/// Returns a host without the brackets that an IPv6 address may be written in.
pub fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Returns `host:port`, an IPv6 address in brackets.
pub fn authority(host: &str, port: u16) -> String {
    match bare(host) {
        host if host.contains(':') => format!("[{host}]:{port}"),
        host => format!("{host}:{port}"),
    }
}

/// Returns whether `host` is this machine itself, by its name.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || bare(host).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_host_is_one_and_an_ipv6_address_is_in_brackets_before_its_port() {
        for host in ["10.5.4.1", "fd00::1"] {
            assert!(is_host(host), "{host}");
        }
        assert_eq!(authority("10.5.4.1", 20012), "10.5.4.1:20012");
        assert_eq!(authority("fd00::1", 80), "[fd00::1]:80");
        for host in ["", "a b", "h/x", "u@h"] {
            assert!(!is_host(host), "{host}");
        }
    }
}
