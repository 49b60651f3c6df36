//! The light backbones against the Python package their weights come with.

use ndarray::Array2;
use sbi::checkpoint;
use sbi::model::efficientnet::{self, EfficientNet, Variant};
use sbi::model::weights::check;
use sbi::model::{Execution, Normalisation};
use sbi::network::Weights;
use sbi::npy;
use std::path::{Path, PathBuf};
use tch::{Device, Tensor};

const CLASSES: usize = 1000;

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
        let variant = Variant::named(&name).unwrap();
        let state = checkpoint::read(&path).unwrap().state;
        check(&efficientnet::weights(variant, CLASSES), &state, &name, &path, |_| false).unwrap();
        let x = Normalisation::ImageNet.apply(&image(variant.resolution as i64));
        let expected = Tensor::from_slice(expected.as_slice().unwrap());
        let scale = expected.abs().max().double_value(&[]);
        for execution in [Execution::plain(Device::Cpu), Execution::fastest(Device::Cpu)] {
            let net = EfficientNet::load(variant, CLASSES, Weights::new(&state, ""), execution).unwrap();
            let logits = tch::no_grad(|| net.classify(&net.pooled_features(&x)));
            let worst = (logits.view([-1]) - &expected).abs().max().double_value(&[]) / scale;
            assert!(worst < 1e-5, "{name}, {execution:?}: {worst}");
        }
    }
}
