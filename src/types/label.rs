//! What is known about a video: real or fake.

use serde::{Deserialize, Serialize};

/// The class of a video. Written as 0 (real) or 1 (fake) wherever a number is asked for, which is
/// also the index of the network's logit for that class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub enum Label {
    /// An untouched video, class 0.
    Real,
    /// A manipulated video, class 1.
    Fake,
}

/// A number that is neither 0 (real) nor 1 (fake).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a label is 0 (real) or 1 (fake), found {0}")]
pub struct LabelError(pub i64);

impl Label {
    /// The class as a number: 0 for real, 1 for fake.
    pub fn class(self) -> i64 {
        match self {
            Label::Real => 0,
            Label::Fake => 1,
        }
    }

    /// Whether this is [`Label::Fake`].
    pub fn is_fake(self) -> bool {
        self == Label::Fake
    }
}

impl TryFrom<i64> for Label {
    type Error = LabelError;

    fn try_from(class: i64) -> Result<Self, LabelError> {
        match class {
            0 => Ok(Label::Real),
            1 => Ok(Label::Fake),
            other => Err(LabelError(other)),
        }
    }
}

impl From<Label> for i64 {
    fn from(label: Label) -> i64 {
        label.class()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serialises_as_its_class() {
        assert_eq!(serde_json::to_string(&Label::Fake).unwrap(), "1");
        assert_eq!(serde_json::from_str::<Label>("0").unwrap(), Label::Real);
    }

    #[test]
    fn refuses_other_numbers() {
        let error = serde_json::from_str::<Label>("2").unwrap_err().to_string();
        assert!(error.contains("found 2"), "{error}");
    }
}
