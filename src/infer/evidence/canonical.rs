//! The canonical form of JSON, RFC 8785: one text for one content, whatever order, blanks and digits it was written with.
//!
//! <https://www.rfc-editor.org/rfc/rfc8785>. Programs for it exist in many languages, so that a checksum over it can be
//! checked without this one.

use serde_json::Value;

/// The canonical text of a value.
pub(super) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(yes) => text.push_str(if *yes { "true" } else { "false" }),
        // Strings are escaped as the RFC wants them.
        Value::String(_) => text.push_str(&value.to_string()),
        Value::Number(number) => text.push_str(&ecmascript(number.as_f64().unwrap_or_default())),
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(entries) => {
            let mut entries: Vec<(&String, &Value)> = entries.iter().collect();
            entries.sort_by_cached_key(|(key, _)| key.encode_utf16().collect::<Vec<u16>>());
            text.push('{');
            for (at, (key, item)) in entries.into_iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(&Value::String(key.clone()), text);
                text.push(':');
                write(item, text);
            }
            text.push('}');
        }
    }
}

/// A number as ECMAScript writes it: the shortest digits that give it back, as an exponent below 1e-6 and from 1e21 on.
fn ecmascript(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    // The shortest digits, and of two equally short and near ones the even one, as the RFC's examples have it.
    let shortest = Value::from(number.abs()).to_string();
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{part}");
    let leading = digits.len() - digits.trim_start_matches('0').len();
    // Where the point is, in digits behind the first one that is not zero.
    let point = whole.len() as i32 - leading as i32 + exponent.parse::<i32>().unwrap_or(0);
    let digits = digits.trim_matches('0');
    let count = digits.len() as i32;
    let zeros = |count: i32| "0".repeat(count.max(0) as usize);
    let plain = match point {
        22.. | ..=-6 => {
            let (first, rest) = digits.split_at(1);
            let rest = if rest.is_empty() { String::new() } else { format!(".{rest}") };
            let sign = if point > 0 { "+" } else { "-" };
            format!("{first}{rest}e{sign}{}", (point - 1).abs())
        }
        _ if point >= count => format!("{digits}{}", zeros(point - count)),
        1.. => format!("{}.{}", &digits[..point as usize], &digits[point as usize..]),
        _ => format!("0.{}{digits}", zeros(-point)),
    };
    if number < 0.0 { format!("-{plain}") } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_those_of_the_rfc() {
        // Appendix B of RFC 8785.
        for (bits, expected) in [
            (0x0000000000000000_u64, "0"),
            (0x8000000000000000, "0"),
            (0x0000000000000001, "5e-324"),
            (0x7fefffffffffffff, "1.7976931348623157e+308"),
            (0x4340000000000000, "9007199254740992"),
            (0x44b52d02c7e14af5, "9.999999999999997e+22"),
            (0x44b52d02c7e14af6, "1e+23"),
            (0x444b1ae4d6e2ef4e, "999999999999999700000"),
            (0x444b1ae4d6e2ef50, "1e+21"),
            (0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"),
            (0x3eb0c6f7a0b5ed8d, "0.000001"),
            (0x41b3de4355555555, "333333333.3333333"),
            (0xbecbf647612f3696, "-0.0000033333333333333333"),
            (0x43143ff3c1cb0959, "1424953923781206.2"),
        ] {
            assert_eq!(ecmascript(f64::from_bits(bits)), expected);
        }
    }

    #[test]
    fn keys_are_sorted_and_strings_escaped_as_in_the_rfc() {
        // Sections 3.2.2 and 3.2.3.
        let text = "{\"\u{20ac}\": \"Euro\", \"\\r\": 1.0, \"\u{fb33}\": [ ], \"1\": true, \"\u{1f600}\": null, \
                    \"\u{80}\": \"\\u000f\\nA'\\u0042\\u0022\\\\\", \"\u{f6}\": 4.50}";
        let value: Value = serde_json::from_str(text).unwrap();
        let expected = "{\"\\r\":1,\"1\":true,\"\u{80}\":\"\\u000f\\nA'B\\\"\\\\\",\"\u{f6}\":4.5,\
                        \"\u{20ac}\":\"Euro\",\"\u{1f600}\":null,\"\u{fb33}\":[]}";
        assert_eq!(canonical(&value), expected);
    }

    proptest! {
        #[test]
        fn numbers_come_back(bits in any::<u64>()) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            prop_assert_eq!(ecmascript(number).parse::<f64>().unwrap(), number);
        }
    }
}
