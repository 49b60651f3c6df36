//! Every operation in every build of the kernels against libtorch's own operators.

use super::Kernels;
use super::*;
use crate::model::layers::{Activation, Padding, values_of};
use tch::{Device, Kind, Tensor};

const OPTIONS: (Kind, Device) = (Kind::Float, Device::Cpu);

/// The builds from one on, for every one that this processor has.
fn builds() -> impl Iterator<Item = &'static [Kernels]> {
    let all = Kernels::all();
    (0..all.len()).map(move |first| &all[first..])
}

fn folded(weight: &Tensor, bias: &Tensor) -> Folded {
    let size = weight.size();
    Folded {
        weight: values_of(weight),
        bias: values_of(bias),
        c_in: size[1] as usize,
        c_out: size[0] as usize,
        kernel: size[2] as usize,
    }
}

/// A convolution of random weights, of about the spread that keeps activations where they are.
fn random(c_out: i64, c_in: i64, kernel: i64) -> (Tensor, Tensor) {
    let spread = (2.0 / (c_in * kernel * kernel) as f64).sqrt();
    (Tensor::randn([c_out, c_in, kernel, kernel], OPTIONS) * spread, Tensor::randn([c_out], OPTIONS) * 0.1)
}

fn applied(activation: Activation, x: &Tensor) -> Tensor {
    match activation {
        Activation::None => x.shallow_clone(),
        Activation::Relu => x.relu(),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Swish => x.silu(),
        Activation::LeakyRelu(slope) => x.maximum(&(x * slope)),
    }
}

fn plain_conv(
    x: &Tensor,
    (weight, bias): &(Tensor, Tensor),
    stride: i64,
    padding: Padding,
    groups: i64,
) -> Tensor {
    let Padding { before, after } = padding;
    let x = x.constant_pad_nd([before, after, before, after]);
    x.conv2d(weight, Some(bias), [stride; 2], [0, 0], [1, 1], groups)
}

/// A few units of the last place of the largest number, times what sums of products lose.
#[track_caller]
fn assert_close(made: &Tensor, expected: &Tensor, what: &str) {
    assert_eq!(made.size(), expected.size(), "{what}");
    let far =
        (made - expected).abs().max().double_value(&[]) / expected.abs().max().double_value(&[]).max(1.0);
    assert!(far < 1e-5, "{what}: {far:.2e}");
}

const ALL_ACTIVATIONS: [Activation; 5] =
    [Activation::None, Activation::Relu, Activation::Relu6, Activation::Swish, Activation::LeakyRelu(0.1)];

