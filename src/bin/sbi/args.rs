//! What the user may type. Declares flags and decides nothing; defaults live in the library's configurations.

use clap::{Args, Parser, Subcommand, ValueEnum};
use sbi::datasets::{Compression, SourceSet, TestSet};
use sbi::face::FaceDetectorChoice;
use sbi::model::DeviceChoice;
use sbi::preprocess::Steps;
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
    #[arg(long, global = true, value_name = "N", value_parser = positive)]
    pub threads: Option<usize>,
    /// Folder that holds the data sets
    #[arg(long, global = true, default_value = "data", env = "SBI_DATA_ROOT", value_name = "DIR")]
    pub data_root: PathBuf,
    /// More messages; twice for even more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// No progress, errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

impl Command {
    /// Whether it computes with libtorch's own operators, whose threads are OpenMP's: training, and the products of
    /// matrices that the machine is measured by.
    pub fn needs_openmp(&self) -> bool {
        matches!(self, Command::Train(_) | Command::Bench(_))
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Turn the videos of a set into frames, landmarks and boxes, which training reads
    #[command(after_help = "Examples:\n  sbi preprocess -d Original -c c23\n  \
sbi preprocess -d Celeb-real --limit 10 --detector retinaface-mnet\n  \
sbi preprocess -i photos/ -o portraits\n\n\
Writes frames/, landmarks/ and retina/ beside the set's videos/ (with -o: into its folder), and preprocess_SET.json and .txt, which tell what \
became of every video. A second run does only what is missing.")]
    Preprocess(PreprocessArgs),
    /// Train a detector on a prepared set
    #[command(
        after_help = "Examples:\n  sbi train configs/base.json\n  sbi train configs/base.json -n first --set \
data.compression=c23 --set batch_size=8\n  sbi train --resume output/first_base_11_23_18_00_00\n  sbi train \
--print-config configs/tiny.json\n\n\
Writes OUTPUT/NAME_CONFIG_DATE/: the best checkpoints and the last, logs, curves. Ctrl-C saves; --resume goes on."
    )]
    Train(TrainArgs),
    /// Look at self-blended fakes: a sheet of pairs, their masks and parameters
    #[command(
        after_help = "Examples:\n  sbi preview -d Original -c c23\n  sbi preview configs/base.json -c c23\n  \
sbi preview -i portrait.jpg -n 4 -o sheet.png\n  sbi preview -d Original -n 500 --save pairs/\n\n\
A set must have been prepared with `sbi preprocess`; in photographs and videos given with -i, faces are found first."
    )]
    Preview(PreviewArgs),
    /// Cut the faces out of a test set once, for many runs of `infer`
    #[command(after_help = "Example:\n  sbi npy-pack -d FF -c c23\n\n\
Writes DATA_ROOT/npy/FF/: 1.npy, 1_idx.npy, … , target_list.npy and manifest.json. A second run continues \
where the first one stopped.")]
    NpyPack(NpyPackArgs),
    /// Score videos, photographs or a whole test set
    #[command(
        after_help = "Examples:\n  sbi infer -i video.mp4\n  sbi infer -w weights/EG-weights.tar -i video.mp4 --heatmaps out/\n  \
sbi infer -w weights/EG-weights.tar -i folder/ --annotate out/ --json out/result.json\n  \
sbi infer -w weights/EG-weights.tar -d CDF\n  sbi infer -w weights/FFc23.tar --packed data/npy/DFDC\n\n\
A score is the probability of a forgery, from 0 (real) to 1 (fake)."
    )]
    Infer(InferArgs),
    /// Measure how a detector holds when images get worse: JPEG, blur, noise, resizing, darkness
    #[command(after_help = "Examples:\n  sbi robustness -d CDF -n 8 --plot cdf.png\n  \
sbi robustness -w weights/FFc23.tar --packed data/npy/DFDC --json dfdc.json\n\n\
Every face is scored as it is and in five severities of each kind: 26 times the work of infer.")]
    Robustness(RobustnessArgs),
    /// Find out what a detector's scores mean, so that infer gives verdicts with it
    #[command(
        after_help = "Examples:\n  sbi calibrate -w weights/EG-weights.tar -d CDF -o eg-cdf.safetensors\n  \
sbi calibrate -w weights/EG-weights.tar --packed data/npy/mine -o eg-mine.safetensors\n  \
sbi calibrate -w output/run/weights/8_0.9700_val.tar --pairs configs/default.json -o mine.safetensors\n\n\
Fits a threshold and a temperature on labelled videos of your own, or on the pairs that training held out, and writes\n\
the detector with them. Do not measure on the videos that you calibrate with."
    )]
    Calibrate(CalibrateArgs),
    /// Convert a weight file: PyTorch zip, legacy PyTorch or safetensors to PyTorch zip or safetensors
    #[command(after_help = "Examples:\n  sbi convert weights/EG-weights.tar eg.safetensors\n  \
