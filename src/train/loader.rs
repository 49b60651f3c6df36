//! Batches of self-blended pairs, made ahead of training on threads of their own.
//!
//! What a sample looks like depends on (seed, epoch, position of the sample in the epoch) and on nothing else: not on
//! the number of threads, nor on where a resumed run starts. A frame that gives no pair is replaced by another one,
//! drawn by the same rule, and counted.

use crate::blending::{Phase, Recipe};
use crate::imaging::write_planes;
use crate::prepared::FrameFiles;
use crate::rng::{generator, Purpose};
use crate::samples::{self, read_pair};
use crossbeam_channel::{unbounded, Receiver, Sender};
use rand::seq::SliceRandom;
use rand::Rng;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tch::{Device, Kind, Tensor};

/// From this share of replaced samples on, a run should say so loudly.
const MANY_REPLACED: f64 = 0.1;
/// Frames tried in the place of one that gives no pair.
const ATTEMPTS: usize = 20;
/// Reasons for replacements that are kept word for word.
const KEPT_REASONS: usize = 20;

/// How batches are made.
#[derive(Clone, Debug, PartialEq)]
pub struct LoaderConfig {
    /// Pairs in a batch.
    pub pairs: usize,
    /// Side of the pictures in pixels.
    pub image_size: usize,
    /// Training draws and shuffles anew in each epoch; validation has the same pairs in the same order in all.
    pub phase: Phase,
    /// The run's seed.
    pub seed: u64,
    /// Threads that make pairs.
    pub threads: usize,
    /// Batches under way at the same time, which bounds memory.
    pub read_ahead: usize,
    /// Whether the last batch of an epoch is dropped if it is not full.
    pub drop_last: bool,
    /// Where batches will go: for CUDA they are put into pinned memory.
    pub device: Device,
}

/// Pairs of one batch.
#[derive(Debug)]
pub struct Batch {
    /// `[pairs, 3, image_size, image_size]`, float32 on the CPU, RGB, 0..=1.
    pub real: Tensor,
    /// The fakes of the same faces, alike.
    pub fake: Tensor,
    /// The frame each pair was made of.
    pub frames: Vec<PathBuf>,
}

/// What happened in an epoch so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoaderStats {
    /// Pairs handed out.
    pub pairs: usize,
    /// How many of them stand for a frame that gave none.
    pub replaced: usize,
    /// Why, for the first few.
    pub reasons: Vec<String>,
    /// How long the consumer waited for batches.
    pub waited: Duration,
}

impl LoaderStats {
    /// A line for the user where too many frames gave no pair.
    pub fn warning(&self) -> Option<String> {
        let share = self.replaced as f64 / self.pairs.max(1) as f64;
        (share > MANY_REPLACED).then(|| {
            let reason = self.reasons.first().map_or("", String::as_str);
            format!(
                "{} of {} samples ({:.0} %) could not be used and were replaced by others; first: {reason}",
                self.replaced,
                self.pairs,
                100.0 * share
            )
        })
    }
}

/// Why no batch came.
#[derive(Debug, thiserror::Error)]
pub enum LoaderError {
    /// One frame after the other gave no pair.
    #[error("{attempts} frames in a row gave no pair; the last: {cause}")]
    NothingUsable {
        /// How many were tried.
        attempts: usize,
        /// What was wrong with the last one.
        cause: samples::Error,
    },
    /// A thread ended before its time, most likely for want of memory.
    #[error("a thread that makes samples has stopped: fewer threads or a smaller batch need less memory")]
    Stopped,
    /// libtorch refused, most likely for want of memory.
    #[error("a batch could not be made: {0}")]
    Tensor(#[from] tch::TchError),
}

/// Makes the batches of epochs from a list of frames.
pub struct Loader {
    frames: Arc<Vec<FrameFiles>>,
    config: LoaderConfig,
}

/// What a thread needs to make one sample.
struct Job {
    batch: usize,
    slot: usize,
    /// Position in the epoch.
    sample: u64,
    frame: usize,
    /// Views of the batch's tensors that only this job writes to.
    real: Tensor,
    fake: Tensor,
}

struct Done {
    batch: usize,
    slot: usize,
    result: Result<Made, LoaderError>,
}

/// A sample in its place.
struct Made {
    frame: usize,
    /// Why the frames tried before this one gave nothing.
    failed: Vec<String>,
}

impl Loader {
    /// # Panics
    /// Without frames, and with a batch, picture, number of threads or read-ahead of 0.
    pub fn new(frames: Vec<FrameFiles>, config: LoaderConfig) -> Self {
        assert!(!frames.is_empty(), "a loader needs frames");
        let LoaderConfig { pairs, image_size, threads, read_ahead, .. } = config;
        assert!(pairs > 0 && image_size > 0 && threads > 0 && read_ahead > 0, "{config:?}");
        Loader { frames: Arc::new(frames), config }
    }

