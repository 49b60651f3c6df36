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
