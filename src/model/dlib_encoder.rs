//! dlib's face recognition network as EG's face encoder: 128 numbers of a face of 150 x 150 pixels.
//!
//! The residual network of dlib's example `dnn_face_recognition` (<http://dlib.net>; weights: public domain), built on
//! libtorch so that batches are fast and CUDA works. The affine layer behind each convolution is folded into it.

use super::Error;
use super::layers::{Activation, ConvSpec, ConvUnit, Padding};
use crate::checkpoint::{StateDict, TensorData};
use crate::engine::{Builder, Map, Program};
use crate::native::dlib::DlibFaceNet;
use std::fs::File;
use std::path::Path;
use tch::Tensor;
use tch::nn::{self, Init};

/// Width of the embedding.
pub const EMBEDDING: i64 = DlibFaceNet::EMBEDDING as i64;
/// Side in pixels of the faces it takes.
pub const SIDE: i64 = DlibFaceNet::SIDE as i64;

/// What 1.0 of a face's range 0..1 counts in the network's own range.
const WHITE: f64 = 255.0;
/// What colours, their mean taken, are divided by.
const SCALE: f64 = 256.0;
const STEM_WIDTH: i64 = 32;

/// A run of residual blocks of one width.
struct Stage {
    width: i64,
    blocks: usize,
    /// Whether the first block halves the map.
    halves: bool,
}

const STAGES: [Stage; 5] = [
    Stage { width: 32, blocks: 3, halves: false },
    Stage { width: 64, blocks: 4, halves: true },
    Stage { width: 128, blocks: 3, halves: true },
    Stage { width: 256, blocks: 3, halves: true },
    Stage { width: 256, blocks: 1, halves: true },
];

/// Shapes of the two convolutions of a block. A strided convolution has no padding.
#[derive(Clone, Copy)]
struct BlockSpec {
    conv1: ConvSpec,
    conv2: ConvSpec,
    halves: bool,
}

/// The blocks from the input to the output.
fn blocks() -> Vec<BlockSpec> {
    let mut specs = Vec::new();
    let mut c_in = STEM_WIDTH;
    for Stage { width, blocks, halves } in STAGES {
        for index in 0..blocks {
            let halves = halves && index == 0;
            let first = ConvSpec { bias: true, ..ConvSpec::new(c_in, width, 3) };
            let strided = ConvSpec { stride: 2, padding: Padding::even(0), ..first };
            specs.push(BlockSpec {
                conv1: if halves { strided } else { first },
                conv2: ConvSpec { bias: true, ..ConvSpec::new(width, width, 3) },
                halves,
            });
            c_in = width;
        }
    }
    specs
}

fn stem() -> ConvSpec {
    ConvSpec { stride: 2, padding: Padding::even(0), bias: true, ..ConvSpec::new(3, STEM_WIDTH, 7) }
}

/// The width of the last map.
fn last_width() -> i64 {
    STAGES[STAGES.len() - 1].width
}

/// The network.
pub struct DlibEncoder {
    /// The mean colour, 0..255.
    mean: Tensor,
    stem: ConvUnit,
    blocks: Vec<Block>,
    fc: Tensor,
    program: Option<Program>,
}

struct Block {
    conv1: ConvUnit,
    conv2: ConvUnit,
    halves: bool,
}

impl Block {
    fn forward(&self, x: &Tensor) -> Tensor {
        let y = self.conv1.forward(x, false);
        if !self.halves && x.size()[1] == y.size()[1] {
            return self.conv2.forward_residual(&y, x.shallow_clone());
        }
        let y = self.conv2.forward(&y, false);
        let shortcut = x.avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None::<i64>);
        // The two differ in channels, and by one in side where the map's side is even: what one lacks counts as 0.
        let larger: Vec<i64> = y.size().iter().zip(shortcut.size()).map(|(&a, b)| a.max(b)).collect();
        (enlarged(&y, &larger) + enlarged(&shortcut, &larger)).relu_()
    }

    fn compile(&self, program: &mut Builder, x: Map) -> Map {
        let y = self.conv1.compile(program, x);
        if self.halves {
            let y = self.conv2.compile(program, y);
            return program.mean_shortcut(x, y);
        }
        self.conv2.compile_onto(program, y, x, Activation::Relu)
    }
}

/// `x` with zeros after the last channel, row and column, up to the shape `[n, c, h, w]`.
fn enlarged(x: &Tensor, shape: &[i64]) -> Tensor {
    let lacks: Vec<i64> = shape.iter().zip(x.size()).map(|(&wanted, has)| wanted - has).collect();
    match lacks[..] {
        [0, 0, 0, 0] => x.shallow_clone(),
        _ => x.constant_pad_nd([0, lacks[3], 0, lacks[2], 0, lacks[1]]),
    }
}

