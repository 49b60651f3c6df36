//! Plain values beside the weights: what an optimiser saves.

use super::TensorData;

/// Levels of lists in lists that are read or written; optimiser states have about five.
pub(super) const MAX_DEPTH: usize = 64;

/// A value out of a training file, such as an optimiser's state.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Python's `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer; those beyond 64 bits are [`Value::Opaque`].
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// A string of text.
    Str(String),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A list; sets become lists too.
    List(Vec<Value>),
    /// A tuple.
    Tuple(Vec<Value>),
    /// A dict, its pairs in order; an ordered dict too.
    Dict(Vec<(Value, Value)>),
    /// A tensor with its numbers.
    Tensor(TensorData),
    /// Anything else. Nothing of it is kept but its class.
    Opaque {
        /// Module and name of the class or function.
        class: String,
    },
}

impl Value {
    /// The value under a text key, when this is a dict that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let Value::Dict(pairs) = self else {
            return None;
        };
        let has_key = |(k, _): &&(Value, Value)| matches!(k, Value::Str(text) if text == key);
        pairs.iter().rev().find(has_key).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_up_text_keys() {
        let key = |text: &str| Value::Str(text.to_owned());
        let dict = Value::Dict(vec![(Value::Int(1), Value::None), (key("a"), Value::Int(2))]);
        assert_eq!(dict.get("a"), Some(&Value::Int(2)));
        assert_eq!(dict.get("b"), None);
        assert_eq!(Value::None.get("a"), None);
    }
}
