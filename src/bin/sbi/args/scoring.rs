//! Commands that score faces: `infer`, `robustness` and `calibrate`.

use super::shared::{CropArgs, FaceDetectorArgs, SamplingArgs, ShardArgs, TestSetArgs};
use super::values::{positive, probability};
use super::weights::Precision;
use clap::Args;
use sbi::infer::OtherProtocol;
use sbi::metrics::OverFrames;
use sbi::model::{Normalisation, Views};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sbi infer video.mp4 --report report.html\n  find -name '*.mp4' | sbi infer -i - --jsonl\n  sbi infer @list.txt --jsonl out.jsonl --resume\n  sbi infer @list.txt --shard 3/8 --json out.json\n  sbi infer -w weights/EG-weights.tar -i video.mp4 --heatmaps out/\n  \
sbi infer -w weights/EG-weights.tar -i folder/ --annotate out/ --json out/result.json\n  \
sbi infer -w weights/EG-weights.tar -d CDF\n  sbi infer --labels folder/labels.csv\n  sbi infer -w weights/FFc23.tar --packed data/npy/DFDC\n\n\
A score is the probability of a forgery, from 0 (real) to 1 (fake)."
)]
#[command(group(clap::ArgGroup::new("source").required(true).multiple(true).args(["dataset", "files", "input", "packed", "labels", "list"])))]
pub struct InferArgs {
    /// Photographs, videos, or folders of them; - reads a list of paths from standard input, @FILE from a file
    #[arg(value_name = "PATH", conflicts_with_all = ["dataset", "packed", "list"])]
    pub files: Vec<PathBuf>,
    /// Weights of the deepfake detector (SBI or EG; any of the known file forms); default: the detector in the box
    #[arg(short, long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// The same, as an option
    #[arg(short, long, value_name = "PATH", num_args = 1.., conflicts_with_all = ["dataset", "packed", "list"])]
    pub input: Vec<PathBuf>,
    /// Lists have a zero byte behind each path instead of a line's end, as `find -print0` writes them
    #[arg(short = '0', long)]
    pub null: bool,
    /// CSV table with the columns file and label (and kind, source, pair, as far as known): metrics for any files; without
    /// -i all that it names are scored
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dataset", "packed", "list"])]
    pub labels: Option<PathBuf>,
    /// A list of DeepfakeBench (JSON), whose crops are scored
    #[arg(long, value_name = "FILE", requires = "root", conflicts_with_all = ["dataset", "packed"])]
    pub list: Option<PathBuf>,
    /// With --list: the folder that its paths begin in
    #[arg(long, value_name = "DIR", requires = "list")]
    pub root: Option<PathBuf>,
    /// With --list: train, val or test
    #[arg(long, default_value = "test", value_name = "SPLIT", requires = "list")]
    pub split: String,
    /// Compute another protocol's numbers beside the published ones: deepfakebench
    #[arg(long, value_name = "NAME")]
    pub protocol: Option<OtherProtocol>,
    /// How pixels are normalised: unit, imagenet or half; default: as the weight file says, or is taken to mean
    #[arg(long, value_name = "NAME")]
    pub input_normalisation: Option<Normalisation>,
    #[command(flatten)]
    pub test_set: TestSetArgs,
    #[command(flatten)]
    pub sampling: SamplingArgs,
    #[command(flatten)]
    pub detector: FaceDetectorArgs,
    /// With MobileNet: look for faces in whole frames at once, not in small ones first
    #[arg(long)]
    pub full_frames: bool,
    #[command(flatten)]
    pub crop: CropArgs,
    /// Faces scored at once
    #[arg(short, long, value_name = "N", value_parser = positive)]
    pub batch_size: Option<usize>,
    /// Score in half precision on a CUDA device, and say how far scores move by it
    #[arg(long)]
    pub half: bool,
    /// Write everything that was found out as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write one line of JSON per input as soon as it is scored; without FILE or with - to standard output, in place of the
    /// table
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub jsonl: Option<PathBuf>,
    /// Go on with the file of --jsonl: files whose results it has are not scored again, unless they have changed
    #[arg(long, requires = "jsonl")]
    pub resume: bool,
    /// Write one line per video as CSV
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write copies of the inputs with persons and scores drawn in
    #[arg(long, value_name = "DIR")]
    pub annotate: Option<PathBuf>,
    /// Write a sheet per input that shows where in its most suspicious faces the score comes from
    #[arg(long, value_name = "DIR")]
    pub heatmaps: Option<PathBuf>,
    /// Write a report for people: one HTML file with verdicts, reasons, curves, faces and heat maps
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Score from which a video is rather fake than real; default: what the weight file says, if it does
    #[arg(long, value_name = "T", value_parser = probability)]
    pub threshold: Option<f64>,
    #[command(flatten)]
    pub shard: ShardArgs,
    #[command(flatten)]
    pub views: ViewsArgs,
}

