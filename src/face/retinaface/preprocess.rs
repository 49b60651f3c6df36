//! From a frame to the network's input.

use crate::engine::Images;
use crate::imaging;
use crate::model::RetinaFaceBody;
use crate::model::input::IMAGENET;
use crate::types::RgbImage;
use rayon::prelude::*;
use std::borrow::Cow;

/// What the MobileNet form subtracts, in 0..255, per channel of its BGR input.
const MOBILENET_BGR: [f32; 3] = [104.0, 117.0, 123.0];

/// Height and width with the longest side at `max_size`, also upwards; halves go to the even number.
pub fn resized_shape(height: usize, width: usize, max_size: usize) -> (usize, usize) {
    let scale = max_size as f64 / height.max(width) as f64;
    let scaled = |side: usize| ((side as f64 * scale).round_ties_even() as usize).max(1);
    (scaled(height), scaled(width))
}

/// A frame as the network takes it.
pub struct Input {
    /// Normalised pixels, `[height, width, 3]`, flat.
    pub hwc: Vec<f32>,
    /// How many rows.
    pub height: usize,
    /// How many columns.
    pub width: usize,
}

/// Rows and columns of the network's input for this frame.
pub fn input_size(image: &RgbImage, max_size: Option<usize>) -> (usize, usize) {
    let own = (image.height(), image.width());
    max_size.map_or(own, |size| resized_shape(own.0, own.1, size))
}

/// Resizes (bilinear, 8-bit) where `max_size` asks for it, then normalises as the network was trained.
pub fn prepare(
    image: &RgbImage,
    body: RetinaFaceBody,
    max_size: Option<usize>,
) -> Result<Input, imaging::Error> {
    let (height, width) = input_size(image, max_size);
    let prepared = PreparedImages::new(&[image], body, (height, width))?;
    let mut hwc = vec![0.0; height * width * 3];
    hwc.chunks_exact_mut(width * 3).enumerate().for_each(|(y, row)| prepared.write_row(0, y, row));
    Ok(Input { hwc, height, width })
}

/// Frames of one size, resized, and normalised as they are asked for.
pub struct PreparedImages<'a> {
    images: Vec<Cow<'a, RgbImage>>,
    size: (usize, usize),
    tables: [[f32; 256]; 3],
    bgr: bool,
}

impl<'a> PreparedImages<'a> {
    /// Resizes the frames to `size`, rows and columns (bilinear, 8-bit), where they have another size.
    pub fn new(
        images: &[&'a RgbImage],
        body: RetinaFaceBody,
        size: (usize, usize),
    ) -> Result<Self, imaging::Error> {
        let (height, width) = size;
        let resized = |image: &&'a RgbImage| match (image.height(), image.width()) == size {
            true => Ok(Cow::Borrowed(*image)),
            false => imaging::resized(image, width, height).map(Cow::Owned),
        };
        let images = images.par_iter().map(resized).collect::<Result<_, _>>()?;
        Ok(PreparedImages { images, size, tables: tables(body), bgr: body == RetinaFaceBody::MobileNet025 })
    }
}

impl Images for PreparedImages<'_> {
    fn count(&self) -> usize {
        self.images.len()
    }

    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn channels(&self) -> usize {
        3
    }

    fn write_row(&self, image: usize, y: usize, row: &mut [f32]) {
        let pixels = &self.images[image].data()[y * row.len()..][..row.len()];
        let [first, second, third] = &self.tables;
        for (out, rgb) in row.chunks_exact_mut(3).zip(pixels.chunks_exact(3)) {
            let [a, b] = if self.bgr { [rgb[2], rgb[0]] } else { [rgb[0], rgb[2]] };
            out[0] = first[usize::from(a)];
            out[1] = second[usize::from(rgb[1])];
            out[2] = third[usize::from(b)];
        }
    }
}

/// The normalised value of each of the 256 grey levels, per channel of the network's input.
fn tables(body: RetinaFaceBody) -> [[f32; 256]; 3] {
    std::array::from_fn(|channel| {
        std::array::from_fn(|level| match body {
            RetinaFaceBody::ResNet50 => {
                let (mean, deviation) = (IMAGENET.0[channel], IMAGENET.1[channel]);
                (level as f32 - mean * 255.0) * (1.0 / (deviation * 255.0))
            }
            RetinaFaceBody::MobileNet025 => level as f32 - MOBILENET_BGR[channel],
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_round_halves_to_even() {
        assert_eq!(resized_shape(720, 1280, 2048), (1152, 2048));
        assert_eq!(resized_shape(1920, 1080, 2048), (2048, 1152));
        assert_eq!(resized_shape(5, 4, 2), (2, 2));
        assert_eq!(resized_shape(3, 4, 2), (2, 2));
        assert_eq!(resized_shape(1, 5000, 2048), (1, 2048));
    }

    #[test]
    fn the_small_network_sees_blue_first() {
        let image = RgbImage::from_raw(1, 1, vec![200, 150, 100]);
        let input = prepare(&image, RetinaFaceBody::MobileNet025, None).unwrap();
        assert_eq!(input.hwc, [100.0 - 104.0, 150.0 - 117.0, 200.0 - 123.0]);
    }
}
