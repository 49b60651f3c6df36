//! The RetinaFace network: a body, a feature pyramid, three context modules, three heads.
//!
//! Deng et al., "RetinaFace: Single-shot Multi-level Face Localisation in the Wild", CVPR 2020,
//! <https://arxiv.org/abs/1905.00641>. Names as in the Python package `retinaface_pytorch`; what becomes
//! of the raw outputs is in [`crate::face::retinaface`].

mod bodies;

use super::layers::{Activation, BatchNorm, ConvSpec, ConvUnit, Padding, values_of};
use crate::engine::{Builder, Folded, Images, Map, Program};
use crate::native::torch::tensor_of;
use bodies::{ResNet, compile_mobilenet, mobilenet, mobilenet_maps};
use rayon::prelude::*;
use tch::nn;
use tch::{Device, TchError, Tensor};

/// Boxes, sizes 1 and 2, at every position of a feature map.
pub const ANCHORS_PER_POSITION: i64 = 2;

/// The two published bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// ResNet-50, 256 channels in pyramid and heads: what the published detectors were made with.
    ResNet50,
    /// MobileNet of width 0.25, 64 channels, batch norms already folded into the convolutions: small and fast.
    MobileNet025,
}

impl Body {
    /// Channels of the three maps that the pyramid takes.
    fn map_channels(self) -> [i64; 3] {
        match self {
            Body::ResNet50 => [512, 1024, 2048],
            Body::MobileNet025 => [64, 128, 256],
        }
    }

    fn pyramid_channels(self) -> i64 {
        match self {
            Body::ResNet50 => 256,
            Body::MobileNet025 => 64,
        }
    }

    fn has_batch_norm(self) -> bool {
        self == Body::ResNet50
    }

    /// The pyramid's activation: leaky only for the narrow one.
    fn activation(self) -> Activation {
        match self {
            Body::ResNet50 => Activation::Relu,
            Body::MobileNet025 => Activation::LeakyRelu(0.1),
        }
    }

    /// A unit whose convolution is `path.conv` and whose batch norm, if any, is `path.norm`.
    fn unit(self, conv: nn::Path, norm: nn::Path, spec: ConvSpec, activation: Activation) -> ConvUnit {
        let normed = self.has_batch_norm();
        let norm = normed.then(|| BatchNorm::new(norm, spec.c_out, BatchNorm::EPS, BatchNorm::MOMENTUM));
        ConvUnit::new(conv, ConvSpec { bias: !normed, ..spec }, norm, activation)
    }

    /// A `Sequential(conv, bn, …)` at `path`: names `path.0` and `path.1`.
    fn sequential(self, path: nn::Path, spec: ConvSpec, activation: Activation) -> ConvUnit {
        self.unit(&path / 0, &path / 1, spec, activation)
    }
}

/// Raw network outputs for a batch, before softmax and decoding.
pub struct RawOutputs {
    /// `[n, anchors, 4]`: offsets of centre and size.
    pub boxes: Tensor,
    /// `[n, anchors, 2]`: logits of background and face.
    pub classes: Tensor,
    /// `[n, anchors, 10]`: offsets of five points (x, y).
    pub points: Tensor,
}

/// The whole network.
pub struct RetinaFaceNet {
    body: BodyLayers,
    laterals: [ConvUnit; 3],
    merges: [ConvUnit; 2],
    contexts: Vec<Context>,
    heads: [Vec<ConvUnit>; 3],
    program: Option<Program>,
}

enum BodyLayers {
    ResNet(Box<ResNet>),
    MobileNet(Vec<Vec<ConvUnit>>),
}

impl RetinaFaceNet {
    /// All parameters under `root`, zero until loaded.
    pub fn new(root: &nn::Path, body: Body) -> Self {
        let channels = body.pyramid_channels();
        let act = body.activation();
        let fpn = root / "fpn";
        let maps = body.map_channels();
        let lateral = |i: usize| {
            let spec = ConvSpec::new(maps[i], channels, 1);
            body.sequential(&fpn / format!("output{}", i + 1), spec, act)
        };
        let merge = |name: &str| body.sequential(&fpn / name, ConvSpec::new(channels, channels, 3), act);
        let head = |name: &str, width: i64| -> Vec<ConvUnit> {
            (0..3)
                .map(|level| {
                    let c_out = ANCHORS_PER_POSITION * width;
                    let spec = ConvSpec { bias: true, ..ConvSpec::new(channels, c_out, 1) };
                    ConvUnit::new(root / name / level / "conv1x1", spec, None, Activation::None)
                })
                .collect()
        };
        RetinaFaceNet {
            body: match body {
                Body::ResNet50 => BodyLayers::ResNet(Box::new(ResNet::new(&(root / "body")))),
                Body::MobileNet025 => BodyLayers::MobileNet(mobilenet(&(root / "body"))),
            },
            laterals: [lateral(0), lateral(1), lateral(2)],
            merges: [merge("merge1"), merge("merge2")],
            contexts: (1..=3).map(|i| Context::new(&(root / format!("ssh{i}")), body)).collect(),
            heads: [
                head("BboxHead", WIDTHS[0]),
                head("ClassHead", WIDTHS[1]),
                head("LandmarkHead", WIDTHS[2]),
            ],
            program: None,
        }
    }

