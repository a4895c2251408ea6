//! Finds the line of a key, so that every error can name it.
//!
//! A value, once read, no longer knows its place. So the text is walked a second time, down the key's path, and made to
//! fail there: the YAML reader's own error carries the position.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

/// The line, counted from 1, of `key` (`section.key`) in `text`; of its nearest section where the key is not there.
pub(super) fn line(text: &str, key: &str) -> Option<usize> {
    let path: Vec<&str> = key.split('.').map(|part| part.split('[').next().unwrap_or(part)).collect();
    (1..=path.len()).rev().find_map(|depth| exact(text, &path[..depth]))
}

fn exact(text: &str, path: &[&str]) -> Option<usize> {
    let error = Locate(path).deserialize(serde_yaml::Deserializer::from_str(text)).err()?;
    if !error.to_string().contains(FOUND) {
        return None;
    }
    error.location().map(|location| location.line())
}

/// The error that marks the place.
const FOUND: &str = "found the key";

/// Descends to a path and fails on its key.
struct Locate<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for Locate<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Locate<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((first, rest)) = self.0.split_first() else { return Ok(()) };
        while let Some(found) = map.next_key_seed(Key { wanted: first, last: rest.is_empty() })? {
            match found {
                true => map.next_value_seed(Locate(rest))?,
                false => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Reads one key: is it the wanted one? Fails right there when it is the path's last.
struct Key<'a> {
    wanted: &'a str,
    last: bool,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<bool, E> {
        match key == self.wanted {
            true if self.last => Err(E::custom(FOUND)),
            found => Ok(found),
        }
    }
}