sbi convert retinaface_resnet50.zip retinaface.pth\n\n\
The form of OUT follows its extension: .safetensors, or .tar, .pth, .pt for PyTorch's zip format.")]
    Convert(ConvertArgs),
    /// Measure how fast this machine is at each stage
    #[command(
        after_help = "Examples:\n  sbi bench\n  sbi bench -w weights/EG-weights.tar --seconds 5 --json speed.json\n\n\
Inputs are made. Shares are of what this machine reaches in multiplying matrices."
    )]
    Bench(BenchArgs),
    /// Say what is installed and what is missing
    #[command(after_help = "Example:\n  sbi doctor")]
    Doctor(DoctorArgs),
}

/// Flags that choose and set up the face detector.
#[derive(Debug, Args)]
pub struct FaceDetectorArgs {
    /// Face detector: auto, retinaface-r50 (as published) or retinaface-mnet (small, fast)
    #[arg(long, default_value = "auto", value_name = "NAME")]
    pub detector: FaceDetectorChoice,
    /// Its weight file; default: the usual file in weights/
    #[arg(long, value_name = "FILE")]
    pub detector_weights: Option<PathBuf>,
    /// Longest side, in pixels, that frames are brought to before detection
    #[arg(long, value_name = "PIXELS", value_parser = detector_side)]
    pub max_size: Option<usize>,
}

/// Flags that say which frames of which videos.
#[derive(Debug, Args)]
pub struct SamplingArgs {
    /// Frames per video, spread evenly
    #[arg(short = 'n', long = "frames", value_name = "N", value_parser = positive)]
    pub frames: Option<usize>,
    /// Compression level of FaceForensics++: raw, c23 or c40
    #[arg(short, long, default_value = "raw", value_name = "LEVEL")]
    pub compression: Compression,
    /// Go on without the videos that a list names but the disk lacks
    #[arg(long)]
    pub allow_missing: bool,
    /// Only the first N videos
    #[arg(long, value_name = "N", value_parser = positive)]
    pub limit: Option<usize>,
    /// Videos decoded at the same time
    #[arg(short, long, value_name = "N", value_parser = positive)]
    pub jobs: Option<usize>,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("source").required(true).args(["dataset", "input"])))]
pub struct PreprocessArgs {
    /// Set: Original, DeepFakeDetection_original, DeepFakeDetection, FaceShifter, Face2Face, Deepfakes, FaceSwap,
    /// NeuralTextures, Celeb-real, Celeb-synthesis, YouTube-real, DFDC, DFDCP
    #[arg(short, long, value_name = "SET")]
    pub dataset: Option<SourceSet>,
    /// Photographs and videos, or folders of them, instead of a published set
    #[arg(short, long, value_name = "PATH", num_args = 1.., requires = "output")]
    pub input: Vec<PathBuf>,
    /// With -i: the set that is made, a name under the data root or a path
    #[arg(short, long, value_name = "SET", conflicts_with = "dataset")]
    pub output: Option<PathBuf>,
    /// Compression level of FaceForensics++: raw, c23 or c40
    #[arg(short, long, default_value = "raw", value_name = "LEVEL")]
    pub compression: Compression,
    /// Frames per video, spread evenly
    #[arg(short = 'n', long = "frames", value_name = "N", value_parser = positive)]
    pub frames: Option<usize>,
    /// What to find: landmarks, boxes, or both with a comma between
    #[arg(long, default_value = "landmarks,boxes", value_name = "STEPS")]
    pub steps: Steps,
    #[command(flatten)]
    pub landmarks: LandmarkArgs,
    #[command(flatten)]
    pub detector: FaceDetectorArgs,
    /// Frames worked on at the same time; default: one per core
    #[arg(short, long, value_name = "N", value_parser = positive)]
    pub jobs: Option<usize>,
    /// Prepare everything anew
    #[arg(long)]
    pub overwrite: bool,
    /// Only the first N videos
    #[arg(long, value_name = "N", value_parser = positive)]
    pub limit: Option<usize>,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("source").required(true).args(["config", "dataset", "input"])))]