    /// Switches to the compiled form (CPU, inference only). Later changes of the weights no longer take effect.
    pub fn compile(&mut self) {
        let (mut program, x) = Builder::new(3);
        let maps = match &self.body {
            BodyLayers::ResNet(net) => net.compile(&mut program, x),
            BodyLayers::MobileNet(stages) => compile_mobilenet(stages, &mut program, x),
        };
        let [low, middle, high] = std::array::from_fn(|i| self.laterals[i].compile(&mut program, maps[i]));
        let middle = program.enlarge_onto(high, middle);
        let middle = self.merges[1].compile(&mut program, middle);
        let low = program.enlarge_onto(middle, low);
        let low = self.merges[0].compile(&mut program, low);
        let mut outputs = Vec::new();
        for (level, map) in [low, middle, high].into_iter().enumerate() {
            let features = self.contexts[level].compile(&mut program, map);
            // One product instead of three narrow ones.
            let heads: Vec<Folded> = self.heads.iter().map(|head| head[level].folded()).collect();
            let one = Folded::beside(&heads);
            outputs.push(program.conv(features, &one, 1, Padding::even(0), Activation::None));
        }
        self.program = Some(program.finish(&outputs));
    }

    /// `x`: `[n, 3, h, w]`, normalised as the body expects; any size of at least 32 pixels.
    pub fn forward(&self, x: &Tensor) -> RawOutputs {
        if let Some(program) = &self.program {
            let by_position = |map: &Tensor| values_of(&map.permute([0, 2, 3, 1]));
            let levels: Vec<Vec<f32>> = program.run(x).iter().map(by_position).collect();
            return separated(&levels, x.size()[0] as usize);
        }
        let maps = match &self.body {
            BodyLayers::ResNet(net) => net.forward(x),
            BodyLayers::MobileNet(stages) => mobilenet_maps(stages, x),
        };
        let [low, middle, high] = self.pyramid(maps);
        let features = [
            self.contexts[0].forward(&low),
            self.contexts[1].forward(&middle),
            self.contexts[2].forward(&high),
        ];
        let [boxes, classes, points] = &self.heads;
        RawOutputs {
            boxes: run_head(boxes, &features, WIDTHS[0]),
            classes: run_head(classes, &features, WIDTHS[1]),
            points: run_head(points, &features, WIDTHS[2]),
        }
    }

    /// The same of images that are written where they are needed, on `device` where the network's weights are.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn forward_images(&self, images: &dyn Images, device: Device) -> Result<RawOutputs, TchError> {
        if let Some(program) = &self.program {
            return Ok(separated(&program.run_images(images), images.count()));
        }
        let (height, width) = images.size();
        let row = width * 3;
        let mut pixels = vec![0.0; images.count() * height * row];
        let rows = pixels.par_chunks_exact_mut(row).enumerate();
        rows.for_each(|(number, to)| images.write_row(number / height, number % height, to));
        let shape = [images.count() as i64, height as i64, width as i64, 3];
        let batch = Tensor::f_from_slice(&pixels)?.f_view(shape)?;
        Ok(self.forward(&batch.permute([0, 3, 1, 2]).f_to_device(device)?))
    }

    fn pyramid(&self, maps: [Tensor; 3]) -> [Tensor; 3] {
        let [low, middle, high] = maps;
        let low = self.laterals[0].forward(&low, false);
        let middle = self.laterals[1].forward(&middle, false);
        let high = self.laterals[2].forward(&high, false);
        let middle = self.merges[1].forward(&(enlarged(&high, &middle) + middle), false);
        let low = self.merges[0].forward(&(enlarged(&middle, &low) + low), false);
        [low, middle, high]
    }
}

/// Numbers per prior of the three heads: boxes, classes, points.
const WIDTHS: [i64; 3] = [4, 2, 10];

