//! Which addresses are passed to restic. Pure.
//!
//! restic starts `ssh` for `sftp:` and `rclone` for `rclone:`, with parts of the address as arguments. An rclone
//! connection string can name a program to run (`bearer_token_command`), and a host that begins with a hyphen is an
//! option (`-oProxyCommand=`). So only plain hosts and names of configured remotes pass; all else is refused.

use std::net::Ipv6Addr;
use std::path::{Component, Path, PathBuf};

use super::limits::MAX_TEXT;
use crate::model::repository::{NotProbed, Unsafe};

/// Kinds of destinations that NS8 opens with variables and remotes of its own.
const OPENED_BY_NS8: [&str; 5] = ["azure", "smb", "webdav", "cluster", "file"];

/// An address that is safe to pass on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// What opens it.
    pub(super) kind: Kind,
    /// `RESTIC_REPOSITORY`; may hold a login.
    pub(super) location: String,
}

/// What opens a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A folder of this machine.
    Local(PathBuf),
    /// An S3 server.
    S3,
    /// Backblaze B2.
    B2,
    /// restic's own HTTP protocol.
    Rest,
    /// `ssh`.
    Sftp,
    /// `rclone`, with a configured remote.
    Rclone,
}

/// Checks the address `text`.
///
/// # Errors
/// Returns an error for all that is not plainly one of the kinds.
pub(super) fn parse(text: &str) -> Result<Address, NotProbed> {
    if !is_plain(text) {
        return Err(Unsafe::Text.into());
    }
    if text.starts_with('/') {
        return local(text);
    }
    let (scheme, rest) = text.split_once(':').ok_or(Unsafe::Scheme)?;
    let kind = match scheme {
        "local" => return local(rest),
        "s3" => s3(rest).map(|()| Kind::S3),
        "b2" => b2(rest).map(|()| Kind::B2),
        "rest" => http(rest).ok_or(Unsafe::Scheme)?.map(|()| Kind::Rest),
        "sftp" => sftp(rest).map(|()| Kind::Sftp),
        "rclone" => rclone(rest).map(|()| Kind::Rclone),
        kind if OPENED_BY_NS8.contains(&kind) => return Err(NotProbed::OpenedByNs8(kind.into())),
        _ => Err(Unsafe::Scheme),
    };
    Ok(Address { kind: kind?, location: text.into() })
}

/// Whether `text` can be a value of the environment: short, without control characters.
pub(super) fn is_plain(text: &str) -> bool {
    text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
}

/// Whether `path` stays below the folder that it is appended to: `<app>/<uuid>`.
pub(super) fn stays_below(path: &str) -> bool {
    let plain = |segment: &str| !matches!(segment, "" | "." | "..") && !segment.contains('\\');
    is_plain(path) && path.split('/').all(plain)
}

impl From<Unsafe> for NotProbed {
    fn from(why: Unsafe) -> Self {
        Self::Unsafe(why)
    }
}

fn local(text: &str) -> Result<Address, NotProbed> {
    let path = Path::new(text);
    let upwards = path.components().any(|component| component == Component::ParentDir);
    if !path.is_absolute() || upwards {
        return Err(Unsafe::Path.into());
    }
    Ok(Address { kind: Kind::Local(path.into()), location: format!("local:{text}") })
}

/// `host/bucket/path` or `https://host/bucket/path`; `s3://host/bucket` is an older spelling.
fn s3(rest: &str) -> Result<(), Unsafe> {
    http(rest).unwrap_or_else(|| {
        let (host, bucket) = rest.trim_start_matches("//").split_once('/').unwrap_or((rest, ""));
        check(is_host_port(host) && !bucket.starts_with('-'), Unsafe::Host)
    })
}

/// `bucket`, `bucket:path` or `bucket/path`.
fn b2(rest: &str) -> Result<(), Unsafe> {
    let bucket = rest.split([':', '/']).next().unwrap_or_default();
    check(is_name(bucket), Unsafe::Host)
}

/// `http://[login@]host[:port]/…`; `None` for any other scheme.
fn http(rest: &str) -> Option<Result<(), Unsafe>> {
    let url = rest.strip_prefix("https://").or_else(|| rest.strip_prefix("http://"))?;
    let authority = url.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(check(is_host_port(host) && !url.contains([' ', '\\']), Unsafe::Host))
}

/// `//[user@]host[:port]/path` or `[user@]host:path`.
fn sftp(rest: &str) -> Result<(), Unsafe> {
    let url = rest.strip_prefix("//");
    let (authority, _) =
        rest.strip_prefix("//").map_or_else(|| rest.split_once(':'), |url| url.split_once('/')).ok_or(Unsafe::Host)?;
    let (user, host) = authority.rsplit_once('@').unwrap_or(("nobody", authority));
    let is_user = user.split('@').all(is_name);
    check(is_user && if url.is_some() { is_host_port(host) } else { is_name(host) }, Unsafe::Host)
}

/// `NAME:path`, where NAME is a remote of rclone's configuration. A connection string has a comma in it or begins with
/// a colon.
fn rclone(rest: &str) -> Result<(), Unsafe> {
    let (name, _) = rest.split_once(':').ok_or(Unsafe::Remote)?;
    check(is_name(name), Unsafe::Remote)
}

fn check(holds: bool, why: Unsafe) -> Result<(), Unsafe> {
    if holds { Ok(()) } else { Err(why) }
}

fn is_host_port(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (text, "0"),
    };
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    port.parse::<u16>().is_ok() && (is_name(host) || v6.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok()))
}

