//! The inference engine's operations one by one, at shapes of EfficientNet-B4 (faces of 380 pixels), of RetinaFace (a frame
//! of 720p) and of the face encoders.
//!
//! An operation is a network of its own. Where its result has the shape of its input it comes several times in a row, so
//! that copying the map in and out counts little; a time is that of all of them, a rate is in operations.

use criterion::{Criterion, Throughput, criterion_group};
use sbi::engine::Compiled;
use sbi::model::fill;
use sbi::network::{
    Activation, Block, ConvSpec, Convolution, Layers, Map, Network, Norm, Padding, Size, SqueezeExcite,
    Weights,
};
use tch::Tensor;

/// How often an operation comes that keeps its input's shape.
const IN_A_ROW: usize = 8;

/// Measures `count` operations, which `list` lists from a map of this many channels and this size.
fn measure(
    c: &mut Criterion,
    name: &str,
    (channels, size): (usize, Size),
    count: usize,
    list: impl Fn(&mut Layers, Map) -> Map,
) {
    let network = Network::new(channels, |layers, x| vec![list(layers, x)]);
    let state = fill::filled(&network.weights(), super::SEED).unwrap();
    let compiled = Compiled::new(&network, Weights::new(&state, "")).unwrap();
    let (height, width) = size;
    let values = fill::input("map", super::SEED, channels * height * width);
    let map = Tensor::from_slice(&values).view([1, channels as i64, height as i64, width as i64]);
    let mut group = c.benchmark_group("engine");
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function(name, |b| b.iter(|| compiled.run(&map)));
    group.finish();
}

/// `list` several times in a row; it is told the number of each, for names.
fn in_a_row(layers: &mut Layers, x: Map, list: impl Fn(&mut Layers, Map, usize) -> Map) -> Map {
    (0..IN_A_ROW).fold(x, |x, number| list(layers, x, number))
}

fn convolution(number: usize, spec: ConvSpec) -> Convolution {
    Convolution::new(format!("conv{number}"), spec.biased(true))
}

fn convolutions(c: &mut Criterion) {
    let b4_stem = ConvSpec::new(3, 48, 3).strided(2).padded(Padding::same(380, 3, 2));
    measure(c, "conv 3x3/2, 3 to 48, 380 px (B4's stem)", (3, (380, 380)), 1, |layers, x| {
        layers.conv(x, convolution(0, b4_stem), Activation::Swish)
    });
    let b4_head = ConvSpec::new(448, 1792, 1);
    measure(c, "conv 1x1, 448 to 1792, 12 px (B4's head)", (448, (12, 12)), 1, |layers, x| {
        layers.conv(x, convolution(0, b4_head), Activation::Swish)
    });
    measure(
        c,
        "conv 3x3, 64 to 64, 90 x 160 px (Winograd; pyramid)",
        (64, (90, 160)),
        IN_A_ROW,
        |layers, x| {
            let spec = ConvSpec::new(64, 64, 3);
            in_a_row(layers, x, |layers, x, number| {
                layers.conv(x, convolution(number, spec), Activation::LeakyRelu(0.1))
            })
        },
    );
    let heads = [8, 4, 20].map(|c_out| ConvSpec::new(64, c_out, 1));
    measure(
        c,
        "conv 1x1 side by side, 64 to 8 + 4 + 20, 90 x 160 px (heads)",
        (64, (90, 160)),
        1,
        |layers, x| {
            let parts = heads.iter().enumerate().map(|(number, spec)| (x, convolution(number, *spec)));
            layers.beside(parts.collect(), Activation::None)
        },
    );
}

/// A block that keeps its input's shape.
fn block(number: usize, channels: usize, expansion: usize, kernel: usize, activation: Activation) -> Block {
    let wide = channels * expansion;
    let conv =
        |leaf: &str, spec: ConvSpec| Convolution::new(format!("block{number}.{leaf}"), spec.biased(true));
    let full = expansion > 1;
    Block {
        name: format!("block{number}"),
        expand: full.then(|| conv("expand", ConvSpec::new(channels, wide, 1))),
        depthwise: conv("depthwise", ConvSpec::depthwise(wide, kernel)),
        activation: activation.clone(),
        squeeze: full.then(|| SqueezeExcite {
            reduce: conv("reduce", ConvSpec::new(wide, channels / 4, 1)),
            expand: conv("excite", ConvSpec::new(channels / 4, wide, 1)),
        }),
        project: conv("project", ConvSpec::new(wide, channels, 1)),
        project_activation: if full { Activation::None } else { activation },
        skip: full,
        drop_connect: 0.0,
    }
}

fn blocks(c: &mut Criterion) {
    // Channels, expansion, kernel, and rows and columns.
    let shapes = [
        ("B4's second stage", 32, 6, 3, (95, 95), Activation::Swish),
        ("B4's fifth stage", 160, 6, 5, (24, 24), Activation::Swish),
        ("MobileNet's pair", 64, 1, 3, (90, 160), Activation::LeakyRelu(0.1)),
    ];
    for (name, channels, expansion, kernel, size, activation) in shapes {
        let name =
            format!("block {kernel}x{kernel}, {channels} x {expansion}, {} x {} px ({name})", size.0, size.1);
        measure(c, &name, (channels, size), IN_A_ROW, |layers, x| {
            in_a_row(layers, x, |layers, x, number| {
                layers.block(x, block(number, channels, expansion, kernel, activation.clone()))
            })
        });
    }
}

fn between(c: &mut Criterion) {
    measure(c, "max pool, 64, 180 x 320 px (ResNet-50)", (64, (180, 320)), 1, |layers, x| {
        layers.max_pool(x, Padding::even(1))
    });
    measure(c, "enlarge and add, 64, 90 x 160 px (pyramid)", (64, (90, 160)), IN_A_ROW, |layers, x| {
        let smaller = layers.max_pool(x, Padding::even(1));
        in_a_row(layers, x, |layers, x, _| layers.enlarge_add(smaller, x))
    });
    measure(
        c,
        "conv 1x1/2 and mean shortcut, 64 to 128, 17 px (dlib's encoder)",
        (64, (17, 17)),
        1,
        |layers, x| {
            let halved = convolution(0, ConvSpec::new(64, 128, 1).strided(2));
            let y = layers.conv(x, halved, Activation::None);
            layers.mean_shortcut(x, y)
        },
    );
    measure(c, "affine, 64, 112 px (iresnet)", (64, (112, 112)), IN_A_ROW, |layers, x| {
        in_a_row(layers, x, |layers, x, number| layers.affine(x, Norm::new(format!("norm{number}"), 64)))
    });
}

criterion_group! { name = benches; config = super::settings(); targets = convolutions, blocks, between }
