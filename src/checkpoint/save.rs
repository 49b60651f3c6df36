//! Writes a whole checkpoint in the form that a file's extension asks for.

use crate::causes::with_causes;
use std::fmt;
use std::path::Path;

use super::{
    Checkpoint, DType, Error, StateDict, TensorData, write_bare_torch, write_safetensors, write_torch,
};

/// The form that a weight file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrittenForm {
    /// PyTorch's zip archive.
    Torch,
    /// A JSON header and raw tensors.
    Safetensors,
}

impl WrittenForm {
    /// `.safetensors`, or `.tar`, `.pth` or `.pt` for PyTorch's form.
    ///
    /// Fails with [`Error::Extension`] for any other extension.
    pub fn of(path: &Path) -> Result<Self, Error> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("safetensors") => Ok(WrittenForm::Safetensors),
            Some("tar" | "pth" | "pt") => Ok(WrittenForm::Torch),
            _ => Err(Error::Extension { path: path.to_owned() }),
        }
    }

    /// The form of a file that is going to be written. Asked before anything slow, so that it is refused early.
    ///
    /// Fails as [`of`](Self::of) does, and with [`Error::Exists`] where a file is there that may not be replaced.
    pub fn of_new_file(path: &Path, overwrite: bool) -> Result<Self, Error> {
        let form = WrittenForm::of(path)?;
        match !overwrite && path.exists() {
            true => Err(Error::Exists { path: path.to_owned() }),
            false => Ok(form),
        }
    }
}

/// Where a PyTorch file has its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatePlace {
    /// Under the key `model`, with optimiser, epoch and metadata beside it.
    UnderModel,
    /// At the top: the file is the state dict and nothing else.
    Top,
}

/// Something of a checkpoint that the written file lacks.
#[derive(Debug)]
pub enum LeftOut {
    /// The optimiser's state: the form has no place for it.
    NoPlaceForOptimizer,
    /// The optimiser's state: it cannot be written, for this reason.
    Optimizer(Error),
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeftOut::NoPlaceForOptimizer => {
                f.write_str("safetensors has no place for the optimiser's state, it is left out")
            }
            LeftOut::Optimizer(error) => {
                write!(f, "the optimiser's state is left out: {}", with_causes(error))
            }
        }
    }
}

/// Element type that the floating-point numbers of a file are brought to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits.
    F32,
    /// 16 bits of IEEE 754: half the size, about three decimal digits.
    F16,
}

impl Checkpoint {
    /// Writes the checkpoint, whole or not at all, and says what had to be left out. `place` counts in PyTorch's form.
    ///
    /// Fails when the disk does.
    pub fn save(&self, path: &Path, form: WrittenForm, place: StatePlace) -> Result<Option<LeftOut>, Error> {
        match (form, place) {
            (WrittenForm::Safetensors, _) => {
                let mut metadata = self.metadata.clone();
                metadata.extend(self.epoch.map(|epoch| ("epoch".to_owned(), epoch.to_string())));
                write_safetensors(path, &self.state, &metadata)?;
                Ok(self.optimizer.as_ref().map(|_| LeftOut::NoPlaceForOptimizer))
            }
            (WrittenForm::Torch, StatePlace::Top) => {
                write_bare_torch(path, &self.state)?;
                Ok(None)
            }
            (WrittenForm::Torch, StatePlace::UnderModel) => {
                let write = |optimizer| write_torch(path, &self.state, optimizer, self.epoch, &self.metadata);
                match write(self.optimizer.as_ref()) {
                    Err(error) if self.optimizer.is_some() => {
                        write(None)?;
                        Ok(Some(LeftOut::Optimizer(error)))
                    }
                    other => other.map(|()| None),
                }
            }
        }
    }
}

impl StateDict {
    /// The state dict with all floating-point tensors in one element type; integers stay as they are.
    pub fn in_precision(&self, precision: Precision) -> Result<StateDict, Error> {
        let mut converted = StateDict::new();
        for (name, tensor) in self.iter() {
            converted.insert(name, tensor.in_precision(precision)?)?;
        }
        Ok(converted)
    }
}

impl TensorData {
    fn in_precision(&self, precision: Precision) -> Result<TensorData, Error> {
        if !matches!(self.dtype(), DType::F64 | DType::F32 | DType::F16 | DType::BF16) {
            return Ok(self.clone());
        }
        match precision {
            Precision::F32 => TensorData::from_f32(self.shape(), &self.to_f32_vec()),
            Precision::F16 => {
                let halves = self.to_f32_vec().into_iter().map(half::f16::from_f32);
                let bytes = halves.flat_map(half::f16::to_le_bytes).collect();
                TensorData::new(DType::F16, self.shape().to_vec(), bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_says_the_form() {
        let form = |name: &str| WrittenForm::of(Path::new(name));
        assert_eq!(form("a.safetensors").unwrap(), WrittenForm::Safetensors);
        assert!(["a.tar", "b.pth", "c.pt"].iter().all(|name| form(name).unwrap() == WrittenForm::Torch));
        let error = form("a.bin").unwrap_err().to_string();
        assert!(error.starts_with("a.bin: the extension must be .safetensors"), "{error}");
    }

    #[test]
    fn numbers_are_rounded_and_integers_kept() {
        let mut state = StateDict::new();
        state.insert("x", TensorData::from_f32(&[2], &[1.0 + 1e-5, -0.1]).unwrap()).unwrap();
        let count = TensorData::new(DType::I64, vec![], 7_i64.to_le_bytes().to_vec()).unwrap();
        state.insert("n", count.clone()).unwrap();
        let halves = state.in_precision(Precision::F16).unwrap();
        let x = halves.get("x").unwrap();
        assert_eq!((x.dtype(), x.to_f32_vec()), (DType::F16, vec![1.0, -0.099_975_586]));
        assert_eq!(halves.get("n"), Some(&count));
        let back = halves.in_precision(Precision::F32).unwrap();
        assert_eq!(back.get("x").unwrap().dtype(), DType::F32);
    }
}
