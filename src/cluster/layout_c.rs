//! Layout C, NS8 core 3.20 and later: HASH `node/<node>/backup_status/<plan>`, from module to a JSON object with layout
//! B's fields. The members of a plan are in its `instances`.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::layout_b;
use super::value::Decoded;
use crate::model::plan::{Fault, Layout};

/// A module's entry, its values as they are written.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    start: Option<&'a RawValue>,
    end: Option<&'a RawValue>,
    errors: Option<&'a RawValue>,
    total_size: Option<&'a RawValue>,
    total_file_count: Option<&'a RawValue>,
    snapshots_count: Option<&'a RawValue>,
}

/// Returns a module's result from its JSON.
pub(super) fn result(json: &str) -> Decoded {
    // serde would take a list for the fields in their order.
    let object = Some(json).filter(|json| json.trim_start().starts_with('{')).ok_or(Fault::NotJson)?;
    let entry: Entry<'_> = serde_json::from_str(object).map_err(|_| Fault::NotJson)?;
    let Entry { start, end, errors, total_size, total_file_count, snapshots_count } = entry;
    let fields = [start, end, errors, total_size, total_file_count, snapshots_count];
    // A number may stand in quotes.
    layout_b::numbers(Layout::C, fields.map(|value| value.map(|value| value.get().trim_matches('"'))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    proptest! {
        /// Whatever stands there, it is a result, damage, or nothing.
        #[test]
        fn any_text_is_survived(json in any::<String>()) {
            let _ = result(&json);
        }

        /// No success without a count of errors and a time of its end, whatever their types.
        #[test]
        fn no_success_is_made_up(errors in value(), end in value(), size in value()) {
            let json = serde_json::json!({"errors": errors, "end": end, "total_size": size});
            if let Ok(result) = result(&json.to_string()) {
                prop_assert!(result.end.is_some() || result.errors > 0);
                prop_assert!(result.errors > 0 || errors.as_f64().is_none_or(|errors| errors == 0.0));
            }
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            Just(serde_json::json!([{}])),
        ]
    }
}
