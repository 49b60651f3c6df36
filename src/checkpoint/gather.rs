//! From a storage's bytes to tensors: picks out the elements that strides name.

use std::collections::HashMap;
use std::sync::Arc;

use super::budget::Budget;
use super::pickle::{Id, Pickle, StorageRef, TensorRef};
use super::tensor::element_count;
use super::{Error, TensorData};

/// Tensors read so far, by their number in the pickle.
pub(super) type Tensors = HashMap<Id, TensorData>;

/// Makes the tensors `wanted` out of the storage that they share.
///
/// A tensor that is the whole storage takes its memory over; the others are copied.
pub(super) fn fill(
    pickle: &Pickle,
    wanted: &[Id],
    bytes: Vec<u8>,
    budget: &mut Budget,
    tensors: &mut Tensors,
) -> Result<(), Error> {
    let bytes = Arc::new(bytes);
    for &id in wanted {
        let View { storage, offset, shape, stride } = View::of(pickle, id)?;
        let found = bytes.len() as u64;
        let key = || pickle.text(storage.key).unwrap_or_default().to_owned();
        if storage.byte_len() != Some(found) {
            let expected = storage.byte_len().unwrap_or(u64::MAX);
            let key = key();
            return Err(Error::StorageSize { key, expected, found });
        }
        let Some(dtype) = storage.class.dtype else {
            return Err(Error::ElementType {
                name: format!("a tensor of storage {}", key()),
                class: storage.class.name.to_owned(),
            });
        };
        let size = element_count(&shape).and_then(|count| count.checked_mul(dtype.size()));
        let size = size.unwrap_or(usize::MAX);
        let whole = offset == 0 && size == bytes.len() && is_dense(&shape, &stride);
        let data = if whole {
            Arc::clone(&bytes)
        } else {
            budget.claim(size as u64, || format!("a tensor of shape {shape:?}"))?;
            let gathered = gather(&bytes, dtype.size(), offset, &shape, &stride);
            // Tensors are checked against their storage when they are read from the pickle.
            Arc::new(gathered.ok_or_else(|| Error::NoStorage { key: key() })?)
        };
        tensors.insert(id, TensorData::shared(dtype, shape, data)?);
    }
    Ok(())
}

struct View {
    storage: StorageRef,
    /// In elements, from the beginning of the storage.
    offset: usize,
    shape: Vec<usize>,
    stride: Vec<usize>,
}

impl View {
    fn of(pickle: &Pickle, id: Id) -> Result<View, Error> {
        let parts = || {
            let TensorRef { storage, offset, shape, stride } = pickle.tensor(id)?;
            let storage = *pickle.storage(storage)?;
            Some(View {
                storage,
                offset: usize::try_from(storage.view_start.checked_add(offset)?).ok()?,
                shape: pickle.axes(shape)?,
                stride: pickle.axes(stride)?,
            })
        };
        parts().ok_or_else(|| Error::NotATensor { name: String::new(), found: pickle.describe(id) })
    }
}

/// Whether the elements lie in C order without gaps. Strides of axes of length one mean nothing.
fn is_dense(shape: &[usize], stride: &[usize]) -> bool {
    let mut step = 1usize;
    for (&length, &stride) in shape.iter().zip(stride).rev() {
        if length != 1 && stride != step {
            return false;
        }
        // Only an empty tensor can get here with lengths whose product is too large.
        step = step.saturating_mul(length);
    }
    true
}

/// Copies the elements into C order. `None` when one lies outside the storage.
fn gather(
    storage: &[u8],
    element: usize,
    offset: usize,
    shape: &[usize],
    stride: &[usize],
) -> Option<Vec<u8>> {
    let count = element_count(shape)?;
    let mut gathered = Vec::with_capacity(count.checked_mul(element)?);
    if count == 0 {
        return Some(gathered);
    }
    // The innermost axes that lie densely are copied in one go, and odometer the rest.
    let mut outer = shape.len();
    let mut run = 1;
    while outer > 0 && (shape[outer - 1] == 1 || stride[outer - 1] == run) {
        outer -= 1;
        run *= shape[outer];
    }
    let mut index = vec![0; outer];
    let mut at = offset;
    loop {
        let begin = at.checked_mul(element)?;
        let end = begin.checked_add(run.checked_mul(element)?)?;
        gathered.extend_from_slice(storage.get(begin..end)?);
        let mut axis = outer;
        loop {
            if axis == 0 {
                return Some(gathered);
            }
            axis -= 1;
            index[axis] += 1;
            if index[axis] < shape[axis] {
                at = at.checked_add(stride[axis])?;
                break;
            }
            at = at.checked_sub(stride[axis].checked_mul(shape[axis] - 1)?)?;
            index[axis] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One element at a time, from its coordinates.
    fn obvious_gather(storage: &[u8], offset: usize, shape: &[usize], stride: &[usize]) -> Vec<u8> {
        let count: usize = shape.iter().product();
        let element = |flat: usize| {
            let mut rest = flat;
            let mut at = offset;
            for (&length, &step) in shape.iter().zip(stride).rev() {
                at += rest % length * step;
                rest /= length;
            }
            storage[at]
        };
        (0..count).map(element).collect()
    }

    proptest! {
        #[test]
        fn gathering_matches_the_obvious_way(
            axes in prop::collection::vec((0usize..4, 0usize..7), 0..4),
            offset in 0usize..5,
        ) {
            let storage: Vec<u8> = (0..100).collect();
            let (shape, stride): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
            let expected = obvious_gather(&storage, offset, &shape, &stride);
            prop_assert_eq!(gather(&storage, 1, offset, &shape, &stride).unwrap(), expected);
        }
    }

    #[test]
    fn transposed_halves() {
        let storage = [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6];
        let transposed = gather(&storage, 2, 0, &[3, 2], &[1, 3]).unwrap();
        assert_eq!(transposed, [1, 1, 4, 4, 2, 2, 5, 5, 3, 3, 6, 6]);
    }

    #[test]
    fn outside_is_none() {
        assert_eq!(gather(&[0; 4], 1, 0, &[5], &[1]), None);
        assert_eq!(gather(&[0; 4], 1, 3, &[2], &[1]), None);
        assert_eq!(gather(&[0; 4], 1, usize::MAX, &[1], &[1]), None);
        assert_eq!(gather(&[0; 4], 1, 0, &[2], &[usize::MAX]), None);
    }

    #[test]
    fn density_ignores_axes_of_one() {
        assert!(is_dense(&[2, 1, 3], &[3, 99, 1]));
        assert!(is_dense(&[], &[]));
        assert!(!is_dense(&[2, 3], &[1, 2]));
        assert!(is_dense(&[0, usize::MAX, usize::MAX], &[usize::MAX, usize::MAX, 1]));
    }
}
