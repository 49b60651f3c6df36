//! One video, decoded from its first frame to the last wanted one.

use super::Error;
use crate::file_error::FileError;
use crate::imaging::from_bgr_mat;
use crate::types::Frame;
use opencv::core::Mat;
use opencv::prelude::*;
use opencv::videoio::{CAP_FFMPEG, CAP_PROP_FPS, CAP_PROP_FRAME_COUNT, VideoCapture};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// How a decode went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeReport {
    /// Frames that were wanted.
    pub wanted: usize,
    /// Frames of these that were decoded.
    pub decoded: usize,
    /// The frame at which the video ended before the last wanted one.
    pub ended_at: Option<usize>,
}

/// A video file, opened for decoding.
pub struct VideoReader {
    path: PathBuf,
    capture: VideoCapture,
    frame_count: usize,
}

impl VideoReader {
    /// Opens a video and learns its number of frames.
    ///
    /// Where the container does not say it, the frames are counted by a pass of their own.
    /// Fails when the file is missing, is no video, or has no frames.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let unusable = FileError::of(path);
        let metadata = std::fs::metadata(path).map_err(unusable)?;
        if metadata.is_dir() {
            return Err(unusable(std::io::ErrorKind::IsADirectory.into()).into());
        }
        // Opening tells a missing permission from a broken file, which OpenCV does not.
        std::fs::File::open(path).map_err(unusable)?;
        let mut reader = VideoReader { path: path.to_owned(), capture: capture(path)?, frame_count: 0 };
        let declared = reader.property(CAP_PROP_FRAME_COUNT)?;
        reader.frame_count = if declared >= 1.0 { declared as usize } else { reader.count_frames()? };
        match reader.frame_count {
            0 => Err(Error::NoFrames { path: path.to_owned() }),
            _ => Ok(reader),
        }
    }

    /// The container's number of frames.
    pub fn frame_count(&self) -> usize {
        self.frame_count
    }

    /// Frames per second; 25 where the container does not say.
    pub fn fps(&self) -> Result<f64, Error> {
        const USUAL: f64 = 25.0;
        let fps = self.property(CAP_PROP_FPS)?;
        Ok(if fps.is_finite() && fps > 0.0 { fps } else { USUAL })
    }

    /// Decodes the frames at `wanted` (ascending, distinct) and hands each to `consume`, which may break off.
    ///
    /// A frame that does not decode ends the video: what came before counts, and the report tells.
    pub fn read_frames(
        self,
        wanted: &[usize],
        consume: impl FnMut(Frame) -> ControlFlow<()>,
    ) -> Result<DecodeReport, Error> {
        self.read_frames_until(&|| false, wanted, consume)
    }

    /// [`VideoReader::read_frames`] that breaks off as soon as `over` says so, which is asked for every frame, wanted or
    /// not: from one wanted frame of a long video to the next it can be a minute.
    pub(super) fn read_frames_until(
        mut self,
        over: &dyn Fn() -> bool,
        wanted: &[usize],
        mut consume: impl FnMut(Frame) -> ControlFlow<()>,
    ) -> Result<DecodeReport, Error> {
        let mut report = DecodeReport { wanted: wanted.len(), decoded: 0, ended_at: None };
        let mut bgr = Mat::default();
        let mut position = 0;
        for &index in wanted {
            while position <= index {
                if over() {
                    return Ok(report);
                }
                if !self.grab()? {
                    report.ended_at = Some(position);
                    return Ok(report);
                }
                position += 1;
            }
            let retrieved = self.capture.retrieve(&mut bgr, 0).map_err(|e| self.opencv(e))?;
            if !retrieved || bgr.empty() {
                report.ended_at = Some(index);
                return Ok(report);
            }
            let image = from_bgr_mat(&bgr).map_err(|e| self.opencv(e))?;
            report.decoded += 1;
            if consume(Frame { index, image }).is_break() {
                break;
            }
        }
        Ok(report)
    }

    fn count_frames(&mut self) -> Result<usize, Error> {
        let mut count = 0;
        while self.grab()? {
            count += 1;
        }
        self.capture = capture(&self.path)?;
        Ok(count)
    }

    fn grab(&mut self) -> Result<bool, Error> {
        self.capture.grab().map_err(|e| self.opencv(e))
    }

    fn property(&self, id: i32) -> Result<f64, Error> {
        self.capture.get(id).map_err(|e| self.opencv(e))
    }

    fn opencv(&self, cause: opencv::Error) -> Error {
        Error::OpenCv { path: self.path.clone(), cause }
    }
}

fn capture(path: &Path) -> Result<VideoCapture, Error> {
    let name = path.to_str().ok_or_else(|| Error::PathNotUtf8 { path: path.to_owned() })?;
    // FFmpeg only: other backends take numbered images and text for videos.
    let capture = VideoCapture::from_file(name, CAP_FFMPEG)
        .map_err(|cause| Error::OpenCv { path: path.to_owned(), cause })?;
    match capture.is_opened() {
        Ok(true) => Ok(capture),
        _ => Err(Error::Unreadable { path: path.to_owned() }),
    }
}
