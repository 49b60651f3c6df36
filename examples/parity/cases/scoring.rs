//! Video scores and metrics.

use sbi::metrics::{Roc, video_score};
use sbi::types::Label;
use serde_json::{Value, json};
use tch::{Kind, Tensor};

pub fn scoring() -> Value {
    let videos: [(&[[f32; 2]], &[i64]); 3] = [
        (&[[1.0, -0.5], [0.2, 0.3], [-1.0, 2.0], [0.0, 0.0]], &[0, 10, 20, 30]),
        (&[[0.5, 1.5], [2.0, -1.0], [0.1, 0.0], [-0.3, 0.4], [-2.0, 1.0], [3.0, -3.0]], &[3, 3, 9, 9, 9, 31]),
        (&[[0.7, 0.1], [0.1, 0.9], [-0.2, -0.2], [1.4, -0.6], [0.3, 0.35]], &[0, 0, 4, 0, 0]),
    ];
    let sets: [(&[i64], &[f64]); 6] = [
        (&[0, 0, 1, 1], &[0.1, 0.4, 0.35, 0.8]),
        (&[0, 1, 0, 1, 1, 0, 1, 0, 0, 1], &[0.2, 0.2, 0.5, 0.5, 0.9, 0.5, 0.7, 0.1, 0.7, 0.5]),
        (&[1, 1, 1, 0, 0, 0, 0], &[0.5, 0.5, 0.5, 0.5, 0.5, 0.2, 0.6]),
        (&[0, 0, 0, 1, 1], &[0.1, 0.2, 0.3, 0.4, 0.5]),
        (&[1, 1, 0, 0, 0], &[0.1, 0.2, 0.3, 0.4, 0.2]),
        (&[0, 1, 0, 1], &[0.5, 0.5, 0.5, 0.5]),
    ];
    json!({
        "videos": videos.into_iter().map(|(logits, frames)| video(logits, frames)).collect::<Vec<_>>(),
        "metrics": sets.into_iter().map(|(labels, scores)| set(labels, scores)).collect::<Vec<_>>(),
    })
}

/// A number as it is written, not as its nearest float32 prints in double precision.
fn short(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_default()
}

fn video(logits: &[[f32; 2]], frames: &[i64]) -> Value {
    let flat = Tensor::from_slice(&logits.concat()).view([-1, 2]);
    let fake = flat.softmax(1, Kind::Float).select(1, 1).contiguous();
    let fake = Vec::<f32>::try_from(fake).expect("a row of floats");
    let score = video_score(&fake, frames).expect("equal lengths").map(|s| s.score);
    let logits: Vec<[f64; 2]> = logits.iter().map(|pair| pair.map(short)).collect();
    let fake: Vec<f64> = fake.into_iter().map(f64::from).collect();
    json!({"logits": logits, "frames": frames, "prob_fake": fake, "score": score})
}

fn set(labels: &[i64], scores: &[f64]) -> Value {
    let known: Vec<Label> = labels.iter().map(|&l| Label::try_from(l).expect("0 or 1")).collect();
    let roc = Roc::new(&known, scores).expect("numbers");
    json!({
        "labels": labels, "scores": scores, "auc": roc.auc(), "average_precision": roc.average_precision(),
        "eer": roc.equal_error_rate().map(|eer| eer.rate),
    })
}