pub struct PreviewArgs {
    /// Training configuration: its set, seed and image size are used
    #[arg(value_name = "CONFIG")]
    pub config: Option<PathBuf>,
    /// Prepared set: a name that preprocess has, or a set made with its -o
    #[arg(short, long, value_name = "SET")]
    pub dataset: Option<String>,
    /// Photographs, videos, or folders of them
    #[arg(short, long, value_name = "PATH", num_args = 1..)]
    pub input: Vec<PathBuf>,
    /// Compression level of FaceForensics++: raw, c23 or c40
    #[arg(short, long, value_name = "LEVEL")]
    pub compression: Option<Compression>,
    /// How many pairs
    #[arg(short = 'n', long, value_name = "N", value_parser = positive)]
    pub pairs: Option<usize>,
    /// The sheet's file; default: preview.png, with --save none
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write the pairs as PNG files with their masks, and pairs.json with all parameters
    #[arg(long, value_name = "DIR")]
    pub save: Option<PathBuf>,
    /// Seed of all draws
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Side of the pairs in pixels
    #[arg(long, value_name = "PIXELS", value_parser = image_side)]
    pub image_size: Option<usize>,
    /// As which phase makes them: train, or val (not mirrored, no joint transforms)
    #[arg(long, default_value = "train", value_name = "PHASE")]
    pub phase: PhaseName,
    #[command(flatten)]
    pub landmarks: LandmarkArgs,
    #[command(flatten)]
    pub detector: FaceDetectorArgs,
}

/// When a pair is made.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PhaseName {
    /// Training
    Train,
    /// Validation
    Val,
}

/// Flags that choose and set up the landmark model.
#[derive(Debug, Args)]
pub struct LandmarkArgs {
    /// dlib shape predictor with 68 or 81 points; default: the 81-point file in weights/, else the 68-point one
    #[arg(long, value_name = "FILE")]
    pub landmark_model: Option<PathBuf>,
    /// With 68 points, leave the forehead out instead of estimating its 13 points
    #[arg(long)]
    pub no_forehead: bool,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("run").required(true).args(["config", "resume"])))]
pub struct TrainArgs {
    /// Configuration, such as configs/base.json
    #[arg(value_name = "CONFIG")]
    pub config: Option<PathBuf>,
    /// What the run is called
    #[arg(short, long, value_name = "NAME", default_value = "run")]
    pub name: String,
    /// Folder of all runs
    #[arg(long, value_name = "DIR", default_value = "output")]
    pub output: PathBuf,
    /// Folder of a run that goes on where it stopped
    #[arg(long, value_name = "RUN")]
    pub resume: Option<PathBuf>,
    /// Set a value of the configuration, such as optim.lr=0.01; may be given again
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "resume")]
    pub set: Vec<String>,
    /// Print the configuration with all its defaults and stop
    #[arg(long, conflicts_with = "resume")]
    pub print_config: bool,
}

#[derive(Debug, Args)]
pub struct NpyPackArgs {
    /// Test set: FF (or FF/Deepfakes, …), DFD, DFDC, DFDCP, FFIW, CDF
    #[arg(short, long, value_name = "TEST")]
    pub dataset: TestSet,
    /// Folder to write; default: DATA_ROOT/npy/TEST
    #[arg(short, long, value_name = "DIR")]
    pub save: Option<PathBuf>,
    #[command(flatten)]
    pub sampling: SamplingArgs,
    #[command(flatten)]
    pub detector: FaceDetectorArgs,
    /// Pack all videos anew
    #[arg(long)]
    pub overwrite: bool,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("source").required(true).args(["dataset", "input", "packed"])))]
pub struct InferArgs {
    /// Weights of the deepfake detector (SBI or EG; any of the known file forms); default: the detector in the box
    #[arg(short, long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Test set; its packed folder is used when there is one, else its videos
    #[arg(short, long, value_name = "TEST")]
    pub dataset: Option<TestSet>,
    /// Photographs, videos, or folders of them
    #[arg(short, long, value_name = "PATH", num_args = 1..)]
    pub input: Vec<PathBuf>,
    /// Folder written by npy-pack, or by the original programs
    #[arg(long, value_name = "DIR")]
    pub packed: Option<PathBuf>,
    #[command(flatten)]
    pub sampling: SamplingArgs,
    #[command(flatten)]
    pub detector: FaceDetectorArgs,
    /// Faces scored at once
    #[arg(short, long, value_name = "N", value_parser = positive)]
    pub batch_size: Option<usize>,
    /// Score in half precision on a CUDA device, and say how far scores move by it
    #[arg(long)]
    pub half: bool,
    /// Write everything that was found out as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write one line per video as CSV
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write copies of the inputs with faces and scores drawn in
    #[arg(long, value_name = "DIR")]
    pub annotate: Option<PathBuf>,
    /// Write a sheet per input that shows where in its most suspicious faces the score comes from
    #[arg(long, value_name = "DIR")]
    pub heatmaps: Option<PathBuf>,
    /// Score from which a video is rather fake than real; default: what the weight file says, if it does
    #[arg(long, value_name = "T", value_parser = probability)]
    pub threshold: Option<f64>,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("source").required(true).args(["dataset", "packed"])))]
