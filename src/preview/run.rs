//! Runs a preview: makes the pairs and writes the sheet and the files.

use super::Config;
use super::faces::Faces;
use super::save::save;
use super::sheet::{self, Row};
use crate::blending::{self, DrawnRecipe, Geometry};
use crate::causes::with_causes;
use crate::imaging::write_image;
use crate::progress::{Cancel, Progress};
use crate::rng::{Purpose, generator};
use crate::training_pairs::Pair;
use crate::{Error, Result};
use rand::seq::SliceRandom;
use std::path::{Path, PathBuf};

/// A frame that gave no pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The frame's file, or the photograph or video it comes from.
    pub path: PathBuf,
    /// Why there is no pair, as a sentence that names the file.
    pub reason: String,
}

/// What a preview has made.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewSummary {
    /// How many pairs were made.
    pub pairs: usize,
    /// Frames that gave no pair.
    pub failed: Vec<Failure>,
    /// The sheet's file, if one was asked for and there is something on it.
    pub sheet: Option<PathBuf>,
    /// The folder of saved pairs, if that was asked for and there are any.
    pub saved: Option<PathBuf>,
    /// Whether the run was stopped early.
    pub interrupted: bool,
}

/// Makes training pairs and writes the sheet and the files. Pairs are drawn as training with the same seed draws them,
/// though not in the same order.
///
/// Frames that give no pair are listed in the [`PreviewSummary`]. In a prepared set each pair comes from another frame as long
/// as there are enough; files are used in turn, and again from the first if more pairs than files are wanted. Fails
/// when there is nothing to look at, a model file or a video encoder is missing, or something cannot be written.
pub fn run(config: &Config, progress: &dyn Progress, cancel: &Cancel) -> Result<PreviewSummary> {
    config.extras.check().map_err(blending::Error::from)?;
    let faces = Faces::open(&config.source, progress)?;
    writable(config)?;
    let order = order(&faces, config);
    let mut rows = Vec::new();
    let mut failed: Vec<Failure> = Vec::new();
    progress.begin(config.pairs, "pairs");
    // Each frame may fail once; after that it is passed over.
    for (draw, &index) in order.iter().cycle().enumerate() {
        let done = rows.len() == config.pairs || failed.len() == faces.len();
        if done || cancel.is_requested() {
            break;
        }
        let path = faces.path(index);
        if failed.iter().any(|failure| failure.path == path) {
            continue;
        }
        match row(&faces, index, draw as u64, config, cancel) {
            Ok(row) => {
                rows.push((path.display().to_string(), row));
                progress.advance(&path.display().to_string());
            }
            Err(_) if cancel.is_requested() => break,
            Err(reason) => {
                progress.note(&reason);
                failed.push(Failure { path: path.to_owned(), reason });
            }
        }
    }
    progress.end();
    let interrupted = cancel.is_requested() && rows.len() < config.pairs;
    let pairs = rows.len();
    let (mut sheet, mut saved) = (None, None);
    if pairs > 0 {
        if let Some(folder) = &config.save {
            save(folder, &rows, config.seed, config.image_size)?;
            saved = Some(folder.clone());
        }
        if let Some(path) = &config.sheet {
            let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
            write_image(path, &sheet::draw(&rows)?)?;
            sheet = Some(path.clone());
        }
    }
    Ok(PreviewSummary { pairs, failed, sheet, saved, interrupted })
}

/// Frames of a set in the seed's order, files as they were named.
fn order(faces: &Faces, config: &Config) -> Vec<usize> {
    let mut order: Vec<usize> = (0..faces.len()).collect();
    if let Faces::Prepared(_) = faces {
        order.shuffle(&mut generator(config.seed, 0, 0, Purpose::Order));
    }
    order
}

fn row(faces: &Faces, index: usize, draw: u64, config: &Config, cancel: &Cancel) -> Result<Row, String> {
    let mut rng = generator(config.seed, 0, draw, Purpose::Sample);
    let DrawnRecipe { recipe, instead_of } = faces.draw(index, &mut rng, config);
    let face = faces.read(index, cancel)?;
    let path = faces.path(index);
    let failed = |error: blending::Error| format!("{}: {}", path.display(), with_causes(&error));
    let (width, height) = (face.image.width(), face.image.height());
    let geometry = Geometry::of(width, height, &face.landmarks, &face.boxes, &recipe);
    let geometry = geometry.map_err(|unusable| failed(unusable.into()))?;
    let given = faces.material(index, (width, height), &recipe, &geometry)?;
    let pair = Pair::with_material(&face.image, geometry, &given.material, &recipe, config.image_size);
    let from = given.path.map(|path| short(&path));
    Ok(Row { title: short(path), pair: pair.map_err(failed)?, recipe, from, instead_of })
}

/// The last parts of a path: enough to find it again.
fn short(path: &Path) -> String {
    const PARTS: usize = 3;
    let parts: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    parts[parts.len().saturating_sub(PARTS)..].join("/")
}

/// Fails early where the sheet or the pairs could not be written in the end.
fn writable(config: &Config) -> Result<()> {
    if let Some(path) = &config.sheet {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let probe = tempfile::tempfile_in(folder);
        probe.map_err(|cause| Error::Output { path: folder.to_owned(), cause })?;
    }
    Ok(())
}
