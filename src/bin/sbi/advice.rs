//! What a user can type to get past an error. The library says what is wrong; it knows no flags.

use sbi::checkpoint::InFile;
use sbi::compare::CompareError;
use sbi::datasets::{Compression, SetVersion, TrainingSet};
use sbi::infer::evidence::ResultFileError;
use sbi::infer::merge::MergeError;
use sbi::model::OtherNetwork;
use sbi::ranks::RanksError;
use sbi::reconstruct::ReconstructError;
use sbi::serve::ServeError;
use sbi::train::{EncoderName, LoaderError, RunFolderError, TrainError};
use sbi::{checkpoint, datasets, face, model, packed_faces, prepared_frames, training_pairs};
use std::error::Error;

/// An error in one line: what failed, why, and what helps where a flag does.
pub fn told(error: &anyhow::Error) -> String {
    match error.chain().find_map(advice) {
        Some(advice) => format!("{error:#}; {advice}"),
        None => format!("{error:#}"),
    }
}

/// The command that prepares a set.
pub fn preparing(set: &SetVersion) -> String {
    let SetVersion { set, compression } = set;
    match set {
        TrainingSet::Published(set) => format!("sbi preprocess -d {set} -c {compression}"),
        TrainingSet::Folder(path) => format!("sbi preprocess -i PHOTOS -o {}", path.display()),
    }
}

/// What helps against one error of a chain.
fn advice(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref() {
        of_a_stage(error)
    } else if let Some(error) = error.downcast_ref() {
        of_data_sets(error)
    } else if let Some(error) = error.downcast_ref() {
        of_faces(error)
    } else if let Some(error) = error.downcast_ref() {
        of_networks(error)
    } else if let Some(error) = error.downcast_ref() {
        of_packed_faces(error)
    } else if let Some(error) = error.downcast_ref() {
        of_prepared_frames(error)
    } else if let Some(error) = error.downcast_ref() {
        of_training_pairs(error)
    } else if let Some(error) = error.downcast_ref() {
        of_run_folders(error)
    } else if let Some(error) = error.downcast_ref() {
        of_weight_files(error)
    } else if let Some(error) = error.downcast_ref() {
        of_results(error)
    } else if let Some(error) = error.downcast_ref() {
        of_servers(error)
    } else {
        None
    }
}

/// An error of a stage is often that of a component and stands in its place in the chain.
fn of_a_stage(error: &sbi::Error) -> Option<String> {
    use sbi::Error::*;
    match error {
        Checkpoint(error) => of_weight_files(error),
        Dataset(error) => of_data_sets(error),
        Model(error) => of_networks(error),
        Face(error) => of_faces(error),
        Packed(error) => of_packed_faces(error),
        Prepared(error) => of_prepared_frames(error),
        Samples(error) => of_training_pairs(error),
        Train(error) => of_training(error),
        Reconstruct(error) => of_counterparts(error),
        Serve(error) => of_servers(error),
        PreparedSettings { .. } => Some("--overwrite prepares it anew".into()),
        Compare(CompareError::OtherVideos { .. }) => Some("--common compares those that all have".into()),
        Compare(CompareError::OtherLabels { .. }) => Some("--common leaves them out".into()),
        RobustnessNeedsLabels => Some("-d or --packed names one".into()),
        Merge(error) => of_merging(error),
        ResultFile(error) => of_results(error),
        AnnotateNeedsFiles => Some("--annotate goes with inputs given with -i".into()),
        AnnotateOverInput { .. } => Some("give --annotate another folder".into()),
        PackedCompression { .. } => Some(
            "give the same -c, or pack into another folder with npy-pack -s and name it with --packed".into(),
        ),
        _ => None,
    }
}

