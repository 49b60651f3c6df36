//! Convolution with a fused activation on the CPU (oneDNN), for inference only.

use std::cell::RefCell;
use std::ffi::{c_char, c_int, CStr};
use tch::Tensor;
use torch_sys::C_tensor;

extern "C" {
    fn sbi_free_error(error: *mut c_char);
    fn sbi_reorder_conv_weight(
        weight: *const C_tensor,
        padding: *const i64,
        stride: *const i64,
        groups: i64,
        input_size: *const i64,
        error: *mut *mut c_char,
    ) -> *mut C_tensor;
    fn sbi_fused_conv(
        x: *const C_tensor,
        weight: *const C_tensor,
        bias: *const C_tensor,
        padding: *const i64,
        stride: *const i64,
        groups: i64,
        attr: *const c_char,
        constant: f64,
        error: *mut *mut c_char,
    ) -> *mut C_tensor;
    fn sbi_fused_conv_add(
        onto: *mut C_tensor,
        x: *const C_tensor,
        weight: *const C_tensor,
        bias: *const C_tensor,
        padding: *const i64,
        stride: *const i64,
        groups: i64,
        relu: c_int,
        error: *mut *mut c_char,
    ) -> *mut C_tensor;
}

/// The activation computed in the same pass as the convolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FusedActivation {
    /// The plain result.
    None,
    /// max(x, 0).
    Relu,
    /// x within 0..=6.
    Relu6,
    /// x * sigmoid(x).
    Swish,
    /// x where positive, else slope * x.
    LeakyRelu(f64),
}

impl FusedActivation {
    /// Its name for oneDNN, and its constant: slope or upper limit.
    fn attr(self) -> (&'static CStr, f64) {
        match self {
            FusedActivation::None => (c"none", 0.0),
            FusedActivation::Relu => (c"relu", 0.0),
            FusedActivation::Relu6 => (c"hardtanh", 6.0),
            FusedActivation::Swish => (c"swish", 0.0),
            FusedActivation::LeakyRelu(slope) => (c"leaky_relu", slope),
        }
    }
}

/// One convolution with its bias and activation, with weights in oneDNN's own layout.
///
/// Float32, CPU, dilation 1, no gradient. The layout depends on the size of the input, so it is made
/// at the first call and remade when another size comes.
pub struct FusedConv {
    weight: Tensor,
    bias: Tensor,
    padding: [i64; 2],
    stride: [i64; 2],
    groups: i64,
    activation: FusedActivation,
    packed: RefCell<Option<([i64; 4], Tensor)>>,
}

impl FusedConv {
    /// `weight`: `[c_out, c_in / groups, kh, kw]`; `bias`: `[c_out]`; padding and stride as (rows, columns).
    pub fn new(
        weight: Tensor,
        bias: Tensor,
        padding: [i64; 2],
        stride: [i64; 2],
        groups: i64,
        activation: FusedActivation,
    ) -> Self {
        let packed = RefCell::new(None);
        FusedConv { weight, bias, padding, stride, groups, activation, packed }
    }

    /// `x`: `[n, c_in, h, w]`, float32 on the CPU, best in channels-last order, which the result keeps.
    ///
    /// # Panics
    /// When the shapes do not fit: inside a built network that is a bug of ours.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let weight = self.packed_for(x);
        let (attr, constant) = self.activation.attr();
        // SAFETY: all pointers live through the call; the shim catches every exception.
        checked(|error| unsafe {
            sbi_fused_conv(
                x.as_ptr(),
                weight.as_ptr(),
                self.bias.as_ptr(),
                self.padding.as_ptr(),
                self.stride.as_ptr(),
                self.groups,
                attr.as_ptr(),
                constant,
                error,
            )
        })
    }

    /// Adds the result of [`Self::forward`] without its activation to `onto` (overwritten, and returned), then
    /// takes max(x, 0) where `relu` says so: a residual connection without further passes over memory.
    ///
    /// # Panics
    /// As above.
    pub fn forward_onto(&self, x: &Tensor, onto: Tensor, relu: bool) -> Tensor {
        let weight = self.packed_for(x);
        let mut onto = onto;
        // SAFETY: as above; the result shares the storage of `onto`, which this function owns a handle of.
        checked(|error| unsafe {
            sbi_fused_conv_add(
                onto.as_mut_ptr(),
                x.as_ptr(),
                weight.as_ptr(),
                self.bias.as_ptr(),
                self.padding.as_ptr(),
                self.stride.as_ptr(),
                self.groups,
                c_int::from(relu),
                error,
            )
        })
    }

    /// The weight in the layout for an input of this size.
    fn packed_for(&self, x: &Tensor) -> Tensor {
        let (n, c, h, w) = x.size4().expect("a convolution's input has four axes");
        let size = [n, c, h, w];
        let mut packed = self.packed.borrow_mut();
        match &*packed {
            Some((known, weight)) if *known == size => weight.shallow_clone(),
            _ => {
                let weight = self.pack(&size);
                *packed = Some((size, weight.shallow_clone()));
                weight
            }
        }
    }

    fn pack(&self, size: &[i64; 4]) -> Tensor {
        // SAFETY: as above; the arrays have the lengths that the shim reads.
        checked(|error| unsafe {
            sbi_reorder_conv_weight(
                self.weight.as_ptr(),
                self.padding.as_ptr(),
                self.stride.as_ptr(),
                self.groups,
                size.as_ptr(),
                error,
            )
        })
    }
}

