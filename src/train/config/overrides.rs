//! What a file and each override say, and how one goes over the other.

use super::schema::{self, Takes};
use super::{ConfigError, Origin};
use serde_json::{Map, Value};
use std::path::Path;

/// Some keys with their values, and who gave them.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    pub origin: Origin,
    pub value: Value,
}

/// What a file says.
pub fn read_file(path: &Path) -> Result<Layer, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|cause| ConfigError::Io { path: path.into(), cause })?;
    let value =
        serde_json::from_str(&text).map_err(|cause| ConfigError::Json { path: path.into(), cause })?;
    Ok(Layer { origin: Origin::File(path.into()), value })
}

/// What `key.path=value` says. The value is JSON, or else text; where a key takes text, a number is text too.
pub fn parse(text: &str) -> Result<Layer, ConfigError> {
    let wrong = || ConfigError::Override { text: text.to_owned() };
    let (key, typed) = text.split_once('=').ok_or_else(wrong)?;
    let (key, typed) = (key.trim(), typed.trim());
    if typed.is_empty() || key.split('.').any(str::is_empty) {
        return Err(wrong());
    }
    let as_text = || Value::String(typed.to_owned());
    let value = match serde_json::from_str(typed) {
        Err(_) => as_text(),
        Ok(Value::Number(_) | Value::Bool(_)) if schema::takes(key).is_some_and(Takes::is_text) => as_text(),
        Ok(value) => value,
    };
    let value =
        key.rsplit('.').fold(value, |value, name| Value::Object(Map::from_iter([(name.to_owned(), value)])));
    Ok(Layer { origin: Origin::Override(text.to_owned()), value })
}

/// Puts what `over` says over `all`, key by key.
pub fn merge(all: &mut Value, over: &Value) {
    match (all, over) {
        (Value::Object(all), Value::Object(over)) => {
            for (key, value) in over {
                merge(all.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (all, over) => *all = over.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_json_and_else_text() {
        let value = |text| parse(text).unwrap().value;
        assert_eq!(value("optim.lr=0.01"), json!({"optim": {"lr": 0.01}}));
        assert_eq!(value("guide.detach = true"), json!({"guide": {"detach": true}}));
        assert_eq!(value("early_stop=null"), json!({"early_stop": null}));
        assert_eq!(value("data.root=/data/a=b"), json!({"data": {"root": "/data/a=b"}}));
        assert_eq!(value("init=7"), json!({"init": "7"}), "a file that is called 7");
        assert_eq!(value("method=\"sbi\""), json!({"method": "sbi"}));
    }

    #[test]
    fn an_override_needs_key_and_value() {
        for text in ["epoch", "=3", "epoch=", "optim.=3", ".lr=3"] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("override {text}: expected KEY=VALUE")), "{error}");
        }
    }

    #[test]
    fn merging_keeps_what_is_not_mentioned() {
        let mut all = json!({"a": {"b": 1, "c": 2}, "d": 3});
        merge(&mut all, &json!({"a": {"c": 5}}));
        assert_eq!(all, json!({"a": {"b": 1, "c": 5}, "d": 3}));
    }
}
