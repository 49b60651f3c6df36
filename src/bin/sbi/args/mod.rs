//! What the user may type. Declares flags and decides nothing; defaults live in the library's configurations.

mod comparing;
mod counterparts;
mod data;
mod machine;
mod merge;
mod scoring;
mod serving;
mod shared;
mod training;
mod values;
mod weights;

pub use comparing::CompareArgs;
pub use counterparts::ReconstructArgs;
pub use data::{FrameLayout, NpyPackArgs, PreprocessArgs};
pub use machine::{BenchArgs, DoctorArgs};
pub use merge::MergeArgs;
pub use scoring::{CalibrateArgs, InferArgs, RobustnessArgs, VerifyArgs};
pub use serving::ServeArgs;
pub use training::{PhaseName, PreviewArgs, TrainArgs};
pub use weights::{AverageArgs, ConvertArgs, Precision, WeightLayout};

use clap::{Args, Parser, Subcommand};
use sbi::model::DeviceChoice;
use std::path::PathBuf;

/// Detects deepfakes in videos and photographs of faces.
#[derive(Debug, Parser)]
#[command(name = "sbi", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Results go to standard output, progress and messages to standard error.\n\
Exit status: 0 all done; 1 done, but some inputs failed; 2 wrong usage or nothing done; 130 interrupted.")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub global: Global,
}

#[derive(Debug, Args)]
pub struct Global {
    /// Where networks run: auto, cpu, cuda or cuda:N
    #[arg(long, global = true, default_value = "auto", value_name = "DEVICE")]
    pub device: DeviceChoice,
    /// Threads for computing; default: all cores
    #[arg(long, global = true, value_name = "N", value_parser = values::positive)]
    pub threads: Option<usize>,
    /// Folder that holds the data sets
    #[arg(long, global = true, default_value = "data", env = "SBI_DATA_ROOT", value_name = "DIR")]
    pub data_root: PathBuf,
    /// More messages; twice for even more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Say at the end where the time went: stage by stage, waiting included, and processor by processor
    #[arg(long, global = true)]
    pub timings: bool,
    /// No progress, errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Turn the videos of a set into frames, landmarks and boxes, which training reads
    Preprocess(PreprocessArgs),
    /// Make counterparts of prepared frames, whose faces a small autoencoder gives back
    Reconstruct(ReconstructArgs),
    /// Train a detector on a prepared set
    Train(TrainArgs),
    /// Look at self-blended fakes: a sheet of pairs, their masks and parameters
    Preview(PreviewArgs),
    /// Cut the faces out of a test set once, for many runs of `infer`
    NpyPack(NpyPackArgs),
    /// Score videos, photographs or a whole test set
    Infer(Box<InferArgs>),
    /// Join what the shards of `infer`, `robustness`, `npy-pack` or `preprocess` have left
    Merge(MergeArgs),
    /// Open a page in the browser where videos and photographs are dropped and scored
    Serve(ServeArgs),
    /// Check a result of `infer`: the same files, the same weights, the same scores
    Verify(VerifyArgs),
    /// Compare results on the same videos: do detectors differ by more than chance, and where
    Compare(CompareArgs),
    /// Measure how a detector holds when images get worse: JPEG, blur, noise, resizing, darkness
    Robustness(RobustnessArgs),
    /// Find out what a detector's scores mean, so that infer gives verdicts with it
    Calibrate(CalibrateArgs),
    /// Convert a weight file: PyTorch zip, legacy PyTorch or safetensors to PyTorch zip or safetensors
    Convert(ConvertArgs),
    /// Average the weights of several runs of one network into one file
    Average(AverageArgs),
    /// Measure how fast this machine is at each stage
    Bench(BenchArgs),
    /// Say what is installed and what is missing
    Doctor(DoctorArgs),
}

impl Command {
    /// Whether the first thing that it does is decoding videos or photographs.
    pub fn decodes(&self) -> bool {
        match self {
            Command::Infer(args) => args.test_set.packed.is_none(),
            Command::Preprocess(_) | Command::NpyPack(_) | Command::Robustness(_) => true,
            _ => false,
        }
    }

    /// Whether it computes with libtorch's own operators, whose threads are OpenMP's: training, autoencoders, and the
    /// products of matrices that the machine is measured by.
    pub fn needs_openmp(&self) -> bool {
        matches!(self, Command::Train(_) | Command::Reconstruct(_) | Command::Bench(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sbi::datasets::TestSet;

    #[test]
    fn flags_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn commands_that_decode_first_are_known() {
        let decodes = |line: &str| Cli::try_parse_from(line.split(' ')).unwrap().command.decodes();
        for line in ["sbi infer a.mp4", "sbi infer -d FF", "sbi npy-pack -d FF", "sbi preprocess -d Original"]
        {
            assert!(decodes(line), "{line}");
        }
        for line in ["sbi infer --packed a", "sbi doctor", "sbi train a.json", "sbi serve"] {
            assert!(!decodes(line), "{line}");
        }
    }

    #[test]
    fn the_original_commands_parse() {
        let cli = Cli::try_parse_from(["sbi", "infer", "-w", "weights/EG-weights.tar", "-d", "CDF"]).unwrap();
        let Command::Infer(args) = cli.command else { panic!("not infer") };
        assert_eq!(args.test_set.dataset, Some(TestSet::Cdf));
        Cli::try_parse_from(["sbi", "npy-pack", "-d", "FF", "-c", "c23", "-n", "32", "-s", "out"]).unwrap();
    }

    #[test]
    fn one_source_is_needed_and_only_one() {
        assert!(Cli::try_parse_from(["sbi", "infer", "-w", "x"]).is_err());
        assert!(Cli::try_parse_from(["sbi", "infer", "-w", "x", "-d", "FF", "-i", "y"]).is_err());
    }
}
