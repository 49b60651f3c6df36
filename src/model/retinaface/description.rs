//! The layers of both RetinaFaces, with the names of the Python package `retinaface_pytorch`.

use super::{ANCHORS_PER_POSITION, HEAD_WIDTHS, RetinaFaceBody};
use crate::network::{Activation, Block, ConvSpec, Convolution, Layers, Map, Network, Norm, Padding};

/// Names of the three heads, in the order of [`HEAD_WIDTHS`].
const HEADS: [&str; 3] = ["BboxHead", "ClassHead", "LandmarkHead"];

impl RetinaFaceBody {
    fn pyramid_channels(self) -> usize {
        match self {
            RetinaFaceBody::ResNet50 => 256,
            RetinaFaceBody::MobileNet025 => 64,
        }
    }

    /// The pyramid's activation: leaky only for the narrow one.
    fn activation(self) -> Activation {
        match self {
            RetinaFaceBody::ResNet50 => Activation::Relu,
            RetinaFaceBody::MobileNet025 => Activation::LeakyRelu(0.1),
        }
    }

    /// A convolution whose own weights are under `conv`, and its batch norm under `norm`. In the small network's file
    /// batch norms are folded in already: biases stand in their place.
    fn convolution(self, conv: String, norm: String, spec: ConvSpec) -> Convolution {
        match self {
            RetinaFaceBody::ResNet50 => Convolution::new(conv, spec).with_norm(Norm::new(norm, spec.c_out)),
            RetinaFaceBody::MobileNet025 => Convolution::new(conv, spec.biased(true)),
        }
    }

    /// The convolution of a `Sequential(conv, bn, …)` at `path`: names `path.0` and `path.1`.
    fn sequential(self, path: &str, spec: ConvSpec) -> Convolution {
        self.convolution(format!("{path}.0"), format!("{path}.1"), spec)
    }
}

/// The whole network: from images `[3, h, w]`, normalised as the body expects, to a map per level (strides 8, 16, 32)
/// that holds the outputs of the three heads side by side.
pub fn description(body: RetinaFaceBody) -> Network {
    Network::new(3, |layers, x| {
        let maps = match body {
            RetinaFaceBody::ResNet50 => resnet(layers, x),
            RetinaFaceBody::MobileNet025 => mobilenet(layers, x),
        };
        let levels = pyramid(body, layers, maps);
        let outputs = levels.into_iter().enumerate().map(|(level, map)| {
            let features = context(body, layers, map, &format!("ssh{}", level + 1));
            let head = |(name, width): (&str, usize)| {
                let spec =
                    ConvSpec::new(body.pyramid_channels(), ANCHORS_PER_POSITION * width, 1).biased(true);
                (features, Convolution::new(format!("{name}.{level}.conv1x1"), spec))
            };
            layers.beside(HEADS.into_iter().zip(HEAD_WIDTHS).map(head).collect(), Activation::None)
        });
        outputs.collect()
    })
}

/// ResNet-50: the outputs of stages 2, 3 and 4, and their channels.
fn resnet(layers: &mut Layers, x: Map) -> [(Map, usize); 3] {
    const STAGES: [(usize, usize); 4] = [(64, 3), (128, 4), (256, 6), (512, 3)];
    let body = RetinaFaceBody::ResNet50;
    let stem = ConvSpec::new(3, 64, 7).strided(2);
    let stem = body.convolution("body.conv1".into(), "body.bn1".into(), stem);
    let stem = layers.conv(x, stem, Activation::Relu);
    let mut map = (layers.max_pool(stem, Padding::even(1)), 64);
    let stages: [_; 4] = std::array::from_fn(|stage| {
        let (width, blocks) = STAGES[stage];
        for block in 0..blocks {
            let stride = if block == 0 && stage > 0 { 2 } else { 1 };
            map = bottleneck(layers, map, &format!("body.layer{}.{block}", stage + 1), width, stride);
        }
        map
    });
    let [_, low, middle, high] = stages;
    [low, middle, high]
}

