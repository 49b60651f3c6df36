//! Frame sampling and crop windows.

use super::images::FACE;
use sbi::face::{CropBase, Margin};
use sbi::types::BBox;
use sbi::video::{frame_indices, training_positions};
use serde_json::{Value, json};

pub fn frames() -> Value {
    const VIDEOS: [(usize, usize); 11] = [
        (300, 32),
        (299, 32),
        (100, 10),
        (33, 32),
        (32, 32),
        (10, 32),
        (5, 5),
        (2, 3),
        (1, 4),
        (1000, 1),
        (467, 20),
    ];
    let videos: Vec<Value> = VIDEOS
        .iter()
        .map(|&(n, k)| json!({"n_frames": n, "num": k, "indices": frame_indices(n, k)}))
        .collect();
    const FILES: [(usize, usize); 7] = [(32, 8), (10, 8), (12, 8), (8, 8), (5, 8), (25, 8), (18, 3)];
    let files: Vec<Value> = FILES
        .iter()
        .map(|&(n, k)| json!({"n_files": n, "want": k, "indices": training_positions(n, k)}))
        .collect();
    json!({"video": videos, "training_files": files})
}

pub fn crop() -> Value {
    const HEIGHT: usize = 280;
    const WIDTH: usize = 320;
    const BOXES: [[f64; 4]; 7] = [
        [100.0, 80.0, 200.0, 210.0],
        [82.37, 33.5, 237.49, 225.01],
        [-12.4, -7.9, 90.6, 101.2],
        [250.25, 200.75, 331.5, 290.1],
        [0.0, 0.0, 320.0, 280.0],
        [5.5, 5.5, 6.25, 6.75],
        [150.01, 130.99, 150.49, 131.01],
    ];
    let window = |base: CropBase, margin: Margin| {
        let w = base.window(HEIGHT, WIDTH, margin);
        json!([w.y0, w.y1, w.x0, w.x1])
    };
    let mut rows = Vec::new();
    for [x0, y0, x1, y1] in BOXES {
        let base = CropBase::of_box(BBox { x0, y0, x1, y1 });
        let corners = json!([[x0, y0], [x1, y1]]);
        for (wide, margin) in [(false, Margin::Test), (true, Margin::Wide)] {
            rows.push(json!({
                "mode": "bbox", "bbox": corners, "margin": wide, "phase": "test", "y0y1x0x1": window(base, margin),
            }));
        }
        let factors = [0.2, 0.35, 0.5, 0.8];
        rows.push(json!({
            "mode": "bbox", "bbox": corners, "margin": false, "phase": "train",
            "factors_left_right_top_bottom": factors, "y0y1x0x1": window(base, Margin::Train(factors)),
        }));
    }
    let faces = [
        ("face81", (0, 0), FACE.len()),
        ("face81_up60_left90", (-90, -60), FACE.len()),
        ("face68_right100_down70", (100, 70), 68),
    ];
    for (name, (dx, dy), count) in faces {
        let points: Vec<(f64, f64)> =
            FACE[..count].iter().map(|&(x, y)| (f64::from(x + dx), f64::from(y + dy))).collect();
        let base = CropBase::of_landmarks(&points).expect("there are points");
        for (wide, margin) in [(false, Margin::Test), (true, Margin::Wide)] {
            rows.push(json!({
                "mode": "landmarks", "landmarks": name, "margin": wide, "phase": "test",
                "y0y1x0x1": window(base, margin),
            }));
        }
        let factors = [0.8, 0.2, 0.45, 0.61];
        rows.push(json!({
            "mode": "landmarks", "landmarks": name, "margin": false, "phase": "train",
            "factors_left_right_top_bottom": factors, "y0y1x0x1": window(base, Margin::Train(factors)),
        }));
    }
    json!({"height": HEIGHT, "width": WIDTH, "face81": FACE.as_slice(), "rows": rows})
}
