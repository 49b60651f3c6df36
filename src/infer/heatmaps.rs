//! Sheets that show where in a face a score comes from.

use super::marks::TitledFace;
use super::output_folder::OutputFolder;
use super::{Judge, NEUTRAL_SCORE};
use crate::Result;
use crate::imaging::{self, draw_text, resized, write_image};
use crate::model::{EvidenceMap, ForgeryDetector};
use crate::types::RgbImage;
use std::path::Path;

/// Faces on a sheet.
pub(super) const FACES: usize = 8;
const COLUMNS: usize = 2;
/// Side of an image on the sheet, space between, and height of a line of text, in pixels.
const TILE: usize = 228;
const GAP: usize = 8;
const LINE: usize = 22;
const TEXT: f64 = 10.0;
const PAGE: [u8; 3] = [24, 24, 28];
/// How much of the colour covers the face where a position says most.
const COVER: f32 = 0.6;
/// Log odds from which on a position has its full colour: 20 to 1 for one side.
const FULL: f32 = 3.0;
const FAKE: [f32; 3] = [235.0, 40.0, 40.0];
const REAL: [f32; 3] = [40.0, 110.0, 235.0];

/// The folder that sheets go to.
pub(super) struct SheetFolder(OutputFolder);

impl SheetFolder {
    /// Makes the folder; fails when it cannot be made.
    pub fn create<'a>(folder: &Path, inputs: impl Iterator<Item = &'a Path>) -> Result<Self> {
        Ok(SheetFolder(OutputFolder::create(folder, inputs, |_| "_heatmap.png")?))
    }

    /// Writes the sheet of input `number`; without a face there is none.
    pub fn write(
        &self,
        number: usize,
        forgery_detector: &ForgeryDetector,
        judge: Option<Judge>,
        faces: &[TitledFace],
    ) -> Result<()> {
        if faces.is_empty() {
            return Ok(());
        }
        let crops: Vec<&RgbImage> = faces.iter().map(|face| face.crop).collect();
        let maps = forgery_detector.evidence(&crops)?;
        Ok(write_image(&self.0.file(number), &sheet(faces, &maps, border(judge))?)?)
    }
}

/// Log odds at which colours turn: where verdicts do. Thresholds of 0 and 1 have no logarithm.
fn border(judge: Option<Judge>) -> f32 {
    const EDGE: f64 = 1e-4;
    let threshold = judge.map_or(NEUTRAL_SCORE, |judge| judge.threshold).clamp(EDGE, 1.0 - EDGE);
    (threshold / (1.0 - threshold)).ln() as f32
}

/// Each crop at a side of [`TILE`] pixels, and beside it the same with its map over it.
pub(super) fn tiles(
    forgery_detector: &ForgeryDetector,
    judge: Option<Judge>,
    crops: &[&RgbImage],
) -> Result<Vec<(RgbImage, RgbImage)>> {
    let maps = if crops.is_empty() { Vec::new() } else { forgery_detector.evidence(crops)? };
    let tile = |(crop, map): (&&RgbImage, &EvidenceMap)| {
        let crop = resized(crop, TILE, TILE)?;
        let map = coloured(&crop, map, border(judge));
        Ok((crop, map))
    };
    crops.iter().zip(&maps).map(tile).collect()
}

/// Faces with their maps beside them, in their order.
fn sheet(
    faces: &[TitledFace],
    maps: &[EvidenceMap],
    border: f32,
) -> std::result::Result<RgbImage, imaging::Error> {
    let columns = faces.len().min(COLUMNS);
    let (cell_width, cell_height) = (2 * TILE + GAP, LINE + TILE + GAP);
    let width = GAP + columns * (cell_width + GAP);
    let legend = LINE + GAP;
    let rows = faces.len().div_ceil(columns);
    let mut page = RgbImage::filled(width, legend + rows * cell_height, PAGE);
    text(&mut page, "red speaks for a forgery, blue against it", GAP, 0, PAGE)?;
    for (number, (face, map)) in faces.iter().zip(maps).enumerate() {
        let (x, y) = (GAP + number % columns * (cell_width + GAP), legend + number / columns * cell_height);
        let crop = resized(face.crop, TILE, TILE)?;
        text(&mut page, &face.title, x, y, face.colour.unwrap_or(PAGE))?;
        page.paste(&crop, x, y + LINE);
        page.paste(&coloured(&crop, map, border), x + TILE + GAP, y + LINE);
    }
    Ok(page)
}