pub struct RobustnessArgs {
    /// Weights of the deepfake detector; default: the detector in the box
    #[arg(short, long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Test set; its packed folder is used when there is one, else its videos
    #[arg(short, long, value_name = "TEST")]
    pub dataset: Option<TestSet>,
    /// Folder written by npy-pack, or by the original programs
    #[arg(long, value_name = "DIR")]
    pub packed: Option<PathBuf>,
    #[command(flatten)]
    pub sampling: SamplingArgs,
    #[command(flatten)]
    pub detector: FaceDetectorArgs,
    /// Faces scored at once
    #[arg(short, long, value_name = "N", value_parser = positive)]
    pub batch_size: Option<usize>,
    /// Write the numbers as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draw AUC and score shifts over the severities as a PNG
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("source").required(true).args(["dataset", "packed", "pairs"])))]
pub struct CalibrateArgs {
    /// Weights of the deepfake detector
    #[arg(short, long, value_name = "FILE")]
    pub weights: PathBuf,
    /// File to write; its extension says in which form
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Labelled test set
    #[arg(short, long, value_name = "TEST")]
    pub dataset: Option<TestSet>,
    /// Folder written by npy-pack
    #[arg(long, value_name = "DIR")]
    pub packed: Option<PathBuf>,
    /// Training configuration, whose held-out pairs are used
    #[arg(long, value_name = "CONFIG")]
    pub pairs: Option<PathBuf>,
    /// With --pairs: set a value of the configuration, such as seed=1; may be given again
    #[arg(long, value_name = "KEY=VALUE", requires = "pairs")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub sampling: SamplingArgs,
    #[command(flatten)]
    pub detector: FaceDetectorArgs,
    /// Replace OUTPUT when it exists
    #[arg(long)]
    pub overwrite: bool,
    /// Element type of the numbers written; default: as they are
    #[arg(long, value_name = "TYPE")]
    pub precision: Option<Precision>,
}

#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// Weight file to read
    pub input: PathBuf,
    /// File to write
    pub output: PathBuf,
    /// Replace OUT when it exists
    #[arg(long)]
    pub overwrite: bool,
    /// Leave out what only training uses: EG's face encoder, its other heads and its reconstruction network
    #[arg(long)]
    pub detector_only: bool,
    /// Element type of the numbers written; default: as they are
    #[arg(long, value_name = "TYPE")]
    pub precision: Option<Precision>,
}

/// Element type of written weights.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Precision {
    /// 32-bit floats
    F32,
    /// 16-bit floats: half the size, about three decimal digits
    F16,
}

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Weights of the deepfake detector; default: the detector in the box
    #[arg(short, long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Faces scored at once
    #[arg(short, long, value_name = "N", default_value_t = 8, value_parser = positive)]
    pub batch_size: usize,
    /// How long each stage is measured
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = seconds)]
    pub seconds: f64,
    /// Write the numbers as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a whole number of at least 1".to_owned()),
        Ok(number) => Ok(number),
    }
}

fn detector_side(text: &str) -> Result<usize, String> {
    const SIDES: std::ops::RangeInclusive<usize> = 64..=8192;
    match text.parse() {
        Ok(side) if SIDES.contains(&side) => Ok(side),
        _ => Err(format!("expected a number of pixels from {} to {}", SIDES.start(), SIDES.end())),
    }
}

fn image_side(text: &str) -> Result<usize, String> {
    const SIDES: std::ops::RangeInclusive<usize> = 16..=4096;
    match text.parse() {
        Ok(side) if SIDES.contains(&side) => Ok(side),
        _ => Err(format!("expected a number of pixels from {} to {}", SIDES.start(), SIDES.end())),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.01..=600.0).contains(&value) => Ok(value),
        _ => Err("expected a number of seconds from 0.01 to 600".to_owned()),
    }
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("expected a number from 0 to 1".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn the_original_commands_parse() {
        let cli = Cli::try_parse_from(["sbi", "infer", "-w", "weights/EG-weights.tar", "-d", "CDF"]).unwrap();
        let Command::Infer(args) = cli.command else { panic!("not infer") };
        assert_eq!(args.dataset, Some(TestSet::Cdf));
        Cli::try_parse_from(["sbi", "npy-pack", "-d", "FF", "-c", "c23", "-n", "32", "-s", "out"]).unwrap();
    }

    #[test]
    fn one_source_is_needed_and_only_one() {
        assert!(Cli::try_parse_from(["sbi", "infer", "-w", "x"]).is_err());
        assert!(Cli::try_parse_from(["sbi", "infer", "-w", "x", "-d", "FF", "-i", "y"]).is_err());
    }
}
