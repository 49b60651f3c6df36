//! From the network's outputs to candidates for faces.

use super::{Candidate, Prior, decode};
use crate::model::retinaface::{AnchorOutputs, RawOutputs, anchors};
use crate::native::torch::floats_of;
use tch::{Device, Kind, TchError, Tensor};

/// Candidates below or at this probability are no faces.
const MIN_SCORE: f32 = 0.7;

/// Decodes the priors whose face probability is above the limit, from an image's rows, level by level.
pub(super) fn candidates_of<'a>(
    levels: impl Iterator<Item = &'a [f32]>,
    size: (usize, usize),
) -> Result<Vec<Candidate>, TchError> {
    // What is below this difference of logits is far below the limit: libtorch need not see it.
    const LEAST: f32 = 0.8;
    let outputs = levels.flat_map(anchors).enumerate();
    let likely: Vec<(usize, AnchorOutputs)> =
        outputs.filter(|(_, AnchorOutputs { logits, .. })| logits[1] - logits[0] > LEAST).collect();
    let logits: Vec<f32> = likely.iter().flat_map(|(_, outputs)| outputs.logits).collect();
    let scores =
        Tensor::f_from_slice(&logits)?.f_view([likely.len() as i64, 2])?.f_softmax(-1, Kind::Float)?;
    let scores = Vec::<f32>::try_from(scores.f_select(1, 1)?.f_contiguous()?)?;
    let above = likely.into_iter().zip(scores).filter(|(_, score)| *score > MIN_SCORE);
    let decoded = above.map(|((prior, outputs), score)| {
        let (corners, points) = decode(Prior::at(prior, size), outputs.offsets, outputs.points, size);
        Candidate { corners, points, score, prior }
    });
    Ok(decoded.collect())
}

/// The same from outputs that are separated by their heads; `size`: height, width of the input.
pub fn candidates(raw: &RawOutputs, image: i64, size: (usize, usize)) -> Result<Vec<Candidate>, TchError> {
    let rows = raw.rows()?.f_get(image)?.f_to_device(Device::Cpu)?.f_contiguous()?;
    candidates_of(std::iter::once(floats_of(&rows)), size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_rows_have_the_probabilities_that_they_have_among_all() {
        let size = (96, 128);
        let anchors = super::super::priors(size.0, size.1).len() as i64;
        let wide = |width| Tensor::randn([1, anchors, width], (Kind::Float, Device::Cpu)) * 3.0;
        let raw = RawOutputs { boxes: wide(4), classes: wide(2), points: wide(10) };
        let scores = raw.classes.get(0).softmax(-1, Kind::Float).select(1, 1).contiguous();
        let expected: Vec<(usize, f32)> =
            floats_of(&scores).iter().copied().enumerate().filter(|(_, score)| *score > MIN_SCORE).collect();
        let found = candidates(&raw, 0, size).unwrap();
        let found: Vec<(usize, f32)> = found.iter().map(|one| (one.prior, one.score)).collect();
        assert!(found.len() > 20);
        assert_eq!(found, expected);
    }
}
