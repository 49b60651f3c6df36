//! Photographs: turned by their headers, cut, in unusual colours, transparent, several in a file, too large.

use png::{BitDepth, ColorType};
use sbi::imaging::{JpegSampling, encoded_jpeg, mirrored};
use sbi::native::libav::PixelFormat;
use sbi::types::RgbImage;
use std::fs::{self, File};
use std::path::Path;

use super::Result;
use super::clip::{Clip, Codec};
use super::pictures::stored_for;
use super::tiff::{Page, tiff};
use super::webp;

const QUALITY: i32 = 90;
/// Orientations by EXIF's numbers: whether the stored image is mirrored, and the quarter turns clockwise that follow.
const ORIENTATIONS: [(u16, bool, usize); 8] = [
    (1, false, 0),
    (2, true, 0),
    (3, false, 2),
    (4, true, 2),
    (5, true, 3),
    (6, false, 1),
    (7, true, 1),
    (8, false, 3),
];
/// Rows from the top that are transparent, with noise below.
const TRANSPARENT: usize = 100;
/// What the program lays under transparent parts.
const GROUND: u8 = 128;

pub fn write(portrait: &RgbImage, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (number, mirror, quarters) in ORIENTATIONS {
        let stored = stored_for(portrait, mirror, quarters)?;
        let name = |extension: &str| folder.join(format!("orientation_{number}.{extension}"));
        fs::write(name("jpg"), jpeg_with_exif(&stored, &exif(number))?)?;
        fs::write(name("webp"), webp::with_exif(&stored, exif(number))?)?;
        fs::write(name("tiff"), tiff(&[page(&stored, number)]))?;
        Png::rgb(&stored).with_exif(exif(number)).write(&name("png"))?;
    }
    let jpeg = fs::read(folder.join("orientation_1.jpg"))?;
    for percent in [30, 50, 90] {
        let name = format!("cut_at_{percent}_percent.jpg");
        fs::write(folder.join(name), &jpeg[..jpeg.len() * percent / 100])?;
    }
    colours(portrait, folder)?;
    transparency(portrait, folder)?;
    let pair = [portrait.clone(), mirrored(portrait)?];
    fs::write(folder.join("moving.webp"), webp::animation(&pair)?)?;
    fs::write(folder.join("two_pages.tiff"), tiff(&pair.each_ref().map(|image| page(image, 1))))?;
    let gif = Codec { encoder: "gif", pixels: PixelFormat::Rgb8, options: &[] };
    Clip::steady(gif, "gif").write(&pair, &folder.join("moving.gif"))?;
    animated_png(&pair, &folder.join("moving.png"))?;
    Ok(fs::write(folder.join("280_megapixels.jpg"), grey_jpeg(20_000, 14_000))?)
}

/// EXIF data that hold an orientation.
fn exif(orientation: u16) -> Vec<u8> {
    let [low, high] = orientation.to_le_bytes();
    [&b"II*\0\x08\0\0\0"[..], b"\x01\0\x12\x01\x03\0\x01\0\0\0", &[low, high, 0, 0], &[0; 4]].concat()
}

fn jpeg_with_exif(image: &RgbImage, exif: &[u8]) -> Result<Vec<u8>> {
    let jpeg = encoded_jpeg(image, QUALITY, JpegSampling::Half)?;
    let content = [b"Exif\0\0", exif].concat();
    let length = (content.len() as u16 + 2).to_be_bytes();
    let (start, rest) = jpeg.split_at(2);
    Ok([start, &[0xff, 0xe1], &length, &content, rest].concat())
}

fn page(image: &RgbImage, orientation: u16) -> Page {
    let (width, height) = (image.width(), image.height());
    Page { width, height, colours: Page::RGB, samples: image.data().to_vec(), orientation }
}

/// A PNG to be written.
struct Png {
    info: png::Info<'static>,
    data: Vec<u8>,
}

impl Png {
    fn rgb(image: &RgbImage) -> Png {
        Png::of(image, ColorType::Rgb, image.data().to_vec())
    }

    /// Eight bits per sample, of the image's size.
    fn of(image: &RgbImage, colours: ColorType, data: Vec<u8>) -> Png {
        let mut info = png::Info::with_size(image.width() as u32, image.height() as u32);
        (info.color_type, info.bit_depth) = (colours, BitDepth::Eight);
        Png { info, data }
    }

    fn with_exif(mut self, exif: Vec<u8>) -> Png {
        self.info.exif_metadata = Some(exif.into());
        self
    }

