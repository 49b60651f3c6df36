//! The libraries that the process is made of.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The libtorch that this program is built with, such as `2.11.0`: its own headers say so.
pub const LIBTORCH_VERSION: &str = env!("SBI_LIBTORCH_VERSION");

/// The library whose products of matrices the whole process uses, libtorch included: libtorch's own, unless another one
/// was linked or loaded before it. Empty where nothing is found.
pub fn blas_library() -> PathBuf {
    // SAFETY: the name is a C string; `dladdr` fills what it is given, and the file's name lives as long as the library.
    unsafe {
        let symbol = libc::dlsym(libc::RTLD_DEFAULT, c"sgemm_".as_ptr());
        let mut info = std::mem::zeroed::<libc::Dl_info>();
        if symbol.is_null() || libc::dladdr(symbol, &mut info) == 0 || info.dli_fname.is_null() {
            return PathBuf::new();
        }
        OsStr::from_bytes(CStr::from_ptr(info.dli_fname).to_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_matrices_are_libtorchs_own() {
        let library = blas_library();
        let name = library.file_name().unwrap_or_default().to_string_lossy();
        // dlib's BLAS, found first, makes libtorch ten times slower.
        assert!(name.starts_with("libtorch"), "{}", library.display());
    }
}
