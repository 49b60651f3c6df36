//! The run: decoders ahead, workers on frames, one ledger.

use super::ledger::{Book, Ending, Ledger, name_in};
use super::still_video::{self, StillVideo};
use super::work_list::{FrameWork, WorkList};
use super::worker::{FrameJob, JobImage, Report, Request, serve_boxes, work};
use super::{Config, LoadedTools, PreprocessSummary, Tools};
use crate::blending::{self, codec::ENCODERS};
use crate::causes::with_causes;
use crate::datasets::SourceVideo;
use crate::error::Ended;
use crate::file_error::FileError;
use crate::media::{DecodeEvent, Decoding, Decodings, MediaKind, Reading};
use crate::prepared_frames::{
    self, ArchiveWriter, PreparedPart, PreparedRecord, PreparedSettings, VideoFolders, VideoRecord,
    archive_path,
};
use crate::progress::{Cancel, Progress};
use crate::types::{Frame, Shard};
use crate::video::{distinct_frame_indices, require_encoders};
use crate::{Error, Result};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// One decoder feeds this many workers: finding faces takes several times longer than decoding.
const WORKERS_PER_DECODER: usize = 4;

/// Prepares what is missing of a set.
///
/// A bad video is part of the [`PreprocessSummary`] and does not stop the rest. Fails when nothing can be done at all: no such
/// set, missing model files, a folder that cannot be written, a set prepared with other settings. When `cancel` is
/// requested, frames under way are dropped; a later run continues there.
pub fn run(config: &Config, progress: &dyn Progress, cancel: &Cancel) -> Result<PreprocessSummary> {
    // Before models are loaded: a misspelt folder should be told at once.
    let (videos, notes) = match config.shard {
        Some(_) => config.source.videos_by_name()?,
        None => config.source.videos()?,
    };
    notes.iter().for_each(|note| progress.note(note));
    let (tools, warnings) = LoadedTools::load(config)?;
    warnings.iter().for_each(|warning| progress.note(warning));
    run_with(config, videos, &tools, progress, cancel)
}

