//! Addresses of Redis.

use std::path::PathBuf;

use super::RedisAddress;

/// Redis's own port.
const PORT: u16 = 6379;

/// What to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket.
    Unix(PathBuf),
    /// A TCP port.
    Tcp {
        /// The host's name or address, without brackets.
        host: String,
        /// The port.
        port: u16,
        /// The database; 0 unless another one is named.
        database: u32,
    },
}

impl RedisAddress {
    /// Returns what to connect to; `None` if the URL is of another form than `redis://HOST[:PORT][/DATABASE]` or
    /// `unix:///PATH`.
    pub fn endpoint(&self) -> Option<Endpoint> {
        match self {
            Self::Unix(path) => Some(Endpoint::Unix(path.clone())),
            Self::Url(url) => parse(url),
        }
    }
}

fn parse(url: &str) -> Option<Endpoint> {
    if let Some(path) = url.strip_prefix("unix://") {
        return path.starts_with('/').then(|| Endpoint::Unix(path.into()));
    }
    let rest = url.strip_prefix("redis://")?;
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = match authority.strip_prefix('[') {
        Some(v6) => v6.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = if port.is_empty() { PORT } else { port.strip_prefix(':')?.parse().ok()? };
    let database = if database.is_empty() { 0 } else { database.parse().ok()? };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    let usable = !host.is_empty() && host.chars().all(plain) && port != 0;
    usable.then(|| Endpoint::Tcp { host: host.into(), port, database })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16, database: u32) -> Option<Endpoint> {
        Some(Endpoint::Tcp { host: host.into(), port, database })
    }

    #[test]
    fn urls_become_what_to_connect_to() {
        for (url, endpoint) in [
            ("redis://127.0.0.1:6379", tcp("127.0.0.1", 6379, 0)),
            ("redis://[::1]", tcp("::1", 6379, 0)),
            ("redis://[fe80::1%eth0]:7000/", tcp("fe80::1%eth0", 7000, 0)),
            ("redis://redis.example.com/2", tcp("redis.example.com", 6379, 2)),
            ("unix:///run/redis.sock", Some(Endpoint::Unix("/run/redis.sock".into()))),
        ] {
            assert_eq!(parse(url), endpoint, "{url}");
        }
        for url in [
            "",
            "redis://",
            "redis://:1",
            "redis://h:",
            "redis://h:0",
            "redis://h:70000",
            "redis://h/x",
            "redis://h/1/2",
            "redis://[::1",
            "redis://[::1]x",
            "redis://u:p@h",
            "redis://h?x=1",
            "rediss://h",
            "unix://run",
            "h:6379",
        ] {
            assert_eq!(parse(url), None, "{url}");
        }
    }
}
