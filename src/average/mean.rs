//! The mean of state dicts, tensor by tensor.

use crate::checkpoint::{DType, Error, StateDict, TensorData};

/// A sum of state dicts of the same names and shapes.
pub struct Mean {
    entries: Vec<Entry>,
    files: usize,
}

struct Entry {
    name: String,
    tensor: TensorData,
    /// `None`: numbers that count something have no mean, they stay those of the first.
    sum: Option<Vec<f64>>,
}

impl Mean {
    /// Begins with one state dict.
    pub fn of(state: &StateDict) -> Self {
        let entry = |(name, tensor): (&str, &TensorData)| {
            let floats = matches!(tensor.dtype(), DType::F64 | DType::F32 | DType::F16 | DType::BF16);
            let sum = floats.then(|| tensor.to_f32_vec().into_iter().map(f64::from).collect());
            Entry { name: name.to_owned(), tensor: tensor.clone(), sum }
        };
        Mean { entries: state.iter().map(entry).collect(), files: 1 }
    }

    /// Adds another one.
    pub fn add(&mut self, state: &StateDict) {
        for Entry { name, sum, .. } in &mut self.entries {
            if let (Some(sum), Some(tensor)) = (sum, state.get(name)) {
                sum.iter_mut().zip(tensor.to_f32_vec()).for_each(|(sum, value)| *sum += f64::from(value));
            }
        }
        self.files += 1;
    }

    /// The mean, in the order of the first.
    pub fn finish(self) -> Result<StateDict, Error> {
        let files = self.files as f64;
        let mut mean = StateDict::new();
        for Entry { name, tensor, sum } in self.entries {
            let tensor = match sum {
                None => tensor,
                Some(sum) => {
                    let values: Vec<f32> = sum.into_iter().map(|sum| (sum / files) as f32).collect();
                    TensorData::from_f32(tensor.shape(), &values)?
                }
            };
            mean.insert(name, tensor)?;
        }
        Ok(mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_averaged_by_name_and_counters_stay() {
        let state = |values: &[f32], count, reversed: bool| {
            let weight = ("w", TensorData::from_f32(&[values.len()], values).unwrap());
            let mut all = vec![weight, ("n", TensorData::from_i64(&[], &[count]).unwrap())];
            if reversed {
                all.reverse();
            }
            let mut state = StateDict::new();
            all.into_iter().for_each(|(name, tensor)| state.insert(name, tensor).unwrap());
            state
        };
        let first = state(&[1.0, -2.0], 7, false);
        let mut mean = Mean::of(&first);
        mean.add(&state(&[2.0, 4.0], 9, true));
        mean.add(&state(&[6.0, 1.0], 9, false));
        let mean = mean.finish().unwrap();
        assert_eq!(mean, state(&[3.0, 1.0], 7, false));
    }
}
