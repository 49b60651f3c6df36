//! Random numbers: one generator per training sample, never a global one.
//!
//! A sample's draws depend on the run's seed, the epoch and the sample's index alone, so that the same pairs come
//! out whatever the number of threads and wherever a run is resumed.

use rand::SeedableRng;

/// The generator of all draws. ChaCha with eight rounds: the same stream on every machine and release.
pub type SampleRng = rand_chacha::ChaCha8Rng;

/// What a generator is used for. Streams of different purposes never overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The draws of one training sample.
    Sample,
    /// The order of an epoch's samples.
    Order,
    /// The replacement of samples that cannot be used.
    Replacement,
    /// The initial values of untrained weights.
    Weights,
    /// Which activations and branches networks drop in training.
    Dropout,
    /// Which videos of a set are for validation.
    Split,
    /// The noise that robustness tests add to frames.
    Noise,
    /// What a training sample's codec step does.
    Codec,
    /// The video that a photograph becomes in preprocessing.
    StillVideo,
    /// How a face is changed before an autoencoder is shown it.
    Reconstruction,
    /// What a frame went through before a face is put into it.
    Past,
    /// The light that both images of a pair get.
    Light,
}

/// The generator that a run with `seed` uses for `purpose`, for sample `index` in `epoch`.
pub fn generator(seed: u64, epoch: u64, index: u64, purpose: Purpose) -> SampleRng {
    let mut key = [0; 32];
    for (part, value) in key.chunks_exact_mut(8).zip([seed, epoch, index, purpose as u64]) {
        part.copy_from_slice(&value.to_le_bytes());
    }
    SampleRng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngCore;

    #[test]
    fn every_coordinate_changes_the_stream_and_nothing_else_does() {
        let first = |seed, epoch, index, purpose| generator(seed, epoch, index, purpose).next_u64();
        let base = first(1, 2, 3, Purpose::Sample);
        assert_eq!(base, first(1, 2, 3, Purpose::Sample));
        let others = [
            first(2, 2, 3, Purpose::Sample),
            first(1, 3, 3, Purpose::Sample),
            first(1, 2, 4, Purpose::Sample),
            first(1, 2, 3, Purpose::Order),
        ];
        assert!(others.iter().all(|other| *other != base));
    }
}
