//! Face crops to scores in three steps, so that a device need not wait for whoever feeds it.

use super::crop_images::CropImages;
use super::efficientnet::pooled;
use super::forgery_detector::ForgeryDetector;
use super::{Error, Resize};
use crate::native::torch::in_half_precision;
use crate::types::RgbImage;
use tch::{Device, Kind, Tensor};

/// Crops where they are scored, or on their way there.
pub struct UploadedCrops<'c>(Place<'c>);

enum Place<'c> {
    /// On a CPU they stay where they are, and so do those that are prepared by one.
    Here(Vec<&'c RgbImage>),
    /// Bytes on a CUDA device, `[n, height, width, 3]`.
    Device(Tensor),
}

/// Scores on their way from a device: float32, `[n]`.
pub struct PendingScores(Tensor);

impl PendingScores {
    /// Waits for the scores: one probability of "fake" per crop, 0..1.
    ///
    /// Fails when what was submitted failed on the device.
    pub fn collect(self) -> Result<Vec<f32>, Error> {
        Ok(Vec::<f32>::try_from(self.0.f_to_device(Device::Cpu)?.f_contiguous()?)?)
    }
}

impl ForgeryDetector {
    /// Scores crops of one size: one probability of "fake" per crop, 0..1. Crops of another side than the weights expect
    /// are resized, bilinearly over the area that a new pixel covers.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn scores(&self, crops: &[&RgbImage]) -> Result<Vec<f32>, Error> {
        self.submit(self.upload(crops.to_vec())?)?.collect()
    }

    /// The first step of [`ForgeryDetector::scores`]: starts to bring crops to the device, and does not wait for it.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn upload<'c>(&self, crops: Vec<&'c RgbImage>) -> Result<UploadedCrops<'c>, Error> {
        let sides = |crop: &RgbImage| (crop.height(), crop.width());
        let own = (self.input().side as usize, self.input().side as usize);
        let first = match crops.first() {
            // What libtorch cannot do on the device is done here, crop by crop.
            Some(first)
                if self.device().is_cuda()
                    && crops.iter().all(|crop| sides(crop) == sides(first))
                    && (self.input().resize == Resize::Area || sides(first) == own) =>
            {
                first
            }
            _ => return Ok(UploadedCrops(Place::Here(crops))),
        };
        let shape = [crops.len(), first.height(), first.width(), 3].map(|side| side as i64);
        let bytes: Vec<u8> = crops.iter().flat_map(|crop| crop.data()).copied().collect();
        let bytes = Tensor::f_from_slice(&bytes)?.f_view(shape)?;
        // Only from pinned memory is a copy asynchronous. libtorch keeps that memory until the copy is done.
        let pinned = bytes.f_internal_pin_memory(self.device())?;
        Ok(UploadedCrops(Place::Device(pinned.f_to_device_(self.device(), Kind::Uint8, true, false)?)))
    }

    /// The second step: starts to score. On a CPU the scores are there at once; a CUDA device computes on while the
    /// caller does other things, one thing after the other, so that collecting waits for all that was submitted before.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn submit(&self, crops: UploadedCrops) -> Result<PendingScores, Error> {
        let _no_grad = tch::no_grad_guard();
        let logits =
            || -> Result<Tensor, Error> { Ok(self.network().classify(&pooled(&self.features(&crops)?))) };
        let logits = match self.half() {
            Some(half) => in_half_precision(self.device(), half, logits),
            None => logits(),
        }?;
        Ok(PendingScores(self.scores_of(&logits)?))
    }

    /// Scores from the logits `[count n, 2]` of all views at `n` crops, in the order of [`Views::images`](super::Views::images).
    fn scores_of(&self, logits: &Tensor) -> Result<Tensor, Error> {
        if self.views().is_plain() {
            return Ok(logits.f_softmax(1, Kind::Float)?.f_select(1, 1)?);
        }
        let logits = logits.f_to_kind(Kind::Float)?;
        let log_odds = logits.f_select(1, 1)?.f_sub(&logits.f_select(1, 0)?)?;
        Ok(self.views().combined(&log_odds)?.f_sigmoid()?)
    }

    /// Scores of images as a network takes them, `[n, 3, side, side]`, RGB, 0..1, of the side that the weights expect: one
    /// probability of "fake" per image.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn scores_of_images(&self, images: &Tensor) -> Result<Vec<f64>, Error> {
        let _no_grad = tch::no_grad_guard();
        let logits = self.logits(&self.views().images(&images.f_to_device(self.device())?)?);
        let scores = self.scores_of(&logits)?.f_to_kind(Kind::Double)?;
        Ok(Vec::<f64>::try_from(scores.f_to_device(Device::Cpu)?.f_contiguous()?)?)
    }

    /// The backbone's last feature map of all views at crops, `[count n, features, h, w]`.
    pub(super) fn features(&self, UploadedCrops(place): &UploadedCrops) -> Result<Tensor, Error> {
        match place {
            Place::Here(crops) => Ok(self.backbone().extract_features_of(&CropImages::with_views(
                crops,
                self.input(),
                self.views(),
            )?)?),
            Place::Device(bytes) => {
                let own = self.input().side;
                let x = bytes.f_permute([0, 3, 1, 2])?.f_contiguous()?;
                let x = x.f_to_kind(Kind::Float)?.f_div_scalar(255.0)?;
                let x = match x.size()[2..] == [own, own] {
                    true => x,
                    false => x.f_internal_upsample_bilinear2d_aa([own, own], false, None, None)?,
                };
                let x = self.views().images(&x)?;
                Ok(self.backbone().extract_features(&self.input().normalisation.apply(&x)))
            }
        }
    }
}