/// One line of text whose top is at `y`, on a label of a colour.
fn text(
    page: &mut RgbImage,
    line: &str,
    x: usize,
    y: usize,
    colour: [u8; 3],
) -> std::result::Result<(), imaging::Error> {
    draw_text(page, line, x as f64, (y + LINE) as f64, TEXT, colour)
}

/// The crop, greyed, with red where a position speaks for a forgery and blue where it speaks against one.
fn coloured(crop: &RgbImage, map: &EvidenceMap, border: f32) -> RgbImage {
    let (width, height) = (crop.width(), crop.height());
    let mut out = crop.clone();
    for (i, pixel) in out.data_mut().chunks_exact_mut(3).enumerate() {
        let (x, y) = (i % width, i / width);
        let value = sampled(map, (x as f32 + 0.5) / width as f32, (y as f32 + 0.5) / height as f32) - border;
        let cover = COVER * (value.abs() / FULL).min(1.0);
        let colour = if value > 0.0 { FAKE } else { REAL };
        let grey = pixel.iter().map(|&value| f32::from(value)).sum::<f32>() / 3.0;
        for (channel, value) in pixel.iter_mut().enumerate() {
            *value = (cover * colour[channel] + (1.0 - cover) * grey) as u8;
        }
    }
    out
}

/// The map at (x, y), each 0..1 over the face, linearly between its positions' middles.
fn sampled(map: &EvidenceMap, x: f32, y: f32) -> f32 {
    let place = |share: f32, count: usize| {
        let at = (share * count as f32 - 0.5).clamp(0.0, (count - 1) as f32);
        let low = at as usize;
        (low, (low + 1).min(count - 1), at - low as f32)
    };
    let ((x0, x1, fx), (y0, y1, fy)) = (place(x, map.width), place(y, map.height));
    let value = |x: usize, y: usize| map.log_odds[y * map.width + x];
    let row = |y: usize| value(x0, y) * (1.0 - fx) + value(x1, y) * fx;
    row(y0) * (1.0 - fy) + row(y1) * fy
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::FACE_SIDE;

    fn map(log_odds: &[f32]) -> EvidenceMap {
        EvidenceMap { width: 2, height: 2, log_odds: log_odds.to_vec() }
    }

    #[test]
    fn maps_are_sampled_between_their_middles_and_flat_at_the_edges() {
        let map = map(&[0.0, 4.0, 0.0, 4.0]);
        assert_eq!([0.0, 0.25, 0.5, 0.75, 1.0].map(|x| sampled(&map, x, 0.5)), [0.0, 0.0, 2.0, 4.0, 4.0]);
    }

    #[test]
    fn red_is_over_the_border_and_blue_under_it() {
        let grey = RgbImage::filled(4, 4, [100; 3]);
        let out = coloured(&grey, &map(&[9.0, 1.0, -9.0, 1.0]), 1.0);
        let [red, _, blue] = out.pixel(0, 0);
        assert!(red > blue);
        let [red, _, blue] = out.pixel(0, 3);
        assert!(red < blue);
        assert_eq!(out.pixel(3, 0), [100; 3], "at the border there is no colour");
    }

    #[test]
    fn sheets_have_a_row_for_every_two_faces() {
        let crop = RgbImage::filled(FACE_SIDE, FACE_SIDE, [90; 3]);
        let face = |frame: usize| TitledFace { crop: &crop, title: format!("frame {frame}"), colour: None };
        let maps = [map(&[0.0; 4]), map(&[0.0; 4]), map(&[0.0; 4])];
        let one = sheet(&[face(0)], &maps[..1], 0.0).unwrap();
        let three = sheet(&[face(0), face(1), face(2)], &maps, 0.0).unwrap();
        assert!(three.width() > one.width() && three.height() > one.height());
    }
}