impl DlibEncoder {
    /// All parameters under `root`, as [`read`] names them; zero until loaded.
    pub fn new(root: &nn::Path) -> Self {
        let unit = |path: nn::Path, spec, activation| ConvUnit::new(path, spec, None, activation);
        let block = |(index, BlockSpec { conv1, conv2, halves }): (usize, BlockSpec)| {
            let path = root / "blocks" / index;
            Block {
                conv1: unit(&path / "conv1", conv1, Activation::Relu),
                conv2: unit(&path / "conv2", conv2, Activation::None),
                halves,
            }
        };
        DlibEncoder {
            mean: root.zeros_no_train("mean", &[3]),
            stem: unit(root / "conv1", stem(), Activation::Relu),
            blocks: blocks().into_iter().enumerate().map(block).collect(),
            fc: (root / "fc").var("weight", &[EMBEDDING, last_width()], Init::Const(0.0)),
            program: None,
        }
    }

    /// Switches to the compiled form (CPU). Later changes of the weights no longer take effect.
    pub fn compile(&mut self) {
        let (mut program, x) = Builder::new(3);
        let stem = self.stem.compile(&mut program, x);
        let pooled = program.max_pool(stem, Padding::even(0));
        let last = self.blocks.iter().fold(pooled, |y, block| block.compile(&mut program, y));
        self.program = Some(program.finish(&[last]));
    }

    /// Embeddings `[n, 128]` of faces `[n, 3, 150, 150]`, RGB, 0..1.
    pub fn embed(&self, faces: &Tensor) -> Tensor {
        let x = (faces * WHITE - self.mean.view([1, 3, 1, 1])) / SCALE;
        let x = match &self.program {
            Some(program) => program.run(&x).swap_remove(0),
            None => {
                let x = self.stem.forward(&x, false).max_pool2d([3, 3], [2, 2], [0, 0], [1, 1], false);
                self.blocks.iter().fold(x, |x, block| block.forward(&x))
            }
        };
        let pooled = x.mean_dim([2i64, 3].as_slice(), false, None);
        pooled.linear::<Tensor>(&self.fc, None)
    }
}

/// Reads a file of dlib's own format, by dlib: the weights under the names of [`DlibEncoder`].
///
/// Fails when the file cannot be opened, is damaged, or holds anything else.
pub fn read(path: &Path) -> Result<StateDict, Error> {
    let refused = |cause: Box<dyn std::error::Error + Send + Sync>| Error::NotDlibEncoder {
        path: path.to_owned(),
        cause,
    };
    File::open(path).map_err(|cause| refused(cause.into()))?;
    let network = DlibFaceNet::load(path).map_err(|cause| refused(cause.into()))?;
    let mut groups = network.parameters().into_iter();
    let mut next = |name: &str, count: i64| {
        let group = groups.next().unwrap_or_default();
        match group.len() == count as usize {
            true => Ok(group),
            false => Err(refused(format!("{name} has {} numbers instead of {count}", group.len()).into())),
        }
    };
    let mut state = StateDict::new();
    state.insert("mean", TensorData::from_f32(&[3], &network.mean())?)?;
    for (name, spec) in convolutions() {
        let ConvSpec { c_in, c_out, kernel, .. } = spec;
        let per_filter = c_in * kernel * kernel;
        let (filters, biases) =
            next(&name, c_out * (per_filter + 1))?.split_at((c_out * per_filter) as usize);
        let (factors, offsets) = (next(&name, c_out)?, next(&name, c_out)?);
        let filters = filters.chunks_exact(per_filter as usize).zip(factors);
        let weight: Vec<f32> =
            filters.flat_map(|(filter, factor)| filter.iter().map(move |w| w * factor)).collect();
        let scaled = biases.iter().zip(factors).zip(offsets);
        let bias: Vec<f32> = scaled.map(|((bias, factor), offset)| bias * factor + offset).collect();
        let shape = [c_out, c_in, kernel, kernel].map(|side| side as usize);
        state.insert(format!("{name}.weight"), TensorData::from_f32(&shape, &weight)?)?;
        state.insert(format!("{name}.bias"), TensorData::from_f32(&shape[..1], &bias)?)?;
    }
    let (rows, columns) = (last_width() as usize, EMBEDDING as usize);
    let by_input = next("fc", last_width() * EMBEDDING)?;
    let by_output: Vec<f32> =
        (0..columns).flat_map(|column| (0..rows).map(move |row| by_input[row * columns + column])).collect();
    state.insert("fc.weight", TensorData::from_f32(&[columns, rows], &by_output)?)?;
    Ok(state)
}

