//! The sheet: one row of images per pair, its parameters below.

use crate::blending::hull::Hull;
use crate::blending::kinds::{Kind, Shape};
use crate::blending::source_target::{Detail, Side};
use crate::blending::{Geometry, Recipe};
use crate::imaging::{
    Error, RESIDUAL_GAIN, draw_box, draw_points, draw_text, mirrored, residual_image, resized,
};
use crate::training_pairs::Pair;
use crate::types::{BBox, Mask, RgbImage, Window};

/// Side of an image on the sheet in pixels.
const TILE: usize = 224;
/// Space between images in pixels.
const GAP: usize = 8;
/// Height of text in pixels, and of a line of it.
const TEXT: f64 = 9.0;
const LINE: usize = 18;
/// Lines of text below a row of images.
const CAPTION_LINES: usize = 7;

const PAGE: [u8; 3] = [24, 24, 28];
const BOX_COLOUR: [u8; 3] = [255, 200, 0];
const CROP_COLOUR: [u8; 3] = [255, 255, 255];
const FACE_POINT: [u8; 3] = [0, 255, 120];
const FOREHEAD_POINT: [u8; 3] = [255, 80, 200];
const COLUMNS: usize = 5;

/// A pair and what its caption says.
pub struct Row {
    pub title: String,
    pub pair: Pair,
    pub recipe: Recipe,
    /// The last parts of the path of donor or counterpart.
    pub from: Option<String>,
    /// The kind of forgery that was drawn and that there is nothing for.
    pub instead_of: Option<Kind>,
}

/// Draws all rows below one another on one sheet.
pub fn draw(rows: &[Row]) -> Result<RgbImage, Error> {
    let row_height = TILE + CAPTION_LINES * LINE + GAP;
    let width = GAP + COLUMNS * (TILE + GAP);
    let header = LINE + GAP;
    let mut sheet = RgbImage::filled(width, header + rows.len() * row_height, PAGE);
    let residual = format!("residual x{RESIDUAL_GAIN}");
    let titles: [&str; COLUMNS] = ["landmarks, box, crop", "mask", "fake", "real", &residual];
    for (column, title) in titles.into_iter().enumerate() {
        text(&mut sheet, title, left(column), 0)?;
    }
    for (number, row) in rows.iter().enumerate() {
        let top = header + number * row_height;
        for (column, tile) in tiles(row)?.iter().enumerate() {
            sheet.paste(tile, left(column), top);
        }
        for (line, caption) in captions(row).iter().enumerate() {
            text(&mut sheet, caption, GAP, top + TILE + line * LINE)?;
        }
    }
    Ok(sheet)
}

fn left(column: usize) -> usize {
    GAP + column * (TILE + GAP)
}

/// One line of text whose top is at `y`.
fn text(sheet: &mut RgbImage, line: &str, x: usize, y: usize) -> Result<(), Error> {
    draw_text(sheet, line, x as f64, (y + LINE) as f64, TEXT, PAGE)
}

fn tiles(row: &Row) -> Result<[RgbImage; COLUMNS], Error> {
    let pair = &row.pair.blended;
    let tile = |image: &RgbImage| resized(image, TILE, TILE);
    Ok([
        annotated(&row.pair, &row.recipe)?,
        tile(&grey(&pair.mask))?,
        tile(&pair.fake)?,
        tile(&pair.real)?,
        tile(&residual_image(&pair.fake, &pair.real))?,
    ])
}

/// The wide crop with landmarks, box and final crop drawn in, fitted into a tile.
fn annotated(pair: &Pair, recipe: &Recipe) -> Result<RgbImage, Error> {
    let Pair { geometry, wide, .. } = pair;
    let wide = if recipe.mirror { mirrored(wide)? } else { wide.clone() };
    let scale = TILE as f64 / wide.width().max(wide.height()) as f64;
    let side = |length: usize| ((length as f64 * scale).round() as usize).clamp(1, TILE);
    let small = resized(&wide, side(wide.width()), side(wide.height()))?;
    let (x, y) = ((TILE - small.width()) / 2, (TILE - small.height()) / 2);
    let mut tile = RgbImage::filled(TILE, TILE, PAGE);
    tile.paste(&small, x, y);
    let on_tile = |(px, py): (f64, f64)| (x as f64 + px * scale, y as f64 + py * scale);
    let outline = |rect: BBox| {
        let ((x0, y0), (x1, y1)) = (on_tile((rect.x0, rect.y0)), on_tile((rect.x1, rect.y1)));
        BBox { x0, y0, x1, y1 }
    };
    draw_box(&mut tile, outline(bounds(geometry.crop())), CROP_COLOUR, 1)?;
    draw_box(&mut tile, outline(geometry.face_box().bbox), BOX_COLOUR, 1)?;
    draw_landmarks(&mut tile, geometry, on_tile)?;
    Ok(tile)
}

