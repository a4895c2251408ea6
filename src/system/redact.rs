//! Takes secrets out of what outside programs say. Pure.

use secrecy::{ExposeSecret, SecretString};

use crate::model::order::sort_by_key;

/// What stands where a secret stood.
const MASK: &str = "***";

/// `text` without any of `secrets`, and without those that stand in a location in it.
pub(crate) fn redact(text: &str, secrets: &[&SecretString]) -> String {
    let mut secrets: Vec<&str> = secrets.iter().map(|secret| secret.expose_secret()).collect();
    // The longest first: where one holds another, nothing of it may remain.
    sort_by_key(&mut secrets, |secret| std::cmp::Reverse(secret.len()));
    let spared = |text: String, secret: &str| text.replace(secret, MASK);
    let text = secrets.into_iter().filter(|secret| !secret.is_empty()).fold(text.to_owned(), spared);
    without_inline_secrets(&text)
}

/// `text` without what a location may hold in itself: the password of a URL, or the parameters of an rclone remote.
pub(crate) fn without_inline_secrets(text: &str) -> String {
    without_url_passwords(&without_parameters(text))
}

/// `:webdav,url="https://host",pass=word:path`, rclone's connection string, becomes `:webdav,url=***,pass=***:path`.
fn without_parameters(text: &str) -> String {
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(',') {
        clean.extend([before, ","]);
        rest = after;
        if let Some((name, value)) = after.split_once('=').filter(|(name, _)| is_name(name)) {
            clean.extend([name, "=", MASK]);
            rest = &value[value_length(value)..];
        }
    }
    clean + rest
}

/// How long a parameter's value is at the beginning of `text`: up to a comma or colon outside of its quotation marks. A
/// mark that is doubled stands for itself; around one that a program quotes there is a backslash.
fn value_length(text: &str) -> usize {
    let quote = text.trim_start_matches('\\').chars().next().filter(|c| matches!(c, '"' | '\''));
    let mut quoted = false;
    let end = text.find(|c| {
        quoted ^= Some(c) == quote;
        c == '\n' || !quoted && matches!(c, ',' | ':')
    });
    end.unwrap_or(text.len())
}

/// `https://user:password@host/?query` becomes `https://user:***@host/?***`: a query may hold a signature.
fn without_url_passwords(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        clean.extend([before, "://"]);
        let end = after.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`')).unwrap_or(after.len());
        let mut url = &after[..end];
        if let Some((user, login)) = login(url) {
            clean.extend([user, ":", MASK]);
            url = &url[login.len()..];
        }
        rest = &after[end - url.len()..];
        if let Some((path, query)) =
            url.split_once('?').filter(|(path, query)| !query.is_empty() && !path.contains("://"))
        {
            clean.extend([path, "?", MASK]);
            rest = &rest[path.len() + 1 + query.len()..];
        }
    }
    clean + rest
}

/// The user, and user and password together, at the beginning of what follows a URL's `://`. The password may hold
/// anything but a space or a quotation mark: one with a `/` in it makes no valid URL, and programs quote exactly those
/// in their errors.
fn login(url: &str) -> Option<(&str, &str)> {
    let (login, _) = url.rsplit_once('@')?;
    let (user, password) = login.split_once(':')?;
    (!password.is_empty()).then_some((user, login))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_whatever_is_around_them() {
        let secrets: [SecretString; 4] = ["s3cret".into(), "s3cret-longer".into(), "".into(), "key/id".into()];
        let text = "wrong s3cret-longer, s3cret for key/id at https://u:p/w@h/x and \"rest:http://u:@h\" s3://a/b@c";
        assert_eq!(
            redact(text, &secrets.each_ref()),
            "wrong ***, *** for *** at https://u:***@h/x and \"rest:http://u:@h\" s3://a/b@c"
        );
    }

    #[test]
    fn a_password_that_is_also_the_users_name_goes_from_its_own_place() {
        assert_eq!(without_url_passwords("https://a:ab@host/ab https://x"), "https://a:***@host/ab https://x");
        assert_eq!(without_url_passwords("https://ab:a@host/"), "https://ab:***@host/");
    }

    #[test]
    fn a_query_goes_wherever_the_url_stands() {
        for (text, clean) in [
            ("azure:https://host/c?sig=a%2Fb&se=1", "azure:https://host/c?***"),
            ("'https://u:p@host/c?sig=a' or https://h?k: no", "'https://u:***@host/c?***' or https://h?*** no"),
            ("is it https://host/c?", "is it https://host/c?"),
            ("https://a,https://b?q=https://c https://u:p?w@h?q", "https://a,https://b?*** https://u:***@h?***"),
        ] {
            assert_eq!(without_url_passwords(text), clean);
        }
        assert_eq!(without_url_passwords("https://://A@host http://u:p@h"), "https://:***@host http://u:***@h");
    }

    #[test]
    fn the_parameters_of_an_rclone_remote_go_the_remote_and_its_path_stay() {
        for (text, clean) in [
            ("rclone::webdav,url=\"https://h:1/x\",pass=p,shared:a/b", "rclone::webdav,url=***,pass=***,shared:a/b"),
            ("rclone::webdav,url='https://h',pass='a:,''b:c':p", "rclone::webdav,url=***,pass=***:p"),
            ("rclone:nas,pass=p w\"d:", "rclone:nas,pass=***:"),
            ("rclone:nas,pass=no colon", "rclone:nas,pass=***"),
            (r#"for ":s,url=\"u:v\",pass=\"a:b\":p": no"#, r#"for ":s,url=***,pass=***:p": no"#),
            (":s,url=https://u:p@h,pass=x:", ":s,url=***://u:***@h,pass=***:"),
            ("s3:host/bucket, is it = or not, b: c", "s3:host/bucket, is it = or not, b: c"),
        ] {
            assert_eq!(without_inline_secrets(text), clean);
        }
    }
}
