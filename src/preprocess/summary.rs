//! What a preprocessing run did, for people.

use super::Config;
use super::ledger::Book;
use crate::Error;
use crate::atomic_file;
use crate::causes::with_causes;
use crate::prepared_frames::{PreparedRecord, VideoRecord};
use crate::types::VideoStatus;
use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;
use std::path::PathBuf;

/// Videos listed one by one before they are only counted.
const SHOWN: usize = 20;
/// Frames named one by one before they are only counted.
const SHOWN_FRAMES: usize = 6;

/// What a preprocessing run did.
#[derive(Debug)]
pub struct PreprocessSummary {
    /// The set and, where it has several, the compression.
    pub set: String,
    /// The set's folder.
    pub folder: PathBuf,
    /// The record as it is on disk now: every video ever prepared, not only those of this run.
    pub record: PreparedRecord,
    /// Where the record lies.
    pub record_path: PathBuf,
    /// The videos of this run, whether prepared now or before.
    pub videos: Vec<VideoRecord>,
    /// How many were asked for.
    pub total: usize,
    /// How many of them this run prepared, well or badly.
    pub prepared: usize,
    /// How many an earlier run had prepared.
    pub skipped: usize,
    /// Whether the run was broken off.
    pub interrupted: bool,
    /// Why the record could not be written.
    pub unsaved: Option<Error>,
}

impl PreprocessSummary {
    /// Puts it together and writes `preprocess_<set>.txt` beside the record.
    pub(super) fn new(
        config: &Config,
        book: Book,
        names: &[String],
        prepared: usize,
        skipped: usize,
        interrupted: bool,
        unsaved: Option<Error>,
    ) -> Self {
        let asked: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let videos =
            book.record.videos.iter().filter(|v| asked.contains(v.video.as_str())).cloned().collect();
        let mut summary = PreprocessSummary {
            set: config.source.title(),
            folder: book.folder,
            record: book.record,
            record_path: book.path,
            videos,
            total: names.len(),
            prepared,
            skipped,
            interrupted,
            unsaved,
        };
        summary.write_text();
        summary
    }

    /// Writes it beside the record, for people.
    pub(super) fn write_text(&mut self) {
        let text = self.record_path.with_extension("txt");
        let written = atomic_file::write(&text, |file| write!(file, "{self}"));
        if let (None, Err(error)) = (&self.unsaved, written) {
            self.unsaved = Some(Error::Output { path: text, cause: error.cause });
        }
    }

    /// The videos with which something was wrong.
    pub fn failed(&self) -> impl Iterator<Item = &VideoRecord> {
        self.videos.iter().filter(|video| video.status != VideoStatus::Ok || !video.problems.is_empty())
    }

    /// Whether no frame of any video got anything.
    pub fn is_empty(&self) -> bool {
        self.videos.iter().all(|video| video.with_landmarks + video.with_boxes == 0)
    }
}

impl fmt::Display for PreprocessSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.record.settings;
        writeln!(f, "set         {}", self.set)?;
        writeln!(f, "folder      {}", self.folder.display())?;
        if let Some(landmarks) = &settings.landmarks {
            let forehead = if landmarks.estimated_forehead { ", the forehead's estimated" } else { "" };
            writeln!(f, "landmarks   {} points{forehead}, {}", landmarks.points, landmarks.model)?;
        }
        if let Some(boxes) = &settings.boxes {
            let side = boxes.max_size.map_or(String::new(), |side| format!(", longest side {side}"));
            writeln!(f, "boxes       {}{side}", boxes.detector)?;
        }
        let PreprocessSummary { total, prepared, skipped, .. } = self;
        writeln!(f, "videos      {total} ({prepared} prepared now, {skipped} before)")?;
        let sum = |of: fn(&VideoRecord) -> usize| self.videos.iter().map(of).sum::<usize>();
        writeln!(
            f,
            "frames      {} wanted, {} decoded, {} with landmarks, {} with boxes, {} with both",
            sum(|v| v.frames_wanted),
            sum(|v| v.frames_decoded),
            sum(|v| v.with_landmarks),
            sum(|v| v.with_boxes),
            sum(|v| v.usable),
        )?;
        self.write_failed(f)?;
        self.write_gaps(f)?;
        writeln!(f, "record      {}", self.record_path.display())?;
        if let Some(error) = &self.unsaved {
            writeln!(f, "not saved   {}", with_causes(error))?;
        }
        if self.interrupted {
            writeln!(f, "interrupted: the same command continues")?;
        }
        Ok(())
    }
}

impl PreprocessSummary {
    fn write_failed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed: Vec<&VideoRecord> = self.failed().collect();
        for video in failed.iter().take(SHOWN) {
            let status = match video.status {
                VideoStatus::Ok => "problem".to_owned(),
                status => status.to_string(),
            };
            writeln!(f, "  {status:<10}  {}  {}", video.video, video.note.as_deref().unwrap_or(""))?;
            for problem in video.problems.iter().take(1) {
                writeln!(f, "              frame {}: {}", problem.frame, problem.problem)?;
            }
        }
        if failed.len() > SHOWN {
            writeln!(f, "  … and {} more, see the record", failed.len() - SHOWN)?;
        }
        Ok(())
    }

    /// Videos that are fine but for some frames.
    fn write_gaps(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gaps: Vec<String> =
            self.videos.iter().filter(|v| v.status == VideoStatus::Ok).filter_map(gap).collect();
        for line in gaps.iter().take(SHOWN) {
            writeln!(f, "  {line}")?;
        }
        if gaps.len() > SHOWN {
            writeln!(f, "  … and {} more videos with gaps, see the record", gaps.len() - SHOWN)?;
        }
        Ok(())
    }
}

/// Which frames of a video show no face to one of the detectors.
fn gap(video: &VideoRecord) -> Option<String> {
    let part = |frames: &Option<Vec<usize>>, what: &str| {
        let frames = frames.as_ref().filter(|frames| !frames.is_empty())?;
        let shown: Vec<String> = frames.iter().take(SHOWN_FRAMES).map(ToString::to_string).collect();
        let more = if frames.len() > SHOWN_FRAMES { ", …" } else { "" };
        Some(format!("{} frames without {what} ({}{more})", frames.len(), shown.join(", ")))
    };
    let parts = [part(&video.without_landmarks, "landmarks"), part(&video.without_boxes, "boxes")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("gaps        {}  {}", video.video, parts.join("; ")))
}
