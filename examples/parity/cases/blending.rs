//! The steps of self-blending.

use super::digest;
use super::images::{
    FACE, channel_sums, describe, describe_mask, describe_with_grid, face, grid, smooth, stretched,
};
use sbi::blending::blend::composite;
use sbi::blending::blend_mask::{Softening, eroded, eroded_in_bytes, feathered};
use sbi::blending::hull::{Hull, raise_brows};
use sbi::blending::mirror::{mirror_box, mirror_landmarks, mirror_order, reorder_forehead};
use sbi::blending::warp::{Warp, affine, elastic_field};
use sbi::imaging::{self, Displacements, DownUp, Tables};
use sbi::model::fill;
use sbi::types::{BBox, FaceBox, Landmarks, Mask, RgbImage, Window};
use serde_json::{Map, Value, json};

const HEIGHT: usize = 280;
const WIDTH: usize = 320;

pub fn landmarks() -> Value {
    let all = face();
    let corners = BBox { x0: 82.5, y0: 33.25, x1: 237.0, y1: 225.5 };
    let points = [(124.0, 118.0), (194.0, 118.5), (159.5, 160.0), (130.0, 186.0), (188.0, 186.5)];
    let face_box = FaceBox { bbox: corners, points };
    let two = |b: BBox| vec![(b.x0, b.y0), (b.x1, b.y1)];
    let seven = |face: FaceBox| [two(face.bbox), face.points.to_vec()].concat();
    let mirrored = mirror_box(&face_box, WIDTH);
    json!({
        "width": WIDTH, "face81": FACE.as_slice(), "reorder81": reorder_forehead(&all).points(),
        "mirror_index_68": mirror_order(false), "mirror_index_81": mirror_order(true),
        "mirror81": mirror_landmarks(&all, WIDTH).points(),
        "mirror68": mirror_landmarks(&all.without_forehead(), WIDTH).points(),
        "box2": two(corners), "mirror_box2": two(mirrored.bbox),
        "box7": seven(face_box), "mirror_box7": seven(mirrored),
    })
}

/// The face with uneven, odd differences, partly off the image.
fn tilted_face() -> Landmarks {
    let tilt = |&(x, y): &(i32, i32)| (x + (y - 130).div_euclid(5) + 17, y - (x - 160).div_euclid(7) - 19);
    Landmarks::new(FACE.iter().map(tilt).collect()).expect("81 points")
}

/// The face with each coordinate moved by up to 12 pixels, so that the four hulls differ.
fn jittered_face(seed: u64) -> Landmarks {
    let moves: Vec<i32> = fill::input("face_jitter", seed, 2 * FACE.len())
        .iter()
        .map(|u| (u * 24.0).floor() as i32 - 12)
        .collect();
    let moved = FACE.iter().zip(moves.chunks_exact(2)).map(|(&(x, y), by)| (x + by[0], y + by[1]));
    Landmarks::new(moved.collect()).expect("81 points")
}

pub fn hull_name(hull: Hull) -> &'static str {
    match hull {
        Hull::Full => "full",
        Hull::Extended => "extended",
        Hull::Components => "components",
        Hull::FaceHull => "facehull",
    }
}

