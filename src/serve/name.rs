//! The name of an uploaded file: something to show, and never a path.

/// Characters of a name that are kept.
const LENGTH: usize = 150;
/// Characters of an extension, the longest that means anything to a reader of media.
const EXTENSION: usize = 8;

/// The name to show for what a visitor calls a file: without folders, without characters that cannot be seen or that turn
/// the direction of writing, and of bounded length.
pub(super) fn shown(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().map(|c| if is_hidden(c) { '\u{FFFD}' } else { c }).collect();
    let name = name.trim();
    let count = name.chars().count();
    match count {
        0 => "unnamed".to_owned(),
        _ if count <= LENGTH => name.to_owned(),
        // The end says what kind of file it is.
        _ => {
            let head: String = name.chars().take(LENGTH / 2).collect();
            let tail: String = name.chars().skip(count - LENGTH / 2 + 1).collect();
            format!("{head}…{tail}")
        }
    }
}

/// The extension of a name, where it is one: a few letters and digits of ASCII, in lower case. It helps to recognise
/// formats that do not say what they are.
pub(super) fn extension(name: &str) -> Option<String> {
    let (_, extension) = name.rsplit_once('.')?;
    let plain = extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (plain && (1..=EXTENSION).contains(&extension.len())).then(|| extension.to_ascii_lowercase())
}

fn is_hidden(c: char) -> bool {
    // In a text lines and tabs are what they are, in a name they only move what comes after.
    c.is_control() || crate::page::is_hidden(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_lose_folders_and_what_cannot_be_seen() {
        assert_eq!(shown("clip.mp4"), "clip.mp4");
        assert_eq!(shown("../../etc/passwd"), "passwd");
        assert_eq!(shown(r"C:\fakepath\Übung 1.MOV"), "Übung 1.MOV");
        assert_eq!(shown("<script>alert(1)</script>.mp4"), "script>.mp4");
        assert_eq!(shown("a\u{202E}4pm.exe\n\u{1B}[31m"), "a\u{FFFD}4pm.exe\u{FFFD}\u{FFFD}[31m");
        for empty in ["", "/", "  ", "a/ "] {
            assert_eq!(shown(empty), "unnamed");
        }
        let long = shown(&format!("{}.mp4", "ä".repeat(5000)));
        assert!(long.chars().count() <= LENGTH && long.ends_with("ä.mp4") && long.contains('…'), "{long}");
    }

    #[test]
    fn extensions_are_plain_words() {
        assert_eq!(extension("a.b.MJPEG").as_deref(), Some("mjpeg"));
        for none in ["mp4", "a.", "a.m p", "a.mp4;rm", "a.verylongone", "a.ä"] {
            assert_eq!(extension(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_name_is_a_path_or_empty(given in any::<String>()) {
            let name = shown(&given);
            prop_assert!(!name.is_empty() && !name.contains(['/', '\\', '\0', '\n']));
            prop_assert!(name.chars().count() <= LENGTH);
            prop_assert_eq!(shown(&name), name);
        }
    }
}
