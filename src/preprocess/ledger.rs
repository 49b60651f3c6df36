//! The account of every video while its frames are under way, and the record that is kept of it.

use super::Steps;
use super::work_list::{FrameWork, Known, WorkList};
use super::worker::{FrameDone, Report, Trouble};
use crate::Error;
use crate::datasets::SourceVideo;
use crate::media::DecodeReport;
use crate::prepared_frames::{ArchiveWriter, FrameProblem, PreparedRecord, VideoFolders, VideoRecord};
use crate::progress::Progress;
use crate::types::VideoStatus;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often the record is brought up to date while videos get done.
const SAVE_EVERY: Duration = Duration::from_secs(2);

/// How the decoding of a video ended.
pub enum Ending {
    /// With its last wanted frame.
    Complete,
    /// Before its last wanted frame, or with damage.
    Early {
        /// The frame at which the video ended; `None` where all wanted ones came.
        at: Option<usize>,
        /// What is wrong with the file; `None` where it only counts wrong.
        damage: Option<String>,
    },
    /// Before its first, for this reason.
    Unreadable(String),
}

impl Ending {
    /// What a decoder's report says.
    pub fn of(report: DecodeReport) -> Ending {
        match (report.ended_at, report.damage) {
            (None, None) => Ending::Complete,
            (at, damage) => Ending::Early { at, damage },
        }
    }
}

/// What a ledger writes into.
pub struct Book {
    /// The folder of the set.
    pub folder: PathBuf,
    /// The record's file.
    pub path: PathBuf,
    /// What is known about the set so far.
    pub record: PreparedRecord,
    /// Where the files of videos go when they are done, if they do not stay in their folders.
    pub archive: Option<ArchiveWriter>,
}

impl Book {
    /// The name of a video in the record: its path from the folder of the set.
    pub fn name_of(&self, video: &SourceVideo) -> String {
        name_in(&self.folder, video)
    }
}

/// The name of a video in the record of the set at `folder`; see [`Book::name_of`].
pub fn name_in(folder: &Path, video: &SourceVideo) -> String {
    video.path.strip_prefix(folder).unwrap_or(&video.path).display().to_string()
}

/// One video under way.
struct Account {
    list: WorkList,
    outstanding: usize,
    ending: Option<Ending>,
    problems: Vec<FrameProblem>,
    /// Why no further frame of it can be written.
    stuck: bool,
    cancelled: bool,
}

/// The videos of a run.
pub struct Ledger<'a> {
    steps: Steps,
    book: Book,
    videos: &'a [SourceVideo],
    before: &'a BTreeMap<String, VideoRecord>,
    progress: &'a dyn Progress,
    open: BTreeMap<usize, Account>,
    closed: usize,
    saved: Instant,
    failure: Option<Error>,
}

impl<'a> Ledger<'a> {
    /// For the videos that the run works on. `before`: what the record said of them.
    pub fn new(
        steps: Steps,
        book: Book,
        videos: &'a [SourceVideo],
        before: &'a BTreeMap<String, VideoRecord>,
        progress: &'a dyn Progress,
    ) -> Self {
        let (open, closed, saved) = (BTreeMap::new(), 0, Instant::now());
        Ledger { steps, book, videos, before, progress, open, closed, saved, failure: None }
    }

    /// A frame of a video has gone to the workers.
    pub fn sent(&mut self, video: usize, list: &WorkList) {
        self.account(video, list).outstanding += 1;
    }

    /// Whether further frames of a video could not be written anyway.
    pub fn is_stuck(&self, video: usize) -> bool {
        self.open.get(&video).is_some_and(|account| account.stuck)
    }

    /// The last frame of a video has gone to the workers.
    pub fn ended(&mut self, video: usize, list: &WorkList, ending: Ending) {
        self.account(video, list).ending = Some(ending);
        self.close_if_done(video);
    }

    /// A worker has something to say.
    pub fn settle(&mut self, report: Report) {
        match report {
            Report::Failed(error) => {
                self.failure.get_or_insert(error);
            }
            Report::Frame(done) => {
                let video = done.video;
                if let Some(account) = self.open.get_mut(&video) {
                    account.settle(done);
                }
                self.close_if_done(video);
            }
        }
    }

    /// Whether a worker could not start.
    pub fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// The book, how many videos were closed, and why the run could not go on, if so.
    pub fn into_parts(self) -> (Book, usize, Option<Error>) {
        (self.book, self.closed, self.failure)
    }

    fn account(&mut self, video: usize, list: &WorkList) -> &mut Account {
        self.open.entry(video).or_insert_with(|| Account {
            list: list.clone(),
            outstanding: 0,
            ending: None,
            problems: list.problems.clone(),
            stuck: false,
            cancelled: false,
        })
    }

    fn close_if_done(&mut self, video: usize) {
        if self.open.get(&video).is_some_and(|account| account.outstanding == 0 && account.ending.is_some()) {
            let account = self.open.remove(&video).expect("looked at just now");
            if !account.cancelled {
                self.close(video, account);
            }
        }
    }

