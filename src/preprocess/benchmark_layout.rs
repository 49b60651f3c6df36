//! Preparing videos as DeepfakeBench's training reads them: aligned crops and their landmarks.
//!
//! Under `rgb/` beside the sets, with a set's own folders below: `frames/<video>/<index>.png`, 256 pixels a side, and
//! `landmarks/<video>/<index>.npy`, `int64 (81, 2)` in pixels of the crop. A frame has both files or none.

use super::{Config, VideoSource};
use crate::datasets::SourceVideo;
use crate::face::{self, BenchmarkCrop, BenchmarkCropper, LandmarkIdentity};
use crate::imaging::write_png;
use crate::media::{DecodeEvent, DecodeReport, Decoding, Decodings, Reading};
use crate::progress::{Cancel, Progress};
use crate::types::{Frame, RgbImage, VideoStatus};
use crate::video::distinct_frame_indices;
use crate::{Error, Result, atomic_file, npy};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The folder of all sets in this layout.
const RGB: &str = "rgb";
/// Failures shown one by one before they are only counted.
const SHOWN: usize = 20;

/// What cuts faces out of frames.
pub type Crop<'a> = dyn Fn(&RgbImage) -> Result<Option<BenchmarkCrop>, face::Error> + Sync + 'a;

/// What decides the content of crops and landmarks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchmarkSettings {
    /// Frames wanted per video.
    pub frames: usize,
    /// File name of the landmark model.
    pub landmark_model: String,
    /// Fingerprint of that file, 16 hex digits.
    pub fingerprint: String,
    /// Whether the forehead's points are estimated.
    pub estimated_forehead: bool,
}

impl BenchmarkSettings {
    /// Of a run with this landmark model.
    pub fn new(frames: usize, landmarks: &LandmarkIdentity) -> Self {
        BenchmarkSettings {
            frames,
            landmark_model: landmarks.model.clone(),
            fingerprint: landmarks.fingerprint.clone(),
            estimated_forehead: landmarks.estimated_forehead,
        }
    }

    fn first_difference(&self, before: &Self) -> Option<(&'static str, String, String)> {
        let named = |settings: &Self| {
            [
                ("number of frames", settings.frames.to_string()),
                ("landmark model", format!("{} ({})", settings.landmark_model, settings.fingerprint)),
            ]
        };
        let mut pairs = named(before).into_iter().zip(named(self));
        pairs.find_map(|((what, before), (_, now))| (before != now).then_some((what, before, now)))
    }
}

/// What became of a video.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchmarkVideo {
    /// Its name: the folder of its crops.
    pub video: String,
    /// How the reading went; `no_face` where no frame gives a crop.
    pub status: VideoStatus,
    /// Frames that were to be looked at.
    pub frames_wanted: usize,
    /// Frames that were.
    pub frames_decoded: usize,
    /// Frames that gave a crop.
    pub crops: usize,
    /// What went wrong, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a run did, and the record beside the crops.
#[derive(Clone, Debug, Serialize)]
pub struct BenchmarkSummary {
    /// The folder of the set's crops.
    pub folder: PathBuf,
    /// The record's file.
    pub record: PathBuf,
    /// The videos that were asked for, whether prepared now or before.
    pub videos: Vec<BenchmarkVideo>,
    /// How many of them this run prepared.
    pub prepared: usize,
    /// Whether it was broken off.
    pub interrupted: bool,
}

/// The record on disk.
#[derive(Serialize, Deserialize)]
struct Record {
    settings: BenchmarkSettings,
    videos: BTreeMap<String, BenchmarkVideo>,
}