    /// Frames in an epoch.
    pub fn frames(&self) -> &[FrameFiles] {
        &self.frames
    }

    /// Batches in an epoch.
    pub fn batches(&self) -> usize {
        match self.config.drop_last {
            true => self.frames.len() / self.config.pairs,
            false => self.frames.len().div_ceil(self.config.pairs),
        }
    }

    /// The batches of an epoch, from number `first_batch` on.
    pub fn epoch(&self, epoch: u64, first_batch: usize) -> Epoch {
        let LoaderConfig { phase, seed, .. } = self.config;
        let mut order: Vec<usize> = (0..self.frames.len()).collect();
        // Validation shows the same pairs in each epoch.
        let epoch = if phase == Phase::Train { epoch } else { 0 };
        if phase == Phase::Train {
            order.shuffle(&mut generator(seed, epoch, 0, Purpose::Order));
        }
        let (jobs, queue) = unbounded();
        let (results, done) = unbounded();
        let maker = Maker { frames: Arc::clone(&self.frames), config: self.config.clone(), epoch };
        let maker = Arc::new(maker);
        let threads = (0..self.config.threads)
            .map(|_| {
                let (maker, queue, results) = (Arc::clone(&maker), queue.clone(), results.clone());
                std::thread::spawn(move || maker.work(&queue, &results))
            })
            .collect();
        let mut epoch = Epoch {
            config: self.config.clone(),
            frames: Arc::clone(&self.frames),
            order,
            batches: self.batches(),
            next: first_batch,
            issued: first_batch,
            jobs: Some(jobs),
            done,
            under_way: BTreeMap::new(),
            threads,
            stats: LoaderStats::default(),
            failure: None,
        };
        epoch.issue();
        epoch
    }
}

/// Makes samples on one thread.
struct Maker {
    frames: Arc<Vec<FrameFiles>>,
    config: LoaderConfig,
    epoch: u64,
}

impl Maker {
    fn work(&self, queue: &Receiver<Job>, results: &Sender<Done>) {
        crate::native::set_worker_threads();
        let side = self.config.image_size;
        let mut planes = vec![0.0; 3 * side * side];
        for job in queue {
            // A panic must not leave the consumer waiting for this sample for ever.
            let made = std::panic::catch_unwind(AssertUnwindSafe(|| self.make(&job, &mut planes)));
            let result = made.unwrap_or(Err(LoaderError::Stopped));
            if results.send(Done { batch: job.batch, slot: job.slot, result }).is_err() {
                return;
            }
        }
    }

    fn make(&self, job: &Job, planes: &mut [f32]) -> Result<Made, LoaderError> {
        let LoaderConfig { seed, phase, image_size, .. } = self.config;
        let mut rng = generator(seed, self.epoch, job.sample, Purpose::Sample);
        let mut frame = job.frame;
        let mut failed = Vec::new();
        loop {
            let recipe = Recipe::draw(&mut rng, phase);
            match read_pair(&self.frames[frame], &recipe, image_size) {
                Ok(pair) => {
                    let side = image_size as i64;
                    for (image, to) in [(&pair.real, &job.real), (&pair.fake, &job.fake)] {
                        write_planes(image, planes);
                        let mut to = to.shallow_clone();
                        to.f_copy_(&Tensor::f_from_slice(planes)?.f_view([3, side, side])?)?;
                    }
                    return Ok(Made { frame, failed });
                }
                Err(cause) if failed.len() + 1 >= ATTEMPTS => {
                    return Err(LoaderError::NothingUsable { attempts: ATTEMPTS, cause });
                }
                Err(cause) => {
                    failed.push(cause.to_string());
                    if failed.len() == 1 {
                        rng = generator(seed, self.epoch, job.sample, Purpose::Replacement);
                    }
                    frame = rng.random_range(0..self.frames.len());
                }
            }
        }
    }
}

/// A batch that is being filled.
struct Filling {
    real: Tensor,
    fake: Tensor,
    missing: usize,
    frames: Vec<usize>,
}

/// The batches of one epoch, in order. Dropping it stops the threads.
pub struct Epoch {
    config: LoaderConfig,
    frames: Arc<Vec<FrameFiles>>,
    order: Vec<usize>,
    batches: usize,
    /// Number of the batch to hand out next.
    next: usize,
    /// Number of the first batch that no thread knows of.
    issued: usize,
    jobs: Option<Sender<Job>>,
    done: Receiver<Done>,
    under_way: BTreeMap<usize, Filling>,
    threads: Vec<JoinHandle<()>>,
    stats: LoaderStats,
    failure: Option<LoaderError>,
}

impl Epoch {
    /// What happened so far.
    pub fn stats(&self) -> &LoaderStats {
        &self.stats
    }

