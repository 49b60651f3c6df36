//! The first training pairs of a run, as pictures with their masks.

use crate::causes::with_causes;
use crate::page::{Figure, Html, Picture};
use crate::train::first_batch::image_of;
use crate::train::loader::{Deal, Loader, LoaderConfig};
use crate::types::RgbImage;
use tch::{Device, Tensor};

/// How many pairs are shown.
const SHOWN: usize = 6;
/// Side of a picture in pixels.
const SIDE: usize = 190;
/// Pixels between two of them.
const GAP: usize = 4;

/// The first pairs of the first epoch, made once more by themselves: what a pair is depends on seed, epoch and position alone,
/// so these are the run's own, also in one that is resumed.
///
/// Fails, in words, when no pair can be made.
pub(super) fn samples(train: &Loader) -> Result<Html, String> {
    let pairs = SHOWN.min(train.frames().len());
    let settings = LoaderConfig {
        pairs,
        image_size: SIDE,
        threads: 1,
        read_ahead: 1,
        masks: true,
        drop_last: false,
        deal: Deal::All,
        device: Device::Cpu,
        ..train.config().clone()
    };
    let batch = train.otherwise(settings).epoch(0, 0).next();
    let batch = batch.ok_or("there are no frames")?.map_err(|error| with_causes(&error))?;
    let mut pieces = Vec::new();
    for (at, frame) in batch.frames.iter().enumerate() {
        let at = at as i64;
        let mask = batch.masks.as_ref().map(|masks| coloured(&masks.get(at)));
        let planes = [Some(batch.real.get(at)), Some(batch.fake.get(at)), mask];
        let images: Vec<RgbImage> = planes.iter().flatten().map(image_of).collect();
        let picture = Picture::of(&beside(&images))?;
        let text = "the real face, the fake made of it, and its mask, white where the other image was put in";
        pieces.push(Figure::of_pictures([(&picture, text)], &frame_name(frame)).html());
    }
    let text = "The first pairs of the first epoch: the real face, the fake that was made of it, and the mask, white where another \
                image was blended in. Look whether faces are faces, upright and whole, and whether fakes are plausible.";
    Ok(Html::paragraph(text).with(Html::side_by_side(pieces)))
}

/// Images of one size in a row: one picture, which keeps together on a small screen.
fn beside(images: &[RgbImage]) -> RgbImage {
    let mut row = RgbImage::filled(images.len() * (SIDE + GAP) - GAP, SIDE, [128; 3]);
    for (at, image) in images.iter().enumerate() {
        row.paste(image, at * (SIDE + GAP), 0);
    }
    row
}

/// A plane `[1, h, w]` as three equal ones.
fn coloured(plane: &Tensor) -> Tensor {
    Tensor::cat(&[plane, plane, plane], 0)
}

/// The video and the frame: the last two names.
fn frame_name(frame: &std::path::Path) -> String {
    let names: Vec<_> = frame.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    names[names.len().saturating_sub(2)..].join("/")
}
