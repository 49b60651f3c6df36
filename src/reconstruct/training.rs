//! An autoencoder learns faces: the loop, and how it goes on where it was interrupted.

use super::ReconstructError;
use super::augment::{Shown, shown};
use super::config::Config;
use super::faces::{FaceFrame, Failure};
use super::place::Place;
use crate::Result;
use crate::hash::fnv1a64;
use crate::model::autoencoder::{Adam, Autoencoder, Design, Kept};
use crate::prepared_frames::FrameFiles;
use crate::progress::{Cancel, Progress};
use crate::rng::{Purpose, generator};
use crate::types::RgbImage;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use tch::{Device, Tensor};

/// Faces that are learned at most, drawn from all.
const MOST_FACES: usize = 8000;
/// The highest learning rate, after so many steps from 0, and its share that is left at the end.
const RATE: f64 = 2e-3;
const WARM_UP: usize = 50;
const LEFT: f64 = 0.02;
/// The share of steps whose inputs are warped; the last ones show faces as they are.
const WARPED: f64 = 0.5;
/// Steps between saves of an unfinished training.
const SAVE_EVERY: usize = 500;
/// The share of the old in the moving average of the loss.
const LOSS_KEPT: f64 = 0.99;

/// What decides a network's weights, beside the pixels of the faces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The autoencoder's design.
    pub design: Design,
    /// Steps of training.
    pub steps: usize,
    /// Seed of all draws.
    pub seed: u64,
    /// Faces that are learned.
    pub faces: usize,
    /// Hash of their pixels.
    pub pixels: u64,
}

/// A network with how it came about.
pub struct Trained {
    /// The network.
    pub network: Autoencoder,
    /// How it was trained.
    pub settings: Settings,
    /// The moving average of the loss at the end.
    pub loss: f64,
}

/// Aligned faces, all of one side.
pub struct Faces {
    squares: Vec<RgbImage>,
    pixels: u64,
}

impl Faces {
    /// Reads the faces of `frames`, of very many a drawn part. What cannot be read is left out. `None`: interrupted.
    ///
    /// Fails where no face is left.
    pub fn read(
        mut frames: Vec<&FrameFiles>,
        side: usize,
        seed: u64,
        progress: &dyn Progress,
        cancel: &Cancel,
    ) -> Result<Option<Faces>> {
        /// Frames read between two looks at `cancel`.
        const CHUNK: usize = 64;
        if frames.len() > MOST_FACES {
            frames.shuffle(&mut generator(seed, 0, 0, Purpose::Split));
            frames.truncate(MOST_FACES);
        }
        let mut squares = Vec::new();
        let mut first: Option<Failure> = None;
        progress.begin(frames.len(), "faces read");
        for chunk in frames.chunks(CHUNK) {
            if cancel.is_requested() {
                progress.end();
                return Ok(None);
            }
            let read = |files: &&FrameFiles| Ok(FaceFrame::read(files, side)?.square(side));
            let read: Vec<Result<RgbImage, Failure>> = chunk.par_iter().map(read).collect();
            for (files, square) in chunk.iter().zip(read) {
                match square {
                    Ok(square) => squares.push(square),
                    Err(failure) => first = first.or(Some(failure)),
                }
                progress.advance(&files.frame.display().to_string());
            }
        }
        progress.end();
        if squares.is_empty() {
            let first = first.map(|failure| failure.reason);
            return Err(ReconstructError::NoFaces { frames: frames.len(), first }.into());
        }
        let hashes: Vec<u8> = squares.iter().flat_map(|s| fnv1a64(s.data()).to_le_bytes()).collect();
        Ok(Some(Faces { pixels: fnv1a64(&hashes), squares }))
    }

    /// The settings of a training on these faces.
    pub fn settings(&self, design: Design, steps: usize, seed: u64) -> Settings {
        Settings { design, steps, seed, faces: self.squares.len(), pixels: self.pixels }
    }

    /// Inputs and targets of a step, `[BATCH, 3, side, side]` each: faces in an order that is drawn anew when all have
    /// been shown.
    fn batch(&self, settings: &Settings, step: usize) -> Result<(Tensor, Tensor)> {
        let warped = (step as f64) < WARPED * settings.steps as f64;
        let position = |at: usize| step * Config::BATCH + at;
        let round = |at: usize| position(at) / self.squares.len();
        let mut order: Vec<usize> = Vec::new();
        let mut chosen = Vec::with_capacity(Config::BATCH);
        for at in 0..Config::BATCH {
            if at == 0 || round(at) != round(at - 1) {
                order = (0..self.squares.len()).collect();
                order.shuffle(&mut generator(settings.seed, round(at) as u64, 0, Purpose::Order));
            }
            chosen.push(order[position(at) % self.squares.len()]);
        }
        let one = |(at, face): (usize, usize)| {
            let mut rng = generator(settings.seed, step as u64, at as u64, Purpose::Reconstruction);
            shown(&self.squares[face], warped, &mut rng)
        };
        let faces: Vec<Shown> =
            chosen.into_par_iter().enumerate().map(one).collect::<Result<_, crate::imaging::Error>>()?;
        let side = settings.design.side as i64;
        let joined = |of: fn(&Shown) -> &[f32]| {
            let tensors: Vec<Tensor> = faces.iter().map(|face| Tensor::from_slice(of(face))).collect();
            Tensor::cat(&tensors, 0).view([faces.len() as i64, 3, side, side])
        };
        Ok((joined(|face| &face.input), joined(|face| &face.target)))
    }
}