#[test]
fn convolutions_equal_libtorchs() {
    tch::manual_seed(1);
    let paddings = [
        (1, 1, Padding::even(0)),
        (3, 2, Padding { before: 0, after: 1 }),
        (7, 2, Padding::even(3)),
        (5, 1, Padding::even(2)),
        (1, 2, Padding::even(0)),
        (3, 2, Padding::even(0)),
    ];
    for all in builds() {
        for (number, (kernel, stride, padding)) in paddings.into_iter().enumerate() {
            for (c_in, c_out) in [(3, 8), (16, 24), (40, 70), (5, 4)] {
                let activation = ALL_ACTIVATIONS[number % ALL_ACTIVATIONS.len()];
                let conv = random(c_out, c_in, kernel);
                for (height, width) in [(9, 13), (31, 28), (7, 7)] {
                    let x = Tensor::randn([2, c_in, height, width], OPTIONS);
                    let expected = plain_conv(&x, &conv, stride, padding, 1);
                    let onto = Tensor::randn([c_out, c_in, 1, 1], OPTIONS) * 0.2;
                    let (mut program, input) = Builder::with_kernels(all, c_in as usize);
                    let main = folded(&conv.0, &conv.1);
                    let plain = program.conv(input, &main, stride as usize, padding, activation);
                    let shortcut = (onto.shallow_clone(), Tensor::zeros([c_out], OPTIONS));
                    let side = folded(&shortcut.0, &shortcut.1);
                    let added =
                        program.conv(input, &side, stride as usize, Padding::even(0), Activation::None);
                    // The shortcut's size is the same only where the kernel's padding keeps it.
                    let short = plain_conv(&x, &shortcut, stride, Padding::even(0), 1);
                    let fits = short.size() == expected.size();
                    let both = fits.then(|| {
                        program.conv_onto(input, &main, stride as usize, padding, activation, added)
                    });
                    let outputs: Vec<Map> = [Some(plain), both].into_iter().flatten().collect();
                    let made = program.finish(&outputs).run(&x);
                    let what =
                        format!("{} {kernel}/{stride} {c_in} to {c_out}, {height} x {width}", all[0].name);
                    assert_close(&made[0], &applied(activation, &expected), &what);
                    if fits {
                        assert_close(
                            &made[1],
                            &applied(activation, &(&expected + short)),
                            &format!("{what}, added"),
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn three_by_three_convolutions_equal_libtorchs_whatever_way_they_take() {
    tch::manual_seed(2);
    for all in builds() {
        // The last ones are too narrow for Winograd's way.
        for (c_in, c_out) in [(16, 16), (32, 48), (64, 20), (128, 16), (12, 16), (16, 8)] {
            let conv = random(c_out, c_in, 3);
            let (mut program, input) = Builder::with_kernels(all, c_in as usize);
            let padding = Padding::even(1);
            let one = folded(&conv.0, &conv.1);
            let first = program.conv(input, &one, 1, padding, Activation::Relu);
            let slopes = Tensor::rand([c_out], OPTIONS);
            let second = program.conv_slopes(input, &one, 1, padding, &values_of(&slopes));
            let third = program.conv_onto(input, &one, 1, padding, Activation::None, first);
            let joined = program.map(2 * c_out as usize);
            program.conv_beside(input, &one, padding, Activation::LeakyRelu(0.1), (joined, 0));
            program.conv_beside(input, &one, padding, Activation::Relu, (joined, c_out as usize));
            let program = program.finish(&[first, second, third, joined]);
            // Sizes that are and are not whole tiles, smaller ones after larger ones too.
            for (height, width) in [(16, 24), (9, 5), (1, 1), (30, 31), (4, 67)] {
                let x = Tensor::randn([3, c_in, height, width], OPTIONS);
                let expected = plain_conv(&x, &conv, 1, padding, 1);
                let made = program.run(&x);
                let what = format!("{} {c_in} to {c_out}, {height} x {width}", all[0].name);
                assert_close(&made[0], &expected.relu(), &what);
                assert_close(&made[1], &expected.prelu(&slopes), &format!("{what}, slopes"));
                assert_close(&made[2], &(&expected + expected.relu()), &format!("{what}, added"));
                let both = Tensor::cat(&[applied(Activation::LeakyRelu(0.1), &expected), expected.relu()], 1);
                assert_close(&made[3], &both, &format!("{what}, side by side"));
            }
        }
    }
}

#[test]
fn blocks_equal_their_layers_one_by_one() {
    tch::manual_seed(3);
    let shapes = [
        (3, 1, Padding::even(1)),
        (3, 2, Padding { before: 0, after: 1 }),
        (5, 1, Padding::even(2)),
        (5, 2, Padding { before: 1, after: 2 }),
    ];
    for all in builds() {
        for (number, (kernel, stride, padding)) in shapes.into_iter().enumerate() {
            for (c_in, expansion, squeeze) in
                [(8, 1, true), (16, 6, true), (24, 6, false), (40, 1, false), (13, 3, true)]
            {
                let wide = c_in * expansion;
                let skip = stride == 1;
                let c_out = if skip { c_in } else { c_in + 7 };
                let activation =
                    [Activation::Swish, Activation::Relu6, Activation::LeakyRelu(0.1)][number % 3];
                let expand = (expansion > 1).then(|| random(wide, c_in, 1));
                let depthwise = random(wide, 1, kernel);
                let (reduce, excite) = (random(5, wide, 1), random(wide, 5, 1));
                let project = random(c_out, wide, 1);
                let (mut program, input) = Builder::with_kernels(all, c_in as usize);
                let block = Block {
                    expand: expand.as_ref().map(|(weight, bias)| folded(weight, bias)),
                    // A depthwise convolution's groups have one channel.
                    depthwise: folded(&depthwise.0, &depthwise.1),
                    stride: stride as usize,
                    padding,
                    activation,
                    squeeze: squeeze.then(|| (folded(&reduce.0, &reduce.1), folded(&excite.0, &excite.1))),
                    project: folded(&project.0, &project.1),
                    last_activation: Activation::None,
                    skip,
                };
                let to = program.block(input, &block);
                // What reads the result may want zeros around it.
                let behind = random(16, c_out, 3);
                let last =
                    program.conv(to, &folded(&behind.0, &behind.1), 1, Padding::even(1), Activation::None);
                let program = program.finish(&[to, last]);
                for (height, width) in [(31, 37), (12, 12), (7, 7), (3, 2), (26, 50)] {
                    let x = Tensor::randn([2, c_in, height, width], OPTIONS) * 2.0;
                    let none = Padding::even(0);
                    let expanded = expand
                        .as_ref()
                        .map_or(x.shallow_clone(), |e| applied(activation, &plain_conv(&x, e, 1, none, 1)));
                    let mut y =
                        applied(activation, &plain_conv(&expanded, &depthwise, stride, padding, wide));
                    if squeeze {
                        let pooled = y.mean_dim([2i64, 3].as_slice(), true, None);
                        let inner = plain_conv(&pooled, &reduce, 1, none, 1).silu();
                        y *= plain_conv(&inner, &excite, 1, none, 1).sigmoid();
                    }
                    let mut expected = plain_conv(&y, &project, 1, none, 1);
                    if skip {
                        expected += &x;
                    }
                    let what = format!(
                        "{} {kernel}/{stride}, {c_in} x {expansion}, {height} x {width}",
                        all[0].name
                    );
                    let made = program.run(&x);
                    assert_close(&made[0], &expected, &what);
                    let expected = plain_conv(&expected, &behind, 1, Padding::even(1), 1);
                    assert_close(&made[1], &expected, &format!("{what}, a convolution behind"));
                }
            }
        }
    }
}

#[test]
fn pooling_enlarging_and_affine_steps_equal_libtorchs() {
    tch::manual_seed(4);
    for all in builds() {
        for channels in [4, 20, 32] {
            let (scale, shift) = (Tensor::randn([channels], OPTIONS), Tensor::randn([channels], OPTIONS));
            let wider = random(channels + 12, channels, 3);
            let (mut program, input) = Builder::with_kernels(all, channels as usize);
            let padded = program.max_pool(input, Padding::even(1));
            let bare = program.max_pool(input, Padding::even(0));
            let enlarged = program.enlarge_onto(padded, input);
            let affine = program.affine(input, &values_of(&scale), &values_of(&shift));
            // Strided without padding: a column or row less than the means where a side is even.
            let strided =
                program.conv(input, &folded(&wider.0, &wider.1), 2, Padding::even(0), Activation::None);
            let shortcut = program.mean_shortcut(input, strided);
            let program = program.finish(&[padded, bare, enlarged, affine, shortcut]);
            for (height, width) in [(12, 18), (9, 11), (5, 8)] {
                let x = Tensor::randn([2, channels, height, width], OPTIONS);
                let made = program.run(&x);
                let what = format!("{} {channels}, {height} x {width}", all[0].name);
                let pool = |by: i64| x.max_pool2d([3, 3], [2, 2], [by, by], [1, 1], false);
                assert_close(&made[0], &pool(1), &what);
                assert_close(&made[1], &pool(0), &what);
                let nearest = pool(1).upsample_nearest2d([height, width], None, None);
                assert_close(&made[2], &(nearest + &x), &what);
                let as_channels = |t: &Tensor| t.view([1, -1, 1, 1]);
                assert_close(&made[3], &(&x * as_channels(&scale) + as_channels(&shift)), &what);
                let y = plain_conv(&x, &wider, 2, Padding::even(0), 1);
                let means = x.avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None::<i64>);
                let lacks = |t: &Tensor| {
                    let size = t.size();
                    let (h, w) = ((height / 2).max(y.size()[2]), (width / 2).max(y.size()[3]));
                    t.constant_pad_nd([0, w - size[3], 0, h - size[2], 0, channels + 12 - size[1]])
                };
                assert_close(&made[4], &(lacks(&y) + lacks(&means)).relu(), &what);
            }
        }
    }
}

/// A network with every kind of step in it.
fn small_network() -> Program {
    tch::manual_seed(5);
    let (mut program, input) = Builder::new(3);
    let fold = |(weight, bias): (Tensor, Tensor)| folded(&weight, &bias);
    let stem =
        program.conv(input, &fold(random(16, 3, 3)), 2, Padding { before: 0, after: 1 }, Activation::Swish);
    let block = Block {
        expand: Some(fold(random(96, 16, 1))),
        depthwise: fold(random(96, 1, 3)),
        stride: 1,
        padding: Padding::even(1),
        activation: Activation::Swish,
        squeeze: Some((fold(random(4, 96, 1)), fold(random(96, 4, 1)))),
        project: fold(random(16, 96, 1)),
        last_activation: Activation::None,
        skip: true,
    };
    let y = program.block(stem, &block);
    let y = program.conv(y, &fold(random(40, 16, 3)), 1, Padding::even(1), Activation::Relu);
    let pooled = program.max_pool(y, Padding::even(1));
    let last = program.enlarge_onto(pooled, y);
    program.finish(&[last, stem])
}

#[test]
fn threads_and_batches_change_not_a_bit() {
    let program = small_network();
    // Wide enough that a front is cut into strips of rows, too.
    let x = Tensor::rand([5, 3, 81, 107], OPTIONS);
    let with_threads = |threads: usize, x: Tensor| -> Vec<Vec<f32>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let program = &program;
        pool.install(move || program.run(&x).iter().map(values_of).collect())
    };
    let alone = with_threads(1, x.shallow_clone());
    for threads in [2, 3, 5, 8] {
        assert_eq!(with_threads(threads, x.shallow_clone()), alone, "{threads} threads");
    }
    let single = with_threads(2, x.narrow(0, 3, 1));
    let image = alone[0].len() / 5;
    assert_eq!(single[0], alone[0][3 * image..4 * image]);
    // The other memory order holds the same picture.
    let interleaved = x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
    assert_eq!(with_threads(2, interleaved), alone);
}

#[test]
fn memory_is_shared_by_maps_whose_times_do_not_overlap() {
    let program = small_network();
    let (height, width) = (64, 64);
    let plan = program.plan_for((height, width));
    let all: usize =
        program.buffers().iter().zip(&plan.sizes).map(|(buffer, size)| buffer.floats(*size)).sum();
    assert!(plan.floats < all, "{} of {all}", plan.floats);
}
