//! The numbers that a description's names stand for.

use super::Weight;
use crate::checkpoint::{Mismatch, ShapeMismatch, StateDict};

/// The weights of a network: the entries of a state dict whose names begin with a prefix.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a> {
    state: &'a StateDict,
    prefix: &'a str,
}

impl<'a> Weights<'a> {
    /// The entries whose names begin with `prefix`, which descriptions leave out.
    pub fn new(state: &'a StateDict, prefix: &'a str) -> Self {
        Weights { state, prefix }
    }

    /// The numbers of a weight, flat, as float32.
    ///
    /// Fails when there is no such entry or its shape is another one.
    pub fn values(&self, weight: &Weight) -> Result<Vec<f32>, Box<Mismatch>> {
        let name = format!("{}{}", self.prefix, weight.name);
        match self.state.get(&name) {
            Some(data) if data.shape() == weight.shape => Ok(data.to_f32_vec()),
            Some(data) => {
                let (expected, found) = (weight.shape.clone(), data.shape().to_vec());
                let shapes = vec![ShapeMismatch { name, expected, found }];
                Err(Box::new(Mismatch { shapes, ..Mismatch::default() }))
            }
            None => Err(Box::new(Mismatch { missing: vec![name], ..Mismatch::default() })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::TensorData;

    #[test]
    fn weights_are_found_under_their_prefix_and_in_their_shape() {
        let mut state = StateDict::new();
        state.insert("net.a.weight", TensorData::from_f32(&[2], &[1.0, 2.0]).unwrap()).unwrap();
        let weights = Weights::new(&state, "net.");
        assert_eq!(weights.values(&Weight::new("a.weight", &[2])).unwrap(), [1.0, 2.0]);
        let other = weights.values(&Weight::new("a.weight", &[1, 2])).unwrap_err();
        assert_eq!((other.missing.len(), other.shapes[0].name.as_str()), (0, "net.a.weight"));
        let absent = weights.values(&Weight::new("a.bias", &[2])).unwrap_err();
        assert_eq!(absent.missing, ["net.a.bias"]);
    }
}
