//! Autoencoders in files: finished ones, and those that are to be trained further.

use super::{Adam, Autoencoder, Design};
use crate::checkpoint::{self, StateDict, write_safetensors};
use crate::model::Error;
use crate::model::weights::{fingerprint, load_part, to_data, to_tensor};
use std::collections::BTreeMap;
use std::path::Path;
use tch::{Device, no_grad};

/// Keys of a file's metadata.
const DESIGN: &str = "design";
const STEPS: &str = "adam_steps";
/// What stands before the names of the optimiser's averages.
const FIRST: &str = "adam.first.";
const SECOND: &str = "adam.second.";

/// What a file holds: an autoencoder, and the text map of whoever wrote it.
pub struct Kept {
    /// The network.
    pub network: Autoencoder,
    /// The optimiser, where the file holds its memory.
    pub optimiser: Option<Adam>,
    /// The metadata that [`Autoencoder::save`] was given, and the design.
    pub metadata: BTreeMap<String, String>,
}

impl Autoencoder {
    /// Writes the network as safetensors, with the optimiser's memory if it is given. The file appears whole or not at
    /// all; equal input gives equal bytes.
    pub fn save(
        &self,
        path: &Path,
        optimiser: Option<&Adam>,
        metadata: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let mut state = self.state()?;
        let mut metadata = metadata.clone();
        if let Some(Adam { moved, steps }) = optimiser {
            for one in moved {
                state.insert(format!("{FIRST}{}", one.name), to_data(&one.first)?)?;
                state.insert(format!("{SECOND}{}", one.name), to_data(&one.second)?)?;
            }
            metadata.insert(STEPS.to_owned(), steps.to_string());
        }
        let design = serde_json::to_string(self.design()).expect("a design is words and numbers");
        metadata.insert(DESIGN.to_owned(), design);
        Ok(write_safetensors(path, &state, &metadata)?)
    }

    /// Reads what [`Autoencoder::save`] has written.
    ///
    /// Fails when the file is damaged or holds something else.
    pub fn read(path: &Path, device: Device) -> Result<Kept, Error> {
        let file = checkpoint::read(path)?;
        let unknown = || Error::UnknownInput {
            path: path.to_owned(),
            found: "no design of an autoencoder that is known here".to_owned(),
        };
        let design: Design = file
            .metadata
            .get(DESIGN)
            .and_then(|text| serde_json::from_str(text).ok())
            .filter(|design: &Design| design.check().is_ok())
            .ok_or_else(unknown)?;
        let network = Autoencoder::new(design, 0, device)?;
        let of_optimiser = |name: &str| name.starts_with(FIRST) || name.starts_with(SECOND);
        load_part(&network.variables, "", &file.state, "this autoencoder", path, of_optimiser)?;
        let optimiser = match file.state.names().any(of_optimiser) {
            true => Some(network.optimiser_of(&file.state, &file.metadata).ok_or_else(unknown)??),
            false => None,
        };
        Ok(Kept { network, optimiser, metadata: file.metadata })
    }

    /// 16 hex digits that change with any weight.
    pub fn fingerprint(&self) -> Result<String, Error> {
        Ok(fingerprint(&self.state()?))
    }

    /// The weights by name, sorted.
    fn state(&self) -> Result<StateDict, Error> {
        let variables: BTreeMap<_, _> = self.variables.variables().into_iter().collect();
        let mut state = StateDict::new();
        for (name, tensor) in &variables {
            state.insert(name.clone(), to_data(tensor)?)?;
        }
        Ok(state)
    }

    /// The optimiser with its memory of a state dict; `None` where something of it is missing or of another shape.
    fn optimiser_of(
        &self,
        state: &StateDict,
        metadata: &BTreeMap<String, String>,
    ) -> Option<Result<Adam, Error>> {
        let mut adam = self.optimiser();
        adam.steps = metadata.get(STEPS)?.parse().ok()?;
        for one in &mut adam.moved {
            for (prefix, average) in [(FIRST, &mut one.first), (SECOND, &mut one.second)] {
                let data = state.get(&format!("{prefix}{}", one.name))?;
                let fits = data.shape().iter().map(|&side| side as i64).eq(average.size());
                if !fits {
                    return None;
                }
                let copied = to_tensor(data)
                    .and_then(|tensor| no_grad(|| average.f_copy_(&tensor).map(drop)).map_err(Error::from));
                if let Err(error) = copied {
                    return Some(Err(error));
                }
            }
        }
        Some(Ok(adam))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bottleneck, Loss, Upsampling};
    use super::*;
    use tch::Tensor;

    #[test]
    fn what_is_read_back_goes_on_to_the_same_bits() {
        let design = Design {
            side: 32,
            up: Upsampling::Transposed,
            width: 2,
            kernel: 3,
            halvings: 2,
            bottleneck: Bottleneck::Conv(2),
            loss: Loss::L1,
        };
        let faces =
            Tensor::from_slice(&crate::model::fill::input("faces", 1, 3 * 32 * 32)).view([1, 3, 32, 32]);
        let steps = |network: &Autoencoder, adam: &mut Adam, count: usize| {
            (0..count).for_each(|_| adam.step(&network.loss(&faces, &faces), 0.01));
        };
        let whole = Autoencoder::new(design, 1, Device::Cpu).unwrap();
        let mut adam = whole.optimiser();
        steps(&whole, &mut adam, 2);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("training.safetensors");
        let told = BTreeMap::from([("seed".to_owned(), "1".to_owned())]);
        whole.save(&path, Some(&adam), &told).unwrap();
        let kept = Autoencoder::read(&path, Device::Cpu).unwrap();
        assert_eq!(kept.metadata["seed"], "1");
        let mut other = kept.optimiser.unwrap();
        assert_eq!(other.steps(), 2);
        steps(&whole, &mut adam, 2);
        steps(&kept.network, &mut other, 2);
        assert_eq!(kept.network.fingerprint().unwrap(), whole.fingerprint().unwrap());

        whole.save(&path, None, &told).unwrap();
        assert!(Autoencoder::read(&path, Device::Cpu).unwrap().optimiser.is_none());
        write_safetensors(&path, &StateDict::new(), &told).unwrap();
        let refused = Autoencoder::read(&path, Device::Cpu).err().unwrap().to_string();
        assert!(refused.contains("no design of an autoencoder"), "{refused}");
    }
}
