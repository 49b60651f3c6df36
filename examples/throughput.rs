//! Measures the networks and self-blending as `sbi` runs them, one JSON line per repeat.
//!
//!     throughput weights DIR                           writes b4.pth, eg.tar and r50.pth, filled and untrained
//!     throughput frame DIR                             writes DIR/frame.png again, as preprocessing writes frames
//!     throughput b4 DIR/b4.pth --batch 8 --seconds 5   the face classifier
//!     throughput r50 DIR/r50.pth                       the face detector's network alone
//!     throughput r50 DIR/r50.pth --whole               the same with resizing, decoding and suppression
//!     throughput pairs DIR                             self-blended pairs from frame.png, landmarks.npy and
//!                                                      boxes.npy in DIR, on one thread
//!     throughput loader SET --threads 2                batches of pairs from a prepared set, such as
//!                                                      data/Celeb-DF-v2/Celeb-real
//!     throughput train DIR/eg.tar --batch 4            steps of EG's training on b4: both passes of SAM and the update
//!     throughput train-light DIR --batch 16            the same of SBI's on lite0, with pairs of DIR as they are made
//!
//! With `--wait` each repeat begins when a line arrives on standard input, so that another program can be
//! measured in turn with this one on a machine that is not quiet.

use clap::{Args, Parser, Subcommand};
use sbi::blending::{Extras, Phase, Recipe};
use sbi::checkpoint::{self, StateDict};
use sbi::datasets::{Compression, SetVersion, TrainingSet};
use sbi::face::FaceDetector;
use sbi::face::retinaface::{PreparedImages, RetinaFace, input_size};
use sbi::imaging::{read_image, write_planes, write_png};
use sbi::model::efficientnet::Mode;
use sbi::model::face_encoder::FACE_ENCODER_PREFIX;
use sbi::model::initial::initialise;
use sbi::model::objective::{GuideSpec, TrainingModel};
use sbi::model::published::Layout;
use sbi::model::retinaface::RetinaFaceNet;
use sbi::model::weights::load_part;
use sbi::model::{
    Execution, ForgeryDetector, InputSpec, Method, Normalisation, RetinaFaceBody, efficientnet, fill,
};
use sbi::prepared_frames::FrameFiles;
use sbi::rng::{Purpose, generator};
use sbi::train::config::Amp;
use sbi::train::precision::{LossScale, Precision};
use sbi::train::step::{StepSetting, train_step};
use sbi::train::{Deal, Loader, LoaderConfig, Optimiser, OptimiserSpec, PairBatch};
use sbi::training_pairs::{FrameSelection, VideoChoice, read_pair};
use sbi::types::RgbImage;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Instant;
use tch::{Device, Kind, Tensor};

const SEED: u64 = 1;
const FACE_SIDE: i64 = 380;
/// Height and width of the frame that the detectors get.
const FRAME: (usize, usize) = (720, 1280);
const R50_MAX_SIZE: usize = 2048;
const LEARNING_RATE: f64 = 0.001;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write weights for b4 and r50 into a folder
    Weights { folder: PathBuf },
    /// Write a folder's frame.png again, as preprocessing writes frames
    Frame { folder: PathBuf },
    /// EfficientNet-B4 on faces of 380 px
    B4(Measure),
    /// RetinaFace ResNet-50 on a 720p frame, enlarged to 2048
    R50(Measure),
    /// RetinaFace MobileNet-0.25 on a 720p frame
    Mnet(Measure),
    /// Self-blended pairs of 380 px as floats, from the files of a prepared frame
    Pairs(Measure),
    /// Batches of self-blended pairs of 380 px from a prepared set
    Loader(Measure),
    /// Steps of EG's training with SAM on EfficientNet-B4 and images of 380 px
    Train(Measure),
    /// Steps of SBI's training with SAM on EfficientNet-Lite0 and images of 224 px, with the loader that feeds it
    TrainLight(Measure),
}

