//! Memory that runs out in a step, as an error that names what to lower.
//!
//! libtorch's errors come as panics from operators that cannot fail otherwise; those about memory are caught.

use crate::native::process::silence_panics;
use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// Parts of what libtorch's allocators for the CPU and for CUDA say, and C++ itself.
const PHRASES: [&str; 4] =
    ["can't allocate memory", "not enough memory", "CUDA out of memory", "std::bad_alloc"];

/// What `compute` gives; `None` when there was too little memory for it. Other panics go on.
pub fn unless_out_of_memory<T>(compute: impl FnOnce() -> T) -> Option<T> {
    // What is caught here is told as an error, and needs no trace of its own.
    static QUIET: Once = Once::new();
    QUIET.call_once(|| silence_panics(is_about_memory));
    match panic::catch_unwind(AssertUnwindSafe(compute)) {
        Ok(value) => Some(value),
        Err(payload) if is_about_memory(payload.as_ref()) => None,
        Err(payload) => panic::resume_unwind(payload),
    }
}

fn is_about_memory(payload: &(dyn Any + Send)) -> bool {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or_default();
    PHRASES.iter().any(|phrase| text.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind, Tensor};

    #[test]
    fn what_libtorch_cannot_allocate_is_told_and_other_panics_go_on() {
        assert_eq!(unless_out_of_memory(|| 3), Some(3));
        let options = (Kind::Float, Device::Cpu);
        // More than any address space has.
        assert!(unless_out_of_memory(|| Tensor::empty([1 << 50], options)).is_none());
        let other = panic::catch_unwind(|| {
            unless_out_of_memory(|| Tensor::zeros([2], options) + Tensor::zeros([3], options))
        });
        assert!(other.is_err());
    }
}
