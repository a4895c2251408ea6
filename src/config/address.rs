//! Addresses of Redis.

use std::path::PathBuf;

use super::{RedisAddress, Url, bare};

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
    let Url { scheme: "redis", host, port, rest } = Url::parse(url)? else { return None };
    let database = match rest {
        "" | "/" => 0,
        rest => rest.strip_prefix('/')?.parse().ok()?,
    };
    Some(Endpoint::Tcp { host: bare(host).into(), port: port.unwrap_or(PORT), database })
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