/// Whether `text` is a name that no program takes for an option: of letters, digits, `.`, `_` and `-`, and not with a
/// hyphen in front.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !text.is_empty() && !text.starts_with('-') && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_addresses_pass_as_they_are() {
        for (text, kind) in [
            ("s3:s3.amazonaws.com/bucket/mail/u1", Kind::S3),
            ("s3://host/bucket", Kind::S3),
            ("s3:https://user:pw@host:9000/bucket/", Kind::S3),
            ("s3:http://[::1]:9000/bucket", Kind::S3),
            ("b2:my-bucket", Kind::B2),
            ("b2:bucket:a folder/x", Kind::B2),
            ("b2:bucket/folder", Kind::B2),
            ("rest:http://u:p@127.0.0.1:8000/x/", Kind::Rest),
            ("sftp:user@host:/srv/backup", Kind::Sftp),
            ("sftp:host:relative path", Kind::Sftp),
            ("sftp:user@domain@host:/srv", Kind::Sftp),
            ("sftp://user@host:2222//srv", Kind::Sftp),
            ("sftp://[fe80::1]:22/srv", Kind::Sftp),
            ("rclone:nas.old_2-x:", Kind::Rclone),
            ("rclone:nas:-folder with, comma=and:colon", Kind::Rclone),
            ("local:/srv/backup", Kind::Local("/srv/backup".into())),
        ] {
            assert_eq!(parse(text), Ok(Address { kind, location: text.into() }), "{text}");
        }
        let plain = Address { kind: Kind::Local("/srv/s3:odd".into()), location: "local:/srv/s3:odd".into() };
        assert_eq!(parse("/srv/s3:odd"), Ok(plain));
    }

    #[test]
    fn what_could_run_a_command_or_be_an_option_is_refused() {
        let long = format!("local:/{}", "x".repeat(MAX_TEXT));
        for (text, why) in [
            ("rclone::webdav,url=\"http://x\",bearer_token_command=\"touch /tmp/x\":", Unsafe::Remote),
            ("rclone:nas,bearer_token_command=x:", Unsafe::Remote),
            ("rclone::local:/", Unsafe::Remote),
            ("rclone:-v:", Unsafe::Remote),
            ("rclone:--config=x:y", Unsafe::Remote),
            ("rclone:/etc", Unsafe::Remote),
            ("rclone:", Unsafe::Remote),
            ("rclone: nas:", Unsafe::Remote),
            ("rclone:nas\u{e9}:", Unsafe::Remote),
            ("sftp:-oProxyCommand=touch:/x", Unsafe::Host),
            ("sftp:user@-oProxyCommand=touch:/x", Unsafe::Host),
            ("sftp:-lroot@host:/x", Unsafe::Host),
            ("sftp:a@-b@host:/x", Unsafe::Host),
            ("sftp://-oProxyCommand=touch/x", Unsafe::Host),
            ("sftp://user@-F/x", Unsafe::Host),
            ("sftp://%2DoProxyCommand/x", Unsafe::Host),
            ("sftp://host:-p/x", Unsafe::Host),
            ("sftp://host", Unsafe::Host),
            ("sftp:host", Unsafe::Host),
            ("sftp:[::1]:/x", Unsafe::Host),
            ("sftp:$(id)@host:x", Unsafe::Host),
            ("rest:http+unix:///run/x.sock:/r", Unsafe::Scheme),
            ("rest:file:///etc", Unsafe::Scheme),
            ("rest:", Unsafe::Scheme),
            ("rest:http:///x", Unsafe::Host),
            ("s3:-host/bucket", Unsafe::Host),
            ("s3:https://ho st/bucket", Unsafe::Host),
            ("b2:-bucket", Unsafe::Host),
            ("local:relative", Unsafe::Path),
            ("local:-o", Unsafe::Path),
            ("local:/srv/../etc", Unsafe::Path),
            ("/srv/..", Unsafe::Path),
            ("--password-command=touch", Unsafe::Scheme),
            ("-o:x", Unsafe::Scheme),
            ("gs:bucket:/", Unsafe::Scheme),
            ("", Unsafe::Scheme),
            ("S3:host/bucket", Unsafe::Scheme),
            ("s3:host/bucket\nRESTIC_PASSWORD_COMMAND=x", Unsafe::Text),
            ("s3:host\0", Unsafe::Text),
            ("rclone:nas:\u{1b}[2K", Unsafe::Text),
            (&long, Unsafe::Text),
        ] {
            assert_eq!(parse(text), Err(NotProbed::Unsafe(why)), "{text}");
        }
    }

    #[test]
    fn what_only_ns8_opens_is_known_by_its_kind() {
        for kind in OPENED_BY_NS8 {
            assert_eq!(parse(&format!("{kind}:x")), Err(NotProbed::OpenedByNs8(kind.into())));
        }
    }

    #[test]
    fn a_modules_path_stays_below_its_destination() {
        assert!(stays_below("mail/3c0b-11"));
        for path in ["", "/", "mail/", "/etc", "../mail/u", "mail/..", "mail/./u", "mail//u", "a\\..\\b/u", "a/b\n"] {
            assert!(!stays_below(path), "{path:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_passes_gives_programs_no_option_and_no_connection_string(text in "(sftp:|rclone:|s3:|rest:)?(//)?[-a-z@:,=/\\[\\]%. \"]{0,24}") {
            if let Ok(Address { kind, location }) = parse(&text) {
                let rest = location.split_once(':').unwrap().1.trim_start_matches('/');
                match kind {
                    Kind::Rclone => proptest::prop_assert!(!rest.starts_with(['-', ':']) && !rest.split(':').next().unwrap().contains([',', '=', '/', ' '])),
                    Kind::Sftp => proptest::prop_assert!(!rest.starts_with('-') && !rest.split(['/', ':']).next().unwrap().contains("@-")),
                    _ => {}
                }
            }
        }
    }
}
