//! From Redis's answers to plain values, leniently: numbers come as text, and bytes that are no UTF-8 are made so.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::resp::Reply;
use crate::model::plan::{Fault, ModuleResult};

/// The fields of a Redis HASH that were asked for and are there.
pub(super) type Hash = Vec<(&'static str, String)>;

/// A module's result, or what is wrong with it.
pub(super) type Decoded = Result<ModuleResult, Fault>;

/// Returns a single value; `None` if the key or the field does not exist, is empty or too large.
pub(super) fn text(reply: Reply) -> Option<String> {
    match reply {
        Reply::Text(bytes) => Some(lossy(bytes)).filter(|text| !text.is_empty()),
        Reply::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Returns the members of a list that are texts.
pub(super) fn texts(reply: Reply) -> Vec<String> {
    match reply {
        Reply::List(values) => values.into_iter().filter_map(text).collect(),
        _ => Vec::new(),
    }
}

/// Returns the fields and values of a whole hash.
pub(super) fn pairs(reply: Reply) -> impl Iterator<Item = (String, String)> {
    let mut values = match reply {
        Reply::List(values) => values.into_iter(),
        _ => Vec::new().into_iter(),
    };
    let pairs = std::iter::from_fn(move || Some((values.next()?, values.next()?)));
    pairs.filter_map(|(field, value)| Some((text(field)?, text(value)?)))
}

/// Returns the values of the fields `names`, those that are there.
///
/// # Errors
/// Returns an error if one of them is too large.
pub(super) fn named(names: impl IntoIterator<Item = &'static str>, values: Vec<Reply>) -> Result<Hash, Fault> {
    let mut hash = Hash::new();
    for (name, value) in names.into_iter().zip(values) {
        match value {
            Reply::Text(bytes) => hash.push((name, lossy(bytes))),
            Reply::TooLarge(bytes) => return Err(Fault::TooLarge(bytes)),
            _ => {}
        }
    }
    Ok(hash)
}

/// Returns the value of a field that is there.
pub(super) fn get<'a>(hash: &'a Hash, name: &str) -> Option<&'a str> {
    hash.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str())
}

/// Takes the value of a field that is there and not empty.
pub(super) fn take(hash: &mut Hash, name: &str) -> Option<String> {
    let at = hash.iter().position(|(field, _)| *field == name)?;
    Some(hash.swap_remove(at).1).filter(|text| !text.is_empty())
}

/// Returns the value of a field that is there and not empty.
pub(super) fn field(hash: &Hash, name: &str) -> Option<String> {
    get(hash, name).filter(|text| !text.is_empty()).map(String::from)
}

/// NS8 writes a yes as `1` and a no as nothing.
pub(super) fn is_yes(text: &str) -> bool {
    !matches!(text.trim().to_ascii_lowercase().as_str(), "" | "0" | "false" | "no")
}

/// A count or a size: a whole number, also if written as `3.0`; `0.5` is not a number of errors.
pub(super) fn count(text: &str) -> Option<u64> {
    let text = text.trim();
    let whole = |number: &f64| number.fract() == 0.0 && (0.0..1e15).contains(number);
    text.parse().ok().or_else(|| text.parse().ok().filter(whole).map(|number| number as u64))
}

/// A time in seconds since 1970, whose fraction does not matter.
pub(super) fn seconds(text: &str) -> Option<Timestamp> {
    let seconds: f64 = text.trim().parse().ok().filter(|seconds: &f64| seconds.is_finite())?;
    Timestamp::from_second(seconds as i64).ok()
}

/// A time in ISO 8601; one without a zone is UTC.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let utc = || text.parse::<DateTime>().ok()?.to_zoned_datetime(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse().ok().or_else(utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_leniently() {
        for (text, read) in [("7", 7), (" 7 ", 7), ("0", 0), ("7.0", 7), ("1e3", 1000)] {
            assert_eq!(count(text), Some(read), "{text}");
        }
        for text in ["", "x", "NaN", "inf", "1e300", "7 8", "99999999999999999999", "-1", "0.9", "-0.5", "7.9"] {
            assert_eq!(count(text), None, "{text}");
        }
        for text in ["1763600000", " 1763600000.9 ", "1.7636e9"] {
            assert_eq!(seconds(text), Timestamp::from_second(1_763_600_000).ok(), "{text}");
        }
        for text in ["", "x", "NaN", "inf", "1e300", "yesterday"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_read_with_and_without_a_zone() {
        let noon = "2026-11-20T12:00:00Z".parse().ok();
        for text in [
            "2026-11-20T12:00:00Z",
            "2026-11-20T12:00:00+00:00",
            "2026-11-20T14:00:00+02:00",
            "2026-11-20T12:00:00",
            "2026-11-20 12:00:00",
            " 2026-11-20T12:00:00.000000Z\n",
        ] {
            assert_eq!(time(text), noon, "{text}");
        }
        for text in ["", "yesterday", "2026-13-20T12:00:00Z", "1763640000"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn a_yes_is_what_is_not_a_no() {
        assert_eq!(["1", "true", "True", "yes"].map(is_yes), [true; 4]);
        assert_eq!(["", "0", " ", "false", "False"].map(is_yes), [false; 5]);
    }
}
