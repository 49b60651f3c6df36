//! Samples, each made by one thread alone and written to its place in a batch.

use super::{LoaderConfig, LoaderError};
use crate::blending::Recipe;
use crate::causes::with_causes;
use crate::imaging::write_planes;
use crate::prepared_frames::FrameFiles;
use crate::rng::{Purpose, generator};
use crate::training_pairs::read_pair;
use crossbeam_channel::{Receiver, Sender};
use rand::Rng;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tch::Tensor;

/// Frames tried in the place of one that gives no pair.
const ATTEMPTS: usize = 20;

/// What a thread needs to make one sample.
pub struct Job {
    pub batch: usize,
    pub slot: usize,
    /// Position in the epoch.
    pub sample: u64,
    pub frame: usize,
    /// Views of the batch's tensors that only this job writes to.
    pub real: Tensor,
    pub fake: Tensor,
}

pub struct Done {
    pub batch: usize,
    pub slot: usize,
    pub result: Result<Made, LoaderError>,
}

/// A sample in its place.
pub struct Made {
    pub frame: usize,
    /// Why the frames tried before this one gave nothing.
    pub failed: Vec<String>,
}

/// Makes samples on one thread.
pub struct Maker {
    pub frames: Arc<Vec<FrameFiles>>,
    pub config: LoaderConfig,
    pub epoch: u64,
}

impl Maker {
    /// Makes what is queued until the queue ends or nobody wants results any more.
    pub fn work(&self, queue: &Receiver<Job>, results: &Sender<Done>) {
        crate::native::process::set_worker_threads();
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
        let LoaderConfig { seed, phase, image_size, degradation, .. } = self.config;
        let mut rng = generator(seed, self.epoch, job.sample, Purpose::Sample);
        let mut frame = job.frame;
        let mut failed = Vec::new();
        loop {
            let recipe = Recipe::draw_degraded(&mut rng, phase, degradation);
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
                    failed.push(with_causes(&cause));
                    if failed.len() == 1 {
                        rng = generator(seed, self.epoch, job.sample, Purpose::Replacement);
                    }
                    frame = rng.random_range(0..self.frames.len());
                }
            }
        }
    }
}
