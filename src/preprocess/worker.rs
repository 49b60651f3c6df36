//! Work on single frames: find, write.

use super::still_video::StillVideo;
use super::work_list::FrameWork;
use super::{Steps, Tools};
use crate::Error;
use crate::causes::with_causes;
use crate::face::{FaceDetector, LandmarkDetector};
use crate::imaging::write_png;
use crate::prepared_frames::{write_boxes, write_landmarks};
use crate::progress::Cancel;
use crate::timings::stage;
use crate::types::{DetectedFace, FaceBox, Landmarks, RgbImage};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::Arc;

/// A decoded frame and what to do with it.
pub struct FrameJob {
    /// Position of its video in the list.
    pub video: usize,
    /// What is known about the frame and left to do.
    pub work: FrameWork,
    /// The frame's pixels.
    pub image: JobImage,
}

/// Where the pixels of a frame are.
pub enum JobImage {
    /// Decoded.
    Decoded(RgbImage),
    /// In the video that a photograph becomes.
    OfStill(Arc<StillVideo>),
}

impl JobImage {
    fn pixels(self, index: usize) -> Result<RgbImage, String> {
        match self {
            JobImage::Decoded(image) => Ok(image),
            JobImage::OfStill(video) => video.frame(index),
        }
    }
}

/// What became of a frame.
pub struct FrameDone {
    /// Position of its video in the list.
    pub video: usize,
    /// Index of the frame.
    pub index: usize,
    /// Whether a face was found, where landmarks were looked for.
    pub landmarks: Option<bool>,
    /// Whether a face was found, where boxes were looked for.
    pub boxes: Option<bool>,
    /// What went wrong.
    pub trouble: Option<Trouble>,
}

/// Why a frame is not done.
pub enum Trouble {
    /// A detector failed on this frame.
    Detection(String),
    /// A file could not be written: the next ones of this video cannot either.
    Writing(String),
    /// There was a wish to stop.
    Cancelled,
}

/// What workers report to the ledger.
pub enum Report {
    /// A frame is done, well or badly.
    Frame(FrameDone),
    /// A worker could not get its detectors.
    Failed(Error),
}

/// A frame for the shared face detector, and where the answer goes.
pub struct Request {
    image: Arc<RgbImage>,
    answer: Sender<Result<Vec<DetectedFace>, String>>,
}

/// Answers requests in batches until nobody can send any more.
pub fn serve_boxes(face_detector: &dyn FaceDetector, requests: &Receiver<Request>) {
    while let Ok(first) = requests.recv() {
        let mut batch = vec![first];
        batch.extend(requests.try_iter().take(face_detector.preferred_batch() - 1));
        let images: Vec<&RgbImage> = batch.iter().map(|request| request.image.as_ref()).collect();
        let answers: Vec<Result<Vec<DetectedFace>, String>> = match face_detector.detect(&images) {
            Ok(found) => found.into_iter().map(Ok).collect(),
            // One bad frame must not take the others down with it.
            Err(_) if images.len() > 1 => {
                images.iter().map(|image| detect_one(face_detector, image)).collect()
            }
            Err(error) => vec![Err(with_causes(&error))],
        };
        for (request, answer) in batch.iter().zip(answers) {
            // A worker that has gone away needs no answer.
            let _ = request.answer.send(answer);
        }
    }
}

fn detect_one(face_detector: &dyn FaceDetector, image: &RgbImage) -> Result<Vec<DetectedFace>, String> {
    let found = face_detector.detect(&[image]).map_err(|error| with_causes(&error))?;
    Ok(found.into_iter().next().unwrap_or_default())
}

/// Where a worker gets boxes from.
enum Boxes<'a> {
    NotDone,
    Own(Box<dyn FaceDetector>),
    Shared(&'a Sender<Request>),
}

struct Worker<'a> {
    steps: Steps,
    landmarks: Option<&'a dyn LandmarkDetector>,
    boxes: Boxes<'a>,
}

/// Works through `jobs` until they end. `shared`: the way to the one face detector, where there is only one.
pub fn work(
    steps: Steps,
    tools: &dyn Tools,
    shared: Option<&Sender<Request>>,
    jobs: &Receiver<FrameJob>,
    reports: &Sender<Report>,
    cancel: &Cancel,
) {
    // All cores are busy with frames already.
    crate::native::process::set_worker_threads();
    let worker = match Worker::new(steps, tools, shared) {
        Ok(worker) => worker,
        Err(error) => return drop(reports.send(Report::Failed(error))),
    };
    let next = || {
        let _stage = stage!("waiting for frames");
        jobs.recv().ok()
    };
    while let Some(job) = next() {
        let done = worker.frame(job, cancel);
        if reports.send(Report::Frame(done)).is_err() {
            return;
        }
    }
}