#[derive(Args)]
struct Measure {
    /// Weights, or the folder of the frame or set
    weights: PathBuf,
    /// Faces at once (b4), pairs in a batch (loader, train)
    #[arg(long, default_value_t = 8)]
    batch: i64,
    /// Threads that make pairs (loader)
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Length of a repeat
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// Start each repeat at a line on standard input; its end ends the program
    #[arg(long)]
    wait: bool,
    /// libtorch's own operators instead of the compiled form
    #[arg(long)]
    plain: bool,
    /// Detectors: everything from image to boxes instead of the network alone
    #[arg(long)]
    whole: bool,
    /// One thread, and rates per second of processor time: for a machine that others use too
    #[arg(long)]
    cpu_time: bool,
}

fn main() -> anyhow::Result<()> {
    sbi::native::process::tune_allocator();
    match Cli::parse().command {
        Command::Weights { folder } => write_weights(&folder),
        Command::Frame { folder } => prepare_frame(&folder.join("frame.png")),
        Command::B4(args) => measure_b4(&args),
        Command::R50(args) => measure_face_detector(&args, RetinaFaceBody::ResNet50),
        Command::Pairs(args) => measure_pairs(&args),
        Command::Loader(args) => measure_loader(&args),
        Command::Train(args) => measure_train(&args),
        Command::TrainLight(args) => measure_light(&args),
        Command::Mnet(args) => measure_face_detector(&args, RetinaFaceBody::MobileNet025),
    }
}

fn write_weights(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let layouts = [
        ("b4.pth", Layout::ForgeryDetector(Method::Sbi, b4())),
        ("eg.tar", Layout::ForgeryDetector(Method::Eg, b4())),
        ("r50.pth", Layout::RetinaFace(RetinaFaceBody::ResNet50)),
    ];
    for (name, layout) in layouts {
        checkpoint::write_bare_torch(&folder.join(name), &layout.filled(SEED)?)?;
    }
    Ok(())
}

fn prepare_frame(path: &Path) -> anyhow::Result<()> {
    Ok(write_png(path, &read_image(path)?)?)
}

fn b4() -> efficientnet::Variant {
    efficientnet::Variant::named("efficientnet-b4").expect("one of the published sizes")
}

/// How the networks run, with the cores shared out as `sbi` does it: threads of libtorch that wait for one another busily
/// would take the engine's.
fn execution(args: &Measure) -> Execution {
    sbi::native::process::share_cores(args.cpu_time.then_some(1), args.plain);
    match args.plain {
        true => Execution::plain(Device::Cpu),
        false => Execution::fastest(Device::Cpu),
    }
}

fn measure_b4(args: &Measure) -> anyhow::Result<()> {
    let detector = ForgeryDetector::load(&args.weights, execution(args))?;
    let x = input("faces", &[args.batch, 3, FACE_SIDE, FACE_SIDE]);
    repeat(args, "faces/s", args.batch as usize, || {
        let logits = tch::no_grad(|| detector.logits(&x));
        Ok(Vec::<f32>::try_from(logits.flatten(0, -1))?)
    })
}

fn measure_face_detector(args: &Measure, body: RetinaFaceBody) -> anyhow::Result<()> {
    let (height, width) = FRAME;
    let image = RgbImage::from_raw(width, height, fill::image("frame", height, width, SEED));
    let max_size = (body == RetinaFaceBody::ResNet50).then_some(R50_MAX_SIZE);
    if args.whole {
        let detector = RetinaFace::load(body, &args.weights, max_size, execution(args))?;
        return repeat(args, "frames/s", 1, || {
            let faces = detector.detect(&[&image])?;
            Ok(vec![faces[0].len() as f32])
        });
    }
    let state: StateDict = checkpoint::read(&args.weights)?.state;
    let net = RetinaFaceNet::new(body, &state, &args.weights, execution(args))?;
    // From the frame in the network's size to each level's outputs, as the detector takes them.
    let frame = PreparedImages::new(&[&image], body, input_size(&image, max_size))?;
    repeat(args, "frames/s", 1, || {
        let levels = tch::no_grad(|| net.forward_images(&frame))?;
        // The boxes of the first position's anchors.
        Ok(Vec::<f32>::try_from(levels[0].flatten(0, -1).slice(0, 0, 8, 1).contiguous())?)
    })
}