pub fn hull_sets(seed: u64) -> [(&'static str, Landmarks); 3] {
    [("face", face()), ("tilted", tilted_face()), ("jittered", jittered_face(seed))]
}

/// The mask's pixels as 0 or 255.
pub fn mask_bytes(mask: &Mask) -> Vec<u8> {
    mask.data().iter().map(|value| (value * 255.0) as u8).collect()
}

pub fn hull_mask(hull: Hull, landmarks: &Landmarks) -> Mask {
    hull.mask(landmarks, WIDTH, HEIGHT).expect("a mask")
}

pub fn hulls(seed: u64) -> Value {
    let mut sets = Map::new();
    for (label, landmarks) in hull_sets(seed) {
        let mut masks = Map::new();
        for (count, landmarks) in [(81, landmarks.clone()), (68, landmarks.without_forehead())] {
            for hull in Hull::ALL {
                let mask = hull_mask(hull, &landmarks);
                let mut fields = describe_mask(&mask);
                fields["area"] = json!(mask.data().iter().filter(|value| **value > 0.5).count());
                fields["fnv1a64_of_0_255_bytes"] = json!(digest(&mask_bytes(&mask)));
                masks.insert(format!("{}_{count}", hull_name(hull)), fields);
            }
            let plain = hull_mask(Hull::FaceHull, &landmarks);
            let mut fields = describe_mask(&plain);
            fields["area"] = fields["nonzero"].clone();
            masks.insert(format!("plain_uint8_{count}"), fields);
        }
        let raised = raise_brows(&landmarks);
        sets.insert(
            label.to_owned(),
            json!({
                "points81": landmarks.points(), "raised_brows_17_27": raised.points()[17..27], "masks": masks,
            }),
        );
    }
    json!({"height": HEIGHT, "width": WIDTH, "sets": sets})
}

pub fn blend(seed: u64) -> Value {
    #[rustfmt::skip]
    let parameters = [
        Softening { height: 256, width: 256, kernel_1: 5, kernel_2: 5, sigma: 5, ratio: 1.0 },
        Softening { height: 192, width: 200, kernel_1: 15, kernel_2: 25, sigma: 45, ratio: 0.75 },
        Softening { height: 211, width: 243, kernel_1: 25, kernel_2: 9, sigma: 21, ratio: 0.25 },
        Softening { height: 230, width: 192, kernel_1: 7, kernel_2: 17, sigma: 12, ratio: 0.5 },
    ];
    let source = stretched("blend_source", HEIGHT, WIDTH, seed);
    let target = stretched("blend_target", HEIGHT, WIDTH, seed);
    let mut rows = Vec::new();
    for (name, hull, bytes) in [
        ("facehull", Hull::FaceHull, false),
        ("components", Hull::Components, false),
        ("plain_uint8", Hull::FaceHull, true),
    ] {
        let hull = hull_mask(hull, &face());
        for s in parameters {
            let core = if bytes { eroded_in_bytes(&hull, &s) } else { eroded(&hull, &s) }.expect("a core");
            let whole = Window::whole(WIDTH, HEIGHT);
            let mask = feathered(&core, &s, WIDTH, HEIGHT, whole).expect("a mask");
            rows.push(json!({
                "mask": name, "size_h": s.height, "size_w": s.width, "kernel_1": s.kernel_1,
                "kernel_2": s.kernel_2, "sigma": s.sigma, "ratio": s.ratio,
                "ones_after_threshold": core.data().iter().filter(|value| **value > 0.0).count(),
                "blend": describe_mask(&mask),
                "composite_channel_sums": channel_sums(&composite(&source, &target, &mask)),
            }));
        }
    }
    json!({
        "height": HEIGHT, "width": WIDTH, "landmarks": "hulls case, set face, 81 points",
        "source": describe(&source), "target": describe(&target), "rows": rows,
    })
}

fn down_up(image: &RgbImage, factor: usize) -> RgbImage {
    let (width, height) = (image.width(), image.height());
    let plan = DownUp::new(width, height, factor, Window::whole(width, height));
    plan.enlarged(&plan.sampled(image))
}

pub fn colour(seed: u64) -> Value {
    let (height, width) = (48, 64);
    let mut images = Map::new();
    let of_label = [
        ("smooth", smooth("image", height, width, seed)),
        ("stretched", stretched("image", height, width, seed)),
    ];
    for (label, image) in of_label {
        let mut rows = Vec::new();
        let mut add = |op: &str, params: Value, result: RgbImage| {
            let mut fields = describe_with_grid(&result);
            fields["op"] = json!(op);
            fields["params"] = params;
            rows.push(fields);
        };
        let by_tables = |tables: Tables| {
            let mut result = image.clone();
            tables.apply(&mut result);
            result
        };
        for [r, g, b] in [[-20.0, 0.0, 20.0], [13.7, -8.25, 0.49], [7.5, 7.5, 7.5]] {
            add("rgb_shift", json!({"r": r, "g": g, "b": b}), by_tables(Tables::shift([r, g, b])));
        }
        for [hue, sat, val] in [[-0.3, -0.3, -0.3], [0.3, 0.3, 0.3], [-0.17, 0.22, -0.05], [0.1, -0.25, 0.3]]
        {
            let mut result = image.clone();
            imaging::hsv_shift(&mut result, hue, sat, val).expect("a shift");
            add("hsv_shift", json!({"hue": hue, "sat": sat, "val": val}), result);
        }
        for [brightness, contrast] in [[0.1, -0.1], [-0.3, 0.3], [0.27, 0.0], [0.0, -0.22]] {
            let params = json!({"brightness": brightness, "contrast": contrast});
            add("brightness_contrast", params, by_tables(Tables::brightness_contrast(brightness, contrast)));
        }
        for [alpha, lightness] in [[0.2, 0.5], [0.5, 1.0], [0.37, 0.81]] {
            let kernel = imaging::sharpen_kernel(alpha, lightness);
            let params = json!({"alpha": alpha, "lightness": lightness, "kernel": kernel});
            add("sharpen", params, imaging::sharpened(&image, alpha, lightness).expect("a filter"));
        }
        for factor in [2, 4] {
            add("down_up", json!({"factor": factor}), down_up(&image, factor));
        }
        for quality in [40, 71, 90, 100] {
            let result = imaging::jpeg_round_trip(&image, quality);
            add("jpeg", json!({"quality": quality}), result);
        }
        images.insert(label.to_owned(), json!({"input": describe_with_grid(&image), "rows": rows}));
    }
    let odd = smooth("odd", 51, 67, seed);
    json!({
        "images": images,
        "odd_size_down_up": {
            "input": describe(&odd), "factor_2": describe(&down_up(&odd, 2)), "factor_4": describe(&down_up(&odd, 4)),
        },
    })
}

fn sum_of(mask: &Mask) -> f64 {
    mask.data().iter().map(|&value| f64::from(value)).sum()
}

pub fn affine_case(seed: u64) -> Value {
    let image = smooth("affine", HEIGHT, WIDTH, seed);
    let mask = hull_mask(Hull::FaceHull, &face());
    let whole = Window::whole(WIDTH, HEIGHT);
    let row = |(scale_x, scale_y, translate_x, translate_y)| {
        let warp = Warp { scale_x, scale_y, translate_x, translate_y, elastic_seed: 0 };
        let map = affine(&warp, WIDTH, HEIGHT);
        json!({
            "scale_x": scale_x, "scale_y": scale_y, "translate_fraction_x": translate_x,
            "translate_fraction_y": translate_y,
            "matrix": [[map.scale_x, 0.0, map.shift_x], [0.0, map.scale_y, map.shift_y], [0.0, 0.0, 1.0]],
            "image": describe_with_grid(&map.image_window(&image, whole, whole)),
            "mask": describe_mask(&map.mask(&mask)),
        })
    };
    let rows = [
        (0.95, 1.0 / 0.95, 0.03, -0.015),
        (1.02, 0.97, -0.021, 0.0113),
        (1.0, 1.0, 0.0125, 0.01),
        (1.0, 1.0, 0.0, 0.0),
    ]
    .map(row);
    json!({
        "height": HEIGHT, "width": WIDTH, "input": describe_with_grid(&image), "mask_input_sum": sum_of(&mask),
        "rows": rows,
    })
}

pub fn elastic(seed: u64) -> Value {
    let (small_height, small_width) = (97, 61);
    let dotted = fill::input("elastic_mask", seed, small_height * small_width);
    let dotted = dotted.iter().map(|&u| if u > 0.5 { 1.0 } else { 0.0 }).collect();
    let masks = [hull_mask(Hull::FaceHull, &face()), Mask::from_raw(small_width, small_height, dotted)];
    let rows = masks.map(|mask| {
        let (width, height) = (mask.width(), mask.height());
        let window = Window::whole(width, height);
        let field = |label: &str| {
            let noise: Vec<f32> =
                fill::input(label, seed, width * height).iter().map(|u| 2.0 * u - 1.0).collect();
            elastic_field(&noise, width, height, window)
        };
        let describe_field = |field: &[f32]| {
            let values: Vec<f64> = field.iter().map(|&value| f64::from(value)).collect();
            let last_row = (height - 1) * width;
            json!({
                "sum": values.iter().sum::<f64>(), "l2": values.iter().map(|v| v * v).sum::<f64>().sqrt(),
                "max_abs": values.iter().fold(0.0f64, |most, v| most.max(v.abs())),
                "corners": [values[0], values[width - 1], values[last_row], values[last_row + width - 1]],
                "grid8": grid(values, width, height),
            })
        };
        let displacements = Displacements { window, dx: field("elastic_dx"), dy: field("elastic_dy") };
        let out = imaging::displaced(&mask, &displacements);
        let bytes: Vec<u8> = out.data().iter().map(|&value| value as u8).collect();
        json!({
            "height": height, "width": width, "mask_in_sum": sum_of(&mask), "mask_out": describe_mask(&out),
            "mask_out_bytes_fnv1a64": digest(&bytes),
            "dx": describe_field(&displacements.dx), "dy": describe_field(&displacements.dy),
        })
    });
    json!({"sigma": 7, "alpha": 50, "rows": rows})
}