/// Takes over the tensor that the shim made, or panics with its message.
pub(super) fn checked(call: impl FnOnce(*mut *mut c_char) -> *mut C_tensor) -> Tensor {
    let mut error: *mut c_char = std::ptr::null_mut();
    let made = call(&mut error);
    if made.is_null() {
        // SAFETY: the shim sets a NUL-terminated copy of the message whenever it returns null.
        let message = unsafe { CStr::from_ptr(error) }.to_string_lossy().into_owned();
        unsafe { sbi_free_error(error) };
        panic!("C++ shim over libtorch: {message}");
    }
    // SAFETY: `made` is an at::Tensor allocated by the shim and owned by nobody else.
    unsafe { Tensor::from_ptr(made) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    fn unfused(x: &Tensor, w: &Tensor, b: &Tensor, groups: i64, activation: FusedActivation) -> Tensor {
        let y = x.conv2d(w, Some(b), [2, 2], [1, 1], [1, 1], groups);
        match activation {
            FusedActivation::None => y,
            FusedActivation::Relu => y.relu(),
            FusedActivation::Relu6 => y.clamp(0.0, 6.0),
            FusedActivation::Swish => y.silu(),
            FusedActivation::LeakyRelu(slope) => y.maximum(&(&y * slope)),
        }
    }

    #[test]
    fn equals_convolution_then_activation_for_every_kind_and_size() {
        tch::manual_seed(3);
        let options = (Kind::Float, Device::Cpu);
        for (groups, c_in) in [(1, 8), (8, 8)] {
            let w = Tensor::randn([16, c_in / groups, 3, 3], options);
            let b = Tensor::randn([16], options);
            for activation in [
                FusedActivation::None,
                FusedActivation::Relu,
                FusedActivation::Relu6,
                FusedActivation::Swish,
                FusedActivation::LeakyRelu(0.1),
            ] {
                let fused =
                    FusedConv::new(w.shallow_clone(), b.shallow_clone(), [1, 1], [2, 2], groups, activation);
                for size in [9, 16, 9] {
                    let x = Tensor::randn([2, c_in, size, size + 3], options);
                    let difference =
                        (fused.forward(&x) - unfused(&x, &w, &b, groups, activation)).abs().max();
                    assert!(
                        difference.double_value(&[]) < 1e-5,
                        "{activation:?} groups {groups} size {size}"
                    );
                }
            }
        }
    }

    #[test]
    fn adding_onto_a_tensor_equals_adding_afterwards() {
        tch::manual_seed(4);
        let options = (Kind::Float, Device::Cpu);
        let (w, b) = (Tensor::randn([16, 8, 1, 1], options), Tensor::randn([16], options));
        let x = Tensor::randn([2, 8, 7, 9], options);
        for relu in [false, true] {
            let (w, b) = (w.shallow_clone(), b.shallow_clone());
            let conv = FusedConv::new(w, b, [0, 0], [1, 1], 1, FusedActivation::None);
            let onto = Tensor::randn([2, 16, 7, 9], options);
            let sum = conv.forward(&x) + &onto;
            let expected = if relu { sum.relu() } else { sum };
            let difference = (conv.forward_onto(&x, onto, relu) - expected).abs().max();
            assert!(difference.double_value(&[]) < 1e-5, "relu {relu}");
        }
    }
}
