//! A moving average of the weights over the steps: calmer than the weights themselves.
//!
//! Polyak & Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992; the exponential form as usual.

use tch::Tensor;
use tch::nn::VarStore;

/// Averages of all variables of a model, running statistics included.
pub struct Averages {
    decay: f64,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    variable: Tensor,
    average: Tensor,
}

impl Averages {
    /// Begins with the variables as they are. `decay`: what an average keeps of itself at a step, 0..1.
    pub fn new(decay: f64, vs: &VarStore) -> Self {
        let _no_grad = tch::no_grad_guard();
        let mut entries: Vec<Entry> = vs
            .variables()
            .into_iter()
            .map(|(name, variable)| Entry { name, average: variable.detach().copy(), variable })
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Averages { decay, entries }
    }

    /// After a step; `steps`: how many there have been. Early averages keep less, for they have seen little.
    pub fn update(&mut self, steps: usize) {
        const EARLY: f64 = 10.0;
        let _no_grad = tch::no_grad_guard();
        let decay = self.decay.min((1.0 + steps as f64) / (EARLY + steps as f64));
        for Entry { variable, average, .. } in &mut self.entries {
            let _ = average.g_mul_scalar_(decay);
            let _ = average.g_add_(&(&*variable * (1.0 - decay)));
        }
    }

    /// What `compute` gives while the model has the averages for its weights.
    pub fn while_used<T>(&mut self, compute: impl FnOnce() -> T) -> T {
        let _no_grad = tch::no_grad_guard();
        self.swap();
        let result = compute();
        self.swap();
        result
    }

    fn swap(&mut self) {
        for Entry { variable, average, .. } in &mut self.entries {
            let held = variable.detach().copy();
            variable.copy_(average);
            *average = held;
        }
    }

    /// All averages, sorted by name.
    pub fn values(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.entries.iter().map(|entry| (entry.name.as_str(), &entry.average))
    }

    /// Takes over an average; whether there is one of that name and shape.
    pub fn set(&mut self, name: &str, value: &Tensor) -> bool {
        let _no_grad = tch::no_grad_guard();
        let entry = self.entries.iter_mut().find(|entry| entry.name == name);
        let Some(entry) = entry.filter(|entry| entry.average.size() == value.size()) else { return false };
        entry.average.copy_(value);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;
    use tch::nn::Init;

    #[test]
    fn averages_follow_the_weights_and_stand_in_for_them_only_for_a_while() {
        let vs = VarStore::new(Device::Cpu);
        let mut weight = vs.root().var("w", &[1], Init::Const(0.0));
        let number = |t: &Tensor| t.double_value(&[0]);
        let mut averages = Averages::new(0.5, &vs);
        let _ = tch::no_grad(|| weight.g_add_scalar_(8.0));
        // (1 + 100) / (10 + 100) is more than 0.5.
        averages.update(100);
        averages.update(101);
        assert_eq!(number(averages.values().next().unwrap().1), 6.0);
        assert_eq!(averages.while_used(|| number(&weight)), 6.0);
        assert_eq!(number(&weight), 8.0);
        // After the first step nothing is kept but a ninth.
        let mut early = Averages::new(0.999, &vs);
        let _ = tch::no_grad(|| weight.g_add_scalar_(11.0));
        early.update(1);
        assert!(
            (number(early.values().next().unwrap().1) - (8.0 * 2.0 / 11.0 + 19.0 * 9.0 / 11.0)).abs() < 1e-5
        );
        assert!(early.set("w", &Tensor::from_slice(&[3.0f32])) && !early.set("v", &weight));
        assert_eq!(number(early.values().next().unwrap().1), 3.0);
    }
}
