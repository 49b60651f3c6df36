//! The light backbones against the Python package their weights come with.

use ndarray::Array2;
use sbi::checkpoint;
use sbi::model::efficientnet::{EfficientNet, Mode, Variant};
use sbi::model::{Normalisation, load_weights};
use sbi::npy;
use std::path::{Path, PathBuf};
use tch::nn::VarStore;
use tch::{Device, Tensor};

const CLASSES: i64 = 1000;

/// The image of scripts/make_lite_vectors.py.
fn image(side: i64) -> Tensor {
    let values: Vec<f32> = (0..3 * side * side)
        .map(|i| {
            let (c, y, x) = (i / (side * side), i / side % side, i % side);
            ((7 * y + 13 * x + 29 * c + x * y) % 256) as f32 / 255.0
        })
        .collect();
    Tensor::from_slice(&values).view([1, 3, side, side])
}

#[test]
fn imagenet_logits_equal_those_of_the_python_package_plain_and_compiled() {
    let expected: Array2<f32> = npy::read_array(Path::new("tests/fixtures/lite/logits.npy")).unwrap();
    for (size, expected) in expected.outer_iter().enumerate() {
        let name = format!("efficientnet-lite{size}");
        let path = PathBuf::from(format!("weights/{name}-imagenet.pth"));
        let vs = VarStore::new(Device::Cpu);
        let variant = Variant::named(&name).unwrap();
        let mut net = EfficientNet::new(&vs.root(), variant, CLASSES);
        load_weights(&vs, &checkpoint::read(&path).unwrap().state, &name, &path, |_| false).unwrap();
        let x = Normalisation::ImageNet.apply(&image(variant.resolution));
        let expected = Tensor::from_slice(expected.as_slice().unwrap());
        let scale = expected.abs().max().double_value(&[]);
        let worst = |net: &EfficientNet| {
            let logits = tch::no_grad(|| net.classify(&net.pooled_features(&x, Mode::Eval)));
            (logits.view([CLASSES]) - &expected).abs().max().double_value(&[]) / scale
        };
        let plain = worst(&net);
        assert!(plain < 1e-5, "{name}, plain: {plain}");
        net.compile();
        let compiled = worst(&net);
        assert!(compiled < 1e-5, "{name}, compiled: {compiled}");
    }
}
