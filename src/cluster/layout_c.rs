//! Layout C, NS8 core 3.20 and later: HASH `node/<node>/backup_status/<plan>`, from module to a JSON object with layout
//! B's fields. The members of a plan are in its `instances`.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::layout_b;
use super::value::Decoded;
use crate::model::plan::{Fault, Layout};

/// Returns a module's result from its JSON.
pub(super) fn result(json: &str) -> Decoded {
    let entry: BTreeMap<String, &RawValue> = serde_json::from_str(json).map_err(|_| Fault::NotJson)?;
    // A number may stand in quotes.
    layout_b::numbers(Layout::C, |name| entry.get(name).map(|value| value.get().trim_matches('"')))
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
