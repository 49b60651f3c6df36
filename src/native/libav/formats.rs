//! Which containers are read, and how they are recognised.

use super::demuxer::OpenError;
use super::error::check;
use super::io::Io;
use super::library::loaded;
use super::sys;
use std::ffi::{CStr, CString, c_char};
use std::ptr::{null, null_mut};

/// Containers that are read, by FFmpeg's names for them. What is not here is not a video, or a list of other files.
const FORMATS: [&str; 41] = [
    "3g2",
    "3gp",
    "asf",
    "av1",
    "avi",
    "avs2",
    "avs3",
    "cavsvideo",
    "dirac",
    "dv",
    "flv",
    "gif",
    "gxf",
    "h261",
    "h263",
    "h264",
    "hevc",
    "ivf",
    "live_flv",
    "m4v",
    "matroska",
    "mjpeg",
    "mov",
    "mp4",
    "mpeg",
    "mpegts",
    "mpegvideo",
    "mxf",
    "nsv",
    "nut",
    "nuv",
    "obu",
    "ogg",
    "rm",
    "smjpeg",
    "vc1",
    "vc1test",
    "vvc",
    "webm",
    "wtv",
    "yuv4mpegpipe",
];

/// Formats that name other files or a place in a network.
const LISTS: [&str; 11] =
    ["concat", "hls", "applehttp", "dash", "sdp", "rtsp", "rtp", "imf", "tee", "webm_dash_manifest", "redir"];

/// A container's format.
pub(super) struct Format {
    /// FFmpeg's description, which lives as long as the library.
    pub description: *const sys::AVInputFormat,
    /// Its name, for people.
    pub told: String,
    /// Whether the file's content speaks for it, and not its name alone.
    pub by_content: bool,
}

/// The format of a file, if it is one that is read. `extension` (without a dot) helps where the first bytes fit several.
pub(super) fn recognise(io: &Io, extension: &str) -> Result<Format, OpenError> {
    let by_content = probe(io, "").is_ok();
    let mut description = probe(io, extension)?;
    let mut name = name_of(description).0;
    if name == "jpeg_pipe" && matches!(extension, "mjpeg" | "mjpg") {
        // A stream of JPEGs begins like a photograph.
        // SAFETY: the name is a C string; what is found, or null, lives as long as the library.
        let stream = unsafe { loaded().av.av_find_input_format(c"mjpeg".as_ptr()) };
        if !stream.is_null() {
            description = stream;
            name = name_of(description).0;
        }
    }
    let told = name_of(description).1;
    let one_of = |list: &[&str]| name.split(',').any(|name| list.contains(&name));
    if one_of(&LISTS) {
        return Err(OpenError::List { format: told });
    }
    // Only by its name: photographs are not read here, and what is left is none.
    if name == "image2" {
        return Err(OpenError::Unknown);
    }
    if !one_of(&FORMATS) {
        return Err(OpenError::Other { format: told });
    }
    Ok(Format { description, told, by_content })
}

/// A format's names, for programs and for people.
fn name_of(description: *const sys::AVInputFormat) -> (String, String) {
    // SAFETY: descriptions of formats live as long as the library, and their names are C strings or null.
    unsafe { (text((*description).name), text((*description).long_name)) }
}

/// The format that fits the first bytes best.
fn probe(io: &Io, extension: &str) -> Result<*const sys::AVInputFormat, OpenError> {
    let plain = extension.len() <= 8 && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    // Only the extension counts; no file of this name is opened.
    let name = CString::new(format!("input.{}", if plain { extension } else { "" })).unwrap_or_default();
    let mut format = null();
    // SAFETY: `io` is valid, the name a C string; what is found lives as long as the library.
    let found = unsafe {
        loaded().av.av_probe_input_buffer2(io.as_ptr(), &mut format, name.as_ptr(), null_mut(), 0, 0)
    };
    match check(found) {
        Ok(_) if !format.is_null() => Ok(format),
        _ => Err(OpenError::Unknown),
    }
}

/// # Safety
/// `text` must be null or a C string.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as the caller promises.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
