//! Every operation in every build of the kernels against libtorch's own operators.

mod chains;

use super::compiled::Compiled;
use super::images::{Images, TensorImages};
use super::kernels::Kernels;
use crate::checkpoint::StateDict;
use crate::model::weights::to_data;
use crate::native::torch::floats_of;
use crate::network::{
    Activation, Block, ConvSpec, Convolution, Layers, Map, Network, Norm, Padding, SqueezeExcite, Weights,
};
use tch::{Device, Kind, Tensor};

const OPTIONS: (Kind, Device) = (Kind::Float, Device::Cpu);

/// The builds from one on, for every one that this processor has.
fn builds() -> impl Iterator<Item = &'static [Kernels]> {
    let all = Kernels::all();
    (0..all.len()).map(move |first| &all[first..])
}

/// A state dict under construction: weights by name.
#[derive(Default)]
struct Made(StateDict);

impl Made {
    fn put(&mut self, name: String, tensor: &Tensor) {
        self.0.insert(name, to_data(tensor).unwrap()).unwrap();
    }

    /// A convolution with this weight and bias, under a name of its own.
    fn conv(&mut self, name: &str, (weight, bias): &(Tensor, Tensor), padding: Padding) -> Convolution {
        let size: Vec<usize> = weight.size().iter().map(|&side| side as usize).collect();
        self.put(format!("{name}.weight"), weight);
        self.put(format!("{name}.bias"), bias);
        Convolution::new(name, ConvSpec::new(size[1], size[0], size[2]).padded(padding).biased(true))
    }

    /// Adds a depthwise convolution with these numbers and describes it.
    fn depthwise(&mut self, name: &str, numbers: &(Tensor, Tensor), padding: Padding) -> Convolution {
        let conv = self.conv(name, numbers, padding);
        let channels = conv.spec.c_out;
        Convolution { spec: ConvSpec { c_in: channels, groups: channels, ..conv.spec }, ..conv }
    }

    fn compiled(
        &self,
        builds: &'static [Kernels],
        channels: i64,
        list: impl FnOnce(&mut Layers, Map) -> Vec<Map>,
    ) -> Compiled {
        let network = Network::new(channels as usize, list);
        Compiled::with_kernels(builds, &network, Weights::new(&self.0, "")).unwrap()
    }
}

fn strided(conv: &Convolution, stride: i64) -> Convolution {
    Convolution { spec: conv.spec.strided(stride as usize), ..conv.clone() }
}

fn values_of(tensor: &Tensor) -> Vec<f32> {
    to_data(tensor).unwrap().to_f32_vec()
}

/// A convolution of random weights, of about the spread that keeps activations where they are.
fn random(c_out: i64, c_in: i64, kernel: i64) -> (Tensor, Tensor) {
    let spread = (2.0 / (c_in * kernel * kernel) as f64).sqrt();
    (Tensor::randn([c_out, c_in, kernel, kernel], OPTIONS) * spread, Tensor::randn([c_out], OPTIONS) * 0.1)
}

fn applied(activation: &Activation, x: &Tensor) -> Tensor {
    match activation {
        Activation::None => x.shallow_clone(),
        Activation::Relu => x.relu(),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Swish => x.silu(),
        Activation::LeakyRelu(slope) => x.maximum(&(x * *slope)),
        Activation::Slopes(name) => panic!("{name} is a name"),
    }
}

fn normalised(x: &Tensor, statistics: &[(String, Tensor); 4], norm: &Norm) -> Tensor {
    let [weight, bias, mean, variance] = statistics.each_ref().map(|(_, tensor)| Some(tensor));
    x.batch_norm(weight, bias, mean, variance, false, norm.momentum, norm.eps, false)
}

fn plain_conv(
    x: &Tensor,
    (weight, bias): &(Tensor, Tensor),
    stride: i64,
    padding: Padding,
    groups: i64,
) -> Tensor {
    let (before, after) = (padding.before as i64, padding.after as i64);
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

/// Every activation without weights of its own.
const ALL_ACTIVATIONS: &[Activation] =
    &[Activation::None, Activation::Relu, Activation::Relu6, Activation::Swish, Activation::LeakyRelu(0.1)];

/// The activation of a case; the first cases take all of them in turn, and `cases` are enough for that.
fn in_turn(case: usize, cases: usize) -> &'static Activation {
    assert!(cases >= ALL_ACTIVATIONS.len(), "some activations are never compared");
    &ALL_ACTIVATIONS[case % ALL_ACTIVATIONS.len()]
}

