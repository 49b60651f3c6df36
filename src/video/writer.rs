//! Writing a video.

use crate::file_error::FileError;
use crate::native::libav::{EncodeError, Encoder, Encoding, Muxer, PixelFormat};
use crate::types::{RgbImage, Window};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Why a video cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file cannot be made, or not be given its name.
    #[error(transparent)]
    File(#[from] FileError),
    /// It cannot be encoded.
    #[error("{}: cannot write this video of {width} x {height} pixels", path.display())]
    Encode {
        /// The video's file.
        path: PathBuf,
        /// The frames' width in pixels.
        width: usize,
        /// The frames' height in pixels.
        height: usize,
        /// What failed.
        #[source]
        cause: EncodeError,
    },
}

/// Encoders in the order in which they are tried, with options for each: H.264, because browsers play it, where FFmpeg has
/// an encoder for it; else MPEG-4 part 2.
const ENCODERS: [(&str, &[(&str, &str)]); 2] = [
    // With macroblock trees x264 writes other bytes now and then.
    ("libx264", &[("preset", "veryfast"), ("crf", "18"), ("x264-params", "mbtree=0")]),
    ("mpeg4", &[("qscale", "3"), ("b", "8000000")]),
];

/// A video being written: to a temporary name beside it, renamed by [`VideoWriter::finish`].
///
/// The container is chosen by the extension: `mp4`, `avi` or `mkv`.
pub struct VideoWriter {
    path: PathBuf,
    unfinished: PathBuf,
    muxer: Option<Muxer>,
    encoder: Encoder,
    width: usize,
    height: usize,
    frames: i64,
}

impl VideoWriter {
    /// Starts a video of `width` x `height` pixels (odd sizes lose a row or column to the encoder's rule).
    pub fn create(path: &Path, width: usize, height: usize, fps: f64) -> Result<Self, WriteError> {
        let (width, height) = (width & !1, height & !1);
        let fails = |cause| WriteError::Encode { path: path.to_owned(), width, height, cause };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let unfinished = path.with_file_name(format!(".tmp-{name}"));
        let file = File::create(&unfinished).map_err(FileError::of(path))?;
        let begin = || {
            let format = match path.extension().and_then(|extension| extension.to_str()) {
                Some("avi") => "avi",
                Some("mkv") => "matroska",
                _ => "mp4",
            };
            let mut muxer = Muxer::create(Box::new(file), format)?;
            let mut encoder = Err(EncodeError::Unknown { what: "video".to_owned() });
            for (name, options) in ENCODERS {
                encoder = Encoder::open(&Encoding {
                    encoder: name,
                    width,
                    height,
                    rate: fraction(fps),
                    pixels: PixelFormat::Yuv420,
                    group: 25,
                    global_headers: muxer.wants_headers(),
                    options,
                });
                if encoder.is_ok() {
                    break;
                }
            }
            let encoder = encoder?;
            muxer.add_encoder(&encoder)?;
            muxer.begin(&[])?;
            Ok((muxer, encoder))
        };
        let begun = begin().map_err(|cause| {
            let _ = std::fs::remove_file(&unfinished);
            fails(cause)
        })?;
        let (muxer, encoder) = (Some(begun.0), begun.1);
        Ok(VideoWriter { path: path.to_owned(), unfinished, muxer, encoder, width, height, frames: 0 })
    }

    /// Appends a frame of at least the video's size.
    pub fn write(&mut self, image: &RgbImage) -> Result<(), WriteError> {
        let part = (image.width(), image.height()) != (self.width, self.height);
        let window = Window { y0: 0, y1: self.height, x0: 0, x1: self.width };
        let cropped = part.then(|| image.cropped(window));
        let rgb = cropped.as_ref().unwrap_or(image).data();
        let time = self.frames;
        self.frames += 1;
        self.with_muxer(|muxer, encoder| encoder.encode(rgb, time, &mut |packet| muxer.write(packet, 0)))
    }

    /// Completes the file under its real name.
    pub fn finish(mut self) -> Result<(), WriteError> {
        self.with_muxer(|muxer, encoder| encoder.finish(&mut |packet| muxer.write(packet, 0)))?;
        if let Some(muxer) = self.muxer.take() {
            muxer.finish().map_err(|cause| self.fails(cause))?;
        }
        Ok(std::fs::rename(&self.unfinished, &self.path).map_err(FileError::of(&self.path))?)
    }

    fn with_muxer(
        &mut self,
        act: impl FnOnce(&mut Muxer, &mut Encoder) -> Result<(), EncodeError>,
    ) -> Result<(), WriteError> {
        let Some(muxer) = &mut self.muxer else { return Ok(()) };
        act(muxer, &mut self.encoder).map_err(|cause| self.fails(cause))
    }

    fn fails(&self, cause: EncodeError) -> WriteError {
        WriteError::Encode { path: self.path.clone(), width: self.width, height: self.height, cause }
    }
}

impl Drop for VideoWriter {
    fn drop(&mut self) {
        // After `finish` there is nothing under this name; otherwise half a video must not stay.
        self.muxer = None;
        let _ = std::fs::remove_file(&self.unfinished);
    }
}

/// Frames per second as a fraction that containers take.
fn fraction(fps: f64) -> (u32, u32) {
    let broadcast =
        [24, 30, 60, 120].into_iter().find(|rate| (fps - f64::from(*rate) * 1000.0 / 1001.0).abs() < 1e-3);
    if let Some(rate) = broadcast {
        return (rate * 1000, 1001);
    }
    if fps.fract() == 0.0 && (1.0..=1000.0).contains(&fps) {
        return (fps as u32, 1);
    }
    ((fps.clamp(0.1, 1000.0) * 1000.0).round() as u32, 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_become_fractions() {
        let rates = [25.0, 29.97002997, 23.976, 12.5, 59.94].map(fraction);
        assert_eq!(rates, [(25, 1), (30000, 1001), (24000, 1001), (12500, 1000), (60000, 1001)]);
    }
}
