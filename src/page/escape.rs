//! Text becomes markup.

use askama::filters::Escaper;
use std::borrow::Cow;
use std::fmt::{self, Write};

/// The escaping of all templates. Characters of markup become references; what cannot be seen, or changes how the rest is
/// seen, becomes its number in brackets, such as `⟨U+202E⟩`: controls, marks that turn the direction of writing, and
/// characters that no file of text may hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct Visible;

impl Escaper for Visible {
    fn write_escaped_str<W: Write>(&self, mut dest: W, string: &str) -> fmt::Result {
        let mut from = 0;
        for (at, c) in string.char_indices() {
            let Some(instead) = instead(c) else { continue };
            dest.write_str(&string[from..at])?;
            dest.write_str(&instead)?;
            from = at + c.len_utf8();
        }
        dest.write_str(&string[from..])
    }
}

/// What is written instead of a character, if it is not written as it is.
fn instead(c: char) -> Option<Cow<'static, str>> {
    let reference = match c {
        '<' => "&#60;",
        '>' => "&#62;",
        '&' => "&#38;",
        '"' => "&#34;",
        '\'' => "&#39;",
        _ => return is_hidden(c).then(|| Cow::Owned(named(c))),
    };
    Some(Cow::Borrowed(reference))
}

fn named(c: char) -> String {
    format!("⟨U+{:04X}⟩", u32::from(c))
}

/// Whether a character cannot be seen or turns how others are seen.
pub(crate) fn is_hidden(c: char) -> bool {
    let control = c.is_control() && c != '\n' && c != '\t';
    let turning =
        matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let blank =
        matches!(c, '\u{00AD}' | '\u{200B}'..='\u{200D}' | '\u{2028}' | '\u{2029}' | '\u{2060}' | '\u{FEFF}');
    let tag = matches!(c, '\u{FFF9}'..='\u{FFFB}' | '\u{FFFE}' | '\u{FFFF}' | '\u{E0000}'..='\u{E007F}');
    control || turning || blank || tag
}

/// A text with its hidden characters shown, for where no markup is made of it.
pub fn visible(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) { named(c) } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        Visible.write_escaped_str(&mut out, text).unwrap();
        out
    }

    #[test]
    fn markup_and_hidden_characters_are_shown() {
        assert_eq!(escaped(r#"<a b="c" d='e'>&"#), "&#60;a b=&#34;c&#34; d=&#39;e&#39;&#62;&#38;");
        assert_eq!(escaped("cv\u{202E}gpj.exe\0"), "cv⟨U+202E⟩gpj.exe⟨U+0000⟩");
        assert_eq!(escaped("naïve – 動画\n"), "naïve – 動画\n");
        assert_eq!(visible("a\u{7}<"), "a⟨U+0007⟩<");
    }

    proptest! {
        #[test]
        fn nothing_that_is_escaped_can_open_or_leave_anything(text in any::<String>()) {
            let out = escaped(&text);
            prop_assert!(!out.contains(['<', '>', '"', '\'', '\0', '\u{202E}']), "{out:?}");
            prop_assert!(out.split('&').skip(1).all(|rest| rest.starts_with('#')), "{out:?}");
        }
    }
}
