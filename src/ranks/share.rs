//! What one process has of a batch that several share.

use crate::native::process_group::ProcessGroup;
use std::sync::Arc;
use tch::Tensor;

/// This process's pairs of a batch that several processes share: consecutive ones.
#[derive(Clone)]
pub struct Share {
    group: Arc<ProcessGroup>,
    first: i64,
    own: i64,
    all: i64,
    norms: bool,
}

impl Share {
    /// Pairs `first..first + own` of `all`. `norms`: whether batch norms take the statistics of all of them.
    pub(super) fn new(group: Arc<ProcessGroup>, [first, own, all]: [usize; 3], norms: bool) -> Self {
        let [first, own, all] = [first, own, all].map(|number| number as i64);
        assert!(own > 0 && first + own <= all, "{first} {own} {all}");
        Share { group, first, own, all, norms }
    }

    /// The processes whose batches are one to batch norms; `None` where each has statistics of its own.
    pub fn group_of_norms(&self) -> Option<&ProcessGroup> {
        self.norms.then_some(&*self.group)
    }

    /// What a mean over this process's pairs counts in that over all.
    pub fn part(&self) -> f64 {
        self.own as f64 / self.all as f64
    }

    /// This process's rows of what is drawn for the whole batch, so that the number of processes changes no draw. A batch
    /// has a row for each pair, or several times so many: all reals, then all fakes, then whatever else there is. `rows`:
    /// how many of this process's; `draw` makes a tensor of the number of rows that it is given.
    pub fn own_rows(&self, rows: i64, draw: impl FnOnce(i64) -> Tensor) -> Tensor {
        rows_of([self.first, self.own, self.all], rows, draw)
    }
}

fn rows_of([first, own, all]: [i64; 3], rows: i64, draw: impl FnOnce(i64) -> Tensor) -> Tensor {
    let parts = rows / own;
    assert_eq!(parts * own, rows, "as many rows of each pair");
    let drawn = draw(parts * all);
    let of_row = &drawn.size()[1..];
    let shape: Vec<i64> = [parts, all].iter().chain(of_row).copied().collect();
    let own_shape: Vec<i64> = [rows].iter().chain(of_row).copied().collect();
    drawn.view(shape.as_slice()).narrow(1, first, own).reshape(own_shape).contiguous()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn rows_of_all_parts_are_those_of_ones_own_pairs() {
        // Reals 0 to 4, then fakes 5 to 9; pairs 1 and 2 are one's own.
        let drawn = rows_of([1, 2, 5], 4, |rows| Tensor::arange(rows, (Kind::Int64, Device::Cpu)));
        assert_eq!(Vec::<i64>::try_from(drawn).unwrap(), [1, 2, 6, 7]);
        let wide = rows_of([4, 1, 5], 3, |rows| {
            Tensor::arange(rows * 2, (Kind::Int64, Device::Cpu)).view([rows, 2])
        });
        assert_eq!(wide.size(), [3, 2]);
        assert_eq!(Vec::<i64>::try_from(wide.view(-1)).unwrap(), [8, 9, 18, 19, 28, 29]);
    }
}
