//! Formats of photographs, told by their first bytes.

use std::fmt;

/// A format of photographs that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageFormat {
    /// JPEG, also with inks instead of lights.
    Jpeg,
    /// PNG, also animated.
    Png,
    /// Windows bitmap.
    Bmp,
    /// TIFF, also with several pages.
    Tiff,
    /// WebP, also animated.
    WebP,
    /// The portable family: PBM, PGM, PPM, PAM.
    Pnm,
    /// HEIF with HEVC inside, as phones write it.
    Heif,
    /// HEIF with AV1 inside.
    Avif,
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ImageFormat::Jpeg => "JPEG",
            ImageFormat::Png => "PNG",
            ImageFormat::Bmp => "BMP",
            ImageFormat::Tiff => "TIFF",
            ImageFormat::WebP => "WebP",
            ImageFormat::Pnm => "PNM",
            ImageFormat::Heif => "HEIC",
            ImageFormat::Avif => "AVIF",
        })
    }
}

/// Extensions under which photographs are looked for in folders, in lower case.
pub const IMAGE_EXTENSIONS: [&str; 20] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "bmp", "dib", "webp", "tif", "tiff", "ppm", "pgm", "pbm",
    "pnm", "pam", "heic", "heif", "hif", "avif",
];

/// How many of a file's first bytes [`image_format`] looks at.
pub const FIRST_BYTES: usize = 64;

/// The format that a file's first bytes (up to [`FIRST_BYTES`]) are those of. GIF is not among the formats: it is a video.
pub fn image_format(first_bytes: &[u8]) -> Option<ImageFormat> {
    let at = |from: usize, to: usize| first_bytes.get(from..to).unwrap_or_default();
    let begins = |signature: &[u8]| first_bytes.starts_with(signature);
    if begins(b"\xFF\xD8\xFF") {
        Some(ImageFormat::Jpeg)
    } else if begins(b"\x89PNG\r\n\x1a\n") {
        Some(ImageFormat::Png)
    } else if begins(b"RIFF") && at(8, 12) == b"WEBP" {
        Some(ImageFormat::WebP)
    } else if [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|signature| begins(*signature)) {
        Some(ImageFormat::Tiff)
    } else if begins(b"BM") && is_bitmap_header(at(14, 18)) {
        Some(ImageFormat::Bmp)
    } else if at(4, 8) == b"ftyp" {
        heif_format(first_bytes)
    } else if begins(b"P")
        && matches!(at(1, 2), [b'1'..=b'7'])
        && at(2, 3).iter().any(u8::is_ascii_whitespace)
    {
        Some(ImageFormat::Pnm)
    } else {
        None
    }
}

/// Whether four bytes are the size of one of the headers that bitmaps have: `BM` alone begins many a text.
fn is_bitmap_header(size: &[u8]) -> bool {
    matches!(size, [12 | 16 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0])
}

/// The kind of an ISO media file that is a photograph: by its main brand, and where that leaves it open by the others.
fn heif_format(first_bytes: &[u8]) -> Option<ImageFormat> {
    let size = first_bytes.first_chunk().map_or(0, |size| u32::from_be_bytes(*size)) as usize;
    let others = first_bytes.get(16..size.min(first_bytes.len())).unwrap_or_default();
    match first_bytes.get(8..12)? {
        b"avif" | b"avis" => Some(ImageFormat::Avif),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" => {
            Some(ImageFormat::Heif)
        }
        b"mif1" | b"mif2" | b"msf1" => {
            let is_avif = others.chunks_exact(4).any(|brand| brand == b"avif" || brand == b"avis");
            Some(if is_avif { ImageFormat::Avif } else { ImageFormat::Heif })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_the_format() {
        let cases: [(&[u8], Option<ImageFormat>); 16] = [
            (b"\xFF\xD8\xFF\xE0\0\x10JFIF", Some(ImageFormat::Jpeg)),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Some(ImageFormat::Png)),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Some(ImageFormat::WebP)),
            (b"RIFF\x24\0\0\0AVI LIST", None),
            (b"II*\0\x08\0\0\0", Some(ImageFormat::Tiff)),
            (b"MM\0+\0\x08\0\0", Some(ImageFormat::Tiff)),
            (b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", Some(ImageFormat::Bmp)),
            (b"BMW drivers met on Sunday", None),
            (b"P6\n2 2\n255\n", Some(ImageFormat::Pnm)),
            (b"P6 is a format", Some(ImageFormat::Pnm)),
            (b"PK\x03\x04", None),
            (b"GIF89a", None),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Some(ImageFormat::Heif)),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", Some(ImageFormat::Avif)),
            (b"\0\0\0\x18ftypisom\0\0\0\0mp41mif1", None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(image_format(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn beginnings_of_all_lengths_are_taken() {
        let whole = b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif";
        for length in 0..whole.len() {
            image_format(&whole[..length]);
        }
    }
}
