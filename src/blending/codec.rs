//! What being a video does to both images of a pair alike: they come out of an encoder.
//!
//! Not part of the published training, which has compressed videos to learn from: whoever trains on photographs would
//! else take the marks of compression for those of forgery. Each image becomes the frame of a short group that moves as
//! under a camera, goes through a real encoder and decoder, once or twice, and is cut out again.

mod draw;
mod moving;

pub use draw::ENCODERS;
pub use moving::add_noise;

use super::Error;
use crate::imaging;
use crate::types::{RgbImage, Window};
use crate::video::{Compression, recompressed};
use serde::{Deserialize, Serialize};

/// A short video that both images of a pair go through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodecStep {
    /// What is left of both sides before the first encoding, 0.35..1, or 1; pixels are averaged over the area that a new
    /// one covers. Never so little that a side falls below [`CodecStep::SMALLEST`].
    pub scale: f64,
    /// Columns and rows of the frame before the image, 0..=15: where the image lies in the encoder's blocks.
    pub offset: [usize; 2],
    /// Frames before the one that is looked at, 0..=3: with none it is coded without prediction.
    pub before: usize,
    /// Frames after it, 0 or 1: with one it may be predicted from both sides.
    pub after: usize,
    /// How the group moves.
    pub motion: Motion,
    /// The encodings, one or two, in their order.
    pub encodings: Vec<Encoding>,
}

/// How the frames of a group differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Motion {
    /// Pixels from frame to frame, right and down; halves of them, from -3 to 3.
    pub step: [f64; 2],
    /// Factor of the size from frame to frame, 0.99..1.01.
    pub zoom: f64,
    /// Standard deviation of the sensor's noise in steps of brightness, 0..2; every frame has noise of its own.
    pub noise: f64,
    /// What the noise is drawn from.
    pub noise_seed: u64,
}

/// One way through an encoder.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoding {
    /// Factor by which both sides are resized before, as platforms do; 1: not at all.
    pub resized: f64,
    /// What encodes.
    pub codec: Codec,
}

/// A codec with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Codec {
    /// H.264.
    H264 {
        /// How thoroughly it searches.
        preset: Preset,
        /// Constant rate factor, 18..=38: the higher, the worse.
        crf: u32,
        /// Whether frames may be predicted from both sides, where the preset does so.
        b_frames: bool,
    },
    /// MPEG-4 part 2, as DivX and Xvid wrote it.
    Mpeg4 {
        /// Quantiser, 2..=14: the higher, the worse.
        quantiser: u32,
    },
    /// HEVC.
    Hevc {
        /// Constant rate factor, 20..=38.
        crf: u32,
    },
    /// VP9, as it is encoded while one films.
    Vp9 {
        /// Quality, 24..=56: the higher, the worse.
        quality: u32,
    },
    /// VP8.
    Vp8 {
        /// Quantiser, 8..=48.
        quantiser: u32,
    },
    /// Motion JPEG: every frame by itself.
    Mjpeg {
        /// Quantiser, 2..=10.
        quantiser: u32,
    },
}

/// How thoroughly H.264 is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "x264's own names")]
pub enum Preset {
    Ultrafast,
    Superfast,
    Veryfast,
    Faster,
    Fast,
    Medium,
}

impl CodecStep {
    /// The shortest side in pixels that an image is shrunk to: of smaller faces detectors tell nothing.
    pub const SMALLEST: usize = 64;
    /// Pixels around the image that belong to the frame, after shrinking, where there are any: what moves in.
    const AROUND: f64 = 6.0;

    /// The part of an image of `width` x `height` that is compressed so that the pixels of `crop` can be cut out.
    pub fn needed(&self, crop: Window, width: usize, height: usize) -> Window {
        let scale = self.scale_of(crop.width(), crop.height());
        // Whole pixels after shrinking, so that the crop's corner falls on one.
        let margin =
            |there: usize| ((there as f64 * scale).floor().min(Self::AROUND) / scale).floor() as usize;
        Window {
            y0: crop.y0 - margin(crop.y0),
            y1: crop.y1 + margin(height - crop.y1),
            x0: crop.x0 - margin(crop.x0),
            x1: crop.x1 + margin(width - crop.x1),
        }
    }

    fn scale_of(&self, width: usize, height: usize) -> f64 {
        self.scale.max(Self::SMALLEST as f64 / width.min(height) as f64).min(1.0)
    }

    /// What of `image`, which is the part that [`CodecStep::needed`] names, is seen in `crop` after all encodings.
    /// The result has another size than the crop.
    pub fn apply(&self, image: &RgbImage, crop: Window) -> Result<RgbImage, Error> {
        let scale = self.scale_of(crop.width(), crop.height());
        let (small, mut crop) = scaled(image, crop, scale)?;
        let mut frames = self.frames(&small)?;
        crop = shifted(crop, self.offset);
        for (number, encoding) in self.encodings.iter().enumerate() {
            let mut resized = None;
            for frame in &mut frames {
                let (image, window) = scaled(frame, crop, encoding.resized)?;
                *frame = image;
                resized = Some(window);
            }
            crop = resized.unwrap_or(crop);
            let at = self.before.min(frames.len() - 1);
            let last = number + 1 == self.encodings.len();
            let wanted = if last { at..at + 1 } else { 0..frames.len() };
            frames = recompressed(&frames, &encoding.codec.compression(), wanted)?;
        }
        Ok(frames[0].cropped(crop))
    }

    /// The group: the image in its place, with what comes before and after.
    fn frames(&self, image: &RgbImage) -> Result<Vec<RgbImage>, Error> {
        let from = -(self.before as i32);
        let frames = (from..=self.after as i32).map(|time| {
            let mut frame = self.motion.seen_at(time, image, self.offset)?;
            let Motion { noise, noise_seed, .. } = self.motion;
            add_noise(&mut frame, noise, noise_seed, time.rem_euclid(16) as u64);
            Ok(frame)
        });
        frames.collect()
    }
}