/// Names and shapes of all convolutions, from the input to the output.
fn convolutions() -> Vec<(String, ConvSpec)> {
    let mut all = vec![("conv1".to_owned(), stem())];
    for (index, BlockSpec { conv1, conv2, .. }) in blocks().into_iter().enumerate() {
        all.push((format!("blocks.{index}.conv1"), conv1));
        all.push((format!("blocks.{index}.conv2"), conv2));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{read_image, resized};
    use crate::model::load_weights;
    use crate::testing::placed;
    use crate::types::{RgbImage, Window};
    use tch::nn::VarStore;
    use tch::{Device, Kind};

    /// dlib's weights and the licence-free portrait, both of which set-up places.
    fn weights_and_portrait() -> Option<[std::path::PathBuf; 2]> {
        let weights = format!("weights/{}", crate::weight_files::catalogue::DLIB_FACE_ENCODER.name());
        Some([placed(&weights)?, placed("data/sample/astronaut.png")?])
    }

    /// Batches `[n, 3, side, side]`, 0..1, of pictures of that side.
    fn batch(faces: &[RgbImage], side: i64) -> Tensor {
        let rows: Vec<Tensor> = faces.iter().map(|face| Tensor::from_slice(face.data())).collect();
        let pixels = Tensor::stack(&rows, 0).view([-1, side, side, 3]).permute([0, 3, 1, 2]);
        pixels.to_kind(Kind::Float) / 255.0
    }

    #[test]
    fn embeddings_are_dlibs_own() {
        let Some([weights, portrait]) = weights_and_portrait() else { return };
        let portrait = read_image(&portrait).unwrap();
        let cut = |x0, y0, side| {
            let window = Window { x0, y0, x1: x0 + side, y1: y0 + side };
            resized(&portrait.cropped(window), 150, 150).unwrap()
        };
        let noise = |step: usize| {
            RgbImage::from_raw(150, 150, (0..150 * 150 * 3).map(|i| (i * i / 7 * step % 251) as u8).collect())
        };
        // The face, a shifted crop of it, the rocket behind it, two pictures without sense, and white.
        let faces = [
            cut(160, 50, 150),
            cut(150, 40, 190),
            cut(300, 0, 200),
            noise(7919),
            noise(104_729),
            RgbImage::filled(150, 150, [255; 3]),
        ];
        let mut own = DlibFaceNet::load(&weights).unwrap();
        let gpu = tch::Cuda::is_available().then_some((Device::Cuda(0), false));
        for (device, compiled) in [(Device::Cpu, false), (Device::Cpu, true)].into_iter().chain(gpu) {
            let vs = VarStore::new(device);
            let mut encoder = DlibEncoder::new(&vs.root());
            load_weights(&vs, &read(&weights).unwrap(), "dlib's encoder", &weights, |_| false).unwrap();
            if compiled {
                encoder.compile();
            }
            let ours = tch::no_grad(|| encoder.embed(&batch(&faces, SIDE).to_device(device)));
            assert_eq!(ours.size(), [faces.len() as i64, EMBEDDING]);
            for (index, face) in faces.iter().enumerate() {
                let ours = Vec::<f32>::try_from(ours.get(index as i64).to_device(Device::Cpu)).unwrap();
                let theirs = own.embed(face).unwrap();
                let worst = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                // A GPU's convolutions keep ten binary places of their factors.
                let limit = if device.is_cuda() { 1e-2 } else { 1e-4 };
                assert!(worst < limit, "{device:?}, compiled {compiled}, face {index}: {worst}");
                // Such vectors have about length 1: else 1e-4 would say little.
                assert!(theirs.iter().map(|v| v * v).sum::<f32>() > 0.25, "face {index}");
            }
        }
    }

    #[test]
    fn other_files_are_refused_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let Some([weights, portrait]) = weights_and_portrait() else { return };
        let whole = std::fs::read(weights).unwrap();
        let cut = folder.path().join("cut.dat");
        std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
        for path in [cut.as_path(), portrait.as_path(), Path::new("absent.dat"), folder.path()] {
            let error = crate::causes::with_causes(&read(path).unwrap_err());
            assert!(error.starts_with(&path.display().to_string()), "{error}");
            assert!(error.contains("face recognition network") && error.lines().count() == 1, "{error}");
        }
    }
}
