//! Takes secrets out of a log line, whose secrets nobody knows beforehand. Pure.
//!
//! Masks what stands in a secret's place (`PASSWORD=…`, `--password …`, `Authorization: …`, `https://user:…@host`) and
//! what looks like one (access keys, web tokens, private keys). Works on whole lines: cut afterwards, never before.

use crate::system::redact::without_inline_secrets;

/// What stands where a secret stood.
const MASK: &str = "***";

/// Parts of a name whose value is a secret.
const SECRET_NAMES: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "pass",
    "pwd",
    "secret",
    "token",
    "credential",
    "apikey",
    "accesskey",
    "accountkey",
    "signature",
    "cookie",
    "authorization",
];

/// Names that are secret as a whole, or at the end of a longer name.
const SECRET_ENDINGS: [&str; 4] = ["key", "keyid", "sig", "auth"];

/// Returns `line` without what is, or may be, a secret.
pub(super) fn redact(line: &str) -> String {
    let line = without_key_blocks(line);
    let line = without_headers(&line);
    let line = without_assignments(&line);
    let line = if line.contains('-') { without_options(&line) } else { line };
    let line = without_inline_secrets(&line);
    let line = if line.contains('@') { without_logins(&line) } else { line };
    without_tokens(&line)
}

/// `-----BEGIN … PRIVATE KEY-----` and all that follows.
fn without_key_blocks(line: &str) -> String {
    match line.find("-----BEGIN ") {
        Some(at) => format!("{}{MASK}", &line[..at]),
        None => line.to_owned(),
    }
}

/// `Authorization: Basic dXNlcjpwYXNz` and the like: everything up to the end of the header's value.
fn without_headers(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((at, scheme)) = first_of(rest, &["bearer ", "basic ", "digest ", "aws4-hmac-sha256 "]) {
        let value = at + scheme.len();
        clean.push_str(&rest[..value]);
        rest = &rest[value..];
        let end =
            rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ']' | '}')).unwrap_or(rest.len());
        let token = &rest[..end];
        let is_word = token.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '.' | ',' | ':'));
        let long = scheme == "aws4-hmac-sha256 ";
        if long {
            clean.push_str(MASK);
            return clean;
        }
        if !token.is_empty() && !is_word {
            clean.push_str(MASK);
            rest = &rest[end..];
        }
    }
    clean + rest
}

/// The first place in `text`, whatever its case, at which one of `words` begins, not in the middle of a word.
fn first_of<'a>(text: &str, words: &[&'a str]) -> Option<(usize, &'a str)> {
    let lower = text.to_ascii_lowercase();
    let begins = |at: usize| !lower[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
    let places = words
        .iter()
        .filter_map(|word| lower.match_indices(word).map(|(at, _)| at).find(|at| begins(*at)).map(|at| (at, *word)));
    places.min()
}

/// `NAME=value`, `"name": "value"`, `name: value` where the name is a secret's.
fn without_assignments(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['=', ':']) {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let assigns = rest.as_bytes()[at] == b'=';
        clean.push_str(&rest[..=at]);
        rest = after;
        let quoted = before.ends_with(['"', '\'']);
        let name = before.trim_end_matches(['"', '\'', '\\', ' ']);
        let start = name
            .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))
            .map_or(0, |at| at + name[at..].chars().next().map_or(1, char::len_utf8));
        // `open secret.key: permission denied` names a file.
        let is_file = !assigns && !quoted && (name[start..].contains('.') || name[..start].ends_with('/'));
        if is_file || !is_secret_name(&name[start..], assigns || quoted) || after.starts_with("//") {
            continue;
        }
        let blank = after.len() - after.trim_start_matches([' ', '\t']).len();
        let is_header = ["authorization", "cookie"].iter().any(|end| name.to_lowercase().ends_with(end));
        let length = match is_header && !quoted && !assigns {
            true => header_length(&after[blank..]),
            false => value_length(&after[blank..], assigns || quoted),
        };
        if length > 0 {
            clean.push_str(&after[..blank]);
            clean.push_str(MASK);
            rest = &after[blank + length..];
        }
    }
    clean + rest
}

/// Whether `name` names a secret. A plain word before a colon (`open key: no such file`) has to be a password's own.
fn is_secret_name(name: &str, certain: bool) -> bool {
    let name: String = name.chars().filter(|c| !matches!(c, '_' | '-' | '.')).collect::<String>().to_lowercase();
    if certain {
        return SECRET_NAMES.iter().any(|part| name.contains(part))
            || SECRET_ENDINGS.iter().any(|end| name.ends_with(end));
    }
    ["password", "passwd", "passphrase", "secret", "token", "apikey", "authorization", "cookie"]
        .iter()
        .any(|end| name.ends_with(end))
        || ["secretkey", "accesskey", "accesskeyid", "accountkey"].iter().any(|end| name.ends_with(end))
}

