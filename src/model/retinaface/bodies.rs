//! The two bodies: from pictures to maps of strides 8, 16 and 32.

use super::Body;
use crate::engine::{Block, Builder, Map};
use crate::model::layers::{Activation, ConvSpec, ConvUnit, Padding};
use tch::Tensor;
use tch::nn;

pub(super) struct ResNet {
    stem: ConvUnit,
    stages: Vec<Vec<Bottleneck>>,
}

struct Bottleneck {
    convs: [ConvUnit; 3],
    shortcut: Option<ConvUnit>,
}

impl Bottleneck {
    const EXPANSION: i64 = 4;

    fn new(path: &nn::Path, c_in: i64, width: i64, stride: i64) -> Self {
        let c_out = width * Self::EXPANSION;
        let unit = |i: i64, spec, act| {
            Body::ResNet50.unit(path / format!("conv{i}"), path / format!("bn{i}"), spec, act)
        };
        let wants_projection = stride != 1 || c_in != c_out;
        Bottleneck {
            convs: [
                unit(1, ConvSpec::new(c_in, width, 1), Activation::Relu),
                unit(2, ConvSpec { stride, ..ConvSpec::new(width, width, 3) }, Activation::Relu),
                unit(3, ConvSpec::new(width, c_out, 1), Activation::None),
            ],
            shortcut: wants_projection.then(|| {
                let spec = ConvSpec { stride, ..ConvSpec::new(c_in, c_out, 1) };
                Body::ResNet50.sequential(path / "downsample", spec, Activation::None)
            }),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let [first, second, third] = &self.convs;
        let y = second.forward(&first.forward(x, false), false);
        // The input itself is nobody else's any more: the maps that the pyramid takes go into blocks with a
        // projection.
        let shortcut = match &self.shortcut {
            Some(unit) => unit.forward(x, false),
            None => x.shallow_clone(),
        };
        third.forward_residual(&y, shortcut)
    }

    fn compile(&self, program: &mut Builder, x: Map) -> Map {
        let [first, second, third] = &self.convs;
        let y = first.compile(program, x);
        let y = second.compile(program, y);
        let shortcut = self.shortcut.as_ref().map_or(x, |unit| unit.compile(program, x));
        third.compile_onto(program, y, shortcut, Activation::Relu)
    }
}

impl ResNet {
    const STAGES: [(i64, i64); 4] = [(64, 3), (128, 4), (256, 6), (512, 3)];

    pub(super) fn new(path: &nn::Path) -> Self {
        let stem = ConvSpec { stride: 2, ..ConvSpec::new(3, 64, 7) };
        let mut c_in = 64;
        let mut stages = Vec::new();
        for (index, (width, blocks)) in Self::STAGES.into_iter().enumerate() {
            let stage = path / format!("layer{}", index + 1);
            let mut units = Vec::new();
            for block in 0..blocks {
                let stride = if block == 0 && index > 0 { 2 } else { 1 };
                units.push(Bottleneck::new(&(&stage / block), c_in, width, stride));
                c_in = width * Bottleneck::EXPANSION;
            }
            stages.push(units);
        }
        let stem = Body::ResNet50.unit(path / "conv1", path / "bn1", stem, Activation::Relu);
        ResNet { stem, stages }
    }

    /// The outputs of stages 2, 3 and 4 (strides 8, 16, 32).
    pub(super) fn forward(&self, x: &Tensor) -> [Tensor; 3] {
        let y = self.stem.forward(x, false).max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false);
        let run = |stage: &[Bottleneck], y: Tensor| stage.iter().fold(y, |y, block| block.forward(&y));
        let y = run(&self.stages[0], y);
        let low = run(&self.stages[1], y);
        let middle = run(&self.stages[2], low.shallow_clone());
        let high = run(&self.stages[3], middle.shallow_clone());
        [low, middle, high]
    }

    pub(super) fn compile(&self, program: &mut Builder, x: Map) -> [Map; 3] {
        let stem = self.stem.compile(program, x);
        let mut y = program.max_pool(stem, Padding::even(1));
        let maps = std::array::from_fn::<_, 4, _>(|stage| {
            y = self.stages[stage].iter().fold(y, |y, block| block.compile(program, y));
            y
        });
        [maps[1], maps[2], maps[3]]
    }
}

/// MobileNet 0.25 in the form of the original RetinaFace ports: three stages of depthwise-separable pairs.
pub(super) fn mobilenet(path: &nn::Path) -> Vec<Vec<ConvUnit>> {
    const STAGES: [&[(i64, i64, i64)]; 3] = [
        &[(8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)],
        &[(64, 128, 2), (128, 128, 1), (128, 128, 1), (128, 128, 1), (128, 128, 1), (128, 128, 1)],
        &[(128, 256, 2), (256, 256, 1)],
    ];
    let body = Body::MobileNet025;
    let act = body.activation();
    let mut stages = Vec::new();
    for (index, pairs) in STAGES.into_iter().enumerate() {
        let stage = path / format!("stage{}", index + 1);
        let mut units = Vec::new();
        // Only the first stage opens with an ordinary convolution, as its member 0.
        let first_pair = if index == 0 {
            let spec = ConvSpec { stride: 2, padding: Padding::even(1), ..ConvSpec::new(3, 8, 3) };
            units.push(body.sequential(&stage / 0, spec, act));
            1
        } else {
            0
        };
        for (number, &(c_in, c_out, stride)) in pairs.iter().enumerate() {
            let pair = &stage / (number as i64 + first_pair);
            let depthwise = ConvSpec { stride, groups: c_in, ..ConvSpec::new(c_in, c_in, 3) };
            units.push(body.sequential(&pair / 0, depthwise, act));
            units.push(body.sequential(&pair / 1, ConvSpec::new(c_in, c_out, 1), act));
        }
        stages.push(units);
    }
    stages
}

pub(super) fn mobilenet_maps(stages: &[Vec<ConvUnit>], x: &Tensor) -> [Tensor; 3] {
    let run = |stage: &[ConvUnit], x: &Tensor| {
        stage.iter().fold(x.shallow_clone(), |y, unit| unit.forward(&y, false))
    };
    let low = run(&stages[0], x);
    let middle = run(&stages[1], &low);
    let high = run(&stages[2], &middle);
    [low, middle, high]
}

/// The same as steps of a program: the stem, then pairs of a depthwise and a pointwise convolution.
pub(super) fn compile_mobilenet(stages: &[Vec<ConvUnit>], program: &mut Builder, x: Map) -> [Map; 3] {
    let mut y = x;
    std::array::from_fn(|stage| {
        let mut units = stages[stage].as_slice();
        while let [unit, rest @ ..] = units {
            units = rest;
            match rest {
                [pointwise, after @ ..] if unit.spec().groups > 1 => {
                    units = after;
                    let spec = unit.spec();
                    let pair = Block {
                        expand: None,
                        depthwise: unit.folded(),
                        stride: spec.stride as usize,
                        padding: spec.padding,
                        activation: unit.activation(),
                        squeeze: None,
                        project: pointwise.folded(),
                        last_activation: pointwise.activation(),
                        skip: false,
                    };
                    y = program.block(y, &pair);
                }
                _ => y = unit.compile(program, y),
            }
        }
        y
    })
}