/// Prepares what is missing of a set in DeepfakeBench's layout.
///
/// A bad video is part of the [`BenchmarkSummary`]. Fails when nothing can be done at all: no such set, no landmark model,
/// a folder that cannot be written, a set prepared with other settings.
pub fn run_benchmark_layout(
    config: &Config,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<BenchmarkSummary> {
    let (videos, notes) = config.source.videos()?;
    let (model, warning) = config.landmarks.load()?;
    notes.iter().chain(&warning).for_each(|note| progress.note(note));
    let settings = BenchmarkSettings::new(config.frames, model.identity());
    let cropper = BenchmarkCropper::new(model);
    run_with(config, videos, settings, &|frame| cropper.crop(frame), progress, cancel)
}

fn run_with(
    config: &Config,
    mut videos: Vec<SourceVideo>,
    settings: BenchmarkSettings,
    crop: &Crop,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<BenchmarkSummary> {
    videos.truncate(config.limit.unwrap_or(usize::MAX));
    let folder = rgb_folder(&config.source, &config.source.folder());
    let path = folder.join(format!("deepfakebench_{}.json", config.source.name()));
    let mut record = open_record(&path, settings, config.overwrite)?;
    std::fs::create_dir_all(&folder).map_err(|cause| Error::Output { path: folder.clone(), cause })?;
    save(&path, &record)?;

    let names: HashMap<PathBuf, String> =
        videos.iter().map(|video| (video.path.clone(), name_in(config, video))).collect();
    let pending: Vec<&SourceVideo> = videos
        .iter()
        .filter(|video| !is_done(config, video, record.videos.get(&names[&video.path])))
        .collect();
    progress.begin(pending.len(), "videos");
    let frames = config.frames;
    let paths = pending.iter().map(|video| video.path.clone()).collect();
    let choose = move |_: usize, total: usize| distinct_frame_indices(total, frames);
    let decodings = Decodings::start(paths, choose, Reading::as_published(config.limits), 2);
    let mut prepared = 0;
    for (position, decoding) in decodings {
        let video = pending[position];
        let name = &names[&video.path];
        let folders = Folders::of(config, video);
        let Some(told) = one_video(name, decoding, &folders, (config.jobs, crop), cancel)? else { break };
        if let Some(note) = &told.note {
            progress.note(&format!("{}: {note}", video.path.display()));
        }
        progress.advance(name);
        record.videos.insert(name.clone(), told);
        save(&path, &record)?;
        prepared += 1;
    }
    progress.end();
    let videos = videos.iter().filter_map(|video| record.videos.get(&names[&video.path]).cloned()).collect();
    let interrupted = cancel.is_requested() && prepared < pending.len();
    Ok(BenchmarkSummary { folder, record: path, videos, prepared, interrupted })
}

/// Where crops lie of what is beside `base`.
fn rgb_folder(source: &VideoSource, base: &Path) -> PathBuf {
    match source {
        VideoSource::Set { data_root, .. } => {
            data_root.join(RGB).join(base.strip_prefix(data_root).unwrap_or(base))
        }
        VideoSource::Files { .. } => {
            let above = base.parent().unwrap_or(Path::new(""));
            above.join(RGB).join(base.file_name().unwrap_or_default())
        }
    }
}

/// A video's name in the record: with the folders below the set's, where videos lie in several.
fn name_in(config: &Config, video: &SourceVideo) -> String {
    let set = config.source.folder();
    let below = video.base.strip_prefix(&set).unwrap_or(Path::new(""));
    below.join(&video.name).to_string_lossy().into_owned()
}

/// The two folders of a video.
struct Folders {
    frames: PathBuf,
    landmarks: PathBuf,
}

impl Folders {
    fn of(config: &Config, video: &SourceVideo) -> Self {
        let base = rgb_folder(&config.source, &video.base);
        Folders {
            frames: base.join("frames").join(&video.name),
            landmarks: base.join("landmarks").join(&video.name),
        }
    }

    /// Makes both folders, empty of what an earlier run wrote.
    fn make(&self) -> Result<()> {
        for (folder, extension) in [(&self.frames, "png"), (&self.landmarks, "npy")] {
            let failed = |cause| Error::Output { path: folder.clone(), cause };
            std::fs::create_dir_all(folder).map_err(failed)?;
            for entry in std::fs::read_dir(folder).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                if path.extension().is_some_and(|e| e == extension) || atomic_file::is_leftover(&path) {
                    std::fs::remove_file(&path).map_err(failed)?;
                }
            }
        }
        Ok(())
    }

    /// Writes what a frame gave.
    fn write(&self, index: usize, crop: &BenchmarkCrop) -> Result<()> {
        let points = crop.landmarks.points();
        let array = Array2::from_shape_fn((points.len(), 2), |(point, axis)| {
            let (x, y) = points[point];
            i64::from(if axis == 0 { x } else { y })
        });
        let landmarks = self.landmarks.join(format!("{index:03}.npy"));
        npy::write_array_unsynced(&landmarks, array.view())
            .map_err(|error| Error::Output { path: landmarks, cause: io::Error::other(error) })?;
        Ok(write_png(&self.frames.join(format!("{index:03}.png")), &crop.pixels)?)
    }

    /// Crops that are there.
    fn count(&self) -> usize {
        let files = std::fs::read_dir(&self.frames).into_iter().flatten().flatten();
        files.filter(|file| file.path().extension().is_some_and(|e| e == "png")).count()
    }
}

/// Whether an earlier run left nothing to do.
fn is_done(config: &Config, video: &SourceVideo, before: Option<&BenchmarkVideo>) -> bool {
    before.is_some_and(|before| {
        before.status != VideoStatus::Unreadable && Folders::of(config, video).count() >= before.crops
    })
}

/// Cuts and writes the crops of a video, so many frames at a time; `None` when `cancel` is requested meanwhile.
fn one_video(
    name: &str,
    mut decoding: Decoding,
    folders: &Folders,
    (jobs, crop): (usize, &Crop),
    cancel: &Cancel,
) -> Result<Option<BenchmarkVideo>> {
    folders.make()?;
    let (mut waiting, mut crops) = (Vec::new(), 0);
    let write = |frames: &mut Vec<Frame>| -> Result<usize> {
        let written = |frame: &Frame| -> Result<usize> {
            let Some(found) = crop(&frame.image)? else { return Ok(0) };
            folders.write(frame.index, &found)?;
            Ok(1)
        };
        frames.par_drain(..).map(|frame| written(&frame)).try_reduce(|| 0, |a, b| Ok(a + b))
    };
    while let Some(event) = decoding.next_unless(cancel) {
        match event {
            DecodeEvent::Frame(frame, _) => {
                waiting.push(frame);
                if waiting.len() >= jobs.max(1) {
                    crops += write(&mut waiting)?;
                }
            }
            DecodeEvent::End(end) => {
                crops += write(&mut waiting)?;
                return Ok(Some(told(name, crops, end)));
            }
        }
    }
    Ok(None)
}

fn told(name: &str, crops: usize, end: Result<DecodeReport, String>) -> BenchmarkVideo {
    let (wanted, decoded, damage) = match end {
        Ok(report) => (report.wanted, report.decoded, report.damage),
        Err(reason) => (0, 0, Some(reason)),
    };
    let status = match &damage {
        _ if decoded == 0 => VideoStatus::Unreadable,
        Some(_) => VideoStatus::Truncated,
        None if crops == 0 => VideoStatus::NoFace,
        None => VideoStatus::Ok,
    };
    let nothing = || (crops == 0).then(|| format!("no crop from any of {decoded} frames"));
    BenchmarkVideo {
        video: name.to_owned(),
        status,
        frames_wanted: wanted,
        frames_decoded: decoded,
        crops,
        note: damage.or_else(nothing),
    }
}

/// The record to go on with; with `overwrite`, an empty one.
fn open_record(path: &Path, settings: BenchmarkSettings, overwrite: bool) -> Result<Record> {
    let fresh = |settings| Record { settings, videos: BTreeMap::new() };
    let text = match std::fs::read(path) {
        Ok(text) if !overwrite => text,
        _ => return Ok(fresh(settings)),
    };
    let before: Record = serde_json::from_slice(&text)
        .map_err(|error| Error::Output { path: path.to_owned(), cause: io::Error::from(error) })?;
    match settings.first_difference(&before.settings) {
        Some((what, before, now)) => {
            Err(Error::PreparedSettings { path: path.to_owned(), what, before, now })
        }
        None => Ok(Record { settings, ..before }),
    }
}

fn save(path: &Path, record: &Record) -> Result<()> {
    let written = atomic_file::write(path, |file| {
        serde_json::to_writer_pretty(&mut *file, record)?;
        file.write_all(b"\n")
    });
    written.map_err(|error| Error::Output { path: path.to_owned(), cause: error.cause })
}

impl BenchmarkSummary {
    /// The videos with which something was wrong.
    pub fn failed(&self) -> impl Iterator<Item = &BenchmarkVideo> {
        self.videos.iter().filter(|video| video.status != VideoStatus::Ok)
    }
}

impl fmt::Display for BenchmarkSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |of: fn(&BenchmarkVideo) -> usize| self.videos.iter().map(of).sum::<usize>();
        let (total, prepared) = (self.videos.len(), self.prepared);
        let before = total.saturating_sub(prepared);
        writeln!(f, "folder      {}", self.folder.display())?;
        writeln!(f, "videos      {total} ({prepared} prepared now, {before} before)")?;
        writeln!(
            f,
            "frames      {} wanted, {} decoded, {} with a crop",
            sum(|video| video.frames_wanted),
            sum(|video| video.frames_decoded),
            sum(|video| video.crops)
        )?;
        for video in self.failed().take(SHOWN) {
            let note = video.note.as_deref().unwrap_or("");
            writeln!(f, "  {:<10}  {}  {note}", video.status.to_string(), video.video)?;
        }
        let failed = self.failed().count();
        if failed > SHOWN {
            writeln!(f, "  … and {} more, see the record", failed - SHOWN)?;
        }
        writeln!(f, "record      {}", self.record.display())?;
        if self.interrupted {
            writeln!(f, "interrupted: the same command continues")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