    /// Gives the threads what they may work on while the consumer has the next batch.
    fn issue(&mut self) {
        while self.failure.is_none()
            && self.issued < self.batches
            && self.issued < self.next + self.config.read_ahead
        {
            if let Err(error) = self.issue_batch(self.issued) {
                self.failure = Some(error);
            }
            self.issued += 1;
        }
    }

    fn issue_batch(&mut self, batch: usize) -> Result<(), LoaderError> {
        let first = batch * self.config.pairs;
        let frames = self.order[first..self.order.len().min(first + self.config.pairs)].to_vec();
        let (n, side) = (frames.len() as i64, self.config.image_size as i64);
        let room = || -> Result<Tensor, LoaderError> {
            let tensor = Tensor::f_empty([n, 3, side, side], (Kind::Float, Device::Cpu))?;
            match self.config.device.is_cuda() {
                true => Ok(tensor.f_pin_memory(self.config.device)?),
                false => Ok(tensor),
            }
        };
        let (real, fake) = (room()?, room()?);
        let jobs = self.jobs.as_ref().expect("there until this is dropped");
        for (slot, &frame) in frames.iter().enumerate() {
            let view = |of: &Tensor| of.f_get(slot as i64);
            let (real, fake) = (view(&real)?, view(&fake)?);
            let job = Job { batch, slot, sample: (first + slot) as u64, frame, real, fake };
            jobs.send(job).map_err(|_| LoaderError::Stopped)?;
        }
        self.under_way.insert(batch, Filling { real, fake, missing: frames.len(), frames });
        Ok(())
    }

    fn receive(&mut self) -> Result<(), LoaderError> {
        let waiting = Instant::now();
        let done = self.done.recv().map_err(|_| LoaderError::Stopped);
        self.stats.waited += waiting.elapsed();
        let done = done?;
        let made = done.result?;
        let filling = self.under_way.get_mut(&done.batch).expect("a batch is there until it is full");
        filling.missing -= 1;
        filling.frames[done.slot] = made.frame;
        self.stats.replaced += usize::from(!made.failed.is_empty());
        let room = KEPT_REASONS.saturating_sub(self.stats.reasons.len());
        self.stats.reasons.extend(made.failed.into_iter().take(room));
        Ok(())
    }
}

impl Iterator for Epoch {
    type Item = Result<Batch, LoaderError>;

    /// The next batch; after an error, none.
    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.batches {
            return None;
        }
        while self.under_way.get(&self.next).is_none_or(|filling| filling.missing > 0) {
            let failed = match self.failure.take() {
                Some(error) => Err(error),
                None => self.receive(),
            };
            if let Err(error) = failed {
                self.next = self.batches;
                return Some(Err(error));
            }
        }
        let Filling { real, fake, frames, .. } = self.under_way.remove(&self.next).expect("full just now");
        self.next += 1;
        self.issue();
        self.stats.pairs += frames.len();
        let frames = frames.into_iter().map(|frame| self.frames[frame].frame.clone()).collect();
        Some(Ok(Batch { real, fake, frames }))
    }
}

