//! A bound on the memory that one file may claim.

use super::Error;

/// Bytes that even the smallest file may claim.
const FLOOR: u64 = 64 << 20;
/// Bytes that may be claimed per byte of the file.
const PER_FILE_BYTE: u64 = 4;

/// What is left of the memory that reading one file may take.
///
/// Strides of zero let twenty bytes describe a tensor of terabytes, shared storages and shared
/// values multiply, and deflate packs a thousandfold. Weight files do none of that to speak of:
/// their contents are about as large as they are. So the bound is a small multiple of the file's
/// length, with a floor that lets tiny files broadcast.
pub(super) struct Budget {
    left: u64,
    limit: u64,
}

impl Budget {
    /// The budget for a file of `len` bytes.
    pub(super) fn for_file(len: u64) -> Budget {
        let limit = len.saturating_mul(PER_FILE_BYTE).saturating_add(FLOOR);
        Budget { left: limit, limit }
    }

    /// Claims `bytes`; `what` names them if there are not so many left.
    pub(super) fn claim(&mut self, bytes: u64, what: impl FnOnce() -> String) -> Result<(), Error> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Error::OverBudget { what: what(), limit: self.limit }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_add_up() {
        let mut budget = Budget::for_file(100);
        budget.claim(FLOOR, String::new).unwrap();
        budget.claim(400, String::new).unwrap();
        let error = budget.claim(1, || "w".to_owned()).unwrap_err();
        assert!(matches!(error, Error::OverBudget { what, .. } if what == "w"));
    }
}