impl<'a> Worker<'a> {
    fn new(steps: Steps, tools: &'a dyn Tools, shared: Option<&'a Sender<Request>>) -> Result<Self, Error> {
        let landmarks = tools.landmark_detector();
        let boxes = match (steps.boxes, shared) {
            (false, _) => Boxes::NotDone,
            (true, Some(requests)) => Boxes::Shared(requests),
            (true, None) => Boxes::Own(tools.face_detector()?),
        };
        Ok(Worker { steps, landmarks, boxes })
    }

    fn frame(&self, job: FrameJob, cancel: &Cancel) -> FrameDone {
        let FrameJob { video, work, image } = job;
        let mut done = FrameDone { video, index: work.index, landmarks: None, boxes: None, trouble: None };
        if cancel.is_requested() {
            done.trouble = Some(Trouble::Cancelled);
            return done;
        }
        let _stage = stage!("finding faces");
        match image.pixels(work.index).and_then(|image| self.find(&work, image)) {
            Err(problem) => done.trouble = Some(Trouble::Detection(problem)),
            Ok(found) => match found.write(&work) {
                Err(problem) => done.trouble = Some(Trouble::Writing(problem)),
                Ok(()) => {
                    done.landmarks = found.landmarks.map(|faces| !faces.is_empty());
                    done.boxes = found.boxes.map(|faces| !faces.is_empty());
                }
            },
        }
        done
    }

    fn find(&self, work: &FrameWork, image: RgbImage) -> Result<FoundFaces, String> {
        let image = Arc::new(image);
        let (needs_landmarks, needs_boxes) = (work.needs_landmarks(self.steps), work.needs_boxes(self.steps));
        // The shared detector works while this thread looks for landmarks.
        let pending = match (&self.boxes, needs_boxes) {
            (Boxes::Shared(requests), true) => {
                let (answer, answers) = bounded(1);
                let sent = requests.send(Request { image: Arc::clone(&image), answer });
                sent.map_err(|_| "the face detector has stopped".to_owned())?;
                Some(answers)
            }
            _ => None,
        };
        let landmarks = match (self.landmarks, needs_landmarks) {
            (Some(landmark_detector), true) => {
                let _stage = stage!("finding landmarks");
                Some(landmark_detector.detect(&image).map_err(|e| with_causes(&e))?)
            }
            _ => None,
        };
        let boxes = match (&self.boxes, pending) {
            (_, Some(answers)) => {
                Some(answers.recv().map_err(|_| "the face detector has stopped".to_owned())??)
            }
            (Boxes::Own(face_detector), None) if needs_boxes => {
                Some(detect_one(face_detector.as_ref(), &image)?)
            }
            _ => None,
        };
        Ok(FoundFaces { image, landmarks, boxes: boxes.map(|faces| FaceBox::largest_first(&faces)) })
    }
}

/// What was found in a frame; `None` where nobody looked.
struct FoundFaces {
    image: Arc<RgbImage>,
    landmarks: Option<Vec<Landmarks>>,
    boxes: Option<Vec<FaceBox>>,
}

impl FoundFaces {
    /// The frame's own image first: a frame without its arrays is looked at again, arrays without a frame would not be missed.
    fn write(&self, work: &FrameWork) -> Result<(), String> {
        let _stage = stage!("writing files");
        let landmarks = self.landmarks.as_deref().filter(|faces| !faces.is_empty());
        let boxes = self.boxes.as_deref().filter(|faces| !faces.is_empty());
        let has_face = landmarks.is_some() || boxes.is_some();
        if work.lacks_image() || (has_face && !work.has_image) {
            write_png(&work.files.frame, &self.image).map_err(|e| with_causes(&e))?;
        }
        if let Some(faces) = landmarks {
            write_landmarks(&work.files.landmarks, faces).map_err(|e| with_causes(&e))?;
        }
        if let Some(faces) = boxes {
            write_boxes(&work.files.boxes, faces).map_err(|e| with_causes(&e))?;
        }
        Ok(())
    }
}
