//! FFmpeg's numbers for what went wrong.

use super::library::loaded;
use std::ffi::{CStr, c_int};
use std::fmt;

/// A tag of four letters, as FFmpeg makes numbers of errors from.
const fn tag(letters: &[u8; 4]) -> c_int {
    -(u32::from_le_bytes(*letters) as c_int)
}

const END: c_int = tag(b"EOF ");
const INVALID: c_int = tag(b"INDA");
const AGAIN: c_int = -libc::EAGAIN;

/// A negative number that a function of FFmpeg returned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AvError(c_int);

impl AvError {
    /// Nothing more will come.
    pub const END: AvError = AvError(END);
    /// The data is not what it should be.
    pub const INVALID: AvError = AvError(INVALID);
    /// Reading or writing failed.
    pub const IO: AvError = AvError(-libc::EIO);
    /// There is not enough memory.
    pub const MEMORY: AvError = AvError(-libc::ENOMEM);
    /// What is asked for is not allowed.
    pub(super) const FORBIDDEN: AvError = AvError(-libc::EACCES);
    /// An argument makes no sense.
    pub(super) const ARGUMENT: AvError = AvError(-libc::EINVAL);
    /// Not now: something else has to be done first.
    pub(super) const AGAIN: AvError = AvError(AGAIN);

    /// The number itself, for functions that FFmpeg calls.
    pub(super) fn number(self) -> c_int {
        self.0
    }
}

/// What a function returned, if that is no error.
pub(super) fn check(returned: c_int) -> Result<c_int, AvError> {
    if returned < 0 { Err(AvError(returned)) } else { Ok(returned) }
}

impl fmt::Display for AvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The number of codecs that have none of their own for it; as one of the system it would mean something else.
        if self.0 == -libc::EPERM {
            return f.write_str("it is not as it should be");
        }
        let mut text = [0; 128];
        // SAFETY: writes at most as many bytes as the buffer has, the last of them zero.
        unsafe { loaded().av.av_strerror(self.0, text.as_mut_ptr(), text.len()) };
        // SAFETY: as above, and there is a zero in any case.
        let text = unsafe { CStr::from_ptr(text.as_ptr()) };
        f.write_str(&text.to_string_lossy())
    }
}

impl fmt::Debug for AvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for AvError {}