/// How long the value at the beginning of `text` is: to its closing quotation mark, or to the next blank.
fn value_length(text: &str, certain: bool) -> usize {
    let escapes = text.len() - text.trim_start_matches('\\').len();
    if let Some(quote) = text[escapes..].chars().next().filter(|c| matches!(c, '"' | '\'' | '`')) {
        let inner = &text[escapes + 1..];
        let mut escaped = false;
        let end = inner.find(|c: char| {
            let ends = c == quote && (escapes > 0 || !escaped);
            escaped = c == '\\' && !escaped;
            ends
        });
        return end.map_or(text.len(), |end| escapes + 1 + end + 1);
    }
    text.find(|c: char| c.is_whitespace() || !certain && c == ',').unwrap_or(text.len())
}

/// How long a header's value is: to the quotation mark around the header, if there is one.
fn header_length(text: &str) -> usize {
    let blank = text.len() - text.trim_start().len();
    let end = text[blank..].find(['"', '\'', '`']).filter(|at| *at > 0);
    end.map_or(text.len(), |end| blank + end)
}

/// `--password VALUE`, `-u user:password` and, of a database's client, `-pVALUE`.
fn without_options(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut mask_next = false;
    let client = line.contains("mysql") || line.contains("mariadb") || line.contains("redis-cli");
    for token in line.split_inclusive(char::is_whitespace) {
        let word = token.trim_end();
        let blank = &token[word.len()..];
        let bare = word.trim_matches(['\'', '"', ',', '[', ']', '(', ')']);
        let is_option = bare.starts_with('-');
        if mask_next && !bare.is_empty() && !is_option {
            clean.push_str(MASK);
        } else if client && bare.len() > 2 && (bare.starts_with("-p") || bare.starts_with("-a")) {
            clean.push_str(&word[..word.find(bare).unwrap_or(0) + 2]);
            clean.push_str(MASK);
        } else {
            clean.push_str(word);
        }
        clean.push_str(blank);
        let name = bare.trim_start_matches('-');
        mask_next = if bare.is_empty() {
            mask_next
        } else {
            is_option
                && (bare == "-a" && client
                    || (bare == "-u" || bare == "--user") && !client
                    || bare.starts_with("--") && !bare.contains('=') && is_secret_name(name, true))
        };
    }
    clean
}

/// `user:password@host` without a scheme.
fn without_logins(line: &str) -> String {
    const SCHEMES: [&str; 12] =
        ["sftp", "ssh", "s3", "rest", "rclone", "b2", "azure", "gs", "swift", "smb", "webdav", "mailto"];
    let login = |word: &str| {
        let host = word.rfind('@')?;
        let mut start = 0;
        while let Some(colon) = word[start..host].find(':').map(|at| start + at) {
            let user = word[start..colon].trim_matches(|c: char| !c.is_alphanumeric());
            if word[colon..].starts_with("://") {
                return None;
            }
            if !SCHEMES.contains(&user) {
                return (colon + 1 < host).then(|| format!("{}:{MASK}{}", &word[..colon], &word[host..]));
            }
            start = colon + 1;
        }
        None
    };
    line.split_inclusive(char::is_whitespace).map(|word| login(word).unwrap_or_else(|| word.to_owned())).collect()
}

/// Access keys, web tokens, and other long words that mix capitals, small letters and digits as only secrets do.
fn without_tokens(line: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '_' | '-' | '/' | '=' | '.');
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(is_part) {
        let end = rest[start..].find(|c| !is_part(c)).map_or(rest.len(), |length| start + length);
        clean.push_str(&rest[..start]);
        let word = &rest[start..end];
        if is_token(word) {
            clean.push_str(MASK);
        } else {
            // A path may hold a token as one of its parts.
            for part in word.split_inclusive('/') {
                let bare = part.trim_end_matches('/');
                clean.push_str(if is_token(bare) { MASK } else { bare });
                clean.push_str(&part[bare.len()..]);
            }
        }
        rest = &rest[end..];
    }
    clean + rest
}