fn draw_landmarks(
    tile: &mut RgbImage,
    geometry: &Geometry,
    on_tile: impl Fn((f64, f64)) -> (f64, f64),
) -> Result<(), Error> {
    let points: Vec<(f64, f64)> =
        geometry.landmarks().points().iter().map(|&(x, y)| on_tile((x.into(), y.into()))).collect();
    let (face, forehead) = points.split_at(crate::types::Landmarks::FACE);
    draw_points(tile, face, FACE_POINT)?;
    draw_points(tile, forehead, FOREHEAD_POINT)
}

fn bounds(window: Window) -> BBox {
    let edge = |pixel: usize| pixel as f64;
    BBox { x0: edge(window.x0), y0: edge(window.y0), x1: edge(window.x1), y1: edge(window.y1) }
}

/// A mask as a grey image, white where the source shows through alone.
pub fn grey(mask: &Mask) -> RgbImage {
    let data = mask.data().iter().flat_map(|value| [(value * 255.0).round() as u8; 3]).collect();
    RgbImage::from_raw(mask.width(), mask.height(), data)
}

/// The caption's lines: the random parameters in words.
fn captions(row: &Row) -> [String; CAPTION_LINES] {
    let Recipe { hull, mirror, without_forehead, source_transforms, warp, softening, margins, .. } =
        &row.recipe;
    let three = |values: &[f64; 3], digits: usize| values.map(|v| format!("{v:+.digits$}")).join(" ");
    let side = match source_transforms.of {
        Side::Source => "source",
        Side::Target => "target",
    };
    let detail = match source_transforms.detail {
        Detail::DownUp { factor } => format!("down and up by {factor}"),
        Detail::Sharpen { alpha, lightness } => format!("sharpened {alpha:.2}, lightness {lightness:.2}"),
    };
    let shift = source_transforms.rgb_shift.map_or(String::new(), |rgb| format!("rgb {}, ", three(&rgb, 0)));
    let [brightness, contrast] = source_transforms.brightness_contrast;
    let joint = match &row.recipe.joint_transforms {
        None => "none (validation)".to_owned(),
        Some(joint) => {
            let parts = [
                joint.rgb_shift.map(|rgb| format!("rgb {}", three(&rgb, 0))),
                joint.hsv_shift.map(|hsv| format!("hsv {}", three(&hsv, 2))),
                joint.brightness_contrast.map(|[b, c]| format!("brightness {b:+.2}, contrast {c:+.2}")),
                joint.jpeg_quality.map(|quality| format!("jpeg {quality}")),
                row.recipe
                    .degradation
                    .map(|d| format!("degraded to {:.2} of its size, jpeg {}", d.scale, d.quality)),
            ];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
        }
    };
    let past = row.recipe.past.as_ref().map(|past| format!("the frame before: {past}"));
    let light = row.recipe.light.map(|light| format!("light: {light}"));
    let video = row.recipe.codec.as_ref().map_or(String::new(), |codec| codec.described());
    let mirrored = if *mirror { ", mirrored" } else { "" };
    let shape = row.recipe.forgery.as_ref().map_or(Shape::Hull, |forgery| forgery.shape());
    let shape = match shape {
        Shape::Hull => hull_name(*hull).to_owned(),
        other => other.to_string(),
    };
    let forehead = if *without_forehead { ", 68 points" } else { "" };
    [
        format!("{}{mirrored}", row.title),
        format!("kind: {}", kind(row)),
        format!(
            "mask: {}{forehead}; moved {:+.1} %, {:+.1} %, scaled {:.3}, {:.3}; softened at {} x {}, kernels {} and {}, sigma {}; ratio {}",
            shape,
            100.0 * warp.translate_x,
            100.0 * warp.translate_y,
            warp.scale_x,
            warp.scale_y,
            softening.width,
            softening.height,
            softening.kernel_1,
            softening.kernel_2,
            softening.sigma,
            softening.ratio,
        ),
        match &row.recipe.forgery {
            Some(forgery) if !forgery.is_transformed() => "changed is neither source nor target".to_owned(),
            _ => format!(
                "changed is the {side}: {shift}hsv {}, brightness {brightness:+.2}, contrast {contrast:+.2}, {detail}",
                three(&source_transforms.hsv_shift, 2)
            ),
        },
        format!("both: {joint}; margins {}", margins.map(|margin| format!("{margin:.2}")).join(" ")),
        [past, light].into_iter().flatten().collect::<Vec<String>>().join("; "),
        video,
    ]
}

/// The kind of forgery, its draws, and where pixels come from.
fn kind(row: &Row) -> String {
    let made = match (&row.recipe.forgery, &row.from) {
        (None, _) => Kind::SelfBlend.to_string(),
        (Some(forgery), None) => forgery.to_string(),
        (Some(forgery), Some(from)) => format!("{forgery}; with {from}"),
    };
    match row.instead_of {
        None => made,
        Some(drawn) => format!("{made}; instead of {drawn}"),
    }
}

fn hull_name(hull: Hull) -> &'static str {
    match hull {
        Hull::Full => "full",
        Hull::Extended => "extended",
        Hull::Components => "components",
        Hull::FaceHull => "face hull",
    }
}
