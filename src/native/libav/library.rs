//! FFmpeg's libraries, loaded when they are first needed.
//!
//! They bring 130 libraries with them. A process that reads no video, and the one that looks at faces, starts in a
//! fraction of the time without them.

use super::{scale_sys, sys};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use std::ffi::{c_char, c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// FFmpeg's functions.
pub(super) struct Libav {
    /// Of libavformat, libavcodec and libavutil.
    pub av: sys::AvFunctions,
    /// Of libswscale.
    pub scale: scale_sys::ScaleFunctions,
}

// SAFETY: the functions may be called from any thread; what they work on is not part of this.
unsafe impl Send for Libav {}
// SAFETY: as above.
unsafe impl Sync for Libav {}

/// FFmpeg's libraries cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("FFmpeg's library {name} cannot be loaded ({reason})")]
pub struct LibavMissing {
    name: String,
    reason: String,
}

/// Loads the libraries, once for the process.
pub(super) fn libav() -> Result<&'static Libav, LibavMissing> {
    static LOADED: OnceLock<Result<Libav, LibavMissing>> = OnceLock::new();
    LOADED.get_or_init(load).as_ref().map_err(LibavMissing::clone)
}

/// For code that holds something which only these functions can have made.
pub(super) fn loaded() -> &'static Libav {
    libav().expect("objects of FFmpeg exist only when its libraries are loaded")
}

/// Loads FFmpeg's libraries, which later calls then find loaded.
pub fn preload() -> Result<(), LibavMissing> {
    libav().map(drop)
}

/// The version of FFmpeg that is loaded.
pub fn version() -> Result<String, LibavMissing> {
    let libav = libav()?;
    // SAFETY: takes nothing and returns a C string that lives as long as the library.
    let version = unsafe { std::ffi::CStr::from_ptr(libav.av.av_version_info()) };
    Ok(version.to_string_lossy().into_owned())
}

fn load() -> Result<Libav, LibavMissing> {
    let format = open("libavformat", env!("SBI_LIBAVFORMAT_MAJOR"))?;
    let scale = open("libswscale", env!("SBI_LIBSWSCALE_MAJOR"))?;
    let missing = |name: &str| {
        let name = name.to_owned();
        move |error: libloading::Error| LibavMissing { name, reason: error.to_string() }
    };
    // SAFETY: the major versions are those of the headers that the declarations were made from, and FFmpeg changes
    // neither a function nor the part of a struct that a header shows within a major version. libavcodec and libavutil
    // are found through libavformat, which depends on them.
    let libav = unsafe {
        Libav {
            av: sys::AvFunctions::from_library(format).map_err(missing("libavformat"))?,
            scale: scale_sys::ScaleFunctions::from_library(scale).map_err(missing("libswscale"))?,
        }
    };
    // SAFETY: the function takes what FFmpeg passes and may be called from any thread.
    unsafe { libav.av.av_log_set_callback(Some(count_errors)) };
    Ok(libav)
}

/// Errors that FFmpeg has told of.
static ERRORS: AtomicUsize = AtomicUsize::new(0);

/// How many errors FFmpeg has told of so far, in this whole process. A decoder with several threads finds some of them
/// only when it has already given the frame.
pub fn errors_told() -> usize {
    ERRORS.load(Ordering::Acquire)
}

/// What FFmpeg calls with each message. What damaged files make it say is told in our own words, with the file's name.
unsafe extern "C" fn count_errors(
    _: *mut c_void,
    level: c_int,
    _: *const c_char,
    _: *mut sys::__va_list_tag,
) {
    if level <= sys::AV_LOG_ERROR as c_int {
        ERRORS.fetch_add(1, Ordering::Release);
    }
}

fn open(name: &str, major: &str) -> Result<Library, LibavMissing> {
    let file = format!("{name}.so.{major}");
    // SAFETY: FFmpeg's libraries and those that they bring may be loaded at any time; their constructors touch only
    // their own data.
    unsafe { Library::open(Some(&file), RTLD_NOW | RTLD_LOCAL) }
        .map_err(|error| LibavMissing { name: file, reason: error.to_string() })
}
