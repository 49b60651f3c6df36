//! Face crops as a forgery detector's network takes them.

use super::views::control_of;
use super::{Error, InputSpec, Resize, Views};
use crate::engine::Images;
use crate::imaging::{resized_cubic, write_planes};
use crate::types::RgbImage;
use rayon::prelude::*;
use std::borrow::Cow;
use std::{iter, mem};
use tch::{TchError, Tensor};

/// Crops that are normalised row by row, where the network reads them.
pub(crate) struct CropImages<'c> {
    crops: Vec<CropPixels<'c>>,
    shown: Vec<Shown>,
    input: InputSpec,
    /// The normalised value of each of the 256 levels, per channel.
    levels: [[f32; 256]; 3],
}

enum CropPixels<'c> {
    /// A crop of the side that the network expects.
    Bytes(Cow<'c, RgbImage>),
    /// `[3, side, side]`, 0..1.
    Resized(Vec<f32>),
}

/// An image that the network gets: a crop, by its number.
struct Shown {
    crop: usize,
    /// Whether left and right change places, which only resized crops' do.
    mirrored: bool,
}

impl<'c> CropImages<'c> {
    /// Crops of another side than the weights expect are resized, a crop per thread.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn new(crops: &[&'c RgbImage], input: InputSpec) -> Result<Self, Error> {
        let side = input.side as usize;
        let pixels = |crop: &&'c RgbImage| -> Result<CropPixels<'c>, Error> {
            Ok(match input.resize {
                _ if (crop.width(), crop.height()) == (side, side) => CropPixels::Bytes(Cow::Borrowed(*crop)),
                Resize::Area => CropPixels::Resized(tch::no_grad(|| resized_planes(crop, input.side))?),
                Resize::Cubic => CropPixels::Bytes(Cow::Owned(resized_cubic(crop, side, side)?)),
            })
        };
        Ok(Self::of(crops.par_iter().map(pixels).collect::<Result<_, _>>()?, input))
    }

    /// All views at crops, in the order of [`Views::images`].
    ///
    /// Fails when libtorch runs out of memory.
    pub fn with_views(crops: &[&'c RgbImage], input: InputSpec, views: Views) -> Result<Self, Error> {
        if views.is_plain() {
            return Self::new(crops, input);
        }
        let side = input.side;
        let planes_of = |crop: &&'c RgbImage| -> Result<Vec<f32>, Error> {
            let _no_grad = tch::no_grad_guard();
            Ok(match input.resize {
                Resize::Area => resized_planes(crop, side)?,
                Resize::Cubic => {
                    let mut planes = vec![0.0; 3 * (side * side) as usize];
                    write_planes(&resized_cubic(crop, side as usize, side as usize)?, &mut planes);
                    planes
                }
            })
        };
        let controls: Vec<_> = views.controls().map(|(blurred, _)| (blurred, blurred.place(side))).collect();
        // A crop per thread: this takes libtorch as long as a tenth of what the network takes.
        let looks = |crop: &&'c RgbImage| -> Result<Vec<Vec<f32>>, Error> {
            let planes = planes_of(crop)?;
            let of = |(blurred, place): &(_, Vec<f32>)| control_of(&planes, side, place, *blurred);
            let controls = controls.iter().map(of).collect::<Result<Vec<_>, _>>()?;
            Ok(iter::once(planes).chain(controls).collect())
        };
        let mut looks = crops.par_iter().map(looks).collect::<Result<Vec<_>, _>>()?;
        // First all crops, then all controls of one kind, then those of the other.
        let mut resized = Vec::with_capacity(looks.len() * (1 + controls.len()));
        for kind in 0..=controls.len() {
            resized.extend(looks.iter_mut().map(|of| CropPixels::Resized(mem::take(&mut of[kind]))));
        }
        let mut images = Self::of(resized, input);
        if views.mirrored {
            let mirrored = (0..crops.len()).map(|crop| Shown { crop, mirrored: true });
            images.shown.splice(crops.len()..crops.len(), mirrored);
        }
        Ok(images)
    }

    /// Each crop as it is.
    fn of(crops: Vec<CropPixels<'c>>, input: InputSpec) -> Self {
        let level = |channel, level| input.normalisation.value(channel, level as f32 / 255.0);
        let levels = std::array::from_fn(|channel| std::array::from_fn(|value| level(channel, value)));
        let shown = (0..crops.len()).map(|crop| Shown { crop, mirrored: false }).collect();
        CropImages { crops, shown, input, levels }
    }
}

