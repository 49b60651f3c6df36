//! The few functions of libheif's C interface that are used: handles are opaque, and the interface has been stable since
//! version 1.

use super::LIBRARY;
use libloading::Library;
use std::ffi::{c_char, c_int, c_void};

/// `struct heif_error`.
#[repr(C)]
pub(super) struct RawError {
    pub code: c_int,
    subcode: c_int,
    pub message: *const c_char,
}

/// Addresses within the library, which stays loaded as long as they do.
pub(super) struct Functions {
    pub context_alloc: unsafe extern "C" fn() -> *mut c_void,
    pub context_free: unsafe extern "C" fn(*mut c_void),
    pub read_from_memory: unsafe extern "C" fn(*mut c_void, *const c_void, usize, *const c_void) -> RawError,
    pub primary_handle: unsafe extern "C" fn(*mut c_void, *mut *mut c_void) -> RawError,
    pub top_level_images: unsafe extern "C" fn(*mut c_void) -> c_int,
    pub handle_release: unsafe extern "C" fn(*const c_void),
    pub width: unsafe extern "C" fn(*const c_void) -> c_int,
    pub height: unsafe extern "C" fn(*const c_void) -> c_int,
    pub has_alpha: unsafe extern "C" fn(*const c_void) -> c_int,
    /// Since version 1.12.
    pub is_premultiplied: Option<unsafe extern "C" fn(*const c_void) -> c_int>,
    pub decode:
        unsafe extern "C" fn(*const c_void, *mut *mut c_void, c_int, c_int, *const c_void) -> RawError,
    pub image_release: unsafe extern "C" fn(*const c_void),
    pub plane: unsafe extern "C" fn(*const c_void, c_int, *mut c_int) -> *const u8,
    pub plane_width: unsafe extern "C" fn(*const c_void, c_int) -> c_int,
    pub plane_height: unsafe extern "C" fn(*const c_void, c_int) -> c_int,
    _library: Library,
}

impl Functions {
    /// Loads the library and prepares it. None where it is not installed or a function is missing.
    pub(super) fn load() -> Option<Functions> {
        // SAFETY: libheif's constructors only register its decoders.
        let library = unsafe { Library::new(LIBRARY) }.ok()?;
        // Versions that keep decoders in files of their own read them here.
        // SAFETY: the function has this type since version 1.13; null asks for the defaults.
        unsafe {
            if let Ok(init) = library.get::<unsafe extern "C" fn(*mut c_void) -> RawError>(b"heif_init\0") {
                init(std::ptr::null_mut());
            }
        }
        // SAFETY: the types are those of heif.h, constness of handles aside.
        unsafe {
            Some(Functions {
                context_alloc: *library.get(b"heif_context_alloc\0").ok()?,
                context_free: *library.get(b"heif_context_free\0").ok()?,
                read_from_memory: *library.get(b"heif_context_read_from_memory_without_copy\0").ok()?,
                primary_handle: *library.get(b"heif_context_get_primary_image_handle\0").ok()?,
                top_level_images: *library.get(b"heif_context_get_number_of_top_level_images\0").ok()?,
                handle_release: *library.get(b"heif_image_handle_release\0").ok()?,
                width: *library.get(b"heif_image_handle_get_width\0").ok()?,
                height: *library.get(b"heif_image_handle_get_height\0").ok()?,
                has_alpha: *library.get(b"heif_image_handle_has_alpha_channel\0").ok()?,
                is_premultiplied: library
                    .get(b"heif_image_handle_is_premultiplied_alpha\0")
                    .ok()
                    .map(|function| *function),
                decode: *library.get(b"heif_decode_image\0").ok()?,
                image_release: *library.get(b"heif_image_release\0").ok()?,
                plane: *library.get(b"heif_image_get_plane_readonly\0").ok()?,
                plane_width: *library.get(b"heif_image_get_width\0").ok()?,
                plane_height: *library.get(b"heif_image_get_height\0").ok()?,
                _library: library,
            })
        }
    }
}
