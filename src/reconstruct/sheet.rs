//! The sheet: faces of frames and, right of each, of their counterparts.

use super::faces::place;
use crate::Result;
use crate::imaging::{read_image, resized, write_image};
use crate::prepared_frames::FrameFiles;
use crate::types::{RgbImage, Window};
use std::path::Path;

/// Side of an image on the sheet in pixels.
const TILE: usize = 256;
/// Pairs beside one another, and how many there are at most.
const COLUMNS: usize = 3;
const PAIRS: usize = 12;
/// Space between pairs in pixels.
const GAP: usize = 8;
const PAGE: [u8; 3] = [24, 24, 28];

/// Draws some of the frames that have counterparts called `name`, spread over all, and writes the sheet. False where
/// there is nothing to show.
///
/// Fails when a frame or a counterpart cannot be read, or the sheet cannot be written.
pub fn write_sheet(path: &Path, frames: &[&FrameFiles], name: &str) -> Result<bool> {
    let there: Vec<&&FrameFiles> = frames.iter().filter(|files| files.counterpart(name).exists()).collect();
    let count = there.len().min(PAIRS);
    let mut sheet = RgbImage::filled(
        GAP + COLUMNS * (2 * TILE + GAP),
        GAP + count.div_ceil(COLUMNS) * (TILE + GAP),
        PAGE,
    );
    for number in 0..count {
        let files = there[number * there.len() / count];
        let (frame, counterpart) = (files.read_frame()?, read_image(&files.counterpart(name))?);
        // Counterparts may be anybody's: of another size, or of a face that cannot be aligned.
        let window = face_window(files, &frame);
        let (x, y) = (GAP + number % COLUMNS * (2 * TILE + GAP), GAP + number / COLUMNS * (TILE + GAP));
        sheet.paste(&resized(&frame.cropped(window), TILE, TILE)?, x, y);
        if (counterpart.width(), counterpart.height()) == (frame.width(), frame.height()) {
            sheet.paste(&resized(&counterpart.cropped(window), TILE, TILE)?, x + TILE, y);
        }
    }
    if count > 0 {
        write_image(path, &sheet)?;
    }
    Ok(count > 0)
}

/// The square of a frame that its aligned face lies in, cut off at the edges.
fn face_window(files: &FrameFiles, frame: &RgbImage) -> Window {
    /// A side of the aligned square, whatever the network's is.
    const SIDE: usize = 64;
    let whole = Window::whole(frame.width(), frame.height());
    let Ok(map) = place(files, SIDE) else { return whole };
    let corners = map.corners(SIDE);
    let edge = |of: fn(&(f64, f64)) -> f64, start: f64, join: fn(f64, f64) -> f64, limit: usize| {
        corners.iter().map(of).fold(start, join).round().clamp(0.0, limit as f64) as usize
    };
    let (low, high) = (f64::INFINITY, f64::NEG_INFINITY);
    let window = Window {
        y0: edge(|c| c.1, low, f64::min, frame.height()),
        y1: edge(|c| c.1, high, f64::max, frame.height()),
        x0: edge(|c| c.0, low, f64::min, frame.width()),
        x1: edge(|c| c.0, high, f64::max, frame.width()),
    };
    if window.is_empty() { whole } else { window }
}
