//! Writing a video.

use super::Error;
use crate::file_error::FileError;
use crate::imaging::to_bgr_mat;
use crate::types::RgbImage;
use opencv::core::Size;
use opencv::prelude::*;
use opencv::videoio;
use std::path::{Path, PathBuf};

/// An mp4 being written: to a temporary name beside it, renamed by [`VideoWriter::finish`].
pub struct VideoWriter {
    path: PathBuf,
    unfinished: PathBuf,
    writer: videoio::VideoWriter,
    width: usize,
    height: usize,
}

impl VideoWriter {
    /// Starts a video of `width` x `height` pixels (odd sizes lose a row or column to the encoder's rule).
    ///
    /// H.264 where OpenCV's FFmpeg has an encoder for it, because browsers play it; else MPEG-4 part 2.
    pub fn create(path: &Path, width: usize, height: usize, fps: f64) -> Result<Self, Error> {
        let (width, height) = (width & !1, height & !1);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // The extension stays last: the container is chosen by it.
        let unfinished = path.with_file_name(format!(".tmp-{name}"));
        let file = unfinished.to_str().ok_or_else(|| Error::PathNotUtf8 { path: path.to_owned() })?;
        for code in [*b"avc1", *b"mp4v"] {
            let [a, b, c, d] = code.map(char::from);
            let writer = videoio::VideoWriter::fourcc(a, b, c, d)
                .and_then(|fourcc| {
                    let size = Size::new(width as i32, height as i32);
                    videoio::VideoWriter::new_with_backend(file, videoio::CAP_FFMPEG, fourcc, fps, size, true)
                })
                .map_err(|cause| Error::OpenCv { path: path.to_owned(), cause })?;
            if writer.is_opened().unwrap_or(false) {
                return Ok(VideoWriter { path: path.to_owned(), unfinished, writer, width, height });
            }
        }
        let _ = std::fs::remove_file(&unfinished);
        Err(Error::Unwritable { path: path.to_owned(), width, height })
    }

    /// Appends a frame of at least the video's size.
    pub fn write(&mut self, image: &RgbImage) -> Result<(), Error> {
        let opencv = |cause| Error::OpenCv { path: self.path.clone(), cause };
        let part = (image.width(), image.height()) != (self.width, self.height);
        let window = crate::types::Window { y0: 0, y1: self.height, x0: 0, x1: self.width };
        let cropped = part.then(|| image.cropped(window));
        let bgr = to_bgr_mat(cropped.as_ref().unwrap_or(image)).map_err(opencv)?;
        self.writer.write(&bgr).map_err(|cause| Error::OpenCv { path: self.path.clone(), cause })
    }

    /// Completes the file under its real name.
    pub fn finish(mut self) -> Result<(), Error> {
        self.writer.release().map_err(|cause| Error::OpenCv { path: self.path.clone(), cause })?;
        Ok(std::fs::rename(&self.unfinished, &self.path).map_err(FileError::of(&self.path))?)
    }
}

impl Drop for VideoWriter {
    fn drop(&mut self) {
        // After `finish` there is nothing under this name; otherwise half a video must not stay.
        let _ = self.writer.release();
        let _ = std::fs::remove_file(&self.unfinished);
    }
}
