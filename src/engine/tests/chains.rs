//! Chains of pairs against libtorch's own operators.

use super::{Made, OPTIONS, applied, assert_close, builds, in_turn, plain_conv, random, strided, values_of};
use crate::network::{Activation, Block, Padding};
use tch::Tensor;

/// The pairs of a chain of layers: channels in and out, stride.
type Pairs = &'static [(i64, i64, i64)];

#[test]
fn chains_equal_their_layers_one_by_one_for_any_number_of_threads() {
    tch::manual_seed(6);
    let even = Padding::even(1);
    // With and without a convolution before them, in vectors and halves of them, and one whose weights stand alone.
    let chains: [(Option<i64>, Pairs); 5] = [
        (Some(2), &[(8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)]),
        (Some(1), &[(8, 16, 2), (16, 16, 2)]),
        (None, &[(8, 32, 1), (32, 48, 1)]),
        (None, &[(64, 128, 2), (128, 64, 1)]),
        (None, &[(16, 16, 1), (16, 12, 1)]),
    ];
    for all in builds() {
        for (case, (stem, shape)) in chains.into_iter().enumerate() {
            let activation = in_turn(case, chains.len());
            let before = if *activation == Activation::Swish { &Activation::Relu } else { activation };
            let c_in = if stem.is_some() { 3 } else { shape[0].0 };
            let first = random(8, c_in, 3);
            let numbers: Vec<_> =
                shape.iter().map(|&(c_in, c_out, _)| (random(c_in, 1, 3), random(c_out, c_in, 1))).collect();
            let mut made = Made::default();
            let first_conv = made.conv("stem", &first, even);
            let blocks: Vec<Block> = shape
                .iter()
                .zip(&numbers)
                .enumerate()
                .map(|(number, (pair, (depthwise, project)))| {
                    let depthwise = made.depthwise(&format!("depthwise{number}"), depthwise, even);
                    Block {
                        name: number.to_string(),
                        expand: None,
                        depthwise: strided(&depthwise, pair.2),
                        activation: activation.clone(),
                        squeeze: None,
                        project: made.conv(&format!("project{number}"), project, Padding::NONE),
                        project_activation: activation.clone(),
                        skip: false,
                        drop_connect: 0.0,
                    }
                })
                .collect();
            let program = made.compiled(all, c_in, |layers, mut map| {
                if let Some(stride) = stem {
                    map = layers.conv(map, strided(&first_conv, stride), before.clone());
                }
                vec![blocks.iter().fold(map, |map, block| layers.block(map, block.clone()))]
            });
            for (height, width) in [(81, 107), (64, 50), (9, 5), (33, 130), (1, 1)] {
                let x = Tensor::randn([1, c_in, height, width], OPTIONS);
                let mut expected = x.shallow_clone();
                if let Some(stride) = stem {
                    expected = applied(before, &plain_conv(&expected, &first, stride, even, 1));
                }
                for (&(c_in, _, stride), (depthwise, project)) in shape.iter().zip(&numbers) {
                    expected = applied(activation, &plain_conv(&expected, depthwise, stride, even, c_in));
                    expected = applied(activation, &plain_conv(&expected, project, 1, Padding::NONE, 1));
                }
                let run = |threads: usize| {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                    let (program, x) = (&program, x.shallow_clone());
                    pool.install(move || program.run(&x).remove(0))
                };
                let alone = run(1);
                assert_close(&alone, &expected, &format!("{} chain {case}, {height} x {width}", all[0].name));
                for threads in [2, 5] {
                    assert_eq!(values_of(&run(threads)), values_of(&alone), "{threads} threads");
                }
            }
        }
    }
}

#[test]
fn a_map_that_others_read_ends_a_chain() {
    tch::manual_seed(7);
    let (even, width) = (Padding::even(1), 16);
    let numbers = [0, 1].map(|_| (random(width, 1, 3), random(width, width, 1)));
    let beside = random(width, width, 1);
    for all in builds() {
        let mut made = Made::default();
        let blocks = [0, 1].map(|number| {
            let (depthwise, project) = &numbers[number];
            Block {
                name: number.to_string(),
                expand: None,
                depthwise: made.depthwise(&format!("depthwise{number}"), depthwise, even),
                activation: Activation::Relu,
                squeeze: None,
                project: made.conv(&format!("project{number}"), project, Padding::NONE),
                project_activation: Activation::Relu,
                skip: false,
                drop_connect: 0.0,
            }
        });
        let reader = made.conv("beside", &beside, Padding::NONE);
        let x = Tensor::randn([1, width, 21, 30], OPTIONS);
        let pair = |x: &Tensor, (depthwise, project): &((Tensor, Tensor), (Tensor, Tensor))| {
            let between = applied(&Activation::Relu, &plain_conv(x, depthwise, 1, even, width));
            applied(&Activation::Relu, &plain_conv(&between, project, 1, Padding::NONE, 1))
        };
        let first = pair(&x, &numbers[0]);
        let last = pair(&first, &numbers[1]);
        let read = applied(&Activation::Relu, &plain_conv(&first, &beside, 1, Padding::NONE, 1));
        // Read by another layer, and an output.
        for is_output in [false, true] {
            let program = made.compiled(all, width, |layers, map| {
                let between = layers.block(map, blocks[0].clone());
                let end = layers.block(between, blocks[1].clone());
                match is_output {
                    true => vec![end, between],
                    false => vec![end, layers.conv(between, reader.clone(), Activation::Relu)],
                }
            });
            let outputs = program.run(&x);
            assert_close(&outputs[0], &last, "the end");
            assert_close(&outputs[1], if is_output { &first } else { &read }, "what lies between");
        }
    }
}
