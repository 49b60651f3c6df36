//! Sets in a configuration: a name, a list of names, or names with weights.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A set and how often its frames come in an epoch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SetShare {
    /// A published set's name, a name under the data root, or a path.
    pub name: String,
    /// Training pairs made of each frame in an epoch of training.
    pub weight: f64,
}

/// What `data.sets` takes, as a phrase for messages.
pub const EXPECTED: &str =
    "names of sets in brackets, such as [\"Original\"], or [{\"name\": \"Original\", \"weight\": 2}]";
/// More would only make epochs longer.
const MAX_WEIGHT: f64 = 1000.0;

/// What a value says; `None` when it is nothing of the kind.
pub fn parse(value: &Value) -> Option<Vec<SetShare>> {
    let shares: Vec<SetShare> = match value {
        Value::String(name) => vec![share(&Value::String(name.clone()))?],
        Value::Array(entries) => entries.iter().map(share).collect::<Option<_>>()?,
        _ => return None,
    };
    (!shares.is_empty()).then_some(shares)
}

fn share(entry: &Value) -> Option<SetShare> {
    let (name, weight) = match entry {
        Value::String(name) => (name, 1.0),
        Value::Object(keys) => {
            let known = keys.keys().all(|key| key == "name" || key == "weight");
            let weight = keys.get("weight").map_or(Some(1.0), Value::as_f64)?;
            (
                keys.get("name")
                    .and_then(|name| if let Value::String(name) = name { Some(name) } else { None })?,
                known.then_some(weight)?,
            )
        }
        _ => return None,
    };
    let usable = !name.is_empty() && weight > 0.0 && weight <= MAX_WEIGHT;
    usable.then(|| SetShare { name: name.clone(), weight })
}

/// Reads the value of `data.sets`; meant for `serde`'s `deserialize_with`.
pub fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SetShare>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    parse(&value).ok_or_else(|| serde::de::Error::custom(format!("expected {EXPECTED}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_come_alone_in_a_list_or_with_weights() {
        let share = |name: &str, weight| SetShare { name: name.to_owned(), weight };
        assert_eq!(parse(&json!("a")), Some(vec![share("a", 1.0)]));
        let list = json!(["a", {"name": "b", "weight": 0.5}, {"name": "c"}]);
        let shares = vec![share("a", 1.0), share("b", 0.5), share("c", 1.0)];
        assert_eq!(parse(&list), Some(shares.clone()));
        assert_eq!(parse(&serde_json::to_value(&shares).unwrap()), Some(shares));
        let wrong = json!([[], "", 3, [1], [{"name": "a", "weight": 0}], [{"name": "a", "weigth": 1}], [{"weight": 1}]]);
        for value in wrong.as_array().unwrap() {
            assert_eq!(parse(value), None, "{value}");
        }
    }
}