impl Images for CropImages<'_> {
    fn count(&self) -> usize {
        self.shown.len()
    }

    fn size(&self) -> (usize, usize) {
        (self.input.side as usize, self.input.side as usize)
    }

    fn channels(&self) -> usize {
        3
    }

    fn write_row(&self, image: usize, y: usize, row: &mut [f32]) {
        let Shown { crop, mirrored } = self.shown[image];
        match &self.crops[crop] {
            CropPixels::Bytes(crop) => {
                let pixels = &crop.data()[y * row.len()..][..row.len()];
                let [red, green, blue] = &self.levels;
                for (out, rgb) in row.chunks_exact_mut(3).zip(pixels.chunks_exact(3)) {
                    out[0] = red[usize::from(rgb[0])];
                    out[1] = green[usize::from(rgb[1])];
                    out[2] = blue[usize::from(rgb[2])];
                }
            }
            CropPixels::Resized(planes) => {
                let side = row.len() / 3;
                for (channel, plane) in planes.chunks_exact(side * side).enumerate() {
                    let values = &plane[y * side..][..side];
                    let normal = |&value: &f32| self.input.normalisation.value(channel, value);
                    let outs = row[channel..].iter_mut().step_by(3);
                    match mirrored {
                        true => outs.zip(values.iter().rev()).for_each(|(out, value)| *out = normal(value)),
                        false => outs.zip(values).for_each(|(out, value)| *out = normal(value)),
                    }
                }
            }
        }
    }
}

/// A crop as forgery detectors take it that expect another side than its own: `[3, side, side]`, 0..1, resized bilinearly
/// over the area that a new pixel covers.
///
/// Fails when libtorch runs out of memory.
pub(crate) fn resized_planes(crop: &RgbImage, side: i64) -> Result<Vec<f32>, TchError> {
    let (width, height) = (crop.width(), crop.height());
    let mut planes = vec![0.0; 3 * width * height];
    write_planes(crop, &mut planes);
    let x = Tensor::f_from_slice(&planes)?.f_view([1, 3, height as i64, width as i64])?;
    let resized = x.f_internal_upsample_bilinear2d_aa([side, side], false, None, None)?;
    Vec::<f32>::try_from(resized.f_contiguous()?.f_view([-1])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Normalisation;
    use crate::model::fill::uniform;
    use tch::Kind;

    /// Crops as libtorch brings them to `[n, 3, side, side]`.
    fn by_libtorch(crops: &[&RgbImage], input: InputSpec) -> Tensor {
        let one = |crop: &&RgbImage| {
            let side = crop.width() as i64;
            let bytes = Tensor::from_slice(&crop.to_planes()).view([1, 3, side, side]);
            let x = bytes.to_kind(Kind::Float) / 255.0;
            match side == input.side {
                true => x,
                false => x.internal_upsample_bilinear2d_aa([input.side; 2], false, None, None),
            }
        };
        input.normalisation.apply(&Tensor::cat(&crops.iter().map(one).collect::<Vec<_>>(), 0))
    }

    #[test]
    fn all_views_have_the_bits_that_libtorch_gives() {
        const SIDE: usize = 40;
        let crop = |seed| {
            let values = uniform("face", seed, 3 * SIDE * SIDE).map(|value| (value * 256.0) as u8);
            RgbImage::from_raw(SIDE, SIDE, values.collect())
        };
        let crops = [crop(1), crop(2), crop(3)];
        let crops: Vec<&RgbImage> = crops.iter().collect();
        let input = InputSpec { side: 31, ..InputSpec::default() };
        for (mirrored, inner_control, outer_control) in
            [(true, 0.4, 0.0), (true, 0.0, 0.0), (false, 0.0, 0.3), (true, 0.4, 0.3)]
        {
            let views = Views { mirrored, inner_control, outer_control, ..Views::default() };
            let planes = crops.iter().map(|crop| resized_planes(crop, 31).unwrap()).collect::<Vec<_>>();
            let batch = Tensor::from_slice(&planes.concat()).view([3, 3, 31, 31]);
            let expected = input.normalisation.apply(&views.images(&batch).unwrap());
            let expected =
                Vec::<f32>::try_from(expected.permute([0, 2, 3, 1]).contiguous().view([-1])).unwrap();
            let images = CropImages::with_views(&crops, input, views).unwrap();
            assert_eq!(images.count(), 3 * views.count() as usize);
            let mut rows = vec![0.0; expected.len()];
            for (number, row) in rows.chunks_exact_mut(3 * 31).enumerate() {
                images.write_row(number / 31, number % 31, row);
            }
            assert!(rows == expected, "{views:?}");
        }
    }

    #[test]
    fn rows_have_the_bits_that_libtorch_gives() {
        const SIDE: usize = 40;
        let crop = |seed| {
            let values = uniform("face", seed, 3 * SIDE * SIDE).map(|value| (value * 256.0) as u8);
            RgbImage::from_raw(SIDE, SIDE, values.collect())
        };
        let (one, other) = (crop(1), crop(2));
        for normalisation in Normalisation::ALL {
            for side in [40, 31, 64] {
                let input = InputSpec { normalisation, side, ..InputSpec::default() };
                let images = CropImages::new(&[&one, &other], input).unwrap();
                let row_floats = 3 * side as usize;
                let mut rows = vec![0.0; 2 * side as usize * row_floats];
                for (number, row) in rows.chunks_exact_mut(row_floats).enumerate() {
                    images.write_row(number / side as usize, number % side as usize, row);
                }
                let expected = by_libtorch(&[&one, &other], input).permute([0, 2, 3, 1]).contiguous();
                let expected = Vec::<f32>::try_from(expected.view([-1])).unwrap();
                assert!(rows == expected, "{normalisation:?} at {side}");
            }
        }
    }
}
