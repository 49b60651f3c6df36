//! An error and its causes as one text.

use std::error::Error;

/// What an error says, followed by what each of its causes says, with colons between: how a person is told.
///
/// In this library an error says what failed and leaves it to its [`source`](Error::source) to say why; neither repeats
/// the other. Where a failure becomes data, such as the note beside a bad video, both are wanted.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += ": ";
        text += &error.to_string();
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the first")]
    struct First(#[source] Second);

    #[derive(Debug, thiserror::Error)]
    #[error("the second")]
    struct Second(#[source] std::io::Error);

    #[test]
    fn all_levels_are_told_in_order() {
        let error = First(Second(std::io::Error::other("the third")));
        assert_eq!(with_causes(&error), "the first: the second: the third");
        assert_eq!(with_causes(&std::io::Error::other("alone")), "alone");
    }
}
