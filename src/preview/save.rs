//! The pairs of a preview as files, for other programs.

use super::sheet::{Row, grey};
use crate::atomic_file;
use crate::blending::Recipe;
use crate::imaging::{Error as ImagingError, write_image};
use crate::types::BBox;
use crate::{Error, Result};
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

/// Name of the file that lists the pairs and their parameters.
pub const LIST: &str = "pairs.json";

/// One pair in the list.
#[derive(Serialize)]
struct Entry<'a> {
    real: String,
    fake: String,
    mask: String,
    /// The file that the pair was made from.
    source: String,
    /// The other file that pixels were taken from.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    /// Landmarks in pixels of the wide crop, mirrored if the recipe says so.
    landmarks: &'a [(i32, i32)],
    /// The bounding box (left, top, right, bottom) in pixels of the wide crop, mirrored if the recipe says so.
    face_box: [f64; 4],
    /// The wide crop (left, top, right, bottom) in pixels of the frame.
    wide_crop: [usize; 4],
    /// All random parameters.
    recipe: &'a Recipe,
}

#[derive(Serialize)]
struct List<'a> {
    tool: &'static str,
    version: &'static str,
    seed: u64,
    image_size: usize,
    pairs: Vec<Entry<'a>>,
}

/// Writes `<number>_real.png`, `_fake.png` and `_mask.png` of each pair, and the list, which comes last.
pub fn save(folder: &Path, rows: &[(String, Row)], seed: u64, image_size: usize) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|cause| Error::Output { path: folder.to_owned(), cause })?;
    let mut pairs = Vec::new();
    for (number, (source, row)) in rows.iter().enumerate() {
        let name = |kind: &str| format!("{number:03}_{kind}.png");
        let blended = &row.pair.blended;
        for (kind, image) in
            [("real", &blended.real), ("fake", &blended.fake), ("mask", &grey(&blended.mask))]
        {
            write_image(&folder.join(name(kind)), image).map_err(as_output)?;
        }
        let geometry = &row.pair.geometry;
        let (window, BBox { x0, y0, x1, y1 }) = (geometry.window(), geometry.face_box().bbox);
        pairs.push(Entry {
            real: name("real"),
            fake: name("fake"),
            mask: name("mask"),
            source: source.clone(),
            from: row.from.as_deref(),
            landmarks: geometry.landmarks().points(),
            face_box: [x0, y0, x1, y1],
            wide_crop: [window.x0, window.y0, window.x1, window.y1],
            recipe: &row.recipe,
        });
    }
    let list = List { tool: "sbi", version: env!("CARGO_PKG_VERSION"), seed, image_size, pairs };
    let path = folder.join(LIST);
    atomic_file::write(&path, |file| {
        serde_json::to_writer_pretty(&mut *file, &list).map_err(io::Error::other)?;
        file.write_all(b"\n")
    })
    .map_err(|error| Error::Output { path: error.path, cause: error.cause })
}

fn as_output(error: ImagingError) -> Error {
    match error {
        ImagingError::Write(error) => Error::Output { path: error.path, cause: error.cause },
        other => other.into(),
    }
}