/// What scores are made of.
#[derive(Debug, Args)]
pub struct ViewsArgs {
    /// Score mirror images of faces as well; without this, controls and --log-odds: what the weight file says
    #[arg(long)]
    pub mirrored: bool,
    /// Take this share of a control's log odds off a face's: of the same crop, its inner face blurred
    #[arg(long, value_name = "SHARE", value_parser = probability)]
    pub inner_control: Option<f64>,
    /// The same with the crop blurred around its inner face
    #[arg(long, value_name = "SHARE", value_parser = probability)]
    pub outer_control: Option<f64>,
    /// Make a video's score of the mean of its frames' log odds instead of the mean of their scores
    #[arg(long)]
    pub log_odds: bool,
}

impl ViewsArgs {
    /// `None` where nothing was said.
    pub fn views(&self) -> Option<Views> {
        let said =
            self.mirrored || self.log_odds || self.inner_control.is_some() || self.outer_control.is_some();
        said.then(|| Views {
            mirrored: self.mirrored,
            inner_control: self.inner_control.unwrap_or(0.0),
            outer_control: self.outer_control.unwrap_or(0.0),
            over_frames: if self.log_odds { OverFrames::LogOdds } else { OverFrames::Mean },
        })
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sbi infer -i video.mp4 --json result.json\n  sbi verify result.json\n  \
sbi verify result.json --files copies/ -w copies/weights.tar\n\n\
Checks that the result is as it was written and that videos and weights are the same files, scores them again with the\n\
same settings and says whether the same comes out. Exit status: 0 the same to the last bit or within 1e-5; 1 something\n\
differs; 2 it is no result that can be repeated."
)]
pub struct VerifyArgs {
    /// JSON that infer has written
    pub result: PathBuf,
    /// The forgery detector's weights, if they are no longer where they were
    #[arg(short, long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// The face detector's weights, if they are no longer where they were
    #[arg(long, value_name = "FILE")]
    pub detector_weights: Option<PathBuf>,
    /// Folder in and below which videos and photographs are looked for by their names
    #[arg(long, value_name = "DIR")]
    pub files: Option<PathBuf>,
    /// Write what was found out as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  sbi robustness -d CDF -n 8 --plot cdf.png\n  \
sbi robustness -w weights/FFc23.tar --packed data/npy/DFDC --json dfdc.json\n\n\
Every face is scored as it is and in five severities of each kind: 26 times the work of infer.")]
#[command(group(clap::ArgGroup::new("source").required(true).args(["dataset", "packed", "labels"])))]
pub struct RobustnessArgs {
    /// Weights of the deepfake detector; default: the detector in the box
    #[arg(short, long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    #[command(flatten)]
    pub test_set: TestSetArgs,
    /// CSV table with the columns file and label, whose files are scored
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    #[command(flatten)]
    pub sampling: SamplingArgs,
    #[command(flatten)]
    pub detector: FaceDetectorArgs,
    #[command(flatten)]
    pub crop: CropArgs,
    #[command(flatten)]
    pub shard: ShardArgs,
    /// Faces scored at once
    #[arg(short, long, value_name = "N", value_parser = positive)]
    pub batch_size: Option<usize>,
    /// Write the numbers as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draw AUC and score shifts over the severities as a PNG
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Write a report for people: one HTML file with curves and numbers
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sbi calibrate -w weights/EG-weights.tar -d CDF -o eg-cdf.safetensors\n  \
sbi calibrate -w weights/EG-weights.tar --packed data/npy/mine -o eg-mine.safetensors\n  \
sbi calibrate -w weights/EG-weights.tar --labels mine/labels.csv -o eg-mine.safetensors\n  \
sbi calibrate -w output/run/weights/8_0.9700_val.tar --pairs configs/default.json -o mine.safetensors\n\n\
Fits a threshold, a temperature and likelihood ratios on labelled videos of your own, or the first two on the pairs that\n\
training held out, and writes the detector with them. Do not measure on the videos that you calibrate with."
)]
#[command(group(clap::ArgGroup::new("source").required(true).args(["dataset", "packed", "labels", "result", "pairs"])))]
pub struct CalibrateArgs {
    /// Weights of the deepfake detector
    #[arg(short, long, value_name = "FILE")]
    pub weights: PathBuf,
    /// File to write; its extension says in which form
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    #[command(flatten)]
    pub test_set: TestSetArgs,
    /// CSV table with the columns file and label (and kind, source, person, pair, as far as known), whose files are scored
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// JSON that infer has written for labelled videos with these weights: nothing is scored again
    #[arg(long, value_name = "JSON")]
    pub result: Option<PathBuf>,
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
    #[command(flatten)]
    pub views: ViewsArgs,
    #[command(flatten)]
    pub crop: CropArgs,
    /// Replace OUTPUT when it exists
    #[arg(long)]
    pub overwrite: bool,
    /// Element type of the numbers written; default: as they are
    #[arg(long, value_name = "TYPE")]
    pub precision: Option<Precision>,
}