fn of_data_sets(error: &datasets::Error) -> Option<String> {
    match error {
        datasets::Error::DataRoot { .. } => Some("--data-root or SBI_DATA_ROOT sets it".into()),
        datasets::Error::MissingVideos { .. } => Some("--allow-missing goes on without them".into()),
        datasets::Error::MissingFolder { compressions, .. } if !compressions.is_empty() => {
            let flag = |level: &Compression| format!("-c {level}");
            let flags: Vec<String> = compressions.iter().map(flag).collect();
            Some(format!("{} chooses them", flags.join(" or ")))
        }
        _ => None,
    }
}

fn of_weight_files(error: &checkpoint::Error) -> Option<String> {
    match error {
        checkpoint::Error::InFile(InFile { error, .. }) => of_weight_files(error),
        checkpoint::Error::Exists { .. } => Some("--overwrite replaces it".into()),
        checkpoint::Error::SeveralStateDicts { .. } => {
            Some("`sbi convert --key KEY IN OUT` takes one of them out".into())
        }
        _ => None,
    }
}

fn of_faces(error: &face::Error) -> Option<String> {
    match error {
        face::Error::Weights(error) => of_networks(error),
        face::Error::Network { .. } => Some("a smaller --max-size needs less memory".into()),
        _ => None,
    }
}

fn of_networks(error: &model::Error) -> Option<String> {
    let advice = match error {
        model::Error::NoBundledDetector { .. } => "-w names another",
        model::Error::NotAForgeryDetector { found: OtherNetwork::FaceDetector, .. } => {
            "--detector-weights takes face detectors"
        }
        model::Error::NoDevice { available: 0, .. } => {
            "scripts/setup.sh --cuda sets one up, --device cpu does without"
        }
        model::Error::NoDevice { .. } => "--device names another",
        model::Error::Checkpoint(error) => return of_weight_files(error),
        _ => return None,
    };
    Some(advice.into())
}

fn of_packed_faces(error: &packed_faces::Error) -> Option<String> {
    use packed_faces::Error::*;
    match error {
        MissingVideos { .. } => Some("--allow-missing joins what there is".into()),
        Settings { .. } | OtherVideo { .. } | FewerVideos { .. } | NoManifest { .. } => {
            Some("choose another folder with -s, or replace this one with --overwrite".into())
        }
        _ => None,
    }
}

fn of_prepared_frames(error: &prepared_frames::Error) -> Option<String> {
    use prepared_frames::Error::*;
    match error {
        MissingVideos { .. } => Some("--allow-missing joins what there is".into()),
        Shape { .. } | Coordinate { .. } | Record { .. } => {
            Some("`sbi preprocess --overwrite` prepares a set anew".into())
        }
        _ => None,
    }
}

fn of_training_pairs(error: &training_pairs::Error) -> Option<String> {
    match error {
        training_pairs::Error::NotPrepared { set, .. } => Some(format!("`{}` prepares them", preparing(set))),
        training_pairs::Error::NoneComplete { set, .. } => {
            Some(format!("`{}` makes what is missing", preparing(set)))
        }
        training_pairs::Error::Prepared(error) => of_prepared_frames(error),
        _ => None,
    }
}

fn of_training(error: &TrainError) -> Option<String> {
    match error {
        TrainError::Folder(error) => of_run_folders(error),
        TrainError::Loader(LoaderError::NothingUsable { cause, .. }) => of_training_pairs(cause),
        TrainError::Ranks(RanksError::Lost { .. } | RanksError::Broken { .. }) => {
            Some("`sbi train --resume RUN`, on any number of processes, goes on from the last save".into())
        }
        TrainError::NoEncoderWeights { encoder: EncoderName::Dlib, .. } => None,
        TrainError::NoEncoderWeights { .. } => {
            Some("--set guide.encoder=dlib guides by dlib's encoder, which scripts/setup.sh places".into())
        }
        _ => None,
    }
}

