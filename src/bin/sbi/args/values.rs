//! What numbers may be typed.

use sbi::types::Shard;
use std::ops::RangeInclusive;

/// A count: a whole number from 1.
pub fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a whole number of at least 1".to_owned()),
        Ok(number) => Ok(number),
    }
}

/// The longest side of a frame for face detection, in pixels.
pub fn detector_side(text: &str) -> Result<usize, String> {
    side(text, 64..=8192)
}

/// The side of a training pair, in pixels.
pub fn image_side(text: &str) -> Result<usize, String> {
    side(text, 16..=4096)
}

fn side(text: &str, sides: RangeInclusive<usize>) -> Result<usize, String> {
    match text.parse() {
        Ok(side) if sides.contains(&side) => Ok(side),
        _ => Err(format!("expected a number of pixels from {} to {}", sides.start(), sides.end())),
    }
}

/// How long something is measured.
pub fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.01..=600.0).contains(&value) => Ok(value),
        _ => Err("expected a number of seconds from 0.01 to 600".to_owned()),
    }
}

/// A shard: `I/N`, or `auto` for what the scheduler's variables say.
pub fn shard(text: &str) -> Result<Shard, String> {
    let shard = match text {
        "auto" => Shard::of_scheduler(|name| std::env::var(name).ok()),
        _ => text.parse(),
    };
    shard.map_err(|error| error.to_string())
}

/// A score, or a border between scores.
pub fn probability(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("expected a number from 0 to 1".to_owned()),
    }
}
