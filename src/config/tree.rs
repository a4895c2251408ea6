//! Reads YAML into a tree of values, noting keys that are written twice: the reader itself stops at the first of them,
//! and would hide all other mistakes.

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Mapping, Value};

/// The tree, and the keys (`section.key`) that are written more than once; the last value of each counts.
pub(super) fn parse(text: &str) -> Result<(Value, Vec<String>), serde_yaml::Error> {
    let twice = RefCell::default();
    let tree = Node { key: "", twice: &twice }.deserialize(serde_yaml::Deserializer::from_str(text))?;
    Ok((tree, twice.into_inner()))
}

/// Reads the value of `key`.
struct Node<'a> {
    key: &'a str,
    twice: &'a RefCell<Vec<String>>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value without a tag")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Node { ..self })? {
            list.push(item);
        }
        Ok(Value::Sequence(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut mapping = Mapping::new();
        while let Some(name) = entries.next_key::<String>()? {
            let separator = if self.key.is_empty() { "" } else { "." };
            let key = format!("{}{separator}{name}", self.key);
            let value = entries.next_value_seed(Node { key: &key, twice: self.twice })?;
            if mapping.insert(name.into(), value).is_some() {
                self.twice.borrow_mut().push(key);
            }
        }
        Ok(Value::Mapping(mapping))
    }
}
