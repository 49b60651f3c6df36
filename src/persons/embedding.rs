//! The looks of a face as numbers.

/// What a face encoder makes of a face: dlib's gives 128 numbers, of about length 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding(pub Vec<f32>);

impl Embedding {
    /// Euclidean distance, 0 for the same numbers. dlib's network was trained to keep faces of one person within 0.6.
    pub fn distance(&self, other: &Embedding) -> f64 {
        let squares = self.0.iter().zip(&other.0).map(|(a, b)| f64::from(a - b).powi(2));
        squares.sum::<f64>().sqrt()
    }
}

/// The mean of embeddings that are added one by one.
#[derive(Clone, Debug, Default)]
pub(super) struct MeanLooks {
    sum: Vec<f64>,
    count: usize,
}

impl MeanLooks {
    pub fn add(&mut self, look: &Embedding) {
        self.sum.resize(look.0.len().max(self.sum.len()), 0.0);
        self.sum.iter_mut().zip(&look.0).for_each(|(sum, value)| *sum += f64::from(*value));
        self.count += 1;
    }

    pub fn join(&mut self, other: &MeanLooks) {
        self.sum.resize(other.sum.len().max(self.sum.len()), 0.0);
        self.sum.iter_mut().zip(&other.sum).for_each(|(sum, value)| *sum += value);
        self.count += other.count;
    }

    /// Distance of a look from the mean; `None` where nothing was added.
    pub fn distance(&self, look: &Embedding) -> Option<f64> {
        let value = |at: usize| look.0.get(at).copied().map_or(0.0, f64::from);
        self.apart(value)
    }

    /// Distance of two means.
    pub fn distance_to(&self, other: &MeanLooks) -> Option<f64> {
        let count = (other.count > 0).then_some(other.count as f64)?;
        self.apart(|at| other.sum.get(at).copied().unwrap_or(0.0) / count)
    }

    fn apart(&self, value: impl Fn(usize) -> f64) -> Option<f64> {
        let count = (self.count > 0).then_some(self.count as f64)?;
        let squares = self.sum.iter().enumerate().map(|(at, sum)| (sum / count - value(at)).powi(2));
        Some(squares.sum::<f64>().sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_euclidean_and_means_are_means() {
        let (a, b) = (Embedding(vec![0.0, 0.0]), Embedding(vec![3.0, 4.0]));
        assert_eq!(a.distance(&b), 5.0);
        let mut mean = MeanLooks::default();
        assert_eq!(mean.distance(&a), None);
        mean.add(&a);
        mean.add(&b);
        assert_eq!(mean.distance(&a), Some(2.5));
        let mut other = MeanLooks::default();
        other.add(&b);
        assert_eq!(mean.distance_to(&other), Some(2.5));
        mean.join(&other);
        assert!(mean.distance(&Embedding(vec![2.0, 8.0 / 3.0])).unwrap() < 1e-6);
    }
}