fn is_token(word: &str) -> bool {
    if word.starts_with("eyJ") && word.matches('.').count() == 2 {
        // A web token.
        return true;
    }
    if word.len() < 20 {
        return false;
    }
    let has = |test: fn(&char) -> bool| word.chars().any(|c| test(&c));
    let mixed = has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit);
    let access_key = |prefix: &str| {
        word.len() == 20
            && word.starts_with(prefix)
            && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    };
    let slashes = word.matches('/').count();
    let dots = word.matches('.').count();
    access_key("AKIA")
        || access_key("ASIA")
        || word.len() >= 24 && mixed && dots == 0 && slashes == 0
        // An AWS secret: 40 characters, of which a few may be slashes; no path begins or reads like that.
        || word.len() == 40 && mixed && dots == 0 && slashes <= 3 && !word.starts_with('/')
        || word.len() >= 44 && word.ends_with('=') && mixed && dots == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A secret, in all the clothes it may come in.
    const DRESSED: [&str; 36] = [
        "RESTIC_PASSWORD=@",
        "AWS_SECRET_ACCESS_KEY='@' restic",
        "export B2_ACCOUNT_KEY=\"@\"",
        "env: AZURE_ACCOUNT_KEY=@ x",
        "password: @",
        "Password: \"@\", next",
        "{\"password\":\"@\",\"a\":1}",
        "{'secret_key': '@'}",
        "{\\\"password\\\": \\\"@\\\"}",
        "mysqldump --password=@ db",
        "mysqldump --password @ db",
        "mysqldump -u root -p@ db",
        "['mysqldump', '-p@', 'db']",
        "['pg_dump', '--password', '@']",
        "redis-cli -a @ ping",
        "curl -u user:@ http://host/",
        "curl --user user:@ http://host/",
        "https://user:@@host/path",
        "rest:https://user:@@host:8000/",
        "dial user:@@host failed",
        "Authorization: Basic @",
        "authorization: Bearer @",
        "header \"Authorization: token @\"",
        "Bearer @",
        "X-Auth-Token: @",
        "Cookie: @",
        "https://host/bucket?X-Amz-Signature=@&x=1",
        "?sig=@",
        ":s3,access_key_id=x,secret_access_key=@:bucket",
        "rclone::webdav,url=\"https://h\",pass=@:path",
        "webdav pass = @",
        "PGPASSWORD=@ pg_dump",
        "RCLONE_SMB_PASS=@",
        "tokens are api_key=@",
        "-----BEGIN RSA PRIVATE KEY----- @",
        "client_secret=@&grant",
    ];

    #[test]
    fn no_secret_survives_whatever_it_is_dressed_in() {
        for secret in ["hunter2", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "a-b_c.d", "pä55wörd", "p@ss", "x/y+z=="]
        {
            for dress in DRESSED {
                // The second sign of the two is the address's own.
                let line = format!("[ERROR] x {} end", dress.replacen('@', secret, 1));
                let clean = redact(&line);
                assert!(!clean.contains(secret), "{line} became {clean}");
                assert!(clean.contains(MASK) && clean.starts_with("[ERROR] x "), "{line} became {clean}");
            }
        }
    }

    #[test]
    fn what_looks_like_a_secret_goes_without_any_dress() {
        for secret in [
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVPmB92K27uhbUJU1p1r",
            "ghp16C7e42F292c6912E7710c838347Ae178B4a",
            "MIIEowIBAAKCAQEA7bq3Wl0mZrXh1t5Q0xK3fJ9zQm3o8VbYb2Zt5XnA==",
        ] {
            for line in [secret.to_owned(), format!("error for {secret}: no"), format!("/a/b/{secret}")] {
                if secret.contains('/') && line.starts_with('/') {
                    continue;
                }
                assert!(!redact(&line).contains(secret), "{line} became {}", redact(&line));
            }
        }
    }

    #[test]
    fn words_that_only_sound_like_secrets_stay() {
        for line in [
            "Fatal: wrong password or no key found",
            "unable to open key: no such file",
            "error: open state/secret.key: permission denied",
            "error: open /srv/token: permission denied",
            "load <snapshot/1cdbc605a8ff63a0d1f3a0a1aa2a5e3b7c61e1d1d5fbd2f9b9d7c3a4f6e8d0c2>: invalid data returned",
            "rest:http://127.0.0.1:4694/48ce000e-79b7-5fe6-8558-177fd70c27b4/mail/0d2a1f00-0000-4000-8000-000000000005/",
            "mail1: starting backup 2 at Tue Nov 24 02:00:03 2026",
            "pg_dump: error: connection to server at \"127.0.0.1\", port 5432 failed: Connection refused",
            "subprocess: unable to open repository at sftp:backup@host.example.org:/srv/restic",
            "basic authentication failed, see the bearer token documentation",
            "open /home/mail1/.local/share/containers/storage/overlay/l/ABC: no space left on device",
            "Access denied for user 'root'@'localhost' (using password: YES)",
        ] {
            let clean = redact(line);
            assert_eq!(clean.replace("password: ***", "password: YES)"), line);
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_around_it_a_secret_goes(
            before in "\\PC{0,60}",
            after in "\\PC{0,60}",
            secret in "[a-zA-Z0-9]{8,30}",
            dress in 0..DRESSED.len(),
        ) {
            // The second sign of the two is the address's own; a dress ends where the line goes on.
            let dressed = DRESSED[dress].replacen('@', &secret, 1);
            let line = format!("{before} {dressed} {after}");
            proptest::prop_assume!(line.matches(&secret).count() == 1);
            let clean = redact(&line);
            proptest::prop_assert!(!clean.contains(&secret), "{line} became {clean}");
        }
    }
}
