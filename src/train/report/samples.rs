//! The first training pairs of a run, as pictures with their masks.

use crate::causes::with_causes;
use crate::page::{Figure, Html, Picture};
use crate::train::first_batch::image_of;
use crate::train::loader::{Loader, LoaderConfig};
use crate::types::RgbImage;
use tch::{Device, Tensor};

/// How many pairs are shown.
const SHOWN: usize = 6;
/// Side of a picture in pixels.
const SIDE: usize = 190;

/// The first pairs of the first epoch, made once more by themselves: what a pair is depends on seed, epoch and position alone,
/// so these are the run's own, also in one that is resumed.
///
/// Fails, in words, when no pair can be made.
pub(super) fn samples(train: &Loader) -> Result<Html, String> {
    let pairs = SHOWN.min(train.config().pairs).min(train.frames().len());
    let settings = LoaderConfig {
        pairs,
        image_size: SIDE,
        threads: 1,
        read_ahead: 1,
        masks: true,
        drop_last: false,
        device: Device::Cpu,
        ..train.config().clone()
    };
    let batch = Loader::new(train.frames().to_vec(), settings).epoch(0, 0).next();
    let batch = batch.ok_or("there are no frames")?.map_err(|error| with_causes(&error))?;
    let picture = |image: RgbImage| Picture::of(&image);
    let mut pieces = Vec::new();
    for (at, frame) in batch.frames.iter().enumerate() {
        let at = at as i64;
        let (real, fake) = (picture(image_of(&batch.real.get(at)))?, picture(image_of(&batch.fake.get(at)))?);
        let mask =
            batch.masks.as_ref().map(|masks| picture(image_of(&coloured(&masks.get(at))))).transpose()?;
        let mut pictures = vec![(&real, "the real face"), (&fake, "the fake made of it")];
        pictures.extend(mask.iter().map(|mask| (mask, "its mask: white where the other image was put in")));
        pieces.push(Figure::of_pictures(pictures, &frame_name(frame)).html());
    }
    let text = "The first pairs of the first epoch: the real face, the fake that was made of it, and the mask, white where another \
                image was blended in. Look whether faces are faces, upright and whole, and whether fakes are plausible.";
    Ok(Html::paragraph(text).with(Html::side_by_side(pieces)))
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