/// The image and where `crop` lies in it after both sides have been multiplied by `factor`.
fn scaled(image: &RgbImage, crop: Window, factor: f64) -> Result<(RgbImage, Window), imaging::Error> {
    if factor == 1.0 {
        return Ok((image.clone(), crop));
    }
    let side = |side: usize| ((side as f64 * factor).round() as usize).max(1);
    let (width, height) = (side(image.width()), side(image.height()));
    let resize = if factor < 1.0 { imaging::shrunk } else { imaging::resized };
    let image = resize(image, width, height)?;
    let span = |low: usize, high: usize, side: usize| {
        let low = ((low as f64 * factor).round() as usize).min(side - 1);
        (low, ((high as f64 * factor).round() as usize).clamp(low + 1, side))
    };
    let ((x0, x1), (y0, y1)) = (span(crop.x0, crop.x1, width), span(crop.y0, crop.y1, height));
    Ok((image, Window { y0, y1, x0, x1 }))
}

fn shifted(window: Window, [x, y]: [usize; 2]) -> Window {
    Window { y0: window.y0 + y, y1: window.y1 + y, x0: window.x0 + x, x1: window.x1 + x }
}

impl Codec {
    /// What has to be told to the encoder.
    pub fn compression(&self) -> Compression {
        let text = |value: u32| value.to_string();
        let mut full_range = false;
        let fixed = |quantiser: u32| {
            // FFmpeg counts a quantiser in parts of 118.
            vec![("flags", "+qscale".to_owned()), ("global_quality", text(quantiser * 118))]
        };
        // For VP8 a positive number lets the clock decide how thoroughly it searches.
        let realtime =
            |speed: &str| vec![("deadline", "realtime".to_owned()), ("cpu-used", speed.to_owned())];
        let (encoder, options) = match *self {
            Codec::H264 { preset, crf, b_frames } => {
                let mut options = vec![("preset", preset.name().to_owned()), ("crf", text(crf))];
                // With its tree of macroblocks x264 gives other bytes now and then, as if it read memory that nobody
                // wrote.
                options.push(("x264-params", "mbtree=0".to_owned()));
                if !b_frames {
                    options.push(("bf", "0".to_owned()));
                }
                ("libx264", options)
            }
            Codec::Mpeg4 { quantiser } => ("mpeg4", fixed(quantiser)),
            Codec::Hevc { crf } => {
                let alone = "log-level=none:pools=none:frame-threads=1:wpp=0:rc-lookahead=3:bframes=2";
                let options = [("preset", "ultrafast"), ("x265-params", alone)];
                let mut options: Vec<_> = options.map(|(name, value)| (name, value.to_owned())).into();
                options.push(("crf", text(crf)));
                ("libx265", options)
            }
            Codec::Vp9 { quality } => {
                let constant =
                    [("crf", text(quality)), ("b", "0".to_owned()), ("lag-in-frames", "0".to_owned())];
                ("libvpx-vp9", realtime("8").into_iter().chain(constant).collect())
            }
            Codec::Vp8 { quantiser } => {
                let fixed =
                    [("qmin", text(quantiser)), ("qmax", text(quantiser)), ("b", "1000000".to_owned())];
                ("libvpx", realtime("-8").into_iter().chain(fixed).collect())
            }
            Codec::Mjpeg { quantiser } => {
                full_range = true;
                ("mjpeg", fixed(quantiser))
            }
        };
        Compression { encoder, options, full_range }
    }

    /// The codec and its settings in a few words.
    pub fn described(&self) -> String {
        match *self {
            Codec::H264 { preset, crf, b_frames } => {
                let b_frames = if b_frames { "" } else { " without B-frames" };
                format!("H.264 {} crf {crf}{b_frames}", preset.name())
            }
            Codec::Mpeg4 { quantiser } => format!("MPEG-4 quantiser {quantiser}"),
            Codec::Hevc { crf } => format!("HEVC crf {crf}"),
            Codec::Vp9 { quality } => format!("VP9 crf {quality}"),
            Codec::Vp8 { quantiser } => format!("VP8 quantiser {quantiser}"),
            Codec::Mjpeg { quantiser } => format!("MJPEG quantiser {quantiser}"),
        }
    }
}

impl CodecStep {
    /// What is done, in a line.
    pub fn described(&self) -> String {
        let encodings = self.encodings.iter().map(|encoding| match encoding.resized {
            1.0 => encoding.codec.described(),
            factor => format!("resized by {factor:.2}, {}", encoding.codec.described()),
        });
        let encodings = encodings.collect::<Vec<_>>().join(", then ");
        let Motion { step: [x, y], zoom, noise, .. } = self.motion;
        format!(
            "video at {:.2} of its size, frame {} of {}, moving {x:+.1} {y:+.1} px, zoom {zoom:.3}, noise {noise:.1}: {encodings}",
            self.scale,
            self.before + 1,
            self.before + 1 + self.after,
        )
    }
}

impl Preset {
    /// All of them, the least thorough first.
    pub const ALL: [Preset; 6] = [
        Preset::Ultrafast,
        Preset::Superfast,
        Preset::Veryfast,
        Preset::Faster,
        Preset::Fast,
        Preset::Medium,
    ];

    fn name(self) -> &'static str {
        match self {
            Preset::Ultrafast => "ultrafast",
            Preset::Superfast => "superfast",
            Preset::Veryfast => "veryfast",
            Preset::Faster => "faster",
            Preset::Fast => "fast",
            Preset::Medium => "medium",
        }
    }
}

#[cfg(test)]
mod tests;
