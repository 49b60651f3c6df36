//! Training pairs, each made by one thread alone and written to its place in a batch.

use super::{LoaderConfig, LoaderError};
use crate::blending::kinds::Kind;
use crate::causes::with_causes;
use crate::imaging::write_planes;
use crate::model::resized_planes;
use crate::rng::{Purpose, generator};
use crate::training_pairs::FramePool;
use crate::types::{FACE_SIDE, Mask, RgbImage};
use crossbeam_channel::{Receiver, Sender};
use rand::Rng;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tch::Tensor;

/// Frames tried in the place of one that gives no pair.
const ATTEMPTS: usize = 20;

/// What a thread needs to make one training pair.
pub struct PairJob {
    /// Number of the batch in the epoch.
    pub batch: usize,
    /// Number of the pair in the batch.
    pub slot: usize,
    /// Number of the pair in the epoch, from which its draws follow.
    pub position: u64,
    /// Number of the frame in the list.
    pub frame: usize,
    /// Views of the batch's tensors that only this job writes to.
    pub real: Tensor,
    pub fake: Tensor,
    pub mask: Option<Tensor>,
}

/// What became of a job.
pub struct PairDone {
    pub batch: usize,
    pub slot: usize,
    pub result: Result<MadePair, LoaderError>,
}

/// A training pair that lies in its place in a batch.
pub struct MadePair {
    /// Number of the frame that it was made of in the end.
    pub frame: usize,
    /// Why the frames tried before this one gave nothing.
    pub failed: Vec<String>,
    /// The kind of forgery that was drawn and that the frame has nothing for.
    pub instead_of: Option<Kind>,
}

impl MadePair {
    /// Whether it stands for a frame that gave none.
    pub fn is_replacement(&self) -> bool {
        !self.failed.is_empty()
    }
}

/// Makes training pairs on one thread.
pub struct PairMaker {
    pub pool: Arc<FramePool>,
    pub config: LoaderConfig,
    pub epoch: u64,
}

impl PairMaker {
    /// Makes what is queued until the queue ends or nobody wants results any more.
    pub fn work(&self, queue: &Receiver<PairJob>, results: &Sender<PairDone>) {
        crate::native::process::set_worker_threads();
        let mut planes = vec![0.0; 3 * FACE_SIDE * FACE_SIDE];
        for job in queue {
            // A panic must not leave the consumer waiting for this pair for ever.
            let made = std::panic::catch_unwind(AssertUnwindSafe(|| self.make(&job, &mut planes)));
            let result = made.unwrap_or(Err(LoaderError::Stopped));
            if results.send(PairDone { batch: job.batch, slot: job.slot, result }).is_err() {
                return;
            }
        }
    }

    fn make(&self, job: &PairJob, planes: &mut [f32]) -> Result<MadePair, LoaderError> {
        let LoaderConfig { seed, phase, image_size, ref extras, .. } = self.config;
        let mut rng = generator(seed, self.epoch, job.position, Purpose::Sample);
        let mut frame = job.frame;
        let mut failed = Vec::new();
        loop {
            let drawn = self.pool.draw(frame, &mut rng, phase, extras);
            // Crops come at this side in inference, too, and lose the same detail on the way to a network's own side.
            match self.pool.read_pair(frame, &drawn.recipe, FACE_SIDE) {
                Ok(pair) => {
                    for (image, to) in [(&pair.real, &job.real), (&pair.fake, &job.fake)] {
                        write_input(image, image_size, planes, to)?;
                    }
                    if let Some(to) = &job.mask {
                        write_mask(&pair.mask, image_size, to)?;
                    }
                    return Ok(MadePair { frame, failed, instead_of: drawn.instead_of });
                }
                Err(cause) if failed.len() + 1 >= ATTEMPTS => {
                    return Err(LoaderError::NothingUsable { attempts: ATTEMPTS, cause });
                }
                Err(cause) => {
                    failed.push(with_causes(&cause));
                    if failed.len() == 1 {
                        rng = generator(seed, self.epoch, job.position, Purpose::Replacement);
                    }
                    frame = rng.random_range(0..self.pool.frames().len());
                }
            }
        }
    }
}

/// Writes a mask to its place in a batch, `[1, side, side]`.
fn write_mask(mask: &Mask, side: usize, place: &Tensor) -> Result<(), LoaderError> {
    let shape = [1, 1, mask.height() as i64, mask.width() as i64];
    let whole = Tensor::f_from_slice(mask.data())?.f_view(shape)?;
    let small = tch::no_grad(|| whole.f_adaptive_avg_pool2d([side as i64; 2]))?;
    place.shallow_clone().f_copy_(&small.f_view([1, side as i64, side as i64])?)?;
    Ok(())
}

/// Writes a crop of [`FACE_SIDE`] pixels to its place in a batch, `[3, side, side]`, as inference would show it to the
/// network. `planes` has room for the crop.
fn write_input(crop: &RgbImage, side: usize, planes: &mut [f32], place: &Tensor) -> Result<(), LoaderError> {
    let shape = [3, side as i64, side as i64];
    let mut place = place.shallow_clone();
    if side == FACE_SIDE {
        write_planes(crop, planes);
        place.f_copy_(&Tensor::f_from_slice(planes)?.f_view(shape)?)?;
    } else {
        let resized = tch::no_grad(|| resized_planes(crop, shape[1]))?;
        place.f_copy_(&Tensor::f_from_slice(&resized)?.f_view(shape)?)?;
    }
    Ok(())
}