#[test]
fn activation_formulas_are_those_of_the_modules() {
    tch::manual_seed(5);
    let x = Tensor::randn([2, 3, 8, 8], OPTIONS) * 4.0;
    for activation in ALL_ACTIVATIONS {
        let module = activation.with_slopes(|name| Err(format!("{name} has slopes"))).unwrap();
        assert_eq!(module.apply(x.copy()), applied(activation, &x), "{activation:?}");
    }
}

#[test]
fn convolutions_equal_libtorchs() {
    tch::manual_seed(1);
    let paddings = [
        (1, 1, Padding::NONE),
        (3, 2, Padding { before: 0, after: 1 }),
        (7, 2, Padding::even(3)),
        (5, 1, Padding::even(2)),
        (1, 2, Padding::NONE),
        (3, 2, Padding::NONE),
    ];
    for all in builds() {
        for (number, (kernel, stride, padding)) in paddings.into_iter().enumerate() {
            let channels = [(3, 8), (16, 24), (40, 70), (5, 4)];
            for (case, (c_in, c_out)) in channels.into_iter().enumerate() {
                let case = number * channels.len() + case;
                let activation = in_turn(case, paddings.len() * channels.len());
                let conv = random(c_out, c_in, kernel);
                let shortcut =
                    (Tensor::randn([c_out, c_in, 1, 1], OPTIONS) * 0.2, Tensor::zeros([c_out], OPTIONS));
                let mut made = Made::default();
                let main = strided(&made.conv("main", &conv, padding), stride);
                let side = strided(&made.conv("side", &shortcut, Padding::NONE), stride);
                for (height, width) in [(9, 13), (31, 28), (7, 7)] {
                    let x = Tensor::randn([2, c_in, height, width], OPTIONS);
                    let expected = plain_conv(&x, &conv, stride, padding, 1);
                    // The shortcut's size is the same only where the kernel's padding keeps it.
                    let short = plain_conv(&x, &shortcut, stride, Padding::NONE, 1);
                    let fits = short.size() == expected.size();
                    let program = made.compiled(all, c_in, |layers, input| {
                        let plain = layers.conv(input, main.clone(), activation.clone());
                        let added = layers.conv(input, side.clone(), Activation::None);
                        let both =
                            fits.then(|| layers.conv_onto(input, main.clone(), added, activation.clone()));
                        [plain].into_iter().chain(both).collect()
                    });
                    let results = program.run(&x);
                    let what =
                        format!("{} {kernel}/{stride} {c_in} to {c_out}, {height} x {width}", all[0].name);
                    assert_close(&results[0], &applied(activation, &expected), &what);
                    if fits {
                        let expected = applied(activation, &(&expected + short));
                        assert_close(&results[1], &expected, &format!("{what}, added"));
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
            let padding = Padding::even(1);
            let slopes = Tensor::rand([c_out], OPTIONS);
            let mut made = Made::default();
            let one = made.conv("one", &conv, padding);
            made.put("slopes.weight".to_owned(), &slopes);
            let norm = Norm::new("norm", c_in as usize);
            let statistics = [norm.weight(), norm.bias(), norm.running_mean(), norm.running_var()]
                .map(|weight| (weight.name, Tensor::rand([c_in], OPTIONS) + 0.5));
            statistics.iter().for_each(|(name, tensor)| made.put(name.clone(), tensor));
            let program = made.compiled(all, c_in, |layers, input| {
                let mut conv = |activation| layers.conv(input, one.clone(), activation);
                let first = conv(Activation::Relu);
                let second = conv(Activation::Slopes("slopes".to_owned()));
                let third = layers.conv_onto(input, one.clone(), first, Activation::None);
                // Twice from one map, which becomes one product, and once from another.
                let other = layers.affine(input, norm.clone());
                let parts = vec![(input, one.clone()), (input, one.clone()), (other, one.clone())];
                let beside = layers.beside(parts, Activation::LeakyRelu(0.1));
                vec![first, second, third, beside]
            });
            // Sizes that are and are not whole tiles, smaller ones after larger ones too.
            for (height, width) in [(16, 24), (9, 5), (1, 1), (30, 31), (4, 67)] {
                let x = Tensor::randn([3, c_in, height, width], OPTIONS);
                let expected = plain_conv(&x, &conv, 1, padding, 1);
                let made = program.run(&x);
                let what = format!("{} {c_in} to {c_out}, {height} x {width}", all[0].name);
                assert_close(&made[0], &expected.relu(), &what);
                assert_close(&made[1], &expected.prelu(&slopes), &format!("{what}, slopes"));
                assert_close(&made[2], &(&expected + expected.relu()), &format!("{what}, added"));
                let other = plain_conv(&normalised(&x, &statistics, &norm), &conv, 1, padding, 1);
                let beside = Tensor::cat(&[&expected, &expected, &other], 1);
                let beside = applied(&Activation::LeakyRelu(0.1), &beside);
                assert_close(&made[3], &beside, &format!("{what}, side by side"));
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
            let widths = [(8, 1, true), (16, 6, true), (24, 6, false), (40, 1, false), (13, 3, true)];
            for (case, (c_in, expansion, squeeze)) in widths.into_iter().enumerate() {
                // Other cases for each shape: there are as many widths as activations.
                let case = number * (widths.len() + 1) + case;
                let wide = c_in * expansion;
                let skip = stride == 1;
                let c_out = if skip { c_in } else { c_in + 7 };
                let activation = in_turn(case, shapes.len() * widths.len());
                let expand = (expansion > 1).then(|| random(wide, c_in, 1));
                let depthwise = random(wide, 1, kernel);
                let (reduce, excite) = (random(5, wide, 1), random(wide, 5, 1));
                let project = random(c_out, wide, 1);
                let mut made = Made::default();
                let none = Padding::NONE;
                let squeezed = SqueezeExcite {
                    reduce: made.conv("reduce", &reduce, none),
                    expand: made.conv("excite", &excite, none),
                };
                let block = Block {
                    name: "block".to_owned(),
                    expand: expand.as_ref().map(|numbers| made.conv("expand", numbers, none)),
                    depthwise: strided(&made.depthwise("depthwise", &depthwise, padding), stride),
                    activation: activation.clone(),
                    squeeze: squeeze.then_some(squeezed),
                    project: made.conv("project", &project, none),
                    project_activation: Activation::None,
                    skip,
                    drop_connect: 0.0,
                };
                // What reads the result may want zeros around it.
                let behind = random(16, c_out, 3);
                let last = made.conv("behind", &behind, Padding::even(1));
                let program = made.compiled(all, c_in, |layers, input| {
                    let to = layers.block(input, block);
                    vec![to, layers.conv(to, last, Activation::None)]
                });
                for (height, width) in [(31, 37), (12, 12), (7, 7), (3, 2), (26, 50)] {
                    let x = Tensor::randn([2, c_in, height, width], OPTIONS) * 2.0;
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
            let wider = random(channels + 12, channels, 3);
            let mut made = Made::default();
            let norm = Norm::new("norm", channels as usize);
            let statistics = [norm.weight(), norm.bias(), norm.running_mean(), norm.running_var()]
                .map(|weight| (weight.name, Tensor::rand([channels], OPTIONS) + 0.5));
            statistics.iter().for_each(|(name, tensor)| made.put(name.clone(), tensor));
            // Strided without padding: a column or row less than the means where a side is even.
            let strided = strided(&made.conv("wider", &wider, Padding::NONE), 2);
            let program = made.compiled(all, channels, |layers, input| {
                let padded = layers.max_pool(input, Padding::even(1));
                let bare = layers.max_pool(input, Padding::NONE);
                let enlarged = layers.enlarge_add(padded, input);
                let affine = layers.affine(input, norm.clone());
                let strided = layers.conv(input, strided, Activation::None);
                let shortcut = layers.mean_shortcut(input, strided);
                vec![padded, bare, enlarged, affine, shortcut]
            });
            for (height, width) in [(12, 18), (9, 11), (5, 8)] {
                let x = Tensor::randn([2, channels, height, width], OPTIONS);
                let made = program.run(&x);
                let what = format!("{} {channels}, {height} x {width}", all[0].name);
                let pool = |by: i64| x.max_pool2d([3, 3], [2, 2], [by, by], [1, 1], false);
                assert_close(&made[0], &pool(1), &what);
                assert_close(&made[1], &pool(0), &what);
                let nearest = pool(1).upsample_nearest2d([height, width], None, None);
                assert_close(&made[2], &(nearest + &x), &what);
                assert_close(&made[3], &normalised(&x, &statistics, &norm), &what);
                let y = plain_conv(&x, &wider, 2, Padding::NONE, 1);
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

/// A network with most kinds of operations in it.
fn small_network() -> Compiled {
    tch::manual_seed(5);
    let mut made = Made::default();
    let stem = made.conv("stem", &random(16, 3, 3), Padding { before: 0, after: 1 });
    let block = Block {
        name: "block".to_owned(),
        expand: Some(made.conv("expand", &random(96, 16, 1), Padding::NONE)),
        depthwise: made.depthwise("depthwise", &random(96, 1, 3), Padding::even(1)),
        activation: Activation::Swish,
        squeeze: Some(SqueezeExcite {
            reduce: made.conv("reduce", &random(4, 96, 1), Padding::NONE),
            expand: made.conv("excite", &random(96, 4, 1), Padding::NONE),
        }),
        project: made.conv("project", &random(16, 96, 1), Padding::NONE),
        project_activation: Activation::None,
        skip: true,
        drop_connect: 0.0,
    };
    let wide = made.conv("wide", &random(40, 16, 3), Padding::even(1));
    made.compiled(Kernels::all(), 3, |layers, input| {
        let stem = layers.conv(input, strided(&stem, 2), Activation::Swish);
        let y = layers.block(stem, block);
        let y = layers.conv(y, wide, Activation::Relu);
        let pooled = layers.max_pool(y, Padding::even(1));
        vec![layers.enlarge_add(pooled, y), stem]
    })
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
    // The other memory order holds the same image.
    let interleaved = x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
    assert_eq!(with_threads(2, interleaved), alone);
}

#[test]
fn images_of_several_sizes_run_apart_as_they_run_by_themselves() {
    let program = small_network();
    let images = [(81, 107), (40, 33), (81, 107), (64, 150), (9, 12)]
        .map(|(height, width)| Tensor::rand([1, height, width, 3], OPTIONS));
    let sets: Vec<TensorImages> = images
        .iter()
        .map(|image| TensorImages {
            values: floats_of(image),
            planes: false,
            count: 1,
            channels: 3,
            size: (image.size()[1] as usize, image.size()[2] as usize),
        })
        .collect();
    let sets: Vec<&dyn Images> = sets.iter().map(|set| set as &dyn Images).collect();
    let numbers = |outputs: &[Tensor]| -> Vec<Vec<f32>> { outputs.iter().map(values_of).collect() };
    let alone: Vec<_> = sets.iter().map(|set| numbers(&program.run_images(*set))).collect();
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let apart = pool.install(|| program.run_apart(&sets));
        assert_eq!(apart.iter().map(|outputs| numbers(outputs)).collect::<Vec<_>>(), alone);
    }
}

#[test]
fn memory_is_shared_by_maps_whose_times_do_not_overlap() {
    let program = small_network();
    let (height, width) = (64, 64);
    let layout = program.layout_for((height, width));
    let all: usize = layout.placed.iter().map(|placed| placed.kind.floats(placed.size)).sum();
    assert!(layout.floats < all, "{} of {all}", layout.floats);
}

#[test]
fn a_weight_that_is_missing_is_named() {
    let conv = Convolution::new("conv", ConvSpec::new(3, 8, 3));
    let network = Network::new(3, |layers, x| vec![layers.conv(x, conv, Activation::None)]);
    let state = StateDict::new();
    let refusal = Compiled::new(&network, Weights::new(&state, "net.")).err().unwrap();
    assert_eq!(refusal.missing, ["net.conv.weight"]);
}