/// A repeat's unit is one round of these recipes, so that every kind of sample has its share.
const RECIPES: u64 = 64;

fn measure_pairs(args: &Measure) -> anyhow::Result<()> {
    sbi::native::process::set_threads(1);
    let side = FACE_SIDE as usize;
    let mut planes = vec![0.0; 2 * 3 * side * side];
    let at = |name: &str| args.weights.join(name);
    let (landmarks, boxes) = (at("landmarks.npy"), at("boxes.npy"));
    let files = FrameFiles { frame: at("frame.png"), landmarks, boxes, archived: None };
    repeat(args, "pairs/s", RECIPES as usize, || {
        for index in 0..RECIPES {
            let recipe = Recipe::draw(&mut generator(SEED, 0, index, Purpose::Sample), Phase::Train);
            let pair = read_pair(&files, &recipe, side)?;
            let (fake, real) = planes.split_at_mut(3 * side * side);
            write_planes(&pair.fake, fake);
            write_planes(&pair.real, real);
        }
        Ok(Vec::new())
    })
}

/// Whole epochs of batches from a prepared set, as training gets them.
fn measure_loader(args: &Measure) -> anyhow::Result<()> {
    let selection = FrameSelection {
        folder: args.weights.clone(),
        videos: VideoChoice::All,
        per_video: usize::MAX,
        min_face: 0.0,
        set: SetVersion { set: TrainingSet::Folder(args.weights.clone()), compression: Compression::Raw },
    };
    let config = LoaderConfig {
        pairs: args.batch as usize,
        image_size: FACE_SIDE as usize,
        phase: Phase::Train,
        seed: SEED,
        threads: args.threads,
        read_ahead: 4,
        extras: Extras::default(),
        masks: false,
        drop_last: false,
        deal: Deal::All,
        device: Device::Cpu,
    };
    let loader = Loader::new(selection.list()?.frames, config);
    let mut number = 0;
    repeat(args, "pairs/s", loader.frames().len(), || {
        number += 1;
        for batch in loader.epoch(number, 0) {
            batch?;
        }
        Ok(Vec::new())
    })
}

/// The result to compare is the first pass without dropout: loss terms and the gradient's length.
fn measure_train(args: &Measure) -> anyhow::Result<()> {
    if args.cpu_time {
        sbi::native::process::set_threads(1);
    }
    let state: StateDict = checkpoint::read(&args.weights)?.state;
    let spec = GuideSpec::default();
    let encoder = spec.face_encoder(&state, Execution::plain(Device::Cpu))?;
    let model = TrainingModel::new(b4(), Some((spec, encoder)), InputSpec::default(), Device::Cpu)?;
    let of_encoder = |name: &str| name.starts_with(FACE_ENCODER_PREFIX);
    load_part(model.variables(), "", &state, "the detector", &args.weights, of_encoder)?;
    let shape = [args.batch, 3, FACE_SIDE, FACE_SIDE];
    let (real, fake) = (input("real", &shape), input("fake", &shape));
    let whole = args.batch as usize;
    let batch =
        PairBatch { real, fake, masks: None, frames: Vec::new(), replaced: 0, number: 0, first: 0, whole };
    let mut sam = Optimiser::new(OptimiserSpec::PUBLISHED, model.parameters());
    let losses = model.losses(
        &model.pairs(batch.real.shallow_clone(), batch.fake.shallow_clone(), None),
        Mode::FusedStatistics,
    );
    losses.total.backward();
    let mut check: Vec<f32> = losses.terms.iter().map(|(_, term)| term.double_value(&[]) as f32).collect();
    check.push(sam.gradient_norm() as f32);
    drop(losses);
    let mut number = 0;
    repeat(args, "pairs/s", args.batch as usize, || {
        number += 1;
        let setting = StepSetting {
            lr: LEARNING_RATE,
            seed: SEED,
            epoch: 0,
            step: number,
            precision: Precision::new(Amp::Off, Device::Cpu),
            scale: LossScale::default(),
            stop: false,
        };
        let report = train_step(&model, &mut sam, std::slice::from_ref(&batch), &setting);
        anyhow::ensure!(report.is_finite(), "the loss is not finite");
        Ok(check.clone())
    })
}

