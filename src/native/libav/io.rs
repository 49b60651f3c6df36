//! Files as FFmpeg reads and writes them: through handles that the caller opened.

use super::error::AvError;
use super::library::loaded;
use super::sys;
use std::ffi::{c_int, c_void};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

/// What a container is read from.
pub trait Input: Read + Seek + Send {}
impl<T: Read + Seek + Send> Input for T {}

/// What a container is written to.
pub trait Output: Write + Seek + Send {}
impl<T: Write + Seek + Send> Output for T {}

/// Bytes that are fetched at once.
const BUFFER: usize = 64 << 10;

enum Handle {
    Input(Box<dyn Input>),
    Output(Box<dyn Output>),
}

/// FFmpeg's view of a handle, and the handle.
pub(super) struct Io {
    context: NonNull<sys::AVIOContext>,
    /// Reached by FFmpeg through a pointer; not touched otherwise.
    handle: NonNull<Handle>,
}

// SAFETY: it owns what it points to, and handles may go to another thread.
unsafe impl Send for Io {}

impl Io {
    pub fn reading(input: Box<dyn Input>) -> Io {
        Io::new(Handle::Input(input), false)
    }

    pub fn writing(output: Box<dyn Output>) -> Io {
        Io::new(Handle::Output(output), true)
    }

    fn new(handle: Handle, writing: bool) -> Io {
        let av = &loaded().av;
        let handle = NonNull::from(Box::leak(Box::new(handle)));
        // SAFETY: the buffer comes from FFmpeg's allocator, as it must, and `handle` lives until `drop` has freed the
        // context that points to it.
        let context = unsafe {
            let buffer = av.av_malloc(BUFFER).cast();
            av.avio_alloc_context(
                buffer,
                BUFFER as c_int,
                c_int::from(writing),
                handle.as_ptr().cast(),
                Some(read),
                Some(write),
                Some(seek),
            )
        };
        let context = NonNull::new(context).expect("memory for a buffer");
        Io { context, handle }
    }

    pub fn as_ptr(&self) -> *mut sys::AVIOContext {
        self.context.as_ptr()
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        let av = &loaded().av;
        let mut context = self.context.as_ptr();
        // SAFETY: FFmpeg may have replaced the buffer by another of its own; the context knows the current one. Whatever
        // used the context is gone, because it borrowed or owned this. The handle was made by a box.
        unsafe {
            av.av_freep((&raw mut (*context).buffer).cast());
            av.avio_context_free(&mut context);
            drop(Box::from_raw(self.handle.as_ptr()));
        }
    }
}

/// Runs what a callback does; a panic must not pass through C.
fn guarded(act: impl FnOnce() -> Result<i64, AvError>) -> i64 {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => error.number().into(),
        Err(_) => AvError::IO.number().into(),
    }
}

unsafe extern "C" fn read(opaque: *mut c_void, into: *mut u8, size: c_int) -> c_int {
    // SAFETY: FFmpeg passes the pointer that `new` gave it and a buffer of `size` bytes, and no other reference to
    // either exists during the call.
    let (handle, into) = unsafe {
        (&mut *opaque.cast::<Handle>(), std::slice::from_raw_parts_mut(into, size.max(0) as usize))
    };
    let read = guarded(|| {
        let Handle::Input(input) = handle else { return Err(AvError::IO) };
        loop {
            match input.read(into) {
                Ok(0) => return Err(AvError::END),
                Ok(count) => return Ok(count as i64),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(AvError::IO),
            }
        }
    });
    read as c_int
}

// libavformat's type of the data changed from `uint8_t *` to `const uint8_t *` with its version 61.
#[cfg(not(libav_const_output))]
type Data = *mut u8;
#[cfg(libav_const_output)]
type Data = *const u8;

unsafe extern "C" fn write(opaque: *mut c_void, from: Data, size: c_int) -> c_int {
    // SAFETY: as in `read`.
    let (handle, from) = unsafe {
        (
            &mut *opaque.cast::<Handle>(),
            std::slice::from_raw_parts(from.cast_const().cast::<u8>(), size.max(0) as usize),
        )
    };
    let written = guarded(|| {
        let Handle::Output(output) = handle else { return Err(AvError::IO) };
        output.write_all(from).map(|()| from.len() as i64).map_err(|_| AvError::IO)
    });
    written as c_int
}

unsafe extern "C" fn seek(opaque: *mut c_void, offset: i64, whence: c_int) -> i64 {
    const FORCE: c_int = sys::AVSEEK_FORCE as c_int;
    // SAFETY: as in `read`.
    let handle = unsafe { &mut *opaque.cast::<Handle>() };
    guarded(|| {
        let target = match whence & !FORCE {
            libc::SEEK_SET => SeekFrom::Start(u64::try_from(offset).map_err(|_| AvError::ARGUMENT)?),
            libc::SEEK_CUR => SeekFrom::Current(offset),
            libc::SEEK_END => SeekFrom::End(offset),
            size if size == sys::AVSEEK_SIZE as c_int => {
                let at = handle.seek(SeekFrom::Current(0))?;
                let size = handle.seek(SeekFrom::End(0))?;
                handle.seek(SeekFrom::Start(at as u64))?;
                return Ok(size);
            }
            _ => return Err(AvError::ARGUMENT),
        };
        handle.seek(target)
    })
}

impl Handle {
    fn seek(&mut self, to: SeekFrom) -> Result<i64, AvError> {
        let at = match self {
            Handle::Input(input) => input.seek(to),
            Handle::Output(output) => output.seek(to),
        };
        at.map(|at| at as i64).map_err(|_| AvError::IO)
    }
}
