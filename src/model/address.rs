//! E-mail addresses, checked once where they come in.
//!
//! An address keeps what was written, for people, and gives the form that goes over the wire: its domain in ASCII, so
//! that every relay takes it. Nothing that has passed here can break a line of a header or of an SMTP command.

use std::fmt;
use std::str::FromStr;

/// Longest mailbox that is read at all, in bytes.
const MAX_MAILBOX: usize = 1000;
/// Longest address in its ASCII form, in bytes: a path holds 256 with its angle brackets (RFC 5321, section 4.5.3.1.3).
const MAX_ADDRESS: usize = 254;
/// Longest part before the `@`, in bytes (RFC 5321, section 4.5.3.1.1).
const MAX_LOCAL: usize = 64;
/// Longest label of a domain in ASCII, in bytes (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;

/// An e-mail address: `admin@example.com`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    local: String,
    domain: String,
    ascii_domain: String,
}

/// An address with an optional display name: `Night Watch <admin@example.com>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    /// The display name, on one line and not empty.
    pub name: Option<String>,
    /// The address.
    pub address: Address,
}

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no `@`.
    #[error("it has no @")]
    NoAt,
    /// The text before the `@` is not a local part.
    #[error("the part before the @ is not valid")]
    Local,
    /// The text behind the `@` is not a domain, or has no ASCII form.
    #[error("the domain is not valid")]
    Domain,
    /// The display name has a character that wants quotes, or a quote without its other half.
    #[error("the name is not valid; put it between quotes")]
    Name,
    /// An angle bracket is missing.
    #[error("an angle bracket is missing")]
    Bracket,
    /// There is a line break or another control character.
    #[error("it holds a control character")]
    Control,
    /// It is longer than any mail program accepts.
    #[error("it is too long")]
    TooLong,
}

impl Address {
    /// Returns the part before the `@`.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// Returns the domain as it was written.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Returns the domain in ASCII, each international label as punycode (RFC 5891).
    pub fn ascii_domain(&self) -> &str {
        &self.ascii_domain
    }

    /// Returns the address as it goes over the wire. It is ASCII unless the local part is not: that has no ASCII form,
    /// and only a relay with SMTPUTF8 (RFC 6531) takes it.
    pub fn wire(&self) -> String {
        format!("{}@{}", self.local, self.ascii_domain)
    }

    /// Returns whether both are the same mailbox. Strictly, a local part's case counts (RFC 5321, section 2.4); in
    /// practice it does not.
    pub fn is_same(&self, other: &Self) -> bool {
        self.wire().to_lowercase() == other.wire().to_lowercase()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NoAt)?;
        let local = match local.trim_start_matches(BLANK) {
            quoted if quoted.starts_with('"') && quoted.ends_with('"') => {
                unquoted(quoted).ok_or(AddressError::Local)?
            }
            plain => plain.into(),
        };
        let is_atom = |atom: &str| !atom.is_empty() && atom.chars().all(|c| c.is_alphanumeric() || is_atext(c));
        if !local.split('.').all(is_atom) {
            return Err(AddressError::Local);
        }
        let domain = domain.trim_start_matches(BLANK);
        let ascii_domain = ascii_domain(domain).ok_or(AddressError::Domain)?;
        if local.len() > MAX_LOCAL || local.len() + 1 + ascii_domain.len() > MAX_ADDRESS {
            return Err(AddressError::TooLong);
        }
        Ok(Self { local, domain: domain.into(), ascii_domain })
    }
}

impl FromStr for Mailbox {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > MAX_MAILBOX {
            return Err(AddressError::TooLong);
        }
        let text = text.trim();
        if text.chars().any(|c| c.is_control() && c != '\t') {
            return Err(AddressError::Control);
        }
        let Some(named) = text.strip_suffix('>') else {
            return Ok(Self { name: None, address: text.parse()? });
        };
        let (name, address) = named.rsplit_once('<').ok_or(AddressError::Bracket)?;
        let name = unquoted(name).ok_or(AddressError::Name)?;
        Ok(Self { name: Some(name).filter(|name| !name.is_empty()), address: address.parse()? })
    }
}

/// Returns what stands between the commas of a list of mailboxes. A comma in quotes is part of a name.
pub(crate) fn separated(list: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    list.split(move |c| {
        (quoted, escaped) = (quoted ^ (c == '"' && !escaped), c == '\\' && !escaped);
        c == ',' && !quoted
    })
}