/// Pairs of one frame, over and over, made by as many threads as asked for while steps are under way.
fn measure_light(args: &Measure) -> anyhow::Result<()> {
    const SIDE: usize = 224;
    const BATCHES: usize = 1000;
    let lite = efficientnet::Variant::named("efficientnet-lite0").expect("one of the published sizes");
    let input =
        InputSpec { normalisation: Normalisation::ImageNet, side: SIDE as i64, ..InputSpec::default() };
    let model = TrainingModel::new(lite, None, input, Device::Cpu)?;
    initialise(model.variables(), SEED);
    let mut sam = Optimiser::new(OptimiserSpec::PUBLISHED, model.parameters());
    let at = |name: &str| args.weights.join(name);
    let (landmarks, boxes) = (at("landmarks.npy"), at("boxes.npy"));
    let frame = FrameFiles { frame: at("frame.png"), landmarks, boxes, archived: None };
    let config = LoaderConfig {
        pairs: args.batch as usize,
        image_size: SIDE,
        phase: Phase::Train,
        seed: SEED,
        threads: args.threads,
        read_ahead: 3,
        extras: Extras::default(),
        masks: false,
        drop_last: true,
        deal: Deal::All,
        device: Device::Cpu,
    };
    let loader = Loader::new(vec![frame; BATCHES * args.batch as usize], config);
    let mut batches = (0..).flat_map(|epoch| loader.epoch(epoch, 0));
    let mut number = 0;
    repeat(args, "pairs/s", args.batch as usize, || {
        number += 1;
        let batch = batches.next().expect("epochs without end")?;
        let setting = StepSetting {
            lr: LEARNING_RATE,
            seed: SEED,
            epoch: 0,
            step: number,
            precision: Precision::new(Amp::Off, Device::Cpu),
            scale: LossScale::default(),
            stop: false,
        };
        let report = train_step(&model, &mut sam, std::slice::from_ref(&batch), &setting);
        anyhow::ensure!(report.is_finite(), "the loss is not finite");
        Ok(Vec::new())
    })
}

fn input(label: &str, shape: &[i64]) -> Tensor {
    let n = shape.iter().product::<i64>() as usize;
    Tensor::from_slice(&fill::input(label, SEED, n)).view(shape).to_kind(Kind::Float)
}

/// Runs `step`, which handles `items` at once, for the asked time and prints the rate of the median step.
fn repeat(
    args: &Measure,
    unit: &str,
    items: usize,
    mut step: impl FnMut() -> anyhow::Result<Vec<f32>>,
) -> anyhow::Result<()> {
    // Twice: the first call also packs the weights.
    step()?;
    let check = step()?;
    let clock = if args.cpu_time { processor_seconds } else { wall_seconds };
    let mut lines = std::io::stdin().lock().lines();
    for _ in 0..if args.wait { usize::MAX } else { args.repeats } {
        if args.wait && lines.next().transpose()?.is_none() {
            break;
        }
        let mut times = Vec::new();
        let started = clock();
        while times.is_empty() || clock() - started < args.seconds {
            let start = clock();
            step()?;
            times.push(clock() - start);
        }
        times.sort_by(f64::total_cmp);
        let rate = items as f64 / times[times.len() / 2];
        println!(
            "{}",
            serde_json::json!({
                "unit": unit, "rate": rate, "steps": times.len(), "check": check, "peak_mib": peak_mib()
            })
        );
    }
    Ok(())
}

/// The largest resident size so far; null where the kernel does not tell.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

fn wall_seconds() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64()
}

/// Time that this thread has spent on a processor; 0 where the kernel does not tell.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = stat.split_whitespace().next().and_then(|field| field.parse::<f64>().ok());
    nanoseconds.unwrap_or_default() / 1e9
}
