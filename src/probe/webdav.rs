//! Reads the gateway's WebDAV answers: which files there are, how large, and when they were written. Pure.
//!
//! The answer to `PROPFIND` is XML (RFC 4918, 14.16). Only three properties of each file are wanted, so that this looks
//! for their tags and knows no more of XML; what makes no sense is a file without properties.

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// A file behind the gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File {
    /// Whether it is a folder.
    pub folder: bool,
    /// When it was written.
    pub modified: Option<Timestamp>,
    /// Its size in bytes.
    pub size: Option<u64>,
}

/// The files in `xml`, one for each `response`, the folder that was asked for included; `None` if it is no such answer.
pub(super) fn files(xml: &str) -> Option<Vec<File>> {
    let mut files = Vec::new();
    let mut current = None;
    let mut rest = xml;
    let mut is_answer = false;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>')?;
        let text = after.split('<').next().unwrap_or_default().trim();
        match (name(tag), &mut current) {
            ("multistatus", _) => is_answer = true,
            ("response", _) => current = Some(File::default()),
            ("/response", current) => files.extend(current.take()),
            ("collection", Some(file)) => file.folder = true,
            ("getlastmodified", Some(file)) => file.modified = time(text).or(file.modified),
            ("getcontentlength", Some(file)) => file.size = text.parse().ok().or(file.size),
            _ => {}
        }
        rest = after;
    }
    is_answer.then_some(files)
}

/// The name in a tag without its namespace: `D:response xmlns="…"` is `response`, `/D:response` is `/response`.
fn name(tag: &str) -> &str {
    let name = tag.split([' ', '\t', '\r', '\n']).next().unwrap_or_default();
    match (name.strip_prefix('/'), name.rsplit_once(':')) {
        (Some(_), Some((_, "response"))) | (Some("response"), None) => "/response",
        (Some(_), _) => "",
        (None, Some((_, name))) => name.trim_end_matches('/'),
        (None, None) => name.trim_end_matches('/'),
    }
}

fn time(text: &str) -> Option<Timestamp> {
    rfc2822::parse(text).ok().map(|time| time.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As rclone 1.60 answers.
    const ANSWER: &str = r#"<?xml version="1.0" encoding="UTF-8"?><D:multistatus xmlns:D="DAV:"><D:response><D:href>/r/snapshots/</D:href><D:propstat><D:prop><D:resourcetype><D:collection xmlns:D="DAV:"/></D:resourcetype><D:displayname>snapshots</D:displayname><D:getlastmodified>Tue, 24 Nov 2026 18:35:46 GMT</D:getlastmodified></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response><D:response><D:href>/r/snapshots/231e</D:href><D:propstat><D:prop><D:getetag>"x"</D:getetag><D:resourcetype></D:resourcetype><D:getcontentlength>281</D:getcontentlength><D:getlastmodified>Tue, 24 Nov 2026 02:00:03 GMT</D:getlastmodified></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>"#;

    #[test]
    fn the_files_of_an_answer_are_found_whatever_the_prefix() {
        let folder = File { folder: true, modified: "2026-11-24T18:35:46Z".parse().ok(), size: None };
        let file = File { folder: false, modified: "2026-11-24T02:00:03Z".parse().ok(), size: Some(281) };
        let expected = Some(vec![folder, file]);
        assert_eq!(files(ANSWER), expected);
        assert_eq!(files(&ANSWER.replace("D:", "")), expected);
        assert_eq!(files(&ANSWER.replace("D:", "lp1:")), expected);
    }

    #[test]
    fn what_is_no_such_answer_has_no_files() {
        for text in ["", "no", "<html><response></response></html>", "<D:multistatus", "<D:multistatus><D:response"] {
            assert_eq!(files(text), None, "{text}");
        }
        assert_eq!(files("<multistatus><response><getcontentlength>-1</getcontentlength></multistatus>"), Some(vec![]));
        let senseless = "<multistatus><response><getlastmodified>soon</getlastmodified></response></multistatus>";
        assert_eq!(files(senseless), Some(vec![File::default()]));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "(<|>|/|:|D:|response|multistatus|getlastmodified|\\PC){0,60}") {
            let _ = files(&text);
        }
    }
}