    fn close(&mut self, video: usize, account: Account) {
        let source = &self.videos[video];
        let name = self.book.name_of(source);
        let folders = VideoFolders::new(&source.base, &source.name);
        folders.remove_empty();
        if let Some(archive) = &mut self.book.archive {
            // Before the record tells of it.
            let moved = archive.add(&source.name, &folders).and_then(|()| folders.clear());
            if let Err(error) = moved {
                self.failure.get_or_insert(error.into());
                return;
            }
        }
        let record = account.record(name.clone(), self.steps, self.before.get(&name));
        if let Some(note) = &record.note {
            self.progress.note(&format!("{}: {note}", source.path.display()));
        }
        for FrameProblem { frame, problem } in record.problems.iter().take(1) {
            let more = record.problems.len() - 1;
            let more = if more > 0 { format!(" (and {more} more frames)") } else { String::new() };
            self.progress.note(&format!("{}: frame {frame}: {problem}{more}", source.path.display()));
        }
        self.book.record.videos.retain(|other| other.video != name);
        self.book.record.videos.push(record);
        self.closed += 1;
        self.progress.advance(&source.path.display().to_string());
        if self.saved.elapsed() >= SAVE_EVERY {
            // Told at the end, if it still fails then.
            let _ = self.book.record.write(&self.book.path);
            self.saved = Instant::now();
        }
    }
}

impl Account {
    fn settle(&mut self, done: FrameDone) {
        self.outstanding -= 1;
        let known = |found: bool| if found { Known::There } else { Known::NoFace };
        if let Some(frame) = self.list.frames.iter_mut().find(|frame| frame.index == done.index) {
            frame.landmarks = done.landmarks.map_or(frame.landmarks, known);
            frame.boxes = done.boxes.map_or(frame.boxes, known);
        }
        let problem = match done.trouble {
            None => return,
            Some(Trouble::Cancelled) => return self.cancelled = true,
            Some(Trouble::Detection(problem)) => problem,
            Some(Trouble::Writing(problem)) => {
                self.stuck = true;
                problem
            }
        };
        self.problems.push(FrameProblem { frame: done.index, problem });
    }

    /// What is to be remembered of the video.
    fn record(mut self, video: String, steps: Steps, before: Option<&VideoRecord>) -> VideoRecord {
        self.problems.sort_by_key(|problem| problem.frame);
        let frames = &self.list.frames;
        let count = |there: &dyn Fn(&FrameWork) -> bool| frames.iter().filter(|f| there(f)).count();
        let (with_landmarks, with_boxes) =
            (count(&|f| f.landmarks == Known::There), count(&|f| f.boxes == Known::There));
        let usable = count(&|f| f.landmarks == Known::There && f.boxes == Known::There && !f.blocked);
        let without = |kind: &dyn Fn(&FrameWork) -> Known| -> Vec<usize> {
            frames.iter().filter(|f| kind(f) == Known::NoFace).map(|f| f.index).collect()
        };
        let landmarks_done = steps.landmarks || before.is_some_and(|b| b.without_landmarks.is_some());
        let boxes_done = steps.boxes || before.is_some_and(|b| b.without_boxes.is_some());
        let wanted = frames.len();
        let decoded = match &self.ending {
            Some(Ending::Early { at: Some(end), .. }) => count(&|f| f.index < *end),
            Some(Ending::Unreadable(_)) => 0,
            _ => wanted,
        };
        let nothing = match (landmarks_done, boxes_done) {
            (true, true) => usable == 0,
            (true, false) => with_landmarks == 0,
            _ => with_boxes == 0,
        };
        let (status, note) = match self.ending {
            Some(Ending::Unreadable(reason)) => (VideoStatus::Unreadable, Some(reason)),
            Some(Ending::Early { damage: Some(damage), .. }) => {
                let note = format!("damaged or cut off: {damage}; {decoded} of {wanted} frames read");
                (if decoded == 0 { VideoStatus::Unreadable } else { VideoStatus::Truncated }, Some(note))
            }
            _ if !self.problems.is_empty() => {
                let left = self.problems.len();
                (VideoStatus::Ok, Some(format!("{left} of {wanted} frames could not be prepared")))
            }
            _ if nothing && with_landmarks + with_boxes > 0 => {
                let note = format!(
                    "no frame has both landmarks and a box ({with_landmarks} with landmarks, {with_boxes} with boxes)"
                );
                (VideoStatus::NoFace, Some(note))
            }
            _ if nothing => (VideoStatus::NoFace, Some(format!("no face in any of {decoded} frames"))),
            _ => (VideoStatus::Ok, None),
        };
        VideoRecord {
            video,
            status,
            frames_wanted: wanted,
            frames_decoded: decoded,
            with_landmarks,
            with_boxes,
            usable,
            without_landmarks: landmarks_done.then(|| without(&|f| f.landmarks)),
            without_boxes: boxes_done.then(|| without(&|f| f.boxes)),
            problems: self.problems,
            note,
        }
    }
}
