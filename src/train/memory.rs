//! Whether a step will fit into memory, told before the first one: afterwards the system ends the program without a word.

use super::config::Config;
use crate::model::Method;
use crate::model::objective::TrainingModel;
use tch::Device;

/// Bytes of a number.
const FLOAT: f64 = 4.0;
/// How often the values of all convolutions lie in memory at the height of a step; measured, see the test's table.
const KEPT: f64 = 1.5;
/// Weights, their gradients, momentum, the climb of SAM, averages.
const COPIES: f64 = 5.0;
/// Program, libraries and batches under way.
const BASE: f64 = 0.4e9;

/// Bytes that a process takes at the height of a step of `pairs` pairs, roughly.
pub fn estimate(config: &Config, model: &TrainingModel, pairs: usize) -> f64 {
    let work = model.forgery_network().backbone().work(config.image_size);
    let images = match config.method {
        Method::Sbi => 2,
        Method::Eg => 3,
    } * pairs;
    let weights: i64 = model.variables().variables().values().map(|t| t.numel() as i64).sum();
    BASE + FLOAT * (KEPT * images as f64 * work.values as f64 + COPIES * weights as f64)
}

/// A warning where less is free than a step will take, of `pairs` pairs in each of `processes` processes of this machine. A
/// device's memory is its own, and its libraries say themselves when it is full.
pub fn warning(config: &Config, model: &TrainingModel, pairs: usize, processes: usize) -> Option<String> {
    const GB: f64 = 1e9;
    if model.forgery_network().device() != Device::Cpu {
        return None;
    }
    let (needed, free) = (estimate(config, model, pairs) * processes as f64, available()?);
    (needed > free).then(|| {
        format!(
            "a step will take about {:.1} GB and {:.1} GB are free: lower batch_size ({}) or image_size ({}), or take a smaller backbone than {}, or the system may end this run",
            needed / GB, free / GB, config.batch_size, config.image_size, config.backbone
        )
    })
}

/// Bytes that programs may still take; `None` where the system does not tell.
fn available() -> Option<f64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::config::{EncoderWeights, GuideConfig};
    use crate::train::setup;

    /// Peaks of resident memory, in MiB, seen on two cores.
    const SEEN: [(&str, Method, usize, usize, f64); 6] = [
        ("efficientnet-lite0", Method::Sbi, 32, 224, 1885.0),
        ("efficientnet-lite0", Method::Sbi, 8, 224, 677.0),
        ("efficientnet-b0", Method::Sbi, 16, 224, 1043.0),
        ("efficientnet-b4", Method::Sbi, 8, 380, 2729.0),
        ("efficientnet-b4", Method::Eg, 8, 380, 4475.0),
        ("efficientnet-lite2", Method::Sbi, 32, 260, 2840.0),
    ];

    #[test]
    fn estimates_are_near_what_was_seen() {
        for (backbone, method, batch_size, image_size, seen) in SEEN {
            let config = Config {
                backbone: backbone.to_owned(),
                method,
                batch_size,
                image_size,
                guide: GuideConfig { weights: EncoderWeights::Random, ..GuideConfig::default() },
                ..Config::default()
            };
            let (encoder, _) = setup::initial_encoder(&config, Device::Cpu).unwrap();
            let model = setup::networks(&config, encoder, Device::Cpu).unwrap();
            let found = estimate(&config, &model, config.pairs()) / f64::from(1 << 20);
            assert!((0.8..1.25).contains(&(found / seen)), "{backbone} {method:?}: {found} MiB, seen {seen}");
        }
    }

    #[test]
    fn only_what_does_not_fit_is_warned_of() {
        let small = Config {
            backbone: "efficientnet-lite0".to_owned(),
            method: Method::Sbi,
            batch_size: 2,
            image_size: 32,
            ..Config::default()
        };
        let model = setup::networks(&small, None, Device::Cpu).unwrap();
        assert_eq!(warning(&small, &model, small.pairs(), 1), None);
        assert!(warning(&small, &model, 1, 1_000_000).is_some(), "as many processes as that");
        let huge = Config { batch_size: 1_000_000, ..small };
        let told = warning(&huge, &model, huge.pairs(), 1).unwrap();
        assert!(told.contains("batch_size (1000000)") && told.contains("lite0"), "{told}");
    }
}
