//! dlib's face recognition network as EG's face encoder: 128 numbers of a face of 150 x 150 pixels.
//!
//! The residual network of dlib's example `dnn_face_recognition` (<http://dlib.net>; weights: public domain), built on
//! libtorch so that batches are fast and CUDA works. The affine layer behind each convolution is folded into it.

use super::Error;
use super::execution::{Executable, Execution, Trunk};
use super::modules::{DeviceWeights, TensorSource, linear};
use crate::checkpoint::{StateDict, TensorData};
use crate::native::dlib::DlibFaceNet;
use crate::network::{Activation, ConvSpec, Convolution, Layer, Linear, Network, Padding, Weight, Weights};
use std::fs::File;
use std::path::Path;
use tch::Tensor;
use tch::nn;

/// How many numbers an embedding has.
pub const EMBEDDING: usize = DlibFaceNet::EMBEDDING;
/// Side in pixels of the faces that the encoder takes.
pub const SIDE: usize = DlibFaceNet::SIDE;

/// What 1.0 of a face's range 0..1 counts in the network's own range.
const WHITE: f64 = 255.0;
/// What colours, their mean taken, are divided by.
const SCALE: f64 = 256.0;
const STEM_WIDTH: usize = 32;

/// A run of residual blocks of one width.
struct Stage {
    width: usize,
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

/// The trunk: from faces `[3, 150, 150]` in the network's own range to the last map, `[256, 3, 3]`.
pub fn description() -> Network {
    Network::new(3, |layers, x| {
        // A strided convolution has no padding.
        let strided = |spec: ConvSpec| spec.strided(2).padded(Padding::NONE);
        let conv = |name: String, spec: ConvSpec| Convolution::new(name, spec.biased(true));
        let stem = conv("conv1".into(), strided(ConvSpec::new(3, STEM_WIDTH, 7)));
        let stem = layers.conv(x, stem, Activation::Relu);
        let mut map = layers.max_pool(stem, Padding::NONE);
        let mut c_in = STEM_WIDTH;
        let mut number = 0;
        for Stage { width, blocks, halves } in STAGES {
            for index in 0..blocks {
                let halves = halves && index == 0;
                let name = |leaf: &str| format!("blocks.{number}.{leaf}");
                let first = ConvSpec::new(c_in, width, 3);
                let first = conv(name("conv1"), if halves { strided(first) } else { first });
                let second = conv(name("conv2"), ConvSpec::new(width, width, 3));
                let y = layers.conv(map, first, Activation::Relu);
                map = if halves {
                    let y = layers.conv(y, second, Activation::None);
                    layers.mean_shortcut(map, y)
                } else {
                    layers.conv_onto(y, second, map, Activation::Relu)
                };
                number += 1;
                c_in = width;
            }
        }
        vec![map]
    })
}

/// The mean colour, 0..255.
fn mean() -> Weight {
    Weight::fixed("mean", &[3])
}

fn classifier() -> Linear {
    Linear::without_bias("fc", STAGES[STAGES.len() - 1].width, EMBEDDING)
}

/// All weights, as [`read`] names them.
pub fn weights() -> Vec<Weight> {
    let trunk = description().weights();
    [mean()].into_iter().chain(trunk).chain(classifier().weights()).collect()
}

/// The network, ready to run.
pub struct DlibEncoder {
    mean: Tensor,
    trunk: Executable,
    fc: nn::Linear,
}

impl DlibEncoder {
    /// Takes the weights that [`weights`] lists.
    ///
    /// Fails when one is missing or of another shape, and when libtorch runs out of memory.
    pub fn new(weights: Weights, execution: Execution) -> Result<Self, Error> {
        Self::of(&description(), weights, execution)
    }

    /// [`Self::new`] for faces of [`SIDE`] pixels that come one by one: it is ready in a quarter of the time and takes a
    /// third of the memory, because small maps are convolved with the weights as they are. Embeddings differ by rounding.
    ///
    /// Fails as [`Self::new`] does.
    pub fn for_single_faces(weights: Weights, execution: Execution) -> Result<Self, Error> {
        Self::of(&description().for_inputs_of((SIDE, SIDE)), weights, execution)
    }

    fn of(trunk: &Network, weights: Weights, execution: Execution) -> Result<Self, Error> {
        let source = DeviceWeights::new(weights, execution.device());
        Ok(DlibEncoder {
            mean: source.tensor(&mean())?,
            trunk: execution.executable(trunk, weights)?,
            fc: linear(&classifier(), &source)?,
        })
    }