    fn write(self, path: &Path) -> Result<()> {
        let mut writer = png::Encoder::with_info(File::create(path)?, self.info)?.write_header()?;
        writer.write_image_data(&self.data)?;
        Ok(writer.finish()?)
    }
}

fn colours(portrait: &RgbImage, folder: &Path) -> Result<()> {
    let pixels = portrait.data().as_chunks::<3>().0;
    let grey: Vec<u8> = pixels
        .iter()
        .map(|pixel| (pixel.iter().map(|&value| u32::from(value)).sum::<u32>() / 3) as u8)
        .collect();
    Png::of(portrait, ColorType::Grayscale, grey.clone()).write(&folder.join("grey.png"))?;
    let mut deep =
        Png::of(portrait, ColorType::Grayscale, grey.iter().flat_map(|&value| [value; 2]).collect());
    deep.info.bit_depth = BitDepth::Sixteen;
    deep.write(&folder.join("grey16.png"))?;

    // Six levels of each colour.
    let level = |value: u8| (u16::from(value) * 5 + 127) / 255;
    let places = pixels.iter().map(|p| (36 * level(p[0]) + 6 * level(p[1]) + level(p[2])) as u8).collect();
    let mut palette = Png::of(portrait, ColorType::Indexed, places);
    let entries =
        (0..216_u16).flat_map(|place| [place / 36, place / 6 % 6, place % 6].map(|level| (level * 51) as u8));
    palette.info.palette = Some(entries.collect::<Vec<u8>>().into());
    palette.write(&folder.join("palette.png"))?;

    let inks =
        pixels.iter().flat_map(|&[red, green, blue]| [255 - red, 255 - green, 255 - blue, 0]).collect();
    let page = Page { colours: Page::INKS, samples: inks, ..page(portrait, 1) };
    Ok(fs::write(folder.join("cmyk.tiff"), tiff(&[page]))?)
}

/// Noise that hides under full transparency, and what is to be seen of it.
fn transparency(portrait: &RgbImage, folder: &Path) -> Result<()> {
    let hidden = portrait.width() * TRANSPARENT;
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let mut data = Vec::new();
    for (number, &[red, green, blue]) in portrait.data().as_chunks().0.iter().enumerate() {
        data.extend(if number < hidden { [noise(), noise(), noise(), 0] } else { [red, green, blue, 255] });
    }
    Png::of(portrait, ColorType::Rgba, data).write(&folder.join("noise_under_transparency.png"))?;
    let mut seen = portrait.clone();
    seen.paste(&RgbImage::filled(portrait.width(), TRANSPARENT, [GROUND; 3]), 0, 0);
    Png::rgb(&seen).write(&folder.join("plain_ground.png"))
}

fn animated_png(images: &[RgbImage], path: &Path) -> Result<()> {
    let first = images.first().ok_or("an animation without images")?;
    let mut encoder = png::Encoder::new(File::create(path)?, first.width() as u32, first.height() as u32);
    encoder.set_color(ColorType::Rgb);
    encoder.set_animated(images.len() as u32, 0)?;
    encoder.set_frame_delay(1, 10)?;
    let mut writer = encoder.write_header()?;
    for image in images {
        writer.write_image_data(image.data())?;
    }
    Ok(writer.finish()?)
}

/// A JPEG of one grey, two bits for each block of 8 x 8 pixels: a code of one bit for "no change of brightness", and one
/// of one bit for "nothing else".
fn grey_jpeg(width: u16, height: u16) -> Vec<u8> {
    let segment = |kind: u8, content: &[u8]| {
        [&[0xff, kind][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat()
    };
    let [[w1, w2], [h1, h2]] = [width.to_be_bytes(), height.to_be_bytes()];
    let divisors = [&[0][..], &[16; 64]].concat();
    // One code of one bit, for the value 0.
    let codes = |table: u8| [&[table, 1][..], &[0; 15], &[0]].concat();
    let blocks = usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8);
    [
        &[0xff, 0xd8][..],
        &segment(0xdb, &divisors),
        &segment(0xc0, &[8, h1, h2, w1, w2, 1, 1, 0x11, 0]),
        &segment(0xc4, &codes(0)),
        &segment(0xc4, &codes(0x10)),
        &segment(0xda, &[1, 1, 0, 0, 63, 0]),
        &vec![0; (2 * blocks).div_ceil(8)],
        &[0xff, 0xd9],
    ]
    .concat()
}
