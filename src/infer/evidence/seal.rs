//! A result's checksum: whether it is as it was written.
//!
//! It shows a slip of the hand or of a disk. Whoever alters a result on purpose can write a new checksum, too: against that a
//! signature helps, which is made with the user's own tools over the file as it is.

use super::canonical::canonical;
use crate::hash::sha256;
use serde::Serialize;
use serde_json::{Value, json};

/// The key of the checksum, at the top of a result.
const KEY: &str = "checksum";
/// What it is computed over, for who checks it with other programs.
const OVER: &str = "the canonical form (RFC 8785) of this JSON without the key checksum";

/// Whether a result is as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Seal {
    /// Its checksum is right.
    Whole,
    /// Its checksum is that of another content.
    Altered,
    /// It has none.
    Missing,
}

/// A result as JSON with its checksum.
///
/// Fails where it cannot be told in JSON.
pub fn sealed(result: &impl Serialize) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(result)?;
    let sum = sha256(canonical(&value).as_bytes());
    if let Value::Object(entries) = &mut value {
        entries.insert(KEY.to_owned(), json!({"sha256": sum, "over": OVER}));
    }
    Ok(value)
}

impl Seal {
    /// Takes the checksum out of a result and compares it with that of the rest.
    pub(in crate::infer) fn take(result: &mut Value) -> Seal {
        let Some(told) = result.as_object_mut().and_then(|entries| entries.shift_remove(KEY)) else {
            return Seal::Missing;
        };
        match told["sha256"].as_str() == Some(&sha256(canonical(result).as_bytes())) {
            true => Seal::Whole,
            false => Seal::Altered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_other_content_is_seen_and_another_layout_is_not() {
        let whole = sealed(&json!({"score": 0.25, "videos": [1, 2]})).unwrap();
        let mut other_order: Value = serde_json::from_str(&format!(
            "{{\"checksum\": {}, \"videos\": [1, 2.0], \"score\": 25e-2}}",
            whole[KEY]
        ))
        .unwrap();
        assert_eq!(Seal::take(&mut other_order), Seal::Whole);
        assert_eq!(other_order.get(KEY), None);
        for alter in [
            |value: &mut Value| value["score"] = json!(0.250000001),
            |value: &mut Value| value["more"] = json!(null),
            |value: &mut Value| value["videos"][0] = json!(2),
            |value: &mut Value| value[KEY]["sha256"] = json!("00"),
        ] {
            let mut altered = whole.clone();
            alter(&mut altered);
            assert_eq!(Seal::take(&mut altered), Seal::Altered);
        }
        assert_eq!(Seal::take(&mut json!({"score": 1})), Seal::Missing);
        assert_eq!(Seal::take(&mut json!([])), Seal::Missing);
    }
}