/// Trains a network, or goes on where a training with the same settings was interrupted, whose state lies at `place`.
/// `None`: interrupted, with all saved there.
///
/// Fails when the state there is of another training, something cannot be written, or the loss is not finite.
pub fn train(
    faces: &Faces,
    settings: Settings,
    place: &Place,
    device: Device,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Option<Trained>> {
    let Settings { design, steps, seed, .. } = settings;
    let path = place.training();
    let (network, mut adam, mut loss) = match path.exists() {
        true => going_on(&path, &settings, device)?,
        false => {
            let network = Autoencoder::new(design, seed, device)?;
            let adam = network.optimiser();
            (network, adam, None)
        }
    };
    let save = |adam: &Adam, loss: Option<f64>| {
        network.save(&path, Some(adam), &settings.to_metadata(loss)).map_err(crate::Error::from)
    };
    progress.begin(steps.saturating_sub(adam.steps()), "steps");
    for step in adam.steps()..steps {
        if cancel.is_requested() {
            progress.end();
            save(&adam, loss)?;
            return Ok(None);
        }
        let (inputs, targets) = faces.batch(&settings, step)?;
        let objective = network.loss(&inputs, &targets);
        let value = objective.double_value(&[]);
        if !value.is_finite() {
            progress.end();
            return Err(ReconstructError::NotFinite { step: step + 1 }.into());
        }
        adam.step(&objective, rate(step, steps));
        let average = loss.map_or(value, |old| LOSS_KEPT * old + (1.0 - LOSS_KEPT) * value);
        loss = Some(average);
        if (step + 1).is_multiple_of(SAVE_EVERY) {
            save(&adam, loss)?;
        }
        progress.advance(&format!("loss {average:.4}"));
    }
    progress.end();
    let loss = loss.unwrap_or(f64::NAN);
    Ok(Some(Trained { network, settings, loss }))
}

/// The learning rate of a step: up from 0, then down along half a cosine.
fn rate(step: usize, steps: usize) -> f64 {
    let warm = ((step + 1) as f64 / WARM_UP as f64).min(1.0);
    let cosine = 0.5 * (1.0 + (std::f64::consts::PI * step as f64 / steps as f64).cos());
    RATE * warm * (LEFT + (1.0 - LEFT) * cosine)
}

/// Network, optimiser and loss of an interrupted training with the same settings.
fn going_on(path: &Path, settings: &Settings, device: Device) -> Result<(Autoencoder, Adam, Option<f64>)> {
    let Kept { network, optimiser, metadata } = Autoencoder::read(path, device)?;
    let (before, loss) = Settings::of(path, *network.design(), &metadata)?;
    if let Some((what, before, now)) = settings.first_difference(&before) {
        return Err(ReconstructError::OtherSettings { path: path.to_owned(), what, before, now }.into());
    }
    let lacking = || ReconstructError::Metadata { path: path.to_owned(), what: "the optimiser" };
    Ok((network, optimiser.ok_or_else(lacking)?, loss))
}

impl Trained {
    /// Reads a finished network.
    pub fn read(path: &Path, device: Device) -> Result<Trained> {
        let Kept { network, metadata, .. } = Autoencoder::read(path, device)?;
        let (settings, loss) = Settings::of(path, *network.design(), &metadata)?;
        Ok(Trained { network, settings, loss: loss.unwrap_or(f64::NAN) })
    }

    /// Writes the network to a set.
    pub fn save(&self, place: &Place) -> Result<()> {
        Ok(self.network.save(&place.network(), None, &self.settings.to_metadata(Some(self.loss)))?)
    }
}

impl Settings {
    /// The first setting that differs from that of `before`: its name, its value there, its value here.
    fn first_difference(&self, before: &Settings) -> Option<(&'static str, String, String)> {
        let faces = |settings: &Settings| format!("{} ({:016x})", settings.faces, settings.pixels);
        let pairs = [
            ("the design", before.design.to_string(), self.design.to_string()),
            ("the number of steps", before.steps.to_string(), self.steps.to_string()),
            ("the seed", before.seed.to_string(), self.seed.to_string()),
            ("the number of faces (and their pixels)", faces(before), faces(self)),
        ];
        pairs.into_iter().find(|(_, before, now)| before != now)
    }

    /// The first setting asked for that is not that of this network.
    pub fn unlike(&self, config: &Config) -> Option<(&'static str, String, String)> {
        let asked = Settings {
            design: config.design.unwrap_or(self.design),
            steps: config.steps.unwrap_or(self.steps),
            seed: config.seed.unwrap_or(self.seed),
            ..*self
        };
        asked.first_difference(self)
    }

    /// Metadata of a network's file.
    fn to_metadata(self, loss: Option<f64>) -> BTreeMap<String, String> {
        let Settings { steps, seed, faces, pixels, .. } = self;
        let told = [
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("steps", steps.to_string()),
            ("seed", seed.to_string()),
            ("faces", faces.to_string()),
            ("pixels", format!("{pixels:016x}")),
        ];
        let loss = loss.map(|loss| ("loss", format!("{loss:?}")));
        told.into_iter().chain(loss).map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// The settings of a network's file, and its loss if it has made a step.
    pub fn of(
        path: &Path,
        design: Design,
        metadata: &BTreeMap<String, String>,
    ) -> Result<(Settings, Option<f64>), ReconstructError> {
        let lacking = |what| move || ReconstructError::Metadata { path: path.to_owned(), what };
        let text = |key: &str| metadata.get(key).map(String::as_str);
        let count = |key: &str| text(key).and_then(|text| text.parse().ok());
        let settings = Settings {
            design,
            steps: count("steps").ok_or_else(lacking("the number of steps"))?,
            seed: text("seed").and_then(|text| text.parse().ok()).ok_or_else(lacking("the seed"))?,
            faces: count("faces").ok_or_else(lacking("the number of faces"))?,
            pixels: text("pixels")
                .and_then(|text| u64::from_str_radix(text, 16).ok())
                .ok_or_else(lacking("the hash of the faces"))?,
        };
        Ok((settings, text("loss").and_then(|text| text.parse().ok())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::autoencoder::{Bottleneck, Loss, Upsampling};
    use crate::progress::Silent;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Asks to stop after so many steps.
    struct StopAfter<'a>(AtomicUsize, &'a Cancel);

    impl Progress for StopAfter<'_> {
        fn begin(&self, _: usize, _: &str) {}
        fn advance(&self, _: &str) {
            if self.0.fetch_sub(1, Ordering::Relaxed) == 1 {
                self.1.request();
            }
        }
        fn note(&self, _: &str) {}
        fn end(&self) {}
    }

    fn faces() -> Faces {
        let square = |seed| RgbImage::from_raw(32, 32, crate::model::fill::image("face", 32, 32, seed));
        Faces { squares: (0..3).map(square).collect(), pixels: 1 }
    }

    fn settings(steps: usize, seed: u64) -> Settings {
        let (up, bottleneck, loss) = (Upsampling::Nearest, Bottleneck::Conv(2), Loss::L1);
        let design = Design { side: 32, up, width: 2, kernel: 3, halvings: 2, bottleneck, loss };
        faces().settings(design, steps, seed)
    }

    #[test]
    fn an_interrupted_training_goes_on_to_the_same_network() {
        let set = tempfile::tempdir().unwrap();
        let place = |name: &str| {
            let place = Place::of(set.path(), name);
            place.claim(false).unwrap();
            place
        };
        let (whole, parts) = (place("whole"), place("parts"));
        let run = |settings, place: &Place, progress: &dyn Progress, cancel: &Cancel| {
            train(&faces(), settings, place, Device::Cpu, progress, cancel)
        };
        let at_once = run(settings(5, 1), &whole, &Silent, &Cancel::new()).unwrap().unwrap();

        let cancel = Cancel::new();
        let stopped = run(settings(5, 1), &parts, &StopAfter(AtomicUsize::new(3), &cancel), &cancel).unwrap();
        assert!(stopped.is_none() && parts.training().exists());
        let refused = run(settings(5, 2), &parts, &Silent, &Cancel::new()).err().unwrap().to_string();
        assert!(refused.contains("the seed was 1") && refused.contains("is 2 now"), "{refused}");
        let further = run(settings(5, 1), &parts, &Silent, &Cancel::new()).unwrap().unwrap();
        assert_eq!(further.loss, at_once.loss);
        assert_eq!(further.network.fingerprint().unwrap(), at_once.network.fingerprint().unwrap());

        further.save(&parts).unwrap();
        let read = Trained::read(&parts.network(), Device::Cpu).unwrap();
        assert_eq!((read.settings, read.loss), (further.settings, further.loss));
        let other = run(settings(5, 2), &whole, &Silent, &Cancel::new()).unwrap().unwrap();
        assert_ne!(other.network.fingerprint().unwrap(), at_once.network.fingerprint().unwrap());
    }

    #[test]
    fn the_rate_rises_and_falls() {
        let rates: Vec<f64> = (0..1000).map(|step| rate(step, 1000)).collect();
        assert!(rates[0] < 0.1 * RATE && rates[100] > 0.9 * RATE && rates[999] < 0.03 * RATE);
        assert!(rates.iter().all(|&rate| rate > 0.0 && rate <= RATE));
    }
}
