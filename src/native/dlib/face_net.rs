//! dlib's face recognition network: its parameters, and its own forward pass to compare with.

use std::ffi::{c_char, c_void};
use std::path::Path;
use std::ptr::NonNull;

use super::{DlibError, loaded};
#[cfg(test)]
use {super::checked, crate::types::RgbImage};

unsafe extern "C" {
    fn sbi_dlib_face_net_load(path: *const c_char, error: *mut *mut c_char) -> *mut c_void;
    fn sbi_dlib_face_net_free(net: *mut c_void);
    fn sbi_dlib_face_net_mean(net: *const c_void, rgb: *mut f32);
    fn sbi_dlib_face_net_parameters(net: *const c_void) -> i64;
    fn sbi_dlib_face_net_parameter(net: *const c_void, at: i64, count: *mut i64) -> *const f32;
    #[cfg(test)]
    fn sbi_dlib_face_net_embed(
        net: *mut c_void,
        rgb: *const u8,
        embedding: *mut f32,
        error: *mut *mut c_char,
    ) -> bool;
}

/// The network of dlib's example `dnn_face_recognition`, as a file of dlib's own format holds it.
pub struct DlibFaceNet(NonNull<c_void>);

impl DlibFaceNet {
    /// Side in pixels of the faces that the network takes.
    pub const SIDE: usize = 150;
    /// How many numbers an embedding has.
    pub const EMBEDDING: usize = 128;

    /// Loads a file. Fails when it holds anything but this network.
    pub fn load(path: &Path) -> Result<Self, DlibError> {
        // SAFETY: the string lives through the call; the shim returns an object of its own, or null with a message.
        loaded(path, |name, error| unsafe { sbi_dlib_face_net_load(name, error) }).map(DlibFaceNet)
    }

    /// The mean colour that is taken from faces: red, green, blue in 0..255.
    pub fn mean(&self) -> [f32; 3] {
        let mut rgb = [0.0; 3];
        // SAFETY: the shim writes three numbers.
        unsafe { sbi_dlib_face_net_mean(self.0.as_ptr(), rgb.as_mut_ptr()) };
        rgb
    }

    /// All parameters, from the input to the output: for each convolution filters and biases as one group, then the
    /// factors and then the offsets of the affine layer behind it; at last the linear layer.
    pub fn parameters(&self) -> Vec<&[f32]> {
        // SAFETY: the shim counts what it has.
        let groups = unsafe { sbi_dlib_face_net_parameters(self.0.as_ptr()) };
        let group = |at| {
            let mut count = 0;
            // SAFETY: `at` is below the count of groups; the shim gives `count` numbers that the network owns.
            unsafe {
                let data = sbi_dlib_face_net_parameter(self.0.as_ptr(), at, &mut count);
                std::slice::from_raw_parts(data, count as usize)
            }
        };
        (0..groups).map(group).collect()
    }

    /// The embedding of a face by dlib's own forward pass, one face at a time.
    ///
    /// Fails when the face has not [`Self::SIDE`] pixels a side.
    #[cfg(test)]
    pub fn embed(&mut self, face: &RgbImage) -> Result<[f32; Self::EMBEDDING], DlibError> {
        if (face.width(), face.height()) != (Self::SIDE, Self::SIDE) {
            return Err(DlibError(format!("expected a face of {0} x {0} pixels", Self::SIDE)));
        }
        let mut embedding = [0.0; Self::EMBEDDING];
        // SAFETY: the shim reads SIDE x SIDE x 3 bytes and writes EMBEDDING numbers.
        checked(|error| unsafe {
            let (data, to) = (face.data().as_ptr(), embedding.as_mut_ptr());
            sbi_dlib_face_net_embed(self.0.as_ptr(), data, to, error)
        })?;
        Ok(embedding)
    }
}

impl Drop for DlibFaceNet {
    fn drop(&mut self) {
        // SAFETY: made by the shim and owned by nobody else.
        unsafe { sbi_dlib_face_net_free(self.0.as_ptr()) }
    }
}
