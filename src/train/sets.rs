//! The frames of a run: those of its sets, each as often as it weighs.

use super::config::{Config, SetShare};
use crate::Result;
use crate::datasets::{self, SetVersion, Split, TrainingSet};
use crate::rng::{Purpose, generator};
use crate::training_pairs::{FrameList, FrameSelection, VideoChoice};
use rand::seq::SliceRandom;
use std::path::Path;

/// The frames of a split in each of a configuration's sets, in their order.
///
/// Published sets are split by `train.json` and `val.json` of FaceForensics++, folders by a draw from `data.split_seed`, or
/// from the run's seed where there is none. Fails when a list is missing or faulty.
pub fn selections(config: &Config, split: Split, data_root: &Path) -> Result<Vec<FrameSelection>> {
    let data = &config.data;
    let root = data.root.as_deref().unwrap_or(data_root);
    let select = |share: &SetShare| {
        let set = TrainingSet::named(&share.name);
        let videos = match set {
            TrainingSet::Published(_) => {
                VideoChoice::Ids(datasets::split_ids(&data.split_list(split, data_root))?)
            }
            TrainingSet::Folder(_) => VideoChoice::Share {
                seed: data.split_seed.unwrap_or(config.seed),
                share: data.val_share,
                drawn: split == Split::Validation,
            },
        };
        let min_face = match set {
            TrainingSet::Published(_) => 0.0,
            TrainingSet::Folder(_) => data.min_face,
        };
        Ok(FrameSelection {
            folder: set.folder(root, data.compression)?,
            videos,
            per_video: data.n_frames,
            min_face,
            set: SetVersion { set, compression: data.compression },
        })
    };
    data.sets.iter().map(select).collect()
}

/// The frames of a split. In training a set's frames come as often in an epoch as it weighs; a fraction is a drawn part
/// of them, the same in every epoch.
///
/// Fails when a list is missing or nothing of a set is prepared.
pub fn frames(config: &Config, split: Split, data_root: &Path) -> Result<FrameList> {
    let mut all = FrameList::default();
    for (number, (selection, share)) in
        selections(config, split, data_root)?.iter().zip(&config.data.sets).enumerate()
    {
        let mut list = selection.list()?;
        if split == Split::Train {
            list.frames = weighed(list.frames, share.weight, config.seed, number as u64);
        }
        all.join(list);
    }
    Ok(all)
}

fn weighed<T: Clone>(frames: Vec<T>, weight: f64, seed: u64, set: u64) -> Vec<T> {
    let whole = weight.floor() as usize;
    let part = (weight.fract() * frames.len() as f64).round() as usize;
    let mut drawn = frames.clone();
    drawn.shuffle(&mut generator(seed, 0, set, Purpose::Split));
    drawn.truncate(part);
    (0..whole).flat_map(|_| frames.iter().cloned()).chain(drawn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_repeats_frames_and_a_fraction_draws_some() {
        let frames: Vec<usize> = (0..100).collect();
        assert_eq!(weighed(frames.clone(), 1.0, 5, 0), frames);
        let more = weighed(frames.clone(), 2.25, 5, 0);
        assert_eq!(more.len(), 225);
        assert!(frames.iter().all(|frame| (2..=3).contains(&more.iter().filter(|f| *f == frame).count())));
        assert_eq!(weighed(frames.clone(), 2.25, 5, 0), more);
        assert_ne!(weighed(frames, 2.25, 6, 0), more);
    }

    #[test]
    fn folders_are_split_by_the_runs_seed_or_one_of_their_own() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("portraits")).unwrap();
        let seed = |seed: u64, split_seed: Option<u64>| {
            let mut config = Config { seed, ..Config::default() };
            config.data.sets = vec![SetShare { name: "portraits".to_owned(), weight: 1.0 }];
            config.data.split_seed = split_seed;
            match selections(&config, Split::Train, root.path()).unwrap().remove(0).videos {
                VideoChoice::Share { seed, .. } => seed,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!([seed(11, None), seed(11, Some(5)), seed(5, Some(5))], [11, 5, 5]);
    }
}
