//! Which format a file has, by its first bytes, and what else people mistake for weights.

use std::io::Read;

use super::{Error, foreign};

/// How many bytes at the beginning of a file are examined.
const BEGINNING: u64 = 1024;
/// A safetensors header is never longer than this, by the rules of the format.
pub(super) const MAX_SAFETENSORS_HEADER: u64 = 100_000_000;

/// A format that holds weights, or may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A zip archive: PyTorch's, or one around another file.
    Zip,
    /// A pickle, as the legacy format begins with one.
    Legacy,
    /// A safetensors file.
    Safetensors,
}

/// Looks at the first bytes of a file of `len` bytes.
///
/// Fails with an error that says what the file is instead of weights.
pub(super) fn kind_of(source: &mut impl Read, len: u64) -> Result<Kind, Error> {
    let mut bytes = Vec::new();
    source.take(BEGINNING).read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    known_kind(&bytes, len).ok_or_else(|| mistake(&bytes))
}

/// The format, when the bytes begin like one that is read here.
fn known_kind(bytes: &[u8], len: u64) -> Option<Kind> {
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return Some(Kind::Zip);
    }
    if let [0x80, version, ..] = *bytes
        && (2..=5).contains(&version)
    {
        return Some(Kind::Legacy);
    }
    // The length of the JSON header, then the JSON header. In text the length would be huge.
    let (header_len, header) = bytes.split_first_chunk::<8>()?;
    let header_len = u64::from_le_bytes(*header_len);
    let plausible = header_len <= MAX_SAFETENSORS_HEADER && len >= 8;
    (plausible && header.first() == Some(&b'{')).then_some(Kind::Safetensors)
}

/// The error for bytes that begin like no weight file.
fn mistake(bytes: &[u8]) -> Error {
    // Pages come in many encodings, so their first words count and not the rest.
    let words = String::from_utf8_lossy(bytes);
    let words = words.trim_start_matches('\u{feff}').trim_start();
    if let Some(named) = foreign::named(bytes).or_else(|| foreign::named_text(words)) {
        return named;
    }
    match beginning_as_text(bytes) {
        Some(text) => {
            let line = text.lines().next().unwrap_or_default();
            let beginning = line.chars().take(60).collect();
            Error::Text { beginning }
        }
        None => Error::Unknown { first_bytes: bytes[..bytes.len().min(16)].to_vec() },
    }
}

/// The bytes as text without leading space, unless they hold something that text does not.
fn beginning_as_text(bytes: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // The last character may be cut, where the bytes looked at end.
        Err(error) if error.error_len().is_none() && bytes.len() as u64 == BEGINNING => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let printable = |c: char| !c.is_control() || c.is_whitespace();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.chars().all(printable).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sniffed(bytes: &[u8]) -> Result<Kind, Error> {
        kind_of(&mut &bytes[..], bytes.len() as u64)
    }

    #[test]
    fn knows_the_formats() {
        assert_eq!(sniffed(b"PK\x03\x04rest").unwrap(), Kind::Zip);
        assert_eq!(sniffed(b"\x80\x02\x8a\x0a").unwrap(), Kind::Legacy);
        let empty_safetensors = b"\x02\0\0\0\0\0\0\0{}";
        assert_eq!(sniffed(empty_safetensors).unwrap(), Kind::Safetensors);
    }

    #[test]
    fn tells_what_else_it_is() {
        assert!(matches!(sniffed(b""), Err(Error::Empty)));
        let pages: [&[u8]; 5] = [
            b"<html><title>\xe9t\xe9 in Latin-1",
            b"<!DOCTYPE html><html>",
            b"\n\n  <html lang=\"en\">",
            b"\xef\xbb\xbf<!doctype HTML>",
            b"<HEAD>",
        ];
        for page in pages {
            assert!(matches!(sniffed(page), Err(Error::WebPage)), "{page:?}");
        }
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00";
        assert!(matches!(sniffed(pointer), Err(Error::GitLfsPointer)));
        let text = sniffed(b"Quota exceeded\nTry later");
        assert!(matches!(text, Err(Error::Text { beginning }) if beginning == "Quota exceeded"));
        let gzip = sniffed(b"\x1f\x8b\x08\0");
        assert!(matches!(gzip, Err(Error::OtherFormat { .. })));
        let unknown = sniffed(b"\x08\x63\x12\x07pytorch").unwrap_err();
        assert!(unknown.to_string().contains("08 63 12 07 70 79"), "{unknown}");
    }

    #[test]
    fn a_cut_character_is_still_text() {
        let text = "ü".repeat(600);
        assert!(matches!(sniffed(&text.as_bytes()[1..]), Err(Error::Unknown { .. })));
        let odd = format!("a{text}");
        assert!(matches!(sniffed(odd.as_bytes()), Err(Error::Text { .. })));
    }
}