/// Prepares what is missing of these videos with these detectors. As [`run`] in everything else.
pub fn run_with(
    config: &Config,
    mut videos: Vec<SourceVideo>,
    tools: &dyn Tools,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<PreprocessSummary> {
    videos.truncate(config.limit.unwrap_or(usize::MAX));
    let of = videos.len();
    if let Some(shard) = config.shard {
        videos = shard.places(of).map(|place| videos[place].clone()).collect();
    }
    if config.as_video.is_some() {
        require_encoders(&ENCODERS).map_err(blending::Error::from)?;
        let taken = videos.iter().filter(|video| !is_still(video)).count();
        let taken = match taken {
            0 => None,
            1 => Some("one video is taken as it is".to_owned()),
            more => Some(format!("{more} videos are taken as they are")),
        };
        taken.iter().for_each(|taken| progress.note(&format!("{taken}; only photographs become videos")));
    }
    let settings = PreparedSettings {
        frames: config.frames,
        stills: config.as_video.map(still_video::settings),
        landmarks: tools.landmark_settings(),
        boxes: tools.box_settings(),
    };
    let points = settings.landmarks.as_ref().map(|landmarks| landmarks.points);
    let (book, before) = open_book(config, settings, &videos, of)?;
    let is_pending = |video: &&SourceVideo| !is_done(config, video, before.get(&book.name_of(video)), &book);
    let mut pending: Vec<SourceVideo> = videos.iter().filter(is_pending).cloned().collect();
    let workshop = match &book.archive {
        Some(_) => Some(workshop()?),
        None => None,
    };
    if let Some(workshop) = &workshop {
        pending.iter_mut().for_each(|video| video.base = workshop.path().to_owned());
    }
    let pending: Arc<[SourceVideo]> = pending.into();
    let before = Arc::new(before);

    let lists: Arc<[OnceLock<Result<WorkList, prepared_frames::Error>>]> =
        pending.iter().map(|_| OnceLock::new()).collect();
    let choose = {
        let (config, folder) = (config.clone(), book.folder.clone());
        let (pending, before, lists) = (Arc::clone(&pending), Arc::clone(&before), Arc::clone(&lists));
        move |position: usize, frame_count: usize| {
            let video = &pending[position];
            let moving = frame_count == 1 && config.as_video.is_some() && is_still(video);
            let shown = if moving { still_video::FRAMES } else { frame_count };
            let wanted = distinct_frame_indices(shown, config.frames);
            let mut list = list_work(&config, video, wanted, points, before.get(&name_in(&folder, video)));
            if let Ok(list) = &mut list {
                list.of_still = moving;
            }
            let mut indices = list.as_ref().map_or(Vec::new(), |list| list.pending(config.steps));
            if moving {
                // All its frames come of the only one in the file.
                indices = if indices.is_empty() { indices } else { vec![0] };
            }
            lists[position].set(list).expect("a video is opened once");
            indices
        }
    };

    progress.begin(pending.len(), "videos");
    let mut ledger = Ledger::new(config.steps, book, &pending, &before, progress);
    let ended = std::thread::scope(|scope| {
        let (jobs, queue) = bounded::<FrameJob>(config.jobs);
        let (reports, reported) = unbounded::<Report>();
        let requests = match config.steps.boxes && tools.shares_face_detector() && !pending.is_empty() {
            true => {
                let face_detector = tools.face_detector()?;
                let (requests, requested) = bounded::<Request>(config.jobs);
                scope.spawn(move || serve_boxes(face_detector.as_ref(), &requested));
                Some(requests)
            }
            false => None,
        };
        for _ in 0..config.jobs.min(pending.len().saturating_mul(config.frames)) {
            let (queue, reports, requests) = (queue.clone(), reports.clone(), requests.clone());
            let steps = config.steps;
            scope.spawn(move || work(steps, tools, requests.as_ref(), &queue, &reports, cancel));
        }
        // An end is seen when all who hold the other side have gone.
        drop((queue, reports, requests));
        let paths = pending.iter().map(|video| video.path.clone()).collect();
        let decoders = config.jobs.div_ceil(WORKERS_PER_DECODER) + 1;
        let (config, videos) = (config, &pending);
        let mut follower =
            Follower { ledger: &mut ledger, jobs: &jobs, reported: &reported, cancel, config, videos };
        let mut decodings = Decodings::start(paths, choose, Reading::as_published(config.limits), decoders);
        let ended = decodings
            .try_for_each(|(position, decoding)| follower.follow(position, decoding, &lists[position]));
        drop(decodings);
        drop(jobs);
        reported.iter().for_each(|report| ledger.settle(report));
        ended
    });
    progress.end();

    let (mut book, prepared, failure) = ledger.into_parts();
    // Also after an error: what is done stays done.
    let unsaved = book.record.write(&book.path).err().map(Error::from);
    match (failure, ended) {
        (Some(error), _) | (None, Err(Ended::Failed(error))) => return Err(error),
        _ => {}
    }
    let interrupted = cancel.is_requested() && prepared < pending.len();
    let skipped = videos.len() - pending.len();
    let names: Vec<String> = videos.iter().map(|video| book.name_of(video)).collect();
    Ok(PreprocessSummary::new(config, book, &names, prepared, skipped, interrupted, unsaved))
}

/// The record to continue, and what it says of each video; with `overwrite`, of none.
///
/// A shard writes a record of its own, which has its own videos alone, and knows what all the others say.
fn open_book(
    config: &Config,
    settings: PreparedSettings,
    own: &[SourceVideo],
    of: usize,
) -> Result<(Book, BTreeMap<String, VideoRecord>)> {
    let folder = config.source.folder();
    let name = config.source.name();
    let main = PreparedRecord::path(&folder, &name);
    let path = config.shard.map_or_else(|| main.clone(), |shard| shard.file(&main));
    let read = || PreparedRecord::read_all(&folder, &name).map(|read| read.map(|(record, _)| record));
    // A record that cannot be read is no reason not to make it anew where that is asked for.
    let before = match config.overwrite {
        true => read().unwrap_or(None),
        false => read()?,
    };
    let mut record = PreparedRecord::new(&name, settings.clone());
    let mut videos = BTreeMap::new();
    if let Some(old) = before {
        match (settings.first_difference(&old.settings), config.overwrite) {
            (Some((what, before, now)), false) => {
                return Err(Error::PreparedSettings { path, what, before, now });
            }
            // Of a set whose settings change nothing old counts any more.
            (Some(_), true) if config.shard.is_none() => remove_shards(&main)?,
            (Some((what, before, now)), true) => {
                return Err(Error::PreparedSettings { path, what, before, now });
            }
            (None, overwrite) => {
                record.settings = settings.joined(&old.settings);
                if !overwrite {
                    videos = old.videos.iter().map(|video| (video.video.clone(), video.clone())).collect();
                }
                record.videos = old.videos;
            }
        }
    }
    if let Some(shard) = config.shard {
        let asked: Vec<String> = own.iter().map(|video| name_in(&folder, video)).collect();
        let names: HashSet<&String> = asked.iter().collect();
        record.videos.retain(|video| names.contains(&video.video));
        record.part = Some(PreparedPart { shard, of, title: config.source.title(), asked });
    }
    // Before any work: is there room and permission?
    std::fs::create_dir_all(&folder).map_err(|cause| Error::Output { path: folder.clone(), cause })?;
    record.write(&path).map_err(|error| match error {
        prepared_frames::Error::Write(error) => Error::Output { path: folder.clone(), cause: error.cause },
        other => other.into(),
    })?;
    let archive = match config.archive {
        true => {
            let main = archive_path(&folder, &name);
            let path = config.shard.map_or_else(|| main.clone(), |shard| shard.file(&main));
            Some(ArchiveWriter::open(&path, config.overwrite)?)
        }
        false => None,
    };
    Ok((Book { folder, path, record, archive }, videos))
}

/// Removes the records of shards, which were made with other settings.
fn remove_shards(main: &Path) -> Result<()> {
    for (_, path) in Shard::files_of(main).map_err(FileError::of(main))? {
        std::fs::remove_file(&path).map_err(FileError::of(&path))?;
    }
    Ok(())
}

/// Where the files of videos lie until they go into an archive: on the machine's own disk, as a rule.
fn workshop() -> Result<tempfile::TempDir> {
    let folder = std::env::temp_dir();
    let made = tempfile::Builder::new().prefix("sbi-prepared-").tempdir_in(&folder);
    made.map_err(|cause| Error::Output { path: folder, cause })
}

/// Whether nothing is left to do for a video: its record says so and its files are there.
fn is_done(config: &Config, video: &SourceVideo, before: Option<&VideoRecord>, book: &Book) -> bool {
    let Some(before) = before.filter(|b| b.is_complete(config.steps.landmarks, config.steps.boxes)) else {
        return false;
    };
    let [frames, landmarks, boxes] = match &book.archive {
        Some(archive) => archive.counts(&video.name),
        None => VideoFolders::new(&video.base, &video.name).counts(),
    };
    frames >= before.with_landmarks.max(before.with_boxes)
        && landmarks >= before.with_landmarks
        && boxes >= before.with_boxes
}

/// Makes the folders of a video ready and looks at what is in them.
fn list_work(
    config: &Config,
    video: &SourceVideo,
    wanted: Vec<usize>,
    points: Option<usize>,
    before: Option<&VideoRecord>,
) -> Result<WorkList, prepared_frames::Error> {
    let folders = VideoFolders::new(&video.base, &video.name);
    if config.overwrite {
        folders.clear()?;
    }
    folders.create()?;
    Ok(WorkList::new(&folders, wanted, points, before))
}

fn is_still(video: &SourceVideo) -> bool {
    MediaKind::of_file(&video.path) == MediaKind::Photograph
}

/// Hands the frames of a video on to the workers, and hears from them meanwhile.
struct Follower<'r, 'a> {
    ledger: &'r mut Ledger<'a>,
    jobs: &'r Sender<FrameJob>,
    reported: &'r Receiver<Report>,
    cancel: &'r Cancel,
    config: &'r Config,
    videos: &'r [SourceVideo],
}

impl Follower<'_, '_> {
    fn follow(
        &mut self,
        video: usize,
        mut decoding: Decoding,
        list: &OnceLock<Result<WorkList, prepared_frames::Error>>,
    ) -> Result<(), Ended> {
        let nothing = WorkList::default();
        while let Some(event) = decoding.next_unless(self.cancel) {
            self.reported.try_iter().for_each(|report| self.ledger.settle(report));
            if self.cancel.is_requested() || self.ledger.has_failed() {
                return Err(Ended::Interrupted);
            }
            // Set before the first event, unless the video did not open.
            let (list, unlisted) = match list.get() {
                Some(Ok(list)) => (list, None),
                Some(Err(error)) => (&nothing, Some(with_causes(error))),
                None => (&nothing, None),
            };
            match event {
                DecodeEvent::Frame(frame, _) if !self.ledger.is_stuck(video) => {
                    for job in self.jobs_of(video, list, frame) {
                        self.ledger.sent(video, list);
                        if self.jobs.send(job).is_err() {
                            return Err(Ended::Interrupted);
                        }
                    }
                }
                // Not worth decoding the rest: nothing can be written.
                DecodeEvent::Frame(..) => {
                    self.ledger.ended(video, list, Ending::Complete);
                    break;
                }
                DecodeEvent::End(result) => {
                    let ending = match (unlisted, result) {
                        (Some(reason), _) => Ending::Unreadable(reason),
                        (None, Ok(report)) => Ending::of(report),
                        (None, Err(reason)) => Ending::Unreadable(reason),
                    };
                    self.ledger.ended(video, list, ending);
                }
            }
        }
        Ok(())
    }
    /// The frame's job; those of a whole video where it is a photograph that becomes one.
    fn jobs_of(&self, video: usize, list: &WorkList, frame: Frame) -> Vec<FrameJob> {
        let source = &self.videos[video];
        let Some(seed) = self.config.as_video.filter(|_| list.of_still) else {
            let work = list.frames.iter().find(|work| work.index == frame.index);
            let job = |work: &FrameWork| FrameJob {
                video,
                work: work.clone(),
                image: JobImage::Decoded(frame.image),
            };
            return work.map(job).into_iter().collect();
        };
        let wanted = list.pending(self.config.steps);
        let moving = Arc::new(StillVideo::new(frame.image, &source.path, seed, wanted.clone()));
        let pending = list.frames.iter().filter(|work| wanted.contains(&work.index));
        let image = || JobImage::OfStill(Arc::clone(&moving));
        pending.map(|work| FrameJob { video, work: work.clone(), image: image() }).collect()
    }
}
