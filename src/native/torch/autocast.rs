//! Regions in which libtorch computes in 16 bits where that is safe.

use std::ffi::c_int;
use tch::Device;

unsafe extern "C" {
    fn sbi_autocast_begin(device: c_int, bfloat16: c_int) -> c_int;
    fn sbi_autocast_end(device: c_int, was_enabled: c_int);
}

/// The 16-bit number type of a forward pass in half precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// IEEE half precision: ten bits of fraction, overflows above 65504.
    Float16,
    /// bfloat16: the range of float32 with seven bits of fraction.
    BFloat16,
}

struct Region {
    device: c_int,
    was_enabled: c_int,
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: only switches of the calling thread.
        unsafe { sbi_autocast_end(self.device, self.was_enabled) }
    }
}

/// Runs `compute` with convolutions and products of matrices in half precision and the rest in 32 bits, as libtorch's
/// lists say, and returns its result. Gradients of what is computed may be taken outside.
pub fn in_half_precision<T>(device: Device, half: Half, compute: impl FnOnce() -> T) -> T {
    let device = c_int::from(device.is_cuda());
    // SAFETY: only switches of the calling thread, which `Region` puts back.
    let was_enabled = unsafe { sbi_autocast_begin(device, c_int::from(half == Half::BFloat16)) };
    let _region = Region { device, was_enabled };
    compute()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Kind, Tensor};

    #[test]
    fn products_are_in_16_bits_inside_alone_and_gradients_in_32() {
        let options = (Kind::Float, Device::Cpu);
        let weight = Tensor::ones([4, 4], options).set_requires_grad(true);
        let x = Tensor::ones([2, 4], options);
        let inside = in_half_precision(Device::Cpu, Half::BFloat16, || x.matmul(&weight));
        assert_eq!(inside.kind(), Kind::BFloat16);
        assert_eq!(x.matmul(&weight).kind(), Kind::Float);
        inside.to_kind(Kind::Float).sum(Kind::Float).backward();
        assert_eq!(weight.grad().kind(), Kind::Float);
        assert_eq!(weight.grad().double_value(&[0, 0]), 2.0);
        // What was cast inside is not remembered beyond.
        let _ = tch::no_grad(|| weight.shallow_clone().fill_(3.0));
        let again = in_half_precision(Device::Cpu, Half::BFloat16, || x.matmul(&weight));
        assert_eq!(again.to_kind(Kind::Float).double_value(&[0, 0]), 12.0);
    }
}
