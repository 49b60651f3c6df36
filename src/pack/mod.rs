//! Packing: the videos of a test set to face crops on disk, once, for many runs of inference.

use crate::Result;
use crate::datasets::{Compression, TestSet};
use crate::face::{FaceDetector, FaceDetectorConfig, FaceDetectorIdentity};
use crate::face_stream::{FaceEvent, FaceStream, InputEnd};
use crate::media::{Decodings, MediaLimits, Reading};
use crate::model::{DeviceChoice, Execution};
use crate::packed_faces::{
    PackOutcome, PackSettings, PackedVideoWriter, PackedWriter, PlannedVideo, VideoEntry,
};
use crate::progress::{Cancel, Progress};
use crate::timings::stage;
use crate::types::{Shard, VideoStatus};
use crate::video::distinct_frame_indices;
use std::path::PathBuf;

/// The configuration of a packing run.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The test set to pack.
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
    /// Where the face detector runs.
    pub device: DeviceChoice,
    /// Videos decoded at the same time.
    pub jobs: usize,
    /// What a video may cost.
    pub limits: MediaLimits,
    /// Whether videos that a list names may be missing.
    pub allow_missing: bool,
    /// Whether to pack anew what is there.
    pub overwrite: bool,
    /// At most this many videos, from the first.
    pub limit: Option<usize>,
    /// The part of these that is packed, while other processes pack the others; `None`: all. What is there cannot be packed
    /// anew by shards.
    pub shard: Option<Shard>,
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
            limits: MediaLimits::default(),
            allow_missing: false,
            overwrite: false,
            limit: None,
            shard: None,
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
    /// The folder of packed faces.
    pub folder: PathBuf,
    /// Videos of the set, or of the shard.
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
    let notes = list.remarks();
    let plan = Execution::fastest(config.device.resolve()?);
    let (face_detector, detector_notes) = config.face_detector.load(plan)?;
    notes.iter().chain(&detector_notes).for_each(|note| progress.note(note));

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
    let settings = settings(config, face_detector.as_ref());
    let mut writer = match config.shard {
        Some(shard) => PackedWriter::open_shard(&folder, settings, videos, shard)?,
        None => PackedWriter::open(&folder, settings, videos, config.overwrite)?,
    };
    let pending = writer.pending();
    let total = config.shard.map_or(total, |shard| shard.places(total).len());

    progress.begin(pending.len(), "videos");
    let paths: Vec<PathBuf> = pending.iter().map(|&number| writer.video(number).path.clone()).collect();
    let wanted = config.frames;
    let choose = move |_, total| distinct_frame_indices(total, wanted);
    let decodings = Decodings::start(paths, choose, Reading::as_published(config.limits), config.jobs);
    let faces = FaceStream::from_videos(decodings, face_detector, cancel);
    let packed = fill(&mut writer, &pending, faces, progress);
    progress.end();
    // Also after an error: what is done stays done.
    let manifest = writer.finish();
    let packed = packed?;
    let videos = manifest?.videos;
    let skipped = total - pending.len();
    let interrupted = cancel.is_requested() && packed < pending.len();
    Ok(PackSummary { folder, total, skipped, packed, videos, notes, interrupted })
}

/// Writes the faces of the videos with the numbers `pending`; how many of them came to their end.
fn fill(
    writer: &mut PackedWriter,
    pending: &[usize],
    faces: FaceStream,
    progress: &dyn Progress,
) -> Result<usize> {
    let mut packed = 0;
    let mut begun: Option<PackedVideoWriter> = None;
    for event in faces {
        let event = event?;
        let (FaceEvent::Frame { input, .. } | FaceEvent::End { input, .. }) = event;
        let mut video = match begun.take() {
            Some(video) => video,
            None => writer.start(pending[input])?,
        };
        let _stage = stage!("writing faces");
        match event {
            FaceEvent::Frame { faces, .. } => {
                for crop in &faces.crops {
                    video.append(&crop.pixels, faces.frame as u32)?;
                }
                begun = Some(video);
            }
            FaceEvent::End { end, .. } => {
                let entry = writer.commit(video, outcome(end))?;
                packed += 1;
                if let Some(note) = &entry.note {
                    progress.note(&format!("{}: {note}", entry.path));
                }
                progress.advance(&entry.path);
            }
        }
    }
    Ok(packed)
}

fn outcome(end: InputEnd) -> PackOutcome {
    PackOutcome { status: end.status, frames_decoded: end.frames_decoded as u32, note: end.note }
}

fn settings(config: &Config, face_detector: &dyn FaceDetector) -> PackSettings {
    let FaceDetectorIdentity { name, weights, max_size } = face_detector.identity();
    PackSettings {
        dataset: config.set.to_string(),
        compression: config.compression.to_string(),
        detector: name,
        detector_weights: weights,
        // 0 stands for "the frame's own size".
        max_size: max_size.unwrap_or(0) as u32,
        frames: config.frames as u32,
        face_size: face_detector.crop_side() as u32,
    }
}