impl Drop for Epoch {
    fn drop(&mut self) {
        self.jobs = None;
        // What is queued need not be made.
        self.done = crossbeam_channel::never();
        for thread in self.threads.drain(..) {
            // A panic there has been seen as a missing result.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blending::testing::{face_of, frame};
    use crate::imaging::write_png;
    use crate::prepared::{write_boxes, write_landmarks, VideoFolders};
    use std::path::Path;

    const SIDE: usize = 48;
    const FRAMES: usize = 10;

    /// A prepared set of ten frames; those named in `broken` have a cut picture.
    fn set(broken: &[usize]) -> (tempfile::TempDir, Vec<FrameFiles>) {
        let base = tempfile::tempdir().unwrap();
        let folders = VideoFolders::new(base.path(), Path::new("000"));
        folders.create().unwrap();
        let picture = frame(200, 160);
        for index in 0..FRAMES {
            let files = folders.files(index);
            let (landmarks, face_box) = face_of(80 + 4 * index as i32, 80, 40);
            write_landmarks(&files.landmarks, &[landmarks]).unwrap();
            write_boxes(&files.boxes, &[face_box]).unwrap();
            write_png(&files.frame, &picture).unwrap();
            if broken.contains(&index) {
                let whole = std::fs::read(&files.frame).unwrap();
                std::fs::write(&files.frame, &whole[..whole.len() / 4]).unwrap();
            }
        }
        let frames = folders.frames_on_disk().unwrap();
        (base, frames)
    }

    fn config(threads: usize, phase: Phase) -> LoaderConfig {
        LoaderConfig {
            pairs: 4,
            image_size: SIDE,
            phase,
            seed: 3,
            threads,
            read_ahead: 2,
            drop_last: false,
            device: Device::Cpu,
        }
    }

    type Content = (Vec<PathBuf>, Vec<f32>, Vec<f32>);

    fn content(batch: Result<Batch, LoaderError>) -> Content {
        let Batch { real, fake, frames } = batch.unwrap();
        let side = SIDE as i64;
        assert_eq!(real.size(), [frames.len() as i64, 3, side, side]);
        let numbers = |t: &Tensor| Vec::<f32>::try_from(t.flatten(0, -1)).unwrap();
        (frames, numbers(&real), numbers(&fake))
    }

    fn batches(frames: &[FrameFiles], config: LoaderConfig, epoch: u64, first: usize) -> Vec<Content> {
        Loader::new(frames.to_vec(), config).epoch(epoch, first).map(content).collect()
    }

    #[test]
    fn batches_depend_on_seed_and_epoch_and_not_on_threads_or_where_one_starts() {
        let (_base, frames) = set(&[2]);
        let all = batches(&frames, config(1, Phase::Train), 7, 0);
        assert_eq!(all.iter().map(|batch| batch.0.len()).collect::<Vec<_>>(), [4, 4, 2]);
        assert!(all.iter().flat_map(|batch| &batch.1).all(|value| (0.0..=1.0).contains(value)));
        assert!(all[0].1 != all[0].2, "fake and real are equal");
        assert!(batches(&frames, config(3, Phase::Train), 7, 0) == all);
        assert!(batches(&frames, config(2, Phase::Train), 7, 2) == all[2..]);
        assert!(batches(&frames, config(2, Phase::Train), 8, 0) != all);
        let other_seed = LoaderConfig { seed: 4, ..config(2, Phase::Train) };
        assert!(batches(&frames, other_seed, 7, 0) != all);
    }

    #[test]
    fn validation_is_the_same_in_each_epoch_and_in_the_order_of_the_list() {
        let (_base, frames) = set(&[]);
        let all = batches(&frames, config(2, Phase::Validation), 1, 0);
        assert!(batches(&frames, config(1, Phase::Validation), 2, 0) == all);
        let order: Vec<&PathBuf> = all.iter().flat_map(|batch| &batch.0).collect();
        assert_eq!(order, frames.iter().map(|files| &files.frame).collect::<Vec<_>>());
    }

    #[test]
    fn every_frame_comes_once_an_epoch_and_full_batches_alone_where_asked() {
        let (_base, frames) = set(&[]);
        let mut seen: Vec<PathBuf> =
            batches(&frames, config(2, Phase::Train), 0, 0).into_iter().flat_map(|batch| batch.0).collect();
        assert_ne!(seen, frames.iter().map(|files| files.frame.clone()).collect::<Vec<_>>(), "not shuffled");
        seen.sort();
        assert_eq!(seen, frames.iter().map(|files| files.frame.clone()).collect::<Vec<_>>());
        let full = LoaderConfig { drop_last: true, ..config(2, Phase::Train) };
        let loader = Loader::new(frames, full);
        assert_eq!((loader.batches(), loader.epoch(0, 0).count()), (2, 2));
    }

    #[test]
    fn frames_that_give_no_pair_are_replaced_and_counted() {
        let (_base, frames) = set(&[2, 5]);
        let loader = Loader::new(frames.clone(), config(2, Phase::Train));
        let mut epoch = loader.epoch(0, 0);
        let used: Vec<PathBuf> = epoch.by_ref().flat_map(|batch| content(batch).0).collect();
        assert_eq!(used.len(), FRAMES);
        assert!(!used.contains(&frames[2].frame) && !used.contains(&frames[5].frame));
        let stats = epoch.stats();
        assert_eq!((stats.pairs, stats.replaced), (FRAMES, 2));
        assert!(stats.reasons.iter().any(|reason| reason.contains("002.png")), "{:?}", stats.reasons);
        let warning = stats.warning().unwrap();
        assert!(warning.contains("2 of 10 samples (20 %)"), "{warning}");
    }

    #[test]
    fn a_set_in_which_nothing_works_is_an_error_and_not_an_endless_search() {
        let (_base, frames) = set(&(0..FRAMES).collect::<Vec<_>>());
        let mut epoch = Loader::new(frames, config(2, Phase::Train)).epoch(0, 0);
        let error = epoch.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("20 frames in a row gave no pair") && error.contains(".png"), "{error}");
        assert!(epoch.next().is_none());
    }

    #[test]
    fn leaving_an_epoch_early_ends_its_threads() {
        let (_base, frames) = set(&[]);
        let loader = Loader::new(frames, config(2, Phase::Train));
        let mut epoch = loader.epoch(0, 0);
        content(epoch.next().unwrap());
        assert!(epoch.under_way.len() <= 2, "more batches under way than allowed");
        drop(epoch);
        assert_eq!(loader.epoch(0, 0).count(), 3);
    }
}
