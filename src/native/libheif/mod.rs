//! HEIC and AVIF photographs through libheif, which is looked for at run time: nothing else needs it, and systems that
//! lack it read everything else.

mod functions;

use functions::{Functions, RawError};
use std::ffi::{CStr, c_int, c_void};
use std::sync::OnceLock;

/// The library's file.
pub(crate) const LIBRARY: &str = "libheif.so.1";

const COLOURS_RGB: c_int = 1;
const INTERLEAVED_RGB: c_int = 10;
const INTERLEAVED_RGBA: c_int = 11;
const CHANNEL_INTERLEAVED: c_int = 10;

/// The library, loaded by the first call. None where it is not installed, or lacks a function that is needed.
fn library() -> Option<&'static Functions> {
    static LOADED: OnceLock<Option<Functions>> = OnceLock::new();
    LOADED.get_or_init(Functions::load).as_ref()
}

/// Loads the library and the decoders that it keeps in files of their own, so that none has to be opened later. Says
/// whether it is there.
pub(crate) fn preload() -> bool {
    library().is_some()
}

/// Why a photograph cannot be read.
#[derive(Debug)]
pub(crate) enum Error {
    /// The library is not installed.
    NoLibrary,
    /// The library's own message.
    Refused(String),
}

/// Fails with the library's message unless all went well.
fn checked(error: RawError) -> Result<(), Error> {
    if error.code == 0 {
        return Ok(());
    }
    if error.message.is_null() {
        return Err(Error::Refused(format!("error {}", error.code)));
    }
    // SAFETY: libheif's messages are C strings that live as long as the context that made them, which every caller holds.
    let message = unsafe { CStr::from_ptr(error.message) };
    Err(Error::Refused(message.to_string_lossy().into_owned()))
}

/// The main image of a file in memory; its header has been read, nothing is decoded.
pub(crate) struct MainImage<'a> {
    functions: &'static Functions,
    /// Reads the bytes whenever it decodes.
    context: *mut c_void,
    handle: *mut c_void,
    bytes: std::marker::PhantomData<&'a [u8]>,
}

/// A decoded image.
pub(crate) struct Decoded {
    /// `[height, width, 4]` with opacity last, or `[height, width, 3]`.
    pub pixels: Vec<u8>,
    /// The width in pixels.
    pub width: usize,
    /// The height in pixels.
    pub height: usize,
    /// Whether each pixel has an opacity.
    pub has_opacity: bool,
    /// Whether colours have been multiplied with it.
    pub premultiplied: bool,
}

impl<'a> MainImage<'a> {
    /// Reads the header.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<MainImage<'a>, Error> {
        let functions = library().ok_or(Error::NoLibrary)?;
        // SAFETY: takes nothing, returns a context or null.
        let context = unsafe { (functions.context_alloc)() };
        if context.is_null() {
            return Err(Error::Refused("no memory".to_owned()));
        }
        let mut image =
            MainImage { functions, context, handle: std::ptr::null_mut(), bytes: std::marker::PhantomData };
        // SAFETY: the context is alive, the bytes outlive it by the type's lifetime, options may be null, and the handle is
        // written only when one was made.
        unsafe {
            let (data, length) = (bytes.as_ptr().cast(), bytes.len());
            checked((functions.read_from_memory)(context, data, length, std::ptr::null()))?;
            checked((functions.primary_handle)(context, &mut image.handle))?;
        }
        Ok(image)
    }

    /// Width and height in pixels as the image is shown, turned as the file asks.
    pub(crate) fn size(&self) -> (usize, usize) {
        // SAFETY: `open` made the handle.
        let sides = unsafe { [(self.functions.width)(self.handle), (self.functions.height)(self.handle)] };
        let [width, height] = sides.map(|side| usize::try_from(side).unwrap_or(0));
        (width, height)
    }

    /// How many images the file holds, thumbnails not counted.
    pub(crate) fn images(&self) -> usize {
        // SAFETY: the context is alive.
        usize::try_from(unsafe { (self.functions.top_level_images)(self.context) }).unwrap_or(1)
    }

    /// Decodes to 8 bits, turned as the file asks.
    pub(crate) fn decode(&self) -> Result<Decoded, Error> {
        let functions = self.functions;
        // SAFETY: the handle is alive.
        let has_opacity = unsafe { (functions.has_alpha)(self.handle) } != 0;
        // SAFETY: as above; older libraries have no such function, and no such images.
        let premultiplied =
            has_opacity && functions.is_premultiplied.is_some_and(|ask| unsafe { ask(self.handle) } != 0);
        let chroma = if has_opacity { INTERLEAVED_RGBA } else { INTERLEAVED_RGB };
        let mut image = std::ptr::null_mut();
        // SAFETY: the handle is alive, options may be null, and the image is written only when one was made.
        checked(unsafe {
            (functions.decode)(self.handle, &mut image, COLOURS_RGB, chroma, std::ptr::null())
        })?;
        let image = Buffer { functions, image };
        let channels = if has_opacity { 4 } else { 3 };
        let (width, height, pixels) = image.pixels(channels)?;
        Ok(Decoded { pixels, width, height, has_opacity, premultiplied })
    }
}

impl Drop for MainImage<'_> {
    fn drop(&mut self) {
        // SAFETY: both were made in `open`, which leaves the handle null when it fails; nothing uses them afterwards.
        unsafe {
            if !self.handle.is_null() {
                (self.functions.handle_release)(self.handle);
            }
            (self.functions.context_free)(self.context);
        }
    }
}

/// Pixels that the library owns.
struct Buffer {
    functions: &'static Functions,
    image: *mut c_void,
}

impl Buffer {
    /// Width, height and a copy of the interleaved pixels.
    fn pixels(&self, channels: usize) -> Result<(usize, usize, Vec<u8>), Error> {
        let mut stride: c_int = 0;
        // SAFETY: the image is alive; the plane is null where there is none.
        let (plane, width, height) = unsafe {
            (
                (self.functions.plane)(self.image, CHANNEL_INTERLEAVED, &mut stride),
                (self.functions.plane_width)(self.image, CHANNEL_INTERLEAVED),
                (self.functions.plane_height)(self.image, CHANNEL_INTERLEAVED),
            )
        };
        let [width, height, stride] = [width, height, stride].map(|side| usize::try_from(side).unwrap_or(0));
        if plane.is_null() || stride < width * channels {
            return Err(Error::Refused("no pixels came out".to_owned()));
        }
        let mut pixels = Vec::with_capacity(width * height * channels);
        for y in 0..height {
            // SAFETY: the plane has `height` rows, each `stride` bytes apart and at least `width` pixels long.
            pixels.extend_from_slice(unsafe {
                std::slice::from_raw_parts(plane.add(y * stride), width * channels)
            });
        }
        Ok((width, height, pixels))
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: made by `decode`, released once.
        unsafe { (self.functions.image_release)(self.image) };
    }
}