/// The three heads' outputs from the maps that hold them side by side, one per level, each of `n` images.
fn separated(levels: &[Vec<f32>], n: usize) -> RawOutputs {
    let row = (WIDTHS.iter().sum::<i64>() * ANCHORS_PER_POSITION) as usize;
    let rows: usize = levels.iter().map(|map| map.len() / row).sum();
    let mut heads = WIDTHS.map(|width| Vec::with_capacity(rows * (width * ANCHORS_PER_POSITION) as usize));
    for image in 0..n {
        for map in levels {
            let each = map.len() / n;
            for mut rest in map[image * each..][..each].chunks_exact(row) {
                for (head, width) in heads.iter_mut().zip(WIDTHS) {
                    let (own, others) = rest.split_at((width * ANCHORS_PER_POSITION) as usize);
                    head.extend_from_slice(own);
                    rest = others;
                }
            }
        }
    }
    let shape = |width| [n as i64, -1, width];
    let [boxes, classes, points] = std::array::from_fn(|i| tensor_of(&heads[i], &shape(WIDTHS[i])));
    RawOutputs { boxes, classes, points }
}

/// `x` enlarged to the size of `like`, nearest neighbour.
fn enlarged(x: &Tensor, like: &Tensor) -> Tensor {
    x.upsample_nearest2d(&like.size()[2..], None, None)
}

/// One head over the three levels, flattened to `[n, anchors, width]`.
fn run_head(head: &[ConvUnit], features: &[Tensor; 3], width: i64) -> Tensor {
    let rows: Vec<Tensor> = head
        .iter()
        .zip(features)
        .map(|(unit, x)| {
            let y = unit.forward(x, false).permute([0, 2, 3, 1]).contiguous();
            y.view([y.size()[0], -1, width])
        })
        .collect();
    Tensor::cat(&rows, 1)
}

/// Context module ("SSH"): 3x3, 5x5 and 7x7 fields of view side by side.
struct Context {
    field3: ConvUnit,
    field5: [ConvUnit; 2],
    field7: [ConvUnit; 2],
}

impl Context {
    fn new(path: &nn::Path, body: Body) -> Self {
        let c = body.pyramid_channels();
        let act = body.activation();
        let unit =
            |name: &str, c_in, c_out, act| body.sequential(path / name, ConvSpec::new(c_in, c_out, 3), act);
        let quarter = c / 4;
        // The published files do spell one of the names with a small x.
        Context {
            field3: unit("conv3X3", c, c / 2, Activation::None),
            field5: [
                unit("conv5X5_1", c, quarter, act),
                unit("conv5X5_2", quarter, quarter, Activation::None),
            ],
            field7: [
                unit("conv7X7_2", quarter, quarter, act),
                unit("conv7x7_3", quarter, quarter, Activation::None),
            ],
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let three = self.field3.forward(x, false);
        let shared = self.field5[0].forward(x, false);
        let five = self.field5[1].forward(&shared, false);
        let seven = self.field7[1].forward(&self.field7[0].forward(&shared, false), false);
        Tensor::cat(&[three, five, seven], 1).relu_()
    }

    /// The three fields fill one map; what follows their joining is applied to each.
    fn compile(&self, program: &mut Builder, x: Map) -> Map {
        let shared = self.field5[0].compile(program, x);
        let deeper = self.field7[0].compile(program, shared);
        let fields = [(&self.field3, x), (&self.field5[1], shared), (&self.field7[1], deeper)];
        let folded = fields.map(|(unit, from)| (unit.folded(), from));
        let joined = program.map(folded.iter().map(|(folded, _)| folded.c_out).sum());
        let mut first = 0;
        for (folded, from) in &folded {
            program.conv_beside(*from, folded, Padding::even(1), Activation::Relu, (joined, first));
            first += folded.c_out;
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    #[test]
    fn compiled_and_plain_agree_for_both_bodies_and_several_sizes() {
        for body in [Body::ResNet50, Body::MobileNet025] {
            let vs = nn::VarStore::new(Device::Cpu);
            let mut net = RetinaFaceNet::new(&vs.root(), body);
            crate::model::fill::fill_variables(&vs, 1);
            let inputs = [(2, 96, 128), (1, 75, 101), (1, 33, 32)]
                .map(|(n, h, w)| Tensor::rand([n, 3, h, w], (Kind::Float, Device::Cpu)));
            let run = |net: &RetinaFaceNet| {
                let all = inputs.iter().map(|x| tch::no_grad(|| net.forward(x)));
                all.flat_map(|raw| [raw.boxes, raw.classes, raw.points]).collect::<Vec<Tensor>>()
            };
            let plain = run(&net);
            net.compile();
            for (plain, compiled) in plain.iter().zip(run(&net)) {
                assert_eq!(plain.size(), compiled.size());
                let scale = plain.abs().max().double_value(&[]);
                let worst = (plain - compiled).abs().max().double_value(&[]);
                assert!(worst < 1e-4 * scale, "{body:?}: {worst} of {scale}");
            }
        }
    }
}
