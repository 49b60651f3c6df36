//! Small autoencoders of aligned faces, as programs for swapping faces have them.
//!
//! The encoder halves the sides of its maps by strided convolutions, a bottleneck keeps little of a face, and the decoder
//! makes a face of that again. What is lost on the way is what swapped faces lack.
//!
//! Shortcuts without weights go around the layers that halve and double sides, so that a network of thousands of steps,
//! and not of millions, has learned to keep a person.

mod adam;
mod design;
mod layers;
mod saved;

pub use adam::Adam;
pub use design::{Bottleneck, Design, DesignError, Loss, Upsampling};
pub use saved::Kept;

use super::Error;
use layers::{Conv, Doubling, Maker, Narrow, doubled, halved, leaky};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

/// An autoencoder with its weights.
pub struct Autoencoder {
    variables: VarStore,
    design: Design,
    encoder: Vec<Conv>,
    narrow: Narrow,
    decoder: Vec<Doubling>,
    output: Conv,
}

impl Autoencoder {
    /// A network with random weights that depend on the seed alone.
    ///
    /// Fails when libtorch runs out of memory.
    pub fn new(design: Design, seed: u64, device: Device) -> Result<Self, Error> {
        let variables = VarStore::new(device);
        let maker = Maker { root: variables.root(), seed };
        let (width, halvings) = (design.width as i64, design.halvings);
        // Channels after so many halvings: 3 before the first.
        let channels = |halvings: usize| if halvings == 0 { 3 } else { width << (halvings - 1) };
        let encoder = (0..halvings).map(|at| {
            let between = [channels(at), channels(at + 1)];
            Conv::new(&maker, &format!("encoder.{at}"), between, design.kernel as i64, 2)
        });
        let encoder = encoder.collect::<Result<_, _>>()?;
        let (deepest, side) = (channels(halvings), (design.side >> halvings) as i64);
        let narrow = Narrow::new(&maker, design.bottleneck, deepest, side)?;
        let last = width / 2;
        let decoder = (0..halvings).map(|at| {
            let left = halvings - at;
            let between = [channels(left), if left == 1 { last } else { channels(left - 1) }];
            Doubling::new(&maker, &format!("decoder.{at}"), design.up, between)
        });
        let decoder = decoder.collect::<Result<_, _>>()?;
        let output = Conv::new(&maker, "output", [last, 3], 3, 1)?;
        Ok(Autoencoder { encoder, narrow, decoder, output, design, variables })
    }

    /// The network's design.
    pub fn design(&self) -> &Design {
        &self.design
    }

    /// An optimiser for all its weights.
    pub fn optimiser(&self) -> Adam {
        Adam::new(&self.variables)
    }

    /// From aligned faces to their reconstructions: `[n, 3, side, side]`, RGB in 0..=1, both.
    pub fn forward(&self, faces: &Tensor) -> Tensor {
        // About 0, and about as large as numbers are between layers.
        let mut x = (faces.to_device(self.variables.device()) - 0.5) * 2.0;
        for (at, conv) in self.encoder.iter().enumerate() {
            let y = conv.forward(&x);
            // The first map has more channels than four pixels have colours.
            x = leaky(if at == 0 { y } else { y + halved(&x) });
        }
        x = self.narrow.forward(&x);
        for doubling in &self.decoder {
            x = leaky(doubling.forward(&x) + doubled(&x));
        }
        self.output.forward(&x).sigmoid()
    }

    /// How far reconstructions of `inputs` are from `targets`, `[n, 3, side, side]` both, by the design's loss.
    pub fn loss(&self, inputs: &Tensor, targets: &Tensor) -> Tensor {
        let difference = self.forward(inputs) - targets.to_device(self.variables.device());
        let absolute = |of: &Tensor| of.abs().mean(Kind::Float);
        // Both the values' and the slopes' differences are linear in the images.
        let slopes = |axis: i64| {
            let length = difference.size()[axis as usize] - 1;
            absolute(&(difference.narrow(axis, 1, length) - difference.narrow(axis, 0, length)))
        };
        match self.design.loss {
            Loss::L1 => absolute(&difference),
            Loss::L2 => difference.square().mean(Kind::Float),
            Loss::L1Gradient => absolute(&difference) + slopes(2) + slopes(3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiny(up: Upsampling, bottleneck: Bottleneck, loss: Loss) -> Design {
        Design { side: 32, up, width: 4, kernel: 3, halvings: 2, bottleneck, loss }
    }

    fn faces() -> Tensor {
        let values = crate::model::fill::input("faces", 1, 2 * 3 * 32 * 32);
        Tensor::from_slice(&values).view([2, 3, 32, 32])
    }

    #[test]
    fn every_kind_of_layer_gives_images_of_its_side_and_learns() {
        let kinds = [
            (Upsampling::Nearest, Bottleneck::Dense(8), Loss::L1),
            (Upsampling::Transposed, Bottleneck::Conv(4), Loss::L2),
            (Upsampling::Shuffle, Bottleneck::Conv(4), Loss::L1Gradient),
        ];
        for (up, bottleneck, loss) in kinds {
            let network = Autoencoder::new(tiny(up, bottleneck, loss), 1, Device::Cpu).unwrap();
            let made = network.forward(&faces());
            assert_eq!(made.size(), [2, 3, 32, 32]);
            assert!(made.min().double_value(&[]) >= 0.0 && made.max().double_value(&[]) <= 1.0);
            let grey = faces() * 0.0 + 0.2;
            let loss = || network.loss(&faces(), &grey);
            let before = loss().double_value(&[]);
            let mut adam = network.optimiser();
            (0..20).for_each(|_| adam.step(&loss(), 0.01));
            let after = loss().double_value(&[]);
            assert!(after < 0.7 * before, "{up:?}: {before} became {after}");
        }
    }

    #[test]
    fn weights_depend_on_the_seed_alone() {
        let made = |seed| {
            let design = tiny(Upsampling::Shuffle, Bottleneck::Dense(8), Loss::L1);
            Autoencoder::new(design, seed, Device::Cpu).unwrap().forward(&faces())
        };
        assert!(made(1).equal(&made(1)) && !made(1).equal(&made(2)));
    }
}
