//! Image files.

use super::Error;
use super::mat::{from_bgr_mat, to_bgr_mat};
use crate::file_error::FileError;
use crate::types::RgbImage;
use opencv::core::{Mat, Vector};
use opencv::imgcodecs;
use opencv::prelude::*;
use std::io::Write;
use std::path::Path;

/// Whether the file's first bytes are those of an image format that [`read_image`] decodes.
fn is_image(path: &Path) -> bool {
    path.to_str().is_some_and(|name| imgcodecs::have_image_reader(name).unwrap_or(false))
}

/// Extensions under which images are looked for in folders, in lower case.
pub const IMAGE_EXTENSIONS: [&str; 8] = ["jpg", "jpeg", "png", "bmp", "webp", "tif", "tiff", "ppm"];

/// Whether a path is to be read as an image rather than a video: by its first bytes, and where these are
/// damaged by its extension, so that the error speaks of an image.
pub fn looks_like_image(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    extension.is_some_and(|e| IMAGE_EXTENSIONS.contains(&e.as_str())) || is_image(path)
}

/// Reads an image: grey, alpha, CMYK and 16-bit come as 8-bit RGB, EXIF rotation is applied.
///
/// Fails when the file cannot be opened or no decoder takes it.
pub fn read_image(path: &Path) -> Result<RgbImage, Error> {
    let bytes = std::fs::read(path).map_err(FileError::of(path))?;
    let unreadable = || Error::Unreadable { path: path.to_owned() };
    if bytes.is_empty() {
        return Err(unreadable());
    }
    let encoded = Mat::from_slice(&bytes)?;
    // OpenCV throws on some broken headers and returns an empty image on others.
    let bgr = imgcodecs::imdecode(&encoded, imgcodecs::IMREAD_COLOR).map_err(|_| unreadable())?;
    if bgr.empty() {
        return Err(unreadable());
    }
    Ok(from_bgr_mat(&bgr)?)
}

/// Writes an image in the format of the path's extension, to a temporary file that is then renamed.
pub fn write_image(path: &Path, image: &RgbImage) -> Result<(), Error> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("png");
    let mut encoded = Vector::new();
    imgcodecs::imencode_def(&format!(".{extension}"), &to_bgr_mat(image)?, &mut encoded)?;
    crate::atomic_file::write(path, |file| file.write_all(encoded.as_slice()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Left half red, right half blue.
    fn two_colours() -> RgbImage {
        let mut image = RgbImage::filled(32, 16, [200, 60, 30]);
        image.paste(&RgbImage::filled(16, 16, [20, 90, 220]), 16, 0);
        image
    }

    fn assert_near(found: [u8; 3], expected: [u8; 3]) {
        let near = found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 16);
        assert!(near, "{found:?}, expected about {expected:?}");
    }

    #[test]
    fn cmyk_comes_as_rgb() {
        // Written by Pillow: 32 x 32, the left half red, the right half blue.
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images/cmyk.jpg");
        let image = read_image(&path).unwrap();
        assert_eq!((image.width(), image.height()), (32, 32));
        assert_near(image.pixel(6, 16), [200, 60, 30]);
        assert_near(image.pixel(26, 16), [20, 90, 220]);
    }

    #[test]
    fn cameras_that_were_held_upright_are_obeyed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("photo.jpg");
        write_image(&path, &two_colours()).unwrap();
        let plain = std::fs::read(&path).unwrap();
        // Orientation 6: to be shown turned by 90 degrees clockwise.
        let exif = b"\xFF\xE1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        std::fs::write(&path, [&plain[..2], exif, &plain[2..]].concat()).unwrap();
        let turned = read_image(&path).unwrap();
        assert_eq!((turned.width(), turned.height()), (16, 32));
        assert_near(turned.pixel(8, 4), [200, 60, 30]);
        assert_near(turned.pixel(8, 28), [20, 90, 220]);
    }
}
