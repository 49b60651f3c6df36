//! Image files of our own: read whole in this process, written in the format of their extension.

use super::photograph::{FIRST_BYTES, IMAGE_EXTENSIONS, PIXEL_LIMIT, Photograph, image_format};
use super::{Error, png_writer};
use crate::file_error::FileError;
use crate::native::jpeg::{self, JpegSampling};
use crate::types::RgbImage;
use image::ExtendedColorType;
use image::codecs::bmp::BmpEncoder;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

/// Extensions under which images can be written, in lower case.
pub(super) const WRITTEN_EXTENSIONS: [&str; 5] = ["png", "jpg", "jpeg", "bmp", "webp"];

/// Of JPEG files: near to lossless, colours at half resolution.
const QUALITY: i32 = 95;

/// The extension in lower case, empty where there is none.
fn extension(path: &Path) -> String {
    path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase()
}

/// Whether a path is to be read as an image rather than a video: by its first bytes, and where these are
/// damaged by its extension, so that the error speaks of an image.
pub fn looks_like_image(path: &Path) -> bool {
    IMAGE_EXTENSIONS.contains(&extension(path).as_str()) || is_image(path)
}

/// Whether a regular file's first bytes are those of an image format that is read.
fn is_image(path: &Path) -> bool {
    // Pipes can be read only once.
    if !path.is_file() {
        return false;
    }
    let Ok(file) = File::open(path) else { return false };
    let mut first_bytes = Vec::with_capacity(FIRST_BYTES);
    file.take(FIRST_BYTES as u64).read_to_end(&mut first_bytes).is_ok()
        && image_format(&first_bytes).is_some()
}

/// Reads an image: the first page as 8-bit RGB, as [`Photograph::read_pages`] gives it.
///
/// Fails when the file cannot be opened, no decoder takes it, it has more than [`PIXEL_LIMIT`] pixels, or a part of it is
/// missing.
pub fn read_image(path: &Path) -> Result<RgbImage, Error> {
    let bytes = std::fs::read(path).map_err(FileError::of(path))?;
    let (image, report) = Photograph::open(&bytes, PIXEL_LIMIT)
        .and_then(|photograph| photograph.read())
        .map_err(|cause| Error::Unreadable { path: path.to_owned(), cause })?;
    match report.damage {
        None => Ok(image),
        Some(damage) => Err(Error::Damaged { path: path.to_owned(), damage }),
    }
}

/// Writes an image in the format of the path's extension (PNG, JPEG, BMP or lossless WebP), to a temporary file that is
/// then renamed.
///
/// Fails for other extensions, for images that the format cannot hold, and when the file cannot be written.
pub fn write_image(path: &Path, image: &RgbImage) -> Result<(), Error> {
    let refused = |cause: String| Error::Encode { path: path.to_owned(), cause };
    let encoded = match extension(path).as_str() {
        "png" | "" => png_writer::encoded(image).map_err(|error| refused(error.to_string()))?,
        "jpg" | "jpeg" => encoded_jpeg(image, QUALITY, JpegSampling::Half).map_err(refused)?,
        "bmp" => bmp(image).map_err(|error| refused(error.to_string()))?,
        "webp" => webp(image).map_err(|error| refused(error.to_string()))?,
        _ => return Err(Error::Extension { path: path.to_owned() }),
    };
    crate::atomic_file::write(path, |file| file.write_all(&encoded))?;
    Ok(())
}

/// A JPEG file in memory, of `quality` from 1 to 100.
///
/// Fails, with libjpeg's message, for images that JPEG cannot hold: sides of 0 or above 65500 pixels.
pub fn encoded_jpeg(image: &RgbImage, quality: i32, sampling: JpegSampling) -> Result<Vec<u8>, String> {
    jpeg::encode(image.data(), image.width(), image.height(), quality, sampling)
}

fn bmp(image: &RgbImage) -> image::ImageResult<Vec<u8>> {
    let mut encoded = Vec::new();
    let (width, height) = (image.width() as u32, image.height() as u32);
    BmpEncoder::new(&mut encoded).encode(image.data(), width, height, ExtendedColorType::Rgb8)?;
    Ok(encoded)
}

fn webp(image: &RgbImage) -> Result<Vec<u8>, image_webp::EncodingError> {
    let mut encoded = Vec::new();
    let (width, height) = (image.width() as u32, image.height() as u32);
    image_webp::WebPEncoder::new(&mut encoded).encode(
        image.data(),
        width,
        height,
        image_webp::ColorType::Rgb8,
    )?;
    Ok(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sampling_of_a_jpeg_is_chosen() {
        // The factors of the first component, in the frame header.
        let cases = [
            (JpegSampling::Half, 0x22),
            (JpegSampling::HalfAcross, 0x21),
            (JpegSampling::Full, 0x11),
            (JpegSampling::Grey, 0x11),
        ];
        for (sampling, factors) in cases {
            let encoded = encoded_jpeg(&RgbImage::filled(16, 16, [200, 90, 20]), 90, sampling).unwrap();
            let header = encoded.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
            assert_eq!(encoded[header + 11], factors, "{sampling:?}");
            assert_eq!(encoded[header + 9], if sampling == JpegSampling::Grey { 1 } else { 3 });
        }
    }

    #[test]
    fn what_is_written_without_loss_is_read_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let image = RgbImage::from_raw(37, 23, (0..37 * 23 * 3).map(|i| (i * i % 251) as u8).collect());
        for extension in WRITTEN_EXTENSIONS {
            let path = folder.path().join("image.".to_owned() + extension);
            write_image(&path, &image).unwrap();
            assert!(looks_like_image(&path));
            let read = read_image(&path).unwrap();
            assert_eq!((read.width(), read.height()), (37, 23), "{extension}");
            assert!(extension.starts_with('j') || read == image, "{extension}");
        }
        let other = folder.path().join("image.xyz");
        let error = write_image(&other, &image).unwrap_err();
        assert!(
            matches!(error, Error::Extension { .. }) && error.to_string().contains("png, jpg"),
            "{error}"
        );
    }

    #[test]
    fn images_are_known_by_their_bytes_and_else_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let written = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            looks_like_image(&path)
        };
        assert!(written("photo.mp4", b"\x89PNG\r\n\x1a\n"));
        assert!(written("damaged.JPG", b"no image"));
        assert!(!written("clip.mp4", b"\0\0\0\x18ftypisom"));
        assert!(!written("empty", b""));
        assert!(!looks_like_image(folder.path()) && !looks_like_image(&folder.path().join("none")));
    }

    #[test]
    fn cut_and_unknown_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.jpg");
        write_image(&path, &RgbImage::filled(64, 64, [200, 60, 30])).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 20]).unwrap();
        let error = read_image(&path).unwrap_err();
        assert!(
            matches!(error, Error::Damaged { .. }) && error.to_string().contains("breaks off"),
            "{error}"
        );
        std::fs::write(&path, b"no image").unwrap();
        assert!(matches!(read_image(&path), Err(Error::Unreadable { .. })));
        assert!(matches!(read_image(&folder.path().join("none.jpg")), Err(Error::File(_))));
    }
}