    /// Embeddings `[n, 128]` of faces `[n, 3, 150, 150]`, RGB, 0..1.
    pub fn embed(&self, faces: &Tensor) -> Tensor {
        let x = (faces * WHITE - self.mean.view([1, 3, 1, 1])) / SCALE;
        let pooled = self.trunk.run(&x).swap_remove(0).mean_dim([2i64, 3].as_slice(), false, None);
        pooled.apply(&self.fc)
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
    let mut next = |name: &str, count: usize| {
        let group = groups.next().unwrap_or_default();
        match group.len() == count {
            true => Ok(group),
            false => Err(refused(format!("{name} has {} numbers instead of {count}", group.len()).into())),
        }
    };
    let mut state = StateDict::new();
    state.insert(mean().name, TensorData::from_f32(&[3], &network.mean())?)?;
    for layer in description().layers() {
        let Layer::Conv { conv, .. } = layer else { continue };
        let (name, shape) = (&conv.name, conv.spec.weight_shape());
        let (c_out, per_filter) = (shape[0], shape[1..].iter().product::<usize>());
        let (filters, biases) = next(name, c_out * (per_filter + 1))?.split_at(c_out * per_filter);
        let (factors, offsets) = (next(name, c_out)?, next(name, c_out)?);
        let filters = filters.chunks_exact(per_filter).zip(factors);
        let weight: Vec<f32> =
            filters.flat_map(|(filter, factor)| filter.iter().map(move |w| w * factor)).collect();
        let scaled = biases.iter().zip(factors).zip(offsets);
        let bias: Vec<f32> = scaled.map(|((bias, factor), offset)| bias * factor + offset).collect();
        state.insert(conv.weight().name, TensorData::from_f32(&shape, &weight)?)?;
        if let Some(described) = conv.bias() {
            state.insert(described.name, TensorData::from_f32(&described.shape, &bias)?)?;
        }
    }
    let fc = classifier();
    let (rows, columns) = (fc.c_in, fc.c_out);
    let by_input = next(&fc.name, rows * columns)?;
    let by_output: Vec<f32> =
        (0..columns).flat_map(|column| (0..rows).map(move |row| by_input[row * columns + column])).collect();
    state.insert(fc.weight().name, TensorData::from_f32(&[columns, rows], &by_output)?)?;
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{read_image, resized};
    use crate::testing::placed;
    use crate::types::{RgbImage, Window};
    use tch::{Device, Kind};

    /// dlib's weights and the licence-free portrait, both of which set-up places.
    fn weights_and_portrait() -> Option<[std::path::PathBuf; 2]> {
        let weights = format!("weights/{}", crate::weight_files::catalogue::DLIB_FACE_ENCODER.name());
        Some([placed(&weights)?, placed("data/sample/astronaut.png")?])
    }

    /// A batch `[n, 3, side, side]`, 0..1, of images with that side.
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
        // The face, a shifted crop of it, the rocket behind it, two images of noise, and white.
        let faces = [
            cut(160, 50, 150),
            cut(150, 40, 190),
            cut(300, 0, 200),
            noise(7919),
            noise(104_729),
            RgbImage::filled(150, 150, [255; 3]),
        ];
        let mut own = DlibFaceNet::load(&weights).unwrap();
        let state = read(&weights).unwrap();
        let gpu = tch::Cuda::is_available().then_some(Execution::plain(Device::Cuda(0)));
        let on_cpu = [Execution::plain(Device::Cpu), Execution::fastest(Device::Cpu)];
        let ways = on_cpu.into_iter().chain(gpu).map(|execution| (execution, false));
        for (execution, single) in ways.chain([(Execution::fastest(Device::Cpu), true)]) {
            let device = execution.device();
            let make = if single { DlibEncoder::for_single_faces } else { DlibEncoder::new };
            let encoder = make(Weights::new(&state, ""), execution).unwrap();
            let ours = tch::no_grad(|| encoder.embed(&batch(&faces, SIDE as i64).to_device(device)));
            assert_eq!(ours.size(), [faces.len() as i64, EMBEDDING as i64]);
            for (index, face) in faces.iter().enumerate() {
                let ours = Vec::<f32>::try_from(ours.get(index as i64).to_device(Device::Cpu)).unwrap();
                let theirs = own.embed(face).unwrap();
                let worst = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                // A GPU's convolutions keep ten binary places of their factors.
                let limit = if device.is_cuda() { 1e-2 } else { 1e-4 };
                assert!(worst < limit, "{execution:?}, face {index}: {worst}");
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
