//! The layers of an EfficientNet, with the names of the Python package `efficientnet_pytorch`.

use super::variant::{GROUPS, Group, Variant};
use crate::network::{
    Activation, Block, ConvSpec, Convolution, Linear, Network, Norm, Padding, SqueezeExcite, Weight,
};

const BN_EPS: f64 = 1e-3;
const BN_MOMENTUM: f64 = 0.01;
/// Drop-connect rate of the last block; block i of n has `rate * i / n`.
const DROP_CONNECT: f64 = 0.2;

fn norm(name: String, channels: usize) -> Norm {
    Norm { eps: BN_EPS, momentum: BN_MOMENTUM, ..Norm::new(name, channels) }
}

/// The trunk: from images `[3, h, w]` to the last map `[features, h / 32, w / 32]`. Names are `_conv_stem`, `_bn0`,
/// `_blocks.N.…`, `_conv_head`, `_bn1`.
pub fn description(variant: Variant) -> Network {
    let mut side = variant.resolution;
    let c_stem = variant.stem();
    let padding = if variant.padded_stem { Padding::same(side, 3, 2) } else { Padding::NONE };
    let stem = ConvSpec::new(3, c_stem, 3).strided(2).padded(padding);
    let stem = Convolution::new("_conv_stem", stem).with_norm(norm("_bn0".into(), c_stem));
    side = side.div_ceil(2);

    let mut blocks = Vec::new();
    for (number, group) in GROUPS.iter().enumerate() {
        for repeat in 0..variant.repeats(number) {
            let (c_in, stride) = match repeat {
                0 => (variant.filters(group.c_in), group.stride),
                _ => (variant.filters(group.c_out), 1),
            };
            let shape = BlockShape { c_in, c_out: variant.filters(group.c_out), stride, side };
            blocks.push(block(blocks.len(), variant, group, shape));
            side = side.div_ceil(stride);
        }
    }

    let features = variant.features();
    let head = Convolution::new("_conv_head", ConvSpec::new(variant.last_block(), features, 1))
        .with_norm(norm("_bn1".into(), features));
    Network::new(3, |layers, x| {
        let stem = layers.conv(x, stem, variant.activation());
        let last = blocks.into_iter().fold(stem, |x, block| layers.block(x, block));
        vec![layers.conv(last, head, variant.activation())]
    })
}

/// The classifier layer on the pooled features.
pub(super) fn classifier(variant: Variant, classes: usize) -> Linear {
    Linear::new("_fc", variant.features(), classes)
}

/// All weights of a network with its classifier.
pub fn weights(variant: Variant, classes: usize) -> Vec<Weight> {
    let mut all = description(variant).weights();
    all.extend(classifier(variant, classes).weights());
    all
}

/// Shape of a block.
struct BlockShape {
    c_in: usize,
    c_out: usize,
    stride: usize,
    /// Side of the input for which padding is computed.
    side: usize,
}

fn block(index: usize, variant: Variant, group: &Group, shape: BlockShape) -> Block {
    let BlockShape { c_in, c_out, stride, side } = shape;
    let name = format!("_blocks.{index}");
    let part = |leaf: &str| format!("{name}.{leaf}");
    let wide = c_in * group.expand;
    let expand = (group.expand != 1).then(|| {
        Convolution::new(part("_expand_conv"), ConvSpec::new(c_in, wide, 1))
            .with_norm(norm(part("_bn0"), wide))
    });
    let depthwise = ConvSpec::depthwise(wide, group.kernel).strided(stride).padded(Padding::same(
        side,
        group.kernel,
        stride,
    ));
    // The paper's ratio 0.25 is of the block's input, not of the expanded channels.
    let squeezed = (c_in / 4).max(1);
    let weighing =
        |leaf: &str, c_in, c_out| Convolution::new(part(leaf), ConvSpec::new(c_in, c_out, 1).biased(true));
    let squeeze = variant.squeezes().then(|| SqueezeExcite {
        reduce: weighing("_se_reduce", wide, squeezed),
        expand: weighing("_se_expand", squeezed, wide),
    });
    let project = Convolution::new(part("_project_conv"), ConvSpec::new(wide, c_out, 1))
        .with_norm(norm(part("_bn2"), c_out));
    Block {
        expand,
        depthwise: Convolution::new(part("_depthwise_conv"), depthwise).with_norm(norm(part("_bn1"), wide)),
        activation: variant.activation(),
        squeeze,
        project,
        project_activation: Activation::None,
        skip: stride == 1 && c_in == c_out,
        drop_connect: DROP_CONNECT * index as f64 / variant.blocks() as f64,
        name,
    }
}