/// A block of ResNet-50; answers with its map and the map's channels.
fn bottleneck(
    layers: &mut Layers,
    (x, c_in): (Map, usize),
    path: &str,
    width: usize,
    stride: usize,
) -> (Map, usize) {
    const EXPANSION: usize = 4;
    let body = RetinaFaceBody::ResNet50;
    let c_out = width * EXPANSION;
    let conv = |number: usize, spec| {
        body.convolution(format!("{path}.conv{number}"), format!("{path}.bn{number}"), spec)
    };
    let y = layers.conv(x, conv(1, ConvSpec::new(c_in, width, 1)), Activation::Relu);
    let y = layers.conv(y, conv(2, ConvSpec::new(width, width, 3).strided(stride)), Activation::Relu);
    let shortcut = if stride != 1 || c_in != c_out {
        let spec = ConvSpec::new(c_in, c_out, 1).strided(stride);
        layers.conv(x, body.sequential(&format!("{path}.downsample"), spec), Activation::None)
    } else {
        x
    };
    let last = conv(3, ConvSpec::new(width, c_out, 1));
    (layers.conv_onto(y, last, shortcut, Activation::Relu), c_out)
}

/// MobileNet 0.25 in the form of the original RetinaFace ports, three stages of depthwise-separable pairs: the outputs
/// of the stages, and their channels.
fn mobilenet(layers: &mut Layers, x: Map) -> [(Map, usize); 3] {
    const STEM: usize = 8;
    /// Channels out and stride of each pair.
    const STAGES: [&[(usize, usize)]; 3] = [
        &[(16, 1), (32, 2), (32, 1), (64, 2), (64, 1)],
        &[(128, 2), (128, 1), (128, 1), (128, 1), (128, 1), (128, 1)],
        &[(256, 2), (256, 1)],
    ];
    let body = RetinaFaceBody::MobileNet025;
    let stem = ConvSpec::new(3, STEM, 3).strided(2);
    let stem = body.sequential("body.stage1.0", stem);
    let mut map = (layers.conv(x, stem, body.activation()), STEM);
    std::array::from_fn(|stage| {
        // Member 0 of the first stage is the stem.
        let first = if stage == 0 { 1 } else { 0 };
        for (number, &(c_out, stride)) in STAGES[stage].iter().enumerate() {
            let (x, c_in) = map;
            let name = format!("body.stage{}.{}", stage + 1, number + first);
            let depthwise = ConvSpec::depthwise(c_in, 3).strided(stride);
            let pair = Block {
                expand: None,
                depthwise: body.sequential(&format!("{name}.0"), depthwise),
                activation: body.activation(),
                squeeze: None,
                project: body.sequential(&format!("{name}.1"), ConvSpec::new(c_in, c_out, 1)),
                project_activation: body.activation(),
                skip: false,
                drop_connect: 0.0,
                name,
            };
            map = (layers.block(x, pair), c_out);
        }
        map
    })
}

/// The feature pyramid over the body's three maps.
fn pyramid(body: RetinaFaceBody, layers: &mut Layers, maps: [(Map, usize); 3]) -> [Map; 3] {
    let channels = body.pyramid_channels();
    let mut number = 0;
    let [low, middle, high] = maps.map(|(map, c_in)| {
        number += 1;
        let lateral = body.sequential(&format!("fpn.output{number}"), ConvSpec::new(c_in, channels, 1));
        layers.conv(map, lateral, body.activation())
    });
    let merge = |layers: &mut Layers, name: &str, coarse: Map, fine: Map| {
        let sum = layers.enlarge_add(coarse, fine);
        let conv = body.sequential(&format!("fpn.{name}"), ConvSpec::new(channels, channels, 3));
        layers.conv(sum, conv, body.activation())
    };
    let middle = merge(layers, "merge2", high, middle);
    let low = merge(layers, "merge1", middle, low);
    [low, middle, high]
}

/// A context module ("SSH"): fields of view of 3 x 3, 5 x 5 and 7 x 7 side by side.
fn context(body: RetinaFaceBody, layers: &mut Layers, x: Map, path: &str) -> Map {
    let channels = body.pyramid_channels();
    let (half, quarter) = (channels / 2, channels / 4);
    // The published files do spell one of the names with a small x.
    let conv =
        |name: &str, c_in, c_out| body.sequential(&format!("{path}.{name}"), ConvSpec::new(c_in, c_out, 3));
    let shared = layers.conv(x, conv("conv5X5_1", channels, quarter), body.activation());
    let deeper = layers.conv(shared, conv("conv7X7_2", quarter, quarter), body.activation());
    let fields = vec![
        (x, conv("conv3X3", channels, half)),
        (shared, conv("conv5X5_2", quarter, quarter)),
        (deeper, conv("conv7x7_3", quarter, quarter)),
    ];
    layers.beside(fields, Activation::Relu)
}
