//! Gradients, summed over all processes while the backward pass goes on.

use super::{GroupError, ProcessGroup, RawRanks};
use crate::native::guarded::guarded;
use serde::{Deserialize, Serialize};
use std::ffi::{c_char, c_int};
use tch::Tensor;
use torch_sys::C_tensor;

/// Number types in which gradients travel. Sums are formed in them, too.
#[repr(i64)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// 32-bit floats, as gradients are.
    #[default]
    Fp32,
    /// IEEE half precision: half the bytes; sums above 65504 overflow.
    Fp16,
    /// bfloat16: half the bytes, seven bits of fraction.
    Bf16,
}

/// `sbi::Buckets`, which C++ owns.
#[repr(C)]
struct RawBuckets {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    fn sbi_buckets_new(
        ranks: *const RawRanks,
        parameters: *const *const C_tensor,
        count: i64,
        wire: Wire,
        error: *mut *mut c_char,
    ) -> *mut RawBuckets;
    fn sbi_buckets_drop(buckets: *mut RawBuckets);
    fn sbi_buckets_begin(buckets: *mut RawBuckets);
    fn sbi_buckets_finish(buckets: *mut RawBuckets, error: *mut *mut c_char) -> c_int;
}

/// Sums the gradients of some parameters over all processes, a few megabytes at a time, each as soon as a backward pass has
/// come so far.
pub struct GradientSums {
    raw: *mut RawBuckets,
}

impl GradientSums {
    /// `parameters`: about in the order in which a backward pass reaches them, and in the same one in all processes.
    ///
    /// Fails when libtorch runs out of memory: a copy of all gradients is kept.
    pub fn new(group: &ProcessGroup, parameters: &[Tensor], wire: Wire) -> Result<Self, GroupError> {
        let pointers: Vec<*const C_tensor> = parameters.iter().map(|parameter| parameter.as_ptr()).collect();
        let (from, count) = (pointers.as_ptr(), pointers.len() as i64);
        // SAFETY: all pointers live through the call; the shim keeps tensors and its own share of the group, and catches
        // exceptions.
        let raw = guarded(|error| unsafe { sbi_buckets_new(group.raw(), from, count, wire, error) });
        Ok(GradientSums { raw: raw.map_err(GroupError)? })
    }

    /// The next backward pass completes the gradients: what it has added up may go on its way.
    pub fn begin(&mut self) {
        // SAFETY: an object of ours, used by one thread at a time.
        unsafe { sbi_buckets_begin(self.raw) }
    }

    /// After that pass: waits until every gradient is the sum of all processes'.
    ///
    /// Fails when a process is gone.
    pub fn finish(&mut self) -> Result<(), GroupError> {
        // SAFETY: as above; the shim catches exceptions.
        guarded(|error| unsafe { sbi_buckets_finish(self.raw, error) }).map(|_| ()).map_err(GroupError)
    }
}

impl Drop for GradientSums {
    fn drop(&mut self) {
        // SAFETY: made by `sbi_buckets_new`, and not used after this; its hooks are removed with it.
        unsafe { sbi_buckets_drop(self.raw) }
    }
}
