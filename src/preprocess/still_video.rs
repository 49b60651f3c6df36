//! A photograph as a short moving video, in memory: frames of videos are what detectors are asked about.

use crate::blending::codec::{Codec, add_noise};
use crate::causes::with_causes;
use crate::hash::fnv1a64;
use crate::imaging::{shrunk, warped};
use crate::rng::{Purpose, generator};
use crate::types::RgbImage;
use crate::video::recompressed;
use rand::Rng;
use std::path::Path;
use std::sync::OnceLock;

/// Frames of the video that a photograph becomes.
pub const FRAMES: usize = 14;

/// What a record says of photographs that became videos.
pub fn settings(seed: u64) -> String {
    format!("a moving video of {FRAMES} frames (seed {seed})")
}

/// What is drawn for a video.
#[derive(Clone, Debug, PartialEq)]
struct Recipe {
    /// Height in pixels, unless the photograph is lower.
    height: usize,
    /// How far the camera goes from the first frame to the last, in parts of width and height.
    pan: [f64; 2],
    /// How far it turns, in degrees.
    turn: f64,
    /// By which factor it zooms.
    zoom: f64,
    /// Standard deviation of the sensor's noise in steps of brightness, and what it is drawn from.
    noise: (f64, u64),
    /// The codecs that it goes through, one or two.
    codecs: Vec<Codec>,
}

impl Recipe {
    /// What the name of a file gives, whatever else is prepared.
    fn draw(seed: u64, name: &str) -> Recipe {
        const TWICE: f64 = 0.25;
        let mut rng = generator(seed, 0, fnv1a64(name.as_bytes()), Purpose::StillVideo);
        let height = rng.random_range(240..=600);
        let pan = [(); 2].map(|()| rng.random_range(-0.08..0.08));
        let turn = rng.random_range(-3.0..3.0);
        let zoom = rng.random_range(0.97..1.06);
        let noise = (rng.random_range(0.0..2.0), rng.random());
        let mut codecs = Vec::with_capacity(2);
        if rng.random_bool(TWICE) {
            codecs.push(Codec::drawn_better(&mut rng));
        }
        codecs.push(Codec::drawn(&mut rng));
        Recipe { height, pan, turn, zoom, noise, codecs }
    }

    /// The frames at the positions `wanted`, which are in order.
    fn frames(&self, still: &RgbImage, wanted: &[usize]) -> Result<Vec<RgbImage>, String> {
        let scale = (self.height as f64 / still.height() as f64).min(1.0);
        let side = |side: usize| ((side as f64 * scale).round() as usize).max(1);
        // By area first, so that nothing aliases.
        let small =
            shrunk(still, side(still.width()), side(still.height())).map_err(|error| with_causes(&error))?;
        // What comes after the last wanted frame is there too: encoders look ahead.
        let frames = (0..FRAMES).map(|position| {
            let mut frame = self.seen_at(position, &small)?;
            add_noise(&mut frame, self.noise.0, self.noise.1, position as u64);
            Ok(frame)
        });
        let frames = frames.collect::<Result<Vec<_>, crate::imaging::Error>>();
        let mut frames = frames.map_err(|error| with_causes(&error))?;
        for codec in &self.codecs {
            frames = recompressed(&frames, &codec.compression(), 0..FRAMES)
                .map_err(|error| with_causes(&error))?;
        }
        Ok(wanted.iter().map(|&position| frames[position].clone()).collect())
    }

    /// The image under the camera at a frame; mirrored beyond its edges.
    fn seen_at(&self, position: usize, image: &RgbImage) -> Result<RgbImage, crate::imaging::Error> {
        let (width, height) = (image.width(), image.height());
        // From -0.5 to 0.5.
        let time = position as f64 / (FRAMES - 1) as f64 - 0.5;
        let zoom = 1.0 + (self.zoom - 1.0) * time;
        let (sin, cos) = (self.turn * time).to_radians().sin_cos();
        let (a, b) = (zoom * cos, zoom * sin);
        let (x, y) = ((width as f64 - 1.0) / 2.0, (height as f64 - 1.0) / 2.0);
        let [pan_x, pan_y] = [self.pan[0] * width as f64 * time, self.pan[1] * height as f64 * time];
        let matrix = [[a, -b, x - a * x + b * y + pan_x], [b, a, y - b * x - a * y + pan_y]];
        warped(image, matrix, width, height)
    }
}

/// The video that one photograph becomes, made when its first frame is asked for.
pub struct StillVideo {
    still: RgbImage,
    recipe: Recipe,
    wanted: Vec<usize>,
    frames: OnceLock<Result<Vec<RgbImage>, String>>,
}

impl StillVideo {
    /// Of the photograph in the file `path`, of which the frames at the positions `wanted` will be asked for. The seed and
    /// the file's name decide what it looks like.
    pub fn new(still: RgbImage, path: &Path, seed: u64, wanted: Vec<usize>) -> StillVideo {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        StillVideo { still, recipe: Recipe::draw(seed, &name), wanted, frames: OnceLock::new() }
    }

    /// The frame at a position that is wanted; the reason where the video cannot be made.
    pub fn frame(&self, position: usize) -> Result<RgbImage, String> {
        let made = self.frames.get_or_init(|| self.recipe.frames(&self.still, &self.wanted));
        let at = self.wanted.iter().position(|&wanted| wanted == position);
        let at = at.ok_or_else(|| format!("frame {position} was not asked for"))?;
        made.as_ref().map(|frames| frames[at].clone()).map_err(String::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blending::testing::frame;

    #[test]
    fn name_and_seed_alone_decide_what_a_video_looks_like() {
        let still = frame(320, 250);
        let made = |path: &str, seed, wanted: &[usize]| {
            let video = StillVideo::new(still.clone(), Path::new(path), seed, wanted.to_vec());
            wanted.iter().map(|&position| video.frame(position).unwrap()).collect::<Vec<_>>()
        };
        let all = made("a/face.jpg", 5, &[0, 6, 13]);
        assert_eq!(all, made("b/face.jpg", 5, &[0, 6, 13]));
        assert_eq!(all[1..2], made("a/face.jpg", 5, &[6])[..]);
        assert_ne!(all, made("a/face.jpg", 6, &[0, 6, 13]));
        assert_ne!(all[0], made("a/other.jpg", 5, &[0])[0]);
        assert_ne!(all[0], all[2]);
        let unasked = StillVideo::new(still.clone(), Path::new("x"), 5, vec![0]).frame(3);
        assert_eq!(unasked, Err("frame 3 was not asked for".to_owned()));
    }

    #[test]
    fn the_camera_moves_about_the_middle_of_the_photograph() {
        let plain = Recipe { pan: [0.0; 2], turn: 0.0, zoom: 1.0, noise: (0.0, 0), ..Recipe::draw(1, "x") };
        let still = frame(100, 80);
        assert_eq!(plain.seen_at(0, &still).unwrap(), still);
        let panned = Recipe { pan: [0.1, 0.0], ..plain.clone() };
        // From five pixels to the left to five to the right.
        let first = panned.seen_at(0, &still).unwrap();
        assert_eq!(first.pixel(20, 30), still.pixel(25, 30));
        assert_eq!(panned.seen_at(13, &still).unwrap().pixel(20, 30), still.pixel(15, 30));
        let high = Recipe { height: 240, ..plain };
        let frames = high.frames(&frame(600, 480), &[2]).unwrap();
        assert_eq!((frames.len(), frames[0].width(), frames[0].height()), (1, 300, 240));
    }
}
