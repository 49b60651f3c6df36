//! Packing: the videos of a test set to face crops on disk, once, for many runs of inference.

use crate::Result;
use crate::datasets::{Compression, TestSet};
use crate::face::{
    Extracted, Extraction, FACE_SIDE, FaceDetectorConfig, FaceDetectorIdentity, extract_faces,
};
use crate::model::{DeviceChoice, ExecutionPlan};
use crate::packed_faces::{
    self, PackOutcome, PackSettings, PackedVideoWriter, PackedWriter, PlannedVideo, VideoEntry,
};
use crate::progress::{Cancel, Progress};
use crate::types::VideoStatus;
use crate::video::{decode_ahead, distinct_frame_indices};
use std::path::PathBuf;

/// One packing run.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Which test set.
    pub set: TestSet,
    /// Folder of all data sets.
    pub data_root: PathBuf,
    /// Which copies of FaceForensics++ and DFD.
    pub compression: Compression,
    /// Where to write; `None`: `npy/<NAME>` under the data root.
    pub output: Option<PathBuf>,
    /// Frames per video (SBI and EG: 32).
    pub frames: usize,
    /// How faces are found.
    pub face_detector: FaceDetectorConfig,
    /// Where the detector runs.
    pub device: DeviceChoice,
    /// Videos decoded at the same time.
    pub jobs: usize,
    /// Whether videos that a list names may be missing.
    pub allow_missing: bool,
    /// Whether to pack anew what is there.
    pub overwrite: bool,
    /// At most this many videos, from the first.
    pub limit: Option<usize>,
}

impl Config {
    /// The published settings for a test set.
    pub fn new(set: TestSet, data_root: PathBuf) -> Self {
        Config {
            set,
            data_root,
            compression: Compression::default(),
            output: None,
            frames: 32,
            face_detector: FaceDetectorConfig::default(),
            device: DeviceChoice::Auto,
            jobs: 2,
            allow_missing: false,
            overwrite: false,
            limit: None,
        }
    }

    /// The folder to write.
    pub fn folder(&self) -> PathBuf {
        self.output.clone().unwrap_or_else(|| self.set.default_packed_dir(&self.data_root))
    }
}

/// What a packing run did.
#[derive(Clone, Debug)]
pub struct PackSummary {
    /// The packed folder.
    pub folder: PathBuf,
    /// Videos of the set.
    pub total: usize,
    /// Videos that an earlier run had packed.
    pub skipped: usize,
    /// Videos packed by this run.
    pub packed: usize,
    /// Everything known about the videos in the folder, by number.
    pub videos: Vec<VideoEntry>,
    /// What should be known about the set, such as gaps.
    pub notes: Vec<String>,
    /// Whether it was broken off before the end.
    pub interrupted: bool,
}

impl PackSummary {
    /// The videos with which something was wrong.
    pub fn failed(&self) -> impl Iterator<Item = &VideoEntry> {
        self.videos.iter().filter(|video| video.status != VideoStatus::Ok)
    }
}

/// Packs what is missing of a test set.
///
/// A bad video is part of the [`PackSummary`] and does not stop the rest. Fails when nothing can be done at all:
/// an incomplete set, missing detector weights, a folder packed with other settings. When `cancel` is
/// requested the current video is dropped; a later run continues there.
pub fn run(config: &Config, progress: &dyn Progress, cancel: &Cancel) -> Result<PackSummary> {
    let list = config.set.list(&config.data_root, config.compression, config.allow_missing)?;
    let mut notes: Vec<String> = list.notes.iter().map(ToString::to_string).collect();
    notes.extend(list.missing.first().map(|first| {
        let count = list.missing.len();
        format!("{count} videos of the list are not on disk and are left out, first {}", first.display())
    }));
    let (detector, warning) = config.face_detector.load(ExecutionPlan::fastest(config.device.resolve()?))?;
    notes.iter().chain(&warning).for_each(|note| progress.note(note));

    let videos: Vec<PlannedVideo> = list
        .videos
        .into_iter()
        .take(config.limit.unwrap_or(usize::MAX))
        .map(|video| PlannedVideo {
            path: video.path,
            label: video.label,
            group: video.group.map(|group| group.to_string()),
        })
        .collect();
    let total = videos.len();
    let folder = config.folder();
    let settings = settings(config, &detector.identity());
    let mut writer = PackedWriter::open(&folder, settings, videos, config.overwrite)?;
    let pending = writer.pending();

    progress.begin(pending.len(), "videos");
    let paths: Vec<PathBuf> = pending.iter().map(|&number| writer.video(number).path.clone()).collect();
    let mut packed = 0;
    let choose = |_, count| distinct_frame_indices(count, config.frames);
    let ended = decode_ahead(paths.clone(), &choose, config.jobs, |decodings| {
        decodings.fill_batches_of(detector.preferred_batch());
        let events = decodings.events().take_while(|_| !cancel.is_requested());
        let mut arrays: Option<PackedVideoWriter> = None;
        extract_faces(events, detector.as_ref(), |extracted| -> Result<()> {
            let (Extracted::Faces { video, .. } | Extracted::End { video, .. }) = extracted;
            let mut current = match arrays.take() {
                Some(current) => current,
                None => writer.start(pending[video])?,
            };
            match extracted {
                Extracted::Faces { found, .. } => {
                    for crop in &found.faces {
                        current.append(&crop.pixels.to_planes(), found.frame as u32)?;
                    }
                    arrays = Some(current);
                }
                Extracted::End { extraction, .. } => {
                    let entry = writer.commit(current, outcome(extraction))?;
                    packed += 1;
                    let path = paths[video].display().to_string();
                    if let Some(note) = &entry.note {
                        progress.note(&format!("{path}: {note}"));
                    }
                    progress.advance(&path);
                }
            }
            Ok(())
        })
    });
    progress.end();
    // Also after an error: what is done stays done.
    let manifest = writer.finish();
    ended?;
    let videos = manifest?.videos;
    let skipped = total - pending.len();
    let interrupted = cancel.is_requested() && packed < pending.len();
    Ok(PackSummary { folder, total, skipped, packed, videos, notes, interrupted })
}

fn outcome(extraction: Extraction) -> PackOutcome {
    PackOutcome {
        status: extraction.status,
        frames_decoded: extraction.frames_decoded as u32,
        note: extraction.note,
    }
}

fn settings(config: &Config, detector: &FaceDetectorIdentity) -> PackSettings {
    debug_assert_eq!(packed_faces::FACE_SIZE, FACE_SIDE);
    PackSettings {
        dataset: config.set.to_string(),
        compression: config.compression.to_string(),
        detector: detector.name.clone(),
        detector_weights: detector.weights.clone(),
        // 0 stands for "the frame's own size".
        max_size: detector.max_size.unwrap_or(0) as u32,
        frames: config.frames as u32,
        face_size: packed_faces::FACE_SIZE as u32,
    }
}