fn of_counterparts(error: &ReconstructError) -> Option<String> {
    match error {
        ReconstructError::Name { .. } | ReconstructError::Foreign { .. } => Some("-n names them".into()),
        ReconstructError::OtherSettings { .. } => {
            Some("--overwrite trains anew, and -n NAME keeps both apart".into())
        }
        ReconstructError::OtherNetwork { .. } => Some("--overwrite trains one for all sets".into()),
        _ => None,
    }
}

fn of_merging(error: &MergeError) -> Option<String> {
    match error {
        MergeError::Missing { .. } => Some("--allow-missing joins what there is".into()),
        MergeError::Double { .. } => Some("--allow-double lets the first record that has one count".into()),
        _ => None,
    }
}

fn of_results(error: &ResultFileError) -> Option<String> {
    match error {
        ResultFileError::HoldsLines { .. } => {
            Some("--resume goes on there, --jsonl names another file".into())
        }
        ResultFileError::OtherRun { .. } => Some("--jsonl names another file".into()),
        _ => None,
    }
}

fn of_servers(error: &ServeError) -> Option<String> {
    match error {
        ServeError::Address { cause, .. } if cause.kind() == std::io::ErrorKind::AddrInUse => {
            Some("--port names another, --port 0 takes any free one".into())
        }
        ServeError::Address { .. } => Some("--listen and --port say where".into()),
        ServeError::WeakToken { .. } => Some("SBI_SERVE_TOKEN sets it; without it one is made".into()),
        ServeError::Folder { .. } => Some("--temp names another folder".into()),
        ServeError::TokenNeeded { .. } | ServeError::System { .. } => None,
    }
}

fn of_run_folders(error: &RunFolderError) -> Option<String> {
    match error {
        RunFolderError::Log { .. } => Some("without this line --resume can go on".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;
    use std::path::PathBuf;

    fn data_root() -> datasets::Error {
        datasets::Error::DataRoot { path: PathBuf::from("data") }
    }

    #[test]
    fn advice_is_found_at_every_depth_and_told_once() {
        let expected = "data: no such folder for the data sets; --data-root or SBI_DATA_ROOT sets it";
        assert_eq!(told(&anyhow::Error::from(data_root())), expected);
        assert_eq!(told(&anyhow::Error::from(sbi::Error::from(data_root()))), expected);
        let attempted = Err::<(), _>(sbi::Error::from(data_root())).context("listing").unwrap_err();
        assert_eq!(told(&attempted), format!("listing: {expected}"));
    }

    #[test]
    fn causes_are_told_and_not_repeated() {
        let cause = std::io::Error::other("no more ink");
        let error = sbi::Error::Output { path: PathBuf::from("out"), cause };
        assert_eq!(told(&error.into()), "out: cannot write here: no more ink");
        let error = sbi::imaging::Error::from(sbi::file_error::FileError {
            path: PathBuf::from("a.png"),
            cause: std::io::Error::other("torn"),
        });
        let error = training_pairs::Error::from(error);
        assert_eq!(told(&sbi::Error::from(error).into()), "a.png: cannot be accessed: torn");
    }

    #[test]
    fn what_prepares_a_set_is_told() {
        let told = |name: &str| {
            let set = SetVersion { set: TrainingSet::named(name), compression: Compression::C23 };
            let error = training_pairs::Error::NotPrepared { folder: PathBuf::from("frames"), set };
            told(&sbi::Error::from(error).into())
        };
        assert!(told("Original").ends_with("; `sbi preprocess -d Original -c c23` prepares them"));
        assert!(told("mine").ends_with("; `sbi preprocess -i PHOTOS -o mine` prepares them"));
    }

    #[test]
    fn levels_that_are_there_are_offered_as_flags() {
        let error = datasets::Error::MissingFolder {
            path: PathBuf::from("raw"),
            expected: "videos",
            compressions: vec![Compression::C23, Compression::C40],
        };
        let expected = "raw: no such folder, expected videos; there are videos of level c23 and c40; \
                        -c c23 or -c c40 chooses them";
        assert_eq!(told(&error.into()), expected);
    }
}
