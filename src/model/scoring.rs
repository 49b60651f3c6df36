//! Faces to scores in three steps, so that a device need not wait for whoever feeds it.

use super::Error;
use super::forgery_detector::ForgeryDetector;
use crate::native::torch::in_half_precision;
use rayon::prelude::*;
use tch::{Device, Kind, TchError, Tensor};

/// Faces on their way to a device: bytes, `[n, 3, side, side]`.
pub struct UploadedFaces(pub(crate) Tensor);

/// Scores on their way from a device: float32, `[n]`.
pub struct PendingScores(pub(crate) Tensor);

impl PendingScores {
    /// Waits for the scores: one probability of "fake" per face, 0..1.
    ///
    /// Fails when what was submitted failed on the device.
    pub fn collect(self) -> Result<Vec<f32>, Error> {
        Ok(Vec::<f32>::try_from(self.0.f_to_device(Device::Cpu)?.f_contiguous()?)?)
    }
}

impl ForgeryDetector {
    /// Scores of 8-bit faces: `planes` holds `[n, 3, side, side]` RGB values, flat. One probability of
    /// "fake" per face, 0..1. Faces of another side than the weights expect are resized, bilinearly over the area that
    /// a new pixel covers.
    ///
    /// Fails when libtorch runs out of memory or the length does not fit.
    pub fn scores(&self, planes: &[u8], side: usize) -> Result<Vec<f32>, Error> {
        self.submit(&self.upload(planes, side)?)?.collect()
    }

    /// The first step of [`ForgeryDetector::scores`]: starts to bring faces to the device, and does not wait for it.
    ///
    /// Fails when libtorch runs out of memory or the length does not fit.
    pub fn upload(&self, planes: &[u8], side: usize) -> Result<UploadedFaces, Error> {
        let _no_grad = tch::no_grad_guard();
        let side = side as i64;
        let bytes = Tensor::f_from_slice(planes)?.f_view([-1, 3, side, side])?;
        if !self.device().is_cuda() {
            return Ok(UploadedFaces(bytes.f_to_device(self.device())?));
        }
        // Only from pinned memory is a copy asynchronous. libtorch keeps that memory until the copy is done.
        let pinned = bytes.f_internal_pin_memory(self.device())?;
        Ok(UploadedFaces(pinned.f_to_device_(self.device(), Kind::Uint8, true, false)?))
    }

    /// The second step: starts to score. On a CPU the scores are there at once; a CUDA device computes on while the
    /// caller does other things, one thing after the other, so that collecting waits for all that was submitted before.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn submit(&self, faces: &UploadedFaces) -> Result<PendingScores, Error> {
        let _no_grad = tch::no_grad_guard();
        let x = self.input_of(faces)?;
        let logits = match self.half() {
            Some(half) => in_half_precision(self.device(), half, || self.logits(&x)),
            None => self.logits(&x),
        };
        Ok(PendingScores(logits.f_softmax(1, Kind::Float)?.f_select(1, 1)?))
    }

    /// Faces as [`ForgeryDetector::logits`] takes them, of the side that the weights expect.
    pub(super) fn input_of(&self, UploadedFaces(bytes): &UploadedFaces) -> Result<Tensor, Error> {
        let own = self.input().side;
        let prepared = |bytes: &Tensor| -> Result<Tensor, TchError> {
            let x = bytes.f_to_kind(Kind::Float)?.f_div_scalar(255.0)?;
            match bytes.size()[3] {
                side if side == own => Ok(x),
                _ => x.f_internal_upsample_bilinear2d_aa([own, own], false, None, None),
            }
        };
        if bytes.device().is_cuda() || bytes.size()[0] <= 1 {
            return Ok(prepared(bytes)?);
        }
        // On a CPU a face per thread.
        let faces = bytes.f_split(1, 0)?.into_par_iter();
        let faces = faces.map(|face| tch::no_grad(|| prepared(&face))).collect::<Result<Vec<_>, _>>()?;
        Ok(Tensor::f_cat(&faces, 0)?)
    }
}
