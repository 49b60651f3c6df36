//! RetinaFace: preparing images, the network, decoding and suppression.

use super::images::{describe, stretched};
use super::networks::input;
use super::{Options, doubles, l2, sum};
use sbi::face::retinaface::{candidates, prepare, priors, resized_shape, suppress, to_face};
use sbi::imaging;
use sbi::model::fill;
use sbi::model::published::Layout;
use sbi::model::retinaface::{RawOutputs, RetinaFaceBody, RetinaFaceNet};
use sbi::types::RgbImage;
use serde_json::{Value, json};
use std::path::Path;
use tch::Tensor;

pub fn forward(options: Options) -> Value {
    let body = RetinaFaceBody::ResNet50;
    let state = Layout::RetinaFace(body).filled(options.seed).expect("names are different");
    let net = RetinaFaceNet::new(body, &state, Path::new("filled"), options.execution());
    let raw = net.and_then(|net| Ok(net.forward(&input("retina", [1, 3, 160, 192], options.seed))?));
    let raw = raw.expect("a network of these weights");
    let describe = |t: &Tensor| {
        let width = t.size()[2] as usize;
        let values = doubles(t);
        let rows: Vec<&[f64]> = values.chunks(width).collect();
        json!({
            "shape": t.size(), "sum": sum(t), "l2": l2(t), "first5": rows[..5], "last5": rows[rows.len() - 5..],
        })
    };
    json!({
        "seed": options.seed, "input": "input/retina [1,3,160,192]",
        "loc": describe(&raw.boxes), "conf": describe(&raw.classes), "landmarks": describe(&raw.points),
    })
}

const IN: (usize, usize) = (160, 192);

/// Raw outputs made from fills, as a network might give them.
fn synthetic(seed: u64, n: usize, nothing: bool) -> RawOutputs {
    let uniform = |label: &str, width: usize| fill::input(label, seed, n * width);
    let spread = |values: Vec<f32>, by: f32| values.into_iter().map(|u| by * (2.0 * u - 1.0)).collect();
    let tensor = |values: Vec<f32>, width: i64| Tensor::from_slice(&values).view([1, n as i64, width]);
    let logits = uniform("post_conf", 2);
    let logits = logits.chunks(2).flat_map(|p| [4.0 * p[0], 4.0 * p[1] - 2.25]);
    let logits = logits.map(|logit| if nothing { 0.0 } else { logit }).collect();
    RawOutputs {
        boxes: tensor(spread(uniform("post_loc", 4), 1.0), 4),
        classes: tensor(logits, 2),
        points: tensor(spread(uniform("post_landmarks", 10), 3.0), 10),
    }
}

pub fn post(seed: u64) -> Value {
    let all = priors(IN.0, IN.1);
    let flat = |p: &sbi::face::retinaface::Prior| [p.cx, p.cy, p.w, p.h].map(f64::from);
    let total = |ps: &[sbi::face::retinaface::Prior]| ps.iter().flat_map(flat).sum::<f64>();
    let detect = |raw: &RawOutputs, (h, w): (usize, usize)| {
        let found = candidates(raw, 0, IN).expect("tensors of the right shape");
        let above = found.len();
        let kept = suppress(found, 0.4);
        let image = RgbImage::filled(w, h, [0; 3]);
        let faces: Vec<Value> = kept.iter().filter_map(|c| to_face(c, &image, IN.0)).map(face).collect();
        let indices: Vec<usize> = kept.iter().map(|c| c.prior).collect();
        (above, indices, faces)
    };
    let raw = synthetic(seed, all.len(), false);
    let runs: Vec<Value> = [(250, 300), (160, 192), (320, 384)]
        .into_iter()
        .map(|(h, w)| {
            let (above, indices, faces) = detect(&raw, (h, w));
            json!({"orig_h": h, "orig_w": w, "above_threshold": above, "kept_prior_index": indices, "faces": faces})
        })
        .collect();
    let (_, _, none) = detect(&synthetic(seed, all.len(), true), (250, 300));
    // The reference reports "no face" as one empty entry; ours is an empty list.
    let none =
        if none.is_empty() { json!([{"bbox": [], "score": -1, "landmarks": []}]) } else { json!(none) };
    let odd = priors(101, 77);
    json!({
        "formulas": "loc = 2u-1; conf = (4u, 4u-2.25); landmarks = 3(2u-1); fills input/post_loc, post_conf, post_landmarks",
        "in_h": IN.0, "in_w": IN.1, "n_priors": all.len(),
        "priors_first4": all[..4].iter().map(flat).collect::<Vec<_>>(),
        "priors_last2": all[all.len() - 2..].iter().map(flat).collect::<Vec<_>>(),
        "priors_sum": total(&all),
        "priors_odd_size": {"in_h": 101, "in_w": 77, "n": odd.len(), "sum": total(&odd), "last": flat(&odd[odd.len() - 1])},
        "runs": runs, "nothing_found": none,
    })
}

fn face(face: sbi::types::DetectedFace) -> Value {
    let b = face.bbox;
    let score = (f64::from(face.confidence) * 100.0).round_ties_even() / 100.0;
    json!({"bbox": [b.x0, b.y0, b.x1, b.y1], "score": score, "landmarks": face.points})
}

pub fn pre(seed: u64) -> Value {
    let image = stretched("image", 48, 64, seed);
    let mut rows = Vec::new();
    for size in [96, 64, 40, 75] {
        let input = prepare(&image, RetinaFaceBody::ResNet50, Some(size)).expect("a resize");
        let (h, w) = (input.height, input.width);
        let same = (h, w) == (image.height(), image.width());
        let small = if same { image.clone() } else { imaging::resized(&image, w, h).expect("a resize") };
        let values: Vec<f64> = input.hwc.iter().map(|&v| f64::from(v)).collect();
        let sums: Vec<f64> = (0..3).map(|c| values.iter().skip(c).step_by(3).sum()).collect();
        let norm = values.iter().map(|v| v * v).sum::<f64>().sqrt();
        // The reference's tensor is plane by plane: its first values are the first row's reds.
        let first: Vec<f64> = values.iter().step_by(3).take(4).copied().collect();
        rows.push(json!({
            "max_size": size, "resized_h_w": [h, w], "resized": describe(&small),
            "tensor_channel_sums": sums, "tensor_l2": norm, "first4": first,
        }));
    }
    rows.push(json!({"max_size": 2048, "resized_h_w": resized_shape(48, 64, 2048)}));
    let shapes = [
        (720, 1280, 2048),
        (1080, 1920, 2048),
        (2160, 3840, 2048),
        (480, 854, 2048),
        (100, 41, 50),
        (3, 4, 2),
        (5, 4, 2),
    ];
    let shapes: Vec<Value> = shapes
        .into_iter()
        .map(|(h, w, m)| json!({"h": h, "w": w, "max_size": m, "resized_h_w": resized_shape(h, w, m)}))
        .collect();
    json!({"image": "stretched test image (colour case)", "input": describe(&image), "rows": rows, "shapes": shapes})
}