/// What may stand between the parts of an address.
const BLANK: [char; 2] = [' ', '\t'];

/// Returns the words of a phrase (RFC 5322, section 3.2.5), one space apart and without their quotes; `None` if a
/// character stands outside quotes that must not, or a quote is never closed.
fn unquoted(phrase: &str) -> Option<String> {
    let mut text = String::new();
    let mut in_quotes = false;
    let mut rest = phrase.chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => in_quotes = !in_quotes,
            '\\' if in_quotes => text.push(rest.next()?),
            c if in_quotes || !c.is_ascii() || is_atext(c) || c == '.' || BLANK.contains(&c) => text.push(c),
            _ => return None,
        }
    }
    (!in_quotes).then(|| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Returns the ASCII form of a domain, or `None` if the text is no domain.
fn ascii_domain(domain: &str) -> Option<String> {
    let ascii = match domain.is_ascii() {
        true => domain.to_owned(),
        false => idna::domain_to_ascii(domain).ok()?,
    };
    let is_label = |label: &str| {
        let ends = label.starts_with(|c: char| c.is_ascii_alphanumeric())
            && label.ends_with(|c: char| c.is_ascii_alphanumeric());
        ends && label.len() <= MAX_LABEL && label.chars().all(is_atext)
    };
    ascii.split('.').all(is_label).then_some(ascii)
}

/// Returns whether a character of ASCII may stand in an atom (RFC 5322, section 3.2.3).
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(name) = &self.name else { return self.address.fmt(f) };
        match name.chars().all(|c| !c.is_ascii() || is_atext(c) || c == ' ') {
            true => write!(f, "{name} <{}>", self.address),
            false => write!(f, "\"{}\" <{}>", name.replace('\\', "\\\\").replace('"', "\\\""), self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mailbox(text: &str) -> Mailbox {
        text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
    }

    #[test]
    fn what_configurations_hold_is_read() {
        for (text, name, address) in [
            ("admin@example.com", None, "admin@example.com"),
            (" admin@example.com\n", None, "admin@example.com"),
            ("root@localhost", None, "root@localhost"),
            ("-b@example.com", None, "-b@example.com"),
            ("o'brien+ns8=x@ex-ample.co_op.example", None, "o'brien+ns8=x@ex-ample.co_op.example"),
            ("a@192.0.2.1", None, "a@192.0.2.1"),
            ("<a@b>", None, "a@b"),
            ("Night Watch <a@b>", Some("Night Watch"), "a@b"),
            ("Watch<a@b>", Some("Watch"), "a@b"),
            ("J. R.  Doe < a@ b>", Some("J. R. Doe"), "a@b"),
            ("\"Doe, John \\\"J\\\" \\\\\" <a@b>", Some("Doe, John \"J\" \\"), "a@b"),
            ("\"\" <a@b>", None, "a@b"),
            ("\"a.b\"@c", None, "a.b@c"),
            ("Università Ünï 🗄 <a@b>", Some("Università Ünï 🗄"), "a@b"),
            ("müller@münchen.example", None, "müller@münchen.example"),
        ] {
            let read = mailbox(text);
            assert_eq!((read.name.as_deref(), &*read.address.to_string()), (name, address), "{text:?}");
            assert_eq!(mailbox(&read.to_string()), read, "{read}");
        }
    }

    #[test]
    fn what_is_no_mailbox_or_would_do_harm_is_refused() {
        use AddressError::{Bracket, Control, Domain, Local, Name, NoAt, TooLong};
        let long = |local, label| format!("{}@{}", "a".repeat(local), ["b".repeat(label), "b".repeat(63)].join("."));
        for (text, error) in [
            ("", NoAt),
            ("root", NoAt),
            ("@b", Local),
            ("a b@c", Local),
            ("a..b@c", Local),
            (".a@b", Local),
            ("\"a b\"@c", Local),
            ("a@b@c", Local),
            ("a@", Domain),
            ("a@b.", Domain),
            ("a@b..c", Domain),
            ("a@-b", Domain),
            ("a@[192.0.2.1]", Domain),
            ("a@b c", Domain),
            ("a@b＞c", Domain),
            ("a@b, c@d", Local),
            ("a@b, C <c@d>", Name),
            ("A, B <a@b>", Name),
            ("\"A <a@b>", Name),
            ("A \"B <a@b>", Name),
            ("A a@b>", Bracket),
            ("A <a@b", Local),
            ("A <a@b> c", Local),
            ("a@b\r\nBcc: c@d", Control),
            ("A\r\nBcc: c@d <a@b>", Control),
            ("\"A\u{1}\" <a@b>", Control),
            ("A\u{85}B <a@b>", Control),
            ("a\0@b", Control),
            (&*long(64, 64), Domain),
            (&*long(65, 1), TooLong),
            (&*format!("{}@{}", "a".repeat(64), ["b"; 96].join(".")), TooLong),
            (&*format!("{} <a@b>", "A".repeat(1000)), TooLong),
        ] {
            assert_eq!(text.parse::<Mailbox>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_comma_in_quotes_separates_no_mailboxes() {
        for (list, parts) in [
            ("a@b,c@d", vec!["a@b", "c@d"]),
            (r#""Doe, J" <a@b>, c@d"#, vec![r#""Doe, J" <a@b>"#, " c@d"]),
            (r#""The \", a" <a@b>,c@d"#, vec![r#""The \", a" <a@b>"#, "c@d"]),
            (r#""A \\" <a@b>,"B, C" <c@d>"#, vec![r#""A \\" <a@b>"#, r#""B, C" <c@d>"#]),
        ] {
            assert_eq!(separated(list).collect::<Vec<_>>(), parts, "{list}");
        }
    }

    #[test]
    fn an_international_domain_has_an_ascii_form() {
        let address = mailbox("Backup <backup@München.example>").address;
        assert_eq!(
            (address.domain(), &*address.wire()),
            ("München.example", "backup@xn--mnchen-3ya.example"),
            "what was written stays"
        );
        assert_eq!(mailbox("a@例え.テスト").address.ascii_domain(), "xn--r8jz45g.xn--zckzah");
        assert_eq!(mailbox("müller@münchen.example").address.wire(), "müller@xn--mnchen-3ya.example");
        assert_eq!(mailbox("a@Example.COM").address.ascii_domain(), "Example.COM");
        assert!(address.is_same(&mailbox("BACKUP@xn--mnchen-3ya.example").address));
        assert!(!address.is_same(&mailbox("backup@munchen.example").address));
    }

    /// Text with more of what makes a mailbox than chance would give.
    fn mailboxes() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            4 => "[a-z0-9.]{1,8}",
            4 => Just("@".to_string()),
            2 => "[ \t\"\\\\<>,;:()]",
            2 => "[!-~]{0,4}",
            1 => "\\PC{0,4}",
            1 => any::<String>(),
            1 => Just(" <a@b>".to_string()),
            1 => Just("\"Doe, J\" <".to_string()),
            1 => Just("münchen".to_string()),
        ];
        proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// Configurations and queue files were read by lettre before: what it takes is taken, and means the same.
        #[test]
        fn all_that_lettre_reads_is_read_and_means_the_same(text in mailboxes()) {
            let Ok(theirs) = text.parse::<lettre::message::Mailbox>() else { return Ok(()) };
            let (user, domain) = (theirs.email.user(), theirs.email.domain());
            // Control characters are refused on purpose, and so is a domain that DNS cannot know.
            let harmless = !text.trim().chars().any(|c| c.is_control() && c != '\t');
            // lettre's own check mistakes some unassigned characters for letters.
            let letters = user.chars().all(|c| c.is_ascii() || c.is_alphanumeric());
            prop_assume!(harmless && letters && ascii_domain(domain).is_some());
            let ours: Mailbox = text.parse().unwrap();
            prop_assert_eq!(ours.address.to_string(), theirs.email.to_string());
            let words = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(ours.name, theirs.name.as_deref().map(words).filter(|name| !name.is_empty()));
        }

        /// lettre writes the header: what is taken here, it can write. Queue files hold what is displayed.
        #[test]
        fn all_that_is_read_is_one_line_that_lettre_writes_and_that_reads_back(text in mailboxes()) {
            let Ok(ours) = text.parse::<Mailbox>() else { return Ok(()) };
            prop_assert!(lettre::Address::new(ours.address.local(), ours.address.ascii_domain()).is_ok());
            prop_assert!(!ours.to_string().chars().any(char::is_control));
            prop_assert!(!ours.address.wire().contains([' ', '<', '>', '"']) && ours.address.ascii_domain().is_ascii());
            prop_assert_eq!(ours.to_string().parse::<Mailbox>().unwrap(), ours);
        }
    }
}
