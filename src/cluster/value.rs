//! From Redis's answers to plain values, leniently: numbers come as text, and bytes that are no UTF-8 are made so.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use redis::Value;

/// A Redis HASH.
pub(super) type Hash = BTreeMap<String, String>;

/// A single value; `None` where the key or the field does not exist or is empty.
pub(super) fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Value::SimpleString(text) => Some(text),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
    .filter(|text| !text.is_empty())
}

/// The members of a list or a set, empty ones left out.
pub(super) fn texts(value: Value) -> Vec<String> {
    match value {
        Value::Array(values) | Value::Set(values) => values.into_iter().filter_map(text).collect(),
        _ => Vec::new(),
    }
}

/// The fields of a hash; none where the key does not exist.
pub(super) fn hash(value: Value) -> Hash {
    let mut values = match value {
        Value::Array(values) => values.into_iter(),
        _ => return Hash::new(),
    };
    let mut hash = Hash::new();
    while let (Some(field), Some(value)) = (values.next(), values.next()) {
        hash.insert(text(field).unwrap_or_default(), text(value).unwrap_or_default());
    }
    hash
}

/// A field that is there and not empty.
pub(super) fn field(hash: &Hash, name: &str) -> Option<String> {
    hash.get(name).filter(|text| !text.is_empty()).cloned()
}

/// NS8 writes a yes as `1` and a no as nothing.
pub(super) fn is_yes(text: &str) -> bool {
    !matches!(text.trim().to_ascii_lowercase().as_str(), "" | "0" | "false" | "no")
}

/// A whole number, also where it is written with a fraction.
pub(super) fn number(text: &str) -> Option<i64> {
    let text = text.trim();
    let fraction = || text.parse::<f64>().ok().filter(|number| number.abs() < 1e15).map(|number| number as i64);
    text.parse().ok().or_else(fraction)
}

/// A number that cannot be negative: a count or a size.
pub(super) fn count(text: &str) -> Option<u64> {
    number(text).and_then(|number| number.try_into().ok())
}

/// A time in ISO 8601; one without a zone is UTC.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let utc = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse().ok().or_else(utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_leniently() {
        for (text, read) in [("7", Some(7)), (" 7 ", Some(7)), ("-1", Some(-1)), ("7.9", Some(7)), ("1e3", Some(1000))]
        {
            assert_eq!(number(text), read, "{text}");
        }
        for text in ["", "x", "NaN", "inf", "1e300", "7 8", "99999999999999999999"] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!((count("0"), count("-1")), (Some(0), None));
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
